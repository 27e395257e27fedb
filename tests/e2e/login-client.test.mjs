// SPDX-License-Identifier: Apache-2.0
// keyhole login: one command from nothing to a token of one's own.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { realKey } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { keyholeWithSockets, person, startHoleBroker } from '../support/holes.mjs';
import { run } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';

const key = realKey();
let upstream, broker;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startHoleBroker(wholeFile, { config: 'login: {per-client: 100000, total: 100000}\n' });
  for (const name of ['one', 'two'])
    await broker.addCredential(name, { secret: key, upstream, hosts: ['upstream.example'],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
});

/** Somebody with a security key, who was told of the broker and of nothing else. */
async function withKey(t, options) {
  const alice = await person(t, broker);
  const securityKey = await alice.plug(options);
  await alice.enroll();
  alice.trusts = [];
  alice.more.KEYHOLE_BROKER = broker.url;
  return [alice, securityKey];
}

const login = (alice, ...args) => alice.keyhole(['login', alice.name, '--credential', 'one', ...args], { may: true });

async function works(token, credential = 'one') {
  const answer = await broker.request(`/~${credential}/v1/x`, { token });
  assert.equal(answer.status, 200, answer.text);
  return broker.recordOf(answer);
}

test('a touch is the login: the broker says whom to trust', async (t) => {
  const [alice, securityKey] = await withKey(t);
  const { status, stdout, stderr } = await login(alice, '--for', '1h');
  assert.equal(status, 0, stderr);
  await securityKey.until('touched');
  assert.match(stdout, /^kh1_[A-Za-z0-9_-]+\n$/, 'a token and nothing else on stdout');
  assert.match(stderr, new RegExp(`You vouch that +user = ${alice.name} and `));
  const record = await works(stdout.trim());
  assert.equal(record.user, alice.name);
  // Less for an agent than one has oneself, and no touch for that.
  const narrow = await broker.attenuate(stdout.trim(), '--method', 'GET', '--for', '10m', '--label', 'agent');
  assert.ok((await works(narrow)).labels.includes('agent'));
});

test('over the unix socket, for several credentials, as JSON', async (t) => {
  const [alice] = await withKey(t);
  const { status, stdout, stderr } = await login(alice, '--credential', 'two', '--json', '--broker', broker.unix);
  assert.equal(status, 0, stderr);
  const { token, holes } = JSON.parse(stdout);
  assert.equal(holes.length, 1);
  assert.equal(holes[0].with, 'fido2');
  assert.equal(holes[0].location, broker.discharger);
  await works(token);
  await works(token, 'two');
});

test('each login is asked for: nothing is used again for another token', async (t) => {
  const [alice, securityKey] = await withKey(t);
  assert.equal((await login(alice)).status, 0);
  securityKey.say('presence deny');
  const { status, stdout, stderr } = await login(alice);
  assert.equal(status, 3, stderr);
  assert.equal(stdout, '', 'a token that is worth nothing is not printed');
  assert.match(stderr, /declined at the security key/);
});

describe('what cannot be had', () => {
  test('somebody else\'s token', async (t) => {
    const [alice] = await withKey(t);
    const bob = await person(t, broker);
    const { status, stdout, stderr } = await alice.keyhole(
      ['login', bob.name, '--credential', 'one', '--with', 'fido2'], { may: true });
    assert.equal(status, 1, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /no security key that is plugged in is one that/);
  });

  test('a token of nobody: as of somebody else, word for word', async (t) => {
    const [alice] = await withKey(t);
    const bob = await person(t, broker);
    const say = async (user) => {
      const { status, stderr } = await alice.keyhole(['login', user, '--credential', 'one', '--with', 'fido2'], { may: true });
      const text = stderr.replaceAll(user, 'USER').replace(/(Token|Lineage|Code|To be answered by) +.*/g, '$1');
      return { status, text };
    };
    assert.deepEqual(await say('nobody-1'), await say(bob.name));
  });

  test('a broker that is not there, or is none', async (t) => {
    const [alice] = await withKey(t);
    const nobody = await login(alice, '--broker', '/nonexistent/keyhole.sock');
    assert.equal(nobody.status, 1, nobody.stderr);
    const other = await login(alice, '--broker', broker.discharger);
    assert.equal(other.status, 1, other.stderr);
    assert.match(other.stderr, /no Keyhole broker/);
  });

  test('without a broker', async () => {
    const { status, stderr } = await run(keyholeWithSockets, ['login', 'alice', '--credential', 'one']);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /which broker\?/);
  });
});

test('keyhole discharge trusts what the broker announces, and asks it only then', async (t) => {
  const [alice] = await withKey(t);
  const { stdout } = await alice.keyhole(['discharge', await alice.mint('factor = fido2 for 1h')]);
  await works(stdout.trim());
  // Not a broker that could be anybody.
  const { status, stderr } = await alice.keyhole(['discharge', '--broker', 'http://192.0.2.1:1', '--no-reuse',
    await alice.mint('factor = fido2 for 1h')], { may: true });
  assert.equal(status, 1, stderr);
  assert.match(stderr, /has no TLS, so what it announces could be anybody's/);
  assert.match(stderr, /was not told to trust/);
});

test('keyhole enroll goes to the broker\'s discharger', async (t) => {
  const alice = await person(t, broker);
  alice.trusts = [];
  alice.more.KEYHOLE_BROKER = broker.url;
  await alice.plug();
  const { user } = await alice.enroll();
  assert.equal(user, alice.name);
});
