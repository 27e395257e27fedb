/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../broker/operator/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
printed(const char *json, const char *expected)
{
    char text[200] = "before";
    json_t *health = json_loads(json, JSON_DECODE_ANY, NULL);
    health_print(health, text, sizeof(text));
    assert_string_equal(text, expected);
    json_decref(health);
}

static void
sentences(void **state)
{
    (void)state;
    printed("null", "");
    printed("[]", "");
    printed(
        "{\"count\": 1, \"since\": \"2026-01-01T00:00:00Z\", \"last\": \"2026-01-01T00:00:00Z\"}",
        "refused by the upstream once, 2026-01-01T00:00:00Z");
    printed(
        "{\"count\": 3, \"since\": \"2026-01-01T00:00:00Z\", \"last\": \"2026-01-02T00:00:00Z\"}",
        "refused by the upstream 3 times since 2026-01-01T00:00:00Z, last "
        "2026-01-02T00:00:00Z");
}

static void
token_answers(void **state)
{
    char text[200] = "before";
    (void)state;
    json_t *counted = json_loads("{\"count\": 1, \"last\": \"2026-01-01T00:00:00Z\"}", 0, NULL);
    health_print_token_answers(counted, text, sizeof(text));
    assert_string_equal(text, "refused once, 2026-01-01T00:00:00Z: answers are OAuth tokens; see "
                              "token-answers= in keyholed-credential(8)");
    json_decref(counted);
    health_print_token_answers(NULL, text, sizeof(text));
    assert_string_equal(text, "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sentences),
                                       cmocka_unit_test(token_answers)};
    char text[200];
    health_print(NULL, text, sizeof(text));
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
