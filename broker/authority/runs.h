/* SPDX-License-Identifier: Apache-2.0
 *
 * What was refused to each run of `keyhole run`, for the lines that it prints at its end. In memory
 * alone and bounded: the runs that were heard of last, and so many kinds of refusal of each.
 */
#ifndef KEYHOLE_RUNS_H
#define KEYHOLE_RUNS_H

#include "../messages.h"

enum { RUNS_MAX = 256, RUN_ROWS_MAX = 64 };

struct runs;

/* NULL: no memory. The others take a NULL for runs of which nothing is known. */
struct runs *runs_new(void);
void runs_free(struct runs **runs);

/* One refusal; of no run (zeros) nothing is kept. `code` is static. A host is text of the client:
 * what is too long or no UTF-8 counts as none. */
void runs_note(struct runs *runs, const uint8_t run[RUN_ID_SIZE], struct bytes host, uint16_t port,
               const char *code);

/* Append the list as docs/PROTOCOL.run.md says it, the most frequent first. */
void runs_print(const struct runs *runs, const uint8_t run[RUN_ID_SIZE], struct buffer *out);

#endif
