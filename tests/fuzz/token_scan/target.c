/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/token_scan.c caveats/token_codec.c caveats/token_identity.c caveats/base64.c
 *
 * A token that scans is printed as the same text and scans again; narrowing keeps what was there;
 * none of it verifies, because nobody here has the key.
 *
 * Input: the text of a token; or, after a 'b', the V2 bytes of one.
 */

#include "../../../caveats/base64.h"
#include "../../../caveats/token.h"
#include "../fuzz.h"

static const uint8_t key[TOKEN_KEY_SIZE] = "a key that no input can know....";

static struct token *
scan(struct bytes text)
{
    struct token *token = NULL;
    struct fault fault = {0};
    enum kh_err err = token_scan(text, &token, &fault);
    FUZZ_CHECK((err == KH_OK) == (token != NULL));
    FUZZ_CHECK(err == KH_OK || err == KH_ERR_MALFORMED || err == KH_ERR_GRAPH);
    FUZZ_CHECK(err == KH_OK || fault.detail[0] != '\0');
    return token;
}

static void
narrow(const struct token *token)
{
    BUFFER_AUTO out = {0};
    struct bytes caveat = BYTES("method = GET");
    buffer_init(&out, TOKEN_TEXT_MAX);
    if (token_attenuate(token, &caveat, 1, &out, NULL) != KH_OK) {
        FUZZ_CHECK(out.n == 0);
        return;
    }
    struct token *narrowed = scan(buffer_bytes(&out));
    FUZZ_CHECK(narrowed);
    FUZZ_CHECK(narrowed->caveat_count == token->caveat_count + 1);
    FUZZ_CHECK(narrowed->macaroon_count == token->macaroon_count);
    size_t count = token->macaroon[0].caveat_count;
    FUZZ_CHECK(narrowed->macaroon[0].caveat_count == count + 1);
    for (size_t i = 0; i < count; i++)
        FUZZ_SAME(token->macaroon[0].caveat[i].id, narrowed->macaroon[0].caveat[i].id);
    token_free(&narrowed);
}

static void
examine(const struct token *token, struct bytes text)
{
    struct token_identity identity;
    struct token_verified verified;
    const struct token_caveat *hole[TOKEN_DISCHARGES_MAX];
    BUFFER_AUTO printed = {0};

    buffer_init(&printed, TOKEN_TEXT_MAX);
    token_print(token, token->prefix, &printed);
    FUZZ_CHECK(!printed.failed);
    FUZZ_SAME(buffer_bytes(&printed), text);
    FUZZ_CHECK(token_is_shaped(text));
    FUZZ_CHECK(token->caveat_count <= TOKEN_CAVEATS_MAX);
    FUZZ_CHECK(token_open_holes(token, hole, TOKEN_DISCHARGES_MAX) <= token->caveat_count);
    if (token_identity_read(token, &identity, NULL) == KH_OK) {
        FUZZ_CHECK(identity.expires_at > identity.issued_at);
        FUZZ_CHECK(identity.credential_count >= 1);
        FUZZ_CHECK(identity.minted_caveats <= token->macaroon[0].caveat_count);
    }
    FUZZ_CHECK(token_verify(token, key, &verified, NULL) != KH_OK);
    FUZZ_CHECK(token_verify_root(token, key, &verified, NULL) != KH_OK);
    for (size_t i = 1; i < token->macaroon_count; i++) {
        BUFFER_AUTO less = {0};
        buffer_init(&less, TOKEN_TEXT_MAX);
        if (token_drop_discharge(token, i, &less, NULL) == KH_OK) {
            struct token *dropped = scan(buffer_bytes(&less));
            FUZZ_CHECK(dropped && dropped->macaroon_count < token->macaroon_count);
            token_free(&dropped);
        }
    }
    narrow(token);
}

static void
try_text(struct bytes text)
{
    struct token *token = scan(text);
    if (token)
        examine(token, text);
    token_free(&token);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    try_text(input);
    if (size > 0 && data[0] == 'b') {
        BUFFER_AUTO text = {0};
        buffer_init(&text, 2 * TOKEN_TEXT_MAX);
        buffer_put_str(&text, "kh1_");
        base64_encode(BASE64_URL, bytes_from(input, 1), &text);
        if (!text.failed)
            try_text(buffer_bytes(&text));
    }
    return 0;
}
