/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What values mean, type by type. A value that is not of its attribute's type is an error and not
 * merely false: `port != x` must not hold for ever.
 */

#include "predicate_value.h"

#include <stdio.h>
#include <string.h>

#include "address.h"
#include "decimal.h"
#include "path.h"
#include "timestamp.h"

#define SET(kind)  (1U << OPERATOR_##kind)
#define OP_EQUAL   (SET(EQUAL) | SET(NOT_EQUAL) | SET(IN) | SET(NOT_IN))
#define OP_PATTERN (SET(MATCHES) | SET(NOT_MATCHES))
#define OP_ORDER   (SET(LESS) | SET(LESS_EQUAL) | SET(GREATER) | SET(GREATER_EQUAL))
#define OP_BOUND   (SET(LESS) | SET(LESS_EQUAL))
#define OP_THERE   (SET(PRESENT) | SET(ABSENT))

static const unsigned operators_of_type[] = {
    [TYPE_WORD] = OP_EQUAL | OP_PATTERN | OP_THERE,
    [TYPE_HOST] = OP_EQUAL | OP_PATTERN | OP_THERE,
    [TYPE_PATH] = OP_EQUAL | OP_PATTERN | OP_THERE,
    [TYPE_INTEGER] = OP_EQUAL | OP_ORDER | OP_THERE,
    [TYPE_SIZE] = OP_EQUAL | OP_ORDER | OP_THERE,
    [TYPE_TIME] = OP_ORDER,
    [TYPE_ADDRESS] = OP_EQUAL | OP_THERE,
    [TYPE_STRING] = OP_EQUAL | OP_PATTERN | OP_THERE,
    [TYPE_VALUE] = OP_EQUAL | OP_PATTERN | OP_ORDER | OP_THERE,
    [TYPE_JSON] = OP_EQUAL | OP_PATTERN | OP_ORDER | OP_THERE,
    [TYPE_LINEAGE] = SET(EQUAL),
    [TYPE_RATE] = OP_BOUND,
    [TYPE_HEX] = OP_EQUAL | OP_THERE,
};

bool
predicate_operator_allowed(const struct attribute_info *info, enum operator_kind operator_kind)
{
    unsigned set = info->place == PLACE_REQUEST   ? operators_of_type[info->type]
                   : info->place == PLACE_COUNTER ? OP_BOUND
                                                  : SET(EQUAL);
    return set >> operator_kind & 1;
}

static bool
is_order(enum operator_kind kind)
{
    return OP_ORDER >> kind & 1;
}

static bool
is_pattern(enum operator_kind kind)
{
    return OP_PATTERN >> kind & 1;
}

/* Facts of these are lower case: a value in another case would make != hold for ever. */
static bool
is_lower_case(enum attribute attribute)
{
    return attribute == ATTRIBUTE_SCHEME || attribute == ATTRIBUTE_CONTENT_TYPE ||
           attribute == ATTRIBUTE_UPGRADE;
}

static enum kh_err
read_word(enum attribute attribute, enum operator_kind kind, struct predicate_value *value,
          struct fault *fault)
{
    if (is_pattern(kind) && value->text.n == 0)
        return fault_set(fault, KH_ERR_TYPE, "a pattern has at least one byte");
    for (size_t i = 0; is_lower_case(attribute) && i < value->text.n; i++) {
        if (value->text.p[i] >= 'A' && value->text.p[i] <= 'Z')
            return fault_set(fault, KH_ERR_TYPE, "%s is written in lower case",
                             attribute_info(attribute)->text);
    }
    return KH_OK;
}

static enum kh_err
read_host(enum operator_kind kind, struct predicate_value *value, struct fault *fault)
{
    if (is_pattern(kind) && !host_pattern_check(value->text))
        return fault_set(fault, KH_ERR_TYPE,
                         "a host pattern is a host or *. and a host, lower case");
    if (!is_pattern(kind) && !host_is_canonical(value->text))
        return fault_set(fault, KH_ERR_TYPE,
                         "not a host in canonical form: lower case, A-labels, no trailing dot, no "
                         "port, IPv6 without brackets");
    return KH_OK;
}

