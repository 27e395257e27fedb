// SPDX-License-Identifier: Apache-2.0
// The organisation's policy: what it grants and forbids takes effect on the next request of a real SDK, for
// tokens that are out already; versions, tests, the audit log read back, explanations.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { before, beforeEach, describe, test } from 'node:test';

import OpenAI from 'openai';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { keyholed, must } from '../support/programs.mjs';
import { Client } from '../support/sdk.mjs';
import { EventStream, answerJson, startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
let upstream, broker;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  upstream.route('/v1/models', (received, res) =>
    answerJson(res, 200, { object: 'list', data: [{ id: 'gpt-4o', object: 'model' }] }));
  upstream.route('/v1/chat/completions', (received, res) =>
    answerJson(res, 200, { id: 'c1', object: 'chat.completion',
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'hello' } }] }));
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
});

beforeEach(async () => {
  await broker.operator(['policy', 'rollback', '0']);
});

const sdk = (token) => new OpenAI({ apiKey: token, baseURL: `${broker.url}/~openai/v1`, maxRetries: 0 });
const models = async (token) => (await sdk(token).models.list()).data.map((m) => m.id);
const chat = async (token) => (await sdk(token).chat.completions.create(
  { model: 'gpt-4o', messages: [{ role: 'user', content: 'hello' }] })).choices[0].message.content;

/** An SDK's call is refused by the policy: status, code, and the rule that says so. */
async function refused(call, code, rule) {
  const error = await call.then(() => assert.fail('it was allowed'), (e) => e);
  assert.equal(error.status, 403, `${error}`);
  const record = broker.decisions().findLast((r) => r.decision === 'deny');
  assert.equal(record.reason, code);
  assert.match(record.detail, rule);
  return record;
}

const yaml = (lines) => `version: 1\n${lines}\n`;
const everything = `grants:
- { name: all, to: [everyone], credentials: [openai] }`;

const policy = (command, text, args = [], options = {}) =>
  broker.operator(['policy', command, '-', ...args], { stdin: text, ...options });

/** Apply, and give back the number of the version. */
async function apply(text, comment) {
  const args = comment ? ['--comment', comment] : [];
  return JSON.parse((await policy('apply', text, [...args, '--json'])).stdout).version;
}

