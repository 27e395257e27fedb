// SPDX-License-Identifier: Apache-2.0
// Keys that are a part of something: a segment of the path, a cookie.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, beforeEach, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { run } from '../support/programs.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

let upstream, broker, caFile;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything(), hosts: ['upstream.example', 'api.telegram.org'] });
  broker = await startBroker(wholeFile);
  caFile = broker.file('ca.pem');
});

beforeEach(() => {
  upstream.requests.length = 0;
});

let count = 0;

async function credential(args, { secret = realKey('k-') } = {}) {
  const name = `p${++count}`;
  await broker.addCredential(name, { secret, upstream, hosts: ['upstream.example'], args });
  return { name, secret, token: await broker.mint(name) };
}

/** The one request that arrived, with neither a token in it nor the word that stands for one. */
function arrived() {
  assert.equal(upstream.requests.length, 1);
  const [received] = upstream.requests;
  assert.ok(!received.text().includes('kh1_'), received.text());
  return received;
}

function nothingArrived() {
  assert.equal(upstream.requests.length, 0, 'nothing went upstream');
  assert.doesNotMatch(JSON.stringify(broker.audit()), /kh1_[A-Za-z0-9_-]{20}/, 'no token is on record');
}

describe('a segment of the path', () => {
  const key = `12345:${realKey('AA')}`;
  let token;

  before(async () => {
    broker.secrets.push(key);
    await broker.operator(['credential', 'add', 'telegram', '--preset', 'telegram', '--allow-network', '127.0.0.0/8',
      '--upstream-ca', upstream.ca, ...upstream.resolve(['api.telegram.org']).flatMap((r) => ['--resolve', r])], { stdin: key });
    token = await broker.mint('telegram');
  });

  const ways = {
    'the base URL': (path) => [`${broker.url}/~telegram${path}`],
    Host: (path) => ['-H', 'Host: api.telegram.org', `${broker.url}${path}`],
    CONNECT: (path) => ['-x', broker.url, '--proxy-insecure', '--cacert', caFile, `https://api.telegram.org${path}`],
    'the HTTP proxy': (path) => ['-x', broker.url, `http://api.telegram.org${path}`],
  };
  for (const [way, args] of Object.entries(ways))
    test(`Telegram by ${way}`, async () => {
      const { stdout } = await run('curl', ['-sS', '-i', '-X', 'POST', ...args(`/bot${token}/sendMessage?chat_id=1`)]);
      assert.match(stdout, /^HTTP\/1\.1 200 OK\r$/m, stdout);
      assert.equal(arrived().url, `/bot${key}/sendMessage?chat_id=1`);
      const record = broker.decisions().at(-1);
      assert.equal(record.path, '/KEY/sendMessage', JSON.stringify(record));
      assert.equal(record.decision, 'allow');
    });

  test('files, and what comes back', async () => {
    upstream.route(`/file/bot${key}/photos/1.jpg`, (received, res) =>
      res.writeHead(302, { location: received.url }).end(`${received.url} is bot${key}, ${key}`));
    const answer = await broker.request(`/~telegram/file/bot${token}/photos/1.jpg`);
    assert.equal(answer.status, 302, answer.text);
    assert.equal(answer.headers.location, `/~telegram/file/bot${token}/photos/1.jpg`);
    assert.ok(!answer.text.includes(key), answer.text);
  });

  test('caveats see KEY', async () => {
    const narrow = await broker.attenuate(token, '--caveat', 'path = /KEY/getMe');
    assert.equal((await broker.request(`/~telegram/bot${narrow}/getMe`)).status, 200);
    assert.equal(arrived().url, `/bot${key}/getMe`);
    broker.denied(await broker.request(`/~telegram/bot${narrow}/sendMessage`), 401, 'caveat-failed');
  });

  test('the token has to stand there', async () => {
    broker.denied(await broker.request('/~telegram/botKEY/getMe', { headers: { 'keyhole-token': token } }), 400, 'token-misplaced', { detail: /in the path/ });
    broker.denied(await broker.request('/~telegram/bot123:real/getMe'), 401, 'token-missing');
    nothingArrived();
  });

  test('two of them', async () => {
    const { record } = broker.denied(await broker.request(`/~telegram/bot${token}/bot${token}`), 400, 'token-misplaced');
    assert.equal(record.path, '/KEY/KEY');
    nothingArrived();
  });

  test('in the path of a credential whose slot that is not', async () => {
    const c = await credential(['--slot', 'bearer']);
    const { record } = broker.denied(await broker.request(`/~${c.name}/a/${c.token}/b`, { token: c.token }), 400, 'token-misplaced');
    assert.equal(record.path, '/a/KEY/b');
    nothingArrived();
  });

  test('in the path of a host that is nobody\'s, and in one that is ambiguous', async () => {
    await broker.request(`/${token}/x`);
    await broker.request(`/~telegram/bot${token}/..%2fx`);
    await broker.request(`/~nobody/bot${token}/x`);
    const escaped = token.replace('kh1_', '%6bh1%5F');
    await broker.request(`/~telegram/bot${escaped}/..%2fx`);
    await broker.request(`/~nobody/bot${escaped}/x`);
    assert.ok(!JSON.stringify(broker.audit()).includes(token.slice(-40)), 'no token is on record');
    nothingArrived();
  });

  test('a key that needs escapes in a path', async () => {
    const c = await credential(['--inject', 'path:k-{secret}'], { secret: 'a/b c?d#e%f;g' });
    assert.equal((await broker.request(`/~${c.name}/x/k-${c.token}`)).status, 200);
    assert.equal(arrived().url, '/x/k-a%2Fb%20c%3Fd%23e%25f%3Bg');
  });
});

