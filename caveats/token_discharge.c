/* SPDX-License-Identifier: Apache-2.0 */
/* Discharges: making them, putting them into a token, and taking them out. */

#include <string.h>

#include "token_internal.h"

enum kh_err
token_discharge_make(struct bytes ticket, const uint8_t root_key[TOKEN_KEY_SIZE],
                     struct bytes location, const struct bytes *caveat, size_t count,
                     struct buffer *out, struct fault *fault)
{
    struct token_caveat list[TOKEN_CAVEATS_MAX];
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    struct macaroon_view view = {.location = location, .identifier = ticket, .caveat = list};
    if (ticket.n == 0 || ticket.n > TOKEN_CAVEAT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "a ticket is 1 to %d bytes long",
                         TOKEN_CAVEAT_MAX);
    enum kh_err err = token_check_location(location, fault);
    if (!err)
        err = token_check_caveats(caveat, count, fault);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++)
        list[view.caveat_count++] = (struct token_caveat){.id = caveat[i]};
    err = token_sign(&view, root_key, signature, fault);
    BUFFER_AUTO binary;
    buffer_init_secret(&binary, TOKEN_TEXT_MAX);
    if (!err) {
        token_write_v2(&view, &binary);
        if (!binary.failed)
            buffer_put(out, buffer_bytes(&binary));
        if (binary.failed || out->failed)
            err = fault_set(fault, KH_ERR_TOO_LONG, "the discharge would be too long");
    }
    wipe(signature, sizeof signature);
    return err;
}

enum kh_err
token_discharge_bind(const struct token *token, struct bytes raw, struct buffer *out,
                     struct fault *fault)
{
    struct token_discharge scanned;
    struct token_hmac h;
    uint8_t bound[TOKEN_SIGNATURE_SIZE];
    enum kh_err err = token_discharge_scan(raw, &scanned, fault);
    if (err)
        return err;
    bool ok = token_hmac_init(&h);
    ok = ok &&
         token_chain_bind(&h, token->macaroon[0].signature.p, scanned.macaroon.signature.p, bound);
    token_hmac_fini(&h);
    if (!ok)
        return fault_set(fault, KH_ERR_CRYPTO, "the discharge could not be bound");
    scanned.macaroon.signature = bytes_of(bound, sizeof bound);
    token_write_v2(&scanned.macaroon, out);
    wipe(bound, sizeof bound);
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "the discharge is too long") : KH_OK;
}

static enum kh_err
scan_all(const struct bytes *discharge, size_t count, struct token_discharge *scanned,
         struct macaroon_view *macaroon, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        enum kh_err err = token_discharge_scan(discharge[i], &scanned[i], fault);
        if (err)
            return err;
        macaroon[i] = scanned[i].macaroon;
    }
    return KH_OK;
}

/* The whole is read again as whoever gets it will read it. */
static enum kh_err
put_scanned(const struct macaroon_view *macaroon, size_t count, struct bytes prefix,
            struct buffer *out, struct fault *fault)
{
    struct token *whole = NULL;
    BUFFER_AUTO text;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    enum kh_err err = token_put_text(macaroon, count, prefix, &text, fault);
    if (!err)
        err = token_scan(buffer_bytes(&text), &whole, fault);
    token_free(&whole);
    if (err)
        return err;
    buffer_put(out, buffer_bytes(&text));
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "no room for the token") : KH_OK;
}

enum kh_err
token_add_discharges(const struct token *token, const struct bytes *discharge, size_t count,
                     struct buffer *out, struct fault *fault)
{
    struct macaroon_view macaroon[1 + TOKEN_DISCHARGES_MAX];
    struct token_discharge scanned[TOKEN_DISCHARGES_MAX];
    size_t had = token->macaroon_count;
    if (count > 1 + TOKEN_DISCHARGES_MAX - had)
        return fault_set(fault, KH_ERR_RANGE, "a token has at most %d discharges",
                         TOKEN_DISCHARGES_MAX);
    memcpy(macaroon, token->macaroon, sizeof macaroon);
    enum kh_err err = scan_all(discharge, count, scanned, macaroon + had, fault);
    return err ? err : put_scanned(macaroon, had + count, token->prefix, out, fault);
}

static bool
is_at_or_below(const struct token *token, size_t i, size_t index)
{
    for (int k = (int)i; k > 0; k = token->macaroon[k].parent) {
        if (k == (int)index)
            return true;
    }
    return false;
}

enum kh_err
token_drop_discharge(const struct token *token, size_t index, struct buffer *out,
                     struct fault *fault)
{
    struct macaroon_view left[1 + TOKEN_DISCHARGES_MAX];
    size_t count = 0;
    if (index == 0 || index >= token->macaroon_count)
        return fault_set(fault, KH_ERR_RANGE, "the token has no discharge %zu", index);
    for (size_t i = 0; i < token->macaroon_count; i++) {
        if (!is_at_or_below(token, i, index))
            left[count++] = token->macaroon[i];
    }
    return put_scanned(left, count, token->prefix, out, fault);
}
