/* SPDX-License-Identifier: Apache-2.0
 *
 * The works of keyhole-authority that serve nobody: backup, restore, change-master-key. They are
 * started by commands of keyholed, which ask people, hold the directory's lock where that is
 * needed, and tell what came of it.
 */
#ifndef KEYHOLE_KEEP_H
#define KEYHOLE_KEEP_H

#include <stdbool.h>

/* Whether argv asks for one of them. */
bool keep_is_wanted(int argc, char **argv);
/* The exit status: 0, or 1 with a sentence on standard error, 2 for options. */
int keep_main(int argc, char **argv);

#endif
