// SPDX-License-Identifier: Apache-2.0
// Registering a security key: a code, a name, a touch.

import { available, create, explain, post, say } from './webauthn.js';

const form = document.getElementById('enroll');
const button = document.getElementById('register');
const field = (id) => document.getElementById(id);

function show(result) {
  field('result-name').textContent = result.name;
  field('result-user').textContent = result.user;
  field('result-maker').textContent = result.yubikey
    ? 'A YubiKey: its attestation leads to Yubico.'
    : result.attested
      ? 'Attested: its attestation leads to a maker that this discharger trusts.'
      : 'Not attested: nothing proves who made it.';
  for (const name of ['model', 'firmware']) {
    field(`result-${name}-row`).hidden = !result[name];
    field(`result-${name}`).textContent = result[name] ?? '';
  }
  form.hidden = true;
  say('');
  field('result').hidden = false;
  field('result-title').focus();
}

// The field that a failure is about gets the focus, and is told to be wrong.
const about = { 'code-invalid': 'code', 'name-taken': 'name' };

function fail(error) {
  say(explain(error), 'failed');
  button.disabled = false;
  const wrong = about[error.code];
  if (wrong) field(wrong).setAttribute('aria-invalid', 'true');
  field(wrong ?? 'register').focus();
}

async function register() {
  button.disabled = true;
  for (const id of Object.values(about)) field(id).removeAttribute('aria-invalid');
  say('Touch your security key when it blinks.', 'working');
  try {
    const { browser } = await post('/.well-known/keyhole/enroll',
      { code: field('code').value, name: field('name').value, kind: 'browser' });
    show(await post(browser.answer_url, await create(browser.publicKey)));
  } catch (error) {
    fail(error);
  }
}

if (available()) {
  button.disabled = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    register();
  });
} else {
  say('This browser does not use security keys at this address. Use another browser, or '
    + 'keyhole enroll on a terminal.', 'failed');
}
