// SPDX-License-Identifier: Apache-2.0
// docs/guides say what works: their commands are run as a reader would type them, each guide in a network
// of its own in which the services' names lead to stand-ins, and what they print is what the guide shows.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';

import { differs, guideScript, parseGuide, readGuide, runGuide, unable } from '../support/guide.mjs';
import { run, temporaryDirectory } from '../support/programs.mjs';

const root = resolve(import.meta.dirname, '../..');
const folder = resolve(root, 'docs/guides');
const guides = readdirSync(folder).filter((f) => f.endsWith('.md') && f !== 'README.md');

/** Tests beside this one that say of a guide that it is theirs. */
function testsOf(name) {
  const here = readdirSync(import.meta.dirname).filter((f) => f.endsWith('.test.mjs') && !f.startsWith('guides.'));
  return here.filter((f) => readFileSync(resolve(import.meta.dirname, f), 'utf8').includes(`guides/${name}`));
}

describe('every guide', { concurrency: 2, skip: unable }, () => {
  for (const name of guides) {
    const guide = parseGuide(resolve(folder, name));
    const others = [...guide.testedBy, ...testsOf(name).map((f) => `tests/e2e/${f}`)];
    test(name, async (t) => {
      for (const other of others) assert.ok(existsSync(resolve(root, other)), `${name} says that ${other} tests it`);
      if (others.length > 0) return t.diagnostic(`${name} is tested by ${others.join(', ')}`);
      assert.ok(guide.steps.some((s) => s.kind === 'sh'), `${name} has commands that are run (\`\`\`sh), or a test of its own`);
      for (const { line, why } of guide.notRun) {
        assert.ok(why.length > 10, `${name}:${line} says why it is not run`);
        t.diagnostic(`${name}:${line} is not run: ${why}`);
      }
      await runGuide(t, resolve(folder, name));
    });
  }
});

test('the index names every guide, and every link of a guide leads somewhere', () => {
  const index = readFileSync(resolve(folder, 'README.md'), 'utf8');
  for (const name of guides) assert.ok(index.includes(`(${name})`), `docs/guides/README.md has a link to ${name}`);
  for (const name of [...guides, 'README.md'])
    for (const [, target] of readFileSync(resolve(folder, name), 'utf8').matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
      assert.ok(existsSync(resolve(folder, target)), `${name} links to ${target}`);
});

describe('the reader of guides', () => {
  test('a command that fails, one that says something else, and one without a test are found', async (t) => {
    const cases = { 'a\n```sh\necho one\n```\n```text\none\n```\n': 0,
      '```sh\nfalse\necho on\n```\n': 1, '```sh\nno-such | cat\n```\n': 127 };
    for (const [markdown, status] of Object.entries(cases)) {
      const directory = temporaryDirectory(t, 'guide');
      const result = await run('bash', ['-c', guideScript(readGuide(markdown), '')], { env: { OUT: directory } });
      assert.equal(result.status, status, markdown);
    }
    assert.equal(differs('a…z\n…\nend\n', 'abcz\n1\n2\nend\n'), undefined);
    assert.equal(differs('one\n', 'one\n\n'), undefined);
    for (const [shows, says] of [['one', 'two'], ['a.c', 'abc'], ['one', 'one\nmore'], ['one\n…\ntwo', 'one']])
      assert.match(differs(shows, says) ?? '', /the guide shows/, `${shows} and ${says}`);
    assert.throws(() => readGuide('```text\nx\n```\n'), /no commands/);
    assert.throws(() => readGuide('```sh\nx\n'), /without an end/);
  });

  test('comments', () => {
    const guide = readGuide(['<!-- swap: A => B -->', '<!-- file: x -->', '```yaml', 'A', '```', '<!-- not run: for a reason -->',
      '```sh', 'rm', '```', '<!-- test: one', 'two -->', '```console', '$ x', '```', ''].join('\n'));
    assert.deepEqual(guide.steps.map((s) => [s.kind, s.text]), [['file', 'B\n'], ['test', 'one\ntwo']]);
    assert.deepEqual(guide.notRun.map((n) => n.line), [7, 12]);
  });
});

