// SPDX-License-Identifier: Apache-2.0
// A state or a configuration that is not as it should be: a clear message, no start, and nothing is
// overwritten.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, beforeEach, describe, test } from 'node:test';

import { Broker, realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { keyholed, must, python, run, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until } from '../support/wait.mjs';

const key = realKey();
const BEARER = ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'];
let upstream;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
});

/** Checksums and modes of what a start must not touch. */
function picture(directory) {
  const found = {};
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const info = lstatSync(path);
    if (!info.isFile() || /-shm$|\.lock$|^lock$/.test(name)) continue;
    found[name] = `${(info.mode & 0o7777).toString(8)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
  }
  return found;
}

/** A stopped broker with a credential, a token and a log of some requests. */
async function stopped(t) {
  const broker = await startBroker(t);
  await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: BEARER });
  broker.token = await broker.mint('up');
  for (let i = 0; i < 3; i++) await broker.request(`/~up/n${i}`, { token: broker.token });
  await broker.stop();
  return broker;
}

const start = (broker, args = [], options = {}) =>
  run(keyholed, ['run', '--dir', broker.directory, '--listen', '127.0.0.1:0', ...args], options);

/** It does not start, says why, and leaves everything as it was. */
async function refuses(broker, says, args = [], options = {}) {
  const before = picture(broker.directory);
  const result = await start(broker, args, options);
  assert.equal(result.status, 1, `status ${result.status ?? result.signal}: ${result.stderr}`);
  assert.equal(result.stdout, '', 'no ready line');
  assert.match(result.stderr, says);
  assert.deepEqual(picture(broker.directory), before, 'nothing was overwritten');
  for (const line of result.stderr.split('\n').filter((l) => l.startsWith('{'))) JSON.parse(line);
  return result;
}

describe('a configuration file that is wrong', () => {
  // [what, the file, the line, what the message says]
  const files = [
    ['no YAML', 'timeouts: {', 1, /./],
    ['a tab for indentation', 'timeouts:\n\thead: 10s', 2, /./],
    ['an unknown key', 'workers: 1\ntimeout:\n  head: 10s', 2, /timeout/],
    ['an unknown key inside', 'workers: 1\ntimeouts:\n  heads: 10s', 3, /heads/],
    ['a duration without a unit', 'timeouts:\n  head: 10', 2, /10/],
    ['a number out of range', '# c\n\nworkers: 100000', 3, /workers|256|range/],
    ['a negative number', 'workers: -1', 1, /workers|-1/],
    ['a word that is none of the choices', 'log:\n  level: loud', 2, /loud|level/],
    ['a listener without a port', 'listen:\n  - address: 127.0.0.1', 2, /address|port/],
    ['a plain listener on a network', 'listen:\n  - address: 0.0.0.0:0', 2, /insecure|loopback|tls/i],
    ['a key twice', 'workers: 1\nworkers: 2', 2, /workers/],
    ['a list where a value should be', 'workers: [1]', 1, /workers|./],
  ];
  for (const [what, text, line, says] of files)
    test(what, async (t) => {
      const broker = await new Broker(t).init();
      const file = broker.file('keyholed.yaml');
      writeFileSync(file, `${text}\n`);
      const args = ['run', '--dir', broker.directory];
      const before = picture(broker.directory);
      for (const command of [['check', '--dir', broker.directory], args]) {
        const result = await run(keyholed, command);
        assert.equal(result.status, 1, `${command[0]}: ${result.status} ${result.stderr}`);
        assert.equal(result.stdout, '');
        assert.match(result.stderr, new RegExp(`keyholed\\.yaml:${line}\\b`), 'file and line');
        assert.match(result.stderr, says);
      }
      assert.deepEqual(picture(broker.directory), before);
    });

  test('a file that is not there', async (t) => {
    const broker = await new Broker(t).init();
    await refuses(broker, /nothing\.yaml/, ['--config', join(broker.home, 'nothing.yaml')]);
  });

  test('the file that init writes is right, and says every setting', async (t) => {
    const broker = await new Broker(t).init();
    assert.equal((await run(keyholed, ['check', '--dir', broker.directory])).status, 0);
    const text = readFileSync(broker.file('keyholed.yaml'), 'utf8');
    for (const word of ['workers', 'first-byte', 'connections', 'listen']) assert.ok(text.includes(word), word);
  });

  test('a plain listener on a network, on the command line', async (t) => {
    const broker = await new Broker(t).init();
    const result = await run(keyholed, ['run', '--dir', broker.directory, '--listen', '0.0.0.0:0']);
    assert.ok([1, 2].includes(result.status), result.stderr);
    assert.match(result.stderr, /insecure|loopback/i);
  });

  test('an address that somebody else listens on', async (t) => {
    const { broker: first } = { broker: await startBroker(t) };
    const second = await new Broker(t).init();
    const result = await run(keyholed, ['run', '--dir', second.directory, '--listen', `127.0.0.1:${first.port}`]);
    assert.equal(result.status, 1);
    assert.match(result.stderr, new RegExp(`${first.port}`));
    assert.match(result.stderr, /in use/i);
  });
});

describe('a reload', () => {
  test('of a configuration that is wrong keeps the old one, and says so', async (t) => {
    const broker = await startBroker(t, { config: 'workers: 1\ntimeouts:\n  first-byte: 3s' });
    await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: BEARER });
    const token = await broker.mint('up');
    upstream.route('/never', () => {});
    writeFileSync(broker.file('keyholed.yaml'), 'timeouts:\n  first-byte: soon\n');
    broker.reload();
    await until('the log names file and line', () => /keyholed\.yaml:2\b/.test(broker.log));
    assert.equal((await broker.request('/~up/x', { token })).status, 200);
    const answer = await broker.request('/~up/never', { token });
    assert.equal(answer.status, 504, 'the old time limit is in force');
  });

  test('of a right one takes effect, without a restart of anything', async (t) => {
    const broker = await startBroker(t, { config: 'workers: 1' });
    await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: BEARER });
    const token = await broker.mint('up');
    upstream.route('/never', () => {});
    const before = (await broker.status()).processes.map((p) => p.pid);
    writeFileSync(broker.file('keyholed.yaml'), 'workers: 1\ntimeouts:\n  first-byte: 100ms\n');
    broker.reload();
    await until('the log tells of the reload', () => /reload/i.test(broker.log));
    const answer = await until('the new time limit is in force', async () => {
      const a = await broker.request('/~up/never', { token });
      return a.status === 504 ? a : null;
    });
    assert.equal(answer.json().code, 'upstream-timeout');
    assert.deepEqual((await broker.status()).processes.map((p) => p.pid), before);
  });
});

describe('files that others could read or change', () => {
  for (const [name, mode] of [['keyholed.db', 0o644], ['keyholed.db', 0o660], ['master.key', 0o644], ['master.key', 0o604], ['audit.log', 0o666]])
    test(`${name} with mode ${mode.toString(8)}`, async (t) => {
      const broker = await stopped(t);
      chmodSync(broker.file(name), mode);
      await refuses(broker, new RegExp(name.replace('.', '\\.')));
      chmodSync(broker.file(name), 0o600);
      await broker.start();
      assert.equal((await broker.request('/~up/x', { token: broker.token })).status, 200, 'with the right mode it serves as before');
    });

  test('a state directory that others can read', async (t) => {
    const broker = await stopped(t);
    chmodSync(broker.directory, 0o755);
    const result = await start(broker);
    assert.equal(result.status, 1, result.stderr);
    assert.match(result.stderr, /0?755|mode|permission/i);
    chmodSync(broker.directory, 0o700);
  });

  test('a key file that is a symbolic link', async (t) => {
    const broker = await stopped(t);
    copyFileSync(broker.file('master.key'), join(broker.home, 'elsewhere'));
    chmodSync(join(broker.home, 'elsewhere'), 0o600);
    rmSync(broker.file('master.key'));
    symlinkSync(join(broker.home, 'elsewhere'), broker.file('master.key'));
    await refuses(broker, /master\.key/);
  });
});

describe('keys and data that do not fit', () => {
  test('the master key of another broker', async (t) => {
    const broker = await stopped(t), other = await new Broker(t).init();
    copyFileSync(broker.file('master.key'), join(broker.home, 'kept'));
    copyFileSync(other.file('master.key'), broker.file('master.key'));
    chmodSync(broker.file('master.key'), 0o600);
    await refuses(broker, /master.key/i);
    copyFileSync(join(broker.home, 'kept'), broker.file('master.key'));
    await broker.start();
    assert.equal((await broker.request('/~up/x', { token: broker.token })).status, 200);
  });

  test('a master key that is missing, empty, or cut', async (t) => {
    const broker = await stopped(t);
    const whole = readFileSync(broker.file('master.key'));
    for (const bytes of [null, Buffer.alloc(0), whole.subarray(0, whole.length - 8)]) {
      if (bytes === null) rmSync(broker.file('master.key'));
      else writeFileSync(broker.file('master.key'), bytes, { mode: 0o600 });
      await refuses(broker, /master.key/i);
    }
  });

  test('a database that is missing is not made anew by run', async (t) => {
    const broker = await stopped(t);
    for (const name of readdirSync(broker.directory).filter((n) => n.startsWith('keyholed.db'))) rmSync(broker.file(name));
    await refuses(broker, /keyholed\.db|keyholed init/);
    assert.ok(!existsSync(broker.file('keyholed.db')));
  });

  test('a database that is none', async (t) => {
    const broker = await stopped(t);
    for (const name of readdirSync(broker.directory).filter((n) => n.startsWith('keyholed.db'))) rmSync(broker.file(name));
    writeFileSync(broker.file('keyholed.db'), 'this is no database, but longer than a header would be'.repeat(40), { mode: 0o600 });
    await refuses(broker, /keyholed\.db|database/);
  });

  test('a database of a newer keyholed', async (t) => {
    const broker = await stopped(t);
    await must(python, ['-c', 'import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute("PRAGMA user_version = 9999")\nc.commit()\nc.execute("PRAGMA wal_checkpoint(TRUNCATE)")\nc.close()',
      broker.file('keyholed.db')]);
    chmodSync(broker.file('keyholed.db'), 0o600);
    await refuses(broker, /newer/);
  });

  test('a sealed secret that was moved to another row', async (t) => {
    const broker = await startBroker(t);
    for (const name of ['one', 'two'])
      await broker.addCredential(name, { secret: realKey(), upstream, hosts: ['upstream.example'], args: BEARER });
    await broker.stop();
    // Row identity is the associated data: ciphertexts do not travel.
    const swap = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
columns = [(t, x[1]) for (t,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
           for x in c.execute(f"PRAGMA table_info({t})").fetchall() if x[2] == 'BLOB' and t.startswith('credential')]
swapped = 0
for table, column in columns:
    rows = c.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid").fetchall()
    if len(rows) == 2:
        for (row, _), (_, other) in zip(rows, reversed(rows)):
            c.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (other, row))
        swapped += 1
c.commit()
c.close()
assert swapped > 0, columns
`;
    await must(python, ['-c', swap, broker.file('keyholed.db')]);
    chmodSync(broker.file('keyholed.db'), 0o600);
    const result = await start(broker);
    assert.equal(result.status, 1, result.stderr);
    assert.equal(result.stdout, '');
  });

  test('a directory that was never initialised', async (t) => {
    const directory = temporaryDirectory(t);
    chmodSync(directory, 0o700);
    const result = await run(keyholed, ['run', '--dir', directory, '--listen', '127.0.0.1:0']);
    assert.equal(result.status, 1);
    assert.match(result.stderr, /keyholed init/);
    assert.deepEqual(readdirSync(directory).filter((n) => !/lock/.test(n)), []);
  });

  test('init in a directory that is in use already', async (t) => {
    const broker = await stopped(t);
    const before = picture(broker.directory);
    const result = await run(keyholed, ['init', '--dir', broker.directory]);
    assert.equal(result.status, 1, result.stderr);
    assert.deepEqual(picture(broker.directory), before);
  });
});

