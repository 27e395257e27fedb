/* SPDX-License-Identifier: Apache-2.0 */
/* The exposition formats: escaping, numbers, histograms, and which of the two. */
#include "../../../broker/metrics_print.h"
#include "support.h"

static struct metrics_page authority, proxy[2], supervisor;
static const struct metrics_view views[] = {{ROLE_SUPERVISOR, 0, &supervisor},
                                            {ROLE_AUTHORITY, 0, &authority},
                                            {ROLE_PROXY, 0, &proxy[0]},
                                            {ROLE_PROXY, 1, &proxy[1]}};

static int
setup(void **state)
{
    (void)state;
    memset(&authority, 0, sizeof(authority));
    memset(proxy, 0, sizeof(proxy));
    memset(&supervisor, 0, sizeof(supervisor));
    return 0;
}

static struct metrics_scrape
scrape(bool openmetrics)
{
    return (struct metrics_scrape){
        .view = views, .count = 4, .now_us = 5000000, .ready = true, .openmetrics = openmetrics};
}

static void
print(struct buffer *out, bool openmetrics)
{
    const struct metrics_scrape all = scrape(openmetrics);
    buffer_init(out, 8 << 20);
    metrics_print(&all, out);
    assert_false(out->failed);
}

static void
assert_has(struct buffer *text, const char *line)
{
    if (strstr(buffer_text(text), line) == NULL)
        fail_msg("not there: %s", line);
}

static void
test_labels_are_escaped(void **state)
{
    (void)state;
    const struct metrics_scrape all = scrape(false);
    struct metrics_writer writer = {.scrape = &all, .row = &metric_row[METRIC_CLIENTS]};
    const struct metrics_label label = {"listener", "a\\b\"c\nd"}, broken = {"listener", "\xff/x"};
    struct buffer text;
    buffer_init(&text, 1024);
    writer.out = &text;
    metrics_write_sample(&writer, &label, 1, 1);
    metrics_write_sample(&writer, &broken, 1, 2);
    assert_string_equal(buffer_text(&text),
                        "keyhole_client_connections_total{listener=\"a\\\\b\\\"c\\nd\"} 1\n"
                        "keyhole_client_connections_total{listener=\"?/x\"} 2\n");
    buffer_free(&text);
}

static void
test_numbers(void **state)
{
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {{0, "0"},       {1, "0.000001"}, {1500000, "1.5"},
                 {1000000, "1"}, {100, "0.0001"}, {1795320702251000, "1795320702.251"}};
    (void)state;
    const struct metrics_scrape all = scrape(false);
    struct metrics_writer writer = {.scrape = &all, .row = &metric_row[METRIC_RELOAD_TIME]};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer text;
        char expected[128];
        buffer_init(&text, 1024);
        writer.out = &text;
        metrics_write_sample(&writer, NULL, 0, cases[i].value);
        (void)snprintf(expected, sizeof(expected), "keyhole_config_loaded_timestamp_seconds %s\n",
                       cases[i].text);
        assert_string_equal(buffer_text(&text), expected);
        buffer_free(&text);
    }
}