describe('a cookie', () => {
  test('among others, which stay as they are', async () => {
    const c = await credential(['--slot', 'cookie:sid']);
    assert.equal((await broker.request(`/~${c.name}/`, { headers: { cookie: `a="b;  c=d; sid=${c.token};e=f=g` } })).status, 200);
    assert.equal(arrived().headers.cookie, `a="b;  c=d; sid=${c.secret};e=f=g`);
  });

  test('alone, and quoted', async () => {
    const c = await credential(['--slot', 'cookie:sid']);
    assert.equal((await broker.request(`/~${c.name}/`, { headers: { cookie: `sid="${c.token}"` } })).status, 200);
    assert.equal(arrived().headers.cookie, `sid=${c.secret}`);
  });

  test('for a client whose token stands elsewhere', async () => {
    const c = await credential(['--slot', 'bearer', '--inject', 'cookie:sid']);
    assert.equal((await broker.request(`/~${c.name}/`, { token: c.token, headers: { cookie: 'sid=mine; a=b' } })).status, 200);
    assert.equal(arrived().headers.cookie, `a=b; sid=${c.secret}`);
    assert.equal(arrived().headers.authorization, undefined);
  });

  test('and what comes back', async () => {
    const c = await credential(['--slot', 'cookie:sid']);
    upstream.route('/echo', (received, res) => res.writeHead(200, { 'set-cookie': received.headers.cookie }).end(received.headers.cookie));
    const answer = await broker.request(`/~${c.name}/echo`, { headers: { cookie: `sid=${c.token}` } });
    assert.equal(answer.text, `sid=${c.token}`);
    assert.equal(answer.headers['set-cookie'], `sid=${c.token}`);
  });

  for (const [what, cookie, status, code] of [
    ['twice', (t) => `sid=${t}; sid=${t}`, 400, 'token-misplaced'],
    ['beside another of that name', (t) => `sid=${t}; sid=x`, 400, 'token-misplaced'],
    ['another cookie', (t) => `other=${t}`, 400, 'token-misplaced'],
    ['a key that is no token', () => 'sid=real', 401, 'foreign-key'],
    ['no such cookie', () => 'SID=x', 401, 'token-missing'],
  ])
    test(`refused: ${what}`, async () => {
      const c = await credential(['--slot', 'cookie:sid']);
      broker.denied(await broker.request(`/~${c.name}/`, { headers: { cookie: cookie(c.token) } }), status, code);
      nothingArrived();
    });

  test('caveats do not see it', async () => {
    const c = await credential(['--slot', 'cookie:sid']);
    const narrow = await broker.attenuate(c.token, '--caveat', 'header[cookie] = a=b');
    assert.equal((await broker.request(`/~${c.name}/`, { headers: { cookie: `a=b; sid=${narrow}` } })).status, 200);
  });
});

