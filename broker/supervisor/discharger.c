/* SPDX-License-Identifier: Apache-2.0 */
/* Where the discharger beside the broker is: its sockets, and its URL as browsers see it. */
#include "internal.h"

#include "../log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STANDARD_ADDRESS "127.0.0.1:8438"
#define ANY_ADDRESS      "127.0.0.1:0"

/* ---- the command line ---- */

enum kh_err
supervisor_check_discharger(const char *text, struct fault *fault)
{
    struct sockaddr_storage address;
    socklen_t size;
    enum kh_err err = listener_parse_address(text, &address, &size, fault);
    if (err == KH_OK && !listener_is_loopback(&address))
        err = fault_set(fault, KH_ERR_CONFIG,
                        "\"%.80s\" is no loopback address: on a network the discharger speaks TLS, "
                        "which is for discharger.listen in the configuration to say",
                        text);
    return err;
}

static void
listeners_drop(struct config_discharger *discharger)
{
    for (size_t i = 0; i < discharger->listener_count; i++) {
        free(discharger->listener[i].address);
        free(discharger->listener[i].certificate);
        free(discharger->listener[i].key);
    }
    free(discharger->listener);
    discharger->listener = NULL;
    discharger->listener_count = 0;
    discharger->set = false;
}

static enum kh_err
listener_replace(struct config_discharger *discharger, const char *address, struct fault *fault)
{
    listeners_drop(discharger);
    discharger->listener = calloc(1, sizeof(*discharger->listener));
    if (discharger->listener == NULL || (discharger->listener->address = strdup(address)) == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for the listeners");
    discharger->listener_count = 1;
    discharger->set = true;
    discharger->disabled = false;
    return KH_OK;
}

static enum kh_err
url_replace(struct config_discharger *discharger, const char *text, struct fault *fault)
{
    char url[DISCHARGER_URL_MAX + 1];
    enum kh_err err = discharger_url_parse(bytes_str(text), url, fault);
    if (err != KH_OK)
        return err;
    free(discharger->url);
    discharger->url = strdup(url);
    return discharger->url != NULL ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "no memory for a URL");
}

enum kh_err
discharger_apply_options(const struct supervisor_options *options, struct config *config,
                         struct fault *fault)
{
    struct config_discharger *discharger = &config->discharger;
    enum kh_err err = KH_OK;
    if (options->discharger_alone)
        discharger->disabled = false;
    if (options->no_discharger)
        discharger->disabled = true;
    if (options->discharger != NULL)
        err = listener_replace(discharger, options->discharger, fault);
    if (err == KH_OK && options->discharger_url != NULL)
        err = url_replace(discharger, options->discharger_url, fault);
    return err;
}

/* ---- its sockets ---- */

static bool
is_any_port(const char *address)
{
    size_t n = strlen(address);
    return n > 2 && strcmp(address + n - 2, ":0") == 0;
}

// Whoever put the broker on any port runs more than one of them, as tests do.
static bool
wants_any_port(const struct config *config)
{
    bool any = config->listener_count > 0;
    for (size_t i = 0; i < config->listener_count; i++)
        any = any && is_any_port(config->listener[i].address);
    return any;
}

static enum kh_err
open_one(struct supervisor_discharger *discharger, const struct config_listener *config,
         struct fault *fault)
{
    struct listener *made = &discharger->listener[discharger->listener_count];
    enum kh_err err = listener_open_tcp(config, made, fault);
    if (err != KH_OK)
        return err;
    discharger->listener_count++;
    log_info("listening", "%s for the discharger", made->name);
    return KH_OK;
}

static enum kh_err
open_standard(struct supervisor_discharger *discharger, const struct config *config,
              struct fault *fault)
{
    static char standard[] = STANDARD_ADDRESS, any[] = ANY_ADDRESS;
    const struct config_listener on_standard = {.address = standard}, on_any = {.address = any};
    struct fault why = {0};
    if (wants_any_port(config))
        return open_one(discharger, &on_any, fault);
    if (open_one(discharger, &on_standard, &why) == KH_OK)
        return KH_OK;
    log_warning("discharger-port",
                "%s; the discharger is on another port, which changes with each "
                "start: give it one of its own with discharger.listen",
                why.detail);
    return open_one(discharger, &on_any, fault);
}

static enum kh_err
open_sockets(struct supervisor_discharger *discharger, const struct config *config,
             struct fault *fault)
{
    const struct config_discharger *wanted = &config->discharger;
    discharger->listener = calloc(wanted->listener_count + 1, sizeof(*discharger->listener));
    if (discharger->listener == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for a listener");
    if (!wanted->set)
        return open_standard(discharger, config, fault);
    enum kh_err err = KH_OK;
    for (size_t i = 0; err == KH_OK && i < wanted->listener_count; i++)
        err = open_one(discharger, &wanted->listener[i], fault);
    return err;
}

/* ---- its URL ---- */

// localhost and not the address: browsers let a page use a security key on names alone.
static enum kh_err
find_url(struct supervisor_discharger *discharger, const struct config *config, struct fault *fault)
{
    char url[DISCHARGER_URL_MAX + 1];
    if (config->discharger.url != NULL)
        return discharger_url_parse(bytes_str(config->discharger.url), discharger->url, fault);
    for (size_t i = 0; i < discharger->listener_count; i++) {
        const struct listener *listener = &discharger->listener[i];
        // A listener that is open has a name.
        // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
        const char *colon = strrchr(listener->name, ':');
        if (listener->config.tls || colon == NULL)
            continue;
        (void)snprintf(url, sizeof(url), "http://localhost%s", colon);
        return discharger_url_parse(bytes_str(url), discharger->url, fault);
    }
    return fault_set(fault, KH_ERR_CONFIG, "the discharger needs a URL: discharger.url");
}

enum kh_err
discharger_open(struct supervisor_discharger *discharger, const struct config *config,
                const char *directory, struct fault *fault)
{
    char path[PATH_MAX];
    if (config->discharger.disabled)
        return KH_OK;
    enum kh_err err = open_sockets(discharger, config, fault);
    if (err == KH_OK)
        err = find_url(discharger, config, fault);
    if (err != KH_OK)
        return err;
    (void)snprintf(path, sizeof(path), "%.*s/discharger.sock", PATH_MAX - 32, directory);
    return listener_open_unix(path, &discharger->admin, fault);
}

void
discharger_close(struct supervisor_discharger *discharger)
{
    for (size_t i = 0; i < discharger->listener_count; i++)
        listener_close(&discharger->listener[i]);
    free(discharger->listener);
    discharger->listener = NULL;
    discharger->listener_count = 0;
    listener_close(&discharger->admin);
}
