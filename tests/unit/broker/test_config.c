/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults, the file that shows them, reloads, and docs/CONFIGURATION.md against the table. */
#include "../../../broker/config_internal.h"
#include "support.h"

static char directory[64], path[96];

static void
write_file(struct bytes text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), text.n);
    assert_int_equal(close(fd), 0);
}

static void
test_init_is_the_table(void **state)
{
    struct config config;
    (void)state;
    config_init(&config);
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        assert_int_equal(config_get(&config, &config_setting[i]), config_setting[i].standard);
    assert_int_equal(config.head_timeout_ms, 15000);
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
    assert_int_equal(config.listener_count, 1);
    assert_string_equal(config.listener[0].address, "127.0.0.1:8437");
    assert_false(config.listener[0].tls || config.listener[0].insecure);
    config_free(&config);
    assert_null(config.listener);
    config_free(&config); // twice does no harm
}

static void
assert_reads_as_default(struct bytes text)
{
    struct config config = {0};
    struct fault fault = {0};
    write_file(text);
    if (config_read(path, &config, &fault) != KH_OK)
        fail_msg("%s\n%.*s", fault.detail, BYTES_ARG(text));
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        assert_int_equal(config_get(&config, &config_setting[i]), config_setting[i].standard);
    assert_int_equal(config.listener_count, 1);
    assert_string_equal(config.listener[0].address, "127.0.0.1:8437");
    assert_int_equal(config.name_count, 0);
    assert_false(config.discharger.disabled);
    assert_null(config.discharger.url);
    assert_int_equal(config.discharger.settings.attestation, ATTESTATION_REQUIRED);
    assert_int_equal(config.discharger.settings.aaguid_count, 0);
    assert_int_equal(config.discharger.settings.firmware, 0);
    assert_int_equal(config.known_discharger_count, 0);
    for (size_t i = 0; i < config.discharger.listener_count; i++)
        assert_string_equal(config.discharger.listener[i].address, "127.0.0.1:8438");
    config_free(&config);
}

// As it is written nothing is set; with the first "#" of every line taken away everything is.
static void
test_printed_default(void **state)
{
    BUFFER_AUTO text, bare;
    struct bytes part;
    (void)state;
    buffer_init(&text, 65536);
    buffer_init(&bare, 65536);
    config_print_default(&text);
    assert_false(text.failed);
    assert_reads_as_default(buffer_bytes(&text));
    struct bytes rest = buffer_bytes(&text);
    while (bytes_cut(&rest, '\n', &part)) {
        assert_true(part.n == 0 || part.p[0] == '#');
        buffer_put(&bare, bytes_from(part, 1));
        buffer_put_byte(&bare, '\n');
    }
    assert_reads_as_default(buffer_bytes(&bare));
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        BUFFER_AUTO setting;
        buffer_init(&setting, 256);
        buffer_printf(&setting, "%s: ", config_setting[i].key);
        assert_true(bytes_find(buffer_bytes(&text), buffer_bytes(&setting)) < text.n);
        assert_true(bytes_find(buffer_bytes(&text), bytes_str(config_setting[i].description)) <
                    text.n);
    }
}

static void
test_restart_needed(void **state)
{
    struct config old, new;
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 1024);
    config_init(&old);
    config_init(&new);
    config_restart_needed(&old, &new, &out);
    assert_string_equal(buffer_text(&out), "");
    new.head_timeout_ms++; // a reload applies this one
    new.log_level = LOG_LEVEL_DEBUG;
    config_restart_needed(&old, &new, &out);
    assert_string_equal(buffer_text(&out), "");
    new.workers = 4;
    new.log_format = LOG_FORMAT_JSON;
    config_restart_needed(&old, &new, &out);
    assert_string_equal(buffer_text(&out), "workers, log.format");
    new.discharger.disabled = true;
    new.discharger.settings.firmware = 0x50704; // a reload applies this one
    config_restart_needed(&old, &new, &out);
    assert_non_null(strstr(buffer_text(&out), ", log.format, discharger.enabled"));
    config_free(&old);
    config_free(&new);
}

