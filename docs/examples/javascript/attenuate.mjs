// SPDX-License-Identifier: Apache-2.0
// node attenuate.mjs TOKEN CAVEAT... : a narrower token, by the npm package "macaroon".
import macaroon from 'macaroon';

// "kh1_" and base64url of the binary form of version 2: read it, add caveats, write it so again.
// (The library's own binary writer fails from about four caveats on: see write() below.)
export function attenuate(token, ...caveats) {
  const start = token.indexOf('kh1_') + 4;
  const m = macaroon.importMacaroon(Buffer.from(token.slice(start), 'base64url'));
  for (const caveat of caveats) m.addFirstPartyCaveat(Buffer.from(caveat));
  return token.slice(0, start) + write(m.exportJSON()).toString('base64url');
}

// The binary form from the JSON one, whose members it has in the same order: fields are a type, a
// length and bytes; 00 ends a section.
function write(json) {
  const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7]);
  const bytes = (o, name) => (name in o ? Buffer.from(o[name]) : Buffer.from(o[name + '64'] ?? '', 'base64url'));
  const field = (type, value) => (value.length ? [Buffer.from([type, ...varint(value.length)]), value] : []);
  const end = Buffer.from([0]);
  return Buffer.concat([Buffer.from([2]),
    ...field(1, bytes(json, 'l')), ...field(2, bytes(json, 'i')), end,
    ...(json.c ?? []).flatMap((c) => [...field(1, bytes(c, 'l')), ...field(2, bytes(c, 'i')), ...field(4, bytes(c, 'v')), end]),
    end, ...field(6, bytes(json, 's'))]);
}

if (process.argv[1]?.endsWith('attenuate.mjs')) console.log(attenuate(...process.argv.slice(2)));
