// SPDX-License-Identifier: Apache-2.0
// `uses` and `rate`: exact under concurrency, shared by a token and all made from it, and only
// stricter after a crash.

import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { addCaveats } from '../support/macaroon.mjs';
import { Client } from '../support/sdk.mjs';
import { EventStream, answerJson, startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
const BEARER = ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'];
let upstream, broker;

async function serving(t) {
  const own = await startBroker(t, { config: 'workers: 2' });
  await own.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: BEARER });
  return own;
}

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  upstream.route('/v1/models', (received, res) =>
    answerJson(res, 200, { object: 'list', data: [{ id: 'gpt-4o', object: 'model' }] }));
  broker = await serving(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
});

beforeEach(() => {
  upstream.requests.length = 0;
});

const get = (token, path = '/x', own = broker) => own.request(`/~up${path}`, { token });

/** That many requests at once: how many came through, and the answers of the others. */
async function burst(token, n, path = '/x', own = broker) {
  const answers = await Promise.all(Array.from({ length: n }, () => get(token, path, own)));
  return { passed: answers.filter((a) => a.status === 200).length, refused: answers.filter((a) => a.status !== 200) };
}

const minted = (...caveats) => broker.mint('up', { caveats });
const arrived = (path) => upstream.requests.filter((r) => r.url === path).length;

