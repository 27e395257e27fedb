/* SPDX-License-Identifier: Apache-2.0
 *
 * One function for each format; what it cannot say, it refuses.
 */
#include "env_format.h"

#include "../caveats/json_print.h"

#include <jansson.h>
#include <string.h>

struct env_format {
    const char *name;
    bool (*set)(const char *name, const char *value, struct buffer *out);
    void (*unset)(const char *name, struct buffer *out); /* NULL: it has no word for that */
};

// Each `c` of `special` with `before` in front of it.
static void
put_escaped(const char *value, const char *special, const char *before, struct buffer *out)
{
    for (; *value != '\0'; value++) {
        if (strchr(special, *value) != NULL)
            buffer_put_str(out, before);
        buffer_put_byte(out, (uint8_t)*value);
    }
}

static bool
is_one_line(const char *value)
{
    return strpbrk(value, "\r\n") == NULL;
}

// sh, bash, zsh, dash; direnv's .envrc.
static bool
shell_set(const char *name, const char *value, struct buffer *out)
{
    buffer_printf(out, "export %s='", name);
    for (; *value != '\0'; value++) {
        if (*value == '\'')
            buffer_put_str(out, "'\\''");
        else
            buffer_put_byte(out, (uint8_t)*value);
    }
    buffer_put_str(out, "'\n");
    return true;
}

static void
shell_unset(const char *name, struct buffer *out)
{
    buffer_printf(out, "unset %s\n", name);
}

static bool
fish_set(const char *name, const char *value, struct buffer *out)
{
    buffer_printf(out, "set -gx %s '", name);
    put_escaped(value, "\\'", "\\", out);
    buffer_put_str(out, "'\n");
    return true;
}

static void
fish_unset(const char *name, struct buffer *out)
{
    buffer_printf(out, "set -e %s\n", name);
}

// What node --env-file, dotenv and Compose agree on: nothing is special between single quotes.
static bool
dotenv_set(const char *name, const char *value, struct buffer *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_-./:@~+,=%";
    bool bare = value[0] != '\0' && strspn(value, plain) == strlen(value);
    if (!is_one_line(value) || strchr(value, '\'') != NULL)
        return false;
    buffer_printf(out, bare ? "%s=%s\n" : "%s='%s'\n", name, value);
    return true;
}

// docker run --env-file: the rest of the line as it is.
static bool
docker_set(const char *name, const char *value, struct buffer *out)
{
    buffer_printf(out, "%s=%s\n", name, value);
    return is_one_line(value);
}

// EnvironmentFile= of systemd.exec(5).
static bool
systemd_set(const char *name, const char *value, struct buffer *out)
{
    buffer_printf(out, "%s=\"", name);
    put_escaped(value, "\"\\$`", "\\", out);
    buffer_put_str(out, "\"\n");
    return is_one_line(value);
}

static const struct env_format formats[] = {
    {"shell", shell_set, shell_unset}, {"fish", fish_set, fish_unset},
    {"dotenv", dotenv_set, NULL},      {"docker", docker_set, NULL},
    {"systemd", systemd_set, NULL},    {"json", NULL, NULL}, // one object, written whole
    {"github", docker_set, NULL},                            // what is appended to $GITHUB_ENV
};

const struct env_format *
env_format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

static enum kh_err
print_json(const struct variables *variables, struct buffer *out, struct fault *fault)
{
    json_t *object = json_object();
    for (size_t i = 0; i < variables->count; i++)
        if (variables->item[i].value != NULL)
            json_object_set_new(object, variables->item[i].name,
                                json_string(variables->item[i].value));
    json_print(object, JSON_INDENT(2) | JSON_ENSURE_ASCII, out);
    json_decref(object);
    buffer_put_byte(out, '\n');
    return out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}

enum kh_err
env_format_print(const struct env_format *format, const struct variables *variables,
                 struct buffer *out, struct fault *fault)
{
    if (format->set == NULL)
        return print_json(variables, out, fault);
    for (size_t i = 0; i < variables->count; i++) {
        const struct variable *variable = &variables->item[i];
        if (variable->value == NULL) {
            if (format->unset != NULL)
                format->unset(variable->name, out);
        } else if (!format->set(variable->name, variable->value, out)) {
            return fault_set(fault, KH_ERR_USAGE,
                             "%s has a character in it that --format %s cannot say", variable->name,
                             format->name);
        }
    }
    return out->failed ? fault_set(fault, KH_ERR_MEMORY, "memory is used up") : KH_OK;
}
