// SPDX-License-Identifier: Apache-2.0
// twine and pip, unmodified, with the preset pypi: the token as the password of __token__.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { run, temporaryDirectory } from '../support/programs.mjs';
import { makeWheel, missing, PIP, startPypi, TWINE } from '../support/pypi.mjs';

const HOST = 'pypi.example';
const key = realKey('pypi-');

describe('twine and pip', { skip: missing.length > 0 && `not installed: ${missing.join(', ')}` }, () => {
  let registry, broker, token, caFile;

  before(async () => {
    registry = await startPypi(wholeFile, { host: HOST, key });
    broker = await startBroker(wholeFile);
    await broker.addCredential('pypi', { preset: 'pypi', secret: key, upstream: { ...registry, ca: registry.ca, resolve: () => registry.resolve([HOST]) }, args: ['--host', HOST] });
    token = await broker.mint('pypi');
    caFile = `${broker.home}/ca-for-clients.pem`;
    writeFileSync(caFile, (await broker.operator(['ca', 'show'])).stdout);
  });

  const proxied = () => ({ HTTPS_PROXY: broker.url, REQUESTS_CA_BUNDLE: caFile, PIP_CERT: caFile });
  const ways = {
    'by a base URL': () => ({ base: `${broker.url}/~pypi`, env: {} }),
    'through HTTPS_PROXY': () => ({ base: `https://${HOST}`, env: proxied() }),
  };

  const twine = ({ base, env }, own, ...files) => run(TWINE, ['upload', '--non-interactive', '--disable-progress-bar', '--repository-url', `${base}/legacy/`, ...files],
    { env: { HOME: broker.home, TWINE_USERNAME: '__token__', TWINE_PASSWORD: own, ...env }, timeout: 120000 });
  const pip = ({ base, env }, own, directory, name) => run(PIP, ['download', '--no-deps', '--no-cache-dir', '--disable-pip-version-check', '--no-input', '-d', directory,
    '--index-url', `${base.replace('://', `://__token__:${own}@`)}/simple/`, name], { env: { HOME: broker.home, PIP_CONFIG_FILE: '/dev/null', ...env }, timeout: 120000 });

  const quiet = (result) => assert.ok(!(result.stdout + result.stderr).includes(key), 'no client saw the key');

  let count = 0;
  for (const [what, way] of Object.entries(ways)) {
    test(`${what}: upload, and download again`, async (t) => {
      const directory = temporaryDirectory(t, 'pypi'), name = `demo_${++count}`;
      const wheel = await makeWheel(directory, { name, version: '1.0', bytes: 3_000_000 });
      const uploaded = await twine(way(), token, wheel);
      assert.equal(uploaded.status, 0, uploaded.stdout + uploaded.stderr);
      quiet(uploaded);
      assert.deepEqual([...registry.files.keys()].filter((f) => f.startsWith(name)), [basename(wheel)]);
      const downloads = `${directory}/downloads`;
      const downloaded = await pip(way(), token, downloads, name);
      assert.equal(downloaded.status, 0, downloaded.stdout + downloaded.stderr);
      quiet(downloaded);
      assert.ok(readFileSync(`${downloads}/${basename(wheel)}`).equals(readFileSync(wheel)), 'the same file');
    });
  }

  test('a vendor prefix before the token', async (t) => {
    const wheel = await makeWheel(temporaryDirectory(t, 'pypi'), { name: 'prefixed', version: '1.0' });
    const result = await twine(ways['by a base URL'](), `pypi-${token}`, wheel);
    assert.equal(result.status, 0, result.stdout + result.stderr);
  });

  test('a token that may only read, a key of one\'s own, and what the registry refuses', async (t) => {
    const way = ways['by a base URL'](), directory = temporaryDirectory(t, 'pypi');
    const wheel = await makeWheel(directory, { name: 'refused', version: '1.0' });
    const reader = await broker.attenuate(token, '--caveat', 'method in GET, HEAD');
    const denied = await twine(way, reader, wheel);
    assert.notEqual(denied.status, 0);
    assert.match(denied.stdout + denied.stderr, /401/);
    assert.equal(broker.decisions().at(-1).reason, 'caveat-failed');
    const foreign = await twine(way, 'pypi-somebodys-own', wheel);
    assert.notEqual(foreign.status, 0);
    assert.equal(broker.decisions().at(-1).reason, 'foreign-key');
    assert.ok(!registry.files.has(basename(wheel)), 'nothing was uploaded');
    assert.equal((await twine(way, token, wheel)).status, 0);
    assert.notEqual((await twine(way, token, wheel)).status, 0, 'it is there already');
    const again = await twine(way, token, '--skip-existing', wheel); // which reads the registry's sentence
    assert.equal(again.status, 0, again.stdout + again.stderr);
    const read = await pip(way, reader, `${directory}/downloads`, 'refused');
    assert.equal(read.status, 0, read.stdout + read.stderr);
  });
});
