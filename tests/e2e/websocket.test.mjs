// SPDX-License-Identifier: Apache-2.0
// WebSockets, with npm's ws at both ends: frames both ways, the key in a header or a subprotocol, and
// the ends that a broker puts to one.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, beforeEach, describe, test } from 'node:test';

import WebSocket, { WebSocketServer } from 'ws';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { deferred, inTime, until, within } from '../support/wait.mjs';

const key = realKey();
let upstream, broker, token, ca, server;
let behave = () => {}; // of the server, for each WebSocket

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  server = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  upstream.upgrades = [];
  upstream.server.on('upgrade', (req, socket, head) => {
    upstream.upgrades.push(req);
    const found = req.headers.authorization === `Bearer ${key}` || (req.headers['sec-websocket-protocol'] ?? '').includes(key);
    if (!found) return socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    const raw = upstream.raw?.(req, socket);
    if (!raw) server.handleUpgrade(req, socket, head, (ws) => behave(ws, req));
  });
  broker = await startBroker(wholeFile);
  await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
  token = await broker.mint('up');
  ca = (await broker.operator(['ca', 'show'])).stdout;
});

beforeEach(() => {
  upstream.upgrades.length = 0;
  upstream.raw = undefined;
  behave = (ws) => ws.on('message', (data, binary) => ws.send(data, { binary }));
});

/** A client's WebSocket with what came, and how it ended. */
async function connect(url, { protocols, headers, ...options } = {}) {
  const ws = new WebSocket(url, protocols ?? [], { headers, ...options });
  ws.received = [];
  const closed = deferred();
  ws.closed = closed.promise;
  ws.on('message', (data) => ws.received.push(data.toString()));
  ws.on('close', (code) => closed.resolve(code));
  const opened = deferred();
  ws.on('open', opened.resolve);
  ws.on('error', (error) => opened.reject(error));
  ws.on('upgrade', (response) => { ws.response = response; });
  ws.on('unexpected-response', (request, response) => {
    let text = '';
    response.on('data', (d) => { text += d; });
    response.on('end', () => opened.reject(Object.assign(new Error(`answer ${response.statusCode}`),
      { answer: { status: response.statusCode, headers: response.headers, text } })));
  });
  await within('the WebSocket to open', opened.promise);
  return ws;
}

const url = (path = '/chat', name = 'up') => `${broker.url.replace('http', 'ws')}/~${name}${path}`;
const bearer = (t) => ({ authorization: `Bearer ${t}` });
const got = (ws, n) => until(`${n} messages`, () => ws.received.length >= n);

function outcomeOf(ws) {
  const id = ws.response.headers['keyhole-request-id'];
  return until('the outcome is on record', () => broker.audit().find((r) => r.kind === 'outcome' && r.id === id));
}

/** Through CONNECT, TLS ending in the broker. */
async function throughConnect(options) {
  const client = await broker.connect();
  client.write('CONNECT upstream.example:443 HTTP/1.1\r\nHost: upstream.example:443\r\n\r\n');
  assert.equal((await client.answer({ method: 'HEAD' })).status, 200);
  await client.startTls({ servername: 'upstream.example', ca });
  for (const [event, listener] of Object.entries(client.listeners)) client.socket.off(event, listener);
  return connect('wss://upstream.example/chat', { ...options, createConnection: () => client.socket });
}

describe('messages', () => {
  for (const [way, open] of [['the base URL', (o) => connect(url(), o)], ['CONNECT', throughConnect]])
    test(`both ways through ${way}, and an orderly end`, async () => {
      const ws = await open({ headers: bearer(token) });
      const [request] = upstream.upgrades;
      assert.equal(request.headers.authorization, `Bearer ${key}`);
      assert.equal(request.headers['sec-websocket-extensions'], undefined, 'no compression: it would hide the key');
      for (const text of ['one', 'two', 's', 'sk', key.slice(0, -1)]) ws.send(text);
      await got(ws, 5);
      assert.deepEqual(ws.received, ['one', 'two', 's', 'sk', key.slice(0, -1)]);
      ws.close(4001);
      assert.equal(await ws.closed, 4001);
      const outcome = await outcomeOf(ws);
      assert.equal(outcome.status, 101, JSON.stringify(outcome));
      assert.equal(outcome.reason, undefined);
      assert.ok(outcome.bytes_up > 20 && outcome.bytes_down > 20, JSON.stringify(outcome));
    });

  test('large ones, and a reader that is slow', async () => {
    const data = Buffer.alloc(3 << 20, 'x');
    const sum = createHash('sha256').update(data).digest('hex');
    behave = (ws) => ws.on('message', () => { for (let i = 0; i < 4; i++) ws.send(data); });
    const ws = await connect(url(), { headers: bearer(token) });
    const sums = [];
    ws.removeAllListeners('message');
    ws.on('message', (d) => {
      sums.push(createHash('sha256').update(d).digest('hex'));
      ws.pause();
      setImmediate(() => ws.resume());
    });
    ws.send(data);
    await until('four answers', () => sums.length === 4);
    assert.deepEqual(new Set(sums), new Set([sum]));
    ws.terminate();
  });

  test('the server ends it', async () => {
    behave = (ws) => { ws.send('bye'); ws.close(1000); };
    const ws = await connect(url(), { headers: bearer(token) });
    assert.equal(await ws.closed, 1000);
    assert.deepEqual(ws.received, ['bye']);
  });

  test('the client vanishes', async () => {
    const gone = deferred();
    behave = (ws) => ws.on('close', gone.resolve);
    const ws = await connect(url(), { headers: bearer(token) });
    ws.terminate();
    await within('the server to hear of it', gone.promise);
  });
});

