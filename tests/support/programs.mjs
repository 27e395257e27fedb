// SPDX-License-Identifier: Apache-2.0
// Running programs: the built ones, and those of Debian that the tests drive.

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { PATIENCE_MS } from './wait.mjs';

const root = resolve(import.meta.dirname, '../..');
export const build = resolve(process.env.KEYHOLE_BUILD ?? join(root, 'build'));
export const keyholed = join(build, 'bin/keyholed');
export const keyhole = join(build, 'bin/keyhole');
export const python = '/usr/bin/python3'; // Debian's: the one that has Debian's packages
export const sanitized = /sanitize/.test(build);

// Empty, and of this test process alone: what programs keep there (a shell's history, a compiler's cache) is no other's.
let home;
function homeOfPrograms() {
  if (home === undefined) {
    home = mkdtempSync(join(tmpdir(), 'kh-home-'));
    unlessUndone(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  }
  return home;
}

/** The environment that programs get: nothing of ours but what they need to run. */
export function environment(extra = {}) {
  const env = { PATH: process.env.PATH, HOME: extra.HOME ?? homeOfPrograms(), LANG: 'C.UTF-8' };
  for (const [name, value] of Object.entries(process.env))
    if (/^(ASAN|UBSAN|LSAN)_OPTIONS$|^TMPDIR$/.test(name)) env[name] = value;
  return { ...env, ...extra };
}

// A test process that is told to end (a time limit, Ctrl-C) leaves nothing behind either.
const leftovers = new Set();
process.on('exit', () => {
  for (const undo of [...leftovers].reverse()) undo(); // programs before the directories that they write to
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(1));

/** Do this when the process ends before the returned function was called. */
export function unlessUndone(undo) {
  leftovers.add(undo);
  return () => leftovers.delete(undo);
}

export function temporaryDirectory(t, name = 'e2e') {
  const directory = mkdtempSync(join(tmpdir(), `kh-${name}-`));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  const done = unlessUndone(remove);
  t.after(() => {
    remove();
    done();
  });
  return directory;
}

/** Run to the end: { stdout, stderr, status, signal }. `env` adds to a minimal environment. */
export function run(program, args, { stdin, env, cwd = '/', timeout = PATIENCE_MS * 2, onSpawn } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { env: environment(env), cwd, stdio: 'pipe' });
    const out = [], err = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
    child.on('error', (error) => {
      clearTimeout(timer);
      fail(error);
    });
    child.stdout.on('data', (d) => out.push(d));
    child.stderr.on('data', (d) => err.push(d));
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      done({ stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), status, signal });
    });
    child.stdin.on('error', () => {}); // it may end without reading
    child.stdin.end(stdin ?? '');
    onSpawn?.(child);
  });
}

/** As `run`, but anything but status 0 is an error that shows what was said. */
export async function must(program, args, options) {
  const result = await run(program, args, options);
  if (result.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: status ${result.status ?? result.signal}\n${result.stderr}${result.stdout}`);
  return result;
}

/** Processes below `pid`: [{ pid, parent, name }]. */
export function descendants(pid) {
  const all = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      const close = stat.lastIndexOf(')');
      const [state, parent] = stat.slice(close + 2).split(' ');
      all.push({ pid: Number(entry), parent: Number(parent), state, name: stat.slice(stat.indexOf('(') + 1, close) });
    } catch {
      // it ended meanwhile
    }
  }
  const found = [];
  for (let level = [pid]; level.length > 0;) {
    const next = all.filter((p) => level.includes(p.parent));
    found.push(...next);
    level = next.map((p) => p.pid);
  }
  return found;
}

/** Whether a process is there and no zombie. As long as one of its threads is there, so is what it has open. */
export function isAlive(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z' || readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}
