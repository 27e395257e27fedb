/* SPDX-License-Identifier: Apache-2.0 */
/* One predicate, read and printed (schema/caveat.abnf). How it is judged is in predicate_judge.c.
 */

#include "predicate.h"

#include <string.h>

#include "predicate_value.h"
#include "quoted.h"

#define KEYED true
#define PLAIN false

static const struct attribute_info attributes[ATTRIBUTE_COUNT] = {
#define KH_ATTRIBUTE(name, text, type, keyed, place, description)                                  \
    [ATTRIBUTE_##name] = {text, TYPE_##type, keyed, PLACE_##place, description},
#include "../schema/attributes.def"
};

const struct attribute_info *
attribute_info(enum attribute attribute)
{
    return (unsigned)attribute < ATTRIBUTE_COUNT && attribute != ATTRIBUTE_UNSET
               ? &attributes[attribute]
               : NULL;
}

enum arity { ARITY_NONE, ARITY_ONE, ARITY_LIST };

static const struct operator_row {
    enum operator_kind kind;
    const char *text;
    enum arity arity;
} operators[] = {
    {OPERATOR_EQUAL, "=", ARITY_ONE},          {OPERATOR_NOT_EQUAL, "!=", ARITY_ONE},
    {OPERATOR_IN, "in", ARITY_LIST},           {OPERATOR_NOT_IN, "not in", ARITY_LIST},
    {OPERATOR_MATCHES, "~", ARITY_ONE},        {OPERATOR_NOT_MATCHES, "!~", ARITY_ONE},
    {OPERATOR_LESS, "<", ARITY_ONE},           {OPERATOR_LESS_EQUAL, "<=", ARITY_ONE},
    {OPERATOR_GREATER, ">", ARITY_ONE},        {OPERATOR_GREATER_EQUAL, ">=", ARITY_ONE},
    {OPERATOR_PRESENT, "present", ARITY_NONE}, {OPERATOR_ABSENT, "absent", ARITY_NONE},
};
enum { OPERATOR_ROWS = sizeof operators / sizeof operators[0] };

struct reader {
    struct bytes whole;
    size_t at;
    struct predicate_arena *arena;
    struct fault *fault;
};

static bool
next_is(const struct reader *r, uint8_t c)
{
    return r->at < r->whole.n && r->whole.p[r->at] == c;
}

static enum kh_err
expect_space(struct reader *r, const char *after)
{
    if (!next_is(r, ' '))
        return fault_set(r->fault, KH_ERR_SYNTAX, "at byte %zu: expected one space after %s",
                         r->at + 1, after);
    r->at++;
    return KH_OK;
}

/* A word is unquoted into the arena. */
static enum kh_err
read_word(struct reader *r, bool is_key, struct bytes *out)
{
    struct predicate_arena *a = r->arena;
    uint8_t *text = a->text + a->text_used;
    size_t n;
    if (a->text_cap - a->text_used < r->whole.n - r->at)
        return fault_set(r->fault, KH_ERR_TOO_LONG, "the caveat is too long");
    enum kh_err err = quoted_read(r->whole, &r->at, is_key, text, &n, r->fault);
    if (err)
        return err;
    a->text_used += n;
    *out = bytes_of(text, n);
    return KH_OK;
}

static bool
is_name_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static enum kh_err
read_attribute(struct reader *r, struct predicate *p)
{
    size_t start = r->at;
    while (r->at < r->whole.n && is_name_byte(r->whole.p[r->at]))
        r->at++;
    struct bytes name = bytes_slice(r->whole, start, r->at - start);
    if (name.n == 0)
        return fault_set(r->fault, KH_ERR_SYNTAX, "at byte %zu: expected an attribute", start + 1);
    for (int i = ATTRIBUTE_UNSET + 1; i < ATTRIBUTE_COUNT; i++) {
        if (bytes_is(name, attributes[i].text)) {
            p->attribute = (enum attribute)i;
            return KH_OK;
        }
    }
    return fault_set(r->fault, KH_ERR_UNKNOWN, "at byte %zu: the attribute %.*s is not known here",
                     start + 1, BYTES_ARG(name));
}

/* Field names are case-insensitive (RFC 9110 section 5.1) and lower case in the facts. */
static bool
header_name_lower(struct bytes key)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    uint8_t *p = (uint8_t *)(uintptr_t)key.p; /* in the arena, which is ours to write */
    for (size_t i = 0; i < key.n; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (uint8_t)(p[i] + ('a' - 'A'));
        else if (!is_name_byte(p[i]) && (p[i] == 0 || !strchr(others, p[i])))
            return false;
    }
    return key.n > 0;
}

