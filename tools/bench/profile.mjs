// SPDX-License-Identifier: Apache-2.0
// `make profile`: where Keyhole's CPU time goes while it serves small requests on kept connections, by
// perf (Debian: linux-perf): build/bench/profile-proxy.txt and profile-authority.txt, and perf's own
// data beside them. FOR=discharge profiles a token with a discharge, FOR=policy one under a policy,
// FOR=answers answers of 1 MiB, FOR=answers-unscrubbed the same with --no-scrub.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { build, must } from '../../tests/support/programs.mjs';
import { request } from './group_kept.mjs';
import { FIVE, dischargedToken, startKeyhole } from './keyhole.mjs';
import { sample, wrk } from './load.mjs';
import { startUpstream } from './peers.mjs';
import { withRun } from './run.mjs';

const what = process.env.FOR ?? '';
const large = what.startsWith('answers');
const seconds = Number(process.env.BENCH_SECONDS || 5);

await withRun({ seconds, warm: 1, rounds: 1 }, async (run) => {
  const upstream = await startUpstream(run);
  const broker = await startKeyhole(run, upstream, { policy: what === 'policy', args: what === 'answers-unscrubbed' ? ['--no-scrub'] : [] });
  const token = what === 'discharge' ? await dischargedToken(run, broker)
    : await broker.mint('one', { user: 'alice', lifetime: '12h', caveats: large ? [] : FIVE });
  const load = (target, time) => large ? wrk(`http://127.0.0.1:${target.port}${target.path}/mebibyte`,
    { seconds: time, connections: 8, authorization: `Bearer ${token}` }) : request(target, time);
  const c = { name: 'Keyhole', pid: broker.pid, port: broker.port, path: '/~one', token };
  const out = join(build, 'bench');
  mkdirSync(out, { recursive: true });
  await load(c, 1);
  const recorders = [];
  for (const role of ['proxy', 'authority']) {
    const { pid } = broker.processes().find((p) => `keyhole-${role}`.startsWith(p.name));
    const data = join(out, `profile-${role}.data`);
    const child = spawn('perf', ['record', '-q', '--call-graph', 'dwarf,16384', '-F', '799', '-p', String(pid), '-o', data,
      '--', 'sleep', String(seconds)], { stdio: ['ignore', 'ignore', 'inherit'] });
    recorders.push({ role, data, ended: new Promise((resolve) => child.on('close', resolve)) });
  }
  const result = await sample(c, () => load(c, seconds + 1));
  run.progress(`CPU µs/request: ${JSON.stringify(result.cpu_us_of)}`);
  for (const { role, data, ended } of recorders) {
    await ended;
    const text = [];
    for (const args of [['--no-children', '-g', 'none', '--percent-limit', '0.5'], ['--children', '-g', 'none', '--percent-limit', '1']]) {
      const { stdout } = await must('perf', ['report', '--stdio', '-i', data, ...args], { timeout: 120000 });
      text.push(`# perf report ${args.join(' ')}\n${stdout}`);
    }
    const file = join(out, `profile-${role}.txt`);
    writeFileSync(file, text.join('\n'));
    run.progress(file);
  }
});
process.exit(0);
