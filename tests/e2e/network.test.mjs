// SPDX-License-Identifier: Apache-2.0
// Where the broker connects to: addresses are checked after resolving and before dialling, and the
// upstream must prove its name.

import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import net from 'node:net';
import { before, describe, test } from 'node:test';

import { realKey, startBroker, unusedPort } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { TestAuthority, testAuthority } from '../support/pki.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

const key = realKey();
const BEARER = ['--host', 'upstream.example', '--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'];
let upstream, broker, count = 0;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  broker.secrets.push(key);
});

/** A credential with just these options, and a request through it. */
async function ask(args, { path = '/v1/x' } = {}) {
  const name = `n${++count}`;
  await broker.operator(['credential', 'add', name, ...BEARER, ...args], { stdin: key });
  return broker.request(`/~${name}${path}`, { token: await broker.mint(name) });
}

describe('addresses that requests must not reach', () => {
  const addresses = ['127.0.0.1', '127.1.2.3', '10.0.0.1', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0',
    '192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255',
    '[::1]', '[::]', '[fe80::1]', '[fc00::1]', '[fd00:ec2::254]', '[ff02::1]', '[2001:db8::1]', '[::ffff:127.0.0.1]',
    '[::ffff:169.254.169.254]', '[64:ff9b::7f00:1]', '[64:ff9b::a9fe:a9fe]', '[2002:7f00:1::]'];
  for (const address of addresses)
    test(address, async () => {
      const { connections } = upstream;
      const answer = await ask(['--resolve', `upstream.example:443:${address}:${upstream.port}`, '--upstream-ca', upstream.ca]);
      await broker.failed(answer, 403, 'address-forbidden');
      assert.equal(upstream.connections, connections, 'nobody connected');
    });

  test('a host of the credential that is an address itself', async () => {
    const name = `n${++count}`;
    const added = await broker.operator(['credential', 'add', name, '--host', '127.0.0.1', '--slot', 'bearer',
      '--inject', 'header:Authorization: Bearer {secret}', '--upstream-ca', upstream.ca], { stdin: key, may: true });
    if (added.status !== 0) return;
    await broker.failed(await broker.request(`/~${name}/`, { token: await broker.mint(name) }), 403, 'address-forbidden');
  });

  test('the allowed network lets just that network in', async () => {
    const resolve = ['--resolve', `upstream.example:443:127.0.0.1:${upstream.port}`, '--upstream-ca', upstream.ca];
    assert.equal((await ask([...resolve, '--allow-network', '127.0.0.1/32'])).status, 200);
    await broker.failed(await ask([...resolve, '--allow-network', '127.0.0.2/32']), 403, 'address-forbidden');
    await broker.failed(await ask([...resolve, '--allow-network', '10.0.0.0/8']), 403, 'address-forbidden');
    await broker.failed(await ask([...resolve, '--allow-network', '::1/128']), 403, 'address-forbidden');
  });

  // threat 11
  test('metadata services are never reached, whatever is allowed', async () => {
    for (const network of ['169.254.0.0/16', '0.0.0.0/0']) {
      const name = `n${++count}`;
      const added = await broker.operator(['credential', 'add', name, ...BEARER,
        '--resolve', 'upstream.example:443:169.254.169.254:80', '--allow-network', network], { stdin: key, may: true });
      if (added.status !== 0) continue; // refused at once
      await broker.failed(await broker.request(`/~${name}/`, { token: await broker.mint(name) }), 403, 'address-forbidden');
    }
  });
});

describe('an upstream must prove its name', () => {
  const resolve = (up) => ['--resolve', `upstream.example:443:127.0.0.1:${up.port}`, '--allow-network', '127.0.0.0/8'];
  const refused = async (up, args) => {
    const answer = await ask([...resolve(up), ...args]);
    assert.equal(up.requests.length, 0, 'the key was not sent');
    return broker.failed(answer, 502, 'upstream-tls');
  };

  test('a certificate of a CA that nobody trusts', async (t) => {
    await refused(await startUpstream(t, { key }), []);
  });

  test('a certificate of another CA than the credential\'s', async (t) => {
    const other = new TestAuthority('Other CA');
    t.after(() => other.remove());
    const up = await startUpstream(t, { key, certificate: other.issue(['upstream.example']) });
    await refused(up, ['--upstream-ca', upstream.ca]);
  });

  // threat 5
  test('a certificate for another name', async (t) => {
    const up = await startUpstream(t, { key, hosts: ['other.example'] });
    const { detail } = await refused(up, ['--upstream-ca', up.ca]);
    assert.match(detail ?? '', /name|host/i);
  });

  test('TLS 1.1', async (t) => {
    const up = await startUpstream(t, { key, certificate: { ...testAuthority().issue(['upstream.example']),
      minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } });
    await refused(up, ['--upstream-ca', up.ca]);
  });

  test('no TLS at all', async (t) => {
    const up = await startUpstream(t, { key, plain: true });
    await refused(up, ['--upstream-ca', upstream.ca]);
  });
});

