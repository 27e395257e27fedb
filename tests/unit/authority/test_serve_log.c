/* SPDX-License-Identifier: Apache-2.0 */
/* The line of a decision: which have one, what stands in it, and what never does. */
#include "opened.h"

#include "../../../broker/authority/serve_log.h"
#include "../../../broker/log.h"

#include <sys/socket.h>

static char line[16384];

static const uint8_t request_id[REQUEST_ID_SIZE] = {0xab, [REQUEST_ID_SIZE - 1] = 0x01};
static const uint8_t trace_id[TRACE_ID_SIZE] = {0xcd};
#define ID    "ab000000000000000000000000000001"
#define TRACE "cd000000000000000000000000000000"

static struct audit_record
record_of_openai(bool allow)
{
    return (struct audit_record){.kind = AUDIT_DECISION,
                                 .allow = allow,
                                 .reason = allow ? KH_REASON_UNSET : KH_REASON_REVOKED,
                                 .request_id = request_id,
                                 .trace_id = trace_id,
                                 .credential = BYTES("openai"),
                                 .user = BYTES("alice"),
                                 .client = BYTES("127.0.0.1"),
                                 .method = BYTES("GET"),
                                 .host = BYTES("api.openai.com"),
                                 .port = 443,
                                 .path = BYTES("/canary")};
}

/* Into `line`: the line, or "". */
static void
take_stderr(void (*log)(const struct audit_record *), const struct audit_record *record)
{
    int fd[2], saved = dup(STDERR_FILENO);

    assert_true(saved >= 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd), 0);
    assert_int_equal(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
    log(record);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(close(saved) | close(fd[1]), 0);
    ssize_t n = recv(fd[0], line, sizeof line - 1, 0);
    line[n > 0 ? n : 0] = '\0';
    assert_int_equal(close(fd[0]), 0);
}

static void
log_it(const struct audit_record *record)
{
    serve_log_decision(&authority, record);
}

static void
log_unrecorded(const struct audit_record *record)
{
    serve_log_unrecorded(&authority, record->request_id);
}

static void
assert_line_is(const char *name, const char *value)
{
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *is = json_string_value(json_object_get(json, name));

    if ((is == NULL) != (value == NULL) || (is && strcmp(is, value) != 0))
        fail_msg("%s is %s and not %s: %s", name, is ? is : "not there",
                 value ? value : "not there", line);
    json_decref(json);
}

static void
which_have_a_line(void **state)
{
    static const struct {
        int64_t which;
        enum log_level level;
        bool allowed, denied;
    } cases[] = {
        {LOG_DECISIONS_DENIED, LOG_LEVEL_INFO, false, true},
        {LOG_DECISIONS_ALL, LOG_LEVEL_INFO, true, true},
        {LOG_DECISIONS_NONE, LOG_LEVEL_INFO, false, false},
        {LOG_DECISIONS_ALL, LOG_LEVEL_WARNING, false, false},
        {LOG_DECISIONS_ALL, LOG_LEVEL_DEBUG, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct audit_record allowed = record_of_openai(true);
        const struct audit_record denied = record_of_openai(false);
        log_init("authority", LOG_FORMAT_JSON, cases[i].level);
        authority.config.log_decisions = cases[i].which;
        take_stderr(log_it, &allowed);
        assert_int_equal(line[0] != '\0', cases[i].allowed);
        take_stderr(log_it, &denied);
        assert_int_equal(line[0] != '\0', cases[i].denied);
    }
}

static void
what_stands_in_it(void **state)
{
    struct audit_record record = record_of_openai(true);
    (void)state;
    log_init("authority", LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    authority.config.log_decisions = LOG_DECISIONS_ALL;
    take_stderr(log_it, &record);
    assert_line_is("request_id", ID);
    assert_line_is("trace_id", TRACE);
    assert_line_is("decision", "allow");
    assert_line_is("code", "allowed");
    assert_line_is("credential", "openai");
    assert_line_is("user", "alice");
    assert_line_is("client", "127.0.0.1");
    assert_line_is("method", "GET");
    assert_line_is("host", "api.openai.com");
    assert_line_is("port", "443");
    assert_line_is("message",
                   "allow GET api.openai.com:443 (allowed) user alice credential openai, "
                   "id " ID);
    assert_null(strstr(line, "canary"));
    record.allow = false;
    record.reason = KH_REASON_REVOKED;
    record.trace_id = NULL;
    record.user = BYTES_EMPTY;
    record.port = 0;
    take_stderr(log_it, &record);
    assert_line_is("decision", "deny");
    assert_line_is("code", "revoked");
    assert_line_is("trace_id", NULL);
    assert_line_is("user", NULL);
    assert_line_is("port", NULL);
}

// It is a part of the path that the client asked for, and could be anything.
// threat 27
static void
a_name_that_was_made_up_is_not_in_it(void **state)
{
    struct audit_record record = record_of_openai(false);
    (void)state;
    log_init("authority", LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    authority.config.log_decisions = LOG_DECISIONS_DENIED;
    record.credential = BYTES("sk-pasted-into-the-url");
    take_stderr(log_it, &record);
    assert_line_is("decision", "deny");
    assert_line_is("credential", NULL);
    assert_null(strstr(line, "pasted"));
    record.credential = BYTES("pass-through");
    take_stderr(log_it, &record);
    assert_line_is("credential", "pass-through");
}

static void
what_was_not_recorded_has_one_as_well(void **state)
{
    const struct audit_record record = record_of_openai(true);
    (void)state;
    log_init("authority", LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    authority.config.log_decisions = LOG_DECISIONS_DENIED;
    take_stderr(log_unrecorded, &record);
    assert_line_is("request_id", ID);
    assert_line_is("decision", "deny");
    assert_line_is("code", "broker-unavailable");
    assert_line_is("credential", NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(which_have_a_line, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(what_stands_in_it, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(a_name_that_was_made_up_is_not_in_it, opened_with_openai,
                                        opened_end),
        cmocka_unit_test_setup_teardown(what_was_not_recorded_has_one_as_well, opened_with_openai,
                                        opened_end),
    };
    return cmocka_run_group_tests_name("serve_log", tests, NULL, NULL);
}
