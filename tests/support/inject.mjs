// SPDX-License-Identifier: Apache-2.0
// System calls that a process which runs is made to try (tests/support/inject), and processes whose walls
// were never put up, on which such a test must fail.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { build, must, sanitized, temporaryDirectory } from './programs.mjs';

const program = join(build, 'tests/bin/inject'), noWalls = join(build, 'tests/bin/no_walls.so');

// A container may have root and no tracing.
function tracingIsAllowed() {
  const effective = BigInt(`0x${/^CapEff:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))[1]}`);
  return (effective & 1n << 19n) !== 0n;
}

/** Why nothing can be tried in other processes here; false: it can. */
export const cannotInject = process.getuid() !== 0 ? 'tracing these processes takes root'
  : !tracingIsAllowed() ? 'root may not trace here (CAP_SYS_PTRACE)'
    : sanitized ? 'a build with sanitizers has weaker walls'
      : !existsSync(program) ? 'inject knows the registers of x86_64 and aarch64 alone' : false;

/** What came of it: 'returned 3', 'refused EACCES', 'ended SIGSYS'. A number, or 'text:…', 'bytes:…' (see inject). */
export async function inject(pid, call, ...args) {
  const { stdout } = await must(program, [pid, call, ...args].map(String));
  return stdout.trim();
}

/** A struct iovec of `length` bytes at `address`, as an argument. */
export function vectorAt(address, length) {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(BigInt(address));
  bytes.writeBigUInt64LE(BigInt(length), 8);
  return `bytes:${bytes.toString('hex')}`;
}

/** Where something stands that the process itself may read. */
export function readableAddress(pid) {
  return `0x${readFileSync(`/proc/${pid}/maps`, 'latin1').split('-')[0]}`;
}

/** Options of a broker whose processes put up no wall. */
export function withoutWalls(t) {
  const directory = temporaryDirectory(t, 'open'), programs = join(directory, 'libexec/keyhole');
  const real = join(build, 'libexec/keyhole');
  for (const d of ['bin', 'libexec/keyhole']) mkdirSync(join(directory, d), { recursive: true });
  copyFileSync(join(build, 'bin/keyholed'), join(directory, 'bin/keyholed'));
  chmodSync(join(directory, 'bin/keyholed'), 0o755);
  for (const name of readdirSync(real)) {
    if (name === 'keyhole-room') {
      symlinkSync(join(real, name), join(programs, name));
      continue;
    }
    writeFileSync(join(programs, name), `#!/bin/sh\nexport LD_PRELOAD='${noWalls}'\nexec '${join(real, name)}' "$@"\n`);
    chmodSync(join(programs, name), 0o755);
  }
  return { env: { LD_PRELOAD: noWalls }, programs: { keyholed: join(directory, 'bin/keyholed'), keyhole: join(build, 'bin/keyhole') } };
}
