// SPDX-License-Identifier: Apache-2.0
// OAuth 2.0: the client holds a Keyhole token; the broker gets access tokens with the real secret, once
// for everybody, and nothing that a token endpoint answers ever reaches a client.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import axios from 'axios';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { startTokenEndpoint } from '../support/oauth.mjs';
import { accepts, answerJson, startRawUpstream, startUpstream } from '../support/upstream.mjs';
import { inTime, until } from '../support/wait.mjs';

const HOST = 'upstream.example', AUTH = 'auth.example', URL_ = `https://${AUTH}/oauth/token`;
let upstream, broker, count = 0;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
  broker = await startBroker(wholeFile, { config: 'timeouts: {exchange: 30s, connect: 60s, tls: 60s, first-byte: 60s}\n' });
});

/** A credential with a token endpoint of its own: { name, endpoint, secret, token, get }. */
async function credential({ t = wholeFile, on = broker, endpoint, secret, options = [], url = URL_, args = [], api = upstream, ...more } = {}) {
  const name = `o${++count}`;
  endpoint ??= await startTokenEndpoint(t, { host: AUTH, ...more });
  secret ??= endpoint.refreshToken;
  await on.addCredential(name, { secret, upstream: api, hosts: [HOST], args: ['--inject', 'oauth2',
    ...[`token-url=${url}`, ...options].flatMap((o) => ['--option', o]),
    ...(url === URL_ ? ['--resolve', `${AUTH}:443:127.0.0.1:${endpoint.port}`] : []), ...args] });
  const token = await on.mint(name);
  const client = axios.create({ baseURL: `${on.url}/~${name}`, headers: { Authorization: `Bearer ${token}` },
    validateStatus: () => true, maxRedirects: 0, timeout: 60000 });
  on.secrets.push(...endpoint.secrets());
  return { name, endpoint, secret, token, client, get: (path = '/v1/x') => client.get(path) };
}

const bearer = (path) => upstream.requests.filter((r) => r.url === path).map((r) => r.headers.authorization);

/** A failed exchange, as the client sees it: a detail, and nothing of what the endpoint said. */
function refused(answer, status, code, detail) {
  assert.equal(answer.status, status, JSON.stringify(answer.data));
  assert.equal(answer.data.code, code);
  if (detail) assert.match(answer.data.detail, detail);
  assert.ok(!JSON.stringify(answer.data).includes('canary'), 'nothing of the answer');
}

describe('grants', () => {
  test('a refresh token, of a client without a secret', async () => {
    const c = await credential({ options: ['client-id=app', 'scope=read write', 'audience=https://api'] });
    assert.equal((await c.get('/v1/refresh')).status, 200);
    const [asked] = c.endpoint.requests;
    assert.equal(asked.method, 'POST');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked.body.toString())), {
      grant_type: 'refresh_token', refresh_token: c.secret, scope: 'read write', audience: 'https://api', client_id: 'app' });
    assert.equal(asked.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.equal(asked.headers['accept-encoding'], 'identity');
    assert.equal(asked.headers.authorization, undefined);
    assert.deepEqual(bearer('/v1/refresh'), [`Bearer ${c.endpoint.issued[0]}`]);
  });

  for (const auth of ['basic', 'post'])
    test(`client credentials, the client by ${auth}`, async () => {
      const secret = realKey('cs:+ /');
      const c = await credential({ secret, options: ['grant=client', 'client-id=the app', `auth=${auth}`] });
      assert.equal((await c.get(`/v1/${auth}`)).status, 200);
      const [asked] = c.endpoint.requests, form = new URLSearchParams(asked.body.toString());
      assert.equal(form.get('grant_type'), 'client_credentials');
      assert.equal(form.get('client_secret'), auth === 'post' ? secret : null);
      if (auth === 'basic') {
        const pair = Buffer.from(asked.headers.authorization.slice(6), 'base64').toString().split(':');
        assert.deepEqual(pair.map(decodeURIComponent), ['the app', secret]);
      }
    });

  test('all three in one JSON object, with what else stands there', async () => {
    const endpoint = await startTokenEndpoint(wholeFile, { host: AUTH });
    const secret = JSON.stringify({ type: 'authorized_user', client_id: 'a', client_secret: realKey('cs-'), refresh_token: endpoint.refreshToken }, null, 2);
    const c = await credential({ endpoint, secret });
    assert.equal((await c.get()).status, 200);
    assert.match(endpoint.requests[0].headers.authorization, /^Basic /);
  });

  test('an answer as form text, and the access token is scrubbed from the upstream\'s', async () => {
    const c = await credential({ answer: (res, given) => {
      res.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' });
      res.end(`access_token=${given.access_token}&token_type=bearer&expires_in=60`);
    } });
    upstream.route('/v1/echo', (received, res) => answerJson(res, 200, { got: received.headers.authorization }));
    const { status, data } = await c.get('/v1/echo');
    assert.equal(status, 200);
    assert.equal(data.got, `Bearer ${c.token}`);
  });
});

