// SPDX-License-Identifier: Apache-2.0
// CONNECT, and TLS that ends in the proxy with a leaf of its own CA.

import { FIVE, contestant, startKeyhole } from './keyhole.mjs';
import { alternate, generator } from './load.mjs';
import { HOST, startMitmproxy, startSquid } from './peers.mjs';

export const title = 'CONNECT with interception';
export const about = 'Kept: 64 tunnels, many requests in each. New: 16 clients, a tunnel with a full TLS handshake for each request; ' +
  'the leaf certificate is made once.';

const baseline = 'squid, ssl-bump';

export async function measure(run) {
  const { upstream } = run;
  const broker = await startKeyhole(run, upstream);
  const keyhole = { ...contestant(broker, 'Keyhole', '5 caveats', await broker.mint('one', { lifetime: '12h', caveats: FIVE })),
    connect: `${HOST}:443`, host: HOST };
  const at = (host) => ({ connect: `${host}:${upstream.port}`, authority: `${host}:${upstream.port}`, host });
  const peers = [{ ...await startSquid(run, upstream), ...at(HOST) }, { ...await startMitmproxy(run, upstream, 'regular'), ...at('localhost') }];
  const contestants = [['kept', undefined, 64], ['new', 'full', 16]].flatMap(([kind, handshake, connections]) =>
    [keyhole, ...peers].map((c) => ({ ...c, name: `${kind}: ${c.name}`, handshake, connections })));
  const load = generator((c) => ({ port: c.port, path: '/v1/hello', host: c.host, connect: c.connect, authority: c.authority, tls: true,
    handshake: c.handshake, connections: c.connections, authorization: `Bearer ${c.token ?? 'client'}` }));
  return { rows: await alternate(run, contestants, load, baseline), baseline };
}

export function targets({ ratio }) {
  return [{ what: "squid's ssl-bump CPU per kept intercepted request, against Keyhole's", at: 'least', target: 8, unit: '×',
    ...ratio('kept: squid, ssl-bump', 'kept: Keyhole', 'cpu_us') }];
}
