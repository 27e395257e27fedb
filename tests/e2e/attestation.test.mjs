// SPDX-License-Identifier: Apache-2.0
// keyholed attestation: whose authenticators are trusted, and why one is or is not. Two other
// implementations judge the same registrations.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { SettingsService, verifyRegistrationResponse } from '@simplewebauthn/server';

import { AAGUID, Maker, noRecordings, recordedRoots, recordings } from '../support/attestation.mjs';
import { wholeFile } from '../support/file.mjs';
import { keyholed, must, python, run, temporaryDirectory } from '../support/programs.mjs';

let directory, maker;

before(() => {
  directory = temporaryDirectory(wholeFile, 'attestation');
  mkdirSync(join(directory, 'maker'));
  maker = new Maker(join(directory, 'maker'));
});

let states = 0;
function stateDirectory() {
  const state = join(directory, `state${++states}`);
  mkdirSync(state, { mode: 0o700 });
  return state;
}

const attestation = (args, options) => run(keyholed, ['attestation', ...args], options);

/** keyholed's verdict: { status, ...its JSON }. */
async function check(state, { rpId, origin, challenge, json }, args = []) {
  const { status, stdout, stderr } = await attestation(['check', '--dir', state, '--rp-id', rpId, '--origin', origin,
    '--challenge', challenge, '--json', ...args, '-'], { stdin: JSON.stringify(json) });
  assert.notEqual(stdout, '', `status ${status}: ${stderr}`);
  const verdict = JSON.parse(stdout);
  assert.equal(status, verdict.accepted ? 0 : 3, stdout);
  return verdict;
}

async function simplewebauthn({ rpId, origin, challenge, json }, pems, pin = false) {
  for (const identifier of ['packed', 'fido-u2f'])
    SettingsService.setRootCertificates({ identifier, certificates: pems });
  try {
    return (await verifyRegistrationResponse({ response: json, expectedChallenge: challenge, expectedOrigin: origin,
      expectedRPID: rpId, requireUserVerification: pin })).verified;
  } catch {
    return false;
  }
}

async function pythonFido2(rows, pems) {
  const script = join(import.meta.dirname, 'clients/attestation.py');
  const { stdout } = await must(python, ['-W', 'ignore', script], { stdin: JSON.stringify(rows.map((r) => ({ ...r, roots: pems }))) });
  return JSON.parse(stdout).map((v) => v.accepted);
}

const pemsIn = (text) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);

describe('roots', () => {
  test('none at first: nothing is attested, and the advice says what to do', async () => {
    const state = stateDirectory();
    const { status, stdout, stderr } = await attestation(['list', '--dir', state]);
    assert.equal(status, 0);
    assert.equal(stdout, '');
    assert.match(stderr, /add-root/);
    const verdict = await check(state, maker.register());
    assert.equal(verdict.error, 'attestation-untrusted');
    assert.match(verdict.advice, /keyholed attestation add-root/);
  });

  test('add-root says what each certificate is; again changes nothing', async () => {
    const state = stateDirectory();
    for (let i = 0; i < 2; i++) {
      const { status, stdout } = await attestation(['add-root', '--dir', state, '--json', '-'],
        { stdin: readFileSync(maker.middleFile, 'utf8') + readFileSync(maker.rootFile, 'utf8') });
      assert.equal(status, 0);
      assert.deepEqual(JSON.parse(stdout).certificates.map((c) => [c.subject, c.kind, c.yubico]),
        [['CN=Keyhole test intermediate', 'intermediate', false], ['CN=Keyhole test root', 'root', false]]);
    }
    const { stdout } = await attestation(['list', '--dir', state]);
    assert.equal(stdout.trimEnd().split('\n').length, 2);
    assert.equal((await check(state, maker.register())).accepted, true);
  });

  test('a leaf is refused, and so is what is no PEM; nothing of the file goes in', async () => {
    const state = stateDirectory();
    const both = readFileSync(maker.rootFile, 'utf8') + readFileSync(maker.leafFile, 'utf8');
    let result = await attestation(['add-root', '--dir', state, '-'], { stdin: both });
    assert.equal(result.status, 1);
    assert.match(result.stderr, /no CA/);
    result = await attestation(['add-root', '--dir', state, '-'], { stdin: 'hello' });
    assert.equal(result.status, 1);
    assert.equal(JSON.parse((await attestation(['list', '--json', '--dir', state])).stdout).certificates.length, 0);
  });

  test('Yubico\'s are known by their fingerprints', { skip: noRecordings }, async () => {
    const state = stateDirectory();
    for (const file of recordedRoots()) {
      const { status, stderr } = await attestation(['add-root', '--dir', state, file]);
      assert.equal(status, 0, stderr);
    }
    const { certificates } = JSON.parse((await attestation(['list', '--json', '--dir', state])).stdout);
    assert.deepEqual(certificates.filter((c) => c.yubico).map((c) => c.subject).sort(),
      ['CN=Yubico Attestation Root 1', 'CN=Yubico FIDO Root CA Serial 450203556', 'CN=Yubico U2F Root CA Serial 457200631']);
    for (const c of certificates) assert.equal(c.kind, c.yubico ? 'root' : 'intermediate');
  });
});

