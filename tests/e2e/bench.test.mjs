// SPDX-License-Identifier: Apache-2.0
// What `make bench` computes: contestants in turn, figures in pairs, the report. Nothing is measured here.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { StoodStill, alternate } from '../../tools/bench/load.mjs';
import { inTurn, median, pairedDifference, pairedRatio, pairsOf, quantile } from '../../tools/bench/paired.mjs';
import { write } from '../../tools/bench/report.mjs';

const named = (...names) => names.map((name) => ({ name }));
const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-9, `${found} is not ${wanted}`);

test('median and quartiles', async (t) => {
  const cases = [
    ['nothing', [], undefined, undefined, undefined],
    ['nothing but what is missing', [undefined, null], undefined, undefined, undefined],
    ['one value', [7], 7, 7, 7],
    ['two values', [4, 2], 2.5, 3, 3.5],
    ['an odd number, in no order', [5, 1, 4, 2, 3], 2, 3, 4],
    ['an even number', [1, 2, 3, 4], 1.75, 2.5, 3.25],
    ['numbers and not texts are sorted', [10, 9, 100], 9.5, 10, 55],
    ['what is missing does not count', [1, undefined, 3, null, 2], 1.5, 2, 2.5],
  ];
  for (const [what, values, q1, middle, q3] of cases)
    await t.test(what, () => assert.deepEqual([quantile(values, 0.25), median(values), quantile(values, 0.75)], [q1, middle, q3]));
});

test('a round has the baseline before and after each of the others', async (t) => {
  const turn = (names, baseline) => inTurn(named(...names), baseline).map((c) => c.name);
  await t.test('wherever it stands', () => assert.deepEqual(turn(['a', 'base', 'b'], 'base'), ['base', 'a', 'base', 'b', 'base']));
  await t.test('each kind its own', () => assert.deepEqual(turn(['up: base', 'up: a', 'down: base', 'down: a'], 'base'),
    ['up: base', 'up: a', 'up: base', 'down: base', 'down: a', 'down: base']));
  await t.test('alone', () => assert.deepEqual(turn(['base'], 'base'), ['base']));
  await t.test('without one', () => assert.deepEqual(turn(['a', 'b'], 'base'), ['a', 'b']));
});

test('a contestant stands beside the baseline directly before and after it', async (t) => {
  const [base, a, b] = named('base', 'a', 'b');
  const of = (contestant, us) => ({ contestant, sample: us === undefined ? undefined : { cpu_us: us, note: 'no number' } });
  const pairs = (...measured) => pairsOf(measured, 'base').map((p) => [p.contestant.name, p.sample.cpu_us, p.beside?.cpu_us]);
  await t.test('the mean of two', () => assert.deepEqual(pairs(of(base, 10), of(a, 30), of(base, 20), of(b, 50), of(base, 30)),
    [['base', 20, undefined], ['a', 30, 15], ['b', 50, 25]]));
  await t.test('one, where the other was not measured', () =>
    assert.deepEqual(pairs(of(base, 10), of(a, 30), of(base, undefined)), [['base', 10, undefined], ['a', 30, 10]]));
  await t.test('none, where none is next to it', () => {
    const [pair] = pairsOf([of(a, 30), of(b, 40), of(base, 10)], 'base');
    assert.equal(pair.beside, null);
  });
});

/** A row as `alternate` makes them: [own, beside] for each round; `undefined` is a round that it does not have. */
const row = (...rounds) => ({ rounds: rounds.flatMap((r, i) => (r === undefined ? []
  : [{ round: i + 1, us: r[0], ...(r.length > 1 ? { beside: r[1] === null ? null : { us: r[1] } } : {}) }])) });

