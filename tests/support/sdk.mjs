// SPDX-License-Identifier: Apache-2.0
// Client programs of tests/e2e/clients: unmodified SDKs whose whole configuration is their environment.

import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

import { environment, python, unlessUndone } from './programs.mjs';
import { Queue, deferred, within } from './wait.mjs';

const clients = resolve(import.meta.dirname, '../e2e/clients');

/** A client program that prints one JSON value a line. */
export class Client {
  constructor(t, script, args, env) {
    const program = script.endsWith('.py') ? python : process.execPath;
    const child = spawn(program, [resolve(clients, script), ...args],
      { env: environment({ NODE_NO_WARNINGS: '1', ...env }), cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
    const done = unlessUndone(() => child.kill('SIGKILL'));
    t.after(() => {
      child.kill('SIGKILL');
      done();
    });
    this.child = child;
    this.lines = new Queue(`a line of ${script}`);
    this.output = '';
    this.errors = '';
    const ended = deferred();
    let rest = '';
    child.stdout.on('data', (data) => {
      this.output += data;
      rest += data;
      for (let end; (end = rest.indexOf('\n')) >= 0; rest = rest.slice(end + 1))
        this.lines.put(JSON.parse(rest.slice(0, end)));
    });
    child.stderr.on('data', (data) => (this.errors += data));
    child.on('close', (status) => {
      this.lines.put({ ended: status });
      ended.resolve(status);
    });
    this.ended = ended.promise;
  }

  /** The next value that it printed. */
  next() {
    return this.lines.next();
  }

  /** Its only line, and its exit status. */
  async result() {
    const status = await within('the client program', this.ended);
    const value = await this.next();
    if (value.ended !== undefined) throw new Error(`the client said nothing:\n${this.errors}`);
    return { ...value, exit: status };
  }
}

/** What a user sets so that Node's and Python's programs go through the broker as an HTTPS proxy. */
export function proxyEnvironment(broker, caFile, bundle = caFile) {
  return {
    HTTPS_PROXY: broker.url, HTTP_PROXY: broker.url, NO_PROXY: '',
    NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: caFile, REQUESTS_CA_BUNDLE: bundle,
  };
}
