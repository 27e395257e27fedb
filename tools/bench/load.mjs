// SPDX-License-Identifier: Apache-2.0
// Load on a contestant, and what it cost: wrk as fast as it goes, or our own generator (load.c) for
// what wrk cannot do.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { build, environment, must, unlessUndone } from '../../tests/support/programs.mjs';
import { Queue } from '../../tests/support/wait.mjs';
import { busyOf, cores, cpuByName, pssOf, tree } from './measure.mjs';
import { inTurn, median, pairsOf } from './paired.mjs';

const here = import.meta.dirname;

const PATIENCE_MS = 180000; // ten thousand handshakes on a busy machine take a minute

const onLoadCore = (program, args, options) =>
  must('taskset', ['-c', String(cores.load), program, ...args], { timeout: PATIENCE_MS, ...options });

/** wrk against `url`. `{ requests, us, bad, errors, p50, p90, p99 }`, times in µs. */
export async function wrk(url, { seconds, connections = 64, authorization, tokens, body, bodyBytes, contentType, close } = {}) {
  const env = {};
  if (authorization) env.BENCH_AUTHORIZATION = authorization;
  if (tokens) env.BENCH_TOKENS = tokens;
  if (body) env.BENCH_BODY = body;
  if (bodyBytes) env.BENCH_BODY_BYTES = String(bodyBytes);
  if (contentType) env.BENCH_CONTENT_TYPE = contentType;
  if (close) env.BENCH_CLOSE = '1';
  const { stdout } = await onLoadCore('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s',
    '-s', join(here, 'wrk.lua'), url], { env });
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** Our generator, ready: every connection has had an answer. `go()` runs it, `end()` lets it go. Options: port, path, host,
 * authorization, seconds, connections, rate, tls, connect, handshake ('resumed' or 'full': a connection for each request), idle. */
export async function prime(o) {
  const flags = ['--port', o.port, '--path', o.path ?? '/', '--host', o.host ?? 'localhost', '--seconds', o.seconds ?? 1,
    '--connections', o.connections ?? 64, ...(o.rate ? ['--rate', o.rate] : []), ...(o.tls ? ['--tls'] : []),
    ...(o.connect ? ['--connect', o.connect] : []), ...(o.authority ? ['--authority', o.authority] : []), ...(o.handshake ? [`--${o.handshake}`] : []), ...(o.idle ? ['--idle'] : [])];
  const child = spawn('taskset', ['-c', String(cores.load), join(build, 'bench/load'), ...flags.map(String)], {
    env: environment(o.authorization ? { BENCH_AUTHORIZATION: o.authorization } : {}), stdio: ['pipe', 'pipe', 'pipe'] });
  const done = unlessUndone(() => child.kill('SIGKILL'));
  const lines = new Queue('the load generator');
  const said = [];
  child.stderr.on('data', (d) => said.push(d));
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => lines.put(line));
  const ended = new Promise((resolve) => child.on('close', () => {
    lines.put('');
    done();
    resolve();
  }));
  const next = async () => {
    const line = await lines.next(PATIENCE_MS).catch((error) => {
      child.kill('SIGKILL'); // or it goes on beside what is measured next
      throw error;
    });
    if (!line) throw new Error(`the load generator ended: ${Buffer.concat(said)}`);
    return line;
  };
  await next();
  return {
    async go() {
      child.stdin.write('\n');
      return JSON.parse(await next());
    },
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

/** `load` of `alternate` for our generator: `options(c)` are those of `prime`. */
export const generator = (options) => Object.assign(async (c, seconds) => {
  const primed = await prime({ ...options(c), seconds });
  try {
    return await primed.go();
  } finally {
    await primed.end();
  }
}, { prime: (c, seconds) => prime({ ...options(c), seconds }) });

/** Nothing was answered, and nothing went wrong: the machine was away for that second. */
export class StoodStill extends Error {
  constructor(name) {
    super(`${name}: no request in the whole time`);
  }
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
  if (result.bad === 0 && result.errors === 0 && result.requests === 0) throw new StoodStill(contestant.name);
  if (result.bad > 0 || result.errors > 0)
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
    resumed: result.handshakes > 0 ? result.resumed / result.handshakes : undefined,
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

/** Take one sample of a contestant. What it has not done before in this run it does for a second before. */
async function sampleOf(run, c, load, warm) {
  if (warm) await load(c, run.warm);
  if (!load.prime) return sample(c, () => load(c, run.seconds));
  const primed = await load.prime(c, run.seconds);
  return sample(c, primed.go).finally(primed.end);
}

const COMPARED = ['cpu_us', 'requests_per_s', 'p50_us', 'p99_us'];
const compared = (figures) => figures && Object.fromEntries(COMPARED.map((field) => [field, figures[field]]));

/** Rounds over all contestants, the baseline before and after each of the others. `load(contestant, seconds)` is one run. A
 * contestant that cannot is left out with its reason; one whose sample is empty has none in that round. A row has the medians of a contestant's own figures, and `rounds`: what
 * it needed in each, and what the baseline did `beside` it. */
export async function alternate(run, contestants, load, baseline, take = sampleOf) {
  const samples = new Map(contestants.map((c) => [c, []]));
  const rounds = new Map(contestants.map((c) => [c, []]));
  const failed = new Map();
  for (let round = 1; round <= run.rounds; round++) {
    const measured = [];
    for (const c of inTurn(contestants.filter((one) => round === 1 || !one.once), baseline)) {
      if (failed.has(c)) continue;
      run.progress(`  round ${round} of ${run.rounds}: ${c.name}`);
      try {
        const sample = await take(run, c, load, samples.get(c).length === 0);
        samples.get(c).push(sample);
        measured.push({ contestant: c, sample });
      } catch (error) {
        measured.push({ contestant: c });
        run.progress(`  ${c.name} is left out: ${error.message}`);
        if (!(error instanceof StoodStill)) failed.set(c, error.message.split('\n')[0]);
      }
    }
    for (const { contestant, sample, beside } of pairsOf(measured, baseline))
      rounds.get(contestant).push({ round, ...compared(sample), ...(beside !== undefined ? { beside: compared(beside) } : {}) });
  }
  for (const c of contestants)
    if (!failed.has(c) && samples.get(c).length === 0) failed.set(c, 'no request in any round');
  return contestants.map((c) => ({
    name: c.name, what: c.what,
    ...(failed.has(c) ? { failed: failed.get(c) } : { ...summary(samples.get(c)), rounds: rounds.get(c) }),
  }));
}
