// SPDX-License-Identifier: Apache-2.0
// Hosts that are passed through: no credential, TLS between client and host that nobody looks into.
// Threat rows 1 (one destination), 6 (no CONNECT skips the decision), 11 (addresses), 17 (a token on
// every request), 19 (live tunnels are judged again).

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { before, beforeEach, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { testAuthority } from '../support/pki.mjs';
import { must, run } from '../support/programs.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';
import { deferred, inTime, until, within } from '../support/wait.mjs';

const key = realKey();
let upstream, secret, broker, token, echo;

/** A server of bytes in TLS: it gives back what comes, and keeps its sockets. */
async function startEcho(t, options) {
  const sockets = [];
  const server = tls.createServer({ ...options, allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.received = Buffer.alloc(0);
    socket.on('data', (data) => {
      socket.received = Buffer.concat([socket.received, data]);
      if (!server.silent) socket.write(data);
    });
    socket.on('error', () => {});
    const closed = deferred();
    socket.closed2 = closed.promise;
    socket.on('close', closed.resolve);
    socket.on('end', () => { socket.sawEnd = true; if (!server.keepsOpen) socket.end(); });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { for (const s of sockets) s.destroy(); server.close(); });
  return Object.assign(server, { sockets, port: server.address().port });
}

function passThrough(more = '') {
  return `pass-through:
  - host: upstream.example
    resolve: [${upstream.resolve(['upstream.example']).join(', ')}]
    allow-networks: [127.0.0.0/8]
    upstream-ca: ${upstream.ca}
  - host: "*.wild.example"
    ports: [443, ${echo.port}]
    resolve: ["a.wild.example:443:127.0.0.1:${echo.port}", "b.wild.example:443:127.0.0.1:${echo.port}", "secret.wild.example:443:127.0.0.1:${upstream.port}"]
    allow-networks: [127.0.0.0/8]
  - host: 127.0.0.1
    ports: [${echo.port}]
    allow-networks: [127.0.0.0/8]
  - host: other.example
    resolve: ["other.example:443:127.0.0.1:${upstream.port}"]
  - host: metadata.example
    resolve: ["metadata.example:443:169.254.169.254:443"]
    allow-networks: [127.0.0.0/8]
  - host: localhost
    ports: [${upstream.port}]
${more}`;
}

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
  secret = await startUpstream(wholeFile, { key, hosts: ['secret.wild.example'] });
  echo = await startEcho(wholeFile, testAuthority().issue(['a.wild.example', 'b.wild.example']));
  broker = await startBroker(wholeFile, { config: passThrough() });
  await broker.addCredential('up', { secret: key, upstream: secret, hosts: ['secret.wild.example'], args: ['--slot', 'bearer'] });
  token = await broker.mint('up');
});

beforeEach(() => {
  upstream.requests.length = 0;
  echo.sockets.length = 0;
  echo.silent = echo.keepsOpen = false;
});

const proxyOf = (user = token, b = broker) => `http://keyhole:${user}@${b.address}`;
const basic = (t) => `Basic ${Buffer.from(`keyhole:${t}`).toString('base64')}`;

/** CONNECT, with a token unless `auth` says otherwise; the answer is read. */
async function connect(authority, { auth = token, way = 'tcp', to = broker } = {}) {
  const client = await to.connect({ way });
  client.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${auth ? `Proxy-Authorization: ${basic(auth)}\r\n` : ''}\r\n`);
  client.opened = await client.answer({ method: 'HEAD' });
  return client;
}

/** The refusal of a CONNECT, as any other. */
async function refused(authority, status, code, options) {
  const client = await (options?.to ?? broker).connect({ way: options?.way ?? 'tcp' });
  const auth = options && 'auth' in options ? options.auth : token;
  client.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${auth ? `Proxy-Authorization: ${basic(auth)}\r\n` : ''}\r\n`);
  const answer = await client.answer();
  client.destroy();
  return (options?.to ?? broker).denied(answer, status, code, options);
}

async function tunnel(name = 'a.wild.example', options = {}) {
  const client = await connect(`${name}:443`, options);
  assert.equal(client.opened.status, 200);
  const before = echo.sockets.length;
  await client.startTls({ servername: name, ca: readFileSync(upstream.ca), ALPNProtocols: undefined });
  // TLS 1.3: the client is through with the handshake before the server is.
  await until('the host has the connection', () => echo.sockets.length > before);
  return client;
}

const outcome = (test, after = 0) => until('the outcome is on record', () =>
  broker.audit().slice(after).findLast((r) => r.kind === 'outcome' && test(r)));

