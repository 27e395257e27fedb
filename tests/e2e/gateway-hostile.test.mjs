// SPDX-License-Identifier: Apache-2.0
// nginx as it is found: with settings of its own around the generated configuration, in front of an
// upstream that knows what nginx does with some fields of an answer, and with clients of HTTP/2.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import http2 from 'node:http2';
import { before, beforeEach, describe, test } from 'node:test';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { missing, socketGateway, startGateway } from '../support/gateway.mjs';
import { must, temporaryDirectory } from '../support/programs.mjs';
import { exchange } from '../support/raw.mjs';
import { answerJson, startUpstream } from '../support/upstream.mjs';

const key = realKey();
let upstream, broker, gateway, token, cache;

// What people have in http { }, and in a server on the same address.
const surroundings = (port) => `
  gzip on;
  ssi on;
  gzip_types *;
  error_page 403 404 500 502 503 /50x.html;
  recursive_error_pages on;
  proxy_intercept_errors on;
  proxy_cache_path ${cache} keys_zone=everything:1m;
  proxy_cache everything;
  proxy_cache_valid any 1h;
  proxy_ignore_headers Set-Cookie;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  add_header X-Served-By nginx always;
  satisfy any;
  allow all;
  server {
    listen 127.0.0.1:${port} http2;
    server_name site.example;
    location / { return 200 "a site\\n"; }
  }
`;

before(async () => {
  if (missing.length) return;
  cache = `${temporaryDirectory(wholeFile, 'nginx-cache')}/everything`;
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile, { config: socketGateway(wholeFile).config });
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  token = await broker.mint('openai');
  gateway = await startGateway(wholeFile, broker, ['openai'], { upstream,
    edit: (text) => surroundings(0).replace(/ {2}server \{[^]*/, '') + text });
});

beforeEach(() => {
  if (upstream) upstream.requests.length = 0;
});

/** No part of an answer has the key, in whatever encoding. */
function hasNoKey(answer) {
  const text = `${JSON.stringify(answer.headers)}${answer.text}`;
  for (const secret of encodings(key)) assert.ok(!text.includes(secret), `the key came back: ${text}`);
}

