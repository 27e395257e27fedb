// SPDX-License-Identifier: Apache-2.0
// `keyhole run` and what it left.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { environment, keyhole, run, unlessUndone } from './programs.mjs';
import { deferred } from './wait.mjs';

/** Run a program under `keyhole run`: what it said, its status, and the report. Options: `args` of
 * `keyhole run`, `token` (KEYHOLE_TOKEN), `env` outside, `at` (KEYHOLE_BROKER), `stdin`. */
export async function keyholeRun(broker, program, { args = [], token, env, at = broker.unix, stdin } = {}) {
  const report = `${broker.home}/report-${crypto.randomUUID()}.json`;
  const result = await run(keyhole, ['run', '--report', report, ...args, '--', ...program],
    { env: { KEYHOLE_BROKER: at, ...(token ? { KEYHOLE_TOKEN: token } : {}), ...env }, stdin });
  try {
    result.report = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    // nothing ran
  }
  return result;
}

/** A script of sh that says when it is ready: `await first` is its first line. */
export function startKeyholeRun(t, broker, script, { args = [], token } = {}) {
  const child = spawn(keyhole, ['run', ...args, '--', 'sh', '-c', script],
    { env: environment({ KEYHOLE_BROKER: broker.unix, KEYHOLE_TOKEN: token, XDG_RUNTIME_DIR: broker.home }), cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  const done = unlessUndone(() => child.kill('SIGKILL'));
  const first = deferred(), ended = deferred();
  const said = { child, first: first.promise, ended: ended.promise, stdout: '', stderr: '' };
  child.stdout.on('data', (d) => {
    said.stdout += d;
    if (said.stdout.includes('\n')) first.resolve(said.stdout.split('\n')[0]);
  });
  child.stderr.on('data', (d) => { said.stderr += d; });
  child.on('close', (status, signal) => {
    first.reject(new Error(`ended with ${status ?? signal}: ${said.stderr}`));
    ended.resolve({ status, signal });
    done();
  });
  t.after(() => child.kill('SIGKILL'));
  return said;
}
