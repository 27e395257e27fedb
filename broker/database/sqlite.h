/* SPDX-License-Identifier: Apache-2.0
 *
 * What every sqlite database here has in common: rights, integrity and version are checked when it
 * is opened, what a commit acknowledged is on the disk. Included by the files with a store's
 * statements, and by nobody else.
 */
#ifndef KEYHOLE_SQLITE_H
#define KEYHOLE_SQLITE_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

#include <sqlite3.h>

struct sqlite {
    sqlite3 *db;
    char *path;
    bool in_transaction;
};

struct sqlite_migration {
    int number;
    const char *name;
    const char *text;
};
/* Marks a file as ours, in its header. */
enum {
    SQLITE_ID_BROKER = 0x4b684462,     /* "KhDb" */
    SQLITE_ID_DISCHARGER = 0x4b684463, /* "KhDc" */
};
struct sqlite_schema {
    int application_id;
    const char *name;                         /* "a Keyhole database" */
    const struct sqlite_migration *migration; /* by number; one at least */
    size_t migration_count;
};

int sqlite_schema_newest(const struct sqlite_schema *schema);

/* Make a new database (KH_ERR_EXISTS when there is a file), or open one and bring its tables up to
 * date, with a copy of what they were in PATH.before-VERSION; newer ones are refused, and not
 * touched. */
KH_MUST_CHECK enum kh_err sqlite_create(const char *path, const struct sqlite_schema *schema,
                                        struct sqlite *out, struct fault *fault);
KH_MUST_CHECK enum kh_err sqlite_open(const char *path, const struct sqlite_schema *schema,
                                      struct sqlite *out, struct fault *fault);
void sqlite_close(struct sqlite *sqlite);

/* A copy of what is there at one moment, in a new file, while others read and write. `*version`: of
 * its tables, which stay what they are. KH_ERR_NOT_FOUND, and what sqlite_open refuses. */
KH_MUST_CHECK enum kh_err sqlite_snapshot(const char *path, const struct sqlite_schema *schema,
                                          const char *to, int64_t *version, struct fault *fault);
/* Whether sqlite_open would take it, without bringing it up to date. */
KH_MUST_CHECK enum kh_err sqlite_examine(const char *path, const struct sqlite_schema *schema,
                                         int64_t *version, struct fault *fault);

/* One transaction at a time. sqlite_rollback is harmless when there is none. */
KH_MUST_CHECK enum kh_err sqlite_begin(struct sqlite *sqlite, struct fault *fault);
KH_MUST_CHECK enum kh_err sqlite_commit(struct sqlite *sqlite, struct fault *fault);
void sqlite_rollback(struct sqlite *sqlite);

/* KH_ERR_DATABASE (or EXISTS, IO for a full disk) with file, reason and what to do. */
enum kh_err sqlite_fault(const struct sqlite *sqlite, int code, struct fault *fault);

KH_MUST_CHECK enum kh_err sqlite_prepare(struct sqlite *sqlite, const char *sql, sqlite3_stmt **out,
                                         struct fault *fault);
/* Binds by position, from 1; empty is an empty text or blob, never NULL. A statement of which a
 * bind failed fails when it is run. */
void sqlite_bind_number(sqlite3_stmt *stmt, int index, int64_t number);
void sqlite_bind_text_bytes(sqlite3_stmt *stmt, int index, struct bytes text);
void sqlite_bind_blob_bytes(sqlite3_stmt *stmt, int index, struct bytes blob);
struct bytes sqlite_column_bytes_of(sqlite3_stmt *stmt, int column); /* text and blob */

/* Step a statement that gives no row. KH_ERR_NOT_FOUND from sqlite_run_one when no row changed. */
KH_MUST_CHECK enum kh_err sqlite_run(struct sqlite *sqlite, sqlite3_stmt *stmt,
                                     struct fault *fault);
KH_MUST_CHECK enum kh_err sqlite_run_one(struct sqlite *sqlite, sqlite3_stmt *stmt,
                                         struct fault *fault);
/* True with a row; false at the end or on failure, which is then in `*err`. */
KH_MUST_CHECK bool sqlite_next(struct sqlite *sqlite, sqlite3_stmt *stmt, enum kh_err *err,
                               struct fault *fault);
/* The first column of the only row; NULL is 0. */
KH_MUST_CHECK enum kh_err sqlite_query_number(struct sqlite *sqlite, const char *sql, int64_t *out,
                                              struct fault *fault);
KH_MUST_CHECK enum kh_err sqlite_exec(struct sqlite *sqlite, const char *sql, struct fault *fault);

/* Several statements as one: a transaction of its own, unless the caller has one open. */
KH_MUST_CHECK enum kh_err sqlite_group_begin(struct sqlite *sqlite, bool *own, struct fault *fault);
KH_MUST_CHECK enum kh_err sqlite_group_end(struct sqlite *sqlite, bool own, enum kh_err err,
                                           struct fault *fault);

void sqlite_stmt_cleanup(sqlite3_stmt **stmt);
#define STMT_AUTO __attribute__((cleanup(sqlite_stmt_cleanup))) sqlite3_stmt

#endif