describe('in force from the next request on', () => {
  test('a token that is out already: granted, not granted, granted again', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    assert.deepEqual(await models(token), ['gpt-4o']);
    await apply(yaml(`groups: { eng: [bob] }
grants:
- { name: eng-openai, to: [group eng], credentials: [openai] }`));
    await refused(models(token), 'no-grant', /^no grant gives alice the credential openai$/);
    await apply(yaml(`groups: { eng: [alice, bob] }
grants:
- { name: eng-openai, to: [group eng], credentials: [openai] }`));
    assert.deepEqual(await models(token), ['gpt-4o']);
    assert.equal(broker.decisions().at(-1).grant, 'eng-openai');
  });

  test('a grant\'s caveats narrow every token under it', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    await apply(yaml(`grants:
- { name: chat-only, to: [user alice], credentials: [openai], caveats: [path ~ /v1/chat/**] }`));
    assert.equal(await chat(token), 'hello');
    await refused(models(token), 'no-grant', /^chat-only: path ~ \/v1\/chat\/\*\*$/);
    const narrow = await broker.attenuate(token, '--method', 'GET');
    const error = await chat(narrow).catch((e) => e);
    assert.equal(error.status, 401, 'the token\'s own caveats still hold it back');
  });

  test('a forbid wins over every grant', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    await apply(yaml(`${everything}
forbid:
- { name: no-models, when: [credential = openai, path = /v1/models] }`));
    assert.equal(await chat(token), 'hello');
    await refused(models(token), 'forbidden', /^no-models: /);
  });

  test('a caveat on a group holds by the policy\'s groups', async () => {
    const token = await broker.attenuate(await broker.mint('openai', { user: 'alice' }), '--caveat', 'group = eng');
    assert.equal((await models(token).catch((e) => e)).status, 401);
    await apply(yaml(`groups: { eng: [alice] }\n${everything}`));
    assert.deepEqual(await models(token), ['gpt-4o']);
    await apply(yaml(`groups: { eng: [] }\n${everything}`));
    assert.equal((await models(token).catch((e) => e)).status, 401);
  });

  test('a token that lives longer than its grant allows is not covered', async () => {
    const long = await broker.mint('openai', { user: 'alice', lifetime: '30d' });
    const short = await broker.mint('openai', { user: 'alice', lifetime: '1h' });
    await apply(yaml(`grants:
- { name: short, to: [everyone], credentials: [openai], lifetime: 12h }`));
    assert.deepEqual(await models(short), ['gpt-4o']);
    await refused(models(long), 'no-grant', /lives longer than 12h/);
  });

  // threat 19
  test('an open stream is cut by a forbid, another goes on', async (t) => {
    const held = upstream.hold('/v1/chat/completions');
    const open = async (user) => {
      const client = new Client(t, 'openai.mjs', ['stream'],
        { OPENAI_API_KEY: await broker.mint('openai', { user }), OPENAI_BASE_URL: `${broker.url}/~openai/v1` });
      const stream = new EventStream((await held.next()).res);
      stream.send({ choices: [{ index: 0, delta: { content: 'one' } }] });
      assert.deepEqual(await client.next(), { delta: 'one' });
      return { client, stream };
    };
    const cut = await open('mallory'), spared = await open('alice');
    await apply(yaml(`${everything}
forbid:
- { name: not-mallory, when: [user = mallory] }`));
    await cut.stream.dropped();
    const end = await cut.client.next();
    assert.ok(end.error, 'the program sees that its stream was cut');
    assert.ok(!cut.client.output.includes('"done"'));
    const record = await until('the cut is on record', () =>
      broker.audit().find((r) => r.rejudged === 'yes' && r.reason === 'forbidden'));
    assert.equal(record.user, 'mallory');
    spared.stream.send({ choices: [{ index: 0, delta: { content: 'two' } }] });
    assert.deepEqual(await spared.client.next(), { delta: 'two' });
    spared.stream.res.end('data: [DONE]\n\n');
    assert.deepEqual(await spared.client.next(), { done: true });
    upstream.routes.shift();
  });

  test('a rule in warn mode denies nothing, and is on record', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    await apply(yaml(`grants:
- { name: trial, to: [everyone], credentials: [openai], caveats: [path ~ /v1/chat/**], mode: warn }
forbid:
- { name: soft, when: [method = GET], mode: warn }`));
    assert.deepEqual(await models(token), ['gpt-4o']);
    const record = broker.decisions().at(-1);
    assert.equal(record.decision, 'allow');
    assert.deepEqual(record.warnings, ['grant trial', 'forbid soft']);
    assert.equal(await chat(token), 'hello');
    assert.equal(broker.decisions().at(-1).warnings, undefined);
  });

  test('values that a rule looks at are on record', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    await apply(yaml(`${everything}
forbid:
- { name: no-debug, when: ['query[debug] = 1'] }`));
    await broker.request('/~openai/v1/models?debug=0&other=secret', { token });
    assert.deepEqual(broker.decisions().at(-1).values, { 'query[debug]': '0' });
  });

  test('rules on the body: an SDK may ask this model, not that one', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    await apply(yaml(`grants:
- { name: small, to: [everyone], credentials: [openai], caveats: ['body[/model] in gpt-4o, gpt-4o-mini or method = GET'] }
forbid:
- { name: no-novels, when: [path = /v1/chat/completions, 'body[/max_tokens] > 1000'] }`));
    const ask = (body) => sdk(token).chat.completions.create({ messages: [{ role: 'user', content: 'hello' }], ...body });
    assert.equal((await ask({ model: 'gpt-4o' })).choices[0].message.content, 'hello');
    assert.equal(broker.decisions().at(-1).values['body[/model]'], 'gpt-4o');
    await refused(ask({ model: 'gpt-5' }), 'no-grant', /^small: body\[\/model\] in gpt-4o, gpt-4o-mini or method = GET$/);
    await refused(ask({ model: 'gpt-4o', max_tokens: 1001 }), 'forbidden', /^no-novels: /);
    assert.deepEqual(await models(token), ['gpt-4o']);
    const raw = (body) => broker.request('/~openai/v1/chat/completions',
      { token, method: 'POST', body, headers: { 'content-type': 'application/json' } });
    broker.denied(await raw('{"model":"gpt-4o","max_tokens":5,"max_tokens":5000}'), 403, 'forbidden');
    broker.denied(await raw('{"model":"gpt-4o","max_tokens":"5000"}'), 403, 'forbidden');
    const { stdout } = await policy('diff', yaml(`grants:
- { name: g, to: [everyone], credentials: [openai], caveats: ['body[/model] = gpt-5 or path = /v1/models'] }`),
    ['--json', '--since', '1m']);
    assert.ok(JSON.parse(stdout).requests.some((r) => r.change === 'deny' && /chat/.test(r.url)));
  });

  test('one reading of two does not slip past a forbid', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    await apply(yaml(`${everything}
forbid:
- { name: no-debug, when: ['query[debug] = 1'] }`));
    const get = (query) => broker.request(`/~openai/v1/models${query}`, { token });
    assert.equal((await get('?debug=0')).status, 200);
    for (const query of ['?debug=1', '?debug=0&debug=1', '?debug=1&debug=0', '?debug=01', '?debu%67=1'])
      broker.denied(await get(query), 403, 'forbidden');
  });

  test('a key of the client\'s own is no way around a forbid', async () => {
    await broker.addCredential('lenient', { secret: key, upstream, hosts: ['upstream.example'],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}', '--foreign', 'pass'] });
    await apply(yaml(`${everything}
forbid:
- { name: no-deletes, when: [credential = lenient, method = DELETE] }`));
    const get = await broker.request('/~lenient/x', { token: 'my-own-key' });
    assert.notEqual(get.status, 403);
    const answer = await broker.request('/~lenient/x', { token: 'my-own-key', method: 'DELETE' });
    broker.denied(answer, 403, 'forbidden', { detail: /^no-deletes: / });
  });

  test('the policy outlives the broker', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    await apply(yaml('grants: []'));
    await broker.kill();
    await broker.start();
    await refused(models(token), 'no-grant', /alice/);
  });
});

