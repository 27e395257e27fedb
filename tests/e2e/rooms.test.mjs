// SPDX-License-Identifier: Apache-2.0
// keyhole run --isolate: what a program tries to get out of a closed room, seen from inside and from
// outside; and that rooms begin, end and fail as programs do. Real programs in rooms: rooms-programs.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { descendants, environment, isAlive, keyhole, must, python, run, temporaryDirectory } from '../support/programs.mjs';
import { breakout, inRoom, startCapture, startForRooms, terminal } from '../support/room.mjs';
import { deferred, until, within } from '../support/wait.mjs';

const key = realKey('hf_');
let upstream, broker, token, forbidden;

before(async () => {
  ({ upstream, broker, token, forbidden } = await startForRooms(wholeFile, key));
});

function skipped(t) {
  if (forbidden) t.skip(forbidden);
  return Boolean(forbidden);
}

/** Servers outside that must hear of nobody: by TCP and UDP on all addresses, and unix sockets. */
async function startWitnesses(t) {
  const heard = [], directory = temporaryDirectory(t, 'witness');
  const server = () => net.createServer((socket) => {
    heard.push(`TCP from ${socket.remoteAddress ?? 'a unix socket'}`);
    socket.destroy();
  });
  const tcp = server(), path = server(), abstract = server(), udp = dgram.createSocket('udp6');
  await new Promise((done) => tcp.listen(0, '::', done));
  const { port } = tcp.address();
  await new Promise((done) => path.listen(`${directory}/server.sock`, done));
  const name = `keyhole-test-${process.pid}`;
  await new Promise((done) => abstract.listen(`\0${name}`, done));
  udp.on('message', (_, from) => heard.push(`UDP from ${from.address}`));
  await new Promise((done) => udp.bind(port, '::', done));
  const datagrams = spawn(python, ['-c', 'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\n'
    + 's.bind(sys.argv[1])\nprint("ready",flush=True)\nprint(s.recv(99),flush=True)', `${directory}/datagram.sock`],
  { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const ready = deferred();
  datagrams.stdout.on('data', (data) => {
    if (String(data).includes('ready')) ready.resolve();
    else heard.push('a datagram on a unix socket');
  });
  await within('a socket for datagrams', ready.promise);
  t.after(() => {
    datagrams.kill('SIGKILL');
    udp.close();
    for (const one of [tcp, path, abstract]) one.close();
  });
  return { heard, port, socket: `${directory}/server.sock`, datagram: `${directory}/datagram.sock`, abstract: name };
}

/** Every address of this machine but the loopback's. */
function ownAddresses() {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    list.filter((a) => !a.internal).map((a) => ({ ...a, name })));
}

// What these say is looked at one by one.
const FACTS = ['descriptors', 'capabilities', 'processes', 'interfaces', 'variables'];

async function breakOut(t, { options = [], env = {} } = {}) {
  const witness = await startWitnesses(t);
  const marker = `marker-${realKey('')}`, label = `${marker.toLowerCase().slice(0, 30)}.tunnel.example`;
  // Where nobody is (RFC 5737, 3849), and where no other program of this machine sends anything.
  const far = `203.0.113.${randomInt(1, 255)}`, far6 = `2001:db8:${randomInt(1, 65536).toString(16)}::1`;
  const addresses = [['far', 4, [far, 443]], ['far6', 6, [far6, 443]], ['metadata', 4, ['169.254.169.254', 80]], ['metadata6', 6, ['fd00:ec2::254', 80]],
    ['resolver', 4, ['8.8.8.8', 53]], ['resolver6', 6, ['2001:4860:4860::8888', 53]],
    ['link-local', 6, ['fe80::1', witness.port, 0, 1]], ['loopback', 4, ['127.0.0.1', witness.port]],
    ['loopback6', 6, ['::1', witness.port]], ['mapped', 6, ['::ffff:8.8.8.8', 53]], ['any', 4, ['0.0.0.0', witness.port]],
    ...ownAddresses().map((a, i) => [`own ${i}`, a.family === 'IPv6' ? 6 : 4, [a.address, witness.port]])];
  const control = `control-${realKey('')}`;
  const capture = await startCapture(t, { texts: [marker, label.split('.')[0], control],
    addresses: [far, far6] });
  const told = { marker, label, addresses, resolver: '198.18.0.1', sockets: [witness.socket, broker.admin, broker.unix],
    datagram: witness.datagram, abstract: witness.abstract, pid: process.pid,
    hidden: [broker.file('keyholed.db'), broker.file('master.key'), broker.file('keyholed.yaml')],
    variables: ['SSH_AUTH_SOCK', 'DBUS_SESSION_BUS_ADDRESS', 'XDG_RUNTIME_DIR', 'DISPLAY'] };
  const { stdout, stderr, status } = await inRoom(broker, token, [python, breakout, JSON.stringify(told)],
    { options, env: { SSH_AUTH_SOCK: '/nonexistent/agent', DISPLAY: ':0', ...env } });
  assert.equal(status, 0, stderr);
  const outcome = JSON.parse(stdout);
  // One packet that is seen, or seeing none would say nothing.
  const packets = capture.allowed && await (async () => {
    const probe = dgram.createSocket('udp4');
    await capture.sees(control, () => new Promise((done) => probe.send(control, 9, '127.0.0.1', done)));
    probe.close();
    return capture.stop();
  })();
  return { outcome, stderr, heard: witness.heard, packets, witness, label, control };
}

for (const [name, options] of [['a closed room', []], ['a closed room that has unix sockets', ['--unix-sockets']]])
  test(`${name}: no way out`, async (t) => {
    if (skipped(t)) return;
    const { outcome, stderr, heard, packets, witness, label, control } = await breakOut(t, { options });
    const open = Object.entries(outcome).filter(([what, said]) => said === 'open' && !FACTS.includes(what)
      // The name may be seen; nobody answers there.
      && what !== `there is ${witness.socket}`);
    assert.deepEqual(open, [], 'ways that led somewhere');
    assert.deepEqual(heard, [], 'what servers outside heard');
    assert.equal(outcome.descriptors.trim(), '0 1 2', 'descriptors');
    assert.equal(outcome.capabilities, '0000000000000000');
    assert.equal(outcome.processes, '2', 'process 1 and the program');
    assert.equal(outcome.interfaces, 'lo');
    assert.equal(outcome.variables, '', 'variables that lead to servers outside');
    for (const kind of ['A', 'TXT', 'NULL', 'AAAA']) assert.match(outcome[`a tunnel of ${kind}`], /^refused with [35]$/);
    for (const path of [broker.admin, broker.unix]) assert.equal(outcome[`there is ${path}`], 'ENOENT');
    assert.match(stderr, new RegExp(`${label.replaceAll('.', '\\.')} refused`), 'the end says what was refused');
    if (!packets) return t.diagnostic('packets of this machine were not looked at: that takes root');
    assert.deepEqual(packets.filter((p) => !p.packet.includes(control)), [], 'packets that left');
  });

test('another uid than root: no way out either', async (t) => {
  if (skipped(t)) return;
  if (process.getuid() !== 0) return t.skip('this test run is not root, so the others show it');
  const home = temporaryDirectory(t, 'nobody');
  chmodSync(home, 0o777);
  chmodSync(broker.home, 0o755);
  const script = 'id -u; cat /proc/self/uid_map; curl -sS https://huggingface.co/api -H "Authorization: Bearer $HF_TOKEN"';
  const { stdout, stderr, status } = await run('/usr/bin/setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--',
    keyhole, 'run', '--isolate', '--', '/bin/sh', '-c', script],
  { env: { KEYHOLE_TOKEN: token, KEYHOLE_BROKER: broker.url, XDG_RUNTIME_DIR: home, HOME: home } });
  if (status !== 0 && /no room can be made here/.test(stderr)) return t.skip(stderr.trim());
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^65534\n\s+65534\s+0\s+1\n\{"ok":true/);
});

