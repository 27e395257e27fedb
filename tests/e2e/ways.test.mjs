// SPDX-License-Identifier: Apache-2.0
// The ways in. All end in the same decision, and each request has one destination: whatever names it
// must agree, or it goes nowhere (superfly/tokenizer #34 is what happens otherwise).

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { before, beforeEach, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { run } from '../support/programs.mjs';
import { readAnswer } from '../support/raw.mjs';
import { startUpstream } from '../support/upstream.mjs';

const openaiKey = realKey(), stripeKey = realKey('sk_live_');
let openai, stripe, broker, token, stripeToken, caFile, ca;

before(async () => {
  openai = await startUpstream(wholeFile, { key: openaiKey });
  stripe = await startUpstream(wholeFile, { key: stripeKey });
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: openaiKey, upstream: openai });
  await broker.addCredential('stripe', { preset: 'stripe', secret: stripeKey, upstream: stripe });
  token = await broker.mint('openai');
  stripeToken = await broker.mint('stripe');
  ca = (await broker.operator(['ca', 'show'])).stdout;
  assert.match(ca, /^-----BEGIN CERTIFICATE-----\n[^]+-----END CERTIFICATE-----\n$/);
  caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, ca);
});

beforeEach(() => {
  openai.requests.length = 0;
  stripe.requests.length = 0;
});

/** curl as people type it; the answer is parsed from what it printed. */
async function curl(...args) {
  const result = await run('curl', ['-sS', '-i', '--suppress-connect-headers', ...args]);
  assert.equal(result.status, 0, result.stderr);
  const bytes = Buffer.from(result.stdout, 'latin1');
  const head = bytes.indexOf('\r\n\r\n');
  // curl has taken the chunks apart already: read what follows the head as it is
  const answer = readAnswer(bytes.subarray(0, head + 4), { method: 'HEAD' });
  return { ...answer, text: bytes.subarray(head + 4).toString() };
}

function arrived(upstream, path, way) {
  const received = upstream.only(path);
  assert.ok(received.authorized, 'the upstream saw the real key');
  assert.ok(!received.text().includes('kh1_'), 'no token went upstream');
  const record = broker.decisions().findLast((r) => r.decision === 'allow');
  assert.equal(record.way, way);
  assert.equal(record.path, path);
  assert.equal(record.scheme, 'https');
  assert.equal(record.port, 443);
  return { received, record };
}

function nothingArrived() {
  assert.equal(openai.requests.length + stripe.requests.length, 0, 'no upstream saw anything');
}

const bearer = (tok) => ['-H', `Authorization: Bearer ${tok}`];

test('places that an answer names: below the base URL for who came by one, as they are for a proxy\'s client', async () => {
  openai.route('/v1/places', (received, res) => res.writeHead(201, { location: 'https://api.openai.com/v1/files/1', 'content-location': '/v1/places/7',
    link: '<https://api.openai.com/v1/places?page=2>; rel="next", <https://other.example/>; rel=help', 'x-link': '/v1/places' }).end());
  const headers = { authorization: `Bearer ${token}` };
  const byBase = await broker.request('/~openai/v1/places', { headers });
  assert.equal(byBase.status, 201);
  assert.deepEqual([byBase.headers.location, byBase.headers['content-location'], byBase.headers.link, byBase.headers['x-link']],
    [`${broker.url}/~openai/v1/files/1`, '/~openai/v1/places/7', `<${broker.url}/~openai/v1/places?page=2>; rel="next", <https://other.example/>; rel=help`, '/v1/places']);
  const byProxy = await curl('--proxy', broker.url, '--cacert', caFile, '-H', `Authorization: Bearer ${token}`, 'https://api.openai.com/v1/places');
  assert.deepEqual([byProxy.headers.location, byProxy.headers['content-location']], ['https://api.openai.com/v1/files/1', '/v1/places/7']);
});

