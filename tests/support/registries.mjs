// SPDX-License-Identifier: Apache-2.0
// Registries as people run them: verdaccio (npm) and Debian's docker-registry, on loopback, with TLS and
// password files.

import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { unusedPort } from './broker.mjs';
import { startProgram, started } from './git.mjs';
import { testAuthority } from './pki.mjs';
import { must, temporaryDirectory } from './programs.mjs';

const VERDACCIO = resolve(import.meta.dirname, '../e2e-heavy/node_modules/verdaccio/bin/verdaccio');
const DOCKER = '/usr/bin/docker-registry', HTPASSWD = '/usr/bin/htpasswd';
export const missing = {
  npm: [VERDACCIO, HTPASSWD].filter((f) => !existsSync(f)),
  docker: [DOCKER, HTPASSWD].filter((f) => !existsSync(f)),
};

/** A line of a password file, bcrypt: docker-registry takes nothing else. */
async function passwordLine(user, password) {
  return (await must(HTPASSWD, ['-nBi', user], { stdin: `${password}\n` })).stdout.trim();
}

class Registry {
  constructor(port, program) {
    Object.assign(this, { port, program, ca: testAuthority().file });
  }

  resolve(hosts) {
    return hosts.map((h) => `${h}:443:127.0.0.1:${this.port}`);
  }
}

/** A registry of npm packages without a registry behind it. */
export async function startNpmRegistry(t, { host, user, password }) {
  const directory = temporaryDirectory(t, 'npm'), port = await unusedPort(), certificate = testAuthority().issue([host, '127.0.0.1']);
  writeFileSync(`${directory}/htpasswd`, `${await passwordLine(user, password)}\n`);
  writeFileSync(`${directory}/config.yaml`, `
storage: ${directory}/storage
auth: { htpasswd: { file: ${directory}/htpasswd, max_users: 10 } }
uplinks: {}
packages:
  '@*/*': { access: $authenticated, publish: $authenticated }
  '**': { access: $authenticated, publish: $authenticated }
web: { enable: false }
listen: https://127.0.0.1:${port}
https: { key: ${certificate.keyFile}, cert: ${certificate.certFile} }
log: { type: stdout, format: json, level: warn }
`);
  const program = startProgram(t, process.execPath, [VERDACCIO, '--config', `${directory}/config.yaml`], { env: { HOME: directory }, cwd: directory });
  await started('verdaccio', program, { port });
  return new Registry(port, program);
}

/** A registry of images, with a password file, or `token` { realm, service, issuer, roots }: what a token server signs. */
export async function startDockerRegistry(t, { host, user, password, token }) {
  const directory = temporaryDirectory(t, 'docker'), port = await unusedPort(), certificate = testAuthority().issue([host]);
  if (!token) writeFileSync(`${directory}/htpasswd`, `${await passwordLine(user, password)}\n`);
  const auth = token
    ? `token: { realm: "${token.realm}", service: ${token.service}, issuer: ${token.issuer}, rootcertbundle: ${token.roots} }`
    : `htpasswd: { realm: images, path: ${directory}/htpasswd }`;
  writeFileSync(`${directory}/config.yml`, `
version: 0.1
log: { level: warn }
storage: { filesystem: { rootdirectory: ${directory}/storage } }
http:
  addr: 127.0.0.1:${port}
  tls: { certificate: ${certificate.certFile}, key: ${certificate.keyFile} }
auth: { ${auth} }
`);
  const program = startProgram(t, DOCKER, ['serve', `${directory}/config.yml`], { cwd: directory });
  await started('docker-registry', program, { port });
  return new Registry(port, program);
}