describe('files', () => {
  test('what may be written, read and seen is as told; what is hidden comes to an end with the room', async (t) => {
    if (skipped(t)) return;
    const directory = temporaryDirectory(t, 'files');
    mkdirSync(`${directory}/work/.git`, { recursive: true });
    mkdirSync(`${directory}/secret`);
    for (const name of ['other', 'work/.git/config', 'secret/key', 'work/.env']) writeFileSync(`${directory}/${name}`, 'before');
    const script = 'cat .env secret/key 2>/dev/null; ls ../secret; echo x > new; echo x > ../secret/new && cat ../secret/new;'
      + ' for f in ../other .git/config /etc/keyhole-test; do (echo x > $f) 2>/dev/null && echo wrote $f; done; true';
    const { stdout, stderr, status } = await inRoom(broker, token, script, { cwd: `${directory}/work`,
      options: ['--rw', '.', '--ro', '.git', '--hide', `${directory}/secret`, '--hide', '.env', '--hide', '/var/log', '--ro', directory] });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, 'x\n');
    assert.ok(existsSync(`${directory}/work/new`));
    assert.deepEqual(readdirSync(`${directory}/secret`), ['key']);
    for (const name of ['other', 'work/.git/config', 'work/.env'])
      assert.equal(readFileSync(`${directory}/${name}`, 'utf8'), 'before');
  });

  test('--hide / leaves what the other options name', async (t) => {
    if (skipped(t)) return;
    const { stdout, status, stderr } = await inRoom(broker, token, 'ls /; ls /etc; ls /home /root 2>/dev/null; true',
      { options: ['--hide', '/', '--ro', '/usr'] });
    assert.equal(status, 0, stderr);
    const seen = stdout.split('\n').filter(Boolean);
    for (const name of ['usr', 'proc', 'dev', 'resolv.conf']) assert.ok(seen.includes(name), stdout);
    for (const name of ['home', 'root', 'var', 'passwd', 'shadow']) assert.ok(!seen.includes(name), stdout);
  });

  test('paths that make no sense are refused before anything runs', async (t) => {
    if (skipped(t)) return;
    for (const [options, says] of [[['--ro', '/no/such'], /--ro \/no\/such/], [['--rw', '/run'], /hidden in every room/],
      [['--rw', '/proc'], /of its own/], [['--ro', '/sys'], /of its own/], [['--rw', '/dev/shm'], /of its own/],
      [['--ro', '/usr', '--hide', '/usr'], /two of/], [['--hide', '/'], /working directory|no such program/]]) {
      const { status, stderr, stdout } = await inRoom(broker, token, 'echo ran', { options, cwd: '/usr' });
      assert.notEqual(status, 0);
      assert.match(stderr, says);
      assert.equal(stdout, '');
    }
    const { status, stderr } = await run(keyhole, ['run', '--rw', '.', '--', 'true'], { env: { KEYHOLE_TOKEN: token } });
    assert.equal(status, 2, stderr);
  });
});

