// SPDX-License-Identifier: Apache-2.0
// slowhttptest against the broker: heads that never end, bodies that never end, answers that nobody
// reads. Others are served all the while, each slow client is ended at the limit of its state, and what
// hundreds of them cost in memory has a bound and is given back.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { run, sanitized, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const SLOW = 500, LENGTH_S = 60, LIMIT_S = 3;
// What one of them may cost in the proxies: buffers of both ways, and TLS to the upstream.
const KIB_EACH = 200;
const ANSWER = Buffer.alloc(512 * 1024, 'x');

const key = realKey();
let upstream, large;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: () => true });
  large = await startUpstream(wholeFile, { accepts: () => true, plain: true });
  large.route('/large', (received, res) => {
    res.writeHead(200, { 'content-length': ANSWER.length });
    res.end(ANSWER);
  });
  upstream.route('/sink', (received, res, req) => {
    req.on('error', () => {}).on('end', () => res.end('all of it')).resume();
  }, { stream: true });
});

async function serving(t) {
  const broker = await startBroker(t, { config:
    `workers: 2\ntimeouts:\n  head: ${LIMIT_S}s\n  idle: 20s\n  body: ${LIMIT_S}s\nlimits:\n  connections: ${2 * SLOW}` });
  const args = ['--slot', 'bearer', '--slot', 'cookie:session', '--inject', 'header:Authorization: Bearer {secret}'];
  await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args });
  await broker.addCredential('large', { secret: key, upstream: large, hosts: ['large.example'], args });
  return { broker, token: await broker.mint(['up', 'large']) };
}

/** Of the proxies together, in KiB, each page shared by its users. */
function memory(broker) {
  let kib = 0;
  for (const { pid } of broker.processes().filter((p) => p.name.startsWith('keyhole-proxy')))
    kib += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
  assert.ok(kib > 0, 'there are proxies');
  return kib;
}

/** Rows of its own statistics, one a second: [{ seconds, closed, pending, connected, available }]. */
function statistics(file) {
  return readFileSync(file, 'utf8').trim().split('\n').slice(1).map((line) => {
    const [seconds, closed, pending, connected, available] = line.split(',').map(Number);
    return { seconds, closed, pending, connected, available };
  });
}

/** slowhttptest beside clients that ask for what is theirs, until it has ended by itself. */
async function attack(t, { broker, token }, args, { stay = true, ended } = {}) {
  const prefix = join(temporaryDirectory(t, 'slow'), 'found');
  const ask = () => broker.request('/~up/other', { token });
  for (let i = 0; i < 20; i++) assert.equal((await ask()).status, 200);
  const atRest = memory(broker);
  let child;
  let most = 0, over = false, served = 0, slowest = 0, rid = false;
  const tool = run('/usr/bin/slowhttptest', ['-c', String(SLOW), '-r', '250', '-l', String(LENGTH_S), '-p', '20', '-g', '-o', prefix,
    ...args], { timeout: 3 * LENGTH_S * 1000, onSpawn: (c) => { child = c; } }).finally(() => { over = true; });
  while (!over) {
    const begun = Date.now();
    const answer = await ask();
    assert.equal(answer.status, 200, `others are served: ${answer.text}`);
    served++;
    slowest = Math.max(slowest, Date.now() - begun);
    most = Math.max(most, memory(broker));
    rid ||= ended?.(broker);
    if (rid) child.kill('SIGINT');
  }
  const { stdout, stderr, status } = await tool;
  if (!rid) assert.equal(status, 0, `${stdout}${stderr}`);
  const rows = statistics(`${prefix}.csv`), last = rows.at(-1);
  const all = rows.map((r) => JSON.stringify(r)).join('\n');
  t.diagnostic(`${served} requests served beside, the slowest in ${slowest} ms; ${last.seconds} s; ${atRest} KiB at rest, ${most} at most`);
  if (stay) assert.ok(rows.some((r) => r.connected >= SLOW / 4), `there was an attack:\n${all}`);
  // It goes on until its time is over, or nobody is connected any more: the latter.
  if (ended) assert.ok(rid, `slow clients were not ended:\n${all}`);
  else assert.match(stdout.replaceAll(/\x1b\[[0-9;]*m/g, ''), /No open connections left/, `slow clients were not ended:\n${all}`);
  assert.ok(last.seconds < LENGTH_S, all);
  assert.ok(rows.every((r) => r.available), `its own probe was not answered:\n${all}`);
  assert.equal((await ask()).status, 200);
  if (!sanitized) {
    assert.ok(most - atRest < SLOW * KIB_EACH, `${most - atRest} KiB for ${SLOW} slow clients`);
  }
  for (const p of (await broker.status()).processes) assert.equal(p.restarts ?? 0, 0, `${p.role} was restarted`);
  return rows;
}

describe('slowhttptest', { concurrency: 1 }, () => {
  // Each line comes well within every limit: the head has one as a whole.
  test('slow heads (slowloris)', async (t) => {
    const { broker, token } = await serving(t);
    await attack(t, { broker, token }, ['-H', '-i', '1', '-x', '24', '-u', `${broker.url}/~up/x`]);
    const late = broker.decisions().filter((r) => r.reason === 'request-timeout');
    assert.ok(late.length >= SLOW / 2, `${late.length} were told 408`);
  });

  for (const [who, path, stay] of [['that were allowed', '/~up/sink', true], ['that are refused', '/~nothing/x', false]])
    test(`slow bodies of requests ${who} (R-U-Dead-Yet)`, async (t) => {
      const { broker, token } = await serving(t);
      await attack(t, { broker, token }, ['-B', '-i', String(2 * LIMIT_S), '-s', '8192', '-x', '10', '-j', `session=${token}`,
        '-u', `${broker.url}${path}`], { stay });
    });

  // It reads so seldom that it would not notice.
  test('answers that are not read (slow read)', async (t) => {
    const { broker, token } = await serving(t);
    const cut = (b) => b.audit().filter((r) => r.kind === 'outcome' && r.reason === 'client-stalled' && r.duration_ms >= 1000 * LIMIT_S).length >= SLOW;
    await attack(t, { broker, token }, ['-X', '-n', String(2 * LIMIT_S), '-z', '32', '-w', '512', '-y', '1024', '-j', `session=${token}`,
      '-u', `${broker.url}/~large/large`], { ended: cut });
  });
});
