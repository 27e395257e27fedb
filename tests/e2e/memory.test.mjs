// SPDX-License-Identifier: Apache-2.0
// Secrets in memory: after a request the injected key is nowhere in the proxy, and the authority has it
// on locked pages alone. Looked for from outside, in every mapping of every process; takes root.

import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import aws4 from 'aws4';

import { addAws, awsKey, startAws } from '../support/aws.mjs';
import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { invite, keyholeWithSockets, person, startHoleBroker } from '../support/holes.mjs';
import { describe as where, mayLook, occurrences, runAndLook } from '../support/memory.mjs';
import { startTokenEndpoint } from '../support/oauth.mjs';
import { testAuthority } from '../support/pki.mjs';
import { keyholed, sanitized } from '../support/programs.mjs';
import { accepts, EventStream, startUpstream } from '../support/upstream.mjs';
import { deferred, until } from '../support/wait.mjs';

const HOST = 'upstream.example';
// A sanitizer keeps what was freed, on purpose.
const skip = !mayLook ? 'takes root' : sanitized ? 'freed memory is kept by the sanitizer' : false;
const body = Buffer.alloc(300000, 'b').toString();

let upstream, broker, count = 0;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
  upstream.route('/echo', (received, res) => res.end(received.text()));
  upstream.route('/cut', (received, res) => {
    res.writeHead(200, { 'content-length': 100 });
    res.write('begun\n');
    setImmediate(() => res.destroy());
  });
  upstream.route('/gone', (received, res) => res.destroy());
  upstream.route('/sse', (received, res) => {
    const events = new EventStream(res);
    events.send({ n: 1 });
    events.send({ key: received.headers.authorization });
    events.end();
  });
  upstream.server.on('upgrade', (req, socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n');
    socket.on('data', (data) => socket.write(data));
  });
  broker = await startBroker(wholeFile, { config: 'workers: 1' });
});

async function credential(args, { secret = realKey('') } = {}) {
  const name = `m${++count}`;
  await broker.addCredential(name, { secret, upstream, hosts: [HOST], args });
  return { name, secret, token: await broker.mint(name), get: async function get(path, options) {
    return broker.request(`/~${name}${path}`, { token: this.token, ...options });
  } };
}

/** The secret is in no process, but for the authority's locked pages. */
async function clean(secret, { authority = true } = {}) {
  const processes = [{ pid: broker.pid, name: 'keyholed' }, ...broker.processes()];
  assert.equal(processes.length, 4, JSON.stringify(processes));
  let left;
  // The end of an exchange may be a turn of the loop behind its answer.
  await until('nothing is left', () => {
    left = processes.flatMap(({ pid, name }) => occurrences(pid, secret).map((f) => ({ ...f, process: name })));
    return left.every((f) => f.process === 'keyhole-authori' && f.locked);
  }, 10000).catch(() => {});
  const wrong = left.filter((f) => f.process !== 'keyhole-authori' || !f.locked || f.dumped);
  assert.equal(wrong.length, 0, `${wrong.length} pieces of the key are left\n${wrong.map((f) => `${f.process} ${where([f])}`).join('\n')}`);
  if (authority) assert.ok(left.length > 0, 'the authority has it: or the search finds nothing');
}

