// SPDX-License-Identifier: Apache-2.0
// nginx keeps the traffic and asks Keyhole (auth_request): a real nginx with the configuration that
// keyholed gateway nginx makes, in front of a TLS upstream that takes the real key and nothing else.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import net from 'node:net';
import { before, beforeEach, describe, test } from 'node:test';

import { encodings, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { missing, socketGateway, startGateway } from '../support/gateway.mjs';
import { run } from '../support/programs.mjs';
import { exchange } from '../support/raw.mjs';
import OpenAI from 'openai';
import { accepts, startUpstream } from '../support/upstream.mjs';

const key = realKey(), otherKey = realKey('x-key-'), cookieKey = realKey('c-');
let upstream, other, cookie, broker, gateway, token, otherToken;

before(async () => {
  if (missing.length) return;
  upstream = await startUpstream(wholeFile, { key });
  other = await startUpstream(wholeFile, { accepts: accepts.header('x-api-key', otherKey) });
  cookie = await startUpstream(wholeFile, { accepts: accepts.header('cookie', `a=1; session=${cookieKey}; b=2`) });
  broker = await startBroker(wholeFile, { config: socketGateway(wholeFile).config });
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  await broker.addCredential('anthropic', { preset: 'anthropic', secret: otherKey, upstream: other });
  await broker.addCredential('web', { hosts: ['upstream.example'], secret: cookieKey, upstream: cookie,
    args: ['--slot', 'cookie:session', '--inject', 'cookie:session'] });
  token = await broker.mint('openai');
  otherToken = await broker.mint('anthropic');
  gateway = await startGateway(wholeFile, broker, ['openai', 'anthropic', 'web'], { upstream });
});

beforeEach(() => {
  if (upstream) upstream.requests.length = 0;
});

describe('nginx asks Keyhole', { skip: missing.length ? `${missing} is not here` : false }, () => {
  const call = (path, options = {}) => broker.request(path, { base: gateway.base, ...options });

  test('the key is put on, and what is not for the upstream is taken off', async () => {
    const answer = await call('/~openai/v1/models?limit=2', { token, headers: {
      'x-forwarded-for': '203.0.113.1', 'x-forwarded-proto': 'http', forwarded: 'for=x', 'x-real-ip': '1.2.3.4',
      'proxy-authorization': 'Basic eDp5', 'keyhole-check-client': '10.0.0.1', 'keyhole-check-target': '/other',
      'keyhole-check-prefix': '-', 'keyhole-check-method': 'DELETE', 'openai-beta': 'x=1',
    } });
    // somebody else's key in a slot is refused, Proxy-Authorization too
    assert.equal(answer.status, 401, answer.text);
    const good = await call('/~openai/v1/models?limit=2', { token, headers: {
      'x-forwarded-for': '203.0.113.1', 'x-forwarded-proto': 'http', forwarded: 'for=x', 'x-real-ip': '1.2.3.4',
      'keyhole-check-client': '10.0.0.1', 'keyhole-check-target': '/other', 'keyhole-check-prefix': '-',
      'keyhole-check-method': 'DELETE', 'openai-beta': 'x=1',
    } });
    assert.equal(good.status, 200, good.text);
    const received = upstream.only('/v1/models');
    assert.ok(received.authorized);
    assert.equal(received.url, '/v1/models?limit=2');
    assert.equal(received.method, 'GET');
    assert.equal(received.sni, 'api.openai.com');
    assert.deepEqual(received.fields('host'), ['api.openai.com']);
    assert.deepEqual(received.fields('openai-beta'), ['x=1']);
    assert.doesNotMatch(received.text(), /kh1_|forwarded|real-ip|keyhole|proxy-/i);
    const record = broker.decisions().findLast((r) => r.decision === 'allow');
    assert.equal(record.way, 'check');
    assert.equal(record.path, '/v1/models');
    assert.equal(record.client, '127.0.0.1');
    assert.equal(record.host, 'api.openai.com');
    for (const [name, value] of Object.entries(good.headers))
      assert.ok(!value.includes(key), `${name} came back with the key`);
  });

  test('another header, and a cookie among others', async () => {
    const answer = await call('/~anthropic/v1/messages', { method: 'POST', body: '{"a":1}',
      headers: { 'x-api-key': otherToken, 'content-type': 'application/json' } });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(other.only('/v1/messages').body.toString(), '{"a":1}');
    const web = await broker.mint('web');
    const got = await call('/~web/page', { headers: { cookie: `a=1; session=${web}; b=2` } });
    assert.equal(got.status, 200, got.text);
  });

  test('a token in the query is not sent on', async () => {
    await broker.addCredential('maps', { hosts: ['other.example'], secret: realKey(), upstream,
      args: ['--slot', 'query:key', '--inject', 'bearer'] });
    const maps = await broker.mint('maps');
    const mine = await startGateway(wholeFile, broker, ['maps'], { upstream });
    const answer = await broker.request(`/~maps/tiles?a=1&key=${maps}&b=%7e`, { base: mine.base });
    assert.equal(answer.status, 401); // the upstream knows another key; what it saw is what counts
    assert.equal(upstream.only('/tiles').url, '/tiles?a=1&b=%7e');
    assert.doesNotMatch(upstream.only('/tiles').text(), /kh1_/);
  });

  test('the SDK of OpenAI, and curl', async () => {
    const client = new OpenAI({ apiKey: token, baseURL: `${gateway.base}/~openai/v1`, maxRetries: 0 });
    upstream.route('/v1/chat/completions', (r, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: {"choices":[{"delta":{"content":"hello"}}]}\n\n');
      res.end('data: [DONE]\n\n');
    });
    const stream = await client.chat.completions.create({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] });
    let text = '';
    for await (const part of stream) text += part.choices[0].delta.content;
    assert.equal(text, 'hello');
    const curl = await run('curl', ['-sS', '-f', `${gateway.base}/~openai/v1/models`, '-H', `Authorization: Bearer ${token}`]);
    assert.equal(curl.status, 0, curl.stderr);
    const wrong = new OpenAI({ apiKey: 'sk-mine', baseURL: `${gateway.base}/~openai/v1`, maxRetries: 0 });
    await assert.rejects(wrong.models.list(), (e) => e.status === 401 && /token/.test(e.message));
  });

  test('denials come with their own status and words', async () => {
    const narrow = await broker.attenuate(token, '--caveat', 'method = POST');
    const failed = await call('/~openai/v1/models', { token: narrow });
    assert.equal(failed.status, 401);
    assert.equal(failed.json().code, 'caveat-failed');
    assert.match(failed.headers['www-authenticate'], /^Bearer realm="keyhole", error="invalid_token"/);
    assert.equal(failed.headers['content-type'], 'application/problem+json');
    assert.match(failed.headers['keyhole-request-id'], /^[0-9a-f]{32}$/);
    const rate = await broker.attenuate(token, '--caveat', 'rate <= 1/h');
    assert.equal((await call('/~openai/v1/models', { token: rate })).status, 200);
    const often = await call('/~openai/v1/models', { token: rate });
    assert.equal(often.status, 429);
    assert.equal(often.json().code, 'rate-exceeded');
    assert.match(often.headers['retry-after'], /^[1-9]\d*$/);
    const body = await broker.attenuate(token, '--caveat', 'body[/model] = gpt-4o');
    const unseen = await call('/~openai/v1/chat/completions', { token: body, method: 'POST', body: '{"model":"gpt-4o"}' });
    assert.equal(unseen.status, 400);
    assert.equal(unseen.json().code, 'body-unseen');
    const small = await broker.attenuate(token, '--caveat', 'body-size <= 10');
    assert.equal((await call('/~openai/v1/x', { token: small, method: 'POST', body: '12345' })).status, 200);
    assert.equal((await call('/~openai/v1/x', { token: small, method: 'POST', body: '12345678901' })).status, 401);
    const nobody = await call('/v1/models', { token });
    assert.equal(nobody.status, 421);
    assert.equal(nobody.json().code, 'misdirected');
    const wrong = await call('/~openai/v1/models', { token: otherToken });
    assert.equal(wrong.status, 403);
    for (const r of [failed, often, unseen, nobody, wrong])
      for (const secret of [key, otherKey].flatMap(encodings)) assert.ok(!`${r.text}${JSON.stringify(r.headers)}`.includes(secret));
  });

  // docs/THREATS.md, 1 to 4: what arrives is what was judged, or nothing arrives.
  test('the path that arrives is the path that was judged', async () => {
    const targets = ['/v1/a', '/v1/%61', '/v1/%2e%2e/x', '/v1/../x', '/v1/./x', '//v1/x', '/v1//x', '/v1/%2fx', '/v1/%2Fx',
      '/v1/%5cx', '/v1/\\x', '/v1;a=b/x', '/v1/x;y', '/v1/%00', '/v1/%zz', '/v1/%', '/v1/%25%32%65', '/v1/%252e', '/v1/a%20b',
      '/v1/%e2%82%ac', '/v1/%E2%82%AC', '/v1/x?y=../z', '/v1/x?a=%2e', '/v1/x?', '/v1/x#f', '/v1/x?#f', '/v1/x/..', '/v1/x/.',
      '/../~anthropic/v1', '/%2e%2e/~anthropic/v1', '/v1/~x', '/v1/%7ex', '/v1/a:b@c', '/v1/[x]', '/v1/x?a[b]=1', '/v1/\x80',
      '/v1/a"b', '/v1/a<b>', '/v1/a|b', '/v1/{x}', '/.keyhole/openai', '/v1/\u00e4'];
    let sent = 0;
    for (const target of targets) {
      upstream.requests.length = 0;
      const before = broker.decisions().length;
      const [answer] = await exchange({ port: gateway.port, host: '127.0.0.1' },
        Buffer.from(`GET /~openai${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`, 'latin1'));
      assert.equal(upstream.requests.length, answer.status === 200 ? 1 : 0, `${target}: ${answer.status}`);
      if (answer.status !== 200) {
        assert.ok(answer.status >= 400 && answer.status < 500, `${target}: ${answer.status}`);
        continue;
      }
      sent++;
      const record = broker.decisions().slice(before).findLast((r) => r.decision === 'allow');
      assert.equal(upstream.requests[0].url.split('?')[0], record.path, target);
      assert.ok(!/\.\.|%2e|%2f|%5c|%00|;|\/\//i.test(record.path), `${target} became ${record.path}`);
      assert.equal(other.requests.filter((r) => r.url === '/v1').length, 0);
    }
    assert.ok(sent >= 9, `only ${sent} of them went through`);
  });

  test('requests that can be read in two ways do not go through', async () => {
    const auth = `Authorization: Bearer ${token}\r\n`;
    const heads = [
      `POST /~openai/a HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      `POST /~openai/a HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
      `POST /~openai/a HTTP/1.1\r\nHost: x\r\n${auth}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
      `GET /~openai/a HTTP/1.1\r\nHost: x\r\n${auth}Authorization: Bearer x\r\nConnection: close\r\n\r\n`,
      `GET /~openai/a HTTP/1.1\r\nHost: x\r\n${auth}X-HTTP-Method-Override: DELETE\r\nConnection: close\r\n\r\n`,
      `GET /~openai/a HTTP/1.1\r\nHost: x\r\n${auth}X-Original-URL: /b\r\nConnection: close\r\n\r\n`,
      `GET /~openai/a HTTP/1.1\r\nHost: x\r\n${auth}X-Forwarded-Strange: b\r\nConnection: close\r\n\r\n`,
      `GET /~openai/a HTTP/1.1\r\nHost: x\r\n${auth}Connection: close\r\n folded: b\r\n\r\n`,
      `CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n${auth}\r\n`,
      `GET http://api.anthropic.com/~openai HTTP/1.1\r\nHost: x\r\n${auth}Connection: close\r\n\r\n`,
    ];
    for (const head of heads) {
      const [answer] = await exchange({ port: gateway.port, host: '127.0.0.1' }, Buffer.from(head));
      assert.ok(answer.status >= 400 && answer.status <= 501, `${answer.status} for ${head}`);
    }
    assert.equal(upstream.requests.length, 0);
    // nginx drops these before it asks, and before it sends
    const dropped = await exchange({ port: gateway.port, host: '127.0.0.1' },
      Buffer.from(`GET /~openai/a HTTP/1.1\r\nHost: x\r\n${auth}X_Api_Key: b\r\nConnection: close\r\n\r\n`));
    assert.equal(dropped[0].status, 200);
    assert.doesNotMatch(upstream.only('/a').text(), /x_api_key/i);
  });

  test('HTTP/1.0 and keep-alive clients', async () => {
    const [old] = await exchange({ port: gateway.port, host: '127.0.0.1' },
      Buffer.from(`GET /~openai/old HTTP/1.0\r\nAuthorization: Bearer ${token}\r\n\r\n`));
    assert.equal(old.status, 200);
    const one = `GET /~openai/n HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const bad = `GET /~openai/n HTTP/1.1\r\nHost: x\r\n\r\n`;
    const three = await exchange({ port: gateway.port, host: '127.0.0.1' }, Buffer.from(one + bad + one), { count: 3 });
    assert.deepEqual(three.map((a) => a.status), [200, 401, 200]);
  });

  test('revocation counts from the next request', async () => {
    const mine = await broker.mint('openai');
    assert.equal((await call('/~openai/r', { token: mine })).status, 200);
    await broker.operator(['revoke', mine]);
    const answer = await call('/~openai/r', { token: mine });
    assert.equal(answer.status, 401);
    assert.equal(answer.json().code, 'revoked');
  });

  test('by Host', async () => {
    const byHost = await startGateway(wholeFile, broker, ['openai', 'anthropic'], { upstream, args: ['--by-host'] });
    const ask = async (host, path = '/v1/h') => (await exchange({ port: byHost.port, host: '127.0.0.1' },
      Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`)))[0].status;
    assert.equal(await ask('api.openai.com'), 200);
    assert.equal(await ask('API.OpenAI.com:8480'), 200);
    assert.equal(await ask('api.anthropic.com'), 403); // the token is not for it
    assert.equal(await ask('other.example'), 421);
    assert.equal(await ask('api.openai.com', '/~openai/v1/h'), 200); // a path like any other
    assert.deepEqual(upstream.requests.map((r) => r.url), ['/v1/h', '/v1/h', '/~openai/v1/h']);
    assert.ok(upstream.requests.every((r) => r.fields('host')[0] === 'api.openai.com'));
  });

  test('a configuration that is older than the credential sends nothing', async () => {
    const mine = realKey();
    await broker.addCredential('grown', { hosts: ['a.wild.example'], secret: mine, upstream,
      args: ['--slot', 'bearer', '--inject', 'bearer'] });
    const old = await startGateway(wholeFile, broker, ['grown'], { upstream });
    await broker.operator(['credential', 'remove', 'grown']);
    await broker.addCredential('grown', { hosts: ['a.wild.example'], secret: mine, upstream,
      args: ['--slot', 'header:x-new', '--inject', 'bearer'] });
    const answer = await broker.request('/~grown/x', { base: old.base, headers: { 'x-new': await broker.mint('grown') } });
    assert.equal(answer.status, 400);
    assert.equal(answer.json().code, 'gateway-cannot');
    assert.match(answer.json().detail, /run again/);
    assert.equal(upstream.requests.length, 0);
  });

  test('Keyhole is down, hangs, or answers rubbish: nothing goes through', async () => {
    const answers = { down: null, hangs: () => {},
      'closes at once': (s) => s.destroy(), 'is no HTTP': (s) => s.end('hello\r\n\r\n'),
      'allows without a target': (s) => s.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
      'allows with half a target': (s) => s.end('HTTP/1.1 200 OK\r\nKeyhole-Target: v1\r\nContent-Length: 0\r\n\r\n'),
      'redirects': (s) => s.end('HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n'),
      'is broken': (s) => s.end('HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n'),
    };
    for (const [what, say] of Object.entries(answers)) {
      const sockets = [];
      const server = net.createServer((s) => { sockets.push(s); s.on('error', () => {}); s.once('data', () => say(s)); });
      await new Promise((r) => server.listen(0, '127.0.0.1', r));
      const { port } = server.address();
      if (!say) server.close();
      const mine = await startGateway(wholeFile, broker, ['openai'], { upstream,
        edit: (text) => text.replace(/server unix:\S+;/, `server 127.0.0.1:${port};`).replaceAll('proxy_read_timeout 15s', 'proxy_read_timeout 500ms') });
      const answer = await broker.request('/~openai/v1/models', { base: mine.base, token });
      assert.equal(answer.status, 503, `${what}: ${answer.text}`);
      assert.equal(answer.json().code, 'broker-unavailable', what);
      for (const s of sockets) s.destroy();
      if (say) server.close();
    }
    assert.equal(upstream.requests.length, 0);
  });

  test('neither a log of nginx nor an answer has the key or a token', () => {
    const logs = readdirSync(gateway.directory).map((f) => `${gateway.directory}/${f}`).filter((f) => statSync(f).isFile());
    assert.ok(logs.some((f) => f.endsWith('keyhole.log')));
    for (const file of logs) {
      const text = readFileSync(file, 'utf8');
      for (const secret of [key, otherKey, cookieKey, token, otherToken]) assert.ok(!text.includes(secret), `${file} has ${secret}`);
    }
  });
});
