// SPDX-License-Identifier: Apache-2.0
// docs/THREATS.md is true: the code and the tests that it names are there, and each test says which row
// it is for. And tests of rows that are about the whole broker.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

const root = resolve(import.meta.dirname, '../..');
const read = (path) => readFileSync(resolve(root, path), 'utf8');
const lines = (path) => read(path).split('\n');
const ROWS = 27;

/** { number, title, code: [{ path, functions }], tests: [{ path, name }] } of each row. */
function rows() {
  return read('docs/THREATS.md').split(/^## /m).slice(1).map((text) => {
    const [, number, title] = /^(\d+)\. (.+)\n/.exec(text);
    const [code, tests] = text.split(/^Tests:$/m);
    return { number: Number(number), title,
      code: [...code.matchAll(/^\* \[(\S+)\]\(\.\.\/(\S+)\): (.*)$/gm)].map(([, path, link, names]) =>
        ({ path, link, functions: [...names.matchAll(/`([^`]+)`/g)].map((m) => m[1]) })),
      tests: [...tests.matchAll(/^\* \[(\S+)\]\(\.\.\/(\S+)\): `(.+)`$/gm)].map(([, path, link, name]) => ({ path, link, name })) };
  });
}

/** The line that begins a test, or -1. */
function placeOf({ path, name }) {
  const begins = path.endsWith('.c')
    ? (line) => line.startsWith(`${name}(void **`)
    : (line) => /^\s*(await t\.)?test\(/.test(line) && line.replaceAll("\\'", "'").includes(`(${line.trim().replace(/^(await t\.)?test\(/, '')[0]}${name}`);
  return lines(path).findIndex(begins);
}

describe('docs/THREATS.md', () => {
  test('has all rows, in order', () => {
    assert.deepEqual(rows().map((r) => r.number), Array.from({ length: ROWS }, (_, i) => i + 1));
  });

  for (const row of rows())
    test(`${row.number}. ${row.title}`, () => {
      assert.ok(row.code.length > 0 && row.tests.length > 0, 'code and a test');
      for (const { path, link, functions } of row.code) {
        assert.equal(link, path);
        assert.ok(existsSync(resolve(root, path)), `${path} is not there`);
        assert.ok(functions.length > 0);
        for (const f of functions) assert.ok(lines(path).some((l) => l.startsWith(`${f}(`)), `${path} has no function ${f}`);
      }
      for (const named of row.tests) {
        assert.equal(named.link, named.path);
        const at = placeOf(named);
        assert.ok(at >= 0, `${named.path} has no test "${named.name}"`);
        const before = lines(named.path).slice(Math.max(0, at - 2), at).join('\n');
        const says = /\/\/ threat ([\d, ]+)$/m.exec(before)?.[1].split(', ').map(Number) ?? [];
        assert.ok(says.includes(row.number), `${named.path}: "${named.name}" does not say that it is for row ${row.number}`);
        if (named.path.endsWith('.c')) assert.match(read(named.path), new RegExp(`[(]${named.name}[,)]`), 'it is run');
      }
    });

  test('each row has a mutant, which one of its tests notices', () => {
    const mutants = lines('tests/mutants/table').filter((l) => l && !l.startsWith('#')).map((l) => l.split(' | '));
    for (const row of rows()) {
      const own = mutants.filter(([number]) => Number(number) === row.number);
      assert.ok(own.length > 0, `row ${row.number}`);
      for (const fields of own)
        assert.ok(row.tests.some((t) => t.path === `tests/unit/${fields.at(-2)}.c` && t.name === fields.at(-1)), `row ${row.number}: ${fields.at(-2)} ${fields.at(-1)}`);
    }
  });
});

describe('the whole broker', () => {
  const key = realKey();
  let upstream, broker, token;

  before(async () => {
    upstream = await startUpstream(wholeFile, { accepts: accepts.anything() });
    broker = await startBroker(wholeFile);
    await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
    token = await broker.mint('up');
  });

  // threat 10
  test('a body that talks of tokens and keys goes as it is', async () => {
    const body = JSON.stringify({ prompt: `{secret} {{secret}} \${KEY} KEY ${token} Bearer ${token}`, authorization: token });
    const answer = await broker.request('/~up/prompt', { token, method: 'POST', body, headers: { 'content-type': 'application/json' } });
    assert.equal(answer.status, 200, answer.text);
    const received = upstream.only('/prompt');
    assert.equal(received.body.toString(), body);
    assert.equal(received.headers.authorization, `Bearer ${key}`);
  });

  // threat 12
  test('a redirect is the client\'s to follow', async (t) => {
    const elsewhere = await startUpstream(t, { accepts: accepts.anything(), hosts: ['other.example'] });
    for (const status of [301, 302, 303, 307, 308]) {
      const path = `/moved-${status}`;
      upstream.route(path, (received, res) => res.writeHead(status, { location: `https://other.example:${elsewhere.port}/x`, 'content-length': 0 }).end());
      const answer = await broker.request(`/~up${path}`, { token });
      assert.equal(answer.status, status);
      assert.equal(answer.headers.location, `https://other.example:${elsewhere.port}/x`);
    }
    assert.equal(elsewhere.connections, 0);
  });

  // threat 17
  test('without a token nothing goes anywhere, whichever way', async () => {
    const seen = upstream.connections;
    const heads = ['GET /~up/x HTTP/1.1\r\nHost: localhost\r\n\r\n', 'GET /x HTTP/1.1\r\nHost: upstream.example\r\n\r\n',
      'GET http://upstream.example/x HTTP/1.1\r\nHost: upstream.example\r\n\r\n'];
    for (const way of ['tcp', 'unix'])
      for (const head of heads) {
        const client = await broker.connect({ way });
        client.write(head);
        const answer = await client.answer();
        assert.ok([401, 407].includes(answer.status), `${way} ${head}: ${answer.status} ${answer.text}`);
        assert.match(answer.text, /token-missing/);
        client.destroy();
      }
    assert.equal(upstream.connections, seen);
  });

  // threat 21
  test('HTTP/2 is neither upgraded to nor begun with', async () => {
    const client = await broker.connect();
    client.write(`GET /~up/h2c HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n');
    assert.equal((await client.answer()).status, 200, 'an answer in HTTP/1.1');
    client.destroy();
    const received = upstream.only('/h2c');
    for (const name of ['upgrade', 'http2-settings', 'connection']) assert.doesNotMatch(received.headers[name] ?? '', /upgrade|h2c|http2|AAMA/i, name);
    const begun = await broker.connect();
    begun.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const answer = await begun.answer();
    assert.equal(answer?.status, 400);
    begun.destroy();
  });
});
