/* SPDX-License-Identifier: Apache-2.0
 *
 * What a token says of itself, as structures to be read: an inspection with texts that end.
 */
#include "internal.h"

#include "../../caveats/text.h"
#include "../../caveats/words.h"
#include "../inspect.h"

#define SAME(name)                                                                                 \
    _Static_assert((int)KEYHOLE_KIND_##name == (int)INSPECT_##name, "see keyhole_kind")
SAME(UNREADABLE);
SAME(CONDITION);
SAME(LABEL);
SAME(DEMAND);
SAME(PARENT);
SAME(HOLE);
_Static_assert((int)KEYHOLE_ORIGIN_HOLDER == (int)INSPECT_HOLDER &&
                   (int)KEYHOLE_ORIGIN_MINT == (int)INSPECT_MINTED &&
                   (int)KEYHOLE_ORIGIN_DISCHARGER == (int)INSPECT_DISCHARGER,
               "see keyhole_origin");

enum {
    CLAIMS_COPIES = 6, /* no byte of a token is copied more often: text, value, demand, by, … */
    CLAIMS_FIXED = 4096 + TOKEN_CAVEATS_MAX * sizeof(((struct inspect_caveat *)0)->why),
    CLAIMS_WORDS_MAX = 16384,
};

static const char *
claims_keep(struct keyhole_token *token, struct bytes text)
{
    struct buffer *strings = &token->strings;
    if (text.n == 0)
        return "";
    // The buffer has all its room from the start: it never moves.
    if (strings->failed || strings->max - strings->n < text.n + 1) {
        strings->failed = true;
        return "";
    }
    const char *kept = (const char *)strings->p + strings->n;
    buffer_put(strings, text);
    buffer_put_byte(strings, '\0');
    return kept;
}

static const char *
claims_keep_hex(struct keyhole_token *token, const uint8_t id[LINEAGE_ID_SIZE])
{
    char hex[2 * LINEAGE_ID_SIZE + 1];
    bool ok = bytes_to_hex(bytes_of(id, LINEAGE_ID_SIZE), hex, sizeof hex);
    return claims_keep(token, ok ? bytes_str(hex) : BYTES_EMPTY);
}

static void
claims_put_identity(struct keyhole_token *token, const struct inspection *in)
{
    struct keyhole_claims *claims = &token->claims;
    claims->is_keyhole = in->identified;
    claims->user = claims->token_id = "";
    claims->credential = token->credential;
    claims->expires_at = KEYHOLE_NEVER;
    claims->problem = claims_keep(token, bytes_str(in->why_not));
    if (!in->identified)
        return;
    claims->user = claims_keep(token, in->identity.principal);
    claims->token_id = claims_keep_hex(token, in->identity.token_id);
    claims->issued_at = in->identity.issued_at;
    claims->expires_at = in->identity.expires_at;
    claims->credential_count = in->identity.credential_count;
    for (size_t i = 0; i < in->identity.credential_count; i++)
        token->credential[i] = claims_keep(token, in->identity.credential[i]);
}

static void
claims_put_hole(struct keyhole_token *token, const struct inspect_caveat *from,
                struct keyhole_caveat *to)
{
    to->text = "";
    to->text_size = 0;
    to->location = claims_keep(token, from->location);
    to->demand = claims_keep(token, from->demand);
    to->ticket = from->id.p;
    to->ticket_size = from->id.n;
    to->is_filled = from->filled_by >= 0;
    if (!to->is_filled) {
        token->open_hole[token->claims.open_hole_count++] = to;
        return;
    }
    to->discharge = (size_t)from->filled_by;
    to->by = claims_keep(token, from->by);
    to->ends_at = from->until;
}

static void
claims_put_caveat(struct keyhole_token *token, const struct inspect_caveat *from)
{
    struct keyhole_caveat *to = &token->caveat[token->claims.caveat_count++];
    *to = (struct keyhole_caveat){.kind = (enum keyhole_kind)from->kind,
                                  .origin = (enum keyhole_origin)from->origin,
                                  .macaroon = from->macaroon,
                                  .index = from->index,
                                  .ends_at = KEYHOLE_NEVER,
                                  .location = "",
                                  .demand = "",
                                  .by = ""};
    to->value = claims_keep(token, from->value);
    to->problem = claims_keep(token, bytes_str(from->why));
    if (from->kind == INSPECT_HOLE) {
        claims_put_hole(token, from, to);
        return;
    }
    to->text = claims_keep(token, from->id);
    to->text_size = from->id.n;
    if (from->parsed != NULL)
        to->ends_at = caveat_end(from->parsed);
}

enum kh_err
library_claims_fill(struct keyhole_token *token, struct fault *fault)
{
    struct inspection *in = NULL;
    const size_t room = token->token->raw.n * CLAIMS_COPIES + CLAIMS_FIXED;
    buffer_init_secret(&token->strings, room);
    if (buffer_room(&token->strings, room) == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err = inspect_token(token->token, 0, &in, fault);
    if (err != KH_OK)
        return err;
    struct keyhole_claims *claims = &token->claims;
    claims_put_identity(token, in);
    claims->ends_at = in->ends_at;
    claims->lineage = claims_keep_hex(token, in->lineage);
    claims->location = claims_keep(token, token->token->macaroon[0].location);
    claims->prefix = claims_keep(token, token->token->prefix);
    claims->macaroon_count = token->token->macaroon_count;
    claims->unreadable_count = in->unreadable;
    for (size_t i = 0; i < in->count; i++)
        claims_put_caveat(token, &in->caveat[i]);
    inspection_free(&in);
    return token->strings.failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}

const struct keyhole_claims *
keyhole_token_claims(const struct keyhole_token *token)
{
    return token != NULL ? &token->claims : NULL;
}

const struct keyhole_caveat *
keyhole_token_caveat(const struct keyhole_token *token, size_t index)
{
    return token != NULL && index < token->claims.caveat_count ? &token->caveat[index] : NULL;
}

const struct keyhole_caveat *
keyhole_token_open_hole(const struct keyhole_token *token, size_t index)
{
    return token != NULL && index < token->claims.open_hole_count ? token->open_hole[index] : NULL;
}

// ---- in words ----

static void
words_put_hole(struct buffer *out, const struct keyhole_caveat *caveat)
{
    buffer_put_str(out, caveat->is_filled ? "somebody has vouched: " : "somebody has to vouch: ");
    text_put_safe(out, bytes_str(caveat->demand[0] != '\0' ? caveat->demand : "it does not say"));
    buffer_put_str(out, ", at ");
    text_put_safe(out, bytes_str(caveat->location[0] != '\0' ? caveat->location : "no place"));
    if (caveat->by[0] == '\0')
        return;
    buffer_put_str(out, ", by ");
    text_put_safe(out, bytes_str(caveat->by));
}

static enum kh_err
words_put_condition(struct buffer *out, const struct keyhole_caveat *caveat, int64_t now,
                    struct fault *fault)
{
    struct caveat *parsed = NULL;
    enum kh_err err = caveat_parse(bytes_of(caveat->text, caveat->text_size), &parsed, fault);
    if (err != KH_OK)
        return err;
    words_put_caveat(out, parsed, now);
    caveat_free(&parsed);
    return KH_OK;
}

enum keyhole_status
keyhole_caveat_words(const struct keyhole_token *token, size_t index, int64_t now, char **text,
                     struct keyhole_error *error)
{
    // Of what limits no request, and so is in no condition's words.
    static const char *const start[] = {
        [KEYHOLE_KIND_UNREADABLE] = "not understood, so a broker refuses the token: ",
        [KEYHOLE_KIND_LABEL] = "its holder is called ",
        [KEYHOLE_KIND_DEMAND] = "the hole after it demands: ",
        [KEYHOLE_KIND_PARENT] = "for the token of lineage ",
    };
    struct fault fault = {.err = KH_ERR_INTERNAL};
    const struct keyhole_caveat *caveat = keyhole_token_caveat(token, index);
    BUFFER_AUTO out;
    buffer_init(&out, CLAIMS_WORDS_MAX);
    if (token == NULL || text == NULL)
        return library_refuse(error, "a token and a place for the words are needed");
    if (caveat == NULL)
        return library_fail(
            error, fault_set(&fault, KH_ERR_RANGE, "the token has no caveat %zu", index), &fault);
    enum kh_err err = KH_OK;
    if (caveat->kind == KEYHOLE_KIND_CONDITION) {
        err = words_put_condition(&out, caveat, library_moment(now), &fault);
    } else if (caveat->kind == KEYHOLE_KIND_HOLE) {
        words_put_hole(&out, caveat);
    } else {
        bool readable = caveat->kind != KEYHOLE_KIND_UNREADABLE;
        buffer_put_str(&out, start[caveat->kind]);
        text_put_safe(&out, bytes_str(readable ? caveat->value : caveat->problem));
    }
    return err == KH_OK ? library_give(&out, text, NULL, error) : library_fail(error, err, &fault);
}
