// SPDX-License-Identifier: Apache-2.0
// Tokens without sockets: tools/bench/tokens.c on the measured core.

import { join } from 'node:path';

import { build, must } from '../../tests/support/programs.mjs';
import { cores } from './measure.mjs';
import { median } from './paired.mjs';

export const title = 'Tokens alone';
export const about = 'One thread, no sockets, CPU time. Judging is the whole decision: scan, both chains, caveats, rules. ' +
  'The root key is at hand, as in the authority. Nothing is remembered from one to the next but where it says that the token was seen before: ' +
  'then its verified chain is, and the request is judged as always.';

export async function measure(run) {
  const found = new Map();
  for (let round = 0; round < run.rounds; round++) {
    const { stdout } = await must('taskset', ['-c', String(cores.measured), join(build, 'bench/tokens'),
      String(Math.max(0.3, run.seconds / 5))], { timeout: 120000 });
    for (const line of stdout.trim().split('\n')) {
      const row = JSON.parse(line);
      found.set(row.name, [...(found.get(row.name) ?? []), row]);
    }
  }
  return { rows: [...found].map(([name, rows]) =>
    ({ name, per_second: median(rows.map((r) => r.per_second)), us_each: median(rows.map((r) => r.us_each)) })) };
}
