// SPDX-License-Identifier: Apache-2.0
// Connections of clients that have had an answer and say nothing.

import { setTimeout as pause } from 'node:timers/promises';

import { FIVE, contestant, startKeyhole } from './keyhole.mjs';
import { prime } from './load.mjs';
import { descriptorsOf, pssOf, tree } from './measure.mjs';
import { startNginx } from './peers.mjs';
import { withTls } from './group_tls.mjs';
import { within } from './run.mjs';

export const title = 'Idle clients';
export const about = 'Ten thousand connections (plain, then TLS), one request on each and then silence. Bytes each: what the memory of ' +
  "the proxy's processes grew by (PSS), without what the kernel holds for a socket.";

const CLIENTS = 10000;

async function idle(run, c, options) {
  run.progress(`  ${c.name}`);
  const of = { port: c.port, path: `${c.path}/v1/hello`, authorization: `Bearer ${c.token ?? 'client'}`, ...options };
  const few = await prime({ ...of, idle: true, connections: 64 }); // what a first connection costs once
  const before = pssOf(tree(c.pid));
  const many = await prime({ ...of, idle: true, connections: run.clients });
  await pause(1000);
  const after = pssOf(tree(c.pid));
  const open = descriptorsOf(tree(c.pid));
  if (open < run.clients) throw new Error(`${open} descriptors are open: clients were turned away`);
  await many.end();
  await few.end();
  return { name: c.name, bytes_each: (after - before) * 1024 / run.clients, pss_kib: after };
}

export async function measure(run) {
  const rows = [];
  const own = { ...run, clients: run.quick ? 1000 : CLIENTS };
  for (const tls of [false, true])
    for (const who of ['Keyhole', 'nginx'])
      rows.push(await within(own, async (one) => {
        const kind = tls ? 'TLS' : 'plain';
        try {
          if (who === 'nginx')
            return await idle(one, { ...await startNginx(one, run.upstream, { tls }), name: `nginx, ${kind}` }, { tls });
          const broker = await startKeyhole(one, run.upstream, tls ? withTls : {});
          const token = await broker.mint('one', { lifetime: '12h', caveats: FIVE });
          return await idle(one, contestant(broker, `Keyhole, ${kind}`, '', token), { tls });
        } catch (error) {
          run.progress(error.message);
          return { name: `${who}, ${kind}`, failed: error.message.split('\n')[0] };
        }
      }));
  return { rows, notes: [`${own.clients} connections.`] };
}

export function targets({ row }) {
  const kib = (name) => (row(name) ? row(name).bytes_each / 1024 : undefined);
  return [
    { what: 'memory of an idle client, plain', at: 'most', target: 12, unit: 'KiB', measured: kib('Keyhole, plain') },
    { what: 'memory of an idle client, TLS', at: 'most', target: 40, unit: 'KiB', measured: kib('Keyhole, TLS') },
  ];
}
