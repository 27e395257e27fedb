// SPDX-License-Identifier: Apache-2.0
// The commands as others script against them: names, flags, exit statuses, what goes to which stream.

import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { addCaveats, addHole, forge } from '../support/macaroon.mjs';
import { keyhole, keyholed, run, temporaryDirectory } from '../support/programs.mjs';
import { RawClient } from '../support/raw.mjs';
import { startUpstream } from '../support/upstream.mjs';

const key = realKey();
let upstream, broker, token;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  token = await broker.mint('openai', { user: 'alice', caveats: ['method in GET, POST'] });
});

const operatorCommands = ['init', 'run', 'check', 'credential add', 'credential list', 'credential show', 'credential test', 'credential set', 'credential rotate',
  'credential disable', 'credential enable', 'credential remove', 'mint', 'revoke', 'key rotate', 'key list', 'ca show',
  'audit tail', 'audit query', 'audit verify', 'status', 'attestation add-root', 'attestation list', 'attestation check'];
const commands = ['attenuate', 'inspect', 'revoke', 'convert'];

describe('help and usage', () => {
  for (const [program, list] of [[keyholed, operatorCommands], [keyhole, commands]])
    for (const command of list) {
      const name = `${program.split('/').pop()} ${command}`;
      test(`${name} --help`, async () => {
        const { status, stdout, stderr } = await run(program, [...command.split(' '), '--help']);
        assert.equal(status, 0, stderr);
        assert.ok(stdout.includes(name), 'its own name');
        assert.match(stdout, /example/i, 'an example');
        assert.equal(stderr, '');
      });

      test(`${name} with an option that is not there: 2, and what it takes`, async () => {
        const { status, stdout, stderr } = await run(program, [...command.split(' '), '--no-such-option'], { stdin: '' });
        assert.equal(status, 2, stderr);
        assert.equal(stdout, '');
        assert.match(stderr, /no-such-option/);
      });
    }

  for (const program of [keyholed, keyhole]) {
    const name = program.split('/').pop();
    test(`${name} --help lists every command`, async () => {
      const { status, stdout } = await run(program, ['--help']);
      assert.equal(status, 0);
      for (const command of program === keyholed ? operatorCommands : commands) assert.ok(stdout.includes(command), command);
    });

    test(`${name} --version`, async () => {
      const { status, stdout } = await run(program, ['--version']);
      assert.equal(status, 0);
      assert.match(stdout, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\\n$`));
    });

    test(`${name} without a command, and with one that is not there: 2`, async () => {
      assert.equal((await run(program, [])).status, 2);
      const { status, stdout, stderr } = await run(program, ['atenuate']);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /atenuate/);
    });
  }

  test('a slip of the pen gets a suggestion', async () => {
    assert.match((await run(keyhole, ['atenuate'])).stderr, /attenuate/);
    assert.match((await run(keyholed, ['stauts'])).stderr, /status/);
  });
});

describe('keyholed', () => {
  test('without a broker: 1, and a sentence', async (t) => {
    const directory = temporaryDirectory(t);
    chmodSync(directory, 0o700);
    for (const args of [['status'], ['mint', '--credential', 'x'], ['credential', 'list'], ['ca', 'show']]) {
      const { status, stdout, stderr } = await run(keyholed, [...args, '--dir', directory]);
      assert.equal(status, 1, `${args}: ${stderr}`);
      assert.equal(stdout, '');
      assert.match(stderr, /\w+ \w+ \w+/);
    }
  });

  test('the state directory comes from --dir, $STATE_DIRECTORY, or $XDG_STATE_HOME', async (t) => {
    const home = temporaryDirectory(t);
    await run(keyholed, ['init'], { env: { STATE_DIRECTORY: `${home}/one` } });
    assert.equal(statSync(`${home}/one/keyholed.db`).mode & 0o777, 0o600);
    const { stdout } = await run(keyholed, ['status', '--json'], { env: { STATE_DIRECTORY: broker.directory } });
    assert.equal(JSON.parse(stdout).version, JSON.parse((await broker.operator(['status', '--json'])).stdout).version);
  });

  test('status', async () => {
    const status = await broker.status();
    assert.match(status.started_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.ok(Array.isArray(status.listeners));
    for (const role of ['authority', 'proxy']) {
      const p = status.processes.find((x) => x.role === role);
      assert.equal(p.running, true, role);
      assert.ok(p.pid > 1);
      assert.equal(p.restarts, 0);
    }
    assert.equal(typeof status.decisions.allow, 'number');
    assert.equal(typeof status.audit.seq, 'number');
    assert.match(status.audit.hash, /^[0-9a-f]{64}$/);
    const human = await broker.operator(['status']);
    assert.match(human.stdout, /authority/);
  });

  test('mint --json', async () => {
    const minted = await broker.operatorJson(['mint', '--credential', 'openai', '--user', 'bob', '--for', '90m', '--caveat', 'method = GET']);
    assert.match(minted.token, /^kh1_[A-Za-z0-9_-]+$/);
    assert.match(minted.token_id, /^[0-9a-f]{32}$/);
    assert.match(minted.lineage, /^[0-9a-f]{32}$/);
    assert.equal(minted.user, 'bob');
    assert.deepEqual(minted.credentials, ['openai']);
    assert.equal(Date.parse(minted.expires_at) - Date.parse(minted.issued_at), 90 * 60 * 1000);
  });

  test('mint --prefix puts a vendor\'s prefix before the token', async () => {
    const { stdout } = await broker.operator(['mint', '--credential', 'openai', '--prefix', 'sk-']);
    assert.match(stdout, /^sk-kh1_/);
    assert.equal((await broker.request('/~openai/v1/x', { token: stdout.trim() })).status, 200);
  });

  const badMints = [
    ['no credential', ['--user', 'x']],
    ['a credential that is not there', ['--credential', 'opneai'], /openai/],
    ['a caveat that does not parse', ['--credential', 'openai', '--caveat', 'method ='], /method/],
    ['an attribute that is not there', ['--credential', 'openai', '--caveat', 'colour = red'], /colour/],
    ['a lifetime without a unit', ['--credential', 'openai', '--for', '10'], /10/],
    ['a lifetime of nothing', ['--credential', 'openai', '--for', '0s'], /./],
    ['a lifetime that is too long', ['--credential', 'openai', '--for', '999999999d'], /./],
    ['a user with a line break', ['--credential', 'openai', '--user', 'a\nb'], /./],
    ['an empty user', ['--credential', 'openai', '--user', ''], /./],
  ];
  for (const [what, args, says] of badMints)
    test(`mint: ${what}`, async () => {
      const { status, stdout, stderr } = await broker.operator(['mint', ...args], { may: true });
      assert.ok([1, 2].includes(status), `${status}`);
      assert.equal(stdout, '');
      assert.match(stderr, /\w+ \w+/);
      if (says) assert.match(stderr, says);
    });

  test('audit tail and query', async () => {
    await broker.request('/~openai/v1/audited', { token });
    await broker.request('/~openai/v1/audited', { token, method: 'DELETE' });
    const tail = (await broker.operator(['audit', 'tail'])).stdout;
    assert.match(tail, /\/v1\/audited/);
    assert.match(tail, /caveat-failed/);
    const { stdout } = await broker.operator(['audit', 'query', '--json']);
    const records = stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    assert.ok(records.some((r) => r.path === '/v1/audited' && r.decision === 'allow'));
    assert.ok(records.some((r) => r.path === '/v1/audited' && r.reason === 'caveat-failed'));
  });

  test('audit verify says how many records there are', async () => {
    const { stdout, stderr } = await broker.operator(['audit', 'verify']);
    assert.match(stdout + stderr, /\d+/);
  });

  test('values that a caveat looked at are on record, and no others', async () => {
    const narrow = await broker.attenuate(token, '--caveat', 'query[limit] <= 10', '--caveat', 'header[x-team] = a');
    const answer = await broker.request('/~openai/v1/x?limit=5&secret=hush', { token: narrow, headers: { 'x-team': 'a', 'x-other': 'hush' } });
    assert.equal(answer.status, 200, answer.text);
    const { values } = broker.recordOf(answer);
    assert.deepEqual(Object.keys(values).sort(), ['header[x-team]', 'query[limit]']);
    assert.ok(!JSON.stringify(broker.audit()).includes('hush'));
  });

  test('the admin socket refuses what it does not know', async () => {
    for (const line of ['{"command":"nothing"}', '{"command":"status","more":1}', '{"command":"status","command":"mint"}', 'GET / HTTP/1.1', '[]', '{}', '{"command":"mint"}',
      '{"command":"credential.add","name":"x"}', `{"command":"${'x'.repeat(5000)}"}`]) {
      const client = await RawClient.connect({ path: broker.admin });
      client.write(`${line}\n`);
      await client.when('an answer on the admin socket', () => client.input.includes('\n') || client.over);
      if (client.input.length > 0) {
        const answer = JSON.parse(client.input.toString());
        assert.equal(answer.ok, false, line);
        assert.match(answer.code, /^[a-z-]+$/);
      }
      client.destroy();
    }
    await broker.status();
  });
});

describe('keyhole', () => {
  test('attenuate: from an argument, from standard input, from KEYHOLE_TOKEN; the same result', async () => {
    const results = [
      await run(keyhole, ['attenuate', '--method', 'GET', token]),
      await run(keyhole, ['attenuate', '--method', 'GET', '-'], { stdin: `${token}\n` }),
      await run(keyhole, ['attenuate', '--method', 'GET'], { stdin: token }),
      await run(keyhole, ['attenuate', '--method', 'GET'], { env: { KEYHOLE_TOKEN: token } }),
    ];
    for (const { status, stdout, stderr } of results) {
      assert.equal(status, 0, stderr);
      assert.equal(stdout, results[0].stdout);
      assert.match(stdout, /^kh1_[A-Za-z0-9_-]+\n$/);
    }
  });

  test('attenuate: every option is a caveat that the broker judges', async () => {
    const narrow = (await run(keyhole, ['attenuate', '--host', 'api.openai.com', '--method', 'GET', '--method', 'HEAD', '--path', '/v1/models',
      '--for', '10m', '--label', 'a b', '--caveat', 'client in 127.0.0.0/8', token])).stdout.trim();
    const answer = await broker.request('/~openai/v1/models', { token: narrow });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(broker.recordOf(answer).labels, ['a b']);
    broker.denied(await broker.request('/~openai/v1/models', { token: narrow, method: 'POST' }), 401, 'caveat-failed');
  });

  const bad = [
    ['no token', ['--method', 'GET'], '', [1, 2]],
    ['text that is no token', ['--method', 'GET', 'hello'], '', [1]],
    ['nothing to add', ['TOKEN'], '', [2]],
    ['a caveat that does not parse', ['--caveat', 'method is GET', 'TOKEN'], '', [1, 2]],
    ['an attribute that is not there', ['--caveat', 'colour = red', 'TOKEN'], '', [1, 2]],
    ['a time that is none', ['--for', 'soon', 'TOKEN'], '', [1, 2]],
    ['a path that is none', ['--path', 'v1', 'TOKEN'], '', [0, 1, 2]],
    ['two tokens', ['--method', 'GET', 'TOKEN', 'TOKEN'], '', [2]],
  ];
  for (const [what, args, stdin, statuses] of bad)
    test(`attenuate: ${what}`, async () => {
      const { status, stdout, stderr } = await run(keyhole, ['attenuate', ...args.map((a) => (a === 'TOKEN' ? token : a))], { stdin });
      assert.ok(statuses.includes(status), `${status}: ${stderr}`);
      if (status !== 0) {
        assert.equal(stdout, '');
        assert.match(stderr, /\w+ \w+/);
        assert.ok(!stderr.includes(token), 'the token is not repeated');
      }
    });

  test('inspect: who, for what, until when, every caveat, in plain words', async () => {
    const narrow = await broker.attenuate(token, '--path', '/v1/models', '--label', 'mine');
    const { stdout } = await run(keyhole, ['inspect', narrow]);
    for (const word of ['alice', 'openai', 'GET', '/v1/models', 'mine']) assert.ok(stdout.includes(word), `${word} in:\n${stdout}`);
  });

  test('inspect --json', async () => {
    const narrow = await broker.attenuate(token, '--path', '/v1/models');
    const inspected = JSON.parse((await run(keyhole, ['inspect', '--json', narrow])).stdout);
    assert.match(inspected.token_id, /^[0-9a-f]{32}$/);
    assert.match(inspected.lineage, /^[0-9a-f]{32}$/);
    assert.match(inspected.expires_at, /^\d{4}-/);
    assert.equal(inspected.user, 'alice');
    assert.deepEqual(inspected.credentials, ['openai']);
    const texts = JSON.stringify(inspected.caveats);
    assert.ok(texts.includes('method in GET, POST') && texts.includes('path = /v1/models'), texts);
  });

  test('inspect: a hole that is open', async () => {
    const holed = addHole(token, 'ticket');
    const { status, stdout } = await run(keyhole, ['inspect', holed]);
    assert.equal(status, 0);
    assert.match(stdout, /hole/i);
  });

  test('inspect: text that would fool a terminal is shown, not obeyed', async () => {
    const { stdout } = await run(keyhole, ['inspect', addCaveats(token, 'label = "\u001b[2J\u202eevil"')]);
    assert.ok(!stdout.includes('\u001b[2J'));
    assert.ok(!stdout.includes('\u202e'));
  });

  test('revoke: 3 when the broker denies, 1 when there is none', async () => {
    assert.equal((await broker.keyhole(['revoke', '-'], { stdin: forge(token), may: true })).status, 3);
    const nobody = await run(keyhole, ['revoke', '-'], { stdin: token, env: { KEYHOLE_BROKER: 'http://127.0.0.1:1' } });
    assert.equal(nobody.status, 1);
    assert.equal((await broker.request('/~openai/v1/x', { token })).status, 200);
  });

  test('a full disk is an error, not half a token', async () => {
    const { status } = await run('/bin/sh', ['-c', 'exec "$1" attenuate --method GET "$2" >/dev/full', 'sh', keyhole, token]);
    assert.equal(status, 1);
  });
});
