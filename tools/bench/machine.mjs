// SPDX-License-Identifier: Apache-2.0
// The machine that figures are from, and whether it was quiet.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

import { cores } from './measure.mjs';

const QUIET = 0.3; // of load average, when nothing has been started yet
const FOREIGN = 0.05; // of the measured core, used by what is not measured

function said(program, args, pattern) {
  try {
    const text = execFileSync('sh', ['-c', '"$0" "$@" 2>&1', program, ...args], { encoding: 'utf8' });
    return pattern.exec(text)?.[1] ?? 'unknown';
  } catch (error) {
    return pattern.exec(error.stdout ?? '')?.[1] ?? 'not installed';
  }
}

const versions = () => ({
  keyhole: said('git', ['-C', import.meta.dirname, 'describe', '--always', '--dirty'], /(\S+)/),
  compiler: said('cc', ['--version'], /(.*)/),
  openssl: said('openssl', ['version'], /(OpenSSL \S+)/),
  nginx: said('nginx', ['-v'], /nginx\/(\S+)/),
  haproxy: said('haproxy', ['-v'], /version (\S+)/),
  squid: said('squid', ['-v'], /Version (\S+)/),
  mitmproxy: said('mitmdump', ['--version'], /Mitmproxy: (\S+)/),
  node: process.version,
  wrk: said('wrk', ['-v'], /wrk (?:debian\/)?(\S+)/),
});

export function describeMachine(run) {
  const load = loadavg()[0];
  const warnings = [];
  if (load > QUIET) warnings.push(`The machine was not quiet: load average ${load.toFixed(2)} at the start.`);
  if (cores.alone) warnings.push('There is one core alone: load and proxies share it.');
  return {
    date: new Date().toISOString(),
    command: ['make bench', ...['B', 'BENCH_SECONDS', 'BENCH_ROUNDS', 'QUICK']
      .filter((n) => process.env[n]).map((n) => `${n}=${process.env[n]}`)].join(' '),
    cpu: cpus()[0].model,
    cores: cpus().length,
    memory_mib: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    system: /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1],
    load_average_at_start: load,
    pinned: `measured programs on core ${cores.measured}, load and upstream on core ${cores.load}`,
    seconds: run.seconds,
    rounds: run.rounds,
    versions: versions(),
    warnings,
  };
}

/** At the end: what used the measured core beside what was measured. */
export function foreignUse(groups) {
  const foreign = groups.flatMap((g) => g.rows ?? []).map((r) => r.foreign).filter((f) => f !== undefined);
  const most = Math.max(0, ...foreign);
  return { foreign_most: most,
    foreign_warning: most > FOREIGN
      ? `Other processes used up to ${Math.round(most * 100)} % of the measured core during a measurement.` : null };
}
