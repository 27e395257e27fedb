// SPDX-License-Identifier: Apache-2.0
// Holes that a holder adds without asking anybody. The ticket is opened with PyNaCl and filled with
// pymacaroons, which share no line with us: what we write is what the documents say.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { decodeV2, tokenBytes, tokenOf } from '../support/macaroon.mjs';
import { keyhole, must, python, run, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';

const key = realKey();
const url = 'https://discharge.example';
const spec = 'user = alice and factor = yubikey for 15m';
let upstream, broker, token, discharger;

async function pythonJson(program, input) {
  return JSON.parse((await must(python, ['-c', program], { stdin: JSON.stringify(input) })).stdout);
}

// A key pair of X25519, and how it opens what crypto_box_seal sealed to it.
const makeKeys = `
import json, nacl.public
k = nacl.public.PrivateKey.generate()
print(json.dumps({'secret': bytes(k).hex(), 'public': bytes(k.public_key).hex()}))
`;
const unseal = `
import json, sys, nacl.public
i = json.load(sys.stdin)
box = nacl.public.SealedBox(nacl.public.PrivateKey(bytes.fromhex(i['secret'])))
print(json.dumps(box.decrypt(bytes.fromhex(i['sealed'])).hex()))
`;
const discharging = `
import base64, json, sys, pymacaroons
i = json.load(sys.stdin)
m = pymacaroons.Macaroon(version=2, location=i['location'], identifier=bytes.fromhex(i['ticket']), key=bytes.fromhex(i['key']))
for c in i['caveats']: m.add_first_party_caveat(c)
s = m.serialize()
print(json.dumps(base64.urlsafe_b64decode(s + '=' * (-len(s) % 4)).hex()))
`;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  token = await broker.mint('openai', { user: 'alice', caveats: ['method in GET, POST'] });
  discharger = await pythonJson(makeKeys, {});
  discharger.address = `${url}#kd1_${Buffer.from(discharger.public, 'hex').toString('base64url')}`;
});

const hole = (tok, ...args) => broker.attenuate(tok, '--hole', spec, '--discharger', discharger.address, ...args);
const lineage = (tok) => createHash('sha256').update(tokenBytes(tok).subarray(-32)).digest('hex').slice(0, 32);

/** What is sealed in a ticket, read as caveats/ticket.h says. */
async function openTicket(ticket) {
  assert.equal(ticket[0], 1, 'version of the ticket');
  const keyId = createHash('sha256').update(Buffer.from(discharger.public, 'hex')).digest().subarray(0, 4);
  assert.deepEqual(ticket.subarray(1, 5), keyId, 'key id');
  const plain = Buffer.from(await pythonJson(unseal, { ...discharger, sealed: ticket.subarray(5).toString('hex') }), 'hex');
  let at = 0;
  const bytes = (n) => plain.subarray(at, (at += n));
  const number = (n) => Number(BigInt(`0x${bytes(n).toString('hex')}`));
  const text = (size) => bytes(number(size)).toString();
  const texts = (size) => Array.from({ length: number(1) }, () => text(size));
  assert.equal(number(1), 1, 'version of the plain text');
  const opened = {
    key: bytes(32).toString('hex'), condition: text(2), broker: text(1), principal: text(1), tokenId: bytes(16).toString('hex'),
    expiresAt: number(8), credentials: texts(1), label: text(1), caveats: texts(2), leftOut: number(2),
  };
  assert.equal(at, plain.length, 'nothing follows');
  return opened;
}

/** The discharge of a token's last hole, for the token as `parent`. */
async function fill(holed, { parent = lineage(holed), caveats = ['time < 2099-01-01T00:00:00Z', 'label = "yubikey, blue, alice"'], rootKey } = {}) {
  const { id: ticket } = decodeV2(tokenBytes(holed)).caveats.findLast((c) => c.vid);
  const opened = await openTicket(ticket);
  return Buffer.from(await pythonJson(discharging, {
    location: url, ticket: ticket.toString('hex'), key: rootKey ?? opened.key,
    caveats: parent ? [...caveats, `parent = ${parent}`] : caveats,
  }), 'hex');
}

const ask = (tok, options) => broker.request('/~openai/v1/models', { token: tok, ...options });
const inspect = async (tok) => JSON.parse((await broker.keyhole(['inspect', '--json', '-'], { stdin: tok })).stdout);

