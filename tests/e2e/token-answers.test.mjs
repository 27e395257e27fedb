// SPDX-License-Identifier: Apache-2.0
// What comes back: OAuth tokens are refused, passed, or kept and replaced; cookies and header fields
// that the client does not get.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { accepts, answerJson, startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
const fresh = () => realKey('at-');
let upstream, broker;
const tokens = {};

async function add(name, ...options) {
  await broker.addCredential(name, { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', ...options.flatMap((o) => o.startsWith('--') ? [o] : ['--option', o])] });
  tokens[name] = await broker.mint(name);
}

const ask = (name, path, options = {}) => broker.request(`/~${name}${path}`, { token: tokens[name], ...options });
const json = (res, body, headers = {}) => res.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

/** The outcome on record of that answer. */
async function outcome(answer) {
  const id = answer.headers['keyhole-request-id'];
  await until('the outcome is on record', () => broker.audit().some((r) => r.kind === 'outcome' && r.id === id));
  return broker.audit().find((r) => r.kind === 'outcome' && r.id === id);
}

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
  broker = await startBroker(wholeFile);
  await add('up');
  await add('pass', 'token-answers=pass');
  await add('large', '--no-scrub');
});

describe('refused by default', () => {
  const bodies = {
    'RFC 6749': ['application/json;charset=UTF-8', JSON.stringify({ access_token: fresh(), token_type: 'Bearer', expires_in: 3600, refresh_token: fresh() })],
    'a refresh token alone': ['application/json', JSON.stringify({ a: [1, { b: '}' }], refresh_token: fresh() })],
    'an id token alone, spelt with escapes': ['application/vnd.x+json', `{"id\\u005ftoken" : "${fresh()}"}`],
    'GitHub\'s form': ['application/x-www-form-urlencoded; charset=utf-8', `access_token=${fresh()}&scope=repo&token_type=bearer`],
    'a form as plain text': ['text/plain', `access_token=${fresh()}&expires=5183999`],
    'JSON as plain text': ['text/plain', ` \n{"access_token":"${fresh()}"}`],
    'JSON as a script': ['text/javascript', `{"access_token":"${fresh()}"}`],
    'without a type': [undefined, `{"access_token":"${fresh()}"}`],
    'with a byte order mark': ['application/json', `\ufeff{"access_token":"${fresh()}"}`],
  };
  for (const [what, [type, body]] of Object.entries(bodies))
    for (const way of ['with a length', 'chunked', 'byte by byte', 'until the end'])
      test(`${what}, ${way}`, async () => {
        upstream.route('/token', async (received, res) => {
          if (type) res.setHeader('content-type', type);
          if (way === 'with a length') res.setHeader('content-length', Buffer.byteLength(body));
          if (way === 'until the end') {
            res.useChunkedEncodingByDefault = false;
            res.shouldKeepAlive = false;
          }
          if (way === 'byte by byte')
            for (const c of Buffer.from(body)) {
              res.write(Buffer.of(c));
              await new Promise(setImmediate);
            }
          else res.write(body);
          res.end();
        });
        const answer = await ask('up', '/token', { method: 'POST', body: 'grant_type=x' });
        assert.equal(answer.status, 502, answer.text);
        const problem = JSON.parse(answer.text);
        assert.equal(problem.code, 'token-answer');
        assert.ok(!answer.text.includes('at-'), answer.text);
        const record = await outcome(answer);
        assert.equal(record.reason, 'token-answer');
        assert.equal(record.status, 200);
      });

  test('what is no token goes through', async () => {
    const rows = [
      [200, 'application/json', JSON.stringify({ data: { access_token: 'nested' }, list: [{ refresh_token: 'x' }] })],
      [200, 'application/json', JSON.stringify([{ access_token: 'in an array' }])],
      [200, 'application/json', JSON.stringify({ access_token: null, refresh_token: '', id_token: 7 })],
      [200, 'application/json', JSON.stringify({ text: '"access_token":"x"' })],
      [400, 'application/json', JSON.stringify({ access_token: 'an error' })],
      [200, 'text/html', '{"access_token":"a page"}'],
      [200, 'application/octet-stream', '{"access_token":"bytes"}'],
      [200, 'text/plain', 'access token=none'],
    ];
    for (const [status, type, body] of rows) {
      upstream.route('/other', (received, res) => res.writeHead(status, { 'content-type': type }).end(body));
      const answer = await ask('up', '/other');
      assert.deepEqual([answer.status, answer.text], [status, body]);
    }
  });

  test('HEAD, 204 and 304 have no body to look at', async () => {
    upstream.route('/none', (received, res) => res.writeHead({ GET: 204, PUT: 304 }[received.method] ?? 200, { 'content-type': 'application/json' }).end());
    assert.equal((await ask('up', '/none', { method: 'HEAD' })).status, 200);
    assert.equal((await ask('up', '/none')).status, 204);
    assert.equal((await ask('up', '/none', { method: 'PUT' })).status, 304);
  });

  test('streams stay streams', async () => {
    for (const [type, part] of [['text/event-stream', 'data: {"access_token":"x"}\n\n'], ['application/x-ndjson', '{"a":1}\n'],
      ['application/json', '{"status":"Pulling"}\r\n'], ['application/json', '[{"a":1},\n'], ['text/plain', 'Hello']]) {
      const held = upstream.hold('/stream');
      const client = await broker.connect();
      client.write(`GET /~up/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens.up}\r\n\r\n`);
      const { res } = await held.next();
      res.writeHead(200, { 'content-type': type });
      res.write(part);
      await client.when(`${type} at once`, () => client.input.includes(part));
      res.end();
      await client.answer();
      client.destroy();
    }
  });

  test('a large body is cut where the token begins', async () => {
    const secret = fresh();
    upstream.route('/big', (received, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      res.write(`{"pad":"${'x'.repeat(200000)}",`);
      res.end(`"access_token":"${secret}"}`);
    });
    const client = await broker.connect();
    client.write(`GET /~up/big HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens.up}\r\n\r\n`);
    await client.when('the cut', () => client.over);
    const text = client.input.toString('latin1');
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.ok(!text.includes(secret), 'the token came through');
    assert.ok(!text.endsWith('0\r\n\r\n'), 'it looks whole');
    client.destroy();
  });

  test('a large body without one comes whole', async () => {
    const body = `{"pad":"${'x'.repeat(300000)}","data":{"access_token":"y"}}`;
    upstream.route('/big', (received, res) => res.writeHead(200, { 'content-type': 'application/json' }).end(body));
    assert.equal((await ask('up', '/big')).text, body);
  });

  test('encoded, without scrubbing: what says that it is JSON cannot be seen, and is refused', async () => {
    const zip = (type) => (received, res) => res.writeHead(200, { 'content-encoding': 'gzip', ...(type && { 'content-type': type }) }).end(gzipSync('{"access_token":"x"}'));
    upstream.route('/zip', zip('application/json'));
    const headers = { 'accept-encoding': 'gzip' };
    const answer = await ask('large', '/zip', { headers });
    assert.equal(answer.status, 502);
    assert.match(answer.text, /"code":"token-answer".*Accept-Encoding: identity/s);
    upstream.route('/zip', zip('application/octet-stream'));
    assert.equal((await ask('large', '/zip', { headers })).status, 200);
    await add('large-pass', '--no-scrub', 'token-answers=pass');
    upstream.route('/zip', zip('application/json'));
    assert.equal((await ask('large-pass', '/zip', { headers })).status, 200);
    upstream.route('/plain', (received, res) => json(res, { access_token: fresh() }));
    assert.equal((await ask('large', '/plain')).status, 502);
  });

  test('status and show count them, and say what to do', async () => {
    const shown = await broker.operatorJson(['credential', 'show', 'up']);
    assert.ok(shown.token_answers_refused.count > 1, JSON.stringify(shown));
    const status = await broker.status();
    assert.ok(status.token_answers_refused.some((r) => r.name === 'up'), JSON.stringify(status));
    const { stdout } = await broker.operator(['status']);
    assert.match(stdout, /^ *! answers to up were refused .*token-answers=/m);
  });
});

