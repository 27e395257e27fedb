// SPDX-License-Identifier: Apache-2.0
// `make bench`: every measurement in one run, one report. docs/PERFORMANCE.md says what is measured and how.
//
//     make bench                      everything
//     make bench B=kept,intercept     some groups
//     make bench BENCH_SECONDS=10 BENCH_ROUNDS=5
//     make bench QUICK=1              one short round: whether it runs, and roughly where things are

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { build, unlessUndone } from '../../tests/support/programs.mjs';
import { describeMachine, watchMachine } from './machine.mjs';
import { cores, pin } from './measure.mjs';
import { startUpstream } from './peers.mjs';
import { write } from './report.mjs';

const GROUPS = ['kept'];

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
    seconds: Number(process.env.BENCH_SECONDS || (quick ? 1 : 3)),
    warm: 1,
    rounds: Number(process.env.BENCH_ROUNDS || (quick ? 1 : 3)),
  };
}

/** What ends with a group: servers, brokers, directories. */
class Scope {
  constructor() {
    this.work = [];
  }

  after(undo) {
    this.work.push(undo);
  }

  async end() {
    for (const undo of this.work.reverse())
      await Promise.resolve().then(undo).catch((e) => process.stderr.write(`bench: ${e.message}\n`));
    this.work = [];
  }
}

const began = Date.now();
const progress = (text) =>
  process.stderr.write(`${String(Math.round((Date.now() - began) / 1000)).padStart(4)} s ${text}\n`);

async function measureGroup(run, name) {
  const group = await import(`./group_${name}.mjs`);
  const scope = new Scope();
  progress(group.title);
  try {
    return { name, title: group.title, about: group.about, targets: group.targets,
      ...await group.measure({ ...run, t: scope }) };
  } finally {
    await scope.end();
  }
}

async function main() {
  const directory = mkdtempSync(join(tmpdir(), 'kh-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  unlessUndone(remove);
  const run = { ...settings(), directory, progress };
  pin(process.pid, cores.load);
  const machine = describeMachine(run);
  const watch = watchMachine();
  if (machine.warnings.length > 0) progress(machine.warnings.join(' '));
  const scope = new Scope();
  const groups = [];
  try {
    run.upstream = await startUpstream({ ...run, t: scope });
    for (const name of run.groups) groups.push(await measureGroup(run, name));
  } finally {
    await scope.end();
    remove();
  }
  const out = join(build, 'bench');
  mkdirSync(out, { recursive: true });
  const missed = write(out, { ...machine, ...watch(groups), seconds_in_all: Math.round((Date.now() - began) / 1000) }, groups);
  progress(`${join(out, 'report.md')}${missed > 0 ? `; ${missed} targets missed` : ''}`);
}

await main();
process.exit(0);
