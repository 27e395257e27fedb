// SPDX-License-Identifier: Apache-2.0
// Anthropic's SDK, unmodified: the token stands in x-api-key.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { before, beforeEach, test } from 'node:test';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { Client, proxyEnvironment } from '../support/sdk.mjs';
import { EventStream, accepts, answerJson, startUpstream } from '../support/upstream.mjs';

const key = realKey('sk-ant-real-');
const message = { id: 'm1', type: 'message', role: 'assistant', model: 'a-model', stop_reason: null,
  usage: { input_tokens: 1, output_tokens: 1 } };
let upstream, broker, token, byUrl, byProxy;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.header('x-api-key', key) });
  upstream.route('/v1/messages', (received, res) =>
    answerJson(res, 200, { ...message, content: [{ type: 'text', text: 'hello to you' }] }));
  broker = await startBroker(wholeFile);
  await broker.addCredential('anthropic', { preset: 'anthropic', secret: key, upstream });
  token = await broker.mint('anthropic');
  const caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
  byUrl = { ANTHROPIC_BASE_URL: `${broker.url}/~anthropic` };
  byProxy = proxyEnvironment(broker, caFile);
});

beforeEach(() => {
  upstream.requests.length = 0;
});

const client = (t, args, env) => new Client(t, 'anthropic.mjs', args, { ANTHROPIC_API_KEY: token, ...env });

for (const [name, env] of [['ANTHROPIC_BASE_URL', () => byUrl], ['HTTPS_PROXY and NODE_EXTRA_CA_CERTS', () => byProxy]]) {
  test(`${name}: a message`, async (t) => {
    const program = client(t, ['message'], env());
    assert.deepEqual(await program.result(), { text: 'hello to you', exit: 0 });
    const received = upstream.only('/v1/messages');
    assert.deepEqual(received.fields('x-api-key'), [key]);
    assert.match(received.headers['anthropic-version'], /^\d{4}-\d\d-\d\d$/, 'other headers go through');
    assert.ok(!received.text().includes('kh1_'));
    for (const text of encodings(key)) assert.ok(!program.output.includes(text));
  });

  test(`${name}: a streamed message arrives event by event`, async (t) => {
    const held = upstream.hold('/v1/messages');
    const program = client(t, ['stream'], env());
    const stream = new EventStream((await held.next()).res);
    const send = (type, more) => stream.send({ type, ...more }, type);
    send('message_start', { message: { ...message, content: [] } });
    send('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
    for (const text of ['it ', 'comes ', 'in parts']) {
      send('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
      assert.deepEqual(await program.next(), { delta: text });
    }
    send('content_block_stop', { index: 0 });
    send('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 3 } });
    send('message_stop', {});
    stream.end();
    assert.deepEqual(await program.next(), { final: 'it comes in parts' });
    assert.equal(await program.ended, 0);
    upstream.routes.shift();
  });

  test(`${name}: a denial is an error of the SDK`, async (t) => {
    const narrow = await broker.attenuate(token, '--method', 'GET');
    const { error, status, message: text, exit } =
      await client(t, ['message'], { ...env(), ANTHROPIC_API_KEY: narrow }).result();
    assert.deepEqual([exit, error, status], [1, 'AuthenticationError', 401]);
    assert.match(text, /caveat-failed/);
    assert.equal(upstream.requests.length, 0);
  });
}

test('ANTHROPIC_AUTH_TOKEN: the same token as a bearer, as gateways have it', async (t) => {
  const program = new Client(t, 'anthropic.mjs', ['message'], { ANTHROPIC_AUTH_TOKEN: token, ...byUrl });
  const result = await program.result();
  assert.deepEqual(result, { text: 'hello to you', exit: 0 });
  const received = upstream.only('/v1/messages');
  assert.deepEqual(received.fields('x-api-key'), [key]);
  assert.deepEqual(received.fields('authorization'), []);
});
