/* SPDX-License-Identifier: Apache-2.0 */
/* Whether all is well, what was asked lately, and how that is shown. */
#include "support.h"

#include "../../../broker/operator/status.h"
#include "../../../caveats/screen/columns.h"
#include "../../../caveats/timestamp.h"

enum { NOW = 1000000000 }; // 2001-09-09T01:46:40Z

#define PROCESS                                                                                    \
    "{\"role\":\"proxy\",\"index\":0,\"pid\":7,\"running\":true,\"restarts\":0,\"note\":\"\"}"
#define WELL                                                                                       \
    "\"listeners\":[\"http 127.0.0.1:1\"],\"processes\":[" PROCESS "],"                            \
    "\"credential_list\":[{\"name\":\"openai\",\"enabled\":true,"                                  \
    "\"created_at\":\"2001-09-01T00:00:00Z\"}],\"audit\":{\"seq\":8,\"hash\":\"ab\",\"file\":"     \
    "\"f\",\"bytes\":2048,\"behind\":1,\"signed_seq\":7},"                                         \
    "\"ca\":{\"expires_at\":\"2011-09-09T00:00:00Z\"},\"decisions\":{\"allow\":6,\"deny\":7}"

static json_t *
read_status(const char *text)
{
    json_t *status = json_loads(text, 0, NULL);
    assert_non_null(status);
    return status;
}

/* The first thing that is wrong, else the first note, else "". */
static const char *
first_said(const char *text, bool *ok)
{
    static char said[512];
    json_t *status = read_status(text);
    status_judge(NOW, status);
    const json_t *health = json_object_get(status, "health");
    const json_t *item = json_array_get(json_object_get(health, "wrong"), 0);
    if (item == NULL)
        item = json_array_get(json_object_get(health, "notes"), 0);
    const char *what = json_string_value(json_object_get(item, "what"));
    snprintf(said, sizeof said, "%s", what != NULL ? what : "");
    *ok = json_is_true(json_object_get(health, "ok"));
    json_decref(status);
    return said;
}

static void
health(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
        bool ok;
    } row[] = {
        {"{" WELL "}", "", true},
        {"{}", "nothing is listened on", false},
        {"{" WELL ",\"processes\":[{\"role\":\"proxy\",\"index\":3,\"note\":\"signal 9\"}]}",
         "the process proxy 3 is down: signal 9", false},
        {"{" WELL ",\"processes\":[{\"role\":\"proxy\",\"running\":true,\"restarts\":3}]}",
         "the process proxy 0 was started again 3 times", true},
        {"{" WELL ",\"credential_list\":[{\"name\":\"a\",\"refused_by_upstream\":{\"count\":2}}]}",
         "the key of a is refused by the upstream 2 times", false},
        {"{" WELL ",\"credential_list\":[]}", "there is no credential yet", true},
        {"{" WELL ",\"ca\":{\"expires_at\":\"2001-09-12T01:46:40Z\"}}",
         "the local CA's certificate expires in 3 days", true},
        {"{" WELL ",\"ca\":{\"expires_at\":\"2001-09-09T01:46:40Z\"}}",
         "the local CA's certificate has expired", false},
        {"{" WELL ",\"audit\":{\"bytes\":1,\"behind\":5000000}}",
         "5000000 records of the audit log are not signed yet", false},
        {"{" WELL ",\"audit\":{\"file\":\"f\"}}", "the audit log is not where it was", false},
        {"{" WELL ",\"root_keys\":[{\"active\":true,\"created_at\":\"2000-01-01T00:00:00Z\"}]}",
         "the root key is more than a year old", true},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        bool ok = false;
        const char *said = first_said(row[i].text, &ok);
        if (strncmp(said, row[i].said, strlen(row[i].said)) != 0 ||
            (row[i].said[0] == '\0' && said[0] != '\0') || ok != row[i].ok)
            fail_msg("row %zu: %s: %s", i, ok ? "well" : "wrong", said);
    }
}

