/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of two configurations, one line for each thing that differs. */
#include "config_text.h"

static struct buffer told;

static int
setup(void **state)
{
    buffer_init(&told, 1 << 20);
    return directory_setup(state);
}

static int
teardown(void **state)
{
    buffer_free(&told);
    return directory_teardown(state);
}

static void
tell(void *context, const struct config_change *change)
{
    assert_ptr_equal(context, &told);
    buffer_printf(&told, "%s|%s|%s|%s\n", change->name, change->old, change->new,
                  change->restart ? "restart" : "now");
}

static void
read_one(const char *text, struct config *config)
{
    struct fault fault;
    *config = (struct config){0};
    if (read_text(text, config, &fault) != KH_OK)
        fail_msg("%s: %s", text, fault.detail);
}

static const char *
difference(const char *one, const char *other)
{
    struct config old, new;
    read_one(one, &old);
    read_one(other, &new);
    buffer_clear(&told);
    config_diff(&old, &new, tell, &told);
    config_free(&old);
    config_free(&new);
    assert_false(told.failed);
    return buffer_text(&told);
}

static void
test_the_same_says_nothing(void **state)
{
    static const char *const texts[] = {"{}\n", "workers: 3\n", "names: [a.test, b.test]\n",
                                        "metrics: [{socket: /m}]\n",
                                        "pass-through: [{host: a.test, ports: [443]}]\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(difference(texts[i], texts[i]), "");
}

static void
test_what_differs(void **state)
{
    static const struct {
        const char *old, *new, *says;
    } rows[] = {
        {"{}\n", "timeouts: {idle: 10s}\n", "timeouts.idle|75s|10s|now\n"},
        {"timeouts: {idle: 10s}\n", "{}\n", "timeouts.idle|10s|75s|now\n"},
        {"workers: 2\n", "workers: 3\n", "workers|2|3|restart\n"},
        {"{}\n", "names: [a.test]\n", "names||a.test|now\n"},
        {"names: [a.test]\n", "names: [a.test, b.test]\n", "names|a.test|a.test, b.test|now\n"},
        {"{}\n", "metrics: [{socket: /m, group: g}]\n", "metrics||/m group g|restart\n"},
        {"metrics: [{address: \"127.0.0.1:1\"}]\n", "metrics: [{address: \"127.0.0.1:2\"}]\n",
         "metrics|127.0.0.1:1|127.0.0.1:2|restart\n"},
        {"{}\n", "gateway: [{socket: /g, users: [a, b]}]\n", "gateway||/g user a user b|restart\n"},
        {"{}\n", "discharger: {enabled: false}\n", "discharger.enabled|true|false|restart\n"},
        {"{}\n", "discharger: {attestation: optional}\n",
         "discharger.attestation|required|optional|now\n"},
        {"{}\n", "discharger: {firmware: 5.7.1}\n", "discharger.firmware||5.7.1|now\n"},
        {"{}\n", "pass-through: [{host: a.test}]\n", "pass-through||a.test|now\n"},
        {"pass-through: [{host: a.test}]\n", "pass-through: [{host: a.test, ports: [444]}]\n",
         "pass-through|a.test|a.test (ports, networks or resolve)|now\n"},
        {"workers: 2\nnames: [a.test]\n", "workers: 1\n",
         "workers|2|1|restart\nnames|a.test||now\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(difference(rows[i].old, rows[i].new), rows[i].says);
}

/* Listeners of the broker are compared with what is served, elsewhere. */
static void
test_listeners_are_not_told_here(void **state)
{
    (void)state;
    assert_string_equal(difference("{}\n", "listen: [{address: \"127.0.0.1:9\"}]\n"), "");
}

/* Every setting of the table, so that a new one cannot be left out. */
static void
test_every_setting_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        struct config old, new;
        int64_t value = config_setting[i].standard == 1 ? 0 : 1;
        BUFFER_AUTO name;
        buffer_init(&name, 256);
        config_init(&old);
        config_init(&new);
        config_set(&new, &config_setting[i], value);
        config_setting_name(&config_setting[i], &name);
        buffer_clear(&told);
        config_diff(&old, &new, tell, &told);
        const char *outcome = config_setting[i].reload == SETTING_RESTART ? "|restart\n" : "|now\n";
        if (!bytes_starts(buffer_bytes(&told), buffer_bytes(&name)) ||
            !bytes_ends(buffer_bytes(&told), bytes_str(outcome)))
            fail_msg("%s: \"%s\"", buffer_text(&name), buffer_text(&told));
        config_free(&old);
        config_free(&new);
    }
}

/* The report is a text: it is cut between characters. */
static void
test_long_values_are_cut(void **state)
{
    (void)state;
    for (size_t before = 1; before < 5; before++) {
        char text[4096];
        int n = snprintf(text, sizeof text, "metrics:\n");
        for (int i = 0; i < 8; i++)
            n += snprintf(text + n, sizeof text - (size_t)n,
                          "  - {socket: \"/%d%.*s€€€€€€€€€€€€€€€€€€€€€€€€€€\"}\n", i, (int)before,
                          "xxxx");
        (void)difference("{}\n", text);
        assert_true(told.n < 500);
        assert_true(bytes_is_utf8(buffer_bytes(&told)));
        assert_true(bytes_ends(buffer_bytes(&told), BYTES("…|restart\n")));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_says_nothing),
        cmocka_unit_test(test_what_differs),
        cmocka_unit_test(test_listeners_are_not_told_here),
        cmocka_unit_test(test_every_setting_is_told),
        cmocka_unit_test(test_long_values_are_cut),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
