// SPDX-License-Identifier: Apache-2.0
// The tests' own tools: a test upstream that accepts a wrong key, or a reader of answers that lets
// anything pass, would prove nothing.

import assert from 'node:assert/strict';
import https from 'node:https';
import { test } from 'node:test';

import { testAuthority } from '../support/pki.mjs';
import { BadAnswer, RawClient, readAnswer } from '../support/raw.mjs';
import { EventStream, accepts, startRawUpstream, startUpstream } from '../support/upstream.mjs';

function get(upstream, path, headers, host = 'api.openai.com') {
  return new Promise((resolve, reject) => {
    const request = https.request({ host: '127.0.0.1', port: upstream.port, path, headers: { host, ...headers },
      servername: host, ca: testAuthority().pem, agent: false }, (res) => {
      const parts = [];
      res.on('data', (d) => parts.push(d)).on('end', () =>
        resolve({ status: res.statusCode, headers: res.headers, text: Buffer.concat(parts).toString() }));
    });
    request.on('error', reject).end();
  });
}

test('the upstream accepts its one key, in its place alone, and remembers every request', async (t) => {
  const upstream = await startUpstream(t, { key: 'sk-real-1' });
  assert.equal((await get(upstream, '/a?b=c', { authorization: 'Bearer sk-real-1' })).status, 200);
  assert.equal((await get(upstream, '/a', { authorization: 'Bearer sk-real-2' })).status, 401);
  assert.equal((await get(upstream, '/a', { 'x-api-key': 'sk-real-1' })).status, 401);
  assert.deepEqual(upstream.requests.map((r) => [r.url, r.authorized, r.sni]),
    [['/a?b=c', true, 'api.openai.com'], ['/a', false, 'api.openai.com'], ['/a', false, 'api.openai.com']]);
});

test('the upstream can look for its key in a header, in Basic, and in the query', async (t) => {
  const upstream = await startUpstream(t, { accepts: accepts.basic('user', 'pass') });
  assert.equal((await get(upstream, '/', { authorization: 'Basic dXNlcjpwYXNz' })).status, 200);
  upstream.accepts = accepts.query('key', 'k=1');
  assert.equal((await get(upstream, '/?key=k%3D1', {})).status, 200);
  assert.equal((await get(upstream, '/?key=k%3D1&key=2', {})).status, 401);
  upstream.accepts = accepts.header('x-api-key', 'k');
  assert.equal((await get(upstream, '/', { 'x-api-key': 'k' })).status, 200);
});

test('an upstream certificate is for the named hosts alone', async (t) => {
  const upstream = await startUpstream(t, { key: 'k', hosts: ['upstream.example'] });
  await assert.rejects(get(upstream, '/', {}, 'api.openai.com'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test('events leave the upstream one by one, when the test says so', async (t) => {
  const upstream = await startUpstream(t, { key: 'k' });
  const held = upstream.hold('/stream');
  const client = await RawClient.connect({ port: upstream.port,
    tls: { servername: 'api.openai.com', ca: testAuthority().pem } });
  client.write('GET /stream HTTP/1.1\r\nHost: api.openai.com\r\nAuthorization: Bearer k\r\n\r\n');
  const stream = new EventStream((await held.next()).res);
  stream.send({ n: 1 });
  await client.when('the first event', () => client.input.includes('"n":1'));
  assert.ok(!client.input.includes('"n":2'));
  stream.send({ n: 2 });
  stream.end();
  const answer = await client.answer();
  assert.equal(answer.text, 'data: {"n":1}\n\ndata: {"n":2}\n\n');
  client.destroy();
});

test('the raw upstream sends what it is told, to the byte', async (t) => {
  const upstream = await startRawUpstream(t, {
    answer: (socket, { index }) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${index}`),
  });
  const client = await RawClient.connect({ port: upstream.port,
    tls: { servername: 'api.openai.com', ca: testAuthority().pem } });
  client.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.equal((await client.answer()).text, '1');
  assert.equal((await client.answer()).text, '2');
  assert.equal(upstream.heads.length, 2);
  client.destroy();
});

test('the reader of answers takes no answer that is not by the letter', () => {
  const bad = [
    'HTTP/1.1 200 OK\nContent-Length: 0\n\n\r\n\r\n',
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na',
    'HTTP/1.1 200 OK\r\nName : x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n',
  ];
  for (const text of bad)
    assert.throws(() => readAnswer(Buffer.from(text, 'latin1'), { ended: true }), BadAnswer, text);
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n';
  assert.equal(readAnswer(Buffer.from(chunked)).text, 'ab');
  for (let n = 0; n < chunked.length; n++) assert.equal(readAnswer(Buffer.from(chunked.slice(0, n))), null);
});
