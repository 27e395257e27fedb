/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON bodies, read by jansson, with numbers kept as they were written.
 *
 * jansson turns numbers into a double or an int64_t, for which 9007199254740993.0 and 1e400 are
 * other numbers or none. So before it reads the text, each number is replaced by its index in a
 * list of the originals: structure, strings, UTF-8 and duplicate names are jansson's to judge,
 * numbers ours.
 */
#include "body.h"

#include "json_parse.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct number_list {
    struct bytes *number; /* slices of the body */
    size_t count, cap;
};

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static size_t
skip_digits(struct bytes s, size_t at)
{
    while (at < s.n && is_digit(s.p[at]))
        at++;
    return at;
}

/* Length of the number at the start (RFC 8259 section 6), 0 when there is none. */
static size_t
number_length(struct bytes s)
{
    size_t at = s.n > 0 && s.p[0] == '-' ? 1 : 0;
    size_t end = skip_digits(s, at);
    if (end == at || (s.p[at] == '0' && end != at + 1))
        return 0;
    if (end < s.n && s.p[end] == '.') {
        at = end + 1;
        end = skip_digits(s, at);
        if (end == at)
            return 0;
    }
    if (end < s.n && (s.p[end] == 'e' || s.p[end] == 'E')) {
        at = end + 1;
        if (at < s.n && (s.p[at] == '+' || s.p[at] == '-'))
            at++;
        end = skip_digits(s, at);
        if (end == at)
            return 0;
    }
    return end;
}

/* Length of the string at the start, quotes included; s.n when it does not end. */
static size_t
string_length(struct bytes s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return s.n;
}

/* A number ends where another token may begin. Without this 1.5.5 would turn into 0.5, and 12-3
 * into a number that nobody wrote. */
static bool
number_may_end(struct bytes rest)
{
    return rest.n == 0 || memchr(" \t\r\n,]}", rest.p[0], 7) != NULL;
}

static bool
number_list_add(struct number_list *list, struct bytes number)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        struct bytes *grown = realloc(list->number, cap * sizeof *grown);
        if (!grown)
            return false;
        list->number = grown;
        list->cap = cap;
    }
    list->number[list->count++] = number;
    return true;
}

/* Put the index of the number at the start in its place. */
static enum kh_err
take_number(struct bytes rest, struct number_list *list, struct buffer *out, size_t *length)
{
    *length = number_length(rest);
    if (*length == 0 || !number_may_end(bytes_from(rest, *length)))
        return KH_ERR_SYNTAX;
    if (!number_list_add(list, bytes_slice(rest, 0, *length)))
        return KH_ERR_MEMORY;
    buffer_printf(out, "%zu", list->count - 1);
    return KH_OK;
}

/* How much of what is at the start passes as it is: a string, a bracket, or a run of the rest. */
static size_t
other_length(struct bytes rest, unsigned *depth)
{
    switch (rest.p[0]) {
    case '"':
        return string_length(rest);
    case '[':
    case '{':
        ++*depth;
        return 1;
    case ']':
    case '}':
        *depth -= *depth > 0;
        return 1;
    default:
        break;
    }
    size_t i = 1;
    while (i < rest.n && !is_digit(rest.p[i]) && !memchr("\"[]{}-", rest.p[i], 6))
        i++;
    return i;
}

/* The same text with each number replaced by its index. */
static enum kh_err
take_numbers(struct bytes json, struct number_list *list, struct buffer *out)
{
    unsigned depth = 0;
    size_t length;
    for (struct bytes rest = json; rest.n > 0; rest = bytes_from(rest, length)) {
        if (rest.p[0] == '-' || is_digit(rest.p[0])) {
            enum kh_err err = take_number(rest, list, out, &length);
            if (err)
                return err;
            continue;
        }
        length = other_length(rest, &depth);
        if (depth > BODY_DEPTH_MAX)
            return KH_ERR_SYNTAX;
        buffer_put(out, bytes_slice(rest, 0, length));
    }
    return out->failed ? KH_ERR_MEMORY : KH_OK;
}

bool
body_pointer_is_valid(struct bytes pointer)
{
    if (pointer.n > 0 && pointer.p[0] != '/')
        return false;
    for (size_t i = 0; i < pointer.n; i++) {
        // No member of a body that is read has a NUL in its name, and what looks for one would look
        // for the name before it.
        if (pointer.p[i] == '\0')
            return false;
        if (pointer.p[i] == '~' &&
            (i + 1 == pointer.n || (pointer.p[i + 1] != '0' && pointer.p[i + 1] != '1')))
            return false;
    }
    return true;
}

/* RFC 6901 section 4: digits without a leading zero; "-" names no element that exists. */
static json_t *
array_step(json_t *array, struct bytes part)
{
    uint64_t index;
    if (!bytes_to_u64(part, &index) || index >= json_array_size(array))
        return NULL;
    return json_array_get(array, (size_t)index);
}

/* The next character of a name with upper and lower case made one, as encoding/json of Go does it:
 * ASCII letters, the long s and the Kelvin sign. */
