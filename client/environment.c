/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the broker what a program needs in its environment. What it says is looked at: a variable
 * is a way into a program.
 */
#include "environment.h"

#include "../caveats/path.h"
#include "variables.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Names that make a program load or run something, or that `keyhole run` sets itself. With a `*`:
// whatever begins so.
static const char *const environment_refused[] = {
    "LD_*",     "DYLD_*",    "GCONV_PATH", "GLIBC_TUNABLES", "PATH",       "HOME",      "SHELL",
    "ENV",      "IFS",       "PS4",        "PROMPT_COMMAND", "BASH*",      "ZDOTDIR",   "NODE_*",
    "PYTHON*",  "PERL*",     "RUBY*",      "GEM_*",          "JAVA_*",     "_JAVA_*",   "JDK_*",
    "LUA_*",    "GIT_*",     "SSH_*",      "EDITOR",         "VISUAL",     "PAGER",     "BROWSER",
    "LESSOPEN", "LESSCLOSE", "KEYHOLE_*",  "*_PROXY",        "SSL_CERT_*", "OPENSSL_*", "MALLOC_*",
    "XDG_*",
};

static bool
environment_matches(const char *pattern, struct bytes name)
{
    size_t n = strlen(pattern);
    if (pattern[0] == '*')
        return name.n >= n - 1 &&
               strncasecmp((const char *)name.p + name.n - (n - 1), pattern + 1, n - 1) == 0;
    if (n > 0 && pattern[n - 1] == '*')
        return name.n >= n - 1 && memcmp(name.p, pattern, n - 1) == 0;
    return bytes_is(name, pattern);
}

static bool
environment_is_variable(const char *text)
{
    size_t n = strcspn(text, "=");
    struct bytes name = bytes_of(text, n);
    if (text[n] != '=' || !variables_is_name(name))
        return false;
    for (const char *p = text + n; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    for (size_t i = 0; i < sizeof environment_refused / sizeof *environment_refused; i++)
        if (environment_matches(environment_refused[i], name))
            return false;
    return true;
}

// Strings of an array that `good` takes.
static bool
environment_read_list(const json_t *list, bool (*good)(const char *text), const char **out,
                      size_t *count)
{
    size_t i;
    json_t *item;
    if (!json_is_array(list) || json_array_size(list) > ENVIRONMENT_ITEMS_MAX)
        return false;
    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        if (text == NULL || strlen(text) != json_string_length(item) || !good(text))
            return false;
        out[(*count)++] = text;
    }
    return true;
}

static bool
environment_is_host(const char *text)
{
    return host_pattern_check(bytes_str(text));
}

// "/~name", and nothing that would become another part of a URL.
static bool
environment_is_base_path(const char *text)
{
    return text[0] == '/' && text[1] == '~' && strpbrk(text, "?#\\ \t\r\n'\"") == NULL;
}

static bool
environment_is_prefix(const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (*p <= 0x20 || *p >= 0x7f)
            return false;
    return true;
}

static bool
environment_read_credential(const json_t *object, struct environment_credential *out)
{
    const char *prefix = answer_string(object, "prefix");
    out->name = answer_string(object, "name");
    out->base_path = answer_string(object, "base_path");
    out->prefix = prefix != NULL ? prefix : "";
    return out->name != NULL && out->name[0] != '\0' && environment_is_prefix(out->prefix) &&
           (out->base_path == NULL || environment_is_base_path(out->base_path)) &&
           environment_read_list(json_object_get(object, "hosts"), environment_is_host, out->host,
                                 &out->host_count) &&
           environment_read_list(json_object_get(object, "environment"), environment_is_variable,
                                 out->variable, &out->variable_count);
}

static enum kh_err
environment_read(json_t *object, struct environment *out, struct fault *fault)
{
    const json_t *list = json_object_get(object, "credentials");
    size_t i;
    json_t *item;
    out->ca = answer_string(object, "ca");
    if (!json_is_array(list) || json_array_size(list) > ENVIRONMENT_CREDENTIALS_MAX ||
        out->ca == NULL || strstr(out->ca, "-----BEGIN CERTIFICATE-----") == NULL)
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "the broker's answer is not as documented: is it of another version?");
    json_array_foreach(list, i, item)
    {
        struct environment_credential *credential = &out->credential[out->count++];
        if (!environment_read_credential(item, credential))
            return fault_set(fault, KH_ERR_PROTOCOL,
                             "what the broker wants in the environment for its credential %zu is "
                             "not well-formed, or is not taken from a broker",
                             i + 1);
    }
    return KH_OK;
}

enum kh_err
environment_read_answer(const struct http_answer *answer, struct environment *out,
                        struct fault *fault)
{
    json_t *object = NULL;
    enum kh_err err = answer_accepted(answer, &object, fault);
    struct environment read = {.answer = object};
    if (err == KH_OK)
        err = environment_read(object, &read, fault);
    if (err == KH_OK)
        *out = read;
    else
        json_decref(object);
    return err;
}

enum kh_err
environment_fetch(const struct broker_address *broker, const char *ca_file, struct bytes token,
                  struct environment *out, struct fault *fault)
{
    struct http_answer answer;
    struct http_request request = {.method = HTTP_GET, .bearer = token, .ca_file = ca_file};
    enum kh_err err = broker_call(broker, ENVIRONMENT_PATH, request, &answer, fault);
    if (err != KH_OK)
        return err;
    err = environment_read_answer(&answer, out, fault);
    http_answer_free(&answer);
    return err;
}

void
environment_free(struct environment *environment)
{
    json_decref(environment->answer);
    *environment = (struct environment){0};
}
