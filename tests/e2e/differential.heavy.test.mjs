// SPDX-License-Identifier: Apache-2.0
// The same with 20,000 requests; and every row of the table is still shown by one.

import { test } from 'node:test';

import { runDifferential } from '../support/differential_run.mjs';
import { missing } from '../support/gateway.mjs';

test('20,000 generated requests: every difference to nginx is one that is explained',
  { skip: missing.length > 0 && `no ${missing}` }, (t) => runDifferential(t, { count: 20000, lanes: 8, all: !process.env.KEYHOLE_TEST_SEED }));