static enum kh_err
read_path(enum operator_kind kind, struct predicate_value *value, struct fault *fault)
{
    if (is_pattern(kind))
        return path_pattern_check(value->text, fault);
    if (!bytes_starts(value->text, BYTES("/")))
        return fault_set(fault, KH_ERR_TYPE, "a path begins with /");
    return KH_OK;
}

static bool
all_digits(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    }
    return text.n > 0 && (text.n == 1 || text.p[0] != '0');
}

static enum kh_err
read_integer(struct bytes digits, int64_t unit, int64_t max, int64_t *out, struct fault *fault)
{
    uint64_t number;
    if (!all_digits(digits))
        return fault_set(fault, KH_ERR_TYPE, "not a whole number");
    if (!bytes_to_u64(digits, &number) || number > (uint64_t)(max / unit))
        return fault_set(fault, KH_ERR_RANGE, "the number is out of range");
    *out = (int64_t)number * unit;
    return KH_OK;
}

static enum kh_err
read_size(struct predicate_value *value, struct fault *fault)
{
    static const struct {
        const char *suffix;
        int64_t unit;
    } units[] = {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"", 1}};
    size_t i = 0;
    while (!bytes_ends(value->text, bytes_str(units[i].suffix)))
        i++;
    struct bytes digits = bytes_slice(value->text, 0, value->text.n - strlen(units[i].suffix));
    return read_integer(digits, units[i].unit, INT64_MAX, &value->number, fault);
}

static enum kh_err
read_rate(struct predicate_value *value, struct fault *fault)
{
    static const struct {
        const char *suffix;
        uint32_t window_s;
    } units[] = {{"/s", 1}, {"/min", 60}, {"/h", 3600}, {"/d", 86400}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        struct bytes suffix = bytes_str(units[i].suffix);
        if (!bytes_ends(value->text, suffix))
            continue;
        value->window_s = units[i].window_s;
        return read_integer(bytes_slice(value->text, 0, value->text.n - suffix.n), 1, INT64_MAX,
                            &value->number, fault);
    }
    return fault_set(fault, KH_ERR_TYPE, "not a rate as 60/min: N/s, N/min, N/h or N/d");
}

static enum kh_err
read_address(struct predicate_value *value, struct fault *fault)
{
    value->is_unix = bytes_is(value->text, "unix");
    if (!value->is_unix && !address_network_read(value->text, value->address, &value->prefix_bits))
        return fault_set(fault, KH_ERR_TYPE,
                         "not an address, a network without host bits, or the word unix");
    return KH_OK;
}

static enum kh_err
read_number_or_string(enum operator_kind kind, struct predicate_value *value, struct fault *fault)
{
    struct decimal number;
    enum kh_err err = decimal_read(value->text, &number);
    if (err == KH_ERR_RANGE)
        return fault_set(fault, KH_ERR_RANGE, "the exponent is out of range");
    if (is_order(kind) && (err || number.form == DECIMAL_LOOSE))
        return fault_set(fault, KH_ERR_TYPE, "not a decimal number");
    return read_word(ATTRIBUTE_UNSET, kind, value, fault);
}

static enum body_type
json_literal(struct bytes text)
{
    if (bytes_is(text, "true"))
        return BODY_VALUE_TRUE;
    if (bytes_is(text, "false"))
        return BODY_VALUE_FALSE;
    return bytes_is(text, "null") ? BODY_VALUE_NULL : BODY_VALUE_STRING;
}

