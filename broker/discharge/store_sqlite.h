/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the discharger's store share; nobody else includes it.
 */
#ifndef KEYHOLE_DISCHARGE_STORE_SQLITE_H
#define KEYHOLE_DISCHARGE_STORE_SQLITE_H

#include "../database/sqlite.h"
#include "store.h"

struct discharge_store {
    struct sqlite sqlite;
};

/* Delete the invitation. KH_ERR_NOT_FOUND when there is none with this hash, for this user, that
 * lives. */
KH_MUST_CHECK enum kh_err discharge_invitation_use(struct discharge_store *store,
                                                   const uint8_t hash[32], struct bytes user,
                                                   int64_t now, struct fault *fault);

#endif
