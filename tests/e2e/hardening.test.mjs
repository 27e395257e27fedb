// SPDX-License-Identifier: Apache-2.0
// The programs as they are built: what the OpenSSF guide asks of a compiler and a linker is in them.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { build, must, sanitized } from '../support/programs.mjs';

const PROGRAMS = ['bin/keyholed', 'bin/keyhole', 'libexec/keyhole/keyhole-proxy', 'libexec/keyhole/keyhole-authority',
  'libexec/keyhole/keyhole-discharger', 'libexec/keyhole/keyhole-room'];
const STATIC = 'libexec/keyhole/keyhole-room';
const x86 = process.arch === 'x64';

async function readelf(program, ...options) {
  return (await must('/usr/bin/readelf', ['--wide', ...options, join(build, program)])).stdout;
}

describe('every program', { skip: sanitized && 'sanitizers take the place of some of these' }, () => {
  for (const program of PROGRAMS)
    test(program, async () => {
      const head = await readelf(program, '--file-header', '--program-headers');
      const dynamic = await readelf(program, '--dynamic');
      const symbols = await readelf(program, '--symbols');
      assert.match(head, /Type:\s+DYN/, 'position-independent');
      assert.match(dynamic, /\(FLAGS_1\).*\bPIE\b/, 'position-independent');
      assert.match(head, /GNU_STACK\s.*\sRW\s/, 'no stack that can be executed');
      assert.doesNotMatch(head, /LOAD\s.*\sRWE\s/, 'nothing that can be written and executed');
      assert.match(head, /GNU_RELRO/, 'read-only after relocation');
      assert.match(dynamic, /BIND_NOW|\(FLAGS_1\).*\bNOW\b/, 'bound at the start');
      assert.doesNotMatch(dynamic, /RPATH|RUNPATH|TEXTREL/);
      assert.match(symbols, /__stack_chk_fail/, 'stack canaries');
      if (program !== STATIC) assert.match(symbols, /__\w+_chk@/, 'fortified calls');
      // The note that says so is missing wherever the C library's own start files lack it.
      if (x86) {
        const { stdout } = await must('/usr/bin/objdump', ['--disassemble=main', '--no-show-raw-insn', join(build, program)]);
        assert.match(stdout, /<main>:\n\s+[0-9a-f]+:\s+endbr64/, 'control-flow enforcement');
      }
    });
});
