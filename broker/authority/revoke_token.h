/* SPDX-License-Identifier: Apache-2.0
 *
 * Revoking as an operation: by the operator, and by whoever holds a token.
 */
#ifndef KEYHOLE_REVOKE_TOKEN_H
#define KEYHOLE_REVOKE_TOKEN_H

#include "authority.h"

/* A holder ends its own token, and everything made from it. It proves with the token itself that it
 * may: the root must verify; a hole may still be open. A refusal's record is collected, not
 * written. */
void revoke_by_holder(struct authority *authority, const struct message_revoke_ask *ask,
                      struct message_revoke_done *out);

/* What the operator asks for: exactly one of these. */
struct revoke_request {
    struct bytes token; /* with `this_lineage`: as presented; else all of its token id */
    bool this_lineage;
    struct bytes id;      /* token id, hexadecimal */
    struct bytes lineage; /* lineage id, hexadecimal */
    struct bytes user;
    struct bytes credential;
    struct bytes minted_before; /* RFC 3339 */
};

/* `*done` is what was revoked, for the answer. */
KH_MUST_CHECK enum kh_err revoke_by_operator(struct authority *authority,
                                             const struct revoke_request *request,
                                             struct revocation *done, struct fault *fault);

#endif
