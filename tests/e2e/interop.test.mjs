// SPDX-License-Identifier: Apache-2.0
// Other macaroon libraries narrow our tokens, and the broker judges what they made.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import macaroon from 'macaroon';

import { realKey, startBroker } from '../support/broker.mjs';
import { askDischarge, giveAssertion, mustPost, post, withDischarges } from '../support/discharge.mjs';
import { answerWith, challengeOf, enrolKey, startFido2 } from '../support/fido2.mjs';
import { wholeFile } from '../support/file.mjs';
import { addCaveats, decodeV2, tokenBytes, tokenOf } from '../support/macaroon.mjs';
import { must, python, temporaryDirectory } from '../support/programs.mjs';
import { startSoftauthn } from '../support/softauthn.mjs';
import { startUpstream } from '../support/upstream.mjs';

const key = realKey();
let upstream, broker, token;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  token = await broker.mint('openai', { caveats: ['method in GET, POST', 'path ~ /v1/**', 'label = "é"'] });
});

async function convert(text, to) {
  return (await broker.keyhole(['convert', '-', '--to', to], { stdin: text })).stdout.trim();
}

// Adds caveats with pymacaroons, in V2 (its V1 writer fails on binary identifiers).
async function withPymacaroons(text, ...caveats) {
  const program = 'import sys, pymacaroons\n'
    + 'm = pymacaroons.Macaroon.deserialize(sys.stdin.read().strip())\n'
    + 'for c in sys.argv[1:]: m.add_first_party_caveat(c)\n'
    + 'print(m.serialize())\n';
  return (await must(python, ['-c', program, ...caveats], { stdin: text })).stdout.trim();
}

// Adds caveats with js-macaroon: JSON in, JSON out (its binary export breaks at four caveats).
function withJsMacaroon(text, ...caveats) {
  const m = macaroon.importMacaroon(JSON.parse(text));
  for (const c of caveats) m.addFirstPartyCaveat(new TextEncoder().encode(c));
  return JSON.stringify(m.exportJSON());
}

const libraries = {
  pymacaroons: async (tok, ...caveats) =>
    convert(await withPymacaroons(await convert(tok, 'v2'), ...caveats), 'keyhole'),
  'js-macaroon': async (tok, ...caveats) =>
    convert(withJsMacaroon(await convert(tok, 'json'), ...caveats), 'keyhole'),
};

for (const [name, attenuate] of Object.entries(libraries)) {
  test(`${name}: a token that it narrowed is judged with the caveats that it added`, async () => {
    const narrow = await attenuate(token, 'path = /v1/models', 'label = "someone else\'s library"',
      'method = GET', 'query[limit] <= 100', 'header[accept] present');
    const allowed = await broker.request('/~openai/v1/models?limit=100', { token: narrow });
    assert.equal(allowed.status, 200, allowed.text);
    assert.deepEqual(broker.recordOf(allowed).labels, ['é', "someone else's library"]);
    broker.denied(await broker.request('/~openai/v1/models?limit=101', { token: narrow }), 401, 'caveat-failed',
      { detail: /query\[limit\] <= 100/ });
    broker.denied(await broker.request('/~openai/v1/files', { token: narrow }), 401, 'caveat-failed');
  });

  test(`${name}: a token that goes there and back unchanged is the same token`, async () => {
    assert.equal(await attenuate(token), token);
  });

  test(`${name}: a caveat that is not of our language is refused, never ignored`, async () => {
    const strange = await attenuate(token, 'account = 3735928559');
    broker.denied(await broker.request('/~openai/v1/models', { token: strange }), 401, 'caveat-unknown',
      { detail: /account = 3735928559/ });
  });

  test(`${name}: narrowed, narrowed again by keyhole, and narrowed once more`, async () => {
    const once = await attenuate(token, 'path ~ /v1/models/**');
    const twice = await broker.attenuate(once, '--method', 'GET');
    const thrice = await attenuate(twice, 'path = /v1/models/gpt-4o');
    assert.equal((await broker.request('/~openai/v1/models/gpt-4o', { token: thrice })).status, 200);
    broker.denied(await broker.request('/~openai/v1/models/gpt-3', { token: thrice }), 401, 'caveat-failed');
    broker.denied(await broker.request('/~openai/v1/models/gpt-4o', { token: thrice, method: 'POST', body: '{}' }), 401, 'caveat-failed');
  });

  test(`${name}: sixty caveats`, async () => {
    const long = await attenuate(token, ...Array.from({ length: 60 }, (_, i) => `label = n${i}`));
    assert.equal((await broker.request('/~openai/v1/models', { token: long })).status, 200);
    const over = await attenuate(token, ...Array.from({ length: 62 }, (_, i) => `label = n${i}`))
      .then((tok) => broker.request('/~openai/v1/models', { token: tok }), (error) => error);
    if (!(over instanceof Error)) broker.denied(over, 401, 'token-malformed');
  });
}

