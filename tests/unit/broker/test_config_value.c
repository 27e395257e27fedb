/* SPDX-License-Identifier: Apache-2.0 */
/* Values as text: strict reading, and printing that reads back. */
#include "../../../broker/config_internal.h"
#include "support.h"

static void
test_what_is_no_value(void **state)
{
    static const struct {
        enum setting_type type;
        const char *text;
        enum kh_err err;
    } cases[] = {
        {SETTING_DURATION_MS, "", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "10", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "s", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "10 s", KH_ERR_TYPE},
        {SETTING_DURATION_MS, " 10s", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "10s ", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "+10s", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "-10s", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "1e3s", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "1m30s", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "10S", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "05s", KH_ERR_TYPE},
        {SETTING_DURATION_MS, "2562047788016h", KH_ERR_RANGE},
        {SETTING_DURATION_MS, "18446744073709551616ms", KH_ERR_RANGE},
        {SETTING_SIZE, "1kb", KH_ERR_TYPE},
        {SETTING_SIZE, "1KB", KH_ERR_TYPE},
        {SETTING_SIZE, "1kib", KH_ERR_TYPE},
        {SETTING_SIZE, "KiB", KH_ERR_TYPE},
        {SETTING_SIZE, "8589934592GiB", KH_ERR_RANGE},
        {SETTING_COUNT, "1B", KH_ERR_TYPE},
        {SETTING_COUNT, "", KH_ERR_TYPE},
        {SETTING_COUNT, "1.0", KH_ERR_TYPE},
        {SETTING_COUNT, "9223372036854775808", KH_ERR_RANGE},
        {SETTING_FLAG, "yes", KH_ERR_TYPE},
        {SETTING_FLAG, "True", KH_ERR_TYPE},
        {SETTING_FLAG, "", KH_ERR_TYPE},
        {SETTING_CHOICE_LOG_LEVEL, "", KH_ERR_TYPE},
        {SETTING_CHOICE_LOG_LEVEL, "INFO", KH_ERR_TYPE},
        {SETTING_CHOICE_LOG_LEVEL, "2", KH_ERR_TYPE},
        {SETTING_CHOICE_AUDIT_SYNC, "always ", KH_ERR_TYPE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 42;
        enum kh_err err = config_value_parse(cases[i].type, bytes_str(cases[i].text), &value);
        if (err != cases[i].err)
            print_error("\"%s\": expected %s, found %s\n", cases[i].text, kh_err_code(cases[i].err),
                        kh_err_code(err));
        assert_int_equal(err, cases[i].err);
        assert_int_equal(value, 42);
    }
}

static void
test_values(void **state)
{
    static const struct {
        enum setting_type type;
        const char *text;
        int64_t value;
        const char *printed;
    } cases[] = {
        {SETTING_DURATION_MS, "0s", 0, "0s"},
        {SETTING_DURATION_MS, "500ms", 500, "500ms"},
        {SETTING_DURATION_MS, "10s", 10000, "10s"},
        {SETTING_DURATION_MS, "1500ms", 1500, "1500ms"},
        {SETTING_DURATION_MS, "60s", 60000, "1m"},
        {SETTING_DURATION_MS, "90m", 5400000, "90m"},
        {SETTING_DURATION_MS, "24h", 86400000, "24h"},
        {SETTING_SIZE, "0", 0, "0"},
        {SETTING_SIZE, "1000", 1000, "1000B"},
        {SETTING_SIZE, "1000B", 1000, "1000B"},
        {SETTING_SIZE, "64KiB", 65536, "64KiB"},
        {SETTING_SIZE, "1024KiB", 1 << 20, "1MiB"},
        {SETTING_SIZE, "1GiB", 1 << 30, "1GiB"},
        {SETTING_COUNT, "0", 0, "0"},
        {SETTING_COUNT, "4096", 4096, "4096"},
        {SETTING_FLAG, "true", 1, "true"},
        {SETTING_FLAG, "false", 0, "false"},
        {SETTING_CHOICE_AUDIT_SYNC, "none", AUDIT_SYNC_NONE, "none"},
        {SETTING_CHOICE_LOG_FORMAT, "human", LOG_FORMAT_HUMAN, "human"},
        {SETTING_CHOICE_LOG_LEVEL, "debug", LOG_LEVEL_DEBUG, "debug"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 42;
        BUFFER_AUTO out;
        buffer_init(&out, 64);
        assert_int_equal(config_value_parse(cases[i].type, bytes_str(cases[i].text), &value),
                         KH_OK);
        assert_int_equal(value, cases[i].value);
        config_value_print(cases[i].type, value, &out);
        assert_string_equal(buffer_text(&out), cases[i].printed);
    }
}

static void
test_printed_values_read_back(void **state)
{
    struct random random = {.state = 5};
    (void)state;
    for (size_t i = 0; i < CONFIG_SETTINGS * 200; i++) {
        const struct config_setting *setting = &config_setting[i % CONFIG_SETTINGS];
        size_t span = (size_t)(setting->maximum - setting->minimum) + 1;
        int64_t value = setting->minimum + (int64_t)random_below(&random, span), back = -1;
        BUFFER_AUTO out;
        buffer_init(&out, 64);
        config_value_print(setting->type, value, &out);
        assert_int_equal(config_value_parse(setting->type, buffer_bytes(&out), &back), KH_OK);
        assert_true(back == value);
    }
}

static void
test_the_table_makes_sense(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *setting = &config_setting[i];
        assert_true(setting->minimum >= 0);
        assert_true(setting->minimum <= setting->standard);
        assert_true(setting->standard <= setting->maximum);
        assert_true(strlen(setting->description) > 0);
        for (size_t j = 0; j < i; j++)
            assert_false(strcmp(setting->group, config_setting[j].group) == 0 &&
                         strcmp(setting->key, config_setting[j].key) == 0);
    }
}

static void
test_types_in_words(void **state)
{
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 128);
    config_type_describe(SETTING_CHOICE_LOG_LEVEL, &out);
    assert_string_equal(buffer_text(&out), "one of error, warning, info, debug");
    buffer_clear(&out);
    config_type_describe(SETTING_DURATION_MS, &out);
    assert_string_equal(buffer_text(&out), "a duration such as 10s");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_value),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_printed_values_read_back),
        cmocka_unit_test(test_the_table_makes_sense),
        cmocka_unit_test(test_types_in_words),
    };
    return cmocka_run_group_tests_name("config_value", tests, NULL, NULL);
}
