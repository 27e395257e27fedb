/* SPDX-License-Identifier: Apache-2.0
 *
 * Values on the command line.
 */
#ifndef KEYHOLE_OPERATOR_VALUES_H
#define KEYHOLE_OPERATOR_VALUES_H

#include "../../caveats/errors.h"

/* "90s", "15m", "12h", "7d", "2w", "1h30m": seconds, at least 1. */
KH_MUST_CHECK enum kh_err value_duration_s(const char *text, int64_t *out, struct fault *fault);
/* RFC 3339 in UTC, to the second; seconds since 1970. */
KH_MUST_CHECK enum kh_err value_time(const char *text, int64_t *out, struct fault *fault);
/* A duration: so long before `now`. Else RFC 3339 with any zone, or without one the clock here:
 * "2026-12-01", "2026-12-01T08:30", "2026-12-01 08:30:00". */
KH_MUST_CHECK enum kh_err value_time_or_ago(const char *text, int64_t now, int64_t *out,
                                            struct fault *fault);
KH_MUST_CHECK enum kh_err value_number(const char *text, uint64_t minimum, uint64_t maximum,
                                       uint64_t *out, struct fault *fault);
/* For people: "3 days", "2 h 5 min", "now". */
void value_print_span(int64_t seconds, char *out, size_t cap);

#endif
