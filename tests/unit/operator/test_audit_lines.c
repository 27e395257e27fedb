/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file that grows, from its beginning and from near its end. */
#include "support.h"

#include "../../../broker/operator/audit_lines.h"

static struct audit_lines lines;

static void
open_log(void)
{
    assert_int_equal(audit_lines_open(test_directory, &lines, NULL), KH_OK);
}

/* The next line as text, or NULL at the end of what is there. */
static const char *
next(void)
{
    static char text[256];
    struct bytes line;
    bool more;
    assert_int_equal(audit_lines_next(&lines, &line, &more, NULL), KH_OK);
    if (!more)
        return NULL;
    snprintf(text, sizeof(text), "%.*s", BYTES_ARG(line));
    return text;
}

static void
append(const char *text)
{
    int fd = open(test_path("audit.log"), O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void
a_file_that_grows(void **state)
{
    (void)state;
    write_file("audit.log", "one\n\ntw", 0600);
    open_log();
    assert_string_equal(next(), "one");
    assert_string_equal(next(), "");
    assert_null(next());
    assert_int_equal(audit_lines_torn(&lines).n, 2);
    append("o");
    assert_null(next());
    append("\nthree\n");
    assert_string_equal(next(), "two");
    assert_string_equal(next(), "three");
    assert_null(next());
    assert_int_equal(audit_lines_torn(&lines).n, 0);
    audit_lines_close(&lines);
}

static void
the_last_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t count;
        const char *first;
    } rows[] = {
        {"", 3, NULL},           {"a\n", 0, NULL},
        {"a\n", 1, "a"},         {"a\nb\nc\n", 1, "c"},
        {"a\nb\nc\n", 2, "b"},   {"a\nb\nc\n", 3, "a"},
        {"a\nb\nc\n", 100, "a"}, {"a\nb\nc\ntorn", 1, "c"},
        {"torn", 1, NULL},       {"a\nb\n", UINT64_MAX, "a"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_file("audit.log", rows[i].text, 0600);
        open_log();
        assert_int_equal(audit_lines_seek_last(&lines, rows[i].count, NULL), KH_OK);
        const char *first = next();
        if ((first == NULL) != (rows[i].first == NULL) ||
            (first != NULL && strcmp(first, rows[i].first) != 0))
            fail_msg("the last %llu of \"%s\" begin with %s", (unsigned long long)rows[i].count,
                     rows[i].text, first != NULL ? first : "nothing");
        audit_lines_close(&lines);
    }
}

/* Over the borders of the blocks that are read. */
static void
a_long_log(void **state)
{
    (void)state;
    enum { COUNT = 30000 };
    char *text = malloc(COUNT * 12), *p = text, expected[16];
    assert_non_null(text);
    for (int i = 0; i < COUNT; i++)
        p += sprintf(p, "line %d\n", i);
    write_file("audit.log", text, 0600);
    free(text);
    open_log();
    for (int i = 0; i < COUNT; i++) {
        snprintf(expected, sizeof(expected), "line %d", i);
        assert_string_equal(next(), expected);
    }
    assert_null(next());
    audit_lines_close(&lines);
    for (int count = 1; count < COUNT; count += 4999) {
        open_log();
        assert_int_equal(audit_lines_seek_last(&lines, (uint64_t)count, NULL), KH_OK);
        snprintf(expected, sizeof(expected), "line %d", COUNT - count);
        assert_string_equal(next(), expected);
        audit_lines_close(&lines);
    }
}

static void
write_three(void)
{
    write_file("audit.log.000000000001", "one\ntwo\n", 0600);
    write_file("audit.log.000000000003", "three\n", 0600);
    write_file("audit.log.000000000003.gz", "zzz\n", 0600);
    write_file("audit.log.1", "www\n", 0600);
    write_file("audit.log", "four\nfive\nto", 0600);
    open_log();
}

static void
remove_older(void)
{
    static const char *const names[] = {"audit.log.000000000001", "audit.log.000000000003",
                                        "audit.log.000000000003.gz", "audit.log.1"};
    audit_lines_close(&lines);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(test_path(names[i]));
}

static void
older_files_come_first(void **state)
{
    (void)state;
    write_three();
    static const char *const all[] = {"one", "two", "three", "four", "five"};
    static const uint64_t file[] = {1, 1, 3, 0, 0};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(next(), all[i]);
        assert_int_equal(audit_lines_file(&lines), file[i]);
    }
    assert_null(next());
    append("rn\n");
    assert_string_equal(next(), "torn");
    assert_int_equal(audit_lines_position(&lines), audit_lines_size(&lines));
    for (uint64_t count = 0; count <= 8; count++) {
        assert_int_equal(audit_lines_seek_last(&lines, count, NULL), KH_OK);
        for (size_t i = count < 6 ? 6 - count : 0; i < 5; i++)
            assert_string_equal(next(), all[i]);
        assert_true(count == 0 || strcmp(next(), "torn") == 0);
        assert_null(next());
    }
    assert_int_equal(audit_lines_seek(&lines, 9, NULL), KH_OK); // within "three"
    assert_string_equal(next(), "four");
    assert_int_equal(audit_lines_seek(&lines, 8, NULL), KH_OK);
    assert_string_equal(next(), "three");
    struct audit_back back;
    struct bytes line;
    bool more = true;
    audit_back_init(&back, &lines);
    static const char *const reverse[] = {"torn", "five", "four", "three", "two", "one"};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(audit_back_next(&back, &line, &more, NULL), KH_OK);
        assert_true(more && bytes_is(line, reverse[i]));
    }
    assert_int_equal(audit_back_next(&back, &line, &more, NULL), KH_OK);
    assert_false(more);
    audit_back_free(&back);
    remove_older();
}

// Renamed while it is read, moved away, and the moment in which there is no audit.log.
static void
files_that_move(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct bytes line;
    bool more;
    write_three();
    assert_string_equal(next(), "one");
    unlink(test_path("audit.log.000000000003"));
    assert_string_equal(next(), "two");
    assert_int_equal(audit_lines_next(&lines, &line, &more, &fault), KH_ERR_IO);
    assert_says(fault, "moved away meanwhile");
    remove_older();
    // One that is both: opened as audit.log, and listed when it was renamed already.
    write_file("audit.log", "one\n", 0600);
    char from[256];
    snprintf(from, sizeof from, "%s", test_path("audit.log"));
    assert_int_equal(link(from, test_path("audit.log.000000000001")), 0);
    open_log();
    assert_string_equal(next(), "one");
    assert_null(next());
    audit_lines_close(&lines);
    unlink(test_path("audit.log"));
    assert_int_equal(audit_lines_open(test_directory, &lines, &fault), KH_ERR_NOT_FOUND);
    unlink(test_path("audit.log.000000000001"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_grows),
        cmocka_unit_test(the_last_lines),
        cmocka_unit_test(older_files_come_first),
        cmocka_unit_test(files_that_move),
        cmocka_unit_test(a_long_log),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
