// SPDX-License-Identifier: Apache-2.0
// What fails around the broker and in it: processes that are killed at each step of a request, a
// disk that is full, a database that somebody else holds, descriptors that are used up, upstreams
// that hang, clients that never finish. Nothing is forwarded unjudged, nothing acknowledged is lost,
// and the others are served. Each single call that fails: tests/fault.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, statfsSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, beforeEach, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { environment, isAlive, python, run } from '../support/programs.mjs';
import { startRawUpstream, startUpstream } from '../support/upstream.mjs';
import { deferred, until, within } from '../support/wait.mjs';

const key = realKey();
const UP = { hosts: ['upstream.example'], args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] };
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { accepts: () => true });
});

beforeEach(() => {
  upstream.requests.length = 0;
});

async function serving(t, config = 'workers: 1') {
  const broker = await startBroker(t, { config });
  await broker.addCredential('up', { secret: key, upstream, ...UP });
  return { broker, token: await broker.mint('up') };
}

function servesAgain(broker, token) {
  return until('the broker serves again', async () => (await broker.request('/~up/again', { token }).catch(() => null))?.status === 200);
}

const head = (token, path, more = '') => `POST /~up${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`;

/** Whatever the upstream saw was allowed on record; each answer of 200 too. */
function accountedFor(broker, answers = []) {
  const allowed = new Set(broker.decisions().filter((r) => r.decision === 'allow').map((r) => r.path));
  for (const r of upstream.requests) assert.ok(allowed.has(r.url.split('?')[0]), `${r.url} was forwarded unjudged`);
  for (const answer of answers) if (answer?.status === 200) assert.equal(broker.recordOf(answer).decision, 'allow');
}

describe('kill -9', () => {
  // A request, held at that step; `go` ends it.
  const steps = {
    'in its head': async (broker, token, path) => {
      const client = await broker.connect();
      client.write(head(token, path, 'Content-Length: 4\r\n').slice(0, -6));
      return client;
    },
    'before it is decided': async (broker, token, path) => {
      const { pid } = await broker.process('authority');
      process.kill(pid, 'SIGSTOP'); // and killed, or continued, by the test
      const client = await broker.connect();
      client.write(`${head(token, path, 'Content-Length: 4\r\n')}body`);
      return Object.assign(client, { stopped: pid });
    },
    'in its body': async (broker, token, path) => {
      const client = await broker.connect();
      const held = upstream.hold(path, { stream: true });
      client.write(`${head(token, path, 'Content-Length: 4\r\n')}bo`);
      await held.next();
      return client;
    },
    'before its answer': async (broker, token, path) => {
      const client = await broker.connect();
      const held = upstream.hold(path);
      client.write(`${head(token, path, 'Content-Length: 4\r\n')}body`);
      await held.next();
      return client;
    },
    'in its answer': async (broker, token, path) => {
      const client = await broker.connect();
      const held = upstream.hold(path);
      client.write(`${head(token, path, 'Content-Length: 4\r\n')}body`);
      const { res } = await held.next();
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: half\n\n');
      await client.when('half of the answer', () => client.input.includes('half'));
      return client;
    },
  };

  for (const role of ['supervisor', 'authority', 'proxy', 'discharger'])
    test(`of the ${role}, at each step of a request and under load`, async (t) => {
      const { broker, token } = await serving(t, 'workers: 2');
      const counted = await broker.mint('up', { caveats: ['uses <= 60'] });
      const gone = [];
      let over = false, secret = key;
      const answers = [];
      const load = Array.from({ length: 4 }, async (_, i) => {
        for (let n = 0; !over; n++) {
          const path = `/~up/load-${i}-${n}`;
          answers.push(await broker.request(path, { token: i % 2 ? counted : token }).catch(() => null));
          if (!answers.at(-1)) await until('a broker listens', () => over || broker.child);
        }
      });
      let number = 0;
      for (const [name, reach] of Object.entries(steps)) {
        const path = `/step-${role}-${number++}`;
        const client = await reach(broker, token, path);
        // Acknowledged a moment before: minted, revoked, rotated.
        const stopped = client.stopped !== undefined;
        if (!stopped) {
          const dead = await broker.mint('up');
          await broker.operator(['revoke', dead]);
          gone.push(dead);
          secret = realKey();
          broker.secrets.push(secret);
          await broker.operator(['credential', 'rotate', 'up'], { stdin: `${secret}\n` });
        }
        const { pid } = role === 'supervisor' ? broker
          : role === 'authority' && stopped ? { pid: client.stopped }
            : stopped ? broker.processes().find((p) => p.name?.includes(role)) ?? { pid: 0 } : await broker.process(role);
        if (pid && isAlive(pid)) process.kill(pid, 'SIGKILL');
        // Until then its connections look as if they were good for another request.
        await until('it is dead', () => !pid || !isAlive(pid));
        if (stopped && role !== 'authority') process.kill(client.stopped, 'SIGCONT');
        if (role === 'supervisor') {
          await broker.ended;
          await broker.start();
        }
        client.destroy();
        await servesAgain(broker, token);
        for (const dead of gone) broker.denied(await broker.request('/~up/dead', { token: dead }), 401, 'revoked');
        assert.equal((await broker.request(`/~up/with-key-${role}-${number}`, { token })).status, 200, name);
        assert.equal(upstream.only(`/with-key-${role}-${number}`).headers.authorization, `Bearer ${secret}`, name);
        assert.ok(!upstream.requests.some((r) => r.url === '/dead'));
      }
      over = true;
      await Promise.all(load);
      await until('the counter is used up', async () => (await broker.request('/~up/counted', { token: counted })).status === 401);
      const used = upstream.requests.filter((r) => /^\/load-[13]-|^\/counted$/.test(r.url)).length;
      assert.ok(used <= 60, `${used} uses of 60`);
      assert.ok(answers.filter((a) => a?.status === 200).length > 10, 'there was load');
      accountedFor(broker, answers);
      await broker.operator(['audit', 'verify']);
    });
});

