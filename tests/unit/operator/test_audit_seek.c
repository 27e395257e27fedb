/* SPDX-License-Identifier: Apache-2.0 */
/* Places in a long log: by time, and backwards. */
#include "support.h"

#include "../../../broker/operator/audit_filter.h"
#include "../../../broker/operator/audit_lines.h"
#include "../../../caveats/timestamp.h"

#include <sys/stat.h>

static struct audit_lines lines;

static void
open_log(void)
{
    assert_int_equal(audit_lines_open(test_directory, &lines, NULL), KH_OK);
}

static void
backwards(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *const line[4]; /* the last one first */
    } rows[] = {
        {"", {NULL}},
        {"torn", {NULL}},
        {"\n", {"", NULL}},
        {"a\n", {"a", NULL}},
        {"a\nb\n", {"b", "a", NULL}},
        {"a\nb\ntorn", {"b", "a", NULL}},
        {"\na\n\n", {"", "a", "", NULL}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct audit_back back;
        struct bytes line;
        bool more = true;
        write_file("audit.log", rows[i].text, 0600);
        open_log();
        audit_back_init(&back, &lines);
        for (size_t at = 0; more; at++) {
            assert_int_equal(audit_back_next(&back, &line, &more, NULL), KH_OK);
            if (more != (rows[i].line[at] != NULL) || (more && !bytes_is(line, rows[i].line[at])))
                fail_msg("row %zu, line %zu from the end: %s\"%.*s\"", i, at, more ? "" : "none ",
                         more ? (int)line.n : 0, more ? (const char *)line.p : "");
        }
        audit_back_free(&back);
        audit_lines_close(&lines);
    }
}

enum { COUNT = 40000, FROM = 1000000000 };

// A record a second, of different lengths, over many blocks.
static void
write_log(void)
{
    FILE *file = fopen(test_path("audit.log"), "w");
    assert_non_null(file);
    for (int i = 0; i < COUNT; i++) {
        char time[TIMESTAMP_SIZE];
        timestamp_print(FROM + i, time);
        fprintf(file, "{\"seq\":%d,\"time\":\"%.19s.000Z\",\"path\":\"%0*d\"}\n", i, time,
                i % 97 == 0 ? 3000 : i % 31, i);
    }
    fclose(file);
}

static void
backwards_through_a_long_log(void **state)
{
    (void)state;
    struct audit_back back;
    struct bytes line;
    bool more = true;
    write_log();
    open_log();
    audit_back_init(&back, &lines);
    for (int i = COUNT; i > 0; i--) {
        int64_t time = 0;
        assert_int_equal(audit_back_next(&back, &line, &more, NULL), KH_OK);
        assert_true(more && audit_line_time(line, &time));
        assert_int_equal(time, FROM + i - 1);
        assert_int_equal(line.p[line.n - 1], '}');
    }
    assert_int_equal(audit_back_next(&back, &line, &more, NULL), KH_OK);
    assert_false(more);
    audit_back_free(&back);
    audit_lines_close(&lines);
}

static void
by_time(void **state)
{
    (void)state;
    static const int64_t wanted[] = {
        INT64_MIN, 0, FROM, FROM + 1, FROM + 12345, FROM + 39999, FROM + 45000, INT64_MAX};
    write_log();
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct bytes line;
        bool more = false;
        int64_t time = INT64_MAX;
        open_log();
        assert_int_equal(audit_lines_seek_time(&lines, wanted[i], NULL), KH_OK);
        uint64_t size = audit_lines_size(&lines), left = size - audit_lines_position(&lines);
        assert_int_equal(audit_lines_next(&lines, &line, &more, NULL), KH_OK);
        // A whole line, and one that comes before all that are wanted; but not much is left to
        // read.
        if (more)
            assert_true(audit_line_time(line, &time));
        if (wanted[i] < FROM + COUNT && (!more || (time > FROM && time > wanted[i])))
            fail_msg("asked for %lld, reading begins with %lld", (long long)wanted[i],
                     (long long)time);
        if (wanted[i] == FROM + 39999 && left > 640 * 1024)
            fail_msg("asked for %lld, %llu of %llu bytes are left to read", (long long)wanted[i],
                     (unsigned long long)left, (unsigned long long)size);
        audit_lines_close(&lines);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backwards),
        cmocka_unit_test(backwards_through_a_long_log),
        cmocka_unit_test(by_time),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
