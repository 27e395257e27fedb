// SPDX-License-Identifier: Apache-2.0
// A broker of one's own: state directory, processes, operator's commands, audit log.
//
// Every broker here is a canary test as well: when it stops, no secret that it was given may stand in
// its log or in its audit file.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { appendFileSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'node:test';

import { descendants, environment, isAlive, keyhole, keyholed, must, run, unlessUndone } from './programs.mjs';
import { RawClient } from './raw.mjs';
import { PRESET_HOSTS } from './upstream.mjs';
import { deferred, until, within } from './wait.mjs';

// What failed in this file so far: a broker that stops after a failure shows its log.
const failed = new Set();
afterEach((t) => {
  if (t.passed === false) failed.add(t.name);
});

/** A secret that cannot be anything else wherever it turns up. */
export function realKey(prefix = 'sk-real-') {
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  return prefix + Buffer.from(bytes).toString('base64url').replaceAll(/[-_]/g, 'x');
}

/** Secrets as they could turn up, in the encodings that the product scrubs. */
export function encodings(secret) {
  const bytes = Buffer.from(secret);
  return [secret, bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex'),
    encodeURIComponent(secret)];
}

export class Broker {
  constructor(t, { config = '', env = {}, listen = '127.0.0.1:0', args = [], programs = { keyholed, keyhole } } = {}) {
    this.home = mkdtempSync(join(tmpdir(), 'kh-broker-'));
    const remove = () => rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
    const done = unlessUndone(() => {
      this.child?.kill('SIGKILL'); // its children end with it
      remove();
    });
    this.directory = join(this.home, 'state');
    this.config = config;
    this.env = env;
    this.listen = listen;
    this.extra = args;
    this.programs = programs; // the built ones, or others
    this.secrets = [];
    this.log = '';
    this.child = null;
    t.after(async () => {
      try {
        await this.finish();
      } finally {
        remove();
        done();
      }
    });
  }

  /** `keyholed init`, and the lines of `config` behind what it wrote. */
  async init() {
    await must(this.programs.keyholed, ['init', '--dir', this.directory], { env: this.env });
    this.writeConfig(this.config);
    return this;
  }

  writeConfig(lines) {
    if (lines) appendFileSync(this.file('keyholed.yaml'), `\n${lines}\n`);
  }

  file(name) {
    return join(this.directory, name);
  }

  command() {
    return ['run', '--dir', this.directory, ...(this.listen ? ['--listen', this.listen] : []), ...this.extra];
  }

