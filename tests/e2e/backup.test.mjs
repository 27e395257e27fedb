// SPDX-License-Identifier: Apache-2.0
// Backups: made while requests are served, put back somewhere else, refused when anything about them is
// another; and a change of the master key.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, closeSync, existsSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { descendants, keyholed, must, run, temporaryDirectory } from '../support/programs.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';
import { until, within } from '../support/wait.mjs';

const passphrase = 'a passphrase of some length';

async function world(t) {
  const upstream = await startUpstream(t, { accepts: accepts.anything() });
  const broker = await startBroker(t);
  const secret = realKey();
  await broker.addCredential('x', { secret, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
  const home = temporaryDirectory(t, 'backup');
  const backup = (args = [], options = {}) =>
    broker.operator(['backup', join(home, 'b'), '--passphrase-fd', '0', ...args], { stdin: `${passphrase}\n`, ...options });
  const restored = () => {
    const other = new Broker(t);
    other.directory = join(home, 'restored');
    other.secrets.push(secret);
    return other;
  };
  const restore = (args = [], { stdin = `${passphrase}\n`, may = false, to = join(home, 'restored') } = {}) =>
    (may ? run : must)(keyholed, ['restore', join(home, 'b'), '--passphrase-fd', '0', '--dir', to, ...args], { stdin });
  return { upstream, broker, secret, home, file: join(home, 'b'), backup, restore, restored };
}

const ask = async (broker, token) => (await broker.request('/~x/echo', { token })).status;

test('a backup under load, put back elsewhere: tokens work, and nothing was held up', async (t) => {
  const { broker, upstream, secret, home, file, backup, restore, restored } = await world(t);
  const token = await broker.mint('x'), counted = await broker.mint('x', { caveats: ['uses <= 3'] });
  const unseen = await broker.mint('x', { caveats: ['uses <= 3'] });
  const revoked = await broker.mint('x'), later = await broker.mint('x');
  await broker.operator(['revoke', '-'], { stdin: revoked });
  await broker.operator(['invite', 'alice'], { may: true });
  assert.equal(await ask(broker, counted), 200);
  let running = true, served = 0;
  const load = Promise.all([1, 2, 3, 4].map(async () => {
    while (running) {
      assert.equal(await ask(broker, token), 200);
      served++;
    }
  }));
  const made = await backup();
  assert.match(made.stderr, /SHA-256 [0-9a-f]{64}\n/);
  for (let i = 0; i < 3; i++) await backup(['--force']);
  running = false;
  await load;
  assert.ok(served > 0, 'requests were served meanwhile');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(home), ['b'], 'nothing else is left there');
  assert.ok(!readdirSync(broker.directory).some((n) => n.startsWith('.backup')), 'nor in the state directory');
  assert.ok(!readFileSync(file).includes(secret), 'it is sealed');
  await broker.operator(['revoke', '-'], { stdin: later });
  const before = broker.audit().length;
  await broker.stop();

  const checked = await broker.operator(['backup', '--check', file, '--passphrase-fd', '0'], { stdin: passphrase });
  assert.match(checked.stderr, /ok: it can be restored/);
  const said = await restore();
  assert.match(said.stderr, /REVOCATIONS MADE SINCE ARE LOST/);
  const other = await restored().start();
  assert.equal(await ask(other, token), 200);
  assert.equal(upstream.requests.at(-1).headers.authorization, `Bearer ${secret}`);
  assert.equal(await ask(other, revoked), 401, 'what was revoked before stays revoked');
  assert.equal(await ask(other, later), 200, 'as restore said');
  other.denied(await other.request('/~x/echo', { token: counted }), 401, 'uses-exhausted');
  other.denied(await other.request('/~x/echo', { token: unseen }), 401, 'uses-exhausted');
  assert.equal(await ask(other, await other.mint('x', { caveats: ['uses <= 1'] })), 200, 'new ones count anew');
  await must(keyholed, ['audit', 'verify', '--dir', other.directory]);
  assert.match(other.audit().filter((r) => r.kind === 'start').at(-1).detail, /restored from a backup of 20/);
  assert.ok(other.audit().length > 5 && before > 5);
  await other.restart();
  assert.doesNotMatch(other.audit().filter((r) => r.kind === 'start').at(-1).detail, /restored/, 'it is told once');
});

test('two backups at once, while tokens are minted and revoked: what was acknowledged before is in both', async (t) => {
  const { broker, home } = await world(t);
  const key = join(home, 'key'), to = (await must(keyholed, ['backup', 'key', key])).stdout.trim();
  const done = { minted: [], revoked: [] }, kept = await broker.mint('x');
  let running = true;
  const load = Promise.all([1, 2].map(async () => {
    while (running) {
      const token = await broker.mint('x');
      done.minted.push(token);
      if (done.minted.length % 2) continue;
      await broker.operator(['revoke', '-'], { stdin: token });
      done.revoked.push(token);
    }
  }));
  const enough = (n) => until(`${n} were revoked`, () => done.revoked.length >= n);
  const rounds = [];
  for (let round = 0; round < 2; round++) {
    await enough(3 * (round + 1));
    const before = { minted: done.minted.length, revoked: done.revoked.length };
    const files = ['a', 'b'].map((name) => join(home, `${name}${round}`));
    await Promise.all(files.map((file) => broker.operator(['backup', file, '--to', to])));
    rounds.push(...files.map((file) => ({ file, before })));
  }
  await enough(done.revoked.length + 1);
  running = false;
  await load;
  const open = done.minted.find((token) => !done.revoked.includes(token));
  await broker.stop();
  assert.ok(!readdirSync(broker.directory).some((n) => n.startsWith('.backup')));
  for (const { file, before } of rounds) {
    const other = new Broker(t);
    other.directory = `${file}.restored`;
    await must(keyholed, ['restore', file, '--key-file', key, '--dir', other.directory]);
    await other.start(); // a log that is behind its database would be no start
    for (const token of done.revoked.slice(0, before.revoked)) assert.equal(await ask(other, token), 401, 'revoked before, and acknowledged');
    for (const token of [kept, open]) assert.equal(await ask(other, token), 200);
    const minted = other.audit().filter((r) => r.command === 'mint').length;
    assert.ok(minted >= before.minted, `${minted} mints are on record, ${before.minted} were acknowledged before`);
    await must(keyholed, ['audit', 'verify', '--dir', other.directory]);
    await other.stop();
  }
});

test('a counter that went on after the backup gives no more in its second life', async (t) => {
  const { broker, backup, restore, restored } = await world(t);
  const uses = await broker.mint('x', { caveats: ['uses <= 5'] }), rate = await broker.mint('x', { caveats: ['rate <= 3/h'] });
  for (const token of [uses, uses, rate]) assert.equal(await ask(broker, token), 200);
  await backup();
  for (const token of [uses, uses, uses, rate, rate]) assert.equal(await ask(broker, token), 200);
  assert.equal(await ask(broker, uses), 401);
  assert.equal(await ask(broker, rate), 429);
  await broker.stop();
  await restore();
  const other = await restored().start();
  assert.equal(await ask(other, uses), 401, 'what was left at the backup was used since');
  assert.equal(await ask(other, rate), 429);
  await other.restart();
  assert.equal(await ask(other, uses), 401);
});

test('--revoke-before ends what was minted before', async (t) => {
  const { broker, backup, restore, restored } = await world(t);
  const token = await broker.mint('x');
  await backup();
  await broker.stop();
  const report = JSON.parse((await restore(['--revoke-before', '--json'])).stdout);
  assert.match(report.revoked_before, /^20/);
  assert.equal(report.sealed_values, 'open');
  const other = await restored().start();
  other.denied(await other.request('/~x/echo', { token }), 401, 'revoked');
  assert.equal(await ask(other, await other.mint('x')), 200);
});

test('only into a directory that is new or empty, or with --force, and never under a running broker', async (t) => {
  const { broker, home, backup, restore, restored } = await world(t);
  await backup();
  const again = await backup([], { may: true });
  assert.equal(again.status, 1);
  assert.match(again.stderr, /is there already/);
  const running = await restore(['--force'], { to: broker.directory, may: true });
  assert.equal(running.status, 1);
  assert.match(running.stderr, /stop it first/);
  const target = join(home, 'restored');
  mkdirSync(target, { mode: 0o700 });
  writeFileSync(join(target, 'mine'), 'x');
  const refused = await restore([], { may: true });
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /is not empty \(mine\)/);
  assert.deepEqual(readdirSync(target).filter((n) => n !== 'keyholed.lock'), ['mine']);
  await restore(['--force']);
  const aside = readdirSync(target).find((n) => n.startsWith('before-restore-'));
  assert.deepEqual(readdirSync(join(target, aside)), ['mine']);
  await (await restored().start()).stop();
});

