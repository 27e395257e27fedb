// SPDX-License-Identifier: Apache-2.0
// The caveat language on real requests: what is judged is what the upstream gets.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { addCaveats } from '../support/macaroon.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

let upstream, broker, token;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
  broker = await startBroker(wholeFile);
  await broker.addCredential('up', { secret: realKey(), upstream, hosts: ['upstream.example', 'other.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  token = await broker.mint('up', { user: 'alice' });
});

async function ask(caveats, { method = 'GET', path = '/a/b', headers = [], host = 'upstream.example', body = '' }) {
  const client = await broker.connect();
  try {
    const length = body ? `Content-Length: ${body.length}\r\n` : '';
    client.write(`${method} http://${host}${path} HTTP/1.1\r\nHost: ${host}\r\n` +
      `Authorization: Bearer ${addCaveats(token, ...caveats)}\r\n${headers.map((h) => `${h}\r\n`).join('')}${length}\r\n${body}`);
    return await client.answer({ method });
  } finally {
    client.destroy();
  }
}

const minute = (n) => new Date(Date.now() + n * 60000).toISOString().replace(/\.\d+Z/, 'Z');

const json = (body) => ({ method: 'POST', body, headers: ['Content-Type: application/json'] });

// [caveat, requests that it allows, requests that it does not]
const rows = [
  ['method = GET', [{}], [{ method: 'POST' }, { method: 'HEAD' }]],
  ['method != DELETE', [{}], [{ method: 'DELETE' }]],
  ['method in GET, HEAD', [{}, { method: 'HEAD' }], [{ method: 'PUT' }]],
  ['method not in POST, PUT', [{}], [{ method: 'PUT' }]],
  ['path = /a/b', [{}, { path: '/%61/b' }, { path: '/a/b?c=d' }], [{ path: '/a/b/' }, { path: '/A/b' }, { path: '/a' }]],
  ['path ~ /a/*', [{}], [{ path: '/a' }, { path: '/a/b/c' }]],
  ['path ~ /a/b*/c', [{ path: '/a/bb/c' }], [{ path: '/a/x/c' }, { path: '/a/b/b/c' }]],
  ['path ~ /a/**', [{}, { path: '/a' }, { path: '/a/b/c/d' }], [{ path: '/b/a' }]],
  ['path !~ /admin/**', [{}], [{ path: '/admin/x' }, { path: '/admin' }]],
  ['path = "/a b/é"', [{ path: '/a%20b/%c3%a9' }], [{ path: '/a+b/%c3%a9' }]],
  ['host = upstream.example', [{}], [{ host: 'other.example' }]],
  ['host in other.example, upstream.example', [{}, { host: 'other.example' }], []],
  ['host ~ *.example', [{}], []],
  ['scheme = https', [{}], []],
  ['scheme = http', [], [{}]],
  ['port = 443', [{}], []],
  ['port != 443', [], [{}]],
  ['query[limit] <= 100', [{ path: '/x?limit=100' }, { path: '/x?a=1&limit=%31' }, { path: '/x?limit=99.5' }],
    [{ path: '/x' }, { path: '/x?limit=101' }, { path: '/x?limit=1&limit=1000' }, { path: '/x?limit=abc' }, { path: '/x?limit=' }, { path: '/x?Limit=1' }, { path: '/x?limit=1e2' }]],
  ['query[q] = "a b"', [{ path: '/x?q=a+b' }, { path: '/x?q=a%20b' }], [{ path: '/x?q=a%2bb' }, { path: '/x?q=a+b&q=c' }]],
  ['query[debug] absent', [{}, { path: '/x?debugging=1' }], [{ path: '/x?debug' }, { path: '/x?de%62ug=1' }]],
  ['query[debug] present', [{ path: '/x?debug=1' }], [{}]],
  ['query[debug] != 1', [{ path: '/x?debug=2' }], [{}, { path: '/x?debug=1' }]],
  ['header[x-team] = red', [{ headers: ['X-Team: red'] }], [{}, { headers: ['X-Team: blue'] }, { headers: ['X-Team: red', 'X-Team: blue'] }]],
  ['header[x-team] in red, blue', [{ headers: ['x-TEAM:  red '] }], [{ headers: ['X-Team: green'] }]],
  ['header[authorization] present', [], [{}]],
  ['header[connection] absent', [{ headers: ['Connection: keep-alive'] }], []],
  ['content-type = application/json', [{ method: 'POST', body: '{}', headers: ['Content-Type: Application/JSON; charset=utf-8'] }],
    [{}, { method: 'POST', body: '{}', headers: ['Content-Type: text/plain'] }]],
  ['body[/model] in a, b', [json('{"model":"a"}'), json('{"mod\\u0065l":"b"}')],
    [{}, json('{"model":"c"}'), json('{"model":"a","model":"a"}'), json('["a"]'), json('model=a')]],
  ['body[/n] <= 1024', [json('{"n":1024}'), json('{"n":1.024e3}'), json('{"n":-0}')],
    [json('{"n":1024.0000000000000001}'), json('{"n":1e400}'), json('{"n":"5"}'), json('{}')]],
  ['body[/n] = 9007199254740993', [json('{"n":9007199254740993}')], [json('{"n":9007199254740992}')]],
  ['body[/tools] absent', [json('{}')], [{}, json('{"tools":[]}'), json('{"tools":null}'), json('x')]],
  ['body[/a] absent or method = GET', [{}, json('{}')], [json('{"a":1}')]],
  ['body-size <= 4', [{}, json('1234')], [json('12345')]],
  ['body-sha256 = 03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4', [json('1234')], [{}, json('1235')]],
  [`time < ${minute(10)}`, [{}], []],
  [`time < ${minute(-10)}`, [], [{}]],
  [`time > ${minute(-10)}`, [{}], []],
  ['client = 127.0.0.1', [{}], []],
  ['client in 10.0.0.0/8, ::1', [], [{}]],
  ['credential = up', [{}], []],
  ['credential = down', [], [{}]],
  ['user = alice', [{}], []],
  ['user != alice', [], [{}]],
  ['group = eng', [], [{}]],
  ['upgrade absent', [{}], []],
  ['label = anything', [{}], []],
  ['hole = "user = alice"', [{}], []],
  ['method = GET or path ~ /chat/**', [{}, { method: 'POST', path: '/chat/x' }], [{ method: 'POST' }]],
  ['query[a] present or query[b] present or method = POST', [{ path: '/x?a' }, { path: '/x?b' }, { method: 'POST' }], [{}]],
];

describe('each caveat allows what it says and nothing else', () => {
  for (const [caveat, allowed, denied] of rows)
    test(caveat, async () => {
      for (const request of allowed) {
        const answer = await ask([caveat], request);
        assert.equal(answer.status, 200, `${JSON.stringify(request)}: ${answer.text}`);
      }
      for (const request of denied) {
        const count = upstream.requests.length;
        const answer = await ask([caveat], request);
        assert.equal(answer.status, 401, JSON.stringify(request));
        const record = broker.recordOf(answer);
        // A time that is over has a code of its own.
        assert.equal(record.reason, caveat.startsWith('time <') ? 'expired' : 'caveat-failed');
        assert.equal(record.detail, caveat, 'the caveat as it was written');
        assert.equal(upstream.requests.length, count);
      }
    });
});

test('all caveats must hold, whoever added them, in whatever order', async () => {
  const get = 'method = GET', path = 'path ~ /a/**', label = 'label = x';
  for (const caveats of [[get, path], [path, get], [label, get, path], [get, get, path, path]]) {
    assert.equal((await ask(caveats, {})).status, 200);
    assert.equal((await ask(caveats, { path: '/b' })).status, 401);
    assert.equal((await ask(caveats, { method: 'POST' })).status, 401);
  }
});

test('nothing that a holder adds widens a token', async () => {
  const narrow = 'method = GET';
  for (const more of ['method = POST', 'method in GET, POST', 'method = POST or method = GET', 'path ~ /**', 'user = alice', 'label = admin'])
    assert.equal((await ask([narrow, more], { method: 'POST' })).status, 401, more);
});
