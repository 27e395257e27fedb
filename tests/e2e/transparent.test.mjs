// SPDX-License-Identifier: Apache-2.0
// The transparent listener: programs that know of no proxy, in a network of the test's own where nft
// leads every connection to the broker. The file runs itself a second time inside of it. SNI and Host
// name the destination, and where the client connected to gives the port alone (threat rows 1, 11, 17).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { before, beforeEach, describe, test } from 'node:test';

import { realKey, startBroker, unusedPort } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { must, run } from '../support/programs.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';
import { until, within } from '../support/wait.mjs';

const INSIDE = 'KEYHOLE_TEST_NETWORK';
const FAR = '203.0.113.9', FAR6 = '2001:db8:9::9'; // nobody's: what the names resolve to, for clients

/** What makes the network: a loopback, routes that lead nowhere, and whoever connects is redirected. */
const setUp = (port, port6) => `
table inet keyhole {
  chain out {
    type nat hook output priority -100;
    ip daddr 203.0.113.0/24 tcp dport { 80, 443, 8443 } redirect to :${port}
    ip6 daddr 2001:db8:9::/48 tcp dport { 80, 443, 8443 } redirect to :${port6}
  }
}
`;

if (!process.env[INSIDE]) {
  const lines = 'ip link set lo up && ip addr add 192.0.2.1/32 dev lo && ip route add default dev lo src 192.0.2.1 && ip -6 route add default dev lo && nft -f -';
  const able = spawnSync('unshare', ['-Urn', 'sh', '-c', lines], { input: setUp(1, 2), encoding: 'utf8' });
  test('in a network of its own', { skip: able.status === 0 ? false
    : `no network can be made here (unshare -Urn, ip, nft): ${able.stderr ?? able.error}` }, async () => {
    const script = `${lines.replace(' && nft -f -', '')} && exec "$0" --test-reporter=spec "$1"`;
    const result = await run('unshare', ['-Urn', 'sh', '-c', script, process.execPath, fileURLToPath(import.meta.url)],
      { env: { [INSIDE]: '1', KEYHOLE_BUILD: process.env.KEYHOLE_BUILD }, timeout: 900000 });
    assert.equal(result.status, 0, `${result.stdout}\n${result.stderr}`);
  });
} else {
  inside();
}

