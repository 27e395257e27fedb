// SPDX-License-Identifier: Apache-2.0
// Hostile token text against the running broker. libmacaroons 0.3.0 crashes, loops or aborts on most of
// these; here each is a 401 with a reason, and the same authority process answers afterwards.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { addCaveats, addHole, decodeV2, encodeV2, field, forge, packetV1, tokenBytes, tokenOf } from '../support/macaroon.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

const key = realKey();
let upstream, broker, token, authority;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
  broker = await startBroker(wholeFile);
  await broker.addCredential('all', { secret: key, upstream, hosts: ['upstream.example'], args: [
    '--slot', 'bearer', '--slot', 'basic', '--slot', 'header:x-api-key', '--slot', 'query:key',
    '--inject', 'header:Authorization: Bearer {secret}'] });
  token = await broker.mint('all', { user: 'bob' });
  authority = (await broker.process('authority')).pid;
});

/** Every place where a client may put a token. */
const slots = {
  bearer: (text) => ({ headers: { authorization: `Bearer ${text}` } }),
  'authorization: token': (text) => ({ headers: { authorization: `token ${text}` } }),
  'basic, user': (text) => ({ headers: { authorization: `Basic ${btoa(`${text}:`)}` } }),
  'basic, password': (text) => ({ headers: { authorization: `Basic ${btoa(`x:${text}`)}` } }),
  header: (text) => ({ headers: { 'x-api-key': text } }),
  query: (text) => ({ query: `?key=${encodeURIComponent(text)}` }),
  'proxy-authorization': (text) => ({ headers: { 'proxy-authorization': `Bearer ${text}` } }),
  'proxy-authorization, basic': (text) => ({ headers: { 'proxy-authorization': `Basic ${btoa(`${text}:`)}` } }),
  'keyhole-token': (text) => ({ headers: { 'keyhole-token': text } }),
};

async function present(text, slot = 'bearer') {
  const { headers = {}, query = '' } = slots[slot](text);
  const client = await broker.connect();
  try {
    const lines = Object.entries(headers).map(([n, v]) => `${n}: ${v}\r\n`).join('');
    client.write(`GET /~all/v1/x${query} HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`);
    return await client.answer();
  } finally {
    client.destroy();
  }
}

async function stillWell() {
  assert.equal((await broker.process('authority')).pid, authority, 'the authority has not been restarted');
  assert.equal((await present(token)).status, 200, 'a good token is served');
}

const third = (id, vid = randomBytes(72)) => ({ location: 'x', id, vid });
const text = (bytes) => `kh1_${Buffer.from(bytes).toString('base64url')}`;

