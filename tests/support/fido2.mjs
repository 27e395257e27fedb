// SPDX-License-Identifier: Apache-2.0
// What a page and a browser do, without either: challenges, client data, the JSON of WebAuthn Level 3;
// and python3-fido2 between them and a key.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { environment, python, unlessUndone } from './programs.mjs';
import { Queue } from './wait.mjs';

const client = join(import.meta.dirname, 'fido2_client.py');
const base64url = (data) => Buffer.from(data).toString('base64url');

/** The challenge of a question of the discharge protocol, base64url; purpose "discharge" or "enroll". */
export function challengeOf(purpose, { text, nonce }) {
  return createHash('sha256').update(`keyhole-${purpose}-v1`).update(text)
    .update(Buffer.from(nonce, 'base64url')).digest('base64url');
}

/** Client data of a ceremony, base64url. */
export function clientData(type, challenge, origin) {
  return base64url(JSON.stringify({ type: `webauthn.${type}`, challenge, origin, crossOrigin: false }));
}

export function registrationJson({ id, attestation }, client_data) {
  return { id, rawId: id, type: 'public-key', clientExtensionResults: {},
    response: { clientDataJSON: client_data, attestationObject: attestation } };
}

export function assertionJson({ id, authenticator_data, signature }, client_data) {
  return { id, rawId: id, type: 'public-key', clientExtensionResults: {},
    response: { clientDataJSON: client_data, authenticatorData: authenticator_data, signature } };
}

/** python3-fido2, one process for a whole test file: what tests/support/fido2_client.py takes and gives. */
export function startFido2(t) {
  const child = spawn(python, ['-u', client], { env: environment({ PYTHONDONTWRITEBYTECODE: '1' }), stdio: 'pipe' });
  const done = unlessUndone(() => child.kill('SIGKILL'));
  const answers = new Queue('an answer of python3-fido2');
  let said = '';
  child.stderr.on('data', (d) => (said += d));
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => answers.put(line));
  child.on('close', () => answers.put(undefined));
  t.after(() => {
    child.kill('SIGKILL');
    done();
  });
  let last = Promise.resolve();
  /** One at a time: answers come in the order of the questions. */
  return function ask(request) {
    const answer = last.then(async () => {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const line = await answers.next();
      if (line === undefined) throw new Error(`python3-fido2 ended:\n${said}`);
      return JSON.parse(line);
    });
    last = answer.catch(() => {});
    return answer;
  };
}

/** A ceremony of a key, by python3-fido2. An error of the key is an error. */
export async function ceremony(ask, request) {
  const answer = await ask(request);
  if (answer.error) throw new Error(`the key: ${answer.error}`);
  return answer;
}
