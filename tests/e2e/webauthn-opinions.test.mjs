// SPDX-License-Identifier: Apache-2.0
// Second opinions. What a key signs is judged by Keyhole, by @simplewebauthn/server and by
// python3-fido2: of honest keys all think well, and lies are refused. Where somebody thinks otherwise,
// it stands here by name, with the reason.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { askDischarge, giveAssertion } from '../support/discharge.mjs';
import { answerWith, assertionJson, ceremony, challengeOf, clientData, enrolKey, registrationJson, rewrite, startFido2 } from '../support/fido2.mjs';
import { wholeFile } from '../support/file.mjs';
import { credentialOf, expectOpinions, pythonFido2, simplewebauthn, unanimous } from './clients/opinions.mjs';
import { keyholed, run, temporaryDirectory } from '../support/programs.mjs';
import { startSoftauthn } from '../support/softauthn.mjs';
import { startUpstream } from '../support/upstream.mjs';

const rpId = 'keyhole.example', origin = 'https://keyhole.example', pin = '1234';
let ask, broker, python;

before(async () => {
  ask = startFido2(wholeFile);
  python = pythonFido2(ask);
  const key = realKey();
  const upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
});

/** keyholed's own verdict on a registration. */
async function keyholeRegistration({ directory, challenge, verification, attested, response }) {
  const file = join(directory, 'registration.json');
  writeFileSync(file, JSON.stringify(response));
  const { status, stdout, stderr } = await run(keyholed, ['attestation', 'check', '--json', '--rp-id', rpId, '--origin', origin,
    '--challenge', challenge, '--roots', join(directory, 'roots'), ...(verification ? ['--require-pin'] : []),
    ...(attested ? [] : ['--optional']), file]);
  assert.ok([0, 3].includes(status), `status ${status}: ${stderr}`);
  const verdict = JSON.parse(stdout);
  assert.equal(verdict.accepted, status === 0);
  return verdict.accepted ? undefined : verdict.error;
}

/** Register with a key, and hear everybody. `say` writes client data before it is signed, `spoil` the question after. */
async function register(t, options, { verification = Boolean(options.pin), attested = true, say = (d) => d, spoil } = {}) {
  const key = await startSoftauthn(t, options);
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, 'roots'));
  writeFileSync(join(directory, 'roots/root.pem'), key.root());
  const challenge = randomBytes(32).toString('base64url');
  const client_data = rewrite(clientData('create', challenge, origin), say);
  const made = await ceremony(ask, { do: 'register', device: key.path, rp_id: rpId, client_data, pin: options.pin });
  const question = { rpId, origin, challenge, roots: [key.root()], verification, attested, directory,
    response: registrationJson(made, client_data) };
  spoil?.(question);
  return {
    keyhole: await keyholeRegistration(question),
    simplewebauthn: await simplewebauthn.registration(question),
    python: await python.registration(question),
  };
}

// ---- registrations ----

describe('registrations: honest keys', () => {
  for (const options of [
    { format: 'packed' }, { format: 'packed', pin }, { format: 'packed', pin, pinProtocol: 1 }, { format: 'packed', algorithm: 'eddsa' },
    { format: 'packed', algorithm: 'rs256' }, { format: 'packed', firmware: '5.7.4' }, { format: 'u2f' },
  ])
    test(JSON.stringify(options), async (t) => {
      const opinions = await register(t, options);
      expectOpinions(opinions, unanimous);
    });

  for (const options of [{ format: 'self' }, { format: 'self', algorithm: 'eddsa' }, { format: 'none' }]) {
    test(`${JSON.stringify(options)}, where an attestation is not demanded`, async (t) => {
      const opinions = await register(t, options, { attested: false });
      expectOpinions(opinions, unanimous);
    });

    test(`${JSON.stringify(options)}, where one is`, async (t) => {
      const opinions = await register(t, options);
      expectOpinions(opinions, {
        keyhole: /^attestation-(untrusted|format-forbidden)$/,
        // a signature by the credential itself is good enough for it: it asks for a root of certificates alone
        simplewebauthn: options.format === 'self' ? null : /no attestation/,
        python: /UntrustedAttestation|UnsupportedType/,
      });
    });
  }
});