test('sealed to a public key: the key opens it, and nothing else does', async (t) => {
  const { broker, home, file } = await world(t);
  const key = join(home, 'key'), wrong = join(home, 'wrong');
  const to = (await must(keyholed, ['backup', 'key', key])).stdout.trim();
  assert.match(to, /^kb1_[\w-]{43}$/);
  assert.equal(statSync(key).mode & 0o777, 0o600);
  assert.equal((await run(keyholed, ['backup', 'key', key])).status, 1, 'a key is not overwritten');
  await must(keyholed, ['backup', 'key', wrong]);
  const { sha256, master_key: inside } = JSON.parse((await broker.operator(['backup', file, '--to', to, '--json'])).stdout);
  assert.equal(inside, true);
  const check = (args, stdin) => run(keyholed, ['restore', '--check', file, ...args, '--dir', join(home, 'no')], { stdin });
  assert.equal((await check(['--key-file', key, '--sha256', sha256])).status, 0);
  for (const [args, stdin, words] of [
    [['--key-file', wrong], '', /not sealed to that key/],
    [['--passphrase-fd', '0'], 'whatever', /sealed to a key/],
    [['--key-file', key, '--sha256', '0'.repeat(64)], '', /it is another file/],
  ]) {
    const answer = await check(args, stdin);
    assert.equal(answer.status, 1);
    assert.match(answer.stderr, words);
  }
  assert.equal((await run(keyholed, ['backup', file, '--force', '--to', 'kb1_x', '--dir', broker.directory])).status, 2);
  const both = join(home, 'both');
  await must(keyholed, ['backup', both, '--to', to, '--passphrase-fd', '0', '--dir', broker.directory], { stdin: passphrase });
  for (const [args, stdin] of [[['--key-file', key]], [['--passphrase-fd', '0'], passphrase]])
    await must(keyholed, ['backup', '--check', both, ...args], { stdin });
  assert.ok(!existsSync(join(home, 'no')), 'a check makes nothing');
});

