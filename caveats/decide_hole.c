/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is told of a hole that is open: what it demands, and where it is filled. */

#include "caveat.h"
#include "decide.h"

/* The caveat before the third-party caveat, when it says what that demands. */
static bool
put_demand(const struct macaroon_view *macaroon, size_t index, struct buffer *out)
{
    struct caveat *caveat = NULL;
    if (index == 0 || macaroon->caveat[index - 1].vid.n ||
        caveat_parse(macaroon->caveat[index - 1].id, &caveat, NULL) != KH_OK)
        return false;
    const struct predicate *p = &caveat->predicate[0];
    bool says = p->attribute == ATTRIBUTE_HOLE && p->count == 1;
    if (says)
        buffer_put(out, p->value[0].text);
    caveat_free(&caveat);
    return says;
}

static bool
put_hole(const struct token *token, const struct token_caveat *hole, struct buffer *out)
{
    for (size_t i = 0; i < token->macaroon_count; i++) {
        const struct macaroon_view *macaroon = &token->macaroon[i];
        if (hole < macaroon->caveat || hole >= macaroon->caveat + macaroon->caveat_count)
            continue;
        buffer_put_str(out, "it demands ");
        if (!put_demand(macaroon, (size_t)(hole - macaroon->caveat), out))
            buffer_put_str(out, "what it does not say");
        return true;
    }
    return false;
}

void
decision_hole_print(const struct token *token, struct buffer *out)
{
    const struct token_caveat *hole = NULL;
    size_t count = token_open_holes(token, &hole, 1);
    if (count == 0 || !put_hole(token, hole, out))
        return;
    if (hole->location.n)
        buffer_printf(out, ", filled at %.*s", BYTES_ARG(hole->location));
    if (count > 1)
        buffer_printf(out, "; %zu more %s open", count - 1, count == 2 ? "is" : "are");
}
