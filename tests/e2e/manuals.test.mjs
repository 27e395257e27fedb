// SPDX-License-Identifier: Apache-2.0
// The manuals: their examples work as they stand there, what refers to a page finds it, and man shows
// them without lines that are too wide.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { examplesOf, examplesScript, readExamples } from '../support/manual.mjs';
import { keyhole, must, run, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';

const directory = resolve(import.meta.dirname, '../../docs/man');
const ours = (name) => /^keyhole/.test(name); // libkeyhole(3) has a test of its own
const pages = readdirSync(directory).filter((name) => /\.[1-8]$/.test(name) && ours(name)).sort();
const without = ['keyhole-errors.7', 'keyhole-metrics.7']; // lists

const authenticator = 'needs a security key or an SSH key: discharge.test.mjs, login-client.test.mjs, enroll.test.mjs';
const agent = 'starts an agent: run.test.mjs, rooms-programs.test.mjs';
const foreground = 'stays in the foreground: every test runs it';
// Examples that are not run, by how they begin, and why.
const notRun = {
  'keyhole-discharge.1': [['keyhole discharge', authenticator]],
  'keyhole-login.1': [['KEYHOLE_TOKEN=$(keyhole login', authenticator], ['keyhole attenuate', authenticator]],
  'keyhole-enroll.1': [['keyhole enroll', authenticator]],
  'keyhole-trust.1': [['keyhole trust https://', 'another host: ways.test.mjs']],
  'keyhole-run.1': [['keyhole run --credential github', agent], ['keyhole run --isolate', agent]],
  'keyhole-revoke.1': [['KEYHOLE_BROKER=https://', 'another host: revoke.test.mjs']],
  'keyholed-run.8': [['keyholed run', foreground]],
  'keyholed-discharger.8': [['keyholed discharger run', foreground]],
  'keyholed-key.8': [['keyholed key change-master', 'the broker must not run: backup.test.mjs']],
  'keyholed-attestation.8': [['keyholed attestation', 'certificates of a maker: attestation.test.mjs']],
};
// Those that end otherwise than well.
const statuses = {
  'keyhole-explain.1': [['keyhole explain --request \'POST', 3], ['keyhole explain --at', 3]],
  'keyholed-explain.8': [['keyholed explain \\\n    --request \'POST', 3]],
};
const lookUp = (table, page, command) => (table[page] ?? []).find(([start]) => command.startsWith(start))?.[1];

const policy = `version: 1
grants:
  - { name: everyone-openai, to: [everyone], credentials: [openai, github] }
`;
const key = realKey();
let upstream, shared;

const aGateway = (t) => ({ config: `gateway:\n  - socket: ${temporaryDirectory(t, 'gateway')}/gateway.sock\n    users: [${process.getuid()}]\n` });

async function aBroker(t, options) {
  const broker = await startBroker(t, options);
  for (const name of ['openai', 'github']) await broker.addCredential(name, { preset: name, secret: key, upstream });
  return broker;
}

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  shared = await aBroker(wholeFile);
});

// What the reader of a page has already.
async function prepare(t, broker) {
  const work = temporaryDirectory(t, 'manual');
  mkdirSync(join(work, 'home'));
  writeFileSync(join(work, 'key.txt'), `${key}\n`);
  writeFileSync(join(work, 'passphrase.txt'), 'correct horse battery staple\n');
  writeFileSync(join(work, 'policy.yaml'), policy, { mode: 0o600 });
  const token = await broker.mint(['openai', 'github'], { user: 'agent-7' });
  await broker.request('/~openai/v1/models', { token }); // something that the audit log has
  const env = { HOME: join(work, 'home'), STATE_DIRECTORY: broker.directory, KEYHOLE_BROKER: broker.url,
    KEYHOLE_TOKEN: token, PATH: `${dirname(keyhole)}:${process.env.PATH}` };
  return { cwd: work, env, timeout: 120000 };
}

describe('examples', () => {
  for (const page of pages) {
    const commands = examplesOf(join(directory, page));
    test(page, async (t) => {
      if (without.includes(page)) return assert.deepEqual(commands, []);
      assert.notDeepEqual(commands, [], 'a page has examples');
      for (const table of [notRun, statuses])
        for (const [start] of table[page] ?? []) assert.ok(commands.some((c) => c.startsWith(start)), `an exception that is none any more: ${start}`);
      const tried = commands.filter((command) => !lookUp(notRun, page, command));
      if (tried.length === 0) return;
      const broker = /\.[58]$/.test(page) ? await aBroker(t, page === 'keyholed-gateway.8' ? aGateway(t) : {}) : shared;
      const options = await prepare(t, broker);
      writeFileSync(join(options.cwd, 'examples.sh'), examplesScript(tried));
      const { stdout, stderr } = await run('/bin/sh', ['examples.sh'], options);
      const results = readExamples(stdout);
      for (const [n, command] of tried.entries())
        assert.equal(results[n]?.status, lookUp(statuses, page, command) ?? 0, `$ ${command}\n${results[n]?.said}\n--- standard error of all:\n${stderr}`);
    });
  }
});

test('references lead to pages that there are, and each page is in one', () => {
  const referred = new Set();
  for (const page of readdirSync(directory))
    for (const [, name, section] of readFileSync(join(directory, page), 'utf8').matchAll(/Xr ((?:lib)?keyhole\S*) (\d)/g)) {
      referred.add(`${name}.${section}`);
      assert.ok(pages.includes(`${name}.${section}`) || name === 'libkeyhole', `${page} refers to ${name}(${section})`);
    }
  assert.deepEqual(pages.filter((page) => !referred.has(page)), []);
});

test('pages fit into 80 columns', async () => {
  for (const page of pages) {
    const { stdout } = await must('man', ['-l', join(directory, page)], { env: { MANWIDTH: '80', MANPAGER: 'cat', LC_ALL: 'C.UTF-8' } });
    const wide = stdout.split('\n').filter((line) => [...line.replaceAll(/.\u0008/g, '')].length > 80);
    assert.deepEqual(wide, [], page);
  }
});
