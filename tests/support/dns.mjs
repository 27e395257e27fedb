// SPDX-License-Identifier: Apache-2.0
// A name server that answers as a test says: what it likes, something else each time, or never. And
// a broker that asks no other: its resolv.conf and nsswitch.conf are the test's, in a mount
// namespace of its own.

import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { keyhole, keyholed, run, temporaryDirectory } from './programs.mjs';

const TYPES = { 1: 'A', 28: 'AAAA' };

function readQuestion(packet) {
  const labels = [];
  let at = 12;
  for (let n; (n = packet[at]) > 0; at += n + 1) labels.push(packet.toString('latin1', at + 1, at + 1 + n));
  return { name: labels.join('.').toLowerCase(), type: TYPES[packet.readUInt16BE(at + 1)], end: at + 5 };
}

function addressBytes(type, text) {
  if (type === 'A') return Buffer.from(text.split('.').map(Number));
  const groups = text.split('::').map((half) => half.split(':').filter(Boolean));
  const zeros = Array(8 - groups.flat().length).fill('0');
  const words = groups.length === 2 ? [...groups[0], ...zeros, ...groups[1]] : groups[0];
  return Buffer.from(words.map((w) => w.padStart(4, '0')).join(''), 'hex');
}

function reply(packet, { end, type }, addresses) {
  const head = Buffer.from(packet.subarray(0, end));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt16BE(0, 10); // what EDNS there was is not answered
  const records = addresses.map((text) => {
    const data = addressBytes(type, text);
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type === 'A' ? 1 : 28, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, ...records]);
}

class NameServer {
  constructor(socket, address) {
    Object.assign(this, { socket, address, questions: [], names: new Map() });
    socket.on('message', (packet, from) => this.answer(packet, from));
  }

  /** `says({ name, type, n })` gives addresses, or null: no answer ever. `n` counts the questions of that name and type. */
  set(name, says) {
    this.names.set(name, says);
  }

  asked(name, type = 'A') {
    return this.questions.filter((q) => q.name === name && q.type === type).length;
  }

  answer(packet, from) {
    const question = readQuestion(packet), { name, type } = question;
    const says = this.names.get(name);
    const n = this.asked(name, type);
    this.questions.push({ name, type });
    const addresses = says && type ? says({ name, type, n }) : [];
    if (addresses) this.socket.send(reply(packet, question, addresses), from.port, from.address);
  }
}

/** At an address of its own inside 127.0.0.0/8, since resolv.conf has no ports. Null without the right to it. */
async function startNameServer(t) {
  for (let tries = 0; tries < 20; tries++) {
    const socket = dgram.createSocket('udp4');
    const address = `127.${randomInt(64, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`;
    const error = await new Promise((resolve) => {
      socket.once('error', resolve);
      socket.bind(53, address, () => resolve(null));
    });
    if (error) {
      socket.close();
      if (error.code === 'EADDRINUSE') continue;
      return null;
    }
    t.after(() => socket.close());
    return new NameServer(socket, address);
  }
  return null;
}

/** { server, programs } for a `Broker`; or { reason } why this machine does not let us. */
export async function ownNames(t) {
  const server = await startNameServer(t);
  if (!server) return { reason: 'a name server at port 53 needs root' };
  const directory = temporaryDirectory(t, 'names');
  const resolv = join(directory, 'resolv.conf'), nsswitch = join(directory, 'nsswitch.conf'), wrapper = join(directory, 'keyholed');
  writeFileSync(resolv, `nameserver ${server.address}\noptions timeout:5 attempts:1\n`);
  writeFileSync(nsswitch, 'hosts: dns\n');
  writeFileSync(wrapper, `#!/bin/sh
if [ -z "$OWN_NAMES" ]; then OWN_NAMES=1 exec unshare --mount --propagation private "$0" "$@"; fi
unset OWN_NAMES
mount --bind ${resolv} /etc/resolv.conf && mount --bind ${nsswitch} /etc/nsswitch.conf && exec ${keyholed} "$@"
`, { mode: 0o755 });
  const tried = await run(wrapper, ['--version']);
  return tried.status === 0 ? { server, programs: { keyholed: wrapper, keyhole } }
    : { reason: `a mount namespace with files of our own is not to be had here: ${tried.stderr.trim()}` };
}