describe('the host is itself', () => {
  test('curl: its own certificate, its own answer', async () => {
    const result = await must('curl', ['-sS', '--cacert', upstream.ca, '--proxy', proxyOf(), '-w', '\n%{ssl_verify_result} %{http_code}',
      '-H', 'Authorization: Bearer mine', 'https://upstream.example/some/path?q=1']);
    assert.match(result.stdout, /\n0 200$/);
    const received = upstream.only('/some/path');
    assert.equal(received.headers.authorization, 'Bearer mine', 'what the client says is its own matter');
    assert.equal(received.headers['proxy-authorization'], undefined);
    const record = broker.decisions().findLast((r) => r.host === 'upstream.example');
    assert.deepEqual([record.decision, record.way, record.method, record.credential, record.scheme, record.port],
      ['allow', 'tunnel', 'CONNECT', 'pass-through', 'https', 443]);
    assert.equal(record.path ?? '', '');
    const end = await outcome((r) => r.id === record.id);
    assert.ok(end.bytes_up > 200 && end.bytes_down > 500, JSON.stringify(end));
  });

  test('openssl s_client sees the host\'s certificate and not one of ours', async () => {
    const { stdout } = await must('openssl', ['s_client', '-proxy', broker.address, '-proxy_user', 'keyhole', '-proxy_pass', 'env:PROXY_TOKEN',
      '-connect', 'upstream.example:443', '-servername', 'upstream.example', '-CAfile', upstream.ca, '-verify_return_error', '-showcerts'],
    { stdin: '', env: { PROXY_TOKEN: token } });
    assert.match(stdout, /Verify return code: 0 \(ok\)/);
    const ca = (await broker.operator(['ca', 'show'])).stdout;
    const leaf = new X509Certificate(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/.exec(stdout)[0]);
    assert.ok(!leaf.verify(new X509Certificate(ca).publicKey), 'the local CA has no part in it');
  });

  test('node, TLS of its own over CONNECT', async () => {
    const client = await tunnel();
    client.write('hello\n');
    await client.when('the echo', () => client.input.includes('hello\n'));
    client.destroy();
  });

  test('http:// through it is an ordinary exchange: TLS upstream, no key, nothing scrubbed', async () => {
    const { stdout } = await must('curl', ['-sS', '-i', '--proxy', proxyOf(), '-H', 'Authorization: Bearer mine', 'http://upstream.example/plain']);
    assert.match(stdout, /^HTTP\/1\.1 200 /);
    const received = upstream.only('/plain');
    assert.equal(received.headers.authorization, 'Bearer mine');
    assert.equal(received.headers['proxy-authorization'], undefined);
    const record = broker.decisions().findLast((r) => r.path === '/plain');
    assert.deepEqual([record.decision, record.way, record.credential, record.scheme], ['allow', 'http-proxy', 'pass-through', 'https']);
  });

  test('an address: no SNI', async () => {
    const client = await connect(`127.0.0.1:${echo.port}`);
    assert.equal(client.opened.status, 200);
    await client.startTls({ rejectUnauthorized: false, ALPNProtocols: undefined });
    client.write('x');
    await client.when('the echo', () => client.input.length === 1);
    client.destroy();
    const other = await connect(`127.0.0.1:${echo.port}`);
    await assert.rejects(other.startTls({ servername: 'a.wild.example', rejectUnauthorized: false }));
  });

  test('megabytes both ways, with a slow reader', async () => {
    const client = await tunnel();
    const data = Buffer.alloc(2 << 20, 'k');
    client.socket.pause();
    client.write(data);
    await until('the broker to hold back', () => echo.sockets[0]?.received.length > 0);
    client.socket.resume();
    await client.when('all of it', () => client.input.length === data.length);
    assert.ok(client.input.equals(data));
    client.destroy();
    const end = await outcome((r) => r.bytes_down > data.length);
    assert.ok(end.bytes_up > data.length);
  });

  test('one side may end before the other', async () => {
    echo.silent = echo.keepsOpen = true;
    const client = await connect('a.wild.example:443');
    const socket = tls.connect({ socket: client.socket, servername: 'a.wild.example', ca: readFileSync(upstream.ca), allowHalfOpen: true });
    const answered = deferred();
    let text = '';
    socket.on('data', (d) => { text += d; });
    socket.on('end', () => answered.resolve());
    socket.end('that is all');
    await until('the end at the host', () => echo.sockets[0]?.sawEnd);
    assert.equal(echo.sockets[0].received.toString(), 'that is all');
    echo.sockets[0].end('and an answer');
    await within('the answer', answered.promise);
    assert.equal(text, 'and an answer');
  });
});

