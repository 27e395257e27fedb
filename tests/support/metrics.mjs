// SPDX-License-Identifier: Apache-2.0
// Reading what a broker says of itself: the exposition formats, strictly, and the table they come from.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { exchange } from './raw.mjs';

const ROOT = new URL('../../', import.meta.url);

/** The rows of schema/metrics.def. */
export function metricsTable() {
  const text = readFileSync(new URL('schema/metrics.def', ROOT), 'utf8').replaceAll(/"\s*\n\s*"/g, '');
  const rows = [...text.matchAll(/^KH_METRIC\((\w+), "(\w+)", (\w+), (\w+), (\w+),\s+"([^"]*)",\s+"((?:[^"\\]|\\.)*)"\)/gm)];
  assert.equal(rows.length, (text.match(/^KH_METRIC\(/gm) ?? []).length, 'every row of the table is read');
  return rows.map(([, id, name, type, unit, writer, labels, help]) => ({
    id, name, type, unit, writer, labels: labels.split(' ').filter(Boolean), help,
    samples: { COUNTER: [`${name}_total`], GAUGE: [name], INFO: [`${name}_info`],
      HISTOGRAM: [`${name}_bucket`, `${name}_sum`, `${name}_count`] }[type],
  }));
}

function readLabels(text, line) {
  const labels = {};
  let rest = text;
  while (rest !== '') {
    const pair = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    assert.ok(pair, `labels of: ${line}`);
    assert.ok(!(pair[1] in labels), `a label twice: ${line}`);
    labels[pair[1]] = pair[2].replaceAll(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
    rest = rest.slice(pair[0].length);
  }
  return labels;
}

/** Every sample, each line and each family checked: HELP and TYPE once and first, no series twice. */
export function parseMetrics(text, { openmetrics = false } = {}) {
  assert.ok(text.endsWith('\n'), 'the last line ends');
  const lines = text.slice(0, -1).split('\n');
  if (openmetrics) assert.equal(lines.pop(), '# EOF');
  const families = new Map(), samples = [], seen = new Set();
  let family;
  for (const line of lines) {
    const comment = /^# (HELP|TYPE|UNIT) (\w+) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name, value] = comment;
      if (kind === 'HELP') {
        assert.ok(!families.has(name), `a family twice: ${name}`);
        family = { name, help: value };
        families.set(name, family);
      } else {
        assert.equal(name, family.name, line);
        family[kind.toLowerCase()] = value;
        if (kind === 'UNIT') assert.ok(openmetrics && name.endsWith(`_${value}`), line);
      }
      continue;
    }
    const sample = /^(\w+)(?:\{(.*)\})? (\d+(?:\.\d+)?)$/.exec(line);
    assert.ok(sample, `a sample: ${JSON.stringify(line)}`);
    const [, name, labels, value] = sample;
    assert.ok(family?.type && name.startsWith(family.name.replace(/_(total|info)$/, '')), `its family first: ${line}`);
    const series = `${name}{${labels ?? ''}}`;
    assert.ok(!seen.has(series), `a series twice: ${series}`);
    seen.add(series);
    samples.push({ name, labels: readLabels(labels ?? '', line), value: Number(value) });
  }
  return { families, samples };
}

/** The value of one series; 0 when it is not there. */
export function valueOf({ samples }, name, labels = {}) {
  const wanted = Object.entries(labels);
  return samples.filter((s) => s.name === name && wanted.every(([k, v]) => s.labels[k] === v))
    .reduce((sum, s) => sum + s.value, 0);
}

/** One GET on a connection of its own. */
export async function ask(at, path, { method = 'GET', headers = {} } = {}) {
  const fields = { Host: '127.0.0.1', Connection: 'close', ...headers };
  const head = Object.entries(fields).filter(([, v]) => v !== undefined).map(([n, v]) => `${n}: ${v}\r\n`).join('');
  const [answer] = await exchange(at, Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`), { methods: [method] });
  return answer;
}

/** Where a broker is watched, from its ready line. */
export function watchedAt(broker) {
  const [, name] = broker.ready.find(([word]) => word === 'metrics') ?? [];
  assert.ok(name, 'the ready line says where metrics are');
  return name.startsWith('/') ? { path: name } : { host: name.slice(0, name.lastIndexOf(':')), port: Number(name.split(':').pop()) };
}

export async function scrape(broker) {
  const answer = await ask(watchedAt(broker), '/metrics');
  assert.equal(answer.status, 200, answer.body?.toString());
  return parseMetrics(answer.body.toString());
}
