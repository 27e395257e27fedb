// SPDX-License-Identifier: Apache-2.0
// Everything at once, for a while: `make soak MINUTES=20`. Clients of every way in with tokens of
// every kind, slow ones among them; mints, revocations, rotations, policies, reloads; proxies, the
// authority and the discharger killed now and then. At the end every answer that a client got is on
// record, the log verifies, and memory and descriptors are where they were after the warm-up.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { realKey, startBroker } from '../support/broker.mjs';
import { addCaveats, forge } from '../support/macaroon.mjs';
import { RawClient } from '../support/raw.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';
import { Random } from './random.mjs';

const MINUTES = Number(process.env.MINUTES || 20);
const SEED = Number(process.env.KEYHOLE_TEST_SEED || Date.now() % 1e9);
const CLIENTS = 12, SLOW_CLIENTS = 6;
// What idle may differ from idle: caches fill (verified chains, TLS sessions), heaps keep pages.
const MEMORY_FACTOR = 1.3, MEMORY_SLACK_KB = 12 * 1024, DESCRIPTOR_SLACK = 4;

const random = new Random(SEED);
const CONFIG = (head) => `workers: 2
timeouts:\n  head: ${head}\n  idle: 2s\n  body: 2s\n  pool-idle: 500ms\n  first-byte: 5s\n`;
const POLICY = (extra) => `version: 1
grants:
  - name: all
    to: [user operator, user alice, user bob]
    credentials: [up, other]
forbid:
  - name: no-deletes
    when: [method = DELETE]
${extra}`;

let over = false, killing = true, reported = 0;
const answers = []; // { id, status, path }
const counts = {};
const note = (what) => { counts[what] = (counts[what] ?? 0) + 1; };

