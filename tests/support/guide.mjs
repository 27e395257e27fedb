// SPDX-License-Identifier: Apache-2.0
// Guides as programs: what stands in ```sh is run in order, in one shell, and what stands in the ```text
// behind it is what the shell said. Comments that a reader does not see say the rest:
//
//   <!-- file: NAME -->      the next block is written to NAME
//   <!-- not run: WHY -->    the next block is for readers alone; so is every ```console
//   <!-- needs: WHAT -->     the next block needs a large program: it is run by guides.heavy.test.mjs alone
//   <!-- test: SHELL -->     commands that prepare what the reader has already
//   <!-- swap: A => B -->    in what is run A is written B, from here on
//   <!-- tested by: FILE --> this guide is the business of that test
//
// In ```text a "…" stands for anything in its line, and alone in a line for any lines.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { build, run, temporaryDirectory } from './programs.mjs';

// Real root where it is had, else a user namespace in which one is root.
const NAMESPACES = ['-m', '-n', '-p', '-f', '--mount-proc', '--kill-child'];
const able = [NAMESPACES, ['-U', '-r', ...NAMESPACES]].find((args) =>
  spawnSync('unshare', [...args, 'sh', '-c', 'ip link set lo up && ip addr add 192.88.100.1/32 dev lo']).status === 0);
export const unable = able ? false : 'no namespaces can be made here (unshare, ip)';

/** Run a guide; an error that says what is not as it says. `heavy`: with what needs large programs. */
export async function runGuide(t, file, { heavy = false } = {}) {
  const result = await run('unshare', [...able, process.execPath, '--no-warnings', join(import.meta.dirname, 'guide_main.mjs'), file,
    temporaryDirectory(t, 'guide')], { timeout: 200000, env: { KEYHOLE_BUILD: build, ...(heavy ? { GUIDES_HEAVY: '1' } : {}) } });
  if (result.status !== 0) throw new Error(`${file}\n${result.stdout}\n${result.stderr}`);
}

const COMMENT = /^<!-- (file|not run|needs|test|swap|tested by): ([^]*?) ?-->$/;

/** { steps, notRun, testedBy }: a step is { kind: 'sh' | 'test' | 'file', line, text, name?, expected? }. */
export function parseGuide(file, options) {
  return readGuide(readFileSync(file, 'utf8'), options);
}

export function readGuide(markdown, { heavy = false } = {}) {
  const guide = { steps: [], notRun: [], testedBy: [] };
  const swaps = [];
  const swapped = (text) => swaps.reduce((t, [a, b]) => t.replaceAll(a, b), text);
  let pending = null, skipped = false; // skipped: what a block that is not run prints is not looked at either
  for (const part of parts(markdown)) {
    if (part.comment) {
      const [, word, text] = COMMENT.exec(part.comment) ?? [];
      if (word === 'test') guide.steps.push({ kind: 'test', line: part.line, text });
      else if (word === 'tested by') guide.testedBy.push(text);
      else if (word === 'swap') swaps.push(text.split(' => '));
      else if (word) pending = { word, text };
      continue;
    }
    const { language, line } = part, text = swapped(part.text);
    const needs = pending?.word === 'needs' && !heavy;
    if (skipped && language === 'text') continue;
    skipped = needs || pending?.word === 'not run';
    if (pending?.word === 'file') guide.steps.push({ kind: 'file', line, name: pending.text, text });
    else if (pending?.word === 'not run') guide.notRun.push({ line, why: pending.text });
    else if (needs) guide.notRun.push({ line, why: `needs ${pending.text}: make check-all runs it` });
    else if (language === 'console') guide.notRun.push({ line, why: 'an example of a terminal' });
    else if (language === 'sh') guide.steps.push({ kind: 'sh', line, text });
    else if (language === 'text') expect(guide, line, text);
    pending = null;
  }
  return guide;
}

function expect(guide, line, text) {
  const step = guide.steps.at(-1);
  if (step?.kind !== 'sh' || step.expected !== undefined)
    throw new Error(`line ${line}: a block of output with no commands right before it`);
  step.expected = text;
}

// Fenced blocks and comments on lines of their own, in order.
function* parts(markdown) {
  const lines = markdown.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    const fence = /^```(\S*)/.exec(lines[i]);
    if (fence) {
      const text = [];
      while (++i < lines.length && !/^```\s*$/.test(lines[i])) text.push(lines[i]);
      if (i === lines.length) throw new Error(`line ${line}: a block without an end`);
      yield { language: fence[1], line, text: text.join('\n') + '\n' };
    } else if (lines[i].startsWith('<!-- ')) {
      const text = [lines[i]];
      while (!text.at(-1).endsWith('-->') && ++i < lines.length) text.push(lines[i]);
      yield { comment: text.join('\n'), line };
    }
  }
}

/** The steps as one script of bash. What step N says goes to OUT/N.out, how far it came to OUT/progress. */
export function guideScript(guide, preamble) {
  const blocks = guide.steps.map((step, n) => {
    const body = step.kind === 'file' ? `mkdir -p "$(dirname '${step.name}')"\ncat >'${step.name}' <<'END-OF-FILE'\n${step.text}END-OF-FILE` : step.text;
    return `echo ${n} >"$OUT/progress"\n{\n${body}\n} >"$OUT/${n}.out" 2>&1\n`;
  });
  return `set -eu -o pipefail\n${preamble}\n${blocks.join('')}echo done >"$OUT/progress"\n`;
}

const escape = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Why `said` is not what the guide shows, or undefined. */
export function differs(expected, said) {
  const clean = (text) => text.split('\n').map((l) => l.trimEnd()).join('\n').trimEnd();
  const pattern = (line) => (line.trim() === '…' ? '(?:.*\n)*?' : `${line.split('…').map(escape).join('.*')}\n`);
  const lines = clean(expected).split('\n').map(pattern);
  if (new RegExp(`^${lines.join('')}$`).test(`${clean(said)}\n`)) return undefined;
  return `the guide shows:\n${clean(expected)}\nand it says:\n${clean(said)}`;
}
