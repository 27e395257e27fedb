// SPDX-License-Identifier: Apache-2.0
// What clients do with a connection, through each way in: WebSockets that are cut when their token
// ends, server-sent events as they come, 100-continue, keep-alive and pipelining, HTTP/1.0.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';

import { WebSocketServer } from 'ws';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { EventStream, startUpstream } from '../support/upstream.mjs';
import { inTime, until } from '../support/wait.mjs';

const key = realKey(), HOST = 'upstream.example';
let upstream, broker, token, ca;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  const server = new WebSocketServer({ noServer: true });
  upstream.server.on('upgrade', (req, socket, head) => {
    if (req.headers.authorization !== `Bearer ${key}`) return socket.destroy();
    server.handleUpgrade(req, socket, head, (ws) => ws.on('message', (data) => ws.send(`${data}!`)));
  });
  broker = await startBroker(wholeFile);
  await broker.addCredential('up', { secret: key, upstream, hosts: [HOST], args: ['--slot', 'bearer'] });
  token = await broker.mint('up');
  ca = (await broker.operator(['ca', 'show'])).stdout;
});

beforeEach(() => {
  upstream.requests.length = 0;
});

/** Each way: a connection, and the start of a request on it. */
const ways = {
  'base-url': {
    connect: () => broker.connect(),
    head: (method, path, version = '1.1') => `${method} /~up${path} HTTP/${version}\r\nHost: 127.0.0.1:${broker.port}\r\n`,
  },
  host: {
    connect: () => broker.connect(),
    head: (method, path, version = '1.1') => `${method} ${path} HTTP/${version}\r\nHost: ${HOST}\r\n`,
  },
  'http-proxy': {
    connect: () => broker.connect(),
    head: (method, path, version = '1.1') => `${method} http://${HOST}${path} HTTP/${version}\r\nHost: ${HOST}\r\n`,
  },
  connect: {
    async connect() {
      const client = await broker.connect();
      client.write(`CONNECT ${HOST}:443 HTTP/1.1\r\nHost: ${HOST}:443\r\n\r\n`);
      assert.equal((await client.answer({ method: 'HEAD' })).status, 200);
      await client.startTls({ servername: HOST, ca });
      return client;
    },
    head: (method, path, version = '1.1') => `${method} ${path} HTTP/${version}\r\nHost: ${HOST}\r\n`,
  },
  unix: {
    way: 'base-url',
    connect: () => broker.connect({ way: 'unix' }),
    head: (method, path, version = '1.1') => `${method} /~up${path} HTTP/${version}\r\nHost: localhost\r\n`,
  },
};

const bearer = (t = token) => `Authorization: Bearer ${t}\r\n`;

/** A text frame as a client sends it (RFC 6455 5.2), with a mask of zeros. */
const frame = (text) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);

async function webSocket(way, mine) {
  const client = await way.connect();
  client.write(`${way.head('GET', '/chat')}${bearer(mine)}Connection: Upgrade\r\nUpgrade: websocket\r\n`
    + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  await client.when('the answer to the handshake', () => client.input.includes('\r\n\r\n'));
  assert.match(client.input.toString('latin1'), /^HTTP\/1\.1 101 /);
  client.input = client.input.subarray(client.input.indexOf('\r\n\r\n') + 4);
  client.write(frame('hello'));
  await client.when('the echo', () => client.input.includes('hello!'));
  return client;
}

for (const [name, way] of Object.entries(ways)) {
  describe(name, () => {
    test('a WebSocket, cut by revocation', async () => {
      const mine = await broker.mint('up');
      const client = await webSocket(way, mine);
      assert.equal(broker.decisions().findLast((r) => r.decision === 'allow').way, way.way ?? name);
      await broker.operator(['revoke', '-'], { stdin: mine });
      await client.closes();
      client.destroy();
      await until('the cut is on record', () => broker.audit().some((r) => r.kind === 'outcome' && r.reason === 'revoked'));
    });

    test('a WebSocket, cut when the token expires', async () => {
      const client = await inTime(async (s) => webSocket(way, await broker.mint('up', { lifetime: `${s}s` })));
      await client.closes();
      client.destroy();
    });

    test('server-sent events come as they are sent, and stop at revocation', async () => {
      const mine = await broker.mint('up');
      const queue = upstream.hold('/events');
      const client = await way.connect();
      client.write(`${way.head('GET', '/events')}${bearer(mine)}Accept: text/event-stream\r\n\r\n`);
      const { res } = await queue.next();
      const events = new EventStream(res);
      for (const n of [1, 2]) { // the second is sent when the first was seen
        events.send(`event number ${n}`);
        await client.when(`event ${n}`, () => client.input.includes(`data: event number ${n}\n\n`));
      }
      await broker.operator(['revoke', '-'], { stdin: mine });
      await client.closes();
      await events.dropped();
      client.destroy();
    });

    test('100-continue comes when the head was allowed, and not when it was not', async () => {
      const client = await way.connect();
      client.write(`${way.head('POST', '/x')}${bearer()}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
      await client.when('the interim answer', () => client.input.includes('\r\n\r\n'));
      assert.match(client.input.toString('latin1'), /^HTTP\/1\.1 100 [^\r]*\r\n\r\n$/);
      client.write('hello');
      assert.equal((await client.answer()).status, 200);
      assert.equal(upstream.only('/x').body.toString(), 'hello');
      client.destroy();
      const other = await way.connect();
      const interim = [];
      other.write(`${way.head('POST', '/y')}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
      assert.equal((await other.answer({ interim })).status, 401);
      assert.equal(interim.length, 0);
      other.destroy();
    });

    test('keep-alive and pipelining: in order, each judged by itself', async () => {
      const narrow = await broker.attenuate(token, '--path', '/yes/**');
      const paths = ['/yes/1', '/no/1', '/yes/2'];
      const client = await way.connect();
      client.write(paths.map((p) => `${way.head('GET', p)}${bearer(narrow)}\r\n`).join(''));
      const statuses = [];
      for (const path of paths) {
        const answer = await client.answer();
        statuses.push(answer.status);
        if (answer.status === 200) assert.equal(JSON.parse(answer.text).url, path);
      }
      assert.deepEqual(statuses, [200, 401, 200]);
      client.write(`${way.head('GET', '/yes/3')}${bearer(narrow)}Connection: close\r\n\r\n`);
      assert.equal((await client.answer()).status, 200);
      assert.equal(await client.closes(), 'end');
      client.destroy();
    });

    test('HTTP/1.0: the answer ends with the connection', async () => {
      upstream.route('/parts', (received, res) => {
        res.write('part one, ');
        res.end('part two');
      });
      const client = await way.connect();
      client.write(`${way.head('GET', '/parts', '1.0')}${bearer()}\r\n`);
      const answer = await client.answer();
      assert.equal(answer.status, 200);
      assert.equal(answer.framing, 'close');
      assert.equal(answer.text, 'part one, part two');
      assert.equal(await client.closes(), 'end');
      client.destroy();
    });
  });
}
