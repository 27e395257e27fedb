// SPDX-License-Identifier: Apache-2.0
// Caveats on the body: it is held back until it was judged, and goes upstream byte by byte as it came.
// Without such a caveat nothing is held back.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { Client } from '../support/sdk.mjs';
import { EventStream, answerJson, startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const CHAT = '/v1/chat/completions';
const MODELS = 'body[/model] in gpt-4o-mini, gpt-4o or method = GET';
const key = realKey();
let upstream, broker, token, narrow;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  upstream.route('/v1/models', (received, res) =>
    answerJson(res, 200, { object: 'list', data: [{ id: 'gpt-4o', object: 'model' }] }));
  upstream.route(CHAT, (received, res) => {
    const { model } = JSON.parse(received.body);
    answerJson(res, 200, { id: 'c1', object: 'chat.completion', choices: [{ index: 0, finish_reason: 'stop',
      message: { role: 'assistant', content: `I am ${model}` } }] });
  });
  broker = await startBroker(wholeFile, { config: 'limits: {body: 64KiB}\ntimeouts: {body: 2s}' });
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  token = await broker.mint('openai');
  narrow = await broker.attenuate(token, '--caveat', MODELS);
});

beforeEach(() => {
  upstream.requests.length = 0;
});

const unseen = () => assert.equal(upstream.requests.length, 0, 'the upstream saw nothing of it');

