/* SPDX-License-Identifier: Apache-2.0 */
/* The caret under what was refused. */
#include "../../../caveats/caveat.h"
#include "../../../client/caret.h"
#include "client_test.h"

static void
assert_drawn(const char *text, const char *detail, const char *expected)
{
    struct fault fault = {.err = KH_ERR_SYNTAX};
    snprintf(fault.detail, sizeof fault.detail, "%s", detail);
    BUFFER_AUTO out;
    buffer_init(&out, 4096);
    caret_put(&out, bytes_str(text), &fault);
    assert_string_equal(buffer_text(&out), expected);
}

static void
test_without_a_place(void **state)
{
    (void)state;
    assert_drawn("abc", "too long", "    abc\n");
    assert_drawn("abc", "at byte 0: nothing", "    abc\n");
    assert_drawn("abc", "at byte x", "    abc\n");
    assert_drawn("abc", "at byte 99999999999999999999", "    abc\n");
    assert_drawn("abc", "at byte 77: beyond", "    abc\n");
    assert_drawn("", "at byte 1: expected an attribute", "    \n    ^\n");
}

static void
test_places(void **state)
{
    (void)state;
    assert_drawn("abc", "at byte 1: x", "    abc\n    ^\n");
    assert_drawn("abc", "at byte 4: the end", "    abc\n       ^\n");
    assert_drawn("ü = b", "at byte 4: x", "    ü = b\n      ^\n");
    assert_drawn("\x1b = b", "at byte 3: x", "    \\x1b = b\n         ^\n");
}

// The parser's own faults are what this reads: they must name the byte in that way.
static void
test_faults_of_the_parser(void **state)
{
    (void)state;
    static const struct {
        const char *text, *drawn;
    } row[] = {
        {"metod = GET", "    metod = GET\n    ^\n"},
        {"method == GET", "    method == GET\n           ^\n"},
        {"method = GET or", "    method = GET or\n                ^\n"},
        {"port = x", "    port = x\n           ^\n"},
        {"query[a = 1", "    query[a = 1\n           ^\n"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct fault fault = {.err = KH_OK};
        struct caveat *caveat = NULL;
        assert_int_not_equal(caveat_parse(bytes_str(row[i].text), &caveat, &fault), KH_OK);
        BUFFER_AUTO out;
        buffer_init(&out, 4096);
        caret_put(&out, bytes_str(row[i].text), &fault);
        if (strcmp(buffer_text(&out), row[i].drawn) != 0)
            fail_msg("%s\n%s, expected\n%s", fault.detail, buffer_text(&out), row[i].drawn);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_place),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_faults_of_the_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
