/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and directories that are there while somebody works. Whoever makes one holds a flock(2) on
 * it, so that what a process that was killed has left is told from what is in use: a number of a
 * process would say nothing, since another one may have it, or it is of another container.
 */
#ifndef KEYHOLE_LEFTOVER_H
#define KEYHOLE_LEFTOVER_H

#include "../caveats/errors.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* A backup's, in a state directory. */
#define LEFTOVER_BACKUP ".backup-"

/* PARENT/PREFIXxxxxxx, of mode 0700; it is in use until `*fd` is closed. */
KH_MUST_CHECK enum kh_err leftover_make_directory(const char *parent, const char *prefix,
                                                  char path[PATH_MAX], int *fd,
                                                  struct fault *fault);
/* A new file `path`, of mode 0600, likewise. */
KH_MUST_CHECK enum kh_err leftover_make_file(const char *path, int *fd, struct fault *fault);

/* Remove what nobody uses of this process's user: `type` is S_IFDIR or S_IFREG, the names in
 * `parent` are PREFIX, letters and digits, SUFFIX. How many there were. */
size_t leftover_clean(const char *parent, const char *prefix, const char *suffix, mode_t type);

/* A directory and what is in it; other file systems in it stay. */
void leftover_remove_tree(const char *directory);

#endif
