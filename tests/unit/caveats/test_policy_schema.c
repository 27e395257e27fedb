/* SPDX-License-Identifier: Apache-2.0 */
/* schema/policy.schema.json and the reader's own schema say the same: keys, what is required, how
 * many. Tests run in the top directory. */
#include "../../../caveats/policy_internal.h"
#include "unit.h"

#include <jansson.h>

static json_t *schema;

static int
load(void **state)
{
    (void)state;
    json_error_t error;
    schema = json_load_file("schema/policy.schema.json", JSON_REJECT_DUPLICATES, &error);
    if (schema == NULL)
        print_error("schema/policy.schema.json:%d: %s\n", error.line, error.text);
    return schema ? 0 : -1;
}

static int
unload(void **state)
{
    (void)state;
    json_decref(schema);
    return 0;
}

// What "$ref" leads to; members beside it count too, the nearer ones first.
static const json_t *
resolve(const json_t *node, const char *member)
{
    const json_t *value = json_object_get(node, member);
    const char *reference = json_string_value(json_object_get(node, "$ref"));
    if (value || !reference)
        return value;
    assert_int_equal(strncmp(reference, "#/$defs/", 8), 0);
    const json_t *target = json_object_get(json_object_get(schema, "$defs"), reference + 8);
    if (!target)
        FAIL_WITH("there is no %s", reference);
    return resolve(target, member);
}

static bool
is_required(const json_t *node, const char *name)
{
    const json_t *list = json_object_get(node, "required"), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        if (!strcmp(json_string_value(item), name))
            return true;
    }
    return false;
}

static void compare(const char *name, const json_t *node, const cyaml_schema_value_t *value);

static void
compare_mapping(const char *name, const json_t *node, const cyaml_schema_field_t *field)
{
    const json_t *properties = json_object_get(node, "properties");
    size_t count = 0, required = 0;
    if (!json_is_false(json_object_get(node, "additionalProperties")))
        FAIL_WITH("%s: the reader refuses other keys, the schema does not", name);
    for (; field->key; field++, count++) {
        const json_t *property = json_object_get(properties, field->key);
        bool optional = field->value.flags & CYAML_FLAG_OPTIONAL;
        if (!property)
            FAIL_WITH("%s: the schema does not have %s", name, field->key);
        if (is_required(node, field->key) == optional)
            FAIL_WITH("%s.%s: required in one of the two alone", name, field->key);
        required += !optional;
        compare(field->key, property, &field->value);
    }
    if (json_object_size(properties) != count)
        FAIL_WITH("%s: the schema has %zu keys, the reader %zu", name, json_object_size(properties),
                  count);
    assert_int_equal(json_array_size(json_object_get(node, "required")), required);
}

static void
compare(const char *name, const json_t *node, const cyaml_schema_value_t *value)
{
    const json_t *type = resolve(node, "type");
    bool is_array =
        type && !strcmp(json_string_value(type) ? json_string_value(type) : "", "array");
    if (is_array != (value->type == CYAML_SEQUENCE))
        FAIL_WITH("%s: a list in one of the two alone", name);
    if (value->type == CYAML_SEQUENCE) {
        json_int_t most = json_integer_value(resolve(node, "maxItems"));
        if (most != value->sequence.max)
            FAIL_WITH("%s: at most %lld in the schema, %u in the reader", name, (long long)most,
                      value->sequence.max);
        compare(name, resolve(node, "items"), value->sequence.entry);
    } else if (value->type == CYAML_MAPPING) {
        compare_mapping(name, node, value->mapping.fields);
    }
}

static void
same_shape(void **state)
{
    (void)state;
    compare("policy", schema, &policy_schema);
}

static void
same_limits(void **state)
{
    (void)state;
    const json_t *groups = json_object_get(json_object_get(schema, "properties"), "groups");
    const json_t *members = json_object_get(groups, "additionalProperties");
    const json_t *defs = json_object_get(schema, "$defs");
    assert_int_equal(json_integer_value(json_object_get(groups, "maxProperties")),
                     POLICY_GROUPS_MAX);
    assert_int_equal(json_integer_value(json_object_get(members, "maxItems")), POLICY_MEMBERS_MAX);
    char pattern[64];
    snprintf(pattern, sizeof pattern, "^[A-Za-z0-9._@+-]{1,%d}$", POLICY_NAME_MAX);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(defs, "name"), "pattern")), pattern);
    const json_t *caveat = json_object_get(json_object_get(defs, "caveats"), "items");
    assert_int_equal(json_integer_value(json_object_get(caveat, "maxLength")), CAVEAT_TEXT_MAX);
}

/* Every word that the schema offers is taken, and no other. */
static void
same_words(void **state)
{
    (void)state;
    const json_t *modes =
        json_object_get(json_object_get(json_object_get(schema, "$defs"), "mode"), "enum");
    const json_t *mode;
    size_t i;
    assert_int_equal(json_array_size(modes), 2);
    json_array_foreach(modes, i, mode)
    {
        char text[256];
        struct policy *policy = NULL;
        struct fault fault = {0};
        snprintf(text, sizeof text,
                 "version: 1\nforbid:\n- {name: a, when: [port = 1], mode: %s}\n",
                 json_string_value(mode));
        if (policy_read("p.yaml", bytes_str(text), &policy, &fault) != KH_OK)
            FAIL_WITH("%s", fault.detail);
        policy_free(&policy);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_shape),
        cmocka_unit_test(same_limits),
        cmocka_unit_test(same_words),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
