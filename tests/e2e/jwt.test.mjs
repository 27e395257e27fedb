// SPDX-License-Identifier: Apache-2.0
// Assertions: the private key stays in the broker; who verifies what it signed is jose, not we.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, test } from 'node:test';

import { OAuth2Client } from 'google-auth-library';
import { jwtVerify } from 'jose';
import { Octokit } from 'octokit';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { accepts, answerJson, startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const HOST = 'upstream.example', AUTH = 'auth.example', TOKEN_URL = `https://${AUTH}/token`;
const keys = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
};
const pem = (algorithm) => keys[algorithm].privateKey.export({ type: 'pkcs8', format: 'pem' });
// A line in the middle of the key, which would show wherever the key did.
const lineOf = (text) => text.split(/\\n|\n/)[2] ?? text.split(/\\n|\n/)[1];

let upstream, broker, count = 0;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything(), hosts: [HOST, 'api.github.com', 'storage.googleapis.com'] });
  broker = await startBroker(wholeFile);
});

async function add(secret, options, { preset, hosts = [HOST], args = [] } = {}) {
  const name = `j${++count}`;
  await broker.addCredential(name, { secret, preset, upstream: preset ? undefined : upstream, hosts: preset ? undefined : hosts,
    args: [...(preset ? [] : ['--inject', 'jwt']), ...options.flatMap((o) => ['--option', o]), ...args] });
  broker.secrets.push(lineOf(secret));
  return { name, token: await broker.mint(name) };
}

const get = (c, path) => broker.request(`/~${c.name}${path}`, { token: c.token });
const bearers = (path) => upstream.requests.filter((r) => r.url === path).map((r) => r.headers.authorization.replace(/^Bearer /, ''));

/** A token endpoint that verifies assertions: { endpoint, verified: [{ payload, protectedHeader, form }] }. */
async function startVerifier(t, { algorithm, audience = TOKEN_URL, host = AUTH, path = '/token' }) {
  const endpoint = await startUpstream(t, { hosts: [host], accepts: accepts.anything() });
  const verified = [], issued = [];
  endpoint.route(path, async (received, res) => {
    const form = new URLSearchParams(received.body.toString());
    try {
      assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
      const result = await jwtVerify(form.get('assertion'), keys[algorithm].publicKey, { audience, algorithms: [algorithm], maxTokenAge: '1 minute' });
      verified.push({ ...result, form });
      issued.push(realKey('ya29.'));
      answerJson(res, 200, { access_token: issued.at(-1), expires_in: 3599, token_type: 'Bearer' });
    } catch (error) {
      verified.push({ error });
      answerJson(res, 400, { error: 'invalid_grant', error_description: error.message });
    }
  });
  return { endpoint, verified, issued, resolve: ['--resolve', `${host}:443:127.0.0.1:${endpoint.port}`] };
}

describe('the assertion itself', () => {
  for (const algorithm of Object.keys(keys))
    test(`${algorithm}: signed once, sent until it is old, and never shown`, async () => {
      const c = await add(pem(algorithm), [`algorithm=${algorithm}`, 'issuer=me', 'subject=you', 'audience=https://api', 'key-id=k1', 'scope=a b', 'lifetime=60']);
      upstream.route(`/none/${algorithm}`, (received, res) => answerJson(res, 200, { got: received.headers.authorization }));
      const answer = await get(c, `/none/${algorithm}`);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json().got, `Bearer ${c.token}`, 'scrubbed');
      await get(c, `/none/${algorithm}`);
      const sent = bearers(`/none/${algorithm}`);
      assert.equal(new Set(sent).size, 1);
      const { payload, protectedHeader } = await jwtVerify(sent[0], keys[algorithm].publicKey, { audience: 'https://api', issuer: 'me', subject: 'you' });
      assert.deepEqual(protectedHeader, { alg: algorithm, typ: 'JWT', kid: 'k1' });
      assert.equal(payload.scope, 'a b');
      assert.equal(payload.exp - payload.iat, 60);
    });

  test('a key of another kind than the algorithm, and what is no key, are refused when they are added', async () => {
    for (const [secret, options] of [[pem('ES256'), ['algorithm=RS256']], ['-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----', []], ['{"type":"service_account"}', ['exchange=google']]]) {
      const { status } = await broker.operator(['credential', 'add', `bad${++count}`, '--host', HOST, '--inject', 'jwt', ...options.flatMap((o) => ['--option', o])], { stdin: secret, may: true });
      assert.notEqual(status, 0);
    }
  });
});