test('pymacaroons reads the V1 form, and sees our caveats in it', async () => {
  const program = 'import sys, pymacaroons\n'
    + 'm = pymacaroons.Macaroon.deserialize(sys.stdin.read().strip())\n'
    + 'for c in m.first_party_caveats(): print(c.caveat_id)\n';
  const { stdout } = await must(python, ['-c', program], { stdin: await convert(token, 'v1') });
  assert.deepEqual(stdout.split('\n').slice(0, 2), ['method in GET, POST', 'path ~ /v1/**']);
});

test('js-macaroon: binary in, one caveat, binary out', async () => {
  // Its binary export breaks at four caveats.
  const m = macaroon.importMacaroon(await convert(await broker.mint('openai', { caveats: ['method = GET'] }), 'v2'));
  m.addFirstPartyCaveat(new TextEncoder().encode('path = /v1/models'));
  const narrow = await convert(macaroon.bytesToBase64(m.exportBinary()), 'keyhole');
  assert.equal((await broker.request('/~openai/v1/models', { token: narrow })).status, 200);
  broker.denied(await broker.request('/~openai/v1/files', { token: narrow }), 401, 'caveat-failed');
});

// A hole that js-macaroon dug and filled: the broker verifies the discharge and judges its caveats.
function withHole(json, { key: rootKey = new Uint8Array(32).fill(7), bind = true, caveat = 'time < 2099-01-01T00:00:00Z' } = {}) {
  const m = macaroon.importMacaroon(JSON.parse(json));
  m.addThirdPartyCaveat(new Uint8Array(32).fill(7), 'a-ticket', 'https://discharger.example');
  const d = macaroon.newMacaroon({ identifier: 'a-ticket', rootKey, version: 2 });
  d.addFirstPartyCaveat(new TextEncoder().encode(caveat));
  if (bind) d.bindToRoot(m.signature);
  return JSON.stringify([m.exportJSON(), d.exportJSON()]);
}

test('js-macaroon: a hole with its discharge, bound the classic way', async () => {
  const json = await convert(token, 'json');
  const ask = async (options) => broker.request('/~openai/v1/models', { token: await convert(withHole(json, options), 'keyhole') });
  assert.equal((await ask()).status, 200);
  broker.denied(await ask({ key: new Uint8Array(32).fill(8) }), 401, 'discharge-invalid');
  const unbound = await ask({ bind: false });
  assert.equal(unbound.status, 401, unbound.text);
  const expired = await ask({ caveat: 'time < 2020-01-01T00:00:00Z' });
  assert.equal(expired.status, 401);
  assert.ok(['discharge-expired', 'caveat-failed'].includes(expired.json().code), expired.text);
});

// The same with pymacaroons: it seals the caveat's key itself, discharges and binds.
const pymacaroonsHole = `
import sys, json, pymacaroons
i = json.load(sys.stdin)
m = pymacaroons.Macaroon.deserialize(i['token'])
m.add_third_party_caveat('https://discharger.example', 'a key of the caveat that is known', 'a-ticket')
d = pymacaroons.Macaroon(version=2, location='https://discharger.example', identifier='a-ticket', key=i['key'])
d.add_first_party_caveat(i['caveat'])
print(m.serialize())
print((m.prepare_for_request(d) if i['bind'] else d).serialize())
`;

