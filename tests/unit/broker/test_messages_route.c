/* SPDX-License-Identifier: Apache-2.0 */
/* The codec of a route. */
#include "../../../broker/messages.h"
#include "../../../caveats/decide.h"
#include "codec.h"

#include "../../../broker/messages_limits.h"

static void
random_route(struct random *random, struct buffer *pool, struct route *out)
{
    *out = (struct route){0};
    out->credential = random_bytes(random, pool, MESSAGE_NAME_MAX);
    out->host_count = random_below(random, ROUTE_HOSTS_MAX + 1);
    for (size_t i = 0; i < out->host_count; i++)
        out->host[i] = random_bytes(random, pool, MESSAGE_HOST_MAX);
    out->port_count = random_below(random, ROUTE_PORTS_MAX + 1);
    for (size_t i = 0; i < out->port_count; i++)
        out->port[i] = (uint16_t)random_next(random);
    out->slot_count = random_below(random, ROUTE_SLOTS_MAX + 1);
    for (size_t i = 0; i < out->slot_count; i++)
        out->slot[i] = (struct slot){(enum slot_kind)(1 + random_below(random, SLOT_COUNT - 1)),
                                     random_bytes(random, pool, MESSAGE_FIELD_MAX)};
    out->inject_kind = (enum inject_kind)random_below(random, INJECT_COUNT);
    out->inject_name = random_bytes(random, pool, MESSAGE_FIELD_MAX);
    out->enabled = random_below(random, 2) == 1;
    out->plain = random_below(random, 2) == 1;
    out->scrub = random_below(random, 2) == 1;
    out->foreign_pass = random_below(random, 2) == 1;
    out->path_exceptions = (unsigned)random_below(random, 8);
    out->resolve_count = random_below(random, ROUTE_RESOLVE_MAX + 1);
    for (size_t i = 0; i < out->resolve_count; i++)
        out->resolve[i] = (struct route_resolve){
            .host = random_bytes(random, pool, MESSAGE_HOST_MAX),
            .address = random_bytes(random, pool, MESSAGE_ADDRESS_MAX),
            .port = (uint16_t)random_next(random),
            .address_port = (uint16_t)random_next(random),
        };
    out->network_count = random_below(random, ROUTE_NETWORKS_MAX + 1);
    for (size_t i = 0; i < out->network_count; i++) {
        for (size_t j = 0; j < 16; j++)
            out->network[i].address[j] = (uint8_t)random_next(random);
        out->network[i].prefix_bits = (uint8_t)random_below(random, 129);
    }
    out->upstream_ca = random_bytes(random, pool, 5000);
    out->token_answers = (enum token_answers)random_below(random, TOKEN_ANSWERS_COUNT);
    out->answer_cookies = (enum answer_cookies)random_below(random, ANSWER_COOKIES_COUNT);
    out->cookies = random_bytes(random, pool, ROUTE_ANSWER_NAMES_MAX);
    out->dropped_fields = random_bytes(random, pool, ROUTE_ANSWER_NAMES_MAX);
    out->pass_through = random_below(random, 4) == 0;
    if (out->pass_through) {
        out->credential = BYTES(PASS_THROUGH_NAME);
        out->slot_count = 0;
        out->inject_kind = INJECT_UNSET;
        out->scrub = out->foreign_pass = false;
    }
}

