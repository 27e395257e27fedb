/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole trust
 */
#include "../caveats/json_print.h"
#include "commands.h"
#include "dischargers.h"
#include "terminal.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_NAME = 1, OPTION_LIST, OPTION_REMOVE, OPTION_YES, OPTION_CACERT, OPTION_JSON };

const struct option_spec command_trust_options[] = {
    {OPTION_NAME, "name", "NAME", false, "call it NAME; else it is called after its host"},
    {OPTION_LIST, "list", NULL, false, "print those that are trusted, one a line"},
    {OPTION_REMOVE, "remove", "NAME", false, "trust that one no longer (a name or a URL)"},
    {OPTION_YES, "yes", NULL, false, "take the key that the discharger says is its own, unseen"},
    {OPTION_CACERT, "cacert", "FILE", false,
     "trust the certificates in FILE (PEM) and no others; else KEYHOLE_CA, else the system's"},
    {OPTION_JSON, "json", NULL, false, "with --list: a JSON array, for programs"},
    {0},
};

// ---- --list ----

static json_t *
trust_json(const struct dischargers *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        BUFFER_AUTO text;
        buffer_init(&text, DISCHARGER_TEXT_MAX);
        discharger_print(&list->entry[i], &text);
        const char *key = strchr(buffer_text(&text), '#');
        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s}", "name", list->entry[i].name,
                                               "url", list->entry[i].url, "public_key",
                                               key != NULL ? key + 1 : "", "from",
                                               dischargers_source_name(list->source[i])));
    }
    return array;
}

static enum cli_exit
trust_list(const struct cli *cli, const struct dischargers *list, bool json)
{
    BUFFER_AUTO out;
    buffer_init(&out, DISCHARGERS_FILE_MAX);
    if (json) {
        json_t *array = trust_json(list);
        json_print(array, JSON_ENSURE_ASCII, &out);
        json_decref(array);
        buffer_put_byte(&out, '\n');
        return cli_result(cli, &out);
    }
    for (size_t i = 0; i < list->count; i++) {
        buffer_printf(&out, "%s%s", list->entry[i].name, list->entry[i].name[0] != '\0' ? " " : "");
        discharger_print(&list->entry[i], &out);
        buffer_put_byte(&out, '\n');
        if (list->source[i] != DISCHARGERS_FILE)
            cli_say(cli, "%s: by %s", list->entry[i].url, dischargers_source_name(list->source[i]));
    }
    return cli_result(cli, &out);
}

// ---- the file ----

static enum kh_err
trust_remove(struct dischargers *list, const char *path, const char *name, struct fault *fault)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->source[i] != DISCHARGERS_FILE ||
            (strcmp(list->entry[i].name, name) != 0 && strcmp(list->entry[i].url, name) != 0))
            continue;
        memmove(&list->entry[i], &list->entry[i + 1],
                (list->count - i - 1) * sizeof list->entry[0]);
        memmove(&list->source[i], &list->source[i + 1],
                (list->count - i - 1) * sizeof list->source[0]);
        list->count--;
        return dischargers_file_write(list, path, fault);
    }
    return fault_set(fault, KH_ERR_NOT_FOUND, "no discharger of that name is in %s", path);
}

static void
trust_name_after_host(const char *url, char out[DISCHARGER_NAME_MAX + 1])
{
    const char *host = strstr(url, "://") + 3;
    size_t n = strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_");
    snprintf(out, DISCHARGER_NAME_MAX + 1, "%.*s",
             (int)(n < DISCHARGER_NAME_MAX ? n : DISCHARGER_NAME_MAX), host);
    if (!dischargers_name_is_good(bytes_str(out)))
        snprintf(out, DISCHARGER_NAME_MAX + 1, "discharger");
}

