/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/predicate_value.h"
#include "unit.h"

static const char operator_letters[] = ".=!in~xlLgGpa"; /* in the order of the enum, for messages */

/* Which operators a type has, written down once more. */
static void
operators_by_type(void **state)
{
    (void)state;
    static const struct {
        enum attribute_type type;
        const char *allowed;
    } rows[] = {
        {TYPE_WORD, "=!in~xpa"},     {TYPE_HOST, "=!in~xpa"},      {TYPE_PATH, "=!in~xpa"},
        {TYPE_STRING, "=!in~xpa"},   {TYPE_INTEGER, "=!inlLgGpa"}, {TYPE_SIZE, "=!inlLgGpa"},
        {TYPE_TIME, "lLgG"},         {TYPE_ADDRESS, "=!inpa"},     {TYPE_VALUE, "=!in~xlLgGpa"},
        {TYPE_JSON, "=!in~xlLgGpa"}, {TYPE_LINEAGE, "="},          {TYPE_RATE, "lL"},
        {TYPE_HEX, "=!inpa"},
    };
    assert_int_equal(COUNT_OF(rows), TYPE_HEX + 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int k = OPERATOR_UNSET; k <= OPERATOR_ABSENT; k++) {
            struct attribute_info info = {.type = rows[i].type, .place = PLACE_REQUEST};
            bool expected = k && strchr(rows[i].allowed, operator_letters[k]) != NULL;
            if (predicate_operator_allowed(&info, (enum operator_kind)k) != expected)
                FAIL_WITH("type %d, operator %c: expected %d", rows[i].type, operator_letters[k],
                          expected);
            info.place = PLACE_RECORD;
            assert_int_equal(predicate_operator_allowed(&info, (enum operator_kind)k),
                             k == OPERATOR_EQUAL);
            info.place = PLACE_COUNTER;
            assert_int_equal(predicate_operator_allowed(&info, (enum operator_kind)k),
                             k == OPERATOR_LESS || k == OPERATOR_LESS_EQUAL);
        }
    }
}

static void
ports_are_ranged(void **state)
{
    (void)state;
    struct predicate_value v = {.text = BYTES("65535")};
    expect_err("65535", predicate_value_read(ATTRIBUTE_PORT, OPERATOR_EQUAL, &v, NULL), KH_OK);
    assert_int_equal(v.number, 65535);
    v.text = BYTES("65536");
    expect_err("65536", predicate_value_read(ATTRIBUTE_PORT, OPERATOR_EQUAL, &v, NULL),
               KH_ERR_RANGE);
    v.text = BYTES("");
    expect_err("empty", predicate_value_read(ATTRIBUTE_PORT, OPERATOR_EQUAL, &v, NULL),
               KH_ERR_TYPE);
}

static void
rates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
        uint32_t window_s;
    } cases[] = {
        {"5/s", 5, 1},
        {"60/min", 60, 60},
        {"0/h", 0, 3600},
        {"9223372036854775807/d", INT64_MAX, 86400},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct predicate_value v = {.text = bytes_str(cases[i].text)};
        expect_err(cases[i].text, predicate_value_read(ATTRIBUTE_RATE, OPERATOR_LESS, &v, NULL),
                   KH_OK);
        assert_int_equal(v.number, cases[i].number);
        assert_int_equal(v.window_s, cases[i].window_s);
    }
}

static void
hostile_lengths(void **state)
{
    (void)state;
    static char digits[1024];
    memset(digits, '9', sizeof digits);
    struct predicate_value v = {.text = bytes_of(digits, sizeof digits)};
    expect_err("digits", predicate_value_read(ATTRIBUTE_PORT, OPERATOR_LESS, &v, NULL),
               KH_ERR_RANGE);
    expect_err("digits", predicate_value_read(ATTRIBUTE_QUERY, OPERATOR_LESS, &v, NULL), KH_OK);
    expect_err("digits", predicate_value_read(ATTRIBUTE_CLIENT, OPERATOR_EQUAL, &v, NULL),
               KH_ERR_TYPE);
    expect_err("digits", predicate_value_read(ATTRIBUTE_HOST, OPERATOR_EQUAL, &v, NULL),
               KH_ERR_TYPE);
    expect_err("digits", predicate_value_read(ATTRIBUTE_TIME, OPERATOR_LESS, &v, NULL),
               KH_ERR_TYPE);
}

/* Where strictly equal and maybe equal differ: the first is what `=` takes, the second is what `!=`
 * refuses. */
