/* SPDX-License-Identifier: Apache-2.0 */
/* `gateway:` refusals with their lines, and what is read. */
#include "config_text.h"

static void
test_refusals(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"gateway: x\n", "gateway: expected a list"},
        {"gateway:\n  - users: [a]\n", "gateway[1]: expected either socket or address"},
        {"gateway:\n  - {socket: /a, address: \"127.0.0.1:1\"}\n",
         "gateway[1]: expected either socket or address"},
        {"gateway:\n  - socket: /a\n", "gateway[1]: expected users or a group"},
        {"gateway:\n  - {socket: /a, users: []}\n", "gateway[1]: expected users or a group"},
        {"gateway:\n  - {socket: a, users: [b]}\n", "gateway[1].socket: expected an absolute path"},
        {"gateway:\n  - {socket: /a, users: [\"\"]}\n", "gateway[1].users: "},
        {"gateway:\n  - {socket: /a, users: [b], tls: true}\n", "gateway[1]: a socket has no TLS"},
        {"gateway:\n  - {address: \"127.0.0.1:1\", users: [b]}\n",
         "gateway[1]: users and group are for a socket"},
        {"gateway:\n  - {address: \"127.0.0.1:1\", group: b}\n",
         "gateway[1]: users and group are for a socket"},
        {"gateway:\n  - {address: \"0.0.0.0:1\"}\n", "gateway[1]: expected tls: true"},
        {"gateway:\n  - {address: \"localhost:1\"}\n", "gateway[1].address: "},
        {"gateway:\n  - {address: \"0.0.0.0:1\", insecure: true}\n",
         "unknown setting \"insecure\""},
        {"gateway:\n  - {socket: /a, users: [b]}\n  - {socket: /c}\n",
         "keyholed.yaml:3: gateway[2]: expected users or a group"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct config config = {0};
        struct fault fault;
        if (read_text(bad[i].text, &config, &fault) == KH_OK)
            fail_msg("it was read: %s", bad[i].text);
        assert_says(fault, bad[i].says);
    }
}

static void
test_what_is_read(void **state)
{
    struct config config = {0}, other = {0};
    struct fault fault;
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 1024);
    assert_int_equal(
        read_text("gateway:\n  - {socket: /run/g.sock, users: [www-data, 33], group: web}\n"
                  "  - {address: \"127.0.0.1:8439\"}\n",
                  &config, &fault),
        KH_OK);
    assert_int_equal(config.gateway_count, 2);
    assert_string_equal(config.gateway[0].socket, "/run/g.sock");
    assert_string_equal(config.gateway[0].group, "web");
    assert_int_equal(config.gateway[0].user_count, 2);
    assert_string_equal(config.gateway[0].user[1], "33");
    assert_null(config.gateway[1].socket);
    assert_int_equal(config.gateway[0].line, 2);
    assert_int_equal(config.gateway[1].line, 3);
    assert_string_equal(config.gateway[1].listener.address, "127.0.0.1:8439");
    config_init(&other);
    assert_int_equal(other.gateway_count, 0); // nobody is a gateway by default
    config_restart_needed(&config, &other, &out);
    assert_string_equal(buffer_text(&out), "gateway");
    buffer_clear(&out);
    config_restart_needed(&config, &config, &out);
    assert_string_equal(buffer_text(&out), "");
    config_free(&config);
    config_free(&other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_is_read),
    };
    return cmocka_run_group_tests_name("config_gateway", tests, directory_setup,
                                       directory_teardown);
}
