/* SPDX-License-Identifier: Apache-2.0 */
/* What a token says of itself, and its caveats in words. */
#include "library_test.h"

static void
test_claims(void **state)
{
    (void)state;
    struct keyhole_token *token = library_token("method in GET, HEAD");
    struct keyhole_token *narrow = library_narrow(token, "time < 2026-12-01T00:00:00Z");
    const struct keyhole_claims *claims = keyhole_token_claims(narrow);
    assert_true(claims->is_keyhole);
    assert_string_equal(claims->user, "alice");
    assert_int_equal(claims->credential_count, 2);
    assert_string_equal(claims->credential[0], "openai");
    assert_string_equal(claims->credential[1], "github");
    assert_int_equal(strlen(claims->token_id), 32);
    assert_int_equal(strlen(claims->lineage), 32);
    assert_string_not_equal(claims->lineage, keyhole_token_claims(token)->lineage);
    assert_true(claims->expires_at > claims->issued_at);
    assert_true(claims->ends_at <= claims->expires_at);
    assert_int_equal(claims->macaroon_count, 1);
    assert_int_equal(claims->caveat_count, 2);
    assert_int_equal(claims->open_hole_count, 0);
    assert_int_equal(claims->unreadable_count, 0);
    assert_string_equal(claims->problem, "");
    keyhole_token_free(token); // the narrower one is its own
    assert_string_equal(claims->user, "alice");
    keyhole_token_free(narrow);
}

static void
test_caveats(void **state)
{
    (void)state;
    struct keyhole_token *minted = library_token("method in GET, HEAD");
    struct keyhole_token *token = library_narrow(minted, "label = \"ci\"");
    struct keyhole_token *again = library_narrow(token, "time < 2026-12-01T00:00:00Z");
    const struct keyhole_caveat *caveat = keyhole_token_caveat(again, 0);
    assert_int_equal(caveat->kind, KEYHOLE_KIND_CONDITION);
    assert_int_equal(caveat->origin, KEYHOLE_ORIGIN_MINT);
    assert_string_equal(caveat->text, "method in GET, HEAD");
    assert_int_equal(caveat->text_size, strlen(caveat->text));
    assert_true(caveat->ends_at == KEYHOLE_NEVER);
    caveat = keyhole_token_caveat(again, 1);
    assert_int_equal(caveat->kind, KEYHOLE_KIND_LABEL);
    assert_int_equal(caveat->origin, KEYHOLE_ORIGIN_HOLDER);
    assert_string_equal(caveat->value, "ci");
    assert_int_equal(keyhole_token_caveat(again, 2)->ends_at, 1796083200);
    assert_null(keyhole_token_caveat(again, 3));
    keyhole_token_free(again);
    keyhole_token_free(token);
    keyhole_token_free(minted);
}

static void
assert_words(const struct keyhole_token *token, size_t index, int64_t now, const char *expected)
{
    char *words = NULL;
    ASSERT_GOOD(keyhole_caveat_words(token, index, now, &words, NULL));
    if (strstr(words, expected) == NULL)
        fail_msg("'%s' is not in '%s'", expected, words);
    keyhole_free(words);
}

static void
test_words(void **state)
{
    (void)state;
    struct keyhole_token *minted = library_token("method in GET, HEAD");
    struct keyhole_token *labelled = library_narrow(minted, "label = \"build 7\"");
    struct keyhole_token *token = library_narrow(labelled, "time < 2026-12-01T00:00:00Z");
    assert_words(token, 0, 0, "the method is GET or HEAD");
    assert_words(token, 1, 0, "its holder is called build 7");
    assert_words(token, 2, 1796083200 - 7200, "before 2026-12-01T00:00:00Z, in 2 hours");
    keyhole_token_free(token);
    keyhole_token_free(labelled);
    keyhole_token_free(minted);
}

static void
test_holes(void **state)
{
    (void)state;
    struct test_hole hole = test_hole_make(TEST_CONDITION, "https://discharge.example");
    struct keyhole_token *token = library_parse(hole.token);
    assert_int_equal(keyhole_token_claims(token)->open_hole_count, 1);
    const struct keyhole_caveat *open = keyhole_token_open_hole(token, 0);
    assert_int_equal(open->kind, KEYHOLE_KIND_HOLE);
    assert_false(open->is_filled);
    assert_string_equal(open->location, "https://discharge.example");
    assert_string_equal(open->demand, TEST_CONDITION);
    assert_int_equal(open->ticket_size, hole.ticket.n);
    assert_memory_equal(open->ticket, hole.ticket.p, hole.ticket.n);
    assert_null(keyhole_token_open_hole(token, 1));
    const struct keyhole_claims *claims = keyhole_token_claims(token);
    const struct keyhole_caveat *demand = keyhole_token_caveat(token, claims->caveat_count - 2);
    assert_int_equal(demand->kind, KEYHOLE_KIND_DEMAND);
    assert_words(token, claims->caveat_count - 1, 0,
                 "somebody has to vouch: " TEST_CONDITION ", at https://discharge.example");
    keyhole_token_free(token);
    test_hole_free(&hole);
}

// Another library can write anything into a caveat; it is shown for what it is.
static void
test_unreadable(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    char *text = test_mint_fresh("method = GET", NULL);
    struct token *own = test_scan(text);
    const struct bytes strange = BYTES("\x1b[2J\0x = 1");
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    assert_ok(token_attenuate(own, &strange, 1, &out, &fault));
    struct keyhole_token *token = library_parse(buffer_text(&out));
    const struct keyhole_caveat *caveat = keyhole_token_caveat(token, 1);
    assert_int_equal(keyhole_token_claims(token)->unreadable_count, 1);
    assert_int_equal(caveat->kind, KEYHOLE_KIND_UNREADABLE);
    assert_int_equal(caveat->text_size, strange.n);
    assert_memory_equal(caveat->text, strange.p, strange.n);
    assert_true(strlen(caveat->problem) > 0);
    assert_words(token, 1, 0, "not understood");
    keyhole_token_free(token);
    token_free(&own);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims),     cmocka_unit_test(test_caveats),
        cmocka_unit_test(test_words),      cmocka_unit_test(test_holes),
        cmocka_unit_test(test_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
