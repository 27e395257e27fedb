// SPDX-License-Identifier: Apache-2.0
// `keyholed credential set`: other settings, the same key and the same tokens; live.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { startTokenEndpoint } from '../support/oauth.mjs';
import { exchange } from '../support/raw.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

let upstream, broker, count = 0;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
  broker = await startBroker(wholeFile);
});

/** A credential of its own, and a token for it. */
async function credential({ args = ['--slot', 'bearer'], secret = realKey(), hosts = ['upstream.example'] } = {}) {
  const name = `c${++count}`;
  await broker.addCredential(name, { secret, upstream, hosts, args });
  const token = await broker.mint(name);
  const set = (...more) => broker.operator(['credential', 'set', name, ...more]);
  const get = (path = '/echo', headers = { authorization: `Bearer ${token}` }) => broker.request(`/~${name}${path}`, { headers });
  const last = () => upstream.requests.at(-1);
  return { name, secret, token, set, get, last };
}

test('another injection and another slot: the same key, the same token, from the next request on', async () => {
  const c = await credential();
  assert.equal((await c.get()).status, 200);
  assert.equal(c.last().headers.authorization, `Bearer ${c.secret}`);
  const { stdout, stderr } = await c.set('--slot', 'header:x-key', '--inject', 'header:X-Key: k={secret}');
  assert.equal(stdout, '');
  assert.match(stderr, /^c\d+: slots: bearer -> header:x-key\nc\d+: inject: .* -> header:X-Key: k=\{secret\}\n$/);
  const answer = await c.get('/echo', { 'x-key': c.token });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(c.last().headers['x-key'], `k=${c.secret}`);
  assert.equal(c.last().headers.authorization, undefined);
  broker.denied(await c.get(), 400, 'token-misplaced');
  const record = broker.audit().filter((r) => r.command === 'credential.set' && r.subject === c.name);
  assert.equal(record.length, 1);
  assert.match(record[0].detail, /^slots: bearer -> header:x-key; inject: /);
});

test('it outlives a restart', async () => {
  const c = await credential();
  await c.set('--no-scrub', '--option', 'drop-answer-headers=x-a');
  await broker.restart();
  const shown = await broker.operatorJson(['credential', 'show', c.name]);
  assert.equal(shown.scrub, false);
  assert.deepEqual(shown.options, ['drop-answer-headers=x-a']);
  assert.equal((await c.get()).status, 200);
  assert.equal(c.last().headers.authorization, `Bearer ${c.secret}`);
  const { stderr } = await c.set('--scrub', '--unset', 'drop-answer-headers');
  assert.match(stderr, /option drop-answer-headers: x-a -> none/);
  const result = JSON.parse((await c.set('--scrub', '--json')).stdout);
  assert.deepEqual(result.changes, []);
  assert.equal(result.credential.scrub, true);
});

test('a stream to a host that is none any more is cut; one that is still allowed goes on', async () => {
  const c = await credential({ hosts: ['upstream.example', 'other.example'] });
  const held = upstream.hold('/stream');
  const streams = [];
  for (const host of ['upstream.example', 'other.example']) {
    const client = await broker.connect();
    client.write(`GET http://${host}/stream HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${c.token}\r\n\r\n`);
    const { res } = await held.next();
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write('data: 1\n\n');
    await client.when('the first event', () => client.input.includes('data: 1\n\n'));
    streams.push({ client, res });
  }
  await c.set('--host', 'other.example', '--resolve', `other.example:443:127.0.0.1:${upstream.port}`);
  await streams[0].client.closes();
  streams[1].res.end('data: 2\n\n');
  await streams[1].client.when('the second event', () => streams[1].client.input.includes('data: 2\n\n'));
  for (const { client } of streams) client.destroy();
  const [answer] = await exchange(broker.at(), `GET http://upstream.example/x HTTP/1.1\r\nHost: upstream.example\r\nAuthorization: Bearer ${c.token}\r\n\r\n`);
  assert.notEqual(answer.status, 200, 'and a request there is refused');
  assert.equal(upstream.requests.filter((r) => r.url === '/x').length, 0);
});

test('a member of a set that does not go there any more cuts what runs with the set', async () => {
  const [one, two] = [await credential(), await credential({ args: ['--slot', 'header:x-two'], hosts: ['upstream.example', 'other.example'] })];
  const set = `c${++count}`;
  await broker.operator(['credential', 'add', set, '--host', 'upstream.example', '--slot', 'bearer', '--inject', `several:${one.name},${two.name}`,
    '--resolve', `upstream.example:443:127.0.0.1:${upstream.port}`, '--upstream-ca', upstream.ca, '--allow-network', '127.0.0.0/8']);
  const held = upstream.hold('/set-stream'), client = await broker.connect();
  client.write(`GET /~${set}/set-stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${await broker.mint(set)}\r\n\r\n`);
  const { received, res } = await held.next();
  assert.equal(received.headers['x-two'], two.secret);
  res.writeHead(200).write('begun');
  await client.when('its beginning', () => client.input.includes('begun'));
  await two.set('--host', 'other.example', '--unset', 'resolve');
  await client.closes();
  client.destroy();
});

test('what an access token is asked for', async () => {
  const endpoint = await startTokenEndpoint(wholeFile);
  const c = await credential({ secret: endpoint.refreshToken, args: ['--inject', 'oauth2', '--option', 'token-url=https://auth.example/oauth/token',
    '--option', 'scope=read', '--resolve', `auth.example:443:127.0.0.1:${endpoint.port}`] });
  const scope = () => new URLSearchParams(endpoint.requests.at(-1).body.toString()).get('scope');
  assert.equal((await c.get()).status, 200);
  assert.equal(scope(), 'read');
  await c.set('--option', 'scope=read write');
  assert.equal((await c.get()).status, 200);
  assert.equal(scope(), 'read write');
  assert.equal(endpoint.requests.length, 2, 'the token of before serves no more');
  await c.set('--unset', 'scope');
  assert.equal((await c.get()).status, 200);
  assert.equal(scope(), null);
  broker.secrets.push(...endpoint.secrets());
});

test('another CA and another address: nothing of the connections before is used', async (t) => {
  const c = await credential();
  assert.equal((await c.get()).status, 200);
  const second = await startUpstream(t, { accepts: accepts.anything() });
  await c.set('--resolve', `upstream.example:443:127.0.0.1:${second.port}`);
  assert.equal((await c.get()).status, 200);
  assert.equal(second.requests.length, 1);
  await c.set('--unset', 'upstream-ca');
  await broker.failed(await c.get(), 502, 'upstream-tls');
});

test('what cannot be is refused, and changes nothing', async () => {
  const c = await credential();
  const shown = await broker.operatorJson(['credential', 'show', c.name]);
  for (const [args, status, said] of [
    [[], 2, /what is to be changed/],
    [['--host', 'else.example'], 1, /resolve: .*none of the credential's hosts/],
    [['--unset', 'region'], 1, /no such option/],
    [['--inject', 'sigv4', '--slot', 'aws'], 1, /the secret that is stored/],
    [['--scrub', '--no-scrub'], 2, /which\?/],
    [['--port', '443', '--unset', 'port'], 2, /given as well/],
    [['--preset', 'openai'], 2, /preset/],
  ]) {
    const done = await broker.operator(['credential', 'set', c.name, ...args], { may: true });
    assert.equal(done.status, status, `${args}: ${done.stderr}`);
    assert.match(done.stderr, said);
    assert.ok(!done.stderr.includes(c.secret));
  }
  assert.deepEqual(await broker.operatorJson(['credential', 'show', c.name]), shown);
});
