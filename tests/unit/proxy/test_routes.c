/* SPDX-License-Identifier: Apache-2.0 */
/* The table of routes. */
#include "unit.h"

#include "../../../broker/proxy/routes.h"

struct row {
    const char *credential, *host[3];
    uint16_t port[3];
    bool plain;
};

static enum kh_err
add(struct routes *routes, const struct row *row)
{
    BUFFER_AUTO body;
    buffer_init(&body, 131072);
    struct route route = {.credential = bytes_str(row->credential),
                          .plain = row->plain,
                          .slot = {{.kind = SLOT_BEARER}},
                          .slot_count = 1,
                          .inject_kind = INJECT_HEADER,
                          .inject_name = BYTES("authorization"),
                          .enabled = true};
    while (route.host_count < 3 && row->host[route.host_count]) {
        route.host[route.host_count] = bytes_str(row->host[route.host_count]);
        route.host_count++;
    }
    while (route.port_count < 3 && row->port[route.port_count]) {
        route.port[route.port_count] = row->port[route.port_count];
        route.port_count++;
    }
    message_route_tx(&route, &body);
    assert_false(body.failed);
    return routes_add(routes, buffer_bytes(&body));
}

static const struct row table[] = {
    {"stripe", {"api.stripe.com", "files.stripe.com"}, {0}, false},
    {"stripe-test", {"api.stripe.com"}, {0}, false},
    {"wild", {"*.example.com"}, {8443, 443}, false},
    {"odd", {"odd.example.com"}, {9443}, false},
    {"local", {"db.internal"}, {0}, true},
    {"both", {"both.test"}, {0}, true},
    {"both-tls", {"both.test"}, {0}, false},
};

static struct routes *
make(void)
{
    struct routes *routes = NULL;
    assert_int_equal(routes_new(&routes), KH_OK);
    for (size_t i = 0; i < COUNT(table); i++)
        assert_int_equal(add(routes, &table[i]), KH_OK);
    return routes;
}

static void
test_broken_messages(void **state)
{
    struct routes *routes = make();
    static const struct row again = {"stripe", {"elsewhere.test"}, {0}, false};
    (void)state;
    assert_int_not_equal(routes_add(routes, BYTES_EMPTY), KH_OK);
    assert_int_not_equal(routes_add(routes, BYTES("nonsense")), KH_OK);
    assert_int_equal(add(routes, &again), KH_ERR_PROTOCOL);
    assert_int_equal(routes_count(routes), COUNT(table));
    routes_release(&routes);
    assert_null(routes);
    routes_release(&routes);
}

static void
test_match(void **state)
{
    static const struct {
        const char *host;
        uint16_t port;
        const char *first;
        size_t count;
        uint16_t dialled;
        bool plain;
    } rows[] = {
        {"", 443, NULL, 0, 0, false},
        {"example.com", 443, NULL, 0, 0, false},
        {"api.stripe.com.evil.test", 443, NULL, 0, 0, false},
        {"xapi.stripe.com", 443, NULL, 0, 0, false},
        {"api.stripe.com", 80, NULL, 0, 0, false},
        {"api.stripe.com", 8443, NULL, 0, 0, false},
        {"api.stripe.com", 443, "stripe", 2, 443, false},
        {"api.stripe.com", 0, "stripe", 2, 443, false},
        {"files.stripe.com", 0, "stripe", 1, 443, false},
        {"a.example.com", 0, "wild", 1, 8443, false},
        {"a.example.com", 443, "wild", 1, 443, false},
        {"odd.example.com", 9443, "odd", 1, 9443, false},
        {"db.internal", 0, "local", 1, 80, true},
        {"db.internal", 443, NULL, 0, 0, false},
        {"both.test", 0, "both-tls", 1, 443, false}, // TLS before plain
        {"both.test", 80, "both", 1, 80, true},
    };
    struct routes *routes = make();
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct routes_match match = {0};
        bool found = routes_match(routes, bytes_str(rows[i].host), rows[i].port, &match);
        if (found != (rows[i].first != NULL) || match.count != rows[i].count ||
            match.port != rows[i].dialled || match.plain != rows[i].plain ||
            (found && !bytes_is(match.route[0]->credential, rows[i].first)))
            fail_msg("%s:%u: %zu routes, port %u", rows[i].host, rows[i].port, match.count,
                     match.port);
    }
    routes_release(&routes);
}

static void
test_names_and_fingerprints(void **state)
{
    struct routes *routes = make(), *other = make();
    (void)state;
    assert_null(routes_by_name(routes, BYTES("strip")));
    assert_null(routes_by_name(routes, BYTES("")));
    const struct route *a = routes_by_name(routes, BYTES("stripe"));
    const struct route *b = routes_by_name(routes, BYTES("stripe-test"));
    assert_non_null(a);
    assert_non_null(b);
    assert_memory_not_equal(routes_fingerprint(a), routes_fingerprint(b), ROUTE_FINGERPRINT_SIZE);
    assert_memory_equal(routes_fingerprint(a),
                        routes_fingerprint(routes_by_name(other, BYTES("stripe"))),
                        ROUTE_FINGERPRINT_SIZE);
    routes_release(&other);
    routes_release(&routes);
}

// In whatever order they come.
static void
test_many_names(void **state)
{
    enum { NAMES = 500 };
    struct routes *routes;
    char name[16];
    (void)state;
    assert_int_equal(routes_new(&routes), KH_OK);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "c%d", i * 207 % NAMES);
        const struct row row = {name, {"a.example"}, {0}, false};
        assert_int_equal(add(routes, &row), KH_OK);
        assert_int_equal(add(routes, &row), KH_ERR_PROTOCOL); // not twice
    }
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "c%d", i);
        const struct route *route = routes_by_name(routes, bytes_str(name));
        assert_non_null(route);
        assert_true(bytes_is(route->credential, name));
    }
    assert_null(routes_by_name(routes, BYTES("c")));
    assert_null(routes_by_name(routes, BYTES("c500")));
    assert_null(routes_by_name(routes, BYTES("d")));
    routes_release(&routes);
}

static void
test_a_held_table_outlives_the_one_in_use(void **state)
{
    struct routes *routes = make(), *held = routes_hold(routes);
    (void)state;
    routes_release(&routes);
    assert_non_null(routes_by_name(held, BYTES("stripe")));
    routes_release(&held);
    assert_null(routes_hold(NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_messages),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_names_and_fingerprints),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_a_held_table_outlives_the_one_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