describe('registrations: lies', () => {
  const trust = /chained|trust anchor/, signature = /not verified/;
  const cases = {
    noup: { keyhole: /^presence-missing$/, simplewebauthn: /presence/, python: /User Present/ },
    nouv: { keyhole: /^verification-missing$/, simplewebauthn: /verification/, python: /User Verified/ },
    rphash: { keyhole: /^rp-id-mismatch$/, simplewebauthn: /RP ID hash/, python: /RP ID hash/ },
    sig: { keyhole: /^attestation-signature-invalid$/, simplewebauthn: signature, python: /InvalidSignature/ },
    clientdata: { keyhole: /^attestation-signature-invalid$/, simplewebauthn: signature, python: /InvalidSignature/ },
    key: { keyhole: /^attestation-signature-invalid$/, simplewebauthn: signature, python: /InvalidSignature/ },
    aaguid: { keyhole: /^attestation-aaguid-mismatch$/, simplewebauthn: /aaguid/, python: /AAGUID/ },
    ou: { keyhole: /^attestation-certificate-invalid$/, simplewebauthn: /OU/, python: /OU/ },
    ca: { keyhole: /^attestation-certificate-invalid$/, simplewebauthn: /basic constraints/, python: /CA=false/ },
    root: { keyhole: /^attestation-untrusted$/, simplewebauthn: trust, python: /UntrustedAttestation/ },
    trailing: { keyhole: /^authenticator-data-malformed$/, simplewebauthn: /Leftover/, python: /Wrong length/ },
    // python3-fido2 0.9 is older than these flags
    backup: { keyhole: /^flags-invalid$/, simplewebauthn: /backed up/, python: null },
    // WebAuthn says that the flag is reserved, and not what to do about it: the others ignore it
    reserved: { keyhole: /^flags-invalid$/, simplewebauthn: null, python: null },
    // python3-fido2 looks at the signatures of a chain alone
    expired: { keyhole: /^attestation-untrusted$/, simplewebauthn: /not good after/, python: null },
  };
  for (const [lie, expected] of Object.entries(cases))
    test(lie, async (t) => {
      const opinions = await register(t, { lie, pin });
      expectOpinions(opinions, expected);
    });
  for (const lie of ['sig', 'clientdata', 'key', 'root'])
    test(`${lie}, by a U2F key`, async (t) => {
      const opinions = await register(t, { lie, format: 'u2f' });
      expectOpinions(opinions, cases[lie]);
    });
  test('a U2F key where a PIN is demanded', async (t) => {
    const opinions = await register(t, { format: 'u2f' }, { verification: true });
    expectOpinions(opinions, cases.nouv);
  });
});

describe('registrations: answers to something else', () => {
  const said = (what, say, expected) => test(`${what}, and signed`, async (t) => {
    const opinions = await register(t, { pin }, { say });
    expectOpinions(opinions, expected);
  });
  said('another origin', (d) => d.replace(origin, `${origin}.evil`),
    { keyhole: /^client-data-origin$/, simplewebauthn: /origin/, python: /origin/ });
  said('an assertion', (d) => d.replace('webauthn.create', 'webauthn.get'),
    { keyhole: /^client-data-type$/, simplewebauthn: /type/, python: /type/ });
  said('another challenge', (d) => JSON.stringify({ ...JSON.parse(d), challenge: randomBytes(32).toString('base64url') }),
    { keyhole: /^client-data-challenge$/, simplewebauthn: /challenge/, python: /challenge/ });
  // of the page around it the others do not ask
  said('inside another site\'s page', (d) => d.replace('"crossOrigin":false', '"crossOrigin":true'),
    { keyhole: /^client-data-cross-origin$/, simplewebauthn: null, python: null });
  // parsers differ about which of two they take: a member that is there twice is no member
  said('another origin, and then ours', (d) => d.replace('"origin"', '"origin":"https://evil.example","origin"'),
    { keyhole: /^client-data-malformed$/, simplewebauthn: null, python: null });

  test('client data with one more space than was signed', async (t) => {
    const opinions = await register(t, { pin }, {
      spoil: ({ response: { response } }) => {
        response.clientDataJSON = rewrite(response.clientDataJSON, (d) => `${d} `);
      },
    });
    expectOpinions(opinions, { keyhole: /^attestation-signature-invalid$/, simplewebauthn: /not verified/, python: /InvalidSignature/ });
  });
});

// ---- assertions ----

/** A user with a key that is enrolled. */
async function enrol(t, options, name) {
  const all = { pin, ...options };
  const key = await startSoftauthn(t, all);
  const user = await enrolKey(broker, ask, key, name, all.pin);
  const registration = registrationJson(user.made, user.client_data);
  const credential = await credentialOf({ rpId: user.question.rp_id, origin: user.question.origin,
    challenge: challengeOf('enroll', user.question), roots: [key.root()], response: registration });
  return { ...user, registration, credential };
}

