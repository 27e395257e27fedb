// SPDX-License-Identifier: Apache-2.0
// Completions, in the shells that they are for: what a person is offered behind a beginning of a line.

import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { keyhole, keyholed, must, python, run, temporaryDirectory } from '../support/programs.mjs';

const shells = { bash: (name) => name, zsh: (name) => `_${name}`, fish: (name) => `${name}.fish` };
const driver = resolve(import.meta.dirname, '../support/shells.py');
const directory = temporaryDirectory(wholeFile, 'completion');
let broker;

before(async () => {
  for (const [shell, file] of Object.entries(shells)) {
    mkdirSync(join(directory, shell));
    for (const program of [keyhole, keyholed]) {
      const name = program.split('/').pop();
      writeFileSync(join(directory, shell, file(name)), (await must(program, ['completion', shell])).stdout);
    }
  }
  mkdirSync(join(directory, 'work/files.d'), { recursive: true });
  writeFileSync(join(directory, 'work/files.txt'), '');
  writeFileSync(join(directory, 'work/other'), '');
  broker = await startBroker(wholeFile);
  for (const name of ['tickets', 'openai']) await broker.operator(['credential', 'add', name, '--host', `${name}.example`], { stdin: realKey() });
});

/** What the shell offers behind `line`, sorted. */
async function offered(shell, line) {
  const env = { PATH: `${dirname(keyhole)}:${process.env.PATH}`, HOME: directory };
  const options = { env, cwd: join(directory, 'work'), timeout: 90000 };
  const name = line.split(' ')[0], file = join(directory, shell, shells[shell](name));
  if (shell === 'fish') {
    const { stdout } = await must('fish', ['--no-config', '-c', 'source $argv[1]; complete "--do-complete=$argv[2]"', file, line], options);
    return stdout.split('\n').filter(Boolean).map((l) => l.split('\t')[0].replace(/^--[a-z-]+=/, '')).sort();
  }
  const { stdout } = await must(python, [driver, shell, file, line], options);
  const words = stdout.split('\n').filter(Boolean);
  if (shell === 'zsh') return [...new Set(words)].sort();
  const given = line.split(' ').length - 1; // bash shows the whole line
  if (words.length === given + 1 && line.endsWith(` ${words[given]}`)) return []; // as it was
  return words.slice(given).map((w) => w.replace(/^--[a-z-]+=/, '')).sort();
}

const groups = (list, group) => list.filter((c) => c.startsWith(`${group} `)).map((c) => c.slice(group.length + 1)).sort();
const operator = ['credential add', 'credential list', 'credential show', 'credential test', 'credential set', 'credential rotate',
  'credential disable', 'credential enable', 'credential remove', 'policy check', 'policy apply', 'policy show', 'policy list',
  'policy rollback', 'policy diff', 'policy test', 'policy suggest'];

// What is offered where; a file's name may come with a slash.
const cases = [
  ['keyhole at', ['attenuate']],
  ['keyhole completion ', ['bash', 'fish', 'zsh']],
  ['keyhole convert --to ', ['json', 'keyhole', 'v1', 'v2']],
  ['keyhole discharge --with=', ['browser', 'fido2', 'ssh']],
  ['keyhole env --format d', ['docker', 'dotenv']],
  ['keyhole inspect --color a', ['always', 'auto']],
  ['keyhole attenuate --method P', ['PATCH', 'POST', 'PUT']],
  ['keyhole run --report f', ['files.d', 'files.txt']],
  ['keyhole run --dir f', ['files.d']],
  ['keyhole run --quiet --label x -- cat f', ['files.d', 'files.txt']],
  ['keyhole help re', ['revoke']],
  ['keyhole convert --t', ['--to']],
  ['keyholed cred', ['credential']],
  ['keyholed credential ', groups(operator, 'credential')],
  ['keyholed help policy ', groups(operator, 'policy')],
  ['keyholed backup k', ['key']],
  ['keyholed credential add x --preset open', ['openai', 'openrouter']],
  ['keyholed credential add x --slot s', ['subprotocol', 'subprotocol:']],
  ['keyholed credential add x --foreign ', ['pass', 'refuse']],
  ['keyholed audit query --code login-too', ['login-too-often']],
  ['keyholed audit query --kind st', ['start', 'stop']],
  ['keyholed check --config=f', ['files.d', 'files.txt']],
  ['keyholed policy check f', ['files.d', 'files.txt']],
  ['keyholed credential set x --unset token', ['token-answers', 'token-url']],
];

for (const shell of Object.keys(shells))
  describe(shell, () => {
    for (const program of ['keyhole', 'keyholed'])
      test(`the script of ${program} is well-formed`, async () => {
        const { status, stderr } = await run(shell, ['-n', join(directory, shell, shells[shell](program))]);
        assert.equal(status, 0, stderr);
        assert.equal(stderr, '');
      });

    for (const [line, expected] of cases)
      test(`${line}⇥`, async () => {
        const words = (await offered(shell, line)).map((w) => w.replace(/\/$/, ''));
        assert.deepEqual(words, expected);
      });

    test('an option once, unless it may be repeated', async () => {
      if (shell === 'fish') return; // it offers them again
      const words = await offered(shell, 'keyhole attenuate --for 1h --host a --');
      assert.ok(words.includes('--host') && words.includes('--method'), `${words}`);
      assert.ok(!words.includes('--for'), `${words}`);
    });

    test('names of the running broker, for its operator; and without one nothing, in silence', async () => {
      for (const line of [`keyholed credential show --dir ${broker.directory} `, `keyholed mint --dir ${broker.directory} --credential `,
        `keyhole run --dir=${broker.directory} --credential `])
        assert.deepEqual(await offered(shell, line), ['openai', 'tickets'], line);
      assert.deepEqual(await offered(shell, `keyholed credential show --dir ${directory} o`), []);
    });
  });
