/* SPDX-License-Identifier: Apache-2.0 */
/* The master key of a copy of the database. */
#ifndef KEYHOLE_KEEP_SOURCES_KEY_H
#define KEYHOLE_KEEP_SOURCES_KEY_H

#include "../authority/secret.h"

/* The file in `directory` with the key of the database `copy`, which is of this version, open; -1
 * where the key is not kept in a file. KH_ERR_MASTER_KEY when there is a file with another key. */
KH_MUST_CHECK enum kh_err sources_key_find(const char *directory, const char *copy, int *fd,
                                           struct fault *fault);

#endif