describe('a field of the body', () => {
  const post = (c, body, type, headers = {}) =>
    broker.request(`/~${c.name}/`, { method: 'POST', body, headers: { 'content-type': type, ...headers } });
  const FORM = 'application/x-www-form-urlencoded', JSON_TYPE = 'application/json; charset=utf-8';

  test('of a form, byte for byte as it was but for that', async () => {
    const c = await credential(['--slot', 'field:api_key'], { secret: 'a&b=c d/é' });
    const answer = await post(c, `x=1+2&api%5Fkey=${c.token}&y=%41&=&z`, FORM);
    assert.equal(answer.status, 200, answer.text);
    const received = arrived();
    assert.equal(received.body.toString(), 'x=1+2&api%5Fkey=a%26b%3Dc%20d%2F%C3%A9&y=%41&=&z');
    assert.equal(received.headers['content-length'], String(received.body.length));
  });

  test('of JSON, in chunks', async () => {
    const c = await credential(['--slot', 'field:/auth/0/key'], { secret: 'q"\\\u20ac' });
    const text = `{ "n": 1e400, "auth" : [ {"key":"${c.token}"} ], "key": "\\u0041" }\n`;
    const stream = new ReadableStream({ start(control) {
      for (const part of [text.slice(0, 40), text.slice(40)]) control.enqueue(Buffer.from(part));
      control.close();
    } });
    const answer = await fetch(`${broker.url}/~${c.name}/`, { method: 'POST', body: stream, duplex: 'half', headers: { 'content-type': JSON_TYPE } });
    assert.equal(answer.status, 200, await answer.text());
    const received = arrived();
    assert.equal(received.body.toString(), text.replace(c.token, JSON.stringify(c.secret).slice(1, -1)));
    assert.equal(JSON.parse(received.body).auth[0].key, c.secret);
    assert.equal(received.headers['transfer-encoding'], undefined);
  });

  test('beside caveats of the body, which see KEY', async () => {
    const c = await credential(['--slot', 'field:/key']);
    const body = (t, model) => JSON.stringify({ model, key: t });
    const narrow = await broker.attenuate(c.token, '--caveat', 'body[/model] = small', '--caveat', 'body[/key] = KEY');
    assert.equal((await post(c, body(narrow, 'small'), JSON_TYPE)).status, 200);
    assert.equal(JSON.parse(arrived().body).key, c.secret);
    upstream.requests.length = 0;
    broker.denied(await post(c, body(narrow, 'large'), JSON_TYPE), 401, 'caveat-failed');
    nothingArrived();
  });

  test('what says which bytes the body had goes with the token', async () => {
    const c = await credential(['--slot', 'field:key']);
    const digest = (text) => `sha-256=:${createHash('sha256').update(text).digest('base64')}:`;
    const body = `key=${c.token}`, own = { 'content-md5': createHash('md5').update(body).digest('base64'), digest: 'sha-256=x', 'content-digest': digest(body), 'repr-digest': digest(body) };
    assert.equal((await post(c, body, FORM, { ...own, 'want-repr-digest': 'sha-256=1' })).status, 200);
    const { headers } = arrived();
    assert.deepEqual(Object.keys(headers).filter((n) => /digest|md5/.test(n)), ['want-repr-digest']);
  });

  test('and what comes back', async () => {
    const c = await credential(['--slot', 'field:key']);
    upstream.route('/', (received, res) => res.end(received.body));
    const answer = await post(c, `key=${c.token}`, FORM);
    upstream.routes.shift();
    assert.equal(answer.text, `key=${c.token}`);
  });

  for (const [what, slot, body, type, status, code, headers] of [
    ['twice', 'key', (t) => `key=${t}&key=x`, FORM, 400, 'token-misplaced'],
    ['twice in JSON', '/key', (t) => `{"key":"${t}","key":"x"}`, JSON_TYPE, 400, 'token-misplaced'],
    ['twice, once empty', '/key', (t) => `{"key":"${t}","key":""}`, JSON_TYPE, 400, 'token-misplaced'],
    ['a twin in another case', 'key', (t) => `key=${t}&API=1&Key=x`, FORM, 400, 'token-misplaced'],
    ['a twin in another case of JSON', '/auth/key', (t) => `{"auth":{"key":"${t}"},"AUTH":{"key":"x"}}`, JSON_TYPE, 400, 'token-misplaced'],
    ['a twin with an escape in its name', '/key', (t) => `{"key":"${t}","\\u006bey":"x"}`, JSON_TYPE, 400, 'token-misplaced'],
    ['a twin behind a semicolon', 'key', (t) => `key=${t}&a=b;key=x`, FORM, 400, 'token-misplaced'],
    ['a key that is no token', 'key', () => 'key=real', FORM, 401, 'foreign-key'],
    ['no such field', 'key', () => 'other=x', FORM, 401, 'token-missing'],
    ['no JSON', '/key', (t) => `{"key":"${t}"`, JSON_TYPE, 401, 'token-missing'],
    ['another type', '/key', (t) => `{"key":"${t}"}`, 'text/xml', 401, 'token-missing'],
    ['an encoding', 'key', (t) => `key=${t}`, FORM, 401, 'token-missing', { 'content-encoding': 'gzip' }],
    ['more than is held back', 'key', (t) => `key=${t}&x=${'x'.repeat(2 << 20)}`, FORM, 413, 'body-too-large'],
    ['a token elsewhere', 'key', () => 'key=', FORM, 400, 'token-misplaced', (t) => ({ 'keyhole-token': t })],
  ])
    test(`refused: ${what}`, async () => {
      const c = await credential(['--slot', `field:${slot}`]);
      broker.denied(await post(c, body(c.token), type, typeof headers === 'function' ? headers(c.token) : headers), status, code);
      nothingArrived();
    });
});

