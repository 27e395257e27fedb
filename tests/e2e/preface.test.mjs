// SPDX-License-Identifier: Apache-2.0
// Between `keyhole run` and the broker: the environment of a token, the header before relayed
// connections, and the list of what was refused. Whatever a preface says, it widens nothing
// (docs/THREATS.md, 1, 6, 11, 17).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, beforeEach, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { framed, preface, query, randomRun, readDns } from '../support/preface.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

const openaiKey = realKey(), stripeKey = realKey('sk_live_');
let openai, stripe, other, broker, token, ca;

before(async () => {
  openai = await startUpstream(wholeFile, { key: openaiKey });
  stripe = await startUpstream(wholeFile, { key: stripeKey });
  other = await startUpstream(wholeFile, { accepts: accepts.anything() });
  broker = await startBroker(wholeFile, { config: `pass-through:
  - host: other.example
    resolve: [${other.resolve(['other.example']).join(', ')}]
    allow-networks: [127.0.0.0/8]` });
  await broker.addCredential('openai', { preset: 'openai', secret: openaiKey, upstream: openai });
  await broker.addCredential('stripe', { preset: 'stripe', secret: stripeKey, upstream: stripe });
  await broker.addCredential('wild', { hosts: ['*.wild.example'], secret: realKey(),
    args: ['--slot', 'bearer'] });
  token = await broker.mint(['openai', 'stripe', 'wild']);
  ca = (await broker.operator(['ca', 'show'])).stdout;
});

beforeEach(() => {
  openai.requests.length = 0;
  stripe.requests.length = 0;
});

const environmentOf = (tok) => broker.request('/.well-known/keyhole/environment', { token: tok });

