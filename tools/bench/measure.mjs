// SPDX-License-Identifier: Apache-2.0
// What the kernel says about processes: CPU time, memory, and how busy a core was with others.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

import { descendants } from '../../tests/support/programs.mjs';

/** Where programs are pinned: what is measured on one core, load and upstream on the other. */
export const cores = (() => {
  const allowed = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1];
  const list = allowed.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  return { load: list[0], measured: list[1] ?? list[0], alone: list.length < 2 };
})();

/** A process and everything below it. */
export const tree = (pid) => [pid, ...descendants(pid).map((p) => p.pid)];

const read = (path) => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it ended meanwhile
  }
};

function threads(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** CPU time of one process so far, in µs: the scheduler's own count, of each of its threads. */
export function cpuOf(pid) {
  let ns = 0;
  for (const thread of threads(pid)) ns += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]);
  return ns / 1000;
}

/** CPU time of these processes, by name: { name: µs }. */
export function cpuByName(pids) {
  const found = {};
  for (const pid of pids) {
    const name = read(`/proc/${pid}/comm`).trim() || 'gone';
    found[name] = (found[name] ?? 0) + cpuOf(pid);
  }
  return found;
}

/** Memory of these processes in KiB, each shared page counted in parts (PSS). */
export function pssOf(pids) {
  let kib = 0;
  for (const pid of pids) kib += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  return kib;
}

/** How many descriptors these processes have open. */
export function descriptorsOf(pids) {
  let count = 0;
  for (const pid of pids) {
    try {
      count += readdirSync(`/proc/${pid}/fd`).length;
    } catch {
      // it ended meanwhile
    }
  }
  return count;
}

/** Pin a process and everything below it, threads included. */
export function pin(pid, core) {
  for (const p of tree(pid)) {
    try {
      execFileSync('taskset', ['-a', '-c', '-p', String(core), String(p)], { stdio: 'ignore' });
    } catch {
      // it ended meanwhile
    }
  }
}

/** How long a core was busy so far, in µs: all of its time but idle and waiting for a disk. */
export function busyOf(core) {
  const line = read('/proc/stat').split('\n').find((l) => l.startsWith(`cpu${core} `));
  const [user, nice, system, , , irq, softirq, steal] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) * 10000;
}
