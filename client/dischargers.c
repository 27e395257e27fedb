/* SPDX-License-Identifier: Apache-2.0
 *
 * The dischargers that a client was told to trust: one list from several places.
 */
#include "dischargers.h"

#include "cli.h"
#include "files.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *
dischargers_source_name(enum dischargers_source source)
{
    static const char *const name[] = {
        [DISCHARGERS_OPTION] = "--discharger",
        [DISCHARGERS_ENVIRONMENT] = "KEYHOLE_DISCHARGER",
        [DISCHARGERS_FILE] = "the file",
        [DISCHARGERS_BROKER] = "the broker",
    };
    return name[source];
}

bool
dischargers_name_is_good(struct bytes name)
{
    if (name.n == 0 || name.n > DISCHARGER_NAME_MAX || !isalnum(name.p[0]))
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] >= 0x80 || (!isalnum(name.p[i]) && bytes_index(BYTES("._-"), name.p[i]) == 3))
            return false;
    return true;
}

static enum kh_err
dischargers_append(struct dischargers *list, const struct discharger *discharger,
                   enum dischargers_source source, struct fault *fault)
{
    if (dischargers_by_url(list, bytes_str(discharger->url)) != NULL)
        return KH_OK;
    if (list->count == DISCHARGERS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "more than %d dischargers", DISCHARGERS_MAX);
    list->entry[list->count] = *discharger;
    list->source[list->count++] = source;
    return KH_OK;
}

enum kh_err
dischargers_add(struct dischargers *list, struct bytes text, enum dischargers_source source,
                struct fault *fault)
{
    struct discharger discharger;
    struct bytes name = BYTES_EMPTY, rest = bytes_trim(text);
    size_t space = bytes_index(rest, ' ');
    if (space < rest.n) {
        name = bytes_slice(rest, 0, space);
        rest = bytes_trim(bytes_from(rest, space));
        if (!dischargers_name_is_good(name))
            return fault_set(fault, KH_ERR_SYNTAX,
                             "a discharger's name has 1 to %d letters, digits, '.', '_' and '-'",
                             DISCHARGER_NAME_MAX);
    }
    enum kh_err err = discharger_parse(rest, &discharger, fault);
    if (err != KH_OK)
        return err;
    snprintf(discharger.name, sizeof discharger.name, "%.*s", BYTES_ARG(name));
    return dischargers_append(list, &discharger, source, fault);
}

enum kh_err
dischargers_add_place(struct dischargers *list, struct bytes text, struct fault *fault)
{
    struct discharger discharger = {.name = ""};
    if (bytes_index(text, '#') < text.n)
        return dischargers_add(list, text, DISCHARGERS_OPTION, fault);
    enum kh_err err = discharger_url_parse(text, discharger.url, fault);
    return err != KH_OK ? err : dischargers_append(list, &discharger, DISCHARGERS_OPTION, fault);
}

static enum kh_err
dischargers_read_options(struct dischargers *list, const struct options *options, int id,
                         struct fault *fault)
{
    for (size_t i = 0; i < options->given_count; i++) {
        if (options->given[i].id != id)
            continue;
        if (dischargers_add_place(list, bytes_str(options->given[i].value), fault) != KH_OK) {
            fault_prefix(fault, "--discharger: ");
            return fault->err = KH_ERR_USAGE;
        }
    }
    return KH_OK;
}

static enum kh_err
dischargers_read_environment(struct dischargers *list, struct fault *fault)
{
    struct bytes rest = bytes_str(cli_environment("KEYHOLE_DISCHARGER")), word;
    while (bytes_cut(&rest, ' ', &word)) {
        if (word.n > 0 && dischargers_add(list, word, DISCHARGERS_ENVIRONMENT, fault) != KH_OK) {
            fault_prefix(fault, "in KEYHOLE_DISCHARGER: ");
            return fault->err = KH_ERR_USAGE;
        }
    }
    return KH_OK;
}

enum kh_err
dischargers_collect(struct dischargers *list, const struct options *options, int id,
                    struct fault *fault)
{
    struct fault homeless = {.err = KH_OK};
    BUFFER_AUTO path;
    buffer_init(&path, 4096);
    enum kh_err err = dischargers_read_options(list, options, id, fault);
    if (err == KH_OK)
        err = dischargers_read_environment(list, fault);
    if (err == KH_OK && dischargers_file_path(&path, &homeless) == KH_OK)
        err = dischargers_file_read(list, buffer_text(&path), fault);
    return err;
}

const struct discharger *
dischargers_by_url(const struct dischargers *list, struct bytes url)
{
    for (size_t i = 0; i < list->count; i++)
        if (bytes_is(url, list->entry[i].url))
            return &list->entry[i];
    return NULL;
}

const struct discharger *
dischargers_by_name(const struct dischargers *list, struct bytes name)
{
    for (size_t i = 0; i < list->count; i++)
        if (name.n > 0 && bytes_is(name, list->entry[i].name))
            return &list->entry[i];
    return NULL;
}

enum kh_err
dischargers_file_path(struct buffer *out, struct fault *fault)
{
    return files_path("XDG_CONFIG_HOME", ".config", "keyhole/dischargers", out, fault);
}

enum kh_err
dischargers_file_read(struct dischargers *list, const char *path, struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, DISCHARGERS_FILE_MAX);
    enum kh_err err = files_read(path, &text, fault);
    if (err == KH_ERR_NOT_FOUND)
        return KH_OK;
    struct bytes rest = buffer_bytes(&text), line;
    for (unsigned number = 1; err == KH_OK && bytes_cut(&rest, '\n', &line); number++) {
        line = bytes_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        err = dischargers_add(list, line, DISCHARGERS_FILE, fault);
        if (err != KH_OK)
            fault_prefix(fault, "%s:%u: ", path, number);
    }
    return err;
}

enum kh_err
dischargers_file_write(const struct dischargers *list, const char *path, struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, DISCHARGERS_FILE_MAX);
    buffer_put_str(&text, "# Dischargers that keyhole follows; see keyhole help trust.\n");
    for (size_t i = 0; i < list->count; i++) {
        if (list->source[i] != DISCHARGERS_FILE)
            continue;
        if (list->entry[i].name[0] != '\0')
            buffer_printf(&text, "%s ", list->entry[i].name);
        discharger_print(&list->entry[i], &text);
        buffer_put_byte(&text, '\n');
    }
    if (text.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "too many dischargers for one file");
    return files_write(path, buffer_bytes(&text), fault);
}
