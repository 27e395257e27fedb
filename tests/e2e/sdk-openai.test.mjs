// SPDX-License-Identifier: Apache-2.0
// OpenAI's SDK, unmodified: the token stands where the key stood.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { before, beforeEach, test } from 'node:test';

import OpenAI from 'openai';
import * as undici from 'undici';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { Client, proxyEnvironment } from '../support/sdk.mjs';
import { EventStream, answerJson, startUpstream } from '../support/upstream.mjs';

const key = realKey();
let upstream, broker, token, caFile, byUrl, byProxy;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  upstream.route('/v1/models', (received, res) =>
    answerJson(res, 200, { object: 'list', data: [{ id: 'gpt-4o', object: 'model' }, { id: 'gpt-4o-mini', object: 'model' }] }));
  upstream.route('/v1/chat/completions', (received, res) => {
    const { messages } = JSON.parse(received.body);
    answerJson(res, 200, { id: 'c1', object: 'chat.completion', choices: [{ index: 0, finish_reason: 'stop',
      message: { role: 'assistant', content: `echo: ${messages[0].content}` } }] });
  });
  upstream.route('/v1/files', (received, res) =>
    answerJson(res, 200, { id: 'file-1', object: 'file', bytes: received.body.length }));
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  token = await broker.mint('openai');
  caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
  byUrl = { OPENAI_BASE_URL: `${broker.url}/~openai/v1` };
  byProxy = proxyEnvironment(broker, caFile);
});

beforeEach(() => {
  upstream.requests.length = 0;
});

const client = (t, args, env) => new Client(t, 'openai.mjs', args, { OPENAI_API_KEY: token, ...env });

function sawTheKeyOnly(output) {
  for (const received of upstream.requests) {
    assert.deepEqual(received.fields('authorization'), [`Bearer ${key}`]);
    assert.ok(!received.text().includes('kh1_'), 'no token went upstream');
  }
  for (const text of encodings(key)) assert.ok(!output.includes(text), 'the client never saw the key');
}

for (const [name, env] of [['OPENAI_BASE_URL', () => byUrl], ['HTTPS_PROXY and NODE_EXTRA_CA_CERTS', () => byProxy]]) {
  test(`${name}: list models, ask a question`, async (t) => {
    const models = client(t, ['models'], env());
    assert.deepEqual(await models.result(), { models: ['gpt-4o', 'gpt-4o-mini'], exit: 0 });
    const chat = client(t, ['chat'], env());
    assert.deepEqual(await chat.result(), { content: 'echo: say hello — ¿qué?', exit: 0 });
    assert.equal(upstream.requests.length, 2);
    sawTheKeyOnly(models.output + chat.output);
  });

  test(`${name}: a streamed answer arrives event by event`, async (t) => {
    const held = upstream.hold('/v1/chat/completions');
    const program = client(t, ['stream'], env());
    const stream = new EventStream((await held.next()).res);
    for (const word of ['one', 'two — ¡dos!', 'three']) {
      stream.send({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: word } }] });
      // The next event is sent only when this one has come out at the far end.
      assert.deepEqual(await program.next(), { delta: word });
    }
    stream.send('[DONE]');
    stream.end();
    assert.deepEqual(await program.next(), { done: true });
    assert.equal(await program.ended, 0);
    upstream.routes.shift();
    sawTheKeyOnly(program.output);
  });

  test(`${name}: an upload of a file`, async (t) => {
    const program = client(t, ['upload'], env());
    const { bytes, exit } = await program.result();
    assert.equal(exit, 0);
    assert.ok(bytes > 1600000);
    assert.match(upstream.only('/v1/files').headers['content-type'], /^multipart\/form-data; boundary=/);
    sawTheKeyOnly(program.output);
  });

  test(`${name}: a denial is an error of the SDK with Keyhole's code`, async (t) => {
    const narrow = await broker.attenuate(token, '--path', '/v1/models');
    const { error, status, message, exit } =
      await client(t, ['chat'], { ...env(), OPENAI_API_KEY: narrow }).result();
    assert.equal(exit, 1);
    assert.equal(error, 'AuthenticationError');
    assert.equal(status, 401);
    assert.match(message, /caveat/);
    assert.equal(upstream.requests.length, 0);
  });
}

test('undici\'s ProxyAgent, as the SDK\'s own documentation sets a proxy', async (t) => {
  const dispatcher = new undici.ProxyAgent({ uri: broker.url,
    requestTls: { ca: (await broker.operator(['ca', 'show'])).stdout } });
  t.after(() => dispatcher.close());
  const openai = new OpenAI({ apiKey: token, maxRetries: 0, fetch: undici.fetch, fetchOptions: { dispatcher } });
  const { data } = await openai.models.list();
  assert.equal(data.length, 2);
  assert.ok(upstream.only('/v1/models').authorized);
});

test('a vendor prefix before the token, for programs that check the shape of their key', async (t) => {
  const shaped = `sk-proj-${token}`;
  const { models, exit } = await client(t, ['models'], { ...byUrl, OPENAI_API_KEY: shaped }).result();
  assert.equal(exit, 0);
  assert.equal(models.length, 2);
});

test('a key of one\'s own, and a token in a place that is none of this service\'s', async () => {
  const at = (options) => new OpenAI({ baseURL: byUrl.OPENAI_BASE_URL, maxRetries: 0, ...options }).models.list();
  await assert.rejects(at({ apiKey: 'sk-proj-somebodys-own-key' }), (e) => e.status === 401 && /foreign-key|not a Keyhole token/.test(`${e.code} ${e.message}`));
  await assert.rejects(at({ apiKey: token, defaultHeaders: { 'x-api-key': token } }), (e) => e.status === 400 && e.code === 'token-misplaced');
  assert.equal(upstream.requests.length, 0);
});
