// SPDX-License-Identifier: Apache-2.0
// A restore that is killed, at each of its steps: the next restore, check or start says so and brings it to
// its end, and there is the state from before or the backup's, never some of both.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { build, descendants, isAlive, keyholed, must, run, sanitized, temporaryDirectory } from '../support/programs.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';
import { until, within } from '../support/wait.mjs';

const killAt = join(build, 'tests/bin/kill_at.so');

// Whatever happens, nobody is left behind.
function killLater(t, child) {
  t.after(() => {
    for (const { pid } of [...descendants(child.pid), child])
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has ended
      }
  });
}

// A backup of one broker, and the directory of another one, which has more files and another key.
async function world(t) {
  const home = temporaryDirectory(t, 'restore');
  const key = join(home, 'key'), file = join(home, 'b'), old = join(home, 'old'), target = join(home, 'target');
  const to = (await must(keyholed, ['backup', 'key', key])).stdout.trim();
  const from = await new Broker(t).init();
  await from.operator(['backup', file, '--to', to]);
  await must(keyholed, ['init', '--dir', old]);
  writeFileSync(join(old, 'gateway.key'), 'mine', { mode: 0o600 });
  const kept = (directory) => readdirSync(directory).filter((n) => !/^(keyholed\.lock|before-restore-.*)$/.test(n)).sort();
  const masterKey = (directory) => readFileSync(join(directory, 'master.key'), 'utf8');
  const names = { old: kept(old), new: kept(from.directory) };
  const again = () => {
    rmSync(target, { recursive: true, force: true });
    cpSync(old, target, { recursive: true });
    for (const name of ['', ...readdirSync(old).filter((n) => statSync(join(old, n)).isDirectory())]) chmodSync(join(target, name), 0o700);
  };
  // 'old' or 'new', and nothing else.
  const holds = (words) => {
    const which = masterKey(target) === masterKey(old) ? 'old' : 'new';
    const aside = readdirSync(target).filter((n) => n.startsWith('before-restore-'));
    assert.deepEqual(kept(target), names[which], `${words}: the files of ${which}`);
    assert.equal(aside.length, which === 'new' ? 1 : 0, `${words}: ${aside}`);
    if (which === 'old') return which;
    assert.equal(masterKey(target), masterKey(from.directory), words);
    assert.deepEqual(kept(join(target, aside[0])), names.old, words);
    for (const name of names.old.filter((n) => statSync(join(old, n)).isFile()))
      assert.deepEqual(readFileSync(join(target, aside[0], name)), readFileSync(join(old, name)), `${words}: ${name}`);
    return which;
  };
  const restore = (args = [], options = {}) =>
    run(keyholed, ['restore', file, '--key-file', key, '--dir', target, ...args], options);
  return { home, key, to, file, old, target, from, again, holds, restore, masterKey };
}

test('killed at each step of its works', { skip: sanitized && 'the sanitizer wants to be the first library' }, async (t) => {
  const { target, again, holds, restore } = await world(t);
  const seen = { old: 0, new: 0 };
  let at = 0, killed = true, said = 0;
  while (killed) {
    again();
    const env = { LD_PRELOAD: killAt, KILL_AT: String(++at), KILL_PROGRAM: '/keyhole-authority' };
    killed = (await restore(['--force'], { env })).signal === 'SIGKILL';
    const left = readdirSync(target).filter((n) => n.startsWith('.restore-'));
    let words = `killed at step ${at} (${left})`;
    // What comes next: check, a restore that is refused, a start by turns. Each says what it found.
    const next = at % 3 === 0 ? await run(keyholed, ['check', '--dir', target])
      : at % 3 === 1 ? await restore([])
        : await run(keyholed, ['key', 'change-master', '--dir', target, '--key-fd', '0'], { stdin: 'no key' });
    words += `: ${next.stderr}`;
    if (left.length > 0) {
      assert.match(next.stderr, /a restore was interrupted/, words);
      said++;
    }
    assert.ok(!readdirSync(target).some((n) => n.startsWith('.')), `${words}: ${readdirSync(target)}`);
    seen[holds(words)]++;
  }
  t.diagnostic(`${at} steps: ${JSON.stringify(seen)}`);
  assert.ok(seen.old > 5 && seen.new > 5 && said > 10, `${at} steps: ${JSON.stringify(seen)}, said ${said} times`);
});

