// SPDX-License-Identifier: Apache-2.0
// Strict HTTP/1.1 against the running broker: what is not unambiguous is refused with a reason, the
// connection ends, the upstream has seen nothing of it, and the broker answers afterwards.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { before, beforeEach, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { answerJson, startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
let upstream, broker, token, auth;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  token = await broker.mint('up');
  auth = `Authorization: Bearer ${token}\r\n`;
});

beforeEach(() => {
  upstream.requests.length = 0;
});

async function stillWell() {
  const answer = await broker.request('/~up/still-well', { token });
  assert.equal(answer.status, 200, answer.text);
}

/** Send and expect a refusal; nothing of it may reach the upstream as a whole request. */
async function refused(bytes, { status = 400, code = 'request-malformed', closes = true, half = false } = {}) {
  const client = await broker.connect();
  try {
    client.write(bytes);
    if (half) client.end();
    const answer = await client.answer();
    const found = broker.denied(answer, status, code);
    if (closes) {
      await client.closes();
      assert.equal(client.input.length, 0, `nothing after the refusal: ${client.input}`);
    }
    assert.deepEqual(upstream.requests.filter((r) => r.complete), [], 'the upstream saw no request');
    await stillWell();
    return found;
  } finally {
    client.destroy();
  }
}

const H = 'Host: localhost\r\n';
const get = (line, headers = '') => `${line}\r\n${H}AUTH${headers}\r\n`;
const post = (headers, body = '') => `POST /~up/x HTTP/1.1\r\n${H}AUTH${headers}\r\n${body}`;

