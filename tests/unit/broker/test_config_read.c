/* SPDX-License-Identifier: Apache-2.0 */
/* keyholed.yaml: every refusal names file, line and what was expected; a refused file changes
 * nothing. */
#include "../../../broker/config_internal.h"
#include "support.h"

static char directory[64], path[96], certificate[96], key[96];

static void
file_write(const char *name, struct bytes text, mode_t mode)
{
    (void)unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p != NULL ? text.p : (const uint8_t *)"", text.n), text.n);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static enum kh_err
read_text(const char *text, struct config *config, struct fault *fault)
{
    *fault = (struct fault){0};
    file_write(path, bytes_str(text), 0644);
    return config_read(path, config, fault);
}

/* ---- refusals ---- */

static const struct refusal {
    const char *text;
    unsigned line;
    const char *says;
} refusals[] = {
    // structure
    {"workers: 1\nwrokers: 2\n", 2,
     "unknown setting \"wrokers\"; expected one of workers, timeouts"},
    {"timeouts:\n  head: 10s\n  hed: 1s\n", 3,
     "timeouts: unknown setting \"hed\"; expected one of head, idle"},
    {"workers: 1\n\nworkers: 2\n", 3, "workers: given a second time"},
    {"timeouts:\n  head: 1s\n  head: 2s\n", 3, "timeouts.head: given a second time"},
    {"timeouts: {head: 1s}\naudit: {sync: none}\ntimeouts: {idle: 2s}\n", 3,
     "timeouts: given a second time"},
    {"listen: []\nlisten: []\n", 2, "listen: given a second time"},
    {"listen:\n  - address: 127.0.0.1:1\n    address: 127.0.0.1:2\n", 3,
     "listen[1].address: given a second time"},
    {"\ntimeouts: 3\n", 2, "timeouts: expected a group of settings, found a single value"},
    {"timeouts: [head]\n", 1, "timeouts: expected a group of settings, found a list"},
    {"workers: [1]\n", 1, "workers: expected a single value, found a list"},
    {"workers:\n  a: b\n", 2, "workers: expected a single value, found a group of settings"},
    {"names: a\n", 1, "names: expected a list, found a single value"},
    {"names:\n", 1, "names: expected a list, found nothing"},
    {"names:\n  - a\n  - [b]\n", 3, "names[2]: expected a single value, found a list"},
    {"listen: {address: x}\n", 1, "listen: expected a list, found a group of settings"},
    {"listen:\n  - 127.0.0.1:8437\n", 2, "listen[1]: expected a group of settings"},
    {"listen:\n  - address: 127.0.0.1:1\n  - tls: true\n", 3, "listen[2]: address is missing"},
    {"listen:\n  - adress: 127.0.0.1:1\n", 2, "listen[1]: unknown setting \"adress\""},
    {"- workers\n", 1, "expected a group of settings, found a list"},
    {"just text\n", 1, "expected a group of settings, found a single value"},
    {"[1]: 2\n", 1, "unknown setting"},
    {"workers: 1\n---\nworkers: 2\n", 2, "expected one document, found a second"},
    {"workers: 1\nlog: {format: auto\n", 2, "this is no YAML"},
    {"workers: 1\n\tlog: 2\n", 2, "this is no YAML"},
    {"workers: \x01\n", 1, "this is no YAML"},
    {"workers: \xff\n", 1, "this is no YAML"},
    {"log: {level: &x info}\naudit: {sync: *x}\n", 2, "aliases are not taken"},
    // values
    {"\n\n\n\n\ntimeouts:\n  head: ten\n", 7,
     "timeouts.head: expected a duration such as 10s, found \"ten\""},
    {"timeouts: {head: 10}\n", 1, "timeouts.head: expected a duration such as 10s, found \"10\""},
    {"timeouts: {head: -1s}\n", 1, "timeouts.head: expected a duration"},
    {"timeouts: {head: 1 s}\n", 1, "timeouts.head: expected a duration"},
    {"timeouts: {head: 1.5s}\n", 1, "timeouts.head: expected a duration"},
    {"timeouts: {head: 1d}\n", 1, "timeouts.head: expected a duration"},
    {"timeouts: {head: }\n", 1, "timeouts.head: expected a duration such as 10s, found \"\""},
    {"timeouts: {head: 9ms}\n", 1, "timeouts.head: expected 10ms to 10m, found \"9ms\""},
    {"timeouts: {head: 601s}\n", 1, "timeouts.head: expected 10ms to 10m, found \"601s\""},
    {"timeouts: {head: 9223372036854775807h}\n", 1, "timeouts.head: expected 10ms to 10m"},
    {"timeouts: {head: 99999999999999999999s}\n", 1, "timeouts.head: expected 10ms to 10m"},
    {"limits: {drain-body: 2GiB}\n", 1, "limits.drain-body: expected 0 to 1GiB, found \"2GiB\""},
    {"limits: {drain-body: 2GB}\n", 1, "limits.drain-body: expected a size such as 64KiB"},
    {"limits:\n  pool: 1\n  connections: 0\n", 3, "limits.connections: expected 1 to 1000000"},
    {"workers: 257\n", 1, "workers: expected 0 to 256, found \"257\""},
    {"workers: 0x10\n", 1, "workers: expected a whole number, found \"0x10\""},
    {"workers: 010\n", 1, "workers: expected a whole number, found \"010\""},
    {"workers: ~\n", 1, "workers: expected a whole number, found \"~\""},
    {"audit: {sync: sometimes}\n", 1, "audit.sync: expected one of always, interval, none"},
    {"log: {level: Info}\n", 1, "log.level: expected one of error, warning, info, debug"},
    {"log: {format: 1}\n", 1,
     "log.format: expected one of auto, human, json, journald, found \"1\""},
    // listeners and names
    {"listen:\n  - address: 127.0.0.1\n", 2, "listen[1].address: expected a numeric ADDRESS:PORT"},
    {"listen:\n  - address: localhost:80\n", 2, "expected a numeric ADDRESS:PORT"},
    {"listen:\n  - address: 127.0.0.1:65536\n", 2, "expected a numeric ADDRESS:PORT"},
    {"listen:\n  - address: \"127.0.0.1:\"\n", 2, "expected a numeric ADDRESS:PORT"},
    {"listen:\n  - address: 127.1:80\n", 2, "expected a numeric ADDRESS:PORT"},
    {"listen:\n  - address: \"::1:80\"\n", 2, "expected a numeric ADDRESS:PORT"},
    {"listen:\n  - address: \"[::1\"\n", 2, "expected a numeric ADDRESS:PORT"},
    {"listen:\n  - address: \":80\"\n", 2, "expected a numeric ADDRESS:PORT"},
    {"listen:\n  - address: 127.0.0.1:1\n  - address: 0.0.0.0:8437\n", 3,
     "listen[2]: expected tls: true, or insecure: true"},
    {"listen:\n  - address: \"[::]:80\"\n", 2, "expected tls: true, or insecure: true"},
    {"listen:\n  - address: \"[::ffff:127.0.0.1]:80\"\n", 2,
     "expected tls: true, or insecure: true"},
    {"listen:\n  - address: 127.0.0.1:1\n    tls: yes\n", 3,
     "listen[1].tls: expected true or false, found \"yes\""},
    {"listen:\n  - address: 127.0.0.1:1\n    insecure: 1\n", 3,
     "listen[1].insecure: expected true"},
    {"listen:\n  - address: 127.0.0.1:1\n    tls: true\n    certificate: tls.pem\n", 4,
     "listen[1]: expected certificate and key together"},
    {"listen:\n  - address: 127.0.0.1:1\n    tls: true\n    key: tls.key\n", 4,
     "listen[1]: expected certificate and key together"},
    {"listen:\n  - address: 127.0.0.1:1\n    certificate: tls.pem\n    key: tls.key\n", 3,
     "listen[1]: expected tls: true with a certificate"},
    {"listen:\n  - address: 127.0.0.1:1\n    tls: true\n    certificate: no.pem\n    key: "
     "tls.key\n",
     4, "listen[1].certificate: expected a PEM file, found none at \"no.pem\""},
    {"listen:\n  - address: 127.0.0.1:1\n    tls: true\n    certificate: tls.pem\n    key: /\n", 5,
     "listen[1].key: expected a PEM file, found none at \"/\""},
    {"listen:\n  - address: 127.0.0.1:7\n  - address: 127.0.0.1:7\n", 3,
     "listen[2].address: 127.0.0.1:7 is given a second time"},
    {"names: [good.example]\n\nlisten: []\naudit: {}\nlog: {}\nworkers: 0\nlimits: {pool: x}\n", 7,
     "limits.pool: expected a whole number"},
    {"names:\n  - good.example\n  - \"bad host\"\n", 3, "names[2]: expected a host name"},
    {"names: [\"\"]\n", 1, "names[1]: expected a host name"},
};