describe('beginning and end', () => {
  test('exit statuses, and what runs on ends with the room', async (t) => {
    if (skipped(t)) return;
    const directory = temporaryDirectory(t, 'end');
    for (const [script, expected] of [['exit 0', 0], ['exit 42', 42], ['kill -TERM $$', 143], ['no-such-program-at-all', 127],
      [`(trap "" TERM HUP; echo $$ > ${directory}/pid; while :; do read x < ${directory}/fifo; done) & exit 5`, 5]]) {
      const { status, stderr } = await inRoom(broker, token, script);
      assert.equal(status, expected, `${script}: ${stderr}`);
    }
    const missing = await inRoom(broker, token, ['no-such-program-at-all']);
    assert.equal(missing.status, 127, missing.stderr);
    assert.match(missing.stderr, /no-such-program-at-all/);
    writeFileSync(`${directory}/orphan`, '#!/no/such/interpreter\n', { mode: 0o755 });
    for (const [program, expected] of [['/etc/hosts', 126], ['/etc', 126], [`${directory}/absent`, 127], [`${directory}/orphan`, 127]]) {
      const { status, stderr } = await inRoom(broker, token, [program]);
      assert.equal(status, expected, stderr);
      assert.ok(stderr.includes(program), stderr);
    }
  });

  test('a signal to keyhole is the program’s', async (t) => {
    if (skipped(t)) return;
    for (const [signal, status] of [['SIGTERM', 31], ['SIGHUP', 32], ['SIGUSR1', 33], ['SIGINT', 34]]) {
      const script = 'trap "exit 31" TERM; trap "exit 32" HUP; trap "exit 33" USR1; trap "exit 34" INT; echo ready; '
        + 'while :; do head -c 1000000 /dev/zero >/dev/null; done';
      const ended = await inRoom(broker, token, script,
        { onSpawn: (child) => child.stdout.once('data', () => child.kill(signal)) });
      assert.deepEqual([ended.status, ended.signal], [status, null], `${signal}: ${ended.stderr}`);
    }
  });

  test('keyhole is killed: the room dies with it', async (t) => {
    if (skipped(t)) return;
    const child = spawn(keyhole, ['run', '--isolate', '--', 'sh', '-c', 'cat & echo ready; cat'],
      { env: environment({ KEYHOLE_TOKEN: token, KEYHOLE_BROKER: broker.unix }), stdio: ['pipe', 'pipe', 'inherit'] });
    await within('the program', new Promise((ready) => child.stdout.once('data', ready)));
    const below = descendants(child.pid);
    assert.ok(below.length >= 3, JSON.stringify(below));
    child.kill('SIGKILL');
    await until('everything in the room is gone', () => below.every((p) => !isAlive(p.pid)));
  });

  test('the broker is gone in mid-run: connections fail, and nothing else opens', async (t) => {
    if (skipped(t)) return;
    const own = await startBroker(t);
    await own.addCredential('huggingface', { preset: 'huggingface', secret: key, upstream });
    const mine = await own.mint('huggingface');
    const script = 'ask() { curl -sS -m 20 https://huggingface.co/api -H "Authorization: Bearer $HF_TOKEN"; echo " $?"; }; '
      + 'ask; echo asked; read line; ask; ask --noproxy "*"';
    const before = upstream.requests.length;
    const { stdout } = await inRoom(own, mine, script, { stdin: null, onSpawn: (child) => {
      let said = '';
      child.stdout.on('data', async (data) => {
        said += data;
        if (!said.endsWith('asked\n')) return;
        await own.kill();
        child.stdin.end('\n');
      });
    } });
    const lines = stdout.trim().split('\n');
    assert.match(lines[0], /^\{"ok":true.* 0$/);
    for (const line of lines.slice(2)) assert.doesNotMatch(line, /ok| 0$/);
    assert.equal(upstream.requests.length, before + 1);
  });

  test('standard input that would be a way out is refused', async (t) => {
    if (skipped(t)) return;
    const listener = net.createServer((s) => s.on('error', () => {})).listen(0, '127.0.0.1');
    await new Promise((done) => listener.once('listening', done));
    t.after(() => listener.close());
    for (const input of [`< /dev/tcp/127.0.0.1/${listener.address().port}`, '< /']) {
      const { status, stderr } = await run('/bin/bash', ['-c', `"$0" run --isolate -- echo ran ${input}`, keyhole],
        { env: { KEYHOLE_TOKEN: token, KEYHOLE_BROKER: broker.unix } });
      assert.equal(status, 2, stderr);
      assert.match(stderr, /a way out of the room/);
    }
  });
});

describe('where there can be no room', () => {
  const refuses = async (t, bwrap, says) => {
    const directory = temporaryDirectory(t, 'no-room');
    if (bwrap) writeFileSync(`${directory}/bwrap`, bwrap, { mode: 0o755 });
    const { status, stdout, stderr } = await inRoom(broker, token, ['/bin/sh', '-c', `echo ran; touch ${directory}/ran`],
      { env: { PATH: directory } });
    assert.equal(status, 1, stderr);
    assert.match(stderr, says);
    assert.equal(stdout, '', 'nothing ran');
    assert.ok(!existsSync(`${directory}/ran`));
  };

  test('no bubblewrap', (t) => refuses(t, null, /no room can be made here: bubblewrap is not installed/));
  test('the kernel forbids it', (t) => refuses(t,
    '#!/bin/sh\necho "bwrap: No permissions to creating new namespace, likely because the kernel does not allow it" >&2\nexit 1\n',
    /no room can be made here: .*namespaces/));
  test('a masked /proc', (t) => refuses(t,
    '#!/bin/sh\necho "bwrap: Can\'t mount proc on /newroot/proc: Operation not permitted" >&2\nexit 1\n', /container whose \/proc is masked/));
  // bubblewrap that does nothing at all is no room: keyhole-room sees where it is.
  test('a bubblewrap that runs the program without a room', (t) => refuses(t,
    '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n', /no room c(an|ould) be made/));
});

describe('on a terminal', () => {
  const session = async (steps, program) => {
    const { stdout } = await run(python, [terminal, JSON.stringify(steps), ...program],
      { env: { KEYHOLE_TOKEN: token, KEYHOLE_BROKER: broker.unix, PS1: '$ ', KEYHOLE: keyhole } });
    const lines = stdout.trimEnd().split('\n');
    return { screen: stdout, status: Number(lines.at(-1)) };
  };

  test('Ctrl-C is the program’s alone', async (t) => {
    if (skipped(t)) return;
    // Bash waits for a program of its own when ^C comes: between "echo" and a read of its own it would only note it.
    const script = 'trap "echo interrupted" INT; sh -c "echo begun; exec cat"; read x; echo "x=$x"; read y; echo "y=$y"; exit 6';
    const { screen, status } = await session([['begun', '\x03'], ['interrupted', 'a\n'], ['=', 'b\n']],
      [keyhole, 'run', '--isolate', '--', 'bash', '-c', script]);
    assert.equal(status, 6, screen);
    assert.match(screen, /interrupted/);
  });

  test('Ctrl-C ends a program that does not care, with its status', async (t) => {
    if (skipped(t)) return;
    const { screen, status } = await session([['begun', '\x03']],
      [keyhole, 'run', '--isolate', '--', 'sh', '-c', 'echo begun; exec cat']);
    assert.equal(status, 130, screen);
  });

  test('a shell in the room has jobs; the room is a job of the shell outside', async (t) => {
    if (skipped(t)) return;
    // What is typed stands on the screen too, so each text that is waited for is computed.
    const python = (text) => `python3 -c 'print("${text[0]}"+"${text.slice(1)}", flush=True); print("got", input())'`;
    const { screen } = await session([
      ['$ ', `"$KEYHOLE" run --isolate --quiet -- ${python('begun')}\n`], ['begun', '\x1a'],
      ['Stopped', 'echo out-$((1+2)); fg\n'], ['out-3', 'line\n'], ['got line', 'echo next-$((4+4))\n'],
      ['next-8', 'PS1=room-$((40+2)) "$KEYHOLE" run --isolate --quiet -- bash --norc -i\n'],
      ['room-42', `${python('inside')}\n`], ['inside', '\x1a'], ['Stopped', 'echo again-$((6+6)); fg\n'],
      ['again-12', 'typed\n'], ['got typed', 'echo in-$((3+4)); exit\n'],
      ['in-7', ''], ['exit', 'echo out-$((5+6)); exit\n'], ['out-11', '']],
    ['bash', '--norc', '-i']);
    for (const part of ['got line', 'in-7', 'out-11']) assert.ok(screen.includes(part), screen);
    assert.ok(!screen.includes('time is up'), screen);
  });
});

test('fifty rooms at once, each with its own answer, and nothing left', async (t) => {
  if (skipped(t)) return;
  const home = temporaryDirectory(t, 'fifty');
  const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length;
  const before = { mounts: mounts(), requests: upstream.requests.length };
  const children = [];
  const results = await Promise.all(Array.from({ length: 50 }, (_, n) => inRoom(broker, token,
    `curl -sS --retry 3 https://huggingface.co/room/${n} -H "Authorization: Bearer $HF_TOKEN"; exit ${n}`,
    { env: { XDG_RUNTIME_DIR: home, TMPDIR: home }, onSpawn: (child) => children.push(child.pid) })));
  for (const [n, { status, stdout, stderr }] of results.entries()) {
    assert.equal(status, n, stderr);
    assert.equal(JSON.parse(stdout).url, `/room/${n}`);
  }
  assert.equal(upstream.requests.length, before.requests + 50);
  assert.equal(new Set(upstream.requests.slice(-50).map((r) => r.url)).size, 50);
  assert.equal(mounts(), before.mounts, 'mounts outside');
  assert.deepEqual(readdirSync(home), [], 'directories of the runs');
  assert.deepEqual(children.flatMap(descendants), [], 'processes');
});
