/* SPDX-License-Identifier: Apache-2.0
 *
 * Building a credential from its texts. Each list has a function that checks one item and writes it
 * to the row and to the route; what is left out comes from the preset.
 */
#include "credential.h"

#include "access.h"
#include "credential_answer.h"
#include "credential_option.h"

#include "../../caveats/decide.h"
#include "../../caveats/path.h"
#include "../route_text.h"

#include <stdlib.h>
#include <string.h>

struct credential_text {
    struct credential_text *next;
    uint8_t data[];
};

enum kh_err
credential_keep(struct credential *credential, struct bytes text, struct bytes *out)
{
    struct credential_text *copy = malloc(sizeof *copy + text.n + 1);

    if (copy == NULL)
        return KH_ERR_MEMORY;
    if (text.n > 0)
        memcpy(copy->data, text.p, text.n);
    copy->data[text.n] = '\0';
    copy->next = credential->text;
    credential->text = copy;
    *out = bytes_of(copy->data, text.n);
    return KH_OK;
}

void
credential_free(struct credential **credential)
{
    if (*credential == NULL)
        return;
    while ((*credential)->text) {
        struct credential_text *next = (*credential)->text->next;
        free((*credential)->text);
        (*credential)->text = next;
    }
    secret_free(&(*credential)->secret);
    secret_free(&(*credential)->previous);
    access_free(&(*credential)->access);
    free(*credential);
    *credential = NULL;
}