static void
test_refusals(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct config config;
        struct fault fault;
        char expected[400];
        config_init(&config);
        config.workers = 77;
        enum kh_err err = read_text(refusals[i].text, &config, &fault);
        (void)snprintf(expected, sizeof(expected), "%s:%u: ", path, refusals[i].line);
        bool untouched =
            config.workers == 77 && config.listener_count == 1 && config.name_count == 0;
        if (err != KH_ERR_CONFIG || strncmp(fault.detail, expected, strlen(expected)) != 0 ||
            strstr(fault.detail, refusals[i].says) == NULL || !untouched) {
            print_error("%s\n  expected %s…%s\n  found (%s) %s%s\n", refusals[i].text, expected,
                        refusals[i].says, kh_err_code(err), fault.detail,
                        untouched ? "" : "\n  and the configuration was changed");
            wrong++;
        }
        config_free(&config);
    }
    assert_int_equal(wrong, 0);
}

static void
test_too_many_items(void **state)
{
    BUFFER_AUTO text;
    struct config config;
    struct fault fault;
    (void)state;
    buffer_init(&text, 65536);
    buffer_put_str(&text, "workers: 1\nnames:\n");
    for (int i = 0; i < CONFIG_NAMES_MAX + 1; i++)
        buffer_printf(&text, "  - n%d.example\n", i);
    config_init(&config);
    assert_int_equal(read_text(buffer_text(&text), &config, &fault), KH_ERR_CONFIG);
    assert_non_null(strstr(fault.detail, ":3: names: expected at most 64 items, found 65"));
    config_free(&config);
}

