/* SPDX-License-Identifier: Apache-2.0
 *
 * Running another program, without a shell, and reading what it says.
 */
#ifndef KEYHOLE_CLIENT_PROCESS_H
#define KEYHOLE_CLIENT_PROCESS_H

#include "../caveats/errors.h"

struct process_run {
    const char *const *argv; /* [0] is looked up in PATH unless it has a '/'; ends with NULL */
    struct bytes input;      /* at most a pipe's worth: 4096 bytes */
    long timeout_ms;         /* then it is killed */
    bool quiet;              /* its standard error goes nowhere; else where ours goes */
};

/* Standard output is appended to `out`; `*status` is the exit status, 128 and more for a signal,
 * and 0 when somebody else reaps our children. KH_ERR_NOT_FOUND when there is no such program,
 * KH_ERR_TOO_LONG when it says more than the buffer takes, KH_ERR_TIMEOUT, KH_ERR_IO. */
KH_MUST_CHECK enum kh_err process_run(const struct process_run *run, struct buffer *out,
                                      int *status, struct fault *fault);

/* Start a program and leave it to itself, its input and output nowhere: a browser. */
KH_MUST_CHECK enum kh_err process_leave(const char *const *argv, struct fault *fault);

#endif
