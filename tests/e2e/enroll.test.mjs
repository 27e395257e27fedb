// SPDX-License-Identifier: Apache-2.0
// Authenticators are registered with an invitation's code, and not without: keyhole enroll.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { invite, person, startHoleBroker } from '../support/holes.mjs';
import { startUpstream } from '../support/upstream.mjs';

const key = realKey();
let upstream, broker;

const addCredential = (to) => to.addCredential('one', { secret: key, upstream, hosts: ['upstream.example'],
  args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startHoleBroker(wholeFile);
  await addCredential(broker);
});

const authenticators = async (user, of = broker) =>
  (await of.operatorJson(['authenticator', 'list', '--user', user])).authenticators;

async function works(alice, what, args = []) {
  const token = await alice.discharge(await alice.mint(what), ...args);
  const answer = await alice.broker.request('/~one/v1/x', { token });
  assert.equal(answer.status, 200, answer.text);
}

/** keyhole enroll that has to fail with that status; what was said. */
async function cannot(alice, status, args, options) {
  const result = await alice.keyhole(['enroll', ...args], { may: true, ...options });
  assert.equal(result.status, status, result.stderr);
  assert.equal(result.stdout, '');
  return result.stderr;
}

describe('a security key', () => {
  test('by its code: shown, touched, listed, and good for holes from then on', async (t) => {
    const alice = await person(t, broker);
    const securityKey = await alice.plug();
    const code = await invite(broker, alice.name);
    const { stdout, stderr } = await alice.keyhole(['enroll', '--code', code, '--name', 'blue key']);
    await securityKey.until('touched');
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`User +${alice.name}\\n`));
    assert.match(stderr, /Name of the key +blue key\n/);
    assert.ok(stderr.indexOf('Name of the key') < stderr.indexOf('touch the security key now'), stderr);
    assert.match(stderr, new RegExp(`enrolled: blue key of ${alice.name}, without an attestation`));
    assert.ok(!stderr.includes(code), 'the code is not repeated');
    const [listed] = await authenticators(alice.name);
    assert.equal(listed.name, 'blue key');
    assert.equal(listed.kind, 'fido2');
    await works(alice);
  });

  test('the code on standard input; the name is found where none is given', async (t) => {
    const alice = await person(t, broker);
    await alice.plug();
    const code = await invite(broker, alice.name);
    const { stdout } = await alice.keyhole(['enroll', '--code', '-', '--json'], { stdin: `${code}\n` });
    const { user, name, kind, attested, yubikey } = JSON.parse(stdout);
    assert.deepEqual({ user, name, kind, attested, yubikey },
      { user: alice.name, name: 'key 1', kind: 'fido2', attested: false, yubikey: false });
  });

  test('a code is good once, and a wrong one never', async (t) => {
    const alice = await person(t, broker);
    await alice.plug();
    const code = await invite(broker, alice.name);
    await alice.keyhole(['enroll', '--code', code]);
    alice.keys.length = 0;
    await alice.plug({ presence: 'deny' }); // it is not even asked
    assert.match(await cannot(alice, 3, ['--code', code]), /\(code-invalid\)/);
    assert.match(await cannot(alice, 3, ['--code', '0000-0000-0000']), /\(code-invalid\)/);
    assert.equal((await authenticators(alice.name)).length, 1);
  });

  test('declined at the key: nothing is enrolled, and the code lives', async (t) => {
    const alice = await person(t, broker);
    const securityKey = await alice.plug({ presence: 'deny' });
    const code = await invite(broker, alice.name);
    assert.match(await cannot(alice, 3, ['--code', code]), /declined at the security key/);
    assert.deepEqual(await authenticators(alice.name), []);
    securityKey.say('presence auto');
    await alice.keyhole(['enroll', '--code', code]);
    assert.equal((await authenticators(alice.name)).length, 1);
  });

  test('the same key twice, and the same name twice', async (t) => {
    const alice = await person(t, broker);
    await alice.plug();
    await alice.enroll('--name', 'blue');
    const code = await invite(broker, alice.name);
    assert.match(await cannot(alice, 1, ['--code', code]), /enrolled already/);
    alice.keys.length = 0;
    await alice.plug();
    assert.match(await cannot(alice, 3, ['--code', code, '--name', 'blue']), /\(name-taken\)/);
    await alice.keyhole(['enroll', '--code', code, '--name', 'red']);
    assert.deepEqual((await authenticators(alice.name)).map((a) => a.name).sort(), ['blue', 'red']);
  });

  test('of two that are plugged in, the one that is touched', async (t) => {
    const alice = await person(t, broker);
    const one = await alice.plug({ presence: 'never' });
    const two = await alice.plug({ presence: 'line' });
    const running = alice.start(['enroll', '--code', await invite(broker, alice.name)]);
    await running.said(/2 security keys are plugged in: touch the one to use/);
    await two.until('waiting');
    two.say('touch');
    await one.until('cancelled');
    await running.said(/touch the security key now \(software key 2\)/);
    await two.until('waiting');
    two.say('touch');
    const { status, stderr } = await running.ended;
    assert.equal(status, 0, stderr);
    alice.keys.shift();
    two.say('presence auto');
    await works(alice);
  });

  test('an old one (U2F) is good where no PIN is demanded', async (t) => {
    const alice = await person(t, broker);
    await alice.plug({ format: 'u2f' });
    await alice.enroll();
    await works(alice);
    const token = await alice.mint('factor = fido2 and verification = pin for 1h');
    assert.match(await alice.cannot(1, token, '--with', 'fido2'), /no security key that is plugged in is one that/);
  });

  test('of another maker is no YubiKey', async (t) => {
    const alice = await person(t, broker);
    await alice.plug();
    await alice.enroll();
    assert.match(await alice.cannot(1, await alice.mint('factor = yubikey for 1h'), '--with', 'fido2'), /is one that/);
  });
});

