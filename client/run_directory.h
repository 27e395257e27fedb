/* SPDX-License-Identifier: Apache-2.0
 *
 * A private directory for as long as a run lasts. That of a run that was killed is removed by the
 * next one.
 */
#ifndef KEYHOLE_CLIENT_RUN_DIRECTORY_H
#define KEYHOLE_CLIENT_RUN_DIRECTORY_H

#include "../caveats/errors.h"

enum { RUN_DIRECTORY_PATH_MAX = 256 };

struct run_directory {
    char path[RUN_DIRECTORY_PATH_MAX];
    int fd; /* locked while the run lasts; -1: none */
};

/* Make one, in XDG_RUNTIME_DIR or else /tmp. KH_ERR_IO. */
KH_MUST_CHECK enum kh_err run_directory_make(struct run_directory *out, struct fault *fault);
/* Write a file (mode 0600) into it, and give its path. */
KH_MUST_CHECK enum kh_err run_directory_write(const struct run_directory *directory,
                                              const char *name, struct bytes contents,
                                              char path[RUN_DIRECTORY_PATH_MAX],
                                              struct fault *fault);
void run_directory_remove(struct run_directory *directory);

/* Remove those of our own user in `base` that nobody holds any more and that are older than
 * `age_s`. */
void run_directory_sweep(const char *base, int64_t age_s);

#endif
