// SPDX-License-Identifier: Apache-2.0
// Generated requests to nginx and to Keyhole: what nginx forwards differently is of a known kind.

import { test } from 'node:test';

import { runDifferential } from '../support/differential_run.mjs';
import { missing } from '../support/gateway.mjs';

test('1,500 generated requests: every difference to nginx is one that is explained',
  { skip: missing.length > 0 && `no ${missing}` }, (t) => runDifferential(t, { count: 1500 }));
