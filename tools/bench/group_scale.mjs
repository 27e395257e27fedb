// SPDX-License-Identifier: Apache-2.0
// A broker with years in it, beside an empty one.

import net from 'node:net';

import { FIVE, contestant, govern, startKeyhole } from './keyhole.mjs';
import { alternate } from './load.mjs';
import { cores, pin } from './measure.mjs';
import { request } from './group_kept.mjs';
import { median } from './paired.mjs';

export const title = 'A full broker';
export const about = 'Tokens minted, revoked, and credentials stored through the admin socket; then small requests on kept connections, ' +
  'the full broker and an empty one in turn. The start is from `keyholed run` to its ready line.';

/** One command on the admin socket. */
const ask = (path, message) => new Promise((resolve, reject) => {
  const socket = net.connect(path);
  let text = '';
  socket.on('data', (d) => {
    text += d;
  });
  socket.on('error', reject);
  socket.on('end', () => {
    const answer = JSON.parse(text);
    if (answer.ok) resolve(answer.result);
    else reject(new Error(`${message.command}: ${text}`));
  });
  socket.write(`${JSON.stringify(message)}\n`);
});

/** `count` times `work(i)`, a few at a time. */
async function many(count, work) {
  let next = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    while (next < count) await work(next++);
  }));
}

async function fill(run, broker, size) {
  const ids = [];
  run.progress(`  ${size.credentials} credentials, ${size.tokens} tokens, ${size.revocations} revocations`);
  await many(size.credentials - 1, (i) => ask(broker.admin, { command: 'credential.add', name: `c${i}`,
    secret: `sk-real-of-credential-number-${i}`, hosts: [`host${i}.example`] }));
  await many(size.tokens, async (i) => {
    const { token_id: id } = await ask(broker.admin, { command: 'mint', credentials: ['one'], user: `user${i % 500}`, lifetime_s: 86400 });
    if (ids.length < size.revocations) ids.push(id);
  });
  await many(size.revocations, (i) => ask(broker.admin, { command: 'revoke', id: ids[i] }));
}

async function startTime(run, broker) {
  const times = [];
  for (let i = 0; i < (run.quick ? 1 : 3); i++) {
    await broker.stop();
    const began = performance.now();
    await broker.start();
    times.push(performance.now() - began);
  }
  pin(broker.pid, cores.measured);
  return median(times);
}

export async function measure(run) {
  const size = run.quick ? { tokens: 2000, revocations: 200, credentials: 50 } : { tokens: 100000, revocations: 10000, credentials: 1000 };
  const broker = async (name) => {
    const b = await startKeyhole(run, run.upstream);
    if (name === 'full') await fill(run, b, size);
    await govern(b);
    const ms = await startTime(run, b);
    const token = await b.mint('one', { user: 'alice', lifetime: '12h', caveats: FIVE });
    return { ...contestant(b, name, '', token), ms };
  };
  const contestants = [await broker('empty'), await broker('full')];
  const rows = await alternate(run, contestants, (c, seconds) => request(c, seconds), 'empty');
  return { rows: rows.map((r, i) => ({ ...r, ms: contestants[i].ms })), baseline: 'empty', size,
    notes: [`Full: ${size.tokens} minted tokens, ${size.revocations} revocations, ${size.credentials} credentials. "ms" is the start.`] };
}

export function targets({ row, ratio }) {
  return [
    { what: 'CPU per request of a full broker, against an empty one', at: 'most', target: 1.1, unit: '×', ...ratio('full', 'empty', 'cpu_us') },
    { what: 'start of a full broker', at: 'most', target: 1000, unit: 'ms', timed: true, measured: row('full')?.ms },
  ];
}
