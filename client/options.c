/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of a command line. Strict: no abbreviations (they change meaning when an option is
 * added), no option given twice that takes one value.
 */
#include "options.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

static const struct option_spec *
options_find(const struct option_spec *spec, struct bytes name)
{
    for (; spec->id != 0; spec++)
        if (bytes_is(name, spec->name))
            return spec;
    return NULL;
}

static enum kh_err
options_unknown(const struct option_spec *spec, struct bytes name, struct fault *fault)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    for (; spec->id != 0; spec++) {
        size_t distance = text_distance(name, bytes_str(spec->name));
        if (distance < least) {
            least = distance;
            nearest = spec->name;
        }
    }
    BUFFER_AUTO shown;
    buffer_init(&shown, 256);
    text_put_safe(&shown, bytes_slice(name, 0, 40));
    if (nearest != NULL)
        return fault_set(fault, KH_ERR_USAGE, "there is no option --%s; did you mean --%s?",
                         buffer_text(&shown), nearest);
    return fault_set(fault, KH_ERR_USAGE, "there is no option --%s", buffer_text(&shown));
}

// One "--name" or "--name=value"; `*next` is the argument after it, taken when it is the value.
static enum kh_err
options_take(const struct option_spec *table, struct bytes text, const char *inline_value,
             const char *next, struct options *out, bool *took_next, struct fault *fault)
{
    const struct option_spec *spec = options_find(table, text);
    if (spec == NULL)
        return options_unknown(table, text, fault);
    if (!spec->repeat && options_has(out, spec->id))
        return fault_set(fault, KH_ERR_USAGE, "--%s is given twice", spec->name);
    struct option_given *given = &out->given[out->given_count];
    given->id = spec->id;
    given->value = inline_value;
    if (spec->value == NULL && inline_value != NULL)
        return fault_set(fault, KH_ERR_USAGE, "--%s takes no value", spec->name);
    if (spec->value != NULL && inline_value == NULL) {
        if (next == NULL)
            return fault_set(fault, KH_ERR_USAGE, "--%s needs a value: %s", spec->name,
                             spec->value);
        given->value = next;
        *took_next = true;
    }
    out->given_count++;
    return KH_OK;
}

static enum kh_err
options_read(const struct option_spec *spec, bool program, int argc, char *const *argv,
             struct options *out, struct fault *fault)
{
    bool no_more = false;
    for (int i = 0; i < argc; i++) {
        const char *text = argv[i];
        if (no_more || text[0] != '-' || text[1] == '\0') {
            out->positional[out->positional_count++] = text;
            no_more = no_more || program;
        } else if (strcmp(text, "--") == 0) {
            no_more = true;
        } else if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
            out->help = true;
        } else if (text[1] != '-') {
            return fault_set(fault, KH_ERR_USAGE,
                             "options have long names here, as --help; after -- nothing is one");
        } else {
            const char *equals = strchr(text, '=');
            size_t length = equals != NULL ? (size_t)(equals - text) - 2 : strlen(text) - 2;
            bool took_next = false;
            enum kh_err err =
                options_take(spec, bytes_of(text + 2, length), equals != NULL ? equals + 1 : NULL,
                             i + 1 < argc ? argv[i + 1] : NULL, out, &took_next, fault);
            if (err != KH_OK)
                return err;
            i += took_next;
        }
    }
    return KH_OK;
}

static enum kh_err
options_parse_as(const struct option_spec *spec, bool program, int argc, char *const *argv,
                 struct options *out, struct fault *fault)
{
    size_t most = argc > 0 ? (size_t)argc : 1;
    struct options options = {
        .given = calloc(most, sizeof *options.given),
        .positional = calloc(most, sizeof *options.positional),
    };
    enum kh_err err = options.given == NULL || options.positional == NULL
                          ? fault_set(fault, KH_ERR_MEMORY, "memory is used up")
                          : options_read(spec, program, argc, argv, &options, fault);
    if (err != KH_OK)
        options_free(&options);
    else
        *out = options;
    return err;
}

enum kh_err
options_parse(const struct option_spec *spec, int argc, char *const *argv, struct options *out,
              struct fault *fault)
{
    return options_parse_as(spec, false, argc, argv, out, fault);
}

enum kh_err
options_parse_program(const struct option_spec *spec, int argc, char *const *argv,
                      struct options *out, struct fault *fault)
{
    return options_parse_as(spec, true, argc, argv, out, fault);
}

void
options_free(struct options *options)
{
    free(options->given);
    free(options->positional);
    *options = (struct options){0};
}

bool
options_has(const struct options *options, int id)
{
    for (size_t i = 0; i < options->given_count; i++)
        if (options->given[i].id == id)
            return true;
    return false;
}

const char *
options_value(const struct options *options, int id)
{
    for (size_t i = 0; i < options->given_count; i++)
        if (options->given[i].id == id)
            return options->given[i].value;
    return NULL;
}