/** Fill a hole with the user's key, and hear everybody. */
async function assertWith(user, { verification = Boolean(user.pin), ...options } = {}) {
  const token = await broker.mint('openai', { user: user.name,
    args: ['--hole', `user = ${user.name} and factor = fido2${verification ? ' and verification = pin' : ''} for 8h`] });
  const { status, json: { fido2: question } } = await askDischarge(token);
  assert.equal(status, 201);
  const answer = await answerWith(ask, user.key, question, { pin: user.pin, ...options });
  const asked = { rpId: question.rp_id, origin: question.origin, challenge: answer.challenge, verification,
    registration: user.registration, credential: user.credential, response: assertionJson(answer.signed, answer.client_data) };
  const judged = await giveAssertion(question, answer);
  return {
    keyhole: judged.status === 200 ? undefined : judged.json.error,
    simplewebauthn: await simplewebauthn.assertion(asked),
    python: await python.assertion(asked),
  };
}

describe('assertions: honest keys', () => {
  for (const [name, options] of Object.entries({
    packed: {}, 'packed-no-pin': { pin: undefined }, eddsa: { algorithm: 'eddsa' }, rs256: { algorithm: 'rs256' }, u2f: { format: 'u2f', pin: undefined },
    // zero each time is no counter, and no sign of a copy
    'no-counter': { lie: 'nocounter' },
  }))
    test(name, async (t) => {
      const user = await enrol(t, options, name);
      for (let i = 0; i < 2; i++) expectOpinions(await assertWith(user), unanimous);
    });
});

describe('assertions: lies', () => {
  const signature = { keyhole: /^signature-invalid$/, simplewebauthn: /not verified/, python: /signature/ };
  const cases = {
    noup: { keyhole: /^presence-missing$/, simplewebauthn: /present/i, python: /User Present/ },
    nouv: { keyhole: /^verification-missing$/, simplewebauthn: /verif/i, python: /verified/ },
    rphash: { keyhole: /^rp-id-mismatch$/, simplewebauthn: /RP ID/, python: /RP ID/ },
    sig: signature,
    clientdata: signature,
    key: signature,
    trailing: { keyhole: /^authenticator-data-malformed$/, simplewebauthn: /Leftover/, python: /./ },
    backup: { keyhole: /^flags-invalid$/, simplewebauthn: /backed up/, python: null }, // as above
    reserved: { keyhole: /^flags-invalid$/, simplewebauthn: null, python: null }, // as above
    // python3-fido2 leaves counters to whoever uses it
    counter: { keyhole: /^authenticator-cloned$/, simplewebauthn: /counter/, python: null },
    'counter-back': { keyhole: /^authenticator-cloned$/, simplewebauthn: /counter/, python: null },
    // a good signature, of a credential that nobody enrolled
    credential: { keyhole: /^credential-unknown$/, simplewebauthn: /not verified/, python: /Unknown credential/ },
  };
  for (const [lie, expected] of Object.entries(cases))
    test(lie, async (t) => {
      const user = await enrol(t, {}, `lie-${lie}`);
      expectOpinions(await assertWith(user), unanimous);
      user.key.say(`lie ${lie}`);
      expectOpinions(await assertWith(user), expected);
    });

  test('a PIN that was not asked for, where one is demanded', async (t) => {
    const user = await enrol(t, { pin: undefined }, 'no-pin');
    expectOpinions(await assertWith(user, { verification: true }), cases.nouv);
  });
});

describe('assertions: answers to something else', () => {
  for (const [name, say, expected] of [
    ['origin', (d) => d.replace(/"origin":"[^"]*"/, '"origin":"http://localhost:1"'),
      { keyhole: /^client-data-origin$/, simplewebauthn: /origin/, python: /origin/ }],
    ['type', (d) => d.replace('webauthn.get', 'webauthn.create'), { keyhole: /^client-data-type$/, simplewebauthn: /type/, python: /type/ }],
    ['challenge', (d) => JSON.stringify({ ...JSON.parse(d), challenge: randomBytes(32).toString('base64url') }),
      { keyhole: /^client-data-challenge$/, simplewebauthn: /challenge/, python: /challenge/ }],
    ['page-around', (d) => d.replace('"crossOrigin":false', '"crossOrigin":true'),
      { keyhole: /^client-data-cross-origin$/, simplewebauthn: null, python: null }],
  ])
    test(name, async (t) => {
      const user = await enrol(t, {}, `other-${name}`);
      expectOpinions(await assertWith(user, { say }), expected);
    });

  // threat 15
  test('another user\'s key', async (t) => {
    const mallory = await enrol(t, {}, 'mallory');
    const alice = await enrol(t, {}, 'alice');
    // mallory signs the question that was put to alice: everything is right, and it is not alice
    const opinions = await assertWith({ ...mallory, name: alice.name }, { credentials: [mallory.made.id] });
    expectOpinions(opinions, { keyhole: /^user-mismatch$/, simplewebauthn: null, python: null });
  });
});
