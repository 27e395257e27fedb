// SPDX-License-Identifier: Apache-2.0
// A token without an operator: whoever asks gets one that is worth nothing until its user fills the
// hole, and learns from it neither who exists nor what they may do.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { person, startHoleBroker } from '../support/holes.mjs';
import { decodeV2, tokenBytes } from '../support/macaroon.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
const PATH = '/.well-known/keyhole/login';
const MANY = 'login: {per-client: 100000, total: 100000}\n';
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

async function serving(t, config = MANY) {
  const broker = await startHoleBroker(t, { config });
  await broker.addCredential('one', { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  return broker;
}

const ask = (broker, body, headers = { 'content-type': 'application/json' }) =>
  broker.request(PATH, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

const login = async (broker, user, credential = 'one', more = {}) => {
  const answer = await ask(broker, { user, credentials: [credential].flat(), ...more });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(Object.keys(answer.json()).sort(), ['expires_at', 'token']);
  return answer.json();
};

/** What whoever asked can see of a token: its caveats in clear, and how long it lives. */
function shapeOf({ token, expires_at: expires }, user) {
  const bytes = tokenBytes(token);
  const caveats = decodeV2(bytes).caveats.map((c) => (c.vid ? `hole at ${c.location}` : String(c.id)));
  return { caveats: caveats.map((c) => c.replaceAll(user, 'USER')), length: bytes.length,
    lives: Math.round((Date.parse(expires) - Date.now()) / 60000) };
}

describe('a login', () => {
  test('is refused everywhere until the user answers, and then is theirs', async (t) => {
    const broker = await serving(t);
    const alice = await person(t, broker);
    await alice.plug();
    await alice.enroll();
    const { token } = await login(broker, alice.name);
    const { problem } = broker.denied(await broker.request('/~one/v1/x', { token }), 401, 'hole-open',
      { detail: new RegExp(`it demands user = ${alice.name} and factor in yubikey, fido2, ssh for 8h, filled at ${broker.discharger}`) });
    assert.match(problem.advice, /keyhole discharge/);
    const filled = await alice.discharge(token);
    const answer = await broker.request('/~one/v1/x', { token: filled });
    assert.equal(answer.status, 200, answer.text);
    const record = broker.recordOf(answer);
    assert.equal(record.user, alice.name);
    assert.ok(record.labels.some((l) => l.includes('fido2')), `who answered is on record: ${record.labels}`);
    assert.deepEqual(record.holes, [`user = ${alice.name} and factor in yubikey, fido2, ssh for 8h`]);
  });

  test('by one command, with an SSH key', async (t) => {
    const broker = await serving(t);
    const alice = await person(t, broker);
    const ssh = await alice.sshKey();
    await alice.enroll('--ssh', ssh);
    const { stdout } = await alice.keyhole(['login', alice.name, '--credential', 'one', '--for', '1h',
      '--broker', broker.url, '--with', 'ssh', '--ssh-key', ssh]);
    assert.match(stdout, /^kh1_[A-Za-z0-9_-]+\n$/, 'a token and nothing else on stdout');
    assert.equal((await broker.request('/~one/v1/x', { token: stdout.trim() })).status, 200);
  });

  test('of somebody else cannot be filled by one\'s own key', async (t) => {
    const broker = await serving(t);
    const [alice, mallory] = [await person(t, broker), await person(t, broker)];
    await mallory.plug();
    await mallory.enroll();
    await mallory.cannot(1, (await login(broker, alice.name)).token, '--with', 'fido2');
  });

  test('stores nothing but a line in the audit log', async (t) => {
    const broker = await serving(t);
    const before = (await broker.status()).tokens_minted;
    const { token } = await login(broker, 'alice');
    assert.equal((await broker.status()).tokens_minted, before);
    const record = broker.audit().find((r) => r.kind === 'login');
    assert.equal(record.user, 'alice');
    assert.equal(record.subject, 'one');
    assert.match(record.client, /^127\./);
    assert.ok(!JSON.stringify(record).includes(token));
    await broker.operator(['audit', 'verify']);
  });

  test('is ended as other tokens are: by its text, by its id, by its user, by its holder', async (t) => {
    const broker = await serving(t);
    const bob = await person(t, broker);
    await bob.plug();
    await bob.enroll();
    const ways = [
      async (token) => broker.operator(['revoke', '-'], { stdin: token }),
      async (token) => broker.operator(['revoke', broker.audit().findLast((r) => r.kind === 'login' && token).token]),
      async () => broker.operator(['revoke', '--user', bob.name]),
      async (token) => broker.keyhole(['revoke', '-'], { stdin: token }),
    ];
    for (const end of ways) {
      const { token } = await login(broker, bob.name);
      const filled = await bob.discharge(token);
      assert.equal((await broker.request('/~one/v1/x', { token: filled })).status, 200);
      await end(token);
      broker.denied(await broker.request('/~one/v1/x', { token: filled }), 401, 'revoked');
    }
  });

  test('is asked for too often', async (t) => {
    const broker = await serving(t, 'login: {per-client: 3, total: 100}\n');
    for (let i = 0; i < 3; i++) await login(broker, 'alice');
    const answer = await ask(broker, { user: 'alice', credentials: ['one'] });
    const { problem } = broker.denied(answer, 429, 'login-too-often');
    assert.match(problem.title, /^Logins /);
    const { status, stderr } = await broker.keyhole(['login', 'alice', '--credential', 'one', '--broker', broker.url], { may: true });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /too often/);
    assert.equal(broker.audit().filter((r) => r.kind === 'login').length, 3);
    // Tokens are not the limit's business.
    assert.equal((await broker.request('/~one/v1/x', { token: await broker.mint('one') })).status, 200);
  });
});

describe('what is asked wrongly', () => {
  let broker;
  before(async () => {
    broker = await serving(wholeFile);
  });

  const good = { user: 'alice', credentials: ['one'] };
  const rows = [
    ['no JSON', '{'],
    ['two values of a name', '{"user":"alice","user":"bob","credentials":["one"]}'],
    ['a list', '[]'],
    ['no user', { credentials: ['one'] }],
    ['a user that is no name', { ...good, user: 'a b' }],
    ['no credential', { user: 'alice', credentials: [] }],
    ['nine of them', { user: 'alice', credentials: [...'123456789'] }],
    ['one of them twice', { user: 'alice', credentials: ['one', 'one'] }],
    ['no lifetime', { ...good, lifetime_s: 0 }],
    ['something that is not understood', { ...good, caveats: ['method = GET'] }],
  ];
  for (const [what, body] of rows)
    test(what, async () => {
      const answer = await ask(broker, body);
      assert.equal(answer.status, 400, answer.text);
      assert.equal(answer.json().code, 'login-malformed');
    });

  test('a body that a page of another site could send', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded'])
      broker.denied(await ask(broker, good, { 'content-type': type }), 400, 'login-malformed', { detail: /application\/json/ });
  });

  test('a large body', async () => {
    broker.denied(await ask(broker, `${JSON.stringify(good)}${' '.repeat(5000)}`), 413, 'body-too-large');
  });

  test('GET', async () => {
    const answer = await broker.request(PATH);
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.allow, 'POST');
  });

  test('a broker without a discharger', async (t) => {
    const alone = await startBroker(t, { args: ['--no-discharger'] });
    const answer = await ask(alone, good);
    assert.equal(answer.status, 503, answer.text);
    assert.equal(answer.json().code, 'no-discharger');
    assert.deepEqual((await alone.request('/.well-known/keyhole/dischargers')).json(), { dischargers: [] });
  });
});