describe('a disk that is full', () => {
  test('what cannot be recorded is denied, what cannot be stored is not acknowledged, and it works again', async (t) => {
    const broker = new Broker(t, { config: 'workers: 1' });
    broker.directory = mkdtempSync(join(tmpdir(), 'kh-small-'));
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=3m,mode=0700', 'tmpfs', broker.directory]);
    t.after(async () => { // after the broker's own end, which comes first
      if (mounted.status === 0) await run('umount', ['-l', broker.directory]);
      rmSync(broker.directory, { recursive: true, force: true });
    });
    if (mounted.status !== 0) return t.skip(`a small file system needs root: ${mounted.stderr.trim()}`);
    await (await broker.init()).start();
    await broker.addCredential('up', { secret: key, upstream, ...UP });
    const token = await broker.mint('up');
    const counted = await broker.mint('up', { caveats: ['uses <= 100000'] });
    const fill = () => {
      const { bavail, bsize } = statfsSync(broker.directory);
      if (bavail > 0) writeFileSync(broker.file(`filler-${readdirSync(broker.directory).length}`), Buffer.alloc(bavail * bsize));
    };
    // The page that the log ends in may have room: until there is none.
    let last;
    await until('there is no room', async () => {
      fill();
      last = await broker.request('/~up/full', { token });
      return last.status !== 200;
    });
    assert.equal(last.status, 503, last.text);
    assert.equal(last.json().code, 'broker-unavailable');
    const before = upstream.requests.length;
    for (let i = 0; i < 5; i++) {
      assert.equal((await broker.request('/~up/refused', { token })).status, 503);
      assert.notEqual((await broker.request('/~up/refused', { token: counted })).status, 200);
    }
    assert.equal(upstream.requests.length, before, 'nothing was forwarded');
    for (const command of [['mint', '--credential', 'up', '--for', '1h'], ['revoke', token], ['key', 'rotate']]) {
      const said = await broker.operator(command, { may: true });
      assert.equal(said.status, 1, `${command[0]}: ${said.stdout}`);
      assert.match(said.stderr, /full|space|written|write/i, command[0]);
    }
    for (const name of readdirSync(broker.directory).filter((n) => n.startsWith('filler-'))) rmSync(broker.file(name));
    await until('it works again', async () => (await broker.request('/~up/again', { token })).status === 200);
    assert.equal((await broker.request('/~up/again', { token: counted })).status, 200);
    await broker.mint('up');
    await broker.operator(['audit', 'verify']);
    await broker.kill();
    await broker.start();
    assert.equal((await broker.request('/~up/after', { token })).status, 200);
    accountedFor(broker);
  });
});

