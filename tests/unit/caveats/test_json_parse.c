/* SPDX-License-Identifier: Apache-2.0 */
/* A parse without memory: no other text, no assertion, and the reserve is there again afterwards.
 */
#include "../scratch.h"

#include "../../../caveats/json_parse.h"

static size_t refuse_from = SIZE_MAX, refused;

static void *
scarce_malloc(size_t n)
{
    if (n < refuse_from)
        return json_parse_malloc(n);
    refused++;
    return json_parse_reserve(n);
}

static void
nothing(void **state)
{
    json_error_t error;
    (void)state;
    json_parse_free(NULL);
    assert_null(json_parse(BYTES_EMPTY, 0, &error));
    assert_null(json_parse(BYTES("{"), 0, NULL));
    assert_null(json_parse_reserve(SIZE_MAX));
    assert_null(json_parse_reserve(JSON_PARSE_RESERVE + 1));
    json_t *json = json_parse(BYTES("{\"a\": 1}"), 0, &error);
    assert_int_equal(json_integer_value(json_object_get(json, "a")), 1);
    json_decref(json);
}

static void
freed_pieces_come_back_empty(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        // Together they are more than the reserve has: each is given back, and wiped.
        uint8_t *p = json_parse_reserve(4096);
        assert_non_null(p);
        assert_int_equal(p[17], 0);
        memset(p, 'S', 4096);
        json_parse_free(p);
    }
}

static void
a_text_is_whole_or_is_none(void **state)
{
    static const char *const text[] = {
        "{\"model\": \"a text of more than sixteen letters, and of thirty-two, which has to "
        "grow\"}",
        "{\"a name of more than sixteen letters\": "
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}",
    };
    (void)state;
    json_malloc_t before_malloc;
    json_free_t before_free;
    json_get_alloc_funcs(&before_malloc, &before_free);
    json_set_alloc_funcs(scarce_malloc, json_parse_free);
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        for (refuse_from = 1; refuse_from < 256; refuse_from++) {
            json_error_t error;
            refused = 0;
            json_t *json = json_parse(bytes_str(text[i]), 0, &error);
            if (refused > 0 && json)
                fail_msg("parsed without memory: %s", text[i]);
            if (refused > 0)
                assert_string_equal(error.text, "out of memory");
            else
                assert_non_null(json);
            json_decref(json);
        }
    }
    json_set_alloc_funcs(before_malloc, before_free);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing),
        cmocka_unit_test(freed_pieces_come_back_empty),
        cmocka_unit_test(a_text_is_whole_or_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