describe('what an answer tells', () => {
  const POLICY = (alice) => `version: 1
groups: {eng: [${alice}]}
grants:
  - name: eng-one
    to: [group eng]
    credentials: [one]
    lifetime: 2h
    holes: [factor = fido2 for 1h]
  - name: everyone-two
    to: [user bobby]
    credentials: [two]
`;

  test('nothing of who exists, and what they may do', async (t) => {
    const broker = await serving(t);
    const alice = await person(t, broker, 'alice');
    await broker.operator(['policy', 'apply', alice.write('p.yaml', POLICY('alice'))]);
    const shape = shapeOf(await login(broker, 'alice'), 'alice');
    assert.deepEqual(shape.caveats, ['hole = "user = USER and factor = fido2 for 1h"', `hole at ${broker.discharger}`]);
    assert.equal(shape.lives, 120);
    // A user with a grant for something else, one whom only the discharger knows, and nobody.
    await broker.operator(['user', 'add', 'carol']);
    for (const user of ['bobby', 'carol', 'no-1@', 'a.b.c'])
      assert.deepEqual(shapeOf(await login(broker, user), user), shape, user);
    // Nor of which credentials there are.
    const other = shapeOf(await login(broker, 'alice', 'two'), 'alice');
    for (const user of ['bobby', 'nomad'])
      assert.deepEqual(shapeOf(await login(broker, user, 'two'), user), other, user);
    const unknown = shapeOf(await login(broker, 'alice', 'six'), 'alice');
    assert.deepEqual(unknown, other);
    // The lifetime is clamped, not refused: a refusal would tell as well.
    for (const user of ['alice', 'nomad'])
      assert.equal(shapeOf(await login(broker, user, 'one', { lifetime_s: 86400 }), user).lives, 120);
  });

  test('with several grants an unknown user gets the same again, also after a restart', async (t) => {
    const broker = await serving(t);
    const text = `version: 1
grants:
  - {name: a, to: [user alice], credentials: [one], holes: [factor = fido2 for 1h]}
  - {name: b, to: [user bob], credentials: [one], lifetime: 1h}
  - {name: c, to: [user carol], credentials: [one], holes: [factor = ssh for 2h]}
`;
    await broker.operator(['policy', 'apply', '-'], { stdin: text });
    const users = Array.from({ length: 12 }, (_, i) => `n${100 + i}`);
    const look = () => Promise.all(users.map(async (u) => shapeOf(await login(broker, u), u).caveats[0]));
    const first = await look();
    assert.ok(new Set(first).size > 1, 'they do not all get the same');
    assert.deepEqual(await look(), first);
    await broker.restart();
    assert.deepEqual(await look(), first);
  });

  test('a grant\'s hole is filled, and the grant then covers the request', async (t) => {
    const broker = await serving(t);
    const alice = await person(t, broker);
    await alice.plug();
    await alice.enroll();
    await broker.operator(['policy', 'apply', alice.write('p.yaml', POLICY(alice.name))]);
    const filled = await alice.discharge((await login(broker, alice.name)).token);
    const answer = await broker.request('/~one/v1/x', { token: filled });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(broker.recordOf(answer).grant, 'eng-one');
    // Somebody without a grant may log in, and is then refused by policy.
    const bob = await person(t, broker);
    await bob.plug();
    await bob.enroll();
    const bobs = await bob.discharge((await login(broker, bob.name)).token);
    broker.denied(await broker.request('/~one/v1/x', { token: bobs }), 403, 'no-grant');
  });
});

describe('the list of dischargers', () => {
  test('names the one beside the broker, and follows the configuration', async (t) => {
    const broker = await serving(t);
    const { stdout } = await broker.operator(['discharger', 'show']);
    const list = async () => (await broker.request('/.well-known/keyhole/dischargers')).json().dischargers;
    const [local] = await list();
    assert.equal(local.name, 'local');
    assert.equal(local.url, broker.discharger);
    assert.equal(`${local.url}#${local.public_key}`, stdout.trim());
    assert.deepEqual((await broker.status()).dischargers, await list());

    const { appendFileSync } = await import('node:fs');
    appendFileSync(broker.file('keyholed.yaml'), `dischargers:\n  - name: security\n    address: https://d.example#${local.public_key}\ndefault-discharger: security\n`);
    broker.reload();
    const changed = await until('the list follows', async () => {
      const now = await list();
      return now.length === 2 && now;
    });
    assert.deepEqual(changed.map((d) => [d.name, d.url]), [['security', 'https://d.example'], ['local', broker.discharger]]);
    const { caveats } = shapeOf(await login(broker, 'alice'), 'alice');
    assert.equal(caveats[1], 'hole at https://d.example');
  });
});
