/* SPDX-License-Identifier: Apache-2.0
 *
 * Spans of time as policies and holes write them: "90s", "15m", "12h", "7d", "1h30m".
 */
#ifndef KEYHOLE_DURATION_H
#define KEYHOLE_DURATION_H

#include "bytes.h"
#include "errors.h"

#define DURATION_MAX_S INT64_C(1000000000) /* some thirty years */

/* Larger units first, each once; at least one second. KH_ERR_SYNTAX, KH_ERR_RANGE. */
KH_MUST_CHECK enum kh_err duration_parse(struct bytes text, int64_t *seconds, struct fault *fault);

/* The one canonical text of it. */
void duration_print(int64_t seconds, struct buffer *out);

#endif