describe('the subprotocol', () => {
  test('carries the token, and the answer names what the client sent', async () => {
    for (const [name, more] of [['sub', []], ['sub-raw', ['--no-scrub']]]) {
      await broker.addCredential(name, { secret: key, upstream, hosts: ['upstream.example'],
        args: ['--inject', 'subprotocol:openai-insecure-api-key.{secret}', ...more] });
      const own = await broker.mint(name);
      server.options.handleProtocols = (protocols) => [...protocols].find((p) => p.includes(key));
      const ws = await connect(url('/chat', name), { protocols: ['realtime', `openai-insecure-api-key.${own}`, 'beta'] });
      assert.equal(ws.protocol, `openai-insecure-api-key.${own}`);
      assert.equal(upstream.upgrades.at(-1).headers['sec-websocket-protocol'].replaceAll(/, */g, ','), `realtime,openai-insecure-api-key.${key},beta`);
      ws.send('x');
      await got(ws, 1);
      ws.close();
      await ws.closed;
    }
    server.options.handleProtocols = undefined;
  });

  test('OpenAI\'s preset: as browsers open the realtime API, the key in the header', async () => {
    await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
    const own = await broker.mint('openai'), prefix = 'openai-insecure-api-key.';
    server.options.handleProtocols = (protocols) => [...protocols][0];
    for (const headers of [{}, bearer(own)]) {
      const ws = await connect(url('/v1/realtime?model=m', 'openai'), { protocols: ['realtime', `${prefix}${own}`, 'openai-beta.realtime-v1'], headers });
      assert.equal(ws.protocol, 'realtime');
      const seen = upstream.upgrades.at(-1).headers;
      assert.equal(seen.authorization, `Bearer ${key}`);
      assert.deepEqual(seen['sec-websocket-protocol'].split(/, */), ['realtime', 'openai-beta.realtime-v1']);
      ws.send('x');
      await got(ws, 1);
      ws.close();
      await ws.closed;
    }
    server.options.handleProtocols = undefined;
    upstream.upgrades.length = 0;
    for (const headers of [{}, bearer(own)])
      await assert.rejects(connect(url('/v1/realtime', 'openai'), { protocols: ['realtime', `${prefix}sk-somebodys-own`], headers }), (error) => {
        broker.denied(error.answer, 401, 'foreign-key');
        return true;
      });
    assert.equal(upstream.upgrades.length, 0);
  });

  test('of a credential whose slot that is not', async () => {
    await assert.rejects(connect(url(), { protocols: [`k.${token}`], headers: bearer(token) }), (error) => {
      broker.denied(error.answer, 400, 'token-misplaced');
      return true;
    });
    assert.equal(upstream.upgrades.length, 0);
  });
});

