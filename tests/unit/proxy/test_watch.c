/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever watches: three pages and nothing else, for whom they are, and when the broker is not
 * ready. */
#include "fixture.h"

#include "../../../broker/metrics.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

static uint16_t
send_metrics_listener(struct world *w)
{
    BUFFER_AUTO body;
    uint16_t port;
    int fd = listen_loopback(&port);
    struct message_listener message = {
        .kind = LISTENER_TCP, .metrics = true, .name = BYTES("127.0.0.1:0")};

    buffer_init(&body, 65536);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    message_listener_tx(&message, &body);
    send_frame(w->supervisor, MESSAGE_LISTENER, 0, buffer_bytes(&body), fd);
    close(fd);
    return port;
}

static void
send_page(struct world *w, enum role role, int fd)
{
    BUFFER_AUTO body;
    const struct message_metrics_page message = {.role = role};

    buffer_init(&body, 64);
    message_metrics_page_tx(&message, &body);
    send_frame(w->supervisor, MESSAGE_METRICS_PAGE, 0, buffer_bytes(&body), fd);
}

/* The authority's, which this test writes. */
static struct metrics_page *
give_page(struct world *w, enum role role)
{
    struct fault fault = {0};
    int fd = metrics_page_create(&fault);
    struct metrics_page *page = metrics_page_map(fd);

    assert_non_null(page);
    send_page(w, role, fd);
    close(fd);
    return page;
}

static const char *
ask(uint16_t port, const char *request)
{
    int fd = connect_loopback(port);

    send_text(fd, request);
    read_answer(fd);
    close(fd);
    return received.p;
}

static void
assert_status(uint16_t port, const char *request, const char *status)
{
    const char *answer = ask(port, request);

    if (strncmp(answer + 9, status, 3) != 0)
        fail_msg("expected %s for %.60s, got %.400s", status, request, answer);
}

static void
test_what_is_no_page(void **state)
{
    static const struct {
        const char *request, *status;
    } cases[] = {
        {GET("/"), "404"},
        {GET("/metrics/"), "404"},
        {GET("/metrics?"), "404"},
        {GET("/%6detrics"), "404"},
        {GET("/~api/x"), "404"},
        {"POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", "405"},
        {"GET http://127.0.0.1/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "421"},
        {"CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n", "421"},
        {"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "421"},
        {"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: something\r\n\r\n", "417"},
        {"GET /metrics HTTP/1.1\r\n\r\n", "400"},
        {"GET /metrics HTTP/1.1\r\nHost: a b\r\n\r\n", "400"},
    };
    struct world *w = world_plain();
    uint16_t port = send_metrics_listener(w);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_status(port, cases[i].request, cases[i].status);
    assert_true(authority_is_silent(w));
    world_free(w);
}

// A web page can have a name lead here, and would read what a browser gets for it.
// threat 27
static void
test_a_name_of_somebody_else(void **state)
{
    static const char *const other[] = {"rebound.example", "api.test",    "0x7f.1",
                                        "2130706433",      "127.0.0.1.x", "localhost.evil"};
    static const char *const own[] = {"127.0.0.1", "127.0.0.1:9", "[::1]", "localhost", "10.0.0.1"};
    struct world *w = world_plain();
    uint16_t port = send_metrics_listener(w);
    char request[256];
    (void)state;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", other[i]);
        assert_status(port, request, "421");
        assert_lacks(received.p, "keyhole_");
    }
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", own[i]);
        assert_status(port, request, "200");
    }
    world_free(w);
}

