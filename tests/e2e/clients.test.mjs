// SPDX-License-Identifier: Apache-2.0
// Habits of clients: how they write the place of their key, and where they go with it. The bytes are those
// of real ones, which docs/CLIENTS.md names.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { keyhole, run } from '../support/programs.mjs';
import { accepts, answerJson, startUpstream } from '../support/upstream.mjs';

const key = realKey(), bot = '123456:AAreal_Key-of-the-bot-0123456789';
let upstream, broker, token, telegram;

before(async () => {
  upstream = await startUpstream(wholeFile, { hosts: ['api.example', 'api.telegram.org'], accepts: accepts.anything() });
  broker = await startBroker(wholeFile);
  await broker.addCredential('words', { secret: key, upstream, hosts: ['api.example'],
    args: ['--slot', 'header:authorization', '--inject', 'header:Authorization: Bot {secret}'] });
  await broker.addCredential('telegram', { preset: 'telegram', secret: bot,
    args: [...upstream.resolve(['api.telegram.org']).flatMap((r) => ['--resolve', r]), '--upstream-ca', upstream.ca] });
  token = await broker.mint('words');
  await broker.addCredential('lfs', { secret: 'me:real-password-0123456789', upstream, hosts: ['api.example'],
    args: ['--slot', 'basic', '--inject', 'basic'] });
  telegram = await broker.mint('telegram', { args: ['--prefix', '0:'] });
});

beforeEach(() => {
  upstream.requests.length = 0;
});

describe('a scheme of the service\'s own in Authorization', () => {
  for (const scheme of ['Bot', 'ApiKey', 'SSWS', 'DeepL-Auth-Key'])
    test(`${scheme}: the token is found behind it, and the key stands as the template says`, async () => {
      const answer = await broker.request('/~words/v1/me', { headers: { authorization: `${scheme} ${token}` } });
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(upstream.only('/v1/me').fields('authorization'), [`Bot ${key}`]);
    });

  test('a key of somebody else\'s behind it is refused', async () => {
    const answer = await broker.request('/~words/v1/me', { headers: { authorization: 'Bot MTIz.abc.def' } });
    broker.denied(answer, 401, 'foreign-key');
    assert.equal(upstream.requests.length, 0);
  });

  test('two words before it are none', async () => {
    const answer = await broker.request('/~words/v1/me', { headers: { authorization: `My Bot ${token}` } });
    broker.denied(answer, 401, 'token-malformed');
  });
});

describe('keys of a shape', () => {
  test('prefixes with a dot or a colon', async () => {
    assert.match(await broker.mint('words', { args: ['--prefix', 'SG.'] }), /^SG\.kh1_/);
    assert.match(telegram, /^0:kh1_/);
  });

  test('Telegram: a number, a colon, the token, in the path', async () => {
    const answer = await broker.request(`/~telegram/bot${telegram}/getMe`);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(upstream.requests[0].url, `/bot${bot}/getMe`);
  });
});

describe('places that an answer names', () => {
  // @google/genai: files.upload() puts its base URL's host and port into what it got, and leaves the path.
  for (const [name, lower] of [['X-Goog-Upload-URL', 'x-goog-upload-url'], ['Operation-Location', 'operation-location']])
    test(`${name} is below the base URL, and the client goes on there`, async () => {
      upstream.route('/upload/files', (_, res) =>
        answerJson(res, 200, {}, { [name]: 'https://api.example/upload/files/5?upload_id=x' }));
      const first = await broker.request('/~words/upload/files', { method: 'POST', token });
      const place = new URL(first.headers[lower]);
      assert.equal(place.href, `${broker.url}/~words/upload/files/5?upload_id=x`);
      const second = await broker.request(place.pathname + place.search, { method: 'POST', token, body: 'abc' });
      assert.equal(second.status, 200, second.text);
      assert.deepEqual(upstream.only('/upload/files/5').fields('authorization'), [`Bot ${key}`]);
    });
});

test('git-lfs: what an answer echoes as Authorization is good for the next request', async () => {
  const own = await broker.mint('lfs'), given = Buffer.from(`x:${own}`).toString('base64');
  upstream.route('/objects/batch', (received, res) =>
    answerJson(res, 200, { header: { Authorization: received.fields('authorization')[0] } }));
  const first = await broker.request('/~lfs/objects/batch', { method: 'POST', headers: { authorization: `Basic ${given}` } });
  const { header } = first.json();
  assert.ok(!first.text.includes(Buffer.from('me:real-password-0123456789').toString('base64')));
  const second = await broker.request('/~lfs/o/1', { method: 'PUT', body: 'abc', headers: { authorization: header.Authorization } });
  assert.equal(second.status, 200, second.text);
  const sent = Buffer.from('me:real-password-0123456789').toString('base64');
  assert.deepEqual(upstream.only('/o/1').fields('authorization'), [`Basic ${sent}`]);
});

describe('what is spoken to a plain listener', () => {
  // OpenAI's SDK goes to wss:// for its realtime API whatever the base URL says.
  test('TLS: the record says that it was', async () => {
    const client = await broker.connect();
    client.write(Buffer.from('16030102000100', 'hex'));
    const answer = await client.answer();
    broker.denied(answer, 400, 'request-malformed', { detail: /this is TLS/ });
    client.destroy();
  });

  test('HTTP/2: the record says that it was', async () => {
    const client = await broker.connect();
    client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    broker.denied(await client.answer(), 400, 'request-malformed', { detail: /HTTP\/1\.1 is spoken here/ });
    client.destroy();
  });
});

describe('keyhole run', () => {
  const inRun = (script, env = {}) => run(keyhole, ['run', '--token', '-', '--', 'sh', '-c', script],
    { stdin: `${token}\n`, env: { KEYHOLE_BROKER: broker.url, ...env } });

  test('a request without a token is told that one is missing, and not that the proxy\'s is narrow', async () => {
    const { stdout, stderr } = await inRun('curl -sS https://api.example/v1/me');
    const problem = JSON.parse(stdout);
    assert.equal(problem.code, 'token-missing', stdout);
    assert.match(problem.detail, /the token of the proxy is for pass-through alone/);
    assert.match(stderr, /1 request to api\.example refused \(token-missing\): Put a token where/);
  });

  test('what names no host is a request all the same', async () => {
    const { stderr } = await inRun('curl -sSk "https://${HTTPS_PROXY#*@}/" --noproxy "*" || true');
    assert.match(stderr, /: 1 request refused \(request-malformed\)/);
  });

  test('PHP finds the roots in settings behind the user\'s', async () => {
    const script = 'test "$PHP_INI_SCAN_DIR" = "$SCAN:${SSL_CERT_FILE%/*}" && cat "${SSL_CERT_FILE%/*}/php.ini" && echo "$SSL_CERT_FILE"';
    for (const own of ['', '/etc/php/mine']) {
      const { status, stdout, stderr } = await inRun(script, { SCAN: own, ...(own ? { PHP_INI_SCAN_DIR: own } : {}) });
      assert.equal(status, 0, stderr);
      const file = stdout.trim().split('\n').at(-1);
      assert.equal(stdout, `curl.cainfo = "${file}"\nopenssl.cafile = "${file}"\n${file}\n`);
    }
  });
});
