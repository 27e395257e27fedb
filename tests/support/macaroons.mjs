// SPDX-License-Identifier: Apache-2.0
// Our chain of signatures, libmacaroons and another library over generated macaroons, both ways.

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { build, must } from './programs.mjs';

const ours = join(build, 'tests/bin/macaroons');
const lines = (text) => text.split('\n').filter(Boolean);
const say = (word) => word.split(' ')[0];

/** What we make, good and spoilt, in three formats: the others find the same, and so do we. */
export async function theyJudgeOurs(t, program, args, { seed, count, env }) {
  t.diagnostic(`seed ${seed}, ${count} macaroons`);
  const made = lines((await must(ours, ['make', String(seed), String(count)])).stdout);
  const rows = made.map((line) => JSON.parse(line));
  const theirs = lines((await must(program, [...args, 'verify'], { stdin: `${made.join('\n')}\n`, env })).stdout).map((l) => JSON.parse(l));
  const forms = rows.flatMap((r) => ['v1', 'v2', 'json'].map((f) => `${r.key} ${f === 'json' ? JSON.stringify(r.json) : r[f]}`));
  const mine = lines((await must(ours, ['verify'], { stdin: `${forms.join('\n')}\n` })).stdout);
  const wrong = [];
  for (const [i, row] of rows.entries())
    for (const [k, form] of ['v1', 'v2', 'json'].entries()) {
      const [chain, library, conditions] = mine[3 * i + k].split(' ');
      const expected = row.good ? 'yes' : 'no';
      if (chain !== expected || library !== expected || say(theirs[i][form]) !== expected || (row.good && theirs[i][form] !== `yes ${conditions}`))
        wrong.push(`${form}: expected ${expected}; ours ${mine[3 * i + k]}; theirs ${theirs[i][form]}\n${made[i]}`);
    }
  assert.deepEqual(wrong.slice(0, 3), [], `${wrong.length} of ${3 * rows.length} are judged differently`);
  assert.ok(rows.some((r) => r.good) && rows.some((r) => !r.good));
}

/** What they make, good and spoilt: our chain and libmacaroons find the same. */
export async function weJudgeTheirs(t, program, args, { seed, count, env }) {
  t.diagnostic(`seed ${seed}, ${count} macaroons`);
  const rows = lines((await must(program, [...args, 'make', String(seed), String(count)], { env })).stdout).map((l) => JSON.parse(l));
  const asked = rows.flatMap((r) => r.texts.map((text) => ({ row: r, text })));
  const mine = lines((await must(ours, ['verify'], { stdin: asked.map((a) => `${a.row.key} ${a.text}\n`).join('') })).stdout);
  const wrong = asked.map((a, i) => [a, mine[i]]).filter(([{ row }, got]) => got !== (row.good ? `yes yes ${row.conditions}` : 'no no 0'))
    .map(([{ row, text }, got]) => `good: ${row.good}, ${row.conditions} conditions; ours: ${got}\n${row.key} ${text}`);
  assert.deepEqual(wrong.slice(0, 3), [], `${wrong.length} of ${asked.length} are judged differently`);
  assert.ok(rows.some((r) => r.good) && rows.some((r) => !r.good));
}