  /** `keyholed run` until it says that it serves. */
  async start() {
    assert.equal(this.child, null, 'the broker runs already');
    const child = spawn(this.programs.keyholed, this.command(), { env: environment(this.env), cwd: '/', stdio: [this.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
    this.child = child;
    child.stdin?.end(this.stdin);
    this.stdout = '';
    const ended = deferred();
    this.ended = ended.promise;
    const line = deferred();
    child.stdout.on('data', (data) => {
      this.stdout += data;
      if (this.stdout.includes('\n')) line.resolve();
    });
    child.stderr.on('data', (data) => {
      this.log += data;
    });
    child.on('error', line.reject);
    child.on('close', (status, signal) => {
      this.child = null;
      ended.resolve({ status, signal });
      line.reject(new Error(`keyholed run ended with ${status ?? signal}:\n${this.log}`));
    });
    await within('the ready line of keyholed run', line.promise).catch((error) => {
      child.kill('SIGKILL');
      error.message += `\n${this.log}`;
      throw error;
    });
    this.readReady(this.stdout);
    return this;
  }

  // `ready http=127.0.0.1:8437 admin=/…/admin.sock [unix=/…/proxy.sock] [discharger=http://localhost:8438]`
  readReady(text) {
    const ready = /^ready( [a-z]+=\S+)+\n$/.exec(text);
    assert.ok(ready, `the ready line: ${JSON.stringify(text)}`);
    this.ready = text.trim().split(' ').slice(1).map((word) => {
      const equals = word.indexOf('=');
      return [word.slice(0, equals), word.slice(equals + 1)];
    });
    const address = this.ready.find(([name]) => name === 'http' || name === 'https')?.[1];
    if (address) {
      const colon = address.lastIndexOf(':');
      this.host = address.slice(0, colon);
      this.port = Number(address.slice(colon + 1));
    }
    this.unix = this.ready.find(([name]) => name === 'unix')?.[1];
    this.admin = this.ready.find(([name]) => name === 'admin')?.[1];
    this.discharger = this.ready.find(([name]) => name === 'discharger')?.[1]; // its URL
    this.url = `http://${address}`;
    this.address = address;
  }

  get pid() {
    return this.child?.pid;
  }

  processes() {
    return this.pid ? descendants(this.pid) : [];
  }

  /** An operator's command. A failure is an error unless `may` is set. */
  operator(args, { stdin, env, may = false } = {}) {
    return (may ? run : must)(this.programs.keyholed, [args[0], ...args.slice(1), '--dir', this.directory],
      { stdin, env: { ...this.env, ...env } });
  }

  /** A command of `keyhole`, as anybody may give it. */
  keyhole(args, { stdin, env, may = false } = {}) {
    return (may ? run : must)(this.programs.keyhole, args, { stdin, env: { KEYHOLE_BROKER: this.url, ...env } });
  }

  async operatorJson(args, options) {
    return JSON.parse((await this.operator([...args, '--json'], options)).stdout);
  }

  status() {
    return this.operatorJson(['status'], { may: true }); // 1: something is wrong, and the result says what
  }

  /** The process of that role, as `keyholed status` tells. */
  async process(role, index = 0) {
    const { processes } = await this.status();
    return processes.find((p) => p.role === role && (p.index ?? 0) === index);
  }

  /** Store a credential whose hosts lead to `upstream`. `args` are more options of the command. */
  async addCredential(name, { preset, secret, upstream, hosts, args = [], network = '127.0.0.0/8' } = {}) {
    this.secrets.push(secret);
    const options = preset ? ['--preset', preset] : hosts.flatMap((h) => ['--host', h]);
    if (upstream) {
      for (const resolve of upstream.resolve(hosts ?? [PRESET_HOSTS[preset]])) options.push('--resolve', resolve);
      if (upstream.plain) options.push('--plain');
      else options.push('--upstream-ca', upstream.ca);
    }
    if (network) options.push('--allow-network', network);
    return this.operator(['credential', 'add', name, ...options, ...args], { stdin: `${secret}\n` });
  }

  async mint(credentials, { user, lifetime = '1h', caveats = [], args = [] } = {}) {
    const { stdout } = await this.operator(['mint',
      ...[credentials].flat().flatMap((c) => ['--credential', c]),
      ...(user ? ['--user', user] : []), '--for', lifetime,
      ...caveats.flatMap((c) => ['--caveat', c]), ...args]);
    assert.match(stdout, /^\S*kh1_[A-Za-z0-9_-]+\n$/, 'a token and nothing else on stdout');
    return stdout.trim();
  }

  async attenuate(token, ...args) {
    const { stdout } = await this.keyhole(['attenuate', '-', ...args], { stdin: `${token}\n` });
    assert.match(stdout, /^\S*kh1_[A-Za-z0-9_-]+\n$/, 'a token and nothing else on stdout');
    return stdout.trim();
  }

  /** A connection for bytes: `way` is 'tcp' or 'unix'. */
  connect(options = {}) {
    return RawClient.connect({ ...this.at(options.way), ...options });
  }

  at(way = 'tcp') {
    return way === 'unix' ? { path: this.unix } : { port: this.port, host: '127.0.0.1' };
  }

  /** A request by a base URL: `path` begins with "/~name". Headers exactly as given. */
  async request(path, { method = 'GET', token, headers = {}, body, base = this.url } = {}) {
    const response = await fetch(`${base}${path}`, {
      method, body, redirect: 'manual',
      headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
      signal: AbortSignal.timeout(60000),
    }).catch((error) => {
      error.message += `: ${error.cause?.message ?? error.cause}`; // "fetch failed" alone says nothing
      throw error;
    });
    const text = await response.text();
    return { status: response.status, headers: Object.fromEntries(response.headers), text,
      json: () => JSON.parse(text) };
  }

  /** The audit log, parsed. Whoever got an answer finds its record here: the record comes first. What is being written
   * at this moment, and has no end yet, is not looked at. */
  audit() {
    const file = this.file('audit.log');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8').split('\n').slice(0, -1).filter(Boolean).map((line) => JSON.parse(line));
  }

  decisions() {
    return this.audit().filter((r) => r.kind === 'decision');
  }

  /** The audit record of an answer, found by its Keyhole-Request-Id. */
  recordOf(answer) {
    const id = answer.headers['keyhole-request-id'];
    assert.match(id ?? '', /^[0-9a-f]{32}$/, 'the answer names its audit record');
    const records = this.decisions().filter((r) => r.id === id);
    assert.equal(records.length, 1, `one decision of id ${id}`);
    return records[0];
  }

  /** Assert a refusal: status, code, problem details, and the audit record that says the same. */
  denied(answer, status, code, { detail } = {}) {
    assert.ok(answer, 'there is an answer');
    assert.equal(answer.status, status, `status of: ${answer.text}`);
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json\b/);
    const problem = JSON.parse(answer.text);
    assert.equal(problem.code, code, answer.text);
    assert.equal(problem.status, status, answer.text);
    assert.ok(problem.title?.length > 10, `a sentence for a person: ${answer.text}`);
    if (status === 401) assert.match(answer.headers['www-authenticate'] ?? '', /^\S/);
    if (status === 407) assert.match(answer.headers['proxy-authenticate'] ?? '', /^\S/);
    if (status === 429) assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
    if (detail) assert.match(problem.detail ?? '', detail);
    const record = this.recordOf(answer);
    assert.equal(record.decision, 'deny');
    assert.equal(record.reason, code);
    return { problem, record };
  }

  /** Assert an answer to a request that was allowed and then failed: problem details, and the outcome. */
  async failed(answer, status, code) {
    assert.equal(answer.status, status, `status of: ${answer.text}`);
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json\b/);
    const problem = JSON.parse(answer.text);
    assert.equal(problem.code, code, answer.text);
    const { id } = this.recordOf(answer);
    const outcome = await until('the outcome is on record', () =>
      this.audit().find((r) => r.kind === 'outcome' && r.id === id));
    assert.equal(outcome.reason, code, JSON.stringify(outcome));
    return problem;
  }

  /** End as the service manager does. The exit is clean, and nothing is left running. */
  async stop() {
    if (!this.child) return;
    const below = this.processes();
    this.child.kill('SIGTERM');
    const end = await within('keyholed to end after SIGTERM', this.ended);
    assert.deepEqual(end, { status: 0, signal: null }, `exit after SIGTERM:\n${this.log}`);
    await until('the processes below keyholed are gone', () => below.every((p) => !isAlive(p.pid)));
    assert.match(this.stdout, /^ready [^\n]*\n$/, 'stdout has the ready line and nothing else');
  }

  async restart() {
    await this.stop();
    return this.start();
  }

  reload() {
    this.child.kill('SIGHUP');
  }

  /** Kill without a chance to say goodbye, children included. */
  async kill() {
    if (!this.child) return;
    const below = this.processes();
    this.child.kill('SIGKILL');
    for (const { pid } of below) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // gone already
      }
    }
    await this.ended;
  }

  // A failed test shows the log; a clean one proves that no secret is in log or audit.
  async finish() {
    try {
      await this.stop();
    } catch (error) {
      await this.kill();
      failed.add('stop');
      throw error;
    } finally {
      if (failed.size > 0)
        process.stderr.write(`---- log of keyholed (${[...failed].join('; ')})\n${this.log}----\n`);
    }
    const token = /kh1_[A-Za-z0-9_-]{40}/, texts = [...this.secrets].flatMap((secret) => encodings(secret));
    for (const [where, pieces] of [['log', [this.log]], ['audit file', piecesOf(this.file('audit.log'))]])
      for (const piece of pieces) {
        for (const text of texts) assert.ok(!piece.includes(text), `a secret stands in the ${where}`);
        assert.doesNotMatch(piece, token, `a token stands in the ${where}`);
      }
    assert.doesNotMatch(this.log, /Sanitizer|runtime error:/, 'a sanitizer found something');
  }
}

