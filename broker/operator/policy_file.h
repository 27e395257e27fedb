/* SPDX-License-Identifier: Apache-2.0
 *
 * A policy that the operator has in a file.
 */
#ifndef KEYHOLE_OPERATOR_POLICY_FILE_H
#define KEYHOLE_OPERATOR_POLICY_FILE_H

#include "../../caveats/policy.h"

struct policy_file {
    const char *name; /* as the messages have it */
    struct buffer text;
    struct policy *policy;
};

/* The text of a file ("-" is standard input); `name` is for messages. KH_ERR_TOO_LONG beyond `max`
 * bytes; `out` takes 4096 more. */
KH_MUST_CHECK enum kh_err policy_file_read_text(const char *path, const char *name, size_t max,
                                                struct buffer *out, struct fault *fault);
/* Read and parse; "-" is standard input. A message stands on standard error when it fails.
 * policy_file_free in any case. */
KH_MUST_CHECK bool policy_file_read(const char *path, struct policy_file *out);
void policy_file_free(struct policy_file *file);

#endif