const head = (tok, fields, { path = '/~openai/v1/x', method = 'POST' } = {}) =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tok}\r\n${fields.map((f) => `${f}\r\n`).join('')}\r\n`;
const lengthOf = (body) => `Content-Length: ${Buffer.byteLength(body)}`;

async function post(tok, body, fields = []) {
  const client = await broker.connect();
  try {
    client.write(head(tok, ['Content-Type: application/json', ...fields, lengthOf(body)])).write(body);
    return await client.answer();
  } finally {
    client.destroy();
  }
}

describe('OpenAI\'s SDK, unmodified', () => {
  const sdk = (t, tok, ...args) => new Client(t, 'openai.mjs', args,
    { OPENAI_API_KEY: tok, OPENAI_BASE_URL: `${broker.url}/~openai/v1` });

  test('the models that the token is for', async (t) => {
    for (const model of ['gpt-4o-mini', 'gpt-4o']) {
      const { content, exit } = await sdk(t, narrow, 'chat', model).result();
      assert.deepEqual([content, exit], [`I am ${model}`, 0]);
    }
  });

  test('another model: an error that says which caveat', async (t) => {
    const { status, message, exit } = await sdk(t, narrow, 'chat', 'gpt-5-turbo').result();
    assert.deepEqual([status, exit], [401, 1]);
    assert.match(message, /caveat/i);
    unseen();
    const record = broker.decisions().at(-1);
    assert.equal(record.reason, 'caveat-failed');
    assert.equal(record.detail, MODELS);
    assert.deepEqual(record.values, { 'body[/model]': 'gpt-5-turbo' });
  });

  test('a request without a body is not concerned', async (t) => {
    const { models, exit } = await sdk(t, narrow, 'models').result();
    assert.deepEqual([models, exit], [['gpt-4o'], 0]);
  });

  test('a limit of tokens', async (t) => {
    const limited = await broker.attenuate(narrow, '--caveat', 'body[/max_tokens] <= 1024 or method = GET');
    const allowed = await sdk(t, limited, 'chat', 'gpt-4o', '1024').result();
    assert.equal(allowed.content, 'I am gpt-4o');
    for (const args of [['gpt-4o', '1025'], ['gpt-4o'], ['gpt-4', '16']])
      assert.equal((await sdk(t, limited, 'chat', ...args).result()).status, 401, args.join(' '));
    assert.equal(upstream.requests.length, 1);
  });

  test('a streamed answer still arrives event by event', async (t) => {
    const held = upstream.hold(CHAT);
    t.after(() => upstream.routes.shift());
    const program = sdk(t, narrow, 'stream');
    const stream = new EventStream((await held.next()).res);
    for (const word of ['one', 'two', 'three']) {
      stream.send({ object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: word } }] });
      assert.deepEqual(await program.next(), { delta: word });
    }
    stream.send('[DONE]');
    stream.end();
    assert.deepEqual(await program.next(), { done: true });
    assert.equal(await program.ended, 0);
  });
});

describe('what is judged', () => {
  test('the record says what the caveats looked at, once, and nothing else of the body', async () => {
    const looking = await broker.attenuate(token, '--caveat', 'body[/model] = a', '--caveat', 'body[/n] <= 5',
      '--caveat', 'body[/s] = "5"', '--caveat', 'body[/stream] != false', '--caveat', 'body-size < 1KiB');
    const body = '{"model":"a","n":5.0,"s":"5","stream":true,"prompt":"nobody\'s business"}';
    const answer = await post(looking, body);
    assert.equal(answer.status, 200, answer.text);
    const record = broker.recordOf(answer);
    assert.deepEqual(record.values, { 'body[/model]': 'a', 'body[/n]': '5.0', 'body[/s]': '"5"',
      'body[/stream]': 'true', 'body-size': String(body.length) });
    assert.ok(!JSON.stringify(broker.audit()).includes('business'));
    const before = (await broker.status()).decisions;
    await post(looking, '{}');
    const { allow, deny } = (await broker.status()).decisions;
    assert.deepEqual([allow, deny], [before.allow, before.deny + 1], 'one request is one decision');
  });

  // A body, and whether it is JSON with the model "gpt-4o".
  const bodies = [
    ['as it should be', '{"model":"gpt-4o"}', true],
    ['with blanks', ' \r\n\t{ "model" : "gpt-4o" }\n', true],
    ['written with escapes', '{"\\u006dodel":"gpt\\u002d4o"}', true],
    ['a duplicate that allows', '{"model":"gpt-4","model":"gpt-4o"}', false],
    ['a duplicate that does not', '{"model":"gpt-4o","model":"gpt-4"}', false],
    ['a duplicate in escapes', '{"model":"gpt-4o","\\u006dodel":"gpt-4"}', false],
    ['a duplicate elsewhere', '{"model":"gpt-4o","x":[{"a":1,"a":1}]}', false],
    ['a name that Go would take as well', '{"model":"gpt-4o","MODEL":"gpt-4"}', false],
    ['two texts', '{"model":"gpt-4o"}{"model":"gpt-4"}', false],
    ['a byte order mark', '\ufeff{"model":"gpt-4o"}', false],
    ['comments', '{"model":"gpt-4o"/**/}', false],
    ['a form', 'model=gpt-4o', false],
    ['64 deep', `{"model":"gpt-4o","x":${'['.repeat(63)}${']'.repeat(63)}}`, true],
    ['65 deep', `{"model":"gpt-4o","x":${'['.repeat(64)}${']'.repeat(64)}}`, false],
    ['a number that ends twice', '{"model":"gpt-4o","n":1.5.5}', false],
    ['nothing', '', false],
  ];
  for (const [what, body, allowed] of bodies)
    test(`${what}: ${allowed ? 'allowed' : 'denied'}`, async () => {
      const answer = await post(narrow, Buffer.from(body));
      if (allowed) {
        assert.equal(answer.status, 200, answer.text);
        assert.equal(upstream.only('/v1/x').body.toString(), body, 'the upstream got the same bytes');
      } else {
        broker.denied(answer, 401, 'caveat-failed', { detail: /body\[\/model\] in gpt-4o-mini, gpt-4o/ });
        unseen();
      }
    });

  test('an encoded body, and one that is declared as something else', async () => {
    const body = '{"model":"gpt-4o"}';
    for (const [fields, data] of [[['Content-Encoding: gzip'], gzipSync(body)], [['Content-Encoding: gzip'], body]])
      broker.denied(await post(narrow, data, fields), 401, 'caveat-failed');
    for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json; charset=utf-7']) {
      const client = await broker.connect();
      client.write(head(narrow, [`Content-Type: ${type}`, lengthOf(body)]) + body);
      broker.denied(await client.answer(), 401, 'caveat-failed');
      client.destroy();
    }
    unseen();
  });

  test('a caveat that fails without the body denies before the body was sent', async () => {
    const other = await broker.attenuate(narrow, '--path', '/v1/chat/**');
    const client = await broker.connect();
    client.write(head(other, ['Content-Length: 1000']));
    broker.denied(await client.answer(), 401, 'caveat-failed', { detail: /^path/ });
    client.destroy();
  });

  test('the hash of a body that is no JSON', async () => {
    const data = Buffer.from([0, 1, 2, 255]);
    const pinned = await broker.attenuate(token, '--caveat',
      `body-sha256 = ${createHash('sha256').update(data).digest('hex')}`);
    assert.equal((await post(pinned, data)).status, 200);
    broker.denied(await post(pinned, 'other'), 401, 'caveat-failed');
  });

  test('a size is known from the head: nothing is held back', async (t) => {
    const sized = await broker.attenuate(token, '--caveat', 'body-size <= 100KiB');
    const held = upstream.hold('/v1/x', { stream: true });
    t.after(() => upstream.routes.shift());
    const client = await broker.connect();
    client.write(head(sized, [`Content-Length: ${100 * 1024}`]));
    const { res, req } = await held.next();
    client.write(Buffer.alloc(100 * 1024));
    let size = 0;
    for await (const part of req) size += part.length;
    assert.equal(size, 100 * 1024);
    answerJson(res, 200, {});
    assert.equal((await client.answer()).status, 200);
    client.write(head(sized, [`Content-Length: ${100 * 1024 + 1}`]));
    broker.denied(await client.answer(), 401, 'caveat-failed');
    client.destroy();
  });
});

describe('holding back', () => {
  const text = '{"model":"gpt-4o","text":"¿qué? \\ud83d\\ude00 \\/","n":[1,  2.50,1e400]}';
  const body = Buffer.from(text);

  test('in pieces, chunked, and a request behind it', async () => {
    const client = await broker.connect();
    const data = body;
    client.write(head(narrow, ['Content-Type: application/json', 'Transfer-Encoding: chunked']));
    for (let i = 0; i < data.length; i += 7) {
      const piece = data.subarray(i, i + 7);
      client.write(`${piece.length.toString(16)};ext=1\r\n`).write(piece).write('\r\n');
    }
    client.write(`0\r\nX-Trailer: t\r\n\r\n${head(narrow, [], { method: 'GET', path: '/~openai/v1/models' })}`);
    const first = await client.answer();
    assert.equal(first.status, 200, first.text);
    assert.equal(JSON.parse((await client.answer()).text).data[0].id, 'gpt-4o');
    const received = upstream.only('/v1/x');
    assert.deepEqual(received.body, data);
    assert.deepEqual(received.fields('content-length'), [String(data.length)]);
    assert.deepEqual(received.fields('transfer-encoding'), []);
    client.destroy();
  });

  test('a request behind one that was denied', async () => {
    const client = await broker.connect();
    const bad = '{"model":"gpt-4"}';
    client.write(head(narrow, [lengthOf(bad)]) + bad + head(narrow, [lengthOf(body)]));
    client.write(body);
    broker.denied(await client.answer(), 401, 'caveat-failed');
    assert.equal((await client.answer()).status, 200);
    assert.equal(upstream.only('/v1/x').body.toString(), text);
    client.destroy();
  });

  test('Expect: 100-continue is answered before the body was seen', async () => {
    const client = await broker.connect();
    const interim = [];
    client.write(head(narrow, ['Expect: 100-continue', lengthOf(body)]));
    await client.when('an invitation', () => client.input.includes('HTTP/1.1 100 Continue\r\n\r\n'));
    unseen();
    client.write(body);
    assert.equal((await client.answer({ interim })).status, 200);
    assert.deepEqual(interim.map((i) => i.status), [100]);
    client.destroy();
  });

  test('by the unix socket', async () => {
    const client = await broker.connect({ way: 'unix' });
    client.write(head(narrow, [lengthOf(body)])).write(body);
    assert.equal((await client.answer()).status, 200);
    assert.equal(upstream.only('/v1/x').body.toString(), text);
    client.destroy();
  });

  test('too large by its length: refused at once', async () => {
    const client = await broker.connect();
    client.write(head(narrow, [`Content-Length: ${64 * 1024 + 1}`]));
    broker.denied(await client.answer(), 413, 'body-too-large');
    unseen();
    client.destroy();
    const largest = Buffer.from(`{"model":"gpt-4o","x":"${'y'.repeat(64 * 1024)}`).subarray(0, 64 * 1024 - 2);
    assert.equal((await post(narrow, Buffer.concat([largest, Buffer.from('"}')]))).status, 200);
  });

  test('too large by its length, and sent whole before the answer is looked at', async () => {
    const client = await broker.connect();
    client.write(head(narrow, [`Content-Length: ${8 << 20}`])).write('y'.repeat(8 << 20));
    broker.denied(await client.answer(), 413, 'body-too-large');
    assert.equal(await client.closes(), 'end', 'no reset may overtake the answer');
    unseen();
    client.destroy();
  });

  test('too large by counting', async () => {
    const client = await broker.connect();
    client.write(head(narrow, ['Transfer-Encoding: chunked']));
    const chunk = `1000\r\n${'y'.repeat(4096)}\r\n`;
    for (let i = 0; i < 17; i++) client.write(chunk);
    broker.denied(await client.answer(), 413, 'body-too-large');
    client.write('0\r\n\r\n').write(head(narrow, [], { method: 'GET', path: '/~openai/v1/models' }));
    assert.equal((await client.answer()).status, 200, 'the rest was read, the connection kept');
    assert.deepEqual(upstream.requests.map((r) => r.url), ['/v1/models']);
    client.destroy();
  });

  test('a body that stands still', async () => {
    const client = await broker.connect();
    client.write(head(narrow, [lengthOf(body)])).write(body.slice(0, 10));
    broker.denied(await client.answer(), 408, 'request-timeout');
    assert.equal(await client.closes(), 'end');
    unseen();
    client.destroy();
  });

  test('a slow body that comes', async () => {
    const client = await broker.connect();
    const data = Buffer.from('{"model":"gpt-4o"}');
    client.write(head(narrow, [lengthOf(data)]));
    for (const byte of data) client.write(Buffer.from([byte]));
    assert.equal((await client.answer()).status, 200);
    client.destroy();
  });

  test('without a caveat on the body nothing is held back', async (t) => {
    const held = upstream.hold('/v1/x', { stream: true });
    t.after(() => upstream.routes.shift());
    const client = await broker.connect();
    client.write(head(token, ['Transfer-Encoding: chunked'])).write('4\r\nhalf\r\n');
    const { res, req } = await held.next();
    let seen = '';
    req.on('data', (data) => (seen += data));
    await until('the upstream sees the first half', () => seen === 'half');
    client.write('5\r\n more\r\n0\r\n\r\n');
    await until('the upstream sees the rest', () => seen === 'half more');
    answerJson(res, 200, {});
    assert.equal((await client.answer()).status, 200);
    client.destroy();
  });

  test('a stream that was allowed by its body is cut by a revocation', async (t) => {
    const held = upstream.hold('/v1/x');
    t.after(() => upstream.routes.shift());
    const other = await broker.mint('openai', { caveats: ['body[/model] = gpt-4o'] });
    const bystander = await broker.mint('openai');
    const client = await broker.connect();
    client.write(head(other, [lengthOf(body)])).write(body);
    const stream = new EventStream((await held.next()).res);
    stream.send('first');
    await client.when('the first event', () => client.input.includes('first'));
    await broker.operator(['revoke', '-'], { stdin: bystander });
    stream.send('second'); // another token's end: it is judged again, with its body, and goes on
    await client.when('the second event', () => client.input.includes('second'));
    await broker.operator(['revoke', '-'], { stdin: other });
    await stream.dropped();
    client.destroy();
  });
});
