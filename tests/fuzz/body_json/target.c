/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/body.c
 *
 * What is JSON here is JSON for jansson, which is as strict and was written by others, and the
 * values at the pointers are the same; the other way round too, within the limits.
 *
 * Input: three pointers, a line each, and a body.
 */

#include <jansson.h>

#include "../../../caveats/body.h"
#include "../fuzz.h"

enum { POINTERS = 3 };

static const json_t *
step(const json_t *value, struct bytes name)
{
    uint64_t index = 0;
    if (json_is_object(value))
        return json_object_getn(value, (const char *)name.p, name.n);
    if (json_is_array(value) && bytes_to_u64(name, &index))
        return json_array_get(value, index);
    return NULL;
}

/* By the letter of RFC 6901, with another parser below. */
static const json_t *
find(const json_t *value, struct bytes pointer)
{
    struct bytes part;
    if (pointer.n == 0)
        return value;
    (void)fuzz_u8(&pointer);
    if (pointer.n == 0)
        return step(value, BYTES(""));
    bool ends = pointer.p[pointer.n - 1] == '/';
    while (value && bytes_cut(&pointer, '/', &part)) {
        BUFFER_AUTO name = {0};
        buffer_init(&name, 1 << 16);
        for (size_t i = 0; i < part.n; i++) {
            if (part.p[i] == '~' && i + 1 < part.n)
                buffer_put_byte(&name, part.p[++i] == '0' ? '~' : '/');
            else
                buffer_put_byte(&name, part.p[i]);
        }
        value = step(value, bytes_of(name.p ? name.p : (const uint8_t *)"", name.n));
        if (pointer.n == 0 && !ends)
            break;
    }
    return value;
}

static void
same_value(const struct body_value *mine, const json_t *theirs)
{
    switch (mine->type) {
    case BODY_VALUE_ABSENT:
        FUZZ_CHECK(theirs == NULL);
        break;
    case BODY_VALUE_STRING:
        FUZZ_CHECK(json_is_string(theirs));
        FUZZ_SAME(mine->text, bytes_of(json_string_value(theirs), json_string_length(theirs)));
        break;
    case BODY_VALUE_NUMBER:
        FUZZ_CHECK(json_is_number(theirs));
        break;
    case BODY_VALUE_TRUE:
        FUZZ_CHECK(json_is_true(theirs));
        break;
    case BODY_VALUE_FALSE:
        FUZZ_CHECK(json_is_false(theirs));
        break;
    case BODY_VALUE_NULL:
        FUZZ_CHECK(json_is_null(theirs));
        break;
    case BODY_VALUE_ARRAY:
        FUZZ_CHECK(json_is_array(theirs));
        break;
    case BODY_VALUE_OBJECT:
        FUZZ_CHECK(json_is_object(theirs));
        break;
    case BODY_VALUE_LONG:
        FUZZ_CHECK(json_is_string(theirs) || json_is_number(theirs));
        break;
    case BODY_VALUE_AMBIGUOUS:
        break;
    default:
        FUZZ_CHECK(!"a type");
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data, size), pointer[POINTERS];
    struct body_value value[POINTERS];
    json_error_t error;
    BUFFER_AUTO storage = {0};

    for (size_t i = 0; i < POINTERS; i++) {
        pointer[i] = fuzz_line(&rest);
        if (!body_pointer_is_valid(pointer[i]))
            pointer[i] = BYTES_EMPTY;
    }
    buffer_init(&storage, BODY_VALUES_TEXT_MAX);
    FUZZ_CHECK(buffer_reserve(&storage, BODY_VALUES_TEXT_MAX));
    enum kh_err err = body_read(rest, pointer, POINTERS, value, &storage);
    FUZZ_CHECK(err == KH_OK || err == KH_ERR_SYNTAX || err == KH_ERR_MEMORY);
    json_t *theirs = json_loadb((const char *)rest.p, rest.n,
                                JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (err == KH_OK) {
        /* jansson refuses numbers that no double or 64 bits can hold. */
        if (theirs == NULL && json_error_code(&error) != json_error_numeric_overflow)
            fprintf(stderr, "jansson: %s\n", error.text);
        FUZZ_CHECK(theirs || json_error_code(&error) == json_error_numeric_overflow);
        for (size_t i = 0; i < POINTERS && theirs; i++)
            same_value(&value[i], find(theirs, pointer[i]));
    } else if (err == KH_ERR_SYNTAX && theirs && bytes_index(rest, '\0') == rest.n) {
        /* jansson passes over NULs behind a text. Besides, deeper nesting is refused here alone,
         * and escapes that stand for a NUL. */
        size_t depth = 0;
        for (size_t i = 0; i < rest.n; i++)
            depth += rest.p[i] == '[' || rest.p[i] == '{';
        FUZZ_CHECK(depth > BODY_DEPTH_MAX || bytes_find(rest, BYTES("\\u0000")) < rest.n);
    }
    json_decref(theirs);
    return 0;
}