test('a file that was cut short or changed anywhere is refused, and leaves nothing', async (t) => {
  const { broker, home, file } = await world(t);
  const key = join(home, 'key');
  const to = (await must(keyholed, ['backup', 'key', key])).stdout.trim();
  await broker.operator(['backup', file, '--to', to, '--without-audit-log']);
  const whole = readFileSync(file), target = join(home, 'restored');
  const refused = async (bytes, what) => {
    writeFileSync(file, bytes);
    const answer = await run(keyholed, ['restore', file, '--key-file', key, '--dir', target]);
    assert.equal(answer.status, 1, what);
    assert.match(answer.stderr, /changed|no backup|not sealed to that key|out of range/, what);
    assert.ok(!readdirSync(home).some((n) => n.startsWith('restored')), what);
  };
  // Every place of the header, and some of each chunk.
  const places = new Set([0, 5, 16, 17, 18, 30, 49, 60, 129, 130, 140, 153, 154, whole.length - 1, whole.length - 17]);
  for (let at = 160; at < whole.length; at += 9973) places.add(at);
  for (const at of places) {
    const flipped = Buffer.from(whole);
    flipped[at] ^= 1;
    await refused(flipped, `bit of byte ${at}`);
    await refused(whole.subarray(0, at), `cut at ${at}`);
  }
  await refused(Buffer.concat([whole, Buffer.from('x')]), 'a byte behind its end');
  const wrong = await run(keyholed, ['restore', file, '--passphrase-fd', '0', '--dir', target], { stdin: 'wrong' });
  assert.equal(wrong.status, 1);
  writeFileSync(file, whole);
  await must(keyholed, ['restore', file, '--key-file', key, '--dir', target]);
});

