/* SPDX-License-Identifier: Apache-2.0 */
/* An inspection for people. */
#include "../../../client/inspect.h"
#include "client_test.h"

static bool ascii;

static char *
printed(const struct token *token, int64_t now, bool colour)
{
    struct fault fault = {.err = KH_OK};
    struct inspection *in = NULL;
    BUFFER_AUTO out;
    buffer_init(&out, 1 << 20);
    assert_ok(inspect_token(token, now, &in, &fault));
    struct screen screen = {.colour = colour, .unicode = !ascii};
    inspect_print(in, &screen, &out);
    inspection_free(&in);
    assert_false(out.failed);
    return strdup(buffer_text(&out));
}

static void
test_hostile_token_cannot_speak_to_the_terminal(void **state)
{
    (void)state;
    static const struct test_caveat caveat[] = {
        {"label = \"\\u001b[2J\"", NULL},
        {"method = \x1b[31m", NULL},
        {"user\xe2\x80\xae = \n  verified: yes", NULL},
        {NULL, NULL},
    };
    BUFFER_AUTO raw;
    buffer_init(&raw, TOKEN_TEXT_MAX);
    test_put_macaroon(&raw, BYTES("loc"), BYTES("id\x1b]0;title\x07\n"), caveat);
    struct token *token = test_scan_raw(&raw);
    char *text = printed(token, TEST_NOW, false);
    assert_lacks(text, "\x1b");
    assert_lacks(text, "\x07");
    assert_lacks(text, "\xe2\x80\xae");
    assert_lacks(text, "\n  verified: yes");
    assert_contains(text, "id\\x1b]0;title\\x07\\x0a\n");
    assert_contains(text, "\\x0a  verified: yes");
    assert_contains(text, "\\x1b[2J");
    free(text);
    token_free(&token);
}

static void
test_header(void **state)
{
    (void)state;
    char *minted = test_mint(NULL);
    struct token *token = test_scan(minted);
    char *text = printed(token, TEST_NOW, false);
    assert_contains(text, "not verified: only the broker can tell whether it is genuine");
    assert_contains(text, "  for        alice, to use openai or github\n");
    assert_contains(text, "  minted     2026-11-18T11:06:40Z, 10 minutes ago\n");
    assert_contains(text, "  expires    2026-11-18T23:06:40Z, in 11 hours 50 minutes\n");
    assert_contains(text, "  key id     7\n");
    assert_contains(text, "  token id   303132333435363738396162636465");
    assert_contains(text, "  lineage    ");
    assert_contains(text, "  location   http://127.0.0.1:8437\n");
    assert_contains(text, "No caveats: it allows all that its credentials may be used for.");
    assert_lacks(text, "it is over");
    free(text);
    text = printed(token, TEST_EXPIRES, false);
    assert_contains(text, "it is over: no request is allowed any more");
    free(text);
    token_free(&token);
    free(minted);
}

static void
test_tree(void **state)
{
    (void)state;
    static const char expected[] =
        "Caveats, all of which must hold (2 minted, 6 added by holders)\n"
        "A holder's label is what somebody wrote, and proves nothing.\n"
        "├─ method in GET, POST                      the method is GET or POST\n"
        "└─ ci (label, minted)\n"
        "   └─ agent 2 (label, added by a holder): 2 conditions more, 2 holes (1 open), until "
        "2026-11-18T11:30:00Z\n"
        "      ├─ time < 2026-11-18T11:30:00Z        before 2026-11-18T11:30:00Z, in 13 "
        "minutes"
        " 20 seconds\n";
    struct token *token = test_token_with_holes();
    char *text = printed(token, TEST_NOW, false);
    assert_contains(text, expected);
    assert_contains(text, "├─ hole, filled, for the discharger at https://discharger.example\n"
                          "      │  demands: user = alice and factor = yubikey for 8h\n"
                          "      │  vouched by: factor yubikey\n"
                          "      │  good until: 2026-11-18T19:00:00Z, in 7 hours 43 minutes\n"
                          "      │  ├─ time < 2026-11-18T19:00:00Z");
    assert_contains(text,
                    "      │  ├─ recorded: factor yubikey\n"
                    "      │  └─ for tokens made from lineage 00112233445566778899aabbccddeeff\n"
                    "      ├─ hole, open, for the discharger at https://other.example\n"
                    "      └─ colour = blue  not in Keyhole's language: at byte 1");
    assert_contains(text, "1 hole is open: no request is allowed until it is filled");
    assert_contains(text,
                    "1 caveat is not in Keyhole's language: a Keyhole broker refuses the token");
    assert_contains(
        text, "  ends       2026-11-18T11:30:00Z, in 13 minutes 20 seconds (a caveat says so)\n"
              "             by time < 2026-11-18T11:30:00Z\n");
    assert_lacks(text, "\x1b");
    free(text);
    token_free(&token);
}

// A holder who gave no name is a step as well.
static void
test_unnamed_holder(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    char *minted = test_mint("method = GET", NULL);
    struct token *token = test_scan(minted);
    struct bytes added[] = {BYTES("path = /v1")};
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    assert_ok(token_attenuate(token, added, 1, &out, &fault));
    token_free(&token);
    token = test_scan(buffer_text(&out));
    char *text = printed(token, TEST_NOW, false);
    assert_contains(text, "├─ method = GET ");
    assert_contains(text,
                    "└─ a holder, who gave no name, added 1 condition more\n   └─ path = /v1 ");
    free(text);
    token_free(&token);
    free(minted);
}

// Long caveats leave no room beside them.
static void
test_long_caveat(void **state)
{
    (void)state;
    char *minted =
        test_mint("path ~ /repos/acme/*/issues/** or path = /search", "method = GET", NULL);
    struct token *token = test_scan(minted);
    char *text = printed(token, TEST_NOW, false);
    assert_contains(text, "├─ path ~ /repos/acme/*/issues/** or path = /search\n"
                          "│     the path matches /repos/acme/*/issues/**, or the path is /search\n"
                          "└─ method = GET ");
    free(text);
    token_free(&token);
    free(minted);
}

static void
test_demand_without_a_hole(void **state)
{
    (void)state;
    char *minted = test_mint("hole = \"factor = yubikey for 8h\"", NULL);
    struct token *token = test_scan(minted);
    char *text = printed(token, TEST_NOW, false);
    assert_contains(text, "announces a hole, which does not follow: factor = yubikey for 8h");
    free(text);
    token_free(&token);
    free(minted);
}

static void
test_where_there_is_no_unicode(void **state)
{
    (void)state;
    struct token *token = test_token_with_holes();
    ascii = true;
    char *text = printed(token, TEST_NOW, false);
    ascii = false;
    assert_contains(text, "\n|- method in GET, POST ");
    assert_contains(text, "\n`- ci (label, minted)\n   `- agent 2 ");
    for (const char *p = text; *p != '\0'; p++)
        assert_true((unsigned char)*p < 0x80);
    free(text);
    token_free(&token);
}

static void
test_colour(void **state)
{
    (void)state;
    char *minted = test_mint("method = GET", NULL);
    struct token *token = test_scan(minted);
    char *text = printed(token, TEST_NOW, true);
    assert_contains(text, "\x1b[1mA Keyhole token\x1b[0m");
    free(text);
    token_free(&token);
    free(minted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_token_cannot_speak_to_the_terminal),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_unnamed_holder),
        cmocka_unit_test(test_long_caveat),
        cmocka_unit_test(test_demand_without_a_hole),
        cmocka_unit_test(test_where_there_is_no_unicode),
        cmocka_unit_test(test_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
