// SPDX-License-Identifier: Apache-2.0
// The walls of the processes that run: each of them is made to try what it must not, from outside, by a
// tracer that sets its registers. What a role may is in broker/sandbox_calls.c and sandbox_files.c; that
// its walls hold by themselves is tested there (tests/unit/broker/test_sandbox.c), that they are up here.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';

import { realKey, startBroker } from '../support/broker.mjs';
import { wholeFile } from '../support/file.mjs';
import { cannotInject, inject, readableAddress, vectorAt, withoutWalls } from '../support/inject.mjs';
import { isAlive, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';
import { until, within } from '../support/wait.mjs';

const AT_FDCWD = -100, O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0o100, O_DIRECTORY = process.arch === 'arm64' ? 0o40000 : 0o200000;
const AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16, AF_PACKET = 17, AF_VSOCK = 40, STREAM = 1, DATAGRAM = 2, RAW = 3;
const CLONE_NEWUSER = 0x10000000, CLONE_NEWNS = 0x20000, CLONE_FS = 0x200, SIGCHLD = 17;
const READ = 1, WRITE = 2, EXECUTE = 4, ANONYMOUS = 0x22;
const PTRACE_CONT = 7, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4, F_SETLK = 6;

const NAMES = { keyholed: 'supervisor', 'keyhole-proxy': 'proxy', 'keyhole-authori': 'authority', 'keyhole-dischar': 'discharger' };
const PROXY = ['proxy'], AUTHORITY = ['authority'], DISCHARGER = ['discharger'], SUPERVISOR = ['supervisor'];
const KEEPERS = ['discharger', 'authority'], CHILDREN = ['discharger', 'proxy', 'authority'], EVERY = [...CHILDREN, 'supervisor'];

const open = (path, flags, mode = 0) => ['openat', AT_FDCWD, `text:${path}`, flags, mode];
const socket = (...args) => ['socket', ...args];

// The kernel, or the filter in its stead, says no, and the process goes on. `w` is the world of an attempt.
const refused = [
  ['read the database', ['proxy', 'discharger'], 'EACCES', (w) => open(w.database, O_RDONLY)],
  ['read the master key', ['proxy', 'discharger'], 'EACCES', (w) => open(w.masterKey, O_RDONLY)],
  ['write into the state directory', ['proxy', 'discharger'], 'EACCES', (w) => open(`${w.state}/made`, O_WRONLY | O_CREAT, 0o600)],
  ['remove the audit log', DISCHARGER, 'EACCES', (w) => ['unlinkat', AT_FDCWD, `text:${w.bait}`, 0]],
  ['make a directory beside the database', DISCHARGER, 'EACCES', (w) => ['mkdirat', AT_FDCWD, `text:${w.state}/made`, 0o700]],
  ['read /etc/passwd', CHILDREN, 'EACCES', () => open('/etc/passwd', O_RDONLY)],
  ['read a file of another user of this machine', CHILDREN, 'EACCES', (w) => open(w.foreign, O_RDONLY)],
  ['write /etc/passwd', EVERY, 'EACCES', () => open('/etc/passwd', O_WRONLY)],
  ['read and write /etc/passwd', EVERY, 'EACCES', () => open('/etc/passwd', O_RDWR)],
  ['list /', CHILDREN, 'EACCES', () => open('/', O_RDONLY | O_DIRECTORY)],
  ['list /proc', CHILDREN, 'EACCES', () => open('/proc', O_RDONLY | O_DIRECTORY)],
  ['create a file outside', EVERY, 'EACCES', (w) => open(`${w.outside}/made`, O_WRONLY | O_CREAT, 0o600)],
  ['make a directory outside', [...KEEPERS, 'supervisor'], 'EACCES', (w) => ['mkdirat', AT_FDCWD, `text:${w.outside}/made`, 0o700]],
  ['remove a file outside', [...KEEPERS, 'supervisor'], 'EACCES', (w) => ['unlinkat', AT_FDCWD, `text:${w.foreign}`, 0]],
  ['read its own memory by a file', CHILDREN, 'EACCES', () => open('/proc/self/mem', O_RDONLY)],
  ['read its own variables', CHILDREN, 'EACCES', () => open('/proc/self/environ', O_RDONLY)],
  ['write its own memory by a file', EVERY, 'EACCES', () => open('/proc/self/mem', O_RDWR)],
  ['open the memory of another of them', CHILDREN, 'EACCES', (w) => open(`/proc/${w.sibling}/mem`, O_RDONLY)],
  ['open the descriptors of another of them', CHILDREN, 'EACCES', (w) => open(`/proc/${w.sibling}/fd`, O_RDONLY | O_DIRECTORY)],
  ['unix socket', PROXY, 'EAFNOSUPPORT', () => socket(AF_UNIX, STREAM, 0)],
  ['netlink socket', PROXY, 'EAFNOSUPPORT', () => socket(AF_NETLINK, RAW, 0)],
  ['clone3', ['proxy', 'supervisor'], 'ENOSYS', () => ['clone3', 0, 88]],
];

// The process ends before the call reaches the kernel: arguments that the kernel would not take are enough.
const fatal = [
  ['TCP socket', KEEPERS, () => socket(AF_INET, STREAM, 0)],
  ['TCP socket, IPv6', KEEPERS, () => socket(AF_INET6, STREAM, 0)],
  ['UDP socket', KEEPERS, () => socket(AF_INET, DATAGRAM, 0)],
  ['unix socket', KEEPERS, () => socket(AF_UNIX, STREAM, 0)],
  ['packet socket', CHILDREN, () => socket(AF_PACKET, RAW, 0)],
  ['raw socket', CHILDREN, () => socket(AF_INET, RAW, 1)],
  ['vsock', CHILDREN, () => socket(AF_VSOCK, STREAM, 0)],
  ['pair of sockets', CHILDREN, () => ['socketpair', AF_UNIX, STREAM, 0, 0]],
  ['connect', KEEPERS, () => ['connect', -1, 'bytes:02000050080808080000000000000000', 16]],
  ['bind', CHILDREN, () => ['bind', -1, 'zeros:16', 16]],
  ['listen', CHILDREN, () => ['listen', -1, 1]],
  ['fork', CHILDREN, () => ['clone', CLONE_FS | CLONE_NEWNS | SIGCHLD]],
  ['clone3', KEEPERS, () => ['clone3', 0, 88]],
  ['execve', CHILDREN, () => ['execve', 'text:/proc/nonexistent/program', 0, 0]],
  ['execveat', CHILDREN, () => ['execveat', AT_FDCWD, 'text:/proc/nonexistent/program', 0, 0, 0]],
  ['trace another of them', EVERY, (w) => ['ptrace', PTRACE_CONT, w.sibling, 0, 0]],
  ['read the memory of another of them', EVERY, (w) => ['process_vm_readv', w.sibling, 'vector:16', 1, w.remote, 1, 0]],
  ['write the memory of another of them', EVERY, (w) => ['process_vm_writev', w.sibling, 'vector:16', 1, w.remote, 1, 0]],
  ['take a descriptor of another of them', EVERY, () => ['pidfd_getfd', -1, 0, 0]],
  ['a handle on another of them', CHILDREN, (w) => ['pidfd_open', w.sibling, 0]],
  ['signal another of them', CHILDREN, (w) => ['kill', w.sibling, 0]],
  ['signal a thread of another of them', CHILDREN, (w) => ['tgkill', w.sibling, w.sibling, 0]],
  ['io_uring', EVERY, () => ['io_uring_setup', 1, 'zeros:120']],
  ['bpf', EVERY, () => ['bpf', 0, 'zeros:128', 128]],
  ['perf_event_open', EVERY, () => ['perf_event_open', 'zeros:128', 0, -1, -1, 0]],
  ['keyctl', EVERY, () => ['keyctl', 0, -3, 0]],
  ['add_key', EVERY, () => ['add_key', 'text:user', 'text:keyhole-test', 'text:x', 1, -1]],
  ['userfaultfd', EVERY, () => ['userfaultfd', 0]],
  ['mount', EVERY, () => ['mount', 'text:none', 'text:/proc/nonexistent', 'text:tmpfs', 0, 0]],
  ['umount', EVERY, () => ['umount2', 'text:/proc/nonexistent', 0]],
  ['pivot_root', EVERY, () => ['pivot_root', 'text:/proc/nonexistent', 'text:/proc/nonexistent']],
  ['chroot', EVERY, () => ['chroot', 'text:/proc/nonexistent']],
  ['a user namespace', EVERY, () => ['unshare', CLONE_NEWUSER | CLONE_FS | 1]],
  ['another namespace', EVERY, () => ['setns', -1, 0]],
  ['open by handle', EVERY, () => ['open_by_handle_at', -1, 0, 0]],
  ['another personality', EVERY, () => ['personality', 0xffffffff]],
  ['memory to write and execute', CHILDREN, () => ['mmap', 0, 4096, READ | WRITE | EXECUTE, ANONYMOUS, -1, 0]],
  ['memory to execute', KEEPERS, () => ['mmap', 0, 4096, READ | EXECUTE, ANONYMOUS, -1, 0]],
  ['executing what was written', CHILDREN, (w, pid) => ['mprotect', stackOf(pid), 4096, READ | EXECUTE]],
  ['a file in memory alone', CHILDREN, () => ['memfd_create', 'text:x', 0]],
  ['be dumpable', CHILDREN, () => ['prctl', PR_SET_DUMPABLE, 1, 0, 0, 0]],
  ['set a limit', CHILDREN, () => ['prlimit64', 0, 4, 'zeros:16', 0]],
  ['another user', CHILDREN, () => ['setresuid', -1, -1, -1]],
  ['lock a file', PROXY, () => ['fcntl', -1, F_SETLK, 'zeros:32']],
  ['create a file by opening it to read', PROXY, (w) => open(`${w.outside}/made`, O_RDONLY | O_CREAT, 0o600)],
  ['remove a file', PROXY, () => ['unlinkat', AT_FDCWD, 'text:/proc/nonexistent/file', 0]],
  ['cut a file', CHILDREN, () => ['truncate', 'text:/proc/nonexistent/file', 0]],
  ['a link', CHILDREN, () => ['linkat', AT_FDCWD, 'text:/proc/nonexistent/a', AT_FDCWD, 'text:/proc/nonexistent/b', 0]],
  ['a symbolic link', CHILDREN, () => ['symlinkat', 'text:/etc', AT_FDCWD, 'text:/proc/nonexistent/link']],
  ['the rights of a file', CHILDREN, () => ['fchmodat', AT_FDCWD, 'text:/proc/nonexistent/file', 0o777]],
];

// What a role needs. Without these the test would not notice a tracer to whom everything is refused.
const allowed = [
  ['read its database', AUTHORITY, (w) => open(w.database, O_RDONLY)],
  ['write into its directory', DISCHARGER, (w) => open(`${w.state}/discharger/made`, O_WRONLY | O_CREAT, 0o600)],
  ['read a certificate', SUPERVISOR, (w) => open(w.foreign, O_RDONLY)],
  ['write into the state directory', SUPERVISOR, (w) => open(`${w.state}/made-too`, O_WRONLY | O_CREAT, 0o600)],
  ['read how names are resolved', PROXY, () => open('/etc/hosts', O_RDONLY)],
  ['TCP socket', PROXY, () => socket(AF_INET, STREAM, 0)],
  ['UDP socket', PROXY, () => socket(AF_INET6, DATAGRAM, 0)],
  ['who it is', EVERY, () => ['getppid']],
];

const key = realKey();
let upstream, missing = '';

function stackOf(pid) {
  return `0x${/^([0-9a-f]+)-.*\[stack\]$/m.exec(readFileSync(`/proc/${pid}/maps`, 'latin1'))[1]}`;
}

/** { supervisor: pid, proxy: pid, … } */
function processesOf(broker) {
  const found = { supervisor: broker.pid };
  for (const { pid, name } of broker.processes()) found[NAMES[name]] = pid;
  assert.deepEqual(Object.keys(found).sort(), Object.values(NAMES).sort(), JSON.stringify(broker.processes()));
  return found;
}

async function worldOf(t, options = {}) {
  const broker = await startBroker(t, { config: 'workers: 1', ...options });
  await broker.addCredential('up', { secret: key, upstream, hosts: ['upstream.example'], args: ['--slot', 'bearer'] });
  const outside = temporaryDirectory(t, 'outside');
  const w = { broker, outside, state: broker.directory, database: broker.file('keyholed.db'), masterKey: broker.file('master.key'),
    bait: broker.file('bait'), foreign: `${outside}/file`, pids: processesOf(broker) };
  for (const file of [w.bait, w.foreign]) writeFileSync(file, 'here', { mode: 0o644 });
  for (const file of [w.database, w.masterKey]) assert.ok(existsSync(file), file);
  return w;
}

/** What the process of that role is to know: another one of the family. */
function forRole(w, role) {
  const sibling = w.pids[role === 'authority' ? 'proxy' : 'authority'];
  return { ...w, sibling, remote: vectorAt(readableAddress(sibling), 16) };
}

async function tryAll(w, list, expected) {
  const wrong = [];
  for (const [what, roles, ...rest] of list)
    for (const role of roles) {
      const said = await inject(w.pids[role], ...rest.at(-1)(forRole(w, role), w.pids[role]));
      if (!expected(said, rest[0])) wrong.push(`${role}: ${what}: ${said}`);
    }
  return wrong;
}

before(async () => {
  if (cannotInject) return;
  upstream = await startUpstream(wholeFile, { accepts: () => true });
  const broker = await startBroker(wholeFile, { config: 'workers: 1' });
  missing = /(has no Landlock|has no seccomp filters)/.exec(broker.log)?.[1] ?? '';
});

function skipped(t, wall) {
  if (missing.includes(wall)) t.skip(`this kernel ${missing}`);
  return missing.includes(wall);
}

describe('walls of the processes that run', { skip: cannotInject, concurrency: 2 }, () => {
  test('what is refused: the process is told so, and serves on', async (t) => {
    if (skipped(t, 'Landlock') || skipped(t, 'seccomp')) return;
    const w = await worldOf(t), token = await w.broker.mint('up');
    assert.deepEqual(await tryAll(w, refused, (said, error) => said === `refused ${error}`), []);
    assert.ok(existsSync(w.bait) && existsSync(w.foreign));
    assert.equal((await w.broker.request('/~up/x', { token })).status, 200);
    assert.deepEqual(processesOf(w.broker), w.pids, 'nobody was restarted');
  });

  test('what each has to be able to do', async (t) => {
    const w = await worldOf(t);
    assert.deepEqual(await tryAll(w, allowed, (said) => said.startsWith('returned ')), []);
  });

  // threat 18
  test('their state as the kernel tells it', async (t) => {
    const w = await worldOf(t);
    for (const [role, pid] of Object.entries(w.pids)) {
      const status = readFileSync(`/proc/${pid}/status`, 'latin1');
      if (!missing.includes('seccomp')) assert.match(status, /^Seccomp:\s+2$/m, role);
      assert.match(status, /^NoNewPrivs:\s+1$/m, role);
      assert.match(status, /^Umask:\s+0077$/m, role);
      const limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
      assert.match(limits, /^Max core file size\s+0\s+0\s/m, role);
    }
    assert.equal(await inject(w.pids.supervisor, 'prctl', PR_GET_DUMPABLE, 0, 0, 0, 0), 'returned 0', 'not dumpable');
  });

  for (const [what, roles, call] of fatal)
    test(`what ends a process: ${what}`, async (t) => {
      if (skipped(t, 'seccomp')) return;
      const w = await worldOf(t), { supervisor } = w.pids, all = Object.values(w.pids), { ended } = w.broker;
      // Said before anybody ends: the one that it is about may be gone when its turn comes.
      const calls = roles.map((role) => call(forRole(w, role), w.pids[role]));
      for (const [i, role] of roles.entries()) assert.equal(await inject(w.pids[role], ...calls[i]), 'ended SIGSYS', role);
      assert.ok(!existsSync(`${w.outside}/made`));
      if (!roles.includes('supervisor')) return assert.ok(isAlive(supervisor));
      assert.deepEqual(await within('keyholed to be gone', ended), { status: null, signal: 'SIGSYS' });
      return until('its children are gone as well', () => all.every((pid) => !isAlive(pid)));
    });

  test('where there are no walls each of these attempts is noticed', async (t) => {
    const list = [...refused, ...fatal.map(([what, roles, call]) => [what, roles, 'SIGSYS', call])];
    const w = await worldOf(t, withoutWalls(t));
    const unnoticed = await tryAll(w, list, (said, error) => said !== `refused ${error}` && said !== `ended ${error}`);
    assert.deepEqual(unnoticed, []);
  });
});
