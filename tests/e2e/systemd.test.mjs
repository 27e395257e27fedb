// SPDX-License-Identifier: Apache-2.0
// Under a service manager: sockets that it passes on or keeps, notifications, the watchdog,
// credentials, and a restart in which no connection is lost.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { Broker, realKey, unusedPort } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { build, environment, isAlive, keyhole, keyholed, run, temporaryDirectory } from '../support/programs.mjs';
import { ServiceManager } from '../support/service_manager.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { deferred, until, within } from '../support/wait.mjs';

const key = realKey();
const BEARER = ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'];
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

const listens = ([port]) => `workers: 2\nlisten:\n  - address: 127.0.0.1:${port}\ndischarger:\n  enabled: false`;
const LOOPBACK = () => [{ name: 'keyholed', address: '127.0.0.1' }];

async function managed(t, options) {
  const manager = await new ServiceManager(t, { config: listens, sockets: LOOPBACK, ...options }).init();
  await manager.start();
  return manager;
}

async function credential({ broker }) {
  await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: BEARER });
  return broker.mint('up');
}

/** One request on a connection of its own. */
function ask(options, token) {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...options, agent: false, headers: { authorization: `Bearer ${token}`, host: 'localhost' } }, (response) => {
      let text = '';
      response.on('data', (data) => {
        text += data;
      });
      response.on('end', () => resolve({ status: response.statusCode, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

describe('sockets of a socket unit', () => {
  test('are served: an address and the unix socket', async (t) => {
    const manager = await managed(t, { sockets: (directory) => [
      { name: 'keyholed', address: '127.0.0.1' }, { name: 'keyholed', path: join(directory, 'proxy.sock') }] });
    const { broker } = manager;
    assert.equal(broker.port, manager.ports[0]);
    const token = await credential(manager);
    assert.equal((await ask({ port: broker.port, path: '/~up/a' }, token)).status, 200);
    assert.equal((await ask({ socketPath: broker.file('proxy.sock'), path: '/~up/b' }, token)).status, 200);
    assert.deepEqual(manager.notifications('FDSTORE').map((e) => e.descriptors), [1], 'the admin socket is left there, and no unit\'s');
    await manager.stop();
    assert.ok(existsSync(broker.file('proxy.sock')), 'the name is the unit\'s');
    await manager.start();
    assert.equal((await ask({ socketPath: broker.file('proxy.sock'), path: '/~up/c' }, token)).status, 200);
  });

  test('wait for nobody: a connection made before the first start is served', async (t) => {
    const manager = await new ServiceManager(t, { config: listens, sockets: LOOPBACK }).init();
    const early = net.connect(manager.ports[0], '127.0.0.1');
    t.after(() => early.destroy());
    early.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    let text = '';
    early.on('data', (data) => {
      text += data;
    });
    await manager.start();
    await until('the answer is there', () => /^HTTP\/1\.1 \d+ /.test(text));
  });

  const refused = async (t, options, says) => {
    const manager = await new ServiceManager(t, { config: listens, ...options }).init();
    const from = await manager.launch();
    assert.equal(await manager.ended(from), 1);
    assert.match(manager.text(), says);
    assert.equal(manager.notifications('READY').length, 0);
  };

  test('one that is not in the configuration is refused, by its address', (t) => refused(t,
    { sockets: LOOPBACK, config: () => 'listen:\n  - address: 127.0.0.1:0' }, /passed a socket for 127\.0\.0\.1:\d+, which is not in the configuration/));
  test('one that is for both families is refused', (t) => refused(t,
    { sockets: () => [{ address: '::', only: 0 }], config: () => '' }, /BindIPv6Only=ipv6-only/));
  test('one that does not listen is refused', (t) => refused(t,
    { sockets: () => [{ address: '127.0.0.1', deaf: true }] }, /Accept=no/));
  test('a unix socket that others may connect to is refused', (t) => refused(t,
    { sockets: (directory) => [{ path: join(directory, 'proxy.sock'), mode: 0o666 }], config: () => 'listen: []' }, /SocketMode=0600/));

  test('those of another process are not touched', { skip: process.getuid() !== 0 && 'whose variables these are is told to root alone' }, async (t) => {
    const broker = new Broker(t, { env: { LISTEN_FDS: '1', LISTEN_PID: '1' } });
    await broker.init();
    await broker.start();
    for (const { pid } of broker.processes())
      assert.doesNotMatch(readFileSync(`/proc/${pid}/environ`, 'latin1'), /LISTEN_/);
  });

  test('systemd-socket-activate starts it at the first connection', async (t) => {
    if ((await run('/bin/sh', ['-c', 'command -v systemd-socket-activate'])).status !== 0)
      return t.skip('systemd is not installed here');
    const port = await unusedPort();
    const broker = await new Broker(t, { config: listens([port]) }).init();
    const child = spawn('systemd-socket-activate', ['-l', `127.0.0.1:${port}`, '--fdname=keyholed', keyholed, 'run', '--dir', broker.directory],
      { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    const ready = deferred();
    let log = '';
    child.stderr.on('data', (data) => {
      log += data;
      if (/Listening on/.test(log)) ready.resolve();
    });
    child.on('close', () => ready.reject(new Error(log)));
    await within('systemd-socket-activate', ready.promise);
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    assert.match(answer.headers.get('keyhole-request-id') ?? answer.headers.get('content-type') ?? '', /./);
    child.kill('SIGTERM');
    await until('it has ended', () => !isAlive(child.pid));
  });
});

describe('what it tells the service manager', () => {
  test('ready, a reload, and that it stops and for how long', async (t) => {
    const manager = await managed(t, { config: (ports) => `${listens(ports)}\ntimeouts:\n  drain: 100s` });
    assert.match((await manager.notified('READY=1')).assignments.STATUS, /serving/);
    const reload = manager.events.length;
    manager.signal('SIGHUP');
    const { assignments } = await manager.notified('RELOADING=1', reload);
    assert.match(assignments.MONOTONIC_USEC, /^\d{6,}$/);
    await manager.notified('READY=1', reload);
    const names = manager.events.slice(reload).filter((e) => e.event === 'notify').map((e) => Object.keys(e.assignments)[0]);
    assert.deepEqual(names, ['RELOADING', 'READY'], 'in this order');
    const stop = await manager.stop();
    const said = await manager.notified('STOPPING=1', stop);
    assert.ok(Number(said.assignments.EXTEND_TIMEOUT_USEC) >= 100e6, JSON.stringify(said));
  });

  test('a reload that fails says so, and leaves it ready', async (t) => {
    const manager = await managed(t);
    manager.broker.writeConfig('nonsense: true');
    const from = manager.events.length;
    manager.signal('SIGHUP');
    assert.match((await manager.notified('READY=1', from)).assignments.STATUS, /failed/);
  });

  test('the watchdog is fed while all children serve, and not while one cannot', async (t) => {
    // Programs of its own, so that one can be exchanged for one that ends at once.
    const place = temporaryDirectory(t, 'watchdog');
    cpSync(join(build, 'libexec'), join(place, 'libexec'), { recursive: true });
    mkdirSync(join(place, 'bin'));
    copyFileSync(keyholed, join(place, 'bin/keyholed'));
    const proxy = join(place, 'libexec/keyhole/keyhole-proxy');
    const manager = new ServiceManager(t, { config: listens, sockets: LOOPBACK, watchdog: 400000 });
    manager.broker.programs = { keyholed: join(place, 'bin/keyholed'), keyhole };
    await manager.init();
    await manager.start();
    const fed = () => manager.notifications('WATCHDOG').length;
    await until('it was fed twice', () => fed() >= 2);
    const { pid } = await manager.broker.process('proxy');
    renameSync(proxy, `${proxy}.good`);
    copyFileSync('/bin/false', proxy);
    process.kill(pid, 'SIGKILL');
    // What was said before is told by the service manager a moment later.
    await until('another one was started in vain, twice', () => /starts in 400 ms/.test(manager.text()));
    const before = fed();
    // Several times the watchdog's time.
    await until('it was tried again and again', () => /starts in 1600 ms/.test(manager.text()));
    assert.ok(fed() - before <= 1, `fed ${fed() - before} times while a proxy was missing`);
    renameSync(`${proxy}.good`, proxy);
    const after = fed();
    await until('all serve, and it is fed again', () => fed() > after);
  });
});

describe('credentials of the service manager', () => {
  async function sealed(t, hex) {
    const manager = new ServiceManager(t, { config: listens, sockets: LOOPBACK });
    const credentials = join(manager.broker.home, 'credentials');
    mkdirSync(credentials, { mode: 0o700 });
    writeFileSync(join(credentials, 'keyhole-master-key'), `${hex}\n`, { mode: 0o440 });
    manager.env.CREDENTIALS_DIRECTORY = manager.broker.env.CREDENTIALS_DIRECTORY = credentials;
    return manager;
  }

  test('the master key comes from there, and no file has it', async (t) => {
    const manager = await sealed(t, randomBytes(32).toString('hex'));
    await manager.init();
    assert.ok(!existsSync(manager.broker.file('master.key')));
    await manager.start();
    const token = await credential(manager);
    await manager.stop();
    await manager.start();
    assert.equal((await ask({ port: manager.broker.port, path: '/~up/x' }, token)).status, 200);
  });

  test('another one opens nothing', async (t) => {
    const manager = await sealed(t, randomBytes(32).toString('hex'));
    await manager.init();
    const file = join(manager.broker.home, 'credentials/keyhole-master-key');
    chmodSync(file, 0o600);
    writeFileSync(file, `${randomBytes(32).toString('hex')}\n`);
    const from = await manager.launch();
    assert.equal(await manager.ended(from), 1);
    assert.match(manager.text(), /is not the master key of this database/);
  });
});

describe('a restart loses no connection', () => {
  /** New connections, as fast as they are answered, until told to end. */
  function load(port, token, clients) {
    const result = { served: 0, failed: [] };
    let over = false;
    const one = async (n) => {
      for (let i = 0; !over; i++) {
        const answer = await ask({ port, path: `/~up/load/${n}/${i}` }, token).catch((error) => ({ status: error.code ?? error.message }));
        if (answer.status === 200) result.served++;
        else result.failed.push(`${answer.status} ${answer.text ?? ''}`);
      }
    };
    const all = Promise.all(Array.from({ length: clients }, (_, n) => one(n)));
    result.end = () => {
      over = true;
      return within('the load to end', all);
    };
    return result;
  }

  async function restartUnderLoad(t, options) {
    const manager = await managed(t, options);
    const { broker } = manager;
    const token = await credential(manager);
    const port = broker.port;
    // A long answer runs over the restart; it is finished by the instance that began it.
    const held = upstream.hold(`/long-${port}`);
    const long = ask({ port, path: `/~up/long-${port}` }, token);
    const { res } = await held.next();
    const running = load(port, token, 8);
    t.after(running.end);
    await until('the load is on', () => running.served > 50);
    const from = manager.events.length;
    manager.signal('SIGTERM');
    await manager.notified('STOPPING=1', from);
    const during = ask({ port, path: '/~up/during' }, token);
    during.catch(() => {}); // seen below
    res.end('finished');
    assert.equal((await within('the long answer', long)).text, 'finished');
    assert.equal(await manager.ended(from), 0, manager.text());
    const before = running.served;
    await manager.start();
    assert.equal(broker.port, port);
    assert.equal((await within('the one that waited', during)).status, 200);
    await until('the load goes on', () => running.served > before + 50);
    await running.end();
    assert.deepEqual(running.failed, []);
    return manager;
  }

  test('with the sockets of a socket unit', (t) => restartUnderLoad(t, { keep: false }));

  test('with its own, which the service manager keeps', async (t) => {
    const port = await unusedPort();
    const manager = await restartUnderLoad(t, { sockets: () => [], config: () => listens([port]) });
    const stored = manager.notifications('FDSTORE').length;
    assert.ok(stored >= 3, 'address, unix socket and admin socket are left there');
  });

  test('what is not in the configuration any more is given up', async (t) => {
    const [first, second] = [await unusedPort(), await unusedPort()];
    const manager = await managed(t, { sockets: () => [], config: () => listens([first]) });
    await manager.stop();
    const text = readFileSync(manager.broker.file('keyholed.yaml'), 'utf8');
    writeFileSync(manager.broker.file('keyholed.yaml'), text.replace(`127.0.0.1:${first}`, `127.0.0.1:${second}`));
    const from = await manager.start();
    assert.equal(manager.broker.port, second);
    await manager.notified('FDSTOREREMOVE=1', from);
    await assert.rejects(ask({ port: first, path: '/' }, 'x'), /ECONNREFUSED/);
    const last = manager.events.filter((e) => e.event === 'notify' && e.assignments.FDSTORE).at(-1);
    assert.equal(last.kept, 3, 'address, unix socket and admin socket, and no other');
  });

  test('a connection that has not asked yet is waited for, and answered', async (t) => {
    const manager = await managed(t);
    const token = await credential(manager);
    const client = net.connect(manager.broker.port, '127.0.0.1');
    t.after(() => client.destroy());
    await new Promise((resolve) => client.on('connect', resolve));
    // It is accepted when a later one on the same listener was.
    await ask({ port: manager.broker.port, path: '/~up/later' }, token);
    let text = '';
    client.on('data', (data) => {
      text += data;
    });
    const from = manager.events.length;
    manager.signal('SIGTERM');
    await manager.notified('STOPPING=1', from);
    client.write(`GET /~up/late HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    assert.equal(await manager.ended(from), 0);
    await until('the answer is there', () => text.includes('\r\n\r\n'));
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.match(text, /\r\nConnection: close\r\n/i);
  });
});
