// SPDX-License-Identifier: Apache-2.0
// Rotation with a grace time: the next request has the new key; the one before is still searched for,
// and can be put back.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

test('rotate --grace, rotate --back', async (t) => {
  const first = realKey(), second = realKey();
  const upstream = await startUpstream(t, { accepts: accepts.anything(), fallback: (received, res) => res.end(`${first} ${second}`) });
  const broker = await startBroker(t);
  broker.secrets.push(second);
  await broker.addCredential('x', { secret: first, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
  const token = await broker.mint('x');
  const key = async () => {
    const answer = await broker.request('/~x/echo', { token });
    assert.equal(answer.status, 200);
    return { sent: upstream.requests.at(-1).headers.authorization, text: answer.text };
  };
  assert.equal((await key()).sent, `Bearer ${first}`);
  await broker.operator(['credential', 'rotate', 'x', '--grace', '10m'], { stdin: `${second}\n` });
  assert.deepEqual(await key(), { sent: `Bearer ${second}`, text: `${token} ${token}` });
  const shown = await broker.operatorJson(['credential', 'show', 'x']);
  assert.ok(Date.parse(shown.previous_until) > Date.now(), JSON.stringify(shown));
  await broker.restart();
  const again = await broker.operator(['credential', 'rotate', 'x', '--back']);
  assert.match(again.stderr, /earlier secret again/);
  assert.equal((await key()).sent, `Bearer ${first}`);
  await broker.operator(['credential', 'rotate', 'x'], { stdin: `${second}\n` });
  assert.equal((await key()).text, `${first} ${token}`, 'no grace: what is no key any more is none to look for');
  const refused = await broker.operator(['credential', 'rotate', 'x', '--back'], { may: true });
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /no earlier secret/);
  assert.deepEqual(broker.audit().filter((r) => r.kind === 'admin' && /rotate/.test(r.command)).map((r) => r.command),
    ['credential.rotate', 'credential.rotate-back', 'credential.rotate']);
  for (const wrong of [['--grace', '1x'], ['--back', '--grace', '1m']])
    assert.equal((await broker.operator(['credential', 'rotate', 'x', ...wrong], { may: true, stdin: 'k\n' })).status, 2);
});

test('in the grace, what was derived from the earlier secret is searched for as well', async (t) => {
  const before = `OLDKEYID${realKey('').slice(0, 8)}`, session = realKey('session-'), hidden = realKey('hidden-'), after = realKey('after-');
  const pair = (key, end = '') => `${key}:${hidden}${end}`;
  const upstream = await startUpstream(t, { accepts: accepts.anything(), fallback: (received, res) => res.end(`${before} ${session}`) });
  const broker = await startBroker(t);
  broker.secrets.push(hidden, session, after);
  await broker.addCredential('x', { secret: pair(before, `:${session}`), upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'sigv4', '--option', 'region=r', '--option', 'service=s'] });
  const token = await broker.mint('x');
  await broker.operator(['credential', 'rotate', 'x', '--grace', '10m'], { stdin: `${pair('NEWKEYID', `x`)}\n` });
  const answer = await broker.request('/~x/echo', { token });
  assert.equal(answer.text, `${token} ${token}`);
  assert.match(upstream.requests.at(-1).headers.authorization, /Credential=NEWKEYID\//);
  await broker.operator(['credential', 'rotate', 'x'], { stdin: `${pair('NEWERKEYID')}\n` });
  assert.equal((await broker.request('/~x/echo', { token })).text, `${before} ${session}`);
});

test('a stream that runs while its key is rotated goes on, and the key that it was sent with does not come back', async (t) => {
  const keys = [realKey(), realKey(), realKey()];
  const upstream = await startUpstream(t, { accepts: accepts.anything() });
  const broker = await startBroker(t);
  broker.secrets.push(...keys);
  await broker.addCredential('x', { secret: keys[0], upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
  const token = await broker.mint('x'), held = upstream.hold('/stream');
  const streams = [];
  for (const [i, grace] of [['--grace', '10m'], []].entries()) {
    const client = await broker.connect();
    client.write(`GET /~x/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const { received, res } = await held.next();
    assert.equal(received.headers.authorization, `Bearer ${keys[i]}`);
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write('data: begun\n\n');
    await client.when('the first event', () => client.input.includes('data: begun\n\n'));
    streams.push({ client, res });
    await broker.operator(['credential', 'rotate', 'x', ...grace], { stdin: `${keys[i + 1]}\n` });
  }
  for (const [i, { client, res }] of streams.entries()) {
    res.write(`data: ${keys[i]}!\n\n`);
    await client.when('the event after the rotation', () => client.input.includes(`data: ${token}!\n\n`));
    res.end('data: end\n\n');
    assert.match((await client.answer()).text, /data: end\n\n$/);
    client.destroy();
  }
});
