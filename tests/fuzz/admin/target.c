/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/admin/request.c broker/admin/suggest.c
 *
 * Whatever is asked of an admin socket: there is one answer, on one line, and it is JSON. It says
 * yes to just those requests that jansson and the table of the command take; a command sees no
 * member that is not in its table, and none of another type. A refusal has nothing of what was
 * given as a value, which may have been a secret: with other values it is the same.
 *
 * Input: a request.
 */

#include "../../../broker/admin/request.h"
#include "../fuzz.h"

static const json_t *asked;
static unsigned handled;

static enum kh_err
echo(void *context, const json_t *request, json_t *result, struct fault *fault)
{
    (void)context;
    asked = request;
    handled++;
    const char *name = json_string_value(json_object_get(request, "name"));
    if (name && strcmp(name, "fail") == 0)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no such \xff thing");
    return admin_put_number(result, "members", (int64_t)json_object_size(request), fault);
}

static const struct admin_command first[] = {
    {"credential.add",
     echo,
     {{"name", ADMIN_TEXT, true},
      {"secret", ADMIN_TEXT, true},
      {"hosts", ADMIN_TEXTS, false},
      {"ports", ADMIN_NUMBERS, false},
      {"scrub", ADMIN_FLAG, false},
      {"for", ADMIN_NUMBER, false},
      {"grace", ADMIN_FLAG_OR_TEXT, false}}},
    {"status", echo, {{NULL, ADMIN_TYPE_UNSET, false}}},
    {NULL, NULL, {{NULL, ADMIN_TYPE_UNSET, false}}},
};
static const struct admin_command second[] = {
    {"revoke", echo, {{"token", ADMIN_TEXT, false}, {"lineage", ADMIN_FLAG, false}}},
    {NULL, NULL, {{NULL, ADMIN_TYPE_UNSET, false}}},
};
static const struct admin_command *const tables[] = {first, second};

/* ---- the same, by hand ---- */

static bool
all(const json_t *list, bool numbers)
{
    if (!json_is_array(list))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        if (numbers ? !json_is_integer(value) : !json_is_string(value))
            return false;
    }
    return true;
}

static bool
takes(const char *command, const char *name, const json_t *value)
{
    if (strcmp(name, "command") == 0)
        return true;
    if (strcmp(command, "revoke") == 0)
        return strcmp(name, "token") == 0 ? json_is_string(value)
                                          : strcmp(name, "lineage") == 0 && json_is_boolean(value);
    if (strcmp(command, "credential.add") != 0)
        return false;
    if (strcmp(name, "name") == 0 || strcmp(name, "secret") == 0)
        return json_is_string(value);
    if (strcmp(name, "hosts") == 0 || strcmp(name, "ports") == 0)
        return all(value, name[0] == 'p');
    if (strcmp(name, "scrub") == 0)
        return json_is_boolean(value);
    if (strcmp(name, "for") == 0)
        return json_is_integer(value);
    return strcmp(name, "grace") == 0 && (json_is_boolean(value) || json_is_string(value));
}

static bool
is_good(json_t *request)
{
    const char *command = json_string_value(json_object_get(request, "command")), *name;
    json_t *value;
    if (!command || json_string_length(json_object_get(request, "command")) != strlen(command))
        return false;
    if (strcmp(command, "revoke") != 0 && strcmp(command, "status") != 0 &&
        strcmp(command, "credential.add") != 0)
        return false;
    json_object_foreach(request, name, value)
    {
        if (!takes(command, name, value))
            return false;
    }
    return strcmp(command, "credential.add") != 0 ||
           (json_object_get(request, "name") && json_object_get(request, "secret"));
}

/* Each text another one of the same type, but for what has a meaning to the table and to echo(). */
static void
other_texts(json_t *request)
{
    const char *name;
    json_t *value, *element;
    size_t i;
    json_object_foreach(request, name, value)
    {
        if (json_is_string(value) && strcmp(name, "command") != 0 &&
            strcmp(json_string_value(value), "fail") != 0)
            FUZZ_CHECK(json_string_set(value, "another") == 0);
        json_array_foreach(value, i, element)
        {
            if (json_is_string(element))
                FUZZ_CHECK(json_string_set(element, "another") == 0);
        }
    }
}

/* The same is said of whatever values: then it has nothing of them, in whatever form. */
static void
check_quotes(json_t *request, struct bytes answer)
{
    BUFFER_AUTO out = {0};
    json_t *other = json_deep_copy(request);
    FUZZ_CHECK(other != NULL);
    other_texts(other);
    char *line = json_dumps(other, JSON_COMPACT);
    FUZZ_CHECK(line != NULL);
    buffer_init(&out, 1 << 16);
    admin_request_answer(tables, 2, NULL, bytes_str(line), &out);
    FUZZ_SAME(buffer_bytes(&out), answer);
    free(line);
    json_decref(other);
}

static void
check(struct bytes said, json_t *request, const json_t *answer)
{
    bool ok = json_is_true(json_object_get(answer, "ok"));
    bool good = json_is_object(request) && is_good(request);
    const char *name = json_string_value(json_object_get(request, "name"));
    bool fails =
        good && name && strcmp(name, "fail") == 0 &&
        strcmp(json_string_value(json_object_get(request, "command")), "credential.add") == 0;
    FUZZ_CHECK(json_is_object(answer));
    FUZZ_CHECK(handled == (good ? 1u : 0u));
    FUZZ_CHECK(ok == (good && !fails));
    if (ok)
        FUZZ_CHECK(
            json_integer_value(json_object_get(json_object_get(answer, "result"), "members")) ==
            (json_int_t)json_object_size(request));
    else
        FUZZ_CHECK(json_is_string(json_object_get(answer, "code")) &&
                   json_is_string(json_object_get(answer, "message")));
    if (!ok && json_is_object(request))
        check_quotes(request, said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes line = bytes_of(data, size);
    BUFFER_AUTO out = {0};

    admin_request_init();
    handled = 0;
    buffer_init(&out, 1 << 16);
    admin_request_answer(tables, 2, NULL, line, &out);
    struct bytes answer = buffer_bytes(&out);
    FUZZ_CHECK(answer.n > 1 && bytes_index(answer, '\n') == answer.n - 1);
    json_t *request = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    json_t *said = json_loadb((const char *)answer.p, answer.n, JSON_REJECT_DUPLICATES, NULL);
    check(answer, request, said);
    json_decref(request);
    json_decref(said);
    return 0;
}
