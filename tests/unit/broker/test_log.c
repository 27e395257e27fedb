/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line for one event, nothing in it that a terminal or a parser could mistake. */
#include "../../../broker/log.h"
#include "support.h"

#include <errno.h>
#include <jansson.h>
#include <sys/socket.h>

static char line[16384];
static size_t writes;

// What one call writes to standard error, as datagrams: each is one write.
static void
capture(enum log_level level, const char *event, const char *sentence)
{
    int fd[2], saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
    assert_int_equal(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
    log_event(level, event, "%s", sentence);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(saved) | close(fd[1]), 0);
    size_t n = 0;
    writes = 0;
    for (;;) {
        ssize_t got = recv(fd[0], line + n, sizeof(line) - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
        writes++;
    }
    line[n] = '\0';
    assert_int_equal(close(fd[0]), 0);
}

static json_t *
capture_json(const char *sentence)
{
    json_error_t error;
    log_init("proxy 0", LOG_FORMAT_JSON, LOG_LEVEL_DEBUG);
    capture(LOG_LEVEL_WARNING, "some-event", sentence);
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        fail_msg("%s: %s", error.text, line);
    return object;
}

/* ---- */

static void
test_levels_filter(void **state)
{
    (void)state;
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        log_init("test", LOG_FORMAT_HUMAN, (enum log_level)level);
        for (int event = LOG_LEVEL_ERROR; event <= LOG_LEVEL_DEBUG; event++) {
            capture((enum log_level)event, "event", "sentence");
            assert_int_equal(writes, event <= level ? 1 : 0);
            assert_int_equal(log_enabled((enum log_level)event), event <= level);
        }
    }
    log_set_level(LOG_LEVEL_ERROR);
    assert_false(log_enabled(LOG_LEVEL_WARNING));
}

static void
test_human_line(void **state)
{
    (void)state;
    log_init("proxy 0", LOG_FORMAT_HUMAN, LOG_LEVEL_INFO);
    capture(LOG_LEVEL_WARNING, "child-exited", "the authority ended: signal 11");
    assert_int_equal(writes, 1);
    // 2026-11-21T18:00:00.123Z
    assert_int_equal(strspn(line, "0123456789-T:.Z"), 24);
    assert_int_equal(line[10], 'T');
    assert_int_equal(line[19], '.');
    assert_int_equal(line[23], 'Z');
    assert_string_equal(line + 24,
                        " warning proxy 0: child-exited: the authority ended: signal 11\n");
}

// Standard error is no terminal here: JSON by default, and never a colour.
static void
test_auto_is_json_without_a_terminal(void **state)
{
    (void)state;
    log_init("proxy 0", LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    if (isatty(STDERR_FILENO) == 1)
        skip();
    capture(LOG_LEVEL_ERROR, "event", "sentence");
    assert_int_equal(line[0], '{');
    log_init("proxy 0", LOG_FORMAT_HUMAN, LOG_LEVEL_INFO);
    capture(LOG_LEVEL_ERROR, "event", "sentence");
    assert_null(strchr(line, '\033'));
}

static void
test_json_line(void **state)
{
    (void)state;
    json_t *object = capture_json("a \"quoted\" sentence");
    assert_int_equal(json_object_size(object), 5);
    assert_string_equal(json_string_value(json_object_get(object, "level")), "warning");
    assert_string_equal(json_string_value(json_object_get(object, "process")), "proxy 0");
    assert_string_equal(json_string_value(json_object_get(object, "event")), "some-event");
    assert_string_equal(json_string_value(json_object_get(object, "message")),
                        "a \"quoted\" sentence");
    assert_int_equal(strlen(json_string_value(json_object_get(object, "time"))), 24);
    json_decref(object);
}

static const struct {
    const char *sentence, *human, *json;
} escapes[] = {
    {"two\nlines", "two\\u000alines", "two\nlines"},
    {"\r\033[2Jgone", "\\u000d\\u001b[2Jgone", "\r\033[2Jgone"},
    {"\x7f", "\\u007f", "\x7f"},
    {"back\\slash", "back\\\\slash", "back\\slash"},
    {"tab\there", "tab\\u0009here", "tab\there"},
    {"bad \xff byte", "bad \\xff byte", "bad \\xff byte"},
    {"cut \xe2\x82", "cut \\xe2\\x82", "cut \\xe2\\x82"},
    {"overlong \xc0\xaf", "overlong \\xc0\\xaf", "overlong \\xc0\\xaf"},
    {"right \xe2\x80\xae to left", "right \\u202e to left", "right \xe2\x80\xae to left"},
    {"next line \xc2\x85", "next line \\u0085", "next line \xc2\x85"},
    {"caf\xc3\xa9 \xf0\x9f\x94\x91", "caf\xc3\xa9 \xf0\x9f\x94\x91",
     "caf\xc3\xa9 \xf0\x9f\x94\x91"},
};

static void
test_escapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        char expected[128];
        log_init("p", LOG_FORMAT_HUMAN, LOG_LEVEL_INFO);
        capture(LOG_LEVEL_INFO, "e", escapes[i].sentence);
        (void)snprintf(expected, sizeof(expected), " info p: e: %s\n", escapes[i].human);
        assert_string_equal(line + 24, expected);
        json_t *object = capture_json(escapes[i].sentence);
        assert_string_equal(json_string_value(json_object_get(object, "message")), escapes[i].json);
        json_decref(object);
    }
}

static void
test_long_sentence_is_cut_and_the_line_stays_whole(void **state)
{
    static char text[20000];
    (void)state;
    for (int c = 1; c < 256; c += 51) {
        memset(text, c, sizeof(text) - 1);
        json_t *object = capture_json(text);
        assert_int_equal(writes, 1);
        assert_int_equal(line[strlen(line) - 1], '\n');
        json_decref(object);
    }
}

static void
test_errno_is_kept(void **state)
{
    (void)state;
    log_init("p", LOG_FORMAT_HUMAN, LOG_LEVEL_INFO);
    int saved = dup(STDERR_FILENO);
    assert_int_equal(close(STDERR_FILENO), 0);
    errno = ENOENT;
    log_error("event", "cannot be written");
    int kept = errno;
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(saved), 0);
    assert_int_equal(kept, ENOENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_filter),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_long_sentence_is_cut_and_the_line_stays_whole),
        cmocka_unit_test(test_human_line),
        cmocka_unit_test(test_auto_is_json_without_a_terminal),
        cmocka_unit_test(test_json_line),
        cmocka_unit_test(test_errno_is_kept),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
