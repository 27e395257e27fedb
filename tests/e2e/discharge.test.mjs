// SPDX-License-Identifier: Apache-2.0
// Holes filled by security keys and SSH keys: keyhole discharge, against the discharger beside a broker.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { graft, invite, keyholeWithSockets, macaroonsOf, person, startHoleBroker } from '../support/holes.mjs';
import { keyhole, run } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { inTime, until } from '../support/wait.mjs';

const key = realKey();
const FIDO = 'factor = fido2 for 8h';
let upstream, broker;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startHoleBroker(wholeFile);
  await broker.addCredential('one', { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
});

const get = (token, path = '/~one/v1/x', options = {}) => broker.request(path, { token, ...options });

async function works(token, path, options) {
  const answer = await get(token, path, options);
  assert.equal(answer.status, 200, answer.text);
  return broker.recordOf(answer);
}

const refused = async (token, code, path, options) => broker.denied(await get(token, path, options), 401, code);

/** Somebody with an enrolled security key. */
async function withKey(t, options) {
  const alice = await person(t, broker);
  const securityKey = await alice.plug(options);
  await alice.enroll();
  return [alice, securityKey];
}

test('the whole story: refused, touched, allowed, narrowed, and nobody else\'s', async (t) => {
  const [alice, securityKey] = await withKey(t);
  const open = await alice.mint(FIDO);
  const { problem } = await refused(open, 'hole-open');
  assert.match(problem.advice, /keyhole discharge/);
  assert.equal(upstream.requests.filter((r) => r.path === '/v1/never').length, 0);

  const { stdout, stderr } = await alice.keyhole(['discharge', '-'], { stdin: open });
  const filled = stdout.trim();
  await securityKey.until('touched');
  // What is vouched for is shown, before the touch.
  assert.ok(stderr.includes(`You vouch that             ${alice.hole(FIDO)}`), stderr);
  assert.match(stderr, /Credential +one/);
  assert.ok(stderr.indexOf('You vouch that') < stderr.indexOf('touch the security key now'), stderr);
  const record = await works(filled);
  assert.ok(JSON.stringify(record).includes('fido2'), `who vouched is on record: ${JSON.stringify(record)}`);

  // For a sub-agent, after the touch and without another.
  const narrow = await broker.attenuate(filled, '--method', 'GET', '--path', '/v1/docs/**', '--label', 'agent');
  await works(narrow, '/~one/v1/docs/a');
  await refused(narrow, 'caveat-failed', '/~one/v1/x');
  await refused(narrow, 'caveat-failed', '/~one/v1/docs/a', { method: 'POST' });

  // What was touched for one agent's token is of no use to its sibling, and none to its parent.
  const [one, two] = [await broker.attenuate(open, '--label', 'one'), await broker.attenuate(open, '--label', 'two')];
  await refused(two, 'hole-open');
  const ones = await alice.discharge(one);
  await works(ones);
  await refused(graft(two, ones), 'discharge-invalid');
  await refused(graft(open, ones), 'discharge-invalid');
  await works(graft(two, filled)); // which was for their parent, and all that is made from it
});

test('a discharge ends, and the token with it until it is filled again', async (t) => {
  const [alice] = await withKey(t);
  const { open, filled } = await inTime(async (s) => {
    const made = { open: await alice.mint(`factor = fido2 for ${s}s`) };
    made.filled = await alice.discharge(made.open);
    await works(made.filled);
    return made;
  });
  const answer = await until('the discharge has expired', async () => {
    const a = await get(filled);
    return a.status !== 200 && a;
  });
  broker.denied(answer, 401, 'discharge-expired');
  await until('it is filled again', async () => (await get(await alice.discharge(open))).status === 200);
});

