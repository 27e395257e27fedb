// SPDX-License-Identifier: Apache-2.0
// A gibibyte each way passes in bounded memory, searched for the key or not.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { before, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { sanitized } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';

const GIB = 2 ** 30, PIECE = randomBytes(2 ** 20), MEMORY_MAX_KIB = 64 * 1024;
const key = realKey();
let upstream, broker;

/** Write a gibibyte at the reader's pace; the hash of it. */
async function pour(out) {
  const hash = createHash('sha256');
  for (let n = 0; n < GIB; n += PIECE.length) {
    hash.update(PIECE);
    if (!out.write(PIECE)) await once(out, 'drain');
  }
  out.end();
  return hash.digest('hex');
}

async function drink(stream) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const data of stream) {
    hash.update(data);
    bytes += data.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  upstream.route('/down', (received, res, req) => {
    res.writeHead(200, /length/.test(req.url) ? { 'content-length': GIB } : {});
    pour(res);
  });
  upstream.route('/up', async (received, res, req) => {
    const got = await drink(req);
    res.end(JSON.stringify(got));
  }, { stream: true });
  broker = await startBroker(wholeFile);
  await broker.addCredential('searched', { secret: key, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
  await broker.addCredential('plain', { secret: key, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer', '--no-scrub'] });
});

/** The most memory that a proxy ever had, in KiB. */
function peak() {
  const proxies = broker.processes().filter((p) => p.name.startsWith('keyhole-proxy'));
  assert.ok(proxies.length > 0, 'there are proxies');
  return Math.max(...proxies.map(({ pid }) => Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])));
}

async function call(name, path, { method = 'GET', headers = {}, body } = {}) {
  const token = await broker.mint(name);
  const request = http.request(`${broker.url}/~${name}${path}`, { method, agent: false, headers: { authorization: `Bearer ${token}`, ...headers } });
  const answered = once(request, 'response');
  const sent = body ? body(request) : request.end();
  const [response] = await answered;
  assert.equal(response.statusCode, 200);
  return { sent: await sent, response };
}

function bounded() {
  const kib = peak();
  if (!sanitized) assert.ok(kib < MEMORY_MAX_KIB, `a proxy had ${kib} KiB`);
}

for (const name of ['searched', 'plain']) {
  for (const how of ['length', 'chunked'])
    test(`a download, ${name}, ${how}`, async () => {
      const { response } = await call(name, `/down?${how}`);
      const got = await drink(response);
      assert.equal(got.bytes, GIB);
      const expected = createHash('sha256');
      for (let n = 0; n < GIB; n += PIECE.length) expected.update(PIECE);
      assert.equal(got.sha256, expected.digest('hex'));
      bounded();
    });

  test(`an upload, ${name}`, async () => {
    for (const headers of [{ 'content-length': GIB }, { 'transfer-encoding': 'chunked' }]) {
      const { sent, response } = await call(name, '/up', { method: 'POST', headers, body: pour });
      const parts = [];
      for await (const data of response) parts.push(data);
      assert.deepEqual(JSON.parse(Buffer.concat(parts)), { bytes: GIB, sha256: sent });
      bounded();
    }
  });
}

// Where reader, broker and upstream are each ahead of the others now and then: none may wait for another that waits for it.
test('many downloads, and none stands still', { timeout: 240000 }, async () => {
  upstream.route('/some', (received, res) => {
    res.writeHead(200);
    for (let i = 0; i < 16; i++) res.write(PIECE);
    res.end();
  });
  for (let i = 0; i < 100; i++) {
    const { response } = await call('searched', '/some');
    const { bytes } = await drink(response);
    assert.equal(bytes, 16 * PIECE.length);
  }
});
