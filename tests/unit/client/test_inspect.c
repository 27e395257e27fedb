/* SPDX-License-Identifier: Apache-2.0 */
/* What a token says of itself. */
#include "../../../client/inspect.h"
#include "client_test.h"

static struct inspection *
inspected(const struct token *token, int64_t now)
{
    struct fault fault = {.err = KH_OK};
    struct inspection *in = NULL;
    assert_ok(inspect_token(token, now, &in, &fault));
    return in;
}

static void
test_foreign_identifier(void **state)
{
    (void)state;
    static const struct test_caveat caveat[] = {
        {"account = 3735928559", NULL}, {"method = GET", NULL}, {NULL, NULL}};
    BUFFER_AUTO raw;
    buffer_init(&raw, TOKEN_TEXT_MAX);
    test_put_macaroon(&raw, BYTES("http://mybank/"), BYTES("we used our secret key"), caveat);
    struct token *token = test_scan_raw(&raw);
    struct inspection *in = inspected(token, TEST_NOW);
    assert_false(in->identified);
    assert_true(in->why_not[0] != '\0');
    assert_int_equal(in->ends_at, INT64_MAX);
    assert_int_equal(in->unreadable, 1);
    assert_int_equal(in->caveat[0].kind, INSPECT_UNREADABLE);
    assert_contains(in->caveat[0].why, "byte 1");
    // Without an identity nobody can say who added what.
    assert_int_equal(in->caveat[1].origin, INSPECT_HOLDER);
    inspection_free(&in);
    assert_null(in);
    inspection_free(&in);
    token_free(&token);
}

static void
test_identity_and_origin(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    char *minted = test_mint("method in GET, HEAD", NULL);
    struct token *token = test_scan(minted);
    struct bytes added[] = {BYTES("label = agent"), BYTES("path = /v1")};
    BUFFER_AUTO text;
    buffer_init(&text, TOKEN_TEXT_MAX);
    assert_ok(token_attenuate(token, added, 2, &text, &fault));
    token_free(&token);
    token = test_scan(buffer_text(&text));

    struct inspection *in = inspected(token, TEST_NOW);
    assert_true(in->identified);
    assert_true(bytes_is(in->identity.principal, "alice"));
    assert_int_equal(in->ends_at, TEST_EXPIRES);
    assert_int_equal(in->count, 3);
    assert_int_equal(in->caveat[0].origin, INSPECT_MINTED);
    assert_int_equal(in->caveat[0].kind, INSPECT_CONDITION);
    assert_int_equal(in->caveat[1].origin, INSPECT_HOLDER);
    assert_int_equal(in->caveat[1].kind, INSPECT_LABEL);
    assert_true(bytes_is(in->caveat[1].value, "agent"));
    assert_int_equal(in->caveat[2].origin, INSPECT_HOLDER);
    uint8_t lineage[LINEAGE_ID_SIZE];
    token_lineage_last(token, lineage);
    assert_memory_equal(in->lineage, lineage, LINEAGE_ID_SIZE);
    inspection_free(&in);
    token_free(&token);
    free(minted);
}

static void
test_holes(void **state)
{
    (void)state;
    struct token *token = test_token_with_holes();
    struct inspection *in = inspected(token, TEST_NOW);
    assert_int_equal(in->count, 11);
    assert_int_equal(in->holes, 2);
    assert_int_equal(in->holes_open, 1);
    const struct inspect_caveat *filled = &in->caveat[5], *open = &in->caveat[6];
    assert_int_equal(filled->kind, INSPECT_HOLE);
    assert_int_equal(filled->filled_by, 1);
    assert_true(bytes_is(filled->location, "https://discharger.example"));
    assert_true(bytes_is(filled->demand, "user = alice and factor = yubikey for 8h"));
    assert_int_equal(open->kind, INSPECT_HOLE);
    assert_true(bytes_is(filled->by, "factor yubikey"));
    assert_true(bytes_is(filled->parent, "00112233445566778899aabbccddeeff"));
    assert_int_equal(filled->until, INT64_C(1795028400)); // 2026-11-18T19:00:00Z
    assert_int_equal(open->filled_by, -1);
    assert_int_equal(open->by.n, 0);
    assert_int_equal(open->parent.n, 0);
    assert_int_equal(open->until, INT64_MAX);
    assert_int_equal(open->demand.n, 0); // only the caveat right before it speaks for it
    assert_int_equal(in->caveat[8].origin, INSPECT_DISCHARGER);
    assert_int_equal(in->caveat[8].macaroon, 1);
    assert_int_equal(in->caveat[10].kind, INSPECT_PARENT);
    inspection_free(&in);
    token_free(&token);
}

static void
ends(int64_t expected, bool past, const char *caveat)
{
    char *minted = test_mint(caveat, NULL);
    struct token *token = test_scan(minted);
    struct inspection *in = inspected(token, TEST_NOW);
    if (in->ends_at != expected || in->caveat[0].past != past)
        fail_msg("'%s' ends at %lld, past %d", caveat, (long long)in->ends_at, in->caveat[0].past);
    inspection_free(&in);
    token_free(&token);
    free(minted);
}

static void
test_earliest_end(void **state)
{
    (void)state;
    ends(TEST_NOW + 1, false, "time < 2026-11-18T11:16:41Z");
    ends(TEST_NOW, true, "time < 2026-11-18T11:16:40Z");
    ends(TEST_NOW + 1, false, "time <= 2026-11-18T11:16:40Z");
    ends(TEST_NOW + 20, false, "time < 2026-11-18T11:16:30Z or time < 2026-11-18T11:17:00Z");
    // What may hold otherwise ends nothing.
    ends(TEST_EXPIRES, false, "time < 2026-11-18T11:16:30Z or method = GET");
    ends(TEST_EXPIRES, false, "time > 2026-11-18T11:16:30Z");
    ends(TEST_EXPIRES, false, "time < 2026-11-30T00:00:00Z");
}

// Every caveat that can be is in the list, and the list is as long as a token may be.
static void
test_most_caveats(void **state)
{
    (void)state;
    const char *caveat[TOKEN_CAVEATS_MAX + 1] = {NULL};
    for (size_t i = 0; i < TOKEN_CAVEATS_MAX; i++)
        caveat[i] = "method = GET";
    char *minted = test_mint_at(TEST_ISSUED, TEST_EXPIRES, caveat);
    struct token *token = test_scan(minted);
    struct inspection *in = inspected(token, TEST_NOW);
    assert_int_equal(in->count, TOKEN_CAVEATS_MAX);
    assert_int_equal(in->caveat[TOKEN_CAVEATS_MAX - 1].origin, INSPECT_MINTED);
    inspection_free(&in);
    token_free(&token);
    free(minted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_identifier),
        cmocka_unit_test(test_identity_and_origin),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_earliest_end),
        cmocka_unit_test(test_most_caveats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
