/* SPDX-License-Identifier: Apache-2.0 */
/* Discharges at hand: bound, put behind a token, taken out; the broker's code takes what comes out.
 */
#include "library_test.h"

static struct test_hole hole;
static struct keyhole_token *token;

static int
setup(void **state)
{
    (void)state;
    hole = test_hole_make(TEST_CONDITION, "https://discharge.example");
    token = library_parse(hole.token);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    keyhole_token_free(token);
    test_hole_free(&hole);
    return 0;
}

// What a broker says of it, with the root key.
static enum kh_err
verified(const struct keyhole_token *whole)
{
    struct fault fault = {.err = KH_OK};
    static struct token_verified out;
    char *text = NULL;
    ASSERT_GOOD(keyhole_token_encode(whole, KEYHOLE_FORMAT_KEYHOLE, &text, NULL, NULL));
    struct token *scanned = test_scan(text);
    enum kh_err err = token_verify(scanned, test_key, &out, &fault);
    token_free(&scanned);
    keyhole_free(text);
    return err;
}

static void
test_bad_arguments(void **state)
{
    (void)state;
    struct keyhole_token *out = NULL;
    ASSERT_USAGE(keyhole_token_add_discharge(NULL, "x", 1, KEYHOLE_BIND, &out, NULL));
    ASSERT_USAGE(keyhole_token_add_discharge(token, NULL, 1, KEYHOLE_BIND, &out, NULL));
    ASSERT_USAGE(keyhole_token_add_discharge(token, "x", 1, KEYHOLE_BIND, NULL, NULL));
    ASSERT_USAGE(keyhole_token_add_discharge(token, "x", 1, (enum keyhole_binding)0, &out, NULL));
    ASSERT_USAGE(keyhole_token_drop_discharge(NULL, 1, &out, NULL));
    ASSERT_STATUS(keyhole_token_drop_discharge(token, 0, &out, NULL), KEYHOLE_ERROR_RANGE);
    ASSERT_STATUS(keyhole_token_drop_discharge(token, 1, &out, NULL), KEYHOLE_ERROR_RANGE);
    static const char *const bad[] = {"", "x", "\x02", "AgE", "%%%%", "Ag=="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (int binding = KEYHOLE_BIND; binding <= KEYHOLE_BOUND; binding++)
            ASSERT_STATUS(keyhole_token_add_discharge(token, bad[i], strlen(bad[i]),
                                                      (enum keyhole_binding)binding, &out, NULL),
                          KEYHOLE_ERROR_MALFORMED);
    assert_null(out);
}

static void
test_by_parent(void **state)
{
    (void)state;
    struct keyhole_token *filled = NULL, *narrow = NULL, *open = NULL;
    struct buffer raw = test_discharge(buffer_bytes(&hole.ticket), hole.parent, 600);
    ASSERT_GOOD(keyhole_token_add_discharge(token, raw.p, raw.n, KEYHOLE_BIND, &filled, NULL));
    const struct keyhole_claims *claims = keyhole_token_claims(filled);
    assert_int_equal(claims->open_hole_count, 0);
    assert_int_equal(claims->macaroon_count, 2);
    assert_int_equal(verified(filled), KH_OK);
    // It stays good for what is made of it.
    narrow = library_narrow(filled, "path = /x");
    assert_int_equal(verified(narrow), KH_OK);
    ASSERT_GOOD(keyhole_token_drop_discharge(narrow, 1, &open, NULL));
    assert_int_equal(keyhole_token_claims(open)->open_hole_count, 1);
    keyhole_token_free(open);
    keyhole_token_free(narrow);
    // A hole is filled once.
    ASSERT_STATUS(keyhole_token_add_discharge(filled, raw.p, raw.n, KEYHOLE_BIND, &open, NULL),
                  KEYHOLE_ERROR_GRAPH);
    keyhole_token_free(filled);
    buffer_free(&raw);
}

static void
test_in_base64(void **state)
{
    (void)state;
    struct keyhole_token *filled = NULL;
    struct buffer raw = test_discharge(buffer_bytes(&hole.ticket), hole.parent, 600);
    for (enum base64_kind kind = BASE64_URL; kind <= BASE64_STANDARD; kind++) {
        BUFFER_AUTO text;
        buffer_init(&text, TOKEN_TEXT_MAX);
        base64_encode(kind, buffer_bytes(&raw), &text);
        ASSERT_GOOD(
            keyhole_token_add_discharge(token, text.p, text.n, KEYHOLE_BIND, &filled, NULL));
        keyhole_token_free(filled);
    }
    buffer_free(&raw);
}

// For a sibling, or for nobody that has this hole.
static void
test_of_another(void **state)
{
    (void)state;
    struct keyhole_token *out = NULL;
    struct buffer sibling =
        test_discharge(buffer_bytes(&hole.ticket), "00000000000000000000000000000000", 600);
    struct buffer stranger = test_discharge(BYTES("another ticket"), hole.parent, 600);
    ASSERT_STATUS(
        keyhole_token_add_discharge(token, sibling.p, sibling.n, KEYHOLE_BIND, &out, NULL),
        KEYHOLE_ERROR_GRAPH);
    ASSERT_STATUS(
        keyhole_token_add_discharge(token, stranger.p, stranger.n, KEYHOLE_BIND, &out, NULL),
        KEYHOLE_ERROR_GRAPH);
    buffer_free(&sibling);
    buffer_free(&stranger);
}

// One without a parent is bound to the signature; unbound it is worth nothing to a broker.
static void
test_the_classic_way(void **state)
{
    (void)state;
    struct keyhole_token *bound = NULL, *unbound = NULL, *narrow = NULL;
    struct buffer raw = test_discharge(buffer_bytes(&hole.ticket), NULL, 600);
    ASSERT_GOOD(keyhole_token_add_discharge(token, raw.p, raw.n, KEYHOLE_BIND, &bound, NULL));
    ASSERT_GOOD(keyhole_token_add_discharge(token, raw.p, raw.n, KEYHOLE_BOUND, &unbound, NULL));
    assert_int_equal(verified(bound), KH_OK);
    assert_int_equal(verified(unbound), KH_ERR_GRAPH);
    narrow = library_narrow(bound, "path = /x");
    assert_int_equal(verified(narrow), KH_ERR_GRAPH);
    keyhole_token_free(narrow);
    keyhole_token_free(bound);
    keyhole_token_free(unbound);
    buffer_free(&raw);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bad_arguments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_by_parent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_base64, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_classic_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