describe('security keys', () => {
  test('two are plugged in: the one that is enrolled blinks, the other does not', async (t) => {
    const alice = await person(t, broker);
    const one = await alice.plug();
    await alice.enroll('--name', 'of two');
    const two = await alice.plug();
    const { stderr } = await alice.keyhole(['discharge', await alice.mint(FIDO)]);
    await one.until('touched');
    assert.doesNotMatch(stderr, /touch the one to use/);
    two.say('wink'); // it is still there
  });

  test('two that are enrolled: the one that is touched counts, and the other stops', async (t) => {
    const alice = await person(t, broker);
    const one = await alice.plug();
    await alice.enroll('--name', 'first of two');
    alice.keys.length = 0;
    const two = await alice.plug();
    await alice.enroll('--name', 'second of two');
    alice.keys.unshift(one);
    one.say('presence never');
    two.say('presence line');
    const running = alice.start(['discharge', await alice.mint(FIDO)]);
    await running.said(/2 security keys are plugged in: touch the one to use/);
    await two.until('waiting');
    two.say('touch'); // which one
    await one.until('cancelled');
    await running.said(/touch the security key now \(software key 2\)/);
    await two.until('waiting');
    two.say('touch'); // and yes
    const { status, stdout, stderr } = await running.ended;
    assert.equal(status, 0, stderr);
    await works(stdout.trim());
  });

  test('a key of somebody else is not asked for', async (t) => {
    const bob = await person(t, broker);
    await bob.plug({ presence: 'never' });
    const alice = await person(t, broker);
    const said = await bob.cannot(1, await alice.mint(FIDO), '--with', 'fido2');
    assert.match(said, /no security key that is plugged in is one that/);
    assert.match(said, /keyhole enroll/);
  });

  test('none is plugged in', async (t) => {
    const alice = await person(t, broker);
    const said = await alice.cannot(1, await alice.mint(FIDO), '--with', 'fido2');
    assert.match(said, /no security key is plugged in/);
  });

  test('declined at the key', async (t) => {
    const [alice, securityKey] = await withKey(t);
    securityKey.say('presence deny');
    assert.match(await alice.cannot(3, await alice.mint(FIDO)), /declined at the security key/);
  });

  test('nobody touches it: the key gives up', async (t) => {
    const [alice, securityKey] = await withKey(t);
    securityKey.say('presence timeout');
    assert.match(await alice.cannot(1, await alice.mint(FIDO)), /was not touched in time; try again/);
  });

  test('nobody touches it: keyhole gives up, and the key stops blinking', async (t) => {
    const [alice, securityKey] = await withKey(t);
    securityKey.say('presence never');
    await inTime(async (s) => {
      assert.match(await alice.cannot(1, await alice.mint(FIDO), '--timeout', `${s}s`), /was not touched in time/);
      await securityKey.until('cancelled');
    }, [1, 5, 20]);
  });

  test('Ctrl-C: the key stops blinking, and keyhole ends by the signal', async (t) => {
    const [alice, securityKey] = await withKey(t);
    securityKey.say('presence never');
    const running = alice.start(['discharge', await alice.mint(FIDO)]);
    await securityKey.until('waiting');
    running.child.kill('SIGINT');
    await securityKey.until('cancelled');
    const { signal, stdout } = await running.ended;
    assert.equal(signal, 'SIGINT');
    assert.equal(stdout, '');
  });

  test('Ctrl-C while several blink: all of them stop', async (t) => {
    const alice = await person(t, broker);
    const one = await alice.plug();
    await alice.enroll();
    alice.keys.length = 0;
    const two = await alice.plug();
    await alice.enroll();
    alice.keys.unshift(one);
    for (const k of alice.keys) k.say('presence never');
    const running = alice.start(['discharge', await alice.mint(FIDO)]);
    for (const k of [one, two]) await k.until('waiting');
    running.child.kill('SIGINT');
    for (const k of [one, two]) await k.until('cancelled');
    assert.equal((await running.ended).signal, 'SIGINT');
  });

  test('pulled out while it blinks', async (t) => {
    const [alice, securityKey] = await withKey(t);
    securityKey.say('presence never');
    const running = alice.start(['discharge', await alice.mint(FIDO)]);
    await securityKey.until('waiting');
    await securityKey.unplug();
    const { status, stderr } = await running.ended;
    assert.equal(status, 1, stderr);
    assert.match(stderr, /was it unplugged\? Plug it in and try again/);
  });

  test('a key that lies is found out by the discharger', async (t) => {
    const [alice, securityKey] = await withKey(t);
    securityKey.say('lie sig');
    assert.match(await alice.cannot(3, await alice.mint(FIDO)), /\(signature-invalid\)/);
    securityKey.say('lie noup');
    assert.match(await alice.cannot(3, await alice.mint(FIDO)), /\(presence-missing\)/);
  });

  test('the installed program knows no sockets', async (t) => {
    const [alice, securityKey] = await withKey(t);
    const args = ['discharge', '--discharger', broker.discharger, await alice.mint(FIDO)];
    const without = await run(keyhole, [...args, '--with', 'fido2'], { env: alice.env });
    assert.equal(without.status, 1);
    assert.match(without.stderr, /no security key is plugged in/);
    const named = await run(keyhole, [...args, '--device', securityKey.device], { env: alice.env });
    assert.equal(named.status, 1);
    assert.match(named.stderr, /cannot be opened/);
  });
});

