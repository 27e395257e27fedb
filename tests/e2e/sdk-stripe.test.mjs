// SPDX-License-Identifier: Apache-2.0
// Stripe's SDK, unmodified, through the broker as a proxy: it has no base URL with a path.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { before, beforeEach, test } from 'node:test';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { Client, proxyEnvironment } from '../support/sdk.mjs';
import { answerJson, startUpstream } from '../support/upstream.mjs';

const key = realKey('sk_live_');
let upstream, broker, token, env;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  upstream.route('/v1/customers', (received, res) => {
    if (received.method === 'POST') return answerJson(res, 200, { id: 'cus_1', object: 'customer' });
    const after = new URL(received.url, 'http://x').searchParams.get('starting_after');
    return answerJson(res, 200, { object: 'list', url: '/v1/customers', has_more: !after,
      data: after ? [{ id: 'cus_3' }] : [{ id: 'cus_1' }, { id: 'cus_2' }] });
  });
  broker = await startBroker(wholeFile);
  await broker.addCredential('stripe', { preset: 'stripe', secret: key, upstream });
  token = await broker.mint('stripe', { caveats: ['method = GET or path = /v1/customers'] });
  const caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
  env = proxyEnvironment(broker, caFile);
});

beforeEach(() => {
  upstream.requests.length = 0;
});

const client = (t, args, apiKey = token) => new Client(t, 'stripe.mjs', args, { ...env, STRIPE_API_KEY: apiKey });

for (const kind of ['agent', 'fetch']) {
  test(`${kind}: create, then list page by page`, async (t) => {
    const program = client(t, ['customers', kind]);
    assert.deepEqual(await program.result(), { created: 'cus_1', seen: ['cus_1', 'cus_2', 'cus_3'], exit: 0 });
    const [create, first, second] = upstream.requests;
    assert.match(create.body.toString(), /^email=a%2Bb%40example\.com&metadata.*=%C3%A9%26%3D$/);
    assert.match(first.url, /[?&]email=a%2Bb%40example\.com(&|$)/, 'the query arrives as it was written');
    assert.match(first.url, /[?&]created(\[gt\]|%5Bgt%5D)=5(&|$)/i, 'brackets are what Stripe\'s filters are made of');
    assert.match(second.url, /[?&]starting_after=cus_2(&|$)/);
    for (const received of upstream.requests) {
      assert.deepEqual(received.fields('authorization'), [`Bearer ${key}`]);
      assert.ok(!received.text().includes('kh1_'));
    }
    for (const text of encodings(key)) assert.ok(!program.output.includes(text));
  });

  test(`${kind}: what the token does not allow`, async (t) => {
    const result = await client(t, ['refund', kind]).result();
    assert.equal(result.exit, 1);
    assert.equal(result.status, 401);
    assert.equal(upstream.requests.length, 0);
    const record = broker.decisions().at(-1);
    assert.deepEqual([record.decision, record.reason, record.path], ['deny', 'caveat-failed', '/v1/refunds']);
  });
}

test('a vendor prefix before the token, for programs that check the shape of their key', async (t) => {
  const result = await client(t, ['customers', 'agent'], `sk_live_${token}`).result();
  assert.equal(result.exit, 0, JSON.stringify(result));
});
