// SPDX-License-Identifier: Apache-2.0
// Answers of an upstream that lies or breaks: what is not unambiguous ends in 502 or in an aborted
// connection, and the connection to the upstream is never used again.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { startRawUpstream } from '../support/upstream.mjs';
import { deferred, until } from '../support/wait.mjs';

const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood';
const key = realKey();
let upstream, broker, token, answers;

before(async () => {
  upstream = await startRawUpstream(wholeFile, {
    // What the test says for this path, else a proper answer.
    answer: (socket, { head, connection }) => {
      const path = head.split(' ')[1];
      const next = answers.get(path) ?? GOOD;
      if (typeof next === 'function') next(socket, connection);
      else socket.write(Buffer.from(next, 'latin1'));
    },
  });
  // One proxy process, so that the pool of connections is one.
  broker = await startBroker(wholeFile, { config: 'workers: 1' });
  await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  token = await broker.mint('up');
});

beforeEach(() => {
  answers = new Map();
});

async function request(path, { method = 'GET', headers = '', body = '' } = {}) {
  const client = await broker.connect();
  client.write(`${method} /~up${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${headers}\r\n${body}`);
  const answer = await client.answer({ method });
  const how = answer ? undefined : client.reset ? 'reset' : 'end';
  const input = client.input.toString('latin1');
  client.destroy();
  return { answer, how, input };
}

/** A good answer, on a new connection to the upstream. */
async function nextIsFresh(connections) {
  const { answer } = await request('/next');
  assert.equal(answer?.text, 'good');
  assert.ok(upstream.connections > connections, 'the connection to the upstream was not used again');
}

