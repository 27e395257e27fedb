// SPDX-License-Identifier: Apache-2.0
// Registrations for `keyholed attestation check`: recorded ones of real keys, and generated ones that
// are honest or lie in one place. Certificates come from the openssl program.

import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
export const AAGUID = '6b657968-6f6c-6521-6b65-79686f6c6521';
const aaguidBytes = Buffer.from(AAGUID.replaceAll('-', ''), 'hex');

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts.map((p) => Buffer.from(p)))).digest();

/* ---- recorded ---- */

const vectors = process.env.KEYHOLE_VECTORS ?? resolve(import.meta.dirname, '../../../shared/vectors');

/** Why tests with recordings are skipped, or false. */
export const noRecordings = existsSync(join(vectors, 'webauthn/recorded.json'))
  ? false : 'no recorded registrations here: set KEYHOLE_VECTORS to test with them';

/** [{ name, rpId, origin, challenge, json }] */
export function recordings() {
  return JSON.parse(readFileSync(join(vectors, 'webauthn/recorded.json'), 'utf8')).map((row) => {
    const { challenge, origin } = JSON.parse(Buffer.from(row.cdj, 'base64url'));
    const attestation = Buffer.from(row.att, 'base64url');
    const data = attestation.subarray(attestation.indexOf(sha256(row.rp)));
    const id = data.subarray(55, 55 + data.readUInt16BE(53)).toString('base64url');
    return { name: row.name, rpId: row.rp, origin, challenge, json: registrationJSON(id, row.cdj, row.att) };
  });
}

/** The files with Yubico's certificates. */
export const recordedRoots = () => readdirSync(join(vectors, 'yubico-ca')).map((name) => join(vectors, 'yubico-ca', name));

export function registrationJSON(id, clientDataJSON, attestationObject) {
  return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response: { clientDataJSON, attestationObject } };
}

/* ---- generated ---- */

function cborHead(major, value) {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 256) return Buffer.from([(major << 5) | 24, value]);
  return Buffer.from([(major << 5) | 25, value >> 8, value & 255]);
}

/** Numbers, strings, buffers, arrays, and Maps in the order in which they were made. */
export function cbor(value) {
  if (typeof value === 'number') return value < 0 ? cborHead(1, -1 - value) : cborHead(0, value);
  if (typeof value === 'string') return Buffer.concat([cborHead(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([cborHead(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([cborHead(4, value.length), ...value.map(cbor)]);
  return Buffer.concat([cborHead(5, value.size), ...[...value].flatMap(([k, v]) => [cbor(k), cbor(v)])]);
}

/** A maker of authenticators, with a root, an intermediate and a leaf certificate in `directory`. */
export class Maker {
  constructor(directory) {
    const file = (name) => join(directory, name);
    const openssl = (args) => execFileSync('openssl', ['req', '-x509', '-days', '2', ...EC, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
    openssl(['-keyout', file('root.key'), '-out', file('root.pem'), '-subj', '/CN=Keyhole test root', ...ca]);
    openssl(['-keyout', file('middle.key'), '-out', file('middle.pem'), '-subj', '/CN=Keyhole test intermediate',
      '-CA', file('root.pem'), '-CAkey', file('root.key'), ...ca]);
    openssl(['-keyout', file('leaf.key'), '-out', file('leaf.pem'), '-subj', '/C=SE/O=Keyhole tests/OU=Authenticator Attestation/CN=EE 1',
      '-CA', file('middle.pem'), '-CAkey', file('middle.key'), '-addext', 'basicConstraints=critical,CA:FALSE',
      '-addext', `1.3.6.1.4.1.45724.1.1.4=DER:0410${aaguidBytes.toString('hex')}`]);
    this.rootFile = file('root.pem');
    this.middleFile = file('middle.pem');
    this.leafFile = file('leaf.pem');
    this.leafKey = readFileSync(file('leaf.key'), 'utf8');
  }

  der(file) {
    return Buffer.from(readFileSync(file, 'utf8').replace(/-----[^-]+-----|\s/g, ''), 'base64');
  }

  /** { rpId, origin, challenge, json }; `change` is a lie. */
  register({ format = 'packed', flags = 0x45, rpId = 'example.com', origin = 'https://example.com', type = 'webauthn.create',
    members = {}, aaguid = aaguidBytes, behind = Buffer.alloc(0), breakSignature = false } = {}) {
    const challenge = randomBytes(32).toString('base64url');
    const clientData = Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false, ...members }));
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { x, y } = publicKey.export({ format: 'jwk' });
    const id = randomBytes(32);
    const key = new Map([[1, 2], [3, -7], [-1, 1], [-2, Buffer.from(x, 'base64url')], [-3, Buffer.from(y, 'base64url')]]);
    const data = Buffer.concat([sha256(rpId), Buffer.from([flags, 0, 0, 0, 1]), aaguid, Buffer.from([0, id.length]), id, cbor(key), behind]);
    const statement = new Map();
    if (format === 'packed' || format === 'self') {
      const signature = sign('sha256', Buffer.concat([data, sha256(clientData)]), format === 'self' ? privateKey : this.leafKey);
      if (breakSignature) signature[signature.length - 1] ^= 1;
      statement.set('alg', -7).set('sig', signature);
      if (format === 'packed') statement.set('x5c', [this.der(this.leafFile), this.der(this.middleFile)]);
    }
    const object = new Map([['fmt', format === 'self' ? 'packed' : format], ['attStmt', statement], ['authData', data]]);
    return { rpId: 'example.com', origin: 'https://example.com', challenge,
      json: registrationJSON(id.toString('base64url'), clientData.toString('base64url'), cbor(object).toString('base64url')) };
  }
}
