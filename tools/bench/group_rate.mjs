// SPDX-License-Identifier: Apache-2.0
// Latency at a rate that leaves everybody time: half of what Keyhole can.

import { FIVE, contestant, startKeyhole } from './keyhole.mjs';
import { alternate, generator } from './load.mjs';
import { request } from './group_kept.mjs';
import { startAuthRequest, startHaproxy, startNginx } from './peers.mjs';

export const title = 'Latency at half load';
export const about = 'The same requests at the same fixed rate for all, half of what Keyhole with the policy did at its fastest in this run, ' +
  'on an even schedule over 64 kept connections. Latency runs from when a request was due, so that a stall counts for everything that it held up.';

export async function measure(run) {
  const broker = await startKeyhole(run, run.upstream, { policy: true });
  const keyhole = contestant(broker, 'Keyhole, 5 caveats, policy', '', await broker.mint('one', { user: 'alice', lifetime: '12h', caveats: FIVE }));
  await request(keyhole, 1);
  const { requests, us } = await request(keyhole, 2);
  const rate = Math.round(requests / (us / 1e6) / 2);
  const contestants = [await startNginx(run, run.upstream), keyhole, await startHaproxy(run, run.upstream), await startAuthRequest(run, run.upstream)];
  const load = generator((c) => ({ port: c.port, path: `${c.path}/v1/hello`, rate, authorization: `Bearer ${c.token ?? 'client'}` }));
  return { rows: await alternate(run, contestants, load), baseline: 'nginx', rate, notes: [`Rate: ${rate} requests/s.`] };
}

export function targets({ row }) {
  const [ours, nginx] = [row('Keyhole, 5 caveats, policy'), row('nginx')];
  return [{ what: 'p99 at half load, beyond that of nginx', at: 'most', target: 0.5, unit: 'ms', timed: true,
    measured: ours && nginx ? (ours.p99_us - nginx.p99_us) / 1000 : undefined }];
}
