// SPDX-License-Identifier: Apache-2.0
// Signed requests: a receiver of webhooks verifies with Node's crypto what it received.

import assert from 'node:assert/strict';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { before, beforeEach, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

let upstream, broker;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
  broker = await startBroker(wholeFile);
});

beforeEach(() => {
  upstream.requests.length = 0;
});

let count = 0;

async function credential(inject, options = [], { secret = realKey('whsec-'), on = broker } = {}) {
  const name = `h${++count}`;
  await on.addCredential(name, { secret, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', inject, ...options.flatMap((o) => ['--option', o])] });
  return { name, secret, token: await on.mint(name) };
}

/** What a receiver does with what came: `text` is what its documentation says is signed. */
function verify(received, field, text, { key, algorithm = 'sha256', encoding = 'hex', prefix = '' }) {
  const values = received.fields(field);
  assert.equal(values.length, 1, `one ${field}: ${values}`);
  const want = Buffer.from(prefix + createHmac(algorithm, key).update(text).digest(encoding));
  const got = Buffer.from(values[0]);
  assert.ok(got.length === want.length && timingSafeEqual(got, want), `${field}: ${got}, not ${want}`);
}

function good(answer) {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(upstream.requests.length, 1);
  assert.ok(!upstream.requests[0].text().includes('kh1_'));
  return upstream.requests[0];
}

describe('the body', () => {
  test('as GitHub signs it, byte for byte as it came', async () => {
    const c = await credential('hmac:sha256:hex:X-Hub-Signature-256: sha256={signature}');
    const body = '{"é": 1e400,  "x":"\\u0000"}\n';
    const received = good(await broker.request(`/~${c.name}/hook`, { method: 'POST', token: c.token, body,
      headers: { 'X-Hub-Signature-256': 'sha256=client' } }));
    assert.equal(received.body.toString(), body);
    verify(received, 'x-hub-signature-256', body, { key: c.secret, prefix: 'sha256=' });
    assert.ok(!received.text().includes(c.secret), 'the key is on no request');
  });

  test('in chunks, of bytes that are no text, larger than one message', async () => {
    const c = await credential('hmac:sha512:base64:X-Signature');
    const body = randomBytes(300000);
    const stream = new ReadableStream({ start(control) {
      for (let at = 0; at < body.length; at += 65000) control.enqueue(body.subarray(at, at + 65000));
      control.close();
    } });
    const answer = await fetch(`${broker.url}/~${c.name}/hook`, { method: 'POST', body: stream, duplex: 'half', headers: { authorization: `Bearer ${c.token}` } });
    assert.equal(answer.status, 200, await answer.text());
    const [received] = upstream.requests;
    assert.ok(received.body.equals(body));
    verify(received, 'x-signature', body, { key: c.secret, algorithm: 'sha512', encoding: 'base64' });
  });

  for (const method of ['GET', 'POST'])
    test(`${method} without one is signed as an empty one`, async () => {
      const c = await credential('hmac:sha256:hex:X-Signature');
      const received = good(await broker.request(`/~${c.name}/hook`, { method, token: c.token }));
      verify(received, 'x-signature', '', { key: c.secret });
    });

  test('beside a caveat that looks into it', async () => {
    const c = await credential('hmac:sha256:hex:X-Signature');
    const narrow = await broker.attenuate(c.token, '--caveat', 'body[/model] = small');
    const body = '{"model":"small"}';
    verify(good(await broker.request(`/~${c.name}/hook`, { method: 'POST', token: narrow, body })), 'x-signature', body, { key: c.secret });
    upstream.requests.length = 0;
    broker.denied(await broker.request(`/~${c.name}/hook`, { method: 'POST', token: narrow, body: '{"model":"large"}' }), 401, 'caveat-failed');
    assert.equal(upstream.requests.length, 0);
  });

  test('more than the broker holds back', async () => {
    const c = await credential('hmac:sha256:hex:X-Signature');
    broker.denied(await broker.request(`/~${c.name}/hook`, { method: 'POST', token: c.token, body: 'x'.repeat(2 << 20) }), 413, 'body-too-large');
    assert.equal(upstream.requests.length, 0);
  });

  test('more than is ever signed', async (t) => {
    const own = await startBroker(t, { config: 'limits:\n  body: 32MiB\n' });
    const c = await credential('hmac:sha256:hex:X-Signature', [], { on: own });
    const body = 'y'.repeat(9 << 20);
    verify(good(await own.request(`/~${c.name}/hook`, { method: 'POST', token: c.token, body })), 'x-signature', body, { key: c.secret });
    const client = await own.connect();
    client.write(`POST /~${c.name}/hook HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${c.token}\r\nContent-Length: ${17 << 20}\r\n\r\n`);
    own.denied(await client.answer(), 413, 'body-too-large');
    client.destroy();
  });

  test('many at once, each its own', async () => {
    const c = await credential('hmac:sha256:hex:X-Signature');
    const bodies = Array.from({ length: 40 }, (_, i) => `${i}`.repeat(20000 + i));
    const answers = await Promise.all(bodies.map((body) => broker.request(`/~${c.name}/hook`, { method: 'POST', token: c.token, body })));
    for (const answer of answers) assert.equal(answer.status, 200, answer.text);
    for (const received of upstream.requests) verify(received, 'x-signature', received.body, { key: c.secret });
    assert.equal(new Set(upstream.requests.map((r) => r.body.toString())).size, 40);
  });
});

describe('a template', () => {
  const near = (seconds) => Math.abs(seconds - Date.now() / 1000) < 60;

  test('as Stripe signs: the timestamp in the same header', async () => {
    const c = await credential('hmac:sha256:hex:Stripe-Signature: t={timestamp},v1={signature}', ['sign={timestamp}.{body}']);
    const received = good(await broker.request(`/~${c.name}/hook`, { method: 'POST', token: c.token, body: '{}' }));
    const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(received.headers['stripe-signature']);
    assert.ok(near(Number(time)));
    assert.equal(signature, createHmac('sha256', c.secret).update(`${time}.{}`).digest('hex'));
  });

  test('as Slack signs: the timestamp in a header of its own', async () => {
    const c = await credential('hmac:sha256:hex:X-Slack-Signature: v0={signature}', ['sign=v0:{timestamp}:{body}', 'timestamp-header=X-Slack-Request-Timestamp']);
    const received = good(await broker.request(`/~${c.name}/hook`, { method: 'POST', token: c.token, body: 'a=b',
      headers: { 'X-Slack-Request-Timestamp': '1' } }));
    const [time, ...more] = received.fields('x-slack-request-timestamp');
    assert.deepEqual(more, [], 'the client\'s own went');
    assert.ok(near(Number(time)));
    verify(received, 'x-slack-signature', `v0:${time}:a=b`, { key: c.secret, prefix: 'v0=' });
  });

  test('lines of method and path, with a key of bytes', async () => {
    const bytes = randomBytes(32);
    const c = await credential('hmac:sha256:base64:X-Sign', ['sign={timestamp}\\n{method}\\n{path}\\n{body}', 'timestamp-header=X-Time',
      'timestamp-format=milliseconds', 'key-encoding=base64'], { secret: bytes.toString('base64') });
    const received = good(await broker.request(`/~${c.name}/a%20b?q=1`, { method: 'PUT', token: c.token, body: 'x' }));
    const time = received.headers['x-time'];
    assert.ok(near(Number(time) / 1000));
    verify(received, 'x-sign', `${time}\nPUT\n/a%20b\nx`, { key: bytes, encoding: 'base64' });
  });

  test('of the head alone lets the body stream past', async () => {
    const c = await credential('hmac:sha256:hex:X-Signature', ['sign={method}{path}']);
    const received = good(await broker.request(`/~${c.name}/big`, { method: 'POST', token: c.token, body: 'x'.repeat(3 << 20) }));
    verify(received, 'x-signature', 'POST/big', { key: c.secret });
  });
});

describe('and else', () => {
  test('a rotated key signs the next request', async () => {
    const c = await credential('hmac:sha256:hex:X-Signature');
    const fresh = realKey('whsec-');
    broker.secrets.push(fresh);
    await broker.operator(['credential', 'rotate', c.name], { stdin: fresh });
    verify(good(await broker.request(`/~${c.name}/hook`, { method: 'POST', token: c.token, body: 'x' })), 'x-signature', 'x', { key: fresh });
  });

  test('a signature that comes back is scrubbed', async () => {
    const c = await credential('hmac:sha256:hex:X-Signature');
    upstream.route('/echo', (received, res) => res.writeHead(200, { 'content-type': 'text/plain' }).end(received.text()));
    const answer = await broker.request(`/~${c.name}/echo`, { method: 'POST', token: c.token, body: 'x' });
    assert.ok(!answer.text.includes(createHmac('sha256', c.secret).update('x').digest('hex')), answer.text);
    assert.ok(answer.text.includes(c.token));
  });

  test('a name that differs from the signature\'s only by _ for -', async () => {
    const c = await credential('hmac:sha256:hex:X-Signature');
    broker.denied(await broker.request(`/~${c.name}/hook`, { method: 'POST', token: c.token, body: 'x', headers: { X_Signature: 'evil' } }), 400, 'request-malformed');
  });

  for (const [what, inject, options, text] of [
    ['an algorithm that is not there', 'hmac:md5:hex:X-Signature', [], /sha256 or sha512/],
    ['a mark that is not there', 'hmac:sha256:hex:X-Signature', ['sign={query}'], /there are \{body\}/],
    ['a timestamp that nobody carries', 'hmac:sha256:hex:X-Signature', ['sign={timestamp}'], /timestamp-header/],
    ['a timestamp that nobody signs', 'hmac:sha256:hex:X-Signature', ['timestamp-header=X-Time'], /not signed/],
  ])
    test(`refused when it is added: ${what}`, async () => {
      const result = await broker.operator(['credential', 'add', 'bad', '--host', 'upstream.example', '--slot', 'bearer', '--inject', inject,
        ...options.flatMap((o) => ['--option', o])], { stdin: 'key', may: true });
      assert.equal(result.status, 1);
      assert.match(result.stderr, text);
    });
});
