// SPDX-License-Identifier: Apache-2.0
// Clients that speak TLS to the proxy: kept connections, and a new one for each request.

import { FIVE, contestant, startKeyhole } from './keyhole.mjs';
import { alternate, generator } from './load.mjs';
import { startNginx } from './peers.mjs';

export const title = 'Clients with TLS';
export const about = 'TLS 1.3 with a P-256 certificate on both sides of the proxy. Kept: 64 connections. New: 16 clients, a connection ' +
  'for each request, with a full handshake or a resumed one; the connection to the upstream is kept.';

export const withTls = { listen: null, config: 'listen:\n  - address: 127.0.0.1:0\n    tls: true\n' };

const KINDS = [['kept', undefined, 64], ['new, resumed', 'resumed', 16], ['new, full', 'full', 16]];

export async function measure(run) {
  const broker = await startKeyhole(run, run.upstream, withTls);
  const keyhole = contestant(broker, 'Keyhole', '', await broker.mint('one', { lifetime: '12h', caveats: FIVE }));
  const nginx = { ...await startNginx(run, run.upstream, { tls: true }), name: 'nginx' };
  const contestants = KINDS.flatMap(([kind, handshake, connections]) =>
    [nginx, keyhole].map((c) => ({ ...c, name: `${kind}: ${c.name}`, handshake, connections })));
  const load = generator((c) => ({ port: c.port, path: `${c.path}/v1/hello`, tls: true, handshake: c.handshake,
    connections: c.connections, authorization: `Bearer ${c.token ?? 'client'}` }));
  return { rows: await alternate(run, contestants, load, 'nginx'), baseline: 'nginx' };
}
