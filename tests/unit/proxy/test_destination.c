/* SPDX-License-Identifier: Apache-2.0 */
/* One destination: every way in, and every way in which names can disagree. */
#include "unit.h"

#include "../../../broker/proxy/destination.h"
#include "../../../caveats/decide.h"

static struct routes *
make_routes(void)
{
    static const struct {
        const char *credential, *host;
        uint16_t port;
        bool plain, pass_through;
    } rows[] = {
        {"stripe", "api.stripe.com", 0, false, false},
        {"openai", "api.openai.com", 0, false, false},
        {"wild", "*.wild.test", 0, false, false},
        {"odd", "odd.test", 8443, false, false},
        {"plain", "plain.test", 8080, true, false},
        {"v6", "2001:db8::1", 0, false, false},
        {"umlaut", "xn--bcher-kva.test", 0, false, false},
        {PASS_THROUGH_NAME, "files.test", 443, false, true},
        {PASS_THROUGH_NAME, "*.stripe.com", 443, false, true},
        {PASS_THROUGH_NAME, "files.test", 8443, false, true},
    };
    struct routes *routes = NULL;
    assert_int_equal(routes_new(&routes), KH_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 131072);
        struct route route = {.credential = bytes_str(rows[i].credential),
                              .host = {bytes_str(rows[i].host)},
                              .host_count = 1,
                              .port = {rows[i].port},
                              .port_count = rows[i].port ? 1 : 0,
                              .slot = {{.kind = SLOT_BEARER}},
                              .slot_count = 1,
                              .inject_kind = INJECT_HEADER,
                              .inject_name = BYTES("authorization"),
                              .plain = rows[i].plain};
        if (rows[i].pass_through) {
            route.pass_through = true;
            route.slot_count = 0;
            route.inject_kind = INJECT_UNSET;
        }
        message_route_tx(&route, &body);
        assert_int_equal(routes_add(routes, buffer_bytes(&body)), KH_OK);
    }
    return routes;
}

static char *names[] = {(char[]){"broker.corp.test"}, (char[]){"keys"}};

struct row {
    const char *target, *host; /* request line after the method, Host */
    const char *connect;       /* host of the tunnel that it is in, or NULL */
    uint16_t connect_port;
    const char *sni;
    enum destination_kind kind;
    enum way way;
    enum kh_reason reason;
    const char *to; /* canonical host */
    uint16_t port;
    const char *wanted, *path;
};

static uint16_t reached; /* where a transparent client connected to; 0: there is none */

/* Whatever is remembered of requests before, the same is found: `memo` is of the test before, of
 * this authority, or there is none. */
static struct destination_memo memo;

static void
find(const struct routes *routes, const struct row *row, const char *method, bool remembers)
{
    char text[1024];
    struct http1_head head;
    size_t scanned = 0;
    const char *why = NULL;
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", method, row->target,
             row->host);
    if (http1_parse_request(bytes_str(text), &head, &scanned, &why) != HTTP1_DONE)
        fail_msg("%s: %s", row->target, why ? why : "incomplete");
    const struct destination_view view = {
        .memo = remembers ? &memo : NULL,
        .intercepted = row->connect != NULL,
        .connect_host = bytes_str(row->connect),
        .connect_port = row->connect_port,
        .sni = bytes_str(row->sni),
        .transparent = reached > 0,
        .reached_port = reached,
        .local_host = reached ? BYTES_EMPTY : BYTES("192.0.2.7"),
        .local_port = 8437,
        .name = names,
        .name_count = COUNT(names),
    };
    struct destination d;
    destination_init(&d);
    destination_find(routes, &view, &head, &d);
    if (d.kind != row->kind || d.way != row->way ||
        (d.kind == DESTINATION_REFUSED && (d.reason != row->reason || !d.detail)))
        fail_msg("%s, Host %s: kind %d, way %s, %s", row->target, row->host, (int)d.kind,
                 way_name(d.way), d.kind ? "" : kh_reason_code(d.reason));
    if (row->to) {
        assert_bytes(buffer_bytes(&d.host), bytes_str(row->to));
        assert_int_equal(d.match.port, row->port);
        assert_true(d.match.count > 0);
    }
    if (row->wanted)
        assert_bytes(d.wanted, bytes_str(row->wanted));
    if (row->path)
        assert_bytes(d.path, bytes_str(row->path));
    destination_free(&d);
}

