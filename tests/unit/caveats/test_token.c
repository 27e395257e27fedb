/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens.h"

static void
shape(void **state)
{
    (void)state;
    assert_false(token_is_shaped(BYTES("")));
    assert_false(token_is_shaped(BYTES("kh1")));
    assert_false(token_is_shaped(BYTES("KH1_abc")));
    assert_false(token_is_shaped(BYTES("sk-live-1234567890")));
    assert_true(token_is_shaped(BYTES("kh1_")));
    assert_true(token_is_shaped(BYTES("sk-ant-kh1_AAAA")));
    assert_true(token_is_shaped(BYTES("a prompt with kh1_AAAA in it")));
}

static void
same(void **state)
{
    (void)state;
    assert_true(token_is_same(BYTES("kh1_AAAA"), BYTES("kh1_AAAA")));
    assert_true(token_is_same(BYTES("sk-ant-kh1_AAAA"), BYTES("kh1_AAAA")));
    assert_false(token_is_same(BYTES("kh1_AAAA"), BYTES("kh1_AAAB")));
    assert_false(token_is_same(BYTES("kh1_AAAA"), BYTES("kh1_AAAAA")));
    assert_false(token_is_same(BYTES("sk"), BYTES("sk")));
    assert_false(token_is_same(BYTES(""), BYTES("")));
}

static void
open_holes(void **state)
{
    (void)state;
    struct builder root, discharge;
    struct builder *const both[] = {&root, &discharge};
    const struct token_caveat *hole[2] = {NULL, NULL};
    struct buffer text;
    builder_root(&root);
    builder_hole(&root, "one", other_key);
    builder_first_party(&root, "method = GET");
    builder_hole(&root, "two", other_key);
    builder_start(&discharge, other_key, BYTES("one"));
    builder_hole(&discharge, "three", other_key);

    builders_text(both, 1, &text);
    struct token *token = test_scan(buffer_bytes(&text));
    assert_int_equal(token_open_holes(token, hole, 1), 2);
    expect_text("first", hole[0]->id, "one");
    assert_null(hole[1]); /* no room for it */
    assert_int_equal(token_open_holes(token, NULL, 0), 2);
    token_free(&token);
    buffer_free(&text);

    builders_text(both, 2, &text);
    token = test_scan(buffer_bytes(&text));
    assert_int_equal(token_open_holes(token, hole, 2), 2);
    expect_text("still open", hole[0]->id, "two");
    expect_text("of the discharge", hole[1]->id, "three");
    token_free(&token);
    buffer_free(&text);
    builder_end(&root);
    builder_end(&discharge);
}

static void
last_lineage(void **state)
{
    (void)state;
    uint8_t lineage[LINEAGE_ID_SIZE], digest[32];
    struct buffer text;
    test_mint(&text, NULL);
    struct token *token = test_scan(buffer_bytes(&text));
    token_lineage_last(token, lineage);
    crypto_hash_sha256(digest, token->macaroon[0].signature.p, 32);
    assert_memory_equal(lineage, digest, LINEAGE_ID_SIZE);
    token_free(&token);
    buffer_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape),
        cmocka_unit_test(same),
        cmocka_unit_test(open_holes),
        cmocka_unit_test(last_lineage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
