/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for `dns:`. */
#include "../../../broker/config_internal.h"
#include "support.h"

static enum kh_err
read_list(struct config_raw_dns *raw, unsigned count, struct config *config, struct fault *fault)
{
    struct yaml_text document = {.path = "/nowhere/keyholed.yaml"};
    const struct config_raw all = {.dns = raw, .dns_count = count};
    *fault = (struct fault){0};
    return config_dns_read(&document, &all, config, fault);
}

static void
test_refused(void **state)
{
    static const struct {
        const char *address, *answer, *says;
    } cases[] = {
        {"", "192.0.2.1", "dns[1].address"},
        {"192.0.2.1", "192.0.2.1", "dns[1].address"},
        {"localhost:53", "192.0.2.1", "dns[1].address"},
        {"0.0.0.0:53", "192.0.2.1", "one numeric ADDRESS:PORT"},
        {"[::]:53", "192.0.2.1", "one numeric ADDRESS:PORT"},
        {"[0:0::0]:53", "192.0.2.1", "one numeric ADDRESS:PORT"},
        {"127.0.0.1:53", "", "dns[1].answer"},
        {"127.0.0.1:53", "0.0.0.0", "dns[1].answer"},
        {"127.0.0.1:53", "0.1.2.3", "dns[1].answer"},
        {"127.0.0.1:53", "192.0.2", "dns[1].answer"},
        {"127.0.0.1:53", "192.0.2.1:53", "dns[1].answer"},
        {"127.0.0.1:53", "::1", "dns[1].answer"},
        {"127.0.0.1:53", "broker.test", "dns[1].answer"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char address[64], answer[64];
        struct config config = {0};
        struct fault fault;
        (void)snprintf(address, sizeof(address), "%s", cases[i].address);
        (void)snprintf(answer, sizeof(answer), "%s", cases[i].answer);
        struct config_raw_dns raw = {.address = address, .answer = answer};
        enum kh_err err = read_list(&raw, 1, &config, &fault);
        if (err == KH_OK || strstr(fault.detail, cases[i].says) == NULL)
            fail_msg("\"%s\" \"%s\": %s", address, answer, err ? fault.detail : "taken");
        config_free(&config);
    }
}

static void
test_read(void **state)
{
    char one[] = "127.0.0.1:5353", two[] = "[2001:db8::1]:53", any[] = "127.0.0.1:0";
    char answer[] = "192.0.2.10", other[] = "198.18.0.1";
    struct config_raw_dns raw[] = {{one, answer}, {two, other}, {any, answer}, {any, answer}};
    struct config a = {0}, b = {0};
    struct fault fault;
    (void)state;
    assert_int_equal(read_list(raw, 4, &a, &fault), KH_OK);
    assert_int_equal(a.dns_count, 4);
    assert_string_equal(a.dns[1].address, two);
    assert_memory_equal(a.dns[0].answer, ((uint8_t[]){192, 0, 2, 10}), 4);
    assert_memory_equal(a.dns[1].answer, ((uint8_t[]){198, 18, 0, 1}), 4);
    assert_int_equal(read_list(raw, 4, &b, &fault), KH_OK);
    assert_true(config_dns_equal(&a, &b));
    b.dns[2].answer[3]++;
    assert_false(config_dns_equal(&a, &b));
    assert_int_equal(read_list(raw, 3, &b, &fault), KH_OK); // replaces what was there
    assert_false(config_dns_equal(&a, &b));
    // Port 0 may stand there twice, another address may not.
    raw[3].address = one;
    assert_int_not_equal(read_list(raw, 4, &b, &fault), KH_OK);
    assert_non_null(strstr(fault.detail, "dns[4].address"));
    config_free(&a);
    config_free(&b);
}

static void
test_a_change_needs_a_restart(void **state)
{
    char address[] = "127.0.0.1:53", answer[] = "192.0.2.10";
    struct config_raw_dns raw = {address, answer};
    struct config old, new;
    struct fault fault;
    BUFFER_AUTO names;
    (void)state;
    buffer_init(&names, 1024);
    config_init(&old);
    config_init(&new);
    assert_int_equal(read_list(&raw, 1, &new, &fault), KH_OK);
    config_restart_needed(&old, &new, &names);
    assert_string_equal(buffer_text(&names), "dns");
    config_free(&old);
    config_free(&new);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_a_change_needs_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
