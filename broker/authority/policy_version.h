/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy in force, and every one that was: read, tested, recorded and committed before it
 * replaces the one before, for the next request and for those that are running.
 */
#ifndef KEYHOLE_POLICY_VERSION_H
#define KEYHOLE_POLICY_VERSION_H

#include "authority.h"

enum { POLICY_COMMENT_MAX = 500, POLICY_CHANGES_MAX = 256 * 1024 };

/* At the start. A policy that this broker cannot read is an error: it would judge by nothing. */
KH_MUST_CHECK enum kh_err policy_version_load(struct authority *authority, struct fault *fault);

struct policy_version_request {
    const char *path;  /* for messages */
    struct bytes text; /* empty: no policy */
    struct bytes comment;
    int64_t restores; /* the version that the text is of, or -1 */
};

/* Apply. A fault in the text, or a test of its own that fails, refuses it (KH_ERR_CONFIG).
 * `changes` receives what it changes, a line for each rule. */
KH_MUST_CHECK enum kh_err policy_version_apply(struct authority *authority,
                                               const struct policy_version_request *request,
                                               struct buffer *changes, struct fault *fault);

/* The text of a version; 0 is the time before the first. KH_ERR_NOT_FOUND. */
KH_MUST_CHECK enum kh_err policy_version_text(struct authority *authority, int64_t number,
                                              struct buffer *out, struct fault *fault);

#endif
