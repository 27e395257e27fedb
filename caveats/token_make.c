/* SPDX-License-Identifier: Apache-2.0 */
/* Making tokens: mint with a root key; attenuate and add holes with none. */

#include <string.h>

#include "token_internal.h"

/* ---- minting ---- */

static enum kh_err
check_minted(const struct token_minted_caveat *caveat, size_t count, unsigned *minted,
             struct fault *fault)
{
    size_t n = 0;
    enum kh_err err = KH_OK;
    for (size_t i = 0; !err && i < count; i++) {
        n += caveat[i].root_key ? 2 : 1;
        if (n > TOKEN_CAVEATS_MAX)
            return fault_set(fault, KH_ERR_RANGE, "a token has at most %d caveats",
                             TOKEN_CAVEATS_MAX);
        if (!caveat[i].root_key)
            err = token_check_caveats(&caveat[i].text, 1, fault);
    }
    if (!err)
        *minted = (unsigned)n;
    return err;
}

/* The root with the caveats before the first hole, signed by libmacaroons. */
static enum kh_err
start(struct token_writer *w, const uint8_t key[TOKEN_KEY_SIZE], struct macaroon_view root,
      const struct token_minted_caveat *caveat, size_t count, struct fault *fault)
{
    struct token_caveat list[TOKEN_CAVEATS_MAX];
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    root.caveat = list;
    for (size_t i = 0; i < count && !caveat[i].root_key; i++)
        list[root.caveat_count++] = (struct token_caveat){.id = caveat[i].text};
    enum kh_err err = token_sign(&root, key, signature, fault);
    if (!err)
        err = token_writer_init(w, &root, 0, fault);
    wipe(signature, sizeof signature);
    return err;
}

enum kh_err
token_mint_with_holes(const struct token_identity *identity, const uint8_t key[TOKEN_KEY_SIZE],
                      struct bytes location, const struct token_minted_caveat *caveat, size_t count,
                      struct buffer *out, struct fault *fault)
{
    struct token_identity counted = *identity;
    struct token_writer w;
    BUFFER_AUTO identifier;
    buffer_init(&identifier, TOKEN_IDENTIFIER_MAX);
    enum kh_err err = check_minted(caveat, count, &counted.minted_caveats, fault);
    if (!err)
        err = token_check_location(location, fault);
    if (!err)
        err = token_identity_write(&counted, &identifier, fault);
    if (err)
        return err;
    struct macaroon_view root = {
        .location = location, .identifier = buffer_bytes(&identifier), .parent = -1};
    err = start(&w, key, root, caveat, count, fault);
    if (err)
        return err;
    for (size_t i = w.count; !err && i < count; i++)
        err = caveat[i].root_key ? token_writer_add_hole(&w, &caveat[i], fault)
                                 : token_writer_add(&w, caveat[i].text, fault);
    root = token_writer_view(&w, root.location, root.identifier);
    if (!err)
        err = token_check_signature(&root, key, fault);
    if (!err)
        err = token_put_text(&root, 1, BYTES_EMPTY, out, fault);
    token_writer_fini(&w);
    return err;
}

enum kh_err
token_mint(const struct token_identity *identity, const uint8_t key[TOKEN_KEY_SIZE],
           struct bytes location, const struct bytes *caveat, size_t count, struct buffer *out,
           struct fault *fault)
{
    struct token_minted_caveat list[TOKEN_CAVEATS_MAX];
    if (count > TOKEN_CAVEATS_MAX)
        return fault_set(fault, KH_ERR_RANGE, "a token has at most %d caveats", TOKEN_CAVEATS_MAX);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct token_minted_caveat){.text = caveat[i]};
    return token_mint_with_holes(identity, key, location, list, count, out, fault);
}

/* ---- what any holder can do ---- */

/* The text of a token whose root was continued; its discharges and prefix stay. */
static enum kh_err
put_continued(const struct token *token, const struct token_writer *w, struct buffer *out,
              struct fault *fault)
{
    struct macaroon_view macaroon[1 + TOKEN_DISCHARGES_MAX];
    memcpy(macaroon, token->macaroon, sizeof macaroon);
    macaroon[0] = token_writer_view(w, macaroon[0].location, macaroon[0].identifier);
    return token_put_text(macaroon, token->macaroon_count, token->prefix, out, fault);
}

static size_t
elsewhere(const struct token *token)
{
    return token->caveat_count - token->macaroon[0].caveat_count;
}

enum kh_err
token_attenuate(const struct token *token, const struct bytes *caveat, size_t count,
                struct buffer *out, struct fault *fault)
{
    struct token_writer w;
    enum kh_err err = token_writer_init(&w, &token->macaroon[0], elsewhere(token), fault);
    if (err)
        return err;
    for (size_t i = 0; !err && i < count; i++)
        err = token_writer_add(&w, caveat[i], fault);
    if (!err)
        err = put_continued(token, &w, out, fault);
    token_writer_fini(&w);
    return err;
}

enum kh_err
token_add_hole(const struct token *token, struct bytes condition,
               const uint8_t root_key[TOKEN_KEY_SIZE], struct bytes ticket, struct bytes location,
               struct buffer *out, struct fault *fault)
{
    struct token_writer w;
    const struct token_minted_caveat hole = {
        .text = condition, .root_key = root_key, .ticket = ticket, .location = location};
    enum kh_err err = token_writer_init(&w, &token->macaroon[0], elsewhere(token), fault);
    if (err)
        return err;
    err = token_writer_add_hole(&w, &hole, fault);
    if (!err)
        err = put_continued(token, &w, out, fault);
    token_writer_fini(&w);
    return err;
}