/* A bare word is what JSON would take it for, and a string otherwise. */
static enum kh_err
read_json(enum operator_kind kind, struct predicate_value *value, struct fault *fault)
{
    struct decimal number;
    value->json = BODY_VALUE_STRING;
    if (is_pattern(kind))
        return read_word(ATTRIBUTE_UNSET, kind, value, fault);
    enum kh_err err = value->quoted ? KH_ERR_TYPE : decimal_read(value->text, &number);
    if (err == KH_ERR_RANGE)
        return fault_set(fault, KH_ERR_RANGE, "the exponent is out of range");
    if (err == KH_OK && number.form == DECIMAL_LOOSE)
        return fault_set(fault, KH_ERR_TYPE,
                         "not a number as JSON writes it; a string is written in quotation marks");
    if (err == KH_OK)
        value->json = BODY_VALUE_NUMBER;
    else if (is_order(kind))
        return fault_set(fault, KH_ERR_TYPE, "not a decimal number");
    else if (!value->quoted)
        value->json = json_literal(value->text);
    return KH_OK;
}

static enum kh_err
read_hex(struct bytes text, size_t n, struct fault *fault)
{
    bool fine = text.n == n;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        fine = fine && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    }
    return fine ? KH_OK
                : fault_set(fault, KH_ERR_TYPE, "not %zu digits of lower-case hexadecimal", n);
}

enum { LINEAGE_HEX_SIZE = 32, SHA256_HEX_SIZE = 64 };

enum kh_err
predicate_value_read(enum attribute attribute, enum operator_kind kind,
                     struct predicate_value *value, struct fault *fault)
{
    switch (attribute_info(attribute)->type) {
    case TYPE_WORD:
    case TYPE_STRING:
        return read_word(attribute, kind, value, fault);
    case TYPE_HOST:
        return read_host(kind, value, fault);
    case TYPE_PATH:
        return read_path(kind, value, fault);
    case TYPE_INTEGER:
        return read_integer(value->text, 1, attribute == ATTRIBUTE_PORT ? UINT16_MAX : INT64_MAX,
                            &value->number, fault);
    case TYPE_SIZE:
        return read_size(value, fault);
    case TYPE_TIME:
        if (!timestamp_parse(value->text, &value->number))
            return fault_set(fault, KH_ERR_TYPE, "not a time as 2026-12-01T00:00:00Z");
        return KH_OK;
    case TYPE_ADDRESS:
        return read_address(value, fault);
    case TYPE_VALUE:
        return read_number_or_string(kind, value, fault);
    case TYPE_JSON:
        return read_json(kind, value, fault);
    case TYPE_LINEAGE:
        return read_hex(value->text, LINEAGE_HEX_SIZE, fault);
    case TYPE_RATE:
        return read_rate(value, fault);
    case TYPE_HEX:
        return read_hex(value->text, SHA256_HEX_SIZE, fault);
    }
    return fault_set(fault, KH_ERR_INTERNAL, "an attribute without a type");
}

struct bytes
predicate_value_text(enum attribute_type type, const struct predicate_value *value,
                     char scratch[PREDICATE_SCRATCH])
{
    _Static_assert((int)PREDICATE_SCRATCH >= (int)ADDRESS_TEXT_SIZE, "room for a network");
    if (type != TYPE_ADDRESS || value->is_unix)
        return value->text; /* the other types have one spelling for a value */
    address_network_print(value->address, value->prefix_bits, scratch);
    return bytes_str(scratch);
}

bool
predicate_value_needs_quotes(const struct predicate *predicate, const struct predicate_value *value)
{
    struct decimal number;
    return attribute_info(predicate->attribute)->type == TYPE_JSON &&
           !is_pattern(predicate->operator_kind) && value->json == BODY_VALUE_STRING &&
           (json_literal(value->text) != BODY_VALUE_STRING ||
            decimal_read(value->text, &number) != KH_ERR_TYPE);
}

static bool
address_equals(const struct predicate_value *value, struct bytes fact)
{
    uint8_t address[ADDRESS_SIZE];
    if (value->is_unix || !address_read(fact, address))
        return value->is_unix && bytes_is(fact, "unix");
    return address_in_network(address, value->address, value->prefix_bits);
}