static enum kh_err
read_key(struct reader *r, struct predicate *p)
{
    bool is_keyed = attributes[p->attribute].keyed;
    if (!next_is(r, '[')) {
        if (is_keyed)
            return fault_set(r->fault, KH_ERR_SYNTAX, "at byte %zu: expected [ and a key",
                             r->at + 1);
        return KH_OK;
    }
    if (!is_keyed)
        return fault_set(r->fault, KH_ERR_SYNTAX, "at byte %zu: %s takes no key", r->at + 1,
                         attributes[p->attribute].text);
    size_t start = r->at++;
    enum kh_err err = read_word(r, true, &p->key);
    if (err)
        return err;
    if (!next_is(r, ']'))
        return fault_set(r->fault, KH_ERR_SYNTAX, "at byte %zu: expected ]", r->at + 1);
    r->at++;
    if (p->attribute == ATTRIBUTE_HEADER && !header_name_lower(p->key))
        return fault_set(r->fault, KH_ERR_TYPE, "at byte %zu: not the name of a header field",
                         start + 2);
    if (p->attribute == ATTRIBUTE_BODY && !body_pointer_is_valid(p->key))
        return fault_set(r->fault, KH_ERR_TYPE,
                         "at byte %zu: not a JSON pointer as /messages/0/role, with ~1 for / and "
                         "~0 for ~ in a name",
                         start + 2);
    return KH_OK;
}

static enum kh_err
read_operator(struct reader *r, const struct operator_row **row)
{
    struct bytes rest = bytes_from(r->whole, r->at);
    for (size_t i = 0; i < OPERATOR_ROWS; i++) {
        struct bytes text = bytes_str(operators[i].text);
        if (!bytes_starts(rest, text) || (rest.n > text.n && rest.p[text.n] != ' '))
            continue;
        r->at += text.n;
        *row = &operators[i];
        return KH_OK;
    }
    return fault_set(r->fault, KH_ERR_SYNTAX,
                     "at byte %zu: expected an operator: = != in, not in, ~ !~ < <= > >= present "
                     "or absent",
                     r->at + 1);
}

static enum kh_err
read_value(struct reader *r, struct predicate *p)
{
    size_t start = r->at;
    struct predicate_arena *a = r->arena;
    if (a->value_used == a->value_cap)
        return fault_set(r->fault, KH_ERR_TOO_LONG, "too many values");
    struct predicate_value *value = &a->value[a->value_used];
    *value = (struct predicate_value){.quoted = next_is(r, '"')};
    enum kh_err err = read_word(r, false, &value->text);
    if (err)
        return err;
    err = predicate_value_read(p->attribute, p->operator_kind, value, r->fault);
    if (err) {
        fault_prefix(r->fault, "at byte %zu: ", start + 1);
        return err;
    }
    a->value_used++;
    p->count++;
    return KH_OK;
}

static enum kh_err
read_values(struct reader *r, struct predicate *p, enum arity arity)
{
    if (arity == ARITY_NONE)
        return KH_OK;
    enum kh_err err = expect_space(r, "the operator");
    p->value = &r->arena->value[r->arena->value_used];
    while (!err) {
        err = read_value(r, p);
        if (err || !next_is(r, ','))
            return err;
        if (arity == ARITY_ONE)
            return fault_set(r->fault, KH_ERR_SYNTAX,
                             "at byte %zu: this operator takes one value; for several there are in "
                             "and not in",
                             r->at + 1);
        r->at++;
        if (next_is(r, ' '))
            r->at++;
    }
    return err;
}

enum kh_err
predicate_parse(struct bytes whole, size_t *cursor, struct predicate_arena *arena,
                struct predicate *out, struct fault *fault)
{
    struct reader r = {whole, *cursor, arena, fault};
    struct predicate p = {.key = BYTES_EMPTY};
    const struct operator_row *row = NULL;
    enum kh_err err = read_attribute(&r, &p);
    if (!err)
        err = read_key(&r, &p);
    if (!err)
        err = expect_space(&r, "the attribute");
    size_t operator_at = r.at;
    if (!err)
        err = read_operator(&r, &row);
    if (err)
        return err;
    p.operator_kind = row->kind;
    if (!predicate_operator_allowed(&attributes[p.attribute], row->kind))
        return fault_set(fault, KH_ERR_TYPE, "at byte %zu: %s cannot be compared with %s",
                         operator_at + 1, attributes[p.attribute].text, row->text);
    err = read_values(&r, &p, row->arity);
    if (err)
        return err;
    *cursor = r.at;
    *out = p;
    return KH_OK;
}

static const char *
operator_text(enum operator_kind kind)
{
    for (size_t i = 0; i < OPERATOR_ROWS; i++) {
        if (operators[i].kind == kind)
            return operators[i].text;
    }
    return "?";
}

void
predicate_print(const struct predicate *predicate, struct buffer *out)
{
    const struct attribute_info *info = attribute_info(predicate->attribute);
    if (!info) {
        out->failed = true;
        return;
    }
    buffer_put_str(out, info->text);
    if (info->keyed) {
        buffer_put_byte(out, '[');
        quoted_print(predicate->key, true, out);
        buffer_put_byte(out, ']');
    }
    buffer_put_byte(out, ' ');
    buffer_put_str(out, operator_text(predicate->operator_kind));
    for (size_t i = 0; i < predicate->count; i++) {
        char scratch[PREDICATE_SCRATCH];
        buffer_put_str(out, i == 0 ? " " : ", ");
        struct bytes text = predicate_value_text(info->type, &predicate->value[i], scratch);
        if (predicate_value_needs_quotes(predicate, &predicate->value[i]))
            quoted_print_string(text, out);
        else
            quoted_print(text, false, out);
    }
}