test('who may open it cannot be changed, nor an entry be named another', async (t) => {
  const { broker, home, file } = await world(t);
  const key = join(home, 'key'), other = join(home, 'other');
  const to = (await must(keyholed, ['backup', 'key', key])).stdout.trim();
  const also = (await must(keyholed, ['backup', 'key', other])).stdout.trim();
  const make = async (...keys) => {
    await broker.operator(['backup', file, '--force', '--without-audit-log', ...keys.flatMap((k) => ['--to', k])]);
    return readFileSync(file);
  };
  const HEAD = 17, ROW = 1 + 32 + 80; // the magic; a row of a public key
  const one = await make(to), two = await make(to, also);
  assert.deepEqual([one[HEAD], two[HEAD]], [1, 2]);
  const row = (whole, i) => whole.subarray(HEAD + 1 + i * ROW, HEAD + 1 + (i + 1) * ROW);
  const rest = (whole) => whole.subarray(HEAD + 1 + whole[HEAD] * ROW);
  const build = (rows, body) => Buffer.concat([one.subarray(0, HEAD), Buffer.from([rows.length]), ...rows, body]);
  const check = async (bytes, ...args) => {
    writeFileSync(file, bytes);
    return (await run(keyholed, ['backup', '--check', file, '--key-file', key, ...args])).status;
  };
  assert.equal(await check(two), 0);
  for (const [what, bytes] of [
    ['one is taken out', build([row(two, 0)], rest(two))],
    ['one is put in', build([row(one, 0), row(two, 1)], rest(one))],
    ['they change places', build([row(two, 1), row(two, 0)], rest(two))],
    ['one stands there twice', build([row(two, 0), row(two, 0)], rest(two))],
    ['the row of another backup', build([row(two, 0)], rest(one))],
    ['none', build([], rest(one))],
    ['the chunks of another backup', build([row(one, 0)], rest(two))],
  ]) assert.equal(await check(bytes), 1, what);
});

test('a full disk: no backup, and nothing of it', async (t) => {
  const { broker, home } = await world(t);
  const full = await run('/bin/sh', ['-c', 'ulimit -f 64; exec "$0" "$@"', keyholed, 'backup', join(home, 'b'),
    '--passphrase-fd', '0', '--dir', broker.directory], { stdin: passphrase });
  assert.equal(full.status, 1, full.stderr);
  assert.match(full.stderr, /^keyholed: .*(too large|full|No space|disk I\/O error)/m);
  assert.deepEqual(readdirSync(home), []);
  assert.ok(!readdirSync(broker.directory).some((n) => n.startsWith('.backup')));
});

test('--force puts a file in the place of a file, and of nothing else', async (t) => {
  const { home, file, backup } = await world(t);
  const refused = async (what) => {
    const before = lstatSync(file).mode;
    const said = await backup(['--force'], { may: true });
    assert.equal(said.status, 1, what);
    assert.match(said.stderr, /is no regular file/, what);
    assert.equal(lstatSync(file).mode, before, `${what} is still one`);
    renameSync(file, join(home, what));
  };
  await must('/usr/bin/mkfifo', [file]);
  await refused('fifo');
  symlinkSync('/dev/null', file);
  await refused('link');
  symlinkSync('nowhere', file);
  await refused('dangling');
  mkdirSync(file);
  await refused('directory');
  writeFileSync(file, 'x');
  await backup(['--force']);
  assert.deepEqual(readdirSync(home).sort(), ['b', 'dangling', 'directory', 'fifo', 'link']);
});

test('a backup after a change of the master key was interrupted has the key that opens it', async (t) => {
  const { broker, backup, restore, restored } = await world(t);
  const token = await broker.mint('x');
  await broker.stop();
  const key = broker.file('master.key'), next = broker.file('master.key.new');
  await broker.operator(['key', 'change-master']);
  renameSync(key, next); // as after the commit, when the old one is overwritten
  writeFileSync(key, Buffer.alloc(65), { mode: 0o600 });
  await backup();
  assert.match((await restore()).stderr, /restored/);
  assert.equal(readFileSync(join(restored().directory, 'master.key'), 'utf8'), readFileSync(next, 'utf8'));
  const other = await restored().start();
  assert.equal(await ask(other, token), 200);

  writeFileSync(next, `${'ab'.repeat(32)}\n`, { mode: 0o600 }); // and now no key is the database's
  const none = await backup(['--force'], { may: true });
  assert.equal(none.status, 1);
  assert.match(none.stderr, /is not the key of this database.*--without-master-key/);
  await backup(['--force', '--without-master-key']);
});