static void
assert_routes_equal(const struct route *a, const struct route *b)
{
    assert_bytes_equal(a->credential, b->credential);
    assert_int_equal(a->host_count, b->host_count);
    for (size_t i = 0; i < a->host_count; i++)
        assert_bytes_equal(a->host[i], b->host[i]);
    assert_int_equal(a->port_count, b->port_count);
    assert_memory_equal(a->port, b->port, sizeof(a->port));
    assert_int_equal(a->slot_count, b->slot_count);
    for (size_t i = 0; i < a->slot_count; i++) {
        assert_int_equal(a->slot[i].kind, b->slot[i].kind);
        assert_bytes_equal(a->slot[i].name, b->slot[i].name);
    }
    assert_int_equal(a->inject_kind, b->inject_kind);
    assert_bytes_equal(a->inject_name, b->inject_name);
    assert_int_equal(a->enabled, b->enabled);
    assert_int_equal(a->plain, b->plain);
    assert_int_equal(a->scrub, b->scrub);
    assert_int_equal(a->foreign_pass, b->foreign_pass);
    assert_int_equal(a->path_exceptions, b->path_exceptions);
    assert_int_equal(a->resolve_count, b->resolve_count);
    for (size_t i = 0; i < a->resolve_count; i++) {
        assert_bytes_equal(a->resolve[i].host, b->resolve[i].host);
        assert_bytes_equal(a->resolve[i].address, b->resolve[i].address);
        assert_int_equal(a->resolve[i].port, b->resolve[i].port);
        assert_int_equal(a->resolve[i].address_port, b->resolve[i].address_port);
    }
    assert_int_equal(a->network_count, b->network_count);
    assert_memory_equal(a->network, b->network, sizeof(a->network));
    assert_bytes_equal(a->upstream_ca, b->upstream_ca);
    assert_int_equal(a->token_answers, b->token_answers);
    assert_int_equal(a->answer_cookies, b->answer_cookies);
    assert_bytes_equal(a->cookies, b->cookies);
    assert_bytes_equal(a->dropped_fields, b->dropped_fields);
    assert_int_equal(a->pass_through, b->pass_through);
}

static bool
route_again(struct bytes body, struct buffer *again)
{
    struct route route;
    if (message_route_rx(body, &route) != KH_OK)
        return false;
    message_route_tx(&route, again);
    return true;
}

static void
refused_by_writer(const struct route *route)
{
    BUFFER_AUTO out;
    buffer_init(&out, 1 << 20);
    message_route_tx(route, &out);
    assert_true(out.failed);
}

static void
test_writer_refuses_what_reader_would(void **state)
{
    static const uint8_t long_name[300];
    struct route route = {0};
    (void)state;
    route.host_count = ROUTE_HOSTS_MAX + 1;
    refused_by_writer(&route);
    route = (struct route){.slot_count = 1}; // of no kind
    refused_by_writer(&route);
    route = (struct route){.path_exceptions = 8};
    refused_by_writer(&route);
    route = (struct route){.inject_kind = (enum inject_kind)99};
    refused_by_writer(&route);
    route = (struct route){.credential = bytes_of(long_name, 65)};
    refused_by_writer(&route);
    route = (struct route){.network_count = 1, .network = {{.prefix_bits = 129}}};
    refused_by_writer(&route);
    // What is passed through has nothing of a credential.
    const struct route passed = {.pass_through = true, .credential = BYTES(PASS_THROUGH_NAME)};
    route = passed;
    route.credential = BYTES("openai");
    refused_by_writer(&route);
    route = passed;
    route.slot_count = 1;
    route.slot[0].kind = SLOT_BEARER;
    refused_by_writer(&route);
    route = passed;
    route.inject_kind = INJECT_HEADER;
    refused_by_writer(&route);
    route = passed;
    route.scrub = true;
    refused_by_writer(&route);
    route = passed;
    route.foreign_pass = true;
    refused_by_writer(&route);
}

static void
test_failure_writes_nothing(void **state)
{
    struct route route = {.enabled = true, .host_count = 7};
    (void)state;
    assert_int_equal(message_route_rx(BYTES_EMPTY, &route), KH_ERR_PROTOCOL);
    assert_int_equal(
        message_route_rx(BYTES("garbage of some length, longer than a header"), &route),
        KH_ERR_PROTOCOL);
    assert_true(route.enabled);
    assert_int_equal(route.host_count, 7);
}

static void
test_round_trip(void **state)
{
    struct random random = {.state = 1};
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct route route, back;
        BUFFER_AUTO pool, body;
        pool_init(&pool, 1 << 17);
        buffer_init(&body, 131072);
        random_route(&random, &pool, &route);
        message_route_tx(&route, &body);
        assert_false(body.failed);
        assert_int_equal(message_route_rx(buffer_bytes(&body), &back), KH_OK);
        assert_routes_equal(&route, &back);
        if (i % 10 == 0)
            codec_torture(&random, route_again, buffer_bytes(&body));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer_refuses_what_reader_would),
        cmocka_unit_test(test_failure_writes_nothing),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests_name("messages_route", tests, NULL, NULL);
}
