/* SPDX-License-Identifier: Apache-2.0 */
/* The schema that cyaml gets is the table of settings. */
#include "../../../broker/config_internal.h"
#include "support.h"

static const cyaml_schema_field_t *
find(const cyaml_schema_field_t *field, const char *key)
{
    while (field->key != NULL && strcmp(field->key, key) != 0)
        field++;
    return field->key != NULL ? field : NULL;
}

static size_t
count(const cyaml_schema_field_t *field)
{
    size_t n = 0;
    while (field[n].key != NULL)
        n++;
    return n;
}

static void
test_every_setting_has_a_field(void **state)
{
    struct config_schema schema;
    size_t fields = 0;
    (void)state;
    config_schema_init(&schema);
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *setting = &config_setting[i];
        const cyaml_schema_field_t *field = schema.top;
        if (setting->group[0] != '\0') {
            const cyaml_schema_field_t *group = find(schema.top, setting->group);
            assert_non_null(group);
            assert_int_equal(group->value.type, CYAML_MAPPING);
            field = group->value.mapping.fields;
        }
        field = find(field, setting->key);
        assert_non_null(field);
        assert_int_equal(field->value.type, CYAML_STRING);
        assert_true((field->value.flags & CYAML_FLAG_OPTIONAL) != 0);
        assert_int_equal(field->data_offset, i * sizeof(char *));
        fields++;
    }
    for (size_t g = 0; g < schema.group_count; g++)
        fields -= count(schema.field[g]);
    // What is left stands at the top: settings without a group, the groups, and nine others.
    assert_int_equal(count(schema.top), fields + schema.group_count + 9);
}

static void
test_raw_values_are_found(void **state)
{
    struct config_schema schema;
    (void)state;
    config_schema_init(&schema);
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        struct config_raw raw = {0};
        struct config_raw_group group = {0};
        char text[] = "x";
        assert_null(config_raw_value(&schema, &raw, &config_setting[i]));
        if (config_setting[i].group[0] == '\0') {
            raw.value[i] = text;
        } else {
            for (size_t g = 0; g < schema.group_count; g++) {
                if (strcmp(schema.group[g], config_setting[i].group) == 0)
                    raw.group[g] = &group;
            }
            group.value[i] = text;
        }
        assert_ptr_equal(config_raw_value(&schema, &raw, &config_setting[i]), text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_setting_has_a_field),
        cmocka_unit_test(test_raw_values_are_found),
    };
    return cmocka_run_group_tests_name("config_schema", tests, NULL, NULL);
}
