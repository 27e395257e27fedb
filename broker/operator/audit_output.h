/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that read the audit log share: printing its lines, and saying what went wrong.
 */
#ifndef KEYHOLE_OPERATOR_AUDIT_OUTPUT_H
#define KEYHOLE_OPERATOR_AUDIT_OUTPUT_H

#include "audit_record.h"
#include "operator.h"

struct audit_output {
    bool json; /* lines as they are */
    struct audit_show show;
};

/* The command has --utc. */
void audit_output_init(struct audit_output *output, const struct invocation *invocation);

/* A line that is no record is said on standard error. KH_ERR_IO: standard output is gone. */
KH_MUST_CHECK enum kh_err audit_output_line(struct audit_output *output, struct bytes line,
                                            struct fault *fault);
/* The same, of a line that was read. `record` may be NULL. */
KH_MUST_CHECK enum kh_err audit_output_record(struct audit_output *output, struct bytes line,
                                              const json_t *record, struct fault *fault);

enum operator_exit audit_fault(enum kh_err err, const struct fault *fault);

#endif
