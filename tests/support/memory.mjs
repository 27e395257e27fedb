// SPDX-License-Identifier: Apache-2.0
// What stands in the memory of a process, as root sees it: for canaries.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

import { build, environment } from './programs.mjs';

export const mayLook = process.getuid() === 0;

const STEP = 1 << 20, OVERLAP = 64, PIECE = 12;

// A freed piece of memory loses its first words to the allocator, and the end of a text may have been
// overwritten by a shorter one: each third of a secret is looked for by itself.
function pieces(text) {
  const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1');
  if (bytes.length < PIECE) throw new Error('the canary is too short');
  const last = bytes.length - PIECE;
  return [0, last >> 1, last].map((at) => bytes.subarray(at, at + PIECE));
}

/** Base64 of the secret wherever it stands in what was encoded: the part that its neighbours do not change. */
function base64Inside(secret) {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]).toString('base64').replaceAll('=', '');
    return text.slice(shift === 0 ? 0 : shift + 1, -1);
  });
}

/** The forms in which a secret may lie about: as it is, in base64 (both alphabets), percent-encoded, hex. */
export function forms(secret) {
  if (Buffer.isBuffer(secret)) return [secret, secret.toString('hex')];
  const bytes = Buffer.from(secret);
  const inside = base64Inside(secret);
  const percent = [...bytes].map((b) => `%${b.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  return [...new Set([secret, encodeURIComponent(secret), percent, percent.toLowerCase(), bytes.toString('hex'),
    ...inside, ...inside.map((t) => t.replaceAll('+', '-').replaceAll('/', '_'))])];
}

/** Readable mappings: [{ start, end, name, locked, dumped }]. */
export function mappings(pid) {
  const found = [];
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/.exec(line);
    if (head) found.push({ start: parseInt(head[1], 16), end: parseInt(head[2], 16), rights: head[3], name: head[4] || 'anonymous' });
    const flags = /^VmFlags: (.*)$/.exec(line);
    if (flags) {
      const set = flags[1].trim().split(' ');
      Object.assign(found.at(-1), { locked: set.includes('lo'), dumped: !set.includes('dd') });
    }
  }
  return found.filter((m) => m.rights.startsWith('r') && !['[vvar]', '[vsyscall]'].includes(m.name));
}

/** Where the secret stands in the memory of the process: [{ form, at, name, locked, dumped, around }]. */
export function occurrences(pid, secret) {
  const needles = forms(secret).flatMap((form) => pieces(form).map((piece) => ({ form, piece })));
  const found = [];
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const mapping of mappings(pid)) {
      for (let at = mapping.start; at < mapping.end; at += STEP) {
        const block = Buffer.alloc(Math.min(STEP + OVERLAP, mapping.end - at));
        let n;
        try {
          n = readSync(memory, block, 0, block.length, at);
        } catch {
          continue; // a guard page, or memory that was given back meanwhile
        }
        const there = block.subarray(0, n);
        for (const { form, piece } of needles)
          for (let i = there.indexOf(piece); i >= 0; i = there.indexOf(piece, i + 1))
            found.push({ form, piece: piece.toString('latin1'), at: (at + i).toString(16), name: mapping.name, locked: mapping.locked, dumped: mapping.dumped,
              around: there.subarray(Math.max(0, i - 64), i + 96).toString('latin1').replaceAll(/[^ -~]/g, '.') });
      }
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

/** For a message: where and among what. */
export function describe(found) {
  return found.map((f) => `${f.name} ${f.at}${f.locked ? ' locked' : ''}: ${f.around}`).join('\n');
}

/** Run a program, and look at it and at every process that it starts when they are done and about to end:
 * { status, stdout, stderr, ended: [{ pid, name, found }] }. */
export function runAndLook(program, args, secret, { stdin = '', env, cwd = '/' } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(join(build, 'tests/bin/at-exit'), [program, ...args],
      { env: environment(env), cwd, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
    const result = { stdout: '', stderr: '', ended: [] };
    child.stdout.on('data', (d) => { result.stdout += d; });
    child.stderr.on('data', (d) => { result.stderr += d; });
    child.stdio[3].on('data', (data) => {
      for (const pid of String(data).split('\n').filter(Boolean)) {
        result.ended.push({ pid, name: readFileSync(`/proc/${pid}/comm`, 'latin1').trim(), found: occurrences(pid, secret) });
        child.stdio[3].write('.');
      }
    });
    child.stdio[3].on('error', () => {});
    child.stdin.on('error', () => {});
    child.on('error', fail);
    child.on('close', (status) => done({ ...result, status }));
    child.stdin.end(stdin);
  });
}
