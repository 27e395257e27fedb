/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the master key comes from, in this order:
 *   1. $CREDENTIALS_DIRECTORY/keyhole-master-key (systemd's LoadCredential=): 64 hexadecimal digits
 *   2. a passphrase from a file descriptor, through Argon2id; salt and cost are in the database
 *   3. DIR/master.key (0600): 64 hexadecimal digits
 */
#ifndef KEYHOLE_MASTER_KEY_H
#define KEYHOLE_MASTER_KEY_H

#include "../store/store.h"
#include "seal.h"

#define MASTER_KEY_FILE     "master.key"
#define MASTER_KEY_FILE_NEW "master.key.new"

struct master_key_source {
    const char *directory;             /* DIR */
    const char *credentials_directory; /* of systemd, or NULL */
    struct secret *passphrase;         /* or NULL; borrowed */
    struct secret *key;                /* given as such, before all others; or NULL; borrowed */
};

/* Argon2id: RFC 9106 section 4, second recommended option, with libsodium's one lane. */
struct master_key_cost {
    uint64_t operations, memory; /* bytes */
};
extern const struct master_key_cost master_key_cost_default;

/* One line, without its newline. Takes `fd` over. */
KH_MUST_CHECK enum kh_err master_key_read_passphrase(int fd, struct secret **out,
                                                     struct fault *fault);

/* For a new state: in case 3 the key is made and written to `work_directory`/master.key. Salt, cost
 * and the check value go to the store. */
KH_MUST_CHECK enum kh_err master_key_create(const struct master_key_source *source,
                                            const char *work_directory, struct master_key_cost cost,
                                            struct store *store, struct seal **out,
                                            struct fault *fault);
/* KH_ERR_MASTER_KEY when there is none or it is not the one of this database. */
KH_MUST_CHECK enum kh_err master_key_load(const struct master_key_source *source,
                                          struct store *store, struct seal **out,
                                          struct fault *fault);

/* ---- for a change of the key (master_key_change.c) ---- */

/* As in a key file; `name` is for the message. */
KH_MUST_CHECK enum kh_err master_key_parse(struct bytes text, const char *name, struct secret **out,
                                           struct fault *fault);
KH_MUST_CHECK enum kh_err master_key_read_file(const char *path, struct secret **out,
                                               struct fault *fault);
/* A new random one, in a file that was not there. */
KH_MUST_CHECK enum kh_err master_key_make_file(const char *path, struct secret **out,
                                               struct fault *fault);
/* From a passphrase, with a salt of its own. */
KH_MUST_CHECK enum kh_err master_key_make_passphrase(const struct secret *passphrase,
                                                     struct master_key_cost cost,
                                                     struct store *store, struct secret **out,
                                                     struct fault *fault);
KH_MUST_CHECK enum kh_err master_key_forget_passphrase(struct store *store, struct fault *fault);
/* From now on the database is that key's. */
KH_MUST_CHECK enum kh_err master_key_note(struct store *store, const struct seal *seal,
                                          struct fault *fault);
/* KH_ERR_MASTER_KEY when the database is not that key's. */
KH_MUST_CHECK enum kh_err master_key_fit(const struct secret *key, struct store *store,
                                         struct seal **out, struct fault *fault);

#endif
