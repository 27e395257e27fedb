// SPDX-License-Identifier: Apache-2.0
// Credentials: where the token is looked for, how the real key is put on the request, and the life of a
// secret that nobody sees again.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

let upstream, broker;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
  broker = await startBroker(wholeFile);
});

beforeEach(() => {
  upstream.requests.length = 0;
});

const TO_BEARER = ['--inject', 'header:Authorization: Bearer {secret}'];
let count = 0;

/** A credential of its own for a test: { name, key, token }. */
async function credential(args, { secret = realKey(), hosts = ['upstream.example'] } = {}) {
  const name = `c${++count}`;
  await broker.addCredential(name, { secret, upstream, hosts, args });
  return { name, key: secret, token: await broker.mint(name) };
}

async function raw(text) {
  const client = await broker.connect();
  client.write(text);
  const answer = await client.answer();
  client.destroy();
  return answer;
}

const get = (name, headers = {}, path = '/v1/x') =>
  raw(`GET /~${name}${path} HTTP/1.1\r\nHost: localhost\r\n${Object.entries(headers).flatMap(([n, v]) => [v].flat().map((x) => `${n}: ${x}\r\n`)).join('')}\r\n`);

function unseen() {
  assert.equal(upstream.requests.length, 0, 'the upstream saw nothing');
}

describe('injections', () => {
  test('header: the template, and nothing that the client put there', async () => {
    const c = await credential(['--slot', 'bearer', '--inject', 'header:X-Api-Key: key={secret};v=1']);
    assert.equal((await get(c.name, { Authorization: `Bearer ${c.token}` })).status, 200);
    const received = upstream.only('/v1/x');
    assert.deepEqual(received.fields('x-api-key'), [`key=${c.key};v=1`]);
    assert.deepEqual(received.fields('authorization'), []);
  });

  test('header: what the client puts into the header itself is replaced or refused, never sent', async () => {
    const c = await credential(['--slot', 'bearer', '--inject', 'header:X-Api-Key: {secret}']);
    const answer = await get(c.name, { Authorization: `Bearer ${c.token}`, 'X-Api-Key': 'mine' });
    if (answer.status === 200) assert.deepEqual(upstream.only('/v1/x').fields('x-api-key'), [c.key]);
    else unseen();
  });

  test('basic: user and password', async () => {
    const password = realKey('pw-');
    const c = await credential(['--slot', 'basic', '--inject', 'basic'], { secret: `svc:${password}` });
    assert.equal((await get(c.name, { Authorization: `Basic ${btoa(`any:${c.token}`)}` })).status, 200);
    assert.deepEqual(upstream.only('/v1/x').fields('authorization'), [`Basic ${btoa(`svc:${password}`)}`]);
  });

  test('query: in the place of the token, encoded, with its neighbours as they were', async () => {
    const secret = `${realKey()}+/=&%`;
    const c = await credential(['--slot', 'query:key', '--inject', 'query:key'], { secret });
    assert.equal((await get(c.name, {}, `/v1/x?a=1+2&key=${c.token}&b=%C3%A9`)).status, 200);
    const { url } = upstream.requests[0];
    assert.equal(url, `/v1/x?a=1+2&key=${encodeURIComponent(secret)}&b=%C3%A9`);
  });

  test('query: from a header slot, at the end', async () => {
    const c = await credential(['--slot', 'header:x-goog-api-key', '--inject', 'query:key']);
    assert.equal((await get(c.name, { 'x-goog-api-key': c.token }, '/v1/x?a=b')).status, 200);
    assert.equal(upstream.requests[0].url, `/v1/x?a=b&key=${c.key}`);
    assert.deepEqual(upstream.requests[0].fields('x-goog-api-key'), []);
  });
});

