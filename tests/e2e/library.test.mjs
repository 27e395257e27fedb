// SPDX-License-Identifier: Apache-2.0
// libkeyhole as programs of others see it: its names, its header, its manual, and the example programs
// built against an installed tree and run against a broker.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { person, startHoleBroker } from '../support/holes.mjs';
import { build, must, python, run, sanitized, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';

const root = resolve(import.meta.dirname, '../..');
const library = join(build, 'lib/libkeyhole.so.1');
const header = readFileSync(join(build, 'include/keyhole.h'), 'utf8');
const sorted = (names) => [...new Set(names)].sort();
const matches = (text, pattern) => sorted([...text.matchAll(pattern)].map((m) => m[1]));

// What the header declares: the name before the parenthesis of each KEYHOLE_API.
const declared = matches(header.replaceAll(/\/\*.*?\*\/|^#[^\n]*/gms, ''), /KEYHOLE_API\b[^;]*?\b(keyhole_\w+)\(/g);
const mapped = matches(readFileSync(join(root, 'client/library/libkeyhole.map'), 'utf8'), /^ +(keyhole_\w+);$/gm);
const skip = sanitized ? 'a library with sanitizers is not what anybody installs' : false;

describe('names', () => {
  test('what is exported is the committed list, and what the header declares', { skip }, async () => {
    const { stdout } = await must('/usr/bin/nm', ['-D', '--defined-only', library]);
    const exported = matches(stdout, / [A-Z] (\w+)@@KEYHOLE_1$/gm);
    assert.ok(exported.length > 40, stdout);
    assert.deepEqual(exported, mapped, 'exported, and in client/library/libkeyhole.map');
    assert.deepEqual(exported, declared, 'exported, and declared in keyhole.h');
    const others = stdout.split('\n').filter((line) => line && !/@@KEYHOLE_1$/.test(line) && !/ A KEYHOLE_1$/.test(line));
    assert.deepEqual(others, [], 'nothing else is visible');
  });

  test('the static library has no other name either', { skip }, async () => {
    const { stdout } = await must('/usr/bin/nm', ['-g', '--defined-only', join(build, 'lib/libkeyhole.a')]);
    assert.deepEqual(matches(stdout, / [A-Z] (\w+)$/gm), mapped);
  });

  test('each has its place in the manual', () => {
    const manual = readFileSync(join(root, 'docs/man/libkeyhole.3'), 'utf8');
    const documented = matches(manual, /^\.F[no] "?(?:[^"\n]*[ *])?(keyhole_\w+)"?/gm);
    assert.deepEqual(mapped.filter((name) => !documented.includes(name)), [], 'without a place in libkeyhole(3)');
    assert.deepEqual(documented.filter((name) => !mapped.includes(name) && !/_function$/.test(name)), [], 'in libkeyhole(3) alone');
  });

  test('it needs what narrowing takes: no HTTP, no security keys, no configuration', { skip }, async () => {
    const { stdout } = await must('/usr/bin/readelf', ['-d', library]);
    assert.match(stdout, /SONAME.*\[libkeyhole\.so\.1\]/);
    assert.deepEqual(matches(stdout, /NEEDED.*\[(.*?)\.so/g), ['libc', 'libcrypto', 'libidn2', 'libjansson', 'libsodium']);
  });
});

// Bindings of other languages load it so, more than once, and let go of it again.
test('it can be loaded while a program runs', { skip }, async () => {
  const script = `
import ctypes, os, sys, _ctypes
before = len(os.listdir('/proc/self/fd'))
for i in range(2):
    library = ctypes.CDLL(sys.argv[1])
    library.keyhole_version.restype = ctypes.c_char_p
    print(library.keyhole_version().decode())
    _ctypes.dlclose(library._handle)
assert len(os.listdir('/proc/self/fd')) == before
`;
  const { stdout } = await must(python, ['-c', script, library]);
  assert.match(stdout, /^(\d+\.\d+\.\d+)\n\1\n$/);
});

describe('the header', () => {
  const strict = ['-Wall', '-Wextra', '-pedantic', '-Werror', '-fsyntax-only'];
  for (const [language, standard] of [['c', 'c99'], ['c', 'c17'], ['c++', 'c++17']]) {
    test(`by itself, as ${standard}`, async (t) => {
      const source = join(temporaryDirectory(t, 'header'), 'alone');
      const init = 'struct keyhole_discharge_settings settings = KEYHOLE_DISCHARGE_SETTINGS_INIT;\n';
      writeFileSync(source, `#include <keyhole.h>\n#include <keyhole.h>\n${init}int version = KEYHOLE_VERSION_NUMBER;\n`);
      await must('/usr/bin/cc', [`-std=${standard}`, ...strict, '-I', join(build, 'include'), '-x', language, source]);
    });
  }

  test('the example of the manual', async (t) => {
    const manual = readFileSync(join(root, 'docs/man/libkeyhole.3'), 'utf8');
    const code = /\.Bd -literal[^\n]*\n(struct keyhole_attenuation.*?)\.Ed/s.exec(manual)[1];
    const source = join(temporaryDirectory(t, 'manual'), 'example.c');
    writeFileSync(source, `#include <err.h>\n#include <keyhole.h>\nvoid example(struct keyhole_token *token);\nvoid example(struct keyhole_token *token)\n{\n${code}}\n`);
    await must('/usr/bin/cc', ['-std=c17', '-D_DEFAULT_SOURCE', ...strict, '-I', join(build, 'include'), source]);
  });

  test('says the version of the build', async () => {
    const version = /^VERSION := (.*)$/m.exec(readFileSync(join(root, 'Makefile'), 'utf8'))[1];
    assert.ok(header.includes(`KEYHOLE_VERSION_TEXT  "${version}"`), version);
    assert.doesNotMatch(header, /@\w+@/);
  });
});

describe('example programs', { skip }, () => {
  const key = realKey();
  const example = {};
  let upstream, broker, token, place, env;

  // As `make install DESTDIR=…` lays it out, by what the .pc file says.
  async function stage() {
    place = temporaryDirectory(wholeFile, 'library');
    env = { PKG_CONFIG_PATH: join(build, 'lib/pkgconfig') };
    const variable = async (name) =>
      place + (await must('/usr/bin/pkg-config', [`--variable=${name}`, 'libkeyhole'], { env })).stdout.trim();
    const [lib, include] = [await variable('libdir'), await variable('includedir')];
    for (const directory of [join(lib, 'pkgconfig'), include]) mkdirSync(directory, { recursive: true });
    cpSync(join(build, 'include/keyhole.h'), join(include, 'keyhole.h'));
    cpSync(join(build, 'lib/libkeyhole.a'), join(lib, 'libkeyhole.a'));
    cpSync(library, join(lib, 'libkeyhole.so.1'));
    symlinkSync('libkeyhole.so.1', join(lib, 'libkeyhole.so'));
    cpSync(join(build, 'lib/pkgconfig/libkeyhole.pc'), join(lib, 'pkgconfig/libkeyhole.pc'));
    env = { PKG_CONFIG_PATH: join(lib, 'pkgconfig'), PKG_CONFIG_SYSROOT_DIR: place, LD_LIBRARY_PATH: lib };
  }

  async function compile(name, ...options) {
    const packages = name === 'discharge' ? ['libkeyhole', 'libcurl'] : ['libkeyhole'];
    const { stdout } = await must('/usr/bin/pkg-config', ['--cflags', '--libs', ...options, ...packages], { env });
    // libcurl is the system's, and not below the staged tree.
    const flags = stdout.trim().split(/\s+/).filter((flag) => !flag.startsWith(`-I${place}/usr/include/`));
    const program = join(place, `${name}${options.join('')}`);
    await must('/usr/bin/cc', ['-std=c99', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-g', join(root, `docs/examples/c/${name}.c`), ...flags, '-o', program]);
    return (args, may = {}) => run(program, args, { ...may, env: { ...env, ...may.env } });
  }

  before(async () => {
    await stage();
    upstream = await startUpstream(wholeFile, { key });
    broker = await startHoleBroker(wholeFile);
    await broker.addCredential('one', { secret: key, upstream, hosts: ['upstream.example'],
      args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
    token = await broker.mint('one', { user: 'alice', caveats: ['method in GET, POST'] });
    for (const name of ['narrow', 'inspect', 'judge', 'add-a-hole', 'discharge']) example[name] = await compile(name);
  });

  const good = (result) => {
    assert.equal(result.status, 0, `${result.stderr}${result.stdout}`);
    return result.stdout.trim();
  };
  const get = (tok, path, options) => broker.request(`/~one${path}`, { token: tok, ...options });

  test('there is an example in this test for each that is there', () => {
    assert.deepEqual(Object.keys(example).map((name) => `${name}.c`).sort(), readdirSync(join(root, 'docs/examples/c')).sort());
  });

  test('narrow: the token works, and is narrower', async () => {
    const narrow = good(await example.narrow([token, 'method = GET', 'path ~ /v1/models/**']));
    assert.equal((await get(narrow, '/v1/models/a')).status, 200);
    broker.denied(await get(narrow, '/v1/files'), 401, 'caveat-failed', { detail: /path ~ \/v1\/models/ });
    broker.denied(await get(narrow, '/v1/models/a', { method: 'POST' }), 401, 'caveat-failed');
    assert.equal((await get(token, '/v1/files')).status, 200);
    const refused = await example.narrow([token, 'method = GET', 'path == /v1']);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /at byte 6.*\n {2}path == \/v1\n {7}\^\n$/);
    const none = await example.narrow(['kh1_AgE', 'method = GET']);
    assert.equal(none.status, 1, none.stdout);
  });

  test('narrow, linked with the static library', async () => {
    const own = (await must('/usr/bin/pkg-config', ['--cflags', 'libkeyhole'], { env })).stdout.trim().split(/\s+/);
    const needs = (await must('/usr/bin/pkg-config', ['--print-requires-private', 'libkeyhole'], { env })).stdout.trim().split(/\s+/);
    const theirs = (await must('/usr/bin/pkg-config', ['--libs', ...needs])).stdout.trim().split(/\s+/);
    const flags = [...own, join(env.LD_LIBRARY_PATH, 'libkeyhole.a'), ...theirs];
    const program = join(place, 'narrow-static');
    await must('/usr/bin/cc', ['-std=c99', join(root, 'docs/examples/c/narrow.c'), ...flags, '-o', program]);
    const narrow = good(await run(program, [token, 'method = GET']));
    broker.denied(await get(narrow, '/v1/x', { method: 'POST' }), 401, 'caveat-failed');
    const { stdout: needed } = await must('/usr/bin/readelf', ['-d', program]);
    assert.doesNotMatch(needed, /libkeyhole/);
  });

  test('inspect: whom it is for, and its caveats in words', async () => {
    const narrow = await broker.attenuate(token, '--label', 'agent', '--path', '/v1/**');
    const said = good(await example.inspect([narrow]));
    assert.match(said, /^for alice, to use one, lineage [0-9a-f]{32}\nmint: the method is GET or POST\nholder: its holder is called agent\nholder: the path matches \/v1\/\*\*$/);
  });

  test('judge: as the broker does', async () => {
    const narrow = await broker.attenuate(token, '--path', '/v1/**', '--caveat', 'body[/n] <= 5');
    const url = 'https://upstream.example/v1/x';
    const rows = [[['POST', url, '{"n":5}'], 0], [['POST', url, '{"n":6}'], 3], [['POST', url], 4], [['PUT', url, '{"n":5}'], 3], [['POST', 'https://upstream.example/v2', '{"n":5}'], 3]];
    for (const [args, status] of rows) {
      const result = await example.judge([narrow, ...args]);
      assert.equal(result.status, status, `${args}: ${result.stdout}${result.stderr}`);
      if (status === 4) continue;
      const answer = await get(narrow, new URL(args[1]).pathname, { method: args[0], body: args[2], headers: { 'content-type': 'application/json' } });
      assert.equal(answer.status, status === 0 ? 200 : 401, answer.text);
    }
    const { stdout } = await example.judge([narrow, 'PUT', url, '{"n":5}']);
    assert.match(stdout, /^fails {3}method in GET, POST: method is PUT, and would have to be GET or POST$/m);
  });

  test('add a hole, and fill it with an SSH key', async (t) => {
    const alice = await person(t, broker);
    const path = await alice.sshKey();
    await alice.enroll('--ssh', path);
    const address = (await broker.operator(['discharger', 'show'])).stdout.trim();
    const holed = good(await example['add-a-hole']([token, `user = ${alice.name} and factor = ssh for 15m`, address]));
    broker.denied(await get(holed, '/v1/x'), 401, 'hole-open');
    assert.match(good(await example.inspect([holed])), /^hole 1 is open$/m);

    const env = { ...alice.env };
    const result = await example.discharge([holed, broker.discharger, path], { env });
    const filled = good(result);
    assert.match(result.stderr, new RegExp(`You vouch that +user = ${alice.name} and factor = ssh for 15m`));
    assert.equal((await get(filled, '/v1/x')).status, 200);
    const narrow = good(await example.narrow([filled, 'path = /v1/y']));
    assert.equal((await get(narrow, '/v1/y')).status, 200);
    broker.denied(await get(narrow, '/v1/x'), 401, 'caveat-failed');

    // Nothing is sent to a place that was not named.
    const elsewhere = await example.discharge([holed, 'https://discharge.example', path], { env });
    assert.equal(elsewhere.status, 1);
    assert.match(elsewhere.stderr, /not told to trust; nothing was sent there/);
  });
});
