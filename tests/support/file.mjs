// SPDX-License-Identifier: Apache-2.0
// What lives as long as a test file: `startBroker(wholeFile)` in a `before` hook. (node:test's own
// after(), called in a hook, belongs to the hook.)

import { after } from 'node:test';

const work = [];

export const wholeFile = { after: (undo) => work.push(undo) };

after(async () => {
  const errors = [];
  for (const undo of work.reverse()) await Promise.resolve().then(undo).catch((e) => errors.push(e));
  if (errors.length > 0) throw errors[0];
});
