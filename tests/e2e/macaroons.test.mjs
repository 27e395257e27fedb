// SPDX-License-Identifier: Apache-2.0
// Generated macaroons: our chain, libmacaroons and pymacaroons agree, whoever made them.

import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { theyJudgeOurs, weJudgeTheirs } from '../support/macaroons.mjs';
import { python } from '../support/programs.mjs';

const script = fileURLToPath(new URL('../support/macaroons/macaroons.py', import.meta.url));
const size = { seed: Number(process.env.KEYHOLE_TEST_SEED || 1), count: 300 };

test('pymacaroons and libmacaroons judge what we make as we do', (t) => theyJudgeOurs(t, python, [script], size));
test('we judge what pymacaroons makes as it does', (t) => weJudgeTheirs(t, python, [script], size));
