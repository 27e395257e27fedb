/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's lines, whole and broken, as JSON. */
#include "../files.h"

#include "../../../broker/admin/reload_report.h"

static const char *
read_report(const char *text, bool look, size_t expected)
{
    static char printed[4096];
    struct fault fault = {0};
    size_t count = 99;
    json_t *result = reload_report_read(bytes_str(text), look, &count, &fault);

    assert_int_equal(count, expected);
    if (result == NULL) {
        snprintf(printed, sizeof printed, "%s: %s", kh_err_code(fault.err), fault.detail);
        return printed;
    }
    char *json = json_dumps(result, JSON_COMPACT);
    assert_non_null(json);
    snprintf(printed, sizeof printed, "%s", json);
    free(json);
    json_decref(result);
    return printed;
}

static void
what_is_no_report(void **state)
{
    static const char *const texts[] = {"", "\n", "ok", "fine\n/f\n", "OK\n/file\n", "okay\n/f\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strncmp(read_report(texts[i], false, 0), "config: ", 8))
            fail_msg("\"%s\" is taken for a report", texts[i]);
    }
}

static void
why_it_failed(void **state)
{
    (void)state;
    assert_string_equal(read_report("failed\nline 3: no\nline 4: no", false, 0),
                        "config: line 3: no\nline 4: no");
}

static void
nothing_changed(void **state)
{
    (void)state;
    assert_string_equal(read_report("ok\n/f\n", false, 0),
                        "{\"reloaded\":true,\"file\":\"/f\",\"changes\":[]}");
    assert_string_equal(read_report("ok\n\n", true, 0),
                        "{\"reloaded\":false,\"file\":\"\",\"changes\":[]}");
}

static void
changes_in_order(void **state)
{
    (void)state;
    assert_string_equal(read_report("ok\n/f\na\t1\t2\tnow\n\nb\t\tx y\tat a restart\n", true, 2),
                        "{\"reloaded\":false,\"file\":\"/f\",\"changes\":["
                        "{\"setting\":\"a\",\"old\":\"1\",\"new\":\"2\",\"outcome\":\"now\"},"
                        "{\"setting\":\"b\",\"old\":\"\",\"new\":\"x y\",\"outcome\":"
                        "\"at a restart\"}]}");
}

static void
no_text_is_no_json(void **state)
{
    (void)state;
    assert_int_equal(
        strncmp(read_report("ok\n/f\na\t\xff\t2\tnow\n", false, 0), "out-of-memory", 13), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_report),  cmocka_unit_test(why_it_failed),
        cmocka_unit_test(nothing_changed),    cmocka_unit_test(changes_in_order),
        cmocka_unit_test(no_text_is_no_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
