// SPDX-License-Identifier: Apache-2.0
// Tokens of every kind: `may` says whether 200 can be right, `limit` how often.

import { addCaveats, forge } from '../support/macaroon.mjs';

export const KINDS = ['plain', 'user', 'narrow', 'counted', 'rated', 'body', 'short', 'forged', 'never', 'hole', 'signed', 'touched'];

export class Tokens {
  /** `alice` has an SSH key and a security key that her discharger knows. */
  constructor(broker, random, alice) {
    Object.assign(this, { broker, random, alice, list: [] });
  }

  async make(kind) {
    const { random } = this;
    const mint = (...caveats) => this.broker.mint('up', { caveats });
    const token = { kind, may: true, given: 0, limit: Infinity };
    const never = (text) => Object.assign(token, { text, may: false });
    const makers = {
      plain: async () => { token.text = await mint(); },
      user: async () => { token.text = await this.broker.mint('up', { user: random.of(['alice', 'bob']) }); },
      narrow: async () => { token.text = addCaveats(await mint(), 'method in GET, POST, CONNECT', `label = n${random.below(9)}`); },
      counted: async () => Object.assign(token, { text: await mint('uses <= 50'), limit: 50 }),
      rated: async () => { token.text = await mint('rate <= 20/s'); },
      body: async () => { token.text = await mint('body[/model] = small or method in GET, CONNECT'); },
      short: async () => { token.text = await this.broker.mint('up', { lifetime: '5s' }); },
      forged: async () => never(forge(await mint())),
      never: async () => never(await mint('method = PATCH')),
      hole: async () => never(await this.broker.mint('up', { args: ['--hole', 'factor = ssh for 1h'] })),
      signed: async () => { token.text = await this.fill('ssh'); },
      touched: async () => { token.text = await this.fill('fido2'); },
    };
    await makers[kind]();
    this.list.push(token);
    return token;
  }

  /** A token whose hole alice has filled. */
  async fill(factor) {
    const { alice, broker } = this;
    const hole = `user = alice and factor = ${factor} for 1h`;
    return alice.discharge(await broker.mint('up', { user: 'alice', args: ['--hole', hole] }), '--with', factor);
  }

  pick() {
    return this.random.of(this.list);
  }

  async revoke() {
    const token = this.random.of(this.list.filter((x) => x.may));
    if (!token) return;
    if ((await this.broker.operator(['revoke', token.text], { may: true })).status !== 0) return;
    token.may = false;
    token.revoked = true;
  }
}