describe('apply', () => {
  test('a fault is told with its line, and changes nothing', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    const file = `${broker.home}/broken.yaml`;
    for (const [text, says] of [
      ['version: 1\ngrants:\n- {name: g, to: [everyone], credentials: [openai], caveats: [methods = GET]}\n',
        /broken\.yaml:3: grants\[1\]\.caveats: at byte 1: the attribute methods is not known here/],
      ['version: 1\ngrants:\n- name: g\n  to: [group eng]\n  credentials: [openai]\n', /broken\.yaml:4: .*no group eng/],
      ['version: 1\nallow: everything\n', /broken\.yaml:2: unknown key "allow"/],
      ['', /broken\.yaml:1: the policy is empty/],
    ]) {
      writeFileSync(file, text);
      for (const command of ['check', 'apply', 'test']) {
        const result = await broker.operator(['policy', command, file], { may: true });
        assert.equal(result.status, 1, `${command}: ${result.stderr}`);
        assert.match(result.stderr, says);
      }
    }
    assert.deepEqual(await models(token), ['gpt-4o']);
  });

  const failing = yaml(`grants: []
tests:
- { request: GET https://api.openai.com/v1/models, user: alice, credential: openai, expect: allow }`);

  test('a test that fails refuses it', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    const before = (await broker.operatorJson(['policy', 'list'])).active;
    const result = await policy('apply', failing, [], { may: true });
    assert.equal(result.status, 1);
    assert.match(result.stderr, /:4: test 1: expected allow, got deny, no-grant/);
    assert.equal((await broker.operatorJson(['policy', 'list'])).active, before);
    assert.deepEqual(await models(token), ['gpt-4o']);
  });

  test('test says which', async () => {
    const result = await policy('test', failing, [], { may: true });
    assert.equal(result.status, 1);
    assert.match(result.stdout, /FAIL .*GET https:\/\/api\.openai\.com\/v1\/models, alice: allow; got deny/);
    const json = JSON.parse((await policy('test', failing, ['--json'], { may: true })).stdout);
    assert.deepEqual([json.passed, json.failed, json.tests[0].passes], [0, 1, false]);
    await apply(yaml(`${everything}
tests:
- { request: GET https://api.openai.com/v1/models, user: alice, credential: openai, expect: allow all }`));
    assert.equal((await broker.operatorJson(['policy', 'test'])).passed, 1, 'those of the policy in force');
  });

  test('a credential that is not there is noted', async () => {
    const { stderr } = await policy('apply', yaml(`grants:
- { name: g, to: [everyone], credentials: [openia] }`));
    assert.match(stderr, /note: g: there is no credential openia; did you mean openai\?/);
  });

  test('check and test need no broker', async () => {
    const text = yaml(`${everything}
tests:
- { request: GET https://api.openai.com/v1/models, user: alice, credential: openai, expect: allow }`);
    for (const command of ['check', 'test']) {
      const result = await must(keyholed, ['policy', command, '-', '--dir', `${broker.home}/nowhere`], { stdin: text });
      assert.match(result.stderr, /1 (tests )?passed/);
    }
  });
});

