// SPDX-License-Identifier: Apache-2.0
// Small requests on kept connections: the proxy's own cost and nothing else.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { addCaveats } from '../../tests/support/macaroon.mjs';
import { FIVE, contestant, dischargedToken, startKeyhole } from './keyhole.mjs';
import { alternate, wrk } from './load.mjs';
import { startAuthRequest, startHaproxy, startMitmproxy, startNginx, startNodeProxy } from './peers.mjs';

const CHAT = JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'What is the capital of France?' }] });

export const title = 'Small requests on kept connections';
export const about = '64 clients, 200-byte answers, TLS 1.3 to the upstream, as fast as each goes. Keyhole verifies the whole ' +
  'chain, judges five caveats (and the policy) and writes the audit record for every request; the others check nothing. ' +
  '"POST" sends a JSON body of 96 bytes; the body caveat has to read it.';

export const request = (c, seconds, path = '/v1/hello', options = {}) =>
  wrk(`http://127.0.0.1:${c.port}${c.path}${path}`, { seconds, authorization: `Bearer ${c.token ?? 'client'}`, tokens: c.tokens, body: c.body, ...options });

/** A file of tokens, each attenuated in another way, so that none is seen twice in a while. */
function manyTokens(run, token) {
  const file = join(run.directory, 'tokens');
  const count = run.quick ? 5000 : 50000;
  writeFileSync(file, Array.from({ length: count }, (_, i) => `${addCaveats(token, `label = agent-${i}`)}\n`).join(''));
  return file;
}

/** Keyhole with each kind of token. */
async function keyholes(run) {
  const plain = await startKeyhole(run, run.upstream);
  const governed = await startKeyhole(run, run.upstream, { policy: true });
  const mint = (broker, ...more) => broker.mint('one', { user: 'alice', lifetime: '12h', caveats: [...FIVE, ...more] });
  return [
    contestant(plain, 'Keyhole, 5 caveats', 'verified, judged, audited', await mint(plain)),
    contestant(governed, 'Keyhole, 5 caveats, policy', '2 grants with caveats, 2 forbids', await mint(governed)),
    contestant(plain, 'Keyhole, 5 caveats, discharge', 'a hole that a security key has filled', await dischargedToken(run, plain)),
    contestant(plain, 'Keyhole, 5 caveats, tokens never seen', '50,000 descendants in turn', undefined, { tokens: manyTokens(run, await mint(plain)) }),
    contestant(plain, 'Keyhole, 5 + body caveat, POST', 'the JSON body is read and judged',
      await mint(plain, 'body[/model] in gpt-4o-mini, gpt-4o'), { body: CHAT }),
  ];
}

export async function measure(run) {
  const nginx = await startNginx(run, run.upstream);
  const contestants = [nginx, ...await keyholes(run), await startHaproxy(run, run.upstream),
    await startAuthRequest(run, run.upstream), { ...nginx, name: 'nginx, POST', body: CHAT },
    await startNodeProxy(run, run.upstream), await startMitmproxy(run, run.upstream, 'reverse')];
  return { rows: await alternate(run, contestants, (c, seconds) => request(c, seconds), 'nginx'), baseline: 'nginx' };
}

export function targets({ ratio }) {
  return [{ what: 'CPU per request, 5 caveats, policy, audit, against nginx plain', at: 'most', target: 1.25, wish: 1.0, unit: '×',
    ...ratio('Keyhole, 5 caveats, policy', 'nginx', 'cpu_us') }];
}