describe('uses', () => {
  test('64 requests at once against 10: exactly 10 come through', async () => {
    const token = await minted('uses <= 10');
    const { passed, refused } = await burst(token, 64, '/burst');
    assert.equal(passed, 10);
    assert.equal(arrived('/burst'), 10);
    for (const answer of refused) {
      const { problem, record } = broker.denied(answer, 401, 'uses-exhausted');
      assert.equal(problem.detail, 'uses <= 10');
      assert.equal(record.detail, 'uses <= 10');
      assert.equal(answer.headers['retry-after'], undefined, 'waiting does not help');
    }
    broker.denied(await get(token), 401, 'uses-exhausted');
  });

  test('a token and all made from it share one counter', async () => {
    const token = await minted('uses <= 12');
    const family = [token, await broker.attenuate(token, '--method', 'GET'),
      await broker.attenuate(token, '--label', 'agent'), addCaveats(token, 'path ~ /**')];
    family.push(await broker.attenuate(family[2], '--for', '5m'));
    const results = await Promise.all(family.map((t) => burst(t, 10, '/family')));
    assert.equal(results.reduce((sum, r) => sum + r.passed, 0), 12);
    assert.equal(arrived('/family'), 12);
    for (const t of family) broker.denied(await get(t), 401, 'uses-exhausted');
    assert.equal((await get(await minted('uses <= 12'))).status, 200, 'another token has its own');
  });

  test('a caveat that a holder adds counts on its own, and with that of the token', async () => {
    const token = await minted('uses <= 6');
    const one = await broker.attenuate(token, '--caveat', 'uses <= 2');
    const two = await broker.attenuate(token, '--label', 'two', '--caveat', 'uses <= 2');
    assert.equal((await burst(one, 5)).passed, 2);
    assert.equal(broker.denied(await get(one), 401, 'uses-exhausted').problem.detail, 'uses <= 2');
    assert.equal((await burst(two, 5)).passed, 2);
    assert.equal((await burst(token, 9)).passed, 2, 'what is left of the six');
    assert.equal(broker.denied(await get(token), 401, 'uses-exhausted').problem.detail, 'uses <= 6');
  });

  test('what is denied for another reason, or never sent, is no use', async () => {
    const token = await minted('uses <= 2', 'method = GET');
    for (let i = 0; i < 5; i++) {
      broker.denied(await broker.request('/~up/x', { token, method: 'POST', body: 'x' }), 401, 'caveat-failed');
      broker.denied(await get(await broker.attenuate(token, '--path', '/y')), 401, 'caveat-failed');
      broker.denied(await broker.request('/~openai/v1/models', { token }), 403, 'credential-unknown');
    }
    assert.equal((await burst(token, 5)).passed, 2);
  });

  test('a caveat on the body is asked twice and counted once', async () => {
    const token = await minted('uses <= 3', 'body[/model] = small');
    const ask = (model) => broker.request('/~up/body', { token, method: 'POST', body: JSON.stringify({ model }),
      headers: { 'content-type': 'application/json' } });
    for (let i = 0; i < 4; i++) broker.denied(await ask('large'), 401, 'caveat-failed');
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask('small')));
    assert.equal(answers.filter((a) => a.status === 200).length, 3);
    assert.equal(arrived('/body'), 3);
    for (const answer of answers.filter((a) => a.status !== 200)) broker.denied(answer, 401, 'uses-exhausted');
  });

  test('none at all, and one', async () => {
    broker.denied(await get(await minted('uses <= 0')), 401, 'uses-exhausted');
    broker.denied(await get(await minted('uses < 1')), 401, 'uses-exhausted');
    assert.equal((await burst(await minted('uses <= 1'), 20)).passed, 1);
    assert.equal((await burst(await minted('uses < 2'), 20)).passed, 1);
  });

  test('revoked or not, it stays used', async () => {
    const token = await minted('uses <= 3');
    assert.equal((await burst(token, 2)).passed, 2);
    await broker.operator(['credential', 'disable', 'up']);
    broker.denied(await get(token), 403, 'credential-disabled');
    await broker.operator(['credential', 'enable', 'up']);
    assert.equal((await burst(token, 5)).passed, 1);
  });

  test('a running request is not cut when its counter is used up', async () => {
    const token = await minted('uses <= 1');
    const held = upstream.hold('/stream');
    const client = await broker.connect();
    client.write(`GET /~up/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const stream = new EventStream((await held.next()).res);
    stream.send({ n: 1 });
    await client.when('the first event', () => client.input.includes('"n":1'));
    broker.denied(await get(token), 401, 'uses-exhausted');
    // Everything that runs is judged again.
    await broker.operator(['revoke', await broker.mint('up')]);
    broker.denied(await get(token), 401, 'uses-exhausted');
    stream.send({ n: 2 });
    await client.when('the second event', () => client.input.includes('"n":2'));
    assert.ok(!broker.audit().some((r) => r.rejudged), 'nothing was ended');
    stream.end();
    client.destroy();
    upstream.routes.shift();
  });

  test('it is said in plain words', async () => {
    const { stdout } = await broker.keyhole(['inspect', '-'], { stdin: await minted('uses <= 10', 'rate <= 60/min') });
    assert.match(stdout, /at most 10 uses, counted with all made from this token/);
    assert.match(stdout, /at most 60 uses a minute/);
  });

  test('a counter stands alone in its caveat, and its form is checked', async () => {
    for (const caveat of ['uses <= 3 or method = GET', 'uses = 3', 'uses >= 3', 'rate <= 3', 'rate <= 3/m']) {
      const mint = await broker.operator(['mint', '--credential', 'up', '--for', '1h', '--caveat', caveat], { may: true });
      assert.equal(mint.stdout, '');
      assert.notEqual(mint.status, 0, caveat);
      // Whoever writes it by hand has a token that no broker accepts.
      broker.denied(await get(addCaveats(await minted(), caveat)), 401, 'caveat-unknown');
    }
  });
});

describe('rate', () => {
  test('64 requests at once against 10 a minute: 10, and 429 with Retry-After', async () => {
    const token = await minted('rate <= 10/min');
    const { passed, refused } = await burst(token, 64, '/rate');
    assert.equal(passed, 10);
    assert.equal(arrived('/rate'), 10);
    for (const answer of refused) {
      const { record } = broker.denied(answer, 429, 'rate-exceeded', { detail: /^rate <= 10\/min$/ });
      assert.equal(record.detail, 'rate <= 10/min');
      const seconds = Number(answer.headers['retry-after']);
      assert.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`);
    }
  });

  test('after Retry-After there is room again', async () => {
    const token = await minted('rate <= 3/s');
    await until('the first second of the broker is over', async () => (await get(token)).status === 200);
    // Twelve within a second, as on any machine but a very busy one.
    const { refused } = await until('one is too many', async () => {
      const answers = await burst(token, 12);
      return answers.refused.length > 0 && answers;
    });
    for (const answer of refused) assert.equal(broker.denied(answer, 429, 'rate-exceeded').problem.status, 429);
    await until('it is allowed again', async () => (await get(token)).status === 200);
  });

  test('shared with descendants; beside uses, neither takes what the other refuses', async () => {
    const token = await minted('uses <= 5', 'rate <= 3/h');
    const child = await broker.attenuate(token, '--label', 'child');
    assert.equal((await burst(token, 2)).passed, 2);
    assert.equal((await burst(child, 9)).passed, 1);
    const answer = await get(child);
    broker.denied(answer, 429, 'rate-exceeded');
    const seconds = Number(answer.headers['retry-after']);
    assert.ok(seconds > 3000 && seconds <= 3600, `Retry-After: ${seconds}`);
  });

  test('a real SDK waits as long as Retry-After says, and goes on', async (t) => {
    const token = await broker.mint('openai', { caveats: ['rate <= 1/s'] });
    const env = { OPENAI_API_KEY: token, OPENAI_BASE_URL: `${broker.url}/~openai/v1` };
    // On a very busy machine three requests may take three seconds by themselves.
    await until('it met the limit, and the SDK tried again by itself', async () => {
      upstream.requests.length = 0;
      const { rounds, exit } = await new Client(t, 'openai.mjs', ['again', '3'], env).result();
      assert.equal(exit, 0);
      assert.equal(rounds, 3);
      assert.equal(upstream.requests.length, 3);
      return broker.decisions().some((r) => r.credential === 'openai' && r.reason === 'rate-exceeded');
    });
  });

  test('a real SDK takes exhausted uses for an error, and does not try again', async (t) => {
    const token = await broker.mint('openai', { caveats: ['uses <= 1'] });
    const env = { OPENAI_API_KEY: token, OPENAI_BASE_URL: `${broker.url}/~openai/v1` };
    const { error, status, message, exit } = await new Client(t, 'openai.mjs', ['again', '2'], env).result();
    assert.equal(exit, 1);
    assert.equal(error, 'AuthenticationError');
    assert.equal(status, 401);
    assert.match(message, /used up|uses/);
    assert.equal(broker.decisions().filter((r) => r.detail === 'uses <= 1' && r.credential === 'openai').length, 1);
  });
});