describe('versions', () => {
  test('who, when, what changed; the text of each; back to one', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    const open = yaml(everything), closed = yaml('grants: []');
    const first = await apply(open, 'begin');
    const second = await apply(closed, 'shut');
    assert.equal(second, first + 1);
    await refused(models(token), 'no-grant', /./);
    const { active, versions } = await broker.operatorJson(['policy', 'list']);
    assert.equal(active, second);
    assert.deepEqual(versions.slice(0, 2).map((v) => [v.version, v.comment, v.active, v.changes, v.uid]), [
      [second, 'shut', true, ['grant all: removed'], process.getuid()],
      [first, 'begin', false, ['grant all: added'], process.getuid()]]);
    assert.match(versions[0].applied_at, /^\d{4}-.*Z$/);
    assert.equal((await broker.operator(['policy', 'show'])).stdout, closed);
    assert.equal((await broker.operator(['policy', 'show', `${first}`])).stdout, open);

    await broker.operator(['policy', 'rollback', `${first}`, '-m', 'too early']);
    assert.deepEqual(await models(token), ['gpt-4o']);
    const third = (await broker.operatorJson(['policy', 'list'])).versions[0];
    assert.deepEqual([third.version, third.restores, third.comment], [second + 1, first, 'too early']);
    const record = broker.audit().findLast((r) => r.command === 'policy.rollback');
    assert.equal(record.subject, `policy version ${second + 1}, as version ${first} was`);
    assert.equal(record.detail, 'too early');
    assert.equal(record.uid, process.getuid());
  });

  test('a version that there never was', async () => {
    for (const args of [['rollback', '9999'], ['show', '9999'], ['rollback', '-1'], ['rollback', 'x'], ['rollback']]) {
      const result = await broker.operator(['policy', ...args], { may: true });
      assert.ok([1, 2].includes(result.status), `${args}: ${result.status}`);
    }
  });
});

