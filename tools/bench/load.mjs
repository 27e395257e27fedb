// SPDX-License-Identifier: Apache-2.0
// Load on a contestant, and what it cost: wrk as fast as it goes, or our own generator (load.c) for
// what wrk cannot do.

import { join } from 'node:path';

import { must } from '../../tests/support/programs.mjs';
import { busyOf, cores, cpuByName, median, pssOf, tree } from './measure.mjs';

const here = import.meta.dirname;

const onLoadCore = (program, args, options) =>
  must('taskset', ['-c', String(cores.load), program, ...args], { timeout: 180000, ...options });

/** wrk against `url`. `{ requests, us, bad, errors, p50, p90, p99 }`, times in µs. */
export async function wrk(url, { seconds, connections = 64, authorization, body, bodyBytes, contentType, close } = {}) {
  const env = {};
  if (authorization) env.BENCH_AUTHORIZATION = authorization;
  if (body) env.BENCH_BODY = body;
  if (bodyBytes) env.BENCH_BODY_BYTES = String(bodyBytes);
  if (contentType) env.BENCH_CONTENT_TYPE = contentType;
  if (close) env.BENCH_CLOSE = '1';
  const { stdout } = await onLoadCore('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s',
    '-s', join(here, 'wrk.lua'), url], { env });
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** One sample: CPU of the contestant's processes around what `load()` does. */
export async function sample(contestant, load) {
  const pids = tree(contestant.pid);
  const busy = busyOf(cores.measured);
  const began = process.hrtime.bigint();
  const before = cpuByName(pids);
  const result = await load();
  const after = cpuByName(pids);
  const wall = Number(process.hrtime.bigint() - began) / 1000;
  const byProcess = {};
  let cpu = 0;
  for (const [name, us] of Object.entries(after)) {
    const used = us - (before[name] ?? 0);
    cpu += used;
    byProcess[name] = used / result.requests;
  }
  if (result.bad > 0 || result.errors > 0 || result.requests === 0)
    throw new Error(`${contestant.name}: ${result.requests} requests, ${result.bad} not answered with 2xx, ${result.errors} errors`);
  return {
    cpu_us: cpu / result.requests,
    cpu_us_of: byProcess,
    requests_per_s: result.requests / (result.us / 1e6),
    p50_us: result.p50,
    p99_us: result.p99,
    used: cpu / wall,
    foreign: Math.max(0, (busyOf(cores.measured) - busy - cpu) / wall),
    pss_kib: pssOf(pids),
    ...result.more,
  };
}

/** The median of samples, each figure by itself; the spread of what is compared. */
export function summary(samples) {
  const all = (field) => samples.map((s) => s[field]);
  const row = {};
  for (const field of Object.keys(samples[0]))
    if (typeof samples[0][field] === 'number') row[field] = median(all(field));
  row.cpu_us_of = {};
  for (const name of Object.keys(samples[0].cpu_us_of))
    row.cpu_us_of[name] = median(samples.map((s) => s.cpu_us_of[name] ?? 0));
  row.cpu_us_low = Math.min(...all('cpu_us'));
  row.cpu_us_high = Math.max(...all('cpu_us'));
  row.samples = samples.length;
  return row;
}

/** Rounds over all contestants, so that whatever else happens on the machine hits all of them. `load(contestant, seconds)` is one
 * run. A contestant that cannot is left out with its reason. */
export async function alternate(run, contestants, load) {
  const samples = new Map(contestants.map((c) => [c, []]));
  const failed = new Map();
  for (let round = 0; round < run.rounds; round++)
    for (const c of contestants) {
      if (failed.has(c)) continue;
      run.progress(`  round ${round + 1} of ${run.rounds}: ${c.name}`);
      try {
        await load(c, run.warm);
        samples.get(c).push(await sample(c, () => load(c, run.seconds)));
      } catch (error) {
        failed.set(c, error.message.split('\n')[0]);
        run.progress(`  ${c.name} is left out: ${error.message}`);
      }
    }
  return contestants.map((c) => ({
    name: c.name, what: c.what,
    ...(failed.has(c) ? { failed: failed.get(c) } : summary(samples.get(c))),
  }));
}
