// SPDX-License-Identifier: Apache-2.0
// People who fill holes: each with a home, keys that are plugged in, and perhaps SSH keys.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { startBroker } from './broker.mjs';
import { decodeV2, tokenBytes, tokenOf } from './macaroon.mjs';
import { build, environment, must, run, temporaryDirectory, unlessUndone } from './programs.mjs';
import { startSoftauthn } from './softauthn.mjs';
import { within } from './wait.mjs';

/** `keyhole` with sockets in place of USB; in everything else the program that is installed. */
export const keyholeWithSockets = join(build, 'tests/bin/keyhole');

/** A broker whose discharger enrols keys of any maker. */
export function startHoleBroker(t, { config = '', ...options } = {}) {
  return startBroker(t, { config: `discharger:\n  attestation: optional\n${config}`, ...options });
}

/** A single-use code for that user. */
export async function invite(broker, user) {
  const { stdout } = await broker.operator(['invite', user]);
  assert.match(stdout, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}\n$/, 'the code alone on stdout');
  return stdout.trim();
}

let people = 0;

/** Somebody whom the discharger knows, with nothing enrolled. */
export async function person(t, broker, name = `alice-${++people}`) {
  await broker.operator(['user', 'add', name]);
  return new Person(t, broker, name);
}

class Person {
  constructor(t, broker, name) {
    Object.assign(this, { t, broker, name, keys: [], more: {} });
    this.home = temporaryDirectory(t, 'home');
    mkdirSync(join(this.home, '.ssh'), { mode: 0o700 });
    this.trusts = [broker.discharger]; // what the person's keyhole is told to trust
  }

  /** A hole that asks for this person. */
  hole(what = 'factor = fido2 for 8h') {
    return `user = ${this.name} and ${what}`;
  }

  /** A token of this person's for the credential `one`, with these holes. */
  mint(...holes) {
    return this.broker.mint('one', { user: this.name, args: holes.flatMap((h) => ['--hole', this.hole(h)]) });
  }

  get env() {
    return { HOME: this.home, KEYHOLE_TEST_DEVICES: this.keys.map((k) => k.device).join(','), ...this.more };
  }

  // For the commands that look at it.
  options(command) {
    const looks = ['discharge', 'enroll', 'login'].includes(command);
    return looks ? this.trusts.flatMap((url) => ['--discharger', url]) : [];
  }

  /** A command of keyhole; a failure is an error unless `may` is set. */
  keyhole([command, ...args], { stdin, may = false, env, ...options } = {}) {
    return (may ? run : must)(keyholeWithSockets, [command, ...this.options(command), ...args],
      { stdin, env: { ...this.env, ...env }, ...options });
  }

  /** The same, while it runs: { child, said(pattern), ended }. */
  start([command, ...args], { stdin = '', stdio = ['pipe', 'pipe', 'pipe'] } = {}) {
    const child = spawn(keyholeWithSockets, [command, ...this.options(command), ...args],
      { env: environment(this.env), cwd: '/', stdio });
    const done = unlessUndone(() => child.kill('SIGKILL'));
    const running = { child, stdout: '', stderr: '' };
    const waiting = new Set();
    const look = () => {
      for (const w of [...waiting]) {
        const found = w.pattern.exec(running.stderr);
        if (found || running.over) {
          waiting.delete(w);
          if (found) w.resolve(found);
          else w.reject(new Error(`keyhole ended without saying ${w.pattern}:\n${running.stderr}`));
        }
      }
    };
    child.stdout.on('data', (d) => {
      running.stdout += d;
    });
    child.stderr.on('data', (d) => {
      running.stderr += d;
      look();
    });
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    const ended = new Promise((resolve) => child.on('close', (status, signal) => {
      running.over = true;
      done();
      look();
      resolve({ status, signal, stdout: running.stdout, stderr: running.stderr });
    }));
    running.said = (pattern) => within(`keyhole to say ${pattern}`, new Promise((resolve, reject) => {
      waiting.add({ pattern, resolve, reject });
      look();
    }));
    running.ended = within(`keyhole ${command} to end`, ended);
    running.ended.catch(() => child.kill('SIGKILL'));
    return running;
  }

  /** Plug in a security key, with the options of tests/support/softauthn.mjs. */
  async plug(options) {
    const key = await startSoftauthn(this.t, options);
    this.keys.push(key);
    return key;
  }

  /** Enrol whatever is plugged in, or as the arguments say. */
  async enroll(...args) {
    const code = await invite(this.broker, this.name);
    return JSON.parse((await this.keyhole(['enroll', '--json', '--code', code, ...args])).stdout);
  }

  /** An SSH key in ~/.ssh; its path. */
  async sshKey(name = 'id_ed25519', ...options) {
    const path = join(this.home, '.ssh', name);
    await must('/usr/bin/ssh-keygen', ['-q', '-N', '', '-C', name, '-f', path, ...(options.length > 0 ? options : ['-t', 'ed25519'])]);
    return path;
  }

  /** An agent of one's own with these keys, which are in the agent alone from then on. */
  async agent(...keys) {
    const socket = join(this.home, 'agent');
    const { stdout } = await must('/usr/bin/ssh-agent', ['-s', '-a', socket]);
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)[1]);
    const done = unlessUndone(() => process.kill(pid));
    this.t.after(() => {
      process.kill(pid);
      done();
    });
    this.more.SSH_AUTH_SOCK = socket;
    for (const key of keys)
      await must('/bin/sh', ['-c', 'ssh-add -q "$0" && rm "$0" "$0.pub"', key], { env: this.env });
  }

  /** Fill the holes; the token. */
  async discharge(token, ...args) {
    const { stdout } = await this.keyhole(['discharge', '-', ...args], { stdin: `${token}\n` });
    assert.match(stdout, /^\S*kh1_[A-Za-z0-9_-]+\n$/, 'a token and nothing else on stdout');
    return stdout.trim();
  }

  /** A discharge that has to fail, with that status; what was said. */
  async cannot(status, token, ...args) {
    const result = await this.keyhole(['discharge', '-', ...args], { stdin: `${token}\n`, may: true });
    assert.equal(result.status, status, `${result.stderr}${result.stdout}`);
    assert.equal(result.stdout, '', 'nothing on stdout');
    return result.stderr;
  }

  write(name, text) {
    const path = join(this.home, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    return path;
  }
}

/** The macaroons of a token, as V2 binary: the root, then its discharges. */
export function macaroonsOf(token) {
  const found = [];
  for (let bytes = tokenBytes(token); bytes.length > 0;) {
    const { used } = decodeV2(bytes);
    found.push(bytes.subarray(0, used));
    bytes = bytes.subarray(used);
  }
  return found;
}

/** `token` with the discharges of another one behind it. */
export function graft(token, filled) {
  return tokenOf(macaroonsOf(token)[0], ...macaroonsOf(filled).slice(1));
}