static void
test_pages_are_read(void **state)
{
    struct world *w = world_plain();
    uint16_t port = send_metrics_listener(w);
    struct metrics_page *page = give_page(w, ROLE_AUTHORITY);
    (void)state;
    metrics_cell_set(&page->value[METRIC_TOKENS_MINTED], 7);
    assert_contains(ask(port, GET("/metrics")), "\nkeyhole_tokens_minted_total 7\n");
    // Given once more it takes the place of the one before.
    struct metrics_page *other = give_page(w, ROLE_AUTHORITY);
    metrics_cell_set(&other->value[METRIC_TOKENS_MINTED], 1);
    assert_contains(ask(port, GET("/metrics")), "\nkeyhole_tokens_minted_total 1\n");
    // What is no page changes nothing.
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    send_page(w, ROLE_DISCHARGER, null);
    close(null);
    assert_contains(ask(port, GET("/metrics")), "\nkeyhole_tokens_minted_total 1\n");
    assert_contains(ask(port, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                              "Accept: application/openmetrics-text\r\n\r\n"),
                    "\n# EOF\n");
    assert_contains(received.p, "Content-Type: application/openmetrics-text; version=1.0.0");
    metrics_page_unmap(page);
    metrics_page_unmap(other);
    world_free(w);
}

static void
test_when_it_is_not_ready(void **state)
{
    static const struct {
        enum metric metric;
        const char *says;
    } cases[] = {{METRIC_AUDIT_FAILING, "[\"audit: "}, {METRIC_DATABASE_FAILING, "[\"database: "}};
    struct world *w = world_plain();
    uint16_t port = send_metrics_listener(w);
    struct metrics_page *page = give_page(w, ROLE_AUTHORITY);
    (void)state;
    assert_status(port, GET("/readyz"), "200");
    assert_contains(received.p, "{\"ready\":true,\"problems\":[]}\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        metrics_cell_set(&page->value[cases[i].metric], 1);
        assert_status(port, GET("/readyz"), "503");
        assert_contains(received.p, cases[i].says);
        assert_contains(ask(port, GET("/metrics")), "\nkeyhole_ready 0\n");
        metrics_cell_set(&page->value[cases[i].metric], 0);
    }
    metrics_cell_set(&page->heartbeat_us, 1); // of when the machine was started
    assert_status(port, GET("/readyz"), "503");
    assert_contains(received.p, "[\"authority: it does not answer\"]");
    metrics_cell_set(&page->heartbeat_us, (uint64_t)metrics_clock_us());
    assert_status(port, GET("/readyz"), "200");
    metrics_cell_set(&page->value[METRIC_AUDIT_FAILING], 1);
    metrics_cell_set(&page->value[METRIC_DATABASE_FAILING], 1);
    assert_contains(ask(port, GET("/readyz")), "denied\",\"database: "); // two are a list
    assert_status(port, GET("/healthz"), "200");
    metrics_page_unmap(page);
    world_free(w);
}

static void
test_without_an_authority(void **state)
{
    struct world *w = world_plain();
    uint16_t port = send_metrics_listener(w);
    int client = connect_loopback(w->port);
    (void)state;
    close(w->authority);
    w->authority = -1;
    send_text(client, GET_MODELS);
    read_answer(client); // now it has noticed
    assert_contains(received.p, "HTTP/1.1 503 ");
    close(client);
    assert_status(port, GET("/readyz"), "503");
    assert_contains(received.p, "[\"authority: there is none");
    assert_status(port, GET("/healthz"), "200");
    send_authority_channel(w);
    world_free(w);
}

static void
test_places(void **state)
{
    struct world *w = world_plain();
    uint16_t port = send_metrics_listener(w);
    int idle[WATCH_CONNECTIONS_MAX];
    (void)state;
    for (size_t i = 0; i < WATCH_CONNECTIONS_MAX; i++) {
        idle[i] = connect_loopback(port);
        send_text(idle[i], GET("/healthz"));
        read_answer(idle[i]);
    }
    int more = connect_loopback(port), client = connect_loopback(w->port);
    read_answer(more);
    assert_contains(received.p, "HTTP/1.1 503 ");
    close(more);
    send_text(client, GET_MODELS); // clients have places of their own
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    close(client);
    for (size_t i = 0; i < WATCH_CONNECTIONS_MAX; i++)
        close(idle[i]);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_page),      cmocka_unit_test(test_a_name_of_somebody_else),
        cmocka_unit_test(test_pages_are_read),       cmocka_unit_test(test_when_it_is_not_ready),
        cmocka_unit_test(test_without_an_authority), cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
