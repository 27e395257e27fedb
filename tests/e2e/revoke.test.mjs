// SPDX-License-Identifier: Apache-2.0
// Revocation reaches the next request at once, and cuts what is running.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { addCaveats, forge } from '../support/macaroon.mjs';
import { EventStream, startUpstream } from '../support/upstream.mjs';
import { inTime, until } from '../support/wait.mjs';

const key = realKey();
let upstream, broker;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  for (const name of ['one', 'two'])
    await broker.addCredential(name, { secret: key, upstream, hosts: ['upstream.example'],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
});

beforeEach(() => {
  upstream.requests.length = 0;
});

const get = (token, name = 'one') => broker.request(`/~${name}/v1/x`, { token });

async function lives(token, name) {
  const answer = await get(token, name);
  assert.equal(answer.status, 200, answer.text);
}

async function isRevoked(token, name) {
  const count = upstream.requests.length;
  broker.denied(await get(token, name), 401, 'revoked');
  assert.equal(upstream.requests.length, count);
}

async function inspect(token) {
  return JSON.parse((await broker.keyhole(['inspect', '--json', '-'], { stdin: token })).stdout);
}

describe('what a revocation ends', () => {
  test('a token by its text: it, and everything made from it, before and after', async () => {
    const token = await broker.mint('one');
    const child = await broker.attenuate(token, '--method', 'GET');
    const other = await broker.mint('one');
    await lives(child);
    await broker.operator(['revoke', '-'], { stdin: token });
    for (const t of [token, child, await broker.attenuate(token, '--path', '/v1/**'), addCaveats(child, 'label = x')])
      await isRevoked(t);
    await lives(other);
  });

  test('a token by the text of a descendant: the whole token', async () => {
    const token = await broker.mint('one');
    const child = await broker.attenuate(token, '--method', 'GET');
    await broker.operator(['revoke', child]);
    await isRevoked(token);
    await isRevoked(child);
  });

  test('a token by its id', async () => {
    const token = await broker.mint('one');
    const { token_id } = await inspect(token);
    assert.match(token_id, /^[0-9a-f]{32}$/);
    await broker.operator(['revoke', token_id]);
    await isRevoked(token);
  });

  test('a lineage: one holder\'s token and its descendants, while parent and siblings live', async () => {
    const token = await broker.mint('one');
    const mine = await broker.attenuate(token, '--label', 'agent-1');
    const sibling = await broker.attenuate(token, '--label', 'agent-2');
    const grandchild = await broker.attenuate(mine, '--method', 'GET');
    await broker.operator(['revoke', mine, '--lineage']);
    await isRevoked(mine);
    await isRevoked(grandchild);
    await lives(token);
    await lives(sibling);
  });

  test('a lineage by its id, as the audit log shows it', async () => {
    const token = await broker.mint('one');
    const mine = await broker.attenuate(token, '--label', 'agent');
    const { lineage } = broker.recordOf(await get(mine));
    assert.equal(lineage, (await inspect(mine)).lineage);
    await broker.operator(['revoke', '--lineage', lineage]);
    await isRevoked(mine);
    await lives(token);
  });

  test('a user', async () => {
    const alice = await broker.mint('one', { user: 'alice' });
    const bob = await broker.mint('one', { user: 'bob' });
    await broker.operator(['revoke', '--user', 'alice']);
    await isRevoked(alice);
    await lives(bob);
  });

  test('a credential', async () => {
    const two = await broker.mint('two'), one = await broker.mint('one'), both = await broker.mint(['one', 'two']);
    await broker.operator(['revoke', '--credential', 'two']);
    await isRevoked(two, 'two');
    await isRevoked(both, 'two');
    await lives(one);
    await lives(both, 'one');
  });

  test('everything minted before a moment', async (t) => {
    const own = await startBroker(t);
    await own.addCredential('one', { secret: key, upstream, hosts: ['upstream.example'],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
    const old = await own.mint('one');
    const issued = Date.parse((await inspect(old)).issued_at);
    await until('the next second begins', () => Date.now() >= issued + 1000);
    const moment = new Date(issued + 1000).toISOString().replace('.000Z', 'Z');
    const young = await own.mint('one');
    await own.operator(['revoke', '--minted-before', moment]);
    own.denied(await own.request('/~one/v1/x', { token: old }), 401, 'revoked');
    assert.equal((await own.request('/~one/v1/x', { token: young })).status, 200);
  });
});

describe('how a revocation is asked for', () => {
  test('a holder ends its own token, with no right but the token', async () => {
    const token = await broker.mint('one');
    const mine = await broker.attenuate(token, '--label', 'agent');
    const child = await broker.attenuate(mine, '--method', 'GET');
    await broker.keyhole(['revoke', '-'], { stdin: mine });
    await isRevoked(mine);
    await isRevoked(child);
    await lives(token);
    const record = broker.audit().findLast((r) => r.kind === 'revoke');
    assert.ok(record, 'it is on record');
  });

  test('a holder through the unix socket', async () => {
    const token = await broker.mint('one');
    await broker.keyhole(['revoke', token], { env: { KEYHOLE_BROKER: broker.unix } });
    await isRevoked(token);
  });

  test('a holder\'s caveats are no obstacle to giving the token up', async () => {
    const token = await broker.attenuate(await broker.mint('one'), '--path', '/nowhere', '--method', 'PUT');
    await broker.keyhole(['revoke', '-'], { stdin: token });
    broker.denied(await broker.request('/~one/nowhere', { token, method: 'PUT', body: 'x' }), 401, 'revoked');
  });

  test('nobody ends a token that is not genuine, and guesses end nothing', async () => {
    const token = await broker.mint('one');
    const result = await broker.keyhole(['revoke', '-'], { stdin: forge(token), may: true });
    assert.equal(result.status, 3, result.stderr);
    await lives(token);
  });

  test('a revocation that is refused has a reason, and is on record', async () => {
    const ask = (token) => broker.request('/.well-known/keyhole/revoke', { method: 'POST', token });
    broker.denied(await ask(), 401, 'token-missing');
    for (const [token, code] of [['kh1_AAAA', 'token-malformed'], [forge(await broker.mint('one')), 'signature-invalid']]) {
      const { record } = broker.denied(await ask(token), 401, code);
      assert.equal(record.way, 'own');
    }
    const answer = await broker.request('/.well-known/keyhole/revoke', { token: await broker.mint('one') });
    broker.denied(answer, 405, 'method-not-allowed');
  });

  test('revoking what is not there is an error', async () => {
    for (const args of [['revoke', 'not-a-token'], ['revoke'], ['revoke', '--user'], ['revoke', '--minted-before', 'yesterday']]) {
      const result = await broker.operator(args, { may: true });
      assert.ok([1, 2].includes(result.status), `${args}: ${result.status}`);
    }
  });

  test('revoking twice is no error', async () => {
    const token = await broker.mint('one');
    await broker.operator(['revoke', token]);
    await broker.operator(['revoke', token]);
    await isRevoked(token);
  });

  test('a revocation outlives the broker', async (t) => {
    const own = await startBroker(t);
    await own.addCredential('one', { secret: key, upstream, hosts: ['upstream.example'],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
    const token = await own.mint('one');
    const mine = await own.attenuate(token, '--label', 'x');
    await own.operator(['revoke', mine, '--lineage']);
    await own.kill();
    await own.start();
    own.denied(await own.request('/~one/v1/x', { token: mine }), 401, 'revoked');
    assert.equal((await own.request('/~one/v1/x', { token })).status, 200);
  });
});

describe('what is running is cut', () => {
  /** An open stream of events; its first event has arrived. */
  async function open(token) {
    const held = upstream.hold('/stream');
    const client = await broker.connect();
    client.write(`GET /~one/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const stream = new EventStream((await held.next()).res);
    stream.send({ n: 1 });
    await client.when('the first event', () => client.input.includes('"n":1'));
    return { client, stream };
  }

  async function isCut({ client, stream }) {
    await client.closes();
    assert.ok(!client.input.toString('latin1').endsWith('0\r\n\r\n'), 'the answer was not made to look whole');
    await stream.dropped();
    client.destroy();
  }

  const ways = {
    'by token': (token) => ['revoke', token],
    'by lineage': (token) => ['revoke', token, '--lineage'],
    'by user': () => ['revoke', '--user', 'streamer'],
    'by disabling the credential': () => ['credential', 'disable', 'one'],
  };
  for (const [name, args] of Object.entries(ways))
    test(`an open stream is cut: ${name}`, async () => {
      const token = await broker.mint('one', { user: name === 'by user' ? 'streamer' : 'somebody' });
      const spared = await open(await broker.mint('one', { user: 'bystander' }));
      const running = await open(token);
      await broker.operator(args(token));
      await isCut(running);
      await until('the cut is on record', () => broker.audit().some((r) => r.rejudged === 'yes'));
      if (name !== 'by disabling the credential') {
        spared.stream.send({ n: 2 });
        await spared.client.when('the other stream goes on', () => spared.client.input.includes('"n":2'));
        spared.stream.end();
        assert.ok(await spared.client.answer(), 'the other stream ends as it should');
        spared.client.destroy();
      } else {
        await isCut(spared);
        await broker.operator(['credential', 'enable', 'one']);
      }
    });

  test('an open stream is cut when its holder gives the token up', async () => {
    const token = await broker.mint('one');
    const running = await open(token);
    await broker.keyhole(['revoke', token]);
    await isCut(running);
  });

  test('an upload that is running is cut', async () => {
    const token = await broker.mint('one');
    upstream.route('/upload', () => {}, { stream: true });
    const client = await broker.connect();
    client.write(`POST /~one/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 1000000\r\n\r\nxxx`);
    await until('the upstream has the request', () => upstream.requests.some((r) => r.url === '/upload'));
    await broker.operator(['revoke', token]);
    await client.closes();
    assert.ok(!client.input.toString('latin1').startsWith('HTTP/1.1 200'));
    client.destroy();
  });

  test('what was not answered yet is refused in words, with its record under the id of the answer', async () => {
    const token = await broker.mint('one');
    const held = upstream.hold('/slow');
    const client = await broker.connect();
    client.write(`GET /~one/slow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    await held.next();
    await broker.operator(['revoke', token]);
    const answer = await client.answer();
    client.destroy();
    assert.equal(answer.status, 401, answer.text);
    const records = broker.decisions().filter((r) => r.id === answer.headers['keyhole-request-id']);
    assert.deepEqual(records.map((r) => [r.decision, r.rejudged, r.reason]),
      [['allow', undefined, undefined], ['deny', 'yes', 'revoked']]);
  });

  test('an open stream is cut when the token expires', async () => {
    const running = await inTime(async (s) => open(await broker.mint('one', { lifetime: `${s}s` })));
    await isCut(running);
    await until('the cut is on record', () => broker.audit().some((r) => r.rejudged === 'yes' && r.reason === 'expired'));
  });

  test('an open stream is cut when a caveat\'s time is over', async () => {
    const running = await inTime(async (s) => open(await broker.attenuate(await broker.mint('one'), '--for', `${s}s`)));
    await isCut(running);
  });
});
