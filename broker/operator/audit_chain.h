/* SPDX-License-Identifier: Apache-2.0
 *
 * The hash chain of the audit log, recomputed from the file alone.
 */
#ifndef KEYHOLE_OPERATOR_AUDIT_CHAIN_H
#define KEYHOLE_OPERATOR_AUDIT_CHAIN_H

#include "audit_lines.h"

#include "../../caveats/screen/progress.h"

enum { AUDIT_CHAIN_HEADS_MAX = 4, AUDIT_CHAIN_HEX = 65 };

/* A position that the log had at some time: the record of that number must be in it. */
struct audit_chain_head {
    const char *from; /* for messages: "audit.head" */
    uint64_t seq;     /* 0: before the first record; `hash` is not looked at */
    char hash[AUDIT_CHAIN_HEX];
    bool seen;
};

struct audit_chain {
    struct audit_chain_head head[AUDIT_CHAIN_HEADS_MAX]; /* to be compared with */
    size_t head_count;
    uint64_t records; /* found whole and in order */
    uint64_t first;   /* the number of the first; those before are in files that are not here */
    uint64_t seq;     /* of the last; or what the first one goes on from */
    char hash[AUDIT_CHAIN_HEX];
    uint64_t file, line, last_line; /* where reading is: lines of this file, of the one before */
    struct progress *progress;      /* NULL: nobody waits */
};

/* With no heads, and before the first record. A log whose first file is not here begins with a
 * record of kind `rotate`. */
void audit_chain_init(struct audit_chain *chain);
void audit_chain_add_head(struct audit_chain *chain, const char *from, uint64_t seq,
                          const char *hash);

/* "SEQ:HASH", as `keyholed audit verify` and `status` print it. */
KH_MUST_CHECK enum kh_err audit_chain_parse_head(const char *text, uint64_t *seq,
                                                 char hash[AUDIT_CHAIN_HEX], struct fault *fault);

/* KH_ERR_AUDIT_BROKEN: the fault names the first bad line. KH_ERR_CLOSED: the last line is torn (a
 * running broker may be writing it). */
KH_MUST_CHECK enum kh_err audit_chain_verify(struct audit_chain *chain, struct audit_lines *lines,
                                             struct fault *fault);

#endif
