// SPDX-License-Identifier: Apache-2.0
// Google's SDK for Gemini, unmodified: the token stands in x-goog-api-key.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { before, beforeEach, describe, test } from 'node:test';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { Client, proxyEnvironment } from '../support/sdk.mjs';
import { EventStream, accepts, answerJson, startUpstream } from '../support/upstream.mjs';

const skip = !existsSync(resolve(import.meta.dirname, '../e2e-heavy/node_modules/@google/genai')) && 'run tools/setup --all';
const key = realKey('AIza'), path = '/v1beta/models/gemini-x';
const part = (text) => ({ candidates: [{ index: 0, content: { role: 'model', parts: [{ text }] } }] });
let upstream, broker, token, byUrl, byProxy;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.header('x-goog-api-key', key) });
  upstream.route(`${path}:generateContent`, (received, res) =>
    answerJson(res, 200, part(`echo: ${JSON.parse(received.body).contents[0].parts[0].text}`)));
  broker = await startBroker(wholeFile);
  await broker.addCredential('google', { preset: 'google', secret: key, upstream });
  token = await broker.mint('google');
  const caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
  byUrl = { GOOGLE_GEMINI_BASE_URL: `${broker.url}/~google` };
  byProxy = proxyEnvironment(broker, caFile);
});

beforeEach(() => {
  upstream.requests.length = 0;
});

const client = (t, args, env) => new Client(t, '../../e2e-heavy/clients/genai.mjs', args, { GEMINI_API_KEY: token, ...env });

function sawTheKeyOnly(output) {
  assert.equal(upstream.requests.length, 1);
  assert.deepEqual(upstream.requests[0].fields('x-goog-api-key'), [key]);
  assert.ok(!upstream.requests[0].text().includes('kh1_'), 'no token went upstream');
  for (const text of encodings(key)) assert.ok(!output.includes(text), 'the client never saw the key');
}

describe('@google/genai', { skip }, () => {
  for (const [name, env] of [['GOOGLE_GEMINI_BASE_URL', () => byUrl], ['HTTPS_PROXY and NODE_EXTRA_CA_CERTS', () => byProxy]]) {
    test(`${name}: a question`, async (t) => {
      const program = client(t, ['ask'], env());
      assert.deepEqual(await program.result(), { text: 'echo: say hello — ¿qué?', exit: 0 });
      sawTheKeyOnly(program.output);
    });

    test(`${name}: a streamed answer arrives event by event`, async (t) => {
      const held = upstream.hold(`${path}:streamGenerateContent`);
      const program = client(t, ['stream'], env());
      const stream = new EventStream((await held.next()).res);
      for (const word of ['one', 'two — ¡dos!', 'three']) {
        stream.send(part(word));
        assert.deepEqual(await program.next(), { text: word });
      }
      stream.end();
      assert.deepEqual(await program.next(), { done: true });
      upstream.routes.shift();
      sawTheKeyOnly(program.output);
    });

    test(`${name}: a key of one's own is refused`, async (t) => {
      const { status, message, exit } = await client(t, ['ask'], { ...env(), GEMINI_API_KEY: 'AIzaSomebodysOwnKey000000000000000000000' }).result();
      assert.equal(exit, 1);
      assert.equal(status, 401);
      assert.match(message, /foreign-key/);
      assert.equal(upstream.requests.length, 0);
    });
  }
});