describe('one destination (row 1)', () => {
  const refusedHello = async (authority, options) => {
    const client = await connect(authority);
    assert.equal(client.opened.status, 200);
    const before = upstream.connections + echo.sockets.length;
    await assert.rejects(client.startTls({ rejectUnauthorized: false, ...options }), /alert|closed|disconnected|reset|ECONNRESET|EPIPE/);
    assert.equal(upstream.connections + echo.sockets.length, before, 'no TLS reached a host');
    return client;
  };

  test('SNI is another name than CONNECT\'s', async () => {
    const { length } = broker.audit();
    await refusedHello('a.wild.example:443', { servername: 'b.wild.example' });
    const end = await outcome((r) => r.reason === 'destination-conflict', length);
    assert.equal(broker.decisions().find((r) => r.id === end.id).host, 'a.wild.example');
  });

  test('no SNI at all', async () => {
    await refusedHello('a.wild.example:443', { servername: '' });
  });

  test('plain bytes: no SSH, no HTTP, no SMTP through it', async () => {
    for (const bytes of ['GET / HTTP/1.1\r\nHost: a.wild.example\r\n\r\n', 'SSH-2.0-x\r\n', '\x00\x00\x00\x01', '\x16\x03\x01\x00\x00']) {
      const received = [];
      const server = net.createServer((s) => { s.on('data', (d) => received.push(d)); s.on('error', () => {}); });
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      const client = await connect('a.wild.example:443');
      assert.equal(client.opened.status, 200);
      client.write(bytes);
      await client.closes();
      server.close();
      assert.equal(received.length, 0);
    }
    await outcome((r) => r.reason === 'request-malformed');
    assert.ok(echo.sockets.every((s) => s.received.length === 0));
  });

  test('a ClientHello that trickles in, in pieces of one byte', async () => {
    const client = await connect('a.wild.example:443');
    const pieces = new net.Socket();
    const { Duplex } = await import('node:stream');
    const slow = new Duplex({
      read() {},
      write(chunk, encoding, done) {
        for (const byte of chunk) client.socket.write(Buffer.from([byte]));
        done();
      },
    });
    client.socket.on('data', (d) => slow.push(d));
    const socket = tls.connect({ socket: slow, servername: 'a.wild.example', ca: readFileSync(upstream.ca) });
    await within('the handshake', new Promise((resolve, reject) => { socket.on('secureConnect', resolve); socket.on('error', reject); }));
    pieces.destroy();
    client.destroy();
  });

  test('a credential\'s host is never passed through, though the list has a pattern for it', async () => {
    const client = await connect('secret.wild.example:443');
    assert.equal(client.opened.status, 200);
    await client.startTls({ servername: 'secret.wild.example', ca: (await broker.operator(['ca', 'show'])).stdout });
    client.write(`GET /v HTTP/1.1\r\nHost: secret.wild.example\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    assert.equal((await client.answer()).status, 200);
    assert.ok(secret.only('/v').authorized);
    client.destroy();
    await refused(`secret.wild.example:${echo.port}`, 403, 'host-not-allowed');
    await broker.operator(['credential', 'disable', 'up']);
    try {
      await until('the routes are known', async () => {
        const c = await connect('secret.wild.example:443');
        c.destroy();
        return c.opened.status === 403;
      });
    } finally {
      await broker.operator(['credential', 'enable', 'up']);
    }
  });

  test('hosts and ports that are not on the list', async () => {
    await refused('evil.example:443', 403, 'host-not-allowed');
    await refused('upstream.example:8443', 403, 'host-not-allowed');
    await refused('wild.example:443', 403, 'host-not-allowed');
  });
});

describe('a token on every request (rows 6, 17)', () => {
  test('none by TCP: 407; by the unix socket it may', async () => {
    const { problem } = await refused('upstream.example:443', 407, 'proxy-token-missing', { auth: null });
    assert.match(problem.advice ?? problem.title, /token/i);
    const result = await run('curl', ['-sS', '--cacert', upstream.ca, '--proxy', `http://${broker.address}`, 'https://upstream.example/']);
    assert.equal(result.status, 56);
    assert.match(result.stderr, /407/);
    const plain = await run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', '--proxy', `http://${broker.address}`, 'http://upstream.example/p']);
    assert.equal(plain.stdout, '407');
    const client = await connect('a.wild.example:443', { auth: null, way: 'unix' });
    assert.equal(client.opened.status, 200);
    client.destroy();
    assert.equal(broker.decisions().findLast((r) => r.way === 'tunnel').client, 'unix');
  });

  test('what is no token is not taken for none, also on the unix socket', async () => {
    await refused('upstream.example:443', 407, 'proxy-token-missing', { auth: 'hunter2' });
    await refused('upstream.example:443', 407, 'proxy-token-missing', { auth: 'hunter2', way: 'unix' });
    const forged = token.slice(0, -4) + (token.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    await refused('upstream.example:443', 401, 'signature-invalid', { auth: forged, way: 'unix' });
  });

  test('caveats: method is CONNECT, and what is inside is not seen', async () => {
    const narrowed = (...c) => broker.attenuate(token, ...c.flatMap((x) => ['--caveat', x]));
    await refused('upstream.example:443', 401, 'caveat-failed', { auth: await narrowed('method = GET'), detail: /method = GET/ });
    await refused('upstream.example:443', 401, 'caveat-failed', { auth: await narrowed('path ~ /**') });
    await refused('upstream.example:443', 401, 'caveat-failed', { auth: await narrowed('path absent') });
    await refused('upstream.example:443', 401, 'caveat-failed', { auth: await narrowed('body[/a] = 1') });
    await refused('upstream.example:443', 401, 'caveat-failed', { auth: await narrowed('credential = up') });
    await refused('upstream.example:443', 401, 'caveat-failed', { auth: await narrowed('host = a.wild.example') });
    const own = await narrowed('credential = pass-through', 'method = CONNECT', 'host = upstream.example');
    const client = await connect('upstream.example:443', { auth: own });
    assert.equal(client.opened.status, 200);
    client.destroy();
    const once = await narrowed('uses <= 1');
    (await connect('upstream.example:443', { auth: once })).destroy();
    await refused('upstream.example:443', 401, 'uses-exhausted', { auth: once });
    // and it is no token for the credential any more
    const answer = await broker.request('/~up/v', { token: own });
    broker.denied(answer, 401, 'caveat-failed');
  });

  test('no credential is called pass-through, and no token is for one', async () => {
    const added = await broker.operator(['credential', 'add', 'pass-through', '--host', 'x.example'], { stdin: 'secret-12345678\n', may: true });
    assert.equal(added.status, 1);
    assert.match(added.stderr, /pass-through stands for hosts/);
    const minted = await broker.operator(['mint', '--credential', 'pass-through'], { may: true });
    assert.equal(minted.status, 1);
    assert.match(minted.stderr, /credential = pass-through/);
  });
});

describe('addresses (row 11)', () => {
  test('loopback, metadata and names that lead there', async () => {
    for (const host of ['other.example:443', 'metadata.example:443', `localhost:${upstream.port}`]) {
      const client = await broker.connect();
      client.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\nProxy-Authorization: ${basic(token)}\r\n\r\n`);
      await broker.failed(await client.answer(), 403, 'address-forbidden');
      client.destroy();
    }
  });
});

describe('live tunnels are judged again (row 19)', () => {
  async function isCut(client, reason) {
    await client.closes();
    await within('the host to see the end', echo.sockets[0].closed2);
    const end = await outcome((r) => r.reason === reason);
    assert.match(end.detail ?? '', /cut/);
  }

  test('revocation', async () => {
    const mine = await broker.mint('up');
    const client = await tunnel('a.wild.example', { auth: mine });
    client.write('x');
    await client.when('the echo', () => client.input.length === 1);
    await broker.operator(['revoke', mine]);
    await isCut(client, 'revoked');
  });

  test('the end of the token', async () => {
    const client = await inTime(async (s) => tunnel('a.wild.example', { auth: await broker.mint('up', { lifetime: `${s}s` }) }));
    await isCut(client, 'expired');
  });

  test('a rule that forbids it', async () => {
    const client = await tunnel();
    const file = `${broker.home}/policy.yaml`;
    writeFileSync(file, 'version: 1\ngrants:\n- {name: all, to: [everyone], credentials: [up]}\nforbid:\n- {name: closed, when: [credential = pass-through]}\n');
    await broker.operator(['policy', 'apply', file]);
    try {
      await isCut(client, 'forbidden');
      await refused('upstream.example:443', 403, 'forbidden', { detail: /closed/ });
      const answer = await broker.connect({ way: 'unix' });
      answer.write('CONNECT upstream.example:443 HTTP/1.1\r\nHost: upstream.example:443\r\n\r\n');
      broker.denied(await answer.answer(), 403, 'forbidden');
      answer.destroy();
    } finally {
      writeFileSync(file, 'version: 1\ngrants:\n- {name: all, to: [everyone], credentials: [up]}\n');
      await broker.operator(['policy', 'apply', file]);
    }
  });

  test('the host becomes a credential\'s', async () => {
    const client = await tunnel('b.wild.example');
    const waiting = await connect('b.wild.example:443'); // its ClientHello has not come
    assert.equal(waiting.opened.status, 200);
    await broker.addCredential('late', { secret: realKey(), upstream: secret, hosts: ['b.wild.example'] });
    try {
      await isCut(client, 'host-not-allowed');
      await waiting.closes();
    } finally {
      await broker.operator(['credential', 'remove', 'late']);
    }
  });

  test('of many at once a token that may be used once opens one', async () => {
    const once = await broker.mint('up', { caveats: ['uses <= 1'] });
    const clients = await Promise.all(Array.from({ length: 20 }, (_, i) =>
      connect('a.wild.example:443', { auth: once, way: i % 2 ? 'unix' : 'tcp' })));
    assert.equal(clients.filter((c) => c.opened.status === 200).length, 1, clients.map((c) => c.opened.status).join(' '));
    assert.equal(clients.filter((c) => c.opened.status === 401).length, 19);
    for (const client of clients) client.destroy();
  });

  test('a reload that takes the host away, and one that is wrong and changes nothing', async (t) => {
    const own = await new Broker(t, { config: passThrough() }).init();
    await own.start();
    await own.addCredential('up', { secret: realKey(), upstream: secret, hosts: ['secret.wild.example'] });
    const mine = await own.mint('up');
    const client = await connect('a.wild.example:443', { auth: mine, to: own });
    assert.equal(client.opened.status, 200);
    await client.startTls({ servername: 'a.wild.example', ca: readFileSync(upstream.ca), ALPNProtocols: undefined });
    const file = own.file('keyholed.yaml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('host: upstream.example', 'host: "*.example"\n    ports: [70000]'));
    assert.equal((await own.operator(['check'], { may: true })).status, 1);
    own.reload();
    await until('the reload failed', () => own.log.includes('reload-failed'));
    client.write('still');
    await client.when('the echo', () => client.input.includes('still'));
    writeFileSync(file, text.replace(/^pass-through:[^]*$/m, 'pass-through: []\n'));
    own.reload();
    await client.closes();
    await refused('a.wild.example:443', 403, 'host-not-allowed', { auth: mine, to: own });
    writeFileSync(file, text);
    own.reload();
    await until('it is back', async () => {
      const c = await connect('a.wild.example:443', { auth: mine, to: own });
      c.destroy();
      return c.opened.status === 200;
    });
  });
});

describe('without an authority nothing goes (row 6)', () => {
  test('it is killed in the middle: no CONNECT that it did not judge is answered by 200', async (t) => {
    const own = await new Broker(t, { config: passThrough() }).init();
    await own.start();
    await own.addCredential('up', { secret: realKey(), upstream: secret, hosts: ['secret.wild.example'] });
    const mine = await own.mint('up');
    const authority = await own.process('authority');
    process.kill(authority.pid, 'SIGSTOP');
    const open = [];
    for (const way of ['tcp', 'unix', 'tcp', 'unix']) {
      const client = await own.connect({ way });
      client.write(`CONNECT a.wild.example:443 HTTP/1.1\r\nHost: a.wild.example:443\r\nProxy-Authorization: ${basic(mine)}\r\n\r\n`);
      open.push(client);
    }
    const before = echo.sockets.length;
    let opened = 0;
    process.kill(authority.pid, 'SIGKILL');
    for (const client of open) {
      const answer = await client.answer({ method: 'HEAD' });
      assert.ok([200, 503].includes(answer?.status), `${answer?.status}`);
      opened += answer.status === 200;
      client.destroy();
    }
    // A proxy that came to it late asked the next authority, which has it on record.
    assert.equal(own.decisions().filter((r) => r.method === 'CONNECT' && r.decision === 'allow').length, opened);
    assert.equal(echo.sockets.length, before, 'nothing was dialled');
    await until('the next authority serves', async () => {
      const c = await connect('a.wild.example:443', { auth: mine, to: own });
      c.destroy();
      return c.opened.status === 200;
    });
    await own.kill(); // the authority was killed: the exit is not clean
  });
});
