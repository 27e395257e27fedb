/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets whose bytes are escaped as their writer likes. */
#include "unit.h"

#include "../../../broker/proxy/scrub_escape.h"

static void
test_at(void **state)
{
    static const struct {
        const char *secret, *text;
        uint8_t mark;
        enum scrub_escape expected;
        size_t n;
    } rows[] = {
        {"ab/c d", "", '%', SCRUB_ESCAPE_PART, 0},
        {"ab/c d", "ab%2Fc%20d.", '%', SCRUB_ESCAPE_WHOLE, 10},
        {"ab/c d", "ab%2fc+d", '%', SCRUB_ESCAPE_WHOLE, 8},
        {"ab/c d", "ab/c d", '%', SCRUB_ESCAPE_WHOLE, 6},
        {"ab/c d", "ab%", '%', SCRUB_ESCAPE_PART, 0},
        {"ab/c d", "ab%2", '%', SCRUB_ESCAPE_PART, 0},
        {"ab/c d", "ab%3", '%', SCRUB_ESCAPE_NO, 0},
        {"ab/c d", "ab%2E", '%', SCRUB_ESCAPE_NO, 0},
        {"ab/c d", "ab%2Fc%2Bd", '%', SCRUB_ESCAPE_NO, 0},
        {"ab%c d", "ab%25c d", '%', SCRUB_ESCAPE_WHOLE, 8},
        {"ab%25", "ab%25", '%', SCRUB_ESCAPE_PART,
         0}, // an escaped "%": what it is as it is is a pattern
        {"ab/c d", "ab\\/c d", '\\', SCRUB_ESCAPE_WHOLE, 7},
        {"ab/c d", "ab\\u002fc\\u0020d", '\\', SCRUB_ESCAPE_WHOLE, 16},
        {"ab/c d", "ab/c+d", '\\', SCRUB_ESCAPE_NO, 0},
        {"ab/c d", "ab\\", '\\', SCRUB_ESCAPE_PART, 0},
        {"ab/c d", "ab\\u", '\\', SCRUB_ESCAPE_PART, 0},
        {"ab/c d", "ab\\u0", '\\', SCRUB_ESCAPE_PART, 0},
        {"ab/c d", "ab\\u002", '\\', SCRUB_ESCAPE_PART, 0},
        {"ab/c d", "ab\\u01", '\\', SCRUB_ESCAPE_NO, 0},
        {"ab/c d", "\\ab/c d", '\\', SCRUB_ESCAPE_NO, 0}, // a letter is not escaped that way
        {"u\xe4", "u\\u00e4", '\\', SCRUB_ESCAPE_NO, 0},  // U+00E4 is other bytes
        {"u\xe4", "u%E4", '%', SCRUB_ESCAPE_WHOLE, 4},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = 0;
        enum scrub_escape got =
            scrub_escape_at(bytes_str(rows[i].secret), rows[i].mark, bytes_str(rows[i].text), &n);
        if (got != rows[i].expected || n != rows[i].n)
            fail_msg("row %zu, \"%s\": %d and %zu bytes", i, rows[i].text, got, n);
    }
}

static void
test_find(void **state)
{
    static const struct {
        const char *text;
        size_t from;
        bool found;
        size_t where, n;
    } rows[] = {
        {"", 0, false, 0, 0},           {"aab/c", 0, false, 0, 0}, // nothing is escaped
        {"x%61ab%2Fcy", 0, true, 1, 9}, {"x%61ab%2Fcy", 2, false, 0, 0},
        {"%% aaab%2fc", 0, true, 4, 7}, // the earliest that it can be, and no earlier
        {"aab%2F", 0, false, 0, 0},     {"aab%2Fd aab%2Fc", 0, true, 8, 7},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t where = 0, n = 0;
        bool found = scrub_escape_find(BYTES("aab/c"), '%', bytes_str(rows[i].text), rows[i].from,
                                       &where, &n);
        if (found != rows[i].found || where != rows[i].where || n != rows[i].n)
            fail_msg("row %zu, \"%s\": %d at %zu, %zu bytes", i, rows[i].text, found, where, n);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_at), cmocka_unit_test(test_find)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
