// SPDX-License-Identifier: Apache-2.0
// The services that guides name, on one address: they take their real key and nothing else, and answer as
// much as a guide looks at.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

import { answerJson, startUpstream } from './upstream.mjs';
import { startAgentServices } from './guide_models.mjs';

// A repository as a plain file server has it.
function repository(directory) {
  return (received, res) => {
    const file = resolve(directory, `.${received.url.split('?')[0]}`);
    if (!received.url.startsWith('/acme/'))
      return answerJson(res, 200, { ok: true, method: received.method, url: received.url });
    if (!file.startsWith(directory) || !existsSync(file) || !statSync(file).isFile()) return answerJson(res, 404, {});
    res.writeHead(200, { 'content-type': 'application/octet-stream' });
    return res.end(readFileSync(file));
  };
}

/** In no network that the broker refuses; in a namespace of the guide's own it is a loopback. */
export const ADDRESS = '192.88.100.1';

export const GUIDE_HOSTS = ['api.openai.com', 'api.anthropic.com', 'api.github.com', 'github.com', 'api.stripe.com',
  'tickets.example.com'];

/** Whatever says of itself that it is one: guides rotate keys. */
export const REAL_KEY = /(?:sk-|sk-ant-|ghp_|sk_live_|tk_)real-\w+/;
const REAL = new RegExp(`^(?:Bearer )?${REAL_KEY.source}$`);

const accepts = (received) => {
  const basic = (value) => value.replace(/^Basic (.*)/, (all, text) =>
    Buffer.from(text, 'base64').toString().replace(/^[\w-]+:/, ''));
  const keys = [...received.fields('authorization').map(basic), ...received.fields('x-api-key')];
  return keys.length === 1 && REAL.test(keys[0]);
};

/** `directory` has the repositories of github.com. */
export async function startServices(directory) {
  const upstream = await startUpstream({ after() {} }, { accepts, fallback: repository(directory), hosts: GUIDE_HOSTS, host: ADDRESS, port: 443 });
  upstream.route('/user', (r, res) => answerJson(res, 200, { login: 'you' }));
  upstream.route('/v1/balance', (r, res) => answerJson(res, 200, { object: 'balance', available: [{ amount: 1200, currency: 'eur' }] }));
  startAgentServices(upstream);
  return upstream;
}
