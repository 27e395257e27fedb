/* SPDX-License-Identifier: Apache-2.0
 *
 * The holes that are minted into a token: what they demand, who fills them, and the text of a token
 * that has some.
 */
#ifndef KEYHOLE_MINT_HOLE_H
#define KEYHOLE_MINT_HOLE_H

#include "../../caveats/hole.h"
#include "authority.h"

enum { MINT_HOLES_MAX = TOKEN_DISCHARGES_MAX };

/* Zeroed to begin with. */
struct mint_holes {
    char text[MINT_HOLES_MAX][HOLE_TEXT_MAX + 1]; /* canonical */
    size_t count;
};

/* One that was asked for. KH_ERR_TOO_LONG when there are too many, else as hole_parse. */
KH_MUST_CHECK enum kh_err mint_holes_add(struct mint_holes *holes, struct bytes text,
                                         struct fault *fault);
/* Those that grants demand of the user, where none that is there gives the same already. */
KH_MUST_CHECK enum kh_err mint_holes_demand(struct mint_holes *holes,
                                            const struct policy_mint *demanded, struct bytes user,
                                            struct fault *fault);

/* The discharger of that name; without a name the default. KH_ERR_NOT_FOUND. */
KH_MUST_CHECK enum kh_err mint_find_discharger(const struct authority *authority, struct bytes name,
                                               const struct discharger **out, struct fault *fault);

/* What a token's text is made of. */
struct mint_text {
    const struct token_identity *identity;
    const uint8_t *key; /* TOKEN_KEY_SIZE, of the root */
    const struct bytes *caveat;
    size_t caveat_count;
    const struct mint_holes *holes;
    const struct discharger *discharger; /* NULL: without holes */
    struct bytes prefix;
};

/* Append it, read back the way that it will be; `lineage` is that of the whole. KH_ERR_TOO_LONG
 * also where the token would have no room for its discharges. */
KH_MUST_CHECK enum kh_err mint_make_text(const struct authority *authority,
                                         const struct mint_text *text, struct buffer *out,
                                         uint8_t lineage[LINEAGE_ID_SIZE], struct fault *fault);

#endif