test('a command that is killed leaves nobody at work without the lock', async (t) => {
  const { broker, home } = await world(t);
  const key = join(home, 'key'), to = (await must(keyholed, ['backup', 'key', key])).stdout.trim();
  const file = join(home, 'b'), target = join(home, 'target');
  await broker.operator(['backup', file, '--to', to]);
  mkdirSync(target, { mode: 0o700 });
  const pipe = join(home, 'pipe');
  await must('/usr/bin/mkfifo', [pipe]);
  const writer = openSync(pipe, 'r+');
  const child = spawn(keyholed, ['restore', pipe, '--key-file', key, '--dir', target], { stdio: 'ignore' });
  const again = () => run(keyholed, ['restore', file, '--key-file', key, '--dir', target]);
  await until('the restore has begun', () => readdirSync(target).some((name) => name.startsWith('.restore-')));
  const [worker] = descendants(child.pid);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGKILL');
  await within('the command ends', ended);
  const early = await again();
  assert.equal(early.status, 1, `process ${worker} works in ${target} and another may, too`);
  assert.match(early.stderr, /a restore \(process \d+\) is at work in .*: wait for it/);
  closeSync(writer);
  await until('the lock is free', async () => (await again()).status === 0);
  assert.ok(!readdirSync(target).some((name) => name.startsWith('.restore-')));
});

test('a master key that is a passphrase is not in the backup, and still opens what was restored', async (t) => {
  const home = temporaryDirectory(t, 'backup');
  const directory = join(home, 's'), file = join(home, 'b'), target = join(home, 'r');
  await must(keyholed, ['init', '--dir', directory, '--passphrase-fd', '0'], { stdin: 'master' });
  const made = await must(keyholed, ['backup', file, '--passphrase-fd', '0', '--dir', directory], { stdin: passphrase });
  assert.match(made.stderr, /the master key is not in it/);
  const said = await must(keyholed, ['restore', file, '--passphrase-fd', '0', '--dir', target], { stdin: passphrase });
  assert.match(said.stderr, /was not opened/);
  for (const [stdin, works] of [['wrong', false], ['master', true]]) {
    const broker = new Broker(t, { args: ['--passphrase-fd', '0'] });
    broker.directory = target;
    broker.stdin = stdin;
    if (works) await broker.start();
    else await assert.rejects(broker.start(), /is not the master key/);
  }
});

test('the master key changes: file, passphrase, a key from outside and back; tokens go on', async (t) => {
  const { broker, home, backup } = await world(t);
  const token = await broker.mint('x'), key = () => readFileSync(broker.file('master.key'), 'utf8');
  const change = (args, stdin) => broker.operator(['key', 'change-master', ...args], { stdin, may: true });
  const first = key();
  const running = await change([]);
  assert.equal(running.status, 1);
  assert.match(running.stderr, /stop it first/);
  const works = async (stdin) => {
    broker.stdin = stdin;
    broker.extra = stdin ? ['--passphrase-fd', '0'] : [];
    await broker.start();
    assert.equal(await ask(broker, token), 200);
    await broker.stop();
  };
  await broker.stop();
  assert.equal((await change([])).status, 0);
  assert.notEqual(key(), first);
  await works();
  const second = key();
  writeFileSync(broker.file('master.key'), first);
  await assert.rejects(broker.start(), /is not the master key of this database/);
  writeFileSync(broker.file('master.key'), second);

  assert.equal((await change(['--new-passphrase-fd', '0'], 'over the rainbow')).status, 0);
  assert.ok(!existsSync(broker.file('master.key')), 'the old key is gone');
  await works('over the rainbow');
  assert.equal((await change(['--passphrase-fd', '0'], 'wrong')).status, 1);

  const own = join(home, 'own.key');
  writeFileSync(own, `${'5a'.repeat(32)}\n`);
  const fromShell = (command) => must('/bin/sh', ['-c', `printf 'over the rainbow' | "$0" "$@" ${command}`, keyholed,
    'key', 'change-master', '--dir', broker.directory, '--passphrase-fd', '0']);
  await fromShell(`--new-key-fd 3 3<${own}`);
  const credentials = join(home, 'credentials');
  mkdirSync(credentials);
  writeFileSync(join(credentials, 'keyhole-master-key'), readFileSync(own));
  chmodSync(join(credentials, 'keyhole-master-key'), 0o400);
  broker.env = { CREDENTIALS_DIRECTORY: credentials };
  await works();
  broker.env = {};
  const same = await run('/bin/sh', ['-c', `"$0" "$@" 3<${own} 4<${own}`, keyholed, 'key', 'change-master', '--dir', broker.directory,
    '--key-fd', '3', '--new-key-fd', '4']);
  assert.equal(same.status, 1);
  assert.match(same.stderr, /that is the master key already/);
  const back = await run('/bin/sh', ['-c', `"$0" "$@" 3<${own}`, keyholed, 'key', 'change-master', '--dir', broker.directory, '--key-fd', '3']);
  assert.equal(back.status, 0, back.stderr);
  await works();
  assert.equal(broker.audit().filter((r) => r.command === 'key.master.change').length, 4);
  await must(keyholed, ['audit', 'verify', '--dir', broker.directory]);
  await backup();
});

