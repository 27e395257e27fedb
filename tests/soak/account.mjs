// SPDX-License-Identifier: Apache-2.0
// Every answer that a client got, held against the audit log: docs/FAULTS.md, "Which answers are on
// record".

import assert from 'node:assert/strict';

import { OWN } from './clients.mjs';

// Said without having asked the authority, or without having heard from it.
const UNRECORDED = ['broker-busy', 'broker-unavailable'];
// Said by a proxy after an allow: what tells of them is the outcome.
const AFTER_ALLOW = ['broker-busy', 'broker-unavailable', 'upstream-unreachable', 'upstream-timeout', 'upstream-tls', 'upstream-response'];
// How long a process that was killed may be away, on a machine that has other things to do.
const AWAY_MS = 30000;

/** By id: the decision and the outcome, one of each at most, and the denials (`ends`) of what was judged again while it ran. */
function recordsById(audit) {
  const found = new Map();
  for (const r of audit) {
    if (!r.id || !['decision', 'outcome'].includes(r.kind)) continue;
    const its = found.get(r.id) ?? {};
    const what = r.kind === 'outcome' ? 'outcome' : r.rejudged ? 'ends' : 'decision';
    if (what === 'ends') assert.equal(r.decision, 'deny', JSON.stringify(r));
    else assert.equal(its[what], undefined, `two records of kind ${what} and id ${r.id}`);
    found.set(r.id, { ...its, [what]: what === 'ends' ? [...(its.ends ?? []), r] : r });
  }
  return found;
}

/** `accidents` are the moments at which a process was killed. */
export function accountFor(audit, answers, accidents) {
  const records = recordsById(audit);
  const said = (a) => `${JSON.stringify(a)}\non record: ${JSON.stringify(records.get(a.id) ?? {})}`;
  const killedWithin = (from, to) => accidents.some((at) => at >= from && at <= to);
  // An outcome is told when the answer has gone: it is lost with whoever was to tell it or to write it.
  const maybeLost = (a) => killedWithin(a.asked - 1000, a.heard + 1000);
  const counts = { decided: 0, cut: 0, failed: 0, lost: 0, unrecorded: 0, own: 0 };
  for (const a of answers) {
    const { decision, ends, outcome } = records.get(a.id) ?? {};
    if (a.passed || (!a.code && OWN.includes(a.way))) {
      assert.equal(a.status, 200, said(a));
      counts.own++;
    } else if (!decision) {
      assert.ok(UNRECORDED.includes(a.code) && a.status === (a.way === 'check' ? 403 : 503), `no record of ${said(a)}`);
      assert.ok(a.code === 'broker-busy' || killedWithin(a.asked - AWAY_MS, a.heard + 1000), `nobody was killed: ${said(a)}`);
      counts.unrecorded++;
    } else if (!a.code) {
      assert.equal(decision.decision, 'allow', said(a));
      assert.deepEqual([decision.path, decision.method, decision.host], [a.path, a.method, 'upstream.example'], said(a));
      if (!outcome) assert.ok(a.way === 'check' || maybeLost(a), `no outcome of ${said(a)}`);
      else if (a.way !== 'check') assert.equal(outcome.status, a.status, said(a));
      counts[outcome || a.way === 'check' ? 'decided' : 'lost']++;
    } else if (decision.decision === 'deny') {
      assert.equal(decision.reason, a.code, said(a));
      counts.decided++;
    } else if (ends) {
      // Allowed, and judged again before anything was answered: in words, and on record as well.
      assert.ok(ends.some((r) => r.reason === a.code) || AFTER_ALLOW.includes(a.code), said(a));
      counts.cut++;
    } else {
      assert.ok(AFTER_ALLOW.includes(a.code), `allowed, on record, and denied: ${said(a)}`);
      if (outcome) assert.equal(outcome.reason, a.code, said(a));
      else assert.ok(maybeLost(a), `no outcome of ${said(a)}`);
      counts[outcome ? 'failed' : 'lost']++;
    }
  }
  return counts;
}

/** What came to the upstream with the key on it: each has its record, of that path and method. */
export function accountForwarded(audit, requests) {
  const allowed = new Set(audit.filter((r) => r.kind === 'decision' && r.decision === 'allow').map((r) => `${r.method} ${r.path}`));
  for (const r of requests) assert.ok(allowed.has(`${r.method} ${r.url}`), `${r.method} ${r.url} was forwarded without a record`);
}

/** Tunnels have no answer of ours that could name a record: there are as many that were allowed. */
export function accountTunnels(audit, answers, host) {
  const through = answers.filter((a) => a.passed).length;
  const allowed = audit.filter((r) => r.kind === 'decision' && r.decision === 'allow' && r.method === 'CONNECT' && r.host === host).length;
  assert.ok(allowed >= through, `${through} tunnels, and ${allowed} on record`);
}
