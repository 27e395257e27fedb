// SPDX-License-Identifier: Apache-2.0
// The report: Markdown for people, JSON for programs, out of the same rows.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { baselineOf, pairedDifference, pairedRatio } from './paired.mjs';

const number = (value, digits = 1) => (value === undefined || value === null ? '' : value.toFixed(digits));
const short = (us) => (us === undefined ? '' : us >= 10000 ? `${(us / 1000).toFixed(0)} ms` : `${(us / 1000).toFixed(2)} ms`);

// [heading, how a row shows it, whether any row has it]
const COLUMNS = [
  ['CPU µs/request', (r) => number(r.cpu_us), 'cpu_us'],
  [(g) => `× ${g.baseline}`, (r) => number(r.cpu_ratio, 2), 'cpu_ratio'],
  ['quartiles', (r) => (r.cpu_ratio_q1 < r.cpu_ratio_q3 ? `${number(r.cpu_ratio_q1, 2)}–${number(r.cpu_ratio_q3, 2)}` : ''), 'cpu_ratio'],
  ['low–high', (r) => `${number(r.cpu_us_low)}–${number(r.cpu_us_high)}`, 'cpu_us_low'],
  ['requests/s', (r) => number(r.requests_per_s, 0), 'requests_per_s'],
  ['p50', (r) => short(r.p50_us), 'p50_us'],
  ['p99', (r) => short(r.p99_us), 'p99_us'],
  ['resumed', (r) => `${number(r.resumed * 100, 0)} %`, 'resumed'],
  ['core used', (r) => `${number(r.used * 100, 0)} %`, 'used'],
  ['PSS MiB', (r) => number(r.pss_kib / 1024), 'pss_kib'],
  ['bytes each', (r) => number(r.bytes_each, 0), 'bytes_each'],
  ['per second', (r) => number(r.per_second, 0), 'per_second'],
  ['µs each', (r) => number(r.us_each, 2), 'us_each'],
  ['ms', (r) => number(r.ms, 0), 'ms'],
  ['by process, µs', (r) => Object.entries(r.cpu_us_of ?? {}).filter(([, us]) => us >= 0.05)
    .map(([name, us]) => `${name.replace(/^keyhole-/, '')} ${number(us)}`).join(', '), 'cpu_us_of'],
];

// Each row against the baseline, and in groups of several kinds ("new: nginx") that of its kind.
function withRatios(group) {
  const ratioOf = (row) => {
    const base = baselineOf(group.rows, group.baseline, row.name);
    if (row.failed || !row.rounds) return {};
    const { measured, q1, q3 } = pairedRatio(row, base?.failed ? undefined : base, 'cpu_us');
    return { cpu_ratio: measured, cpu_ratio_q1: q1, cpu_ratio_q3: q3 };
  };
  return { ...group, rows: group.rows.map((row) => ({ ...row, ...ratioOf(row) })) };
}

function table(group) {
  const measured = group.rows.filter((r) => !r.failed);
  const columns = COLUMNS.filter(([h, , field]) => (typeof h === 'string' || group.baseline) && measured.some((r) => r[field] !== undefined));
  const lines = [`| | ${columns.map(([h]) => (typeof h === 'string' ? h : h(group))).join(' | ')} |`, `| --- |${columns.map(() => ' ---: |').join('')}`];
  for (const row of group.rows)
    lines.push(row.failed ? `| ${row.name} | not measured: ${row.failed.replaceAll('|', '/')} |`
      : `| ${row.name}${row.what ? ` (${row.what})` : ''} | ${columns.map(([, show, field]) => (row[field] === undefined ? '' : show(row))).join(' | ')} |`);
  return lines.join('\n');
}

// What is timed by the clock and not by the scheduler says nothing when others had the core as well.
function judged(group, quiet) {
  const row = (name) => group.rows.find((r) => r.name === name && !r.failed);
  const ratio = (a, b, field) => pairedRatio(row(a), row(b), field);
  const difference = (a, b, field, unit) =>
    Object.fromEntries(Object.entries(pairedDifference(row(a), row(b), field)).map(([name, value]) => [name, value / unit]));
  return (group.targets?.({ row, ratio, difference }) ?? []).map((t) => ({
    ...t,
    result: t.measured === undefined ? 'not measured'
      : t.timed && !quiet ? 'not judged: the machine was not quiet'
      : (t.at === 'most' ? t.measured <= t.target : t.measured >= t.target) ? 'met' : 'missed',
  }));
}

const shown = (value, unit) =>
  value === undefined ? '' : unit === '×' ? `${value.toFixed(2)} ×` : `${value.toFixed(value < 10 ? 2 : 0)} ${unit}`;

const quartiles = (t) => (t.q1 < t.q3 ? ` (${t.q1.toFixed(2)}–${t.q3.toFixed(2)})` : '');

function targetTable(targets) {
  return ['| target | | measured (quartiles) | |', '| --- | ---: | ---: | --- |', ...targets.map((t) =>
    `| ${t.what} | at ${t.at} ${shown(t.target, t.unit)}${t.wish !== undefined ? ` (wish: ${shown(t.wish, t.unit)})` : ''} | ` +
    `${shown(t.measured, t.unit)}${quartiles(t)} | ${t.result === 'missed' ? '**missed**' : t.result} |`)].join('\n');
}

function machineLines(m) {
  const versions = Object.entries(m.versions).map(([n, v]) => `${n} ${v}`).join(', ');
  return [
    `* ${m.date}, \`${m.command}\`, ${m.seconds} s a sample, ${m.rounds} rounds, ${m.seconds_in_all} s in all`,
    `* ${m.cpu}, ${m.cores} cores, ${m.memory_mib} MiB; ${m.system}, Linux ${m.kernel}`,
    `* ${m.pinned}`,
    `* load average at the start ${m.load_average_at_start.toFixed(2)}; others used at most ${number(m.foreign_most * 100)} % of the measured core`,
    `* ${versions}`,
  ].join('\n');
}

const HOW = 'A round measures the baseline before and after each of the others, and "×" is a contestant against the mean of the two ' +
  'next to it; the ratio given, which the targets are judged by, is the median of the rounds, with its quartiles (and so with differences of p99). ' +
  "The host's speed changes by more than what is looked for, so ratios of the medians of CPU µs, which stand beside with the lowest and highest, are worth less.";

/** Write report.md and report.json; how many targets were missed. */
export function write(directory, machine, groups) {
  const warnings = [...machine.warnings, machine.foreign_warning].filter(Boolean);
  const results = groups.map(withRatios).map((g) => ({ ...g, targets: judged(g, warnings.length === 0) }));
  const targets = results.flatMap((g) => g.targets);
  const text = [
    '# Keyhole: performance report', machineLines(machine), HOW,
    ...(warnings.length > 0 ? [warnings.map((w) => `> **${w}** Figures of such a run are no basis for a comparison with other runs.`).join('\n>\n')] : []),
    ...(targets.length > 0 ? ['## Targets', targetTable(targets)] : []),
    ...results.flatMap((g) => [`## ${g.title} (\`B=${g.name}\`)`, g.about, table(g), ...(g.notes ?? [])]),
  ].join('\n\n');
  writeFileSync(join(directory, 'report.md'), `${text}\n`);
  writeFileSync(join(directory, 'report.json'), `${JSON.stringify({ machine, targets, groups: results }, null, 1)}\n`);
  return targets.filter((t) => t.result === 'missed').length;
}