describe('adding a hole', () => {
  test('without a broker or a discharger: the public key is enough', async (t) => {
    const home = temporaryDirectory(t);
    const { stdout, stderr } = await must(keyhole, ['attenuate', '--hole', spec, '--discharger', discharger.address, '-'],
      { stdin: token, env: { HOME: home } });
    assert.equal(stderr, '');
    const caveats = decodeV2(tokenBytes(stdout.trim())).caveats;
    assert.deepEqual(caveats.slice(0, -1).map((c) => String(c.id)), ['method in GET, POST', `hole = "${spec}"`]);
    assert.equal(String(caveats.at(-1).location), url);
    assert.equal(caveats.at(-1).vid.length, 72);
  });

  test('the ticket says what the token says of itself', async () => {
    const holed = await hole(token, '--method', 'GET', '--label', 'build agent');
    const said = await inspect(token);
    const opened = await openTicket(decodeV2(tokenBytes(holed)).caveats.at(-1).id);
    assert.deepEqual({ ...opened, key: undefined }, {
      key: undefined, condition: spec, broker: said.location, principal: 'alice', tokenId: said.token_id,
      expiresAt: Date.parse(said.expires_at) / 1000, credentials: ['openai'], label: 'build agent',
      caveats: ['method in GET, POST', 'method = GET'], leftOut: 0,
    });
  });

  test('to a discharger that is trusted, by its name, its URL, or as the first', async (t) => {
    const config = temporaryDirectory(t);
    const env = { XDG_CONFIG_HOME: config };
    const where = async (...args) => {
      const { stdout } = await must(keyhole, ['attenuate', '--hole', spec, ...args, '-'], { stdin: token, env });
      return String(decodeV2(tokenBytes(stdout.trim())).caveats.at(-1).location);
    };
    mkdirSync(join(config, 'keyhole'));
    writeFileSync(join(config, 'keyhole/dischargers'),
      `# of the team\nwork ${discharger.address}\nhome ${discharger.address.replace(url, 'http://localhost:8438')}\n`);
    assert.equal(await where(), url);
    assert.equal(await where('--discharger', 'home'), 'http://localhost:8438');
    assert.equal(await where('--discharger', `${url.toUpperCase()}:443/`), url);
    const { status, stderr, stdout } = await run(keyhole, ['attenuate', '--hole', spec, '--discharger', 'elsewhere', '-'], { stdin: token, env });
    assert.equal(status, 1, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /keyhole trust/);
  });

  for (const [what, args, says] of [
    ['a hole that is not well-formed', ['--hole', 'factor = yubikey', '--discharger', `${url}#kd1_${'A'.repeat(43)}`], /" for "/],
    ['a factor that nobody has', ['--hole', 'factor = password for 1h'], /one of yubikey fido2 ssh ssh-sk/],
    ['an address without its key', ['--hole', spec, '--discharger', `${url}#kd1_`], /public key/],
    ['plain http to another machine', ['--hole', spec, '--discharger', `http://discharge.example#kd1_${'B'.repeat(43)}`], /https/],
    ['nobody to fill it', ['--hole', spec], /who is to fill the hole/],
  ])
    test(`${what}: 2, and a sentence`, async () => {
      const { status, stdout, stderr } = await run(keyhole, ['attenuate', ...args, '-'], { stdin: token });
      assert.equal(status, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, says);
    });
});

