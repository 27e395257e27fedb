// SPDX-License-Identifier: Apache-2.0
// The same with macaroon.v2 of Go (Debian's golang-gopkg-macaroon.v2-dev), and with more of them.

import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { wholeFile } from '../support/file.mjs';
import { theyJudgeOurs, weJudgeTheirs } from '../support/macaroons.mjs';
import { must, python, temporaryDirectory } from '../support/programs.mjs';

const source = (name) => fileURLToPath(new URL(`../support/macaroons/${name}`, import.meta.url));
const size = { seed: Number(process.env.KEYHOLE_TEST_SEED || 2), count: 3000 };
let go;

before(async () => {
  const directory = temporaryDirectory(wholeFile, 'go');
  go = `${directory}/macaroons`;
  await must('/usr/bin/go', ['build', '-o', go, source('main.go')],
    { timeout: 300000, env: { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOCACHE: `${directory}/cache`, GOFLAGS: '', HOME: directory } });
});

test('macaroon.v2 and libmacaroons judge what we make as we do', (t) => theyJudgeOurs(t, go, [], size));
test('we judge what macaroon.v2 makes as it does', (t) => weJudgeTheirs(t, go, [], size));
test('pymacaroons, more of them', (t) => theyJudgeOurs(t, python, [source('macaroons.py')], size));
test('pymacaroons, the other way, more of them', (t) => weJudgeTheirs(t, python, [source('macaroons.py')], size));