test('a start, a check, init and a backup beside what an interrupted restore left', async (t) => {
  const { home, to, target, from, again, holds, restore, masterKey } = await world(t);
  // As behind the step that decides: the backup is unpacked, and nothing has moved yet.
  const decided = async () => {
    const other = join(home, 'unpacked');
    rmSync(other, { recursive: true, force: true });
    again();
    rmSync(target, { recursive: true });
    assert.equal((await restore()).status, 0);
    rmSync(join(target, 'keyholed.lock'));
    renameSync(target, other);
    again();
    renameSync(other, join(target, '.restore-1700000000.ready'));
  };
  const finished = /a restore was interrupted, and is finished now: the backup is in force; what was there before is in \S+\/before-restore-1700000000/;

  await decided();
  const backup = await run(keyholed, ['backup', join(home, 'no'), '--to', to, '--dir', target]);
  assert.equal(backup.status, 1);
  assert.match(backup.stderr, /a restore into it is not finished; keyholed check goes on with it/);
  assert.ok(!existsSync(join(home, 'no')));
  for (const args of [['tail'], ['query'], ['verify']]) {
    const read = await run(keyholed, ['audit', ...args, '--dir', target]);
    assert.match(read.stderr, /a restore in \S+ is at work, or was interrupted: what is here may be a part of it/, `${args}`);
  }
  const checked = await must(keyholed, ['check', '--dir', target]);
  assert.match(checked.stderr, finished);
  assert.equal(holds('check'), 'new');
  assert.doesNotMatch((await must(keyholed, ['check', '--dir', target])).stderr, /interrupted/, 'it is told once');
  assert.doesNotMatch((await run(keyholed, ['audit', 'verify', '--dir', target])).stderr, /a restore/);

  await decided();
  const broker = new Broker(t);
  broker.directory = target;
  await broker.start();
  await until('the log tells', () => finished.test(broker.log));
  await broker.stop();
  assert.equal(masterKey(target), masterKey(from.directory));
  assert.ok(existsSync(join(target, 'before-restore-1700000000/gateway.key')));
  assert.match(broker.audit().at(-2)?.detail ?? broker.audit().map((r) => r.detail).join(), /restored from a backup/);

  await decided();
  const init = await run(keyholed, ['init', '--dir', target]);
  assert.match(init.stderr, finished);
  assert.equal(masterKey(target), masterKey(from.directory), 'init makes no other key');

  // Unpacked in part: it is removed, and the broker that was there starts.
  again();
  mkdirSync(join(target, '.restore-1700000000.new'), { mode: 0o700 });
  writeFileSync(join(target, '.restore-1700000000.new/keyholed.db'), 'half of it');
  const before = new Broker(t);
  before.directory = target;
  await before.start();
  await until('the log tells', () => /interrupted before it changed anything/.test(before.log));
  await before.stop();
  assert.ok(!readdirSync(target).some((n) => n.startsWith('.restore')));
});

test('while a restore is at work nobody else touches what it has', async (t) => {
  const { home, target, again, restore, key, file, holds } = await world(t);
  again();
  const pipe = join(home, 'pipe');
  await must('/usr/bin/mkfifo', [pipe]);
  const child = spawn(keyholed, ['restore', pipe, '--key-file', key, '--dir', target, '--force'], { stdio: 'ignore' });
  killLater(t, child);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  await until('the restore waits for its file', () => descendants(child.pid).length > 0);
  const writer = spawn('/bin/sh', ['-c', `cat > ${pipe}`], { stdio: ['pipe', 'ignore', 'inherit'] });
  killLater(t, writer);
  const whole = readFileSync(file);
  writer.stdin.write(whole.subarray(0, 100));
  const left = await until('it has begun', () => readdirSync(target).find((n) => n.startsWith('.restore-')));
  for (const args of [['check'], ['run', '--listen', '127.0.0.1:0'], ['init'], ['key', 'change-master']]) {
    const other = await run(keyholed, [...args, '--dir', target]);
    assert.equal(other.status, 1, `${args}: ${other.stderr}`);
    assert.match(other.stderr, /a restore \(process \d+\) is at work in .*: wait for it/, `${args}`);
    assert.ok(existsSync(join(target, left)), `${args} left it alone`);
  }
  assert.equal((await restore(['--force'])).status, 1);
  writer.stdin.end(whole.subarray(100));
  assert.equal(await within('the restore ends', ended), 0);
  assert.equal(holds('then'), 'new');
});

