// SPDX-License-Identifier: Apache-2.0
// Pages that are made from tables are what the tables say.

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';

import { python, run } from '../support/programs.mjs';

test('docs/presets is made from schema/presets.def', async () => {
  const result = await run(python, [resolve(import.meta.dirname, '../../tools/presets-doc'), '--check']);
  assert.equal(result.status, 0, result.stderr);
});
