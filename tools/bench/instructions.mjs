// SPDX-License-Identifier: Apache-2.0
// `make instructions`: how many instructions proxy and authority execute for a request, by callgrind, against
// tests/instructions.json. No clock is involved, so it holds on a busy machine as well; what it cannot see
// is the kernel, and waiting.
//
// The same requests are replayed one after the other on one kept connection, in runs of different lengths:
// the difference is requests and nothing else. Once with one token, once with a new descendant of it for
// each request, which nothing that is remembered of tokens can serve.
//
//     make instructions            fails when a figure is more than 5 % off, either way
//     make instructions UPDATE=1   writes the figures

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';

import { build } from '../../tests/support/programs.mjs';
import { addCaveats } from '../../tests/support/macaroon.mjs';
import { FIVE, startKeyhole } from './keyhole.mjs';
import { startUpstream } from './peers.mjs';
import { progress, withRun } from './run.mjs';

const FILE = join(import.meta.dirname, '../../tests/instructions.json');
const TOLERANCE = 0.05;
const WARM = 200, COUNT = 800;
const ROLES = ['proxy', 'authority'];
const out = join(build, 'out'); // as under-callgrind has it

const first = (program, args, pattern) => pattern.exec(execFileSync(program, args, { encoding: 'utf8' }))[1];

/** What the figures depend on beside our own code. */
const environment = () => ({
  machine: first('uname', ['-m'], /(\S+)/),
  compiler: first('cc', ['--version'], /(.*)/),
  openssl: first('openssl', ['version'], /OpenSSL (\S+)/),
  libc: first('getconf', ['GNU_LIBC_VERSION'], /(.*)/),
  valgrind: first('valgrind', ['--version'], /valgrind-(\S+)/),
  // valgrind hands on what the processor has, up to here, and libraries choose their code by it
  processor: ['avx2', 'bmi2', 'aes', 'pclmulqdq'].filter((f) =>
    new RegExp(`^flags\\b.*\\b${f}\\b`, 'm').test(readFileSync('/proc/cpuinfo', 'utf8'))).join(' '),
});

function get(agent, port, token) {
  return new Promise((resolve, reject) => {
    const request = http.get({ agent, port, host: '127.0.0.1', path: '/~one/v1/hello',
      headers: { host: '127.0.0.1:8437', authorization: `Bearer ${token}`, accept: '*/*', 'user-agent': 'replay' } }, (answer) => {
      answer.resume();
      answer.on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`status ${answer.statusCode}`))));
    });
    request.on('error', reject);
  });
}

function totals() {
  const found = {};
  for (const role of ROLES) {
    const counts = readdirSync(out).filter((f) => new RegExp(`^keyhole-${role}\\.\\d+$`).test(f))
      .map((f) => Number(/^(?:totals|summary): (\d+)$/m.exec(readFileSync(join(out, f), 'utf8'))?.[1] ?? 0));
    if (counts.length === 0) throw new Error(`keyhole-${role} has left no count: see ${out}`);
    found[role] = Math.max(...counts); // `keyholed init` runs an authority as well, for a moment
  }
  return found;
}

/** Instructions of each process in a life of `count` requests, and `others` with a new token each. */
async function replay(count, others = 0) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await withRun({}, async (run) => {
    const upstream = await startUpstream(run);
    const broker = await startKeyhole(run, upstream, { policy: true, env: { LD_PRELOAD: join(build, 'no_walls.so') } });
    const token = await broker.mint('one', { user: 'alice', lifetime: '12h', caveats: FIVE });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < count; i++) await get(agent, broker.port, token);
    for (let i = 0; i < others; i++) await get(agent, broker.port, addCaveats(token, `label = agent-${1000 + i}`));
    agent.destroy();
  });
  return totals();
}

async function measure() {
  const start = await replay(WARM);
  const [known, others] = [await replay(WARM + COUNT), await replay(WARM, COUNT)];
  const each = (whole, role) => Math.round((whole[role] - start[role]) / COUNT);
  return {
    'proxy': each(known, 'proxy'),
    'authority': each(known, 'authority'),
    'authority, a token that was never seen': each(others, 'authority'),
  };
}

function compare(known, measured) {
  let wrong = 0;
  for (const [what, count] of Object.entries(measured)) {
    const change = count / known[what] - 1;
    const off = Math.abs(change) > TOLERANCE;
    wrong += off ? 1 : 0;
    process.stderr.write(`instructions: ${what}: ${count} for a request, ${known[what]} on file, ` +
      `${change < 0 ? '' : '+'}${(change * 100).toFixed(1)} %${off ? ': OFF' : ''}\n`);
  }
  if (wrong > 0)
    process.stderr.write(`instructions: more than ${TOLERANCE * 100} % off. If that is meant (more is done, or the same with less), ` +
      '`make instructions UPDATE=1` and say why in the commit.\n');
  return wrong === 0;
}

let here;
try {
  here = environment();
} catch (error) {
  process.stderr.write(`instructions: ${error.message.split('\n')[0]} (tools/setup --all installs valgrind)\n`);
  process.exit(1);
}
if (process.env.UPDATE) {
  const measured = await measure();
  writeFileSync(FILE, `${JSON.stringify({ comment: 'Instructions for one request: make instructions UPDATE=1', environment: here, instructions: measured }, null, 2)}\n`);
  progress(`instructions: ${JSON.stringify(measured)}`);
  process.exit(0);
}
const known = JSON.parse(readFileSync(FILE, 'utf8'));
const differs = Object.keys(here).filter((name) => here[name] !== known.environment[name]);
if (differs.length > 0) {
  const name = differs[0];
  process.stderr.write(`instructions: skipped, because the figures are for ${name} "${known.environment[name]}", and here it is "${here[name]}"\n`);
  process.exit(0);
}
process.exit(compare(known.instructions, await measure()) ? 0 : 1);