static void
run(const struct row *rows, size_t count, const char *method)
{
    struct routes *routes = make_routes();
    for (size_t i = 0; i < count; i++) {
        find(routes, &rows[i], method, false);
        find(routes, &rows[i], method, true);
        find(routes, &rows[i], method, true);
    }
    routes_release(&routes);
}

#define REFUSED(way, reason) DESTINATION_REFUSED, way, KH_REASON_##reason, NULL, 0, NULL, NULL

static void
test_base_url(void **state)
{
    static const struct row rows[] = {
        {"/~nobody/v1", "localhost", NULL, 0, NULL, REFUSED(WAY_BASE_URL, CREDENTIAL_UNKNOWN)},
        {"/~", "localhost", NULL, 0, NULL, REFUSED(WAY_BASE_URL, CREDENTIAL_UNKNOWN)},
        {"/~wild/v1", "localhost", NULL, 0, NULL, REFUSED(WAY_BASE_URL, HOST_NOT_ALLOWED)},
        {"/~openai/v1", "evil.test", NULL, 0, NULL, REFUSED(WAY_HOST, MISDIRECTED)},
        {"/~openai/v1/models?a=/~b", "localhost:1", NULL, 0, NULL, DESTINATION_UPSTREAM,
         WAY_BASE_URL, 0, "api.openai.com", 443, "openai", "/v1/models"},
        {"/~openai", "127.0.0.1:8437", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_BASE_URL, 0,
         "api.openai.com", 443, "openai", "/"},
        {"/%7Eopenai/x", "[::1]:8437", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_BASE_URL, 0,
         "api.openai.com", 443, "openai", "/x"},
        {"/~plain/", "192.0.2.7", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_BASE_URL, 0,
         "plain.test", 8080, "plain", "/"},
        {"/~odd/", "KEYS:80", NULL, 0, "broker.corp.test", DESTINATION_UPSTREAM, WAY_BASE_URL, 0,
         "odd.test", 8443, "odd", "/"},
        {"http://localhost:8437/~openai/y", "localhost:8437", NULL, 0, NULL, DESTINATION_UPSTREAM,
         WAY_BASE_URL, 0, "api.openai.com", 443, "openai", "/y"},
    };
    (void)state;
    run(rows, COUNT(rows), "GET");
}

static void
test_by_host(void **state)
{
    static const struct row rows[] = {
        {"/", "api.stripe.org", NULL, 0, NULL, REFUSED(WAY_HOST, MISDIRECTED)},
        {"/", "api.stripe.com:444", NULL, 0, NULL, REFUSED(WAY_HOST, MISDIRECTED)},
        {"/", "api.stripe.com", NULL, 0, "api.openai.com", REFUSED(WAY_HOST, DESTINATION_CONFLICT)},
        {"/", "api.stripe.com", NULL, 0, "localhost", REFUSED(WAY_HOST, DESTINATION_CONFLICT)},
        {"/~openai/", "localhost", NULL, 0, "api.openai.com",
         REFUSED(WAY_HOST, DESTINATION_CONFLICT)},
        {"/v1?q", "api.stripe.com", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_HOST, 0,
         "api.stripe.com", 443, "", "/v1"},
        {"/~openai/v1", "API.Stripe.com:443", NULL, 0, "api.stripe.com", DESTINATION_UPSTREAM,
         WAY_HOST, 0, "api.stripe.com", 443, "", "/~openai/v1"},
        {"/", "api.stripe.com:8437", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_HOST, 0,
         "api.stripe.com", 443, "", "/"},
        {"/", "a.b.wild.test", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_HOST, 0, "a.b.wild.test",
         443, "", "/"},
        {"/", "odd.test:8443", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_HOST, 0, "odd.test", 8443,
         "", "/"},
        {"/", "odd.test", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_HOST, 0, "odd.test", 8443, "",
         "/"},
        {"/", "[2001:db8:0::1]", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_HOST, 0, "2001:db8::1",
         443, "", "/"},
    };
    (void)state;
    run(rows, COUNT(rows), "POST");
}