describe('a field of the body, and another slot', () => {
  const post = (c, body, headers) => broker.request(`/~${c.name}/`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
  const bearer = (key) => ({ authorization: `Bearer ${key}` });

  test('the token in either, or the same in both', async () => {
    const c = await credential(['--slot', 'bearer', '--slot', 'field:/key', '--inject', 'bearer']);
    for (const [body, headers] of [[{ key: c.token }], [{}, bearer(c.token)], [{ key: '' }, bearer(c.token)], [{ key: c.token }, bearer(c.token)]]) {
      const answer = await post(c, body, headers);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(arrived().headers.authorization, `Bearer ${c.secret}`);
      upstream.requests.length = 0;
    }
  });

  test('no second key beside the token, and no token beside a key that may pass', async () => {
    for (const [args, foreign, code] of [[[], 401, 'foreign-key'], [['--foreign', 'pass'], 400, 'token-misplaced']]) {
      const c = await credential(['--slot', 'bearer', '--slot', 'field:/key', '--inject', 'bearer', ...args]);
      const other = await broker.mint(c.name);
      broker.denied(await post(c, { key: 'real' }, bearer(c.token)), foreign, code);
      broker.denied(await post(c, { key: c.token }, bearer('real')), foreign, code);
      broker.denied(await post(c, { key: other }, bearer(c.token)), 400, 'token-misplaced');
      nothingArrived();
    }
  });

  test('a body that cannot be read goes beside no token', async () => {
    const c = await credential(['--slot', 'bearer', '--slot', 'field:/key', '--inject', 'bearer']);
    const send = (body) => broker.request(`/~${c.name}/`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...bearer(c.token) } });
    for (const body of ['{"key":"real"', '\ufeff{"key":"real"}', '{"key":"real"}{}', "{'key':'real'}"]) {
      broker.denied(await send(body), 400, 'token-misplaced');
      nothingArrived();
    }
    assert.equal((await send('')).status, 200);
  });

  test('a key that may pass goes as it is', async () => {
    const c = await credential(['--slot', 'bearer', '--slot', 'field:/key', '--inject', 'bearer', '--foreign', 'pass']);
    for (const [body, headers] of [[{ key: 'real' }], [{}, bearer('real')], [{ key: 'real' }, bearer('real')]]) {
      assert.equal((await post(c, body, headers)).status, 200);
      const received = arrived();
      assert.deepEqual(JSON.parse(received.body), body);
      assert.equal(received.headers.authorization, headers?.authorization);
      upstream.requests.length = 0;
    }
  });
});

