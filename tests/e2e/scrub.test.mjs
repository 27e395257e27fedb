// SPDX-License-Identifier: Apache-2.0
// Services echo keys: in error messages, debug headers, redirects. None of it reaches the client.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { startRawUpstream, startUpstream } from '../support/upstream.mjs';

// Characters that look different percent-encoded and in base64.
const key = `${realKey()}/+=~k&y`;
const percent = encodeURIComponent(key);
const base64 = Buffer.from(key).toString('base64');
let upstream, broker, token;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  token = await broker.mint('up');
});

function clean(bytes) {
  const text = bytes.toString('latin1');
  for (const form of [...encodings(key), ...escaped, percent.toLowerCase(), base64.replaceAll('=', '')])
    assert.ok(!text.includes(form), `the key reached the client: ${text.slice(0, 300)}`);
}

/** Everything that came to the client, to the byte. */
async function bytesOf(path, { method = 'GET', b = broker, name = 'up', tok = token } = {}) {
  const client = await b.connect();
  client.write(`${method} /~${name}${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tok}\r\n\r\n`);
  const parts = [];
  client.socket.on('data', (d) => parts.push(d));
  const answer = await client.answer({ method });
  client.destroy();
  return { answer, all: Buffer.concat(parts) };
}

const forms = { 'as it is': key, 'in base64': base64, 'percent-encoded': percent, 'percent-encoded in lower case': percent.replaceAll(/%../g, (e) => e.toLowerCase()),
  'in base64 for URLs': Buffer.from(key).toString('base64url'), 'in JSON with its slash escaped': key.replaceAll('/', '\\/'),
  'in JSON as Go writes it': key.replaceAll('&', '\\u0026'), 'in JSON as .NET writes it': key.replaceAll('&', '\\u0026').replaceAll('+', '\\u002B') };
// Writers differ in what they escape, and in the case of their digits.
Object.assign(forms, { 'as Python quotes it': percent.replaceAll('%2F', '/'), 'in mixed case': percent.replace('%2F', '%2f'),
  'with each of its characters escaped': [...key].map((c) => `%${c.charCodeAt(0).toString(16)}`).join(''),
  'in JSON with letters escaped': [...key].map((c, i) => (i % 2 ? c : `\\u00${c.charCodeAt(0).toString(16)}`)).join(''),
  'in base64, percent-encoded': encodeURIComponent(base64) });
const escaped = Object.values(forms);

for (const [form, text] of Object.entries(forms)) {
  test(`the key ${form} in a body with a length`, async () => {
    upstream.route('/body', (received, res) => {
      const body = JSON.stringify({ error: `bad key ${text}!`, twice: text });
      res.writeHead(400, { 'content-length': Buffer.byteLength(body), 'content-type': 'application/json' });
      res.end(body);
    });
    const { answer, all } = await bytesOf('/body');
    assert.equal(answer.status, 400);
    clean(all);
    assert.ok(answer.text.startsWith('{"error":"bad key '), answer.text);
    assert.ok(answer.text.endsWith('"}'), 'what follows the key is there');
  });

  test(`the key ${form} in a chunked body, cut at every place`, async () => {
    for (let at = 1; at < text.length; at++) {
      upstream.route('/cut', (received, res) => {
        res.write(`before|${text.slice(0, at)}`, () => setImmediate(() => res.end(`${text.slice(at)}|after`)));
      });
      const { answer, all } = await bytesOf('/cut');
      clean(all);
      assert.match(answer.text, /^before\|[^|]*\|after$/, `cut at ${at}`);
    }
  });

  test(`the key ${form} in a chunked body, byte by byte`, async () => {
    upstream.route('/bytes', async (received, res) => {
      for (const c of `before|${text}|after`) {
        res.write(c);
        await new Promise(setImmediate);
      }
      res.end();
    });
    const { answer, all } = await bytesOf('/bytes');
    clean(all);
    assert.match(answer.text, /^before\|[^|]*\|after$/);
  });

  test(`the key ${form} in header fields`, async () => {
    upstream.route('/headers', (received, res) =>
      res.writeHead(302, { 'x-debug': `key=${text};`, location: `https://elsewhere.example/?k=${text}`, 'set-cookie': [`a=${text}`, 'b=c'] }).end());
    const { answer, all } = await bytesOf('/headers');
    assert.equal(answer.status, 302);
    clean(all);
    assert.match(answer.headers.location, /^https:\/\/elsewhere\.example\/\?k=/);
  });
}

