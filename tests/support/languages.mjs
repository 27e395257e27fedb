// SPDX-License-Identifier: Apache-2.0
// Tokens narrowed in other languages, by docs/examples: each must work, and be narrower.

import assert from 'node:assert/strict';

import { realKey, startBroker } from './broker.mjs';
import { must } from './programs.mjs';
import { startUpstream } from './upstream.mjs';

/** A broker, and a token for it. */
export async function startLanguages(t) {
  const key = realKey();
  const upstream = await startUpstream(t, { key });
  const broker = await startBroker(t);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  return { broker, token: await broker.mint('openai', { caveats: ['method in GET, POST', 'path ~ /v1/**'] }) };
}

/** `narrow(token, ...caveats)` by a program of another language. */
export function narrower(program, ...first) {
  return async (token, ...caveats) => (await must(program, [...first, token, ...caveats])).stdout.trim();
}

export async function worksAndIsNarrower({ broker, token }, narrow) {
  const get = (tok, path, options) => broker.request(`/~openai${path}`, { token: tok, ...options });
  const caveats = ['label = "elsewhere, with é"', 'path = /v1/models', 'method = GET', 'query[limit] <= 100', `header[x-long] != "x ${'x'.repeat(300)}"`];
  const made = await narrow(token, ...caveats.slice(0, 4));
  assert.equal((await get(made, '/v1/models?limit=100')).status, 200);
  broker.denied(await get(made, '/v1/models?limit=101'), 401, 'caveat-failed', { detail: /query\[limit\] <= 100/ });
  broker.denied(await get(made, '/v1/files?limit=1'), 401, 'caveat-failed');
  broker.denied(await get(made, '/v1/models?limit=1', { method: 'POST', body: '{}' }), 401, 'caveat-failed');
  assert.equal((await get(token, '/v1/files')).status, 200, 'the one that it was made from is as it was');

  // Byte for byte what keyhole makes of it, many caveats and long ones, and with a vendor prefix.
  const all = [...caveats, ...Array.from({ length: 20 }, (_, i) => `label = n${i}`)];
  const ours = await broker.attenuate(token, ...all.flatMap((text) => ['--caveat', text]));
  assert.equal(await narrow(token, ...all), ours);
  const prefixed = await broker.attenuate(token, '--prefix', 'sk-ant-');
  assert.equal(await narrow(prefixed, 'method = GET'), `sk-ant-${await broker.attenuate(token, '--method', 'GET')}`);

  // A caveat that is not of the language is refused by the broker, never ignored.
  broker.denied(await get(await narrow(token, 'account = 7'), '/v1/models'), 401, 'caveat-unknown');
}