static void
test_pages_are_added_up(void **state)
{
    struct buffer text;
    (void)state;
    memcpy(authority.credential[METRICS_SLOT_FIRST], "github", 7);
    metrics_cell_set(&authority.credentials, 1);
    metrics_cell_set(&authority.decided[METRICS_SLOT_FIRST][0], 4);
    metrics_cell_set(&authority.decided[METRICS_SLOT_NONE][KH_REASON_REVOKED], 2);
    for (int i = 0; i < 2; i++) {
        metrics_cell_set(&proxy[i].value[METRIC_SCRUBBED], 3);
        metrics_cell_set(&proxy[i].bytes_up[METRICS_SLOT_FIRST], 50);
        metrics_observe(&proxy[i].request, &metrics_bounds_long, 2000000);
        memcpy(proxy[i].listener[i].name, "127.0.0.1:1", 12);
        metrics_cell_set(&proxy[i].listener[i].open, 1);
    }
    // A proxy writes nothing into the figures of the authority.
    metrics_cell_set(&proxy[0].value[METRIC_AUDIT_FAILING], 1);
    metrics_cell_set(&proxy[0].decided[METRICS_SLOT_FIRST][0], 100);
    metrics_cell_set(&proxy[1].heartbeat_us, 4000000);
    print(&text, false);
    assert_has(&text, "\nkeyhole_decisions_total{credential=\"github\",code=\"allowed\"} 4\n");
    assert_has(&text, "\nkeyhole_decisions_total{credential=\"none\",code=\"revoked\"} 2\n");
    assert_has(&text, "\nkeyhole_scrub_hits_total 6\n");
    assert_has(&text, "\nkeyhole_request_body_bytes_total{credential=\"github\"} 100\n");
    assert_has(&text, "\nkeyhole_request_duration_seconds_bucket{le=\"1\"} 0\n"
                      "keyhole_request_duration_seconds_bucket{le=\"2.5\"} 2\n");
    assert_has(&text, "\nkeyhole_request_duration_seconds_sum 4\n"
                      "keyhole_request_duration_seconds_count 2\n");
    assert_has(&text, "\nkeyhole_client_connections_open{listener=\"127.0.0.1:1\"} 2\n");
    assert_has(&text, "\nkeyhole_audit_failing 0\n");
    assert_has(&text, "\nkeyhole_process_heartbeat_age_seconds{process=\"proxy 1\"} 1\n");
    assert_null(strstr(buffer_text(&text), "age_seconds{process=\"proxy 0\"}"));
    buffer_free(&text);
}

static void
test_openmetrics(void **state)
{
    struct buffer text;
    (void)state;
    metrics_observe(&proxy[0].request, &metrics_bounds_long, 1);
    print(&text, true);
    assert_true(bytes_ends(buffer_bytes(&text), BYTES("\n# EOF\n")));
    assert_has(&text, "\n# TYPE keyhole_scrub_hits counter\nkeyhole_scrub_hits_total 0\n");
    assert_has(&text, "\n# TYPE keyhole_build info\nkeyhole_build_info{version=");
    assert_has(&text, "\n# UNIT keyhole_request_duration_seconds seconds\n");
    assert_has(&text, "_bucket{le=\"1.0\"} 1\n");
    assert_has(&text, "_bucket{le=\"+Inf\"} 1\n");
    buffer_free(&text);
    print(&text, false);
    assert_null(strstr(buffer_text(&text), "# EOF"));
    assert_has(&text, "\n# TYPE keyhole_scrub_hits_total counter\nkeyhole_scrub_hits_total 0\n");
    assert_has(&text, "\n# TYPE keyhole_build_info gauge\n");
    buffer_free(&text);
}

// What a proxy that was broken into could make of its own page.
static void
test_garbage_is_survived(void **state)
{
    struct buffer text;
    (void)state;
    memset(&proxy[0], 0xff, sizeof(proxy[0]));
    memset(&authority.credential, 'x', sizeof(authority.credential));
    memset(&authority.credentials, 0xff, sizeof(authority.credentials));
    memset(&supervisor.processes, 0xff, sizeof(supervisor.processes));
    print(&text, false);
    assert_true(bytes_is_utf8(buffer_bytes(&text)));
    buffer_free(&text);
}

static void
test_accept(void **state)
{
    static const struct {
        const char *accept;
        bool open;
    } cases[] = {
        {"", false},
        {"*/*", false},
        {"text/plain", false},
        {"application/openmetrics-text", true},
        {"application/openmetrics-text; version=1.0.0; charset=utf-8", true},
        {"application/openmetrics-text;version=9.0.0", false},
        {"Application/OpenMetrics-Text;q=0.5,text/plain;q=0.4", true},
        {"application/openmetrics-text;q=0.5,text/plain;q=0.6", false},
        {"application/openmetrics-text;q=0", false},
        {"application/openmetrics-text;q=2", false},
        {"application/openmetrics-text;q=0.1234", false},
        {"application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;"
         "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.4,*/*;q=0.1",
         true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (metrics_prefers_openmetrics(bytes_str(cases[i].accept)) != cases[i].open)
            fail_msg("%s", cases[i].accept);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_labels_are_escaped, setup),
        cmocka_unit_test_setup(test_numbers, setup),
        cmocka_unit_test_setup(test_pages_are_added_up, setup),
        cmocka_unit_test_setup(test_openmetrics, setup),
        cmocka_unit_test_setup(test_garbage_is_survived, setup),
        cmocka_unit_test_setup(test_accept, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
