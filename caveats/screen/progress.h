/* SPDX-License-Identifier: Apache-2.0
 *
 * A line that says how far something is: on a terminal alone, and only when it takes longer than a
 * second.
 */
#ifndef KEYHOLE_SCREEN_PROGRESS_H
#define KEYHOLE_SCREEN_PROGRESS_H

#include "screen.h"

enum { PROGRESS_AFTER_MS = 1000, PROGRESS_EVERY_MS = 100 };

struct progress {
    FILE *stream;
    bool terminal, shown;
    const char *what; /* "verifying the audit log" */
    int64_t begun_ms, next_ms;
    unsigned calls; /* the clock is not asked each time */
};

void progress_begin(struct progress *progress, FILE *stream, const char *what);
/* Bytes, of all there are (0: nobody knows). Cheap: call it for every line. */
void progress_step(struct progress *progress, uint64_t done, uint64_t all);
/* Takes the line away again. */
void progress_end(struct progress *progress);

/* What stands on the line: "what: 45 %, 120 MiB of 264 MiB, 3 s left". */
void progress_put(const char *what, uint64_t done, uint64_t all, int64_t spent_ms,
                  struct buffer *out);

/* "17 B", "4.2 KiB", "1.0 GiB". */
void progress_put_size(struct buffer *out, uint64_t bytes);

#endif
