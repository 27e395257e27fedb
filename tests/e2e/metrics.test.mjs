// SPDX-License-Identifier: Apache-2.0
// Watching a broker: figures that are exactly those of the traffic, pages that outlive their process,
// a listener that answers three pages and nobody else, and what it says when something is broken.

import assert from 'node:assert/strict';
import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { ask, metricsTable, parseMetrics, scrape, valueOf, watchedAt } from '../support/metrics.mjs';
import { run, temporaryDirectory } from '../support/programs.mjs';
import { RawClient, exchange } from '../support/raw.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
const METRICS = 'metrics: [{address: "127.0.0.1:0"}]';
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

const watched = (t, config = '', options = {}) => startBroker(t, { config: `${METRICS}\n${config}`, args: ['--no-discharger'], ...options });

async function withCredential(broker, name = 'up') {
  await broker.addCredential(name, { hosts: ['upstream.example'], secret: key, upstream,
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  return broker.mint(name);
}

const readiness = async (broker) => {
  const answer = await ask(watchedAt(broker), '/readyz');
  return { status: answer.status, ...JSON.parse(answer.body.toString()) };
};

/** Until /readyz says no, with a sentence that begins so. */
const unready = (broker, word) => until(`/readyz says ${word}`, async () => {
  const { status, ready, problems } = await readiness(broker).catch(() => ({}));
  return status === 503 && ready === false && problems.some((p) => p.startsWith(`${word}:`));
});

describe('the figures', () => {
  test('are those of the traffic, of two workers together', async (t) => {
    const broker = await watched(t, 'workers: 2');
    const token = await withCredential(broker);
    const body = 'x'.repeat(1000);
    for (let i = 0; i < 20; i++)
      assert.equal((await broker.request(`/~up/${i}`, { token, method: 'POST', body })).status, 200);
    for (let i = 0; i < 3; i++) broker.denied(await broker.request('/~up/none'), 401, 'token-missing');
    broker.denied(await broker.request('/~nobody/x', { token }), 403, 'credential-unknown');
    const decisions = broker.decisions();
    const figures = await until('every outcome is counted', async () => {
      const now = await scrape(broker);
      return valueOf(now, 'keyhole_requests_running') === 0 && now;
    });
    const of = (name, labels) => valueOf(figures, name, labels);
    assert.equal(of('keyhole_decisions_total', { credential: 'up', code: 'allowed' }), 20);
    assert.equal(of('keyhole_decisions_total', { credential: 'up', code: 'token-missing' }), 3);
    assert.equal(of('keyhole_decisions_total', { credential: 'none' }), 1);
    assert.equal(of('keyhole_decisions_total'), decisions.length);
    assert.equal(of('keyhole_decision_duration_seconds_count'), decisions.length);
    assert.equal(of('keyhole_request_duration_seconds_count'), 20);
    assert.equal(of('keyhole_upstream_first_byte_seconds_count', { credential: 'up' }), 20);
    assert.equal(of('keyhole_upstream_responses_total', { credential: 'up', class: '2xx' }), 20);
    assert.equal(of('keyhole_request_body_bytes_total', { credential: 'up' }), 20 * body.length);
    assert.ok(of('keyhole_response_body_bytes_total', { credential: 'up' }) > 0);
    assert.equal(of('keyhole_upstream_connections_opened_total') + of('keyhole_upstream_connections_reused_total'), 20);
    assert.equal(of('keyhole_tokens_minted_total'), 1);
    await until('the credentials are counted', async () => valueOf(await scrape(broker), 'keyhole_credentials') === 1);
    assert.equal(of('keyhole_ready'), 1);
    assert.equal(of('keyhole_config_last_reload_successful'), 1);
    const audit = await until('the log and its figures meet', async () => {
      const now = await scrape(broker);
      return valueOf(now, 'keyhole_audit_records_total') === broker.audit().length && now;
    });
    assert.equal(valueOf(audit, 'keyhole_audit_written_bytes_total'), statSync(broker.file('audit.log')).size);
    await until('all of it is on the disk', async () => valueOf(await scrape(broker), 'keyhole_audit_unsynced_records') === 0);
    for (const process of ['supervisor', 'authority', 'proxy 0', 'proxy 1']) {
      assert.equal(of('keyhole_process_up', { process }), 1, process);
      assert.ok(of('process_start_time_seconds', { process }) > 1e9, process);
      await until(`the memory of ${process}`, async () =>
        valueOf(await scrape(broker), 'process_resident_memory_bytes', { process }) > 1e6);
      await until(`the descriptors of ${process}`, async () => valueOf(await scrape(broker), 'process_open_fds', { process }) > 3);
    }
  });

  test('every line and every family is well-formed, in both formats, and in the table', async (t) => {
    const broker = await watched(t);
    const token = await withCredential(broker);
    await broker.request('/~up/x', { token });
    const at = watchedAt(broker);
    const plain = await ask(at, '/metrics');
    assert.equal(plain.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    const open = await ask(at, '/metrics', { headers: { Accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1' } });
    assert.equal(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    const table = metricsTable();
    for (const [answer, openmetrics] of [[plain, false], [open, true]]) {
      const { families, samples } = parseMetrics(answer.body.toString(), { openmetrics });
      const suffix = (row) => (openmetrics ? '' : { COUNTER: '_total', INFO: '_info' }[row.type] ?? '');
      assert.deepEqual([...families.keys()], table.map((row) => row.name + suffix(row)));
      for (const { name, labels } of samples) {
        const row = table.find((r) => r.samples.includes(name));
        assert.ok(row, `a sample that is not in the table: ${name}`);
        assert.deepEqual(Object.keys(labels).filter((l) => l !== 'le'), row.labels, name);
      }
      const buckets = samples.filter((s) => s.name === 'keyhole_request_duration_seconds_bucket');
      assert.deepEqual(buckets.map((b) => b.value), buckets.map((b) => b.value).toSorted((a, b) => a - b), 'buckets only grow');
      assert.equal(buckets.at(-1).labels.le, '+Inf');
    }
  });

  test('an upstream that fails is counted by credential and code', async (t) => {
    const broker = await watched(t);
    await broker.addCredential('gone', { hosts: ['gone.example'], secret: realKey(),
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}', '--resolve', 'gone.example:443:127.0.0.1:1'] });
    const token = await broker.mint('gone');
    assert.equal((await broker.request('/~gone/x', { token })).status, 502);
    const figures = await scrape(broker);
    assert.equal(valueOf(figures, 'keyhole_upstream_errors_total', { credential: 'gone', code: 'upstream-unreachable' }), 1);
  });

  test('labels are bounded: 64 credentials have a name, the others one', async (t) => {
    const broker = await watched(t);
    const token = await withCredential(broker, 'c00');
    const secret = realKey();
    for (let i = 1; i < 68; i++)
      await broker.addCredential(`c${String(i).padStart(2, '0')}`, { hosts: [`h${i}.example`], secret, args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
    for (let i = 0; i < 68; i++) await broker.request(`/~c${String(i).padStart(2, '0')}/x`);
    await broker.request('/~c00/x', { token });
    for (let i = 0; i < 5; i++) await broker.request(`/~made-up-${i}/x`);
    const figures = await scrape(broker);
    const names = new Set(figures.samples.filter((s) => s.name === 'keyhole_decisions_total').map((s) => s.labels.credential));
    assert.equal(names.size, 66, [...names].join(' '));
    assert.equal(valueOf(figures, 'keyhole_decisions_total', { credential: 'other' }), 4);
    assert.equal(valueOf(figures, 'keyhole_decisions_total', { credential: 'none' }), 5);
    assert.equal(valueOf(figures, 'keyhole_decisions_total', { credential: 'c00', code: 'allowed' }), 1);
  });

  test('counters do not go back when a process is started again', async (t) => {
    const broker = await watched(t, 'workers: 1');
    const token = await withCredential(broker);
    for (let i = 0; i < 5; i++) assert.equal((await broker.request('/~up/x', { token })).status, 200);
    for (const [role, label] of [['authority', 'authority'], ['proxy', 'proxy 0']]) {
      const { pid } = await broker.process(role);
      process.kill(pid, 'SIGKILL');
      await until(`another ${role} serves`, async () => {
        const now = await broker.process(role).catch(() => null);
        return now?.running && now.pid !== pid && (await readiness(broker).catch(() => ({}))).status === 200;
      });
      const figures = await scrape(broker);
      assert.equal(valueOf(figures, 'keyhole_process_restarts_total', { process: label }), 1);
      assert.equal(valueOf(figures, 'keyhole_decisions_total', { credential: 'up', code: 'allowed' }), 5);
      assert.equal(valueOf(figures, 'keyhole_request_duration_seconds_count'), 5);
      assert.equal(valueOf(figures, 'keyhole_requests_running'), 0);
    }
    assert.equal((await broker.request('/~up/x', { token })).status, 200);
    assert.equal(valueOf(await scrape(broker), 'keyhole_decisions_total', { credential: 'up', code: 'allowed' }), 6);
  });

  test('a reload that fails shows', async (t) => {
    const { appendFileSync } = await import('node:fs');
    const broker = await watched(t);
    appendFileSync(broker.file('keyholed.yaml'), 'nonsense: true\n');
    broker.reload();
    await until('it shows', async () => valueOf(await scrape(broker), 'keyhole_config_reloads_total', { result: 'failure' }) === 1);
    assert.equal(valueOf(await scrape(broker), 'keyhole_config_last_reload_successful'), 0);
  });
});

describe('the listener', () => {
  let broker, at;
  before(async () => {
    broker = await startBroker(wholeFile, { config: METRICS, args: ['--no-discharger'] });
    at = watchedAt(broker);
    await withCredential(broker);
  });

  test('answers three pages, GET and HEAD, and nothing else', async () => {
    for (const path of ['/metrics', '/healthz', '/readyz']) {
      const get = await ask(at, path);
      assert.equal(get.status, 200, path);
      const head = await ask(at, path, { method: 'HEAD' });
      assert.equal(head.status, 200, path);
      assert.equal(head.body.length, 0);
      const post = await ask(at, path, { method: 'POST' });
      assert.equal(post.status, 405, path);
      assert.equal(post.headers.allow, 'GET, HEAD');
    }
    for (const path of ['/', '/metrics/', '/metrics?x=1', '/METRICS', '/~up/x', '/revoke', '/.well-known/x', '/healthz%20'])
      assert.equal((await ask(at, path)).status, 404, path);
    assert.equal(broker.decisions().length, 0, 'nobody else was asked');
  });

  test('is no proxy, and takes no name of somebody else', async () => {
    assert.equal((await ask(at, 'http://upstream.example/metrics', { headers: { Host: 'upstream.example' } })).status, 421);
    assert.equal((await ask(at, 'upstream.example:443', { method: 'CONNECT', headers: { Host: 'upstream.example:443' } })).status, 421);
    for (const host of ['rebound.example', 'upstream.example', '127.0.0.1.nip.example', '']) {
      const answer = await ask(at, '/metrics', { headers: { Host: host } });
      assert.ok([400, 421].includes(answer.status), `${host}: ${answer.status}`);
    }
    for (const host of ['127.0.0.1', `127.0.0.1:${at.port}`, 'localhost', '[::1]:9', '10.1.2.3'])
      assert.equal((await ask(at, '/metrics', { headers: { Host: host } })).status, 200, host);
    assert.equal(broker.decisions().length, 0);
  });

  test('is strict with what it is sent', async () => {
    for (const bytes of ['GET /metrics HTTP/1.1\r\n\r\n', 'GET /metrics HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 'GET  /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
      'GET /metrics HTTP/1.1\nHost: 127.0.0.1\n\n', '\x16\x03\x01\x02\x00\x01\x00', 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n']) {
      const [answer] = await exchange(at, Buffer.from(bytes, 'latin1'));
      assert.equal(answer.status, 400, JSON.stringify(bytes));
    }
    assert.equal(broker.decisions().length, 0, 'and asks nobody about it');
  });

  test('has places of its own: full of clients, the broker is still watched, and the other way round', async (t) => {
    const full = await watched(t, 'workers: 1\nlimits: {connections: 1}');
    const held = await full.connect();
    await until('it is there', async () => valueOf(await scrape(full), 'keyhole_client_connections_open', { listener: full.address }) === 1);
    const refused = await full.connect();
    const answer = await refused.answer();
    assert.equal(answer.status, 503);
    assert.equal(valueOf(await scrape(full), 'keyhole_client_connections_refused_total'), 1);
    held.destroy();
    refused.destroy();
    const idle = [];
    for (let i = 0; i < 40; i++) idle.push(await RawClient.connect(watchedAt(full)));
    await until('clients are served', async () => (await full.request('/').catch(() => ({}))).status === 200);
    for (const client of idle) client.destroy();
  });

  test('a unix socket, for the owner alone', async (t) => {
    const socket = join(temporaryDirectory(t), 'metrics.sock');
    await startBroker(t, { config: `metrics: [{socket: ${socket}}]`, args: ['--no-discharger'] });
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    const answer = await ask({ path: socket }, '/metrics', { headers: { Host: 'whatever' } });
    assert.equal(answer.status, 200);
    assert.equal((await ask({ path: socket }, '/~up/x')).status, 404);
  });

  test('there is none by default, and none that is plain on a network', async (t) => {
    const quiet = await startBroker(t, { args: ['--no-discharger'] });
    assert.ok(!quiet.ready.some(([word]) => word === 'metrics'));
    for (const [config, wants] of [
      ['metrics: [{address: "0.0.0.0:0"}]', /insecure/],
      ['metrics: [{address: "127.0.0.1:0", tls: true}]', /certificate/],
      ['metrics: [{socket: relative}]', /absolute/],
      ['metrics: [{socket: /x/y, address: "127.0.0.1:0"}]', /either/],
      ['metrics: [{socket: /nowhere/at/all.sock}]', /directory/],
      ['metrics: [{address: "127.0.0.1:0", group: staff}]', /socket/]]) {
      const bad = await new Broker(t, { config }).init();
      const answer = await bad.operator(['check'], { may: true });
      assert.equal(answer.status, 1, config);
      assert.match(answer.stderr, wants, config);
    }
  });
});

describe('/readyz', () => {
  test('no authority, or one that hangs', async (t) => {
    const broker = await watched(t, 'workers: 1');
    assert.deepEqual(await readiness(broker), { status: 200, ready: true, problems: [] });
    const { pid } = await broker.process('authority');
    process.kill(pid, 'SIGSTOP');
    await unready(broker, 'authority');
    assert.equal((await ask(watchedAt(broker), '/healthz')).status, 200, 'the proxy itself is well');
    assert.equal(valueOf(await scrape(broker), 'keyhole_ready'), 0, 'and figures are still there');
    process.kill(pid, 'SIGCONT');
    await until('it is ready again', async () => (await readiness(broker)).status === 200);
    process.kill(pid, 'SIGKILL');
    await until('another one answers', async () => (await broker.process('authority').catch(() => null))?.restarts === 1);
    await until('it is ready again', async () => (await readiness(broker)).status === 200);
  });

  test('an audit log that cannot be written, and can again', async (t) => {
    const broker = await watched(t, 'workers: 1');
    const token = await withCredential(broker);
    assert.equal((await broker.request('/~up/before', { token })).status, 200);
    const { pid } = await broker.process('authority');
    const limit = async (size) => assert.equal((await run('prlimit', ['--pid', String(pid), `--fsize=${size}:`])).status, 0);
    await until('the outcome is on record', () => broker.audit().some((r) => r.kind === 'outcome'));
    await limit(lstatSync(broker.file('audit.log')).size);
    assert.equal((await broker.request('/~up/unrecorded', { token })).status, 503);
    await unready(broker, 'audit');
    assert.equal(valueOf(await scrape(broker), 'keyhole_audit_failing'), 1);
    assert.equal(valueOf(await scrape(broker), 'keyhole_decisions_total', { credential: 'up', code: 'broker-unavailable' }), 1);
    await limit('unlimited');
    await until('it is ready again, with nobody asking for anything', async () => (await readiness(broker)).status === 200);
    assert.ok(broker.audit().some((r) => r.kind === 'resume'), 'the gap is on record');
    await broker.operator(['audit', 'verify']);
  });

  test('says no from the first moment of a stop, and is answered until its end', async (t) => {
    const broker = await watched(t, 'workers: 1');
    const token = await withCredential(broker);
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    upstream.route('/held', async (req, res) => {
      await held;
      res.end('ok');
    });
    const running = broker.request('/~up/held', { token });
    await until('it runs', async () => valueOf(await scrape(broker), 'keyhole_requests_running') === 1);
    const stopped = broker.stop();
    await unready(broker, 'stopping');
    assert.equal((await ask(watchedAt(broker), '/metrics')).status, 200);
    release();
    assert.equal((await running).status, 200);
    await stopped;
  });
});
