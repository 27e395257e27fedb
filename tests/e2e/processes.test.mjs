// SPDX-License-Identifier: Apache-2.0
// Processes that die, stall and start again. Whatever happens to the one that judges, nothing is
// forwarded unjudged.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { before, beforeEach, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { environment, isAlive, keyholed, python, run, sanitized } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { deferred, until, within } from '../support/wait.mjs';

const key = realKey();
const BEARER = ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'];
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

beforeEach(() => {
  upstream.requests.length = 0;
});

async function serving(t, config = 'workers: 1') {
  const broker = await startBroker(t, { config });
  await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: BEARER });
  return { broker, token: await broker.mint('up') };
}

/** Until the broker serves again, by the same token. */
function servesAgain(broker, token) {
  return until('the broker serves again', async () => {
    const answer = await broker.request('/~up/again', { token }).catch(() => null);
    return answer?.status === 200 ? answer : null;
  });
}

describe('a proxy process that dies', () => {
  test('its requests end, it is started again, and the next request is served', async (t) => {
    const { broker, token } = await serving(t);
    const held = upstream.hold('/held');
    const client = await broker.connect();
    client.write(`GET /~up/held HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    await held.next();
    const before = await broker.process('proxy');
    process.kill(before.pid, 'SIGKILL');
    const answer = await client.answer().catch(() => null);
    if (answer) assert.ok([502, 503].includes(answer.status), `${answer.status}`);
    client.destroy();
    await servesAgain(broker, token);
    const now = await until('status tells of the new process', async () => {
      const p = await broker.process('proxy');
      return p?.running && p.pid !== before.pid ? p : null;
    });
    assert.equal(now.restarts, before.restarts + 1);
    assert.match(now.note ?? '', /signal 9|killed/i);
  });

  test('with several of them, the others go on', async (t) => {
    const { broker, token } = await serving(t, 'workers: 2');
    process.kill((await broker.process('proxy', 1)).pid, 'SIGKILL');
    await servesAgain(broker, token);
    await until('both run', async () => (await broker.status()).processes.filter((p) => p.role === 'proxy' && p.running).length === 2);
  });

  test('again and again: it comes back each time', async (t) => {
    const { broker, token } = await serving(t);
    for (let i = 0; i < 3; i++) {
      const { pid } = await until('the proxy runs', async () => {
        const p = await broker.process('proxy');
        return p?.running && isAlive(p.pid) ? p : null;
      });
      process.kill(pid, 'SIGKILL');
      await servesAgain(broker, token);
    }
  });
});

describe('an authority that dies or stalls', () => {
  // threat 13
  test('while it does not answer, requests are refused and nothing is forwarded', async (t) => {
    const { broker, token } = await serving(t, 'workers: 1\ntimeouts:\n  decide: 200ms');
    const { pid } = await broker.process('authority');
    process.kill(pid, 'SIGSTOP');
    try {
      const answer = await broker.request('/~up/x', { token });
      assert.equal(answer.status, 503, answer.text);
      assert.equal(answer.json().code, 'broker-unavailable');
      assert.match(answer.headers['retry-after'] ?? '', /^\d+$/);
      assert.equal(upstream.requests.length, 0);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await servesAgain(broker, token);
    assert.ok(!upstream.requests.some((r) => r.url === '/x'), 'not forwarded later either');
  });

  test('killed while requests wait for it: each is refused, or judged by the next one', async (t) => {
    const { broker, token } = await serving(t);
    const { pid } = await broker.process('authority');
    process.kill(pid, 'SIGSTOP');
    const answers = Array.from({ length: 20 }, (_, i) => broker.request(`/~up/w${i}`, { token }));
    process.kill(pid, 'SIGKILL');
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      const forwarded = upstream.requests.some((r) => r.url === `/w${i}`);
      if (answer.status === 200) {
        assert.equal(broker.recordOf(answer).decision, 'allow', 'what was forwarded was judged and recorded');
      } else {
        assert.ok([502, 503].includes(answer.status), `${answer.status} ${answer.text}`);
        assert.ok(!forwarded, `w${i} was refused and forwarded all the same`);
      }
    }
    await servesAgain(broker, token);
    const now = await until('status tells of the new process', async () => {
      const p = await broker.process('authority').catch(() => null);
      return p?.running ? p : null;
    });
    assert.notEqual(now.pid, pid);
    await broker.operator(['audit', 'verify']);
  });

  test('an open stream does not survive it unjudged', async (t) => {
    const { broker, token } = await serving(t);
    const held = upstream.hold('/stream');
    const client = await broker.connect();
    client.write(`GET /~up/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const { res } = await held.next();
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write('data: 1\n\n');
    await client.when('the first event', () => client.input.includes('data: 1'));
    process.kill((await broker.process('authority')).pid, 'SIGKILL');
    await servesAgain(broker, token);
    await broker.operator(['revoke', token]);
    await client.closes();
    client.destroy();
  });

  test('what was acknowledged before is there after: credentials, tokens, revocations, keys', async (t) => {
    const { broker, token } = await serving(t);
    const gone = await broker.mint('up');
    await broker.operator(['revoke', gone]);
    process.kill((await broker.process('authority')).pid, 'SIGKILL');
    await servesAgain(broker, token);
    broker.denied(await broker.request('/~up/x', { token: gone }), 401, 'revoked');
  });
});

describe('a discharger that dies', () => {
  const describing = async (broker) => (await fetch(`${broker.discharger}/.well-known/keyhole/discharger`)).json();

  function isBack(broker, pid) {
    return until('the discharger runs again', async () => {
      const p = await broker.process('discharger');
      return p?.running && p.pid !== pid ? p : null;
    });
  }

  test('comes again at the same place, with the same key, and takes nobody with it', async (t) => {
    const { broker, token } = await serving(t);
    const hole = ['--hole', 'factor = ssh for 1h'];
    const before = await describing(broker);
    const [proxy, authority, discharger] = await Promise.all(['proxy', 'authority', 'discharger'].map((r) => broker.process(r)));
    process.kill(discharger.pid, 'SIGKILL');
    // Neither requests nor minting wait for it: its key is known.
    assert.equal((await broker.request('/~up/x', { token })).status, 200);
    await broker.mint('up', { args: hole });
    const now = await isBack(broker, discharger.pid);
    assert.equal(now.restarts, discharger.restarts + 1);
    assert.match(now.note ?? '', /signal 9|killed/i);
    assert.deepEqual(await until('it answers', () => describing(broker).catch(() => null)), before);
    assert.equal((await broker.process('proxy')).pid, proxy.pid);
    assert.equal((await broker.process('authority')).pid, authority.pid);
    await broker.mint('up', { args: hole });
  });

  test('stalled: nothing of the broker waits for it', async (t) => {
    const { broker, token } = await serving(t);
    const { pid } = await broker.process('discharger');
    process.kill(pid, 'SIGSTOP');
    try {
      assert.equal((await broker.request('/~up/x', { token })).status, 200);
      await broker.mint('up', { args: ['--hole', 'factor = ssh for 1h'] });
      assert.equal((await broker.request('/.well-known/keyhole/dischargers')).json().dischargers.length, 1);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  test('an authority and a proxy that come after it still know it', async (t) => {
    const { broker, token } = await serving(t);
    for (const role of ['authority', 'proxy']) {
      process.kill((await broker.process(role)).pid, 'SIGKILL');
      await servesAgain(broker, token);
    }
    assert.equal((await broker.request('/.well-known/keyhole/dischargers')).json().dischargers[0].url, broker.discharger);
    await broker.mint('up', { args: ['--hole', 'factor = ssh for 1h'] });
  });

  test('there may be none', async (t) => {
    const broker = await startBroker(t, { args: ['--no-discharger'] });
    assert.equal(broker.discharger, undefined);
    assert.equal(await broker.process('discharger'), undefined);
    assert.deepEqual((await broker.status()).dischargers, []);
  });

  test('a port that was asked for is not replaced when it is taken', async (t) => {
    const taken = net.createServer();
    await new Promise((resolve) => { taken.listen(0, '127.0.0.1', resolve); });
    t.after(() => taken.close());
    const { port } = taken.address();
    const broker = await new Broker(t, { args: ['--discharger', `127.0.0.1:${port}`] }).init();
    await assert.rejects(broker.start(), (error) => {
      assert.match(error.message, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}`));
      return true;
    });
  });

  test('a reload applies what it may accept, and names what waits for the next start', async (t) => {
    const { broker } = await serving(t);
    const before = await broker.process('discharger');
    writeFileSync(broker.file('keyholed.yaml'), 'workers: 1\ndischarger:\n  attestation: optional\n  url: https://d.example\n', { mode: 0o600 });
    broker.reload();
    await until('the reload is reported', () => /restart-needed.*discharger\.url/.test(broker.log));
    assert.doesNotMatch(broker.log, /restart-needed.*attestation/);
    assert.equal((await broker.process('discharger')).pid, before.pid);
    assert.equal((await describing(broker)).url, broker.discharger);
  });
});

describe('the supervisor', () => {
  test('killed: its children end with it, and the directory can be used again', async (t) => {
    const { broker, token } = await serving(t);
    const below = broker.processes();
    assert.ok(below.length >= 2);
    broker.child.kill('SIGKILL');
    await broker.ended;
    await until('the children end by themselves', () => below.every((p) => !isAlive(p.pid)));
    await broker.start();
    await servesAgain(broker, token);
    await broker.operator(['audit', 'verify']);
  });

  // threat 26
  test('kill -9 of everything at once, while requests run: the log verifies afterwards', async (t) => {
    const { broker, token } = await serving(t);
    for (let round = 0; round < 3; round++) {
      const answers = Array.from({ length: 30 }, (_, i) => broker.request(`/~up/r${round}-${i}`, { token }).catch(() => null));
      await until('some have arrived', () => upstream.requests.filter((r) => r.url.startsWith(`/r${round}-`)).length >= 5);
      await broker.kill();
      const got = (await Promise.all(answers)).filter((a) => a?.status === 200);
      await broker.start();
      // Record first, answer second: whoever got an answer is in the log.
      for (const answer of got) assert.equal(broker.recordOf(answer).decision, 'allow');
      // And whatever reached the upstream had been recorded before.
      const recorded = new Set(broker.decisions().map((r) => r.path));
      for (const r of upstream.requests) assert.ok(recorded.has(r.url), `${r.url} was forwarded without a record`);
      await broker.operator(['audit', 'verify']);
    }
  });

  test('a second broker in the same directory is refused, and the first goes on', async (t) => {
    const { broker, token } = await serving(t);
    const second = await run(keyholed, ['run', '--dir', broker.directory, '--listen', '127.0.0.1:0']);
    assert.equal(second.status, 1);
    assert.equal(second.stdout, '');
    assert.match(second.stderr, /another broker|already/i);
    assert.equal((await broker.request('/~up/x', { token })).status, 200);
    await broker.status();
  });

  test('SIGTERM lets a running request finish, and takes no new one', async (t) => {
    const { broker, token } = await serving(t);
    const held = upstream.hold('/slow');
    const client = await broker.connect();
    client.write(`GET /~up/slow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    const { res } = await held.next();
    const below = broker.processes();
    broker.child.kill('SIGTERM');
    await until('nobody listens any more', () => new Promise((resolve) => {
      const s = net.connect(broker.port, '127.0.0.1');
      s.on('connect', () => { s.destroy(); resolve(false); });
      s.on('error', () => resolve(true));
    }));
    res.end('finished');
    assert.equal((await client.answer()).text, 'finished');
    client.destroy();
    assert.deepEqual(await within('keyholed to end', broker.ended), { status: 0, signal: null });
    await until('nothing is left', () => below.every((p) => !isAlive(p.pid)));
  });

  test('SIGTERM with a request that never ends: the drain has a limit', async (t) => {
    const { broker, token } = await serving(t, 'workers: 1\ntimeouts:\n  drain: 100ms');
    const held = upstream.hold('/never');
    const client = await broker.connect();
    client.write(`GET /~up/never HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    await held.next();
    await broker.stop();
    await client.closes();
    client.destroy();
  });

  test('SIGINT ends it as well', async (t) => {
    const { broker } = await serving(t);
    broker.child.kill('SIGINT');
    assert.deepEqual(await within('keyholed to end', broker.ended), { status: 0, signal: null });
  });

  test('tells the service manager when it is ready and when it stops (sd_notify)', async (t) => {
    const broker = new Broker(t);
    await broker.init();
    // node has no datagram unix sockets: Python stands in for the service manager.
    const path = `${broker.home}/notify.sock`;
    const manager = deferred();
    const lines = [];
    const child = spawn(python, ['-c', 'import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("bound", flush=True)\nwhile True:\n    print(s.recv(4096).decode().replace("\\n", " "), flush=True)', path],
      { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    child.stdout.on('data', (d) => {
      lines.push(...String(d).split('\n').filter(Boolean));
      manager.resolve();
    });
    await within('the service manager', manager.promise);
    broker.env.NOTIFY_SOCKET = path;
    await broker.start();
    await until('READY=1', () => lines.some((l) => /\bREADY=1\b/.test(l)));
    await broker.stop();
    await until('STOPPING=1', () => lines.some((l) => /\bSTOPPING=1\b/.test(l)));
  });
});

describe('each process in its place', () => {
  const links = (directory) => readdirSync(directory).map((name) => {
    try {
      return readlinkSync(`${directory}/${name}`);
    } catch {
      return ''; // closed meanwhile
    }
  });

  async function children(t) {
    const { broker } = await serving(t);
    const { processes } = await broker.status();
    const below = processes.filter((p) => p.running && p.role !== 'supervisor');
    assert.deepEqual([...new Set(below.map((p) => p.role))].sort(), ['authority', 'discharger', 'proxy']);
    return { broker, below };
  }

  test('no privileges to gain, a system-call filter, no core files', async (t) => {
    for (const { pid, role } of (await children(t)).below) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      assert.match(status, /^NoNewPrivs:\s+1$/m, role);
      if (!sanitized) assert.match(status, /^Seccomp:\s+2$/m, role);
      assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /^Max core file size\s+0\s+0\s/m, role);
    }
  });

  // Only root may look into a process that is not dumpable; that nobody else may is the point.
  const root = process.getuid() === 0;

  test('nobody of the same user looks into them', { skip: root && 'root may' }, async (t) => {
    for (const { pid, role } of (await children(t)).below)
      for (const look of [() => readlinkSync(`/proc/${pid}/exe`), () => readdirSync(`/proc/${pid}/fd`), () => readFileSync(`/proc/${pid}/environ`)])
        assert.throws(look, { code: 'EACCES' }, role);
  });

  test('separate executables; the authority has no network, the proxies no file of the state', { skip: !root && 'takes root' }, async (t) => {
    const { broker, below } = await children(t);
    for (const { pid, role } of below) {
      assert.equal(readlinkSync(`/proc/${pid}/exe`).split('/').pop(), `keyhole-${role}`);
      const open = links(`/proc/${pid}/fd`);
      if (role === 'proxy') {
        assert.ok(!open.some((f) => f.startsWith(broker.directory)), 'a proxy has a file of the state directory open');
        continue;
      }
      if (role === 'discharger') {
        for (const f of open.filter((f) => f.startsWith(broker.directory)))
          assert.ok(f.startsWith(`${broker.directory}/discharger/`), `the discharger has ${f} open`);
        continue;
      }
      const inodes = new Set(open.map((f) => /^socket:\[(\d+)\]$/.exec(f)?.[1]).filter(Boolean));
      assert.ok(inodes.size > 0);
      for (const file of ['tcp', 'tcp6', 'udp', 'udp6'])
        for (const line of readFileSync(`/proc/${pid}/net/${file}`, 'utf8').split('\n').slice(1))
          assert.ok(!inodes.has(line.trim().split(/\s+/)[9]), `the authority has a ${file} socket`);
    }
  });
});
