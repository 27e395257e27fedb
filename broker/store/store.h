/* SPDX-License-Identifier: Apache-2.0
 *
 * What the authority keeps. The rest of the authority knows this interface alone, so that a broker
 * with several hosts can keep the same rows in a database server.
 *
 * Secrets come and go sealed: the store never sees one. Rows are handed to a callback one at a
 * time; their slices are valid during the call. Every change that returned KH_OK outside a
 * transaction, or whose store_commit returned KH_OK, is on the disk.
 */
#ifndef KEYHOLE_STORE_H
#define KEYHOLE_STORE_H

#include "../../caveats/bytes.h"
#include "../../caveats/errors.h"

struct store;

/* Make a new database (KH_ERR_EXISTS when there is a file), or open one: rights, integrity and the
 * version of its tables are checked, older tables are brought up to date, newer ones refused. */
KH_MUST_CHECK enum kh_err store_create(const char *path, struct store **out, struct fault *fault);
KH_MUST_CHECK enum kh_err store_open(const char *path, struct store **out, struct fault *fault);
void store_close(struct store **store);

/* One transaction at a time. store_rollback is harmless when there is none. */
KH_MUST_CHECK enum kh_err store_begin(struct store *store, struct fault *fault);
KH_MUST_CHECK enum kh_err store_commit(struct store *store, struct fault *fault);
void store_rollback(struct store *store);
/* Overwrite what removed rows left behind, in the write-ahead log too. */
KH_MUST_CHECK enum kh_err store_erase_removed(struct store *store, struct fault *fault);

/* ---- single values ---- */

KH_MUST_CHECK enum kh_err store_meta_get(struct store *store, const char *name, struct buffer *out,
                                         struct fault *fault); /* KH_ERR_NOT_FOUND */
KH_MUST_CHECK enum kh_err store_meta_put(struct store *store, const char *name, struct bytes value,
                                         struct fault *fault);
KH_MUST_CHECK enum kh_err store_meta_remove(struct store *store, const char *name,
                                            struct fault *fault); /* or there is none */

/* ---- sealed values ---- */

/* Append what is to stand in its place. */
typedef enum kh_err store_sealed_fn(void *context, const char *table, int64_t id,
                                    struct bytes sealed, struct buffer *out, struct fault *fault);

/* Each value of a column `sealed` is changed, whatever table it is in; within the caller's
 * transaction. Those of meta are no rows of their own, and not among them. */
KH_MUST_CHECK enum kh_err store_sealed_change(struct store *store, store_sealed_fn *fn,
                                              void *context, struct fault *fault);

/* ---- root keys ---- */

struct store_root_key {
    uint32_t id;
    struct bytes sealed;
    int64_t created_at;
    int64_t retired_at; /* 0: in use */
};
typedef enum kh_err store_root_key_fn(void *context, const struct store_root_key *row,
                                      struct fault *fault);

KH_MUST_CHECK enum kh_err
store_root_key_insert(struct store *store, const struct store_root_key *row, struct fault *fault);
/* Its sealed key is overwritten. */
KH_MUST_CHECK enum kh_err store_root_key_retire(struct store *store, uint32_t id,
                                                int64_t retired_at, struct fault *fault);
KH_MUST_CHECK enum kh_err store_root_key_each(struct store *store, store_root_key_fn *fn,
                                              void *context, struct fault *fault); /* by id */

/* ---- credentials ---- */

enum store_list {
    STORE_LIST_HOSTS,
    STORE_LIST_PORTS,
    STORE_LIST_SLOTS,
    STORE_LIST_RESOLVE,
    STORE_LIST_NETWORKS,
    STORE_LIST_PATH_EXCEPTIONS,
    STORE_LIST_OPTIONS, /* "NAME=VALUE" */
    STORE_LIST_COUNT
};
enum { STORE_LIST_MAX = 32 };
/* As in the table credential_item and in the admin protocol. */
const char *store_list_name(enum store_list list);

struct store_credential {
    int64_t id;
    struct bytes name, preset, inject, upstream_ca;
    struct bytes item[STORE_LIST_COUNT][STORE_LIST_MAX];
    size_t item_count[STORE_LIST_COUNT];
    bool enabled, plain, scrub, foreign_pass;
    struct bytes sealed;
    int64_t created_at;
    int64_t rotated_at; /* 0: never */
};
typedef enum kh_err store_credential_fn(void *context, const struct store_credential *row,
                                        struct fault *fault);

KH_MUST_CHECK enum kh_err store_credential_insert(struct store *store,
                                                  const struct store_credential *row,
                                                  struct fault *fault); /* KH_ERR_EXISTS */
/* Everything but the secret, the name and the times. KH_ERR_NOT_FOUND. */
KH_MUST_CHECK enum kh_err store_credential_update(struct store *store,
                                                  const struct store_credential *row,
                                                  struct fault *fault);
KH_MUST_CHECK enum kh_err store_credential_enable(struct store *store, int64_t id, bool enabled,
                                                  struct fault *fault);