test('pass: as it came, scrubbed of the key', async () => {
  const body = { access_token: fresh(), echo: key };
  upstream.route('/token', (received, res) => json(res, body));
  const answer = await ask('pass', '/token');
  assert.deepEqual(JSON.parse(answer.text), { ...body, echo: tokens.pass });
});

describe('seal', () => {
  before(async () => {
    await broker.addCredential('api', { secret: realKey(), upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
    tokens.api = await broker.mint('api');
    await add('login', 'token-answers=seal:api');
  });
  const used = async () => {
    const answer = await ask('api', '/echo');
    assert.equal(answer.status, 200);
    return upstream.requests.at(-1).headers.authorization.replace('Bearer ', '');
  };

  for (const scrub of ['', ' without scrubbing'])
    test(`the access token is the secret of another credential, and the client gets its own${scrub}`, async () => {
      const name = scrub ? 'login-large' : 'login';
      if (scrub) await add(name, 'token-answers=seal:api', '--no-scrub');
      const access = fresh(), refresh = fresh(), id = fresh();
      broker.secrets.push(access, refresh, id);
      const body = `{ "token_type": "Bearer",\n "access_token": "${access}", "token":"${access}", "expires_in": 3600.0,"refresh_token" :"${refresh}", "id_token":"${id}"}`;
      upstream.route('/token', (received, res) => json0(res, body, { 'x-token': access, 'set-cookie': `t=${refresh}` }));
      const answer = await ask(name, '/token', { method: 'POST', body: 'x' });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.text, body.replaceAll(access, tokens[name]).replace(refresh, tokens[name]).replace(id, tokens[name]));
      assert.equal(answer.headers['x-token'], tokens[name]);
      assert.ok(!JSON.stringify(answer.headers).includes('at-'), JSON.stringify(answer.headers));
      assert.equal(await used(), access);
      const record = broker.audit().findLast((r) => r.command === 'credential.rotate');
      assert.equal(record.subject, 'api');
      assert.equal(record.id, answer.headers['keyhole-request-id']);
      assert.match(record.detail, new RegExp(`credential ${name}$`));
      assert.equal((await outcome(answer)).reason, undefined);
    });

  test('GitHub\'s form, and an answer until the end of the connection', async () => {
    const access = fresh();
    broker.secrets.push(access);
    upstream.route('/token', (received, res) => {
      res.useChunkedEncodingByDefault = false;
      res.shouldKeepAlive = false;
      res.setHeader('content-type', 'application/x-www-form-urlencoded');
      res.write(`access_token=${access}&scope=a%2Cb`);
      res.end();
    });
    const answer = await ask('login', '/token');
    assert.equal(answer.text, `access_token=${tokens.login}&scope=a%2Cb`);
    assert.equal(await used(), access);
  });

  test('it survives a kill', async () => {
    const access = fresh();
    broker.secrets.push(access);
    upstream.route('/token', (received, res) => json(res, { access_token: access }));
    assert.equal((await ask('login', '/token')).status, 200);
    await broker.kill();
    await broker.start();
    assert.equal(await used(), access);
  });

  test('what cannot be kept is refused, and nothing is changed', async () => {
    const before = await used();
    const rows = {
      'no access token': { refresh_token: fresh() },
      'one that is no word': { access_token: 'two words' },
      'one that is too long': { access_token: 'x'.repeat(9000) },
      'not a string': { access_token: ['x'], id_token: fresh() },
    };
    for (const [what, body] of Object.entries(rows)) {
      upstream.route('/token', (received, res) => json(res, body));
      const answer = await ask('login', '/token');
      assert.equal(answer.status, 502, what);
      assert.equal(JSON.parse(answer.text).code, 'token-answer', what);
    }
    for (const body of [`{"access_token":"${fresh()}","access_token":"${fresh()}"}`, `{"access_token":"${fresh()}","Access_Token":"x"}`,
      `{"access_token":"${fresh()}"`, `{"access_token":"${fresh()}","pad":"${'x'.repeat(70000)}"}`]) {
      upstream.route('/token', (received, res) => json0(res, body));
      assert.equal((await ask('login', '/token')).status, 502, body.slice(0, 100));
    }
    assert.equal(await used(), before);
  });

  test('what is no token goes through, and a foreign key brings nothing', async () => {
    upstream.route('/other', (received, res) => json(res, { ok: true }));
    assert.equal((await ask('login', '/other')).text, '{"ok":true}');
    await add('foreign', 'token-answers=seal:api', '--foreign=pass');
    const before = await used();
    upstream.route('/token', (received, res) => json(res, { access_token: fresh() }));
    const answer = await broker.request('/~foreign/token', { token: 'a-key-of-my-own' });
    assert.equal(answer.status, 502);
    assert.equal(await used(), before);
  });

  test('the credential must be there and take one word', async () => {
    const may = async (option, ...args) => (await broker.operator(['credential', 'add', 'wrong', '--host', 'x.example', '--slot', 'bearer', '--option', option, ...args], { may: true, stdin: 'k\n' }));
    for (const [option, why] of [['token-answers=seal:nobody', /no credential nobody/], ['token-answers=seal:', /refuse, pass, or seal:NAME/],
      ['token-answers=keep', /refuse, pass, or seal:NAME/], ['set-cookie=a b', /cookie's name/], ['set-cookie=a,', /names with a comma/],
      ['drop-answer-headers=content-length', /not to be read without/], ['drop-answer-headers=a b', /no header's name/]]) {
      const answer = await may(option);
      assert.ok(answer.status, option);
      assert.match(answer.stderr, why);
    }
    const basic = await may('token-answers=seal:wrong', '--inject', 'basic');
    assert.match(basic.stderr, /not one word/);
    await broker.operator(['credential', 'disable', 'api']);
    upstream.route('/token', (received, res) => json(res, { access_token: fresh() }));
    assert.match((await ask('login', '/token')).text, /disabled/);
    await broker.operator(['credential', 'remove', 'api']);
    assert.match((await ask('login', '/token')).text, /no credential api/);
  });
});

function json0(res, text, headers = {}) {
  res.writeHead(200, { 'content-type': 'application/json', ...headers }).end(text);
}

describe('cookies and header fields', () => {
  const serve = (received, res) => res.writeHead(200, { 'set-cookie': ['session=1; Path=/', 'csrf = 2', 'bare', 'Session=3'],
    'x-internal': 'a', 'X-Debug': ['b', 'c'], 'x-kept': 'd', connection: 'x-hop', 'x-hop': 'e' }).end('fine');
  const rows = {
    'by default': { options: [], cookies: ['session=1; Path=/', 'csrf = 2', 'bare', 'Session=3'], internal: 'a' },
    drop: { options: ['set-cookie=drop'], cookies: [], internal: 'a' },
    names: { options: ['set-cookie=csrf,Session', 'drop-answer-headers=X-Internal,x-debug'], cookies: ['csrf = 2', 'Session=3'], internal: undefined },
  };
  for (const [what, row] of Object.entries(rows))
    test(what, async () => {
      const name = `fields-${what.replace(' ', '-')}`;
      await add(name, ...row.options);
      upstream.route('/fields', serve);
      const client = await broker.connect();
      client.write(`GET /~${name}/fields HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${tokens[name]}\r\n\r\n`);
      const { headers, fields } = await client.answer();
      client.destroy();
      assert.deepEqual(fields.filter(([n]) => n.toLowerCase() === 'set-cookie').map(([, value]) => value), row.cookies);
      assert.equal(headers['x-internal'], row.internal);
      assert.equal(headers['x-debug'] === undefined, row.internal === undefined);
      assert.equal(headers['x-kept'], 'd');
      assert.equal(headers['x-hop'], undefined, 'what Connection names is hop-by-hop');
      const shown = await broker.operatorJson(['credential', 'show', name]);
      assert.deepEqual(shown.options, row.options);
    });
});
