/* SPDX-License-Identifier: Apache-2.0
 *
 * What the discharger keeps: users, their authenticators, invitations, what was declined. A
 * database of its own; the broker never reads it.
 *
 * Rows are handed to a callback one at a time; their slices are valid during the call. Every change
 * that returned KH_OK is on the disk. No secret is in here: the discharger's key is a file.
 */
#ifndef KEYHOLE_DISCHARGE_STORE_H
#define KEYHOLE_DISCHARGE_STORE_H

#include "../../caveats/ticket.h"
#include "../webauthn/webauthn.h"

enum {
    DISCHARGE_USER_MAX = 64,           /* letters, digits, "._@+-" */
    DISCHARGE_NAME_MAX = 64,           /* of an authenticator: UTF-8 without control characters */
    DISCHARGE_AUTHENTICATORS_MAX = 32, /* of one user */
};

struct discharge_store;

/* Opened or made; rights, integrity and the version of its tables are checked. */
KH_MUST_CHECK enum kh_err discharge_store_open(const char *path, struct discharge_store **out,
                                               struct fault *fault);
void discharge_store_close(struct discharge_store **store);

/* ---- users ---- */

struct discharge_user {
    struct bytes name;
    int64_t created_at;
    uint32_t authenticators;
};
typedef enum kh_err discharge_user_fn(void *context, const struct discharge_user *row,
                                      struct fault *fault);

KH_MUST_CHECK enum kh_err discharge_user_add(struct discharge_store *store, struct bytes name,
                                             int64_t now, struct fault *fault); /* _EXISTS */
/* With invitations and authenticators. KH_ERR_NOT_FOUND. */
KH_MUST_CHECK enum kh_err discharge_user_remove(struct discharge_store *store, struct bytes name,
                                                struct fault *fault);
KH_MUST_CHECK enum kh_err discharge_user_each(struct discharge_store *store, discharge_user_fn *fn,
                                              void *context, struct fault *fault); /* by name */
KH_MUST_CHECK enum kh_err discharge_user_exists(struct discharge_store *store, struct bytes name,
                                                bool *exists, struct fault *fault);

/* ---- authenticators ---- */

enum authenticator_kind {
    AUTHENTICATOR_UNSET = 0,
    AUTHENTICATOR_FIDO2,
    AUTHENTICATOR_SSH,
    AUTHENTICATOR_SSH_SK,
};
const char *authenticator_kind_name(enum authenticator_kind kind); /* "fido2" */

struct discharge_authenticator {
    int64_t id; /* set by the store */
    enum authenticator_kind kind;
    struct bytes user, name;
    struct bytes credential_id; /* FIDO2: as the authenticator chose it; SSH: SHA-256 of the blob */
    struct bytes public_key;    /* COSE, or the SSH blob */
    int algorithm;              /* COSE; 0 for SSH */
    uint32_t counter;
    uint8_t aaguid[WEBAUTHN_AAGUID_SIZE];
    uint32_t firmware;
    bool attested, yubikey, u2f, verified;
    int64_t created_at, used_at; /* 0: never */
    int64_t cloned_at;           /* 0: no; else it is blocked */
};
typedef enum kh_err discharge_authenticator_fn(void *context,
                                               const struct discharge_authenticator *row,
                                               struct fault *fault);

/* In one transaction with the invitation's use (`invitation_hash`): KH_ERR_NOT_FOUND when that is
 * used, unknown, too old or for somebody else; KH_ERR_EXISTS with `*name_taken` or without (the
 * credential); KH_ERR_RANGE when the user has too many. */
KH_MUST_CHECK enum kh_err discharge_authenticator_enroll(struct discharge_store *store,
                                                         const struct discharge_authenticator *row,
                                                         const uint8_t invitation_hash[32],
                                                         int64_t now, bool *name_taken,
                                                         struct fault *fault);
/* KH_ERR_NOT_FOUND, or the callback's error. */
KH_MUST_CHECK enum kh_err discharge_authenticator_find(struct discharge_store *store,
                                                       struct bytes credential_id,
                                                       discharge_authenticator_fn *fn,
                                                       void *context, struct fault *fault);
/* By user and name; of all users when `user` is empty. */
KH_MUST_CHECK enum kh_err discharge_authenticator_each(struct discharge_store *store,
                                                       struct bytes user,
                                                       discharge_authenticator_fn *fn,
                                                       void *context, struct fault *fault);
KH_MUST_CHECK enum kh_err discharge_authenticator_remove(struct discharge_store *store,
                                                         struct bytes user, struct bytes name,
                                                         struct fault *fault);
/* Compare and set, in one transaction: `counter` is accepted when both are zero or it is greater
 * than what is stored, and then stored with `used_at`. Else the authenticator is marked cloned
 * (from then on blocked) and `*cloned` is set, with KH_OK. */
KH_MUST_CHECK enum kh_err discharge_authenticator_used(struct discharge_store *store, int64_t id,
                                                       uint32_t counter, int64_t now, bool *cloned,
                                                       struct fault *fault);

/* ---- invitations ---- */

/* A new one ends older ones of the same user. `hash` is SHA-256 of the code's letters. */
KH_MUST_CHECK enum kh_err discharge_invitation_add(struct discharge_store *store, struct bytes user,
                                                   const uint8_t hash[32], int64_t expires_at,
                                                   struct fault *fault);
/* Whose it is, appended to `user`. KH_ERR_NOT_FOUND when it is used, too old or unknown. */
KH_MUST_CHECK enum kh_err discharge_invitation_find(struct discharge_store *store,
                                                    const uint8_t hash[32], int64_t now,
                                                    struct buffer *user, struct fault *fault);

/* ---- what was declined ---- */

KH_MUST_CHECK enum kh_err discharge_decline(struct discharge_store *store,
                                            const uint8_t ticket[TICKET_HASH_SIZE],
                                            int64_t expires_at, struct fault *fault);
KH_MUST_CHECK enum kh_err discharge_is_declined(struct discharge_store *store,
                                                const uint8_t ticket[TICKET_HASH_SIZE],
                                                bool *declined, struct fault *fault);
/* Drop what is past. */
KH_MUST_CHECK enum kh_err discharge_store_prune(struct discharge_store *store, int64_t now,
                                                struct fault *fault);

#endif