bool
credential_name_check(struct bytes name)
{
    if (name.n == 0 || name.n > CREDENTIAL_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return true;
}

enum kh_err
credential_list_add(struct credential *credential, enum store_list list, struct bytes text,
                    struct fault *fault)
{
    struct store_credential *row = &credential->row;
    size_t n = row->item_count[list];

    for (size_t i = 0; i < n; i++) {
        if (bytes_equal(row->item[list][i], text))
            return fault_set(fault, KH_ERR_EXISTS, "%.*s is given twice", BYTES_ARG(text));
    }
    if (n == STORE_LIST_MAX || credential_keep(credential, text, &row->item[list][n]))
        return fault_set(fault, KH_ERR_TOO_LONG, "there are too many");
    row->item_count[list]++;
    return KH_OK;
}

// ---- items ----

static enum kh_err
add_host(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct route *route = &credential->route;
    BUFFER_AUTO host;

    buffer_init(&host, 512);
    if (route->host_count == ROUTE_HOSTS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "there are more than %d", ROUTE_HOSTS_MAX);
    enum kh_err err = route_host_read(text, &host, fault);
    if (err)
        return err;
    size_t n = credential->row.item_count[STORE_LIST_HOSTS];
    err = credential_list_add(credential, STORE_LIST_HOSTS, buffer_bytes(&host), fault);
    if (!err)
        route->host[route->host_count++] = credential->row.item[STORE_LIST_HOSTS][n];
    return err;
}

static enum kh_err
add_port(struct credential *credential, struct bytes text, struct fault *fault)
{
    struct route *route = &credential->route;
    uint16_t port;

    if (!route_port_read(text, &port))
        return fault_set(fault, KH_ERR_RANGE, "a port is a number from 1 to 65535");
    if (route->port_count == ROUTE_PORTS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "there are more than %d", ROUTE_PORTS_MAX);
    enum kh_err err = credential_list_add(credential, STORE_LIST_PORTS, text, fault);
    if (!err)
        route->port[route->port_count++] = port;
    return err;
}

static const struct {
    const char *text;
    enum path_exception exception;
} path_exceptions[] = {
    {"escaped-slash", PATH_ALLOW_ESCAPED_SLASH},
    {"semicolon", PATH_ALLOW_SEMICOLON},
    {"empty-segment", PATH_ALLOW_EMPTY_SEGMENT},
};

static enum kh_err
add_path_exception(struct credential *credential, struct bytes text, struct fault *fault)
{
    for (size_t i = 0; i < sizeof path_exceptions / sizeof path_exceptions[0]; i++) {
        if (!bytes_is(text, path_exceptions[i].text))
            continue;
        credential->route.path_exceptions |= path_exceptions[i].exception;
        return credential_list_add(credential, STORE_LIST_PATH_EXCEPTIONS, text, fault);
    }
    return fault_set(fault, KH_ERR_UNKNOWN, "there are escaped-slash, semicolon and empty-segment");
}

typedef enum kh_err add_fn(struct credential *credential, struct bytes text, struct fault *fault);

// In this order: resolve looks at the hosts and at token-url.
static const struct {
    enum store_list list;
    add_fn *add;
} lists[] = {
    {STORE_LIST_HOSTS, add_host},
    {STORE_LIST_PORTS, add_port},
    {STORE_LIST_SLOTS, credential_add_slot},
    {STORE_LIST_NETWORKS, credential_add_network},
    {STORE_LIST_OPTIONS, credential_add_option},
    {STORE_LIST_RESOLVE, credential_add_resolve},
    {STORE_LIST_PATH_EXCEPTIONS, add_path_exception},
};

// ---- defaults ----

static enum kh_err
add_words(struct credential *credential, add_fn *add, const char *words, struct fault *fault)
{
    struct bytes rest = bytes_str(words), word;
    enum kh_err err = KH_OK;

    while (!err && preset_word(&rest, &word))
        err = add(credential, word, fault);
    return err;
}

static const char *
preset_list(const struct preset *preset, enum store_list list)
{
    if (preset == NULL)
        return "";
    switch (list) {
    case STORE_LIST_HOSTS:
        return preset->hosts;
    case STORE_LIST_SLOTS:
        return preset->slots;
    case STORE_LIST_PATH_EXCEPTIONS:
        return preset->path_exceptions;
    default:
        return "";
    }
}

// Slots and injection usually name the same place: one of them is enough, bearer when none is
// given.
static enum kh_err
complete_places(struct credential *credential, const struct store_credential *given,
                struct fault *fault)
{
    BUFFER_AUTO text;
    enum kh_err err = KH_OK;
    bool slots = credential->row.item_count[STORE_LIST_SLOTS] > 0;

    buffer_init(&text, 1024);
    if (!slots) {
        if (given->inject.n > 0)
            credential_slot_for_inject(given->inject, &text);
        else
            buffer_put_str(&text, "bearer");
        if (text.failed)
            return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        if (text.n == 0)
            return fault_set(fault, KH_ERR_USAGE,
                             "slots: say where clients put their key, as bearer or header:NAME");
        err = credential_add_slot(credential, buffer_bytes(&text), fault);
    }
    if (err || credential->route.inject_kind != INJECT_UNSET)
        return err;
    buffer_clear(&text);
    credential_inject_for_slot(credential->row.item[STORE_LIST_SLOTS][0], &text);
    if (text.failed)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (text.n == 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "inject: say how the secret is put on the request, as \"header:NAME: "
                         "" CREDENTIAL_SECRET_MARK "\"");
    return credential_set_inject(credential, buffer_bytes(&text), fault);
}

static enum kh_err
complete(struct credential *credential, const struct store_credential *given, struct fault *fault)
{
    const struct preset *preset = credential->preset;
    enum kh_err err = KH_OK;

    if (preset && given->inject.n == 0)
        err = credential_set_inject(credential, bytes_str(preset->inject), fault);
    if (!err)
        err = complete_places(credential, given, fault);
    return err ? err : credential_complete_options(credential, fault);
}

// ---- the whole ----

static enum kh_err
check_whole(const struct credential *credential, struct fault *fault)
{
    const struct route *route = &credential->route;

    if (route->host_count == 0 && credential->preset)
        return fault_set(fault, KH_ERR_USAGE,
                         "hosts: the preset %s names none, as everybody has one of their own: say "
                         "it with --host",
                         credential->preset->name);
    if (route->host_count == 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "hosts: say at least one host that the secret may go to, or a preset");
    if (route->slot_count == 0)
        return fault_set(fault, KH_ERR_USAGE, "slots: say where clients put their key");
    enum kh_err err = credential_check_inject(credential, fault);
    if (!err)
        err = credential_check_slots(credential, fault);
    if (err)
        return err;
    if (route->plain && route->network_count == 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "plain: HTTP without TLS is only for addresses inside an allowed network; "
                         "allow one");
    BUFFER_AUTO body;
    buffer_init(&body, 131072);
    message_route_tx(route, &body);
    if (body.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "its lists are too long together");
    return KH_OK;
}

static enum kh_err
build_name(struct credential *credential, const struct store_credential *given, struct fault *fault)
{
    struct store_credential *row = &credential->row;
    enum kh_err err = KH_OK;

    if (!credential_name_check(given->name))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "name: 1 to %d letters, digits, '.', '_' or '-', with a letter or digit "
                         "first",
                         CREDENTIAL_NAME_MAX);
    if (bytes_is(given->name, PASS_THROUGH_NAME))
        return fault_set(fault, KH_ERR_USAGE,
                         "name: " PASS_THROUGH_NAME
                         " stands for hosts that no credential is for; take another name");
    if (given->preset.n > 0 && (err = preset_find(given->preset, &credential->preset, fault))) {
        fault_prefix(fault, "preset: ");
        return err;
    }
    if (credential_keep(credential, given->name, &row->name) ||
        credential_keep(credential, given->preset, &row->preset))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    row->id = given->id;
    row->enabled = given->enabled;
    row->plain = given->plain;
    row->scrub = given->scrub;
    row->foreign_pass = given->foreign_pass;
    row->created_at = given->created_at;
    row->rotated_at = given->rotated_at;
    credential->route = (struct route){
        .credential = row->name,
        .enabled = row->enabled,
        .plain = row->plain,
        .scrub = row->scrub,
        .foreign_pass = row->foreign_pass,
    };
    return KH_OK;
}

