/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for listeners and names that test_config_read does not come by. */
#include "../../../broker/config_internal.h"
#include "support.h"

static enum kh_err
read_one(const struct config_raw_listener *raw, struct config *config, struct fault *fault)
{
    struct yaml_text document = {.path = "/nowhere/keyholed.yaml"};
    struct config_raw_listener copy = *raw;
    const struct config_raw all = {.listener = &copy, .listener_count = 1};
    *fault = (struct fault){0};
    return config_listeners_read(&document, &all, config, fault);
}

#define TEXT(literal) ((char[]){literal})

static void
test_addresses(void **state)
{
    static const struct {
        const char *address;
        bool plain; // allowed without tls or insecure
        bool any;   // allowed at all
    } cases[] = {
        {"127.0.0.1:0", true, true},
        {"127.255.255.255:65535", true, true},
        {"[::1]:8437", true, true},
        {"0.0.0.0:80", false, true},
        {"10.0.0.1:80", false, true},
        {"128.0.0.1:80", false, true},
        {"[::]:80", false, true},
        {"[2001:db8::1]:80", false, true},
        {"[::ffff:127.0.0.1]:1", false, true},
        {"", false, false},
        {":", false, false},
        {"127.0.0.1", false, false},
        {"127.0.0.1:-1", false, false},
        {"127.0.0.1:+1", false, false},
        {"127.0.0.1: 1", false, false},
        {"127.0.0.1:080", false, false},
        {"127.0.0.1:99999", false, false},
        {"127.0.0.1:80:80", false, false},
        {"0x7f.1:80", false, false},
        {"2130706433:80", false, false},
        {"localhost:80", false, false},
        {"*:80", false, false},
        {"::1:80", false, false},
        {"[127.0.0.1]:80", false, false},
        {"[::1]80", false, false},
        {"[]:80", false, false},
        {"[::1%lo]:80", false, false},
        {"unix:/run/x", false, false},
        {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:80", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char address[80];
        struct config config = {0};
        struct fault fault;
        (void)snprintf(address, sizeof(address), "%s", cases[i].address);
        const struct config_raw_listener plain = {.address = address};
        const struct config_raw_listener insecure = {.address = address, .insecure = TEXT("true")};
        const struct config_raw_listener tls = {.address = address, .tls = TEXT("true")};
        bool as_plain = read_one(&plain, &config, &fault) == KH_OK;
        bool as_insecure = read_one(&insecure, &config, &fault) == KH_OK;
        bool as_tls = read_one(&tls, &config, &fault) == KH_OK;
        if (as_plain != cases[i].plain || as_insecure != cases[i].any || as_tls != cases[i].any)
            fail_msg("\"%s\": plain %d, insecure %d, tls %d", address, as_plain, as_insecure,
                     as_tls);
        config_free(&config);
    }
}

static void
test_names(void **state)
{
    static const char *const wrong[] = {"",     "a b", "a/b",       "a:80",
                                        "a..b", "-",   "*.example", "127.1"};
    struct yaml_text document = {.path = "f.yaml"};
    struct config config = {0};
    struct fault fault = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[32];
        char *name = text;
        (void)snprintf(text, sizeof(text), "%s", wrong[i]);
        const struct config_raw raw = {.name = &name, .name_count = 1};
        if (config_names_read(&document, &raw, &config, &fault) == KH_OK)
            fail_msg("\"%s\" was taken for a host name", name);
        assert_non_null(strstr(fault.detail, "f.yaml:1: names[1]: expected a host name"));
    }
    char *names[] = {TEXT("Broker.Example."),
                     TEXT("b\xc3\xbc"
                          "cher.example"),
                     TEXT("10.0.0.1")};
    const struct config_raw raw = {.name = names, .name_count = 3};
    assert_int_equal(config_names_read(&document, &raw, &config, &fault), KH_OK);
    assert_string_equal(config.name[0], "broker.example");
    assert_string_equal(config.name[1], "xn--bcher-kva.example");
    assert_string_equal(config.name[2], "10.0.0.1");
    config_free(&config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("config_listen", tests, NULL, NULL);
}