describe('PINs', () => {
  const PIN = 'factor = fido2 and verification = pin for 1h';

  /** A command with lines on descriptor 3. */
  async function withPin(person, pin, args) {
    const path = person.write('pin', `${pin}\n`);
    const command = ['-c', 'exec 3< "$0"; exec "$@" --pin-fd 3', path];
    return run('/bin/sh', [...command, keyholeWithSockets, args[0], ...person.options(args[0]), ...args.slice(1)], { env: person.env });
  }

  async function withPinnedKey(t, pin = '123456') {
    const alice = await person(t, broker);
    const securityKey = await alice.plug({ pin });
    const enrolled = await withPin(alice, pin, ['enroll', '--code', await invite(broker, alice.name)]);
    assert.equal(enrolled.status, 0, enrolled.stderr);
    return [alice, securityKey];
  }

  test('asked for where it is demanded, and only there', async (t) => {
    const [alice] = await withPinnedKey(t);
    const filled = await withPin(alice, '123456', ['discharge', await alice.mint(PIN)]);
    assert.equal(filled.status, 0, filled.stderr);
    assert.ok(!filled.stderr.includes('123456'));
    await works(filled.stdout.trim());
    await works(await alice.discharge(await alice.mint(FIDO)));
  });

  test('no terminal to ask at', async (t) => {
    const [alice] = await withPinnedKey(t);
    assert.match(await alice.cannot(2, await alice.mint(PIN), '--with', 'fido2'), /no terminal.*--pin-fd/s);
  });

  test('wrong, and then locked', async (t) => {
    const [alice] = await withPinnedKey(t);
    const token = await alice.mint(PIN);
    let result = await withPin(alice, '000000', ['discharge', token]);
    assert.equal(result.status, 3, result.stderr);
    assert.match(result.stderr, /the PIN is wrong; 7 tries left/);
    result = await withPin(alice, '000000', ['discharge', token]);
    assert.match(result.stderr, /6 tries left/);
    result = await withPin(alice, '000000', ['discharge', token]);
    assert.equal(result.status, 3, result.stderr);
    assert.match(result.stderr, /three times in a row: unplug the security key/);
    result = await withPin(alice, '123456', ['discharge', token]); // right, and too late
    assert.equal(result.status, 3, result.stderr);
    assert.match(result.stderr, /unplug the security key/);
  });

  test('none is set', async (t) => {
    const [alice] = await withKey(t);
    assert.match(await alice.cannot(1, await alice.mint(PIN), '--with', 'fido2'), /has none: set one/);
  });
});

describe('SSH keys', () => {
  const SSH = 'factor = ssh for 1h';

  test('a key file of ~/.ssh', async (t) => {
    const alice = await person(t, broker);
    await alice.enroll('--ssh', await alice.sshKey());
    const { stdout, stderr } = await alice.keyhole(['discharge', await alice.mint(SSH)]);
    assert.match(stderr, /signing with the SSH key SHA256:/);
    assert.ok(stderr.indexOf('You vouch that') < stderr.indexOf('signing'), stderr);
    await works(stdout.trim());
  });

  test('a key that the agent alone has', async (t) => {
    const alice = await person(t, broker);
    await alice.agent(await alice.sshKey('one'), await alice.sshKey('two', '-t', 'ecdsa'));
    const several = await alice.keyhole(['enroll', '--ssh', '--code', '0000-0000-0000'], { may: true });
    assert.equal(several.status, 3, several.stderr); // the code is wrong; which key, is not asked yet
    const listed = await run('/usr/bin/ssh-add', ['-L'], { env: alice.env });
    const one = listed.stdout.split('\n').find((l) => l.endsWith(' one'));
    await alice.enroll('--ssh', alice.write('one.pub', `${one}\n`));
    await works(await alice.discharge(await alice.mint(SSH)));
  });

  test('rsa, and never by SHA-1', async (t) => {
    const alice = await person(t, broker);
    const path = await alice.sshKey('id_rsa', '-t', 'rsa', '-b', '2048');
    await alice.enroll('--ssh', path);
    await works(await alice.discharge(await alice.mint(SSH), '--ssh-key', path));
  });

  test('a key that is not enrolled', async (t) => {
    const alice = await person(t, broker);
    await alice.sshKey();
    assert.match(await alice.cannot(1, await alice.mint(SSH)), /no SSH key of the agent or in ~\/\.ssh is one that/);
  });

  test('a hole that takes either: the security key first, the SSH key without one', async (t) => {
    const alice = await person(t, broker);
    await alice.enroll('--ssh', await alice.sshKey());
    const either = await alice.mint('factor in fido2, ssh for 1h');
    const { stdout } = await alice.keyhole(['discharge', '--json', either]);
    assert.equal(JSON.parse(stdout).holes[0].with, 'ssh');
    await alice.plug();
    await alice.enroll();
    const again = JSON.parse((await alice.keyhole(['discharge', '--json', '--no-reuse', either])).stdout);
    assert.equal(again.holes[0].with, 'fido2');
  });
});