// [what, bytes of the answer]
const heads = [
  ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
  ['HTTP/2.0 in the status line', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['HTTP/1.2 in the status line', 'HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'],
  ['a status of 600', 'HTTP/1.1 600 No\r\nContent-Length: 0\r\n\r\n'],
  ['a status of 099', 'HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n'],
  ['a bare LF after the status line', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
  ['bare LFs all over', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
  ['a NUL in a value', 'HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n'],
  ['a CR inside a value', 'HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
  ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
  ['a line without a colon', 'HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ['two equal lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na'],
  ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na'],
  ['two lengths in one field', 'HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na'],
  ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['gzip, chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
  ['chunked twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['Transfer-Encoding: identity', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n'],
  ['Transfer-Encoding in 1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a head of more than 64 KiB', `HTTP/1.1 200 OK\r\n${`A: ${'b'.repeat(8000)}\r\n`.repeat(9)}Content-Length: 0\r\n\r\n`],
  ['101 fields', `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(101)}Content-Length: 0\r\n\r\n`],
  ['101 without having been asked', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'],
  ['a body for 204', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
];

describe('a head that is not strict', () => {
  for (const [what, bytes] of heads)
    test(what, async () => {
      const path = '/bad';
      answers.set(path, bytes);
      const { answer } = await request(path);
      assert.ok(answer, 'there is an answer');
      assert.equal(answer.status, 502, answer.text);
      assert.equal(JSON.parse(answer.text).code, 'upstream-response');
      const { connections } = upstream;
      await nextIsFresh(connections);
    });

  test('an answer that ends inside its head', async () => {
    answers.set('/bad', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le'));
    const { answer } = await request('/bad');
    assert.equal(answer.status, 502);
    await nextIsFresh(upstream.connections);
  });

  test('no answer at all', async () => {
    answers.set('/bad', (socket) => socket.destroy());
    const { answer } = await request('/bad', { method: 'POST', headers: 'Content-Length: 1\r\n', body: 'a' });
    assert.equal(answer.status, 502);
    assert.ok(['upstream-response', 'upstream-unreachable'].includes(JSON.parse(answer.text).code));
  });

  test('a refusal of the upstream is on record as an outcome', async () => {
    answers.set('/bad', heads[0][1]);
    const { answer } = await request('/bad');
    const record = broker.recordOf(answer);
    assert.equal(record.decision, 'allow', 'the request was allowed');
    const outcome = await until('the outcome is on record', () => broker.audit().find((r) => r.kind === 'outcome' && r.id === record.id));
    assert.equal(outcome.reason, 'upstream-response');
  });
});

describe('a body that is not strict ends the client\'s connection, so that nobody takes it for whole', () => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const bodies = [
    ['a chunk size that is no number', `${chunked}4\r\nhalf\r\nzz\r\n`],
    ['chunk data not followed by CRLF', `${chunked}4\r\nhalfXX0\r\n\r\n`],
    ['a bare LF after a chunk size', `${chunked}4\r\nhalf\r\n1\na\r\n0\r\n\r\n`],
    ['a length in the trailers', `${chunked}4\r\nhalf\r\n0\r\nContent-Length: 4\r\n\r\n`],
    ['a cookie in the trailers', `${chunked}4\r\nhalf\r\n0\r\nSet-Cookie: a=b\r\n\r\n`],
    ['chunks that end without the last one', (s) => s.end(`${chunked}4\r\nhalf\r\n`)],
    ['a length that is not reached', (s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')],
    // Without close_notify the end may be an attacker's.
    ['no length, and no close_notify at the end', (s) => {
      s.write('HTTP/1.1 200 OK\r\n\r\nhalf', () => s.destroy());
    }],
  ];
  for (const [what, bytes] of bodies)
    test(what, async () => {
      answers.set('/bad', bytes);
      const { answer, input } = await request('/bad');
      if (answer) assert.equal(answer.status, 502, `whole answer: ${answer.status} ${answer.text}`);
      else assert.doesNotMatch(input, /0\r\n\r\n$/, 'no last chunk');
      await nextIsFresh(upstream.connections);
    });

  test('no length, and an orderly end: the body is whole', async () => {
    answers.set('/close', (s) => s.end('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it'));
    const { answer } = await request('/close');
    assert.equal(answer.text, 'all of it');
    assert.notEqual(answer.framing, 'close', 'the end is framed by the broker');
    await nextIsFresh(upstream.connections);
  });
});

describe('answers that were not asked for', () => {
  test('a second answer behind the first poisons nothing', async () => {
    answers.set('/double', `${GOOD}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    const { answer } = await request('/double');
    if (answer.status !== 502) assert.equal(answer.text, 'good');
    await nextIsFresh(upstream.connections);
  });

  test('bytes on an idle connection close it', async () => {
    const idle = deferred();
    answers.set('/idle', (socket) => {
      socket.write(GOOD);
      idle.resolve(socket);
    });
    assert.equal((await request('/idle')).answer.text, 'good');
    const socket = await idle.promise;
    const { connections } = upstream;
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await until('the broker closes it', () => socket.destroyed || socket.readableEnded);
    await nextIsFresh(connections);
  });

  test('1xx answers are consumed', async () => {
    answers.set('/interim', `HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${GOOD}`);
    const { answer } = await request('/interim');
    assert.equal(answer.text, 'good');
  });

  test('an endless row of 1xx answers is ended', async () => {
    // 1000 heads, 100 KB in all, and then nothing.
    answers.set('/interim', (socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nA: ${'b'.repeat(65)}\r\n\r\n`.repeat(1000)));
    const { answer } = await request('/interim');
    assert.equal(answer.status, 502);
  });

  test('a body behind an answer to HEAD is not the next answer', async () => {
    answers.set('/head', `${GOOD}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    const { answer } = await request('/head', { method: 'HEAD' });
    assert.ok([200, 502].includes(answer.status));
    await nextIsFresh(upstream.connections);
  });
});

describe('what a proxy must take away from an answer', () => {
  test('hop-by-hop fields, and what Connection names', async () => {
    answers.set('/hop', 'HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=5\r\n' +
      'Proxy-Authenticate: Basic realm="x"\r\nUpgrade: h2c\r\nX-Kept: yes\r\nContent-Length: 0\r\n\r\n');
    const { answer } = await request('/hop');
    assert.equal(answer.headers['x-kept'], 'yes');
    for (const name of ['x-named', 'keep-alive', 'proxy-authenticate', 'upgrade']) assert.equal(answer.headers[name], undefined, name);
  });

  test('trailers are dropped', async () => {
    answers.set('/trailers', 'HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\nX-T: v\r\n\r\n');
    const { answer } = await request('/trailers');
    assert.equal(answer.text, 'good');
  });
});

describe('a connection that the upstream closed while it was idle', () => {
  async function stale() {
    const kept = deferred();
    answers.set('/first', (socket) => {
      socket.write(GOOD);
      kept.resolve(socket);
    });
    assert.equal((await request('/first')).answer.text, 'good');
    return kept.promise;
  }

  test('is not used again', async () => {
    const socket = await stale();
    socket.destroy();
    await until('the upstream has closed it', () => socket.closed);
    assert.equal((await request('/next')).answer.text, 'good');
  });

  test('during a request without a body: sent once more', async () => {
    await stale();
    let times = 0;
    answers.set('/again', (socket, connection) => {
      times++;
      if (connection.heads > 1) socket.destroy();
      else socket.write(GOOD);
    });
    assert.equal((await request('/again')).answer.text, 'good');
    assert.equal(times, 2);
  });

  test('during a POST with a body: never sent twice', async () => {
    await stale();
    let times = 0;
    answers.set('/once', (socket) => {
      times++;
      socket.destroy();
    });
    const { answer } = await request('/once', { method: 'POST', headers: 'Content-Length: 1\r\n', body: 'a' });
    assert.equal(answer.status, 502);
    assert.equal(times, 1);
  });
});

test('an upstream that answers too late: 504', async (t) => {
  const slow = await startBroker(t, { config: 'workers: 1\ntimeouts:\n  first-byte: 200ms' });
  await slow.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  answers.set('/never', () => {});
  const answer = await slow.request('/~up/never', { token: await slow.mint('up') });
  assert.equal(answer.status, 504, answer.text);
  assert.equal(answer.json().code, 'upstream-timeout');
});
