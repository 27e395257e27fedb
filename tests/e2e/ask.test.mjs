// SPDX-License-Identifier: Apache-2.0
// `keyholed credential add` on a terminal: it asks, and the secret does not show. util-linux's script
// gives the terminal.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { environment, keyholed, unlessUndone } from '../support/programs.mjs';
import { deferred, until, within } from '../support/wait.mjs';

/** A program on a terminal: `answer(prompt, line)` types a line when the prompt has come. */
function onTerminal(t, args) {
  const command = args.map((a) => `'${a}'`).join(' ');
  const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { env: environment({ TERM: 'dumb', SHELL: '/bin/sh' }), cwd: '/', stdio: 'pipe' });
  const done = unlessUndone(() => child.kill('SIGKILL')), ended = deferred();
  t.after(() => {
    child.kill('SIGKILL');
    done();
  });
  const terminal = { screen: '', seen: 0 };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => { terminal.screen += d; });
  child.on('close', ended.resolve);
  terminal.ended = () => within(`the end of ${command}`, ended.promise);
  terminal.answer = async (prompt, line) => {
    await until(`"${prompt}" is asked:\n${terminal.screen}`, () => terminal.screen.indexOf(prompt, terminal.seen) >= 0);
    terminal.seen = terminal.screen.indexOf(prompt, terminal.seen) + prompt.length;
    child.stdin.write(`${line}\n`);
  };
  return terminal;
}

const add = (broker, ...more) => [keyholed, 'credential', 'add', ...more, '--dir', broker.directory];

test('everything is asked for', async (t) => {
  const broker = await startBroker(t), key = realKey();
  broker.secrets.push(key);
  const terminal = onTerminal(t, add(broker));
  await terminal.answer('preset (empty: another service): ', 'opnai');
  await terminal.answer('did you mean openai?\r\npreset (empty: another service): ', 'openai');
  await terminal.answer('name of the credential (empty: openai): ', '');
  await terminal.answer('the real key of openai: ', key);
  assert.equal(await terminal.ended(), 0, terminal.screen);
  assert.ok(!terminal.screen.includes(key), 'the secret does not show');
  assert.match(terminal.screen, /openai is stored/);
  const shown = await broker.operatorJson(['credential', 'show', 'openai']);
  assert.equal(shown.preset, 'openai');
});

test('another service: host, slot and name', async (t) => {
  const broker = await startBroker(t), key = realKey();
  broker.secrets.push(key);
  const terminal = onTerminal(t, add(broker));
  await terminal.answer('preset (empty: another service): ', '');
  await terminal.answer('host that the key may go to: ', 'api.example');
  await terminal.answer('(empty: bearer): ', 'header:x-api-key');
  await terminal.answer('name of the credential: ', 'mine');
  await terminal.answer('the real key of mine: ', key);
  assert.equal(await terminal.ended(), 0, terminal.screen);
  const shown = await broker.operatorJson(['credential', 'show', 'mine']);
  assert.deepEqual(shown.hosts, ['api.example']);
  assert.deepEqual(shown.slots, ['header:x-api-key']);
});

test('with a preset, the secret alone; with one that has no hosts, a host as well', async (t) => {
  const broker = await startBroker(t), key = realKey();
  broker.secrets.push(key);
  const github = onTerminal(t, add(broker, 'github', '--preset', 'github'));
  await github.answer('the real key of github: ', key);
  assert.equal(await github.ended(), 0, github.screen);
  assert.doesNotMatch(github.screen, /host|preset/);
  const npm = onTerminal(t, add(broker, 'packages', '--preset', 'npm'));
  await npm.answer('host that the key may go to: ', 'npm.example');
  await npm.answer('the real key of packages: ', key);
  assert.equal(await npm.ended(), 0, npm.screen);
});

test('without a terminal nothing is asked', async (t) => {
  const broker = await startBroker(t);
  const result = await broker.operator(['credential', 'add'], { may: true, stdin: 'openai\n' });
  assert.equal(result.status, 2);
  assert.match(result.stderr, /NAME is missing/);
});