describe('plain HTTP upstreams', () => {
  test('inside an allowed network', async (t) => {
    const up = await startUpstream(t, { key, plain: true });
    const answer = await ask([...up.resolve(['upstream.example']).flatMap((r) => ['--resolve', r]), '--plain', '--allow-network', '127.0.0.0/8']);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(up.only('/v1/x').authorized);
    assert.equal(broker.recordOf(answer).scheme, 'http');
  });

  test('outside of it: refused before anything is sent', async (t) => {
    const up = await startUpstream(t, { accepts: accepts.anything(), plain: true });
    const answer = await ask(['--resolve', `upstream.example:80:127.0.0.1:${up.port}`, '--plain', '--allow-network', '10.0.0.0/8']);
    await broker.failed(answer, 403, 'address-forbidden');
    assert.equal(up.connections, 0);
  });

  test('outside of it, at a public address', async () => {
    await broker.failed(await ask(['--resolve', 'upstream.example:80:93.184.216.34:80', '--plain', '--allow-network', '10.0.0.0/8']),
      403, 'address-forbidden');
  });

  test('a plain upstream is not reached by a credential that did not ask for one', async (t) => {
    const up = await startUpstream(t, { accepts: accepts.anything(), plain: true });
    const answer = await ask(['--resolve', `upstream.example:443:127.0.0.1:${up.port}`, '--allow-network', '127.0.0.0/8', '--upstream-ca', upstream.ca]);
    assert.equal(answer.status, 502);
    assert.equal(up.requests.length, 0);
  });
});

describe('upstreams that cannot be reached', () => {
  test('nobody listens', async () => {
    const port = await unusedPort();
    const answer = await ask(['--resolve', `upstream.example:443:127.0.0.1:${port}`, '--allow-network', '127.0.0.0/8', '--upstream-ca', upstream.ca]);
    await broker.failed(answer, 502, 'upstream-unreachable');
  });

  test('a name that does not exist', async () => {
    const name = `n${++count}`;
    await broker.operator(['credential', 'add', name, '--host', 'does-not-exist.invalid', '--slot', 'bearer',
      '--inject', 'header:Authorization: Bearer {secret}'], { stdin: key });
    const answer = await broker.request(`/~${name}/`, { token: await broker.mint(name) });
    // A machine whose name server does not answer finds out no more than that.
    const silent = answer.status === 504 && await lookup('does-not-exist.invalid').then(() => false, (e) => e.code !== 'ENOTFOUND');
    if (silent) await broker.failed(answer, 504, 'upstream-timeout');
    else await broker.failed(answer, 502, 'upstream-unreachable');
  });

  test('a server that accepts and says nothing: the TLS handshake times out', async (t) => {
    const silent = net.createServer((s) => s.on('error', () => {}));
    await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const own = await startBroker(t, { config: 'timeouts:\n  tls: 200ms' });
    t.after(() => silent.close());
    await own.operator(['credential', 'add', 'silent', ...BEARER, '--allow-network', '127.0.0.0/8', '--upstream-ca', upstream.ca,
      '--resolve', `upstream.example:443:127.0.0.1:${silent.address().port}`], { stdin: key });
    const answer = await own.request('/~silent/', { token: await own.mint('silent') });
    assert.ok([502, 504].includes(answer.status), answer.text);
    assert.ok(['upstream-timeout', 'upstream-tls', 'upstream-unreachable'].includes(answer.json().code));
  });
});

test('what a token may see of an address: the caveat on the client', async () => {
  const name = `n${++count}`;
  await broker.addCredential(name, { secret: key, upstream, hosts: ['upstream.example'], args: BEARER.slice(2) });
  const inside = await broker.mint(name, { caveats: ['client in 127.0.0.0/8'] });
  const outside = await broker.mint(name, { caveats: ['client in 10.0.0.0/8, 192.168.0.0/16'] });
  assert.equal((await broker.request(`/~${name}/`, { token: inside })).status, 200);
  broker.denied(await broker.request(`/~${name}/`, { token: outside }), 401, 'caveat-failed');
  broker.denied(await broker.request(`/~${name}/`, { token: outside, headers: { 'x-forwarded-for': '10.1.1.1' } }), 401, 'caveat-failed');
});
