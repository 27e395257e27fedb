// SPDX-License-Identifier: Apache-2.0
// Everything at once, for a while: `make soak MINUTES=20`. Clients of every way in with tokens of
// every kind (holes that were filled among them), gateways, WebSockets, events, tunnels, slow clients;
// an operator who changes everything that can be changed; processes that are killed, the supervisor as
// well. At the end every answer that a client got is on record (account.mjs), the log verifies, and
// memory and descriptors are where they were after the warm-up.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { realKey, startBroker, unusedPort } from '../support/broker.mjs';
import { socketGateway } from '../support/gateway.mjs';
import { person } from '../support/holes.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';
import { accountFor, accountForwarded, accountTunnels } from './account.mjs';
import { PASSED, WAYS, ask, slow } from './clients.mjs';
import { Operator, POLICY } from './operator.mjs';
import { Random } from './random.mjs';
import { KINDS, Tokens } from './tokens.mjs';

const MINUTES = Number(process.env.MINUTES || 20);
const SEED = Number(process.env.KEYHOLE_TEST_SEED || Date.now() % 1e9);
const CLIENTS = 12, SLOW_CLIENTS = 6;
// What idle may differ from idle: caches fill (verified chains, TLS sessions), heaps keep pages.
const MEMORY_FACTOR = 1.3, MEMORY_SLACK_KB = 12 * 1024, DESCRIPTOR_SLACK = 4;

const random = new Random(SEED);
const counts = {};
const note = (what) => { counts[what] = (counts[what] ?? 0) + 1; };
let over = false, killing = true, reported = -1, serial = 0;

// ---- the world ----

function serveEvents(res) {
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
}

function serve(received, res) {
  if (received.url.startsWith('/big/')) res.end('x'.repeat(300000));
  else if (received.url.startsWith('/events/')) serveEvents(res);
  else if (received.url.startsWith('/slow/')) setTimeout(() => res.end('late'), 400); // may be refused meanwhile
  else res.end('{"ok":true}');
}

/** One frame back for whatever comes. */
function serveWebSocket(upstream) {
  upstream.server.on('upgrade', (req, socket) => {
    upstream.requests.push({ method: req.method, url: req.url });
    const accept = createHash('sha1').update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.on('error', () => {});
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on('data', () => socket.write(Buffer.from('810568656c6c6f', 'hex')));
  });
}

