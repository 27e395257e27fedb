// SPDX-License-Identifier: Apache-2.0
// The clock of the machine, for the authority alone: libfaketime (Debian's), preloaded into the program
// that is installed, behind all of its walls. It reads what the time is from a file in the state
// directory, which is the one place that the authority may read.
//
// The proxies' and the discharger's walls leave them no file to read it from; they keep the real time,
// as on another machine.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Broker } from './broker.mjs';
import { build, temporaryDirectory } from './programs.mjs';

const LIBRARIES = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`);
const library = LIBRARIES.find((f) => existsSync(f));
export const missing = library ? false : 'faketime is not installed: tools/setup --all';

/** A directory like build, whose authority reads the time from `file`. */
function withClock(t, file) {
  const directory = temporaryDirectory(t, 'clock'), programs = join(directory, 'libexec/keyhole');
  const real = join(build, 'libexec/keyhole'), authority = join(programs, 'keyhole-authority');
  for (const d of ['bin', 'libexec/keyhole']) mkdirSync(join(directory, d), { recursive: true });
  copyFileSync(join(build, 'bin/keyholed'), join(directory, 'bin/keyholed'));
  for (const name of readdirSync(real).filter((n) => n !== 'keyhole-authority')) symlinkSync(join(real, name), join(programs, name));
  writeFileSync(authority, `#!/bin/sh
export LD_PRELOAD='${library}' FAKETIME_TIMESTAMP_FILE='${file}' FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1
exec '${join(real, 'keyhole-authority')}' "$@"
`);
  chmodSync(authority, 0o755);
  return join(directory, 'bin/keyholed');
}

/** A broker with a clock of its own: `setClock('+2h')`, `setClock('-30d')` from the real time. */
export async function startBrokerWithClock(t, options) {
  const broker = await new Broker(t, options).init();
  const file = broker.file('clock');
  broker.setClock = (offset) => writeFileSync(file, `${offset}\n`);
  broker.setClock('+0');
  broker.programs = { ...broker.programs, keyholed: withClock(t, file) };
  return broker.start();
}
