// SPDX-License-Identifier: Apache-2.0
// The discharge protocol as docs/PROTOCOL.discharge.md says it, spoken by nothing of ours.

import { createHash } from 'node:crypto';

import { decodeV2, tokenBytes, tokenOf } from './macaroon.mjs';

/** POST JSON; { status, json }. */
export async function post(url, body) {
  const response = await fetch(url, { method: 'POST', redirect: 'manual', headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body), signal: AbortSignal.timeout(60000) });
  const text = await response.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`${url}: ${response.status}, and no JSON: ${text}`);
  }
  return { status: response.status, json };
}

export async function mustPost(url, body) {
  const { status, json } = await post(url, body);
  if (status > 299) throw new Error(`${url}: ${status} ${JSON.stringify(json)}`);
  return json;
}

/** The first 16 bytes of SHA-256 of a macaroon's signature, hexadecimal. */
export function lineageOf(token) {
  return createHash('sha256').update(decodeV2(tokenBytes(token)).signature).digest('hex').slice(0, 32);
}

/** The last hole of a token: { location, ticket }. */
export function holeOf(token) {
  const hole = decodeV2(tokenBytes(token)).caveats.findLast((c) => c.vid);
  return { location: String(hole.location), ticket: hole.id };
}

/** Ask for a discharge of that hole, for the token as `parent` unless that is null. */
export function askDischarge(token, { prefer = 'fido2', parent = lineageOf(token) } = {}) {
  const { location, ticket } = holeOf(token);
  return post(`${location}/.well-known/macfly/3p`, { ticket: ticket.toString('base64url'), prefer, ...(parent ? { parent } : {}) });
}

/** Give the answer of a key; { status, json } with the discharge. */
export function giveAssertion(question, { client_data, signed }) {
  return post(question.answer_url, { credential: signed.id, client_data, authenticator_data: signed.authenticator_data,
    signature: signed.signature });
}

/** The token with its discharges behind it. */
export function withDischarges(token, ...discharges) {
  return tokenOf(tokenBytes(token), ...discharges.map((d) => Buffer.from(d, 'base64url')));
}
