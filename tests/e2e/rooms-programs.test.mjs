// SPDX-License-Identifier: Apache-2.0
// Real programs in a closed room, unmodified: those that honour proxy variables, the same when they do
// not, and one that honours nothing. Each works through the broker, or fails inside.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { missing, startGitServer } from '../support/git.mjs';
import { must, python, temporaryDirectory } from '../support/programs.mjs';
import { inRoom, plainSource, roomsAreForbidden } from '../support/room.mjs';
import { accepts, startUpstream } from '../support/upstream.mjs';

const key = realKey('hf_'), password = realKey('pw-'), npmKey = realKey('npm_');
let upstream, registry, server, broker, token, forbidden, home;

const packument = JSON.stringify({ name: 'left-pad', 'dist-tags': { latest: '1.3.0' },
  versions: { '1.3.0': { name: 'left-pad', version: '1.3.0', dist: { tarball: 'https://other.example/x.tgz', shasum: '0' } } } });

before(async () => {
  upstream = await startUpstream(wholeFile, { key });
  registry = await startUpstream(wholeFile, { accepts: accepts.bearer(npmKey) });
  registry.route('/left-pad', (_, res) => res.writeHead(200, { 'content-type': 'application/json' }).end(packument));
  broker = await startBroker(wholeFile);
  await broker.addCredential('huggingface', { preset: 'huggingface', secret: key, upstream });
  await broker.addCredential('registry', { secret: npmKey, upstream: registry, hosts: ['other.example'], args: ['--slot', 'bearer', '--inject', 'bearer'] });
  const names = ['huggingface', 'registry'];
  if (missing.length === 0) {
    server = await startGitServer(wholeFile, { hosts: ['git.example'], repositories: ['project.git'], users: [['svc', password]] });
    await broker.addCredential('git', { secret: `svc:${password}`, upstream: server, hosts: ['git.example'],
      args: ['--slot', 'basic', '--slot', 'bearer', '--inject', 'basic'] });
    broker.secrets.push(password);
    names.push('git');
  }
  token = await broker.mint(names);
  forbidden = await roomsAreForbidden(broker, token);
  home = temporaryDirectory(wholeFile, 'room-home');
});

// What a program that knows of no proxy has in its environment.
const UNAWARE = 'unset HTTPS_PROXY HTTP_PROXY ALL_PROXY https_proxy http_proxy all_proxy NODE_USE_ENV_PROXY HF_ENDPOINT; ';
const header = '"Authorization: Bearer $HF_TOKEN"';
const answered = (path) => new RegExp(`"url":"${path}"`);

// [name, script, what it prints, only: 'aware' or 'unaware']
const programs = [
  ['curl', `curl -sS https://huggingface.co/curl -H ${header}`, answered('/curl')],
  ['curl, without TLS', `curl -sS http://huggingface.co/plain-http -H ${header}`, answered('/plain-http')],
  ['curl, of 1996', `curl -sS --http1.0 https://huggingface.co/curl-1.0 -H ${header}`, answered('/curl-1.0')],
  ['curl, with nothing in its environment', `env -i "$(command -v curl)" -sS https://huggingface.co/nothing -H ${header}`, answered('/nothing'), 'unaware'],
  ['wget', `wget -qO- --ca-certificate="$SSL_CERT_FILE" --header=${header} https://huggingface.co/wget`, answered('/wget')],
  ['node fetch', `"${process.execPath}" -e 'fetch("https://huggingface.co/node", { headers: { authorization: "Bearer " + process.env.HF_TOKEN } })`
    + `.then((r) => r.text()).then(console.log)'`, answered('/node')],
  ['python3 requests', `${python} -c 'import os, requests; print(requests.get("https://huggingface.co/requests", `
    + 'headers={"authorization": "Bearer " + os.environ["HF_TOKEN"]}).text)\'', answered('/requests')],
  ['python3 urllib', `${python} -c 'import os, urllib.request as u; print(u.urlopen(u.Request("https://huggingface.co/urllib", `
    + 'headers={"authorization": "Bearer " + os.environ["HF_TOKEN"]})).read().decode())\'', answered('/urllib')],
  ['openssl s_client', `printf 'GET /openssl HTTP/1.1\\r\\nHost: huggingface.co\\r\\nAuthorization: Bearer %s\\r\\nConnection: close\\r\\n\\r\\n' "$HF_TOKEN" `
    + '| openssl s_client -quiet -verify_return_error -CAfile "$SSL_CERT_FILE" -servername huggingface.co -connect huggingface.co:443', answered('/openssl'), 'unaware'],
  ['openssl s_client by the proxy', `printf 'GET /openssl HTTP/1.1\\r\\nHost: huggingface.co\\r\\nAuthorization: Bearer %s\\r\\nConnection: close\\r\\n\\r\\n' "$HF_TOKEN" `
    + '| openssl s_client -quiet -verify_return_error -CAfile "$SSL_CERT_FILE" -servername huggingface.co -proxy 127.0.0.1:8437 -connect huggingface.co:443',
  answered('/openssl'), 'aware'],
  ['npm', 'printf "//other.example/:_authToken=%s\\n" "$KEYHOLE_TOKEN" > "$HOME/.npmrc"; npm view left-pad version --registry=https://other.example/ --no-update-notifier', /^1\.3\.0$/m],
  ['git', 'git -c http.extraHeader="Authorization: Bearer $KEYHOLE_TOKEN" clone -q https://git.example/project.git "$(mktemp -d)/clone" && echo cloned', /^cloned$/m],
];

