// SPDX-License-Identifier: Apache-2.0
// make install and uninstall: what is installed works from where it is, and is taken away whole.

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';

import { Broker, realKey } from '../support/broker.mjs';
import { build, must, run, sanitized, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';

const root = resolve(import.meta.dirname, '../..');
// Another build directory is another make: that of the sanitizers is not what anybody installs.
const skip = sanitized || relative(root, build) !== 'build' ? 'installs what `make` builds' : false;

function make(goal, variables) {
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return must('make', ['-s', '--no-print-directory', '-C', root, goal, ...assignments], { timeout: 600000 });
}

function files(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((e) => !e.isDirectory())
    .map((e) => `/${relative(directory, join(e.parentPath, e.name))}`).sort();
}

const base = (names) => names.map((name) => name.slice(name.lastIndexOf('/') + 1));

describe('make install', { skip }, () => {
  test('the main job with what was installed, wherever it is moved', async (t) => {
    const place = temporaryDirectory(t, 'install');
    await make('install', { DESTDIR: `${place}/first`, PREFIX: '/opt/keyhole' });
    renameSync(`${place}/first`, `${place}/moved`);
    const bin = `${place}/moved/opt/keyhole/bin`;
    const key = realKey();
    const upstream = await startUpstream(t, { key });
    const broker = new Broker(t, { programs: { keyholed: `${bin}/keyholed`, keyhole: `${bin}/keyhole` } });
    await broker.init();
    await broker.start();
    for (const { pid } of broker.processes())
      assert.ok(readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('keyhole-'), 'children of the broker');
    await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
    const token = await broker.attenuate(await broker.mint('openai'), '--method', 'GET');
    assert.equal((await broker.request('/~openai/v1/models', { token })).status, 200);
    assert.equal((await broker.request('/~openai/v1/models', { token, method: 'POST' })).json().code, 'caveat-failed');
    assert.equal(upstream.requests.length, 1);
  });

  test('programs, manuals, units and documents are where they belong', async (t) => {
    const place = temporaryDirectory(t, 'install');
    await make('install', { DESTDIR: place, PREFIX: '/usr' });
    const names = files(place);
    for (const name of ['/usr/bin/keyhole', '/usr/bin/keyholed', '/usr/libexec/keyhole/keyhole-proxy', '/usr/libexec/keyhole/keyhole-authority',
      '/usr/libexec/keyhole/keyhole-discharger', '/usr/libexec/keyhole/keyhole-room', '/usr/lib/systemd/system/keyholed.service',
      '/usr/lib/systemd/system/keyholed.socket', '/usr/lib/sysusers.d/keyholed.conf', '/usr/lib/tmpfiles.d/keyholed.conf',
      '/usr/include/keyhole.h', '/usr/lib/libkeyhole.so.1', '/usr/lib/libkeyhole.so', '/usr/lib/libkeyhole.a', '/usr/lib/pkgconfig/libkeyhole.pc',
      '/etc/keyholed/keyholed.yaml', '/usr/share/doc/keyhole/LICENSE', '/usr/share/doc/keyhole/README.md'])
      assert.ok(names.includes(name), `${name} of:\n${names.join('\n')}`);
    // A page is found by each of its names.
    const pages = readdirSync(`${root}/docs/man`).filter((name) => /\.[13578]$/.test(name));
    const manuals = pages.flatMap((name) => [...readFileSync(`${root}/docs/man/${name}`, 'utf8').split('\n.Nd ')[0].matchAll(/^\.Nm (\S+)/gm)]
      .map((m) => m[1] + name.slice(name.lastIndexOf('.'))));
    assert.ok(manuals.includes('keyholed-restore.8') && pages.every((p) => manuals.includes(p)));
    assert.deepEqual(base(names.filter((name) => name.startsWith('/usr/share/man/'))).sort(), manuals.sort());
    for (const [shell, name] of [['bash-completion/completions', 'keyhole'], ['zsh/vendor-completions', '_keyhole'], ['fish/vendor_completions.d', 'keyhole.fish'],
      ['bash-completion/completions', 'keyholed'], ['zsh/vendor-completions', '_keyholed'], ['fish/vendor_completions.d', 'keyholed.fish']])
      assert.ok(names.includes(`/usr/share/${shell}/${name}`), `${shell}/${name}`);
    for (const name of names) {
      const { mode } = statSync(place + name);
      assert.equal(mode & 0o7777, /^\/usr\/(bin|libexec)\//.test(name) ? 0o755 : 0o644, name);
    }
    // Every place in a unit is one of this installation, and nothing is left to be filled in.
    for (const name of names.filter((n) => /^\/usr\/lib\/(systemd|sysusers|tmpfiles)/.test(n))) {
      const text = readFileSync(place + name, 'utf8');
      assert.doesNotMatch(text, /@\w+@/, name);
      for (const [, program] of text.matchAll(/^ExecStart=(\S+)/gm)) assert.ok(existsSync(place + program), `${name}: ${program}`);
      for (const [, document] of text.matchAll(/file:(\S+)/g)) assert.ok(existsSync(place + document), `${name}: ${document}`);
    }
  });

  // docs/guides/install.md has these figures.
  const EXPOSURE = { 'keyholed.service': 1.4, 'keyholed-discharger.service': 1.4, 'keyholed-init.service': 0.9 };
  test('others can read what root installs with a umask of 077', async (t) => {
    const place = temporaryDirectory(t, 'install');
    await must('/bin/sh', ['-c', 'umask 077 && exec make -C "$0" install DESTDIR="$1" PREFIX=/usr', root, place], { timeout: 240_000 });
    const shut = readdirSync(place, { recursive: true }).filter((name) => {
      const mode = statSync(join(place, name)).mode;
      return (mode & 0o044) !== 0o044 || ((mode & 0o100) && (mode & 0o011) !== 0o011);
    });
    assert.deepEqual(shut, []);
  });

  test('the units stay under their exposure, as systemd-analyze sees it', async (t) => {
    if ((await run('/bin/sh', ['-c', 'command -v systemd-analyze'])).status !== 0)
      return t.skip('systemd is not installed here');
    const place = temporaryDirectory(t, 'install');
    await make('install', { DESTDIR: place, PREFIX: '/usr' });
    for (const [unit, most] of Object.entries(EXPOSURE)) {
      const { stdout } = await must('systemd-analyze', ['security', '--offline=yes', '--no-pager', `--root=${place}`, unit]);
      const found = /Overall exposure level for \S+: (\d+\.\d)/.exec(stdout);
      assert.ok(found && Number(found[1]) <= most, `${unit}: ${found?.[1]} is over ${most}\n${stdout}`);
      assert.ok(readFileSync(`${root}/docs/guides/install.md`, 'utf8').includes(`| \`${unit}\` | ${most} |`), `the guide says ${most} of ${unit}`);
    }
  });

  test('every line of the walls has its reason', () => {
    const lines = readFileSync(`${root}/tools/package/systemd/hardening.conf`, 'utf8').split('\n');
    const reasonless = lines.filter((line, i) => /^[A-Z]\w+=/.test(line) && !/^(#|[A-Z]\w+=)/.test(lines[i - 1]));
    assert.deepEqual(reasonless, []);
  });

  test('a configuration that is there stays as it is', async (t) => {
    const place = temporaryDirectory(t, 'install');
    const variables = { DESTDIR: place, PREFIX: '/usr' };
    await make('install', variables);
    const configuration = `${place}/etc/keyholed/keyholed.yaml`;
    await must(`${place}/usr/bin/keyholed`, ['check', '--config', configuration]);
    appendFileSync(configuration, 'workers: 3\n');
    await make('install', variables);
    assert.match(readFileSync(configuration, 'utf8'), /^workers: 3$/m);
    await make('uninstall', variables);
    assert.deepEqual(files(place), ['/etc/keyholed/keyholed.yaml']);
  });

  test('make uninstall leaves nothing, and takes nothing of others', async (t) => {
    const place = temporaryDirectory(t, 'install');
    const variables = { DESTDIR: place, PREFIX: '/usr/local' };
    await make('install', variables);
    appendFileSync(`${place}/usr/local/bin/other`, '');
    await make('uninstall', variables);
    assert.deepEqual(files(place), ['/usr/local/bin/other']);
    assert.ok(!existsSync(`${place}/usr/local/libexec/keyhole`) && !existsSync(`${place}/etc/keyholed`), 'no directory of ours is left');
  });
});

test('check --defaults prints what init writes', async (t) => {
  const broker = await new Broker(t).init();
  const { stdout } = await must(broker.programs.keyholed, ['check', '--defaults']);
  assert.equal(stdout, readFileSync(broker.file('keyholed.yaml'), 'utf8'));
  assert.match(stdout, /^#listen:/m);
});
