/* SPDX-License-Identifier: Apache-2.0 */
/* JSON into buffers: nothing, what does not fit, and the flags. */
#include "unit.h"

#include "../../../caveats/json_print.h"

static void
what_cannot_be_printed(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    BUFFER_AUTO small;
    buffer_init(&out, 100);
    json_print(NULL, JSON_COMPACT, &out);
    assert_true(out.failed);
    json_t *text = json_string("no object and no array");
    buffer_clear(&out);
    out.failed = false;
    json_print(text, JSON_COMPACT, &out);
    assert_true(out.failed);
    json_decref(text);

    json_t *object = json_pack("{s:s}", "name", "longer than the room that there is");
    buffer_init(&small, 20);
    json_print(object, JSON_COMPACT, &small);
    assert_true(small.failed);
    json_decref(object);
}

static void
printed_behind_what_is_there(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    buffer_init(&out, 100);
    json_t *object = json_pack("{s:s, s:[i]}", "a", "\xc3\xbc", "b", 1);
    buffer_put_str(&out, "> ");
    json_print(object, JSON_COMPACT, &out);
    buffer_put_byte(&out, '\n');
    json_print(object, JSON_ENSURE_ASCII, &out);
    assert_string_equal(buffer_text(&out), "> {\"a\":\"\xc3\xbc\",\"b\":[1]}\n"
                                           "{\"a\": \"\\u00FC\", \"b\": [1]}");
    json_decref(object);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_printed),
        cmocka_unit_test(printed_behind_what_is_there),
    };
    return cmocka_run_group_tests_name("json_print", tests, NULL, NULL);
}
