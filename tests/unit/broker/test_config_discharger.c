/* SPDX-License-Identifier: Apache-2.0 */
/* `discharger:`, `dischargers:` and `default-discharger:`: refusals with their lines, and what is
 * read. */
#include "config_text.h"

#define KEY "#kd1_WvUL6kxslTeedR1LQm801j6q9iXdm4cw1sb235hVwl4"

#define TLS "tls: true, certificate: c.pem, key: c.key"

static const struct refusal {
    const char *text;
    unsigned line;
    const char *says;
} refusals[] = {
    // structure
    {"discharger: [a]\n", 1, "discharger: expected a group of settings, found a list"},
    {"discharger:\n  port: 1\n", 2,
     "discharger: unknown setting \"port\"; expected one of enabled"},
    {"discharger:\n  enabled: true\n  enabled: true\n", 3, "given a second time"},
    {"discharger:\n  enabled: yes\n", 2, "discharger.enabled: expected true or false"},
    {"discharger:\n  listen: []\n", 2, "discharger.listen: expected at least 1 item, found none"},
    {"discharger:\n  listen: 127.0.0.1:1\n", 2, "discharger.listen: expected a list"},
    {"discharger:\n  aaguids: x\n", 2, "discharger.aaguids: expected a list"},
    // where it is
    {"discharger:\n  listen:\n    - address: localhost:1\n", 3,
     "discharger.listen[1].address: expected a numeric ADDRESS:PORT"},
    {"discharger:\n  listen:\n    - address: 127.0.0.1:1\n    - address: 0.0.0.0:1\n", 4,
     "discharger.listen[2]: expected tls: true for an address that is not loopback"},
    {"discharger:\n  listen:\n    - address: 0.0.0.0:1\n      insecure: true\n", 4,
     "discharger.listen[1].insecure: a discharger is not plain on a network"},
    {"discharger:\n  url: https://d.example\n  listen:\n    - address: 0.0.0.0:1\n"
     "      tls: true\n",
     5, "discharger.listen[1]: expected certificate and key with tls: true"},
    {"discharger:\n  url: https://d.example\n  listen:\n"
     "    - {address: 0.0.0.0:1, tls: true, certificate: none.pem, key: c.key}\n",
     4, "discharger.listen[1].certificate: expected a PEM file, found none at \"none.pem\""},
    {"discharger:\n  listen:\n    - {address: 127.0.0.1:1, " TLS "}\n", 3,
     "discharger.listen[1]: expected discharger.url"},
    {"discharger:\n  url: http://localhost:1\n  listen:\n    - {address: 127.0.0.1:1, " TLS "}\n",
     4, "discharger.listen[1]: expected discharger.url"},
    {"discharger:\n  url: http://d.example\n", 2, "discharger.url: plain http is for localhost"},
    {"discharger:\n  url: https://d.example/path\n", 2, "discharger.url: "},
    {"discharger:\n  url: d.example\n", 2, "discharger.url: "},
    // what may be enrolled
    {"discharger:\n  attestation: no\n", 2,
     "discharger.attestation: expected required or optional, found \"no\""},
    {"discharger:\n  aaguids:\n    - ee882879-721c-4913-9775-3dfcce97072a\n    - ee88\n", 4,
     "discharger.aaguids[2]: expected 32 hexadecimal digits"},
    {"discharger: {aaguids: [ee882879-721c-4913-9775-3dfcce97072g]}\n", 1, "discharger.aaguids[1]"},
    {"discharger: {aaguids: [ee882879-721c-4913-97753-dfcce97072a]}\n", 1, "discharger.aaguids[1]"},
    {"discharger: {aaguids: [ee882879-721c-4913-9775-3dfcce97072]}\n", 1, "discharger.aaguids[1]"},
    {"discharger:\n  firmware: 5.7\n", 2, "discharger.firmware: expected a version such as 5.7.4"},
    {"discharger: {firmware: 5.7.4.1}\n", 1, "discharger.firmware"},
    {"discharger: {firmware: 5.7.256}\n", 1, "discharger.firmware"},
    {"discharger: {firmware: 5..4}\n", 1, "discharger.firmware"},
    {"discharger: {firmware: 5.7.04}\n", 1, "discharger.firmware"},
    {"discharger: {firmware: v5.7.4}\n", 1, "discharger.firmware"},
    {"discharger: {firmware: \"\"}\n", 1, "discharger.firmware"},
    // those of others
    {"dischargers: a\n", 1, "dischargers: expected a list"},
    {"dischargers:\n  - name: a\n", 2, "dischargers[1]: address is missing"},
    {"dischargers:\n  - address: https://d.example" KEY "\n", 2, "dischargers[1]: name is missing"},
    {"dischargers:\n  - address: https://d.example" KEY "\n    name: local\n", 3,
     "dischargers[1].name: local is the one beside the broker"},
    {"dischargers:\n  - {name: \"a b\", address: \"https://d.example" KEY "\"}\n", 2,
     "dischargers[1].name: expected 1 to 64 letters"},
    {"dischargers:\n  - {name: \"\", address: \"https://d.example" KEY "\"}\n", 2,
     "dischargers[1].name: expected 1 to 64 letters"},
    {"dischargers:\n  - {name: a, address: \"https://d.example" KEY "\"}\n"
     "  - {name: a, address: \"https://e.example" KEY "\"}\n",
     3, "dischargers[2].name: a is given a second time"},
    {"dischargers:\n  - name: a\n    address: https://d.example\n", 3, "dischargers[1].address: "},
    {"dischargers:\n  - name: a\n    address: http://d.example" KEY "\n", 3,
     "dischargers[1].address: plain http is for localhost"},
    {"dischargers:\n  - name: a\n    address: https://d.example#kd1_short\n", 3,
     "dischargers[1].address: what follows #kd1_ is not a public key"},
    // the default
    {"default-discharger: a\n", 1, "default-discharger: expected local or a name in dischargers"},
    {"discharger: {enabled: false}\ndefault-discharger: local\n", 2,
     "found \"local\", which is not enabled"},
    {"default-discharger: [a]\n", 1, "default-discharger: expected a single value"},
};

