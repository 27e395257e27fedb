/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of a DNS responder. */
#include "../scratch.h"

#include "../../../broker/supervisor/dns.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct config_dns
config_of(const char *address)
{
    return (struct config_dns){(char *)(uintptr_t)address, {192, 0, 2, 10}};
}

static void
what_cannot_be_opened(void **state)
{
    static const char *const bad[] = {"", "127.0.0.1", "localhost:53", "203.0.113.1:0"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct listener out[DNS_SOCKETS] = {{.fd = 77}, {.fd = 78}};
        struct fault fault = {0};
        const struct config_dns config = config_of(bad[i]);
        if (dns_open(&config, out, &fault) == KH_OK)
            fail_msg("\"%s\" was opened", bad[i]);
        assert_true(fault.detail[0] != '\0');
        assert_int_equal(out[0].fd, 77);
        assert_int_equal(out[1].fd, 78);
    }
}

static int
type_of(int fd)
{
    int type = 0;
    socklen_t size = sizeof(type);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size), 0);
    return type;
}

static void
both_sockets_have_one_port(void **state)
{
    struct listener out[DNS_SOCKETS], again[DNS_SOCKETS];
    struct fault fault = {0};
    const struct config_dns config = config_of("127.0.0.1:0");
    (void)state;
    assert_int_equal(dns_open(&config, out, &fault), KH_OK);
    assert_string_equal(out[0].name, out[1].name);
    assert_int_equal(type_of(out[0].fd), SOCK_DGRAM);
    assert_int_equal(type_of(out[1].fd), SOCK_STREAM);
    assert_int_equal(out[0].dns, LISTENER_DNS_UDP);
    assert_int_equal(out[1].dns, LISTENER_DNS_TCP);
    assert_memory_equal(out[1].answer, config.answer, 4);
    // Nobody else answers there.
    const struct config_dns taken = config_of(out[1].name);
    assert_int_not_equal(dns_open(&taken, again, &fault), KH_OK);
    assert_says(fault, "cannot answer DNS");
    listener_close(&out[0]);
    assert_int_not_equal(dns_open(&taken, again, &fault), KH_OK); // TCP is still there
    listener_close(&out[1]);
}

static void
the_ready_line_says_where(void **state)
{
    struct listener out[DNS_SOCKETS];
    struct fault fault = {0};
    const struct config_dns config = config_of("127.0.0.1:0");
    char expected[200];
    BUFFER_AUTO line;
    (void)state;
    buffer_init(&line, 1024);
    assert_int_equal(dns_open(&config, out, &fault), KH_OK);
    listener_ready_line(out, DNS_SOCKETS, "/s/admin.sock", "", &line);
    (void)snprintf(expected, sizeof(expected), "ready admin=/s/admin.sock dns=%s\n", out[0].name);
    assert_string_equal(buffer_text(&line), expected);
    listener_close(&out[0]);
    listener_close(&out[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_opened),
        cmocka_unit_test(both_sockets_have_one_port),
        cmocka_unit_test(the_ready_line_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
