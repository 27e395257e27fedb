// SPDX-License-Identifier: Apache-2.0
// A broker under a service manager: service_manager.py plays systemd's part for it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

import { Broker } from './broker.mjs';
import { descendants, environment, isAlive, python, unlessUndone } from './programs.mjs';
import { until } from './wait.mjs';

export class ServiceManager {
  /** `sockets` are those of socket units: {name, address | path}; `keep`: a store for descriptors. */
  constructor(t, { config = () => '', sockets = () => [], keep = true, watchdog, env = {}, args = [] } = {}) {
    const done = unlessUndone(() => this.end());
    // Before the broker's own end, which looks through the log and removes the directory.
    t.after(async () => {
      const left = this.running ? [{ pid: this.pid }, ...descendants(this.pid)] : [];
      this.end();
      await until('nothing of the service is left', () => left.every(({ pid }) => !isAlive(pid)));
      done();
    });
    this.broker = new Broker(t, { listen: null });
    this.log = join(this.broker.home, 'log');
    Object.defineProperty(this.broker, 'log', { get: () => this.text(), set() {} });
    this.options = { config, sockets, keep, watchdog };
    this.env = env;
    this.args = args;
    this.events = [];
  }

  end() {
    if (this.running) process.kill(this.pid, 'SIGKILL');
    this.running = false;
    this.child?.kill('SIGKILL');
  }

  /** The state directory, and the manager with its sockets. `config` is told their ports. */
  async init() {
    const { broker, options } = this;
    await broker.init();
    const plan = { notify: join(broker.home, 'notify.sock'), log: this.log, watchdog: options.watchdog, keep: options.keep,
      sockets: options.sockets(broker.directory) };
    this.child = spawn(python, [join(import.meta.dirname, 'service_manager.py'), JSON.stringify(plan)],
      { env: environment(), stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    this.child.stdout.on('data', (data) => {
      text += data;
      const lines = text.split('\n');
      text = lines.pop();
      this.events.push(...lines.map((line) => JSON.parse(line)));
    });
    this.ports = (await this.event('sockets')).ports;
    await broker.writeConfig(options.config(this.ports, broker.directory));
    return this;
  }

  text() {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8') : '';
  }

  /** The first event of that kind since `from` that `wanted` likes. */
  event(kind, { from = 0, wanted = () => true } = {}) {
    return until(`the service manager sees ${kind}`, () =>
      this.events.slice(from).find((e) => e.event === kind && wanted(e))).catch((error) => {
      error.message += `\n${JSON.stringify(this.events.slice(from))}\n${this.text()}`;
      throw error;
    });
  }

  /** A notification with this assignment, such as READY=1. */
  notified(assignment, from = 0) {
    const [name, value] = assignment.split('=');
    return this.event('notify', { from, wanted: (e) => e.assignments[name] === value });
  }

  notifications(name, from = 0) {
    return this.events.slice(from).filter((e) => e.event === 'notify' && name in e.assignments);
  }

  order(order) {
    this.child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  async launch() {
    const from = this.events.length;
    this.order({ start: [this.broker.programs.keyholed, 'run', '--dir', this.broker.directory, ...this.args], env: environment(this.env) });
    this.pid = (await this.event('started', { from })).pid;
    this.running = true;
    return from;
  }

  /** Until it says that it is ready; gives the place in `events` where the start began. */
  async start() {
    const from = await this.launch();
    const since = (kind, wanted = () => true) => this.events.slice(from).find((e) => e.event === kind && wanted(e));
    const line = await until('keyholed is ready', () => {
      const ended = since('ended');
      if (ended) throw new Error(`keyholed ended with ${ended.status}:\n${this.text()}`);
      return since('notify', (e) => e.assignments.READY === '1') && since('stdout');
    }).catch((error) => {
      error.message += `\n${this.text()}`;
      throw error;
    });
    this.broker.readReady(line.text);
    return from;
  }

  signal(name) {
    this.order({ signal: constants.signals[name] });
  }

  async ended(from) {
    const { status } = await this.event('ended', { from });
    this.running = false;
    return status;
  }

  async stop() {
    const from = this.events.length;
    this.signal('SIGTERM');
    assert.equal(await this.ended(from), 0, this.text());
    return from;
  }
}