/** A file, which may be too long for one string, in pieces that overlap by more than any secret is long. */
function* piecesOf(file, length = 16 << 20, overlap = 64 << 10) {
  if (!existsSync(file)) return;
  const fd = openSync(file, 'r');
  try {
    const piece = Buffer.alloc(length);
    for (let at = 0, n; (n = readSync(fd, piece, 0, length, at)) > 0; at += n === length ? n - overlap : n)
      yield piece.toString('utf8', 0, n);
  } finally {
    closeSync(fd);
  }
}

/** A broker that is initialised and serves. */
export async function startBroker(t, options) {
  const broker = await new Broker(t, options).init();
  return broker.start();
}

// Ports that the kernel gives to nobody by itself: a number that it chose could be another test's by the time it is used.
function portsToChoose() {
  const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1').split(/\s+/).map(Number);
  const below = [10000, first], above = [last + 1, 65536];
  return [below, above].find(([from, end]) => end - from >= 1000);
}

/** A port on loopback that nothing listens on. */
export async function unusedPort() {
  const range = portsToChoose();
  for (;;) {
    const server = net.createServer();
    const port = await new Promise((resolve, reject) => {
      server.on('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
      server.listen(range ? randomInt(...range) : 0, '127.0.0.1', () => resolve(server.address().port));
    });
    if (port === null) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