test('a directory that was made for a restore that failed is gone', async (t) => {
  const { home, target, file, restore } = await world(t);
  rmSync(target, { recursive: true, force: true });
  const whole = readFileSync(file);
  writeFileSync(file, whole.subarray(0, whole.length - 1));
  assert.equal((await restore()).status, 1);
  assert.ok(!existsSync(target));
  assert.deepEqual(readdirSync(home).filter((n) => n.includes('restore') || n.includes('target')), []);
});

test('two restores with --force within a second keep what each of them found', async (t) => {
  const { target, again, restore, masterKey, old, from } = await world(t);
  again();
  for (let i = 0; i < 3; i++) {
    const done = await restore(['--force']);
    assert.equal(done.status, 0, done.stderr);
  }
  const aside = readdirSync(target).filter((n) => n.startsWith('before-restore-'));
  assert.equal(aside.length, 3);
  const keys = aside.map((name) => masterKey(join(target, name)));
  assert.equal(keys.filter((key) => key === masterKey(old)).length, 1);
  assert.equal(keys.filter((key) => key === masterKey(from.directory)).length, 2);
});

test('what backups that were killed left is removed by the next one, and what others use is not', async (t) => {
  const upstream = await startUpstream(t, { accepts: accepts.anything() });
  const broker = await startBroker(t);
  await broker.addCredential('x', { secret: realKey(), upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
  const home = temporaryDirectory(t, 'restore'), file = join(home, 'b');
  const to = (await must(keyholed, ['backup', 'key', join(home, 'key')])).stdout.trim();
  const hidden = () => readdirSync(broker.directory).filter((n) => n.startsWith('.backup'));
  const unfinished = () => readdirSync(home).filter((n) => n.endsWith('.unfinished'));
  if (!sanitized) {
    let killed = true, copies = 0, files = 0;
    for (let at = 1; killed; at++) {
      const env = { LD_PRELOAD: killAt, KILL_AT: String(at), KILL_PROGRAM: '/keyhole-authority' };
      killed = (await broker.operator(['backup', file, '--force', '--to', to], { env, may: true })).signal === 'SIGKILL';
      assert.ok(hidden().length <= 1 && unfinished().length <= 1, `step ${at}: ${hidden()} ${unfinished()}`);
      copies += hidden().length;
      files += unfinished().length;
    }
    assert.ok(copies > 1 && files > 0, `${copies} copies, ${files} files were left`);
  }
  // One that is held is in use, whoever looks.
  mkdirSync(join(broker.directory, '.backup-AAAAAA'), { mode: 0o700 });
  writeFileSync(join(home, 'b.1.unfinished'), 'x', { mode: 0o600 });
  const holder = spawn('/usr/bin/flock', [join(broker.directory, '.backup-AAAAAA'), 'flock', join(home, 'b.1.unfinished'), 'sh', '-c',
    'echo held; exec sleep 600'], { stdio: ['ignore', 'pipe', 'inherit'] });
  killLater(t, holder);
  await within('it is held', new Promise((resolve) => holder.stdout.once('data', resolve)));
  for (const args of [['backup', file, '--force', '--to', to], ['check']]) await broker.operator(args);
  assert.deepEqual([hidden(), unfinished()], [['.backup-AAAAAA'], ['b.1.unfinished']]);
  const sleeper = descendants(holder.pid).at(-1);
  process.kill(sleeper.pid, 'SIGKILL');
  await until('nobody holds it', () => !isAlive(sleeper.pid) && !isAlive(holder.pid));
  await broker.operator(['check']);
  assert.deepEqual(hidden(), []);
  await broker.operator(['backup', file, '--force', '--to', to]);
  assert.deepEqual(unfinished(), []);
  await broker.stop();
  mkdirSync(join(broker.directory, '.backup-BBBBBB'), { mode: 0o700 });
  await broker.start();
  assert.deepEqual(hidden(), [], 'a start removes it as well');
});

test('a check of a backup that was killed leaves nothing for long', { skip: sanitized && 'the sanitizer wants to be the first library' }, async (t) => {
  const { home, key, file } = await world(t);
  const tmp = join(home, 'tmp');
  mkdirSync(tmp);
  const check = (env = {}) => run(keyholed, ['backup', '--check', file, '--key-file', key], { env: { TMPDIR: tmp, ...env } });
  const killed = await check({ LD_PRELOAD: killAt, KILL_AT: '4', KILL_PROGRAM: '/keyhole-authority' });
  assert.equal(killed.signal, 'SIGKILL');
  assert.equal(readdirSync(tmp).length, 1);
  assert.equal((await check()).status, 0);
  assert.deepEqual(readdirSync(tmp), []);
});