test('a ratio is the median of those of the rounds', async (t) => {
  const base = row([10], [20], [40]);
  await t.test('a host of changing speed does not move it', () => {
    // Of the medians of each it would be 36 / 20.
    const { measured, q1, q3 } = pairedRatio(row([15, 10], [56, 40], [36, 20]), base, 'us');
    near(measured, 1.5);
    near(q1, 1.45);
    near(q3, 1.65);
  });
  await t.test('the baseline to a contestant', () => assert.equal(pairedRatio(base, row([20, 10], [40, 20], [80, 40]), 'us').measured, 0.5));
  await t.test('the baseline to itself', () => assert.deepEqual(pairedRatio(base, base, 'us'), { measured: 1, q1: 1, q3: 1 }));
  await t.test('two contestants, each by its own neighbours', () => {
    // 2 × to 4 ×, whatever the host did between them.
    assert.equal(pairedRatio(row([20, 10], [400, 200]), row([160, 40], [40, 10]), 'us').measured, 0.5);
  });
  await t.test('rounds that one of them has not', () => {
    assert.equal(pairedRatio(row([20, 10], undefined, [60, 10]), row([10, 10], [10, 10], undefined), 'us').measured, 2);
    assert.equal(pairedRatio(row([30, null], [20, 10]), base, 'us').measured, 2);
  });
  await t.test('nothing to say', () => {
    assert.deepEqual(pairedRatio(undefined, base, 'us'), {});
    assert.deepEqual(pairedRatio(base, undefined, 'us'), {});
    assert.deepEqual(pairedRatio(row([1, 0]), base, 'us'), {}, 'divided by nothing');
    assert.deepEqual(pairedRatio(row([1, 1]), base, 'other'), {}, 'a figure that nobody has');
  });
});

test('a difference is the median of those of the rounds', () => {
  const base = row([100], [900], [100]);
  assert.deepEqual(pairedDifference(row([140, 100], [930, 900], [120, 100]), base, 'us'), { measured: 30, q1: 25, q3: 35 });
  assert.deepEqual(pairedDifference(row([140, 100]), row([110, 100]), 'us'), { measured: 30, q1: 30, q3: 30 });
  assert.deepEqual(pairedDifference(base, undefined, 'us'), {});
});

const silent = { progress() {}, rounds: 3, seconds: 1, warm: 1 };
const sampled = (us) => ({ cpu_us: us, cpu_us_of: { it: us }, requests_per_s: 1e6 / us, p50_us: us, p99_us: 2 * us, used: 1, foreign: 0, pss_kib: 1 });

test('rounds: each contestant beside the baseline, the slow ones once, who fails left out', async () => {
  const [base, a, slow, broken] = [{ name: 'base' }, { name: 'a' }, { name: 'slow', once: true }, { name: 'broken' }];
  const order = [], warmed = [];
  let speed = 1; // the host is slower with each sample
  const take = async (run, c, load, warm) => {
    assert.equal(load, 'a load');
    if (c === broken) throw new Error('it answers with 502\nand more');
    order.push(c.name);
    if (warm) warmed.push(c.name);
    return sampled((speed++) * (c === a ? 2 : c === slow ? 50 : 1));
  };
  const rows = await alternate(silent, [base, a, slow, broken], 'a load', 'base', take);
  assert.deepEqual(order, ['base', 'a', 'base', 'slow', 'base', 'base', 'base', 'a', 'base', 'base', 'base', 'a', 'base', 'base']);
  assert.deepEqual(warmed, ['base', 'a', 'slow'], 'before its first sample and no other');
  assert.deepEqual(rows.map((r) => [r.name, r.samples, r.failed]),
    [['base', 10, undefined], ['a', 3, undefined], ['slow', 1, undefined], ['broken', undefined, 'it answers with 502']]);
  const [of, other, once] = rows;
  for (const [found, wanted] of [[pairedRatio(other, of, 'cpu_us').measured, 2], [pairedRatio(once, of, 'cpu_us').measured, 50],
    [pairedRatio(other, of, 'requests_per_s').measured, 0.5]]) assert.ok(Math.abs(found / wanted - 1) < 0.1, `${found} is not about ${wanted}`);
  assert.equal(other.cpu_us_low, 4);
  assert.deepEqual(other.rounds[0], { round: 1, cpu_us: 4, requests_per_s: 250000, p50_us: 4, p99_us: 8,
    beside: { cpu_us: 2, requests_per_s: (1e6 + 1e6 / 3) / 2, p50_us: 2, p99_us: 4 } });
});