// What crashed or hung libmacaroons 0.3.0, each as V1 text behind our mark and in our own V2 form.
const cid = packetV1('cid', 'x');
const discharges = (n) => Array.from({ length: n }, (_, i) => ({
  location: '', identifier: `d${i}`,
  caveats: Array.from({ length: n }, (_, j) => third(`d${j}`)).filter((_, j) => j > i),
}));
const hostile = {
  'a V1 packet stream that ends after cid (heap overflow)':
    text(Buffer.concat([packetV1('location', 'l'), packetV1('identifier', 'i'), cid])),
  'a V1 packet of length 0000 (endless loop)': text('0000'),
  'the bare text of that packet': 'kh1_0000',
  'a chain of discharges that name each other (exponential verification)':
    () => tokenOf({ ...minted(), caveats: [third('d0'), third('d1'), third('d2')] }, ...discharges(8)),
  'discharges in a circle':
    () => tokenOf({ ...minted(), caveats: [third('a')] },
      { identifier: 'a', caveats: [third('b')] }, { identifier: 'b', caveats: [third('a')] }),
  'one discharge for two holes':
    () => tokenOf({ ...minted(), caveats: [third('a'), third('a')] }, { identifier: 'a' }),
  'two discharges for one hole':
    () => tokenOf({ ...minted(), caveats: [third('a')] }, { identifier: 'a' }, { identifier: 'a' }),
  'a discharge for no hole': () => tokenOf(minted(), { identifier: 'a' }),
  'a discharge four levels deep': () => tokenOf({ ...minted(), caveats: [third('a')] },
    { identifier: 'a', caveats: [third('b')] }, { identifier: 'b', caveats: [third('c')] },
    { identifier: 'c', caveats: [third('d')] }, { identifier: 'd' }),
  'a vid of 71 bytes and its discharge (assertion)':
    () => tokenOf({ ...minted(), caveats: [third('a', randomBytes(71))] }, { identifier: 'a' }),
  'a vid of 73 bytes and its discharge (assertion)':
    () => tokenOf({ ...minted(), caveats: [third('a', randomBytes(73))] }, { identifier: 'a' }),
  'a vid of one byte and its discharge (assertion)':
    () => tokenOf({ ...minted(), caveats: [third('a', [1])] }, { identifier: 'a' }),
  'JSON instead of binary (leak)': text('{"v":2,"l":"x","i":"y","s64":"AAAA"}'),
  'an open brace (leak)': text('{'),
  // Beyond the limits.
  'sixty-five caveats': () => addCaveats(token, ...Array(65).fill('label = x')),
  'nine discharges': () => tokenOf({ ...minted(), caveats: Array.from({ length: 9 }, (_, i) => third(`d${i}`)) },
    ...Array.from({ length: 9 }, (_, i) => ({ identifier: `d${i}` }))),
  'a caveat of 1025 bytes': () => addCaveats(token, `label = "${'x'.repeat(1025 - 10)}"`),
  'an identifier of 256 bytes': () => tokenOf({ ...minted(), identifier: Buffer.alloc(256, 1) }),
  'a text of more than 8192 characters': () => addCaveats(token, ...Array(7).fill(`label = "${'x'.repeat(900)}"`)),
  // Not the V2 form, or not the only way to write it.
  'the mark alone': 'kh1_',
  'one character': 'kh1_A',
  'padding': () => `${token}=`,
  'standard base64': () => `kh1_${tokenBytes(token).toString('base64').replaceAll('=', '')}++//`,
  'a stray bit in the last character': () => strayBit(token),
  'a truncated token': () => text(tokenBytes(token).subarray(0, -1)),
  'a byte too many': () => text([...tokenBytes(token), 0]),
  'version 1': () => text([1, ...tokenBytes(token).subarray(1)]),
  'a varint that is longer than it must be': () => text(longVarint(tokenBytes(token))),
  'a varint without an end': text([2, 2, ...Array(20).fill(0xff)]),
  'a field that says that it is 32768 bytes long': text([2, 2, 0x80, 0x80, 2, 1, 2, 3]),
  'a field that says that it is 2^63 bytes long': text([2, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
  'fields in the wrong order': text(Buffer.concat([Buffer.from([2]), field(2, 'i'), field(1, 'l'), Buffer.from([0, 0]), field(6, Buffer.alloc(32))])),
  'a field of a kind that is not there': text(Buffer.concat([Buffer.from([2]), field(2, 'i'), field(3, 'l'), Buffer.from([0, 0]), field(6, Buffer.alloc(32))])),
  'a signature of 31 bytes': () => tokenOf({ ...minted(), signature: Buffer.alloc(31) }),
  'no identifier': text(Buffer.concat([Buffer.from([2, 0, 0]), field(6, Buffer.alloc(32))])),
  'an empty caveat': () => tokenOf({ ...minted(), caveats: [{ id: '' }] }),
  'an identifier that is none of ours': () => tokenOf({ identifier: 'hello', caveats: [] }),
};

/** The minted root's parts, to build upon. */
function minted() {
  const { location, identifier, signature } = decodeV2(tokenBytes(token));
  return { location, identifier, signature };
}

function strayBit(tok) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  // A length that leaves spare bits in its last character, whatever the token's.
  let t = tok;
  while ((t.length - 4) % 4 === 0) t = addCaveats(t, `label = ${'x'.repeat(1 + t.length % 3)}`);
  return t.slice(0, -1) + alphabet[alphabet.indexOf(t.at(-1)) | 1];
}

function longVarint(bytes) {
  // The first field's length in two bytes where one does.
  return Buffer.concat([bytes.subarray(0, 2), Buffer.from([bytes[2] | 0x80, 0]), bytes.subarray(3)]);
}

const value = (v) => (typeof v === 'function' ? v() : v);

describe('malformed and hostile tokens are refused, in every slot', () => {
  for (const [name, make] of Object.entries(hostile))
    test(name, async () => {
      const count = upstream.requests.length;
      for (const slot of Object.keys(slots)) {
        const answer = await present(value(make), slot);
        assert.ok(answer, `${slot}: there is an answer`);
        assert.ok([401, 407].includes(answer.status), `${slot}: ${answer.status} ${answer.text}`);
        const { code } = JSON.parse(answer.text);
        assert.ok(['token-malformed', 'discharge-invalid', 'foreign-key'].includes(code), `${slot}: ${answer.text}`);
        broker.denied(answer, answer.status, code);
      }
      assert.equal(upstream.requests.length, count);
      await stillWell();
    });

  test('a field of 32768 bytes does not fit into a request (assertion)', async () => {
    const long = tokenOf({ ...minted(), caveats: [{ id: Buffer.alloc(32768, 0x61) }] });
    for (const slot of ['bearer', 'query']) {
      const answer = await present(long, slot);
      broker.denied(answer, 400, 'request-malformed');
    }
    await stillWell();
  });

  test('a crash payload in a slot of another credential, and in none', async () => {
    const bad = value(hostile['a V1 packet of length 0000 (endless loop)']);
    const client = await broker.connect();
    client.write(`GET /~all/v1/x HTTP/1.1\r\nHost: localhost\r\nCookie: session=${bad}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const answer = await client.answer();
    client.destroy();
    broker.denied(answer, 400, 'token-misplaced');
    await stillWell();
  });
});

describe('well-formed tokens that are not good', () => {
  const refused = async (tok, status, code, detail) => {
    const count = upstream.requests.length;
    broker.denied(await present(tok), status, code, detail ? { detail } : {});
    assert.equal(upstream.requests.length, count);
    await stillWell();
  };

  test('one bit of the signature', () => refused(forge(token), 401, 'signature-invalid'));

  test('one bit of each byte of the identifier', async () => {
    const m = decodeV2(tokenBytes(token));
    for (let i = 0; i < m.identifier.length; i++) {
      const identifier = Buffer.from(m.identifier);
      identifier[i] ^= 0x10;
      const answer = await present(encodeToken({ ...m, identifier }));
      assert.equal(answer.status, 401);
      assert.ok(['signature-invalid', 'token-malformed'].includes(JSON.parse(answer.text).code), `byte ${i}: ${answer.text}`);
    }
    await stillWell();
  });

  test('a caveat taken away', async () => {
    const narrow = decodeV2(tokenBytes(await broker.attenuate(token, '--method', 'POST')));
    await refused(encodeToken({ ...narrow, caveats: [] }), 401, 'signature-invalid');
  });

  test('a caveat changed, and two swapped', async () => {
    const narrow = decodeV2(tokenBytes(addCaveats(token, 'method = POST', 'path = /a')));
    await refused(encodeToken({ ...narrow, caveats: narrow.caveats.toReversed() }), 401, 'signature-invalid');
    await refused(encodeToken({ ...narrow, caveats: [{ id: 'method = GET' }, narrow.caveats[1]] }), 401, 'signature-invalid');
  });

  test('an open hole', () => refused(addHole(token, 'ticket'), 401, 'hole-open'));

  test('a hole with a discharge that its maker never saw', async () => {
    const holed = decodeV2(tokenBytes(addHole(token, 'ticket')));
    await refused(tokenOf(holed, { identifier: 'ticket', caveats: [], signature: randomBytes(32) }), 401, 'discharge-invalid');
  });

  for (const caveat of ['colour = red', 'method', 'method == GET', 'method = ', 'path ~ ***', 'port = 99999999999999999999',
    'time < tomorrow', 'method = GET or', 'uses <= 1/d', 'user = bob and method = GET', 'METHOD = GET', 'parent = 00', '{"a":1}', 'query[a = 1'])
    test(`a caveat that is not understood: ${caveat}`, () => refused(addCaveats(token, caveat), 401, 'caveat-unknown'));

  test('a caveat that is not understood denies whatever the others say', () =>
    refused(addCaveats(token, 'method = POST', 'colour = red'), 401, 'caveat-unknown'));

  test('control characters in a caveat, and none in the log', () =>
    refused(addCaveats(token, 'label = "a\n\u001b[31mb"'), 401, 'caveat-unknown'));

  test('a caveat that claims to be somebody else can only fail', () =>
    refused(addCaveats(token, 'user = root'), 401, 'caveat-failed', /user = root/));

  test('a token of another broker', async (t) => {
    const other = await startBroker(t);
    await other.addCredential('all', { secret: realKey(), upstream, hosts: ['upstream.example'],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
    await refused(await other.mint('all'), 401, 'signature-invalid');
  });
});

describe('what a good token may look like', () => {
  for (const slot of Object.keys(slots))
    test(`in the slot ${slot}`, async () => {
      upstream.requests.length = 0;
      assert.equal((await present(token, slot)).status, 200);
      const received = upstream.only('/v1/x');
      assert.deepEqual(received.fields('authorization'), [`Bearer ${key}`]);
      assert.ok(!received.text().includes('kh1_'), 'the token does not go upstream');
      for (const name of ['proxy-authorization', 'keyhole-token', 'x-api-key'])
        assert.deepEqual(received.fields(name), []);
    });

  test('behind a vendor prefix', async () => {
    for (const prefix of ['sk-', 'sk_live_', 'ghp_', 'sk-ant-api03-'])
      assert.equal((await present(prefix + token)).status, 200, prefix);
  });

  test('with as many caveats as are allowed', async () => {
    assert.equal((await present(addCaveats(token, ...Array(64).fill('label = x')))).status, 200);
  });
});

function encodeToken(m) {
  return `kh1_${encodeV2(m).toString('base64url')}`;
}
