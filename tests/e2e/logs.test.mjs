// SPDX-License-Identifier: Apache-2.0
// The log and the trace: a line for a decision that leads to its audit record, journald's priorities,
// traceparent on the way to the upstream. And nothing in a line that does not belong there.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { join } from 'node:path';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { environment, keyholed, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

async function prepared(t, config, args = []) {
  const broker = await startBroker(t, { config, args: ['--no-discharger'] });
  await broker.addCredential('up', { hosts: ['upstream.example'], secret: key, upstream,
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}', ...args] });
  return { broker, token: await broker.mint('up', { user: 'alice' }) };
}

const lines = (broker) => broker.log.split('\n').slice(0, -1).filter((l) => l.startsWith('{')).map((l) => JSON.parse(l)).filter((l) => l.event === 'decision');

describe('lines of decisions', () => {
  test('all of them, with the id of record and answer, and nothing of the request that is secret', async (t) => {
    const { broker, token } = await prepared(t, 'log: {decisions: all}');
    const good = await broker.request('/~up/canary-path?q=canary-query', { token, method: 'POST', body: 'canary-body',
      headers: { 'x-canary': 'canary-header', traceparent: PARENT } });
    assert.equal(good.status, 200);
    const bad = await broker.request('/~up/canary-path', { token: 'kh1_canarytoken' });
    assert.equal(bad.status, 401);
    const [allow, deny] = await until('both lines are there', () => lines(broker).length >= 2 && lines(broker));
    assert.equal(allow.request_id, good.headers['keyhole-request-id']);
    assert.equal(allow.request_id, broker.recordOf(good).id);
    assert.deepEqual([allow.level, allow.decision, allow.code, allow.credential, allow.user, allow.method, allow.host, allow.port, allow.client, allow.trace_id],
      ['info', 'allow', 'allowed', 'up', 'alice', 'POST', 'upstream.example', '443', '127.0.0.1', TRACE]);
    assert.equal(deny.request_id, bad.headers['keyhole-request-id']);
    assert.deepEqual([deny.decision, deny.code], ['deny', JSON.parse(bad.text).code]);
    assert.doesNotMatch(broker.log, /canary/);
  });

  test('those that deny, without being asked for; and none', async (t) => {
    const { broker, token } = await prepared(t, '');
    await broker.request('/~up/x', { token });
    const bad = await broker.request('/~up/x');
    await until('the line is there', () => lines(broker).length > 0);
    assert.deepEqual(lines(broker).map((l) => l.request_id), [bad.headers['keyhole-request-id']]);
    const silent = await prepared(t, 'log: {decisions: none}');
    await silent.broker.request('/~up/x');
    await silent.broker.stop();
    assert.equal(lines(silent.broker).length, 0);
  });
});

describe('journald', () => {
  test('where standard error leads there and its socket cannot be reached, lines have a priority', async (t) => {
    const broker = await new Broker(t).init();
    const path = join(temporaryDirectory(t), 'journal');
    const fd = openSync(path, 'w');
    const { dev, ino } = fstatSync(fd);
    const child = spawn(keyholed, ['run', '--dir', broker.directory, '--listen', '127.0.0.1:0', '--no-discharger'],
      { env: environment({ JOURNAL_STREAM: `${dev}:${ino}` }), stdio: ['ignore', 'pipe', fd] });
    t.after(() => child.kill('SIGKILL'));
    const ended = new Promise((resolve) => { child.on('close', resolve); });
    await until('it serves', () => /serving/.test(readFileSync(path, 'utf8')));
    child.kill('SIGTERM');
    await ended;
    closeSync(fd);
    for (const line of readFileSync(path, 'utf8').trim().split('\n')) assert.match(line, /^<[3467]>(supervisor|authority|proxy \d+): [a-z-]+: ./);
  });

  test('another stream is none, whatever the variable says', async (t) => {
    const broker = await new Broker(t, { env: { JOURNAL_STREAM: '1:1' } }).init();
    await broker.start();
    await until('there is a line', () => broker.log.includes('\n'));
    assert.match(broker.log, /^\{"time"/);
  });
});

describe('the request\'s id and trace', () => {
  test('the upstream gets the id where the credential says so, and not the client\'s', async (t) => {
    const { broker, token } = await prepared(t, '', ['--option', 'request-id-header=X-Request-Id']);
    const answer = await broker.request('/~up/named', { token, headers: { 'x-request-id': 'mine' } });
    assert.equal(answer.status, 200);
    assert.equal(upstream.only('/named').headers['x-request-id'], answer.headers['keyhole-request-id']);
  });

  test('a valid traceparent goes on with its state, and is in the record', async (t) => {
    const { broker, token } = await prepared(t, '');
    const state = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE';
    const answer = await broker.request('/~up/traced', { token, headers: { traceparent: PARENT, tracestate: state } });
    assert.equal(broker.recordOf(answer).trace, TRACE);
    const { headers } = upstream.only('/traced');
    assert.equal(headers.traceparent, PARENT);
    assert.equal(headers.tracestate, state);
    const without = await broker.request('/~up/untraced', { token });
    assert.equal(broker.recordOf(without).trace, undefined);
    assert.equal(upstream.only('/untraced').headers.traceparent, undefined, 'none is made');
  });

  test('one that cannot be read does not go on, nor its state; a state alone is lost alone', async (t) => {
    const { broker, token } = await prepared(t, '');
    const bad = [PARENT.toUpperCase(), PARENT.slice(0, -1), `${PARENT}-`, `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `00-${TRACE}-${'0'.repeat(16)}-01`, `ff${PARENT.slice(2)}`, 'x'];
    for (const [i, traceparent] of bad.entries()) {
      const answer = await broker.request(`/~up/bad-${i}`, { token, headers: { traceparent, tracestate: 'a=1' } });
      assert.equal(answer.status, 200, traceparent);
      assert.equal(broker.recordOf(answer).trace, undefined, traceparent);
      const { headers } = upstream.only(`/bad-${i}`);
      assert.deepEqual([headers.traceparent, headers.tracestate], [undefined, undefined], traceparent);
    }
    await broker.request('/~up/badstate', { token, headers: { traceparent: PARENT, tracestate: 'No Key' } });
    assert.deepEqual([upstream.only('/badstate').headers.traceparent, upstream.only('/badstate').headers.tracestate], [PARENT, undefined]);
    const later = `cc-${TRACE}-00f067aa0ba902b7-01-what-comes-later`;
    await broker.request('/~up/later', { token, headers: { traceparent: later } });
    assert.equal(upstream.only('/later').headers.traceparent, later);
  });
});
