// SPDX-License-Identifier: Apache-2.0
// Comparing in pairs. The host's speed changes within seconds and by more than what is looked for, so that two
// figures can be compared when they were measured next to each other, and hardly otherwise.

/** The value below which the part `q` of them lies, between two of them where none is at the place. */
export function quantile(values, q) {
  const sorted = values.filter((v) => v !== undefined && v !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const place = (sorted.length - 1) * q, below = Math.floor(place);
  const above = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (above - sorted[below]) * (place - below);
}

export const median = (values) => quantile(values, 0.5);

/** "new: nginx" is compared with what else is "new: ". */
const kindOf = (name) => /^[^:]+: /.exec(name)?.[0] ?? '';

/** What a contestant or a row of this name is compared with among them: the baseline of its kind. */
export const baselineOf = (all, baseline, name) => all.find((c) => c.name === kindOf(name) + baseline);

/** A round: in each kind the baseline, and again after each of the others. */
export function inTurn(contestants, baseline) {
  const round = [];
  for (const kind of new Set(contestants.map((c) => kindOf(c.name)))) {
    const own = contestants.filter((c) => kindOf(c.name) === kind);
    const base = baselineOf(own, baseline, kind);
    if (base) round.push(base);
    for (const c of own)
      if (c !== base) round.push(c, ...(base ? [base] : []));
  }
  return round;
}

const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** The mean of each figure that samples have. */
function meanOf(samples) {
  const found = {};
  for (const [field, value] of Object.entries(samples[0]))
    if (typeof value === 'number') found[field] = mean(samples.map((s) => s[field]));
  return found;
}

/** One round as it was measured, `[{ contestant, sample }]` in order and without a sample where there is none, as
 * `[{ contestant, sample, beside }]` with one entry a contestant: `beside` is the mean of what the baseline needed
 * directly before and after, and is absent for the baseline itself. */
export function pairsOf(measured, baseline) {
  const pairs = new Map();
  for (const [i, { contestant, sample }] of measured.entries()) {
    if (!sample) continue;
    const base = baselineOf(measured.map((m) => m.contestant), baseline, contestant.name);
    if (contestant === base) {
      const all = measured.filter((m) => m.contestant === base && m.sample).map((m) => m.sample);
      pairs.set(base, { contestant, sample: meanOf(all) });
    } else {
      const next = [measured[i - 1], measured[i + 1]].filter((m) => base && m?.contestant === base && m.sample);
      pairs.set(contestant, { contestant, sample, beside: next.length > 0 ? meanOf(next.map((m) => m.sample)) : null });
    }
  }
  return [...pairs.values()];
}

/** What all rounds together say: median and quartiles. Nothing, if no round says something. */
function over(values) {
  return values.length > 0 ? { measured: median(values), q1: quantile(values, 0.25), q3: quantile(values, 0.75) } : {};
}

// A figure of one round against the baseline that was next to it. The baseline itself has nothing beside it.
const relative = (round, field) => (round.beside === undefined ? 1 : round[field] / round.beside?.[field]);
const above = (round, field) => (round.beside === undefined ? 0 : round[field] - round.beside?.[field]);

/** Two rows, compared in each round that both have. */
function compare(a, b, field, own, put) {
  const found = [];
  for (const round of a?.rounds ?? []) {
    const other = b?.rounds.find((r) => r.round === round.round);
    const value = other ? put(own(round, field), own(other, field)) : NaN;
    if (Number.isFinite(value)) found.push(value);
  }
  return over(found);
}

/** How many times the figure of `b` that of `a` is: `{ measured, q1, q3 }`. */
export const pairedRatio = (a, b, field) => compare(a, b, field, relative, (x, y) => x / y);

/** By how much the figure of `a` is above that of `b`: `{ measured, q1, q3 }`. */
export const pairedDifference = (a, b, field) => compare(a, b, field, above, (x, y) => x - y);