describe('nginx with other settings around it', { skip: missing.length ? `${missing} is not here` : false }, () => {
  const call = (path, options = {}) => broker.request(path, { base: gateway.base, token, ...options });

  for (const target of ['/.keyhole/openai', '/~openai/v1/other', '@keyhole_refused', '/elsewhere'])
    test(`an upstream that redirects nginx to ${target} does not`, async () => {
      upstream.route('/v1/steer', (r, res) => answerJson(res, 200, { own: true }, { 'x-accel-redirect': target,
        'x-accel-charset': 'utf-7', 'x-accel-limit-rate': '1' }));
      const answer = await call('/~openai/v1/steer');
      hasNoKey(answer);
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(answer.json(), { own: true });
      assert.ok(!Object.keys(answer.headers).some((name) => name.startsWith('keyhole-set')), JSON.stringify(answer.headers));
    });

  test('an answer is no program: what it includes or echoes stays as it is', async () => {
    const text = '<!--# echo var="keyhole_set_authorization" -->|<!--# include virtual="/.keyhole/openai" -->|'
      + '<!--# echo var="http_authorization" -->';
    upstream.route('/v1/page', (r, res) => {
      res.writeHead(200, { 'content-type': 'text/html' });
      res.end(text);
    });
    const answer = await call('/~openai/v1/page');
    hasNoKey(answer);
    assert.equal(answer.text, text);
  });

  test('whatever else leads a client to the check shows no key', async () => {
    const mine = await startGateway(wholeFile, broker, ['openai'], { upstream,
      edit: (text) => text.replace('location / {', 'location /led { rewrite ^ /.keyhole/openai last; }\n    location / {') });
    const answer = await call('/led', { base: mine.base });
    hasNoKey(answer);
    assert.ok(!Object.keys(answer.headers).some((name) => /^keyhole-(set|target)/.test(name)), JSON.stringify(answer.headers));
  });

  test('nothing is kept: not in a cache, not in a file', async () => {
    let count = 0;
    upstream.route('/v1/keep', (r, res) => answerJson(res, 200, { count: ++count }, { 'x-accel-buffering': 'yes',
      'x-accel-expires': '3600', 'cache-control': 'public, max-age=3600' }));
    for (const expected of [1, 2, 3]) assert.equal((await call('/~openai/v1/keep')).json().count, expected);
    assert.equal((await call('/~openai/v1/keep', { token: undefined })).status, 401);
    assert.ok(!existsSync(cache) || readdirSync(cache).length === 0, 'nothing stands in the cache');
  });

  test('who is let in by address still needs a token, and who has one gets through', async () => {
    const none = await call('/~openai/v1/models', { token: undefined });
    assert.equal(none.status, 401, none.text);
    assert.equal(none.json().code, 'token-missing');
    assert.equal((await call('/~openai/v1/models')).status, 200);
    assert.equal(upstream.requests.length, 1);
  });

  test('an upstream\'s own errors are passed on, and denials keep their words', async () => {
    for (const status of [401, 403, 404, 500, 503]) {
      upstream.route('/v1/fails', (r, res) => answerJson(res, status, { own: status }));
      const answer = await call('/~openai/v1/fails');
      assert.equal(answer.status, status);
      assert.deepEqual(answer.json(), { own: status });
      hasNoKey(answer);
    }
    const denied = await call('/~openai/v1/x', { token: await broker.attenuate(token, '--caveat', 'method = POST') });
    assert.equal(denied.json().code, 'caveat-failed');
  });

  test('methods, and requests that have something special', async () => {
    const auth = `Authorization: Bearer ${token}\r\nConnection: close\r\n`;
    const ask = async (text) => (await exchange({ port: gateway.port, host: '127.0.0.1' }, Buffer.from(text)))[0];
    for (const method of ['TRACE', 'CONNECT'])
      assert.ok((await ask(`${method} /~openai/x HTTP/1.1\r\nHost: x\r\n${auth}\r\n`)).status >= 400, method);
    assert.equal(upstream.requests.length, 0);
    for (const method of ['HEAD', 'OPTIONS', 'DELETE', 'PATCH'])
      assert.equal((await broker.request('/~openai/v1/m', { base: gateway.base, token, method })).status, 200, method);
    assert.deepEqual(upstream.requests.map((r) => r.method), ['HEAD', 'OPTIONS', 'DELETE', 'PATCH']);
    upstream.requests.length = 0;
    const chunked = await ask(`POST /~openai/v1/c HTTP/1.1\r\nHost: x\r\n${auth}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
    assert.equal(chunked.status, 200);
    assert.equal(upstream.only('/v1/c').body.toString(), 'hello');
    const expecting = await must('curl', ['-sS', '-f', '-H', 'Expect: 100-continue', '-H', `Authorization: Bearer ${token}`,
      '-d', 'hello', `${gateway.base}/~openai/v1/e`]);
    assert.equal(JSON.parse(expecting.stdout).bytes, 5);
    const range = await call('/~openai/v1/r', { headers: { range: 'bytes=0-3', 'if-none-match': '*' } });
    assert.equal(range.status, 200);
    assert.deepEqual(upstream.only('/v1/r').fields('range'), ['bytes=0-3']);
    const socket = await ask(`GET /~openai/v1/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`
      + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
    assert.notEqual(socket.status, 101);
    assert.equal(upstream.requests.filter((r) => r.headers.upgrade).length, 0);
    const large = await ask(`GET /~openai/v1/l HTTP/1.1\r\nHost: x\r\n${auth}X-Large: ${'a'.repeat(12000)}\r\n\r\n`);
    assert.equal(large.status, 200);
    assert.ok((await ask(`GET /~openai/v1/l HTTP/1.1\r\nHost: x\r\n${auth}X-Large: ${'a'.repeat(20000)}\r\n\r\n`)).status >= 400);
    assert.equal(upstream.requests.filter((r) => r.url === '/v1/l').length, 1);
  });

  test('HTTP/2: a body that no length announces is not taken for none', async () => {
    const mine = await startGateway(wholeFile, broker, ['openai'], { upstream,
      edit: (text) => surroundings(/listen 127\.0\.0\.1:(\d+)/.exec(text)[1]) + text });
    const session = http2.connect(mine.base);
    const ask = (body, headers) => new Promise((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': '/~openai/v1/two', ...headers }, { endStream: body === undefined });
      let status, text = '';
      stream.on('response', (h) => { status = h[':status']; });
      stream.on('data', (d) => { text += d; });
      stream.on('error', reject);
      stream.on('close', () => resolve({ status, text }));
      if (body !== undefined) stream.end(body);
    });
    try {
      const bearer = (t) => ({ authorization: `Bearer ${t}` });
      const plain = await ask('hello', bearer(token));
      assert.equal(plain.status, 200, plain.text);
      const small = bearer(await broker.attenuate(token, '--caveat', 'body-size <= 3'));
      const hidden = await ask('longer than that', small);
      assert.equal(hidden.status, 400, hidden.text);
      assert.equal(JSON.parse(hidden.text).code, 'body-unseen');
      assert.equal((await ask('123', { ...small, 'content-length': 3 })).status, 200);
      assert.equal((await ask('1234', { ...small, 'content-length': 4 })).status, 401);
      const lied = await ask('longer than that', { ...small, 'content-length': 3 }).catch(() => ({ status: 0 }));
      assert.notEqual(lied.status, 200, 'a body that is longer than it says');
      assert.deepEqual(upstream.requests.filter((r) => r.complete).map((r) => r.body.length), [5, 3]);
    } finally {
      session.destroy();
    }
  });

  test('a token in the query stands in no log, though the upstream is down', async () => {
    const gone = await startUpstream(wholeFile, { key });
    await broker.addCredential('maps', { hosts: ['other.example'], secret: realKey(), upstream: gone,
      args: ['--slot', 'query:key', '--inject', 'bearer'] });
    const maps = await broker.mint('maps');
    const mine = await startGateway(wholeFile, broker, ['maps'], { upstream });
    await gone.stop();
    assert.equal((await broker.request(`/~maps/tiles?key=${maps}`, { base: mine.base })).status, 502);
    const logs = readdirSync(mine.directory).map((f) => `${mine.directory}/${f}`).filter((f) => statSync(f).isFile());
    for (const file of logs) assert.ok(!readFileSync(file, 'utf8').includes(maps), `${file} has the token`);
  });
});
