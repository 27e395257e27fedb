// SPDX-License-Identifier: Apache-2.0
// The walls of a closed room from both of its sides: what process 1 (keyhole-room) and the program have
// as the kernel tells it outside; calls that each of them is made to try; and a program that wants to see
// what is hidden. Ways out by the network and by sockets: rooms.test.mjs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { realKey } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { cannotInject, inject } from '../support/inject.mjs';
import { descendants, environment, keyhole, temporaryDirectory } from '../support/programs.mjs';
import { inRoom, startForRooms } from '../support/room.mjs';
import { within } from '../support/wait.mjs';

const AT_FDCWD = -100, O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, BLOCK_DEVICE = 0o60600;
const NEW = { NEWNS: 0x20000, NEWCGROUP: 0x2000000, NEWUTS: 0x4000000, NEWIPC: 0x8000000, NEWUSER: 0x10000000, NEWPID: 0x20000000,
  NEWNET: 0x40000000 };
const SIGCHLD = 17, CAPABILITIES = 41, CAP_NET_ADMIN = 12;
const PR = { GET_DUMPABLE: 3, CAPBSET_READ: 23, GET_SECUREBITS: 27, SET_SECUREBITS: 28, SET_NO_NEW_PRIVS: 38, CAP_AMBIENT: 47 };
const NO_ROOT_FOR_EVER = 0b11001111; // noroot, no-setuid-fixup, no-ambient-raise, each locked
const CAP_HEADER = 'bytes:2205082000000000'; // version 3, this process

const open = (path, flags) => ['openat', AT_FDCWD, `text:${path}`, flags];

const key = realKey('hf_');
let upstream, broker, token, forbidden;

before(async () => {
  ({ upstream, broker, token, forbidden } = await startForRooms(wholeFile, key));
});

function skipped(t, why = false) {
  if (forbidden || why) t.skip(forbidden || why);
  return Boolean(forbidden || why);
}

const statusOf = (pid) => readFileSync(`/proc/${pid}/status`, 'latin1');

