// SPDX-License-Identifier: Apache-2.0
// The clock goes forward and back under a running broker, and while it is down. What a token may do
// follows the clock; what was used up, revoked or recorded does not come back with it. Threat rows of
// replay and revocation; docs/FAULTS.md, "the clock goes back".

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { realKey } from '../support/broker.mjs';
import { missing, startBrokerWithClock } from '../support/faketime.mjs';
import { wholeFile } from '../support/file.mjs';
import { sanitized } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';

const skip = missing || (sanitized ? 'the sanitizer wants to be the first library' : false);
const key = realKey();
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

async function serving(t) {
  const broker = await startBrokerWithClock(t);
  await broker.addCredential('one', { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  const get = (token) => broker.request('/~one/v1/x', { token });
  return {
    broker,
    works: async (token) => assert.equal((await get(token)).status, 200),
    refused: async (token, status, code) => broker.denied(await get(token), status, code),
  };
}

describe('the clock of a running broker', { skip }, () => {
  test('a token ends when it says so, and not before: both ways', async (t) => {
    const { broker, works, refused } = await serving(t);
    const token = await broker.mint('one', { lifetime: '1h' });
    await works(token);
    const { record: now } = await refused(await broker.mint('one', { caveats: ['method = PUT'] }), 401, 'caveat-failed');
    assert.ok(Math.abs(Date.parse(now.time) - Date.now()) < 60000, now.time);
    broker.setClock('+2h');
    const { record: later } = await refused(token, 401, 'expired');
    assert.ok(Math.abs(Date.parse(later.time) - Date.now() - 2 * 3600e3) < 60000, `the authority has that clock: ${later.time}`);
    broker.setClock('+0');
    await works(token); // its word is the clock's
    broker.setClock('-1d');
    await refused(token, 401, 'expired'); // it was not minted yet
    const early = await broker.mint('one', { lifetime: '1h' });
    broker.setClock('+0');
    await refused(early, 401, 'expired');
    await broker.operator(['audit', 'verify']);
  });

  test('what was used up stays so', async (t) => {
    const { broker, works, refused } = await serving(t);
    const token = await broker.mint('one', { lifetime: '1h', caveats: ['uses <= 3'] });
    await works(token);
    broker.setClock('+40d');
    await refused(token, 401, 'expired');
    broker.setClock('-40d');
    await refused(token, 401, 'expired');
    broker.setClock('+0');
    await works(token);
    await works(token);
    await refused(token, 401, 'uses-exhausted');
    for (const offset of ['+40d', '-40d', '+0']) {
      broker.setClock(offset);
      await works(await broker.mint('one'));
    }
    assert.notEqual((await broker.request('/~one/v1/x', { token })).status, 200, 'the uses were given back');
  });

  test('a rate is measured by a clock that only goes forward', async (t) => {
    const { broker, works, refused } = await serving(t);
    const token = await broker.mint('one', { lifetime: '7d', caveats: ['rate <= 2/h'] });
    await works(token);
    await works(token);
    for (const offset of ['+0', '+2h', '+6d', '+0']) {
      broker.setClock(offset);
      await refused(token, 429, 'rate-exceeded');
    }
  });

  test('what was revoked stays so', async (t) => {
    const { broker, works, refused } = await serving(t);
    const [token, other] = [await broker.mint('one', { lifetime: '1h' }), await broker.mint('one', { user: 'alice', lifetime: '1h' })];
    await works(token);
    await broker.operator(['revoke', token]);
    await broker.operator(['revoke', '--user', 'alice']);
    for (const offset of ['+0', '+400d', '-400d', '+0']) {
      broker.setClock(offset);
      for (const dead of [token, other]) assert.equal((await broker.request('/~one/v1/x', { token: dead })).status, 401, offset);
    }
    await refused(token, 401, 'revoked');
  });
});

describe('the clock while the broker is down', { skip }, () => {
  test('nothing that was used up or revoked comes back, and the log goes on', async (t) => {
    const { broker, works } = await serving(t);
    const [revoked, used, good] = [await broker.mint('one', { lifetime: '1h' }),
      await broker.mint('one', { lifetime: '1h', caveats: ['uses <= 1'] }), await broker.mint('one', { lifetime: '1h' })];
    await broker.operator(['revoke', revoked]);
    await works(used);
    // Far enough that rows of tokens that are over are taken away.
    for (const offset of ['+400d', '+0', '-400d', '+0']) {
      await broker.stop();
      broker.setClock(offset);
      await broker.start();
      for (const dead of [revoked, used]) assert.equal((await broker.request('/~one/v1/x', { token: dead })).status, 401, offset);
    }
    await works(good);
    await broker.operator(['audit', 'verify']);
    const records = broker.audit();
    assert.deepEqual(records.map((r) => r.seq), records.map((_, i) => i + 1), 'one after the other, whatever the time');
    assert.ok(records.some((r, i) => i > 0 && r.time < records[i - 1].time), 'the clock did go back');
  });
});