describe('an audit log that was tampered with', () => {
  const damage = {
    'its last line is gone': (file) => {
      const lines = readFileSync(file, 'utf8').split('\n');
      writeFileSync(file, `${lines.slice(0, -2).join('\n')}\n`);
    },
    'its last line is half gone': (file) => truncateSync(file, lstatSync(file).size - 20),
    'its last half is gone': (file) => truncateSync(file, Math.floor(lstatSync(file).size / 2)),
    'it is empty': (file) => truncateSync(file, 0),
    'it is gone': (file) => rmSync(file),
  };
  for (const [what, harm] of Object.entries(damage))
    test(`${what}: no start`, async (t) => {
      const broker = await stopped(t);
      harm(broker.file('audit.log'));
      await refuses(broker, /audit/);
    });

  const changes = {
    'a record was changed': (lines) => lines.map((l, i) => (i === 2 ? l.replace(/"seq":3/, '"seq":3 ') : l)),
    'a decision was turned': (lines) => lines.map((l) => l.replace('"decision":"allow"', '"decision":"deny"')),
    'a record was taken out': (lines) => lines.toSpliced(2, 1),
    'two records were swapped': (lines) => [lines[0], lines[2], lines[1], ...lines.slice(3)],
    'a record was put in': (lines) => lines.toSpliced(2, 0, lines[2]),
  };
  for (const [what, change] of Object.entries(changes))
    test(`${what}: audit verify says where`, async (t) => {
      const broker = await stopped(t);
      await broker.start();
      await broker.operator(['audit', 'verify']);
      const file = broker.file('audit.log');
      const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
      writeFileSync(file, `${change(lines).join('\n')}\n`);
      const result = await broker.operator(['audit', 'verify'], { may: true });
      assert.equal(result.status, 1, result.stderr);
      assert.match(`${result.stderr}${result.stdout}`, /\d/);
      writeFileSync(file, `${lines.join('\n')}\n`);
    });

  // threat 25
  test('a whole new log that hangs together is not taken for ours', async (t) => {
    const broker = await stopped(t);
    const file = broker.file('audit.log');
    let prev = '0'.repeat(64);
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => {
      const made = line.replace('"credential":"up"', '"credential":"xx"').replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${prev}"`);
      prev = createHash('sha256').update(made).digest('hex');
      return made;
    });
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    await refuses(broker, /audit/);
  });
});

