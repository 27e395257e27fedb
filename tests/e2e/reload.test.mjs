// SPDX-License-Identifier: Apache-2.0
// keyholed reload and check --diff: what changed, what of it is in effect, and what was wrong.

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';

import { realKey, startBroker, unusedPort } from '../support/broker.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const reload = (broker, args = []) => broker.operator(['reload', ...args], { may: true });

test('reload says what changed, what is in effect, and what waits for a restart', async (t) => {
  const broker = await startBroker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0' });
  const file = broker.file('keyholed.yaml'), before = readFileSync(file, 'utf8');
  const nothing = await reload(broker);
  assert.equal(nothing.status, 0, nothing.stderr);
  assert.match(nothing.stderr, /nothing changed/);
  appendFileSync(file, 'timeouts: {idle: 10s}\nworkers: 3\nnames: [broker.example]\n');

  const looked = await broker.operator(['check', '--diff']);
  assert.match(looked.stdout, /timeouts\.idle +75s -> 10s +by a reload/);
  assert.match(looked.stdout, /workers +\d+ -> 3 +by a restart/);
  assert.ok(!broker.audit().some((r) => r.command === 'config.reload' && r.detail === 'changes: 3'), 'a look changes nothing');

  const { reloaded, changes, file: read } = JSON.parse((await reload(broker, ['--json'])).stdout);
  assert.equal(reloaded, true);
  assert.equal(read, file);
  const by = Object.fromEntries(changes.map(({ setting, ...rest }) => [setting, rest]));
  assert.deepEqual(by['timeouts.idle'], { old: '75s', new: '10s', outcome: 'applied' });
  assert.equal(by.workers.outcome, 'restart');
  assert.deepEqual(by.names, { old: '', new: 'broker.example', outcome: 'applied' });
  assert.equal(changes.length, 3);
  const again = await reload(broker);
  assert.match(again.stdout, /^workers .*needs a restart\n$/, 'what waits is named again, and nothing else');
  assert.ok(broker.audit().some((r) => r.command === 'config.reload' && r.detail === 'changes: 3'));

  writeFileSync(file, `${before}timeouts: {idle: 10s}\nlimits: {body: much}\n`);
  const line = before.split('\n').length + 1;
  for (const args of [['reload'], ['check', '--diff']]) {
    const broken = await broker.operator(args, { may: true });
    assert.equal(broken.status, 1);
    assert.match(broken.stderr, new RegExp(`keyholed\\.yaml:${line}: limits\\.body: expected a size`), broken.stderr);
  }
  assert.match((await reload(broker)).stderr, /the configuration stays as it was/);
  assert.equal((await broker.request('/')).status < 500, true);
});

test('a file whose name is no text is read again as any other', async (t) => {
  const broker = await startBroker(t);
  const file = broker.file('keyholed.yaml'), other = Buffer.concat([Buffer.from(broker.file('k')), Buffer.from([0xff]), Buffer.from('.yaml')]);
  renameSync(file, other);
  symlinkSync(other, file);
  appendFileSync(other, 'workers: 7\n');
  const done = await reload(broker, ['--json']);
  assert.equal(done.status, 0, done.stderr);
  assert.equal(JSON.parse(done.stdout).file, broker.file('k?.yaml'));
  assert.deepEqual(JSON.parse(done.stdout).changes.map((c) => c.setting), ['workers']);
});

test('a listener that is new serves; one that cannot be opened makes the reload fail', async (t) => {
  const broker = await startBroker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0' });
  const other = await startBroker(t);
  const file = broker.file('keyholed.yaml'), before = readFileSync(file, 'utf8');
  writeFileSync(file, before.replace('\nlisten:', `\nlisten:\n  - address: 127.0.0.1:${other.port}`));
  const taken = await reload(broker, ['--json']);
  assert.equal(taken.status, 1);
  assert.match(JSON.parse(taken.stdout).changes[0].outcome, /^failed: .*(in use|already)/);
  writeFileSync(file, before.replace('\nlisten:', '\nlisten:\n  - address: 127.0.0.2:0'));
  const added = await reload(broker);
  assert.equal(added.status, 0, added.stderr);
  assert.match(added.stdout, /listen +\(none\) -> 127\.0\.0\.2:0 +applied/);
  const { listeners } = await broker.status();
  const address = listeners.find((l) => l.includes('127.0.0.2'))?.split('=')[1];
  assert.ok(address, JSON.stringify(listeners));
  assert.ok((await broker.request('/', { base: `http://${address}` })).status < 500);
});

test('a listener that is gone from the file, or is another one there, serves as before until a restart', async (t) => {
  const broker = await startBroker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0' });
  const file = broker.file('keyholed.yaml'), before = readFileSync(file, 'utf8'), port = await unusedPort();
  const write = (more) => writeFileSync(file, before.replace('\nlisten:', `\nlisten:${more}`));
  const asks = async () => (await broker.request('/', { base: `http://127.0.0.1:${port}` })).status;
  write(`\n  - address: 127.0.0.1:${port}`);
  assert.match((await reload(broker)).stdout, new RegExp(`^listen +\\(none\\) -> 127\\.0\\.0\\.1:${port} +applied\\n$`));
  assert.equal(await asks(), 200);
  for (const [what, more] of [['gone', ''], ['with TLS', `\n  - address: 127.0.0.1:${port}\n    tls: true`]]) {
    write(more);
    const looked = await broker.operator(['check', '--diff']);
    assert.match(looked.stdout, new RegExp(`^listen +127\\.0\\.0\\.1:${port} -> \\(none\\) +by a restart\\n$`), `${what}: ${looked.stdout}`);
    for (let i = 0; i < 2; i++) {
      const said = await reload(broker, ['--json']);
      assert.equal(said.status, 0, said.stderr);
      assert.deepEqual(JSON.parse(said.stdout).changes, [{ setting: 'listen', old: `127.0.0.1:${port}`, new: '', outcome: 'restart' }], `${what}, reload ${i}`);
      assert.equal(await asks(), 200, `${what}, reload ${i}`);
    }
  }
  await until('the log says so', () => broker.log.includes(`the listener 127.0.0.1:${port} is gone from the configuration or changed in it`));
  await broker.stop();
  write('');
  await broker.start();
  await assert.rejects(asks(), /ECONNREFUSED/);
});