async function world(t) {
  const upstream = await startUpstream(t, { accepts: () => true });
  upstream.route('/big', (received, res) => res.end('x'.repeat(300000)));
  upstream.route('/events', (received, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    let n = 0;
    const timer = setInterval(() => {
      res.write(`data: ${n++}\n\n`);
      if (n === 5) {
        clearInterval(timer);
        res.end();
      }
    }, 20);
    res.on('close', () => clearInterval(timer));
  });
  const broker = await startBroker(t, { config: CONFIG('2s') });
  for (const [name, host] of [['up', 'upstream.example'], ['other', 'other.example']])
    await broker.addCredential(name, { secret: realKey(), upstream, hosts: [host],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  await broker.operator(['policy', 'apply', '-'], { stdin: POLICY('') });
  return { broker, upstream };
}

/** Tokens by kind: `may` says whether 200 is right, `left` how often. */
class Tokens {
  constructor(broker) {
    this.broker = broker;
    this.list = [];
  }

  async make(kind) {
    const { broker } = this;
    const mint = (...caveats) => broker.mint('up', { caveats });
    const token = { kind, may: true, given: 0, limit: Infinity };
    if (kind === 'plain') token.text = await mint();
    if (kind === 'user') token.text = await broker.mint('up', { user: random.of(['alice', 'bob']) });
    if (kind === 'narrow') token.text = addCaveats(await mint(), 'method in GET, POST', `label = n${random.below(9)}`);
    if (kind === 'counted') Object.assign(token, { text: await mint('uses <= 50'), limit: 50 });
    if (kind === 'rated') token.text = await mint('rate <= 20/s');
    if (kind === 'body') token.text = await mint('body[/model] = small or method = GET');
    if (kind === 'forged') Object.assign(token, { text: forge(await mint()), may: false });
    if (kind === 'never') Object.assign(token, { text: await mint('method = PATCH'), may: false });
    if (kind === 'hole') Object.assign(token, { text: await broker.mint('up', { args: ['--hole', 'factor = ssh for 1h'] }), may: false });
    this.list.push(token);
    return token;
  }

  pick() {
    return random.of(this.list);
  }

  async revoke() {
    const token = random.of(this.list.filter((x) => x.may));
    if (!token) return;
    if ((await this.broker.operator(['revoke', token.text], { may: true })).status !== 0) return;
    token.may = false;
    token.revoked = true;
  }
}
const KINDS = ['plain', 'user', 'narrow', 'counted', 'rated', 'body', 'forged', 'never', 'hole'];

// ---- clients ----

const path = () => random.of(['/a', '/b', '/big', '/events', `/n${random.below(1000)}`]);

/** One request by that way; what came back. `ca` for those who speak TLS. */
async function ask(broker, way, token, ca) {
  const target = path();
  const body = random.chance(0.3) ? JSON.stringify({ model: random.of(['small', 'large']) }) : '';
  const method = random.chance(0.05) ? 'DELETE' : body ? 'POST' : 'GET';
  const client = await RawClient.connect(broker.at(way === 'unix' ? 'unix' : 'tcp'));
  try {
    let at = `/~up${target}`, host = 'localhost';
    if (way === 'host') [at, host] = [target, 'upstream.example'];
    if (way === 'proxy') [at, host] = [`http://upstream.example${target}`, 'upstream.example'];
    if (way === 'connect') {
      client.write('CONNECT upstream.example:443 HTTP/1.1\r\nHost: upstream.example:443\r\n\r\n');
      const said = (await client.answer({ method: 'HEAD' }))?.status; // that has no body either
      if (said !== 200) return null;
      await client.startTls({ ca, servername: 'upstream.example' });
      [at, host] = [target, 'upstream.example'];
    }
    client.write(`${method} ${at} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
      `${body ? `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n` : ''}\r\n${body}`);
    const answer = await client.answer({ method });
    return answer && { ...answer, method, small: !body.includes('large') };
  } finally {
    client.destroy();
  }
}

async function client(broker, tokens, ca) {
  while (!over) {
    const token = tokens.pick(), may = token.may;
    const way = random.of(['base', 'base', 'unix', 'host', 'proxy', 'connect'].filter((w) => w !== 'unix' || broker.unix));
    const answer = await ask(broker, way, token.text, ca).catch(() => null);
    if (!answer) {
      note('no answer');
      await pause(20);
      continue;
    }
    note(`${way} ${answer.status}`);
    answers.push({ id: answer.headers['keyhole-request-id'], status: answer.status, text: answer.status >= 400 ? answer.text.slice(0, 200) : '' });
    if (answer.status !== 200) continue;
    token.given++;
    assert.ok(may, `a ${token.kind} token${token.revoked ? ', revoked,' : ''} was allowed`);
    assert.ok(token.given <= token.limit, `${token.given} uses of ${token.limit}`);
    assert.notEqual(answer.method, 'DELETE', 'a forbidden method was allowed');
    assert.ok(token.kind !== 'body' || answer.method === 'GET' || answer.small, 'a body was allowed that fails the caveat');
  }
}

async function slowClient(broker) {
  while (!over) {
    const c = await RawClient.connect(broker.at()).catch(() => null);
    if (!c) {
      await pause(100);
      continue;
    }
    const how = random.of(['head', 'body', 'silent']);
    if (how === 'head') c.write('GET /~up/x HTTP/1.1\r\nHost: loc');
    if (how === 'body') c.write('POST /~up/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nha');
    const answer = await c.answer().catch(() => null);
    note(`slow ${how} ${answer?.status ?? 'closed'}`);
    if (answer) assert.notEqual(answer.status, 200);
    c.destroy();
  }
}

// ---- the operator, and accidents ----

const kill = (pid) => {
  try {
    process.kill(pid, 'SIGKILL');
    note('kill');
  } catch {
    // it went by itself
  }
};

async function operator(broker, tokens) {
  const may = (args, options) => broker.operator(args, { may: true, ...options });
  const secret = () => {
    const s = realKey();
    broker.secrets.push(s);
    return `${s}\n`;
  };
  let n = 0;
  const acts = {
    mint: () => tokens.make(random.of(KINDS)),
    revoke: () => tokens.revoke(),
    rotate: () => may(['credential', 'rotate', 'other'], { stdin: secret() }),
    key: () => may(['key', 'rotate']),
    policy: () => may(['policy', 'apply', '-'], { stdin: POLICY(`  - name: n${n++}\n    when: [path = /forbidden-${n}]\n`) }),
    reload: () => {
      writeFileSync(broker.file('keyholed.yaml'), CONFIG(random.of(['1s', '2s'])), { mode: 0o600 });
      broker.reload();
    },
    kill: async () => {
      if (!killing || random.chance(0.8)) return;
      const status = await broker.status().catch(() => null);
      const victim = status && random.of(status.processes.filter((p) => p.running));
      if (victim && ['proxy', 'authority', 'discharger'].includes(victim.role)) kill(victim.pid);
    },
  };
  while (!over) {
    const name = random.of(['mint', 'mint', 'revoke', 'rotate', 'policy', 'reload', 'reload', 'kill', 'key']);
    if (name === 'key' && n % 5) continue;
    await Promise.resolve(acts[name]()).then(() => note(name), () => note(`${name} failed`));
    // What is minted takes the place of what is old: the list stays as long as it is.
    if (tokens.list.length > 60) tokens.list.shift();
    await pause(50 + random.below(200));
  }
}

// ---- what it holds ----

function held(broker) {
  const all = [{ pid: broker.pid, role: 'supervisor' }, ...broker.processes()];
  let kilobytes = 0, descriptors = 0;
  for (const { pid } of all) {
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
    descriptors += readdirSync(`/proc/${pid}/fd`).length;
  }
  return { kilobytes, descriptors, processes: all.length };
}

/** Nobody asks: until connections are over and every process runs. */
async function atRest(broker, token) {
  await until('the broker serves', async () => (await broker.request('/~up/rest', { token }).catch(() => null))?.status === 200, 60000);
  let last = null;
  return until('nothing changes any more', async () => {
    await pause(3000); // idle connections and the pool have limits of 2 s and less
    let now;
    try {
      now = held(broker);
    } catch {
      return null; // one of them has just ended
    }
    const still = last && now.descriptors === last.descriptors && now.processes === last.processes;
    last = now;
    return still ? now : null;
  }, 120000);
}

async function during(broker, tokens, ca, milliseconds) {
  over = false;
  const parts = [operator(broker, tokens), ...Array.from({ length: CLIENTS }, () => client(broker, tokens, ca)),
    ...Array.from({ length: SLOW_CLIENTS }, () => slowClient(broker))];
  const failure = Promise.all(parts);
  failure.catch(() => { over = true; });
  const end = Date.now() + milliseconds;
  while (!over && Date.now() < end) {
    await pause(200);
    killing = Date.now() < end - milliseconds / 5; // the last fifth is for those who live long
    if (Math.floor((end - Date.now()) / 60000) !== reported && Date.now() < end) {
      reported = Math.floor((end - Date.now()) / 60000);
      process.stderr.write(`soak: ${reported} min left, ${answers.length} answers, ${counts.kill ?? 0} kills\n`);
    }
  }
  over = true;
  await failure;
}

/** Each answer's record, and what may have none: said before there was anybody to ask. */
function accountFor(broker) {
  const records = new Map();
  for (const r of broker.audit().filter((x) => x.id)) records.set(r.id, [...(records.get(r.id) ?? []), r]);
  const unrecorded = /broker-(busy|unavailable)/;
  for (const { id, status, text } of answers) {
    const those = records.get(id) ?? [];
    const said = `an answer of ${status}, ${id}, ${text}: ${JSON.stringify(those)}`;
    const code = /"code": ?"([a-z-]+)"/.exec(text)?.[1];
    if (status === 200) assert.ok(those.some((r) => r.decision === 'allow'), said);
    else if (those.length === 0) assert.match(text, unrecorded, said);
    // By a decision, or by the outcome of one that was judged again while it ran.
    else if (status === 401 || status === 403 || status === 429) assert.ok(those.some((r) => r.reason === code), said);
  }
}

test(`${MINUTES} minutes of everything, seed ${SEED}`, { timeout: MINUTES * 60000 + 600000 }, async (t) => {
  process.stderr.write(`soak: ${MINUTES} minutes, KEYHOLE_TEST_SEED=${SEED}\n`);
  const { broker, upstream } = await world(t);
  const ca = (await broker.operator(['ca', 'show'])).stdout;
  const tokens = new Tokens(broker);
  for (const kind of KINDS) for (let i = 0; i < 3; i++) await tokens.make(kind);
  const own = await broker.mint('up');
  const total = MINUTES * 60000;
  await during(broker, tokens, ca, total / 5);
  const first = await atRest(broker, own);
  await during(broker, tokens, ca, total * 4 / 5);
  const last = await atRest(broker, own);
  process.stderr.write(`soak: ${JSON.stringify({ first, last, counts })}\n`);
  accountFor(broker);
  await broker.operator(['audit', 'verify']);
  const allowed = new Set(broker.decisions().filter((r) => r.decision === 'allow').map((r) => r.path));
  for (const r of upstream.requests) assert.ok(allowed.has(r.url), `${r.url} was forwarded without a record`);
  assert.ok(answers.filter((a) => a.status === 200).length > 100, 'it served');
  assert.equal(last.processes, first.processes);
  assert.ok(last.descriptors <= first.descriptors + DESCRIPTOR_SLACK, `descriptors: ${first.descriptors}, then ${last.descriptors}`);
  assert.ok(last.kilobytes <= first.kilobytes * MEMORY_FACTOR + MEMORY_SLACK_KB, `PSS: ${first.kilobytes} KiB, then ${last.kilobytes}`);
});
