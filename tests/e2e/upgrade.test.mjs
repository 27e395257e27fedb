// SPDX-License-Identifier: Apache-2.0
// A database of every version of the tables (tests/vectors/databases, made by the programs of that
// time) is opened and brought up to date; a newer one is refused and not touched.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';

import { Broker } from '../support/broker.mjs';
import { keyholed, must, python, run } from '../support/programs.mjs';

const vectors = resolve(import.meta.dirname, '../vectors/databases');
const versions = readdirSync(vectors).map(Number).sort((a, b) => a - b);
const newest = Math.max(...readdirSync(resolve(import.meta.dirname, '../../schema/sql'))
  .map((name) => Number.parseInt(name, 10)).filter((n) => n > 0));

// A dump into a database as a program leaves it.
const load = `import sqlite3, sys
db = sqlite3.connect(sys.argv[2])
db.executescript(open(sys.argv[1]).read())
db.execute('PRAGMA journal_mode = WAL')
db.close()`;
const query = `import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(db.execute(sys.argv[2]).fetchall()[0][0])
db.commit()
db.close()`;
const sql = async (file, text) => (await must(python, ['-c', query, file, text])).stdout.trim();

async function unpack(t, version) {
  const from = join(vectors, String(version));
  const broker = new Broker(t);
  mkdirSync(broker.directory, { mode: 0o700 });
  for (const name of ['master.key', 'audit.log', 'audit.head']) {
    writeFileSync(broker.file(name), readFileSync(join(from, name)), { mode: 0o600 });
  }
  for (const [dump, name] of [['keyholed.sql', 'keyholed.db'], ['discharger.sql', 'discharger/discharger.db']]) {
    if (!existsSync(join(from, dump))) continue;
    mkdirSync(dirname(broker.file(name)), { recursive: true, mode: 0o700 });
    writeFileSync(broker.file(name), '', { mode: 0o600 });
    await must(python, ['-c', load, join(from, dump), broker.file(name)]);
  }
  return { broker, tokens: JSON.parse(readFileSync(join(from, 'tokens.json'), 'utf8')) };
}

test('there is a database of each version of the tables', () => {
  assert.deepEqual(versions, Array.from({ length: newest }, (_, i) => i + 1),
    'tools/make-database-fixture makes the one that is missing');
});

for (const version of versions)
  test(`tables of version ${version}: tokens of then work, and revoked ones stay revoked`, async (t) => {
    const { broker, tokens } = await unpack(t, version);
    assert.equal(tokens.tables, version);
    assert.equal(await sql(broker.file('keyholed.db'), 'PRAGMA user_version'), String(version));
    await broker.start();
    const ask = async (token, options) => broker.request('/~fixture/x', { token, ...options });
    // Allowed is what reaches for the upstream, which is not there.
    for (const token of [tokens.live, tokens.narrowed]) assert.equal((await ask(token)).status, 502);
    broker.denied(await ask(tokens.narrowed, { method: 'POST' }), 401, 'caveat-failed');
    for (const token of [tokens.revoked, tokens.user_revoked]) broker.denied(await ask(token), 401, 'revoked');
    if (tokens.counted) {
      assert.equal((await ask(tokens.counted)).status, 502);
      broker.denied(await ask(tokens.counted), 401, 'uses-exhausted');
    }
    await broker.mint('fixture');
    await broker.operator(['credential', 'rotate', 'fixture', '--grace', '10m'], { stdin: 'another-key-of-a-fixture\n' });
    await broker.stop();
    assert.equal(await sql(broker.file('keyholed.db'), 'PRAGMA user_version'), String(newest));
    const copy = broker.file(`keyholed.db.before-${version}`);
    assert.equal(existsSync(copy), version < newest, 'a copy from before is kept, where anything changed');
    if (version < newest) {
      assert.equal(statSync(copy).mode & 0o777, 0o600);
      assert.equal(await sql(copy, 'PRAGMA user_version'), String(version));
      // The way back: the copy in the place of the database is what the program before had.
      assert.equal(await sql(copy, 'SELECT count(*) FROM credential'), '1');
    }
    await must(keyholed, ['audit', 'verify', '--dir', broker.directory]);
  });

for (const name of ['keyholed.db', 'discharger/discharger.db'])
  test(`a newer ${name} is refused with a plain sentence, and not touched`, async (t) => {
    const { broker } = await unpack(t, newest);
    await sql(broker.file(name), 'PRAGMA user_version');
    await must(python, ['-c', `import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('PRAGMA user_version = 999')
db.commit()
db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
db.close()`, broker.file(name)]);
    const before = readFileSync(broker.file(name));
    await assert.rejects(broker.start(), (error) => {
      assert.match(error.message, /was written by a newer keyholed \(tables version 999, this one knows \d+\); use the newer one/);
      return true;
    });
    assert.deepEqual(readFileSync(broker.file(name)), before, 'byte for byte as it was');
    const backup = await run(keyholed, ['backup', join(broker.home, 'b'), '--passphrase-fd', '0', '--dir', broker.directory], { stdin: 'long enough' });
    assert.equal(backup.status, 1);
    assert.match(backup.stderr, /newer keyholed/);
  });
