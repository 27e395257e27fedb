// SPDX-License-Identifier: Apache-2.0
// A certification authority for one run of the tests, made with the openssl program.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { unlessUndone } from './programs.mjs';

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function openssl(args) {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A CA in a directory of its own. `issue(names)` gives `{ key, cert }` as PEM. */
export class TestAuthority {
  constructor(name = 'Keyhole test CA') {
    this.directory = mkdtempSync(join(tmpdir(), 'kh-pki-'));
    this.file = join(this.directory, 'ca.pem');
    this.keyFile = join(this.directory, 'ca.key');
    this.count = 0;
    openssl(['req', '-x509', ...EC, '-keyout', this.keyFile, '-out', this.file, '-days', '2',
      '-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE',
      '-addext', 'keyUsage=critical,keyCertSign,cRLSign']);
    this.pem = readFileSync(this.file, 'utf8');
  }

  issue(names) {
    const base = join(this.directory, `leaf${++this.count}`);
    const subjects = names.map((n) => `${isIP(n) ? 'IP' : 'DNS'}:${n}`).join(',');
    openssl(['req', '-x509', ...EC, '-keyout', `${base}.key`, '-out', `${base}.pem`, '-days', '2',
      '-subj', '/CN=upstream', '-CA', this.file, '-CAkey', this.keyFile,
      '-addext', `subjectAltName=${subjects}`, '-addext', 'basicConstraints=critical,CA:FALSE',
      '-addext', 'keyUsage=critical,digitalSignature',
      '-addext', 'extendedKeyUsage=serverAuth']);
    return {
      key: readFileSync(`${base}.key`, 'utf8'),
      cert: readFileSync(`${base}.pem`, 'utf8'),
      keyFile: `${base}.key`,
      certFile: `${base}.pem`,
    };
  }

  remove() {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

let shared;

/** The CA of this test process; removed when the process ends. */
export function testAuthority() {
  if (!shared) {
    shared = new TestAuthority();
    unlessUndone(() => shared.remove());
  }
  return shared;
}