describe('minting', () => {
  const rules = yaml(`groups: { eng: [alice] }
grants:
- { name: eng-openai, to: [group eng], credentials: [openai], lifetime: 2h }
- { name: keyed, to: [user carol], credentials: [openai], holes: [factor = yubikey for 8h] }`);
  const mint = (user, ...args) => broker.operator(['mint', '--credential', 'openai', '--user', user, '--json', ...args],
    { may: true });

  test('the grant\'s lifetime is the longest', async () => {
    await apply(rules);
    const { issued_at, expires_at } = JSON.parse((await mint('alice')).stdout);
    assert.equal(Date.parse(expires_at) - Date.parse(issued_at), 2 * 3600e3);
    const short = JSON.parse((await mint('alice', '--for', '1h')).stdout);
    assert.equal(Date.parse(short.expires_at) - Date.parse(short.issued_at), 3600e3);
    const beyond = await mint('alice', '--for', '3h');
    assert.equal(beyond.status, 3);
    assert.match(beyond.stderr, /grant eng-openai may live for 2h at most/);
    assert.equal(beyond.stdout, '');
  });

  test('for whom no grant is, no token is made', async () => {
    await apply(rules);
    const result = await mint('bob');
    assert.equal(result.status, 3);
    assert.match(result.stderr, /no grant that gives bob the credential openai/);
  });

  test('a hole that the grant demands is in the token', async () => {
    await apply(rules);
    const result = await mint('carol');
    assert.equal(result.status, 0, result.stderr);
    const minted = JSON.parse(result.stdout);
    assert.deepEqual(minted.holes, ['user = carol and factor = yubikey for 8h']);
    assert.equal(minted.discharger, broker.discharger);
    const answer = await broker.request('/~openai/v1/models', { token: minted.token });
    broker.denied(answer, 401, 'hole-open');
  });

  test('a hole that nobody could fill', async (t) => {
    const own = await startBroker(t, { args: ['--no-discharger'] });
    await own.addCredential('openai', { preset: 'openai', secret: key, upstream });
    await own.operator(['policy', 'apply', '-'], { stdin: rules });
    const result = await own.operator(['mint', '--credential', 'openai', '--user', 'carol'], { may: true });
    assert.equal(result.status, 3);
    assert.equal(result.stdout, '');
    assert.match(result.stderr, /grant keyed demands a hole \(factor = yubikey for 8h\).*no discharger/);
  });
});