static void
test_http_proxy(void **state)
{
    static const struct row rows[] = {
        {"http://evil.test/", "evil.test", NULL, 0, NULL,
         REFUSED(WAY_HTTP_PROXY, HOST_NOT_ALLOWED)},
        {"http://api.stripe.com:22/", "api.stripe.com:22", NULL, 0, NULL,
         REFUSED(WAY_HTTP_PROXY, HOST_NOT_ALLOWED)},
        {"http://api.stripe.com/", "api.stripe.com", NULL, 0, "api.openai.com",
         REFUSED(WAY_HTTP_PROXY, DESTINATION_CONFLICT)},
        {"http://169.254.169.254/latest/", "169.254.169.254", NULL, 0, NULL,
         REFUSED(WAY_HTTP_PROXY, HOST_NOT_ALLOWED)},
        {"http://api.stripe.com/v1", "api.stripe.com", NULL, 0, NULL, DESTINATION_UPSTREAM,
         WAY_HTTP_PROXY, 0, "api.stripe.com", 443, "", "/v1"},
        {"http://api.stripe.com:80/v1", "api.stripe.com:80", NULL, 0, NULL, DESTINATION_UPSTREAM,
         WAY_HTTP_PROXY, 0, "api.stripe.com", 443, "", "/v1"},
        {"https://api.stripe.com/v1", "api.stripe.com", NULL, 0, "broker.corp.test",
         DESTINATION_UPSTREAM, WAY_HTTP_PROXY, 0, "api.stripe.com", 443, "", "/v1"},
        {"http://plain.test:8080/", "plain.test:8080", NULL, 0, NULL, DESTINATION_UPSTREAM,
         WAY_HTTP_PROXY, 0, "plain.test", 8080, "", "/"},
    };
    (void)state;
    run(rows, COUNT(rows), "GET");
}

static void
test_connect(void **state)
{
    static const struct row rows[] = {
        {"evil.test:443", "evil.test:443", NULL, 0, NULL, REFUSED(WAY_CONNECT, HOST_NOT_ALLOWED)},
        {"api.stripe.com:22", "api.stripe.com:22", NULL, 0, NULL,
         REFUSED(WAY_CONNECT, HOST_NOT_ALLOWED)},
        {"localhost:8437", "localhost:8437", NULL, 0, NULL, DESTINATION_OWN, WAY_OWN, 0, NULL, 0,
         NULL, NULL},
        {"localhost:8437", "localhost:8437", "api.stripe.com", 443, NULL,
         REFUSED(WAY_CONNECT, REQUEST_MALFORMED)},
        {"api.stripe.com:443", "api.stripe.com:443", NULL, 0, "api.stripe.com",
         REFUSED(WAY_CONNECT, DESTINATION_CONFLICT)},
        {"api.stripe.com:443", "api.stripe.com:443", "api.stripe.com", 443, NULL,
         REFUSED(WAY_CONNECT, REQUEST_MALFORMED)},
        {"api.stripe.com:443", "api.stripe.com:443", NULL, 0, NULL, DESTINATION_CONNECT,
         WAY_CONNECT, 0, "api.stripe.com", 443, NULL, NULL},
    };
    (void)state;
    run(rows, COUNT(rows), "CONNECT");
}

static void
test_pass_through(void **state)
{
    static const struct row tunnels[] = {
        {"files.test:443", "files.test:443", NULL, 0, NULL, DESTINATION_TUNNEL, WAY_TUNNEL, 0,
         "files.test", 443, NULL, NULL},
        {"files.test:8443", "files.test:8443", NULL, 0, NULL, DESTINATION_TUNNEL, WAY_TUNNEL, 0,
         "files.test", 8443, NULL, NULL},
        {"a.stripe.com:443", "a.stripe.com:443", NULL, 0, NULL, DESTINATION_TUNNEL, WAY_TUNNEL, 0,
         "a.stripe.com", 443, NULL, NULL},
        // a credential's
        {"api.stripe.com:443", "api.stripe.com:443", NULL, 0, NULL, DESTINATION_CONNECT,
         WAY_CONNECT, 0, "api.stripe.com", 443, NULL, NULL},
        {"files.test:22", "files.test:22", NULL, 0, NULL, REFUSED(WAY_CONNECT, HOST_NOT_ALLOWED)},
        {"files.test:443", "files.test:443", "api.stripe.com", 443, NULL,
         REFUSED(WAY_CONNECT, REQUEST_MALFORMED)},
        {"files.test:443", "files.test:443", NULL, 0, "files.test",
         REFUSED(WAY_CONNECT, DESTINATION_CONFLICT)},
    };
    static const struct row requests[] = {
        {"http://files.test/x", "files.test", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_HTTP_PROXY,
         0, "files.test", 443, NULL, "/x"},
        {"/x", "files.test", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_HOST, 0, "files.test", 443,
         NULL, "/x"},
        // not looked into, so never seen inside
        {"/x", "files.test", "files.test", 443, NULL, REFUSED(WAY_CONNECT, HOST_NOT_ALLOWED)},
        {"/~pass-through/x", "localhost", NULL, 0, NULL, REFUSED(WAY_BASE_URL, CREDENTIAL_UNKNOWN)},
    };
    (void)state;
    run(tunnels, COUNT(tunnels), "CONNECT");
    run(requests, COUNT(requests), "GET");
}

