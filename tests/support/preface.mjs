// SPDX-License-Identifier: Apache-2.0
// What a relay writes before a connection (docs/PROTOCOL.run.md), and DNS messages: written and read by
// the letter of their documents, without any code of the broker's.

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
export const KIND = { proxy: 0, transparent: 1, dns: 2 };

function value(type, bytes) {
  const head = Buffer.alloc(3);
  head[0] = type;
  head.writeUInt16BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** A PROXY protocol header of version 2. `extra`: further values as they stand, [[type, bytes], …]. */
export function preface({ kind = 'proxy', port = 0, run, token, hosts, requireToken = false, answer, extra = [] } = {}) {
  const values = [value(0xe0, Buffer.from([KIND[kind]]))];
  if (run) values.push(value(0xe1, Buffer.from(run, 'hex')));
  if (token) values.push(value(0xe2, Buffer.from(token)));
  if (hosts) values.push(value(0xe3, Buffer.from(hosts.join(' '))));
  if (requireToken) values.push(value(0xe4, Buffer.alloc(0)));
  if (kind === 'dns') values.push(value(0xe5, Buffer.from((answer ?? '0.0.0.0').split('.').map(Number))));
  for (const [type, bytes] of extra) values.push(value(type, Buffer.from(bytes)));
  const addresses = Buffer.alloc(12);
  addresses.writeUInt16BE(port, 10);
  const body = Buffer.concat([addresses, ...values]);
  const head = Buffer.from([0x21, 0x11, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([SIGNATURE, head, body]);
}

export function randomRun() {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex');
}

export const TYPE = { A: 1, NS: 2, SOA: 6, TXT: 16, AAAA: 28, OPT: 41, HTTPS: 65, AXFR: 252, ANY: 255 };

/** A DNS question. */
export function query(name, { id = 0x1234, type = 'A', edns = false, flags = 0x0100 } = {}) {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(flags, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(edns ? 1 : 0, 10);
  const labels = name.split('.').filter(Boolean).map((l) => Buffer.concat([Buffer.from([l.length]), Buffer.from(l)]));
  const tail = Buffer.from([0, 0, TYPE[type], 0, 1]);
  const opt = edns ? Buffer.from([0, 0, TYPE.OPT, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]) : Buffer.alloc(0);
  return Buffer.concat([head, ...labels, tail, opt]);
}

/** The same with the length before it, as over TCP. */
export function framed(message) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** What an answer says: its code, the question as it stands, the addresses. Throws when it is none. */
export function readDns(message) {
  const flags = message.readUInt16BE(2);
  if (!(flags & 0x8000)) throw new Error('no response');
  let at = 12;
  const labels = [];
  if (message.readUInt16BE(4) === 1) {
    for (; message[at]; at += 1 + message[at]) labels.push(message.subarray(at + 1, at + 1 + message[at]).toString());
    at += 5;
  }
  const addresses = [];
  for (let i = message.readUInt16BE(6); i > 0; i--) {
    if (message.readUInt16BE(at) !== 0xc00c) throw new Error('the answer is of another name');
    const ttl = message.readUInt32BE(at + 6);
    addresses.push({ address: [...message.subarray(at + 12, at + 16)].join('.'), ttl });
    at += 16;
  }
  return { id: message.readUInt16BE(0), rcode: flags & 0xf, name: labels.join('.'), addresses,
    edns: message.readUInt16BE(10) === 1, length: message.length };
}