static void
test_long_value(void **state)
{
    char text[6000] = "log:\n  level: ";
    struct config config;
    struct fault fault;
    (void)state;
    memset(text + strlen(text), 'x', 5000);
    config_init(&config);
    assert_int_equal(read_text(text, &config, &fault), KH_ERR_CONFIG);
    assert_non_null(strstr(fault.detail, ":2: log.level: expected at most 4096 bytes, found 5000"));
    config_free(&config);
}

/* ---- the file itself ---- */

static void
test_writable_by_others_is_refused(void **state)
{
    static const mode_t modes[] = {0664, 0620, 0646, 0602, 0777};
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct config config;
        struct fault fault = {0};
        config_init(&config);
        file_write(path, BYTES("workers: 1\n"), modes[i]);
        assert_int_equal(config_read(path, &config, &fault), KH_ERR_PERMISSION);
        assert_non_null(strstr(fault.detail, "group or others may write"));
        assert_int_equal(config.workers, 0);
        config_free(&config);
    }
}

static void
test_no_file(void **state)
{
    struct config config;
    struct fault fault = {0};
    (void)state;
    config_init(&config);
    assert_int_equal(config_read("/nowhere/keyholed.yaml", &config, &fault), KH_ERR_NOT_FOUND);
    assert_non_null(strstr(fault.detail, "/nowhere/keyholed.yaml: "));
    assert_int_equal(config_read(directory, &config, &fault), KH_ERR_CONFIG);
    assert_int_equal(config_read("/dev/null", &config, &fault), KH_ERR_CONFIG);
    config_free(&config);
}

