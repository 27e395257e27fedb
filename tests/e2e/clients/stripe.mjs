// SPDX-License-Identifier: Apache-2.0
// A program that uses Stripe's SDK as anybody would: through a proxy, with Node's own agent for
// it, or with the fetch client, for which Node itself reads HTTPS_PROXY.
import https from 'node:https';

import Stripe from 'stripe';

const options = { maxNetworkRetries: 0, telemetry: false };
if (process.argv[3] === 'agent') options.httpAgent = new https.Agent({ proxyEnv: process.env, keepAlive: true });
if (process.argv[3] === 'fetch') options.httpClient = Stripe.createFetchHttpClient();
const stripe = new Stripe(process.env.STRIPE_API_KEY, options);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

try {
  if (process.argv[2] === 'customers') {
    const created = await stripe.customers.create({ email: 'a+b@example.com', metadata: { 'k[0]': 'é&=' } });
    const seen = [];
    for await (const customer of stripe.customers.list({ limit: 2, email: 'a+b@example.com', created: { gt: 5 } })) seen.push(customer.id);
    say({ created: created.id, seen });
  } else if (process.argv[2] === 'refund') {
    say({ refund: (await stripe.refunds.create({ charge: 'ch_1' })).id });
  }
} catch (error) {
  say({ error: error.type, status: error.statusCode, message: error.message });
  process.exitCode = 1;
}
