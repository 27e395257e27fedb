/* SPDX-License-Identifier: Apache-2.0
 *
 * W3C Trace Context: traceparent and tracestate, strictly. The broker passes them on, and notes the
 * trace's id; it makes none, and is no span.
 */
#ifndef KEYHOLE_TRACE_CONTEXT_H
#define KEYHOLE_TRACE_CONTEXT_H

#include "../caveats/bytes.h"

enum { TRACE_ID_SIZE = 16 };

/* The value of traceparent; `id` may be NULL. */
KH_MUST_CHECK bool trace_parent_parse(struct bytes value, uint8_t id[TRACE_ID_SIZE]);
/* The value of one tracestate field. Several fields are one list: `members` counts on from one to
 * the next, and begins at 0. */
KH_MUST_CHECK bool trace_state_check(struct bytes value, unsigned *members);

#endif
