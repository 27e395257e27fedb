// SPDX-License-Identifier: Apache-2.0
// `keyhole env`: the same variables for what reads them, each format by its own reader.

import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { keyhole, run, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';

const key = realKey();
let upstream, broker, token, cache;

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  broker = await startBroker(wholeFile);
  await broker.addCredential('openai', { preset: 'openai', secret: key, upstream });
  token = await broker.mint('openai');
  // What every format has to say: quotes of all kinds, spaces, dollars, backslashes.
  cache = `${temporaryDirectory(wholeFile, 'cache')}/it's "a" $HOME \`x\` \\ %h #`;
});

async function env(args, options = {}) {
  const result = await run(keyhole, ['env', ...args],
    { env: { KEYHOLE_BROKER: broker.url, KEYHOLE_TOKEN: token, XDG_CACHE_HOME: cache, ...options.env } });
  assert.equal(result.status, options.status ?? 0, result.stderr);
  return result;
}

const NAMES = ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'HTTPS_PROXY', 'NO_PROXY', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'KEYHOLE_TOKEN'];
const PRINT = NAMES.map((name) => `printf '%s\\n' "$${name}"`).join('; ');

/** What a program saw is what the JSON of the same moment would say, but for the label. */
function check(lines) {
  const seen = Object.fromEntries(NAMES.map((name, i) => [name, lines[i]]));
  assert.match(seen.OPENAI_API_KEY, /^sk-kh1_[A-Za-z0-9_-]+$/);
  assert.equal(seen.OPENAI_BASE_URL, `${broker.url}/~openai/v1`);
  assert.match(seen.HTTPS_PROXY, /^http:\/\/keyhole:kh1_[A-Za-z0-9_-]+@127\.0\.0\.1:\d+$/);
  assert.equal(seen.HTTPS_PROXY.split('@')[1], broker.address);
  assert.equal(seen.NO_PROXY, '');
  assert.ok(seen.SSL_CERT_FILE.startsWith(`${cache}/keyhole/bundle-`), seen.SSL_CERT_FILE);
  for (const file of [seen.SSL_CERT_FILE, seen.NODE_EXTRA_CA_CERTS]) assert.ok(existsSync(file), file);
  return seen;
}

describe('formats', () => {
  for (const shell of ['sh', 'bash', 'dash', 'zsh'])
    test(`shell, by ${shell}`, async (t) => {
      if ((await run('sh', ['-c', `command -v ${shell}`])).status !== 0) return t.skip(`no ${shell} here`);
      const { stdout, stderr } = await env([]);
      assert.match(stderr, /the tokens are good until 20/);
      const seen = await run(shell, ['-c', `eval "$1"; ${PRINT}; echo "\${SSL_CERT_DIR-unset}"`, shell, stdout], { env: { SSL_CERT_DIR: '/x' } });
      check(seen.stdout.split('\n'));
      assert.match(seen.stdout, /\nunset\n$/);
    });

  test('fish', async (t) => {
    const { stdout } = await env(['--format', 'fish']);
    assert.match(stdout, /^set -gx OPENAI_BASE_URL 'http:/m);
    assert.match(stdout, /^set -e KEYHOLE_CA$/m);
    if ((await run('sh', ['-c', 'command -v fish'])).status !== 0) return t.skip('no fish here');
    check((await run('fish', ['-c', `${stdout}\n${PRINT}`])).stdout.split('\n'));
  });

  test('dotenv, by node --env-file; what it cannot say is refused', async (t) => {
    const plain = `${temporaryDirectory(t, 'cache')}/with "spaces" $HOME \\ #`;
    const { stdout } = await env(['--format', 'dotenv'], { env: { XDG_CACHE_HOME: plain } });
    const file = `${temporaryDirectory(t, 'dotenv')}/.env`;
    writeFileSync(file, stdout);
    const seen = await run(process.execPath, [`--env-file=${file}`, '-p', `${JSON.stringify(NAMES)}.map((n) => process.env[n]).join('\\n')`]);
    assert.match(seen.stdout, new RegExp(`\n${plain.replaceAll(/[$\\()"]/g, '\\$&')}/keyhole/bundle-`));
    const refused = await env(['--format', 'dotenv'], { status: 2 });
    assert.match(refused.stderr, /NODE_EXTRA_CA_CERTS|SSL_CERT_FILE/);
    assert.equal(refused.stdout, '');
  });

  test('docker and github: lines as they are', async () => {
    for (const format of ['docker', 'github']) {
      const { stdout, stderr } = await env(['--format', format]);
      const lines = Object.fromEntries(stdout.trimEnd().split('\n').map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]));
      const seen = check(NAMES.map((n) => lines[n]));
      assert.equal(stderr.includes(`::add-mask::${seen.OPENAI_API_KEY}\n`), format === 'github');
      // Also where a program prints it without what stands around it.
      for (const value of [seen.OPENAI_API_KEY, seen.HTTPS_PROXY])
        assert.equal(stderr.includes(`::add-mask::${/kh1_[\w-]+/.exec(value)[0]}\n`), format === 'github', value);
    }
  });

  test('systemd: quoted as systemd.exec(5) says', async () => {
    const { stdout } = await env(['--format', 'systemd']);
    const lines = stdout.trimEnd().split('\n').map((line) => {
      const [, name, value] = /^([A-Za-z_0-9]+)="((?:[^"\\$`]|\\.)*)"$/.exec(line) ?? assert.fail(line);
      return [name, value.replaceAll(/\\(["\\$`])/g, '$1')];
    });
    check(NAMES.map((n) => Object.fromEntries(lines)[n]));
  });

  test('json', async () => {
    const seen = JSON.parse((await env(['--format', 'json', '--quiet'])).stdout);
    check(NAMES.map((n) => seen[n]));
  });
});

test('the certificates serve whoever reads the variables, and the token its request', async () => {
  const { stdout } = await env(['--for', '10m']);
  const result = await run('sh', ['-c', `${stdout}\ncurl -sSf https://api.openai.com/v1/models -H "Authorization: Bearer $OPENAI_API_KEY"`]);
  assert.equal(result.status, 0, result.stderr);
  assert.ok(upstream.only('/v1/models').authorized);
  const seen = JSON.parse((await env(['--format', 'json'])).stdout);
  assert.equal(statSync(seen.SSL_CERT_FILE).mode & 0o777, 0o644, 'services of other users read it');
  assert.equal((await broker.request('/~openai/v1/models', { token: seen.OPENAI_API_KEY })).status, 200, 'nothing ended it');
});

test('--ca-bundle', async (t) => {
  const file = `${temporaryDirectory(t, 'bundle')}/ca.pem`;
  const seen = JSON.parse((await env(['--format', 'json', '--ca-bundle', file])).stdout);
  assert.equal(seen.SSL_CERT_FILE, file);
  assert.equal(seen.NODE_EXTRA_CA_CERTS, file);
  assert.ok(existsSync(file));
  await env(['--ca-bundle', 'relative'], { status: 2 });
});

test('what is wrong', async () => {
  assert.match((await env(['--format', 'xml'], { status: 2 })).stderr, /shell\|fish/);
  assert.match((await env(['--', 'curl'], { status: 2 })).stderr, /keyhole run/);
  assert.match((await env([], { status: 2, env: { KEYHOLE_BROKER: broker.unix } })).stderr, /unix socket[^]*keyhole run/);
  const past = await broker.attenuate(token, '--caveat', 'time < 2020-01-01T00:00:00Z');
  const refused = await env([], { status: 3, env: { KEYHOLE_TOKEN: past } });
  assert.equal(refused.stdout, '');
});
