/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens.h"

static void
mint_refuses(void **state)
{
    (void)state;
    static char big[TOKEN_CAVEAT_MAX + 1];
    struct bytes list[TOKEN_CAVEATS_MAX + 1];
    struct token_identity identity = test_identity();
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < COUNT_OF(list); i++)
        list[i] = BYTES("method = GET");
    struct bytes location = BYTES("https://broker");
    expect_err("65 caveats",
               token_mint(&identity, root_key, location, list, TOKEN_CAVEATS_MAX + 1, &out, NULL),
               KH_ERR_RANGE);
    list[0] = BYTES("");
    expect_err("empty", token_mint(&identity, root_key, location, list, 1, &out, NULL),
               KH_ERR_TOO_LONG);
    list[0] = bytes_of(big, sizeof big);
    expect_err("1025 bytes", token_mint(&identity, root_key, location, list, 1, &out, NULL),
               KH_ERR_TOO_LONG);
    expect_err("location", token_mint(&identity, root_key, BYTES("a\nb"), NULL, 0, &out, NULL),
               KH_ERR_RANGE);
    expect_err("location", token_mint(&identity, root_key, bytes_of(big, 256), NULL, 0, &out, NULL),
               KH_ERR_RANGE);
    for (size_t i = 0; i < 8; i++)
        list[i] = bytes_of(big, TOKEN_CAVEAT_MAX);
    expect_err("8192 characters", token_mint(&identity, root_key, location, list, 8, &out, NULL),
               KH_ERR_TOO_LONG);
    identity.principal = BYTES("");
    expect_err("identity", token_mint(&identity, root_key, location, NULL, 0, &out, NULL),
               KH_ERR_RANGE);
    assert_int_equal(out.n, 0);
}

static void
minted(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = GET", "path ~ /v1/**", NULL};
    struct token_identity identity;
    struct token_verified verified;
    struct buffer text;
    test_mint(&text, caveats);
    struct token *token = test_scan(buffer_bytes(&text));
    expect_err("identity", token_identity_read(token, &identity, NULL), KH_OK);
    assert_int_equal(identity.minted_caveats, 2);
    expect_text("location", token->macaroon[0].location, "https://broker.example");
    expect_err("verify", token_verify(token, root_key, &verified, NULL), KH_OK);
    assert_int_equal(verified.condition_count, 2);
    token_free(&token);
    buffer_free(&text);
}

static void
attenuate_refuses(void **state)
{
    (void)state;
    static char big[TOKEN_CAVEAT_MAX + 1];
    struct bytes list[TOKEN_CAVEATS_MAX + 1];
    struct buffer text;
    BUFFER_AUTO out;
    static const char *const caveats[] = {"method = GET", NULL};
    memset(big, 'x', sizeof big);
    buffer_init(&out, TOKEN_TEXT_MAX);
    test_mint(&text, caveats);
    struct token *token = test_scan(buffer_bytes(&text));
    for (size_t i = 0; i < COUNT_OF(list); i++)
        list[i] = BYTES("method = GET");
    expect_err("65 caveats", token_attenuate(token, list, TOKEN_CAVEATS_MAX, &out, NULL),
               KH_ERR_RANGE);
    list[0] = BYTES("");
    expect_err("empty", token_attenuate(token, list, 1, &out, NULL), KH_ERR_TOO_LONG);
    list[0] = bytes_of(big, sizeof big);
    expect_err("1025 bytes", token_attenuate(token, list, 1, &out, NULL), KH_ERR_TOO_LONG);
    for (size_t i = 0; i < 7; i++)
        list[i] = bytes_of(big, TOKEN_CAVEAT_MAX);
    expect_err("8192 characters", token_attenuate(token, list, 7, &out, NULL), KH_ERR_TOO_LONG);
    assert_int_equal(out.n, 0);
    token_free(&token);
    buffer_free(&text);
}

/* Attenuating once and again is minting with the same caveats, but for the count in the identifier;
 * so the signatures are those that the library makes. */
static void
attenuated(void **state)
{
    (void)state;
    struct buffer text, once, twice;
    struct token_verified verified;
    test_mint(&text, NULL);
    test_attenuate(&once, buffer_bytes(&text), "method = GET");
    test_attenuate(&twice, buffer_bytes(&once), "path ~ /v1/**");
    struct token *token = test_scan(buffer_bytes(&twice));
    expect_err("verify", token_verify(token, root_key, &verified, NULL), KH_OK);
    assert_int_equal(verified.condition_count, 2);
    expect_text("first", verified.condition[0].text, "method = GET");
    expect_text("second", verified.condition[1].text, "path ~ /v1/**");

    /* The parent's lineage is in the child's chain, and not the other way round. */
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct token *parent = test_scan(buffer_bytes(&once));
    token_lineage_last(parent, lineage);
    assert_true(token_verified_has_lineage(&verified, 0, lineage));
    assert_memory_equal(verified.lineage[1], lineage, LINEAGE_ID_SIZE);
    token_lineage_last(token, lineage);
    assert_memory_equal(verified.lineage[2], lineage, LINEAGE_ID_SIZE);
    expect_err("verify", token_verify(parent, root_key, &verified, NULL), KH_OK);
    assert_false(token_verified_has_lineage(&verified, 0, lineage));
    token_free(&parent);
    token_free(&token);
    buffer_free(&text);
    buffer_free(&once);
    buffer_free(&twice);
}

static void
prefix_and_discharges_are_kept(void **state)
{
    (void)state;
    struct builder root, discharge;
    struct builder *const both[] = {&root, &discharge};
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct buffer plain, narrowed;
    struct token_verified verified;
    BUFFER_AUTO text;
    builder_root(&root);
    builder_hole(&root, "ticket", other_key);
    builder_start(&discharge, other_key, BYTES("ticket"));
    builder_lineage(&root, lineage);
    builder_parent(&discharge, lineage);
    builders_text(both, 2, &plain);
    buffer_init(&text, TOKEN_TEXT_MAX);
    buffer_put_str(&text, "sk_live_");
    buffer_put(&text, buffer_bytes(&plain));
    test_attenuate(&narrowed, buffer_bytes(&text), "method = GET");
    struct token *token = test_scan(buffer_bytes(&narrowed));
    expect_text("prefix", token->prefix, "sk_live_");
    assert_int_equal(token->macaroon_count, 2);
    expect_err("verify", token_verify(token, root_key, &verified, NULL), KH_OK);
    assert_int_equal(verified.condition_count, 2);
    token_free(&token);
    buffer_free(&plain);
    buffer_free(&narrowed);
    builder_end(&root);
    builder_end(&discharge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mint_refuses),
        cmocka_unit_test(minted),
        cmocka_unit_test(attenuate_refuses),
        cmocka_unit_test(attenuated),
        cmocka_unit_test(prefix_and_discharges_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