function inside() {
  const key = realKey();
  let upstream, other, broker, token, ca, cert;

  before(async () => {
    upstream = await startUpstream(wholeFile, { key });
    other = await startUpstream(wholeFile, { accepts: accepts.anything() });
    const port = await unusedPort();
    broker = await startBroker(wholeFile, { listen: null, config: `workers: 1
listen:
  - address: 127.0.0.1:0
  - address: 0.0.0.0:${port}
    transparent: true
    insecure: true
  - address: "[::]:0"
    transparent: true
    insecure: true
names: [broker.example]
pass-through:
  - host: circle.example
    ports: [${port}]
    resolve: ["circle.example:${port}:127.0.0.1:${port}"]
    allow-networks: [127.0.0.0/8]
  - host: around.example
    resolve: ["around.example:443:${FAR}:443"]
    allow-networks: [203.0.113.0/24]
  - host: other.example
    ports: [443, 8443]
    resolve: ["other.example:443:127.0.0.1:${other.port}", "other.example:8443:127.0.0.1:${other.port}"]
    upstream-ca: ${other.ca}
    allow-networks: [127.0.0.0/8]
` });
    await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
    token = await broker.mint('up');
    cert = (await broker.operator(['ca', 'show'])).stdout;
    ca = `${broker.home}/ca-for-clients.pem`;
    writeFileSync(ca, cert);
    const [v4, v6] = broker.ready.find(([name]) => name === 'transparent')[1].split(',').map((a) => a.slice(a.lastIndexOf(':') + 1));
    await must('nft', ['-f', '-'], { stdin: setUp(v4, v6) });
    broker.transparent = Number(v4);
  });

  beforeEach(() => {
    upstream.requests.length = 0;
    other.requests.length = 0;
  });

  /** curl without a proxy; the resolver is the only thing that is told. */
  const curl = (url, ...args) => {
    const { hostname, port, protocol } = new URL(url);
    const far = args.includes('-6') ? `[${FAR6}]` : FAR;
    return run('curl', ['-sS', '--noproxy', '*', '-w', '\n%{http_code}', '--resolve',
      `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}:${far}`, ...args, url]);
  };
  const bearer = () => ['-H', `Authorization: Bearer ${token}`];
  const last = (host) => broker.decisions().findLast((r) => r.host === host);

  describe('a credential\'s host', () => {
    for (const version of ['-4', '-6'])
      test(`curl ${version}, by TLS: intercepted with the local CA, the key put on`, async () => {
        const result = await curl('https://upstream.example/v1', version, '--cacert', ca, ...bearer());
        assert.match(result.stdout, /\n200$/, result.stdout + result.stderr);
        assert.ok(upstream.only('/v1').authorized);
        const record = last('upstream.example');
        assert.deepEqual([record.decision, record.way, record.port, record.scheme], ['allow', 'transparent', 443, 'https']);
      });

    test('plain HTTP to port 80: TLS from the broker on', async () => {
      const result = await curl('http://upstream.example/p', ...bearer());
      assert.match(result.stdout, /\n200$/, result.stdout + result.stderr);
      assert.ok(upstream.only('/p').authorized);
      assert.equal(last('upstream.example').scheme, 'https');
    });

    test('no token: 401, as everywhere', async () => {
      const result = await curl('https://upstream.example/v1', '--cacert', ca);
      assert.match(result.stdout, /"token-missing"[^]*\n401$/, result.stdout);
      assert.equal(upstream.requests.length, 0);
    });

    test('another port than the credential\'s is not reached', async () => {
      const result = await curl('https://upstream.example:8443/v1', '--cacert', ca, ...bearer());
      assert.equal(result.status, 35, result.stderr);
      assert.deepEqual([last('upstream.example').decision, last('upstream.example').port], ['deny', 8443]);
    });

    test('Host inside of TLS is another than SNI', async () => {
      const result = await curl('https://upstream.example/v1', '--cacert', ca, ...bearer(), '-H', 'Host: other.example');
      assert.match(result.stdout, /"destination-conflict"[^]*\n421$/, result.stdout);
    });
  });

  describe('a host that is passed through', () => {
    test('curl sees its own certificate; by TCP a token is needed, and there is no place for one', async () => {
      const result = await curl('https://other.example/x', '--cacert', other.ca);
      assert.equal(result.status, 35, result.stdout + result.stderr);
      assert.match(result.stderr, /alert/i);
      assert.equal(last('other.example').reason, 'proxy-token-missing');
      assert.equal(other.requests.length, 0);
    });

    test('by a relay that presents one: the host is itself, also on another of its ports', async () => {
      for (const port of [443, 8443]) {
        const socket = await relayed({ port, token });
        const client = tls.connect({ socket, servername: 'other.example', ca: readFileSync(other.ca) });
        await within('the handshake', new Promise((resolve, reject) => { client.on('secureConnect', resolve); client.on('error', reject); }));
        assert.match(client.getPeerCertificate().subject.CN, /upstream/);
        client.write('GET /r HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n');
        const text = await within('the answer', new Promise((resolve) => { let all = ''; client.on('data', (d) => { all += d; }); client.on('end', () => resolve(all)); }));
        assert.match(text, /^HTTP\/1\.1 200 /);
        const record = last('other.example');
        assert.deepEqual([record.decision, record.way, record.method, record.port, record.credential],
          ['allow', 'transparent', 'CONNECT', port, 'pass-through']);
        await until('the outcome', () => broker.audit().find((r) => r.kind === 'outcome' && r.id === record.id));
      }
    });

    test('by a relay on the unix socket it goes without one; and a credential\'s host through the same relay', async () => {
      const socket = await relayed({ port: 443, path: broker.unix });
      const client = tls.connect({ socket, servername: 'other.example', ca: readFileSync(other.ca) });
      await within('the handshake', new Promise((resolve, reject) => { client.on('secureConnect', resolve); client.on('error', reject); }));
      client.destroy();
      const second = tls.connect({ socket: await relayed({ port: 443, path: broker.unix }), servername: 'upstream.example', ca: cert });
      await within('the handshake', new Promise((resolve, reject) => { second.on('secureConnect', resolve); second.on('error', reject); }));
      second.write(`GET /u HTTP/1.1\r\nHost: upstream.example\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`);
      await until('the request', () => upstream.requests.length > 0);
      assert.ok(upstream.only('/u').authorized);
      second.destroy();
      const denied = tls.connect({ socket: await relayed({ port: 443, path: broker.unix, requireToken: true }), servername: 'other.example', ca: cert });
      await assert.rejects(within('the handshake', new Promise((resolve, reject) => { denied.on('secureConnect', resolve); denied.on('error', reject); })), /alert/);
      const limited = tls.connect({ socket: await relayed({ port: 443, path: broker.unix, hosts: 'upstream.example' }), servername: 'other.example', ca: cert });
      await assert.rejects(within('the handshake', new Promise((resolve, reject) => { limited.on('secureConnect', resolve); limited.on('error', reject); })), /alert/);
      assert.equal(last('other.example').reason, 'host-not-allowed');
    });
  });

  describe('nothing else', () => {
    test('curl and openssl to hosts that nobody listed: unrecognized_name, and a record', async () => {
      const result = await curl('https://evil.example/', '-k');
      assert.equal(result.status, 35);
      assert.match(result.stderr, /unrecognized name/i);
      assert.deepEqual([last('evil.example').decision, last('evil.example').reason, last('evil.example').way],
        ['deny', 'host-not-allowed', 'transparent']);
      const { stdout, stderr } = await run('openssl', ['s_client', '-connect', `${FAR}:443`, '-servername', 'evil.example'], { stdin: '' });
      assert.match(stdout + stderr, /unrecognized name/);
      assert.match(stdout, /no peer certificate available/);
    });

    test('no SNI, an address as one, bytes that are no TLS', async () => {
      const without = await run('openssl', ['s_client', '-connect', `${FAR}:443`, '-noservername'], { stdin: '' });
      assert.match(without.stdout + without.stderr, /unrecognized name/);
      const plain = await run('curl', ['-sS', '--noproxy', '*', '-o', '/dev/null', '-w', '%{http_code}', `http://${FAR}/`]);
      assert.equal(plain.stdout, '403');
      const socket = net.connect(443, FAR);
      socket.end('\x00\x01\x02\x03\r\n\r\n');
      const text = await within('the end', new Promise((resolve) => { let all = ''; socket.on('data', (d) => { all += d; }); socket.on('close', () => resolve(all)); socket.on('error', () => {}); }));
      assert.match(text, /^HTTP\/1\.1 400 /);
    });

    test('plain HTTP for a name whose port is another', async () => {
      const result = await curl('http://upstream.example/p', ...bearer(), '-H', 'Host: upstream.example:443');
      assert.match(result.stdout, /\n421$/, result.stdout);
      const proxied = await run('curl', ['-sS', '--proxy', `http://${FAR}:80`, '-w', '%{http_code}', 'https://upstream.example/']);
      assert.notEqual(proxied.status, 0, 'it is no proxy');
    });

    test('the listener\'s own address is no name of the broker', async () => {
      const direct = await run('curl', ['-sS', '--noproxy', '*', '-o', '/dev/null', '-w', '%{http_code}', `http://203.0.113.77/.well-known/keyhole/dischargers`]);
      assert.equal(direct.stdout, '403', 'where the client wanted to go to is no name');
    });

    test('a name that leads to the broker itself goes in no circle', async () => {
      const { length } = broker.audit();
      for (const [host, port] of [['circle.example', broker.transparent], ['around.example', 443]]) {
        const socket = await relayed({ port, token });
        const client = tls.connect({ socket, servername: host, ca: cert });
        await assert.rejects(within('the handshake', new Promise((resolve, reject) => {
          client.on('secureConnect', resolve);
          client.on('error', reject);
          client.on('close', () => reject(new Error('closed')));
        })));
      }
      const asked = broker.audit().slice(length).filter((r) => r.kind === 'decision');
      assert.ok(asked.length <= 12, `${asked.length} decisions for two connections`);
      assert.equal(await until('it is told', () => /"transparent-loop"/.test(broker.log) && 'told'), 'told');
    });

    test('connecting to the listener itself leads nowhere', async () => {
      const result = await run('curl', ['-sS', '--noproxy', '*', '-k', '--resolve', `upstream.example:${broker.transparent}:127.0.0.1`,
        `https://upstream.example:${broker.transparent}/`]);
      assert.equal(result.status, 35, result.stderr);
    });
  });

  /** A connection behind a preface, as of `keyhole run`'s relay (docs/PROTOCOL.run.md). */
  async function relayed({ port, token: presented = '', path, requireToken = false, hosts = '' }) {
    const value = (type, data) => {
      const head = Buffer.alloc(3);
      head[0] = type;
      head.writeUInt16BE(data.length, 1);
      return Buffer.concat([head, data]);
    };
    const values = Buffer.concat([value(0xe0, Buffer.from([1])),
      presented ? value(0xe2, Buffer.from(presented)) : Buffer.alloc(0),
      hosts ? value(0xe3, Buffer.from(hosts)) : Buffer.alloc(0),
      requireToken ? value(0xe4, Buffer.alloc(0)) : Buffer.alloc(0)]);
    const head = Buffer.alloc(28);
    head.write('\r\n\r\n\0\r\nQUIT\n', 'latin1');
    head[12] = 0x21;
    head[13] = 0x11;
    head.writeUInt16BE(12 + values.length, 14);
    head.writeUInt16BE(port, 26);
    const socket = path ? net.connect({ path }) : net.connect(broker.port, '127.0.0.1');
    await new Promise((resolve, reject) => { socket.once('connect', resolve); socket.once('error', reject); });
    socket.write(Buffer.concat([head, values]));
    return socket;
  }
}
