// SPDX-License-Identifier: Apache-2.0
// The TLS listeners, as testssl.sh sees them. Debian's release of it gives no grades yet: what costs an A
// (old protocols and ciphers, no forward secrecy, renegotiation, the attacks with names) it rates "medium"
// or worse, and nothing may be that.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { Broker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { testAuthority } from '../support/pki.mjs';
import { run, temporaryDirectory } from '../support/programs.mjs';

let broker;

before(async () => {
  const { keyFile, certFile } = testAuthority().issue(['localhost', '127.0.0.1']);
  const tls = (margin) => ['- address: 127.0.0.1:0', '  tls: true', `  certificate: ${certFile}`, `  key: ${keyFile}`].map((l) => `${margin}${l}\n`).join('');
  broker = await new Broker(wholeFile, { listen: null,
    config: `listen:\n${tls('  ')}discharger:\n  url: https://localhost:1\n  listen:\n${tls('    ')}` }).init();
  await broker.start();
});

/** What testssl.sh found, by id. */
async function look(t, port) {
  const file = join(temporaryDirectory(t, 'testssl'), 'found.json');
  const { stdout } = await run('/usr/bin/testssl', ['--quiet', '--color', '0', '--warnings', 'off', '--openssl-timeout', '5',
    '--add-ca', testAuthority().file, '--ip', '127.0.0.1', '--jsonfile', file, `localhost:${port}`], { timeout: 600000 });
  const found = JSON.parse(readFileSync(file, 'utf8'));
  assert.ok(found.length > 50, stdout);
  return new Map(found.map((f) => [f.id, f]));
}

// Of the certificate, which is the test's, and of an HTTP server's answers, which say what they have to.
const NOT_OURS = /^cert|^OCSP|^DNS_CAA|^HSTS|^HPKP|^HTTP|^banner|^security_headers|^cookie|^BREACH|^scan|^engine|^trust/i;

function judge(found) {
  const bad = [...found.values()].filter((f) => !NOT_OURS.test(f.id) && /MEDIUM|HIGH|CRITICAL|FATAL/.test(f.severity));
  assert.deepEqual(bad.map((f) => `${f.id} ${f.severity}: ${f.finding}`), []);
  for (const name of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1']) assert.match(found.get(name).finding, /not offered/, name);
  for (const name of ['TLS1_2', 'TLS1_3']) assert.match(found.get(name).finding, /offered/, name);
}

describe('testssl.sh', { concurrency: 1 }, () => {
  test('the listener of the proxy', async (t) => judge(await look(t, broker.port)));
  test('the listener of the discharger', async (t) => {
    const port = /"event":"listening","message":"127\.0\.0\.1:(\d+) for the discharger"/.exec(broker.log)?.[1];
    assert.ok(port, broker.log);
    judge(await look(t, port));
  });
});
