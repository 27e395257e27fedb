/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of an audit log: DIR/audit.log is written, and older ones stand beside it, each named
 * for its first record: audit.log.000000000001.
 */
#ifndef KEYHOLE_AUDIT_NAMES_H
#define KEYHOLE_AUDIT_NAMES_H

#include "../caveats/errors.h"

#include <limits.h>

#define AUDIT_NAME_CURRENT "audit.log"

enum { AUDIT_FILE_NAME_MAX = 40, AUDIT_NAMES_MAX = 100000 };

/* The first record of an older file; false: it is not named like one ("….gz"). */
KH_MUST_CHECK bool audit_name_parse(const char *name, uint64_t *first);
void audit_name_print(uint64_t first, char out[AUDIT_FILE_NAME_MAX]);
/* Of an older file, or with 0 of the one that is written. */
KH_MUST_CHECK enum kh_err audit_name_path(const char *directory, uint64_t first, char out[PATH_MAX],
                                          struct fault *fault);

/* First records of the older files, ascending. */
struct audit_names {
    uint64_t *first;
    size_t count;
};

/* audit_names_free in any case. */
KH_MUST_CHECK enum kh_err audit_names_list(const char *directory, struct audit_names *out,
                                           struct fault *fault);
void audit_names_free(struct audit_names *names);

#endif
