// SPDX-License-Identifier: Apache-2.0
// docs/LANGUAGES.md: a token narrowed in JavaScript and in Python, and the broker judges it.

import { cpSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, test } from 'node:test';

import { wholeFile } from '../support/file.mjs';
import { narrower, startLanguages, worksAndIsNarrower } from '../support/languages.mjs';
import { python, temporaryDirectory } from '../support/programs.mjs';

const examples = resolve(import.meta.dirname, '../../docs/examples');
let world;
before(async () => {
  world = await startLanguages(wholeFile);
});

test('JavaScript, by the npm package macaroon', async (t) => {
  // A project of its own, with that package.
  const place = temporaryDirectory(t, 'javascript');
  cpSync(join(examples, 'javascript/attenuate.mjs'), join(place, 'attenuate.mjs'));
  symlinkSync(resolve(import.meta.dirname, 'node_modules'), join(place, 'node_modules'));
  await worksAndIsNarrower(world, narrower(process.execPath, join(place, 'attenuate.mjs')));
});

test('Python, by pymacaroons', () => worksAndIsNarrower(world, narrower(python, join(examples, 'python/attenuate.py'))));
