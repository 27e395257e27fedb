// SPDX-License-Identifier: Apache-2.0
// `make bench`: every measurement in one run, one report. docs/PERFORMANCE.md says what is measured and how.
//
//     make bench                      everything
//     make bench B=kept,intercept     some groups
//     make bench BENCH_SECONDS=3 BENCH_ROUNDS=15
//     make bench QUICK=1              one short round: whether it runs, and roughly where things are

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { build } from '../../tests/support/programs.mjs';
import { describeMachine, foreignUse } from './machine.mjs';
import { startUpstream } from './peers.mjs';
import { progress, seconds, withRun, within } from './run.mjs';
import { write } from './report.mjs';

const GROUPS = ['kept', 'authoriser', 'rate', 'bodies', 'tls', 'intercept', 'idle', 'tokens', 'scale'];

function settings() {
  const quick = Boolean(process.env.QUICK);
  const wanted = (process.env.B ?? '').split(',').filter(Boolean);
  for (const name of wanted)
    if (!GROUPS.includes(name)) {
      process.stderr.write(`bench: no group "${name}"; there are ${GROUPS.join(', ')}\n`);
      process.exit(2);
    }
  return {
    quick,
    groups: wanted.length > 0 ? GROUPS.filter((g) => wanted.includes(g)) : GROUPS,
    seconds: Number(process.env.BENCH_SECONDS || 1), // the least that wrk can
    warm: 1,
    rounds: Number(process.env.BENCH_ROUNDS || (quick ? 1 : 9)),
  };
}

async function measureGroup(run, name) {
  const group = await import(`./group_${name}.mjs`);
  run.progress(group.title);
  const found = await within(run, (own) => group.measure(own)).catch((error) => {
    run.progress(`${name} failed: ${error.stack}`);
    return { rows: [{ name, failed: error.message.split('\n')[0] }] };
  });
  return { name, title: group.title, about: group.about, targets: group.targets, ...found };
}

const chosen = settings();
const machine = describeMachine(chosen);
for (const warning of machine.warnings) progress(warning);
const groups = [];
await withRun(chosen, async (run) => {
  const upstream = await startUpstream(run);
  for (const name of run.groups) groups.push(await measureGroup({ ...run, upstream }, name));
});
const out = join(build, 'bench');
mkdirSync(out, { recursive: true });
const missed = write(out, { ...machine, ...foreignUse(groups), seconds_in_all: seconds() }, groups);
progress(`${join(out, 'report.md')}${missed > 0 ? `; ${missed} targets missed` : ''}`);
process.exit(0);
