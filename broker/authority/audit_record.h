/* SPDX-License-Identifier: Apache-2.0
 *
 * One audit record as a line of JSON: the members of schema/audit.def, in that order.
 *
 * What a peer sent may be any bytes: control characters are escaped, what is no UTF-8 becomes
 * U+FFFD, and a line is always one line.
 */
#ifndef KEYHOLE_AUDIT_RECORD_H
#define KEYHOLE_AUDIT_RECORD_H

#include "../../caveats/facts.h"
#include "../../caveats/token.h"
#include "../messages.h"
#include "../trace_context.h"

enum {
    AUDIT_HASH_SIZE = 32,
    AUDIT_HASH_HEX = 2 * AUDIT_HASH_SIZE + 1,
    AUDIT_VALUE_MAX = 1024, /* bytes of one value; a longer one is cut and ends with "…" */
    AUDIT_VALUES_MAX = 64,
    AUDIT_LABELS_MAX = TOKEN_CAVEATS_MAX,
};

enum audit_kind {
    AUDIT_KIND_UNSET = 0,
    AUDIT_DECISION,
    AUDIT_OUTCOME,
    AUDIT_ADMIN,
    AUDIT_REVOKE,
    AUDIT_LOGIN,
    AUDIT_START,
    AUDIT_STOP,
    AUDIT_RESUME, /* records can be written again */
    AUDIT_ROTATE, /* the first of a file that goes on from another */
};

/* One value that a caveat looked at: "query[limit]". Values of the body are written as a caveat
 * writes them, so that 5 is the number and "5" in quotation marks the string. */
struct audit_value {
    const char *attribute; /* "query", "header" or "body" */
    struct bytes key, value;
    bool keyless; /* "body-size": the attribute alone */
    bool quoted;  /* a string that reads as a number or literal without quotation marks */
};

/* Empty slices, NULL pointers and unset enums are left out. */
struct audit_record {
    enum audit_kind kind;
    const uint8_t *request_id; /* REQUEST_ID_SIZE */
    bool allow;                /* AUDIT_DECISION: allow or deny */
    enum kh_reason reason;
    struct bytes detail;
    struct bytes user, credential;
    struct bytes grant;          /* the one that covers the request */
    const struct bytes *warning; /* rules in warn mode that would have denied it */
    size_t warning_count;
    const uint8_t *token_id; /* TOKEN_ID_SIZE */
    const uint8_t *lineage;  /* LINEAGE_ID_SIZE */
    const uint8_t (*made_from)[LINEAGE_ID_SIZE];
    size_t made_from_count;
    const struct bytes *label;
    size_t label_count;
    bool has_lifetime;
    int64_t lifetime_s;       /* of the token, from its mint to its expiry */
    const struct bytes *hole; /* what its minted holes demanded, all filled */
    size_t hole_count;
    struct bytes client;
    bool has_uid;
    uint32_t uid;
    const uint8_t *trace_id; /* TRACE_ID_SIZE */
    enum way way;
    struct bytes method, scheme, host;
    uint16_t port;
    struct bytes path;
    const struct audit_value *value;
    size_t value_count;
    bool rejudged;
    bool has_outcome; /* AUDIT_OUTCOME: the four numbers */
    uint16_t status;
    uint64_t bytes_up, bytes_down;
    uint32_t duration_ms;
    struct bytes command, subject;
};

/* Appended with its newline. `prev` is the hash of the line before, in hexadecimal; NULL: it is not
 * known yet, and audit_record_link fills it in. */
void audit_record_print(const struct audit_record *record, uint64_t seq, int64_t time_ms,
                        const char prev[AUDIT_HASH_HEX], struct buffer *out);
/* Into a line that was printed without `prev`: `n` bytes, its newline not counted. */
void audit_record_link(uint8_t *line, size_t n, const char prev[AUDIT_HASH_HEX]);

#endif
