// SPDX-License-Identifier: Apache-2.0
// Second opinions on registrations and assertions: @simplewebauthn/server and python3-fido2. Each gives
// undefined, or why it refuses.

import assert from 'node:assert/strict';

import { SettingsService, verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';

const algorithms = [-7, -8, -257];

// @simplewebauthn/server's roots are the process's; tests of a file run one after the other.
function trustAlone(roots) {
  for (const identifier of ['packed', 'fido-u2f']) SettingsService.setRootCertificates({ identifier, certificates: roots });
}

async function spoken(verify, take) {
  try {
    const result = await verify();
    return result.verified ? take(result) : 'not verified';
  } catch (error) {
    return error.message;
  }
}

/**
 * `question` of a registration: rpId, origin, challenge, roots [PEM], verification, attested (that it has
 * to be), response (RegistrationResponseJSON); of an assertion: rpId, origin, challenge, verification,
 * registration (the RegistrationResponseJSON before it), credential (of credentialOf), response.
 */
export const simplewebauthn = {
  registration({ rpId, origin, challenge, roots, verification, attested, response }) {
    trustAlone(roots);
    return spoken(() => verifyRegistrationResponse({ response, expectedChallenge: challenge, expectedOrigin: origin,
      expectedRPID: rpId, requireUserVerification: verification, supportedAlgorithmIDs: algorithms }),
    ({ registrationInfo }) => (attested && registrationInfo.fmt === 'none' ? 'no attestation' : undefined));
  },
  assertion({ rpId, origin, challenge, verification, credential, response }) {
    return spoken(() => verifyAuthenticationResponse({ response, expectedChallenge: challenge, expectedOrigin: origin,
      expectedRPID: rpId, credential, requireUserVerification: verification }),
    ({ authenticationInfo }) => {
      credential.counter = authenticationInfo.newCounter;
    });
  },
};

/** What @simplewebauthn/server keeps of a registration. */
export async function credentialOf({ rpId, origin, challenge, roots, response }) {
  trustAlone(roots);
  const { registrationInfo } = await verifyRegistrationResponse({ response, expectedChallenge: challenge, expectedOrigin: origin,
    expectedRPID: rpId, requireUserVerification: false, supportedAlgorithmIDs: algorithms });
  return registrationInfo.credential;
}

/** python3-fido2 by `ask` of startFido2(). */
export function pythonFido2(ask) {
  const said = async (request) => {
    const { accepted, why } = await ask(request);
    return accepted ? undefined : why;
  };
  return {
    registration: ({ rpId, origin, challenge, roots, verification, attested, response }) => said({
      do: 'judge-registration', rp_id: rpId, origin, challenge, roots, verification, attested,
      client_data: response.response.clientDataJSON, attestation: response.response.attestationObject }),
    assertion: ({ rpId, origin, challenge, verification, registration, response }) => said({
      do: 'judge-assertion', rp_id: rpId, origin, challenge, verification, registration: registration.response.attestationObject,
      id: response.id, client_data: response.response.clientDataJSON, authenticator_data: response.response.authenticatorData,
      signature: response.response.signature }),
  };
}

/** null: accepted; else what the refusal says. */
export function expectOpinions(opinions, expected) {
  const all = JSON.stringify(opinions, null, 1);
  for (const [who, refusal] of Object.entries(expected)) {
    if (refusal === null) assert.equal(opinions[who], undefined, `${who} refuses: ${opinions[who]}\n${all}`);
    else assert.match(opinions[who] ?? 'accepted', refusal, `${who}\n${all}`);
  }
}

export const unanimous = { keyhole: null, simplewebauthn: null, python: null };
