/* SPDX-License-Identifier: Apache-2.0
 *
 * Minting: the operator's alone. No token, whatever its caveats, mints another.
 */
#ifndef KEYHOLE_MINT_H
#define KEYHOLE_MINT_H

#include "mint_hole.h"

#define MINT_LIFETIME_MAX_S     (INT64_C(10) * 365 * 86400)
#define MINT_LIFETIME_DEFAULT_S (INT64_C(12) * 3600)
#define MINT_USER_DEFAULT       "operator"

enum { MINT_USER_MAX = 64, MINT_CAVEATS_MAX = TOKEN_CAVEATS_MAX };

struct mint_request {
    const struct bytes *credential;
    size_t credential_count;
    struct bytes user; /* empty: MINT_USER_DEFAULT */
    int64_t lifetime_s;
    bool default_lifetime; /* MINT_LIFETIME_DEFAULT_S, or the grant's when that is shorter */
    const struct bytes *caveat;
    size_t caveat_count;
    struct bytes prefix;      /* of a vendor, or empty */
    const struct bytes *hole; /* beside those that the grants demand */
    size_t hole_count;
    struct bytes discharger; /* its name; empty: the default */
};

struct mint_result {
    struct buffer token; /* wiped when freed by mint_result_free */
    uint8_t token_id[TOKEN_ID_SIZE];
    uint8_t lineage[LINEAGE_ID_SIZE];
    char user[MINT_USER_MAX + 1];
    int64_t issued_at, expires_at;
    struct mint_holes holes;
    char discharger[DISCHARGER_URL_MAX + 1]; /* who fills them; "" without holes */
};

/* Letters, digits and "._@+-", 1 to MINT_USER_MAX. */
KH_MUST_CHECK bool mint_user_check(struct bytes user);

/* TOKEN_PREFIX_MAX letters, digits and "_-.:" at most, and no mark of a token in it. */
KH_MUST_CHECK bool mint_prefix_check(struct bytes prefix);

/* Checked, stored, recorded, and only then given out. Under a policy some grant must give the user
 * each of the credentials, and a lifetime beyond the grant's is refused, not clamped: KH_ERR_DENIED
 * names the grant. The holes that the grant demands are minted, for that user. */
KH_MUST_CHECK enum kh_err mint(struct authority *authority, const struct mint_request *request,
                               struct mint_result *out, struct fault *fault);
void mint_result_free(struct mint_result *result);

#endif