test('the key in the name of a header field: there is no such field', async (t) => {
  const plain = realKey(), raw = await startRawUpstream(t, { answer: (socket) => socket.write(
    `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-${plain}: 1\r\nX-Kept: 1\r\n${Buffer.from(plain).toString('base64url')}: 2\r\n\r\nok`) });
  await broker.addCredential('names', { secret: plain, upstream: raw, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
  const { answer, all } = await bytesOf('/x', { name: 'names', tok: await broker.mint('names') });
  assert.equal(answer.text, 'ok');
  assert.equal(answer.headers['x-kept'], '1');
  for (const text of encodings(plain)) assert.ok(!all.toString('latin1').includes(text), answer.text);
});

for (const pad of ['', 'x', 'xy'])
  test(`the key inside of a longer base64 text, ${pad.length} bytes from its start`, async () => {
    const whole = Buffer.from(`${pad}${key} and more`).toString('base64');
    upstream.route('/inside', (received, res) => res.writeHead(200, { 'x-inside': whole }).end(whole));
    const { answer } = await bytesOf('/inside');
    for (const text of [answer.text, answer.headers['x-inside']]) {
      const longest = Buffer.from(key).toString('base64').length / 2;
      for (let i = 0; i + longest <= whole.length; i++)
        assert.ok(!text.includes(whole.slice(i, i + longest)), `half of it is still there: ${text}`);
    }
  });

test('what replaces the key is the token as the client sent it', async () => {
  upstream.route('/who', (received, res) => res.end(`you are ${key}.`));
  const { answer } = await bytesOf('/who');
  assert.equal(answer.text, `you are ${token}.`);
});

test('an answer to HEAD, and one of 304', async () => {
  upstream.route('/none', (received, res) => res.writeHead(received.method === 'HEAD' ? 200 : 304, { etag: `"${base64}"` }).end());
  clean((await bytesOf('/none', { method: 'HEAD' })).all);
  clean((await bytesOf('/none')).all);
});

test('something that begins like the key and is not goes through whole', async () => {
  const near = `${key.slice(0, -1)}`;
  upstream.route('/near', (received, res) => {
    res.write(`x${near}`);
    res.end();
  });
  assert.equal((await bytesOf('/near')).answer.text, `x${near}`);
});

// threat 8
test('the key in trailers and in the reason of the status line', async (t) => {
  const raw = await startRawUpstream(t, { answer: (socket) => socket.write(
    `HTTP/1.1 200 ${key}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Key: ${key}\r\n\r\n`) });
  await broker.addCredential('raw', { secret: key, upstream: raw, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  const { answer, all } = await bytesOf('/x', { name: 'raw', tok: await broker.mint('raw') });
  assert.equal(answer.text, 'ok');
  clean(all);
});

describe('compressed answers', () => {
  for (const encoding of ['gzip', 'deflate', 'br', 'x-unknown'])
    test(`${encoding} although identity was asked for: 502, because it cannot be searched`, async () => {
      upstream.route('/zip', (received, res) => {
        assert.deepEqual(received.fields('accept-encoding'), ['identity']);
        res.writeHead(200, { 'content-encoding': encoding }).end(gzipSync(`key ${key}`));
      });
      const { answer, all } = await bytesOf('/zip');
      assert.equal(answer.status, 502, answer.text);
      assert.equal(JSON.parse(answer.text).code, 'response-encoded');
      clean(all);
    });

  // threat 9
  test('identity as a content encoding is none', async () => {
    upstream.route('/identity', (received, res) => res.writeHead(200, { 'content-encoding': 'identity' }).end('fine'));
    assert.equal((await bytesOf('/identity')).answer.text, 'fine');
  });

  test('with scrubbing turned off the client\'s own Accept-Encoding goes through', async () => {
    await broker.addCredential('large', { secret: key, upstream, hosts: ['upstream.example'],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}', '--no-scrub'] });
    upstream.route('/large', (received, res) => {
      assert.deepEqual(received.fields('accept-encoding'), ['gzip']);
      res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('large'));
    });
    const answer = await broker.request('/~large/large', { token: await broker.mint('large'), headers: { 'accept-encoding': 'gzip' } });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, 'large');
  });
});

test('basic credentials: user and password, and the field they make', async () => {
  const secret = realKey('pw-');
  const up = await startUpstream(wholeFile, { accepts: () => true });
  const field = Buffer.from(`svc:${secret}`).toString('base64');
  up.route('/echo', (received, res) => res.end(`got ${received.headers.authorization} for ${secret}`));
  await broker.addCredential('basic', { secret: `svc:${secret}`, upstream: up, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'basic'] });
  const tok = await broker.mint('basic');
  const { answer } = await bytesOf('/echo', { name: 'basic', tok });
  assert.equal(answer.status, 200);
  assert.equal(up.only('/echo').headers.authorization, `Basic ${field}`);
  for (const text of [secret, field, Buffer.from(secret).toString('base64')])
    assert.ok(!answer.text.includes(text), answer.text);
  const text = `${field}|${secret}`;
  for (let at = 1; at < text.length; at++) {
    up.route('/cut', (received, res) => {
      res.write(text.slice(0, at), () => setImmediate(() => res.end(text.slice(at))));
    });
    const cut = await bytesOf('/cut', { name: 'basic', tok });
    assert.ok(!cut.answer.text.includes(field) && !cut.answer.text.includes(secret), `cut at ${at}: ${cut.answer.text}`);
  }
});

test('events of a stream come out at once although the scrubber must look ahead', async () => {
  const held = upstream.hold('/stream');
  const client = await broker.connect();
  client.write(`GET /~up/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  const { res } = await held.next();
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const n of [1, 2, 3]) {
    res.write(`data: ${n}\n\n`);
    await client.when(`event ${n}`, () => client.input.includes(`data: ${n}\n\n`));
  }
  res.write(`data: ${key}\n\n`);
  await client.when('the replaced event', () => client.input.includes(`data: ${token}\n\n`));
  res.end();
  clean(Buffer.from((await client.answer()).text));
  client.destroy();
});
