/* SPDX-License-Identifier: Apache-2.0
 *
 * Moments and spans of time, as people write and read them.
 */
#ifndef KEYHOLE_CLIENT_MOMENT_H
#define KEYHOLE_CLIENT_MOMENT_H

#include "../caveats/bytes.h"
#include "../caveats/errors.h"

#define MOMENT_SPAN_MAX ((int64_t)3660 * 86400) /* ten years */

/* "90s", "10m", "12h", "7d", "1h30m": larger units first, each once. 1 s to MOMENT_SPAN_MAX. */
KH_MUST_CHECK enum kh_err moment_read_span(struct bytes text, int64_t *seconds,
                                           struct fault *fault);

/* RFC 3339 in UTC, "2026-12-01T00:00:00Z"; clamped to the years 1970 to 9999. */
void moment_put(struct buffer *out, int64_t at);

/* "2 hours 5 minutes", two units at most, rounded down; "less than a second" for 0. */
void moment_put_span(struct buffer *out, int64_t seconds);

/* "in 2 hours 5 minutes", "3 days ago", "now". */
void moment_put_relative(struct buffer *out, int64_t at, int64_t now);

#endif