static void
write_record(FILE *file, int64_t at, const char *decision, const char *reason)
{
    char time[TIMESTAMP_SIZE];
    timestamp_print(at, time);
    fprintf(file,
            "{\"seq\":1,\"time\":\"%.19s.000Z\",\"kind\":\"decision\",\"decision\":\"%s\","
            "\"reason\":\"%s\",\"credential\":\"openai\"}\n",
            time, decision, reason);
}

static void
requests(void **state)
{
    (void)state;
    FILE *file = fopen(test_path("audit.log"), "w");
    assert_non_null(file);
    write_record(file, NOW - 3700, "allow", "");
    write_record(file, NOW - 3000, "deny", "expired");
    write_record(file, NOW - 300, "allow", "");
    fputs("no record\n{\"kind\":\"decision\"}\n", file);
    write_record(file, NOW - 10, "deny", "caveat-failed");
    write_record(file, NOW, "allow", "");
    write_record(file, NOW + 4000, "allow", ""); // of a clock that was set back since
    fclose(file);
    json_t *status = read_status("{" WELL "}");
    status_count_requests(test_directory, NOW, status);
    char *text = json_dumps(json_object_get(status, "requests"), JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"codes\":{\"caveat-failed\":1,\"expired\":1},"
                              "\"hour\":{\"allow\":2,\"deny\":2},"
                              "\"minute\":{\"allow\":1,\"deny\":1},\"partial\":false}");
    free(text);
    const json_t *credential = json_array_get(json_object_get(status, "credential_list"), 0);
    assert_int_equal(json_integer_value(json_object_get(credential, "hour_allow")), 2);
    assert_int_equal(json_integer_value(json_object_get(credential, "hour_deny")), 2);
    assert_string_equal(json_string_value(json_object_get(credential, "last_used_at")),
                        "2001-09-09T01:46:40.000Z");
    json_decref(status);
}

static const char *
printed(const char *text, const struct screen *screen)
{
    static char shown[65536];
    json_t *status = read_status(text);
    BUFFER_AUTO out;
    buffer_init(&out, sizeof shown);
    status_judge(NOW, status);
    status_print(status, screen, NOW, &out);
    snprintf(shown, sizeof shown, "%s", buffer_text(&out));
    json_decref(status);
    return shown;
}

static void
for_people(void **state)
{
    (void)state;
    struct screen screen = {0};
    const char *text = printed("{" WELL "}", &screen);
    assert_int_equal(strncmp(text, "* all is well: keyholed ", 24), 0); // that comes first
    assert_contains(text, "proxy 0  running    7");
    assert_contains(text, "openai      ready  not this hour");
    assert_contains(text, "since start     6 allowed, 7 denied");
    assert_contains(text, "8 records, 2.0 KiB");
    assert_contains(text, "up to 7, 1 behind");
    text = printed("{" WELL ",\"processes\":[{\"role\":\"proxy\"}]}", &screen);
    assert_int_equal(strncmp(text, "* 1 thing is wrong", 18), 0);
    assert_contains(text, "\n  ! the process proxy 0 is down\n    -> it is started again");
}

static void
no_line_is_too_wide(void **state)
{
    (void)state;
    static const char hostile[] =
        "{" WELL
        ",\"version\":\"\\u001b[2J\",\"credential_list\":[{\"name\":\"a\\u001b]0;x\\u0007 name "
        "that goes on and on and on and on and on and on\",\"enabled\":true}],"
        "\"listeners\":[\"http 127.0.0.1:1 and a long long long long long long long long line\"]}";
    for (unsigned width = 60; width < 160; width += 7) {
        struct screen screen = {.terminal = true, .unicode = true, .width = width};
        struct bytes rest = bytes_str(printed(hostile, &screen)), line;
        while (bytes_cut(&rest, '\n', &line)) {
            assert_true(bytes_index(line, '\x1b') == line.n && bytes_index(line, '\x07') == line.n);
            if (columns_of(line) > width)
                fail_msg("%zu columns on a screen of %u: %.*s", columns_of(line), width,
                         BYTES_ARG(line));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health),
        cmocka_unit_test(requests),
        cmocka_unit_test(for_people),
        cmocka_unit_test(no_line_is_too_wide),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