describe('presets know where a service has its key', () => {
  const presets = [
    ['openai', 'api.openai.com', (t) => ({ Authorization: `Bearer ${t}` }), 'authorization', (k) => `Bearer ${k}`],
    ['anthropic', 'api.anthropic.com', (t) => ({ 'X-Api-Key': t }), 'x-api-key', (k) => k],
    ['github', 'api.github.com', (t) => ({ Authorization: `token ${t}` }), 'authorization', (k) => new RegExp(`^(Bearer|token) ${k}$`)],
    ['gitlab', 'gitlab.com', (t) => ({ 'PRIVATE-TOKEN': t }), null, (k) => k],
    ['stripe', 'api.stripe.com', (t) => ({ Authorization: `Basic ${btoa(`${t}:`)}` }), 'authorization', (k) => `Bearer ${k}`],
    ['google', 'generativelanguage.googleapis.com', (t) => ({ 'x-goog-api-key': t }), null, (k) => k],
    ['slack', 'slack.com', (t) => ({ Authorization: `Bearer ${t}` }), 'authorization', (k) => `Bearer ${k}`],
    ['huggingface', 'huggingface.co', (t) => ({ Authorization: `Bearer ${t}` }), 'authorization', (k) => `Bearer ${k}`],
  ];
  for (const [preset, host, slot, field, value] of presets)
    test(preset, async () => {
      const key = realKey(), name = `preset-${preset}`;
      await broker.addCredential(name, { preset, secret: key, upstream });
      const token = await broker.mint(name);
      const answer = await get(name, slot(token));
      assert.equal(answer.status, 200, answer.text);
      const received = upstream.only(received_path());
      assert.equal(received.headers.host, host);
      assert.ok(received.text().includes(key), 'the real key is on the request');
      assert.ok(!received.text().includes('kh1_'), 'the token is not');
      if (field) {
        const [found, ...more] = received.fields(field);
        assert.equal(more.length, 0);
        if (value(key) instanceof RegExp) assert.match(found, value(key));
        else assert.equal(found, value(key));
      }
    });
  const received_path = () => '/v1/x';
});

describe('slots: the token is taken from a declared place and nowhere else', () => {
  test('a slot that this credential does not have', async () => {
    const c = await credential(['--slot', 'header:x-api-key', ...TO_BEARER]);
    broker.denied(await get(c.name, { Authorization: `Bearer ${c.token}` }), 400, 'token-misplaced');
    unseen();
  });

  for (const [where, headers] of [
    ['a cookie', (t) => ({ Cookie: `session=${t}` })],
    ['another API key header', (t) => ({ 'X-Api-Key': t })],
  ])
    test(`a second token in ${where} never reaches the upstream`, async () => {
      const c = await credential(['--slot', 'bearer', ...TO_BEARER]);
      broker.denied(await get(c.name, { Authorization: `Bearer ${c.token}`, ...headers(c.token) }), 400, 'token-misplaced');
      unseen();
    });

  test('two different tokens in two slots', async () => {
    const c = await credential(['--slot', 'bearer', '--slot', 'header:x-api-key', ...TO_BEARER]);
    const narrow = await broker.attenuate(c.token, '--method', 'GET');
    broker.denied(await get(c.name, { Authorization: `Bearer ${c.token}`, 'X-Api-Key': narrow }), 400, 'token-misplaced');
    unseen();
  });

  test('no token', async () => {
    const c = await credential(['--slot', 'bearer', ...TO_BEARER]);
    broker.denied(await get(c.name), 401, 'token-missing');
    broker.denied(await get(c.name, { Authorization: 'Bearer ' }), 401, 'token-missing');
    unseen();
  });

  test('a foreign key is refused, else data could leave under somebody else\'s account', async () => {
    const c = await credential(['--slot', 'bearer', ...TO_BEARER]);
    broker.denied(await get(c.name, { Authorization: 'Bearer sk-somebody-elses-key' }), 401, 'foreign-key');
    broker.denied(await get(c.name, { Authorization: 'Digest username="x"' }), 401, 'foreign-key');
    unseen();
  });

  test('a foreign key beside a good token', async () => {
    const c = await credential(['--slot', 'bearer', '--slot', 'header:x-api-key', ...TO_BEARER]);
    const answer = await get(c.name, { Authorization: `Bearer ${c.token}`, 'X-Api-Key': 'sk-somebody-elses-key' });
    if (answer.status === 200) {
      assert.deepEqual(upstream.only('/v1/x').fields('x-api-key'), [], 'the foreign key did not leave');
    } else {
      broker.denied(answer, 401, 'foreign-key');
      unseen();
    }
  });

  test('a token-shaped string in a prompt is only text, and never gets the key', async () => {
    const c = await credential(['--slot', 'bearer', ...TO_BEARER]);
    const body = JSON.stringify({ prompt: `what is ${c.token}?` });
    const answer = await broker.request(`/~${c.name}/v1/x`, { method: 'POST', token: c.token, body });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(upstream.only('/v1/x').body.toString(), body);
  });

  test('a token for several credentials serves each', async () => {
    const a = await credential(['--slot', 'bearer', ...TO_BEARER]), b = await credential(['--slot', 'header:x-api-key', '--inject', 'header:X-Api-Key: {secret}']);
    const both = await broker.mint([a.name, b.name]);
    assert.equal((await get(a.name, { Authorization: `Bearer ${both}` })).status, 200);
    assert.equal((await get(b.name, { 'X-Api-Key': both })).status, 200);
    assert.deepEqual(upstream.requests.map((r) => [r.headers.authorization, r.headers['x-api-key']]),
      [[`Bearer ${a.key}`, undefined], [undefined, b.key]]);
  });
});