test('a sample in which the machine stood still is left out, and not its contestant', async () => {
  const [base, a, still] = named('base', 'a', 'still');
  let taken = 0;
  const take = async (run, c) => {
    if (c === still || (c === base && taken++ === 0)) throw new StoodStill(c.name);
    return sampled(c === a ? 20 : 10);
  };
  const rows = await alternate(silent, [base, a, still], 'a load', 'base', take);
  assert.deepEqual(rows.map((r) => r.failed), [undefined, undefined, 'no request in any round']);
  assert.deepEqual(rows.map((r) => r.samples), [8, 3, undefined]);
  assert.deepEqual(pairedRatio(rows[1], rows[0], 'cpu_us'), { measured: 2, q1: 2, q3: 2 });
});

test('the report has ratios and targets by pairs', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'kh-bench-report-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const rounds = (...pairs) => pairs.map(([own, beside], i) => ({ round: i + 1, cpu_us: own, p99_us: own * 100,
    ...(beside ? { beside: { cpu_us: beside, p99_us: beside * 100 } } : {}) }));
  const figures = (us) => ({ cpu_us: us, cpu_us_low: us, cpu_us_high: us, cpu_us_of: {} });
  const group = { name: 'kept', title: 'Kept', about: 'About.', baseline: 'nginx', rows: [
    { name: 'nginx', ...figures(10), rounds: rounds([10], [20], [10]) },
    { name: 'Keyhole', ...figures(99), rounds: rounds([12, 10], [30, 20], [14, 10]) },
    { name: 'squid', failed: 'it is not | installed' },
  ], targets: ({ ratio, difference }) => [
    { what: 'CPU', at: 'most', target: 1.25, unit: '×', ...ratio('Keyhole', 'nginx', 'cpu_us') },
    { what: 'p99', at: 'most', target: 0.5, unit: 'ms', timed: true, ...difference('Keyhole', 'nginx', 'p99_us', 1000) },
    { what: 'nobody', at: 'least', target: 2, unit: '×', ...ratio('squid', 'Keyhole', 'cpu_us') },
  ] };
  const machine = { date: 'today', command: 'make bench', seconds: 1, rounds: 3, seconds_in_all: 1, cpu: 'one', cores: 2, memory_mib: 1, system: 'here',
    kernel: '6', pinned: 'pinned', load_average_at_start: 0, foreign_most: 0, foreign_warning: null, versions: {}, warnings: [] };
  assert.equal(write(directory, machine, [group]), 1);
  const text = readFileSync(join(directory, 'report.md'), 'utf8');
  assert.match(text, /\| CPU \| at most 1\.25 × \| 1\.40 × \(1\.30–1\.45\) \| \*\*missed\*\* \|/);
  assert.match(text, /\| p99 \| at most 0\.50 ms \| 0\.40 ms \(0\.30–0\.70\) \| met \|/);
  assert.match(text, /\| nobody \| at least 2\.00 × \|  \| not measured \|/);
  assert.match(text, /\| Keyhole \| 99\.0 \| 1\.40 \| 1\.30–1\.45 \| 99\.0–99\.0 \|/);
  assert.match(text, /\| nginx \| 10\.0 \| 1\.00 \|  \| 10\.0–10\.0 \|/);
  assert.match(text, /\| squid \| not measured: it is not \/ installed \|/);
  const { targets, groups } = JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8'));
  near(targets[0].measured, 1.4);
  near(targets[0].q3, 1.45);
  near(groups[0].rows[1].cpu_ratio, 1.4);
  assert.deepEqual(groups[0].rows[1].rounds[1], { round: 2, cpu_us: 30, p99_us: 3000, beside: { cpu_us: 20, p99_us: 2000 } });

  machine.warnings = ['Not quiet.'];
  write(directory, machine, [group]);
  assert.match(readFileSync(join(directory, 'report.md'), 'utf8'), /\| p99 .* \| not judged: the machine was not quiet \|/);
});
