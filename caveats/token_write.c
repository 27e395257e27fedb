/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A macaroon that grows at its end: caveats and holes, each with one step of the chain.
 *
 * macaroon_add_third_party_caveat is not used: it writes past a buffer of its own on every call.
 */

#include <sodium.h>
#include <string.h>

#include "hole.h"
#include "quoted.h"
#include "token_internal.h"

enum kh_err
token_check_location(struct bytes location, struct fault *fault)
{
    bool fine = location.n <= TOKEN_LOCATION_MAX;
    for (size_t i = 0; fine && i < location.n; i++)
        fine = location.p[i] >= 0x20 && location.p[i] <= 0x7e;
    return fine ? KH_OK
                : fault_set(fault, KH_ERR_RANGE, "a location is printable ASCII, at most %d bytes",
                            TOKEN_LOCATION_MAX);
}

enum kh_err
token_check_caveats(const struct bytes *caveat, size_t count, struct fault *fault)
{
    if (count > TOKEN_CAVEATS_MAX)
        return fault_set(fault, KH_ERR_RANGE, "a token has at most %d caveats", TOKEN_CAVEATS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (caveat[i].n == 0 || caveat[i].n > TOKEN_CAVEAT_MAX)
            return fault_set(fault, KH_ERR_TOO_LONG, "a caveat is 1 to %d bytes long",
                             TOKEN_CAVEAT_MAX);
    }
    return KH_OK;
}

enum kh_err
token_put_text(const struct macaroon_view *macaroon, size_t count, struct bytes prefix,
               struct buffer *out, struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    token_write_text(macaroon, count, prefix, &text);
    if (text.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the token would be longer than %d characters",
                         TOKEN_TEXT_MAX);
    buffer_put(out, buffer_bytes(&text));
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "no room for the token") : KH_OK;
}

/* What libmacaroons signed must be what our own chain says. */
enum kh_err
token_check_signature(const struct macaroon_view *macaroon, const uint8_t key[TOKEN_KEY_SIZE],
                      struct fault *fault)
{
    struct token_hmac h;
    uint8_t derived[TOKEN_KEY_SIZE], signature[TOKEN_SIGNATURE_SIZE] = {0};
    if (!token_hmac_init(&h))
        return fault_set(fault, KH_ERR_CRYPTO, "a digest failed");
    bool fine = token_chain_root_key(&h, key, derived) &&
                token_chain_start(&h, derived, macaroon->identifier, signature);
    for (size_t i = 0; fine && i < macaroon->caveat_count; i++)
        fine = token_chain_step(&h, &macaroon->caveat[i], signature);
    fine = fine && bytes_equal_secret(macaroon->signature, bytes_of(signature, sizeof signature));
    wipe(derived, sizeof derived);
    wipe(signature, sizeof signature);
    token_hmac_fini(&h);
    return fine ? KH_OK : fault_set(fault, KH_ERR_CRYPTO, "two ways of signing do not agree");
}

enum kh_err
token_sign(struct macaroon_view *macaroon, const uint8_t key[TOKEN_KEY_SIZE],
           uint8_t signature[TOKEN_SIGNATURE_SIZE], struct fault *fault)
{
    macaroon->signature = bytes_of(signature, TOKEN_SIGNATURE_SIZE);
    enum kh_err err = token_library_mint(macaroon, key, signature, fault);
    return err ? err : token_check_signature(macaroon, key, fault);
}

/* ---- the writer ---- */

enum kh_err
token_writer_init(struct token_writer *w, const struct macaroon_view *view, size_t elsewhere,
                  struct fault *fault)
{
    w->count = w->hole_count = 0;
    w->limit = elsewhere < TOKEN_CAVEATS_MAX ? TOKEN_CAVEATS_MAX - elsewhere : 0;
    if (!token_hmac_init(&w->hmac))
        return fault_set(fault, KH_ERR_CRYPTO, "a digest failed");
    if (view) {
        for (; w->count < view->caveat_count && w->count < TOKEN_CAVEATS_MAX; w->count++)
            w->caveat[w->count] = view->caveat[w->count];
        memcpy(w->signature, view->signature.p, sizeof w->signature);
    }
    return KH_OK;
}

void
token_writer_fini(struct token_writer *w)
{
    token_hmac_fini(&w->hmac);
    wipe(w->signature, sizeof w->signature);
}

