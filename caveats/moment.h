/* SPDX-License-Identifier: Apache-2.0
 *
 * Moments and spans of time, as people read them.
 */
#ifndef KEYHOLE_MOMENT_H
#define KEYHOLE_MOMENT_H

#include "bytes.h"

/* RFC 3339 in UTC, "2026-12-01T00:00:00Z"; clamped to the years 1970 to 9999. */
void moment_put(struct buffer *out, int64_t at);

/* "2 hours 5 minutes", two units at most, rounded down; "less than a second" for 0. */
void moment_put_span(struct buffer *out, int64_t seconds);

/* "in 2 hours 5 minutes", "3 days ago", "now". */
void moment_put_relative(struct buffer *out, int64_t at, int64_t now);

#endif
