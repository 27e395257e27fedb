// SPDX-License-Identifier: Apache-2.0
// The log in journald's own protocol, at a socket that a test has in journald's place.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { Journal, missing, readEntry } from '../support/journal.mjs';
import { keyhole } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

async function prepared(t, config = 'log: {format: journald, decisions: all, level: debug}') {
  const journal = new Journal(t);
  const broker = await startBroker(t, { config, args: ['--no-discharger'], programs: { keyholed: await journal.program(), keyhole } });
  await broker.addCredential('up', { hosts: ['upstream.example'], secret: key, upstream,
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  return { journal, broker, token: await broker.mint('up', { user: 'alice@corp.example' }) };
}

test('the reader of entries takes both forms of a field', () => {
  const binary = Buffer.concat([Buffer.from('MESSAGE\n'), Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('a\nb\nX=1=2\n')]);
  assert.deepEqual(readEntry(binary), [['MESSAGE', 'a\nb'], ['X', '1=2']]);
  for (const bad of ['x=1\n', '_X=1\n', 'X=1', 'X Y=1\n', '=1\n']) assert.throws(() => readEntry(Buffer.from(bad)), undefined, bad);
});

describe('journald', { skip: missing || false }, () => {
  test('every line is an entry, from the process that it is about, with its priority', async (t) => {
    const { journal, broker, token } = await prepared(t);
    const good = await broker.request('/~up/canary-path?q=canary-query', { token, headers: { 'x-canary': 'canary', traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` } });
    assert.equal(good.status, 200);
    const bad = await broker.request('/~up/canary-path', { token: 'kh1_canarytoken' });
    const [allow, deny] = await until('both decisions are there', () => journal.events('decision').length >= 2 && journal.events('decision'));
    const authority = await broker.process('authority');
    assert.deepEqual({ ...allow, MESSAGE: undefined }, { pid: authority.pid, MESSAGE: undefined, PRIORITY: '6', SYSLOG_IDENTIFIER: 'keyholed', KEYHOLE_PROCESS: 'authority',
      KEYHOLE_EVENT: 'decision', KEYHOLE_REQUEST_ID: good.headers['keyhole-request-id'], KEYHOLE_DECISION: 'allow', KEYHOLE_CODE: 'allowed',
      KEYHOLE_CREDENTIAL: 'up', KEYHOLE_USER: 'alice@corp.example', KEYHOLE_CLIENT: '127.0.0.1', KEYHOLE_METHOD: 'GET',
      KEYHOLE_HOST: 'upstream.example', KEYHOLE_PORT: '443', KEYHOLE_TRACE_ID: 'ab'.repeat(16) });
    assert.match(allow.MESSAGE, /^allow GET upstream\.example:443 \(allowed\) user alice@corp\.example credential up, id [0-9a-f]{32}$/);
    assert.deepEqual([deny.KEYHOLE_DECISION, deny.KEYHOLE_CODE, deny.KEYHOLE_REQUEST_ID], ['deny', JSON.parse(bad.text).code, bad.headers['keyhole-request-id']]);
    process.kill((await broker.process('proxy')).pid, 'SIGKILL');
    const [ended] = await until('its end is there', () => journal.events('child-exited').length > 0 && journal.events('child-exited'));
    assert.equal(ended.pid, broker.pid, 'it is the supervisor that says it');
    assert.match(ended.PRIORITY, /^[34]$/);
    await until('another one serves', async () => (await broker.process('proxy')).restarts === 1);
    await broker.stop();
    assert.equal(broker.log, '', 'nothing is written twice');
    for (const { fields } of journal.entries) {
      const names = fields.map(([name]) => name);
      assert.equal(new Set(names).size, names.length, `a field twice: ${names}`);
      for (const name of ['MESSAGE', 'PRIORITY', 'SYSLOG_IDENTIFIER', 'KEYHOLE_PROCESS', 'KEYHOLE_EVENT']) assert.ok(names.includes(name), `${name} in ${names}`);
    }
    assert.doesNotMatch(JSON.stringify(journal.entries), /canary|kh1_/);
    assert.ok(!JSON.stringify(journal.entries).includes(key));
  });

  test('one that does not read keeps nobody waiting, and one that is gone loses no line', async (t) => {
    const { journal, broker, token } = await prepared(t);
    journal.child.kill('SIGSTOP');
    for (let i = 0; i < 600; i++) await broker.request(`/~up/${i % 2 ? 'x' : 'y'}`, { token: i % 2 ? token : undefined });
    assert.equal(broker.decisions().length, 600);
    await until('what it did not take is on standard error', () => /^<6>authority: decision: /m.test(broker.log));
    journal.child.kill('SIGCONT');
    await until('no line is lost', () => journal.events('decision').length + broker.log.match(/^<6>authority: decision: /gm).length === 600);
    const ended = new Promise((resolve) => { journal.child.on('close', resolve); });
    journal.child.kill('SIGKILL');
    await ended;
    const last = await broker.request('/~up/x');
    await until('its line is on standard error', () => broker.log.includes(last.headers['keyhole-request-id']));
    assert.match(broker.log, /^<6>authority: decision: deny/m);
  });
});
