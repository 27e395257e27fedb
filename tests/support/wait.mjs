// SPDX-License-Identifier: Apache-2.0
// Waiting for conditions. A limit says when to give up; no test depends on how long something takes.

import { setTimeout as pause } from 'node:timers/promises';

export const PATIENCE_MS = Number(process.env.E2E_PATIENCE_MS ?? 30000);

/** Until `condition()` (may be async) gives something truthy, which is returned. */
export async function until(what, condition, limit = PATIENCE_MS) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`gave up waiting until ${what}`);
    await pause(10);
  }
}

/** The promise's value, or an error that says what was waited for. */
export async function within(what, promise, limit = PATIENCE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`gave up waiting for ${what}`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `attempt(seconds)` has that long for what it does, since the test itself set such a limit (a token's lifetime, a time
 * limit of the broker). One that took longer and failed is made again with a longer limit; any other failure counts. */
export async function inTime(attempt, limits = [2, 8, 30]) {
  for (const seconds of limits) {
    const begun = Date.now();
    try {
      return await attempt(seconds);
    } catch (error) {
      if (seconds === limits.at(-1) || Date.now() - begun < seconds * 1000) throw error;
    }
  }
}

/** A promise with its two ends at hand. */
export function deferred() {
  let resolve, reject;
  const promise = new Promise((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {}); // whoever waits sees it; nobody waiting is no crash
  return { promise, resolve, reject };
}

/** Values that are put in now and taken out later, in order. */
export class Queue {
  constructor(what) {
    this.what = what;
    this.values = [];
    this.waiting = [];
  }

  put(value) {
    const taker = this.waiting.shift();
    if (taker) taker.resolve(value);
    else this.values.push(value);
  }

  async next(limit) {
    if (this.values.length > 0) return this.values.shift();
    const taker = deferred();
    this.waiting.push(taker);
    return within(this.what, taker.promise, limit);
  }
}
