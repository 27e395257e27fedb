/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of a policy file, for cyaml. schema/policy.schema.json tells editors the same. */

#include "policy_internal.h"

enum { VALUE_MAX = 4096 };

#define TEXT(name, flags, structure, member)                                                       \
    CYAML_FIELD_STRING_PTR(name, CYAML_FLAG_POINTER | (flags), structure, member, 0, VALUE_MAX)
#define TEXTS(name, flags, structure, member, most)                                                \
    CYAML_FIELD_SEQUENCE_COUNT(name, CYAML_FLAG_POINTER | (flags), structure, member.text,         \
                               member.count, &text_value, 0, most)
#define RULES(name, member, value, most)                                                           \
    CYAML_FIELD_SEQUENCE_COUNT(name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct policy_raw,  \
                               member, member##_count, value, 0, most)
#define OPTIONAL CYAML_FLAG_OPTIONAL

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, VALUE_MAX),
};

static const cyaml_schema_field_t grant_fields[] = {
    TEXT("name", 0, struct policy_raw_grant, name),
    TEXTS("to", 0, struct policy_raw_grant, to, POLICY_LIST_MAX),
    TEXTS("credentials", 0, struct policy_raw_grant, credentials, POLICY_LIST_MAX),
    TEXTS("caveats", OPTIONAL, struct policy_raw_grant, caveats, POLICY_CAVEATS_MAX),
    TEXT("lifetime", OPTIONAL, struct policy_raw_grant, lifetime),
    TEXTS("holes", OPTIONAL, struct policy_raw_grant, holes, POLICY_HOLES_MAX),
    TEXT("mode", OPTIONAL, struct policy_raw_grant, mode),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t forbid_fields[] = {
    TEXT("name", 0, struct policy_raw_forbid, name),
    TEXTS("when", 0, struct policy_raw_forbid, when, POLICY_CAVEATS_MAX),
    TEXT("mode", OPTIONAL, struct policy_raw_forbid, mode),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t test_fields[] = {
    TEXT("request", 0, struct policy_raw_test, request),
    TEXT("user", 0, struct policy_raw_test, user),
    TEXT("credential", 0, struct policy_raw_test, credential),
    TEXT("expect", 0, struct policy_raw_test, expect),
    TEXTS("headers", OPTIONAL, struct policy_raw_test, headers, POLICY_CAVEATS_MAX),
    TEXTS("holes", OPTIONAL, struct policy_raw_test, holes, POLICY_HOLES_MAX),
    TEXT("lifetime", OPTIONAL, struct policy_raw_test, lifetime),
    TEXT("client", OPTIONAL, struct policy_raw_test, client),
    TEXT("body", OPTIONAL, struct policy_raw_test, body),
    TEXT("time", OPTIONAL, struct policy_raw_test, time),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t grant_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_grant, grant_fields),
};
static const cyaml_schema_value_t forbid_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_forbid, forbid_fields),
};
static const cyaml_schema_value_t test_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct policy_raw_test, test_fields),
};

static const cyaml_schema_field_t top_fields[] = {
    TEXT("version", 0, struct policy_raw, version),
    CYAML_FIELD_IGNORE("groups", CYAML_FLAG_OPTIONAL),
    RULES("grants", grant, &grant_value, POLICY_RULES_MAX),
    RULES("forbid", forbid, &forbid_value, POLICY_RULES_MAX),
    RULES("tests", test, &test_value, POLICY_TESTS_MAX),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t policy_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct policy_raw, top_fields),
};