describe('an injected key is gone from the proxy', { skip }, () => {
  const bearer = ['--slot', 'bearer'];

  for (const [what, args, options] of [
    ['a header', bearer],
    ['basic', ['--slot', 'bearer', '--inject', 'basic'], { secret: () => `user:${realKey('')}` }],
    ['the query', ['--slot', 'bearer', '--inject', 'query:key'], { secret: () => `${realKey('')}+/ ==` }],
    ['a cookie', ['--slot', 'bearer', '--inject', 'cookie:session']],
  ])
    test(`${what}: GET, POST, an answer that has it`, async () => {
      const c = await credential(args, { secret: options?.secret() });
      const secret = c.secret.replace(/^user:/, '');
      await clean(secret);
      assert.equal((await c.get('/x')).status, 200);
      await clean(secret);
      assert.equal((await c.get('/y', { method: 'POST', body })).status, 200);
      await clean(secret);
      const echo = await c.get('/echo');
      assert.equal(echo.status, 200);
      assert.ok(!echo.text.includes(secret));
      await clean(secret);
    });

  test('and is there while the request runs: the search finds it', async () => {
    const c = await credential(bearer);
    const held = upstream.hold('/running');
    const answer = c.get('/running');
    const { res } = await held.next();
    const proxy = broker.processes().find((p) => p.name === 'keyhole-proxy');
    assert.ok(occurrences(proxy.pid, c.secret).length > 0);
    res.end('done');
    assert.equal((await answer).status, 200);
    await clean(c.secret);
  });

  // threat 18
  test('server-sent events', async () => {
    const c = await credential(bearer);
    assert.match((await c.get('/sse')).text, /"n":1/);
    await clean(c.secret);
  });

  test('an upstream that ends without an answer, or in the middle of one', async () => {
    const c = await credential(bearer);
    assert.equal((await c.get('/gone')).status, 502);
    await clean(c.secret);
    await c.get('/cut').catch(() => {});
    await clean(c.secret);
  });

  test('a client that goes away while the upstream thinks, and while it sends', async () => {
    const c = await credential(bearer);
    const held = upstream.hold('/held');
    for (const begun of [false, true]) {
      const client = await broker.connect();
      client.write(`GET /~${c.name}/held HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${c.token}\r\n\r\n`);
      const { res } = await held.next();
      const closed = deferred();
      res.on('close', closed.resolve);
      if (begun) {
        res.write('begun\n'); // a letter could be held back as the first of the key
        await client.when('the beginning', () => client.input.includes('begun'));
      }
      client.destroy();
      await closed.promise;
      await clean(c.secret);
    }
  });

  test('an upstream that nobody can reach', async () => {
    const secret = realKey('');
    await broker.operator(['credential', 'add', 'nowhere', '--host', HOST, '--slot', 'bearer', '--allow-network', '127.0.0.0/8',
      '--resolve', `${HOST}:443:127.0.0.1:1`], { stdin: secret });
    broker.secrets.push(secret);
    const answer = await broker.request('/~nowhere/x', { token: await broker.mint('nowhere') });
    assert.equal(answer.status, 502, answer.text);
    await clean(secret);
  });

  test('a WebSocket, whose frames are searched for the key until it ends', async () => {
    const c = await credential(bearer);
    const client = await broker.connect();
    client.write(`GET /~${c.name}/ws HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${c.token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n');
    assert.equal((await client.answer()).status, 101);
    client.write('\x81\x02hi');
    await client.when('the echo', () => client.input.length >= 4);
    client.destroy();
    await clean(c.secret);
  });

  test('OAuth 2.0: the refresh token and the access token', async () => {
    const endpoint = await startTokenEndpoint(wholeFile, { host: 'auth.example' });
    const c = await credential(['--inject', 'oauth2', '--option', 'token-url=https://auth.example/oauth/token',
      '--resolve', `auth.example:443:127.0.0.1:${endpoint.port}`], { secret: endpoint.refreshToken });
    assert.equal((await c.get('/x')).status, 200);
    broker.secrets.push(...endpoint.secrets());
    await clean(c.secret);
    await clean(endpoint.issued[0]);
  });

  test('OAuth 2.0: a client secret', async () => {
    for (const auth of ['basic', 'post']) {
      const endpoint = await startTokenEndpoint(wholeFile, { host: 'auth.example' });
      const c = await credential(['--inject', 'oauth2', '--option', 'token-url=https://auth.example/oauth/token',
        '--option', 'grant=client', '--option', 'client-id=app', '--option', `auth=${auth}`,
        '--resolve', `auth.example:443:127.0.0.1:${endpoint.port}`]);
      assert.equal((await c.get('/x')).status, 200);
      broker.secrets.push(...endpoint.secrets());
      await clean(c.secret);
      await clean(endpoint.issued[0]);
    }
  });

  test('a client certificate: its key', async () => {
    const { key, cert } = testAuthority().issue([HOST]);
    const jwk = createPrivateKey(key).export({ format: 'jwk' });
    const scalar = Buffer.from(jwk.d, 'base64url');
    const line = String(key).split('\n')[1];
    const c = await credential(['--slot', 'bearer', '--inject', 'mtls'], { secret: `${cert}${key}` });
    broker.secrets.push(line);
    for (const path of ['/x', '/y', '/gone']) {
      await c.get(path);
      await clean(line);
      for (const bytes of [scalar, Buffer.from(scalar).reverse()]) await clean(bytes, { authority: false });
    }
  });

  test('a JWT key: it signs in the authority', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const line = pem.split('\n')[1];
    const c = await credential(['--inject', 'jwt', '--option', 'issuer=me', '--option', 'audience=you'], { secret: pem });
    broker.secrets.push(line);
    assert.equal((await c.get('/x')).status, 200);
    await clean(line);
    await clean(Buffer.from(privateKey.export({ format: 'jwk' }).d, 'base64url'), { authority: false });
  });

  test('AWS: the secret key is never there', async () => {
    const key = awsKey();
    const aws = await startAws(wholeFile, key);
    await addAws(broker, 'aws', aws);
    const request = { host: 's3.eu-west-1.amazonaws.com', service: 's3', region: 'eu-west-1', path: '/bucket?list-type=2', headers: {} };
    aws4.sign(request, { accessKeyId: await broker.mint('aws'), secretAccessKey: 'dummy' });
    const client = await broker.connect();
    const fields = Object.entries(request.headers).map(([n, v]) => `${n}: ${v}\r\n`);
    client.write(`GET http://${request.host}${request.path} HTTP/1.1\r\n${fields.join('')}\r\n`);
    assert.equal((await client.answer()).status, 200);
    assert.equal(aws.requests[0].problem, null);
    await clean(key.secretAccessKey);
    client.destroy();
  });
});

test('the key of a listener is on locked pages', { skip }, async (t) => {
  const { keyFile, certFile } = testAuthority().issue(['localhost', '127.0.0.1']);
  const own = await new Broker(t, { listen: null,
    config: `workers: 1\nlisten:\n  - address: 127.0.0.1:0\n    tls: true\n    certificate: ${certFile}\n    key: ${keyFile}` }).init();
  await own.start();
  const client = await own.connect({ tls: { ca: testAuthority().pem, servername: 'localhost' } });
  client.destroy();
  const pem = readFileSync(keyFile, 'utf8'), scalar = Buffer.from(createPrivateKey(pem).export({ format: 'jwk' }).d, 'base64url');
  for (const { pid, name } of [{ pid: own.pid, name: 'keyholed' }, ...own.processes()])
    for (const secret of [pem.split('\n')[1], scalar, Buffer.from(scalar).reverse()]) {
      const found = occurrences(pid, secret).filter((f) => !f.locked || f.dumped);
      assert.equal(found.length, 0, `${name}\n${where(found)}`);
    }
});

describe('secrets of commands are gone when these end', { skip }, () => {
  async function ends(program, args, secret, options, names) {
    const result = await runAndLook(program, args, secret, options);
    assert.equal(result.status, 0, result.stderr);
    assert.deepEqual(result.ended.map((p) => p.name), names);
    for (const { name, found } of result.ended) assert.equal(found.length, 0, `${name}\n${where(found)}`);
  }

  test('a program that keeps its secret is noticed', async () => {
    const secret = realKey('');
    const { status, ended } = await runAndLook('/bin/sh', ['-c', 'read -r secret; exit 3'], secret, { stdin: `${secret}\n` });
    assert.equal(status, 3);
    assert.ok(ended.at(-1).found.length > 0);
  });

  test('keyholed credential add, rotate', async () => {
    const [first, second] = [realKey(''), realKey('')];
    broker.secrets.push(first, second);
    const at = ['--dir', broker.directory];
    await ends(keyholed, ['credential', 'add', 'cli', '--host', HOST, '--slot', 'bearer', ...at], first, { stdin: `${first}\n` }, ['keyholed']);
    await ends(keyholed, ['credential', 'rotate', 'cli', ...at], second, { stdin: `${second}\n` }, ['keyholed']);
    await clean(second);
  });

  test('keyholed init and run with a passphrase', async (t) => {
    const other = new Broker(t, { config: 'workers: 1' });
    const passphrase = realKey('');
    other.secrets.push(passphrase);
    await ends(keyholed, ['init', '--dir', other.directory, '--passphrase-fd', '0'], passphrase, { stdin: `${passphrase}\n` },
      ['keyhole-authori', 'keyholed']);
    other.stdin = `${passphrase}\n`;
    other.extra = ['--passphrase-fd', '0'];
    await other.start();
    // The supervisor keeps it for an authority that dies, where nobody can look by accident.
    for (const { pid, name } of [{ pid: other.pid, name: 'keyholed' }, ...other.processes()]) {
      const found = occurrences(pid, passphrase).filter((f) => name !== 'keyholed' || !f.locked || f.dumped);
      assert.equal(found.length, 0, `${name}\n${where(found)}`);
    }
    const { pid } = await other.process('authority');
    process.kill(pid, 'SIGKILL');
    await until('there is another authority', async () => {
      const now = await other.process('authority').catch(() => null);
      return now?.running && now.pid !== pid;
    });
  });

  test('keyhole enroll and discharge: the PIN of a security key', async (t) => {
    const pin = realKey('').slice(0, 24);
    const holes = await startHoleBroker(t);
    await holes.addCredential('one', { secret: realKey(), upstream, hosts: [HOST], args: ['--slot', 'bearer'] });
    const alice = await person(t, holes);
    await alice.plug({ pin });
    const file = alice.write('pin', `${pin}\n`);
    const withPin = (args) => ends('/bin/sh', ['-c', 'exec 3< "$0"; exec "$@" --pin-fd 3', file, keyholeWithSockets, args[0],
      ...alice.options(args[0]), ...args.slice(1)], pin, { env: alice.env }, ['keyhole']);
    await withPin(['enroll', '--code', await invite(holes, alice.name)]);
    await withPin(['discharge', await alice.mint('factor = fido2 and verification = pin for 1h')]);
  });
});