describe('generated registrations', () => {
  // All three judges, on the same bytes.
  async function all(registration, { args = [], pin = false } = {}) {
    const roots = pemsIn(readFileSync(maker.rootFile, 'utf8'));
    return {
      keyholed: (await check(directory, registration, ['--roots', join(directory, 'roots'), ...(pin ? ['--require-pin'] : []), ...args])),
      simplewebauthn: await simplewebauthn(registration, roots, pin),
      python: (await pythonFido2([{ ...registration, pin }], roots))[0],
    };
  }

  before(() => {
    mkdirSync(join(directory, 'roots'));
    writeFileSync(join(directory, 'roots/root.pem'), readFileSync(maker.rootFile));
  });

  test('an honest one is attested, and no YubiKey; the others agree', async () => {
    const verdict = await all(maker.register(), { pin: true });
    assert.equal(verdict.keyholed.accepted, true, JSON.stringify(verdict.keyholed));
    const { credential } = verdict.keyholed;
    assert.deepEqual([credential.attested, credential.yubikey, credential.verified, credential.counter, credential.format, credential.aaguid],
      [true, false, true, 1, 'packed', AAGUID]);
    assert.equal(verdict.simplewebauthn, true);
    assert.equal(verdict.python, true);
  });

  // What everybody refuses.
  const refused = [
    ['a broken signature', { breakSignature: true }, 'attestation-signature-invalid'],
    ['another origin', { origin: 'https://example.org' }, 'client-data-origin'],
    ['another type', { type: 'webauthn.get' }, 'client-data-type'],
    ['another rpId', { rpId: 'example.org' }, 'rp-id-mismatch'],
    ['no touch', { flags: 0x44 }, 'presence-missing'],
    ['another model than the certificate\'s', { aaguid: Buffer.alloc(16, 1) }, 'attestation-aaguid-mismatch'],
    ['bytes behind the data', { behind: Buffer.from([0]) }, 'authenticator-data-malformed'],
  ];
  for (const [what, lie, error] of refused)
    test(`${what}: refused by all`, async () => {
      const verdict = await all(maker.register(lie));
      assert.equal(verdict.keyholed.error, error);
      assert.equal(verdict.keyholed.steps.at(-1).check, error);
      assert.equal(verdict.simplewebauthn, false);
      assert.equal(verdict.python, false);
    });

  test('another challenge: refused by all', async () => {
    const registration = { ...maker.register(), challenge: maker.register().challenge };
    const verdict = await all(registration);
    assert.equal(verdict.keyholed.error, 'client-data-challenge');
    assert.equal(verdict.simplewebauthn, false);
    assert.equal(verdict.python, false);
  });

  test('no PIN where one is demanded: refused by all', async () => {
    const verdict = await all(maker.register({ flags: 0x41 }), { pin: true });
    assert.equal(verdict.keyholed.error, 'verification-missing');
    assert.equal(verdict.simplewebauthn, false);
    assert.equal(verdict.python, false);
  });

  // Where keyholed is stricter, and why:
  // - crossOrigin, topOrigin: this product's page is never in another site's frame. Neither of the
  //   others looks at these members.
  // - a reserved flag: what has no meaning yet is not signed for nothing. Neither looks.
  // - backed up (BS) without being able to (BE): WebAuthn Level 3, newer than python3-fido2 0.9.
  const stricter = [
    ['crossOrigin', { members: { crossOrigin: true } }, 'client-data-cross-origin', true, true],
    ['topOrigin', { members: { topOrigin: 'https://example.com' } }, 'client-data-cross-origin', true, true],
    ['a reserved flag', { flags: 0x47 }, 'flags-invalid', true, true],
    ['backed up without being able to', { flags: 0x55 }, 'flags-invalid', false, true],
  ];
  for (const [what, lie, error, simple, python] of stricter)
    test(`${what}: refused`, async () => {
      const verdict = await all(maker.register(lie));
      assert.equal(verdict.keyholed.error, error);
      // If these change, so must the comment above.
      assert.deepEqual([verdict.simplewebauthn, verdict.python], [simple, python]);
    });

  test('without attestation: refused, and taken as not attested where it is optional', async () => {
    for (const format of ['none', 'self']) {
      const registration = maker.register({ format });
      const roots = ['--roots', join(directory, 'roots')];
      assert.equal((await check(directory, registration, roots)).error, 'attestation-format-forbidden');
      const verdict = await check(directory, registration, [...roots, '--optional']);
      assert.equal(verdict.accepted, true, JSON.stringify(verdict));
      assert.equal(verdict.credential.attested, false);
      assert.equal(verdict.credential.yubikey, false);
      // It cannot be told to demand attestation: its caller compares the format.
      assert.equal(await simplewebauthn(registration, pemsIn(readFileSync(maker.rootFile, 'utf8'))), true);
    }
  });

  test('for people: every step, then the verdict', async () => {
    const { rpId, origin, challenge, json } = maker.register();
    const file = join(directory, 'answer.json');
    writeFileSync(file, JSON.stringify(json));
    const args = ['check', '--rp-id', rpId, '--challenge', challenge, '--roots', join(directory, 'roots')];
    let { status, stdout } = await attestation([...args, '--origin', origin, file]);
    assert.equal(status, 0);
    assert.match(stdout, /^ok +rpIdHash is that of example\.com$/m);
    assert.match(stdout, /^accepted: attested, not a YubiKey/m);
    ({ status, stdout } = await attestation([...args, '--origin', 'https://example.org', file]));
    assert.equal(status, 3);
    assert.match(stdout, /^FAILED +client-data-origin: /m);
    assert.match(stdout, /^refused: client-data-origin: /m);
  });

  test('what is no registration at all: 1, and a sentence', async () => {
    const file = join(directory, 'none.json');
    for (const text of ['', 'hello', '{}', '[]', '{"id":"AA","type":"public-key","response":{}}']) {
      writeFileSync(file, text);
      const { status, stdout, stderr } = await attestation(['check', '--rp-id', 'a', '--origin', 'https://a', '--challenge', 'AAAA', '--dir', stateDirectory(), file]);
      assert.equal(status, 1, text);
      assert.equal(stdout, '');
      assert.match(stderr, /RegistrationResponseJSON/);
    }
  });

  test('roots that cannot be read are an error, and no verdict', async () => {
    const state = stateDirectory();
    mkdirSync(join(state, 'roots'));
    writeFileSync(join(state, 'roots/a.pem'), 'hello');
    const { rpId, origin, challenge, json } = maker.register();
    const { status, stdout, stderr } = await attestation(['check', '--rp-id', rpId, '--origin', origin, '--challenge', challenge,
      '--roots', join(state, 'roots'), '--optional', '-'], { stdin: JSON.stringify(json) });
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /a\.pem/);
  });
});

