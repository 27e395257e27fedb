/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocations: by token id, lineage id, user, credential, or time of minting.
 *
 * They are in the database before they are acknowledged, and in memory for every decision. An entry
 * is kept until the last token that it could reach has expired. What a holder may add is bounded:
 * REVOKE_LINEAGES_MAX for a token id, and beyond that the whole token id is revoked, which is the
 * stricter thing.
 *
 * As with the other tables: revocations_write within the caller's transaction, revocations_adopt
 * once it is committed.
 */
#ifndef KEYHOLE_REVOKE_H
#define KEYHOLE_REVOKE_H

#include "../../caveats/token.h"
#include "../store/store.h"

enum { REVOKE_LINEAGES_MAX = 256, REVOKE_KEY_SIZE = 16, REVOKE_SUBJECT_MAX = 64 };

enum revocation_kind {
    REVOCATION_UNSET = 0,
    REVOCATION_TOKEN,
    REVOCATION_LINEAGE,
    REVOCATION_USER,
    REVOCATION_CREDENTIAL,
    REVOCATION_MINTED_BEFORE,
};
const char *revocation_kind_name(enum revocation_kind kind);

struct revocation {
    enum revocation_kind kind;
    char subject[REVOKE_SUBJECT_MAX + 1]; /* id in hexadecimal, name, or "" */
    bool has_token_id;                    /* of a lineage, where it is known */
    uint8_t token_id[TOKEN_ID_SIZE];
    int64_t at;         /* user, credential: tokens issued up to then; minted-before: before then */
    int64_t expires_at; /* the entry is not needed after that */
};

struct revocations {
    struct revocation_slot *slot; /* open addressing; a power of two, at most half full */
    size_t capacity, count;
    size_t names;          /* how many of them are users and credentials: 0 saves a hash */
    size_t ids;            /* how many are tokens and lineages */
    int64_t minted_before; /* 0: none */
    uint8_t hash_key[16];  /* lineage ids are the holder's to choose: no chosen collisions */
};

KH_MUST_CHECK enum kh_err revocations_load(struct revocations *revocations, struct store *store,
                                           int64_t now, struct fault *fault);
void revocations_free(struct revocations *revocations);

/* `*revocation` may be made stricter: a lineage becomes its token when there are too many. */
KH_MUST_CHECK enum kh_err revocations_write(struct revocations *revocations, struct store *store,
                                            struct revocation *revocation, struct fault *fault);
void revocations_adopt(struct revocations *revocations, const struct revocation *revocation);
/* Whether there is anything that expired before then. */
bool revocations_any_until(const struct revocations *revocations, int64_t until);
/* Drop what has expired, from memory and database. */
KH_MUST_CHECK enum kh_err revocations_prune(struct revocations *revocations, struct store *store,
                                            int64_t now, struct fault *fault);
size_t revocations_count(const struct revocations *revocations);

/* The hot path: any of its lineages, its id, its user, the credential, its time of minting. */
bool revocations_reach(const struct revocations *revocations, const struct token_identity *identity,
                       const struct token_verified *verified, struct bytes credential);
/* The earliest issued-at that no revocation of this user or these credentials reaches, `now` or
 * later: a token that is minted in the second of a revocation is not ended by it. */
int64_t revocations_issue_time(const struct revocations *revocations, struct bytes user,
                               const struct bytes *credential, size_t count, int64_t now);

#endif
