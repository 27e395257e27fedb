// SPDX-License-Identifier: Apache-2.0
// Runs one guide, as root of a network, a mount and a process namespace of its own (tests/e2e/guides.test.mjs
// makes them): guide_main.mjs GUIDE DIRECTORY. The services that guides name resolve to an address of the
// loopback, and their certificates are trusted here, so that a guide's commands are those of its reader.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import { differs, guideScript, parseGuide } from './guide.mjs';
import { ADDRESS, GUIDE_HOSTS, REAL_KEY, startServices } from './guide_services.mjs';
import { testAuthority } from './pki.mjs';
import { build, environment } from './programs.mjs';

const [file, directory] = process.argv.slice(2);
const home = join(directory, 'home');
const heavyModules = resolve(import.meta.dirname, '../e2e-heavy/node_modules');
const READER = 4000; // not root: whoever reads most guides is not
const sh = (script, ...args) => execFileSync('/bin/sh', ['-euc', script, 'sh', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });

/** The names of services, and who is trusted for them, in this namespace alone. */
function makeWorld() {
  sh('ip link set lo up && ip addr add "$1/32" dev lo && ip route add default dev lo', ADDRESS);
  writeFileSync(join(directory, 'hosts'), `127.0.0.1 localhost ${hostname()}\n${ADDRESS} ${GUIDE_HOSTS.join(' ')}\n`);
  writeFileSync(join(directory, 'passwd'), `${readFileSync('/etc/passwd', 'utf8')}you:x:${READER}:${READER}:you:${home}:/bin/bash\n`);
  writeFileSync(join(directory, 'resolv.conf'), 'nameserver 127.0.0.1\n'); // where nobody answers, and nobody waits
  mkdirSync(join(directory, 'certs'));
  sh(`cp /etc/ssl/certs/ca-certificates.crt "$1" 2>/dev/null || : >"$1/ca-certificates.crt"
cat "$2" >>"$1/ca-certificates.crt"
cp "$2" "$1/$(openssl x509 -noout -hash -in "$2").0"
mount --bind "$1" /etc/ssl/certs
for name in hosts passwd resolv.conf; do
    [ ! -e "/etc/$name" ] || mount --bind "$3/$name" "/etc/$name"
done`, join(directory, 'certs'), testAuthority().file, directory);
}

// What a reader has: a home, a directory to work in, the programs. `ready` is the moment that it takes
// them to go on after they started a broker.
const PREAMBLE = `
ready() {
    for _ in $(seq 300); do
        ! curl -s -o "$OUT/ready" --unix-socket "$HOME/.local/state/keyholed/proxy.sock" http://localhost/ || return 0
        sleep 0.1
    done
    echo "the broker does not start" >&2
    return 1
}
plug() { # a security key, as tests/support/softauthn makes them; its maker's root is NAME-root.pem
    mkfifo "$OUT/$1.stdin"
    sleep infinity >"$OUT/$1.stdin" &
    "$BUILD/tests/bin/softauthn" --unix "$OUT/$1" --ca "$OUT/$1-root.pem" <"$OUT/$1.stdin" >"$OUT/$1.events" 2>&1 &
    for _ in $(seq 300); do ! grep -q ready "$OUT/$1.events" || break; sleep 0.1; done
    export KEYHOLE_TEST_DEVICES="\${KEYHOLE_TEST_DEVICES:+$KEYHOLE_TEST_DEVICES,}unix:$OUT/$1"
    PATH=$BUILD/tests/bin:$PATH
}
cd "$HOME/work"
`;

function runSession(script) {
  mkdirSync(join(home, 'work'), { recursive: true });
  const temporary = join(directory, 'tmp');
  mkdirSync(temporary);
  const path = [join(build, 'bin'), join(process.execPath, '..'), join(heavyModules, '.bin'),
    '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const env = environment({ PATH: path.join(':'), HOME: home, TMPDIR: temporary, BUILD: build, OUT: directory,
    MODULES: heavyModules, NODE_NO_WARNINGS: '1', USER: 'you', LOGNAME: 'you' });
  writeFileSync(join(directory, 'script'), script);
  const child = spawn('unshare', ['-U', `--map-user=${READER}`, `--map-group=${READER}`, '/bin/bash', join(directory, 'script')],
    { env, cwd: home, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((done) => child.on('exit', (status, signal) => done(status ?? signal)));
}

const said = (n) => (existsSync(join(directory, `${n}.out`)) ? readFileSync(join(directory, `${n}.out`), 'utf8') : '');

/** What went wrong, as a person would want to read it. */
function faults(guide, status) {
  const progress = existsSync(join(directory, 'progress')) ? readFileSync(join(directory, 'progress'), 'utf8').trim() : '';
  const found = [];
  const reached = progress === 'done' ? guide.steps.length : Number(progress);
  guide.steps.slice(0, reached).forEach((step, n) => {
    const why = step.expected === undefined ? undefined : differs(step.expected, said(n));
    if (why) found.push(`line ${step.line}: ${why}`);
    if (REAL_KEY.test(said(n))) found.push(`line ${step.line}: a real key is shown`);
  });
  if (progress !== 'done') {
    const step = guide.steps[reached];
    found.push(`line ${step?.line}: ended with ${status} in\n${step?.text}---- it said\n${said(reached)}`);
  }
  return found;
}

const guide = parseGuide(file, { heavy: Boolean(process.env.GUIDES_HEAVY) });
makeWorld();
await startServices(join(directory, 'git'));
const status = await runSession(guideScript(guide, PREAMBLE));
const found = faults(guide, status);
for (const [n, step] of guide.steps.entries())
  if (found.length > 0 && said(n)) process.stderr.write(`---- line ${step.line} said\n${said(n)}`);
process.stdout.write(`${found.join('\n\n')}\n`);
process.exit(found.length > 0 ? 1 : 0);
