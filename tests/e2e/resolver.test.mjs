// SPDX-License-Identifier: Apache-2.0
// A name server that lies, changes its mind, or hangs, asked by a real broker through the system's own
// resolver. The same without a network: tests/unit/proxy/test_resolve.c, test_address.c.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { ownNames } from '../support/dns.mjs';
import { wholeFile } from '../support/file.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
const HOSTS = ['honest.example', 'lies.example', 'rebinds.example', 'both.example', 'hangs.example', 'again.example'];
let upstream, names, broker, reason;

before(async () => {
  names = await ownNames(wholeFile);
  ({ reason } = names);
  if (reason) return;
  upstream = await startUpstream(wholeFile, { key, hosts: HOSTS });
  broker = await startBroker(wholeFile, { programs: names.programs, config: 'workers: 1\ntimeouts:\n  resolve: 2s' });
  broker.secrets.push(key);
  // The name server may say 127.0.0.1 and be believed; nothing else of what is private.
  for (const host of HOSTS)
    await broker.operator(['credential', 'add', host, '--host', host, '--port', String(upstream.port), '--slot', 'bearer',
      '--inject', 'header:Authorization: Bearer {secret}', '--upstream-ca', upstream.ca, '--allow-network', '127.0.0.1/32'], { stdin: key });
});

async function ask(host, path = '/v1/x') {
  return broker.request(`/~${host}${path}`, { token: await broker.mint(host) });
}

const only = (a, aaaa = []) => ({ type }) => (type === 'A' ? a : aaaa);

describe('a name server', () => {
  const own = (body) => async (t) => (reason ? t.skip(reason) : body(t));

  test('that is honest: it is asked, and believed', own(async () => {
    names.server.set('honest.example', only(['127.0.0.1']));
    const answer = await ask('honest.example');
    assert.equal(answer.status, 200, answer.text);
    assert.ok(names.server.asked('honest.example') >= 1, 'this name server and no other was asked');
  }));

  for (const [a, aaaa] of [[['169.254.169.254']], [['127.0.0.2']], [['10.0.0.1']], [['192.168.1.1', '172.16.0.1']], [['0.0.0.0']],
    [['255.255.255.255']], [['100.64.0.1']], [[], ['::1']], [[], ['fe80::1']], [[], ['fd00:ec2::254']], [[], ['::ffff:a9fe:a9fe']],
    [[], ['64:ff9b::a9fe:a9fe']], [['169.254.169.254'], ['fd00:ec2::254']]])
    test(`that says ${[...a, ...(aaaa ?? [])].join(' and ')}`, own(async () => {
      names.server.set('lies.example', only(a, aaaa));
      const { connections } = upstream;
      await broker.failed(await ask('lies.example'), 403, 'address-forbidden');
      assert.equal(upstream.connections, connections, 'nobody connected');
    }));

  test('that says something good among what is forbidden: that alone is dialled, or nothing', own(async () => {
    names.server.set('both.example', only(['169.254.169.254', '127.0.0.1', '10.0.0.1']));
    const answer = await ask('both.example');
    if (answer.status !== 200) await broker.failed(answer, 403, 'address-forbidden');
  }));

  // What was looked at is what is dialled: the name is asked for once, and the second answer is for
  // another request.
  // threat 11
  test('that says something else the second time (rebinding)', own(async () => {
    names.server.set('rebinds.example', ({ type, n }) => (type !== 'A' ? [] : [n === 0 ? '127.0.0.1' : '127.0.0.2']));
    const first = await ask('rebinds.example');
    assert.equal(first.status, 200, first.text);
    assert.equal(names.server.asked('rebinds.example'), 1, 'asked once for one request');
    upstream.dropConnections();
    await until('no connection is kept', async () => {
      const answer = await ask('rebinds.example');
      return answer.status === 200 ? false : broker.failed(answer, 403, 'address-forbidden');
    });
  }));

  test('that says the other thing first', own(async () => {
    names.server.set('again.example', ({ type, n }) => (type !== 'A' ? [] : [n === 0 ? '169.254.169.254' : '127.0.0.1']));
    await broker.failed(await ask('again.example'), 403, 'address-forbidden');
    assert.equal((await ask('again.example')).status, 200, 'a refusal is not kept');
  }));

  test('that hangs: 504 for those who ask, however many; others are resolved and served', own(async () => {
    names.server.set('hangs.example', () => null);
    const token = await broker.mint('hangs.example');
    const honest = await broker.mint('honest.example');
    upstream.requests.length = 0;
    const hung = Array.from({ length: 40 }, (_, i) => broker.request(`/~hangs.example/h${i}`, { token }));
    await until('the name server hangs', () => names.server.asked('hangs.example') > 0);
    for (let i = 0; i < 5; i++) {
      const asked = names.server.asked('honest.example');
      upstream.dropConnections();
      await until('the name is resolved anew, and served', async () => {
        const answer = await broker.request('/~honest.example/beside', { token: honest });
        assert.ok(answer.status === 200 || answer.json().code === 'upstream-unreachable', answer.text); // a connection that was dropped
        return answer.status === 200 && names.server.asked('honest.example') > asked;
      });
    }
    for (const answer of await Promise.all(hung)) await broker.failed(answer, 504, 'upstream-timeout');
    assert.ok(!upstream.requests.some((r) => /^\/h\d/.test(r.url)), 'none of them went anywhere');
    names.server.set('hangs.example', only(['127.0.0.1']));
    await until('the name server answers, and all is well', async () => (await broker.request('/~hangs.example/well', { token })).status === 200);
  }));
});
