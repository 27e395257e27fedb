/* SPDX-License-Identifier: Apache-2.0 */
/* Places in messages, copies and comparisons of texts, sockets, listeners. */
#include "../../../broker/config_internal.h"
#include "../scratch.h"

static struct fault fault;

static struct config_place
third_item(struct yaml_text *document)
{
    fault = (struct fault){0};
    return (struct config_place){document, "metrics", 2, &fault};
}

static void
test_place(void **state)
{
    struct yaml_text document = {.path = "f.yaml"};
    const struct config_place place = third_item(&document);
    (void)state;
    assert_int_equal(config_place_fault(&place, "socket", ".socket: %s, not %d", "one", 2),
                     KH_ERR_CONFIG);
    assert_says(fault, "metrics[3].socket: one, not 2"); // people count from 1
}

static void
test_texts(void **state)
{
    char *copy = NULL;
    (void)state;
    assert_int_equal(config_text_copy(NULL, &copy, &fault), KH_OK);
    assert_null(copy);
    assert_int_equal(config_text_copy("web", &copy, &fault), KH_OK);
    assert_true(config_text_same(copy, "web"));
    assert_false(config_text_same(copy, "we"));
    assert_false(config_text_same(copy, NULL));
    assert_false(config_text_same(NULL, copy));
    assert_true(config_text_same(NULL, NULL));
    free(copy);
}

static void
test_sockets(void **state)
{
    static char yes[] = "true", file[] = "/c.pem";
    static const struct {
        struct config_raw_listener listener;
        const char *says;
    } bad[] = {
        {{.tls = yes}, "metrics[3]: a socket has no TLS"},
        {{.insecure = yes}, "metrics[3]: a socket has no TLS"},
        {{.certificate = file}, "metrics[3]: a socket has no TLS"},
        {{.key = file}, "metrics[3]: a socket has no TLS"},
    };
    const struct config_raw_listener none = {0};
    struct yaml_text document = {.path = "f.yaml"};
    const struct config_place place = third_item(&document);
    char name[109] = "/";
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (config_socket_check(&place, "/a", &bad[i].listener) != KH_ERR_CONFIG)
            fail_msg("listener %zu was taken", i);
        assert_says(fault, bad[i].says);
    }
    assert_int_equal(config_socket_check(&place, "a", &none), KH_ERR_CONFIG);
    assert_int_equal(config_socket_check(&place, "", &none), KH_ERR_CONFIG);
    memset(name + 1, 'a', 107); // and with it, sun_path has no room for the end
    assert_int_equal(config_socket_check(&place, name, &none), KH_ERR_CONFIG);
    assert_says(fault, "metrics[3].socket: expected an absolute path of at most 107 bytes");
    name[107] = '\0';
    assert_int_equal(config_socket_check(&place, name, &none), KH_OK);
}

static void
test_listeners(void **state)
{
    static char address[] = "127.0.0.1:1", other[] = "127.0.0.1:2", file[] = "/c.pem";
    const struct config_listener listener = {.address = address};
    const struct config_listener same = {.address = (char[]){"127.0.0.1:1"}};
    const struct config_listener differ[] = {
        {0},
        {.address = other},
        {.address = address, .tls = true},
        {.address = address, .certificate = file},
        {.address = address, .key = file},
    };
    (void)state;
    assert_true(config_listener_same(&listener, &same));
    for (size_t i = 0; i < sizeof differ / sizeof *differ; i++)
        if (config_listener_same(&listener, &differ[i]))
            fail_msg("listener %zu is the same", i);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_listeners),
    };
    return cmocka_run_group_tests_name("config_item", tests, NULL, NULL);
}