describe('when a record cannot be written', () => {
  test('the request is not forwarded', async (t) => {
    // A file size limit stands in for a full disk.
    const broker = await new Broker(t).init();
    await broker.start();
    await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: BEARER });
    const token = await broker.mint('up');
    assert.equal((await broker.request('/~up/before', { token })).status, 200);
    const { pid } = await broker.process('authority');
    const size = lstatSync(broker.file('audit.log')).size;
    const limit = await run('prlimit', ['--pid', String(pid), `--fsize=${size}:${size}`]);
    assert.equal(limit.status, 0, limit.stderr);
    const answer = await broker.request('/~up/unrecorded', { token });
    assert.ok([500, 503].includes(answer.status), `${answer.status} ${answer.text}`);
    assert.ok(!upstream.requests.some((r) => r.url === '/unrecorded'), 'nothing was forwarded without a record');
    await broker.kill();
    await broker.start();
    assert.equal((await broker.request('/~up/after', { token })).status, 200);
    await broker.operator(['audit', 'verify']);
  });
});

describe('root keys', () => {
  test('rotated: old tokens live, new ones are made with the new key; retired: old ones end', async (t) => {
    const broker = await startBroker(t);
    await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: BEARER });
    const old = await broker.mint('up');
    const ask = (token) => broker.request('/~up/x', { token });
    await broker.operator(['key', 'rotate']);
    const young = await broker.mint('up');
    assert.equal((await ask(old)).status, 200);
    assert.equal((await ask(young)).status, 200);
    const { keys } = await broker.operatorJson(['key', 'list']);
    assert.equal(keys.length, 2);
    const active = keys.filter((k) => k.active);
    assert.equal(active.length, 1);
    await broker.operator(['key', 'retire', String(keys.find((k) => !k.active).id)]);
    broker.denied(await ask(old), 401, 'signature-invalid');
    assert.equal((await ask(young)).status, 200);
  });
});
