// SPDX-License-Identifier: Apache-2.0
// The figures in other hands: promtool and Prometheus of Debian, the client library's parsers; thousands
// of requests by two workers, with kill -9 in between; and figures that are those of the audit log.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey, startBroker, unusedPort } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { ask, metricsTable, scrape, valueOf, watchedAt } from '../support/metrics.mjs';
import { environment, must, python, run, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const root = resolve(import.meta.dirname, '../..');
const promtool = process.env.PROMTOOL ?? '/usr/bin/promtool';
const prometheus = process.env.PROMETHEUS ?? '/usr/bin/prometheus';
const METRICS = 'metrics: [{address: "127.0.0.1:0"}]';
const key = realKey();
let upstream;

before(async () => {
  assert.ok(existsSync(promtool) && existsSync(prometheus), 'Debian\'s prometheus is not installed: tools/setup --all');
  upstream = await startUpstream(wholeFile, { key });
});

async function prepared(t, names = ['up']) {
  const broker = await startBroker(t, { config: `${METRICS}\nworkers: 2`, args: ['--no-discharger'] });
  for (const name of names)
    await broker.addCredential(name, { hosts: ['upstream.example'], secret: key, upstream,
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  return { broker, token: await broker.mint(names) };
}

const tool = async (args, options) => {
  const result = await run(promtool, args, options);
  assert.equal(result.status, 0, `promtool ${args.join(' ')}\n${result.stdout}${result.stderr}`);
  return result;
};

/** Every expression of the dashboard and of the alerts. */
function expressions() {
  const found = [];
  const walk = (value) => {
    if (Array.isArray(value)) value.forEach(walk);
    else if (value && typeof value === 'object')
      for (const [name, inner] of Object.entries(value)) {
        if (name === 'expr' && typeof inner === 'string') found.push(inner);
        else walk(inner);
      }
  };
  walk(JSON.parse(readFileSync(join(root, 'docs/grafana/keyhole.json'), 'utf8')));
  const rules = readFileSync(join(root, 'docs/grafana/alerts.yaml'), 'utf8');
  return [...found, ...[...rules.matchAll(/^ +expr: (.+)$/gm)].map((m) => m[1])];
}

describe('other readers', () => {
  test('promtool and the client library find no fault with either format', async (t) => {
    const { broker, token } = await prepared(t, ['up', 'other', 'none', 'a.b_c-d']);
    for (const name of ['up', 'other', 'none', 'a.b_c-d']) await broker.request(`/~${name}/x`, { token });
    await broker.request('/~up/x');
    const plain = (await ask(watchedAt(broker), '/metrics')).body.toString();
    const checked = await tool(['check', 'metrics'], { stdin: plain });
    assert.equal(checked.stdout + checked.stderr, '', 'nor advice');
    const open = (await ask(watchedAt(broker), '/metrics', { headers: { Accept: 'application/openmetrics-text; version=1.0.0' } })).body.toString();
    for (const [module, text] of [['prometheus_client.openmetrics.parser', open], ['prometheus_client.parser', plain]]) {
      const { stdout } = await must(python, ['-c', `import sys, ${module}\nprint(len(list(${module}.text_string_to_metric_families(sys.stdin.read()))))`], { stdin: text });
      assert.equal(Number(stdout), metricsTable().length, module);
    }
  });

  test('the alerts are rules, and the dashboard asks for figures that there are', async () => {
    await tool(['check', 'rules', '--lint=all', '--lint-fatal', join(root, 'docs/grafana/alerts.yaml')]);
    const names = new Set([...metricsTable().flatMap((row) => row.samples), 'up']);
    for (const expression of expressions())
      for (const [name] of expression.matchAll(/\b(?:keyhole|process)_\w+\b/g)) assert.ok(names.has(name), `${name} in: ${expression}`);
  });

  test('each histogram adds up', async (t) => {
    const { broker, token } = await prepared(t);
    for (let i = 0; i < 50; i++) await broker.request('/~up/x', { token });
    const { samples } = await scrape(broker);
    for (const row of metricsTable().filter((r) => r.type === 'HISTOGRAM')) {
      const [bucket, sum, count] = row.samples;
      const series = new Map();
      for (const s of samples.filter((x) => x.name === bucket)) {
        const of = s.labels.credential ?? '';
        series.set(of, [...(series.get(of) ?? []), s]);
      }
      assert.ok(series.size > 0, row.name);
      for (const [credential, buckets] of series) {
        const labels = credential ? { credential } : {};
        const values = buckets.map((b) => b.value), bounds = buckets.map((b) => Number(b.labels.le.replace('+Inf', 'Infinity')));
        assert.deepEqual(values, values.toSorted((a, b) => a - b), row.name);
        assert.deepEqual(bounds, bounds.toSorted((a, b) => a - b), row.name);
        assert.equal(values.at(-1), valueOf({ samples }, count, labels), row.name);
        const per = values.map((v, i) => v - (values[i - 1] ?? 0)), total = valueOf({ samples }, sum, labels);
        const least = per.reduce((all, n, i) => all + n * (bounds[i - 1] ?? 0), 0);
        assert.ok(total >= least, `${row.name}: ${total} of at least ${least}`);
      }
    }
  });

  test('Prometheus takes them, and its rules see them', async (t) => {
    const { broker, token } = await prepared(t);
    for (let i = 0; i < 5; i++) assert.equal((await broker.request('/~up/x', { token })).status, 200);
    const at = watchedAt(broker), directory = temporaryDirectory(t), port = await unusedPort();
    writeFileSync(join(directory, 'prometheus.yml'), `global: {scrape_interval: 500ms, evaluation_interval: 500ms}
rule_files: [${join(root, 'docs/grafana/alerts.yaml')}]
scrape_configs:
  - job_name: keyhole
    static_configs: [{targets: ["${at.host}:${at.port}"]}]
`);
    await tool(['check', 'config', join(directory, 'prometheus.yml')]);
    let log = '';
    const child = spawn(prometheus, [`--config.file=${directory}/prometheus.yml`, `--storage.tsdb.path=${directory}/data`,
      `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'], { env: environment(), cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (data) => { log += data; });
    const ended = new Promise((done) => { child.on('close', done); });
    t.after(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    const api = async (path) => (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()).data;
    const query = async (text) => (await api(`query?query=${encodeURIComponent(text)}`).catch(() => null))?.result ?? [];
    const target = await until('it has scraped', async () => {
      const [one] = (await api('targets').catch(() => null))?.activeTargets ?? [];
      return one && one.health !== 'unknown' && one;
    });
    assert.deepEqual([target.health, target.lastError], ['up', ''], log);
    const [decisions] = await until('a figure is there', async () => {
      const result = await query('keyhole_decisions_total{credential="up",code="allowed"}');
      return result.length > 0 && result;
    });
    assert.equal(decisions.value[1], '5');
    await until('rules are evaluated', async () => {
      const { groups } = await api('rules');
      return groups.length > 0 && groups[0].rules.every((r) => r.health === 'ok');
    });
    const { groups } = await api('rules');
    // One that may fire is one of a broker that idles: none.
    assert.deepEqual(groups[0].rules.filter((r) => r.state === 'firing').map((r) => r.name), []);
    // What the dashboard asks is answered.
    for (const expression of expressions()) {
      const text = expression.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '1m').replaceAll(/\$(instance|credential)\b/g, '.*');
      const answer = await (await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`)).json();
      assert.equal(answer.status, 'success', `${text}: ${answer.error}`);
    }
    assert.doesNotMatch(log, /duplicate|out of order|level=error/i);
  });
});

describe('under load', () => {
  const count = (records, credential, code) => records.filter((r) => (r.credential ?? 'none') === credential && (r.reason ?? 'allowed') === code).length;

  /** What the figures say and what the audit log says, decision for decision. */
  function assertEqual(figures, records, known) {
    const expected = new Map();
    for (const r of records) {
      const series = `${known.includes(r.credential) ? r.credential : 'none'} ${r.decision === 'allow' ? 'allowed' : r.reason}`;
      expected.set(series, (expected.get(series) ?? 0) + 1);
    }
    const got = new Map(figures.samples.filter((s) => s.name === 'keyhole_decisions_total' && s.value > 0).map((s) => [`${s.labels.credential} ${s.labels.code}`, s.value]));
    assert.deepEqual([...got].toSorted(), [...expected].toSorted());
  }

  test('two workers, ten thousand requests, names that are made up: exact, and bounded', async (t) => {
    const { broker, token } = await prepared(t, ['up', 'two']);
    const narrowed = await broker.attenuate(token, '--method', 'PUT');
    const kinds = [['/~up/x', { token }], ['/~two/x', { token }], ['/~up/x', {}], ['/~two/x', { token: narrowed }], ['/~up/x', { token: 'kh1_x' }]];
    let next = 0;
    const total = 10000;
    await Promise.all(Array.from({ length: 16 }, async () => {
      for (let i = next++; i < total; i = next++) {
        const [path, options] = i % 6 === 5 ? [`/~made-up-${i}/x`, { token }] : kinds[i % 6];
        await broker.request(path, options);
      }
    }));
    const figures = await until('all is finished', async () => {
      const now = await scrape(broker);
      return valueOf(now, 'keyhole_requests_running') === 0 && now;
    });
    const records = broker.decisions();
    assert.equal(records.length, total);
    assertEqual(figures, records, ['up', 'two']);
    const allowed = count(records.filter((r) => r.decision === 'allow'), 'up', 'allowed') + count(records.filter((r) => r.decision === 'allow'), 'two', 'allowed');
    assert.equal(valueOf(figures, 'keyhole_request_duration_seconds_count'), allowed);
    assert.equal(valueOf(figures, 'keyhole_decision_duration_seconds_count'), total);
    assert.equal(valueOf(figures, 'keyhole_upstream_responses_total', { class: '2xx' }), allowed);
    const size = (await ask(watchedAt(broker), '/metrics')).body.length;
    assert.ok(size < 40000, `${size} bytes: made-up names cost nothing`);
  });

  test('kill -9 of proxy and authority under load: nothing goes back, and decisions are those on record', async (t) => {
    const { broker, token } = await prepared(t);
    let over = false, before = 0;
    const load = Promise.all(Array.from({ length: 4 }, async () => {
      while (!over) await broker.request('/~up/x', { token }).catch(() => {});
    }));
    for (const role of ['proxy', 'authority', 'proxy', 'authority']) {
      await until('some were decided', async () => valueOf(await scrape(broker).catch(() => ({ samples: [] })), 'keyhole_decisions_total') > before + 100);
      const { pid, restarts } = await broker.process(role);
      process.kill(pid, 'SIGKILL');
      const now = await until(`another ${role} serves`, async () => {
        const there = await broker.process(role).catch(() => null);
        if (!there?.running || there.restarts <= restarts) return false;
        return scrape(broker).catch(() => false);
      });
      const decided = valueOf(now, 'keyhole_decisions_total');
      assert.ok(decided >= before, `${decided} after ${before}`);
      before = decided;
    }
    over = true;
    await load;
    const figures = await until('all is finished', async () => {
      const now = await scrape(broker);
      return valueOf(now, 'keyhole_requests_running') === 0 && valueOf(now, 'keyhole_questions_open') === 0 && now;
    });
    // What an authority had written when it died and not counted: at most one batch for each time.
    const decided = valueOf(figures, 'keyhole_decisions_total'), recorded = broker.decisions().length;
    assert.ok(decided <= recorded && recorded - decided <= 2 * 64, `${decided} counted, ${recorded} on record`);
    assert.equal(valueOf(figures, 'keyhole_process_restarts_total', { process: 'authority' }), 2);
    await broker.operator(['audit', 'verify']);
  });

  test('kill -9 of the supervisor: all begins at 0 again, and only then', async (t) => {
    const { broker, token } = await prepared(t);
    for (let i = 0; i < 3; i++) await broker.request('/~up/x', { token });
    await broker.kill();
    await broker.start();
    assert.equal(valueOf(await scrape(broker), 'keyhole_decisions_total'), 0);
    await broker.request('/~up/x', { token });
    assert.equal(valueOf(await scrape(broker), 'keyhole_decisions_total', { credential: 'up', code: 'allowed' }), 1);
  });
});