describe('what is refused when it is added', () => {
  const add = (args, secret = 'rt-xyz') => broker.operator(['credential', 'add', `bad${++count}`, '--host', HOST, ...args], { stdin: secret, may: true });
  for (const [args, said, secret] of [
    [['--inject', 'oauth2'], /token-url/],
    [['--inject', 'oauth2', '--option', 'token-url=http://auth.example/t'], /plain/],
    [['--inject', 'oauth2', '--option', `token-url=${URL_}`, '--option', 'grant=client'], /client-id/],
    [['--inject', 'oauth2', '--option', `token-url=${URL_}`], /refresh_token/, '{"client_id": "a"}'],
    [['--inject', 'oauth2', '--option', `token-url=${URL_}`, '--resolve', 'else.example:443:127.0.0.1:1'], /none of the credential's hosts/],
    [['--inject', 'bearer', '--option', `token-url=${URL_}`], /does not belong/],
  ])
    test(args.slice(1).join(' ').slice(0, 90), async () => {
      const { status, stderr } = await add(args, secret);
      assert.notEqual(status, 0);
      assert.match(stderr, said);
    });
});

describe('one exchange for all', () => {
  test('200 requests at once make one exchange, and so do 200 when it has expired', async () => {
    const many = (c, path) => Promise.all(Array.from({ length: 200 }, () => c.get(path)));
    // A life that is several times as long as 200 requests take here, so that it is not refreshed among them.
    const begun = Date.now();
    await many(await credential(), '/v1/measured');
    const c = await credential({ expiresIn: Math.max(3, Math.ceil((Date.now() - begun) / 200)) });
    const all = () => many(c, '/v1/many');
    assert.deepEqual(new Set((await all()).map((r) => r.status)), new Set([200]));
    assert.equal(c.endpoint.requests.length, 1);
    await until('the first access token expired', () => Date.now() > c.endpoint.expiry + 1000, 120000);
    assert.deepEqual(new Set((await all()).map((r) => r.status)), new Set([200]));
    assert.equal(c.endpoint.requests.length, 2, 'one refresh for 200 requests');
    assert.deepEqual(new Set(bearer('/v1/many')), new Set(c.endpoint.issued.map((x) => `Bearer ${x}`)));
  });

  test('it is refreshed early, while the old one serves', async () => {
    // 80 % of its life are over: the broker's clock cannot be set from here, so the life is short.
    await inTime(async (seconds) => {
      const path = `/v1/early-${seconds}`, short = await credential({ expiresIn: seconds });
      await short.get(path);
      const gate = short.endpoint.hold();
      try {
        await until('it is time for a refresh', async () => {
          assert.equal((await short.get(path)).status, 200);
          return short.endpoint.requests.length === 2;
        }, 120000);
        assert.equal((await short.get(path)).status, 200, 'the old one serves');
        assert.equal(new Set(bearer(path)).size, 1);
      } finally {
        gate.release();
      }
      await until('the new one serves', async () => (await short.get(path)) && new Set(bearer(path)).size === 2);
    }, [6, 20, 60]);
  });

  test('a rotated refresh token survives kill -9', async (t) => {
    const own = await startBroker(t, {});
    const c = await credential({ t, on: own, rotate: true, expiresIn: 3600 });
    assert.equal((await c.get()).status, 200);
    assert.equal(c.endpoint.requests.length, 1);
    const next = c.endpoint.refreshToken;
    assert.notEqual(next, c.secret);
    assert.ok(own.audit().some((r) => r.command === 'credential.rotate' && /refresh token/.test(r.detail ?? '')), 'it is on record');
    for (const file of ['keyholed.db', 'keyholed.db-wal'])
      assert.ok(!readFileSync(own.file(file)).includes(next), 'and sealed');
    await own.kill();
    await own.start();
    const client = axios.create({ baseURL: own.url, headers: { Authorization: `Bearer ${c.token}` }, validateStatus: () => true });
    assert.equal((await client.get(`/~${c.name}/v1/x`)).status, 200);
    assert.equal(new URLSearchParams(c.endpoint.requests[1].body.toString()).get('refresh_token'), next);
    own.secrets.push(...c.endpoint.secrets());
  });
});

describe('endpoints that fail', () => {
  const bad = {
    'an error of the RFC': [(res) => answerJson(res, 400, { error: 'invalid_grant', error_description: 'canary' }), /400 invalid_grant/],
    'an error with a 200': [(res) => answerJson(res, 200, { error: 'invalid_client' }), /invalid_client/],
    'an error that repeats what it got': [(res) => answerJson(res, 401, { error: 'canary' }), /refused: 401$/],
    'a redirect': [(res) => res.writeHead(307, { location: `https://${HOST}/v1/canary` }).end(), /redirects are not followed/],
    garbage: [(res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token": canary'), /neither JSON nor form/],
    'no token': [(res) => answerJson(res, 200, { canary: 1 }), /no access token/],
    'another type of token': [(res) => answerJson(res, 200, { access_token: 'canary', token_type: 'mac' }), /no bearer/],
    'a token that would be two headers': [(res) => answerJson(res, 200, { access_token: 'canary\r\nX: y' }), /no access token/],
    'one that is over at once': [(res) => answerJson(res, 200, { access_token: 'canary', expires_in: 0 }), /expires at once/],
    gzip: [(res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"access_token":"canary"}')), /encoded/],
    huge: [(res) => res.writeHead(200).end(`{"access_token":"canary","x":"${'a'.repeat(70000)}"}`), /64 KiB/],
  };
  for (const [what, [answer, detail]] of Object.entries(bad))
    test(what, async () => {
      const c = await credential({ answer });
      refused(await c.get(`/v1/bad`), 502, 'access-token-unavailable', detail);
      assert.equal(bearer('/v1/bad').length, 0, 'the upstream saw nothing');
      const record = broker.decisions().findLast((r) => r.credential === c.name);
      assert.equal(record.reason, 'access-token-unavailable');
      assert.ok(record.user && record.token, 'the record says whose request it was');
      assert.ok(!broker.log.includes('canary'), 'nothing of it is in the log');
    });

  test('bytes that are no HTTP', async (t) => {
    const raw = await startRawUpstream(t, { hosts: [AUTH], answer: (socket) => socket.end('canary\r\n\r\n') });
    const c = await credential({ endpoint: Object.assign(raw, { secrets: () => [], refreshToken: 'rt-raw-0123456789' }) });
    refused(await c.get('/v1/bad'), 502, 'access-token-unavailable', /upstream-response/);
  });

  test('nobody there', async (t) => {
    const endpoint = await startTokenEndpoint(t, { host: AUTH });
    await endpoint.stop();
    const c = await credential({ endpoint });
    refused(await c.get('/v1/bad'), 502, 'access-token-unavailable', /unreachable/);
  });

  test('a certificate of another name', async (t) => {
    const endpoint = await startTokenEndpoint(t, { host: 'other.example' });
    const c = await credential({ endpoint });
    refused(await c.get('/v1/bad'), 502, 'access-token-unavailable', /upstream-tls/);
    assert.equal(endpoint.requests.length, 0, 'it was told nothing');
  });

  test('an address that is not allowed', async () => {
    const endpoint = await startTokenEndpoint(wholeFile, { host: AUTH });
    const c = await credential({ endpoint, url: 'https://169.254.169.254/token' });
    refused(await c.get('/v1/bad'), 502, 'access-token-unavailable', /address-forbidden/);
  });

  test('a failure is remembered for a moment, and then mended', async () => {
    let broken = true;
    const c = await credential({ answer: (res, given) => (broken ? answerJson(res, 500, {}) : answerJson(res, 200, given)) });
    refused(await c.get('/v1/mended'), 502, 'access-token-unavailable', /500/);
    const begun = Date.now();
    const answers = await Promise.all(Array.from({ length: 50 }, () => c.get('/v1/mended')));
    const seconds = (Date.now() - begun) / 1000; // less than one, if the machine is not very busy
    assert.ok(answers.every((a) => a.status === 502));
    assert.ok(c.endpoint.requests.length <= 3 + seconds, `${c.endpoint.requests.length} requests in ${seconds} s hammer it`);
    broken = false;
    await until('it is tried again', async () => (await c.get('/v1/mended')).status === 200);
  });

  test('an endpoint that hangs delays only those who wait for it', async (t) => {
    const own = await startBroker(t, { config: 'timeouts:\n  exchange: 6s\n  decide: 4s\n' });
    const c = await credential({ t, on: own });
    const other = await credential({ t, on: own });
    const gate = c.endpoint.hold();
    const waiting = c.get('/v1/hang');
    await until('it was asked', () => c.endpoint.requests.length === 1);
    assert.equal((await other.get('/v1/hang')).status, 200);
    refused(await waiting, 504, 'upstream-timeout', /token endpoint/);
    gate.release();
  });
});

describe('what ends an access token', () => {
  test('revoked while it waits: the answer comes too late', async () => {
    const c = await credential();
    const gate = c.endpoint.hold();
    const waiting = c.get('/v1/revoked');
    await until('it was asked', () => c.endpoint.requests.length === 1);
    await broker.operator(['revoke', '--credential', c.name]);
    gate.release();
    const { status, data } = await waiting;
    assert.equal(status, 401, JSON.stringify(data));
    assert.equal(data.code, 'revoked');
    assert.equal(bearer('/v1/revoked').length, 0);
  });

  test('uses are counted once, though it was judged twice', async () => {
    const c = await credential();
    const token = await broker.mint(c.name, { caveats: ['uses <= 1'] });
    const get = () => axios.get(`${broker.url}/~${c.name}/v1/once`, { headers: { Authorization: `Bearer ${token}` }, validateStatus: () => true });
    assert.equal((await get()).status, 200);
    assert.equal((await get()).data.code, 'uses-exhausted');
  });

  test('disabling and rotating drop it', async () => {
    const c = await credential();
    await c.get('/v1/drop');
    await broker.operator(['credential', 'disable', c.name]);
    assert.equal((await c.get('/v1/drop')).data.code, 'credential-disabled');
    await broker.operator(['credential', 'enable', c.name]);
    assert.equal((await c.get('/v1/drop')).status, 200);
    assert.equal(c.endpoint.requests.length, 2);
    const secret = realKey('rt-new-');
    broker.secrets.push(secret);
    c.endpoint.refreshToken = secret;
    await broker.operator(['credential', 'rotate', c.name], { stdin: secret });
    assert.equal((await c.get('/v1/drop')).status, 200);
    assert.equal(new URLSearchParams(c.endpoint.requests[2].body.toString()).get('refresh_token'), secret);
  });

  test('a 401 of the upstream: this request is not sent again, the next one has a new token', async () => {
    const c = await credential();
    let status = 401;
    upstream.route('/v1/401', (received, res) => answerJson(res, status, {}));
    assert.equal((await c.get('/v1/401')).status, 401);
    assert.equal(bearer('/v1/401').length, 1, 'once');
    status = 200;
    await until('the outcome is on record', () => broker.audit().some((r) => r.kind === 'outcome' && r.status === 401));
    assert.equal((await c.get('/v1/401')).status, 200);
    assert.equal(new Set(bearer('/v1/401')).size, 2);
    assert.equal(c.endpoint.requests.length, 2);
  });

  test('an upstream that always says 401 does not make the broker hammer the endpoint', async () => {
    const c = await credential();
    upstream.route('/v1/never', (received, res) => answerJson(res, 401, {}));
    const begun = Date.now();
    for (let i = 0; i < 30; i++) await c.get('/v1/never');
    const seconds = (Date.now() - begun) / 1000;
    assert.ok(c.endpoint.requests.length < 8 + seconds, `${c.endpoint.requests.length} exchanges for 30 requests in ${seconds} s`);
  });

  test('the proxy that carries it dies: another one, or an answer', async (t) => {
    const own = await startBroker(t, { config: 'timeouts:\n  exchange: 5s\n' });
    const c = await credential({ t, on: own });
    const gate = c.endpoint.hold();
    const waiting = c.get('/v1/dies').catch((error) => error);
    await until('it was asked', () => c.endpoint.requests.length === 1);
    const { processes } = await own.status();
    for (const p of processes.filter((x) => x.role === 'proxy')) process.kill(p.pid, 'SIGKILL');
    gate.release();
    await waiting;
    await until('requests are served again', async () => (await c.get('/v1/dies').catch(() => ({}))).status === 200);
  });
});
