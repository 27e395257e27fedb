// SPDX-License-Identifier: Apache-2.0
// Slow, silent and many: each state has a limit, and the others are served meanwhile.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { inTime, until } from '../support/wait.mjs';

const key = realKey();
const UP = { hosts: ['upstream.example'], args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] };
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

async function serving(t, config) {
  const broker = await startBroker(t, { config });
  await broker.addCredential('up', { secret: key, upstream, ...UP });
  return { broker, token: await broker.mint('up') };
}

const head = (token, more = '') => `GET /~up/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${more}`;

describe('time', () => {
  test('a head that does not arrive: 408, on record, and the connection ends', async (t) => {
    const { broker, token } = await serving(t, 'timeouts:\n  head: 100ms');
    const client = await broker.connect();
    client.write(head(token));
    broker.denied(await client.answer(), 408, 'request-timeout');
    await client.closes();
    client.destroy();
  });

  test('a head that comes one byte at a time, for ever', async (t) => {
    const { broker, token } = await serving(t, 'timeouts:\n  head: 200ms');
    const client = await broker.connect();
    const drip = setInterval(() => client.write('X'), 20);
    t.after(() => clearInterval(drip));
    client.write(head(token, 'X-Slow: '));
    await client.closes();
    client.destroy();
  });

  test('a connection that says nothing is closed without a word', async (t) => {
    const { broker } = await serving(t, 'timeouts:\n  idle: 100ms\n  head: 100ms');
    const client = await broker.connect();
    await client.closes();
    client.destroy();
  });

  test('a connection that rests between requests', async (t) => {
    await inTime(async (seconds) => {
      const { broker, token } = await serving(t, `timeouts:\n  idle: ${seconds * 1000}ms`);
      const client = await broker.connect();
      client.write(`${head(token)}\r\n`);
      assert.equal((await client.answer()).status, 200);
      assert.equal(await client.closes(), 'end');
      client.destroy();
    }, [0.1, 1, 10]);
  });

  test('a request body that stands still', async (t) => {
    const { broker, token } = await serving(t, 'timeouts:\n  body: 100ms');
    upstream.requests.length = 0;
    const client = await broker.connect();
    client.write(`POST /~up/still HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 10\r\n\r\nabc`);
    const answer = await client.answer();
    if (answer) assert.ok([408, 502, 504].includes(answer.status), answer.text);
    await client.closes();
    client.destroy();
    assert.ok(!upstream.requests.some((r) => r.complete));
  });

  test('an answer that stands still is cut, and does not look whole', async (t) => {
    const { broker, token } = await serving(t, 'timeouts:\n  body: 100ms');
    const held = upstream.hold('/stalled');
    const client = await broker.connect();
    client.write(`GET /~up/stalled HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const { res } = await held.next();
    res.writeHead(200);
    res.write('half of it');
    await client.closes();
    assert.ok(!client.input.toString('latin1').endsWith('0\r\n\r\n'));
    client.destroy();
  });
});

describe('numbers', () => {
  test('one connection more than allowed is told so; those within are served', async (t) => {
    const { broker, token } = await serving(t, 'workers: 1\nlimits:\n  connections: 4');
    const clients = [];
    const ask = async (client) => {
      client.write(`${head(token)}\r\n`);
      return client.answer();
    };
    for (let i = 0; i < 4; i++) {
      clients.push(await broker.connect());
      assert.equal((await ask(clients[i])).status, 200);
    }
    const beyond = await broker.connect();
    const answer = await beyond.answer();
    assert.equal(answer.status, 503, answer.text);
    assert.equal(JSON.parse(answer.text).code, 'broker-busy');
    assert.match(answer.headers['retry-after'], /^\d+$/);
    await beyond.closes();
    beyond.destroy();
    for (const client of clients) assert.equal((await ask(client)).status, 200);
    for (const client of clients) client.destroy();
    await until('there is room again', async () => (await broker.request('/~up/x', { token }).catch(() => null))?.status === 200);
  });

  test('hundreds of silent connections do not keep others from being served', async (t) => {
    const { broker, token } = await serving(t);
    const silent = await Promise.all(Array.from({ length: 300 }, () => broker.connect()));
    for (const client of silent) client.write('GET /~up/x HTTP/1.1\r\nHost: loc');
    for (let i = 0; i < 10; i++) assert.equal((await broker.request('/~up/x', { token })).status, 200);
    for (const client of silent) client.destroy();
  });

  test('a hundred requests at once, each with its own answer', async (t) => {
    const { broker, token } = await serving(t);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) =>
      broker.request(`/~up/n${i}`, { token, method: i % 2 ? 'POST' : 'GET', body: i % 2 ? 'x'.repeat(i * 1000) : undefined })));
    answers.forEach((answer, i) => {
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json().url, `/n${i}`);
      assert.equal(answer.json().bytes, i % 2 ? i * 1000 : 0);
    });
    const records = broker.audit();
    records.forEach((r, i) => assert.equal(r.seq, i + 1));
    assert.equal(broker.decisions().length, 100);
    await broker.operator(['audit', 'verify']);
  });

  test('a client that ends its side after the request still gets the answer', async (t) => {
    const { broker, token } = await serving(t);
    const held = upstream.hold('/half');
    const client = await broker.connect();
    client.socket.end(`GET /~up/half HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const { res } = await held.next();
    res.end('late');
    const answer = await client.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.text, 'late');
  });

  test('when clients go away in the middle, so do their requests upstream', async (t) => {
    // An upstream of its own: its connections are this broker's alone.
    const own = await startUpstream(t, { key });
    const broker = await startBroker(t, { config: 'workers: 1' });
    await broker.addCredential('up', { secret: key, upstream: own, ...UP });
    const token = await broker.mint('up');
    const waiting = own.hold('/waiting'), streaming = own.hold('/streaming');
    const clients = [];
    for (let i = 0; i < 20; i++) {
      const client = await broker.connect();
      clients.push(client);
      const path = i % 2 ? '/waiting' : '/streaming';
      client.write(`GET /~up${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      const { res } = await (i % 2 ? waiting : streaming).next();
      if (i % 2) continue;
      res.writeHead(200);
      res.write('first\n');
      await client.when('the first line', () => client.input.includes('first\n'));
    }
    assert.ok(own.sockets.size >= 20);
    for (const client of clients) client.destroy();
    await until('the upstream connections are closed', () => own.sockets.size === 0);
    assert.equal((await broker.request('/~up/x', { token })).status, 200);
  });
});

// Each costs a decryption, and nothing besides: they go on together, and no memory is held for them.
test('a body in TLS records of one byte', async (t) => {
  const broker = await new Broker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0\n    tls: true' }).init();
  await broker.start();
  await broker.addCredential('up', { secret: key, upstream, ...UP });
  const token = await broker.mint('up');
  const ca = (await broker.operator(['ca', 'show'])).stdout;
  const body = Array.from({ length: 16384 }, (_, i) => String.fromCharCode(97 + i % 23)).join('');
  const client = await broker.connect({ tls: { ca, servername: 'localhost' } });
  client.write(`POST /~up/grains HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n\r\n`);
  for (const byte of body) // one at a time: what is written meanwhile would go into one record
    await new Promise((resolve) => client.socket.write(byte, resolve));
  assert.equal((await client.answer()).status, 200);
  client.destroy();
  const arrived = upstream.requests.find((r) => r.url === '/grains').body.toString('latin1');
  assert.ok(arrived === body, `${arrived.length} bytes arrived of ${body.length}, or others`);
});
