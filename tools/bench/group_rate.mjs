// SPDX-License-Identifier: Apache-2.0
// Latency at a rate that leaves everybody time: half of what Keyhole can.

import { FIVE, contestant, startKeyhole } from './keyhole.mjs';
import { alternate, generator } from './load.mjs';
import { request } from './group_kept.mjs';
import { median } from './paired.mjs';
import { startAuthRequest, startHaproxy, startNginx } from './peers.mjs';

export const title = 'Latency at half load';
export const about = 'The same requests at the same fixed rate for all, half of what Keyhole with the policy does when it is as fast as it can ' +
  '(the median of three seconds before), on an even schedule over 64 kept connections. Latency runs from when a request was due, so that a stall counts for everything that it held up.';

export async function measure(run) {
  const broker = await startKeyhole(run, run.upstream, { policy: true });
  const keyhole = contestant(broker, 'Keyhole, 5 caveats, policy', '', await broker.mint('one', { user: 'alice', lifetime: '12h', caveats: FIVE }));
  await request(keyhole, 1);
  const fastest = []; // the host may stand still for one of them
  for (let i = 0; i < 3; i++) {
    const { requests, us } = await request(keyhole, 1);
    fastest.push(requests / (us / 1e6));
  }
  const rate = Math.round(median(fastest) / 2);
  const contestants = [await startNginx(run, run.upstream), keyhole, await startHaproxy(run, run.upstream), await startAuthRequest(run, run.upstream)];
  const load = generator((c) => ({ port: c.port, path: `${c.path}/v1/hello`, rate, authorization: `Bearer ${c.token ?? 'client'}` }));
  return { rows: await alternate(run, contestants, load, 'nginx'), baseline: 'nginx', rate, notes: [`Rate: ${rate} requests/s.`] };
}

export function targets({ difference }) {
  return [{ what: 'p99 at half load, beyond that of nginx', at: 'most', target: 0.5, unit: 'ms', timed: true,
    ...difference('Keyhole, 5 caveats, policy', 'nginx', 'p99_us', 1000) }];
}
