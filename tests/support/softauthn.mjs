// SPDX-License-Identifier: Apache-2.0
// A security key without hardware: build/tests/bin/softauthn, started and taken away again.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { build, environment, temporaryDirectory, unlessUndone } from './programs.mjs';
import { Queue, within } from './wait.mjs';

const program = join(build, 'tests/bin/softauthn');

/**
 * Plug in a key. `options` are the program's: { format, presence, lie, pin, pinProtocol, algorithm,
 * firmware, state }. What comes back:
 *   path             of the socket; `device` is the same as "unix:PATH"
 *   root()           its attestation root, PEM
 *   rootFile         the file of that
 *   say(line)        "touch", "deny", "lie sig", "presence never", "counter 7"
 *   next()           what happens next: "waiting", "touched", "denied", "cancelled", "timeout", "wink"
 *   until(event)     the same, passing over others
 *   unplug()         in the middle of whatever it does
 */
export async function startSoftauthn(t, options = {}) {
  if (!existsSync(program)) throw new Error(`${program} is not there: make e2e builds it`);
  const directory = temporaryDirectory(t, 'key');
  const path = join(directory, 'key');
  const rootFile = join(directory, 'root.pem');
  const args = ['--unix', path, '--ca', rootFile];
  for (const [name, value] of Object.entries(options))
    if (value !== undefined)
      args.push(`--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, String(value));
  const child = spawn(program, args, { env: environment(), cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] });
  const done = unlessUndone(() => child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.on('close', resolve));
  const errors = [];
  child.stderr.on('data', (d) => errors.push(d));
  child.stdin.on('error', () => {});
  const events = new Queue(`the next event of the key ${path}`);
  createInterface({ input: child.stdout }).on('line', (line) => events.put(line));
  child.on('close', () => events.put('gone'));
  const unplug = async () => {
    child.kill('SIGTERM');
    await within('the key to be unplugged', ended);
    done();
  };
  t.after(unplug);
  const first = await events.next();
  if (first !== 'ready') throw new Error(`softauthn ${args.join(' ')}: ${first}\n${Buffer.concat(errors)}`);
  return {
    path,
    device: `unix:${path}`,
    rootFile,
    root: () => readFileSync(rootFile, 'utf8'),
    say: (line) => child.stdin.write(`${line}\n`),
    next: () => events.next(),
    async until(wanted) {
      for (;;) {
        const event = await events.next();
        if (event === wanted) return;
        if (event === 'gone') throw new Error(`the key went away before "${wanted}"\n${Buffer.concat(errors)}`);
      }
    },
    unplug,
  };
}
