/* SPDX-License-Identifier: Apache-2.0 */
/* A log that grows, is renamed, and begins anew. */
#include "support.h"

#include "../../../broker/operator/audit_follow.h"

#include <signal.h>

static struct audit_lines lines;
static struct audit_follow follow;

static const char *
next(struct audit_lines *from)
{
    static char text[64];
    struct bytes line;
    bool more;
    assert_int_equal(audit_lines_next(from, &line, &more, NULL), KH_OK);
    if (!more)
        return "";
    snprintf(text, sizeof(text), "%.*s", BYTES_ARG(line));
    return text;
}

static void
append(const char *name, const char *text)
{
    int fd = open(test_path(name), O_WRONLY | O_APPEND | O_CREAT, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static bool
is_another(struct audit_lines *found)
{
    bool another = false;
    assert_int_equal(audit_follow_next(&follow, &lines, found, &another, NULL), KH_OK);
    return another;
}

static void
begin(const char *text)
{
    write_file("audit.log", text, 0600);
    assert_int_equal(audit_lines_open(test_directory, &lines, NULL), KH_OK);
    audit_follow_begin(&follow, test_directory);
    assert_true(follow.notify >= 0);
}

static void
end(void)
{
    audit_follow_end(&follow);
    audit_lines_close(&lines);
}

static void
a_rotation(void **state)
{
    (void)state;
    struct audit_lines found;
    char from[256], to[256];
    begin("one\n");
    assert_string_equal(next(&lines), "one");
    assert_false(is_another(&found));
    snprintf(from, sizeof from, "%s", test_path("audit.log"));
    snprintf(to, sizeof to, "%s", test_path("audit.log.1"));
    assert_int_equal(rename(from, to), 0);
    assert_false(is_another(&found)); // there is no other yet
    append("audit.log.1", "two\n");   // whoever has the old one open may still write to it
    append("audit.log", "three\n");
    assert_true(is_another(&found));
    assert_string_equal(next(&lines), "two");
    assert_string_equal(next(&lines), "");
    assert_string_equal(next(&found), "three");
    assert_string_equal(next(&found), "");
    audit_lines_close(&found);
    end();
}

// Between two looks the log may be set aside more than once.
static void
two_rotations(void **state)
{
    (void)state;
    struct audit_lines found;
    char from[256], to[256];
    begin("one\n");
    assert_string_equal(next(&lines), "one");
    snprintf(from, sizeof from, "%s", test_path("audit.log"));
    snprintf(to, sizeof to, "%s", test_path("audit.log.000000000001"));
    assert_int_equal(rename(from, to), 0);
    write_file("audit.log.000000000002", "two\n", 0600);
    write_file("audit.log", "three\n", 0600);
    assert_true(is_another(&found));
    assert_string_equal(next(&found), "two");
    assert_string_equal(next(&found), "three");
    assert_string_equal(next(&found), "");
    audit_lines_close(&found);
    unlink(test_path("audit.log.000000000001"));
    unlink(test_path("audit.log.000000000002"));
    end();
}

static void
a_log_that_is_cut(void **state)
{
    (void)state;
    struct audit_lines found;
    begin("one\ntwo\n");
    assert_string_equal(next(&lines), "one");
    assert_string_equal(next(&lines), "two");
    assert_int_equal(truncate(test_path("audit.log"), 0), 0);
    append("audit.log", "new\n");
    assert_true(is_another(&found));
    assert_string_equal(next(&found), "new");
    audit_lines_close(&found);
    end();
}

// With inotify and without. Standard output is not a pipe that is broken.
static void
waiting_ends_when_there_is_more(void **state)
{
    (void)state;
    begin("one\n");
    append("audit.log", "two\n");
    assert_int_equal(audit_follow_wait(&follow), AUDIT_FOLLOW_LOOK);
    audit_follow_end(&follow);
    assert_int_equal(follow.notify, -1);
    assert_int_equal(audit_follow_wait(&follow), AUDIT_FOLLOW_LOOK);
    end();
}

static void
nobody_reads(void **state)
{
    (void)state;
    int ends[2], before = dup(STDOUT_FILENO);
    begin("");
    assert_int_equal(pipe(ends), 0);
    fflush(stdout);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    enum audit_follow_result result = audit_follow_wait(&follow);
    dup2(before, STDOUT_FILENO);
    close(before);
    assert_int_equal(result, AUDIT_FOLLOW_OVER);
    end();
}

static void
a_signal_ends_it(void **state)
{
    (void)state;
    begin("");
    raise(SIGINT);
    assert_int_equal(audit_follow_wait(&follow), AUDIT_FOLLOW_OVER);
    end();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rotation),        cmocka_unit_test(two_rotations),
        cmocka_unit_test(a_log_that_is_cut), cmocka_unit_test(waiting_ends_when_there_is_more),
        cmocka_unit_test(nobody_reads),
        cmocka_unit_test(a_signal_ends_it), // the last: it stays over
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