describe('several keys together', () => {
  let one, two, own;

  before(async () => {
    one = realKey('one-');
    two = realKey('two-');
    await broker.addCredential('one', { secret: one, upstream, hosts: ['upstream.example'], args: ['--inject', 'header:X-One: {secret}'] });
    await broker.addCredential('two', { secret: two, upstream, hosts: ['upstream.example'], args: ['--inject', 'query:two'] });
    await broker.operator(['credential', 'add', 'set', '--host', 'upstream.example', '--allow-network', '127.0.0.0/8', '--upstream-ca', upstream.ca,
      ...upstream.resolve(['upstream.example']).flatMap((r) => ['--resolve', r]), '--slot', 'bearer', '--inject', 'several:one,two']);
    own = await broker.mint('set');
  });

  test('each in its place, and scrubbed', async () => {
    upstream.route('/set', (received, res) => res.end(`${one} ${two}`));
    const answer = await broker.request('/~set/set?a=b', { token: own });
    assert.equal(answer.text, `${own} ${own}`);
    const received = arrived();
    assert.equal(received.headers['x-one'], one);
    assert.equal(received.url, `/set?a=b&two=${two}`);
  });

  test('one that is rotated, disabled, enabled, removed', async () => {
    const fresh = realKey('one-');
    broker.secrets.push(fresh);
    await broker.operator(['credential', 'rotate', 'one', '--grace', '10m'], { stdin: fresh });
    upstream.route('/before', (received, res) => res.end(`${one} ${fresh}`));
    assert.equal((await broker.request('/~set/before', { token: own })).text, `${own} ${own}`);
    assert.equal(arrived().headers['x-one'], fresh);
    upstream.requests.length = 0;

    const held = upstream.hold('/stream');
    const client = await broker.connect();
    client.write(`GET /~set/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${own}\r\n\r\n`);
    const { res } = await held.next();
    res.writeHead(200);
    res.write('begin');
    await client.when('its begin', () => client.input.includes('begin'));
    await broker.operator(['credential', 'disable', 'two']);
    await client.when('the running one to be cut', () => client.over);
    client.destroy();
    upstream.requests.length = 0;

    broker.denied(await broker.request('/~set/', { token: own }), 403, 'credential-disabled', { detail: /two, which is one of set/ });
    await broker.operator(['credential', 'enable', 'two']);
    assert.equal((await broker.request('/~set/', { token: own })).status, 200);
    upstream.requests.length = 0;
    await broker.operator(['credential', 'remove', 'two']);
    broker.denied(await broker.request('/~set/', { token: own }), 403, 'credential-unknown');
    nothingArrived();
  });

  test('a signature over a place of another key is refused, when it is added and when it is made', async () => {
    const member = (name, inject, secret, ...args) => broker.addCredential(name, { secret, upstream, hosts: ['upstream.example'], args: ['--inject', inject, ...args] });
    const set = (name, members, slot) => broker.operator(['credential', 'add', name, '--host', 'upstream.example', '--allow-network', '127.0.0.0/8', '--upstream-ca', upstream.ca,
      ...upstream.resolve(['upstream.example']).flatMap((r) => ['--resolve', r]), '--slot', slot, '--inject', `several:${members}`], { may: true });
    await member('signed', 'hmac:sha256:hex:X-Signature: {signature}', realKey('hm-'), '--slot', 'bearer');
    await member('in-field', 'field:key', realKey('fi-'));
    const { status, stderr } = await set('wrong', 'signed,in-field', 'field:key');
    assert.equal(status, 1, stderr);
    assert.match(stderr, /signed signs the body, and in-field puts its key there/);
    await set('later', 'signed,not-yet', 'field:key');
    await member('not-yet', 'field:key', realKey('ny-'));
    const later = await broker.mint('later');
    upstream.requests.length = 0;
    broker.denied(await broker.request('/~later/', { method: 'POST', body: `key=${later}`, headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
      400, 'not-signable', { detail: /not-yet puts its key there/ });
    nothingArrived();
  });

  test('Datadog: both keys from the two members and a set, as its documentation has it', async () => {
    const api = realKey('dd-'), app = realKey('da-'), host = 'upstream.example';
    const common = ['--host', host, '--allow-network', '127.0.0.0/8', '--upstream-ca', upstream.ca, ...upstream.resolve([host]).flatMap((r) => ['--resolve', r])];
    broker.secrets.push(api, app);
    await broker.operator(['credential', 'add', 'dd-api', ...common, '--inject', 'header:DD-API-KEY: {secret}'], { stdin: api });
    await broker.operator(['credential', 'add', 'dd-app', ...common, '--inject', 'header:DD-APPLICATION-KEY: {secret}'], { stdin: app });
    await broker.operator(['credential', 'add', 'datadog', ...common, '--slot', 'header:dd-api-key', '--slot', 'header:dd-application-key', '--inject', 'several:dd-api,dd-app']);
    const token = await broker.mint('datadog');
    // Its clients send both: the token is in either or in both.
    for (const headers of [{ 'dd-api-key': token, 'dd-application-key': token }, { 'dd-api-key': token }]) {
      upstream.requests.length = 0;
      assert.equal((await broker.request('/~datadog/api/v1/query', { headers })).status, 200);
      const received = arrived();
      assert.equal(received.headers['dd-api-key'], api);
      assert.equal(received.headers['dd-application-key'], app);
    }
    upstream.requests.length = 0;
    broker.denied(await broker.request('/~datadog/api/v1/query', { headers: { 'dd-api-key': token, 'dd-application-key': 'foreign' } }), 401, 'foreign-key');
    nothingArrived();
  });
});
