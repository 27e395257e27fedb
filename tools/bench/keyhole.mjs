// SPDX-License-Identifier: Apache-2.0
// Keyhole as a contestant: one proxy process, pinned as the others are, with tokens of several kinds.

import { person } from '../../tests/support/holes.mjs';
import { startBroker } from '../../tests/support/broker.mjs';
import { HOST, realKey } from './peers.mjs';
import { cores, pin } from './measure.mjs';

export const FIVE = ['method in GET, POST', `host = ${HOST}`, 'path ~ /v1/**', 'time < 2100-01-01T00:00:00Z',
  'header[x-forbidden] absent'];

const POLICY = `version: 1
groups:
  eng: [alice, bob, carol]
  ops: [dave]
grants:
  - { name: ops-all, to: [group ops], credentials: [one] }
  - name: eng-one
    to: [group eng]
    credentials: [one]
    caveats: ["method in GET, POST", "path ~ /v1/** or path = /models"]
    lifetime: 24h
forbid:
  - { name: no-deletes, when: [credential = one, method = DELETE] }
  - { name: no-admin, when: ["path ~ /v1/admin/**"] }
`;

export const govern = (broker) => broker.operator(['policy', 'apply', '-'], { stdin: POLICY });

/** A broker with the credential `one`, pinned. `config` are further lines of keyholed.yaml. */
export async function startKeyhole(run, upstream, { config = '', policy = false, args = [], ...options } = {}) {
  const broker = await startBroker(run.t, {
    config: `workers: 1\ntimeouts: {idle: 1h}\nlimits: {connections: 30000, pool-per-destination: 256}\n` +
      `discharger:\n  attestation: optional\n${config}`, ...options });
  await broker.addCredential('one', { secret: realKey, upstream, hosts: [HOST],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}', ...args] });
  if (policy) await govern(broker);
  pin(broker.pid, cores.measured);
  return broker;
}

export const contestant = (broker, name, what, token, more = {}) =>
  ({ name, what, pid: broker.pid, port: broker.port, path: '/~one', token, broker, ...more });

/** A token with five caveats and a hole that a (software) security key has filled. */
export async function dischargedToken(run, broker) {
  const alice = await person(run.t, broker, 'alice');
  await alice.plug();
  await alice.enroll();
  const open = await alice.mint('factor = fido2 for 8h');
  const narrowed = await broker.attenuate(open, ...FIVE.flatMap((c) => ['--caveat', c]));
  return alice.discharge(narrowed);
}
