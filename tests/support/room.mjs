// SPDX-License-Identifier: Apache-2.0
// Closed rooms: whether they can be made here, programs in them, and what is seen from outside.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { startBroker } from './broker.mjs';
import { environment, keyhole, python, run } from './programs.mjs';
import { startUpstream } from './upstream.mjs';
import { deferred, until, within } from './wait.mjs';

const support = join(import.meta.dirname, 'room');
export const breakout = join(support, 'breakout.py'), terminal = join(support, 'terminal.py'),
  plainSource = join(support, 'plain.c');

/** `keyhole run --isolate` with a token of this broker. A shell's script, or a program with arguments. */
export function inRoom(broker, token, command, { options = [], env = {}, ...rest } = {}) {
  const argv = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  return run(keyhole, ['run', '--isolate', ...options, '--', ...argv],
    { env: { KEYHOLE_TOKEN: token, KEYHOLE_BROKER: broker.unix, ...env }, timeout: 120000, ...rest });
}

/** Why no room can be made on this machine, in keyhole's own words; false: they can. Where bubblewrap alone
 * makes one, keyhole has no such excuse: its tests fail rather than being skipped. */
export async function roomsAreForbidden(broker, token) {
  const { status, stderr } = await inRoom(broker, token, 'true');
  if (status === 0 || !/no room can be made here/.test(stderr)) return false;
  const alone = await run('bwrap', ['--unshare-all', '--bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--', 'true'],
    { env: environment() }).catch(() => ({ status: 127 }));
  if (alone.status === 0) throw new Error(`bubblewrap makes rooms here, keyhole does not: ${stderr.trim()}`);
  return stderr.trim();
}

/** What a file of tests in rooms begins with: a broker with a credential that has this key, and a token for it. */
export async function startForRooms(t, key) {
  const upstream = await startUpstream(t, { key });
  const broker = await startBroker(t);
  await broker.addCredential('huggingface', { preset: 'huggingface', secret: key, upstream });
  const token = await broker.mint('huggingface');
  return { upstream, broker, token, forbidden: await roomsAreForbidden(broker, token) };
}

/** Packets of this machine that go to one of `addresses` or hold one of `texts`. `stop()` gives them. Unless `allowed`,
 * this user may not look. */
export async function startCapture(t, { addresses, texts }) {
  const child = spawn(python, [join(support, 'capture.py'), JSON.stringify({ addresses, texts })],
    { env: environment(), stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const ready = deferred(), ended = deferred();
  let said = '';
  child.stdout.on('data', (data) => {
    said += data;
    if (said.startsWith('ready\n')) ready.resolve();
  });
  child.on('close', (status) => {
    ended.resolve(status);
    ready.resolve();
  });
  await within('packets to be looked at', ready.promise);
  const found = () => said.split('\n').slice(1, -1).map((line) => JSON.parse(line));
  return {
    allowed: said.startsWith('ready\n'),
    /** Until a packet with that text was seen. `send` sends it, and again if need be. */
    sees(text, send) {
      return until('the capture sees a packet of ours', async () => {
        await send();
        return found().some((p) => p.packet.includes(text));
      });
    },
    async stop() {
      child.stdin.end();
      assert.equal(await within('the capture to end', ended.promise), 0);
      return found();
    },
  };
}
