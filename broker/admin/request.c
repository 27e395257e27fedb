/* SPDX-License-Identifier: Apache-2.0
 *
 * One admin request: parsed strictly, its members checked against the table, carried out, answered.
 */
#include "request.h"

#include "../../caveats/json_parse.h"
#include "../../caveats/timestamp.h"
#include "../json_memory.h"
#include "suggest.h"

#include <stdlib.h>
#include <string.h>

enum { HEX_MAX = 64 };

struct admin_tables {
    const struct admin_command *const *table;
    size_t count;
    void *context;
};

void
admin_request_init(void)
{
    json_memory_init();
}

// ---- reading ----

struct bytes
admin_text(const json_t *request, const char *name)
{
    const json_t *value = json_object_get(request, name);
    return bytes_of(json_string_value(value), json_string_length(value));
}

bool
admin_has(const json_t *request, const char *name)
{
    return json_object_get(request, name) != NULL;
}

bool
admin_flag(const json_t *request, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(request, name);
    return value ? json_is_true(value) : otherwise;
}

int64_t
admin_number(const json_t *request, const char *name)
{
    return json_integer_value(json_object_get(request, name));
}

enum kh_err
admin_texts(const json_t *request, const char *name, struct bytes *out, size_t cap, size_t *count,
            struct fault *fault)
{
    const json_t *array = json_object_get(request, name), *value;
    size_t i;

    *count = 0;
    if (json_array_size(array) > cap)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: there are more than %zu", name, cap);
    json_array_foreach(array, i, value)
    {
        out[i] = bytes_of(json_string_value(value), json_string_length(value));
    }
    *count = json_array_size(array);
    return KH_OK;
}

// ---- writing ----

enum kh_err
admin_put(json_t *object, const char *name, json_t *value, struct fault *fault)
{
    if (json_object_set_new(object, name, value))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return KH_OK;
}

enum kh_err
admin_put_text(json_t *object, const char *name, struct bytes text, struct fault *fault)
{
    return admin_put(object, name, json_stringn(text.n ? (const char *)text.p : "", text.n), fault);
}

enum kh_err
admin_put_number(json_t *object, const char *name, int64_t number, struct fault *fault)
{
    return admin_put(object, name, json_integer(number), fault);
}

enum kh_err
admin_put_time(json_t *object, const char *name, int64_t seconds, struct fault *fault)
{
    char text[TIMESTAMP_SIZE];

    timestamp_print(seconds, text);
    return admin_put_text(object, name, bytes_str(text), fault);
}

enum kh_err
admin_put_hex(json_t *object, const char *name, const uint8_t *p, size_t n, struct fault *fault)
{
    char hex[HEX_MAX + 1];

    if (!bytes_to_hex(bytes_of(p, n), hex, sizeof hex))
        return fault_set(fault, KH_ERR_INTERNAL, "%s does not fit", name);
    return admin_put_text(object, name, bytes_str(hex), fault);
}

enum kh_err
admin_append_text(json_t *array, struct bytes text, struct fault *fault)
{
    if (json_array_append_new(array, json_stringn(text.n ? (const char *)text.p : "", text.n)))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return KH_OK;
}

// ---- checking ----

static bool
all_of_type(const json_t *array, json_type type)
{
    const json_t *value;
    size_t i;

    json_array_foreach(array, i, value)
    {
        if (json_typeof(value) != type)
            return false;
    }
    return json_is_array(array);
}

static bool
has_type(const json_t *value, enum admin_type type)
{
    switch (type) {
    case ADMIN_TEXT:
        return json_is_string(value);
    case ADMIN_FLAG:
        return json_is_boolean(value);
    case ADMIN_NUMBER:
        return json_is_integer(value);
    case ADMIN_TEXTS:
        return all_of_type(value, JSON_STRING);
    case ADMIN_NUMBERS:
        return all_of_type(value, JSON_INTEGER);
    case ADMIN_FLAG_OR_TEXT:
        return json_is_boolean(value) || json_is_string(value);
    case ADMIN_TYPE_UNSET:
        break;
    }
    return false;
}

static const char *const type_text[] = {
    [ADMIN_TYPE_UNSET] = "nothing",          [ADMIN_TEXT] = "a text",
    [ADMIN_FLAG] = "true or false",          [ADMIN_NUMBER] = "a whole number",
    [ADMIN_TEXTS] = "a list of texts",       [ADMIN_NUMBERS] = "a list of whole numbers",
    [ADMIN_FLAG_OR_TEXT] = "true or a text",
};

static bool
is_word(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] <= 0x20 || text.p[i] >= 0x7f)
            return false;
    }
    return text.n > 0 && text.n <= 64;
}

static enum kh_err
unknown_member(const struct admin_command *command, const char *name, struct fault *fault)
{
    struct suggestion suggestion;

    if (!is_word(bytes_str(name)))
        return fault_set(fault, KH_ERR_UNKNOWN, "%s does not take one of these members",
                         command->name);
    suggest_begin(&suggestion, bytes_str(name));
    for (size_t i = 0; i < ADMIN_MEMBERS_MAX && command->member[i].name; i++)
        suggest_offer(&suggestion, bytes_str(command->member[i].name));
    return fault_set(fault, KH_ERR_UNKNOWN, "%s does not take %s%s", command->name, name,
                     suggest_text(&suggestion));
}