describe('what a hole is good for', () => {
  test('open, it lets nothing through', async () => {
    broker.denied(await ask(await hole(token)), 401, 'hole-open');
  });

  test('filled, it lets through what the token allows, and its descendants, and nobody else', async () => {
    const holed = await hole(token, '--label', 'agent');
    const discharge = await fill(holed);
    const filled = tokenOf(tokenBytes(holed), discharge);
    const allowed = await ask(filled);
    assert.equal(allowed.status, 200, allowed.text);
    assert.ok(broker.recordOf(allowed).labels.includes('agent'));

    const narrowed = await broker.attenuate(filled, '--method', 'GET', '--label', 'sub-agent');
    assert.equal((await ask(narrowed)).status, 200);
    broker.denied(await ask(narrowed, { method: 'POST', body: '{}' }), 401, 'caveat-failed');

    // A sibling has the same hole, and may not use the answer that was given for the other.
    const common = await hole(token);
    const one = await broker.attenuate(common, '--label', 'one'), two = await broker.attenuate(common, '--label', 'two');
    const forOne = await fill(one);
    assert.equal((await ask(tokenOf(tokenBytes(one), forOne))).status, 200);
    broker.denied(await ask(tokenOf(tokenBytes(two), forOne)), 401, 'discharge-invalid');
    broker.denied(await ask(tokenOf(tokenBytes(common), forOne)), 401, 'discharge-invalid');
  });

  test('a discharge of the wrong key, without a parent, for the token before the hole, or that has ended: no', async () => {
    const holed = await hole(token);
    const tried = async (options) => ask(tokenOf(tokenBytes(holed), await fill(holed, options)));
    broker.denied(await tried({ rootKey: '07'.repeat(32) }), 401, 'discharge-invalid');
    broker.denied(await tried({ parent: null }), 401, 'discharge-invalid');
    broker.denied(await tried({ parent: lineage(token) }), 401, 'discharge-invalid');
    broker.denied(await tried({ caveats: ['time < 2020-01-01T00:00:00Z'] }), 401, 'discharge-expired');
  });

  test('two holes take two discharges, whichever comes first', async () => {
    const once = await hole(token);
    const twice = await hole(once, '--method', 'GET');
    const parent = lineage(twice);
    const first = await fill(once, { parent }), second = await fill(twice, { parent });
    broker.denied(await ask(tokenOf(tokenBytes(twice), first)), 401, 'hole-open');
    assert.equal((await ask(tokenOf(tokenBytes(twice), first, second))).status, 200);
    assert.equal((await ask(tokenOf(tokenBytes(twice), second, first))).status, 200);
    broker.denied(await ask(tokenOf(tokenBytes(twice), first, first)), 401, 'discharge-invalid');
  });
});

describe('looking at one', () => {
  test('inspect --json: demand, place, who vouched, until when, for which lineage', async () => {
    const holed = await hole(token);
    const open = (await inspect(holed)).caveats.find((c) => c.kind === 'hole');
    assert.deepEqual({ ...open, ticket: undefined },
      { macaroon: 0, index: 2, kind: 'hole', origin: 'holder', ticket: undefined, location: url, demand: spec, filled: false });
    const said = await inspect(tokenOf(tokenBytes(holed), await fill(holed)));
    const filled = said.caveats.find((c) => c.kind === 'hole');
    assert.deepEqual({ ...filled, ticket: undefined },
      { ...open, ticket: undefined, filled: true, discharge: 1, by: 'yubikey, blue, alice', parent: lineage(holed), until: '2099-01-01T00:00:00Z' });
    assert.equal(said.holes_open, 0);
  });

  test('inspect, for people', async () => {
    const holed = await hole(token);
    const open = (await broker.keyhole(['inspect', '-'], { stdin: holed })).stdout;
    assert.match(open, /1 hole is open/);
    assert.match(open, /hole, open, for the discharger at https:\/\/discharge\.example\n.*demands: user = alice and factor = yubikey for 15m/);
    const filled = (await broker.keyhole(['inspect', '-'], { stdin: tokenOf(tokenBytes(holed), await fill(holed)) })).stdout;
    assert.match(filled, /hole, filled/);
    assert.match(filled, /vouched by: yubikey, blue, alice\n.*good until: 2099-01-01T00:00:00Z/);
    assert.ok(filled.includes(`for tokens made from lineage ${lineage(holed)}`), filled);
  });

  test('explain: an open hole is against the request, and what a discharge says is judged', async () => {
    const holed = await hole(token);
    const explain = (tok) => run(keyhole, ['explain', '--request', 'GET https://api.openai.com/v1/models', '-'], { stdin: tok });
    const open = await explain(holed);
    assert.equal(open.status, 3, open.stdout);
    const filled = await explain(tokenOf(tokenBytes(holed), await fill(holed)));
    assert.equal(filled.status, 0, filled.stdout + filled.stderr);
    const ended = await explain(tokenOf(tokenBytes(holed), await fill(holed, { caveats: ['time < 2020-01-01T00:00:00Z'] })));
    assert.equal(ended.status, 3, ended.stdout);
    assert.match(ended.stdout, /time < 2020-01-01T00:00:00Z/);
  });
});
