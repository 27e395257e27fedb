/* SPDX-License-Identifier: Apache-2.0 */
/* DNS on sockets of its own. */
#include "fixture.h"

#include "../../../broker/proxy/dns_listen.h"
#include "../../../broker/proxy/dns_stream.h"

#define QUERY(name) "\x12\x34\1\0\0\1\0\0\0\0\0\0" name "\0\1\0\1"

static struct world *w;

static int
setup(void **state)
{
    (void)state;
    w = world_plain();
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    world_free(w);
    return 0;
}

static void
give(int fd, enum listener_kind kind)
{
    BUFFER_AUTO body;
    buffer_init(&body, 1024);
    const struct message_listener message = {
        .kind = kind, .name = BYTES("127.0.0.1:0"), .answer = {192, 0, 2, 10}};
    message_listener_tx(&message, &body);
    send_frame(w->supervisor, MESSAGE_LISTENER, 0, buffer_bytes(&body), fd);
}

/* A UDP socket that the proxy answers on, and one that is connected to it. */
static int
open_udp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int served = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(served >= 0 && client >= 0);
    assert_int_equal(bind(served, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(served, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    set_patience(client);
    give(served, LISTENER_DNS_UDP);
    close(served);
    return client;
}

static void
test_rate(void **state)
{
    struct dns_rate rate = {0};
    (void)state;
    for (int i = 0; i < DNS_RATE_PER_S; i++)
        assert_true(dns_rate_take(&rate, 5000 + i % 900));
    assert_false(dns_rate_take(&rate, 5000));
    assert_false(dns_rate_take(&rate, 5999));
    assert_true(dns_rate_take(&rate, 6000));
}

static void
test_datagrams(void **state)
{
    static uint8_t longest[DNS_QUERY_MAX + 1];
    uint8_t out[600];
    int client = open_udp();
    (void)state;
    // What is no question has no answer; the one that has shows that they were read.
    assert_int_equal(send(client, "", 0, 0), 0);
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_int_equal(send(client, longest, sizeof longest, 0), sizeof longest);
    assert_int_equal(send(client, "\x12\x34\x81\x80\0\1\0\0\0\0\0\0", 12, 0), 12);
    assert_int_equal(send(client, QUERY("\3ApI\4test\0"), 26, 0), 26);
    assert_int_equal(recv(client, out, sizeof out, 0), 26 + DNS_ANSWER_EXTRA);
    assert_memory_equal(out + 12, "\3ApI\4test", 9);
    assert_memory_equal(out + 26 + 12, "\xc0\0\2\x0a", 4);
    assert_int_equal(send(client, QUERY("\4evil\4test\0"), 27, 0), 27);
    assert_int_equal(recv(client, out, sizeof out, 0), 27);
    assert_int_equal(out[3] & 0xf, 5);
    assert_true(authority_is_silent(w)); // nobody's run
    close(client);
}

static void
test_connections(void **state)
{
    uint16_t port;
    uint8_t out[600];
    int served = listen_loopback(&port);
    (void)state;
    assert_int_equal(fcntl(served, F_SETFL, O_NONBLOCK), 0);
    give(served, LISTENER_DNS_TCP);
    close(served);
    int client = connect_loopback(port);
    send_bytes(client, "\0\x1a" QUERY("\3api\4test\0"), 28);
    read_exactly(client, (char *)out, 2 + 26 + DNS_ANSWER_EXTRA);
    assert_memory_equal(out + 2 + 26 + 12, "\xc0\0\2\x0a", 4);
    close(client);
    // No HTTP is spoken there, and no preface is taken.
    static const char *const other[] = {"GET / HTTP/1.1\r\n\r\n", "\r\n\r\n\0\r\nQUIT\n"};
    for (int i = 0; i < 2; i++) {
        client = connect_loopback(port);
        send_bytes(client, other[i], 12);
        (void)read_to_reset(client, &received);
        assert_int_equal(received.n, 0);
        close(client);
    }
}

static bool
known(struct proxy *proxy, const char *host)
{
    return dns_name_is_known(proxy, bytes_str(host));
}

// The broker's own names are answered too: clients have to find it.
static void
test_names(void **state)
{
    char name[] = "broker.test", *names[] = {name};
    struct proxy proxy = {.config = {.name = names, .name_count = 1}};
    BUFFER_AUTO body;
    (void)state;
    buffer_init(&body, 1024);
    const struct route route = {.credential = BYTES("api"),
                                .host = {BYTES("api.test"), BYTES("*.wild.test")},
                                .host_count = 2};
    message_route_tx(&route, &body);
    assert_int_equal(routes_new(&proxy.routes), KH_OK);
    assert_false(known(&proxy, "api.test"));
    assert_int_equal(routes_add(proxy.routes, buffer_bytes(&body)), KH_OK);
    assert_true(known(&proxy, "api.test"));
    assert_true(known(&proxy, "x.wild.test"));
    assert_true(known(&proxy, "broker.test"));
    assert_false(known(&proxy, "wild.test"));
    assert_false(known(&proxy, "x.api.test"));
    assert_false(known(&proxy, ""));
    routes_release(&proxy.routes);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),
        TEST(test_datagrams),
        TEST(test_connections),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