/* As numbers when both are written so that all programs agree, else as strings. */
static bool
number_equals(struct bytes a, struct bytes b, bool be_lenient)
{
    struct decimal x, y;
    if (bytes_equal(a, b))
        return true;
    if (decimal_read(a, &x))
        return false;
    enum kh_err err = decimal_read(b, &y);
    if (err) /* with enough zeros before its exponent it may be any number */
        return be_lenient && err == KH_ERR_RANGE;
    if (!be_lenient && (x.form == DECIMAL_LOOSE || y.form != DECIMAL_PLAIN))
        return false;
    return decimal_compare(&x, &y) == 0;
}

/* 5 and "5" are of two kinds, true and false of one. */
static enum body_type
json_kind(enum body_type type)
{
    return type == BODY_VALUE_FALSE ? BODY_VALUE_TRUE : type;
}

static bool
json_equals(const struct predicate_value *value, const struct predicate_fact *fact,
            bool if_unreadable)
{
    struct decimal x, y;
    if (value->json != fact->json)
        return false;
    if (fact->json == BODY_VALUE_STRING)
        return bytes_equal(value->text, fact->text);
    if (fact->json != BODY_VALUE_NUMBER)
        return true;
    if (decimal_read(value->text, &x) || decimal_read(fact->text, &y))
        return if_unreadable;
    return decimal_compare(&x, &y) == 0;
}

/* What is of another type may be taken for anything by some reader, but not for null. */
static bool
json_may_equal(const struct predicate_value *value, const struct predicate_fact *fact)
{
    if (value->json != BODY_VALUE_NULL && json_kind(value->json) != json_kind(fact->json))
        return true;
    return json_equals(value, fact, true);
}

bool
predicate_value_equals(enum attribute_type type, const struct predicate_value *value,
                       const struct predicate_fact *fact)
{
    switch (type) {
    case TYPE_INTEGER:
    case TYPE_SIZE:
    case TYPE_TIME:
        return value->number == fact->number;
    case TYPE_ADDRESS:
        return address_equals(value, fact->text);
    case TYPE_VALUE:
        return number_equals(value->text, fact->text, false);
    case TYPE_JSON:
        return json_equals(value, fact, false);
    default:
        return bytes_equal(value->text, fact->text);
    }
}

bool
predicate_value_may_equal(enum attribute_type type, const struct predicate_value *value,
                          const struct predicate_fact *fact)
{
    if (type == TYPE_VALUE)
        return number_equals(value->text, fact->text, true);
    if (type == TYPE_JSON)
        return json_may_equal(value, fact);
    return predicate_value_equals(type, value, fact);
}

bool
predicate_value_matches(enum attribute_type type, const struct predicate_value *value,
                        const struct predicate_fact *fact)
{
    if (type == TYPE_HOST)
        return host_pattern_matches(value->text, fact->text);
    if (type == TYPE_PATH)
        return path_pattern_matches(value->text, fact->text, NULL);
    return text_pattern_matches(value->text, fact->text, NULL);
}

/* Compare fact with value; false when they have no order. */
static bool
compare(enum attribute_type type, const struct predicate_value *value,
        const struct predicate_fact *fact, int *order)
{
    struct decimal a, b;
    if (type == TYPE_JSON && fact->json != BODY_VALUE_NUMBER)
        return false;
    if (type != TYPE_VALUE && type != TYPE_JSON) {
        *order = (fact->number > value->number) - (fact->number < value->number);
        return true;
    }
    if (decimal_read(fact->text, &a) || decimal_read(value->text, &b))
        return false;
    if (type == TYPE_VALUE && a.form != DECIMAL_PLAIN)
        return false;
    *order = decimal_compare(&a, &b);
    return true;
}

bool
predicate_value_orders(enum attribute_type type, enum operator_kind kind,
                       const struct predicate_value *value, const struct predicate_fact *fact)
{
    int order;
    if (!compare(type, value, fact, &order))
        return false;
    switch (kind) {
    case OPERATOR_LESS:
        return order < 0;
    case OPERATOR_LESS_EQUAL:
        return order <= 0;
    case OPERATOR_GREATER:
        return order > 0;
    case OPERATOR_GREATER_EQUAL:
        return order >= 0;
    default:
        return false;
    }
}
