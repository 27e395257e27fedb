// SPDX-License-Identifier: Apache-2.0
// Who watches a broker, and who tries to: hostile requests at the listener of metrics, TLS on it, a
// database that cannot be read, and one id for a request wherever it is told of.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { Broker, encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { envoyCheck, envoyFilters, missing as noNginx, socketGateway, startGateway, yaml } from '../support/gateway.mjs';
import { ask, scrape, valueOf, watchedAt } from '../support/metrics.mjs';
import { testAuthority } from '../support/pki.mjs';
import { must, python } from '../support/programs.mjs';
import { RawClient, exchange } from '../support/raw.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
const METRICS = 'metrics: [{address: "127.0.0.1:0"}]';
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

async function withCredential(broker, name = 'up', args = []) {
  await broker.addCredential(name, { hosts: ['upstream.example'], secret: key, upstream,
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}', ...args] });
  return broker.mint(name, { user: 'alice' });
}

const get = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${more}\r\n`;
const json = (answer) => JSON.parse(answer.body.toString());

describe('hostile requests at the listener of metrics', () => {
  let broker, at;
  before(async () => {
    broker = await startBroker(wholeFile, { config: `${METRICS}\nworkers: 1`, args: ['--no-discharger'] });
    at = watchedAt(broker);
    await withCredential(broker);
  });

  // threat 27
  test('bodies and lengths: one answer for one request, and never one for what stood in a body', async () => {
    const inner = get('/metrics');
    const cases = [
      [`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`, [200]],
      [`${get('/healthz', 'Transfer-Encoding: chunked\r\n')}${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`, [200]],
      [`${get('/healthz', 'Transfer-Encoding: chunked\r\n')}5 \r\nhello\r\n0\r\n\r\n${inner}`, [200]],
      [`${get('/healthz', 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n')}0\r\n\r\n${inner}`, [400]],
      [`${get('/healthz', 'Transfer-Encoding: identity, chunked\r\n')}0\r\n\r\n${inner}`, [400]],
      [get('/healthz', 'Content-Length: 0\r\nContent-Length: 1\r\n'), [400]],
      [get('/healthz', 'Content-Length: +1\r\n'), [400]],
      [get('/healthz', 'Content-Length : 1\r\n'), [400]],
      [get('/healthz', 'X: a\r\n folded\r\n'), [400]],
      [get('/healthz', 'X: a\0b\r\n'), [400]],
      [get('/healthz', 'X: a\rb\r\n'), [400]],
      [get('/healthz\t'), [400]],
      ['GET /healthz HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n', [400]],
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
      ['GET /healthz\r\n', []],
      ['\0\0\0\0', [400]],
    ];
    for (const [bytes, statuses] of cases) {
      const client = await RawClient.connect(at);
      client.write(bytes).end();
      await until(`the connection is over: ${JSON.stringify(bytes)}`, () => client.over);
      const got = [...client.input.toString('latin1').matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((m) => Number(m[1]));
      assert.deepEqual(got, statuses, JSON.stringify(bytes));
      assert.doesNotMatch(client.input.toString('latin1'), /keyhole_decisions/, JSON.stringify(bytes));
    }
    assert.equal(broker.decisions().length, 0, 'and nobody was asked');
  });

  test('other forms of a target, and heads without end', async () => {
    for (const [bytes, status] of [
      ['GET http://127.0.0.1/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 421],
      ['CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n', 421],
      ['OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', 421],
      [get('/metrics/../metrics'), 404], [get('//metrics'), 404], [get('/%6detrics'), 404], [get('/metrics%00'), 404], [get('/metrics?'), 404],
      [get('/healthz', `X: ${'x'.repeat(70000)}\r\n`), 400],
      [get(`/${'x'.repeat(70000)}`), 400],
      [get('/healthz', 'A: b\r\n'.repeat(2000)), 400],
      ['GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n', 200],
      ['GET /healthz HTTP/1.0\r\n\r\n', 200], ['OPTIONS /metrics HTTP/1.0\r\n\r\n', 405],
      ['GET http://attacker.example/metrics HTTP/1.0\r\n\r\n', 400], ['GET /healthz HTTP/1.0\r\nHost:\r\n\r\n', 400],
      ['GET /healthz HTTP/1.0\r\nHost: attacker.example\r\n\r\n', 421], ['GET /healthz HTTP/1.1\r\n\r\n', 400],
    ]) {
      const [answer] = await exchange(at, Buffer.from(bytes, 'latin1'), { methods: [bytes.split(' ')[0]] });
      assert.equal(answer.status, status, JSON.stringify(bytes.slice(0, 80)));
    }
    for (const host of ['0x7f.1', '2130706433', '127.1', '127.0.0.1.', 'localhost.attacker.example', '127.0.0.1@attacker.example', '[::ffff:127.0.0.1%25lo]']) {
      const answer = await ask(at, '/metrics', { headers: { Host: host } });
      assert.ok([400, 421].includes(answer.status), `${host}: ${answer.status}`);
    }
  });

  test('requests in a row are answered in order, and a browser cannot read an answer', async () => {
    const client = await RawClient.connect(at);
    client.write(get('/healthz') + get('/nothing') + get('/readyz', 'Origin: https://attacker.example\r\n') + get('/metrics', 'Connection: close\r\n')).end();
    await until('all is answered', () => client.over);
    const text = client.input.toString();
    assert.deepEqual([...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((m) => m[1]), ['200', '404', '200', '200']);
    assert.doesNotMatch(text, /access-control/i);
  });

  test('slow clients give their places back', async (t) => {
    const impatient = watchedAt(await startBroker(t, { config: `${METRICS}\nworkers: 1\ntimeouts: {head: 500ms, idle: 1s}`, args: ['--no-discharger'] }));
    const slow = [];
    for (let i = 0; i < 32; i++) slow.push((await RawClient.connect(impatient)).write(`GET /healthz HTTP/1.1\r\nX-${i}: `));
    await until('each of them is ended', () => slow.every((c) => c.over));
    await until('others are served', async () => (await ask(impatient, '/readyz'))?.status === 200);
    for (const client of slow) client.destroy();
  });

  // threat 27
  test('what clients wrote is in no figure, nor in the log', async () => {
    await broker.request('/~up/canary-path?q=canary-query', { token: 'kh1_canarytoken', headers: { 'x-canary': 'canary' } });
    await broker.request('/~canary-credential/x');
    await ask(at, '/metrics', { headers: { Authorization: 'Bearer canary', Cookie: 'canary' } });
    const { body } = await ask(at, '/metrics');
    assert.doesNotMatch(body.toString(), /canary|kh1_|alice/);
    for (const text of encodings(key)) assert.ok(!body.toString().includes(text));
    assert.doesNotMatch(broker.log, /canary/);
  });
});

describe('TLS at the listener of metrics', () => {
  const listener = ({ keyFile, certFile }) => `metrics: [{address: "127.0.0.1:0", tls: true, certificate: ${certFile}, key: ${keyFile}}]`;

  test('figures come over TLS alone, with the certificate that was given', async (t) => {
    const { pem } = testAuthority();
    const broker = await startBroker(t, { config: `${listener(testAuthority().issue(['127.0.0.1', 'watch.example']))}\nnames: [watch.example]`, args: ['--no-discharger'] });
    const at = watchedAt(broker);
    const [answer] = await exchange({ ...at, tls: { ca: pem, host: '127.0.0.1' } }, Buffer.from(get('/metrics', 'Connection: close\r\n')));
    assert.equal(answer.status, 200);
    assert.match(answer.body.toString(), /^keyhole_ready 1$/m);
    const [named] = await exchange({ ...at, tls: { ca: pem, servername: 'watch.example' } }, Buffer.from('GET /readyz HTTP/1.1\r\nHost: watch.example\r\nConnection: close\r\n\r\n'));
    assert.equal(named.status, 200);
    const plain = await RawClient.connect(at);
    plain.write(get('/metrics'));
    await until('plain HTTP is turned away', () => plain.over);
    assert.doesNotMatch(plain.input.toString('latin1'), /keyhole_/);
    await assert.rejects(RawClient.connect({ ...at, tls: { ca: pem, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } }));
    await assert.rejects(RawClient.connect({ ...at, tls: { ca: [] } }), /certificate/);
  });

  test('a key that is another certificate\'s is found before anything listens', async (t) => {
    const [mine, other] = [testAuthority().issue(['127.0.0.1']), testAuthority().issue(['127.0.0.1'])];
    const broker = await new Broker(t, { config: listener({ ...mine, keyFile: other.keyFile }) }).init();
    const answer = await broker.operator(['check'], { may: true });
    assert.equal(answer.status, 1, answer.stdout);
    assert.match(answer.stderr, /key/);
  });
});

describe('/readyz', () => {
  test('a database that cannot be read, and can again', async (t) => {
    const broker = await startBroker(t, { config: `${METRICS}\nworkers: 1`, args: ['--no-discharger'] });
    // A table that is not there stands for all that can be wrong with it.
    const sql = (text) => must(python, ['-c', 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])', broker.file('keyholed.db'), text]);
    await sql('ALTER TABLE policy_version RENAME TO lost');
    await until('/readyz says so', async () => {
      const answer = await ask(watchedAt(broker), '/readyz');
      return answer.status === 503 && json(answer).problems.some((p) => p.startsWith('database:'));
    });
    assert.equal(valueOf(await scrape(broker), 'keyhole_database_failing'), 1);
    assert.equal(valueOf(await scrape(broker), 'keyhole_ready'), 0);
    await sql('ALTER TABLE lost RENAME TO policy_version');
    await until('it is ready again', async () => (await ask(watchedAt(broker), '/readyz')).status === 200);
  });
});

describe('one id', () => {
  test('in the answer, the record, its outcome, the line and at the upstream', async (t) => {
    const broker = await startBroker(t, { config: 'log: {decisions: all}', args: ['--no-discharger'] });
    const token = await withCredential(broker, 'up', ['--option', 'request-id-header=X-Request-Id']);
    const answer = await broker.request('/~up/one', { token, headers: { 'X-Request-ID': 'of the client', 'Keyhole-Request-Id': '0'.repeat(32) } });
    const id = answer.headers['keyhole-request-id'];
    assert.equal(broker.recordOf(answer).id, id);
    await until('its outcome is there', () => broker.audit().some((r) => r.kind === 'outcome' && r.id === id));
    await until('its line is there', () => broker.log.includes(`"request_id":"${id}"`));
    assert.deepEqual(upstream.only('/one').fields('x-request-id'), [id]);
    assert.doesNotMatch(upstream.only('/one').text(), /of the client/);
  });

  test('through Envoy and nginx as well', async (t) => {
    const broker = await startBroker(t, { config: socketGateway(t).config, args: ['--no-discharger'] });
    const token = await withCredential(broker, 'up', ['--option', 'request-id-header=X-Request-Id']);
    const config = await yaml((await broker.operator(['gateway', 'envoy', '--credential', 'up'])).stdout);
    if (config) {
      const socket = broker.ready.find(([n]) => n === 'gateway')[1];
      const verdict = await envoyCheck(envoyFilters(config).up, { socketPath: socket }, { method: 'GET', path: '/~up/two',
        headers: [['host', 'upstream.example'], ['authorization', `Bearer ${token}`], ['x-request-id', 'of the client']] });
      assert.equal(verdict.allow, true, verdict.text);
      assert.match(verdict.upstream['x-request-id'], /^[0-9a-f]{32}$/);
      assert.equal(verdict.upstream['x-request-id'], broker.decisions().at(-1).id);
    }
    if (noNginx.length) return;
    const gateway = await startGateway(t, broker, ['up'], { upstream });
    const call = (path, headers) => broker.request(path, { base: gateway.base, token, headers });
    assert.equal((await call('/~up/three', { 'x-request-id': 'of the client' })).status, 200);
    assert.deepEqual(upstream.only('/three').fields('x-request-id'), [broker.decisions().at(-1).id]);
    // A trace that cannot be read is no reason to refuse.
    const good = { traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`, tracestate: 'a=1' };
    assert.equal((await call('/~up/traced', good)).status, 200);
    assert.deepEqual([upstream.only('/traced').headers.traceparent, upstream.only('/traced').headers.tracestate], [good.traceparent, good.tracestate]);
    for (const [i, bad] of [{ traceparent: 'x' }, { tracestate: 'a=1' }, { ...good, traceparent: good.traceparent.toUpperCase() }].entries()) {
      const answer = await call(`/~up/lost-${i}`, bad);
      assert.equal(answer.status, 200, answer.text);
      const { headers } = upstream.only(`/lost-${i}`);
      assert.deepEqual([headers.traceparent, headers.tracestate], [undefined, undefined], JSON.stringify(bad));
    }
  });
});

// The cases of the W3C's trace-context test suite, as far as a participant that changes nothing has them.
test('traceparent and tracestate, by the list of the W3C', async (t) => {
  const broker = await startBroker(t, { args: ['--no-discharger'] });
  const token = await withCredential(broker);
  const trace = '12345678901234567890123456789012', parent = '1234567890123456';
  const p = `00-${trace}-${parent}-01`;
  const many = (n) => Array.from({ length: n }, (_, i) => `bar${i}=${i}`).join(',');
  const cases = [ // fields that are sent; those that arrive
    [[['TraceParent', p]], { traceparent: [p] }],
    [[['trace-parent', p]], {}],
    [[['traceparent', p], ['traceparent', `00-${trace}-${parent}-00`]], {}],
    [[['traceparent', p], ['traceparent', p], ['tracestate', 'a=1']], {}],
    [[['traceparent', ` \t${p}\t `]], { traceparent: [p] }],
    [[['traceparent', `00-${trace}-${parent}-01.`]], {}],
    [[['traceparent', `cc-${trace}-${parent}-01-what-the-future-will-be-like`]], { traceparent: [`cc-${trace}-${parent}-01-what-the-future-will-be-like`] }],
    [[['traceparent', `cc-${trace}-${parent}-01.what-the-future-will-not-be-like`]], {}],
    [[['traceparent', `ff-${trace}-${parent}-01`]], {}],
    [[['traceparent', `.0-${trace}-${parent}-01`]], {}],
    [[['traceparent', `000-${trace}-${parent}-01`]], {}],
    [[['traceparent', `0-${trace}-${parent}-01`]], {}],
    [[['traceparent', `00-${'0'.repeat(32)}-${parent}-01`]], {}],
    [[['traceparent', `00-.${trace.slice(1)}-${parent}-01`]], {}],
    [[['traceparent', `00-${trace}3-${parent}-01`]], {}],
    [[['traceparent', `00-${trace.slice(1)}-${parent}-01`]], {}],
    [[['traceparent', `00-${trace}-${'0'.repeat(16)}-01`]], {}],
    [[['traceparent', `00-${trace}-.${parent.slice(1)}-01`]], {}],
    [[['traceparent', `00-${trace}-${parent}7-01`]], {}],
    [[['traceparent', `00-${trace}-${parent}-.0`]], {}],
    [[['traceparent', `00-${trace}-${parent}-001`]], {}],
    [[['traceparent', `00-${trace}-${parent}-1`]], {}],
    [[['tracestate', 'foo=1']], {}],
    [[['traceparent', p], ['tracestate', 'foo=1,bar=2']], { traceparent: [p], tracestate: ['foo=1,bar=2'] }],
    [[['traceparent', p], ['tracestate', 'foo=1'], ['tracestate', ''], ['tracestate', 'rojo=1,congo=2']], { traceparent: [p], tracestate: ['foo=1', '', 'rojo=1,congo=2'] }],
    [[['traceparent', p], ['tracestate', 'foo=1'], ['tracestate', 'bar=']], { traceparent: [p] }],
    [[['traceparent', p], ['tracestate', 'foo@=1,bar=2']], { traceparent: [p] }],
    [[['traceparent', p], ['tracestate', 'FOO=1']], { traceparent: [p] }],
    [[['traceparent', p], ['tracestate', 'foo=bar=baz']], { traceparent: [p] }],
    [[['traceparent', p], ['tracestate', many(32)]], { traceparent: [p], tracestate: [many(32)] }],
    [[['traceparent', p], ['tracestate', many(33)]], { traceparent: [p] }],
    [[['traceparent', p], ['tracestate', many(20)], ['tracestate', many(13)]], { traceparent: [p] }],
    [[['traceparent', p], ['tracestate', `${'z'.repeat(256)}=1`]], { traceparent: [p], tracestate: [`${'z'.repeat(256)}=1`] }],
    [[['traceparent', p], ['tracestate', `${'t'.repeat(242)}@v=1`]], { traceparent: [p] }],
  ];
  for (const [i, [fields, wanted]] of cases.entries()) {
    const lines = fields.map(([n, v]) => `${n}: ${v}\r\n`).join('');
    const [answer] = await exchange(broker.at(), Buffer.from(`GET /~up/w3c-${i} HTTP/1.1\r\nHost: ${broker.address}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n${lines}\r\n`));
    assert.equal(answer.status, 200, lines);
    const received = upstream.only(`/w3c-${i}`);
    assert.deepEqual({ traceparent: received.fields('traceparent'), tracestate: received.fields('tracestate') }, { traceparent: [], tracestate: [], ...wanted }, lines);
    assert.equal(broker.recordOf(answer).trace, wanted.traceparent ? trace : undefined, lines);
  }
});