test('a listener that could not be opened is tried again by the next reload', async (t) => {
  const broker = await startBroker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0' });
  const file = broker.file('keyholed.yaml'), taken = createServer();
  await new Promise((resolve) => { taken.listen(0, '127.0.0.1', resolve); });
  const { port } = taken.address();
  writeFileSync(file, readFileSync(file, 'utf8').replace('\nlisten:', `\ntimeouts: {idle: 10s}\nlisten:\n  - address: 127.0.0.1:${port}`));
  for (let i = 0; i < 2; i++) {
    const said = await reload(broker);
    assert.equal(said.status, 1, said.stdout);
    assert.match(said.stdout, new RegExp(`^listen +\\(none\\) -> 127\\.0\\.0\\.1:${port} +failed: .*in use`, 'm'), `reload ${i}`);
    if (i === 0) assert.match(said.stdout, /^timeouts\.idle +75s -> 10s +applied$/m, 'and the rest is in effect');
  }
  const { listeners } = await broker.status();
  assert.ok(!listeners.some((l) => l.includes(`:${port}`)), JSON.stringify(listeners));
  await new Promise((resolve) => { taken.close(resolve); });
  const said = await reload(broker);
  assert.equal(said.status, 0, said.stderr);
  assert.match(said.stdout, new RegExp(`^listen +\\(none\\) -> 127\\.0\\.0\\.1:${port} +applied\\n$`));
  assert.equal((await broker.request('/', { base: `http://127.0.0.1:${port}` })).status, 200);
});

test('sockets of their own stay as they are, and are named by each reload until a restart', async (t) => {
  const broker = await startBroker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0' });
  appendFileSync(broker.file('keyholed.yaml'), `metrics: [{socket: "${broker.file('m.sock')}"}]\n`);
  for (let i = 0; i < 2; i++) {
    const said = await reload(broker);
    assert.equal(said.status, 0, said.stderr);
    assert.match(said.stdout, /^metrics +\(none\) -> .*needs a restart\n$/, `reload ${i}`);
  }
});

test('what is said to be in effect is', async (t) => {
  const broker = await startBroker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0\nworkers: 1' });
  const ask = async () => (await broker.request('/~x/1', { headers: { connection: 'close' } })).status;
  const held = await broker.connect();
  t.after(() => held.destroy());
  assert.notEqual(await ask(), 503);
  appendFileSync(broker.file('keyholed.yaml'), 'limits: {connections: 1}\n');
  assert.match((await reload(broker)).stdout, /limits\.connections +4096 -> 1 +applied/);
  await until('the proxy has it', async () => (await ask()) === 503);
});

test('a storm of SIGHUPs and reloads at once: no request is lost, and the last file is in effect', async (t) => {
  const upstream = await startUpstream(t, { accepts: accepts.anything() });
  const broker = await startBroker(t, { listen: null, config: 'listen:\n  - address: 127.0.0.1:0' });
  await broker.addCredential('x', { secret: realKey(), upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
  const token = await broker.mint('x');
  const file = broker.file('keyholed.yaml'), before = readFileSync(file, 'utf8'), family = broker.processes().map((p) => p.pid).sort();
  let running = true, served = 0;
  const load = Promise.all([1, 2, 3, 4].map(async () => {
    for (; running; served++) assert.equal((await broker.request('/~x/echo', { token })).status, 200, `request ${served}`);
  }));
  const commands = [];
  for (let i = 1; i <= 50; i++) {
    const next = `${file}.next`;
    writeFileSync(next, `${before}timeouts: {idle: ${i + 9}s}\n`, { mode: 0o600 });
    renameSync(next, file);
    broker.reload();
    if (i % 10 === 0) commands.push(reload(broker, ['--json']));
    const seen = served;
    await until('requests go on', () => served > seen);
  }
  for (const done of await Promise.all(commands)) {
    assert.equal(done.status, 0, done.stderr);
    assert.equal(JSON.parse(done.stdout).reloaded, true);
  }
  running = false;
  await load;
  assert.ok(served >= 50);
  const last = JSON.parse((await reload(broker, ['--json'])).stdout);
  assert.deepEqual(last.changes.filter((c) => c.setting === 'timeouts.idle').map((c) => c.new).filter((v) => v !== '59s'), []);
  assert.match((await broker.operator(['check', '--diff'])).stderr, /as in effect/);
  assert.deepEqual(broker.processes().map((p) => p.pid).sort(), family, 'nobody was started again');
});

test('without a broker there is nothing to reload', async (t) => {
  const broker = await startBroker(t);
  await broker.stop();
  const none = await reload(broker);
  assert.equal(none.status, 1);
  assert.match(none.stderr, /no broker is running/);
});
