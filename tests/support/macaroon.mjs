// SPDX-License-Identifier: Apache-2.0
// Macaroons taken apart and put together by hand, for tokens that no honest program would make.

import { createHmac, randomBytes } from 'node:crypto';

const EOS = Buffer.from([0]);
const LOCATION = 1, IDENTIFIER = 2, VID = 4, SIGNATURE = 6;

function varint(n) {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
  bytes.push(n);
  return Buffer.from(bytes);
}

export function field(type, data) {
  const bytes = Buffer.from(data);
  return Buffer.concat([varint(type), varint(bytes.length), bytes]);
}

/** V2 binary of { location, identifier, caveats: [{ location, id, vid }], signature }. */
export function encodeV2(m) {
  const parts = [Buffer.from([2])];
  if (m.location !== undefined) parts.push(field(LOCATION, m.location));
  parts.push(field(IDENTIFIER, m.identifier), EOS);
  for (const c of m.caveats ?? []) {
    if (c.location !== undefined) parts.push(field(LOCATION, c.location));
    parts.push(field(IDENTIFIER, c.id));
    if (c.vid !== undefined) parts.push(field(VID, c.vid));
    parts.push(EOS);
  }
  parts.push(EOS, field(SIGNATURE, m.signature ?? Buffer.alloc(32)));
  return Buffer.concat(parts);
}

/** The first macaroon of V2 binary, and how many bytes it took. */
export function decodeV2(bytes) {
  let at = 1;
  const number = () => {
    let n = 0, shift = 1;
    for (;;) {
      const b = bytes[at++];
      n += (b & 127) * shift;
      if (b < 128) return n;
      shift *= 128;
    }
  };
  const next = () => {
    const type = number();
    if (type === 0) return null;
    const length = number();
    at += length;
    return { type, data: bytes.subarray(at - length, at) };
  };
  const section = () => {
    const found = {};
    for (let f = next(); f; f = next()) found[f.type] = f.data;
    return found;
  };
  if (bytes[0] !== 2) throw new Error('not V2');
  const head = section();
  const caveats = [];
  for (let s = section(); s[IDENTIFIER]; s = section())
    caveats.push({ location: s[LOCATION], id: s[IDENTIFIER], vid: s[VID] });
  const { data: signature } = next();
  return { location: head[LOCATION], identifier: head[IDENTIFIER], caveats, signature, used: at };
}

export function tokenBytes(token) {
  return Buffer.from(token.slice(token.indexOf('kh1_') + 4), 'base64url');
}

/** Token text of V2 macaroons (objects or bytes), the root first. */
export function tokenOf(...macaroons) {
  return `kh1_${Buffer.concat(macaroons.map((m) => (Buffer.isBuffer(m) ? m : encodeV2(m)))).toString('base64url')}`;
}

/** Add first-party caveats as any macaroon library does, with no look at what they say. */
export function addCaveats(token, ...texts) {
  const m = decodeV2(tokenBytes(token));
  for (const text of texts) {
    const id = Buffer.from(text);
    m.caveats.push({ id });
    m.signature = createHmac('sha256', m.signature).update(id).digest();
  }
  return tokenOf(m);
}

/** Add a third-party caveat; the vid is of the right size and means nothing. */
export function addHole(token, id, vid = randomBytes(72), location = 'https://discharger.example') {
  const m = decodeV2(tokenBytes(token));
  const bytes = Buffer.from(id);
  m.caveats.push({ location, id: bytes, vid });
  const mac = (data) => createHmac('sha256', m.signature).update(data).digest();
  m.signature = createHmac('sha256', m.signature).update(Buffer.concat([mac(vid), mac(bytes)])).digest();
  return tokenOf(m);
}

/** The same token with one bit of its signature changed. */
export function forge(token) {
  const bytes = tokenBytes(token);
  bytes[bytes.length - 1] ^= 1;
  return `kh1_${bytes.toString('base64url')}`;
}

/** V1 packets, as text. */
export function packetV1(key, data) {
  const body = Buffer.concat([Buffer.from(`${key} `), Buffer.from(data), Buffer.from('\n')]);
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body]);
}