describe('the audit log read back', () => {
  test('diff says what would be decided otherwise, and what it cannot tell', async (t) => {
    const own = await startBroker(t);
    await own.addCredential('openai', { preset: 'openai', secret: key, upstream });
    const token = await own.mint('openai', { user: 'alice' });
    const get = (path, method = 'GET') => own.request(`/~openai${path}`, { token, method });
    for (const path of ['/v1/models', '/v1/models', '/v1/files/1', '/v1/search?q=a']) await get(path);
    await own.operator(['policy', 'apply', '-'], { stdin: yaml('grants: []') });
    await get('/v1/batches');
    own.denied(await get('/v1/batches'), 403, 'no-grant');

    const next = yaml(`grants:
- { name: some, to: [user alice], credentials: [openai],
    caveats: ['path != /v1/search or query[q] = a', 'path !~ /v1/files/**'] }`);
    const diff = JSON.parse((await own.operator(['policy', 'diff', '-', '--json'], { stdin: next })).stdout);
    assert.deepEqual([diff.judged, diff.deny, diff.allow, diff.unknown], [6, 1, 2, 1]);
    const rows = Object.fromEntries(diff.requests.map((r) => [r.change, r]));
    assert.equal(rows.deny.url, 'https://api.openai.com/v1/files/1');
    assert.equal(rows.deny.rule, 'some: path !~ /v1/files/**');
    assert.deepEqual([rows.allow.url, rows.allow.count], ['https://api.openai.com/v1/batches', 2]);
    assert.equal(rows.unknown.url, 'https://api.openai.com/v1/search');
    const { stdout } = await own.operator(['policy', 'diff', '-'], { stdin: next });
    assert.match(stdout, /1 allowed, and would be denied\n +1 {2}GET https:\/\/api\.openai\.com\/v1\/files\/1 {2}alice\/openai/);
    assert.match(stdout, /1 cannot tell/);
    assert.match(stdout, /6 requests judged again, 2 would be decided as they were\n/);

    const none = JSON.parse((await own.operator(
      ['policy', 'diff', '-', '--json', '--since', '2100-01-01T00:00:00Z'], { stdin: next })).stdout);
    assert.equal(none.judged, 0);
  });

  test('what diff says is what happens', async (t) => {
    const own = await startBroker(t);
    await own.addCredential('openai', { preset: 'openai', secret: key, upstream });
    const tokens = await Promise.all(['alice', 'bob', 'carol'].map((user) => own.mint('openai', { user })));
    const paths = ['/v1/models', '/v1/files', '/v1/files/1/content', '/v1/chat/completions'];
    const all = tokens.flatMap((token) => paths.map((path) => ({ token, path })));
    const statuses = async () => {
      const found = [];
      for (const { token, path } of all) found.push((await own.request(`/~openai${path}`, { token })).status === 403);
      return found;
    };
    const before = await statuses();
    const next = yaml(`groups: { eng: [alice, bob] }
grants:
- { name: a, to: [group eng], credentials: [openai], caveats: ['path ~ /v1/files/**'] }
- { name: b, to: [user carol], credentials: [openai], lifetime: 12h }
forbid:
- { name: c, when: [user = bob, path ~ /v1/files/*/content] }`);
    const diff = JSON.parse((await own.operator(['policy', 'diff', '-', '--json'], { stdin: next })).stdout);
    await own.operator(['policy', 'apply', '-'], { stdin: next });
    const after = await statuses();
    const otherwise = after.filter((denied, i) => denied !== before[i]).length;
    assert.equal(diff.deny + diff.allow, otherwise);
    assert.equal(diff.unknown, 0);
  });

  test('suggest writes a policy that allows what was used, and no more', async (t) => {
    const own = await startBroker(t);
    await own.addCredential('openai', { preset: 'openai', secret: key, upstream });
    const token = await own.mint('openai', { user: 'agent-7' });
    const ask = (path, method = 'GET') => own.request(`/~openai${path}`, { token, method });
    for (const path of ['/v1/models', '/v1/files/17', '/v1/files/4711', '/v1/files/0f8fad5b-d9cb-469f-a165-70867728950e'])
      await ask(path);
    await ask('/v1/chat/completions', 'POST');
    const { stdout } = await own.operator(['policy', 'suggest', '--user', 'agent-7', '--since', '1h']);
    assert.match(stdout, /- 'host = api\.openai\.com'\n/);
    assert.match(stdout, /- 'method in GET, POST'\n/);
    assert.match(stdout, /- 'method != GET or path ~ \/v1\/files\/\* or path = \/v1\/models'\n/);
    assert.match(stdout, /- 'method != POST or path = \/v1\/chat\/completions'\n/);
    assert.match(stdout, /lifetime: 1h/);
    await own.operator(['policy', 'apply', '-'], { stdin: stdout });
    for (const path of ['/v1/models', '/v1/files/99']) assert.notEqual((await ask(path)).status, 403, path);
    for (const [path, method] of [['/v1/models', 'POST'], ['/v1/files/17/content', 'GET'], ['/v1/chat/completions', 'GET'],
      ['/v1/models', 'DELETE']])
      own.denied(await ask(path, method), 403, 'no-grant');
    const nobody = await own.operator(['policy', 'suggest', '--user', 'nobody'], { may: true });
    assert.equal(nobody.status, 1);
  });
});