describe('a database that another process holds', () => {
  test('requests are judged, changes are refused with a sentence, and both work when it lets go', async (t) => {
    const { broker, token } = await serving(t);
    const holder = spawn(python, ['-c', `import sqlite3, sys
d = sqlite3.connect(sys.argv[1], isolation_level=None)
d.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
d.execute("ROLLBACK")`, broker.file('keyholed.db')], { env: environment(), stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => holder.kill('SIGKILL'));
    const held = deferred(), ended = deferred();
    holder.stdout.once('data', held.resolve);
    holder.once('close', ended.resolve);
    await within('the lock', held.promise);
    assert.equal((await broker.request('/~up/x', { token })).status, 200);
    const said = await broker.operator(['mint', '--credential', 'up', '--for', '1h'], { may: true });
    assert.equal(said.status, 1);
    assert.equal(said.stdout, '');
    assert.match(said.stderr, /another program holds the database/);
    assert.equal((await broker.request('/~up/x', { token })).status, 200);
    holder.stdin.end();
    await within('the lock to be gone', ended.promise);
    await broker.mint('up', { caveats: ['uses <= 3'] });
  });
});

describe('descriptors that are used up', () => {
  const skip = process.getuid() !== 0 && 'how many there are is told to root alone';
  for (const role of ['proxy', 'authority'])
    test(`of the ${role}: those who are in are served, and the others when there is room`, { skip }, async (t) => {
      const { broker, token } = await serving(t);
      assert.equal((await broker.request('/~up/first', { token })).status, 200);
      const { pid } = await broker.process(role);
      const open = Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number));
      const inside = await broker.connect();
      const limited = await run('prlimit', ['--pid', String(pid), `--nofile=${open + 8}:${open + 8}`]);
      assert.equal(limited.status, 0, limited.stderr);
      const idle = await Promise.all(Array.from({ length: 40 }, () => broker.connect()));
      const ask = async (client) => {
        client.write(`GET /~up/inside HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
        return (await client.answer())?.status;
      };
      const status = await ask(inside);
      assert.ok([200, 502, 503].includes(status), `${status}`);
      for (const client of idle) client.destroy();
      inside.destroy();
      await servesAgain(broker, token);
      assert.ok(isAlive(pid), 'it lives');
      accountedFor(broker);
    });
});

describe('an upstream that hangs', () => {
  // What it sends before it says nothing more.
  const stages = {
    'before its answer': '',
    'in the status line': 'HTTP/1.1 20',
    'in the head': 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n',
    'before its body': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n',
    'in its body': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
    'in the size of a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5',
    'in a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal',
    'between chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    'before the last chunk is whole': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n',
    'after an interim answer': 'HTTP/1.1 103 Early Hints\r\n\r\n',
  };

  test('at any stage: its client gets 504 or a cut, never a whole answer; others are served meanwhile', async (t) => {
    // The others have that long for each answer, and are many.
    const { broker, token } = await serving(t, 'workers: 1\ntimeouts:\n  first-byte: 3s\n  body: 3s');
    const hanging = await startRawUpstream(t, { answer: (socket, { head: text }) => {
      socket.write(stages[decodeURIComponent(/ \/(\S+)/.exec(text)[1])]);
    } });
    await broker.addCredential('hang', { secret: key, upstream: hanging, ...UP });
    const hung = await broker.mint('hang');
    const results = Object.keys(stages).map(async (stage) => {
      const client = await broker.connect();
      client.write(`GET /~hang/${encodeURIComponent(stage)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${hung}\r\n\r\n`);
      const answer = await client.answer().catch((error) => error);
      client.destroy();
      return { stage, answer, cut: client.reset || !answer };
    });
    for (let i = 0; i < 20; i++) assert.equal((await broker.request('/~up/other', { token })).status, 200);
    for (const { stage, answer } of await Promise.all(results))
      if (answer?.status) assert.equal(answer.status, 504, `${stage}: ${answer.text}`);
    await until('each has an outcome on record', () => broker.audit().filter((r) => r.kind === 'outcome' && r.reason === 'upstream-timeout').length >= Object.keys(stages).length);
  });

  test('to connect: its client gets 504, others are served', async (t) => {
    const { broker, token } = await serving(t, 'workers: 1\ntimeouts:\n  connect: 2s');
    // A backlog that is full: the kernel answers no SYN any more.
    const deaf = spawn(python, ['-c', `import socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
full = []
for i in range(4):
    c = socket.socket(); c.setblocking(False); c.connect_ex(s.getsockname()); full.append(c)
print(s.getsockname()[1], flush=True)
sys.stdin.read()`], { env: environment(), stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => deaf.kill('SIGKILL'));
    const said = deferred();
    deaf.stdout.once('data', (data) => said.resolve(Number(data)));
    const port = await within('a port', said.promise);
    await broker.operator(['credential', 'add', 'deaf', '--host', 'upstream.example', ...UP.args, '--allow-network', '127.0.0.0/8',
      '--upstream-ca', upstream.ca, '--resolve', `upstream.example:443:127.0.0.1:${port}`], { stdin: key });
    const answer = broker.request('/~deaf/x', { token: await broker.mint('deaf') });
    assert.equal((await broker.request('/~up/other', { token })).status, 200);
    assert.ok([502, 504].includes((await answer).status));
  });
});

describe('2,000 clients that never finish', () => {
  const descriptors = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? Infinity);
  const skip = descriptors < 4096 && `a process may have ${descriptors} descriptors here, and they take more`;

  test('each is told so or closed; the others are served all the while', { skip }, async (t) => {
    const { broker, token } = await serving(t, 'workers: 2\ntimeouts:\n  head: 3s\nlimits:\n  connections: 1500');
    const inside = await broker.connect();
    const ask = async () => {
      inside.write(`GET /~up/inside HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      return (await inside.answer())?.status;
    };
    assert.equal(await ask(), 200);
    const slow = [];
    for (let i = 0; i < 20; i++) {
      slow.push(...await Promise.all(Array.from({ length: 100 }, () => broker.connect())));
      for (const client of slow.slice(-100)) client.write('POST /~up/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nX-Sl');
      assert.equal(await ask(), 200);
    }
    for (let i = 0; i < 10; i++) assert.equal(await ask(), 200);
    const ends = await Promise.all(slow.map(async (client) => {
      const answer = await client.answer().catch(() => null);
      client.destroy();
      return answer?.status ?? 'closed';
    }));
    for (const end of ends) assert.ok([408, 503, 429, 'closed'].includes(end), `${end}`);
    assert.ok(ends.filter((e) => e === 408).length > 0, 'some were told');
    assert.equal(await ask(), 200);
    inside.destroy();
    await servesAgain(broker, token);
    assert.equal((await broker.process('proxy')).restarts, 0);
  });
});