describe('hosts', () => {
  const ask = async (host, token) => {
    const client = await broker.connect();
    client.write(`GET http://${host}/v1/x HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const answer = await client.answer();
    client.destroy();
    return answer;
  };

  test('a leading *. stands for labels before it, not for the name itself, nor for others', async () => {
    const name = `c${++count}`, secret = realKey();
    broker.secrets.push(secret);
    await broker.operator(['credential', 'add', name, '--host', '*.wild.example', '--slot', 'bearer', ...TO_BEARER,
      '--upstream-ca', upstream.ca, '--allow-network', '127.0.0.0/8',
      '--resolve', `a.wild.example:443:127.0.0.1:${upstream.port}`, '--resolve', `b.wild.example:443:127.0.0.1:${upstream.port}`],
      { stdin: secret });
    const token = await broker.mint(name);
    for (const host of ['a.wild.example', 'B.WILD.example']) assert.equal((await ask(host, token)).status, 200, host);
    for (const host of ['wild.example', 'xwild.example', 'a.wild.example.evil.example'])
      broker.denied(await ask(host, token), 403, 'host-not-allowed');
    assert.deepEqual(upstream.requests.map((r) => r.headers.host), ['a.wild.example', 'b.wild.example']);
    // A caveat narrows it further.
    broker.denied(await ask('b.wild.example', await broker.attenuate(token, '--host', 'a.wild.example')), 401, 'caveat-failed');
  });

  test('a name in another alphabet is its A-label everywhere', async () => {
    const name = `c${++count}`, secret = realKey();
    broker.secrets.push(secret);
    await broker.operator(['credential', 'add', name, '--host', 'Bücher.example', '--slot', 'bearer', ...TO_BEARER,
      '--upstream-ca', upstream.ca, '--allow-network', '127.0.0.0/8',
      '--resolve', `bücher.example:443:127.0.0.1:${upstream.port}`], { stdin: secret });
    const token = await broker.mint(name, { caveats: ['host = xn--bcher-kva.example'] });
    const answer = await ask('xn--bcher-kva.example', token);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(broker.recordOf(answer).host, 'xn--bcher-kva.example');
    assert.equal(upstream.requests[0].sni, 'xn--bcher-kva.example');
  });

  test('another port than the scheme\'s must be allowed by name', async () => {
    const name = `c${++count}`, secret = realKey();
    broker.secrets.push(secret);
    await broker.operator(['credential', 'add', name, '--host', 'upstream.example', '--port', '8443', '--slot', 'bearer', ...TO_BEARER,
      '--upstream-ca', upstream.ca, '--allow-network', '127.0.0.0/8',
      '--resolve', `upstream.example:8443:127.0.0.1:${upstream.port}`], { stdin: secret });
    const token = await broker.mint(name);
    const client = await broker.connect();
    client.write(`GET https://upstream.example:8443/v1/x HTTP/1.1\r\nHost: upstream.example:8443\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const answer = await client.answer();
    client.destroy();
    assert.equal(answer.status, 200, answer.text);
    assert.equal(upstream.only('/v1/x').headers.host, 'upstream.example:8443');
    assert.equal(broker.recordOf(answer).port, 8443);
    broker.denied(await ask('upstream.example:9443', token), 403, 'host-not-allowed');
  });
});

