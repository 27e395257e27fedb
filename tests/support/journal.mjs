// SPDX-License-Identifier: Apache-2.0
// journald's place taken by a test: its socket, in a mount namespace of the broker's own, and what
// arrives there, read by the letter of the native protocol.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

import { environment, keyholed, python, temporaryDirectory } from './programs.mjs';
import { until } from './wait.mjs';

const unshare = ['--mount', '--propagation', 'private', ...(userInfo().uid === 0 ? [] : ['--user', '--map-root-user'])];

/** Whether a mount namespace can be had here. */
export const missing = spawnSync('unshare', [...unshare, 'mount', '-t', 'tmpfs', 'none', '/run']).status === 0 ? '' : 'no mount namespaces here';

/** [name, value] of each field. https://systemd.io/JOURNAL_NATIVE_PROTOCOL */
export function readEntry(data) {
  const fields = [];
  let at = 0;
  while (at < data.length) {
    const end = data.indexOf('\n', at);
    assert.ok(end >= 0, `a line that does not end: ${data.toString('latin1', at)}`);
    const sign = data.subarray(at, end).indexOf('=');
    const name = data.toString('latin1', at, sign < 0 ? end : at + sign);
    assert.match(name, /^[A-Z][A-Z0-9_]{0,63}$/, 'a name that journald takes');
    if (sign >= 0) {
      fields.push([name, data.toString('utf8', at + sign + 1, end)]);
      at = end + 1;
    } else {
      const length = Number(data.readBigUInt64LE(end + 1));
      fields.push([name, data.toString('utf8', end + 9, end + 9 + length)]);
      assert.equal(data[end + 9 + length], 0x0a, 'a value with its length ends with a newline');
      at = end + 10 + length;
    }
  }
  return fields;
}

export class Journal {
  constructor(t) {
    this.directory = temporaryDirectory(t, 'journal');
    this.run = join(this.directory, 'journal');
    mkdirSync(this.run);
    this.entries = []; // { pid, fields }
    this.child = spawn(python, [join(import.meta.dirname, 'journal.py'), join(this.run, 'socket')], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => this.child.kill('SIGKILL'));
    let text = '';
    this.child.stdout.on('data', (data) => {
      text += data;
      const lines = text.split('\n');
      text = lines.pop();
      for (const line of lines) this.take(JSON.parse(line));
    });
  }

  take({ listening, pid, data }) {
    if (listening) this.listening = true;
    else this.entries.push({ pid, fields: readEntry(Buffer.from(data, 'base64')) });
  }

  /** `keyholed` where this is the journal. The process is keyholed itself. */
  async program() {
    await until('the journal listens', () => this.listening);
    const file = join(this.directory, 'keyholed');
    writeFileSync(file, `#!/bin/sh
exec unshare ${unshare.join(' ')} sh -c 'mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind ${this.run} /run/systemd/journal && exec ${keyholed} "$@"' sh "$@"
`);
    chmodSync(file, 0o755);
    return file;
  }

  /** Fields of each entry of that event, as an object. */
  events(name) {
    return this.entries.map(({ pid, fields }) => ({ pid, ...Object.fromEntries(fields) })).filter((e) => e.KEYHOLE_EVENT === name);
  }
}
