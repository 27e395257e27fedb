// SPDX-License-Identifier: Apache-2.0
// What a run of the driver has: a directory, a way to say how far it is, and an end to all it started.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { unlessUndone } from '../../tests/support/programs.mjs';
import { cores, pin } from './measure.mjs';

/** Stands for a test where the helpers of tests/support want one: what is to be undone at its end. */
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

export const began = Date.now();
export const seconds = () => Math.round((Date.now() - began) / 1000);
export const progress = (text) => process.stderr.write(`${String(seconds()).padStart(4)} s ${text}\n`);

/** `work(run)` with a scope of its own; what was started in it has ended afterwards. */
export async function within(run, work) {
  const scope = new Scope();
  try {
    return await work({ ...run, t: scope });
  } finally {
    await scope.end();
  }
}

/** A run in a temporary directory, the driver itself on the core of the load. */
export async function withRun(settings, work) {
  const directory = mkdtempSync(join(tmpdir(), 'kh-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const done = unlessUndone(remove);
  pin(process.pid, cores.load);
  try {
    return await within({ ...settings, directory, progress }, work);
  } finally {
    remove();
    done();
  }
}
