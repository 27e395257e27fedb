/* SPDX-License-Identifier: Apache-2.0
 *
 * Macaroons put together by hand, right ones and wrong ones.
 */
#ifndef KEYHOLE_TEST_TOKENS_H
#define KEYHOLE_TEST_TOKENS_H

#include <sodium.h>

#include "../../../caveats/base64.h"
#include "../../../caveats/token_internal.h"
#include "unit.h"

static const uint8_t root_key[TOKEN_KEY_SIZE] = "a root key of thirty-two bytes!!";
static const uint8_t other_key[TOKEN_KEY_SIZE] = "another key of thirty-two bytes!";

enum { TEST_ISSUED = 1780000000, TEST_EXPIRES = 1790000000 };

static inline struct token_identity
test_identity(void)
{
    return (struct token_identity){
        .key_id = 7,
        .token_id = "sixteen bytes...",
        .issued_at = TEST_ISSUED,
        .expires_at = TEST_EXPIRES,
        .principal = BYTES("alice"),
        .credential = {BYTES("openai"), BYTES("github")},
        .credential_count = 2,
    };
}

/* Mint with the given caveats (NULL ends the list). */
static inline void
test_mint(struct buffer *out, const char *const *caveat)
{
    struct fault fault = {0};
    struct token_identity identity = test_identity();
    struct bytes list[TOKEN_CAVEATS_MAX];
    size_t n = 0;
    buffer_init(out, TOKEN_TEXT_MAX);
    for (; caveat && caveat[n]; n++)
        list[n] = bytes_str(caveat[n]);
    enum kh_err err =
        token_mint(&identity, root_key, BYTES("https://broker.example"), list, n, out, &fault);
    if (err)
        FAIL_WITH("token_mint: %s", fault.detail);
}

static inline struct token *
test_scan(struct bytes text)
{
    struct token *token = NULL;
    struct fault fault = {0};
    if (token_scan(text, &token, &fault) != KH_OK)
        FAIL_WITH("token_scan: %s", fault.detail);
    return token;
}

static inline void
test_attenuate(struct buffer *out, struct bytes text, const char *caveat)
{
    struct fault fault = {0};
    struct bytes added = bytes_str(caveat);
    struct token *token = test_scan(text);
    buffer_init(out, TOKEN_TEXT_MAX);
    if (token_attenuate(token, &added, 1, out, &fault) != KH_OK)
        FAIL_WITH("token_attenuate: %s", fault.detail);
    token_free(&token);
}

/* ---- macaroons step by step, with third-party caveats ---- */

enum { BUILDER_TEXT = 16384 };

struct builder {
    struct token_caveat caveat[TOKEN_CAVEATS_MAX + 8];
    struct macaroon_view view;
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    uint8_t text[BUILDER_TEXT];
    size_t used;
    struct token_hmac hmac;
};

static inline struct bytes
builder_keep(struct builder *b, struct bytes text)
{
    assert_true(text.n <= BUILDER_TEXT - b->used);
    uint8_t *p = b->text + b->used;
    if (text.n)
        memcpy(p, text.p, text.n);
    b->used += text.n;
    return bytes_of(p, text.n);
}

/* `key` is used as it is: the derived key of a root, the key inside the vid of a discharge. */
static inline void
builder_start(struct builder *b, const uint8_t key[TOKEN_KEY_SIZE], struct bytes identifier)
{
    memset(b, 0, sizeof *b);
    assert_true(token_hmac_init(&b->hmac));
    b->view.identifier = builder_keep(b, identifier);
    b->view.caveat = b->caveat;
    b->view.parent = -1;
    b->view.signature = bytes_of(b->signature, sizeof b->signature);
    assert_true(token_chain_start(&b->hmac, key, identifier, b->signature));
}

static inline void
builder_root(struct builder *b)
{
    uint8_t derived[TOKEN_KEY_SIZE];
    struct token_identity identity = test_identity();
    struct token_hmac hmac;
    BUFFER_AUTO text;
    buffer_init(&text, TOKEN_IDENTIFIER_MAX);
    assert_int_equal(token_identity_write(&identity, &text, NULL), KH_OK);
    assert_true(token_hmac_init(&hmac));
    assert_true(token_chain_root_key(&hmac, root_key, derived));
    token_hmac_fini(&hmac);
    builder_start(b, derived, buffer_bytes(&text));
}

static inline void
builder_add(struct builder *b, struct token_caveat caveat)
{
    struct token_caveat *kept = &b->caveat[b->view.caveat_count++];
    kept->id = builder_keep(b, caveat.id);
    kept->vid = builder_keep(b, caveat.vid);
    kept->location = builder_keep(b, caveat.location);
    assert_true(token_chain_step(&b->hmac, kept, b->signature));
}

static inline void
builder_first_party(struct builder *b, const char *text)
{
    builder_add(b, (struct token_caveat){.id = bytes_str(text)});
}

/* A hole with that ticket, whose discharge begins with `key`. */
static inline void
builder_hole(struct builder *b, const char *ticket, const uint8_t key[TOKEN_KEY_SIZE])
{
    uint8_t vid[TOKEN_VID_SIZE];
    memset(vid, (int)b->view.caveat_count + 1, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(vid + crypto_secretbox_NONCEBYTES, key, TOKEN_KEY_SIZE, vid,
                          b->signature);
    builder_add(b, (struct token_caveat){.id = bytes_str(ticket),
                                         .vid = bytes_of(vid, sizeof vid),
                                         .location = BYTES("https://discharger.example")});
}

static inline void
builder_lineage(struct builder *b, uint8_t out[LINEAGE_ID_SIZE])
{
    assert_true(token_chain_lineage(&b->hmac, b->signature, out));
}

static inline void
builder_parent(struct builder *b, const uint8_t lineage[LINEAGE_ID_SIZE])
{
    char hex[2 * LINEAGE_ID_SIZE + 1], text[64];
    assert_true(bytes_to_hex(bytes_of(lineage, LINEAGE_ID_SIZE), hex, sizeof hex));
    snprintf(text, sizeof text, "parent = %s", hex);
    builder_first_party(b, text);
}

/* Bind the classic way to that root, as it is now. */
static inline void
builder_bind(struct builder *b, const struct builder *root)
{
    uint8_t bound[TOKEN_SIGNATURE_SIZE];
    assert_true(token_chain_bind(&b->hmac, root->signature, b->signature, bound));
    memcpy(b->signature, bound, sizeof bound);
}

static inline void
builder_end(struct builder *b)
{
    token_hmac_fini(&b->hmac);
}

static inline void
builders_text(struct builder *const *b, size_t count, struct buffer *out)
{
    struct macaroon_view view[16];
    assert_true(count <= COUNT_OF(view));
    buffer_init(out, 4 * TOKEN_TEXT_MAX);
    for (size_t i = 0; i < count; i++)
        view[i] = b[i]->view;
    token_write_text(view, count, BYTES_EMPTY, out);
    assert_false(out->failed);
}

#endif