describe('each way in, by curl', () => {
  test('base URL: the credential is named in the path, and its name is cut off', async () => {
    const answer = await curl(`${broker.url}/~openai/v1/models?limit=3`, ...bearer(token));
    assert.equal(answer.status, 200, answer.text);
    const { received, record } = arrived(openai, '/v1/models', 'base-url');
    assert.equal(received.url, '/v1/models?limit=3');
    assert.equal(received.headers.host, 'api.openai.com');
    assert.equal(record.client, '127.0.0.1');
  });

  test('by Host: the client believes that the broker is the upstream', async () => {
    const answer = await curl('--connect-to', `api.stripe.com:80:${broker.address}`,
      'http://api.stripe.com/v1/charges', ...bearer(stripeToken));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(arrived(stripe, '/v1/charges', 'host').received.sni, 'api.stripe.com');
  });

  test('HTTP proxy: absolute-form, and the upstream leg is TLS all the same', async () => {
    const answer = await curl('-x', broker.url, 'http://api.openai.com/v1/models', ...bearer(token));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(arrived(openai, '/v1/models', 'http-proxy').received.sni, 'api.openai.com');
  });

  test('CONNECT: TLS ends in the broker with a leaf of the local CA', async () => {
    const answer = await curl('-x', broker.url, '--cacert', caFile, 'https://api.stripe.com/v1/charges', ...bearer(stripeToken));
    assert.equal(answer.status, 200, answer.text);
    arrived(stripe, '/v1/charges', 'connect');
  });

  test('CONNECT without the local CA: the client refuses, and nothing is sent', async () => {
    const result = await run('curl', ['-sS', '-x', broker.url, 'https://api.stripe.com/v1/charges', ...bearer(stripeToken)]);
    assert.equal(result.status, 60, 'curl: the certificate is not trusted');
    nothingArrived();
  });

  test('unix socket: the peer\'s user id is on record', async () => {
    const answer = await curl('--unix-socket', broker.unix, 'http://localhost/~openai/v1/models', ...bearer(token));
    assert.equal(answer.status, 200, answer.text);
    const { record } = arrived(openai, '/v1/models', 'base-url');
    assert.equal(record.client, 'unix');
    assert.equal(record.uid, process.getuid());
  });

  test('unix socket: caveats on the client know it', async () => {
    const inside = await broker.attenuate(token, '--caveat', 'client = unix');
    assert.equal((await curl('--unix-socket', broker.unix, 'http://localhost/~openai/v1/models', ...bearer(inside))).status, 200);
    broker.denied(await curl(`${broker.url}/~openai/v1/models`, ...bearer(inside)), 401, 'caveat-failed');
  });

  test('HTTP proxy with the token as the proxy\'s user, for clients that have no slot', async () => {
    const answer = await curl('-x', broker.url, '--proxy-user', `${token}:`, 'http://api.openai.com/v1/models');
    assert.equal(answer.status, 200, answer.text);
    const { received } = arrived(openai, '/v1/models', 'http-proxy');
    assert.deepEqual(received.fields('proxy-authorization'), []);
  });

  test('CONNECT with the token as the proxy\'s user', async () => {
    const answer = await curl('-x', broker.url, '--proxy-user', `${token}:`, '--cacert', caFile, 'https://api.openai.com/v1/models');
    assert.equal(answer.status, 200, answer.text);
    arrived(openai, '/v1/models', 'connect');
  });

  test('the leaf of a tunnel is for that host alone, by the local CA, and the same for the next one', async () => {
    const seen = [];
    for (let i = 0; i < 2; i++) {
      const client = await broker.connect();
      client.write('CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n');
      assert.equal((await client.answer({ method: 'HEAD' })).status, 200);
      await client.startTls({ servername: 'api.openai.com', ca });
      assert.match(client.socket.getProtocol(), /^TLSv1\.[23]$/);
      seen.push(client.socket.getPeerX509Certificate());
      client.destroy();
    }
    for (const leaf of seen) {
      assert.equal(leaf.subjectAltName, 'DNS:api.openai.com');
      assert.equal(leaf.ca, false);
      const authority = new X509Certificate(ca);
      assert.ok(authority.ca);
      assert.ok(leaf.checkIssued(authority) && leaf.verify(authority.publicKey));
      assert.ok(Date.parse(leaf.validTo) > Date.now());
    }
  });

  test('no leaf for a host that is none of a credential\'s', async () => {
    const client = await broker.connect();
    client.write('CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n');
    assert.notEqual((await client.answer({ method: 'HEAD' })).status, 200);
    client.destroy();
  });

  // threat 7
  test('two requests on one connection go to two upstreams, each with its own key', async () => {
    const client = await broker.connect();
    for (const [upstream, host, tok] of [[openai, 'api.openai.com', token], [stripe, 'api.stripe.com', stripeToken]]) {
      client.write(`GET http://${host}/v1/x HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${tok}\r\n\r\n`);
      assert.equal((await client.answer()).status, 200);
      assert.ok(upstream.only('/v1/x').authorized);
    }
    client.destroy();
  });
});