static void
test_named_pipe_does_not_block(void **state)
{
    char pipe_path[96];
    struct config config;
    struct fault fault = {0};
    (void)state;
    (void)snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", directory);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    config_init(&config);
    assert_int_equal(config_read(pipe_path, &config, &fault), KH_ERR_CONFIG);
    config_free(&config);
    assert_int_equal(unlink(pipe_path), 0);
}

static void
test_huge_file_is_refused(void **state)
{
    struct config config;
    struct fault fault = {0};
    (void)state;
    file_write(path, BYTES("#"), 0600);
    assert_int_equal(truncate(path, 2 << 20), 0);
    config_init(&config);
    assert_int_equal(config_read(path, &config, &fault), KH_ERR_TOO_LONG);
    config_free(&config);
}

/* ---- what is taken ---- */

static void
test_example(void **state)
{
    static const char text[] = "listen:\n"
                               "  - address: 127.0.0.1:8437\n"
                               "  - address: 0.0.0.0:8443\n"
                               "    tls: true\n"
                               "    certificate: tls.pem\n"
                               "    key: tls.key\n"
                               "  - address: \"[::]:0\"\n"
                               "    insecure: true\n"
                               "names: [Broker.example.com., 10.0.0.1]\n"
                               "workers: 3\n"
                               "timeouts: {first-byte: 10m, head: 500ms, idle: 2h}\n"
                               "limits: {drain-body: 64KiB, pool: 0}\n"
                               "audit: {sync: always}\n"
                               "log:\n  format: json\n  level: \"debug\"\n";
    struct config config = {0};
    struct fault fault;
    (void)state;
    assert_int_equal(read_text(text, &config, &fault), KH_OK);
    assert_int_equal(config.listener_count, 3);
    assert_string_equal(config.listener[0].address, "127.0.0.1:8437");
    assert_false(config.listener[0].tls);
    assert_null(config.listener[0].certificate);
    assert_true(config.listener[1].tls);
    assert_string_equal(config.listener[1].certificate, certificate);
    assert_string_equal(config.listener[1].key, key);
    assert_true(config.listener[2].insecure);
    assert_int_equal(config.name_count, 2);
    assert_string_equal(config.name[0], "broker.example.com");
    assert_string_equal(config.name[1], "10.0.0.1");
    assert_int_equal(config.workers, 3);
    assert_int_equal(config.first_byte_timeout_ms, 600000);
    assert_int_equal(config.head_timeout_ms, 500);
    assert_int_equal(config.idle_timeout_ms, 7200000);
    assert_int_equal(config.tls_timeout_ms, 10000);
    assert_int_equal(config.drain_body_max, 65536);
    assert_int_equal(config.pool_total, 0);
    assert_int_equal(config.audit_sync, AUDIT_SYNC_ALWAYS);
    assert_int_equal(config.log_format, LOG_FORMAT_JSON);
    assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
    config_free(&config);
}

static void
assert_default(const struct config *config)
{
    struct config standard;
    config_init(&standard);
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        assert_int_equal(config_get(config, &config_setting[i]),
                         config_get(&standard, &config_setting[i]));
    assert_int_equal(config->listener_count, 1);
    assert_string_equal(config->listener[0].address, standard.listener[0].address);
    assert_int_equal(config->name_count, 0);
    config_free(&standard);
}

static void
test_nothing_set_is_the_default(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "# a comment\n",
        "---\n",
        "{}\n",
        "timeouts:\nlimits:\n  # head: 1s\naudit:\n",
        "timeouts: {}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config config = {0};
        struct fault fault;
        enum kh_err err = read_text(texts[i], &config, &fault);
        if (err != KH_OK)
            print_error("%s: %s\n", texts[i], fault.detail);
        assert_int_equal(err, KH_OK);
        // "---" alone is one empty document, "{}" a mapping without members.
        assert_default(&config);
        config_free(&config);
    }
}

static void
test_no_tcp_listener(void **state)
{
    struct config config;
    struct fault fault;
    (void)state;
    config_init(&config);
    assert_int_equal(read_text("listen: []\nworkers: 2\n", &config, &fault), KH_OK);
    assert_int_equal(config.listener_count, 0);
    assert_int_equal(config.workers, 2);
    assert_int_equal(read_text("listen: []\n", &config, &fault), KH_OK);
    assert_int_equal(config.listener_count, 0);
    config_free(&config);
}