static unsigned
fold_next(const char **at)
{
    const unsigned char *p = (const unsigned char *)*at;
    if (p[0] == 0xc5 && p[1] == 0xbf) {
        *at += 2;
        return 's';
    }
    if (p[0] == 0xe2 && p[1] == 0x84 && p[2] == 0xaa) {
        *at += 3;
        return 'k';
    }
    ++*at;
    return p[0] >= 'A' && p[0] <= 'Z' ? p[0] + ('a' - 'A') : p[0];
}

static bool
names_fold_alike(const char *a, const char *b)
{
    while (*a && *b) {
        if (fold_next(&a) != fold_next(&b))
            return false;
    }
    return *a == *b;
}

static bool
has_lookalike(json_t *object, const char *name)
{
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const char *other = json_object_iter_key(i);
        if (strcmp(other, name) != 0 && names_fold_alike(other, name))
            return true;
    }
    return false;
}

static json_t *
object_step(json_t *object, struct bytes part, bool *ambiguous)
{
    BUFFER_AUTO name;
    buffer_init(&name, part.n + 1);
    for (size_t i = 0; i < part.n; i++) {
        uint8_t c = part.p[i];
        if (c == '~')
            c = part.p[++i] == '0' ? '~' : '/';
        buffer_put_byte(&name, c);
    }
    /* Names with a NUL are none: jansson refuses them in the body, the language in a caveat. */
    const char *text = buffer_text(&name);
    *ambiguous = name.failed || has_lookalike(object, text);
    return *ambiguous ? NULL : json_object_get(object, text);
}

static json_t *
follow(json_t *value, struct bytes pointer, bool *ambiguous)
{
    *ambiguous = false;
    while (value && pointer.n > 0) {
        struct bytes part = bytes_from(pointer, 1);
        part = bytes_slice(part, 0, bytes_index(part, '/'));
        if (json_is_array(value))
            value = array_step(value, part);
        else
            value = json_is_object(value) ? object_step(value, part, ambiguous) : NULL;
        pointer = bytes_from(pointer, 1 + part.n);
    }
    return value;
}

static struct bytes
value_text(const json_t *value, const struct number_list *list)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return bytes_of(json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        // An integer is an index that take_numbers() wrote.
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
        return list->number[json_integer_value(value)];
    case JSON_TRUE:
        return BYTES("true");
    case JSON_FALSE:
        return BYTES("false");
    case JSON_NULL:
        return BYTES("null");
    default:
        return BYTES_EMPTY;
    }
}

struct reading {
    struct number_list list;
    struct buffer *storage;
    size_t end; /* of what may be put into it */
};

static void
describe(const json_t *value, const struct reading *reading, struct body_value *out)
{
    static const enum body_type types[] = {
        [JSON_OBJECT] = BODY_VALUE_OBJECT,  [JSON_ARRAY] = BODY_VALUE_ARRAY,
        [JSON_STRING] = BODY_VALUE_STRING,  [JSON_INTEGER] = BODY_VALUE_NUMBER,
        [JSON_REAL] = BODY_VALUE_AMBIGUOUS, /* there is none: all numbers are indices */
        [JSON_TRUE] = BODY_VALUE_TRUE,      [JSON_FALSE] = BODY_VALUE_FALSE,
        [JSON_NULL] = BODY_VALUE_NULL,
    };
    struct buffer *storage = reading->storage;
    struct bytes text = value_text(value, &reading->list);
    *out = (struct body_value){.type = types[json_typeof(value)]};
    // So are all integers: no number is unset.
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
    if (text.n > BODY_VALUE_MAX || text.n > reading->end - storage->n) {
        out->type = BODY_VALUE_LONG;
        return;
    }
    out->text = bytes_of(storage->p + storage->n, text.n);
    buffer_put(storage, text);
}

static void
read_values(json_t *root, const struct reading *reading, const struct bytes *pointer, size_t count,
            struct body_value *value)
{
    for (size_t i = 0; i < count; i++) {
        bool ambiguous;
        const json_t *found = follow(root, pointer[i], &ambiguous);
        if (found)
            describe(found, reading, &value[i]);
        else
            value[i] =
                (struct body_value){.type = ambiguous ? BODY_VALUE_AMBIGUOUS : BODY_VALUE_ABSENT};
    }
}

enum kh_err
body_read(struct bytes json, const struct bytes *pointer, size_t count, struct body_value *value,
          struct buffer *storage)
{
    struct reading reading = {.storage = storage, .end = storage->n + BODY_VALUES_TEXT_MAX};
    BUFFER_AUTO indexed;
    json_t *root = NULL;

    /* An index is never longer than eleven digits, and a number takes at least two bytes. */
    buffer_init_secret(&indexed, json.n * 6 + 16);
    enum kh_err err =
        count > BODY_POINTERS_MAX ? KH_ERR_RANGE : take_numbers(json, &reading.list, &indexed);
    if (err == KH_OK) {
        root = json_parse(buffer_bytes(&indexed), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
        if (!root)
            err = KH_ERR_SYNTAX;
    }
    /* Reserved whole, so that the slices stay where they are. */
    if (err == KH_OK && !buffer_reserve(storage, BODY_VALUES_TEXT_MAX))
        err = KH_ERR_MEMORY;
    if (err == KH_OK)
        read_values(root, &reading, pointer, count, value);
    json_decref(root);
    free(reading.list.number);
    return err;
}
