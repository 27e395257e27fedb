/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of caveats that make a token useless. */
#include "../../../client/attenuate.h"
#include "client_test.h"

static void
warned(const char *const *minted, const char *const *added, int64_t now, const char *expected)
{
    struct fault fault = {.err = KH_OK};
    struct attenuation a;
    char *text = test_mint_at(TEST_ISSUED, TEST_EXPIRES, minted);
    struct token *token = test_scan(text);
    attenuation_init(&a);
    for (size_t i = 0; added[i] != NULL; i++)
        assert_ok(attenuation_add(&a, bytes_str(added[i]), &fault));
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    attenuation_warn(&a, token, now, &out);
    char *said = strdup(buffer_text(&out));
    attenuation_free(&a);
    token_free(&token);
    free(text);
    if (expected == NULL)
        assert_string_equal(said, "");
    else
        assert_contains(said, expected);
    free(said);
}
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE      ((const char *const[]){NULL})

static void
test_nothing_is_said_of_what_may_hold(void **state)
{
    (void)state;
    warned(LIST("method in GET, HEAD"), LIST("method = GET"), TEST_NOW, NULL);
    warned(LIST("method = GET or path = /a"), LIST("method = POST"), TEST_NOW, NULL);
    warned(LIST("query[a] = 1"), LIST("query[b] = 2"), TEST_NOW, NULL);
    warned(LIST("group = eng"), LIST("group = ops"), TEST_NOW, NULL);
    warned(LIST("label = a"), LIST("label = b"), TEST_NOW, NULL);
    warned(LIST("client = 10.0.0.0/8"), LIST("client = 10.1.0.0/16"), TEST_NOW, NULL);
    warned(LIST("method = GET"), LIST("path ~ /v1/**", "time < 2026-11-18T23:00:00Z"), TEST_NOW,
           NULL);
}

static void
test_disjoint_lists(void **state)
{
    (void)state;
    warned(LIST("method in GET, HEAD"), LIST("method = POST"), TEST_NOW,
           "both 'method in GET, HEAD' and 'method = POST'");
    warned(NONE, LIST("host = a.example", "host in b.example, c.example"), TEST_NOW,
           "both 'host = a.example' and 'host in b.example, c.example'");
    warned(LIST("port = 443"), LIST("port = 8443"), TEST_NOW, "allows nothing");
}

static void
test_times(void **state)
{
    (void)state;
    warned(NONE, LIST("time < 2026-11-18T11:16:40Z"), TEST_NOW, "is past"); // at that second
    warned(NONE, LIST("time <= 2026-11-18T11:16:40Z"), TEST_NOW, NULL);
    warned(NONE, LIST("time < 2026-11-18T11:16:41Z"), TEST_NOW, NULL);
    warned(NONE, LIST("method = GET"), TEST_EXPIRES, "the token has expired: now");
    warned(NONE, LIST("method = GET"), TEST_EXPIRES - 1, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_said_of_what_may_hold),
        cmocka_unit_test(test_disjoint_lists),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
