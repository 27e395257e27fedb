// SPDX-License-Identifier: Apache-2.0
// What both pages need: JSON calls, WebAuthn's JSON forms for browsers that lack them, and words for
// what went wrong.

const decode = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));

const encode = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

const descriptors = (list) => list.map((item) => ({ ...item, id: decode(item.id) }));

/** A failure of the discharger's, with its sentence, detail and advice. */
export class Failure extends Error {
  constructor({ error, message, detail, advice }) {
    super(message);
    this.code = error;
    this.detail = detail;
    this.advice = advice;
  }
}

export async function post(url, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    credentials: 'omit',
    redirect: 'error',
  });
  const answer = await response.json();
  if (!response.ok) throw new Failure(answer);
  return answer;
}

export const available = () => Boolean(globalThis.PublicKeyCredential && navigator.credentials);

/** navigator.credentials.get with PublicKeyCredentialRequestOptionsJSON, as AuthenticationResponseJSON. */
export async function get(options, signal) {
  const credential = await navigator.credentials.get({
    signal,
    publicKey: {
      ...options,
      challenge: decode(options.challenge),
      allowCredentials: descriptors(options.allowCredentials),
    },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response: {
      clientDataJSON: encode(clientDataJSON),
      authenticatorData: encode(authenticatorData),
      signature: encode(signature),
      ...(userHandle ? { userHandle: encode(userHandle) } : {}),
    },
  };
}

/** navigator.credentials.create with PublicKeyCredentialCreationOptionsJSON, as RegistrationResponseJSON. */
export async function create(options, signal) {
  const credential = await navigator.credentials.create({
    signal,
    publicKey: {
      ...options,
      challenge: decode(options.challenge),
      user: { ...options.user, id: decode(options.user.id) },
      excludeCredentials: descriptors(options.excludeCredentials),
    },
  });
  const { clientDataJSON, attestationObject } = credential.response;
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response: {
      clientDataJSON: encode(clientDataJSON),
      attestationObject: encode(attestationObject),
    },
  };
}

const browserErrors = {
  NotAllowedError: 'The browser stopped, or nobody touched the key in time. Nothing was signed: you can try again.',
  AbortError: 'Stopped. Nothing was signed.',
  InvalidStateError: 'This key is registered already.',
  NotSupportedError: 'This key does not offer what is needed. Use another one.',
  SecurityError: 'The browser does not use security keys at this address. It has to be https, or http://localhost.',
};

/** What went wrong, in sentences. */
export function explain(error) {
  if (error instanceof Failure)
    return [error.message, error.detail && `(${error.detail})`, error.advice].filter(Boolean).join(' ');
  return browserErrors[error?.name] ?? 'The discharger cannot be reached. Try again in a moment.';
}

/** Say it to everybody: `kind` is 'working', 'failed' or ''. */
export function say(text, kind = '') {
  const status = document.getElementById('status');
  status.className = `status ${kind}`.trim();
  status.textContent = text;
}
