// SPDX-License-Identifier: Apache-2.0
// Beside the way that people build this today: nginx that asks an authoriser before each request.

import { FIVE, contestant, startKeyhole } from './keyhole.mjs';
import { alternate } from './load.mjs';
import { request } from './group_kept.mjs';
import { startAuthRequest } from './peers.mjs';

const BASELINE = 'nginx + auth_request', KEYHOLE = 'Keyhole, 5 caveats, policy';

export const title = 'Beside nginx with an authoriser';
export const about = 'The requests of `B=kept`, and these alone next to each other: each fills the core that it is measured on, so that requests/s can be compared.';

export async function measure(run) {
  const broker = await startKeyhole(run, run.upstream, { policy: true });
  const keyhole = contestant(broker, KEYHOLE, '', await broker.mint('one', { user: 'alice', lifetime: '12h', caveats: FIVE }));
  const contestants = [await startAuthRequest(run, run.upstream), keyhole, await startAuthRequest(run, run.upstream, { kept: false })];
  return { rows: await alternate(run, contestants, (c, seconds) => request(c, seconds), BASELINE), baseline: BASELINE };
}

export function targets({ ratio }) {
  return [{ what: 'requests/s, 5 caveats, policy, audit, against nginx + auth_request', at: 'least', target: 1.4, unit: '×', timed: true,
    ...ratio(KEYHOLE, BASELINE, 'requests_per_s') }];
}