async function refusedTo(run) {
  const answer = await broker.request(`/.well-known/keyhole/runs/${run}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json();
}

/** A connection on which the preface was said. */
async function relayed(way, said) {
  const client = await broker.connect({ way });
  return client.write(preface(said));
}

const get = (target, host, tok) => `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n` +
  `${tok ? `Authorization: Bearer ${tok}\r\n` : ''}\r\n`;

describe('the environment of a token', () => {
  test('lists its credentials, and no other', async () => {
    const answer = await environmentOf(await broker.mint('openai'));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.equal(answer.headers['cache-control'], 'no-store');
    const { credentials, pass_through: passThrough, expires_at: expires, ca: pem } = answer.json();
    assert.deepEqual(credentials, [{
      name: 'openai',
      hosts: ['api.openai.com', 'eu.api.openai.com', 'us.api.openai.com'],
      ports: [443],
      base_path: '/~openai',
      environment: ['OPENAI_API_KEY={token}', 'OPENAI_BASE_URL={base}/v1'],
      prefix: 'sk-',
    }]);
    assert.deepEqual(passThrough, [{ host: 'other.example', ports: [443] }]);
    assert.match(expires, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(pem, ca);
    assert.ok(!answer.text.includes(openaiKey));
  });

  test('a credential without an exact host has no base path', async () => {
    const { credentials: [wild] } = (await environmentOf(await broker.mint('wild'))).json();
    assert.deepEqual(wild, { name: 'wild', hosts: ['*.wild.example'], ports: [443], environment: [], prefix: '' });
  });

  test('a token that a request would be refused with is refused, and recorded', async () => {
    assert.equal((await environmentOf()).status, 401);
    const answer = await environmentOf('kh1_AAAA');
    assert.equal(answer.status, 401);
    assert.equal(answer.json().code, 'token-malformed');
    const revoked = await broker.mint('openai');
    await broker.operator(['revoke', '-'], { stdin: `${revoked}\n` });
    assert.equal((await environmentOf(revoked)).json().code, 'revoked');
    const open = await broker.mint('openai', { user: 'alice', args: ['--hole', 'user = alice and factor = ssh for 8h'] });
    assert.equal((await environmentOf(open)).json().code, 'hole-open');
    assert.ok(broker.decisions().some((r) => r.decision === 'deny' && r.reason === 'revoked' && r.way === 'own'));
  });

  test('a narrowed token has it too: there is no request to judge', async () => {
    const narrow = await broker.attenuate(token, '--caveat', 'method = DELETE');
    assert.equal((await environmentOf(narrow)).json().credentials.length, 3);
  });

  test('the certificate is for everybody', async () => {
    const answer = await broker.request('/.well-known/keyhole/ca.pem');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/pem-certificate-chain');
    assert.equal(answer.text, ca);
  });
});

describe('a preface narrows its connection', () => {
  for (const way of ['tcp', 'unix']) {
    test(`${way}: nothing but its hosts is reached, by whatever way, and its refusals are listed`, async () => {
      const run = randomRun();
      const client = await relayed(way, { run, hosts: ['api.openai.com', '*.nothing.example'] });
      const refused = [
        [get('/~stripe/v1/charges', 'localhost', token)],
        [get('/v1/charges', 'api.stripe.com', token)],
        [get('http://api.stripe.com/v1/charges', 'api.stripe.com', token)],
        ['CONNECT api.stripe.com:443 HTTP/1.1\r\nHost: api.stripe.com:443\r\n\r\n', 'CONNECT'],
      ];
      for (const [request, method] of refused) {
        client.write(request);
        broker.denied(await client.answer({ method: method ?? 'GET' }), 403, 'host-not-allowed', { detail: /run/ });
      }
      client.write(get('/~openai/v1/models', 'localhost', token));
      const answer = await client.answer();
      assert.equal(answer.status, 200, answer.text);
      assert.ok(openai.only('/v1/models').authorized);
      assert.equal(broker.recordOf(answer).client, way === 'tcp' ? '127.0.0.1' : 'unix');
      assert.equal(stripe.requests.length, 0);
      client.destroy();
      assert.deepEqual(await refusedTo(run),
        { refused: [{ host: 'api.stripe.com', port: 443, code: 'host-not-allowed', count: 4 }], more: 0 });
    });
  }

  test('the broker itself is always there', async () => {
    const client = await relayed('tcp', { hosts: ['api.openai.com'] });
    client.write(get('/', 'localhost'));
    assert.equal((await client.answer()).status, 200);
    client.destroy();
  });

  test('a run that nobody knows has no refusals, and what is no name of one is not there', async () => {
    assert.deepEqual(await refusedTo(randomRun()), { refused: [], more: 0 });
    for (const wrong of ['', '12', 'x'.repeat(32), '0'.repeat(32), `${randomRun()}00`])
      assert.equal((await broker.request(`/.well-known/keyhole/runs/${wrong}`)).status, 404, wrong);
  });

  test('every refusal of the authority counts, and none of another run', async () => {
    const run = randomRun();
    const narrow = await broker.attenuate(token, '--caveat', 'method = POST');
    for (let i = 0; i < 3; i++) {
      const client = await relayed('unix', { run });
      client.write(get('/~openai/v1/models', 'localhost', narrow));
      broker.denied(await client.answer(), 401, 'caveat-failed');
      client.destroy();
    }
    const other = await relayed('unix', { run: randomRun() });
    other.write(get('/~stripe/v1/models', 'localhost', narrow));
    broker.denied(await other.answer(), 401, 'caveat-failed');
    other.destroy();
    assert.deepEqual((await refusedTo(run)).refused,
      [{ host: 'api.openai.com', port: 443, code: 'caveat-failed', count: 3 }]);
  });
});

describe('a preface presents a token', () => {
  test('for requests that bring none, and for no other', async () => {
    const client = await relayed('tcp', { token });
    client.write(get('/~openai/v1/models', 'localhost'));
    assert.equal((await client.answer()).status, 200);
    assert.ok(openai.only('/v1/models').authorized);
    client.write(get('/~openai/v1/models', 'localhost', await broker.mint('stripe')));
    broker.denied(await client.answer(), 403, 'credential-unknown');
    client.destroy();
  });

  test('inside of a tunnel as well', async () => {
    const client = await relayed('tcp', { token });
    client.write('CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n');
    assert.equal((await client.answer({ method: 'HEAD' })).status, 200);
    await client.startTls({ ca, servername: 'api.openai.com' });
    client.write(get('/v1/models', 'api.openai.com'));
    assert.equal((await client.answer()).status, 200);
    assert.ok(openai.only('/v1/models').authorized);
    // It is the connection's first words or none.
    client.write(preface({ token }));
    broker.denied(await client.answer(), 400, 'request-malformed');
    client.destroy();
  });

  test('which is judged as any other', async () => {
    const revoked = await broker.mint('openai');
    await broker.operator(['revoke', '-'], { stdin: `${revoked}\n` });
    const client = await relayed('unix', { token: revoked });
    client.write(get('/~openai/v1/models', 'localhost'));
    broker.denied(await client.answer(), 401, 'revoked');
    client.destroy();
  });
});

describe('a preface says that the client is not to know', () => {
  const transparent = (more) => relayed('unix', { kind: 'transparent', port: 443, ...more });

  test('SNI leads to a credential, and the request inside is judged', async () => {
    const run = randomRun();
    const client = await transparent({ run, hosts: ['api.openai.com'] });
    await client.startTls({ ca, servername: 'api.openai.com' });
    client.write(get('/v1/models', 'api.openai.com', token));
    const answer = await client.answer();
    assert.equal(answer.status, 200, answer.text);
    assert.ok(openai.only('/v1/models').authorized);
    const record = broker.recordOf(answer);
    assert.deepEqual([record.way, record.client, record.port], ['transparent', 'unix', 443]);
    client.write(get('/v1/models', 'api.stripe.com', token));
    broker.denied(await client.answer(), 421, 'destination-conflict');
    client.destroy();
    assert.equal((await refusedTo(run)).refused[0].code, 'destination-conflict');
  });

  test('a name that is not for the run gets no certificate, and is listed', async () => {
    for (const name of ['api.stripe.com', 'other.example', 'evil.example']) {
      const run = randomRun();
      const client = await transparent({ run, hosts: ['api.openai.com'] });
      await assert.rejects(client.startTls({ ca, servername: name }), name);
      client.destroy();
      assert.deepEqual((await refusedTo(run)).refused,
        [{ host: name, port: 443, code: 'host-not-allowed', count: 1 }]);
    }
  });
});

describe('hosts that are passed through', () => {
  const connect = 'CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n';

  async function through(client) {
    assert.equal((await client.answer({ method: 'HEAD' })).status, 200);
    await client.startTls({ ca: readFileSync(other.ca), servername: 'other.example' });
    client.write(get('/file', 'other.example'));
    assert.equal((await client.answer()).status, 200);
    client.destroy();
  }

  test('the unix socket needs no token, unless the preface asks for one', async () => {
    await through((await relayed('unix', {})).write(`${connect}\r\n`));
    const without = await relayed('unix', { requireToken: true });
    without.write(`${connect}\r\n`);
    broker.denied(await without.answer({ method: 'CONNECT' }), 407, 'proxy-token-missing');
    without.destroy();
    await through((await relayed('unix', { requireToken: true, token })).write(`${connect}\r\n`));
    const given = `${connect}Proxy-Authorization: Bearer ${token}\r\n\r\n`;
    await through((await relayed('unix', { requireToken: true })).write(given));
  });

  test('a token of the preface is judged for them too', async () => {
    const narrow = await broker.attenuate(token, '--caveat', 'host = api.openai.com');
    const client = await relayed('unix', { token: narrow });
    client.write(`${connect}\r\n`);
    broker.denied(await client.answer({ method: 'CONNECT' }), 401, 'caveat-failed');
    client.destroy();
  });

  test('the hosts of the run hold for them', async () => {
    const client = await relayed('unix', { hosts: ['api.openai.com'] });
    client.write(`${connect}\r\n`);
    broker.denied(await client.answer({ method: 'CONNECT' }), 403, 'host-not-allowed');
    client.destroy();
    assert.equal(other.requests.filter((r) => r.url !== '/file').length, 0);
  });
});

describe('what is not understood ends the connection', () => {
  const run = randomRun();
  const hostile = {
    'a value that is not known': preface({ extra: [[0xe6, 'x']] }),
    'a value that stands there twice': preface({ run, extra: [[0xe1, Buffer.from(run, 'hex')]] }),
    'a host that is none': preface({ hosts: ['a b', 'c/d'] }),
    'a port where there is none': preface({ port: 443 }),
    'a transparent connection to no port': preface({ kind: 'transparent' }),
    'another family': Buffer.concat([preface().subarray(0, 13), Buffer.from([0x21]), preface().subarray(14)]),
    'a length beyond all': Buffer.concat([preface().subarray(0, 14), Buffer.from([0xff, 0xff])]),
  };
  for (const [what, bytes] of Object.entries(hostile)) {
    test(what, async () => {
      const client = await broker.connect();
      client.write(Buffer.concat([bytes, Buffer.from(get('/', 'localhost'))]));
      await client.closes();
      assert.equal(client.input.length, 0, 'nothing was said');
      client.destroy();
    });
  }

  test('a preface that does not end is not waited for without end', async (t) => {
    const impatient = await startBroker(t, { config: 'timeouts:\n  head: 500ms' });
    const client = await impatient.connect();
    client.write(preface({ run }).subarray(0, 20));
    assert.equal(await client.closes(), 'end');
    client.destroy();
  });
});

test('on a listener that speaks TLS it stands inside of it', async (t) => {
  const tls = await new Broker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0\n    tls: true' }).init();
  await tls.start();
  const pem = (await tls.operator(['ca', 'show'])).stdout;
  const client = await tls.connect({ tls: { ca: pem, servername: 'localhost' } });
  const run = randomRun();
  client.write(preface({ run, hosts: ['api.openai.com'] }));
  client.write(get('/v1', 'localhost'));
  tls.denied(await client.answer(), 404, 'not-found');
  client.write(get(`/.well-known/keyhole/runs/${run}`, 'localhost'));
  assert.equal(JSON.parse((await client.answer()).text).refused[0].code, 'not-found');
  client.destroy();
  // Before TLS it is no ClientHello.
  const early = await tls.connect();
  early.write(preface({ run }));
  await early.closes();
  early.destroy();
});

describe('DNS over a relayed connection', () => {
  async function ask(client, ...names) {
    client.write(Buffer.concat(names.map((n, id) => framed(query(n, { id })))));
    const answers = [];
    while (answers.length < names.length) {
      const message = await client.when('a DNS answer', () => {
        const n = client.input.length >= 2 ? client.input.readUInt16BE(0) : Infinity;
        return client.input.length >= 2 + n ? client.input.subarray(2, 2 + n) : client.over && Buffer.alloc(0);
      });
      client.input = client.input.subarray(2 + message.length);
      answers.push(readDns(message));
    }
    return answers;
  }

  test('names of its hosts have the address, others are refused and listed', async () => {
    const run = randomRun();
    const client = await relayed('unix', { kind: 'dns', run, answer: '198.18.0.1', hosts: ['api.openai.com', '*.wild.example'] });
    const answers = await ask(client, 'Api.OpenAI.com', 'x.wild.example', 'api.stripe.com', 'evil.example', 'secret.data.evil.example');
    assert.deepEqual(answers.map((a) => [a.id, a.rcode, a.name, a.addresses[0]?.address]), [
      [0, 0, 'Api.OpenAI.com', '198.18.0.1'],
      [1, 0, 'x.wild.example', '198.18.0.1'],
      [2, 5, 'api.stripe.com', undefined],
      [3, 5, 'evil.example', undefined],
      [4, 5, 'secret.data.evil.example', undefined],
    ]);
    client.destroy();
    const { refused } = await refusedTo(run);
    assert.deepEqual(refused.map((r) => [r.host, r.port, r.code, r.count]), [
      ['api.stripe.com', 0, 'host-not-allowed', 1],
      ['evil.example', 0, 'host-not-allowed', 1],
      ['secret.data.evil.example', 0, 'host-not-allowed', 1],
    ]);
  });

  test('without an address every name is refused', async () => {
    const client = await relayed('unix', { kind: 'dns' });
    const [answer] = await ask(client, 'api.openai.com');
    assert.equal(answer.rcode, 5);
    client.destroy();
  });

  test('what is no message ends it', async () => {
    const client = await relayed('tcp', { kind: 'dns', answer: '198.18.0.1' });
    client.write(get('/', 'localhost'));
    await client.closes();
    assert.equal(client.input.length, 0);
    client.destroy();
  });
});