KH_MUST_CHECK enum kh_err store_credential_rotate(struct store *store, int64_t id,
                                                  struct bytes sealed, int64_t rotated_at,
                                                  struct fault *fault);
KH_MUST_CHECK enum kh_err store_credential_remove(struct store *store, int64_t id,
                                                  struct fault *fault);
KH_MUST_CHECK enum kh_err store_credential_each(struct store *store, store_credential_fn *fn,
                                                void *context, struct fault *fault); /* by name */

/* ---- secrets before the last rotation ---- */

struct store_previous {
    int64_t credential_id;
    struct bytes sealed;
    int64_t expires_at;
};
typedef enum kh_err store_previous_fn(void *context, const struct store_previous *row,
                                      struct fault *fault);

/* In the place of what the credential has. */
KH_MUST_CHECK enum kh_err store_previous_put(struct store *store, const struct store_previous *row,
                                             struct fault *fault);
KH_MUST_CHECK enum kh_err store_previous_remove(struct store *store, int64_t credential_id,
                                                struct fault *fault); /* or there is none */
KH_MUST_CHECK enum kh_err store_previous_each(struct store *store, store_previous_fn *fn,
                                              void *context, struct fault *fault);

/* ---- tokens ---- */

enum { STORE_TOKEN_ID_SIZE = 16 };

struct store_token {
    struct bytes id; /* STORE_TOKEN_ID_SIZE */
    uint32_t key_id;
    struct bytes user;
    int64_t issued_at, expires_at;
    const struct bytes *credential, *label;
    size_t credential_count, label_count;
};

KH_MUST_CHECK enum kh_err store_token_insert(struct store *store, const struct store_token *row,
                                             struct fault *fault);
KH_MUST_CHECK enum kh_err store_token_expiry(struct store *store, struct bytes id,
                                             int64_t *expires_at, struct fault *fault);
/* The latest issued_at of all; 0 when there are none. */
KH_MUST_CHECK enum kh_err store_token_last_issued(struct store *store, int64_t *issued_at,
                                                  struct fault *fault);
KH_MUST_CHECK enum kh_err store_token_count(struct store *store, uint64_t *count,
                                            struct fault *fault);

/* ---- revocations ---- */

struct store_revocation {
    struct bytes kind, subject;
    struct bytes token_id; /* of a lineage, where it is known; else empty */
    int64_t at, expires_at;
};
typedef enum kh_err store_revocation_fn(void *context, const struct store_revocation *row,
                                        struct fault *fault);

/* One of the same kind and subject is kept with the later `at` and `expires_at`. */
KH_MUST_CHECK enum kh_err
store_revocation_put(struct store *store, const struct store_revocation *row, struct fault *fault);
KH_MUST_CHECK enum kh_err store_revocation_prune(struct store *store, int64_t now,
                                                 struct fault *fault);
KH_MUST_CHECK enum kh_err store_revocation_each(struct store *store, store_revocation_fn *fn,
                                                void *context, struct fault *fault);

/* ---- counters ---- */

struct store_counter {
    struct bytes lineage, token_id; /* 16 bytes each */
    uint32_t window_s;              /* 0: uses */
    int64_t bound, used;
    struct bytes log;
    int64_t expires_at;
};
typedef enum kh_err store_counter_fn(void *context, const struct store_counter *row,
                                     struct fault *fault);

/* `used` and `log` take the place of what one of that lineage had. */
KH_MUST_CHECK enum kh_err store_counter_put(struct store *store, const struct store_counter *row,
                                            struct fault *fault);
KH_MUST_CHECK enum kh_err store_counter_remove(struct store *store, struct bytes lineage,
                                               struct fault *fault); /* or there is none */
/* All of them are at their limit. */
KH_MUST_CHECK enum kh_err store_counter_exhaust(struct store *store, struct fault *fault);
KH_MUST_CHECK enum kh_err store_counter_each(struct store *store, store_counter_fn *fn,
                                             void *context, struct fault *fault);

/* ---- versions of the policy ---- */

struct store_policy {
    int64_t number;    /* from 1 */
    struct bytes text; /* empty: no policy */
    uint32_t uid;      /* of whoever applied it */
    int64_t applied_at;
    struct bytes comment, changes;
    int64_t restores; /* the version whose text it has again; -1: none */
};
typedef enum kh_err store_policy_fn(void *context, const struct store_policy *row,
                                    struct fault *fault);

KH_MUST_CHECK enum kh_err store_policy_insert(struct store *store, const struct store_policy *row,
                                              struct fault *fault);
/* The newest first; `number` -1 for all, else that one alone. */
KH_MUST_CHECK enum kh_err store_policy_each(struct store *store, int64_t number,
                                            store_policy_fn *fn, void *context,
                                            struct fault *fault);
/* The number of the newest; 0 when there is none. */
KH_MUST_CHECK enum kh_err store_policy_newest(struct store *store, int64_t *number,
                                              struct fault *fault);

#endif
