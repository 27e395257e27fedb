/* SPDX-License-Identifier: Apache-2.0
 *
 * Spans of time, as people write them (and, by caveats/moment.h, read them).
 */
#ifndef KEYHOLE_CLIENT_MOMENT_H
#define KEYHOLE_CLIENT_MOMENT_H

#include "../caveats/errors.h"
#include "../caveats/moment.h"

#define MOMENT_SPAN_MAX ((int64_t)3660 * 86400) /* ten years */

/* "90s", "10m", "12h", "7d", "1h30m": larger units first, each once. 1 s to MOMENT_SPAN_MAX. */
KH_MUST_CHECK enum kh_err moment_read_span(struct bytes text, int64_t *seconds,
                                           struct fault *fault);

#endif