describe('recorded registrations of real keys', { skip: noRecordings }, () => {
  let state, pems;

  before(async () => {
    state = stateDirectory();
    for (const file of recordedRoots()) await must(keyholed, ['attestation', 'add-root', '--dir', state, file]);
    pems = recordedRoots().flatMap((file) => pemsIn(readFileSync(file, 'utf8')));
  });

  const yubikeys = noRecordings ? [] : recordings().filter((r) => !r.name.startsWith('Apple'));

  for (const registration of yubikeys)
    test(`${registration.name} is a YubiKey, and the others take it`, async () => {
      const verdict = await check(state, registration);
      assert.equal(verdict.accepted, true, JSON.stringify(verdict));
      assert.equal(verdict.credential.yubikey, true);
      assert.equal(await simplewebauthn(registration, pems), true);
      assert.deepEqual(await pythonFido2([registration], pems), [true]);
    });

  for (const registration of yubikeys)
    test(`${registration.name} with something changed: refused by all`, async () => {
      const changed = (member, change) => {
        const json = structuredClone(registration.json);
        const bytes = Buffer.from(json.response[member], 'base64url');
        change(bytes);
        json.response[member] = bytes.toString('base64url');
        return { ...registration, json };
      };
      const lies = {
        'attestation-signature-invalid': changed('attestationObject', (b) => {
          b[b.indexOf('sig') + 12] ^= 1; // in the number r
        }),
        'client-data-challenge': { ...registration, challenge: 'AAAA' },
        'client-data-origin': { ...registration, origin: 'https://example.org' },
        'rp-id-mismatch': { ...registration, rpId: 'example.org' },
      };
      for (const [error, lie] of Object.entries(lies)) {
        assert.equal((await check(state, lie)).error, error);
        assert.equal(await simplewebauthn(lie, pems), false, error);
        assert.deepEqual(await pythonFido2([lie], pems), [false], error);
      }
    });

  test('a platform authenticator is refused, attestation demanded or not', async () => {
    const apple = recordings().find((r) => r.name.startsWith('Apple'));
    for (const args of [[], ['--optional']])
      assert.equal((await check(state, apple, args)).error, 'attestation-format-forbidden');
  });

  test('a U2F key cannot prove that a PIN was checked', async () => {
    const u2f = yubikeys.find((r) => r.name === 'YubiKeyNeo');
    assert.equal((await check(state, u2f, ['--require-pin'])).error, 'verification-missing');
  });
});