static void
test_json_is_taken(void **state)
{
    struct config config;
    struct fault fault;
    (void)state;
    config_init(&config);
    assert_int_equal(
        read_text("{\"workers\": 2, \"listen\": [{\"address\": \"[::1]:0\"}]}", &config, &fault),
        KH_OK);
    assert_int_equal(config.workers, 2);
    assert_string_equal(config.listener[0].address, "[::1]:0");
    config_free(&config);
}

// Each setting at its bounds and one beyond, so that a new row is tested without a line here.
static void
read_setting(const struct config_setting *setting, int64_t value, enum kh_err expected)
{
    BUFFER_AUTO text;
    struct config config;
    struct fault fault;
    buffer_init(&text, 512);
    if (setting->group[0] != '\0')
        buffer_printf(&text, "%s:\n  ", setting->group);
    buffer_printf(&text, "%s: ", setting->key);
    config_value_print(setting->type, value, &text);
    buffer_put_byte(&text, '\n');
    config_init(&config);
    enum kh_err err = read_text(buffer_text(&text), &config, &fault);
    if (err != expected)
        print_error("%s%s\n", buffer_text(&text), fault.detail);
    assert_int_equal(err, expected);
    if (expected == KH_OK)
        assert_int_equal(config_get(&config, setting), value);
    config_free(&config);
}

static void
test_every_setting_at_its_bounds(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *setting = &config_setting[i];
        read_setting(setting, setting->minimum, KH_OK);
        read_setting(setting, setting->maximum, KH_OK);
        read_setting(setting, setting->maximum + 1, KH_ERR_CONFIG);
        if (setting->minimum > 0)
            read_setting(setting, setting->minimum - 1, KH_ERR_CONFIG);
    }
}

// No text of the file may crash the reader: cuts and flipped bytes of a whole configuration.
static void
test_mutations(void **state)
{
    static const char text[] = "listen:\n  - address: 127.0.0.1:8437\n    tls: true\nnames: [a.b]\n"
                               "timeouts: {head: 10s, idle: 5m}\nlimits: {pool: 3}\n"
                               "log: {level: info}\nworkers: 2\n";
    struct random random = {.state = 7};
    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint8_t copy[sizeof(text)];
        struct config config = {0};
        struct fault fault = {0};
        size_t n = random_below(&random, sizeof(text));
        memcpy(copy, text, sizeof(text));
        for (size_t j = random_below(&random, 4); j > 0; j--)
            copy[random_below(&random, sizeof(text) - 1)] =
                (uint8_t) " :-[]{}#\n&*?!|>'\"%@`,~"[random_below(&random, 22)];
        file_write(path, bytes_of(copy, n), 0600);
        if (config_read(path, &config, &fault) != KH_OK)
            assert_true(strlen(fault.detail) > strlen(path));
        config_free(&config);
    }
}

static int
group_setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/keyhole-config-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/keyholed.yaml", directory);
    (void)snprintf(certificate, sizeof(certificate), "%s/tls.pem", directory);
    (void)snprintf(key, sizeof(key), "%s/tls.key", directory);
    file_write(certificate, BYTES("x"), 0600);
    file_write(key, BYTES("x"), 0600);
    return 0;
}

static int
group_teardown(void **state)
{
    (void)state;
    return unlink(path) | unlink(certificate) | unlink(key) | rmdir(directory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_many_items),
        cmocka_unit_test(test_long_value),
        cmocka_unit_test(test_writable_by_others_is_refused),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_named_pipe_does_not_block),
        cmocka_unit_test(test_huge_file_is_refused),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_nothing_set_is_the_default),
        cmocka_unit_test(test_no_tcp_listener),
        cmocka_unit_test(test_json_is_taken),
        cmocka_unit_test(test_every_setting_at_its_bounds),
    };
    return cmocka_run_group_tests_name("config_read", tests, group_setup, group_teardown);
}