// One row for each rule of refusal: [what, bytes]. AUTH becomes the Authorization line of a good token.
const heads = [
  // request line
  ['two parts in the request line', get('GET /~up/x')],
  ['four parts in the request line', get('GET /~up/x y HTTP/1.1')],
  ['two spaces in the request line', get('GET  /~up/x HTTP/1.1')],
  ['a tab in the request line', get('GET\t/~up/x HTTP/1.1')],
  ['a space before the request line', get(' GET /~up/x HTTP/1.1')],
  ['a space after the request line', get('GET /~up/x HTTP/1.1 ')],
  ['a method in lower case', get('get /~up/x HTTP/1.1')],
  ['a method with a bad character', get('G_T /~up/x HTTP/1.1')],
  ['a method of 33 characters', get(`${'A'.repeat(33)} /~up/x HTTP/1.1`)],
  ['version 1.2', get('GET /~up/x HTTP/1.2')],
  ['version 2.0', get('GET /~up/x HTTP/2.0')],
  ['version 0.9', get('GET /~up/x HTTP/0.9')],
  ['version in lower case', get('GET /~up/x http/1.1')],
  ['version 1.10', get('GET /~up/x HTTP/1.10')],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a TLS handshake on the plain port', Buffer.from('16030100c8010000c40303000000000d0a0d0a', 'hex').toString('latin1')],
  ['two empty lines before the request', `\r\n\r\n${get('GET /~up/x HTTP/1.1')}`],
  // line endings and control characters
  ['a bare LF after the request line', `GET /~up/x HTTP/1.1\n${H}AUTH\r\n`],
  ['a bare LF after a field', `GET /~up/x HTTP/1.1\r\nHost: localhost\nAUTH\r\n`],
  ['a bare LF as the end of the head', `GET /~up/x HTTP/1.1\r\n${H}AUTH\n`],
  ['a CR inside a value', get('GET /~up/x HTTP/1.1', 'A: b\rc\r\n')],
  ['CR CR LF', get('GET /~up/x HTTP/1.1', 'A: b\r\r\n')],
  ['a NUL in a value', get('GET /~up/x HTTP/1.1', 'A: b\0c\r\n')],
  ['a NUL in a name', get('GET /~up/x HTTP/1.1', 'A\0: b\r\n')],
  ['a control character in a value', get('GET /~up/x HTTP/1.1', 'A: b\x01c\r\n')],
  ['DEL in a value', get('GET /~up/x HTTP/1.1', 'A: b\x7fc\r\n')],
  ['a vertical tab in a value', get('GET /~up/x HTTP/1.1', 'A: b\x0bc\r\n')],
  // fields
  ['a folded line', get('GET /~up/x HTTP/1.1', 'A: b\r\n c\r\n')],
  ['a line folded by a tab', get('GET /~up/x HTTP/1.1', 'A: b\r\n\tc\r\n')],
  ['a space before the first field', `GET /~up/x HTTP/1.1\r\n ${H}AUTH\r\n`],
  ['a space before the colon', get('GET /~up/x HTTP/1.1', 'A : b\r\n')],
  ['a tab before the colon', get('GET /~up/x HTTP/1.1', 'A\t: b\r\n')],
  ['no colon', get('GET /~up/x HTTP/1.1', 'A\r\n')],
  ['an empty name', get('GET /~up/x HTTP/1.1', ': b\r\n')],
  ['a name that is no token', get('GET /~up/x HTTP/1.1', 'A(b): c\r\n')],
  ['a name with a byte above 127', get('GET /~up/x HTTP/1.1', '\xc3\xa4: c\r\n')],
  ['101 fields', get('GET /~up/x HTTP/1.1', Array.from({ length: 99 }, (_, i) => `A${i}: b\r\n`).join(''))],
  ['a line of more than 16 KiB', get('GET /~up/x HTTP/1.1', `A: ${'b'.repeat(16 * 1024)}\r\n`)],
  ['a request line of more than 16 KiB', get(`GET /~up/${'x'.repeat(16 * 1024)} HTTP/1.1`)],
  ['a head of more than 64 KiB', get('GET /~up/x HTTP/1.1', Array.from({ length: 9 }, (_, i) => `A${i}: ${'b'.repeat(8000)}\r\n`).join(''))],
  // one value where one is meant
  ['two of Host', get('GET /~up/x HTTP/1.1', H)],
  ['two of Host, different', get('GET /~up/x HTTP/1.1', 'Host: other\r\n')],
  ['two of Content-Length, equal', post('Content-Length: 1\r\nContent-Length: 1\r\n', 'a')],
  ['two of Content-Length, different', post('Content-Length: 1\r\nContent-Length: 2\r\n', 'ab')],
  ['two of Transfer-Encoding', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['two of Authorization', get('GET /~up/x HTTP/1.1', 'Authorization: Bearer x\r\n')],
  ['two of Proxy-Authorization', get('GET /~up/x HTTP/1.1', 'Proxy-Authorization: Bearer x\r\nProxy-Authorization: Bearer x\r\n')],
  ['two of Content-Type', get('GET /~up/x HTTP/1.1', 'Content-Type: a/b\r\nContent-Type: a/b\r\n')],
  ['two of Upgrade', get('GET /~up/x HTTP/1.1', 'Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n')],
  ['two of Expect', post('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n', 'a')],
  ['two of Content-Encoding', get('GET /~up/x HTTP/1.1', 'Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n')],
  ['no Host', 'GET /~up/x HTTP/1.1\r\nAUTH\r\n'],
  ['an empty Host', 'GET /~up/x HTTP/1.1\r\nHost:\r\nAUTH\r\n'],
  ['a Host with a path', 'GET /~up/x HTTP/1.1\r\nHost: a/b\r\nAUTH\r\n'],
  ['a Host with a user', 'GET /~up/x HTTP/1.1\r\nHost: a@b\r\nAUTH\r\n'],
  ['a Host with a space', 'GET /~up/x HTTP/1.1\r\nHost: a b\r\nAUTH\r\n'],
  ['two hosts in one Host', 'GET /~up/x HTTP/1.1\r\nHost: a, b\r\nAUTH\r\n'],
  ['a Host with a port that is no number', 'GET /~up/x HTTP/1.1\r\nHost: a:b\r\nAUTH\r\n'],
  ['a Host that is not the target\'s authority', 'GET http://upstream.example/x HTTP/1.1\r\nHost: other.example\r\nAUTH\r\n'],
  // framing
  ['Content-Length with Transfer-Encoding', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
  ['Transfer-Encoding with Content-Length', post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n')],
  ['Transfer-Encoding: chunked, identity', post('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n')],
  ['Transfer-Encoding: identity', post('Transfer-Encoding: identity\r\n')],
  ['Transfer-Encoding: gzip, chunked', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n')],
  ['Transfer-Encoding: xchunked', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n')],
  ['Transfer-Encoding: "chunked"', post('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n')],
  ['Transfer-Encoding: chunked;q=1', post('Transfer-Encoding: chunked;q=1\r\n', '0\r\n\r\n')],
  ['Transfer-Encoding: chunked chunked', post('Transfer-Encoding: chunked chunked\r\n', '0\r\n\r\n')],
  ['an empty Transfer-Encoding', post('Transfer-Encoding:\r\n')],
  ['Transfer-Encoding in 1.0', `POST /~up/x HTTP/1.0\r\n${H}AUTHTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ...['+1', '-1', '01', '0x1', '1,1', '1.0', '', '1234567890123456789', '１', '1 1'].map((v) =>
    [`Content-Length: ${JSON.stringify(v)}`, post(`Content-Length: ${Buffer.from(v).toString('latin1')}\r\n`, 'a')]),
  // the target
  ['a fragment', get('GET /~up/x#y HTTP/1.1')],
  ['a bad escape', get('GET /~up/%zz HTTP/1.1')],
  ['half an escape', get('GET /~up/%4 HTTP/1.1')],
  ['a bad escape in the query', get('GET /~up/x?a=%zz HTTP/1.1')],
  ['a byte above 127 in the path', get('GET /~up/\xe4 HTTP/1.1')],
  ['a quotation mark in the path', get('GET /~up/"x" HTTP/1.1')],
  ['angle brackets in the path', get('GET /~up/<x> HTTP/1.1')],
  ['a scheme that is not http', get('GET ftp://upstream.example/x HTTP/1.1').replace('localhost', 'upstream.example')],
  ['a user in the target\'s authority', 'GET http://a:b@upstream.example/x HTTP/1.1\r\nHost: upstream.example\r\nAUTH\r\n'],
  ['a target that is neither path nor URL', get('GET ~up/x HTTP/1.1')],
  ['* with a method that is not OPTIONS', get('GET * HTTP/1.1')],
  ['CONNECT with a body', 'CONNECT upstream.example:443 HTTP/1.1\r\nHost: upstream.example:443\r\nContent-Length: 1\r\n\r\na'],
  ['CONNECT with a chunked body', 'CONNECT upstream.example:443 HTTP/1.1\r\nHost: upstream.example:443\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['CONNECT to a path', get('CONNECT /~up/x HTTP/1.1')],
  ['CONNECT without a port', 'CONNECT upstream.example HTTP/1.1\r\nHost: upstream.example\r\nAUTH\r\n'],
  // Connection
  ...['host', 'content-length', 'transfer-encoding', 'authorization', 'cookie'].map((n) =>
    [`Connection that names ${n}`, get('GET /~up/x HTTP/1.1', `Connection: keep-alive, ${n}\r\n`)]),
];

describe('a head that is not strict is refused, and the connection ends', () => {
  for (const [what, bytes] of heads)
    test(what, () => refused(bytes.replaceAll('AUTH', auth)));
});

// A body is read while it goes upstream: a bad one ends the request there unfinished.
const bodies = [
  ['a chunk size that is no number', 'g\r\n'],
  ['an empty chunk size', '\r\n'],
  ['a chunk size with a sign', '+1\r\na\r\n0\r\n\r\n'],
  ['a chunk size with 0x', '0x1\r\na\r\n0\r\n\r\n'],
  ['a chunk size of 16 digits', '0000000000000001\r\na\r\n0\r\n\r\n'],
  ['a chunk size that overflows', 'ffffffffffffffff\r\n'],
  ['a space before the chunk size', ' 1\r\na\r\n0\r\n\r\n'],
  ['a space after the chunk size', '1 \r\na\r\n0\r\n\r\n'],
  ['a bare LF after the chunk size', '1\na\r\n0\r\n\r\n'],
  ['a bad chunk extension', '1;a=\x01\r\na\r\n0\r\n\r\n'],
  ['a chunk extension without a name', '1;=b\r\na\r\n0\r\n\r\n'],
  ['a bare LF inside a chunk extension', '1;a\nb\r\na\r\n0\r\n\r\n'],
  ['a chunk extension of more than 256 bytes', `1;a=${'b'.repeat(300)}\r\na\r\n0\r\n\r\n`],
  ['chunk data not followed by CRLF', '1\r\nab\r\n0\r\n\r\n'],
  ['chunk data followed by a bare LF', '1\r\na\n0\r\n\r\n'],
  ['chunk data followed by a bare CR', '1\r\na\r0\r\n\r\n'],
  ...['Content-Length: 1', 'Transfer-Encoding: chunked', 'Host: x', 'Authorization: Bearer x', 'Cookie: a=b', 'Trailer: x', 'Connection: close', 'A : b', 'A\0: b', ' A: b'].map((trailer) =>
    [`a trailer that must not be there: ${JSON.stringify(trailer)}`, `1\r\na\r\n0\r\n${trailer}\r\n\r\n`]),
  ['more than 8 KiB of trailers', `0\r\n${'A: bcdefghij\r\n'.repeat(700)}\r\n`],
];

describe('a body that is not strict is refused', () => {
  for (const [what, body] of bodies)
    test(what, async () => {
      const client = await broker.connect();
      client.write(`POST /~up/body HTTP/1.1\r\n${H}${auth}Transfer-Encoding: chunked\r\n\r\n${body}`);
      const answer = await client.answer();
      if (answer) {
        assert.equal(answer.status, 400, answer.text);
        assert.equal(JSON.parse(answer.text).code, 'request-malformed');
      }
      await client.closes();
      client.destroy();
      assert.deepEqual(upstream.requests.filter((r) => r.complete), [], 'the upstream saw no whole request');
      await stillWell();
    });

  test('a body that ends early: the upstream sees no whole request', async () => {
    for (const [framing, body] of [['Content-Length: 10', 'half'], ['Transfer-Encoding: chunked', '4\r\nhalf\r\n']]) {
      const client = await broker.connect();
      client.write(`POST /~up/body HTTP/1.1\r\n${H}${auth}${framing}\r\n\r\n${body}`);
      await until('the upstream has the request', () => upstream.requests.length > 0);
      client.destroy();
      await stillWell();
      assert.deepEqual(upstream.requests.filter((r) => r.complete && r.url === '/body'), []);
      upstream.requests.length = 0;
    }
  });
});

describe('a path that can be read in two ways is refused', () => {
  const paths = ['/a/../b', '/a/./b', '/..', '/a/%2e%2e/b', '/a/.%2e/b', '/a/%2E%2E', '//a', '/a//b', '/a%2fb', '/a%2Fb',
    '/a%5cb', '/a%00b', '/a;b', '/a/b;c=d/e', '/a%252fb', '/a%252e%252e/b', '/a%0ab', '/%7fa'];
  for (const path of paths)
    test(path, () => refused(`GET /~up${path} HTTP/1.1\r\n${H}${auth}\r\n`, { code: 'path-ambiguous', closes: false }));

  test('a backslash', () => refused(`GET /~up/a\\b HTTP/1.1\r\n${H}${auth}\r\n`));

  // threat 2
  test('what is judged is what is sent: escapes that mean nothing are undone in both', async () => {
    const narrow = await broker.attenuate(token, '--path', '/v1/models');
    const answer = await broker.request('/~up/v1/%6d%6Fdels?q=%7e', { token: narrow });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(upstream.requests[0].url.split('?')[0], '/v1/models');
    assert.equal(broker.recordOf(answer).path, '/v1/models');
  });

  test('an escape that stands for something stays', async () => {
    const answer = await broker.request('/~up/caf%c3%a9/a%20b', { token });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(upstream.requests[0].url, '/caf%C3%A9/a%20b');
  });

  test('an exception of the credential lets an escaped slash through, for GitLab\'s project ids', async () => {
    const upstreamKey = realKey('glpat-');
    const gitlab = await startUpstream(wholeFile, { key: upstreamKey, accepts: (r) => r.headers['private-token'] === upstreamKey || r.headers.authorization === `Bearer ${upstreamKey}` });
    await broker.addCredential('gitlab', { preset: 'gitlab', secret: upstreamKey, upstream: gitlab });
    const tok = await broker.mint('gitlab');
    const narrow = await broker.attenuate(tok, '--caveat', 'path ~ /api/v4/projects/acme%2Fapp/**');
    const answer = await broker.request('/~gitlab/api/v4/projects/acme%2Fapp/issues', { headers: { 'private-token': narrow } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(gitlab.requests[0].url, '/api/v4/projects/acme%2Fapp/issues');
    broker.denied(await broker.request('/~gitlab/api/v4/projects/acme%2Fother/issues', { headers: { 'private-token': narrow } }), 401, 'caveat-failed');
  });
});

describe('what a proxy must take away', () => {
  // threat 4
  test('hop-by-hop fields, and what Connection names', async () => {
    const client = await broker.connect();
    client.write(`GET /~up/x HTTP/1.1\r\n${H}${auth}Connection: keep-alive, X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=5\r\n` +
      'Proxy-Connection: keep-alive\r\nTE: trailers\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nKeyhole-Other: 1\r\n' +
      'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nX-Kept: yes\r\nUser-Agent: tests\r\n\r\n');
    assert.equal((await client.answer()).status, 200);
    client.destroy();
    const received = upstream.only('/x');
    for (const name of ['x-named', 'keep-alive', 'proxy-connection', 'te', 'x-forwarded-for', 'forwarded', 'keyhole-other', 'upgrade', 'trailer'])
      assert.deepEqual(received.fields(name), [], name);
    assert.deepEqual(received.fields('x-kept'), ['yes']);
    assert.deepEqual(received.fields('user-agent'), ['tests']);
    assert.deepEqual(received.fields('accept-encoding'), ['identity']);
  });

  test('a field that differs from the credential\'s by an underscore', async () => {
    const other = realKey();
    const up = await startUpstream(wholeFile, { accepts: (r) => r.headers['x-api-key'] === other });
    await broker.addCredential('underscore', { secret: other, upstream: up, hosts: ['upstream.example'],
      args: ['--slot', 'header:x-api-key', '--inject', 'header:X-Api-Key: {secret}'] });
    const tok = await broker.mint('underscore');
    await refused(`GET /~underscore/x HTTP/1.1\r\n${H}X-Api-Key: ${tok}\r\nX_Api_Key: mine\r\n\r\n`, { closes: false });
    assert.equal(up.requests.length, 0);
  });

  test('NTLM and Negotiate, which bind an identity to a connection', async () => {
    for (const scheme of ['NTLM', 'Negotiate']) {
      const client = await broker.connect();
      client.write(`GET /~up/x HTTP/1.1\r\n${H}Keyhole-Token: ${token}\r\nAuthorization: ${scheme} TlRMTVNTUAABAAAA\r\n\r\n`);
      const answer = await client.answer();
      assert.ok([400, 401].includes(answer.status), `${scheme}: ${answer.status} ${answer.text}`);
      client.destroy();
    }
    assert.equal(upstream.requests.length, 0);
  });
});

describe('Expect', () => {
  test('100-continue is answered when the head was allowed, not before', async () => {
    const client = await broker.connect();
    client.write(`POST /~up/x HTTP/1.1\r\n${H}${auth}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
    await client.when('the interim answer', () => client.input.includes('\r\n\r\n'));
    assert.match(client.input.toString('latin1'), /^HTTP\/1\.1 100 [^\r]*\r\n\r\n$/);
    client.write('hello');
    const interim = [];
    const answer = await client.answer({ interim });
    assert.equal(answer.status, 200);
    assert.equal(interim.length, 1);
    assert.equal(upstream.only('/x').body.toString(), 'hello');
    client.destroy();
  });

  test('a denied request gets its refusal instead of 100', async () => {
    const narrow = await broker.attenuate(token, '--method', 'GET');
    const client = await broker.connect();
    client.write(`POST /~up/x HTTP/1.1\r\n${H}Authorization: Bearer ${narrow}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`);
    const interim = [];
    broker.denied(await client.answer({ interim }), 401, 'caveat-failed');
    assert.equal(interim.length, 0);
    client.destroy();
  });

  test('anything else: 417', () => refused(`POST /~up/x HTTP/1.1\r\n${H}${auth}Expect: 200-ok\r\nContent-Length: 1\r\n\r\na`,
    { status: 417, code: 'expectation-failed', closes: false }));
});

describe('connections', () => {
  test('pipelined requests are answered in order, each decided by itself', async () => {
    const narrow = await broker.attenuate(token, '--path', '/yes/**');
    const lines = ['/yes/1', '/no/1', '/yes/2', '/yes/3', '/no/2'];
    const client = await broker.connect();
    client.write(lines.map((p) => `GET /~up${p} HTTP/1.1\r\n${H}Authorization: Bearer ${narrow}\r\n\r\n`).join(''));
    for (const path of lines) {
      const answer = await client.answer();
      if (path.startsWith('/yes')) {
        assert.equal(answer.status, 200);
        assert.equal(JSON.parse(answer.text).url, path);
      } else {
        broker.denied(answer, 401, 'caveat-failed');
      }
    }
    client.destroy();
    assert.deepEqual(upstream.requests.map((r) => r.url), ['/yes/1', '/yes/2', '/yes/3']);
  });

  // threat 3
  test('a pipelined request behind a malformed one is never served', async () => {
    const client = await broker.connect();
    client.write(`GET /~up/x HTTP/1.1\r\n${H}A : b\r\n\r\nGET /~up/smuggled HTTP/1.1\r\n${H}${auth}\r\n`);
    broker.denied(await client.answer(), 400, 'request-malformed');
    await client.closes();
    client.destroy();
    await stillWell();
    assert.ok(!upstream.requests.some((r) => r.url === '/smuggled'));
  });

  test('the body of a denied request is not taken for the next request', async () => {
    const narrow = await broker.attenuate(token, '--method', 'GET');
    const hidden = `GET /~up/hidden HTTP/1.1\r\n${H}${auth}\r\n`;
    const client = await broker.connect();
    client.write(`POST /~up/x HTTP/1.1\r\n${H}Authorization: Bearer ${narrow}\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}` +
      `GET /~up/open HTTP/1.1\r\n${H}${auth}Connection: close\r\n\r\n`);
    broker.denied(await client.answer(), 401, 'caveat-failed');
    const next = await client.answer();
    if (next) assert.equal(JSON.parse(next.text).url, '/open');
    client.destroy();
    await stillWell();
    assert.ok(!upstream.requests.some((r) => r.url === '/hidden'));
  });

  test('a connection is kept, and the one to the upstream as well', async () => {
    const client = await broker.connect();
    for (let i = 0; i < 5; i++) {
      client.write(`GET /~up/keep${i} HTTP/1.1\r\n${H}${auth}\r\n`);
      assert.equal((await client.answer()).status, 200);
    }
    client.destroy();
    assert.equal(new Set(upstream.requests.map((r) => r.connection)).size, 1, 'one connection upstream');
  });

  test('Connection: close closes', async () => {
    const client = await broker.connect();
    client.write(`GET /~up/x HTTP/1.1\r\n${H}${auth}Connection: close\r\n\r\n`);
    const answer = await client.answer();
    assert.equal(answer.status, 200);
    assert.match(answer.headers.connection, /close/i);
    assert.equal(await client.closes(), 'end');
  });

  test('HTTP/1.0: an answer in 1.0\'s framing, and the end of the connection', async () => {
    upstream.route('/chunked', (received, res) => {
      res.write('part one, ');
      res.end('part two');
    });
    const client = await broker.connect();
    client.write(`GET /~up/chunked HTTP/1.0\r\n${H}${auth}\r\n`);
    const answer = await client.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.framing, 'close');
    assert.equal(answer.text, 'part one, part two');
    assert.equal(await client.closes(), 'end');
  });

  test('one empty line before a request is let pass', async () => {
    const client = await broker.connect();
    client.write(`\r\nGET /~up/x HTTP/1.1\r\n${H}${auth}\r\n`);
    assert.equal((await client.answer()).status, 200);
    client.destroy();
  });

  test('a head that comes byte by byte', async () => {
    const client = await broker.connect();
    client.socket.setNoDelay(true);
    for (const byte of `GET /~up/slow HTTP/1.1\r\n${H}${auth}\r\n`) {
      client.write(byte);
      await new Promise(setImmediate);
    }
    assert.equal((await client.answer()).status, 200);
    client.destroy();
  });
});

describe('bodies', () => {
  const hash = (data) => createHash('sha256').update(data).digest('hex');

  test('a chunked upload arrives whole, with extensions and trailers dropped', async () => {
    const client = await broker.connect();
    client.write(`POST /~up/x HTTP/1.1\r\n${H}${auth}Transfer-Encoding: Chunked\r\n\r\n5;a=b;c="d\\"e"\r\nhello\r\n6\r\n world\r\n0\r\nX-T: v\r\n\r\n`);
    assert.equal((await client.answer()).status, 200);
    client.destroy();
    assert.equal(upstream.only('/x').body.toString(), 'hello world');
    assert.deepEqual(upstream.only('/x').fields('x-t'), []);
  });

  for (const framing of ['length', 'chunked'])
    test(`an upload of 8 MiB (${framing})`, async () => {
      const data = randomBytes(8 << 20);
      const client = await broker.connect();
      client.write(`PUT /~up/big HTTP/1.1\r\n${H}${auth}${framing === 'length' ? `Content-Length: ${data.length}` : 'Transfer-Encoding: chunked'}\r\n\r\n`);
      if (framing === 'length') {
        client.write(data);
      } else {
        for (let at = 0; at < data.length; at += 100000) {
          const part = data.subarray(at, at + 100000);
          client.write(`${part.length.toString(16)}\r\n`).write(part).write('\r\n');
        }
        client.write('0\r\n\r\n');
      }
      const answer = JSON.parse((await client.answer()).text);
      client.destroy();
      assert.equal(answer.bytes, data.length);
      assert.equal(answer.sha256, hash(data));
    });

  test('a download of 8 MiB', async () => {
    const data = randomBytes(8 << 20);
    upstream.route('/down', (received, res) => res.end(data));
    const response = await fetch(`${broker.url}/~up/down`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(hash(Buffer.from(await response.arrayBuffer())), hash(data));
  });

  test('back pressure: a client that does not read stops the upstream', async () => {
    const held = upstream.hold('/endless');
    const client = await broker.connect();
    client.write(`GET /~up/endless HTTP/1.1\r\n${H}${auth}\r\n`);
    const { res } = await held.next();
    res.writeHead(200, { 'content-type': 'application/octet-stream' });
    client.socket.pause();
    // Write until the pipe is full: a broker that reads on regardless would never let that happen.
    const block = Buffer.alloc(1 << 20, 0x61);
    let written = 0;
    await until('the upstream is stopped by back pressure', () => {
      if (res.write(block)) return false;
      written += block.length;
      return res.writableLength > 16 * block.length && written < (256 << 20);
    });
    assert.ok(written < 256 << 20);
    const before = res.writableLength;
    client.socket.resume();
    await until('it goes on when the client reads', () => res.writableLength < before);
    res.destroy();
    client.destroy();
  });

  test('an answer before the whole body was sent reaches the client', async () => {
    upstream.route('/early', (received, res) => answerJson(res, 413, { error: 'too big' }), { stream: true });
    const client = await broker.connect();
    client.write(`POST /~up/early HTTP/1.1\r\n${H}${auth}Content-Length: 100000000\r\n\r\n${'x'.repeat(1000)}`);
    const answer = await client.answer();
    assert.equal(answer.status, 413);
    assert.equal(JSON.parse(answer.text).error, 'too big');
    client.destroy();
    await stillWell();
  });

  test('HEAD, 204 and 304 have no body', async () => {
    upstream.route('/none', (received, res) => res.writeHead(204).end());
    upstream.route('/same', (received, res) => res.writeHead(304, { etag: '"1"' }).end());
    upstream.route('/head', (received, res) => {
      res.writeHead(200, { 'content-length': '1234', 'content-type': 'text/plain' });
      res.end(received.method === 'HEAD' ? undefined : 'x'.repeat(1234));
    });
    const client = await broker.connect();
    for (const [method, path, status] of [['GET', '/none', 204], ['GET', '/same', 304], ['HEAD', '/head', 200], ['GET', '/head', 200]]) {
      client.write(`${method} /~up${path} HTTP/1.1\r\n${H}${auth}\r\n`);
      const answer = await client.answer({ method });
      assert.equal(answer.status, status, path);
      assert.equal(answer.body.length, method === 'GET' && path === '/head' ? 1234 : 0);
    }
    client.destroy();
  });

  test('a refusal of HEAD has no body', async () => {
    const narrow = await broker.attenuate(token, '--method', 'GET');
    const client = await broker.connect();
    client.write(`HEAD /~up/x HTTP/1.1\r\n${H}Authorization: Bearer ${narrow}\r\n\r\nGET /~up/x HTTP/1.1\r\n${H}${auth}\r\n`);
    assert.equal((await client.answer({ method: 'HEAD' })).status, 401);
    assert.equal((await client.answer()).status, 200);
    client.destroy();
  });
});