/* ---- docs/CONFIGURATION.md ---- */

static void
document_row(const struct config_setting *setting, struct buffer *out)
{
    buffer_put_str(out, "| `");
    config_setting_name(setting, out);
    buffer_put_str(out, "` | ");
    config_value_print(setting->type, setting->standard, out);
    buffer_put_str(out, " | ");
    if (setting->type == SETTING_DURATION_MS || setting->type == SETTING_SIZE ||
        setting->type == SETTING_COUNT) {
        config_value_print(setting->type, setting->minimum, out);
        buffer_put_str(out, " to ");
        config_value_print(setting->type, setting->maximum, out);
    } else {
        config_type_describe(setting->type, out);
    }
    buffer_printf(out, " | %s | %s |", setting->reload == SETTING_RELOAD ? "reload" : "restart",
                  setting->description);
}

static size_t
count_rows(struct bytes text)
{
    struct bytes line;
    size_t count = 0;
    while (bytes_cut(&text, '\n', &line)) {
        bool last_cell =
            bytes_starts(line, BYTES("| `")) && (bytes_find(line, BYTES(" | reload | ")) < line.n ||
                                                 bytes_find(line, BYTES(" | restart | ")) < line.n);
        count += last_cell ? 1 : 0;
    }
    return count;
}

static void
test_manual_has_every_setting(void **state)
{
    static char text[65536];
    int missing = 0;
    (void)state;
    FILE *file = fopen("docs/CONFIGURATION.md", "re"); // tests run at the top of the tree
    assert_non_null(file);
    struct bytes document = bytes_of(text, fread(text, 1, sizeof(text), file));
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        BUFFER_AUTO row;
        buffer_init(&row, 1024);
        document_row(&config_setting[i], &row);
        if (bytes_find(document, buffer_bytes(&row)) < document.n)
            continue;
        print_error("docs/CONFIGURATION.md lacks this row:\n%s\n", buffer_text(&row));
        missing++;
    }
    assert_int_equal(missing, 0);
    assert_int_equal(count_rows(document), CONFIG_SETTINGS); // and none that is no setting any more
}

// The example of the manual is a configuration.
static void
test_example_of_the_manual(void **state)
{
    static char text[65536];
    struct config config = {0};
    struct fault fault = {0};
    (void)state;
    FILE *file = fopen("docs/CONFIGURATION.md", "re");
    assert_non_null(file);
    struct bytes document = bytes_of(text, fread(text, 1, sizeof(text), file));
    assert_int_equal(fclose(file), 0);
    document = bytes_from(document, bytes_find(document, BYTES("```yaml\n")) + 8);
    document = bytes_slice(document, 0, bytes_find(document, BYTES("```")));
    assert_true(document.n > 100);
    write_file(document);
    enum kh_err err = config_read(path, &config, &fault);
    // The certificate that it names is not on this machine; everything before it is right.
    if (err != KH_OK && strstr(fault.detail, "expected a PEM file") == NULL)
        fail_msg("%s", fault.detail);
    // And what comes after it, without it.
    static const struct bytes certificate = BYTES("    certificate: ");
    BUFFER_AUTO without;
    struct bytes line;
    buffer_init(&without, sizeof(text));
    while (bytes_cut(&document, '\n', &line))
        if (!bytes_starts(line, certificate) && !bytes_starts(line, BYTES("    key: ")))
            buffer_printf(&without, "%.*s\n", BYTES_ARG(line));
    write_file(buffer_bytes(&without));
    if (config_read(path, &config, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
    assert_int_equal(config.known_discharger_count, 1);
    config_free(&config);
}

static int
group_setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/keyhole-config-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/keyholed.yaml", directory);
    return 0;
}

static int
group_teardown(void **state)
{
    (void)state;
    return unlink(path) | rmdir(directory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_is_the_table),
        cmocka_unit_test(test_printed_default),
        cmocka_unit_test(test_restart_needed),
        cmocka_unit_test(test_manual_has_every_setting),
        cmocka_unit_test(test_example_of_the_manual),
    };
    return cmocka_run_group_tests_name("config", tests, group_setup, group_teardown);
}