/** Several macaroons, each base64url of V2 as libraries write it, as one token. */
const joined = (lines) => tokenOf(...lines.trim().split('\n').map((line) => Buffer.from(line, 'base64url')));

test('pymacaroons: a hole with its discharge, bound the classic way', async () => {
  const v2 = await convert(token, 'v2');
  const ask = async (options) => {
    const { stdout } = await must(python, ['-c', pymacaroonsHole], { stdin: JSON.stringify({
      token: v2, key: 'a key of the caveat that is known', caveat: 'time < 2099-01-01T00:00:00Z', bind: true, ...options }) });
    return broker.request('/~openai/v1/models', { token: joined(stdout) });
  };
  const allowed = await ask({});
  assert.equal(allowed.status, 200, allowed.text);
  broker.denied(await ask({ key: 'another' }), 401, 'discharge-invalid');
  broker.denied(await ask({ bind: false }), 401, 'discharge-invalid');
  broker.denied(await ask({ caveat: 'time < 2020-01-01T00:00:00Z' }), 401, 'discharge-expired');
});

describe('a discharge of our discharger, without `parent`', () => {
  let ask, user;
  before(async () => {
    ask = startFido2(wholeFile);
    user = await enrolKey(broker, ask, await startSoftauthn(wholeFile, { pin: '1234' }), 'alice', '1234');
  });

  /** A token with a hole, and what fills it: bound to nothing yet. */
  async function fill({ parent = false } = {}) {
    const holed = await broker.mint('openai', { user: 'alice', args: ['--hole', 'user = alice and factor = fido2 for 1h'] });
    const question = await askDischarge(holed, parent ? {} : { parent: null });
    assert.equal(question.status, 201, JSON.stringify(question.json));
    const { status, json } = await giveAssertion(question.json.fido2, await answerWith(ask, user.key, question.json.fido2, { pin: user.pin }));
    assert.equal(status, 200, JSON.stringify(json));
    return { holed, discharge: json.discharge };
  }

  const binders = {
    async pymacaroons(holed, discharge) {
      const program = 'import sys, pymacaroons\n'
        + 'm, d = [pymacaroons.Macaroon.deserialize(line) for line in sys.stdin.read().split()]\n'
        + 'print(m.serialize())\nprint(m.prepare_for_request(d).serialize())\n';
      const { stdout } = await must(python, ['-c', program], { stdin: `${await convert(holed, 'v2')}\n${discharge}\n` });
      return joined(stdout);
    },
    async 'js-macaroon'(holed, discharge) {
      const m = macaroon.importMacaroon(JSON.parse(await convert(holed, 'json')));
      const d = macaroon.importMacaroon(JSON.parse(await convert(tokenOf(Buffer.from(discharge, 'base64url')), 'json')));
      d.bindToRoot(m.signature);
      return convert(JSON.stringify([m.exportJSON(), d.exportJSON()]), 'keyhole');
    },
  };

  for (const [name, bind] of Object.entries(binders))
    test(`${name} binds it the classic way: good for exactly that token`, async () => {
      const { holed, discharge } = await fill();
      const bound = await bind(holed, discharge);
      const allowed = await broker.request('/~openai/v1/models', { token: bound });
      assert.equal(allowed.status, 200, allowed.text);
      // the discharge as it came is bound to nothing
      broker.denied(await broker.request('/~openai/v1/models', { token: withDischarges(holed, discharge) }), 401, 'discharge-invalid');
      // narrowed after binding, the signature that it is bound to is no longer the last
      const [root, tail] = [decodeV2(tokenBytes(bound)), tokenBytes(bound)];
      const narrowed = tokenOf(tokenBytes(addCaveats(tokenOf(root), 'method = GET')), tail.subarray(root.used));
      broker.denied(await broker.request('/~openai/v1/models', { token: narrowed }), 401, 'discharge-invalid');
      // and another token's
      const other = await fill();
      broker.denied(await broker.request('/~openai/v1/models', { token: tokenOf(tokenBytes(other.holed), tail.subarray(root.used)) }), 401, 'discharge-invalid');
    });

  test('with `parent` it needs no binding, and both libraries pass it on', async () => {
    const { holed, discharge } = await fill({ parent: true });
    const token = withDischarges(holed, discharge);
    assert.equal((await broker.request('/~openai/v1/models', { token })).status, 200);
    // there and back through JSON, as js-macaroon reads and writes it
    const slice = JSON.parse(await convert(token, 'json')).map((m) => macaroon.importMacaroon(m).exportJSON());
    const back = await convert(JSON.stringify(slice), 'keyhole');
    assert.equal((await broker.request('/~openai/v1/models', { token: back })).status, 200);
  });
});