async function world(t) {
  const upstream = await startUpstream(t, { accepts: () => true, fallback: serve });
  serveWebSocket(upstream);
  const passed = await startUpstream(t, { accepts: () => true, hosts: [PASSED],
    fallback: (received, res) => { res.writeHead(200, { 'x-passed': 'yes' }); res.end('through'); } });
  const gateway = socketGateway(t);
  const [port, filling] = [await unusedPort(), await unusedPort()]; // the same ones after a start
  const config = (head) => `workers: 2
discharger:\n  attestation: optional\n  listen:\n    - address: 127.0.0.1:${filling}
timeouts:\n  head: ${head}\n  idle: 2s\n  body: 2s\n  pool-idle: 500ms\n  first-byte: 5s
login: {per-client: 100000, total: 100000}
${gateway.config}
pass-through:
  - host: ${PASSED}
    resolve: ["${PASSED}:443:127.0.0.1:${passed.port}"]
    allow-networks: [127.0.0.0/8]
`;
  const broker = await startBroker(t, { listen: `127.0.0.1:${port}`, config: config('2s') });
  broker.gatewaySocket = gateway.socket;
  for (const [name, host] of [['up', 'upstream.example'], ['other', 'other.example']])
    await broker.addCredential(name, { secret: realKey(), upstream, hosts: [host],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  await broker.operator(['policy', 'apply', '-'], { stdin: POLICY('') });
  const alice = await person(t, broker, 'alice');
  await alice.enroll('--ssh', await alice.sshKey());
  await alice.plug();
  await alice.enroll();
  return { broker, upstream, passed, alice, config };
}

// ---- clients ----

const path = () => `${random.of(['/a', '/a', '/a', '/slow', '/big', '/events'])}/${++serial}`;

function judge(token, may, request, answer) {
  if (![200, 101].includes(answer.status) || ['index', 'login', 'revoke'].includes(answer.way)) return;
  if (answer.way === 'environment' && token.kind === 'never') return; // what it would be for, it may know
  assert.ok(may, `a ${token.kind} token${token.revoked ? ', revoked,' : ''} was allowed: ${JSON.stringify(answer)}`);
  if (answer.way === 'environment') return; // nothing is counted
  token.given++;
  assert.ok(token.given <= token.limit, `${token.given} uses of ${token.limit}`);
  if (answer.way === 'pass') return; // what is said inside is not looked at
  assert.notEqual(answer.method, 'DELETE', 'a forbidden method was allowed');
  assert.ok(token.kind !== 'body' || answer.method === 'GET' || !request.body.includes('large'), 'a body was allowed that fails the caveat');
}

async function client({ broker, tokens, answers, ca, upstreamCa }) {
  while (!over) {
    const token = tokens.pick(), may = token.may, way = random.of(WAYS);
    if (way === 'revoke' && random.chance(0.99)) continue;
    const plain = way === 'websocket' || way === 'check';
    const body = !plain && random.chance(0.3) ? JSON.stringify({ model: random.of(['small', 'large']) }) : '';
    const request = { token: token.text, path: path(), body, ca, upstreamCa, login: JSON.stringify({ user: 'alice', credentials: ['up'] }),
      method: plain ? 'GET' : random.chance(0.05) ? 'DELETE' : body ? 'POST' : 'GET' };
    if (way === 'revoke') {
      token.may = false; // whatever comes back
      token.revoked = true;
    }
    const answer = await ask(broker, way, request).catch((error) => note(`${way} ${error.name === 'BadAnswer' ? error.message : 'no answer'}`));
    if (!answer) {
      await pause(20);
      continue;
    }
    note(`${way} ${answer.status}`);
    answers.push(answer);
    judge(token, may && !(way === 'revoke'), request, answer);
  }
}

async function slowClient({ broker, answers }) {
  while (!over) {
    const how = random.of(['head', 'body', 'silent']), asked = Date.now();
    const answer = await slow(broker, how).catch(() => null);
    note(`slow ${how} ${answer?.status ?? 'closed'}`);
    if (!answer) await pause(100);
    else answers.push({ way: 'slow', asked, heard: Date.now(), status: answer.status, id: answer.headers['keyhole-request-id'],
      code: JSON.parse(answer.text).code, text: answer.text.slice(0, 200) });
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
  await until('the broker serves', async () => (await broker.request('/~up/a/rest', { token }).catch(() => null))?.status === 200, 60000);
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

async function during(soak, milliseconds) {
  over = false;
  const parts = [new Operator(soak).work(() => over, () => killing), ...Array.from({ length: CLIENTS }, () => client(soak)),
    ...Array.from({ length: SLOW_CLIENTS }, () => slowClient(soak))];
  const all = Promise.all(parts);
  all.catch(() => { over = true; });
  const end = Date.now() + milliseconds;
  while (!over && Date.now() < end) {
    await pause(200);
    killing = Date.now() < end - milliseconds / 5; // the last fifth is for those who live long
    const left = Math.floor((end - Date.now()) / 60000);
    if (left !== reported && Date.now() < end) {
      reported = left;
      process.stderr.write(`soak: ${left} min left, ${soak.answers.length} answers, ${soak.accidents.length} accidents\n`);
    }
  }
  over = true;
  await all;
}

test(`${MINUTES} minutes of everything, seed ${SEED}`, { timeout: MINUTES * 60000 + 600000 }, async (t) => {
  process.stderr.write(`soak: ${MINUTES} minutes, KEYHOLE_TEST_SEED=${SEED}\n`);
  const { broker, upstream, passed, alice, config } = await world(t);
  const soak = { broker, random, note, config, answers: [], accidents: [], tokens: new Tokens(broker, random, alice),
    ca: (await broker.operator(['ca', 'show'])).stdout, upstreamCa: readFileSync(upstream.ca) };
  for (const kind of KINDS) for (let i = 0; i < 3; i++) await soak.tokens.make(kind);
  const own = await broker.mint('up');
  const total = MINUTES * 60000;
  await during(soak, total / 5);
  const first = await atRest(broker, own);
  await during(soak, total * 4 / 5);
  const last = await atRest(broker, own);
  process.stderr.write(`soak: ${JSON.stringify({ first, last, counts })}\n`);
  const audit = broker.audit();
  process.stderr.write(`soak: ${JSON.stringify(accountFor(audit, soak.answers, soak.accidents))}\n`);
  accountForwarded(audit, upstream.requests);
  accountTunnels(audit, soak.answers, PASSED);
  assert.ok(passed.requests.length > 0);
  await broker.operator(['audit', 'verify']);
  for (const way of WAYS.filter((w) => !['nobody', 'garbage'].includes(w)))
    assert.ok(soak.answers.some((a) => a.way === way && [200, 101].includes(a.status)), `nothing was served by way of ${way}`);
  assert.equal(last.processes, first.processes);
  assert.ok(last.descriptors <= first.descriptors + DESCRIPTOR_SLACK, `descriptors: ${first.descriptors}, then ${last.descriptors}`);
  assert.ok(last.kilobytes <= first.kilobytes * MEMORY_FACTOR + MEMORY_SLACK_KB, `PSS: ${first.kilobytes} KiB, then ${last.kilobytes}`);
});
