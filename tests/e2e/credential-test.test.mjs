// SPDX-License-Identifier: Apache-2.0
// `keyholed credential test`: one harmless request with the real key, in words; and what is said of a key
// that its upstream refuses.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { startTokenEndpoint } from '../support/oauth.mjs';
import { accepts, answerJson, startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

let upstream, broker, key, count = 0;

before(async () => {
  key = realKey();
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile, { config: 'timeouts:\n  exchange: 8s\n' });
});

beforeEach(() => {
  upstream.requests.length = 0;
});

async function add({ secret = key, hosts = ['upstream.example'], args = [], ...more } = {}) {
  const name = `t${++count}`;
  await broker.addCredential(name, { secret, upstream, hosts: more.preset ? undefined : hosts, args, ...more });
  return name;
}

async function probe(name, ...args) {
  const { status, stdout } = await broker.operator(['credential', 'test', name, '--json', ...args], { may: true });
  return { status, ...JSON.parse(stdout) };
}

describe('credential test', () => {
  test('a good key: accepted, exit 0; a GET of / and no token anywhere', async () => {
    const name = await add();
    const { status, stdout } = await broker.operator(['credential', 'test', name]);
    assert.equal(status, 0);
    assert.match(stdout, /^accepted: .*GET https:\/\/upstream\.example\/ answered 200\)\n$/);
    const received = upstream.only('/');
    assert.equal(received.method, 'GET');
    assert.ok(!received.text().includes('kh1_'));
    assert.ok(broker.audit().some((r) => r.kind === 'admin' && r.command === 'credential.test' && r.subject === name && r.detail === 'accepted: 200' && r.uid === process.getuid()), 'it is on record');
  });

  test('a preset knows what to ask, with which headers', async () => {
    const anthropic = await add({ preset: 'anthropic' });
    assert.equal((await probe(anthropic)).outcome, 'refused', 'this upstream wants a bearer');
    const received = upstream.only('/v1/models');
    assert.equal(received.headers['anthropic-version'], '2023-06-01');
    assert.deepEqual(received.fields('x-api-key'), [key]);
    const openai = await probe(await add({ preset: 'openai' }));
    assert.deepEqual([openai.status, openai.accepted, openai.request], [200, true, 'GET https://api.openai.com/v1/models']);
  });

  test('a wrong key: refused, exit 1', async () => {
    const name = await add({ secret: realKey('wrong-') });
    const { status, stdout } = await broker.operator(['credential', 'test', name], { may: true });
    assert.equal(status, 1);
    assert.match(stdout, /^refused: .*401\)\n$/);
  });

  test('a service that says 400 to wrong keys', async () => {
    const open = await startUpstream(wholeFile, { accepts: accepts.anything(), fallback: (received, res) => res.writeHead(400).end('API_KEY_INVALID') });
    const name = await add({ preset: 'google', upstream: open });
    assert.deepEqual([(await probe(name)).outcome, (await probe(name)).request], ['refused', 'GET https://generativelanguage.googleapis.com/v1beta/models']);
    assert.equal(open.requests[0].url, '/v1beta/models');
    assert.equal((await probe(name, '--path', '/else')).outcome, 'unclear', 'of other paths that is not known');
  });

  for (const [status, outcome] of [[204, 'accepted'], [403, 'refused'], [404, 'unclear'], [307, 'unclear'], [500, 'unclear']])
    test(`${status} is ${outcome}; nothing else of the answer comes back`, async () => {
      const name = await add();
      upstream.route(`/s/${status}`, (received, res) => res.writeHead(status, { location: 'https://other.example/canary', 'x-canary': 'canary' }).end(status === 204 ? undefined : 'canary'));
      const { stdout } = await broker.operator(['credential', 'test', name, '--json', '--path', `/s/${status}`], { may: true });
      assert.equal(JSON.parse(stdout).outcome, outcome);
      assert.equal(JSON.parse(stdout).status, status);
      assert.ok(!stdout.includes('canary'));
    });

  test('an endless answer does not matter: the status does', async () => {
    const name = await add();
    upstream.route('/endless', (received, res) => { res.writeHead(200); const more = () => { while (!res.destroyed && res.write('x'.repeat(65536))); }; res.on('drain', more); more(); });
    assert.equal((await probe(name, '--path', '/endless')).outcome, 'accepted');
  });

  test('unreachable, and why', async (t) => {
    const gone = await startUpstream(t, { key });
    const name = `t${++count}`;
    await broker.addCredential(name, { secret: key, upstream: gone, hosts: ['upstream.example'] });
    await gone.stop();
    const answer = await probe(name);
    assert.equal(answer.outcome, 'unreachable');
    assert.match(answer.detail, /could not be reached.*no address/s);
    const walled = await add({ network: null });
    assert.match((await probe(walled)).detail, /must not reach/);
  });

  test('an upstream that hangs is given up', async () => {
    const name = await add();
    upstream.route('/hang', () => {});
    const answer = await probe(name, '--path', '/hang');
    assert.equal(answer.outcome, 'unreachable');
    assert.match(answer.detail, /in time/);
  });

  test('with an access token: the exchange first', async () => {
    const endpoint = await startTokenEndpoint(wholeFile, { host: 'auth.example' });
    const args = ['--inject', 'oauth2', '--option', 'token-url=https://auth.example/oauth/token', '--resolve', `auth.example:443:127.0.0.1:${endpoint.port}`];
    const name = await add({ secret: endpoint.refreshToken, args });
    upstream.accepts = accepts.anything();
    try {
      assert.equal((await probe(name)).outcome, 'accepted');
    } finally {
      upstream.accepts = accepts.bearer(key);
    }
    assert.equal(upstream.only('/').headers.authorization, `Bearer ${endpoint.issued[0]}`);
    endpoint.route('/oauth/token', (received, res) => answerJson(res, 400, { error: 'invalid_grant' }));
    const bad = await add({ secret: realKey('rt-'), args });
    const answer = await probe(bad);
    assert.equal(answer.outcome, 'no-access-token');
    assert.match(answer.detail, /400 invalid_grant/);
    broker.secrets.push(...endpoint.secrets());
  });

  test('in every other place: basic, query', async () => {
    upstream.accepts = accepts.anything();
    const basic = await add({ secret: `alice:${key}`, args: ['--inject', 'basic', '--slot', 'basic'] });
    const query = await add({ args: ['--slot', 'query:key', '--inject', 'query:key'] });
    try {
      assert.equal((await probe(basic)).outcome, 'accepted');
      assert.equal((await probe(query, '--path', '/q?a=b')).outcome, 'accepted');
    } finally {
      upstream.accepts = accepts.bearer(key);
    }
    assert.match(upstream.requests[0].headers.authorization, /^Basic /);
    assert.equal(upstream.requests[1].url, `/q?a=b&key=${key}`);
  });

  test('in the path, where the preset says', async () => {
    const secret = '123456:AA-real_key' + realKey('');
    upstream.accepts = accepts.anything();
    const name = `t${++count}`;
    await broker.addCredential(name, { secret, preset: 'telegram', args: ['--upstream-ca', upstream.ca, '--resolve', `api.telegram.org:443:127.0.0.1:${upstream.port}`] });
    try {
      const answer = await probe(name);
      // The certificate of this upstream is for other names: what counts is below, by another host.
      assert.equal(answer.outcome, 'unreachable');
      assert.ok(!JSON.stringify(answer).includes('real_key'), 'the request is shown without the key');
      const own = await add({ secret, args: ['--slot', 'path', '--inject', 'path:bot{secret}'] });
      assert.equal((await probe(own, '--path', '/{key}/getMe')).outcome, 'accepted');
      assert.equal(upstream.requests.at(-1).url, `/bot${secret}/getMe`);
      assert.equal((await probe(own)).outcome, 'not-testable');
    } finally {
      upstream.accepts = accepts.bearer(key);
    }
  });

  test('what cannot be tested is said', async () => {
    const slack = await add({ preset: 'slack' });
    assert.equal((await probe(slack)).outcome, 'not-testable');
    const name = await add();
    for (const [args, said] of [[['nobody'], /no credential nobody/], [[name, '--path', 'x'], /begins with/], [[name, '--host', 'other.example'], /none of the credential's hosts/]]) {
      const { status, stderr } = await broker.operator(['credential', 'test', ...args], { may: true });
      assert.equal(status, 1);
      assert.match(stderr, said);
    }
    await broker.operator(['credential', 'disable', name]);
    const off = await broker.operator(['credential', 'test', name], { may: true });
    assert.match(off.stderr, /disabled/);
    assert.equal(upstream.requests.length, 0);
  });
});

