/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict, step by step.
 */
#ifndef KEYHOLE_VERDICT_H
#define KEYHOLE_VERDICT_H

#include "webauthn.h"

/* Nothing was looked at, nothing is vouched for. */
void verdict_init(struct webauthn_verdict *verdict);

/* What a step found, made safe for a terminal: others wrote parts of it. Returns true. */
bool verdict_found(struct webauthn_verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same; returns false. */
bool verdict_refuses(struct webauthn_verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A check that is about to be made; then how it ended. Returns `passed`. */
void verdict_begin(struct webauthn_verdict *verdict, enum failure check);
bool verdict_end(struct webauthn_verdict *verdict, bool passed);

/* All were made and passed: the one place that accepts. */
enum failure verdict_accept(struct webauthn_verdict *verdict);

#endif