static void
run_reached(uint16_t port, const struct row *rows, size_t count, const char *method)
{
    reached = port;
    run(rows, count, method);
    reached = 0;
}

static void
test_transparent(void **state)
{
    static const struct row http[] = {
        {"/x", "api.stripe.com", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_TRANSPARENT, 0,
         "api.stripe.com", 443, NULL, "/x"},
        {"http://api.stripe.com/x", "api.stripe.com:80", NULL, 0, NULL, DESTINATION_UPSTREAM,
         WAY_TRANSPARENT, 0, "api.stripe.com", 443, NULL, "/x"},
        {"/x", "files.test", NULL, 0, NULL, DESTINATION_UPSTREAM, WAY_TRANSPARENT, 0, "files.test",
         443, NULL, "/x"},
        {"/", "localhost", NULL, 0, NULL, DESTINATION_OWN, WAY_OWN, 0, NULL, 0, NULL, NULL},
        {"/", "192.0.2.7", NULL, 0, NULL, REFUSED(WAY_TRANSPARENT, HOST_NOT_ALLOWED)},
        {"/", "evil.test", NULL, 0, NULL, REFUSED(WAY_TRANSPARENT, HOST_NOT_ALLOWED)},
        {"/", "api.stripe.com:443", NULL, 0, NULL, REFUSED(WAY_TRANSPARENT, DESTINATION_CONFLICT)},
        {"https://api.stripe.com/", "api.stripe.com", NULL, 0, NULL,
         REFUSED(WAY_TRANSPARENT, DESTINATION_CONFLICT)},
        {"/", "api.stripe.com", NULL, 0, "keys", REFUSED(WAY_TRANSPARENT, DESTINATION_CONFLICT)},
    };
    static const struct row https[] = {
        {"/", "keys", NULL, 0, "broker.corp.test", DESTINATION_OWN, WAY_OWN, 0, NULL, 0, NULL,
         NULL},
        {"/", "api.stripe.com", NULL, 0, NULL, REFUSED(WAY_TRANSPARENT, DESTINATION_CONFLICT)},
        // TLS ended here
        {"/x", "api.stripe.com", "api.stripe.com", 443, "api.stripe.com", DESTINATION_UPSTREAM,
         WAY_TRANSPARENT, 0, "api.stripe.com", 443, NULL, "/x"},
        {"/x", "api.openai.com", "api.stripe.com", 443, "api.stripe.com",
         REFUSED(WAY_TRANSPARENT, DESTINATION_CONFLICT)},
    };
    static const struct row odd = {
        "/x", "odd.test:8443", NULL, 0,    NULL, DESTINATION_UPSTREAM, WAY_TRANSPARENT,
        0,    "odd.test",      8443, NULL, "/x"};
    static const struct row connect = {"api.stripe.com:443",
                                       "api.stripe.com:443",
                                       NULL,
                                       0,
                                       NULL,
                                       REFUSED(WAY_TRANSPARENT, REQUEST_MALFORMED)};
    (void)state;
    run_reached(80, http, COUNT(http), "GET");
    run_reached(443, https, COUNT(https), "GET");
    run_reached(8443, &odd, 1, "GET");
    run_reached(80, &connect, 1, "CONNECT");
}

