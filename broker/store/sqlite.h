/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the sqlite store share; nobody else includes it.
 */
#ifndef KEYHOLE_SQLITE_H
#define KEYHOLE_SQLITE_H

#include "store.h"

#include <sqlite3.h>

struct store {
    sqlite3 *db;
    char *path;
    bool in_transaction;
};

/* KH_ERR_DATABASE (or EXISTS, IO for a full disk) with file, reason and what to do. */
enum kh_err sqlite_fault(const struct store *store, int code, struct fault *fault);

KH_MUST_CHECK enum kh_err sqlite_prepare(struct store *store, const char *sql, sqlite3_stmt **out,
                                         struct fault *fault);
/* Binds by position, from 1; empty is an empty text or blob, never NULL. */
void sqlite_bind_text_bytes(sqlite3_stmt *stmt, int index, struct bytes text);
void sqlite_bind_blob_bytes(sqlite3_stmt *stmt, int index, struct bytes blob);
struct bytes sqlite_column_bytes_of(sqlite3_stmt *stmt, int column); /* text and blob */

/* Step a statement that gives no row. KH_ERR_NOT_FOUND from sqlite_run_one when no row changed. */
KH_MUST_CHECK enum kh_err sqlite_run(struct store *store, sqlite3_stmt *stmt, struct fault *fault);
KH_MUST_CHECK enum kh_err sqlite_run_one(struct store *store, sqlite3_stmt *stmt,
                                         struct fault *fault);
/* True with a row; false at the end or on failure, which is then in `*err`. */
KH_MUST_CHECK bool sqlite_next(struct store *store, sqlite3_stmt *stmt, enum kh_err *err,
                               struct fault *fault);
/* The first column of the only row; NULL is 0. */
KH_MUST_CHECK enum kh_err sqlite_query_number(struct store *store, const char *sql, int64_t *out,
                                              struct fault *fault);
KH_MUST_CHECK enum kh_err sqlite_exec(struct store *store, const char *sql, struct fault *fault);

/* Several statements as one: a transaction of its own, unless the caller has one open. */
KH_MUST_CHECK enum kh_err sqlite_group_begin(struct store *store, bool *own, struct fault *fault);
KH_MUST_CHECK enum kh_err sqlite_group_end(struct store *store, bool own, enum kh_err err,
                                           struct fault *fault);

void sqlite_stmt_cleanup(sqlite3_stmt **stmt);
#define STMT_AUTO __attribute__((cleanup(sqlite_stmt_cleanup))) sqlite3_stmt

#endif