describe('what is cut', () => {
  async function echoing(open) {
    const ws = await open();
    ws.send('before');
    await got(ws, 1);
    return ws;
  }

  async function cut(open, act, reason) {
    const ws = await echoing(open);
    await act(ws);
    assert.equal(await within('the WebSocket to be cut', ws.closed), 1006);
    const outcome = await outcomeOf(ws);
    assert.equal(outcome.reason, reason, JSON.stringify(outcome));
    assert.ok(!ws.received.join().includes(key));
    return outcome;
  }

  test('by revocation', async () => {
    const mine = await broker.mint('up');
    await cut(() => connect(url(), { headers: bearer(mine) }),
      () => broker.operator(['revoke', '-'], { stdin: mine }), 'revoked');
    await until('the cut is on record', () => broker.audit().some((r) => r.rejudged === 'yes' && r.reason === 'revoked'));
  });

  test('by the end of the token', async () => {
    const ws = await inTime(async (s) => {
      const mine = await broker.mint('up', { lifetime: `${s}s` });
      return echoing(() => connect(url(), { headers: bearer(mine) }));
    });
    assert.equal(await within('the WebSocket to be cut', ws.closed, 60000), 1006);
    assert.equal((await outcomeOf(ws)).reason, 'expired');
  });

  test('by silence', async (t) => {
    const own = await startBroker(t, { config: 'timeouts:\n  tunnel: 300ms\n' });
    await own.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
    const ws = await connect(`${own.url.replace('http', 'ws')}/~up/chat`, { headers: bearer(await own.mint('up')) });
    assert.equal(await within('the WebSocket to be cut', ws.closed), 1006);
  });

  for (const [what, send] of [
    ['as it is', (ws) => ws.send(`your key is ${key}.`)],
    ['in base64', (ws) => ws.send(Buffer.from(`x${key}`).toString('base64'))],
    ['inside of JSON', (ws) => ws.send(JSON.stringify({ key }))],
    ['in a ping', (ws) => ws.ping(key)],
    ['in fragments', (ws) => {
      ws.send(key.slice(0, 9), { fin: false });
      ws.send(key.slice(9, 11), { fin: false });
      ws.ping('between');
      ws.send(key.slice(11), { fin: true });
    }],
    ['byte by byte', (ws) => {
      const { _socket: socket } = ws;
      socket.setNoDelay(true);
      for (const byte of Buffer.concat([Buffer.from([0x81, key.length]), Buffer.from(key)])) socket.write(Buffer.from([byte]));
    }],
  ])
    test(`by the key coming back: ${what}`, async () => {
      behave = (ws) => ws.on('message', (data) => (data.toString() === 'before' ? ws.send('fine') : send(ws)));
      await cut(() => connect(url(), { headers: bearer(token) }), (ws) => ws.send('now'), 'upstream-response');
    });

  test('by a frame that is compressed although that was not asked for', async () => {
    behave = (ws) => ws.on('message', (data) => (data.toString() === 'before' ? ws.send('fine') : ws._socket.write(Buffer.from([0xc1, 1, 0]))));
    await cut(() => connect(url(), { headers: bearer(token) }), (ws) => ws.send('now'), 'upstream-response');
  });
});

describe('the handshake', () => {
  const good = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' };

  async function ask(headers, { method = 'GET', tok = token, body = '' } = {}) {
    const client = await broker.connect();
    const lines = Object.entries({ host: 'localhost', ...bearer(tok), ...headers }).filter(([, v]) => v !== undefined).map(([n, v]) => `${n}: ${v}\r\n`);
    client.write(`${method} /~up/chat HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
    const answer = await client.answer({ method });
    client.destroy();
    return answer;
  }

  for (const [what, headers, options] of [
    ['no key', { 'sec-websocket-key': undefined }],
    ['a key that is too short', { 'sec-websocket-key': 'dGhl' }],
    ['a key that is no base64', { 'sec-websocket-key': '????????????????????????' }],
    ['another version', { 'sec-websocket-version': '8' }],
    ['no version', { 'sec-websocket-version': undefined }],
    ['POST', {}, { method: 'POST' }],
    ['a body', { 'content-length': '1' }, { body: 'x' }],
  ])
    test(`refused: ${what}`, async () => {
      broker.denied(await ask({ ...good, ...headers }, options), 400, 'request-malformed');
      assert.equal(upstream.upgrades.length, 0);
    });

  for (const [what, text] of [
    ['a wrong Sec-WebSocket-Accept', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA='],
    ['no Sec-WebSocket-Accept', 'Upgrade: websocket\r\nConnection: Upgrade'],
    ['another protocol', 'Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='],
    ['an Upgrade that Connection does not name', 'Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='],
    ['an extension', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate'],
  ])
    test(`an upstream with ${what}`, async () => {
      upstream.raw = (req, socket) => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${text}\r\n\r\n`) || true;
      await broker.failed(await ask(good), 502, 'upstream-response');
    });

  test('the key in the head of a 101', async () => {
    upstream.raw = (req, socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Key: ${key}\r\n\r\n`) || true;
    const answer = await ask(good);
    assert.equal(answer.status, 101);
    assert.equal(answer.headers['x-key'], token);
    assert.equal(answer.headers.upgrade, 'websocket');
  });

  test('an upstream that does not switch answers as ever', async () => {
    upstream.raw = (req, socket) => socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno') || true;
    const answer = await ask(good);
    assert.equal(answer.status, 426);
    assert.equal(answer.text, 'no');
  });

  test('h2c is not passed on', async () => {
    assert.equal((await ask({ ...good, upgrade: 'h2c' })).status, 200);
    assert.equal(upstream.upgrades.length, 0);
  });

  test('a caveat that forbids it', async () => {
    const narrow = await broker.attenuate(token, '--caveat', 'upgrade absent');
    broker.denied(await ask(good, { tok: narrow }), 401, 'caveat-failed');
    assert.equal(upstream.upgrades.length, 0);
  });
});