describe('a key that the upstream refuses', () => {
  const outcomes = (n) => until(`${n} outcomes are on record`, () => broker.audit().filter((r) => r.kind === 'outcome').length >= n);

  test('the client gets the upstream\'s answer, the operator a line in status, list, show and log', async () => {
    const name = await add({ secret: realKey('wrong-') });
    const token = await broker.mint(name);
    const before = broker.audit().filter((r) => r.kind === 'outcome').length;
    for (let i = 0; i < 3; i++) {
      const answer = await broker.request(`/~${name}/v1/x`, { token });
      assert.equal(answer.status, 401);
      assert.equal(answer.json().error.message, 'wrong key');
    }
    await outcomes(before + 3);
    const show = await broker.operatorJson(['credential', 'show', name]);
    assert.equal(show.refused_by_upstream.count, 3);
    assert.match(show.refused_by_upstream.last, /^\d{4}-/);
    const { keys_refused: refused } = await broker.status();
    assert.ok(refused.some((r) => r.name === name && r.refused_by_upstream.count === 3));
    for (const args of [['status'], ['credential', 'list'], ['credential', 'show', name]])
      assert.match((await broker.operator(args, { may: true })).stdout, /refused by the upstream 3 times since \S+, last \S+/);
    const warnings = () => broker.log.split('\n').filter((l) => l.includes('key-refused') && l.includes(name));
    await until('there is a warning', () => warnings().length > 0);
    assert.equal(warnings().length, 1, 'one warning');
    assert.ok(broker.audit().some((r) => r.kind === 'outcome' && r.status === 401));

    await broker.operator(['credential', 'rotate', name], { stdin: key });
    assert.equal((await broker.operatorJson(['credential', 'show', name])).refused_by_upstream, undefined, 'a new key has a new name');
  });

  test('a 2xx clears it, and a denial of our own is nothing', async () => {
    const name = await add();
    const token = await broker.mint(name);
    upstream.route('/v1/no', (received, res) => answerJson(res, 401, {}));
    let n = broker.audit().filter((r) => r.kind === 'outcome').length;
    await broker.request(`/~${name}/v1/no`, { token });
    await broker.request(`/~${name}/v1/no`); // no token: ours
    await outcomes(++n);
    assert.equal((await broker.operatorJson(['credential', 'show', name])).refused_by_upstream.count, 1);
    await broker.request(`/~${name}/v1/yes`, { token });
    await outcomes(++n);
    assert.equal((await broker.operatorJson(['credential', 'show', name])).refused_by_upstream, undefined);
  });
});