static enum kh_err
build_lists(struct credential *credential, const struct store_credential *given, bool complete_it,
            struct fault *fault)
{
    const struct preset *preset = complete_it ? credential->preset : NULL;
    enum kh_err err = KH_OK;

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        enum store_list list = lists[i].list;
        for (size_t j = 0; !err && j < given->item_count[list]; j++)
            err = lists[i].add(credential, given->item[list][j], fault);
        if (given->item_count[list] == 0)
            err = add_words(credential, lists[i].add, preset_list(preset, list), fault);
        if (err) {
            fault_prefix(fault, "%s: ", store_list_name(list));
            return err;
        }
    }
    if (given->inject.n > 0 && (err = credential_set_inject(credential, given->inject, fault)))
        fault_prefix(fault, "inject: ");
    return err;
}

enum kh_err
credential_build(const struct store_credential *given, bool complete_it, struct credential **out,
                 struct fault *fault)
{
    struct credential *credential = calloc(1, sizeof *credential);

    if (credential == NULL || (credential->access = access_new()) == NULL) {
        free(credential);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    enum kh_err err = build_name(credential, given, fault);
    if (!err)
        err = build_lists(credential, given, complete_it, fault);
    if (!err && given->upstream_ca.n > 0)
        err = credential_set_upstream_ca(credential, given->upstream_ca, fault);
    if (!err && complete_it)
        err = complete(credential, given, fault);
    if (!err)
        credential_read_answers(credential);
    if (!err)
        err = check_whole(credential, fault);
    if (err) {
        credential_free(&credential);
        return err;
    }
    *out = credential;
    return KH_OK;
}

// ---- the wall ----

static bool
port_allowed(const struct route *route, uint16_t port)
{
    if (route->port_count == 0)
        return port == (route->plain ? 80 : 443);
    for (size_t i = 0; i < route->port_count; i++) {
        if (route->port[i] == port)
            return true;
    }
    return false;
}

bool
credential_allows_host(const struct credential *credential, struct bytes scheme, struct bytes host,
                       uint16_t port)
{
    const struct route *route = &credential->route;

    if (!bytes_is(scheme, route->plain ? "http" : "https") || !port_allowed(route, port))
        return false;
    for (size_t i = 0; i < route->host_count; i++) {
        if (host_pattern_matches(route->host[i], host))
            return true;
    }
    return false;
}

bool
credential_allows_slot(const struct credential *credential, const struct slot *slot)
{
    const struct route *route = &credential->route;

    // For clients that have no slot at all: these never travel upstream.
    if (slot->kind == SLOT_PROXY_AUTHORIZATION || slot->kind == SLOT_KEYHOLE_TOKEN)
        return true;
    for (size_t i = 0; i < route->slot_count; i++) {
        if (slot->kind != SLOT_UNSET && route->slot[i].kind == slot->kind &&
            bytes_equal(route->slot[i].name, slot->name))
            return true;
    }
    return false;
}
