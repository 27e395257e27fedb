// SPDX-License-Identifier: Apache-2.0
// keyholed reload and check --diff: what changed, what of it is in effect, and what was wrong.

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { startBroker } from '../support/broker.mjs';

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

test('without a broker there is nothing to reload', async (t) => {
  const broker = await startBroker(t);
  await broker.stop();
  const none = await reload(broker);
  assert.equal(none.status, 1);
  assert.match(none.stderr, /no broker is running/);
});
