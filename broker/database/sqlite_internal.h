/* SPDX-License-Identifier: Apache-2.0
 *
 * What sqlite.c and sqlite_copy.c share.
 */
#ifndef KEYHOLE_SQLITE_INTERNAL_H
#define KEYHOLE_SQLITE_INTERNAL_H

#include "sqlite.h"

/* Opened, and nothing in it changed. sqlite_close in any case. */
KH_MUST_CHECK enum kh_err sqlite_connect(const char *path, struct sqlite *out, struct fault *fault);
/* Rights of the file, and of those that sqlite keeps beside it. */
KH_MUST_CHECK enum kh_err sqlite_check_files(const char *path, struct fault *fault);
/* It is a database of that kind, and not a newer one. */
KH_MUST_CHECK enum kh_err sqlite_check_ours(struct sqlite *sqlite,
                                            const struct sqlite_schema *schema, int64_t *version,
                                            struct fault *fault);
KH_MUST_CHECK enum kh_err sqlite_check_integrity(struct sqlite *sqlite, struct fault *fault);

/* The copy that is kept before a migration: PATH.before-VERSION. */
KH_MUST_CHECK enum kh_err sqlite_keep_before(struct sqlite *sqlite, int64_t version,
                                             struct fault *fault);

#endif