describe('whom to trust', () => {
  test('a location that nobody named is not even asked', async (t) => {
    const stranger = await person(t, broker);
    stranger.trusts = [];
    const token = await stranger.mint(FIDO);
    const said = await stranger.cannot(1, token);
    assert.match(said, /was not told to trust; nothing was sent there/);
    assert.ok(said.includes(`keyhole trust ${broker.discharger}`), said);
    // Whoever asks later is on record, and the stranger is not.
    const [alice] = await withKey(t);
    await alice.discharge(await alice.mint(FIDO));
    const asked = (who) => broker.log.includes(`"event":"asked","message":"user ${who.name},`);
    await until('the discharger\'s log names alice', () => asked(alice));
    assert.ok(!asked(stranger));
  });

  test('keyhole trust: the key is shown, kept in a file, listed and removed', async (t) => {
    const [alice] = await withKey(t);
    alice.trusts = [];
    const refusedUnseen = await alice.keyhole(['trust', broker.discharger], { may: true });
    assert.equal(refusedUnseen.status, 2, refusedUnseen.stderr);
    const address = (await broker.operator(['discharger', 'show'])).stdout.trim();
    assert.ok(refusedUnseen.stderr.includes(address), refusedUnseen.stderr);
    await alice.keyhole(['trust', '--name', 'home', '--yes', broker.discharger]);
    const file = join(alice.home, '.config/keyhole/dischargers');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(readFileSync(file, 'utf8').includes(`home ${address}`));
    assert.equal((await alice.keyhole(['trust', '--list'])).stdout, `home ${address}\n`);
    await works(await alice.discharge(await alice.mint(FIDO)));
    const other = `${address.slice(0, -43)}${'A'.repeat(42)}E`;
    const changed = await alice.keyhole(['trust', other], { may: true });
    assert.equal(changed.status, 3, changed.stderr);
    assert.match(changed.stderr, /with another key/);
    await alice.keyhole(['trust', '--remove', 'home']);
    await alice.cannot(1, await alice.mint(FIDO));
  });
});

describe('several holes, and once is enough', () => {
  test('all in one go, those that a holder added too', async (t) => {
    const alice = await person(t, broker);
    await alice.plug();
    await alice.enroll();
    await alice.enroll('--ssh', await alice.sshKey());
    const address = (await broker.operator(['discharger', 'show'])).stdout.trim();
    const token = await broker.attenuate(await alice.mint(FIDO, 'factor = ssh for 1h'),
      '--hole', alice.hole('factor = fido2 for 10m'), '--discharger', address);
    const { stdout } = await alice.keyhole(['discharge', '--json', token]);
    const { token: filled, holes } = JSON.parse(stdout);
    assert.deepEqual(holes.map((h) => h.with), ['fido2', 'ssh', 'fido2']);
    assert.equal(macaroonsOf(filled).length, 4);
    await works(filled);
  });

  test('a discharge is used again for the same token, and for no sibling', async (t) => {
    const [alice, securityKey] = await withKey(t);
    const token = await alice.mint(FIDO);
    await alice.discharge(token);
    const directory = join(alice.home, '.local/state/keyhole/discharges');
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    const [file] = readdirSync(directory);
    assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600);
    assert.ok(!readFileSync(join(directory, file)).includes('kh1_'));

    securityKey.say('presence deny'); // whoever asks now is told no
    const { stdout, stderr } = await alice.keyhole(['discharge', '--json', token]);
    assert.equal(JSON.parse(stdout).holes[0].with, 'kept', stderr);
    await works(JSON.parse(stdout).token);
    await alice.cannot(3, token, '--no-reuse');
    await alice.cannot(3, await broker.attenuate(token, '--label', 'sibling'));
  });

  test('a token without a hole is printed as it is', async (t) => {
    const alice = await person(t, broker);
    const token = await alice.mint();
    const { stdout, stderr } = await alice.keyhole(['discharge', token]);
    assert.equal(stdout.trim(), token);
    assert.match(stderr, /no open hole/);
  });
});