function checked(t, name) {
  if (forbidden) t.skip(forbidden);
  else if (name === 'git' && !server) t.skip(`not installed: ${missing.join(', ')}`);
  else return true;
  return false;
}

async function works(script, expected) {
  const { stdout, stderr, status } = await inRoom(broker, token, script, { env: { HOME: home } });
  assert.equal(status, 0, stderr + stdout);
  assert.match(stdout, expected);
  for (const secret of [key, password, npmKey]) assert.ok(!(stdout + stderr).includes(secret), 'a key came in');
}

for (const [way, prefix] of [['aware', ''], ['unaware', UNAWARE]])
  describe(way === 'aware' ? 'by the proxy' : 'without knowing of a proxy', () => {
    for (const [name, script, expected, only] of programs)
      if (!only || only === way)
        test(name, async (t) => {
          if (checked(t, name)) await works(prefix + script, expected);
        });
  });

test('a static binary that looks at no variable', async (t) => {
  if (!checked(t)) return;
  const compiler = ['/usr/bin/cc', '/usr/bin/gcc'].find((file) => existsSync(file));
  if (!compiler) return t.skip('no C compiler here');
  const binary = `${temporaryDirectory(t, 'static')}/plain`;
  await must(compiler, ['-static', '-O1', '-o', binary, plainSource]);
  await works(`${binary} huggingface.co 80 "$HF_TOKEN"`, answered('/plain'));
  const { status, stdout } = await inRoom(broker, token, [binary, 'evil.example', '80', 'x']);
  assert.equal(status, 13, 'no address for another name');
  assert.equal(stdout, '');
});

test('what goes elsewhere fails inside, and is said at the end', async (t) => {
  if (!checked(t)) return;
  for (const script of ['curl -sS -m 20 https://evil.example/', `${UNAWARE} curl -sS -m 20 https://evil.example/`,
    `${UNAWARE} curl -sSk -m 20 --connect-to evil.example:443:huggingface.co:443 https://evil.example/`,
    `${UNAWARE} curl -sS -m 20 -H 'Host: evil.example' http://huggingface.co/ -f`,
    'curl -sS -m 20 http://169.254.169.254/latest/meta-data/ -f', `${UNAWARE} curl -sS -m 20 http://169.254.169.254/latest/meta-data/`,
    'ping -c 1 -W 5 8.8.8.8', 'ping -c 1 -W 5 huggingface.co', 'git ls-remote https://evil.example/x.git']) {
    const { status, stdout, stderr } = await inRoom(broker, token, script, { env: { HOME: home } });
    assert.notEqual(status, 0, `${script}: ${stdout}`);
    if (script.includes('evil.example') && !script.includes('Host:')) assert.match(stderr, /evil\.example.* refused/, script);
  }
});

test('a host that is not of this run', async (t) => {
  if (!checked(t)) return;
  const only = await broker.mint('huggingface');
  for (const prefix of ['', UNAWARE]) {
    const { status, stderr } = await inRoom(broker, only, `${prefix} curl -sS -m 20 https://other.example/left-pad -f`,
      { options: ['--allow-host', 'files.example'] });
    assert.notEqual(status, 0);
    // Not for want of a token for it.
    assert.match(stderr, /other\.example refused \(host-not-allowed\); allow with --allow-host other\.example/);
  }
});
