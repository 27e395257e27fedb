// SPDX-License-Identifier: Apache-2.0
// The canary: after all kinds of requests, the real key is searched for in everything that the broker
// left behind, and in everything that others can see of it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { encodings, Broker, realKey } from '../support/broker.mjs';
import { forge } from '../support/macaroon.mjs';
import { environment, keyholed, isAlive } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

function filesBelow(directory) {
  const found = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(path));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

// threat 18
test('the real key occurs in no log, audit, database, answer, environment, command line or core', async (t) => {
  const key = realKey(), rotated = realKey();
  const forms = [key, rotated].flatMap(encodings);
  const absent = (what, data) => {
    const text = Buffer.isBuffer(data) ? data.toString('latin1') : String(data);
    for (const form of forms) assert.ok(!text.includes(form), `the key stands in ${what}`);
  };
  const upstream = await startUpstream(t, { accepts: () => true });
  upstream.route('/echo', (received, res) => res.end(JSON.stringify(received.headers)));
  upstream.route('/break', (received, res) => {
    res.write(received.headers.authorization);
    setImmediate(() => res.destroy());
  });
  const broker = new Broker(t, { config: 'log:\n  level: debug' });
  await broker.init();
  await broker.start();
  const said = [];
  const keep = async (promise) => {
    const result = await promise;
    said.push(JSON.stringify(result));
    return result;
  };
  await keep(broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--slot', 'query:key', '--inject', 'header:Authorization: Bearer {secret}'] }));
  const token = await broker.mint('up');
  const narrow = await broker.attenuate(token, '--method', 'GET');

  // Requests that are allowed, denied, echoed, broken, malformed; commands that fail.
  await keep(broker.request('/~up/echo', { token }));
  await keep(broker.request('/~up/echo', { token: narrow, method: 'POST', body: 'x' }));
  await keep(broker.request('/~up/echo', { token: forge(token) }));
  await keep(broker.request('/~up/echo?key=sk-wrong'));
  await keep(broker.request('/~up/break', { token }).catch((error) => error.message));
  const client = await broker.connect();
  client.write(`GET /~up/x HTTP/1.1\r\nHost: a b\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  said.push((await client.answer()).text);
  client.destroy();
  await keep(broker.operator(['credential', 'add', 'up', '--host', 'x.example', '--slot', 'bearer', '--inject', 'header:A: {secret}'], { stdin: key, may: true }));
  broker.secrets.push(rotated);
  await keep(broker.operator(['credential', 'rotate', 'up'], { stdin: rotated }));
  await keep(broker.request('/~up/echo', { token }));
  for (const args of [['credential', 'show', 'up'], ['credential', 'list', '--json'], ['status', '--json'], ['audit', 'tail'], ['key', 'list']])
    await keep(broker.operator(args));
  said.forEach((text, i) => absent(`answer ${i}`, text));

  await t.test('what others can see of the processes', () => {
    const processes = [{ pid: broker.pid }, ...broker.processes()];
    assert.ok(processes.length >= 3);
    for (const { pid } of processes)
      for (const file of ['environ', 'cmdline', 'comm', 'status']) {
        let data;
        try {
          data = readFileSync(`/proc/${pid}/${file}`);
        } catch {
          continue;
        }
        absent(`/proc/${pid}/${file}`, data);
        assert.ok(!data.includes('kh1_'), `a token stands in /proc/${pid}/${file}`);
      }
  });

  await t.test('files below the state directory, whatever their names', () => {
    const files = filesBelow(broker.home);
    assert.ok(files.some((f) => f.endsWith('keyholed.db')));
    for (const file of files) absent(file, readFileSync(file));
  });

  await t.test('a core: a process that crashes leaves none', async () => {
    const cwd = broker.home;
    await broker.stop();
    // The user wants cores; these processes leave none all the same.
    const shell = spawn('/bin/sh', ['-c', 'ulimit -c unlimited 2>/dev/null; exec "$@"', 'sh', keyholed, 'run', '--dir', broker.directory, '--listen', '127.0.0.1:0'],
      { env: environment(), cwd, stdio: ['ignore', 'pipe', 'ignore'] });
    broker.child = shell;
    broker.ended = new Promise((resolve) => shell.on('close', (status, signal) => {
      broker.child = null;
      resolve({ status, signal });
    }));
    broker.stdout = '';
    shell.stdout.on('data', (d) => (broker.stdout += d));
    await until('it serves', () => broker.stdout.includes('\n'));
    broker.readReady(broker.stdout);
    await broker.request('/~up/echo', { token });
    const { processes } = await broker.status();
    for (const p of processes.filter((x) => x.role !== 'supervisor')) {
      process.kill(p.pid, 'SIGSEGV');
      await until(`${p.role} is gone`, () => !isAlive(p.pid));
    }
    await until('it serves again', async () => (await broker.request('/~up/echo', { token }).catch(() => null))?.status === 200);
    const cores = filesBelow(cwd).filter((f) => /(^|\/)core(\.|$)/.test(f));
    assert.deepEqual(cores, []);
    for (const file of filesBelow(cwd)) absent(file, readFileSync(file));
  });

  await t.test('after the end, too', async () => {
    await broker.stop();
    for (const file of filesBelow(broker.home)) {
      if (existsSync(file) && statSync(file).size < 64 << 20) absent(file, readFileSync(file));
    }
    absent('the log', broker.log);
  });
});
