/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmacaroons and our own chain must agree. These definitions stand before those of the library,
 * so that here it says no where we say yes, and signs otherwise than we do.
 */

#include <macaroons.h>

#include "tokens.h"

static unsigned asked;
static const unsigned char other_signature[TOKEN_SIGNATURE_SIZE] = {1};

int
macaroon_verify(const struct macaroon_verifier *V, const struct macaroon *M,
                const unsigned char *key, size_t key_sz, struct macaroon **MS, size_t MS_sz,
                enum macaroon_returncode *err)
{
    (void)V, (void)M, (void)key, (void)key_sz, (void)MS, (void)MS_sz;
    asked++;
    *err = MACAROON_NOT_AUTHORIZED;
    return -1;
}

void
macaroon_signature(const struct macaroon *M, const unsigned char **signature, size_t *signature_sz)
{
    (void)M;
    *signature = other_signature;
    *signature_sz = sizeof other_signature;
}

static void
its_no_counts(void **state)
{
    (void)state;
    struct builder b;
    struct builder *const one[] = {&b};
    struct buffer text;
    struct token_verified verified;
    builder_root(&b);
    builder_first_party(&b, "method = GET");
    builders_text(one, 1, &text);
    struct token *token = test_scan(buffer_bytes(&text));
    expect_err("our own chain", token_verify_root(token, root_key, &verified, NULL), KH_OK);
    expect_err("both", token_verify(token, root_key, &verified, NULL), KH_ERR_SIGNATURE);
    assert_int_equal(asked, 1);
    /* and it is not asked about what we refuse ourselves */
    expect_err("forged", token_verify(token, other_key, &verified, NULL), KH_ERR_SIGNATURE);
    assert_int_equal(asked, 1);
    token_free(&token);
    buffer_free(&text);
    builder_end(&b);
}

static void
its_signature_is_checked(void **state)
{
    (void)state;
    struct token_identity identity = test_identity();
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    expect_err("mint", token_mint(&identity, root_key, BYTES("l"), NULL, 0, &out, NULL),
               KH_ERR_CRYPTO);
    assert_int_equal(out.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_no_counts),
        cmocka_unit_test(its_signature_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
