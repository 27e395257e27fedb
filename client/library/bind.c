/* SPDX-License-Identifier: Apache-2.0
 *
 * Discharges that somebody has at hand: bound, put behind a token, taken out again.
 */
#include "internal.h"

#include "../../caveats/base64.h"
#include "../kept.h"

// What is no V2 binary, which begins with its version, is the same in base64.
static enum kh_err
bind_decode(struct bytes given, struct buffer *out, struct fault *fault)
{
    if (given.n > 0 && given.p[0] == 2) {
        buffer_put(out, given);
        return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "the discharge is too long") : KH_OK;
    }
    if (given.n > 0 && (base64_decode(BASE64_URL, given, out) ||
                        (!out->failed && base64_decode(BASE64_STANDARD, given, out))))
        return KH_OK;
    return fault_set(fault, KH_ERR_MALFORMED,
                     "a discharge is a macaroon in V2 binary, or base64url of that");
}

static bool
bind_has_parent(const struct token_discharge *discharge)
{
    bool found = false;
    for (size_t i = 0; i < discharge->macaroon.caveat_count && !found; i++) {
        struct caveat *caveat = NULL;
        if (discharge->caveat[i].vid.n > 0 ||
            caveat_parse(discharge->caveat[i].id, &caveat, NULL) != KH_OK)
            continue;
        found = caveat->predicate[0].attribute == ATTRIBUTE_PARENT;
        caveat_free(&caveat);
    }
    return found;
}

static enum kh_err
bind_to(const struct token *token, struct bytes raw, struct buffer *out, struct fault *fault)
{
    struct token_discharge discharge;
    uint8_t lineage[LINEAGE_ID_SIZE];
    enum kh_err err = token_discharge_scan(raw, &discharge, fault);
    if (err != KH_OK)
        return err;
    if (!bind_has_parent(&discharge))
        return token_discharge_bind(token, raw, out, fault);
    token_lineage_last(token, lineage);
    if (!kept_fits(&discharge, discharge.macaroon.identifier, lineage))
        return fault_set(fault, KH_ERR_GRAPH,
                         "the discharge is for another token: its parent is not the lineage of "
                         "this one");
    buffer_put(out, raw);
    return out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}

enum keyhole_status
keyhole_token_add_discharge(const struct keyhole_token *token, const void *discharge, size_t size,
                            enum keyhole_binding binding, struct keyhole_token **out,
                            struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    if (token == NULL || discharge == NULL || out == NULL ||
        (binding != KEYHOLE_BIND && binding != KEYHOLE_BOUND))
        return library_refuse(error, "a token, a discharge, how it is bound, and a place for the "
                                     "new token are needed");
    BUFFER_AUTO raw;
    BUFFER_AUTO bound;
    BUFFER_AUTO text;
    buffer_init_secret(&raw, TOKEN_TEXT_MAX);
    buffer_init_secret(&bound, TOKEN_TEXT_MAX);
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    enum kh_err err = bind_decode(bytes_of(discharge, size), &raw, &fault);
    if (err == KH_OK && binding == KEYHOLE_BIND)
        err = bind_to(token->token, buffer_bytes(&raw), &bound, &fault);
    const struct bytes one = buffer_bytes(binding == KEYHOLE_BIND ? &bound : &raw);
    if (err == KH_OK)
        err = token_add_discharges(token->token, &one, 1, &text, &fault);
    return err == KH_OK ? library_token_read(&text, out, error) : library_fail(error, err, &fault);
}

enum keyhole_status
keyhole_token_drop_discharge(const struct keyhole_token *token, size_t discharge,
                             struct keyhole_token **out, struct keyhole_error *error)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    if (token == NULL || out == NULL)
        return library_refuse(error, "a token and a place for the new token are needed");
    BUFFER_AUTO text;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    enum kh_err err = token_drop_discharge(token->token, discharge, &text, &fault);
    return err == KH_OK ? library_token_read(&text, out, error) : library_fail(error, err, &fault);
}
