// SPDX-License-Identifier: Apache-2.0
// Tokens that are minted with holes: as the operator asks, as the policy demands, for which
// discharger.

import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { person, startHoleBroker } from '../support/holes.mjs';
import { decodeV2, tokenBytes } from '../support/macaroon.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

async function withCredential(broker) {
  await broker.addCredential('one', { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  return broker;
}

const serving = async (t, options) => withCredential(await startHoleBroker(t, options));

const mint = (broker, args, options) => broker.operator(['mint', '--credential', 'one', ...args], options);
const get = (broker, token) => broker.request('/~one/v1/x', { token });
const holesOf = (token) => decodeV2(tokenBytes(token)).caveats.filter((c) => c.vid).map((c) => String(c.location));

/** A discharger without a broker, as on another host. */
class Alone extends Broker {
  constructor(t) {
    super(t, { listen: null });
  }

  command() {
    return ['discharger', 'run', '--dir', this.directory, '--listen', '127.0.0.1:0'];
  }
}

describe('keyholed mint --hole', () => {
  let broker;
  before(async () => {
    broker = await serving(wholeFile);
  });

  test('says what has to be filled, and where; the token alone on stdout', async () => {
    const { stdout, stderr } = await mint(broker, ['--user', 'alice', '--hole', 'user = alice and factor = fido2 for 8h']);
    assert.match(stdout, /^kh1_[A-Za-z0-9_-]+\n$/);
    assert.match(stderr, /hole: user = alice and factor = fido2 for 8h/);
    assert.ok(stderr.includes(`filled at ${broker.discharger}: keyhole discharge`), stderr);
    assert.deepEqual(holesOf(stdout.trim()), [broker.discharger]);
  });

  test('as JSON', async () => {
    const result = await broker.operatorJson(['mint', '--credential', 'one', '--hole', 'factor = ssh for 60m', '--hole', 'user = bob for 1h']);
    assert.deepEqual(result.holes, ['factor = ssh for 1h', 'user = bob for 1h']);
    assert.equal(result.discharger, broker.discharger);
    const { holes, discharger } = await broker.operatorJson(['mint', '--credential', 'one']);
    assert.deepEqual(holes, []);
    assert.equal(discharger, undefined);
  });

  test('refused until it is filled, by the one whom it names', async (t) => {
    const alice = await person(t, broker);
    await alice.plug();
    await alice.enroll();
    const token = await alice.mint('factor = fido2 for 8h');
    const { problem, record } = broker.denied(await get(broker, token), 401, 'hole-open');
    assert.equal(problem.detail, `it demands user = ${alice.name} and factor = fido2 for 8h, filled at ${broker.discharger}`);
    assert.equal(record.detail, problem.detail);
    assert.match(problem.advice, /keyhole discharge/);
    const answer = await get(broker, await alice.discharge(token));
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(broker.recordOf(answer).holes, [`user = ${alice.name} and factor = fido2 for 8h`]);
  });

  test('the ticket says what whoever fills it has to know', async (t) => {
    const alice = await person(t, broker);
    await alice.plug();
    await alice.enroll();
    const { stdout } = await mint(broker, ['--user', alice.name, '--hole', alice.hole(), '--caveat', 'method = GET',
      '--caveat', 'label = "nightly job"']);
    const { stderr } = await alice.keyhole(['discharge', '-'], { stdin: stdout });
    assert.match(stderr, /nightly job/);
    assert.match(stderr, /\bGET\b/);
    assert.match(stderr, /Credential +one/);
  });

  test('what cannot be a hole', async () => {
    for (const [spec, says] of [['factor = yubikey', /hole 1: /], ['colour = blue for 8h', /hole 1: /], ['', /hole 1: /]]) {
      const { status, stdout, stderr } = await mint(broker, ['--hole', spec], { may: true });
      assert.equal(status, 1, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, says);
    }
    const { status, stderr } = await mint(broker, ['--hole', 'factor = ssh for 1h', '--discharger', 'nobody'], { may: true });
    assert.equal(status, 1);
    assert.match(stderr, /there is local/);
  });

  test('a broker that knows no discharger', async (t) => {
    const alone = await withCredential(await startBroker(t, { args: ['--no-discharger'] }));
    assert.equal(alone.discharger, undefined);
    const { status, stderr } = await mint(alone, ['--hole', 'factor = ssh for 1h'], { may: true });
    assert.equal(status, 1);
    assert.match(stderr, /knows no discharger that could fill a hole/);
    await alone.operator(['policy', 'apply', '-'], { stdin: `version: 1
grants:
  - {name: keyed, to: [everyone], credentials: [one], holes: [factor = ssh for 1h]}
` });
    const denied = await mint(alone, ['--user', 'alice'], { may: true });
    assert.equal(denied.status, 3, denied.stderr);
    assert.match(denied.stderr, /grant keyed demands a hole \(factor = ssh for 1h\)/);
  });
});

describe('under a policy', () => {
  test('minting adds what the grant demands, for the token\'s user, and the grant then covers it', async (t) => {
    const broker = await serving(t);
    const alice = await person(t, broker);
    await alice.plug();
    await alice.enroll();
    const text = (version) => `version: 1
grants:
  - name: keyed
    to: [user ${alice.name}]
    credentials: [one]
    lifetime: ${version}h
    holes: [factor = fido2 for 8h]
tests:
  - {request: GET https://upstream.example/v1/x, user: ${alice.name}, credential: one, holes: [factor = fido2 for 8h], expect: allow}
  - {request: GET https://upstream.example/v1/x, user: ${alice.name}, credential: one, expect: deny}
`;
    const plain = await broker.mint('one', { user: alice.name });
    await broker.operator(['policy', 'apply', '-'], { stdin: text(2) });
    const minted = await broker.operatorJson(['mint', '--credential', 'one', '--user', alice.name]);
    assert.deepEqual(minted.holes, [alice.hole()]);
    assert.equal((Date.parse(minted.expires_at) - Date.parse(minted.issued_at)) / 1000, 7200);
    const answer = await get(broker, await alice.discharge(minted.token));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(broker.recordOf(answer).grant, 'keyed');
    broker.denied(await get(broker, plain), 403, 'no-grant');

    // Given as well, it stands there once; a hole that a holder adds is none that was minted.
    const twice = await broker.operatorJson(['mint', '--credential', 'one', '--user', alice.name, '--hole', alice.hole()]);
    assert.deepEqual(twice.holes, [alice.hole()]);
    const stricter = await broker.operatorJson(['mint', '--credential', 'one', '--user', alice.name, '--hole', alice.hole('factor = fido2 for 1h')]);
    assert.deepEqual(stricter.holes, [alice.hole('factor = fido2 for 1h'), alice.hole()]);
  });
});

describe('several dischargers', () => {
  test('a token for one of another host is filled there, and nowhere else', async (t) => {
    const other = new Alone(t);
    await other.start();
    const address = (await other.operator(['discharger', 'show'])).stdout.trim();
    assert.match(address, /^http:\/\/localhost:\d+#kd1_[A-Za-z0-9_-]{43}$/);
    assert.equal(address.split('#')[0], other.discharger);
    const broker = await serving(t, { config: `dischargers:\n  - name: security\n    address: ${address}\n` });
    assert.deepEqual((await broker.status()).dischargers.map((d) => d.name), ['local', 'security']);

    const alice = await person(t, other);
    const ssh = await alice.sshKey();
    await alice.enroll('--ssh', ssh);
    const { stdout } = await mint(broker, ['--user', alice.name, '--discharger', 'security', '--hole', alice.hole('factor = ssh for 1h')]);
    assert.deepEqual(holesOf(stdout.trim()), [other.discharger]);
    const filled = await alice.discharge(stdout.trim(), '--with', 'ssh', '--ssh-key', ssh);
    assert.equal((await get(broker, filled)).status, 200);
    // The one beside the broker cannot open that ticket.
    const ticket = decodeV2(tokenBytes(stdout.trim())).caveats.find((c) => c.vid).id;
    const answer = await fetch(`${broker.discharger}/.well-known/macfly/3p`, { method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ticket: Buffer.from(ticket).toString('base64url') }) });
    assert.ok(answer.status >= 400, `${answer.status}`);
    await answer.text();
  });

  test('the default is the configuration\'s to say, also on a reload', async (t) => {
    const broker = await serving(t);
    const [local] = (await broker.status()).dischargers;
    appendFileSync(broker.file('keyholed.yaml'), `dischargers:\n  - name: security\n    address: https://d.example#${local.public_key}\ndefault-discharger: security\n`);
    broker.reload();
    await until('the default is another', async () => (await broker.status()).dischargers[0].name === 'security');
    const { discharger } = await broker.operatorJson(['mint', '--credential', 'one', '--hole', 'factor = ssh for 1h']);
    assert.equal(discharger, 'https://d.example');
    const back = await broker.operatorJson(['mint', '--credential', 'one', '--hole', 'factor = ssh for 1h', '--discharger', 'local']);
    assert.equal(back.discharger, broker.discharger);
  });
});