static void
numbers_that_may_be_equal(void **state)
{
    (void)state;
    static const struct {
        const char *value, *fact;
        bool equal, may;
    } cases[] = {
        {"1", "1", true, true},       {"1", "1.0", true, true},      {"1e0", "1", true, true},
        {"1", "1e0", false, true},    {"1", "01", false, true},      {"01", "01", true, true},
        {"01", "1", false, true},     {"1", "+1", false, true},      {"1", " 1", false, true},
        {"1", "2", false, false},     {"a", "a", true, true},        {"a", "A", false, false},
        {"1", "", false, false},      {"", "", true, true},          {"1", "1x", false, false},
        {"1", "1e9999", false, true}, {"a", "1e9999", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct predicate_value v = {.text = bytes_str(cases[i].value)};
        struct predicate_fact f = {.text = bytes_str(cases[i].fact)};
        if (predicate_value_equals(TYPE_VALUE, &v, &f) != cases[i].equal ||
            predicate_value_may_equal(TYPE_VALUE, &v, &f) != cases[i].may)
            FAIL_WITH("%s and %s", cases[i].value, cases[i].fact);
        assert_true(!cases[i].equal || cases[i].may); /* never both = and != */
    }
}

/* A caveat's value has the type that JSON would give the bare word. */
static void
json_values_have_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool quoted;
        enum kh_err err;
        enum body_type type;
    } cases[] = {
        {"1e1000", false, KH_ERR_RANGE, 0},
        {"01", false, KH_ERR_TYPE, 0},
        {"+1", false, KH_ERR_TYPE, 0},
        {".5", false, KH_ERR_TYPE, 0},
        {"5.", false, KH_ERR_TYPE, 0},
        {"a", false, KH_OK, BODY_VALUE_STRING},
        {"5", false, KH_OK, BODY_VALUE_NUMBER},
        {"-0.5e3", false, KH_OK, BODY_VALUE_NUMBER},
        {"5x", false, KH_OK, BODY_VALUE_STRING},
        {"true", false, KH_OK, BODY_VALUE_TRUE},
        {"false", false, KH_OK, BODY_VALUE_FALSE},
        {"null", false, KH_OK, BODY_VALUE_NULL},
        {"True", false, KH_OK, BODY_VALUE_STRING},
        {"nul", false, KH_OK, BODY_VALUE_STRING},
        {"true", true, KH_OK, BODY_VALUE_STRING},
        {"5", true, KH_OK, BODY_VALUE_STRING},
        {"01", true, KH_OK, BODY_VALUE_STRING},
        {"1e1000", true, KH_OK, BODY_VALUE_STRING},
        {"", true, KH_OK, BODY_VALUE_STRING},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct predicate_value v = {.text = bytes_str(cases[i].text), .quoted = cases[i].quoted};
        enum kh_err err = predicate_value_read(ATTRIBUTE_BODY, OPERATOR_EQUAL, &v, NULL);
        if (err != cases[i].err || (!err && v.json != cases[i].type))
            FAIL_WITH("%s, quoted %d: %s, type %d", cases[i].text, cases[i].quoted,
                      kh_err_code(err), v.json);
        struct predicate p = {.attribute = ATTRIBUTE_BODY, .operator_kind = OPERATOR_IN};
        bool differs = cases[i].quoted && cases[i].text[0];
        if (!err)
            assert_int_equal(predicate_value_needs_quotes(&p, &v), differs);
        p.operator_kind = OPERATOR_MATCHES;
        assert_false(predicate_value_needs_quotes(&p, &v));
    }
}

/* `=`, `!=` for each pair of types: never both, and neither for two types but with null. */
static void
json_types_do_not_mix(void **state)
{
    (void)state;
    static const struct predicate_value values[] = {
        {.json = BODY_VALUE_STRING, .text = {(const uint8_t *)"1", 1}},
        {.json = BODY_VALUE_NUMBER, .text = {(const uint8_t *)"1", 1}},
        {.json = BODY_VALUE_TRUE, .text = {(const uint8_t *)"true", 4}},
        {.json = BODY_VALUE_FALSE, .text = {(const uint8_t *)"false", 5}},
        {.json = BODY_VALUE_NULL, .text = {(const uint8_t *)"null", 4}},
    };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        for (size_t k = 0; k < COUNT_OF(values); k++) {
            struct predicate_fact f = {.text = values[k].text, .json = values[k].json};
            bool is_bool = i >= 2 && i <= 3 && k >= 2 && k <= 3;
            bool differs = i != k && (is_bool || i == 4);
            assert_int_equal(predicate_value_equals(TYPE_JSON, &values[i], &f), i == k);
            if (predicate_value_may_equal(TYPE_JSON, &values[i], &f) != !differs)
                FAIL_WITH("value %zu, fact %zu", i, k);
        }
    }
}

static void
order_needs_an_order(void **state)
{
    (void)state;
    struct predicate_value v = {.text = BYTES("5"), .number = 5};
    struct predicate_fact f = {.text = BYTES("4"), .number = 4};
    assert_true(predicate_value_orders(TYPE_VALUE, OPERATOR_LESS, &v, &f));
    assert_true(predicate_value_orders(TYPE_INTEGER, OPERATOR_LESS, &v, &f));
    assert_false(predicate_value_orders(TYPE_INTEGER, OPERATOR_EQUAL, &v, &f));
    assert_false(predicate_value_orders(TYPE_INTEGER, OPERATOR_UNSET, &v, &f));
    f.text = BYTES("four");
    for (int k = OPERATOR_LESS; k <= OPERATOR_GREATER_EQUAL; k++)
        assert_false(predicate_value_orders(TYPE_VALUE, (enum operator_kind)k, &v, &f));
}

static void
addresses_print_canonically(void **state)
{
    (void)state;
    char scratch[PREDICATE_SCRATCH];
    struct predicate_value v = {.text = BYTES("2001:DB8:0:0::/32")};
    expect_err("read", predicate_value_read(ATTRIBUTE_CLIENT, OPERATOR_IN, &v, NULL), KH_OK);
    expect_text("printed", predicate_value_text(TYPE_ADDRESS, &v, scratch), "2001:db8::/32");
    v = (struct predicate_value){.text = BYTES("unix")};
    expect_err("read", predicate_value_read(ATTRIBUTE_CLIENT, OPERATOR_IN, &v, NULL), KH_OK);
    expect_text("printed", predicate_value_text(TYPE_ADDRESS, &v, scratch), "unix");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_by_type),
        cmocka_unit_test(ports_are_ranged),
        cmocka_unit_test(rates),
        cmocka_unit_test(hostile_lengths),
        cmocka_unit_test(numbers_that_may_be_equal),
        cmocka_unit_test(order_needs_an_order),
        cmocka_unit_test(addresses_print_canonically),
        cmocka_unit_test(json_values_have_types),
        cmocka_unit_test(json_types_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
