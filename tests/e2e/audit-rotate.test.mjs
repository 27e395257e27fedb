// SPDX-License-Identifier: Apache-2.0
// The audit log in several files: rotated by the operator and by size, read, verified, backed up, moved away.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Broker, startBroker } from '../support/broker.mjs';
import { keyholed, must, run, temporaryDirectory } from '../support/programs.mjs';
import { until } from '../support/wait.mjs';

const older = (broker) => readdirSync(broker.directory).filter((n) => /^audit\.log\.\d+$/.test(n)).sort();
const lines = (path) => readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
const all = (broker) => [...older(broker), 'audit.log'].flatMap((name) => lines(broker.file(name)));
const audit = async (broker, ...args) => (await broker.operator(['audit', ...args, '--json'])).stdout;
const records = async (broker, ...args) => (await audit(broker, ...args)).trimEnd().split('\n').filter(Boolean).map(JSON.parse);

async function deny(broker, path) {
  const answer = await broker.request(path, { token: 'kh1_no' });
  assert.equal(answer.status, 403, answer.text);
  return answer.headers['keyhole-request-id'];
}

function chained(records) {
  records.forEach((r, i) => assert.equal(r.seq, records[0].seq + i));
}

test('rotate: the chain goes on, and tail, query, verify, policy and status read all files', async (t) => {
  const broker = await startBroker(t);
  const ids = [await deny(broker, '/~x/1')];
  const told = JSON.parse(await audit(broker, 'rotate'));
  assert.equal(told.file, 'audit.log.000000000001');
  assert.equal(told.first, 1);
  ids.push(await deny(broker, '/~x/2'));
  const said = (await broker.operator(['audit', 'rotate'])).stdout;
  assert.match(said, /^audit\.log\.\d{12}: records \d+ to \d+, head \d+:[0-9a-f]{64}\n$/);
  ids.push(await deny(broker, '/~x/3'));
  assert.deepEqual(older(broker), [told.file, said.split(':')[0]]);
  const [first] = lines(broker.file('audit.log'));
  assert.equal(first.kind, 'rotate');
  assert.equal(first.command, 'audit.rotate');
  assert.equal(first.uid, process.getuid());
  assert.equal(first.subject, said.split(':')[0]);
  chained(all(broker));

  const verified = JSON.parse(await audit(broker, 'verify', '--head', `${told.seq}:${told.hash}`));
  assert.deepEqual([verified.ok, verified.first, verified.records], [true, 1, verified.seq]);
  for (const id of ids) assert.equal((await records(broker, 'query', '--id', id)).length, 1, `record of ${id}`);
  assert.deepEqual((await records(broker, 'query', '--kind', 'decision', '--since', '1h')).map((r) => r.id), ids);
  assert.deepEqual((await records(broker, 'query', '--decision', 'deny', '-n', '2')).map((r) => r.id), ids.slice(1));
  const seqs = (await records(broker, 'tail', '-n', '1000')).map((r) => r.seq);
  assert.deepEqual(seqs, all(broker).map((r) => r.seq));
  assert.equal((await records(broker, 'tail', '-n', '3')).length, 3);
  assert.equal(JSON.parse((await broker.operator(['status', '--json'])).stdout).requests.hour.deny, 3);
  await broker.restart();
  chained(all(broker));
  await broker.operator(['audit', 'verify']);
});

test('by size, and the size can be changed while it runs', async (t) => {
  const broker = await startBroker(t, { config: 'audit: {sync: always, rotate-size: 64KiB}' });
  const long = '/x'.repeat(1500);
  for (let i = 0; i < 40; i++) await deny(broker, `/~x${long}`);
  await until('the log is in two files', () => older(broker).length > 0 && existsSync(broker.file('audit.log')));
  const denied = () => all(broker).filter((r) => r.kind === 'decision').length;
  assert.equal(denied(), 40);
  assert.ok(!('command' in lines(broker.file('audit.log'))[0]), 'nobody asked for it');
  await broker.operator(['audit', 'verify']);
  const config = broker.file('keyholed.yaml');
  writeFileSync(config, readFileSync(config, 'utf8').replace('rotate-size: 64KiB', 'rotate-size: 0'));
  await broker.operator(['reload']);
  const before = older(broker).length;
  for (let i = 0; i < 40; i++) await deny(broker, `/~x${long}`);
  await broker.restart();
  assert.equal(older(broker).length, before);
  assert.equal(denied(), 80);
});

