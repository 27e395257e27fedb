// SPDX-License-Identifier: Apache-2.0
// Bodies of 1 MiB, both ways.

import { FIVE, contestant, startKeyhole } from './keyhole.mjs';
import { alternate, wrk } from './load.mjs';
import { startHaproxy, startNginx } from './peers.mjs';

export const title = 'Bodies of 1 MiB';
export const about = 'Eight clients on kept connections. Down: the answer has 1 MiB; scrubbing looks through it for the real key. ' +
  'Up: the request has 1 MiB. nginx streams both ways with buffers of 64 KiB and no temporary files.';

const MIB = 1 << 20;

export async function measure(run) {
  const scrubbing = await startKeyhole(run, run.upstream);
  const trusting = await startKeyhole(run, run.upstream, { args: ['--no-scrub'] });
  const token = (broker) => broker.mint('one', { lifetime: '12h', caveats: FIVE.map((c) => (c.startsWith('path') ? 'path ~ /**' : c)) });
  const nginx = await startNginx(run, run.upstream), haproxy = await startHaproxy(run, run.upstream);
  const on = contestant(scrubbing, 'Keyhole, scrubbing', '', await token(scrubbing));
  const off = contestant(trusting, 'Keyhole, --no-scrub', '', await token(trusting));
  const contestants = [nginx, off, on, haproxy].flatMap((c) => [
    { ...c, name: `down: ${c.name}`, at: '/mebibyte' }, { ...c, name: `up: ${c.name}`, at: '/upload', bodyBytes: MIB }]);
  contestants.sort((a, b) => a.name.slice(0, 2).localeCompare(b.name.slice(0, 2)));
  const load = (c, seconds) => wrk(`http://127.0.0.1:${c.port}${c.path}${c.at}`, { seconds, connections: 8,
    authorization: `Bearer ${c.token ?? 'client'}`, bodyBytes: c.bodyBytes, contentType: 'application/octet-stream' });
  return { rows: await alternate(run, contestants, load, 'nginx'), baseline: 'nginx' };
}

export function targets({ ratio }) {
  return [
    { what: 'CPU of a 1 MiB answer, scrubbing off, against nginx', at: 'most', target: 1.1, unit: '×',
      ...ratio('down: Keyhole, --no-scrub', 'down: nginx', 'cpu_us') },
    { what: 'CPU of a 1 MiB answer, scrubbing on, against nginx', at: 'most', target: 1.5, unit: '×',
      ...ratio('down: Keyhole, scrubbing', 'down: nginx', 'cpu_us') },
    { what: 'CPU of a 1 MiB request, against nginx', at: 'most', target: 1.1, unit: '×',
      ...ratio('up: Keyhole, --no-scrub', 'up: nginx', 'cpu_us') },
  ];
}
