// SPDX-License-Identifier: Apache-2.0
// The DNS responder of the configuration: for sandboxes whose network leads to the broker. It answers
// names that requests may go to with one address, and asks nobody (docs/THREATS.md, 11).

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import dns from 'node:dns/promises';
import { before, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { keyholed, run } from '../support/programs.mjs';
import { framed, query, readDns, TYPE } from '../support/preface.mjs';
import { RawClient } from '../support/raw.mjs';
import { within } from '../support/wait.mjs';

const config = 'names: [broker.example]\ndns:\n  - address: 127.0.0.1:0\n    answer: 192.0.2.10';
let broker, server, port;

before(async () => {
  broker = await startBroker(wholeFile, { config });
  server = broker.ready.find(([name]) => name === 'dns')[1];
  port = Number(server.split(':')[1]);
  await broker.addCredential('openai', { preset: 'openai', secret: realKey() });
  await broker.addCredential('wild', { hosts: ['*.wild.example', 'xn--bcher-kva.example'], secret: realKey(),
    args: ['--slot', 'bearer'] });
});

function resolver() {
  const made = new dns.Resolver({ timeout: 20000, tries: 1 });
  made.setServers([server]);
  return made;
}

/** A socket, and `ask(bytes)` for the next answer to it. */
async function datagrams(t) {
  const socket = dgram.createSocket('udp4');
  t.after(() => socket.close());
  await new Promise((resolve) => socket.connect(port, '127.0.0.1', resolve));
  return {
    socket,
    ask: (bytes) => within('a DNS answer', new Promise((resolve, reject) => {
      socket.once('message', resolve);
      socket.once('error', reject);
      socket.send(bytes);
    })),
  };
}

describe('a resolver of the usual kind', () => {
  test('gets the address of names that requests may go to', async () => {
    for (const name of ['api.openai.com', 'API.OpenAI.com', 'a.wild.example', 'b.a.wild.example',
      'xn--bcher-kva.example', 'broker.example']) {
      const answers = await resolver().resolve4(name, { ttl: true });
      assert.equal(answers.length, 1, name);
      assert.equal(answers[0].address, '192.0.2.10');
      assert.ok(answers[0].ttl > 0 && answers[0].ttl <= 60, `a short time to live: ${answers[0].ttl}`);
    }
  });

  test('is told that there is nothing of another type', async () => {
    for (const type of ['AAAA', 'TXT', 'MX', 'CNAME', 'SRV', 'NS', 'SOA'])
      await assert.rejects(resolver().resolve('api.openai.com', type), { code: 'ENODATA' }, type);
  });

  test('is refused everything else', async () => {
    for (const name of ['example.com', 'openai.com', 'x.api.openai.com', 'wild.example', 'localhost', 'com',
      `${'d'.repeat(63)}.${'e'.repeat(63)}.evil.example`])
      await assert.rejects(resolver().resolve4(name), { code: 'EREFUSED' }, name);
    await assert.rejects(resolver().resolveTxt('data.evil.example'), { code: 'EREFUSED' });
  });

  test('knows a credential as soon as there is one', async () => {
    await assert.rejects(resolver().resolve4('late.example'), { code: 'EREFUSED' });
    await broker.addCredential('late', { hosts: ['late.example'], secret: realKey(), args: ['--slot', 'bearer'] });
    assert.deepEqual(await resolver().resolve4('late.example'), ['192.0.2.10']);
    await broker.operator(['credential', 'remove', 'late']);
    await assert.rejects(resolver().resolve4('late.example'), { code: 'EREFUSED' });
  });
});

describe('packets', () => {
  test('the question comes back as it was, and EDNS is answered', async (t) => {
    const { ask } = await datagrams(t);
    for (const edns of [false, true]) {
      const sent = query('aPI.opENai.com', { id: 0xbeef, edns });
      const answer = readDns(await ask(sent));
      assert.deepEqual({ ...answer, addresses: answer.addresses.map((a) => a.address) },
        { id: 0xbeef, rcode: 0, name: 'aPI.opENai.com', addresses: ['192.0.2.10'], edns, length: sent.length + 16 });
    }
  });

  test('no answer is much longer than its question, and a refusal not at all', async (t) => {
    const { ask } = await datagrams(t);
    for (const type of Object.keys(TYPE).filter((name) => name !== 'OPT')) {
      for (const name of ['api.openai.com', 'evil.example', 'x.evil.example']) {
        const sent = query(name, { type, edns: true });
        const got = await ask(sent);
        const { rcode, addresses } = readDns(got);
        const known = name === 'api.openai.com' && type !== 'AXFR';
        assert.equal(rcode, known ? 0 : 5, `${name} ${type}`);
        assert.equal(addresses.length, known && type === 'A' ? 1 : 0, `${name} ${type}`);
        assert.ok(got.length <= sent.length + (addresses.length ? 16 : 0), `${got.length} for ${sent.length}`);
      }
    }
  });

  test('hostile ones: an error, or silence, and the next is answered', async (t) => {
    const { socket, ask } = await datagrams(t);
    const good = query('api.openai.com', { id: 7 });
    const pointer = Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1])]);
    const silent = [Buffer.alloc(0), good.subarray(0, 11), query('api.openai.com', { flags: 0x8180 }), Buffer.alloc(4000)];
    const wrong = [[pointer, 1], [Buffer.concat([good, Buffer.from('x')]), 1], [good.subarray(0, 20), 1],
      [query('api.openai.com', { flags: 0x2800 }), 4], [query('api.openai.com', { flags: 0x0300 }), 1]];
    for (const bytes of silent) socket.send(bytes);
    for (const [bytes, code] of wrong) assert.equal(readDns(await ask(bytes)).rcode, code);
    assert.equal(readDns(await ask(good)).id, 7);
  });

  test('over TCP, many on one connection', async () => {
    const client = await RawClient.connect({ port });
    client.write(Buffer.concat(Array.from({ length: 100 }, (_, id) => framed(query('api.openai.com', { id })))));
    for (let id = 0; id < 100; id++) {
      const message = await client.when('a DNS answer', () =>
        client.input.length >= 2 && client.input.length >= 2 + client.input.readUInt16BE(0) &&
        client.input.subarray(2, 2 + client.input.readUInt16BE(0)));
      client.input = client.input.subarray(2 + message.length);
      assert.equal(readDns(message).id, id);
    }
    client.destroy();
  });
});