static const struct admin_member *
find_member(const struct admin_command *command, const char *name)
{
    for (size_t i = 0; i < ADMIN_MEMBERS_MAX && command->member[i].name; i++) {
        if (!strcmp(command->member[i].name, name))
            return &command->member[i];
    }
    return NULL;
}

static enum kh_err
check_members(const struct admin_command *command, json_t *request, struct fault *fault)
{
    const char *name;
    json_t *value;

    json_object_foreach(request, name, value)
    {
        const struct admin_member *member = find_member(command, name);
        if (!strcmp(name, "command"))
            continue;
        if (member == NULL)
            return unknown_member(command, name, fault);
        if (!has_type(value, member->type))
            return fault_set(fault, KH_ERR_TYPE, "%s: %s must be %s", command->name, name,
                             type_text[member->type]);
    }
    for (size_t i = 0; i < ADMIN_MEMBERS_MAX && command->member[i].name; i++) {
        if (command->member[i].required && !admin_has(request, command->member[i].name))
            return fault_set(fault, KH_ERR_USAGE, "%s: %s is missing", command->name,
                             command->member[i].name);
    }
    return KH_OK;
}

static enum kh_err
find_command(const struct admin_tables *tables, const json_t *request,
             const struct admin_command **out, struct fault *fault)
{
    struct bytes name = admin_text(request, "command");
    struct suggestion suggestion;

    suggest_begin(&suggestion, name);
    for (size_t i = 0; i < tables->count; i++) {
        for (const struct admin_command *command = tables->table[i]; command->name; command++) {
            if (bytes_is(name, command->name)) {
                *out = command;
                return KH_OK;
            }
            suggest_offer(&suggestion, bytes_str(command->name));
        }
    }
    return fault_set(fault, KH_ERR_UNKNOWN, "there is no such command%s",
                     suggest_text(&suggestion));
}

// ---- answering ----

static int
dump_to_buffer(const char *text, size_t n, void *context)
{
    struct buffer *out = context;

    buffer_put(out, bytes_of(text, n));
    return out->failed ? -1 : 0;
}

static void
answer_fault(const struct fault *fault, struct buffer *out)
{
    json_t *answer = json_pack("{s:b, s:s, s:s}", "ok", 0, "code", kh_err_code(fault->err),
                               "message", fault->detail);

    if (answer == NULL) // a detail that is no UTF-8
        answer = json_pack("{s:b, s:s, s:s}", "ok", 0, "code", kh_err_code(fault->err), "message",
                           kh_err_sentence(fault->err));
    if (answer == NULL || json_dump_callback(answer, dump_to_buffer, out, 0))
        buffer_put_str(out, "{\"ok\": false, \"code\": \"out-of-memory\", \"message\": \"\"}");
    json_decref(answer);
    buffer_put_byte(out, '\n');
}

static enum kh_err
carry_out(const struct admin_tables *tables, struct bytes line, json_t *result, struct fault *fault)
{
    json_error_t error;
    const struct admin_command *command = NULL;
    json_t *request = json_parse(line, JSON_REJECT_DUPLICATES, &error);

    // Jansson's own text quotes the request, and with it perhaps a secret.
    if (request == NULL || !json_is_object(request)) {
        json_decref(request);
        return fault_set(fault, KH_ERR_SYNTAX,
                         "the request is no JSON object on one line, without duplicate members "
                         "(near byte %d)",
                         request ? 0 : error.position);
    }
    enum kh_err err = find_command(tables, request, &command, fault);
    if (!err)
        err = check_members(command, request, fault);
    if (!err)
        err = command->handle(tables->context, request, result, fault);
    json_decref(request);
    return err;
}

void
admin_request_finish(json_t *result, const struct fault *fault, struct buffer *out)
{
    struct fault own = *fault;
    json_t *answer = result ? json_pack("{s:b, s:O}", "ok", 1, "result", result) : NULL;

    if (result == NULL) {
        answer_fault(&own, out);
    } else if (answer == NULL || json_dump_callback(answer, dump_to_buffer, out, 0)) {
        buffer_clear(out);
        (void)fault_set(&own, KH_ERR_MEMORY, "the answer does not fit");
        answer_fault(&own, out);
    } else {
        buffer_put_byte(out, '\n');
    }
    json_decref(answer);
}

void
admin_request_answer(const struct admin_command *const *table, size_t count, void *context,
                     struct bytes line, struct buffer *out)
{
    const struct admin_tables tables = {.table = table, .count = count, .context = context};
    struct fault fault = {.err = KH_ERR_INTERNAL};
    json_t *result = json_object();
    enum kh_err err = KH_ERR_MEMORY;

    if (result)
        err = carry_out(&tables, line, result, &fault);
    if (err && (fault.err == KH_OK || fault.err == KH_ERR_INTERNAL))
        fault.err = err;
    admin_request_finish(err ? NULL : result, &fault, out);
    json_decref(result);
}
