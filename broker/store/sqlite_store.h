/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the sqlite store share; nobody else includes it.
 */
#ifndef KEYHOLE_SQLITE_STORE_H
#define KEYHOLE_SQLITE_STORE_H

#include "../database/sqlite.h"
#include "store.h"

struct store {
    struct sqlite sqlite;
};

#endif