test('the master key from each place to each other one', async (t) => {
  const { broker, home } = await world(t);
  const token = await broker.mint('x'), credentials = join(home, 'credentials');
  await broker.stop();
  mkdirSync(credentials);
  const own = join(home, 'own.key');
  let turn = 0, at = 'file';
  for (const next of ['passphrase', 'passphrase', 'credential', 'credential', 'file', 'file', 'credential', 'passphrase', 'file']) {
    turn++;
    const fresh = join(home, `key${turn}`);
    writeFileSync(fresh, next === 'passphrase' ? `passphrase ${turn}` : `${turn}`.repeat(64));
    const from = { file: '', passphrase: '--passphrase-fd 3', credential: '--key-fd 3' }[at];
    const into = { file: '', passphrase: '--new-passphrase-fd 4', credential: '--new-key-fd 4' }[next];
    const changed = await run('/bin/sh', ['-c', `"$0" "$@" ${from} ${into} 3<${at === 'file' ? '/dev/null' : own} 4<${fresh}`, keyholed,
      'key', 'change-master', '--dir', broker.directory]);
    assert.equal(changed.status, 0, `from ${at} to ${next}: ${changed.stderr}`);
    assert.equal(existsSync(broker.file('master.key')), next === 'file', `from ${at} to ${next}`);
    const name = join(credentials, 'keyhole-master-key');
    writeFileSync(own, readFileSync(fresh));
    if (existsSync(name)) chmodSync(name, 0o600);
    writeFileSync(name, readFileSync(fresh));
    chmodSync(name, 0o400);
    at = next;
    broker.env = at === 'credential' ? { CREDENTIALS_DIRECTORY: credentials } : {};
    broker.stdin = at === 'passphrase' ? readFileSync(own, 'utf8') : undefined;
    broker.extra = at === 'passphrase' ? ['--passphrase-fd', '0'] : [];
    await broker.start();
    assert.equal(await ask(broker, token), 200, `kept as ${at}`);
    await broker.stop();
  }
});

test('root keys rotate under load: old tokens stay valid until their key is retired', async (t) => {
  const { broker } = await world(t);
  const old = await broker.mint('x');
  let running = true, served = 0;
  const load = Promise.all([1, 2, 3].map(async () => {
    while (running) {
      assert.equal(await ask(broker, old), 200);
      served++;
    }
  }));
  const id = Number((await broker.operator(['key', 'rotate'])).stdout);
  const young = await broker.mint('x'), seen = served;
  assert.equal(await ask(broker, young), 200);
  while (served < seen + 20) assert.equal(await ask(broker, young), 200);
  running = false;
  await load;
  const { keys } = await broker.operatorJson(['key', 'list']);
  assert.deepEqual(keys.map((k) => k.active), [false, true]);
  assert.equal((await broker.operator(['key', 'retire', String(id)], { may: true })).status, 3, 'the one that mints stays');
  await broker.operator(['key', 'retire', String(keys[0].id)]);
  broker.denied(await broker.request('/~x/echo', { token: old }), 401, 'signature-invalid');
  assert.equal(await ask(broker, young), 200);
  await broker.restart();
  assert.equal(await ask(broker, old), 401);
  assert.equal(await ask(broker, young), 200);
});
