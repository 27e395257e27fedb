// SPDX-License-Identifier: Apache-2.0
// docs/LANGUAGES.md: a token narrowed in Go, which takes Go's compiler, and the broker judges it.

import assert from 'node:assert/strict';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

import { person, startHoleBroker } from '../support/holes.mjs';
import { narrower, startLanguages, worksAndIsNarrower } from '../support/languages.mjs';
import { must, temporaryDirectory } from '../support/programs.mjs';
import { startUpstream } from '../support/upstream.mjs';

const source = resolve(import.meta.dirname, '../../docs/examples/go/attenuate.go');

async function compile(t) {
  const place = temporaryDirectory(t, 'go');
  const program = join(place, 'attenuate');
  await must('/usr/bin/go', ['build', '-o', program, source],
    { timeout: 300000, env: { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: join(place, 'cache'), GOFLAGS: '', HOME: place } });
  return narrower(program);
}

test('Go, by gopkg.in/macaroon.v2', async (t) => worksAndIsNarrower(await startLanguages(t), await compile(t)));

test('Go, a token with its discharges', async (t) => {
  const narrow = await compile(t);
  const upstream = await startUpstream(t, { key: 'sk-real-for-go-alone' });
  const broker = await startHoleBroker(t);
  await broker.addCredential('one', { secret: 'sk-real-for-go-alone', upstream, hosts: ['upstream.example'],
    args: ['--slot', 'bearer', '--inject', 'header:Authorization: Bearer {secret}'] });
  const alice = await person(t, broker);
  await alice.enroll('--ssh', await alice.sshKey());
  const made = await narrow(await alice.discharge(await alice.mint('factor = ssh for 1h')), 'method = GET');
  assert.equal((await broker.request('/~one/v1/x', { token: made })).status, 200);
  broker.denied(await broker.request('/~one/v1/x', { token: made, method: 'POST' }), 401, 'caveat-failed');
});