describe('exchanged', () => {
  test('RFC 7523: the scope is in the form', async () => {
    const { verified, issued, resolve } = await startVerifier(wholeFile, { algorithm: 'ES256' });
    const c = await add(pem('ES256'), ['exchange=rfc7523', `token-url=${TOKEN_URL}`, 'issuer=app', 'subject=alice', 'scope=read'], { args: resolve });
    assert.equal((await get(c, '/rfc')).status, 200);
    assert.ifError(verified[0].error);
    assert.equal(verified[0].payload.iss, 'app');
    assert.equal(verified[0].payload.sub, 'alice');
    assert.ok(verified[0].payload.jti);
    assert.equal(verified[0].payload.scope, undefined);
    assert.equal(verified[0].form.get('scope'), 'read');
    assert.deepEqual(bearers('/rfc'), issued);
  });

  test('an endpoint that finds it wrong is told of in a code', async () => {
    const { resolve, verified } = await startVerifier(wholeFile, { algorithm: 'RS256', audience: 'https://else' });
    const c = await add(pem('RS256'), ['exchange=rfc7523', `token-url=${TOKEN_URL}`, 'issuer=app'], { args: resolve });
    const answer = await get(c, '/wrong');
    broker.denied(answer, 502, 'access-token-unavailable', { detail: /400 invalid_grant$/ });
    assert.match(verified[0].error.message, /aud/);
  });

  const account = (more = {}) => JSON.stringify({ type: 'service_account', project_id: 'p', private_key_id: 'kid-1', private_key: pem('RS256'),
    client_email: 'robot@p.iam.gserviceaccount.com', client_id: '1', token_uri: TOKEN_URL, universe_domain: 'googleapis.com', ...more }, null, 2);

  test('a Google service account: its JSON file as it is, google-auth-library as the client', async () => {
    const { verified, issued, resolve } = await startVerifier(wholeFile, { algorithm: 'RS256' });
    const c = await add(account(), [`token-url=${TOKEN_URL}`], { preset: 'gcp', args: [...resolve, '--upstream-ca', upstream.ca, ...upstream.resolve(['storage.googleapis.com']).flatMap((r) => ['--resolve', r])] });
    const client = new OAuth2Client();
    client.setCredentials({ access_token: c.token });
    upstream.route('/storage/v1/b', (received, res) => answerJson(res, 200, { items: [{ name: 'bucket' }] }));
    const { data } = await client.request({ url: `${broker.url}/~${c.name}/storage/v1/b?project=p` });
    assert.equal(data.items[0].name, 'bucket');
    const { payload, protectedHeader } = verified[0];
    assert.equal(protectedHeader.kid, 'kid-1');
    assert.equal(payload.iss, 'robot@p.iam.gserviceaccount.com');
    assert.equal(payload.scope, 'https://www.googleapis.com/auth/cloud-platform');
    assert.equal(payload.exp - payload.iat, 3600);
    assert.equal(upstream.requests.at(-1).headers.authorization, `Bearer ${issued[0]}`);
    // Its endpoint is what is tested, where no status tells.
    const tested = await broker.operatorJson(['credential', 'test', c.name]);
    assert.equal(tested.outcome, 'accepted');
  });

  test('token_uri of the file is where it goes without an option', async () => {
    const { verified, endpoint } = await startVerifier(wholeFile, { algorithm: 'RS256', audience: 'https://127.0.0.1/token', host: '127.0.0.1' });
    const c = await add(account({ token_uri: `https://127.0.0.1:${endpoint.port}/token` }), ['exchange=google', 'audience=https://127.0.0.1/token']);
    const answer = await get(c, '/uri');
    assert.equal(answer.status, 200, `${answer.text} ${verified[0]?.error}`);
    assert.equal(verified.length, 1);
  });
});

describe('GitHub Apps', () => {
  test('an installation token, for octokit; a 401 asks for a new one', async () => {
    const issued = [];
    const api = await startUpstream(wholeFile, { hosts: ['api.github.com'], accepts: accepts.anything() });
    api.route('/app/installations/7890/access_tokens', async (received, res) => {
      const { payload } = await jwtVerify(received.headers.authorization.replace(/^Bearer /, ''), keys.RS256.publicKey, { algorithms: ['RS256'] });
      assert.equal(received.method, 'POST');
      assert.equal(payload.iss, '123456');
      assert.ok(payload.exp - Date.now() / 1000 <= 600, 'ten minutes at most');
      assert.ok(payload.iat <= Date.now() / 1000 - 30, 'a clock that is behind takes it');
      assert.ok(received.headers['user-agent']);
      assert.match(received.headers.accept, /vnd\.github/);
      issued.push(realKey('ghs_'));
      answerJson(res, 201, { token: issued.at(-1), expires_at: new Date(Date.now() + 3600e3).toISOString().replace(/\.\d+/, ''), permissions: { contents: 'read' } });
    });
    let refuse = false;
    api.route('/user/repos', (received, res) => answerJson(res, refuse ? 401 : 200, refuse ? {} : [{ full_name: received.headers.authorization.endsWith(issued.at(-1)) ? 'right/token' : 'wrong' }]));
    const c = await add(pem('RS256'), ['issuer=123456', 'installation=7890'], { preset: 'github-app',
      args: ['--upstream-ca', api.ca, '--resolve', `api.github.com:443:127.0.0.1:${api.port}`] });
    const octokit = new Octokit({ auth: c.token, baseUrl: `${broker.url}/~${c.name}`, retry: { enabled: false } });
    const { data } = await octokit.request('GET /user/repos');
    assert.equal(data[0].full_name, 'right/token');
    assert.equal(issued.length, 1);
    refuse = true;
    await assert.rejects(octokit.request('GET /user/repos'), { status: 401 });
    refuse = false;
    await until('the outcome is on record', () => broker.audit().some((r) => r.kind === 'outcome' && r.status === 401));
    assert.equal((await octokit.request('GET /user/repos')).data[0].full_name, 'right/token');
    assert.equal(issued.length, 2);
    const basic = await broker.request(`/~${c.name}/user/repos`, { headers: { authorization: `Basic ${Buffer.from(`x-access-token:${c.token}`).toString('base64')}` } });
    assert.equal(basic.status, 200);
    assert.equal(Buffer.from(api.requests.at(-1).headers.authorization.slice(6), 'base64').toString(), `x-access-token:${issued[1]}`, 'git takes it as a password');
    broker.secrets.push(...issued);
  });
});