// threat 1
static void
test_inside_of_a_tunnel(void **state)
{
    static const struct row rows[] = {
        {"/", "api.openai.com", "api.stripe.com", 443, "api.stripe.com",
         REFUSED(WAY_CONNECT, DESTINATION_CONFLICT)},
        {"/", "api.stripe.com", "api.stripe.com", 443, "api.openai.com",
         REFUSED(WAY_CONNECT, DESTINATION_CONFLICT)},
        {"/", "api.stripe.com:8443", "api.stripe.com", 443, NULL,
         REFUSED(WAY_CONNECT, DESTINATION_CONFLICT)},
        {"/", "odd.test", "odd.test", 8443, NULL, REFUSED(WAY_CONNECT, DESTINATION_CONFLICT)},
        {"http://api.stripe.com/", "api.stripe.com", "api.stripe.com", 443, NULL,
         REFUSED(WAY_CONNECT, DESTINATION_CONFLICT)},
        {"/~openai/", "localhost", "api.stripe.com", 443, NULL,
         REFUSED(WAY_CONNECT, DESTINATION_CONFLICT)},
        {"/", "gone.test", "gone.test", 443, NULL, REFUSED(WAY_CONNECT, HOST_NOT_ALLOWED)},
        {"/~openai/v1", "api.stripe.com", "api.stripe.com", 443, "api.stripe.com",
         DESTINATION_UPSTREAM, WAY_CONNECT, 0, "api.stripe.com", 443, "", "/~openai/v1"},
        {"https://api.stripe.com/x", "api.stripe.com", "api.stripe.com", 443, NULL,
         DESTINATION_UPSTREAM, WAY_CONNECT, 0, "api.stripe.com", 443, "", "/x"},
        {"/", "odd.test:8443", "odd.test", 8443, "odd.test", DESTINATION_UPSTREAM, WAY_CONNECT, 0,
         "odd.test", 8443, "", "/"},
    };
    (void)state;
    run(rows, COUNT(rows), "GET");
}

static void
test_own_and_nothing(void **state)
{
    static const struct row own[] = {
        {"/", "localhost", NULL, 0, NULL, DESTINATION_OWN, WAY_OWN, 0, NULL, 0, "", "/"},
        {"/.well-known/keyhole/revoke", "127.3.2.1", NULL, 0, NULL, DESTINATION_OWN, WAY_OWN, 0,
         NULL, 0, "", NULL},
    };
    static const struct row asterisk[] = {
        {"*", "api.stripe.com", NULL, 0, NULL, REFUSED(WAY_UNSET, REQUEST_MALFORMED)},
        {"*", "api.stripe.com", "api.stripe.com", 443, NULL,
         REFUSED(WAY_CONNECT, REQUEST_MALFORMED)},
    };
    (void)state;
    run(own, COUNT(own), "GET");
    run(asterisk, COUNT(asterisk), "OPTIONS");
}

/* What is refused is recorded with the port that was asked for, too. */
static void
test_named_port(void **state)
{
    static const struct {
        const char *request;
        bool intercepted;
        uint16_t port;
    } rows[] = {
        {"CONNECT gone.test:8443 HTTP/1.1\r\nHost: gone.test:8443\r\n\r\n", false, 8443},
        {"GET http://gone.test/ HTTP/1.1\r\nHost: gone.test\r\n\r\n", false, 80},
        {"GET https://gone.test/ HTTP/1.1\r\nHost: gone.test\r\n\r\n", false, 443},
        {"GET / HTTP/1.1\r\nHost: gone.test\r\n\r\n", false, 80},
        {"GET / HTTP/1.1\r\nHost: gone.test\r\n\r\n", true, 443},
        {"GET / HTTP/1.1\r\nHost: gone.test:81\r\n\r\n", false, 81},
    };
    struct routes *routes = make_routes();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http1_head head;
        struct destination d;
        size_t scanned = 0;
        const char *why = NULL;
        const struct destination_view view = {.intercepted = rows[i].intercepted,
                                              .connect_host = BYTES("gone.test"),
                                              .connect_port = 443};
        assert_int_equal(http1_parse_request(bytes_str(rows[i].request), &head, &scanned, &why),
                         HTTP1_DONE);
        destination_init(&d);
        destination_find(routes, &view, &head, &d);
        if (d.kind != DESTINATION_REFUSED || d.named_port != rows[i].port)
            fail_msg("%s: kind %d, port %u", rows[i].request, (int)d.kind, d.named_port);
        destination_free(&d);
    }
    routes_release(&routes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base_url),           cmocka_unit_test(test_by_host),
        cmocka_unit_test(test_http_proxy),         cmocka_unit_test(test_connect),
        cmocka_unit_test(test_pass_through),       cmocka_unit_test(test_transparent),
        cmocka_unit_test(test_inside_of_a_tunnel), cmocka_unit_test(test_own_and_nothing),
        cmocka_unit_test(test_named_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