test('where attestation is required, the maker\'s root decides', async (t) => {
  const own = await startBroker(t);
  const alice = await person(t, own);
  const securityKey = await alice.plug({ firmware: '5.7.4' });
  const code = await invite(own, alice.name);
  assert.match(await cannot(alice, 3, ['--code', code]), /\(attestation-untrusted\)/);
  await own.operator(['attestation', 'add-root', securityKey.rootFile]);
  const { stdout, stderr } = await alice.keyhole(['enroll', '--code', code, '--json']);
  assert.equal(JSON.parse(stdout).attested, true, stderr);
  assert.match(stderr, /attested by its maker/);
  // Formats that say nothing of the maker are refused.
  for (const format of ['self', 'none']) {
    alice.keys.length = 0;
    await alice.plug({ format });
    await cannot(alice, 3, ['--code', await invite(own, alice.name)]);
  }
  assert.equal((await authenticators(alice.name, own)).length, 1);
});

describe('an SSH key', () => {
  test('the only one there is, without being named', async (t) => {
    const alice = await person(t, broker);
    await alice.sshKey();
    const { kind, attested } = await alice.enroll('--ssh', '--name', 'laptop');
    assert.equal(kind, 'ssh');
    assert.equal(attested, false);
    await works(alice, 'factor = ssh for 1h');
  });

  test('of several, one has to be named', async (t) => {
    const alice = await person(t, broker);
    await alice.sshKey();
    const rsa = await alice.sshKey('id_rsa', '-t', 'rsa', '-b', '2048');
    const code = await invite(broker, alice.name);
    assert.match(await cannot(alice, 2, ['--ssh', '--code', code]), /several SSH keys.*name the key's file/);
    await alice.keyhole(['enroll', '--ssh', rsa, '--code', code]);
    await works(alice, 'factor = ssh for 1h');
  });

  test('one that is too short is refused', async (t) => {
    const alice = await person(t, broker);
    const short = await alice.sshKey('short', '-t', 'rsa', '-b', '1024');
    assert.match(await cannot(alice, 3, ['--ssh', short, '--code', await invite(broker, alice.name)]), /\(ssh-algorithm-forbidden\)/);
  });

  test('is not good where a security key is asked for', async (t) => {
    const alice = await person(t, broker);
    await alice.enroll('--ssh', await alice.sshKey());
    assert.match(await alice.cannot(3, await alice.mint('factor = fido2 for 1h'), '--with', 'ssh'), /\(way-unsuitable\)/);
  });
});

describe('where to', () => {
  test('nobody said which discharger', async (t) => {
    const alice = await person(t, broker);
    alice.trusts = [];
    assert.match(await cannot(alice, 2, ['--code', '0000-0000-0000']), /which discharger\?/);
  });

  test('a code is not asked of an address that is no discharger', async (t) => {
    const alice = await person(t, broker);
    alice.trusts = [broker.url];
    await alice.plug({ presence: 'deny' });
    assert.match(await cannot(alice, 1, ['--code', '0000-0000-0000']), /no discharger of Keyhole/);
  });

  test('--browser prints the page', async (t) => {
    const alice = await person(t, broker);
    const { stdout } = await alice.keyhole(['enroll', '--browser']);
    assert.equal(stdout, `${broker.discharger}/enroll\n`);
    const page = await fetch(stdout.trim());
    assert.equal(page.status, 200);
  });

  test('no terminal to ask for the code at', async (t) => {
    const alice = await person(t, broker);
    assert.match(await cannot(alice, 2, []), /which invitation\? Give its --code/);
  });
});