static void
test_refusals(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *refusal = &refusals[i];
        struct config config = {.workers = 77};
        struct fault fault;
        char place[128];
        enum kh_err err = read_text(refusal->text, &config, &fault);
        (void)snprintf(place, sizeof(place), "%s:%u: ", config_path(), refusal->line);
        if (err == KH_ERR_CONFIG && strncmp(fault.detail, place, strlen(place)) == 0 &&
            strstr(fault.detail, refusal->says) != NULL && config.workers == 77)
            continue;
        print_error("--\n%s-- expected line %u, \"%s\"; found \"%s\"\n", refusal->text,
                    refusal->line, refusal->says, err == KH_OK ? "no fault" : fault.detail);
        wrong++;
        config_free(&config);
    }
    assert_int_equal(wrong, 0);
}

static void
read_well(const char *text, struct config *config)
{
    struct fault fault;
    if (read_text(text, config, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
}

static void
test_nothing_is_the_default(void **state)
{
    static const char *const texts[] = {"", "discharger:\n", "discharger: {}\n", "workers: 1\n",
                                        "dischargers: []\n"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config config = {0};
        read_well(texts[i], &config);
        assert_false(config.discharger.disabled);
        assert_false(config.discharger.set);
        assert_int_equal(config.discharger.listener_count, 0);
        assert_null(config.discharger.url);
        assert_int_equal(config.discharger.settings.attestation, ATTESTATION_REQUIRED);
        assert_int_equal(config.known_discharger_count, 0);
        assert_null(config.default_discharger);
        config_free(&config);
    }
}

static void
test_everything(void **state)
{
    static const uint8_t second[16] = {0xee, 0x88, 0x28, 0x79, 0x72, 0x1c, 0x49, 0x13,
                                       0x97, 0x75, 0x3d, 0xfc, 0xce, 0x97, 0x07, 0x2a};
    struct config config = {0};
    const struct config_discharger *own = &config.discharger;
    (void)state;
    read_well("discharger:\n  enabled: true\n  url: HTTPS://D.example:443/\n  listen:\n"
              "    - address: 127.0.0.1:8438\n    - {address: 0.0.0.0:8443, " TLS "}\n"
              "  attestation: optional\n  aaguids:\n    - 00000000-0000-0000-0000-000000000000\n"
              "    - EE882879-721c-4913-9775-3dfcce97072a\n  firmware: \"5.7.4\"\n"
              "dischargers:\n  - name: security\n    address: https://t.example" KEY "\n"
              "  - {name: b, address: \"http://localhost:9" KEY "\"}\n"
              "default-discharger: security\n",
              &config);
    assert_false(own->disabled);
    assert_true(own->set);
    assert_int_equal(own->listener_count, 2);
    assert_false(own->listener[0].tls);
    assert_true(own->listener[1].tls);
    assert_string_equal(own->listener[1].certificate, test_path("c.pem"));
    assert_string_equal(own->listener[1].key, test_path("c.key"));
    assert_string_equal(own->url, "https://d.example");
    assert_int_equal(own->settings.attestation, ATTESTATION_OPTIONAL);
    assert_int_equal(own->settings.aaguid_count, 2);
    assert_memory_equal(own->settings.aaguid[1], second, 16);
    assert_int_equal(own->settings.firmware, 5 << 16 | 7 << 8 | 4);
    assert_int_equal(config.known_discharger_count, 2);
    assert_string_equal(config.known_discharger[0].name, "security");
    assert_string_equal(config.known_discharger[0].address, "https://t.example" KEY);
    assert_string_equal(config.known_discharger[1].name, "b");
    assert_string_equal(config.default_discharger, "security");
    // What a second reading leaves out is gone.
    read_well("discharger: {enabled: false}\n", &config);
    assert_true(config.discharger.disabled);
    assert_false(config.discharger.set);
    assert_null(config.discharger.url);
    assert_int_equal(config.known_discharger_count, 0);
    config_free(&config);
}

static void
test_as_many_as_there_is_room(void **state)
{
    (void)state;
    for (unsigned count = 15; count <= 16; count++) {
        struct config config = {0};
        struct fault fault;
        BUFFER_AUTO text;
        buffer_init(&text, 65536);
        buffer_put_str(&text, "dischargers:\n");
        for (unsigned i = 0; i < count; i++)
            buffer_printf(&text, "  - {name: d%u, address: \"https://d.example" KEY "\"}\n", i);
        enum kh_err err = read_text(buffer_text(&text), &config, &fault);
        assert_int_equal(err, count == 15 ? KH_OK : KH_ERR_CONFIG);
        config_free(&config);
    }
}

static void
test_restart_needed(void **state)
{
    static const struct {
        const char *text, *says;
    } changes[] = {
        {"discharger: {attestation: optional, firmware: 5.7.4}\n", ""},
        {"discharger: {enabled: false}\n", "discharger.enabled"},
        {"discharger: {url: \"https://d.example\"}\n", "discharger.url"},
        {"discharger: {listen: [{address: 127.0.0.1:8438}]}\n", "discharger.listen"},
        {"workers: 3\ndischarger: {enabled: false, url: \"https://d.example\"}\n",
         "workers, discharger.enabled, discharger.url"},
        {"dischargers: [{name: a, address: \"https://d.example" KEY "\"}]\n", ""},
    };
    struct config old;
    (void)state;
    config_init(&old);
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct config new = {0};
        BUFFER_AUTO out;
        buffer_init(&out, 1024);
        read_well(changes[i].text, &new);
        config_restart_needed(&old, &new, &out);
        assert_string_equal(buffer_text(&out), changes[i].says);
        config_free(&new);
    }
    struct config a = {0}, b = {0};
    BUFFER_AUTO out;
    buffer_init(&out, 1024);
    read_well("discharger: {listen: [{address: 127.0.0.1:1}, {address: 127.0.0.1:2}]}\n", &a);
    read_well("discharger: {listen: [{address: 127.0.0.1:1}, {address: 127.0.0.1:3}]}\n", &b);
    config_restart_needed(&a, &b, &out);
    assert_string_equal(buffer_text(&out), "discharger.listen");
    config_free(&a);
    config_free(&b);
    config_free(&old);
}

static int
setup(void **state)
{
    if (directory_setup(state) != 0)
        return -1;
    write_file("c.pem", "-", 0600);
    write_file("c.key", "-", 0600);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),       cmocka_unit_test(test_nothing_is_the_default),
        cmocka_unit_test(test_everything),     cmocka_unit_test(test_as_many_as_there_is_room),
        cmocka_unit_test(test_restart_needed),
    };
    return cmocka_run_group_tests_name("config_discharger", tests, setup, directory_teardown);
}
