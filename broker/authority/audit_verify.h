/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the audit log back: every line follows from the one before, and the signed head is one of
 * them.
 */
#ifndef KEYHOLE_AUDIT_VERIFY_H
#define KEYHOLE_AUDIT_VERIFY_H

#include "audit_record.h"
#include "secret.h"

struct audit_head {
    uint64_t seq; /* 0: before the first record */
    char hash[AUDIT_HASH_HEX];
};

void audit_head_init(struct audit_head *head); /* 0 and 64 zeros */

/* The line in DIR/audit.head. */
KH_MUST_CHECK enum kh_err audit_head_print(const struct audit_head *head, const struct secret *key,
                                           struct buffer *out, struct fault *fault);
/* KH_ERR_AUDIT_BROKEN when it was changed. `path` is for the message. */
KH_MUST_CHECK enum kh_err audit_head_parse(struct bytes text, const struct secret *key,
                                           const char *path, struct audit_head *out,
                                           struct fault *fault);

/* SHA-256 in hexadecimal of a line without its newline. */
KH_MUST_CHECK enum kh_err audit_hash(struct bytes line, char out[AUDIT_HASH_HEX]);

/* One file of the log: what it goes on from (number 0: it is the first), and where it ends. */
struct audit_part {
    struct audit_head before, last;
    uint64_t size;
};

/* Read a file of the log from `fd` whole. It begins with the first record of all, or with one of
 * kind `rotate`; that must follow from `before` unless it is NULL. `head` must be one of its
 * records or what it goes on from; the log may be ahead of it after a crash. NULL: an older file,
 * in which no head is. KH_ERR_AUDIT_BROKEN says where, and what to do. */
KH_MUST_CHECK enum kh_err audit_verify(int fd, const char *path, const struct audit_head *before,
                                       const struct audit_head *head, struct audit_part *out,
                                       struct fault *fault);

/* Whether the last line of an older file is the record `last`. KH_ERR_NOT_FOUND: it ends with an
 * earlier one. */
KH_MUST_CHECK enum kh_err audit_verify_end(int fd, const char *path, const struct audit_head *last,
                                           struct fault *fault);

#endif
