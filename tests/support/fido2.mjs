// SPDX-License-Identifier: Apache-2.0
// What a page and a browser do, without either: challenges, client data, the JSON of WebAuthn Level 3;
// and python3-fido2 between them and a key.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { mustPost } from './discharge.mjs';
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

/** Client data with another text: what `edit` makes of it. */
export function rewrite(client_data, edit) {
  return base64url(edit(Buffer.from(client_data, 'base64url').toString()));
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

/**
 * Make `name` known to the broker's discharger and enrol a key of startSoftauthn(), with python3-fido2 in
 * the place of keyhole: { key, name, pin, made, question, client_data }.
 */
export async function enrolKey(broker, ask, key, name, pin) {
  await broker.operator(['attestation', 'add-root', key.rootFile]);
  await broker.operator(['user', 'add', name]);
  const code = (await broker.operator(['invite', name])).stdout.trim();
  const { fido2: question } = await mustPost(`${broker.discharger}/.well-known/keyhole/enroll`, { code, name: 'key', kind: 'fido2' });
  const client_data = clientData('create', challengeOf('enroll', question), question.origin);
  const made = await ceremony(ask, { do: 'register', device: key.path, rp_id: question.rp_id, client_data, pin });
  await mustPost(question.answer_url, registrationJson(made, client_data));
  return { key, name, pin, made, question, client_data };
}

/** Answer a question of the discharge protocol with a key: { challenge, client_data, signed }. */
export async function answerWith(ask, key, question, { pin, credentials = question.credentials, say = (d) => d } = {}) {
  const challenge = challengeOf('discharge', question);
  const client_data = rewrite(clientData('get', challenge, question.origin), say);
  const signed = await ceremony(ask, { do: 'assert', device: key.path, rp_id: question.rp_id, client_data, credentials, pin });
  return { challenge, client_data, signed };
}
