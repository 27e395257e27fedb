// SPDX-License-Identifier: Apache-2.0
// npm and the API of container registries, against verdaccio and docker-registry with password files.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { SignJWT, importPKCS8 } from 'jose';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { testAuthority } from '../support/pki.mjs';
import { must, run, temporaryDirectory } from '../support/programs.mjs';
import { missing, startDockerRegistry, startNpmRegistry } from '../support/registries.mjs';
import { accepts, answerJson, startUpstream } from '../support/upstream.mjs';

const user = 'publisher', password = realKey('pw-');
let broker, caFile;

before(async () => {
  broker = await startBroker(wholeFile);
  broker.secrets.push(password);
  caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
});

describe('npm and verdaccio', { skip: missing.npm.length > 0 && `not installed: ${missing.npm.join(', ')}` }, () => {
  const npm = '/usr/bin/npm';
  let registry, bearer, basic;

  before(async () => {
    registry = await startNpmRegistry(wholeFile, { host: 'npm.example', user, password });
    // What `npm login` does: the registry gives a token for user and password.
    const body = JSON.stringify({ name: user, password });
    const { stdout } = await must('/usr/bin/curl', ['-sS', '--cacert', registry.ca, '-u', `${user}:${password}`, '-X', 'PUT', '-H', 'Content-Type: application/json',
      '--data-binary', '@-', `https://127.0.0.1:${registry.port}/-/user/org.couchdb.user:${user}`], { stdin: body });
    const { token } = JSON.parse(stdout);
    assert.ok(token, stdout);
    // The preset has no host: registries are as many as their operators.
    await broker.addCredential('npm', { secret: token, upstream: { ...registry, resolve: () => registry.resolve(['npm.example']) },
      preset: 'npm', args: ['--host', 'npm.example'] });
    await broker.addCredential('npm-basic', { secret: `${user}:${password}`, upstream: registry, hosts: ['npm.example'],
      args: ['--slot', 'basic', '--inject', 'basic', '--path-exception', 'escaped-slash'] });
    bearer = await broker.mint('npm');
    basic = await broker.mint('npm-basic');
  });

  const forms = [
    ['a bearer token, by a base URL', () => ({ registry: `${broker.url}/~npm/`, auth: `_authToken=${bearer}` })],
    ['a bearer token, through CONNECT', () => ({ registry: 'https://npm.example/', auth: `_authToken=${bearer}`,
      more: `https-proxy=${broker.url}\nproxy=${broker.url}\ncafile=${caFile}\n` })],
    ['user and password, by a base URL', () => ({ registry: `${broker.url}/~npm-basic/`, auth: `_auth=${btoa(`any:${basic}`)}` })],
    ['user and password, through CONNECT', () => ({ registry: 'https://npm.example/', auth: `_auth=${btoa(`any:${basic}`)}`,
      more: `https-proxy=${broker.url}\nproxy=${broker.url}\ncafile=${caFile}\n` })],
  ];

  for (const [what, form] of forms)
    for (const scoped of [false, true])
      test(`${what}: publish and install ${scoped ? '@team/…' : 'a package'}`, async (t) => {
        const home = temporaryDirectory(t, 'npm-client'), name = `${scoped ? '@team/' : ''}p${randomBytes(6).toString('hex')}`;
        const { registry: url, auth, more = '' } = form();
        writeFileSync(`${home}/.npmrc`, `registry=${url}\n${url.replace(/^https?:/, '')}:${auth}\n${more}` +
          'replace-registry-host=always\nupdate-notifier=false\naudit=false\nfund=false\nfetch-retries=0\n');
        mkdirSync(`${home}/package`);
        mkdirSync(`${home}/user`);
        const data = randomBytes(200000).toString('base64');
        writeFileSync(`${home}/package/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'data.txt' }));
        writeFileSync(`${home}/package/data.txt`, data);
        writeFileSync(`${home}/user/package.json`, JSON.stringify({ name: 'user', version: '1.0.0' }));
        const call = (cwd, args) => must(npm, [...args, '--userconfig', `${home}/.npmrc`], { cwd, env: { HOME: home }, timeout: 120000 });
        await call(`${home}/package`, ['publish', '--access', 'public']);
        assert.equal((await call(home, ['view', name, 'version'])).stdout.trim(), '1.0.0');
        await call(`${home}/user`, ['install', name]);
        assert.equal(readFileSync(`${home}/user/node_modules/${name}/data.txt`, 'utf8'), data);
      });

  test('what the token does not allow', async (t) => {
    const home = temporaryDirectory(t, 'npm-client'), narrow = await broker.attenuate(bearer, '--method', 'GET');
    const url = `${broker.url}/~npm/`;
    writeFileSync(`${home}/.npmrc`, `registry=${url}\n${url.replace('http:', '')}:_authToken=${narrow}\nfetch-retries=0\n`);
    mkdirSync(`${home}/package`); // npm packs all of it, and its own log is in its home
    writeFileSync(`${home}/package/package.json`, JSON.stringify({ name: 'never', version: '1.0.0' }));
    const result = await run(npm, ['publish', '--userconfig', `${home}/.npmrc`], { cwd: `${home}/package`, env: { HOME: home }, timeout: 120000 });
    assert.notEqual(result.status, 0);
    assert.match(result.stderr, /E401/);
  });
});

describe('docker-registry', { skip: missing.docker.length > 0 && `not installed: ${missing.docker.join(', ')}` }, () => {
  let registry, token;

  before(async () => {
    registry = await startDockerRegistry(wholeFile, { host: 'images.example', user, password });
    await broker.addCredential('images', { secret: `${user}:${password}`, preset: 'docker',
      upstream: { ...registry, resolve: () => registry.resolve(['images.example']) }, args: ['--host', 'images.example'] });
    token = await broker.mint('images');
  });

  // As a client of the API does: it asks, is told what to do, and comes back with what it has.
  async function api(path, options = {}) {
    const asked = await fetch(`${broker.url}/~images${path}`, { ...options, body: undefined, method: 'GET' });
    assert.equal(asked.status, 401);
    assert.match(asked.headers.get('www-authenticate'), /^Basic realm=/);
    await asked.arrayBuffer();
    const answer = await fetch(`${broker.url}/~images${path}`, { ...options, redirect: 'manual',
      headers: { ...options.headers, authorization: `Basic ${btoa(`any:${token}`)}` } });
    return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()) };
  }

  const digest = (data) => `sha256:${createHash('sha256').update(data).digest('hex')}`;

  async function pushBlob(data) {
    const begun = await api('/v2/team/image/blobs/uploads/', { method: 'POST' });
    assert.equal(begun.status, 202, begun.body.toString());
    // Where the registry says, as the client has to ask for it.
    const place = new URL(begun.headers.get('location'), broker.url);
    assert.ok(place.href.startsWith(`${broker.url}/~images/v2/`), place.href);
    place.searchParams.set('digest', digest(data));
    const done = await api(`${place.pathname.slice('/~images'.length)}${place.search}`, { method: 'PUT', body: data, headers: { 'content-type': 'application/octet-stream' } });
    assert.equal(done.status, 201, done.body.toString());
  }

  test('an image is pushed and pulled', async () => {
    assert.equal((await api('/v2/')).status, 200);
    const layer = randomBytes(3e6), config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');
    await pushBlob(layer);
    await pushBlob(config);
    const type = 'application/vnd.docker.distribution.manifest.v2+json';
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType: type,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', size: config.length, digest: digest(config) },
      layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', size: layer.length, digest: digest(layer) }] });
    const put = await api('/v2/team/image/manifests/v1', { method: 'PUT', body: manifest, headers: { 'content-type': type } });
    assert.equal(put.status, 201, put.body.toString());
    const got = await api('/v2/team/image/manifests/v1', { headers: { accept: type } });
    assert.equal(got.body.toString(), manifest);
    const blob = await api(`/v2/team/image/blobs/${digest(layer)}`);
    assert.equal(blob.status, 200);
    assert.ok(blob.body.equals(layer));
  });

  test('a token for pulling alone', async () => {
    const narrow = await broker.attenuate(token, '--method', 'GET', '--method', 'HEAD');
    const answer = await broker.request('/~images/v2/team/image/blobs/uploads/', { method: 'POST',
      headers: { authorization: `Basic ${btoa(`any:${narrow}`)}` } });
    broker.denied(answer, 401, 'caveat-failed');
  });
});

// The registry trusts a token server. A client's own dance would bring an access token to it: the token
// server is no host of the credential, and the broker dances instead (oauth2).
describe('docker-registry with a token server', { skip: missing.docker.length > 0 && `not installed: ${missing.docker.join(', ')}` }, () => {
  const refresh = realKey('refresh-'), service = 'images.example';
  const issued = [];
  let tokens, registry, token;

  before(async () => {
    const signer = testAuthority().issue(['signer.example']);
    const key = await importPKCS8(signer.key, 'ES256');
    const x5c = [signer.cert.replaceAll(/-----[^-]+-----|\s/g, '')];
    tokens = await startUpstream(wholeFile, { hosts: ['auth.example'], accepts: accepts.anything() });
    tokens.route('/token', async (received, res) => {
      const form = new URLSearchParams(received.body.toString());
      if (form.get('grant_type') !== 'refresh_token' || form.get('refresh_token') !== refresh) return answerJson(res, 401, { error: 'invalid_grant' });
      const [type, name, actions] = form.get('scope').split(':');
      const jwt = await new SignJWT({ access: [{ type, name, actions: actions.split(',') }] }).setProtectedHeader({ alg: 'ES256', typ: 'JWT', x5c })
        .setIssuer('tokens').setSubject('publisher').setAudience(service).setIssuedAt().setNotBefore('-5s').setExpirationTime('5m').setJti(crypto.randomUUID()).sign(key);
      issued.push(jwt);
      answerJson(res, 200, { access_token: jwt, token: jwt, token_type: 'Bearer', expires_in: 300 });
    });
    registry = await startDockerRegistry(wholeFile, { host: service, token: { realm: 'https://auth.example/token', service, issuer: 'tokens', roots: testAuthority().file } });
    await broker.addCredential('signed', { secret: refresh, hosts: [service], upstream: { ...registry, resolve: (hosts) =>
      [...registry.resolve(hosts), ...tokens.resolve(['auth.example'])] }, args: ['--slot', 'bearer', '--slot', 'basic', '--inject', 'oauth2',
      '--option', 'token-url=https://auth.example/token', '--option', 'grant=refresh', '--option', 'client-id=keyhole',
      '--option', 'scope=repository:team/image:pull,push'] });
    token = await broker.mint('signed');
  });

  test('the broker gets the access token, and the client does not', async () => {
    const begun = await broker.request('/~signed/v2/team/image/blobs/uploads/', { method: 'POST', token });
    assert.equal(begun.status, 202, begun.text);
    const list = await broker.request('/~signed/v2/team/image/tags/list', { token });
    assert.equal(list.status, 404, 'there is no such image yet, and that is the registry\'s word');
    assert.match(list.text, /NAME_UNKNOWN/);
    assert.equal(issued.length, 1, 'one access token for both');
    for (const answer of [begun, list]) assert.ok(!JSON.stringify(answer).includes(issued[0]));
  });

  test('the client that would go to the token server itself is refused', async () => {
    const other = await broker.request('/~signed/v2/else/image/tags/list', { token });
    assert.equal(other.status, 401, 'beyond the scope that the broker asks for');
    assert.match(other.headers['www-authenticate'], /^Bearer realm="https:\/\/auth\.example\/token"/);
    const asked = tokens.requests.length;
    const result = await run('/usr/bin/curl', ['-sS', '-o', '/dev/null', '-w', '%{http_connect}', '--proxy', broker.url, '--cacert', caFile,
      '--user', `any:${token}`, 'https://auth.example/token?service=images.example']);
    assert.equal(result.stdout, '403', result.stderr);
    assert.equal(tokens.requests.length, asked);
  });
});
