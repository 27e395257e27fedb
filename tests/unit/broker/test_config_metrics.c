/* SPDX-License-Identifier: Apache-2.0 */
/* `metrics:` refusals with their lines, what is read, and what counts as a change. */
#include "config_text.h"

#define LONG_PATH                                                                                  \
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaa"                                                                                          \
    "aaaaaaaaaaaaaaaaaaaaaaa"

static void
test_refusals(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"metrics: x\n", "metrics: expected a list"},
        {"metrics:\n  - {}\n", "metrics[1]"},
        {"metrics:\n  - {socket: /a, address: \"127.0.0.1:1\"}\n",
         "metrics[1]: expected either socket or address"},
        {"metrics:\n  - tls: true\n", "metrics[1]: expected either socket or address"},
        {"metrics:\n  - {socket: a}\n", "metrics[1].socket: expected an absolute path"},
        {"metrics:\n  - {socket: " LONG_PATH "}\n", "metrics[1].socket: expected an absolute path"},
        {"metrics:\n  - {socket: /a, group: \"\"}\n", "metrics[1].group: "},
        {"metrics:\n  - {socket: /a, tls: true}\n", "metrics[1]: a socket has no TLS"},
        {"metrics:\n  - {socket: /a, insecure: true}\n", "metrics[1]: a socket has no TLS"},
        {"metrics:\n  - {socket: /a, certificate: /c, key: /k}\n",
         "metrics[1]: a socket has no TLS"},
        {"metrics:\n  - {address: \"127.0.0.1:1\", group: b}\n",
         "metrics[1]: group is for a socket"},
        {"metrics:\n  - {address: \"0.0.0.0:1\"}\n", "metrics[1]: expected tls: true"},
        {"metrics:\n  - {address: \"[::]:1\"}\n", "metrics[1]: expected tls: true"},
        {"metrics:\n  - {address: \"localhost:1\"}\n", "metrics[1].address: "},
        {"metrics:\n  - {address: \"127.0.0.1:1\", tls: true}\n",
         "metrics[1]: with tls: true it has a certificate and key"},
        {"metrics:\n  - {address: \"127.0.0.1:1\", token: x}\n", "unknown setting \"token\""},
        {"metrics:\n  - socket: /a\n  - group: c\n",
         "keyholed.yaml:3: metrics[2]: expected either socket or address"},
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

#define GOOD                                                                                       \
    "metrics:\n  - {socket: /run/m.sock, group: prom}\n"                                           \
    "  - {address: \"0.0.0.0:9437\", insecure: true}\n"

static void
test_what_is_read(void **state)
{
    struct config config = {0};
    struct fault fault;
    (void)state;
    assert_int_equal(read_text("log: {level: info}\n", &config, &fault), KH_OK);
    assert_int_equal(config.metrics_count, 0); // none unless one is asked for
    config_free(&config);
    assert_int_equal(read_text(GOOD, &config, &fault), KH_OK);
    assert_int_equal(config.metrics_count, 2);
    assert_string_equal(config.metrics[0].socket, "/run/m.sock");
    assert_string_equal(config.metrics[0].group, "prom");
    assert_int_equal(config.metrics[0].line, 2);
    assert_null(config.metrics[1].socket);
    assert_string_equal(config.metrics[1].listener.address, "0.0.0.0:9437");
    assert_false(config.metrics[1].listener.tls);
    config_free(&config);
}

static void
test_what_is_a_change(void **state)
{
    static const char *const other[] = {
        "metrics: []\n",
        "metrics:\n  - {socket: /run/m.sock, group: prom}\n",
        "metrics:\n  - {socket: /run/x.sock, group: prom}\n"
        "  - {address: \"0.0.0.0:9437\", insecure: true}\n",
        "metrics:\n  - {socket: /run/m.sock}\n  - {address: \"0.0.0.0:9437\", insecure: true}\n",
        "metrics:\n  - {socket: /run/m.sock, group: prom}\n  - {address: \"127.0.0.1:9437\"}\n",
    };
    struct config config = {0}, again = {0};
    struct fault fault;
    (void)state;
    assert_int_equal(read_text(GOOD, &config, &fault), KH_OK);
    assert_int_equal(read_text(GOOD, &again, &fault), KH_OK);
    assert_true(config_metrics_equal(&config, &again));
    config_free(&again);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_int_equal(read_text(other[i], &again, &fault), KH_OK);
        if (config_metrics_equal(&config, &again))
            fail_msg("no change: %s", other[i]);
        config_free(&again);
    }
    config_free(&config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_what_is_a_change),
    };
    return cmocka_run_group_tests_name("config_metrics", tests, directory_setup,
                                       directory_teardown);
}