describe('ssh-keygen', () => {
  let directory;
  before(async () => {
    directory = temporaryDirectory(wholeFile, 'ssh');
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'key')]);
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'other')]);
    await broker.operator(['user', 'add', 'bob']);
    const code = (await broker.operator(['invite', 'bob'])).stdout.trim();
    const { ssh } = await mustPost(`${broker.discharger}/.well-known/keyhole/enroll`, { code, name: 'laptop', kind: 'ssh' });
    const enrolled = await mustPost(ssh.answer_url, { public_key: readFileSync(join(directory, 'key.pub'), 'utf8').trim(),
      signature: await sign(challengeOf('enroll', ssh), { namespace: 'enroll@keyhole' }) });
    assert.equal(enrolled.kind, 'ssh');
  });

  /** An armoured signature over a challenge. */
  async function sign(challenge, { namespace = 'discharge@keyhole', key = 'key', hash = 'sha512' } = {}) {
    const file = join(temporaryDirectory(wholeFile, 'ssh'), 'challenge');
    writeFileSync(file, Buffer.from(challenge, 'base64url'));
    await must('ssh-keygen', ['-q', '-Y', 'sign', '-O', `hashalg=${hash}`, '-n', namespace, '-f', join(directory, key), file]);
    return readFileSync(`${file}.sig`, 'utf8');
  }

  async function fill(options) {
    const holed = await broker.mint('openai', { user: 'bob', args: ['--hole', 'user = bob and factor = ssh for 1h'] });
    const { status, json } = await askDischarge(holed, { prefer: 'ssh' });
    assert.equal(status, 201, JSON.stringify(json));
    const answer = await post(json.ssh.answer_url, { signature: await sign(challengeOf('discharge', json.ssh), options) });
    return { holed, ...answer };
  }

  for (const hash of ['sha256', 'sha512'])
    test(`signs the challenge with ${hash}, and the hole is filled`, async () => {
      const { holed, status, json } = await fill({ hash });
      assert.equal(status, 200, JSON.stringify(json));
      const answer = await broker.request('/~openai/v1/models', { token: withDischarges(holed, json.discharge) });
      assert.equal(answer.status, 200, answer.text);
    });

  test('in another namespace, or with a key that is not bob\'s: no', async () => {
    assert.equal((await fill({ namespace: 'git' })).json.error, 'ssh-namespace');
    assert.equal((await fill({ namespace: 'enroll@keyhole' })).json.error, 'ssh-namespace');
    assert.equal((await fill({ key: 'other' })).json.error, 'credential-unknown');
  });
});

test('a caveat changed on the way is a forgery', async () => {
  const changed = (await convert(token, 'json')).replace('GET, POST', 'GET, PUT!');
  broker.denied(await broker.request('/~openai/v1/models', { token: await convert(changed, 'keyhole') }), 401, 'signature-invalid');
});

test('a macaroon of another maker is a forgery here', async () => {
  const theirs = macaroon.newMacaroon({ version: 2, rootKey: new Uint8Array(32), identifier: 'id', location: 'x' });
  const text = await convert(JSON.stringify(theirs.exportJSON()), 'keyhole');
  const answer = await broker.request('/~openai/v1/models', { token: text });
  assert.ok(['token-malformed', 'signature-invalid'].includes(answer.json().code), answer.text);
  assert.equal(answer.status, 401);
});
