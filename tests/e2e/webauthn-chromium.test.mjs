// SPDX-License-Identifier: Apache-2.0
// What Chromium and its virtual key make of our discharger's questions, honest and bogus, judged by
// three. The key's attestation leads to nobody's root: it is enrolled where none is demanded.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { Browser } from '../support/browser.mjs';
import { holeOf, lineageOf, mustPost, post } from '../support/discharge.mjs';
import { startFido2 } from '../support/fido2.mjs';
import { wholeFile } from '../support/file.mjs';
import { credentialOf, expectOpinions, pythonFido2, simplewebauthn, unanimous } from './clients/opinions.mjs';
import { startUpstream } from '../support/upstream.mjs';

const rpId = 'localhost';
let browser, broker, python;

before(async () => {
  browser = new Browser(wholeFile);
  python = pythonFido2(startFido2(wholeFile));
  const key = realKey();
  const upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile, { config: 'discharger: {attestation: optional}' });
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
});

/** What navigator.credentials gives for options in JSON; `call` is "create" or "get". */
function credentials(page, call, publicKey) {
  const parse = call === 'create' ? 'parseCreationOptionsFromJSON' : 'parseRequestOptionsFromJSON';
  return page.evaluate(`navigator.credentials.${call}({ publicKey: PublicKeyCredential.${parse}(${JSON.stringify(publicKey)}) })
    .then((c) => c.toJSON())`);
}

/** A user whose virtual key is offered for enrolment. */
async function enrol(name, key = {}) {
  await broker.operator(['user', 'add', name]);
  const code = (await broker.operator(['invite', name])).stdout.trim();
  const page = await browser.page(`${broker.discharger}/enroll`);
  const authenticatorId = await page.addSecurityKey(key);
  const { browser: { publicKey, answer_url } } = await mustPost(`${broker.discharger}/.well-known/keyhole/enroll`, { code, name: 'key', kind: 'browser' });
  const response = await credentials(page, 'create', publicKey);
  const question = { rpId, origin: broker.discharger, challenge: publicKey.challenge, roots: [], verification: false, attested: false, response };
  const { status, json } = await post(answer_url, response);
  const opinions = {
    keyhole: status === 201 ? undefined : json.error,
    simplewebauthn: await simplewebauthn.registration(question),
    python: await python.registration(question),
  };
  return { name, page, authenticatorId, registration: response, question, enrolled: json, opinions };
}

/** The page's way to fill a hole, without the page's script. */
async function approve(user, { verification = true } = {}) {
  const token = await broker.mint('openai', { user: user.name,
    args: ['--hole', `user = ${user.name} and factor = fido2${verification ? ' and verification = pin' : ''} for 8h`] });
  const { location, ticket } = holeOf(token);
  const { user_interactive: { user_url } } = await mustPost(`${location}/.well-known/macfly/3p`,
    { ticket: ticket.toString('base64url'), parent: lineageOf(token), prefer: 'browser' });
  const { publicKey } = await mustPost(`${user_url}/challenge`, {});
  const response = await credentials(user.page, 'get', publicKey);
  const asked = { rpId, origin: broker.discharger, challenge: publicKey.challenge, verification, registration: user.registration,
    credential: user.credential, response };
  const { status, json } = await post(`${user_url}/answer`, response);
  return {
    keyhole: status === 200 ? undefined : json.error,
    simplewebauthn: await simplewebauthn.assertion(asked),
    python: await python.assertion(asked),
  };
}

describe('honest', () => {
  for (const [name, key] of Object.entries({ ctap21: {}, ctap20: { ctap2Version: 'ctap2_0' }, passkey: { transport: 'internal', hasResidentKey: true } }))
    test(name, async () => {
      const user = await enrol(name, key);
      expectOpinions(user.opinions, unanimous);
      assert.equal(user.enrolled.attested, false);
      assert.equal(user.enrolled.yubikey, false);
      user.credential = await credentialOf(user.question);
      for (let i = 0; i < 2; i++) expectOpinions(await approve(user), unanimous);
    });

  test('u2f', async () => {
    const user = await enrol('u2f', { protocol: 'u2f', ctap2Version: undefined, pin: false });
    expectOpinions(user.opinions, unanimous);
    user.credential = await credentialOf(user.question);
    expectOpinions(await approve(user, { verification: false }), unanimous);
  });
});

describe('bogus assertions', () => {
  for (const [name, bits, expected] of [
    // a signature that is not even DER
    ['signature', { isBogusSignature: true }, { keyhole: /^signature-invalid$/, simplewebauthn: /./, python: /signature/ }],
    ['presence', { isBadUP: true }, { keyhole: /^presence-missing$/, simplewebauthn: /present/i, python: /User Present/ }],
    ['verification', { isBadUV: true }, { keyhole: /^verification-missing$/, simplewebauthn: /verif/i, python: /verified/ }],
  ])
    test(name, async () => {
      const user = await enrol(`bogus-${name}`);
      user.credential = await credentialOf(user.question);
      expectOpinions(await approve(user), unanimous);
      await user.page.send('WebAuthn.setResponseOverrideBits', { authenticatorId: user.authenticatorId, ...bits });
      expectOpinions(await approve(user), expected);
    });
});