describe('explain', () => {
  const explain = (token, request, ...args) =>
    broker.operator(['explain', '-', '--request', request, '--json', ...args], { stdin: token, may: true });

  test('the full decision: who added what, what holds, what would have to change', async () => {
    const minted = await broker.mint('openai', { user: 'alice', caveats: ['method in GET, POST'] });
    const token = await broker.attenuate(minted, '--label', 'reviewer', '--path', '/v1/chat/**');
    await apply(yaml(`groups: { eng: [alice] }
grants:
- { name: eng, to: [group eng], credentials: [openai], caveats: [method = POST], lifetime: 12h }
- { name: ops, to: [user oscar], credentials: [openai] }
forbid:
- { name: no-models, when: [path = /v1/models] }`));
    const before = broker.decisions().length;
    const result = await explain(token, 'GET https://api.openai.com/v1/models');
    assert.equal(result.status, 3);
    const e = JSON.parse(result.stdout);
    assert.deepEqual([e.verdict, e.reason, e.detail, e.status], ['deny', 'caveat-failed', 'path ~ /v1/chat/**', 401]);
    assert.deepEqual([e.token.user, e.token.groups, e.token.verified, e.credential], ['alice', ['eng'], true, 'openai']);
    assert.ok(e.checks.every((c) => c.judgement === 'holds'));
    assert.deepEqual(e.caveats.map((c) => [c.text, c.by, c.label, c.judgement]), [
      ['method in GET, POST', 'mint', undefined, 'holds'],
      ['label = reviewer', 'holder 1', 'reviewer', 'holds'],
      ['path ~ /v1/chat/**', 'holder 1', 'reviewer', 'fails']]);
    assert.equal(e.caveats[2].change, 'path is /v1/models, and would have to match /v1/chat/**');
    const [eng, ops] = e.policy.grants;
    assert.deepEqual([eng.judgement, eng.lifetime.judgement, eng.caveats[0].judgement, eng.caveats[0].change],
      ['fails', 'holds', 'fails', 'method is GET, and would have to be POST']);
    assert.deepEqual([ops.judgement, ops.to_user], ['not-judged', false]);
    assert.deepEqual([e.policy.forbids[0].name, e.policy.forbids[0].matches], ['no-models', true]);
    assert.equal(broker.decisions().length, before, 'an explanation is no request');
  });

  test('allowed: exit 0, and a tree for people', async () => {
    const token = await broker.mint('openai', { user: 'alice' });
    await apply(yaml(everything));
    const result = await broker.operator(['explain', '-', '--request', 'GET https://api.openai.com/v1/models'], { stdin: token });
    assert.match(result.stdout, /^allow\n/);
    assert.match(result.stdout, /grant all: holds\n/);
    assert.ok(!result.stdout.includes(token));
  });

  test('what is wrong with a token', async () => {
    const token = await broker.mint('openai', { user: 'alice', lifetime: '1h' });
    const request = 'GET https://api.openai.com/v1/models';
    const reason = async (...args) => JSON.parse((await explain(...args)).stdout).reason;
    assert.equal(await reason('no token', request), 'token-malformed');
    assert.equal(await reason(token, 'GET https://elsewhere.example/'), 'host-not-allowed');
    assert.equal(await reason(token, request, '--at', '2100-01-01T00:00:00Z'), 'expired');
    assert.equal(await reason(token, request, '--credential', 'github'), 'credential-unknown');
    await broker.operator(['revoke', token]);
    assert.equal(await reason(token, request), 'revoked');
    for (const args of [['explain', '-'], ['explain', '-', '--request', 'GET'], ['explain', '-', '--request', 'GET x', '--at', 'x']])
      assert.ok([1, 2].includes((await broker.operator(args, { stdin: token, may: true })).status), `${args}`);
  });

  test('a holder explains offline: the caveats alone', async () => {
    const token = await broker.attenuate(await broker.mint('openai', { user: 'alice' }),
      '--caveat', 'method = GET', '--caveat', 'group = eng', '--caveat', 'user = alice');
    const ask = (request, ...args) => broker.keyhole(['explain', '-', '--request', request, '--json', ...args],
      { stdin: token, may: true, env: { KEYHOLE_BROKER: 'http://127.0.0.1:1' } });
    const yes = await ask('GET https://api.openai.com/v1/models');
    assert.equal(yes.status, 0, yes.stderr);
    const e = JSON.parse(yes.stdout);
    assert.equal(e.verdict, 'unknown');
    assert.equal(e.token.verified, false);
    assert.equal(e.policy, null);
    assert.deepEqual(e.checks.map((c) => [c.name, c.judgement]), [
      ['well-formed', 'holds'], ['signature', 'not-judged'], ['holes', 'not-judged'], ['understood', 'not-judged'],
      ['lifetime', 'holds'], ['revocation', 'not-judged'], ['credential', 'not-judged']]);
    assert.deepEqual(e.caveats.map((c) => c.judgement), ['holds', 'not-judged', 'holds']);
    const no = await ask('POST https://api.openai.com/v1/models');
    assert.equal(no.status, 3);
    assert.equal(JSON.parse(no.stdout).caveats[0].change, 'method is POST, and would have to be GET');
    assert.equal((await ask('GET https://api.openai.com/', '--at', '2100-01-01T00:00:00Z')).status, 3);
    assert.equal((await ask('GET')).status, 2);
  });
});
