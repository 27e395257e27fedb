/* SPDX-License-Identifier: Apache-2.0 */
/* libmacaroons behind its wrapper; the chain that agrees with it is in test_token_verify.c. */

#include "tokens.h"

static void
its_verdict_counts(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = GET", "path = /a", NULL};
    static const bool not_bound[1 + TOKEN_DISCHARGES_MAX];
    struct fault fault = {0};
    struct buffer text;
    test_mint(&text, caveats);
    struct token *token = test_scan(buffer_bytes(&text));
    expect_err("right", token_library_verify(token, root_key, not_bound, 2, &fault), KH_OK);
    expect_err("key", token_library_verify(token, other_key, not_bound, 2, &fault),
               KH_ERR_SIGNATURE);
    expect_err("count", token_library_verify(token, root_key, not_bound, 1, &fault),
               KH_ERR_SIGNATURE);
    token->raw.p[token->raw.n - 1] ^= 1;
    expect_err("signature", token_library_verify(token, root_key, not_bound, 2, NULL),
               KH_ERR_SIGNATURE);
    token_free(&token);
    buffer_free(&text);
}

static void
it_binds_what_is_not_bound(void **state)
{
    (void)state;
    bool is_bound[1 + TOKEN_DISCHARGES_MAX] = {false};
    struct builder root, discharge;
    struct builder *const both[] = {&root, &discharge};
    struct buffer text;
    builder_root(&root);
    builder_hole(&root, "ticket", other_key);
    builder_start(&discharge, other_key, BYTES("ticket"));
    for (int bound = 0; bound < 2; bound++) {
        builders_text(both, 2, &text);
        struct token *token = test_scan(buffer_bytes(&text));
        is_bound[1] = bound;
        expect_err("right", token_library_verify(token, root_key, is_bound, 0, NULL), KH_OK);
        is_bound[1] = !bound;
        expect_err("the other way", token_library_verify(token, root_key, is_bound, 0, NULL),
                   KH_ERR_SIGNATURE);
        token_free(&token);
        buffer_free(&text);
        builder_bind(&discharge, &root);
    }
    builder_end(&root);
    builder_end(&discharge);
}

static void
it_mints_what_we_compute(void **state)
{
    (void)state;
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    struct builder b;
    builder_root(&b);
    builder_first_party(&b, "method = GET");
    expect_err("mint", token_library_mint(&b.view, root_key, signature, NULL), KH_OK);
    assert_memory_equal(signature, b.signature, TOKEN_SIGNATURE_SIZE);
    builder_end(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_verdict_counts),
        cmocka_unit_test(it_binds_what_is_not_bound),
        cmocka_unit_test(it_mints_what_we_compute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
