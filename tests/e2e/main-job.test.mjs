// SPDX-License-Identifier: Apache-2.0
// The main job: a program holds a narrowed token, the upstream sees the real key, and everything that
// was asked for is on record.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';

import { Broker, encodings, realKey } from '../support/broker.mjs';
import { forge } from '../support/macaroon.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

test('the main job, from an empty directory to a verified audit log', async (t) => {
  const key = realKey();
  const upstream = await startUpstream(t, { key });
  const broker = new Broker(t);
  let token, narrow;
  // Each step stands on the ones before it.
  let broken = false;
  const step = (name, work) => t.test(name, { skip: broken }, async (s) => {
    broken = true;
    await work(s);
    broken = false;
  });
  const chat = (tok, { path = '/~openai/v1/chat/completions', ...more } = {}) =>
    broker.request(path, { method: 'POST', token: tok, body: '{"model":"gpt-4o"}',
      headers: { 'content-type': 'application/json' }, ...more });

  await step('init makes a directory that nobody else can read', async () => {
    await broker.init();
    assert.equal(statSync(broker.directory).mode & 0o777, 0o700);
    for (const name of ['keyholed.db', 'master.key'])
      assert.equal(statSync(broker.file(name)).mode & 0o077, 0, name);
  });

  await step('run serves after one ready line', async () => {
    await broker.start();
    assert.match(broker.stdout, /^ready http=127\.0\.0\.1:[1-9]\d* admin=\/\S*\/admin\.sock unix=\/\S*\/proxy\.sock discharger=http:\/\/localhost:[1-9]\d*\n$/);
    assert.equal(statSync(broker.admin).mode & 0o077, 0, 'the admin socket is the owner\'s alone');
  });

  await step('credential add takes the key from standard input and never shows it again', async () => {
    const added = await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
    const shown = await broker.operator(['credential', 'show', 'openai']);
    const listed = await broker.operator(['credential', 'list']);
    assert.match(listed.stdout, /openai/);
    for (const { stdout, stderr } of [added, shown, listed])
      for (const text of encodings(key)) assert.ok(!`${stdout}${stderr}`.includes(text));
  });

  await step('mint gives a token, and keyhole narrows it without key or server', async () => {
    token = await broker.mint('openai', { user: 'alice', lifetime: '12h' });
    narrow = await broker.attenuate(token, '--method', 'POST', '--path', '/v1/chat/**', '--label', 'reviewer');
    assert.ok(narrow.length > token.length);
  });

  await step('an allowed request: the upstream saw the real key, the client never did', async () => {
    const answer = await chat(narrow);
    assert.equal(answer.status, 200, answer.text);
    const received = upstream.only('/v1/chat/completions');
    assert.deepEqual(received.fields('authorization'), [`Bearer ${key}`]);
    assert.equal(received.method, 'POST');
    assert.equal(received.headers.host, 'api.openai.com');
    assert.equal(received.sni, 'api.openai.com');
    assert.equal(received.body.toString(), '{"model":"gpt-4o"}');
    assert.ok(!received.text().includes('kh1_'), 'no token went upstream');
    for (const text of encodings(key)) assert.ok(!JSON.stringify(answer).includes(text));

    const record = broker.recordOf(answer);
    assert.equal(record.decision, 'allow');
    assert.equal(record.user, 'alice');
    assert.equal(record.credential, 'openai');
    assert.equal(record.method, 'POST');
    assert.equal(record.host, 'api.openai.com');
    assert.equal(record.path, '/v1/chat/completions');
    assert.equal(record.way, 'base-url');
    assert.deepEqual(record.labels, ['reviewer']);
    assert.match(record.token, /^[0-9a-f]{32}$/);
    assert.match(record.lineage, /^[0-9a-f]{32}$/);
    const outcome = await until('the outcome is on record', () =>
      broker.audit().find((r) => r.kind === 'outcome' && r.id === record.id));
    assert.equal(outcome.status, 200);
    assert.equal(outcome.bytes_up, 18);
    assert.equal(outcome.bytes_down, Buffer.byteLength(answer.text));
  });

  await step('the token before it was narrowed may do more', async () => {
    const answer = await broker.request('/~openai/v1/models', { token });
    assert.equal(answer.status, 200, answer.text);
  });

  const before = () => upstream.requests.length;
  const unseen = async (work) => {
    const count = before();
    await work();
    assert.equal(before(), count, 'the upstream saw nothing of a denied request');
  };

  await step('denied: the wrong path, with the caveat as written', () => unseen(async () => {
    const { problem, record } = broker.denied(await chat(narrow, { path: '/~openai/v1/files' }), 401,
      'caveat-failed', { detail: /path ~ \/v1\/chat\/\*\*/ });
    assert.match(record.detail, /path ~ \/v1\/chat\/\*\*/);
    assert.ok(problem.detail);
  }));

  await step('denied: the wrong method', () => unseen(async () => {
    broker.denied(await chat(narrow, { method: 'GET', body: undefined }), 401, 'caveat-failed', { detail: /method/ });
  }));

  await step('denied: a host that the caveat does not name', () => unseen(async () => {
    const elsewhere = await broker.attenuate(token, '--host', 'api.stripe.com');
    broker.denied(await chat(elsewhere), 401, 'caveat-failed', { detail: /host = api\.stripe\.com/ });
  }));

  await step('denied: a host that the credential may not go to', () => unseen(async () => {
    const other = realKey();
    await broker.addCredential('stripe', { preset: 'stripe', secret: other, upstream });
    broker.denied(await broker.request('/~stripe/v1/charges', { token }), 403, 'credential-unknown');
    const client = await broker.connect();
    client.write(`GET http://api.stripe.com/v1/charges HTTP/1.1\r\nHost: api.stripe.com\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    broker.denied(await client.answer(), 403, 'host-not-allowed');
    client.destroy();
  }));

  await step('denied: forged', () => unseen(async () => {
    broker.denied(await chat(forge(token)), 401, 'signature-invalid');
  }));

  await step('denied: no token', () => unseen(async () => {
    broker.denied(await chat(undefined), 401, 'token-missing');
  }));

  await step('denied: expired', async () => {
    const short = await broker.mint('openai', { lifetime: '1s' });
    const answer = await until('the token expires', async () => {
      const a = await chat(short);
      return a.status === 200 ? null : a;
    });
    await unseen(async () => {
      broker.denied(answer, 401, 'expired');
      broker.denied(await chat(short), 401, 'expired');
    });
  });

  await step('denied: revoked, and everything made from it', () => unseen(async () => {
    await broker.operator(['revoke', '-'], { stdin: token });
    broker.denied(await chat(token), 401, 'revoked');
    broker.denied(await chat(narrow), 401, 'revoked');
  }));

  await step('the audit log verifies, and each record follows the one before', async () => {
    await broker.operator(['audit', 'verify']);
    const records = broker.audit();
    records.forEach((r, i) => assert.equal(r.seq, i + 1));
    assert.ok(records.some((r) => r.kind === 'admin' && /credential/.test(r.command)));
    assert.ok(records.some((r) => r.kind === 'revoke'));
  });
});