describe('the configuration', () => {
  const mistakes = {
    'all addresses at once': ['address: 0.0.0.0:5353', 'answer: 192.0.2.10', /dns\[1\]\.address: expected one numeric/],
    'a name for an address': ['address: localhost:5353', 'answer: 192.0.2.10', /dns\[1\]\.address/],
    'no IPv4 address to answer': ['address: 127.0.0.1:5353', 'answer: "::1"', /dns\[1\]\.answer: expected the IPv4 address/],
    'nothing to answer': ['address: 127.0.0.1:5353', '', /answer/],
  };
  for (const [what, [address, answer, says]] of Object.entries(mistakes)) {
    test(`refuses ${what}`, async (t) => {
      const wrong = await new Broker(t, { config: `dns:\n  - ${address}\n    ${answer}` }).init();
      const checked = await run(keyholed, ['check', '--dir', wrong.directory]);
      assert.equal(checked.status, 1, checked.stdout);
      assert.match(checked.stderr, says);
    });
  }

  test('survives a reload', async (t) => {
    const own = await startBroker(t, { config });
    const [, address] = own.ready.find(([name]) => name === 'dns');
    own.reload();
    await own.addCredential('openai', { preset: 'openai', secret: realKey() });
    const made = new dns.Resolver({ timeout: 20000, tries: 1 });
    made.setServers([address]);
    assert.deepEqual(await made.resolve4('api.openai.com'), ['192.0.2.10']);
  });
});
