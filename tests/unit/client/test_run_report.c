/* SPDX-License-Identifier: Apache-2.0 */
/* What was refused to a run. */
#include "../../../client/run_report.h"
#include "http_server.h"

static enum kh_err
answered(const char *body, struct run_report *out)
{
    struct fault fault = {.err = KH_OK};
    struct http_answer answer = {.status = 200, .content_type = "application/json"};
    buffer_init(&answer.body, HTTP_ANSWER_MAX);
    buffer_put_str(&answer.body, body);
    enum kh_err err = run_report_read_answer(&answer, out, &fault);
    http_answer_free(&answer);
    return err;
}

static void
test_answers_that_are_none(void **state)
{
    (void)state;
    static const char *const body[] = {
        "",
        "[]",
        "{}",
        "{\"refused\":{},\"more\":0}",
        "{\"refused\":[7],\"more\":0}",
        "{\"refused\":[],\"more\":-1}",
        "{\"refused\":[{\"host\":\"a\",\"port\":1,\"code\":\"b\"}],\"more\":0}",
        "{\"refused\":[{\"host\":\"a\",\"port\":65536,\"code\":\"b\",\"count\":1}],\"more\":0}",
        "{\"refused\":[{\"host\":\"a\",\"port\":-1,\"code\":\"b\",\"count\":1}],\"more\":0}",
        "{\"refused\":[{\"host\":7,\"port\":1,\"code\":\"b\",\"count\":1}],\"more\":0}",
    };
    for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
        struct run_report report = {.count = 77};
        if (answered(body[i], &report) != KH_ERR_PROTOCOL || report.count != 77)
            fail_msg("%s", body[i]);
    }
}

static void
printed(const char *body, const char *hosts, const char *expected)
{
    struct run_report report;
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    assert_int_equal(answered(body, &report), KH_OK);
    run_report_print(&report, bytes_str(hosts), &out);
    assert_string_equal(buffer_text(&out), expected);
    run_report_free(&report);
}

#define ROW(host, port, code, count)                                                               \
    "{\"host\":\"" host "\",\"port\":" #port ",\"code\":\"" code "\",\"count\":" #count "}"
#define ROWS(rows, more) "{\"refused\":[" rows "],\"more\":" #more "}"

static void
test_lines(void **state)
{
    (void)state;
    printed(ROWS("", 0), "", "");
    printed(ROWS(ROW("files.example", 443, "host-not-allowed", 3), 0), "",
            "3 requests to files.example refused (host-not-allowed); the operator can list it "
            "under pass-through\n");
    printed(ROWS(ROW("files.example", 8443, "host-not-allowed", 1), 0), "a.example",
            "1 request to files.example:8443 refused (host-not-allowed); allow with --allow-host "
            "files.example\n");
    printed(ROWS(ROW("files.example", 0, "host-not-allowed", 1), 0), "files.example",
            "1 look-up of files.example refused (host-not-allowed); the operator can list it "
            "under pass-through\n");
    printed(ROWS(ROW("", 0, "made-up", 1), 0), "", "1 request refused (made-up)\n");
    printed(ROWS(ROW("", 0, "made-up", 2), 0), "", "2 requests refused (made-up)\n");
    printed(ROWS(ROW("a.example", 443, "made-up", 2), 0), "",
            "2 requests to a.example refused (made-up)\n");
    // What came from elsewhere does nothing to a terminal.
    printed(ROWS(ROW("a\\u001b[2J", 443, "x\\u0007", 2), 0), "",
            "2 requests to a\\x1b[2J refused (x\\x07)\n");
}

static void
test_a_reason_with_advice(void **state)
{
    (void)state;
    struct run_report report;
    BUFFER_AUTO out;
    buffer_init(&out, 65536);
    assert_int_equal(answered(ROWS(ROW("a.example", 443, "caveat-failed", 1), 0), &report), KH_OK);
    run_report_print(&report, BYTES_EMPTY, &out);
    assert_contains(buffer_text(&out), "(caveat-failed): ");
    assert_contains(buffer_text(&out), kh_reason_advice(KH_REASON_CAVEAT_FAILED));
    json_t *json = run_report_json(&report);
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(
        text, "[{\"code\":\"caveat-failed\",\"count\":1,\"host\":\"a.example\",\"port\":443}]");
    free(text);
    json_decref(json);
    run_report_free(&report);
}

static void
test_many(void **state)
{
    (void)state;
    struct run_report report;
    BUFFER_AUTO body, out;
    size_t lines = 0;
    buffer_init(&body, 65536);
    buffer_init(&out, 65536);
    buffer_put_str(&body, "{\"refused\":[");
    for (unsigned i = 0; i < 10; i++)
        buffer_printf(&body, "%s{\"host\":\"h%u\",\"port\":443,\"code\":\"x\",\"count\":2}",
                      i ? "," : "", i);
    buffer_put_str(&body, "],\"more\":5}");
    assert_int_equal(answered(buffer_text(&body), &report), KH_OK);
    run_report_print(&report, BYTES_EMPTY, &out);
    for (size_t i = 0; i < out.n; i++)
        lines += out.p[i] == '\n';
    assert_int_equal(lines, RUN_REPORT_LINES_MAX + 1);
    assert_contains(buffer_text(&out), "and 13 more");
    run_report_free(&report);
}

static void
test_from_a_broker(void **state)
{
    (void)state;
    struct http_server server = http_server_start(
        true, HTTP_ANSWER("200 OK", "application/json", "{\"refused\":[],\"more\":0}"));
    struct broker_address broker = {0};
    struct run_report report;
    struct fault fault = {.err = KH_OK};
    const uint8_t run[PREFACE_RUN_SIZE] = {0xab, [15] = 1};
    assert_ok(broker_address_read(server.address, &broker, &fault));
    assert_ok(run_report_fetch(&broker, NULL, run, &report, &fault));
    char *request = http_server_stop(&server, true);
    assert_contains(request,
                    "GET /.well-known/keyhole/runs/ab000000000000000000000000000001 HTTP/1.1\r\n");
    free(request);
    run_report_free(&report);
    broker_address_free(&broker);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_that_are_none), cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_reason_with_advice),  cmocka_unit_test(test_many),
        cmocka_unit_test(test_from_a_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
