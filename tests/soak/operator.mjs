// SPDX-License-Identifier: Apache-2.0
// What an operator does all day, and accidents: processes that are killed, the supervisor as well.

import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { realKey } from '../support/broker.mjs';
import { KINDS } from './tokens.mjs';

export const POLICY = (extra) => `version: 1
grants:
  - name: all
    to: [user operator, user alice, user bob]
    credentials: [up, other, pass-through]
forbid:
  - name: no-deletes
    when: [method = DELETE]
${extra}`;

export class Operator {
  constructor(soak) {
    Object.assign(this, soak, { soak, n: 0 });
  }

  may(args, options) {
    return this.broker.operator(args, { may: true, ...options });
  }

  secret() {
    const secret = realKey();
    this.broker.secrets.push(secret);
    return `${secret}\n`;
  }

  /** SIGKILL to one of the processes; the supervisor alone takes all with it, and is started again. */
  async kill() {
    const { broker, random } = this;
    const status = await broker.status().catch(() => null);
    const victims = (status?.processes ?? []).filter((p) => p.running && ['proxy', 'authority', 'discharger'].includes(p.role));
    const victim = random.chance(0.15) ? { pid: broker.pid, role: 'supervisor' } : random.of(victims);
    if (!victim) return;
    this.soak.accidents.push(Date.now());
    this.note(`kill ${victim.role}`);
    const ended = broker.ended;
    try {
      process.kill(victim.pid, 'SIGKILL');
    } catch {
      return; // it went by itself
    }
    if (victim.role === 'supervisor') {
      await ended;
      await broker.start();
      this.soak.accidents.push(Date.now()); // until now nobody was there
    }
  }

  async act(name) {
    const { broker, random, tokens } = this;
    const acts = {
      mint: () => tokens.make(random.of(KINDS)),
      revoke: () => tokens.revoke(),
      rotate: () => this.may(['credential', 'rotate', random.of(['up', 'other'])], { stdin: this.secret() }),
      able: async () => {
        await this.may(['credential', 'disable', 'other']);
        await this.may(['credential', 'enable', 'other']);
      },
      key: () => this.may(['key', 'rotate']),
      policy: () => this.may(['policy', 'apply', '-'], { stdin: POLICY(`  - name: n${this.n}\n    when: [credential = up, path = /forbidden-${this.n}]\n`) }),
      explain: () => this.may(['explain', '-', '--method', 'GET', '--url', 'https://upstream.example/a'], { stdin: `${tokens.pick().text}\n` }),
      query: () => this.may(['audit', 'query', '--since', '1s']),
      verify: () => this.may(['audit', 'verify']),
      invite: () => this.may(['invite', 'bob']),
      reload: () => {
        writeFileSync(broker.file('keyholed.yaml'), this.config(random.of(['1s', '2s'])), { mode: 0o600 });
        broker.child?.kill('SIGHUP');
      },
    };
    await acts[name]();
  }

  /** Until `over()`; `mayKill()` says whether there are accidents. */
  async work(over, mayKill) {
    const often = ['mint', 'mint', 'mint', 'revoke', 'rotate', 'able', 'policy', 'reload', 'reload', 'explain', 'query', 'verify', 'invite'];
    while (!over()) {
      this.n++;
      if (mayKill() && this.random.chance(0.04)) await this.kill();
      const name = this.n % 50 === 0 ? 'key' : this.random.of(often);
      await this.act(name).then(() => this.note(name), () => this.note(`${name} failed`));
      // What is minted takes the place of what is old: the list stays as long as it is.
      if (this.tokens.list.length > 60) this.tokens.list.shift();
      await pause(50 + this.random.below(200));
    }
  }
}
