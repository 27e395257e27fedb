// SPDX-License-Identifier: Apache-2.0
// Debian's python3-requests, unmodified: base URL, HTTPS_PROXY with REQUESTS_CA_BUNDLE, streams, and
// what it makes of an answer that is cut short.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { before, beforeEach, test } from 'node:test';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { Client, proxyEnvironment } from '../support/sdk.mjs';
import { EventStream, startUpstream } from '../support/upstream.mjs';

const key = realKey('hf_');
let upstream, broker, token, ways;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  upstream.route('/api/moved', (received, res) => res.writeHead(302, { location: 'https://evil.example/' }).end());
  broker = await startBroker(wholeFile);
  await broker.addCredential('huggingface', { preset: 'huggingface', secret: key, upstream });
  token = await broker.mint('huggingface');
  const caFile = `${broker.home}/ca-for-clients.pem`;
  writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
  ways = {
    'base URL': { base: `${broker.url}/~huggingface`, env: {} },
    'HTTPS_PROXY and REQUESTS_CA_BUNDLE': { base: 'https://huggingface.co', env: proxyEnvironment(broker, caFile) },
    'HTTP_PROXY': { base: 'http://huggingface.co', env: proxyEnvironment(broker, caFile) },
  };
});

beforeEach(() => {
  upstream.requests.length = 0;
});

for (const name of ['base URL', 'HTTPS_PROXY and REQUESTS_CA_BUNDLE', 'HTTP_PROXY']) {
  const client = (t, what, path) => {
    const { base, env } = ways[name];
    return new Client(t, 'requests_client.py', [what, base + path], { HF_TOKEN: token, ...env });
  };

  test(`${name}: a query arrives as it was written`, async (t) => {
    const program = client(t, 'get', '/api/models');
    const { status, body, exit } = await program.result();
    assert.deepEqual([exit, status, body.url], [0, 200, '/api/models?limit=2&search=a+b%26c']);
    const received = upstream.only('/api/models');
    assert.deepEqual(received.fields('authorization'), [`Bearer ${key}`]);
    assert.ok(!received.text().includes('kh1_'));
    for (const text of encodings(key)) assert.ok(!program.output.includes(text));
  });

  test(`${name}: an upload of 2 MiB`, async (t) => {
    const { status, body } = await client(t, 'post', '/api/upload').result();
    assert.deepEqual([status, body.bytes], [200, 2 * 1024 * 1024]);
  });

  test(`${name}: lines of a stream arrive one by one`, async (t) => {
    const held = upstream.hold('/api/stream');
    const program = client(t, 'stream', '/api/stream');
    const stream = new EventStream((await held.next()).res);
    for (const n of [1, 2, 3]) {
      stream.send({ n });
      assert.deepEqual(await program.next(), { line: `data: {"n":${n}}` });
    }
    stream.end();
    assert.deepEqual(await program.next(), { status: 200 });
  });

  test(`${name}: an answer that the upstream breaks off is an error of the client`, async (t) => {
    const held = upstream.hold('/api/broken');
    const program = client(t, 'truncated', '/api/broken');
    const { res } = await held.next();
    res.writeHead(200, { 'content-type': 'text/plain' });
    res.write('half of');
    res.flushHeaders();
    setImmediate(() => res.destroy());
    const { error } = await program.result();
    assert.match(error, /^(ChunkedEncodingError|ConnectionError|ProtocolError)$/);
  });

  test(`${name}: a redirect is passed on, not followed`, async (t) => {
    const { status, location } = await client(t, 'redirect', '/api/moved').result();
    assert.deepEqual([status, location], [302, 'https://evil.example/']);
    assert.equal(upstream.requests.length, 1);
  });
}