/** A room whose program waits: the process ids outside of its process 1 and of the program. */
async function startRoom(t, options = []) {
  const child = spawn(keyhole, ['run', '--isolate', ...options, '--', 'sh', '-c', 'echo ready; exec cat'],
    { env: environment({ KEYHOLE_TOKEN: token, KEYHOLE_BROKER: broker.unix }), stdio: ['pipe', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (data) => { complaints += data; });
  const ended = new Promise((done) => child.once('close', done));
  t.after(async () => {
    child.stdin.destroy();
    await within(`the room to end: ${complaints}`, ended);
  });
  await within(`the program in the room: ${complaints}`, new Promise((ready) => child.stdout.once('data', ready)));
  const below = descendants(child.pid);
  const first = below.find(({ pid }) => /^NSpid:.*\s1$/m.test(statusOf(pid)));
  const program = below.find(({ parent }) => parent === first?.pid);
  assert.ok(first && program, JSON.stringify(below));
  return { 'process 1': first.pid, 'the program': program.pid };
}

// What both are refused, and how. Where the filter says it, arguments that the kernel would refuse in another
// way show that it was the filter.
const refused = [
  ['rights for programs of root', 'EPERM', ['prctl', PR.SET_SECUREBITS, 0, 0, 0, 0]],
  ['new privileges', 'EINVAL', ['prctl', PR.SET_NO_NEW_PRIVS, 0, 0, 0, 0]],
  ['a capability for what it starts', 'EPERM', ['prctl', PR.CAP_AMBIENT, 2, CAP_NET_ADMIN, 0, 0]],
  ['every capability', 'EPERM', ['capset', CAP_HEADER, `bytes:${'ff'.repeat(24)}`]],
  ['an inheritable capability', 'EPERM', ['capset', CAP_HEADER, `bytes:${'0000000000000000ffffffff'.padEnd(48, '0')}`]],
  ['other groups', 'EPERM', ['setgroups', 0, 0]],
  ['a user of the machine', 'EINVAL', ['setresuid', 12345, 12345, 12345]],
  ['a group of the machine', 'EINVAL', ['setresgid', 12345, 12345, 12345]],
  ...Object.entries(NEW).map(([name, flag]) => [`unshare ${name}`, 'EPERM', ['unshare', flag]]),
  ...Object.entries(NEW).map(([name, flag]) => [`clone ${name}`, 'EPERM', ['clone', flag | SIGCHLD]]),
  ['clone3', 'ENOSYS', ['clone3', 0, 88]],
  ['setns', 'EPERM', ['setns', -1, 0]],
  ['mount', 'EPERM', ['mount', 'text:none', 'text:/proc/nonexistent', 'text:tmpfs', 0, 0]],
  ['bind', 'EPERM', ['mount', 'text:/', 'text:/mnt', 0, 4096, 0]],
  ['remount', 'EPERM', ['mount', 0, 'text:/proc/sys', 0, 4096 | 32, 0]],
  ['umount /run', 'EPERM', ['umount2', 'text:/run', 2]],
  ['umount /proc/sys', 'EPERM', ['umount2', 'text:/proc/sys', 2]],
  ['pivot_root', 'EPERM', ['pivot_root', 'text:/proc/nonexistent', 'text:/proc/nonexistent']],
  ['chroot', 'EPERM', ['chroot', 'text:/proc/nonexistent']],
  ['move_mount', 'EPERM', ['move_mount', -1, 'text:', -1, 'text:', 0]],
  ['open_tree', 'EPERM', ['open_tree', AT_FDCWD, 'text:/proc/nonexistent', 0]],
  ['mount_setattr', 'EPERM', ['mount_setattr', -1, 'text:', 0, 0, 0]],
  ['fsopen', 'EPERM', ['fsopen', 'text:nonexistent', 0]],
  ['fsmount', 'EPERM', ['fsmount', -1, 0, 0]],
  ['fsconfig', 'EPERM', ['fsconfig', -1, 0, 0, 0, 0]],
  ['fspick', 'EPERM', ['fspick', AT_FDCWD, 'text:/proc/nonexistent', 0]],
  ['open by handle', 'EPERM', ['open_by_handle_at', -1, 0, 0]],
  ['fanotify', 'EPERM', ['fanotify_init', -1, 0]],
  ['bpf', 'EPERM', ['bpf', -1, 0, 0]],
  ['perf_event_open', 'EPERM', ['perf_event_open', 0, 0, -1, -1, 0]],
  ['userfaultfd', 'EPERM', ['userfaultfd', -1]],
  ['io_uring', 'ENOSYS', ['io_uring_setup', 1, 'zeros:120']],
  ['io_uring_enter', 'ENOSYS', ['io_uring_enter', -1, 0, 0, 0, 0, 0]],
  ['io_uring_register', 'ENOSYS', ['io_uring_register', -1, 0, 0, 0]],
  ['keyctl', 'EPERM', ['keyctl', -1]],
  ['add_key', 'EPERM', ['add_key', 0, 0, 0, 0, 0]],
  ['request_key', 'EPERM', ['request_key', 0, 0, 0, 0]],
  ['a module', 'EPERM', ['init_module', 0, 0, 0]],
  ['another kernel', 'EPERM', ['kexec_load', 0, -1, 0, 0]],
  ['reboot', 'EPERM', ['reboot', 0, 0, 0, 0]],
  ['swapon', 'EPERM', ['swapon', 'text:/proc/nonexistent', 0]],
  ['accounting', 'EPERM', ['acct', 'text:/proc/nonexistent']],
  ['the clock', 'EPERM', ['clock_settime', -1, 0]],
  ['adjusting the clock', 'EPERM', ['adjtimex', 0]],
  ['what the kernel says', 'EPERM', ['syslog', -1, 0, 0]],
  ['the name of the machine', 'EPERM', ['sethostname', 'text:x', 1]],
  ['a device', 'EPERM', ['mknodat', AT_FDCWD, 'text:/tmp/keyhole-test-device', BLOCK_DEVICE, 0x801]],
  ['typing into a terminal', 'EPERM', ['ioctl', -1, 0x5412, 0]],
  ['typing into a terminal, with an upper half', 'EPERM', ['ioctl', -1, 0x100005412, 0]],
  ['pasting into a console', 'EPERM', ['ioctl', -1, 0x541c, 0]],
  ['unix socket', 'EAFNOSUPPORT', ['socket', 1, 1, 0]],
  ['packet socket', 'EAFNOSUPPORT', ['socket', 17, 3, 0]],
  ['vsock', 'EAFNOSUPPORT', ['socket', 40, 1, 0]],
  ['raw socket', 'EPERM', ['socket', 2, 3, 1]],
  ['netfilter', 'EPROTONOSUPPORT', ['socket', 16, 3, 12]],
  ['the kernel’s program for cores', 'EROFS', open('/proc/sys/kernel/core_pattern', O_WRONLY)],
  ['the machine’s memory', 'ENOENT', open('/dev/mem', O_RDWR)],
  ['the kernel’s log', 'EPERM', open('/proc/kmsg', O_RDONLY)],
];

describe('a room’s walls, from outside', () => {
  test('neither process has a right, and neither gets one', async (t) => {
    if (skipped(t)) return;
    for (const options of [[], ['--unix-sockets']]) {
      for (const [who, pid] of Object.entries(await startRoom(t, options))) {
        const status = statusOf(pid);
        for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
          assert.match(status, new RegExp(`^${set}:\\s+0{16}$`, 'm'), `${who}: ${set}`);
        assert.match(status, /^NoNewPrivs:\s+1$/m, who);
        assert.match(status, /^Seccomp:\s+2$/m, who);
      }
    }
  });

  test('what both are in is not what is outside', async (t) => {
    if (skipped(t, process.getuid() !== 0 && 'whose process 1 can be looked at takes root')) return;
    const room = await startRoom(t);
    for (const name of ['user', 'mnt', 'net', 'pid', 'ipc', 'uts']) {
      const [outside, ...inside] = ['self', ...Object.values(room)].map((pid) => readlinkSync(`/proc/${pid}/ns/${name}`));
      for (const there of inside) assert.notEqual(there, outside, name);
      assert.equal(inside[0], inside[1], name);
    }
    for (const [who, pid] of Object.entries(room)) {
      assert.match(readFileSync(`/proc/${pid}/uid_map`, 'latin1'), /^\s*\d+\s+\d+\s+1\n$/, `${who}: one user`);
      assert.equal(readFileSync(`/proc/${pid}/setgroups`, 'latin1').trim(), 'deny', who);
      // Nothing comes in that is mounted outside from now on, and nothing goes out.
      assert.doesNotMatch(readFileSync(`/proc/${pid}/mountinfo`, 'latin1'), / (shared|master):\d/, who);
    }
  });

  test('locked: as the kernel tells process 1 and the program', async (t) => {
    if (skipped(t, cannotInject)) return;
    const room = await startRoom(t);
    for (const [who, pid] of Object.entries(room)) {
      assert.equal(await inject(pid, 'prctl', PR.GET_SECUREBITS, 0, 0, 0, 0), `returned ${NO_ROOT_FOR_EVER}`, who);
      for (const capability of [0, CAP_NET_ADMIN, 21, CAPABILITIES - 1])
        assert.equal(await inject(pid, 'prctl', PR.CAPBSET_READ, capability, 0, 0, 0), 'returned 0', `${who}: capability ${capability}`);
    }
    // The program has its number, and could look into what process 1 has open.
    assert.equal(await inject(room['process 1'], 'prctl', PR.GET_DUMPABLE, 0, 0, 0, 0), 'returned 0');
  });

  test('what both are refused', async (t) => {
    if (skipped(t, cannotInject)) return;
    const wrong = [], room = await startRoom(t);
    for (const [what, error, call] of refused)
      for (const [who, pid] of Object.entries(room)) {
        const said = await inject(pid, ...call);
        if (said !== `refused ${error}`) wrong.push(`${who}: ${what}: ${said}`);
      }
    assert.deepEqual(wrong, []);
    for (const [who, pid] of Object.entries(room)) assert.equal(await inject(pid, 'getuid'), `returned ${process.getuid()}`, who);
  });

  test('unix sockets are what --unix-sockets opens, and nothing else', async (t) => {
    if (skipped(t, cannotInject)) return;
    const room = await startRoom(t, ['--unix-sockets']), opened = ['unix socket'], wrong = [];
    for (const [what, error, call] of refused) {
      const said = await inject(room['the program'], ...call);
      if (said.startsWith('returned') !== opened.includes(what) || (!opened.includes(what) && said !== `refused ${error}`))
        wrong.push(`${what}: ${said}`);
    }
    assert.deepEqual(wrong, []);
  });
});

describe('a room’s walls, from inside', () => {
  // Each line tries to come at a file by a way around what covers it; `hidden` is a directory, `file` a file.
  const UNCOVER = `
    umount -l hidden; umount -l file; umount -l /run
    unshare -r true && echo OPEN a user namespace
    unshare -rm sh -c 'umount -l hidden; cat hidden/key'
    mv hidden elsewhere && cat elsewhere/key; rmdir hidden && echo OPEN rmdir; mv file other && cat other
    rm -f file && cat file; ln file linked && cat linked; ln -s hidden/key by-link; cat by-link; cat $PWD/hidden/../hidden/key
    cat /proc/self/root$PWD/hidden/key /proc/self/cwd/hidden/key /proc/1/root$PWD/hidden/key /proc/1/cwd/hidden/key
    cat below/../hidden/key below/up/hidden/key
    mount --bind .. /mnt; mount --move hidden /mnt; cat /mnt/work/hidden/key hidden/key
    cp -a . /tmp/copy.$$; cat /tmp/copy.$$/hidden/key /tmp/copy.$$/file; rm -rf /tmp/copy.$$
    tar cf - . | tar xOf - ./hidden/key; grep -r -a -h . hidden file
    cd ..; mv work moved; cat moved/hidden/key moved/file; ls -A moved/hidden; mv moved work
    exec 9<work/hidden; cat /proc/self/fd/9/key; cat work/hidden/key`;

  test('what is hidden is not uncovered', async (t) => {
    if (skipped(t)) return;
    const directory = temporaryDirectory(t, 'covers'), work = `${directory}/work`, canary = realKey('');
    mkdirSync(`${work}/hidden`, { recursive: true });
    mkdirSync(`${work}/below`);
    for (const name of ['hidden/key', 'file']) writeFileSync(`${work}/${name}`, canary);
    const { stdout, status, stderr } = await inRoom(broker, token, `${UNCOVER.replaceAll('\n', '\n ')}\ntrue`,
      { cwd: work, options: ['--rw', directory, '--hide', `${work}/hidden`, '--hide', `${work}/file`] });
    assert.equal(status, 0, stderr);
    assert.ok(!stdout.includes(canary), `it was read: ${stdout.replaceAll(canary, 'CANARY')}`);
    assert.doesNotMatch(stdout, /OPEN/);
    for (const name of ['hidden/key', 'file']) assert.equal(readFileSync(`${work}/${name}`, 'utf8'), canary, `${name} is what it was`);
    // The same without --hide finds it: the script looks in the right places.
    const control = await inRoom(broker, token, UNCOVER, { cwd: work, options: ['--rw', directory] });
    assert.ok(control.stdout.includes(canary), control.stderr);
  });

  test('/proc shows the room, and of process 1 nothing that it has', async (t) => {
    if (skipped(t)) return;
    const paths = ['/proc/1/environ', '/proc/1/maps', '/proc/1/auxv', '/proc/1/syscall', '/proc/1/stack', '/proc/1/map_files/',
      '/proc/1/task/1/mem', '/proc/1/mem', '/proc/kmsg', `/proc/${process.pid}/status`, `/proc/${broker.pid}/status`];
    const script = `${paths.map((path) => `{ ls -A ${path} | grep -q . && head -c 1 ${path.endsWith('/') ? '/dev/zero' : path} | od -c | grep -q '0000001'; } `
      + `2>/dev/null && echo OPEN ${path}`).join('\n')}
for f in /proc/sys/kernel/hostname /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory /proc/sysrq-trigger /proc/irq/default_smp_affinity; do
  (echo x > $f) 2>/dev/null && echo OPEN $f; done
ls -l /proc/1/fd 2>/dev/null | grep -e '->' && echo OPEN descriptors
test -r /proc/self/status && echo own; true`;
    const { stdout, status, stderr } = await inRoom(broker, token, script);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, 'own\n');
  });

  test('a program that sets its user has no rights by it', async (t) => {
    if (skipped(t)) return;
    const directory = temporaryDirectory(t, 'set-user');
    // Where the test is root the copy is root's and set-user-id: outside it gives every right.
    const script = 'cp /bin/cat own; chmod 4755 own; ./own /proc/self/status | grep -E "^(Cap|NoNewPrivs)"; '
      + 'su -c "echo OPEN su" </dev/null; setpriv --bounding-set +all --inh-caps +all --ambient-caps +all echo OPEN; true';
    const { stdout, status, stderr } = await inRoom(broker, token, script, { cwd: directory, options: ['--rw', directory] });
    assert.equal(status, 0, stderr);
    const lines = stdout.trim().split('\n');
    assert.equal(lines.filter((line) => /^Cap\w+:\s+0{16}$/.test(line)).length, 5, stdout);
    assert.ok(lines.some((line) => /^NoNewPrivs:\s+1$/.test(line)), stdout);
  });
});