static enum kh_err
trust_add(const struct cli *cli, struct dischargers *list, const char *path,
          const struct discharger *discharger, const char *name, struct fault *fault)
{
    char own[DISCHARGER_NAME_MAX + 1];
    BUFFER_AUTO line;
    buffer_init(&line, DISCHARGER_TEXT_MAX + DISCHARGER_NAME_MAX + 2);
    trust_name_after_host(discharger->url, own);
    if (name == NULL)
        name = own;
    if (!dischargers_name_is_good(bytes_str(name)))
        return fault_set(fault, KH_ERR_USAGE, "--name: 1 to %d letters, digits, '.', '_' and '-'",
                         DISCHARGER_NAME_MAX);
    const struct discharger *known = dischargers_by_url(list, bytes_str(discharger->url));
    // A key that changes is what an impostor's would do: the old one has to be removed on purpose.
    if (known != NULL)
        return memcmp(known->public_key, discharger->public_key, TICKET_PUBLIC_KEY_SIZE) == 0
                   ? KH_OK
                   : fault_set(fault, KH_ERR_DENIED,
                               "%s is trusted already, with another key; if that has changed: "
                               "keyhole trust --remove %s",
                               known->url, known->url);
    if (dischargers_by_name(list, bytes_str(name)) != NULL)
        return fault_set(fault, KH_ERR_EXISTS,
                         "there is a discharger of the name %s already; give another --name", name);
    buffer_printf(&line, "%s ", name);
    discharger_print(discharger, &line);
    enum kh_err err = dischargers_add(list, buffer_bytes(&line), DISCHARGERS_FILE, fault);
    if (err == KH_OK)
        err = dischargers_file_write(list, path, fault);
    if (err == KH_OK)
        cli_say(cli, "%s is trusted from now on, as %s", discharger->url, name);
    return err;
}

// ---- a key that was not given ----

static enum kh_err
trust_ask_key(const struct cli *cli, const struct options *options, const char *url,
              struct discharger *out, struct fault *fault)
{
    const char *ca_file = options_value(options, OPTION_CACERT);
    if (ca_file == NULL)
        ca_file = cli_environment("KEYHOLE_CA");
    enum kh_err err = dischargers_ask_key(url, ca_file, out, fault);
    if (err != KH_OK)
        return err;
    BUFFER_AUTO text;
    buffer_init(&text, DISCHARGER_TEXT_MAX);
    discharger_print(out, &text);
    cli_say(cli, "the discharger says that it is\n  %s", buffer_text(&text));
    if (options_has(options, OPTION_YES))
        return KH_OK;
    err = terminal_confirm("Compare it with what its operator told you. Trust it? [y/N] ", fault);
    if (err == KH_ERR_NOT_FOUND)
        return fault_set(fault, KH_ERR_USAGE,
                         "there is no terminal to confirm at: give its key (URL#kd1_…), or --yes");
    return err;
}

static enum kh_err
trust_read(const struct cli *cli, const struct options *options, struct discharger *out,
           struct fault *fault)
{
    char url[DISCHARGER_URL_MAX + 1];
    struct bytes text = bytes_str(options->positional[0]);
    enum kh_err err = bytes_index(text, '#') < text.n ? discharger_parse(text, out, fault)
                                                      : discharger_url_parse(text, url, fault);
    if (err != KH_OK)
        return fault->err = KH_ERR_USAGE;
    return bytes_index(text, '#') < text.n ? KH_OK : trust_ask_key(cli, options, url, out, fault);
}

enum cli_exit
command_trust(struct cli *cli, const struct options *options)
{
    static const struct options nothing = {.given = NULL};
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct dischargers list = {.count = 0};
    struct discharger discharger;
    const char *removed = options_value(options, OPTION_REMOVE);
    bool shows = options_has(options, OPTION_LIST);
    BUFFER_AUTO path;
    buffer_init(&path, 4096);
    if (options->positional_count + shows + (removed != NULL) != 1)
        fault_set(&fault, KH_ERR_USAGE, "give one URL, or --list, or --remove NAME");
    else if (dischargers_file_path(&path, &fault) != KH_OK)
        fault_prefix(&fault, "there is no place for the file: ");
    else if (shows && dischargers_collect(&list, &nothing, 1, &fault) == KH_OK)
        return trust_list(cli, &list, options_has(options, OPTION_JSON));
    else if (!shows && dischargers_file_read(&list, buffer_text(&path), &fault) == KH_OK &&
             (removed != NULL ? trust_remove(&list, buffer_text(&path), removed, &fault)
                              : trust_read(cli, options, &discharger, &fault)) == KH_OK &&
             (removed != NULL || trust_add(cli, &list, buffer_text(&path), &discharger,
                                           options_value(options, OPTION_NAME), &fault) == KH_OK))
        return CLI_DONE;
    return cli_fail(cli, &fault);
}
