// SPDX-License-Identifier: Apache-2.0
// Client certificates: an HTTPS server of Node that takes nobody without one.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { testAuthority } from '../support/pki.mjs';
import { accepts, HOSTS, startUpstream } from '../support/upstream.mjs';

const directory = mkdtempSync(join(tmpdir(), 'kh-mtls-'));
let upstream, broker, alice, bob;

function openssl(...args) {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A certificate for clients of that name, below an intermediate of the test's own CA. */
function client(ca, name, algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']) {
  const base = join(directory, name);
  openssl('req', '-x509', ...algorithm, '-noenc', '-keyout', `${base}.key`, '-out', `${base}.pem`, '-days', '2', '-subj', `/CN=${name}`,
    '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=clientAuth');
  return { key: readFileSync(`${base}.key`, 'utf8'), cert: readFileSync(`${base}.pem`, 'utf8') };
}

before(async () => {
  const root = join(directory, 'root'), middle = join(directory, 'middle');
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-days', '2'];
  const isCa = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
  openssl('req', '-x509', ...ec, '-keyout', `${root}.key`, '-out', `${root}.pem`, '-subj', '/CN=clients', ...isCa);
  openssl('req', '-x509', ...ec, '-keyout', `${middle}.key`, '-out', `${middle}.pem`, '-subj', '/CN=middle', '-CA', `${root}.pem`, '-CAkey', `${root}.key`, ...isCa);
  const chain = readFileSync(`${middle}.pem`, 'utf8');
  alice = client(middle, 'alice');
  bob = client(middle, 'bob', ['-newkey', 'rsa:2048']);
  alice.pem = alice.cert + chain + alice.key;
  bob.pem = bob.key + bob.cert + chain; // any order
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything(), certificate: { ...testAuthority().issue(HOSTS),
    ca: readFileSync(`${root}.pem`), requestCert: true, rejectUnauthorized: true } });
  upstream.route('/who', (received, res, req) => res.end(req.socket.getPeerCertificate().subject?.CN ?? 'nobody'));
  broker = await startBroker(wholeFile);
  // What the key is made of must not stand in log or audit; a PEM's lines are looked for apart.
  for (const { key } of [alice, bob]) broker.secrets.push(key.split('\n')[1]);
  await add('alice', alice.pem);
  await add('bob', bob.pem);
});

after(() => rmSync(directory, { recursive: true, force: true }));

beforeEach(() => {
  upstream.requests.length = 0;
});

const options = (host = 'upstream.example') => ['--host', host, '--allow-network', '127.0.0.0/8', '--upstream-ca', upstream.ca,
  ...upstream.resolve([host]).flatMap((r) => ['--resolve', r])];

function add(name, pem, { inject = 'mtls', may } = {}) {
  return broker.operator(['credential', 'add', name, ...options(), '--slot', 'bearer', '--inject', inject], { stdin: pem, may });
}

const who = async (name, token) => broker.request(`/~${name}/who`, { token: token ?? await broker.mint(name) });

test('each credential is who it is, on connections of its own', async () => {
  const tokens = { alice: await broker.mint('alice'), bob: await broker.mint('bob') };
  for (const name of ['alice', 'bob', 'bob', 'alice', 'alice', 'bob']) {
    const answer = await who(name, tokens[name]);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text, name);
  }
  for (const r of upstream.requests) assert.ok(!r.text().includes('kh1_'), 'the token stays here');
  assert.equal(upstream.requests[0].fields('authorization').length, 0);
});

test('many at once', async () => {
  const tokens = { alice: await broker.mint('alice'), bob: await broker.mint('bob') };
  const names = Array.from({ length: 40 }, (_, i) => (i % 3 ? 'alice' : 'bob'));
  const answers = await Promise.all(names.map((name) => who(name, tokens[name])));
  assert.deepEqual(answers.map((a) => a.text), names);
});

test('a resumed session is of the same one', async () => {
  const token = await broker.mint('alice');
  for (let i = 0; i < 3; i++) {
    assert.equal((await who('alice', token)).text, 'alice');
    upstream.dropConnections();
  }
});

test('a rotated one serves the next request, on a connection of its own', async () => {
  await add('rotating', alice.pem);
  const token = await broker.mint('rotating');
  assert.equal((await who('rotating', token)).text, 'alice');
  await broker.operator(['credential', 'rotate', 'rotating'], { stdin: bob.pem });
  assert.equal((await who('rotating', token)).text, 'bob');
});

test('beside another key', async () => {
  await broker.operator(['credential', 'add', 'header', ...options(), '--inject', 'header:X-Key: {secret}'], { stdin: 'a-header-key' });
  await broker.operator(['credential', 'add', 'both', ...options(), '--slot', 'bearer', '--inject', 'several:alice,header']);
  const answer = await who('both');
  assert.equal(answer.text, 'alice');
  assert.equal(upstream.requests.at(-1).headers['x-key'], 'a-header-key');
});

test('without one the upstream refuses, and the client hears that', async () => {
  await broker.operator(['credential', 'add', 'none', ...options(), '--slot', 'bearer'], { stdin: 'some-key' });
  const answer = await who('none');
  assert.equal(answer.status, 502, answer.text);
  assert.equal(upstream.requests.length, 0);
});

test('refused when it is added: what is no certificate with its key', async () => {
  for (const [pem, text] of [
    [alice.cert, /no private key/],
    [alice.key, /no certificate/],
    [alice.cert + bob.key, /not that of its first certificate/],
    ['x', /no certificate/],
    [alice.cert + createPrivateKey(alice.key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }), /passphrase/],
  ]) {
    const result = await add('bad', pem, { may: true });
    assert.equal(result.status, 1, result.stdout);
    assert.match(result.stderr, text);
  }
});