test('--follow goes on over rotations, each record once', async (t) => {
  const broker = await startBroker(t);
  const seen = [];
  let child, rest = '';
  const following = run(keyholed, ['audit', 'tail', '-n', '0', '--follow', '--json', '--dir', broker.directory], {
    onSpawn: (spawned) => {
      child = spawned;
      child.stdout.on('data', (data) => {
        rest += data;
        for (let end; (end = rest.indexOf('\n')) >= 0; rest = rest.slice(end + 1)) seen.push(JSON.parse(rest.slice(0, end)));
      });
    },
  });
  await until('it follows', async () => {
    await deny(broker, '/~x/begin');
    return seen.length > 0;
  });
  for (let i = 0; i < 5; i++) {
    await deny(broker, `/~x/${i}`);
    await broker.operator(['audit', 'rotate']);
    if (i % 2) await broker.operator(['audit', 'rotate']);
  }
  const last = await deny(broker, '/~x/end');
  await until('all of it was told', () => seen.some((r) => r.id === last));
  child.kill('SIGINT');
  await following;
  chained(seen);
});

test('older files moved away or compressed: said, and not tampering; one that is changed is', async (t) => {
  const broker = await startBroker(t);
  for (let i = 0; i < 3; i++) {
    await deny(broker, `/~x/${i}`);
    await broker.operator(['audit', 'rotate']);
  }
  const [one, two, three] = older(broker);
  const away = temporaryDirectory(t, 'away');
  const back = readFileSync(broker.file(one));
  await must('gzip', [broker.file(one)]);
  const verified = await broker.operator(['audit', 'verify']);
  assert.match(verified.stdout, /^ok: \d+ records, head \d+:/);
  assert.match(verified.stdout, new RegExp(`records 1 to ${Number(two.slice(-12)) - 1} are in files that were moved away`));
  assert.ok((await records(broker, 'tail', '-n', '1000')).length > 0);
  writeFileSync(broker.file(one), back, { mode: 0o600 });
  renameSync(broker.file(two), join(away, two));
  const gap = await broker.operator(['audit', 'verify'], { may: true });
  assert.equal(gap.status, 1);
  assert.match(gap.stderr, /a file between them is missing/);
  await broker.restart(); // what audit.log goes on from is there
  renameSync(join(away, two), broker.file(two));
  const text = readFileSync(broker.file(two));
  text[40] ^= 1;
  writeFileSync(broker.file(two), text);
  const changed = await broker.operator(['audit', 'verify'], { may: true });
  assert.equal(changed.status, 1);
  assert.match(changed.stderr, new RegExp(`${two}, line \\d+ does not follow`));
  for (const name of [one, two, three]) renameSync(broker.file(name), join(away, name));
  await broker.restart();
  await broker.operator(['audit', 'verify']);
});

test('a backup has all files, and a restore verifies them', async (t) => {
  const broker = await startBroker(t);
  const id = await deny(broker, '/~x/1');
  await broker.operator(['audit', 'rotate']);
  await deny(broker, '/~x/2');
  const home = temporaryDirectory(t, 'rotate'), file = join(home, 'b'), to = join(home, 'restored');
  const pass = { stdin: 'a passphrase of some length\n' };
  await broker.operator(['backup', file, '--passphrase-fd', '0'], pass);
  const report = JSON.parse((await must(keyholed, ['restore', file, '--passphrase-fd', '0', '--dir', to, '--json'], pass)).stdout);
  const other = new Broker(t);
  other.directory = to;
  assert.equal(report.audit_records, all(other).length);
  await other.start();
  assert.equal((await records(other, 'query', '--id', id)).length, 1);
  await other.operator(['audit', 'verify']);
  await other.stop();
  // One record of the older file is another: such a backup is refused.
  const [name] = older(broker);
  const text = readFileSync(broker.file(name));
  text[40] ^= 1;
  writeFileSync(broker.file(name), text);
  await broker.operator(['backup', '--force', file, '--passphrase-fd', '0'], pass);
  const refused = await run(keyholed, ['restore', file, '--passphrase-fd', '0', '--dir', join(home, 'second')], pass);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /audit\.log/);
  assert.ok(!existsSync(join(home, 'second', 'keyholed.db')));
});

test('killed while it rotates: nothing acknowledged is lost, and it starts', async (t) => {
  const broker = await startBroker(t, { config: 'audit: {sync: always}' });
  const ids = [];
  for (let round = 0; round < 6; round++) {
    ids.push(await deny(broker, `/~x/${round}`));
    const files = older(broker).length; // before they begin: on a busy machine they may be done at once
    const rotating = Promise.all([1, 2, 3].map(() => broker.operator(['audit', 'rotate'], { may: true })));
    await until('it rotates', () => older(broker).length > files);
    await broker.kill();
    await rotating;
    await broker.start();
    const found = new Set(all(broker).map((r) => r.id));
    for (const id of ids) assert.ok(found.has(id), `${id} is on record`);
    chained(all(broker));
    await broker.operator(['audit', 'verify']);
  }
});