describe('the life of a credential', () => {
  test('list and show say everything but the secret', async () => {
    const c = await credential(['--slot', 'bearer', ...TO_BEARER]);
    const shown = await broker.operatorJson(['credential', 'show', c.name]);
    assert.equal((shown.credential ?? shown).name, c.name);
    assert.deepEqual((shown.credential ?? shown).hosts, ['upstream.example']);
    const listed = await broker.operatorJson(['credential', 'list']);
    assert.ok(listed.credentials.some((x) => x.name === c.name));
    const human = (await broker.operator(['credential', 'show', c.name])).stdout + (await broker.operator(['credential', 'list'])).stdout;
    for (const text of encodings(c.key))
      assert.ok(!`${JSON.stringify([shown, listed])}${human}`.includes(text), 'the secret is never shown');
  });

  test('a rotated secret serves the next request', async () => {
    const c = await credential(['--slot', 'bearer', ...TO_BEARER]);
    await get(c.name, { Authorization: `Bearer ${c.token}` });
    const fresh = realKey();
    broker.secrets.push(fresh);
    await broker.operator(['credential', 'rotate', c.name], { stdin: fresh });
    await get(c.name, { Authorization: `Bearer ${c.token}` });
    assert.deepEqual(upstream.requests.map((r) => r.headers.authorization), [`Bearer ${c.key}`, `Bearer ${fresh}`]);
  });

  test('disabled, enabled, removed', async () => {
    const c = await credential(['--slot', 'bearer', ...TO_BEARER]);
    const ask = () => get(c.name, { Authorization: `Bearer ${c.token}` });
    await broker.operator(['credential', 'disable', c.name]);
    broker.denied(await ask(), 403, 'credential-disabled');
    unseen();
    await broker.operator(['credential', 'enable', c.name]);
    assert.equal((await ask()).status, 200);
    await broker.operator(['credential', 'remove', c.name]);
    broker.denied(await ask(), 403, 'credential-unknown');
    assert.equal(upstream.requests.length, 1);
  });

  test('a credential outlives the broker', async (t) => {
    const own = await startBroker(t);
    const key = realKey();
    await own.addCredential('kept', { secret: key, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer', ...TO_BEARER] });
    const token = await own.mint('kept');
    await own.restart();
    assert.equal((await own.request('/~kept/v1/x', { token })).status, 200);
    assert.equal(upstream.only('/v1/x').headers.authorization, `Bearer ${key}`);
  });

  const refused = [
    ['a name that is taken', ['add', 'taken', '--host', 'upstream.example', '--slot', 'bearer', ...TO_BEARER], 'secret'],
    ['a preset that is not there', ['add', 'x1', '--preset', 'opneai'], 'secret', /openai/],
    ['no host', ['add', 'x2', '--slot', 'bearer', ...TO_BEARER], 'secret'],
    ['a host that is a pattern in the middle', ['add', 'x3', '--host', 'api.*.example', '--slot', 'bearer', ...TO_BEARER], 'secret'],
    ['a host that is everything', ['add', 'x4', '--host', '*', '--slot', 'bearer', ...TO_BEARER], 'secret'],
    ['no secret', ['add', 'x5', '--host', 'upstream.example', '--slot', 'bearer', ...TO_BEARER], ''],
    ['a secret with a line break inside', ['add', 'x6', '--host', 'upstream.example', '--slot', 'bearer', ...TO_BEARER], 'a\nb\n'],
    ['a slot that is not there', ['add', 'x7', '--host', 'upstream.example', '--slot', 'bear', ...TO_BEARER], 'secret', /bear/],
    ['an injection without the secret', ['add', 'x8', '--host', 'upstream.example', '--slot', 'bearer', '--inject', 'header:X: y'], 'secret'],
    ['an injection into a header of the connection', ['add', 'x9', '--host', 'upstream.example', '--slot', 'bearer', '--inject', 'header:Host: {secret}'], 'secret'],
    ['a name with a slash', ['add', 'a/b', '--host', 'upstream.example', '--slot', 'bearer', ...TO_BEARER], 'secret'],
    ['plain HTTP without an allowed network', ['add', 'x10', '--host', 'upstream.example', '--slot', 'bearer', ...TO_BEARER, '--plain'], 'secret'],
    ['showing what is not there', ['show', 'nothing'], ''],
    ['rotating what is not there', ['rotate', 'nothing'], 'secret'],
    ['removing what is not there', ['remove', 'nothing'], ''],
  ];
  test('what cannot be is refused, with a sentence', async (t) => {
    await broker.addCredential('taken', { secret: realKey(), upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer', ...TO_BEARER] });
    const before = (await broker.operatorJson(['credential', 'list'])).credentials.length;
    for (const [what, args, stdin, says] of refused)
      await t.test(what, async () => {
        const { status, stdout, stderr } = await broker.operator(['credential', ...args], { stdin, may: true });
        assert.ok([1, 2, 3].includes(status), `status ${status}`); // 3: a rule of the broker
        assert.equal(stdout, '');
        assert.match(stderr, /\S+ \S+ \S+/, 'a sentence');
        if (says) assert.match(stderr, says);
      });
    assert.equal((await broker.operatorJson(['credential', 'list'])).credentials.length, before);
  });

  test('the secret is not taken from the command line', async () => {
    for (const option of ['--secret', '--key', '--password']) {
      const { status } = await broker.operator(['credential', 'add', 'argv', '--preset', 'openai', option, 'sk-x'], { may: true });
      assert.equal(status, 2, option);
    }
  });
});