describe('the TLS listener', () => {
  let tlsBroker, address;

  before(async () => {
    tlsBroker = new Broker(wholeFile, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0\n    tls: true' });
    await tlsBroker.init();
    await tlsBroker.start();
    await tlsBroker.addCredential('openai', { preset: 'openai', secret: openaiKey, upstream: openai });
    tlsBroker.token = await tlsBroker.mint('openai');
    tlsBroker.ca = `${tlsBroker.home}/ca-for-clients.pem`;
    writeFileSync(tlsBroker.ca, (await tlsBroker.operator(['ca', 'show'])).stdout);
    address = `https://localhost:${tlsBroker.port}`;
  });

  test('serves base URLs with a certificate of the local CA', async () => {
    const answer = await curl('--cacert', tlsBroker.ca, `${address}/~openai/v1/models`, ...bearer(tlsBroker.token));
    assert.equal(answer.status, 200, answer.text);
    assert.ok(openai.only('/v1/models').authorized);
  });

  test('serves as an HTTPS proxy, with TLS inside of TLS', async () => {
    const answer = await curl('-x', address, '--proxy-cacert', tlsBroker.ca, '--cacert', tlsBroker.ca,
      'https://api.openai.com/v1/models', ...bearer(tlsBroker.token));
    assert.equal(answer.status, 200, answer.text);
    assert.ok(openai.only('/v1/models').authorized);
  });

  test('refuses a Host that is not the name of the handshake', async () => {
    const pem = (await tlsBroker.operator(['ca', 'show'])).stdout;
    const client = await tlsBroker.connect({ tls: { servername: 'localhost', ca: pem } });
    client.write(`GET /v1/models HTTP/1.1\r\nHost: api.openai.com\r\nAuthorization: Bearer ${tlsBroker.token}\r\n\r\n`);
    tlsBroker.denied(await client.answer(), 421, 'destination-conflict');
    client.destroy();
    nothingArrived();
  });

  test('takes no TLS older than 1.2', async () => {
    const result = await run('curl', ['-sS', '--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0', '--cacert', tlsBroker.ca, `${address}/~openai/v1/models`]);
    assert.equal(result.status, 35, result.stderr);
    nothingArrived();
  });

  test('answers no plain HTTP', async () => {
    const client = await tlsBroker.connect();
    client.write('GET /~openai/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.closes();
    assert.ok(!client.input.toString('latin1').startsWith('HTTP/1.1 200'));
    nothingArrived();
  });
});

describe('one destination: whatever names it must agree', () => {
  const auth = () => `Authorization: Bearer ${token}\r\n`;

  async function plain(text) {
    const client = await broker.connect();
    client.write(text);
    const answer = await client.answer();
    client.destroy();
    return answer;
  }

  async function tunnel(authority, servername) {
    const client = await broker.connect();
    client.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    // The tunnel's own answer has no body, whatever its fields say.
    const answer = await client.answer({ method: 'HEAD' });
    assert.equal(answer.status, 200);
    await client.startTls({ servername, ca });
    return client;
  }

  test('Host inside a tunnel is not the CONNECT authority', async () => {
    const client = await tunnel('api.openai.com:443', 'api.openai.com');
    client.write(`GET /v1/x HTTP/1.1\r\nHost: api.stripe.com\r\n${auth()}\r\n`);
    broker.denied(await client.answer(), 421, 'destination-conflict');
    client.destroy();
    nothingArrived();
  });

  test('an absolute target inside a tunnel is not the CONNECT authority', async () => {
    const client = await tunnel('api.openai.com:443', 'api.openai.com');
    client.write(`GET https://api.stripe.com/v1/x HTTP/1.1\r\nHost: api.stripe.com\r\n${auth()}\r\n`);
    broker.denied(await client.answer(), 421, 'destination-conflict');
    client.destroy();
    nothingArrived();
  });

  test('the port inside a tunnel is not that of the CONNECT authority', async () => {
    const client = await tunnel('api.openai.com:443', 'api.openai.com');
    client.write(`GET /v1/x HTTP/1.1\r\nHost: api.openai.com:8443\r\n${auth()}\r\n`);
    broker.denied(await client.answer(), 421, 'destination-conflict');
    client.destroy();
    nothingArrived();
  });

  // threat 1
  test('SNI is not the CONNECT authority', async () => {
    const client = await broker.connect();
    client.write('CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n');
    assert.equal((await client.answer({ method: 'HEAD' })).status, 200);
    // A client that trusts anybody, so that the refusal is the broker's.
    const shaken = await client.startTls({ servername: 'api.stripe.com', rejectUnauthorized: false }).then(() => true, () => false);
    if (shaken) {
      client.write(`GET /v1/x HTTP/1.1\r\nHost: api.stripe.com\r\nAuthorization: Bearer ${stripeToken}\r\n\r\n`);
      broker.denied(await client.answer(), 421, 'destination-conflict');
    }
    client.destroy();
    nothingArrived();
  });

  test('SNI is not the CONNECT authority, and Host is', async () => {
    const client = await broker.connect();
    client.write('CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n');
    assert.equal((await client.answer({ method: 'HEAD' })).status, 200);
    const shaken = await client.startTls({ servername: 'api.stripe.com', rejectUnauthorized: false }).then(() => true, () => false);
    if (shaken) {
      client.write(`GET /v1/x HTTP/1.1\r\nHost: api.openai.com\r\n${auth()}\r\n`);
      broker.denied(await client.answer(), 421, 'destination-conflict');
    }
    client.destroy();
    nothingArrived();
  });

  test('a second CONNECT inside a tunnel', async () => {
    const client = await tunnel('api.openai.com:443', 'api.openai.com');
    client.write('CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n');
    const answer = await client.answer();
    assert.ok([400, 405, 421].includes(answer.status), `${answer.status}`);
    client.destroy();
    nothingArrived();
  });

  // threat 1
  test('Host is not the authority of an absolute target', async () => {
    broker.denied(await plain(`GET http://api.openai.com/v1/x HTTP/1.1\r\nHost: api.stripe.com\r\n${auth()}\r\n`),
      400, 'request-malformed');
    nothingArrived();
  });

  test('two Host fields', async () => {
    broker.denied(await plain(`GET /v1/x HTTP/1.1\r\nHost: api.openai.com\r\nHost: api.stripe.com\r\n${auth()}\r\n`),
      400, 'request-malformed');
    nothingArrived();
  });

  test('a token of one service does not open another', async () => {
    broker.denied(await plain(`GET /v1/x HTTP/1.1\r\nHost: api.stripe.com\r\n${auth()}\r\n`), 403, 'host-not-allowed');
    broker.denied(await plain(`GET http://api.stripe.com/v1/x HTTP/1.1\r\nHost: api.stripe.com\r\n${auth()}\r\n`), 403, 'host-not-allowed');
    nothingArrived();
  });

  test('a base URL under the Host of a service names nothing', async () => {
    broker.denied(await plain(`GET /~openai/v1/x HTTP/1.1\r\nHost: api.stripe.com\r\n${auth()}\r\n`), 403, 'host-not-allowed');
    nothingArrived();
  });

  for (const host of ['unknown.example', 'openai.com', 'api.openai.com.evil.example', 'evil-api.openai.com', '10.0.0.1'])
    test(`by Host, a name that is not served here: ${host}`, async () => {
      broker.denied(await plain(`GET /v1/x HTTP/1.1\r\nHost: ${host}\r\n${auth()}\r\n`), 421, 'misdirected');
      nothingArrived();
    });

  // threat 6
  test('through the proxy, a host of no credential: never an open proxy', async () => {
    const answer = await plain(`GET http://unknown.example/ HTTP/1.1\r\nHost: unknown.example\r\n${auth()}\r\n`);
    broker.denied(answer, 403, 'host-not-allowed');
    const connect = await plain('CONNECT unknown.example:443 HTTP/1.1\r\nHost: unknown.example:443\r\n\r\n');
    broker.denied(connect, 403, 'host-not-allowed');
    const port = await plain('CONNECT api.openai.com:25 HTTP/1.1\r\nHost: api.openai.com:25\r\n\r\n');
    broker.denied(port, 403, 'host-not-allowed');
  });

  for (const host of ['API.OpenAI.com', 'api.openai.com:443', 'API.OPENAI.COM:443'])
    test(`another way to write the same host: ${host}`, async () => {
      const answer = await plain(`GET https://${host}/v1/models HTTP/1.1\r\nHost: ${host}\r\n${auth()}\r\n`);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(openai.only('/v1/models').headers.host, 'api.openai.com');
    });

  for (const header of ['X-Forwarded-Host: api.stripe.com', 'Forwarded: host=api.stripe.com', 'X-Target-Host: api.stripe.com'])
    test(`a header that would steer others steers nothing: ${header}`, async () => {
      const answer = await plain(`GET /~openai/v1/models HTTP/1.1\r\nHost: ${broker.address}\r\n${header}\r\n${auth()}\r\n`);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(openai.only('/v1/models').headers.host, 'api.openai.com');
      assert.equal(stripe.requests.length, 0);
    });

  for (const header of ['X-Original-URL: /v1/admin', 'X-Rewrite-URL: /v1/admin', 'X-HTTP-Method-Override: DELETE'])
    test(`a header that would change what was judged is refused: ${header}`, async () => {
      broker.denied(await plain(`GET /~openai/v1/models HTTP/1.1\r\nHost: ${broker.address}\r\n${header}\r\n${auth()}\r\n`),
        400, 'request-malformed');
      nothingArrived();
    });

  test('a host with a trailing dot', async () => {
    broker.denied(await plain(`GET http://api.openai.com./v1/x HTTP/1.1\r\nHost: api.openai.com.\r\n${auth()}\r\n`),
      400, 'request-malformed');
    nothingArrived();
  });
});

describe('the broker\'s own pages', () => {
  test('an unknown credential in a base URL', async () => {
    broker.denied(await broker.request('/~nothing/v1/x', { token }), 403, 'credential-unknown');
  });

  test('no credential in the path', async () => {
    broker.denied(await broker.request('/v1/models', { token }), 404, 'not-found');
    nothingArrived();
  });

  test('the first page says what this is; other methods are not for it', async () => {
    const page = await broker.request('/');
    assert.equal(page.status, 200);
    assert.match(page.text, /Keyhole/);
    const answer = await broker.request('/', { method: 'DELETE' });
    broker.denied(answer, 405, 'method-not-allowed');
    assert.match(answer.headers.allow, /GET/);
  });

  // threat 14
  test('administration is not there, token or not', async () => {
    for (const path of ['/mint', '/admin', '/credential', '/.well-known/keyhole/mint'])
      for (const method of ['GET', 'POST']) {
        const answer = await broker.request(path, { token, method });
        assert.ok([404, 405].includes(answer.status), `${method} ${path}: ${answer.status}`);
      }
  });
});