describe('over restarts and crashes', () => {
  test('a clean restart loses nothing and gives nothing back', async (t) => {
    const own = await serving(t);
    const token = await own.mint('up', { caveats: ['uses <= 100'] });
    const rated = await own.mint('up', { caveats: ['rate <= 100/h'] });
    for (let round = 0; round < 4; round++) {
      assert.equal((await burst(token, 23, '/u', own)).passed, 23);
      assert.equal((await burst(rated, 23, '/r', own)).passed, 23);
      await own.restart();
    }
    assert.equal((await burst(token, 20, '/u', own)).passed, 8);
    assert.equal((await burst(rated, 20, '/r', own)).passed, 8);
    assert.equal(arrived('/u'), 100);
    assert.equal(arrived('/r'), 100);
  });

  const LOADERS = 8;

  // Requests, one after the other in each of some loops, until the counter is used up or `stop`.
  function load(own, token, path) {
    let over = false;
    const answered = async () => {
      const answer = await get(token, path, own).catch(() => null);
      return over || ([200, 401, 429].includes(answer?.status) ? answer : null);
    };
    const one = async () => {
      while ((await until('the broker answers', answered, 120000)).status === 200);
    };
    const ended = Promise.all(Array.from({ length: LOADERS }, one));
    return { ended, stop: () => { over = true; return ended; } };
  }

  // threat 26
  test('kill -9 of the authority under load: never more than the limit in total', async (t) => {
    const own = await serving(t);
    const limited = await own.mint('up', { caveats: ['uses <= 400'] });
    const rated = await own.mint('up', { caveats: ['rate <= 400/h'] });
    const loads = [load(own, limited, '/limited'), load(own, rated, '/rated')];
    const kills = 4;
    for (let round = 1; round <= kills; round++) {
      await until('some came through', () => arrived('/limited') + arrived('/rated') >= 100 * round);
      const authority = await until('the authority answers', () => own.process('authority').catch(() => null));
      process.kill(authority.pid, 'SIGKILL');
      await until('there is another', async () => {
        const now = await own.process('authority').catch(() => null);
        return now?.running && now.pid !== authority.pid;
      });
    }
    for (const { ended } of loads) await ended;
    for (const path of ['/limited', '/rated']) {
      const n = arrived(path);
      assert.ok(n <= 400, `${path}: ${n} of at most 400`);
      assert.ok(n >= 400 - kills * (25 + LOADERS), `${path}: a crash costs a block and what was on its way, but ${n} came through`);
    }
    const reasons = new Set(own.decisions().map((r) => r.reason));
    assert.ok(reasons.has('uses-exhausted') && reasons.has('rate-exceeded'));
    await own.operator(['audit', 'verify']);
  });

  test('kill -9 of the whole broker under load, again and again', async (t) => {
    const own = await serving(t);
    const limited = await own.mint('up', { caveats: ['uses <= 400'] });
    const child = await own.attenuate(limited, '--caveat', 'uses <= 300');
    const rated = await own.mint('up', { caveats: ['rate <= 200/d'] });
    for (let round = 1; round <= 4; round++) {
      const loads = [load(own, limited, '/p'), load(own, child, '/c'), load(own, rated, '/r')];
      await until('some came through', () => upstream.requests.length >= 30 * round);
      await own.kill();
      for (const { stop } of loads) await stop();
      await own.start();
    }
    await Promise.all([[limited, '/p'], [child, '/c'], [rated, '/r']].map(([token, path]) => load(own, token, path).ended));
    assert.ok(arrived('/p') + arrived('/c') <= 400, `${arrived('/p')} + ${arrived('/c')}`);
    assert.ok(arrived('/c') <= 300, `${arrived('/c')}`);
    assert.ok(arrived('/r') <= 200, `${arrived('/r')}`);
    assert.ok(upstream.requests.length > 300, `${upstream.requests.length}`);
    own.denied(await get(limited, '/p', own), 401, 'uses-exhausted');
    own.denied(await get(rated, '/r', own), 429, 'rate-exceeded');
    await own.operator(['audit', 'verify']);
  });
});