static enum kh_err
add(struct token_writer *w, struct token_caveat caveat, struct fault *fault)
{
    if (w->count >= w->limit)
        return fault_set(fault, KH_ERR_RANGE, "a token has at most %d caveats", TOKEN_CAVEATS_MAX);
    w->caveat[w->count] = caveat;
    if (!token_chain_step(&w->hmac, &w->caveat[w->count], w->signature))
        return fault_set(fault, KH_ERR_CRYPTO, "a digest failed");
    w->count++;
    return KH_OK;
}

enum kh_err
token_writer_add(struct token_writer *w, struct bytes text, struct fault *fault)
{
    enum kh_err err = token_check_caveats(&text, 1, fault);
    return err ? err : add(w, (struct token_caveat){.id = text}, fault);
}

/* One ticket, one hole: a discharge may fill no two. A token with more holes than a token may have
 * discharges could never be used. */
static enum kh_err
check_hole(const struct token_writer *w, const struct token_minted_caveat *hole,
           struct fault *fault)
{
    size_t holes = 0;
    struct hole read;
    BUFFER_AUTO canonical;
    buffer_init(&canonical, HOLE_TEXT_MAX);
    enum kh_err err = hole_parse(hole->text, &canonical, &read, fault);
    if (err)
        return err;
    if (!bytes_equal(buffer_bytes(&canonical), hole->text))
        return fault_set(fault, KH_ERR_SYNTAX, "what a hole demands is not in canonical form");
    if (hole->ticket.n == 0 || hole->ticket.n > TOKEN_CAVEAT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "a ticket is 1 to %d bytes long",
                         TOKEN_CAVEAT_MAX);
    for (size_t i = 0; i < w->count; i++) {
        if (!w->caveat[i].vid.n)
            continue;
        holes++;
        if (bytes_equal(w->caveat[i].id, hole->ticket))
            return fault_set(fault, KH_ERR_GRAPH, "the token has a hole with that ticket already");
    }
    if (holes >= TOKEN_DISCHARGES_MAX || w->hole_count >= TOKEN_DISCHARGES_MAX)
        return fault_set(fault, KH_ERR_RANGE, "a token has at most %d holes", TOKEN_DISCHARGES_MAX);
    return token_check_location(hole->location, fault);
}

/* Derived as macaroon_create derives it: the discharger makes its macaroon like any other. */
static bool
seal_key(struct token_writer *w, const uint8_t root_key[TOKEN_KEY_SIZE],
         uint8_t vid[TOKEN_VID_SIZE])
{
    uint8_t derived[TOKEN_KEY_SIZE];
    randombytes_buf(vid, crypto_secretbox_NONCEBYTES);
    bool fine = token_chain_root_key(&w->hmac, root_key, derived) &&
                crypto_secretbox_easy(vid + crypto_secretbox_NONCEBYTES, derived, sizeof derived,
                                      vid, w->signature) == 0;
    wipe(derived, sizeof derived);
    return fine;
}

enum kh_err
token_writer_add_hole(struct token_writer *w, const struct token_minted_caveat *hole,
                      struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, TOKEN_CAVEAT_MAX);
    enum kh_err err = check_hole(w, hole, fault);
    if (err)
        return err;
    uint8_t *kept = w->hole[w->hole_count].text, *vid = w->hole[w->hole_count].vid;
    buffer_put_str(&text, "hole = ");
    quoted_print_string(hole->text, &text);
    if (text.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "a caveat is 1 to %d bytes long",
                         TOKEN_CAVEAT_MAX);
    memcpy(kept, text.p, text.n);
    err = token_writer_add(w, bytes_of(kept, text.n), fault);
    if (!err && !seal_key(w, hole->root_key, vid))
        err = fault_set(fault, KH_ERR_CRYPTO, "a caveat's key could not be sealed");
    if (!err)
        err = add(w,
                  (struct token_caveat){.id = hole->ticket,
                                        .vid = bytes_of(vid, TOKEN_VID_SIZE),
                                        .location = hole->location},
                  fault);
    if (!err)
        w->hole_count++;
    return err;
}

struct macaroon_view
token_writer_view(const struct token_writer *w, struct bytes location, struct bytes identifier)
{
    return (struct macaroon_view){
        .location = location,
        .identifier = identifier,
        .signature = bytes_of(w->signature, sizeof w->signature),
        .caveat = w->caveat,
        .caveat_count = w->count,
        .parent = -1,
    };
}
