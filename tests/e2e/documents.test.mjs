// SPDX-License-Identifier: Apache-2.0
// Pages that are made from tables are what the tables say.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';

import { metricsTable } from '../support/metrics.mjs';
import { python, run } from '../support/programs.mjs';

test('the tables of docs/man are made from schema/', async () => {
  const result = await run(python, [resolve(import.meta.dirname, '../../tools/manuals-doc'), '--check']);
  assert.equal(result.status, 0, result.stderr);
});

test('docs/presets is made from schema/presets.def', async () => {
  const result = await run(python, [resolve(import.meta.dirname, '../../tools/presets-doc'), '--check']);
  assert.equal(result.status, 0, result.stderr);
});

test('docs/METRICS.md is made from schema/metrics.def', async () => {
  const result = await run(resolve(import.meta.dirname, '../../tools/metrics-doc'), ['--check']);
  assert.equal(result.status, 0, result.stdout + result.stderr);
});

/** Names of samples in an expression, each with the labels that it is asked for or grouped by. */
function namesIn(expression) {
  return [...expression.matchAll(/\b((?:keyhole|process)_\w+)(?:\{([^}]*)\})?/g)].map(([, name, matchers]) =>
    ({ name, labels: [...(matchers ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((m) => m[1]) }));
}

function checkExpression(expression, table) {
  const found = namesIn(expression);
  assert.ok(found.length > 0, `a figure in: ${expression}`);
  const known = new Set(['instance', 'job', 'le']);
  for (const { name, labels } of found) {
    const row = table.find((r) => r.samples.includes(name));
    assert.ok(row, `${name} is no figure of schema/metrics.def: ${expression}`);
    for (const label of row.labels) known.add(label);
    for (const label of labels)
      assert.ok(row.labels.includes(label) || label === 'instance' || label === 'job', `${name} has no label ${label}: ${expression}`);
  }
  for (const [, list] of expression.matchAll(/\bby\s*\(([^)]*)\)/g))
    for (const label of list.split(',').map((l) => l.trim())) assert.ok(known.has(label), `by ${label}: ${expression}`);
}

test('the dashboard asks for figures and labels that there are', () => {
  const table = metricsTable();
  const dashboard = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../docs/grafana/keyhole.json'), 'utf8'));
  const asked = dashboard.panels.flatMap((p) => p.targets ?? []).map((t) => t.expr);
  assert.ok(asked.length > 30);
  for (const expression of asked) checkExpression(expression, table);
  assert.equal(new Set(dashboard.panels.map((p) => p.id)).size, dashboard.panels.length, 'ids of panels');
  for (const { gridPos } of dashboard.panels) assert.ok(gridPos.x + gridPos.w <= 24 && gridPos.h > 0);
  const shown = new Set(asked.flatMap((e) => namesIn(e).map((n) => n.name)));
  const left = table.filter((r) => !r.samples.some((s) => shown.has(s))).map((r) => r.name);
  assert.deepEqual(left.filter((n) => !/^process_(virtual|start)|process_up|audit_(records|synced)|unsynced_bytes|database|reloads|loaded/.test(n)), [], 'what has no panel');
});

test('the alerts ask for figures and labels that there are', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../docs/grafana/alerts.yaml'), 'utf8');
  const asked = [...text.matchAll(/^ +expr: (.+)$/gm)].map((m) => m[1]);
  assert.equal(asked.length, (text.match(/- alert: /g) ?? []).length);
  for (const expression of asked) checkExpression(expression, metricsTable());
});
