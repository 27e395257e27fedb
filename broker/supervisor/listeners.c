/* SPDX-License-Identifier: Apache-2.0 */
/* What is listened on: opened at the start, left with the service manager, closed at the end. */
#include "../log.h"
#include "dns.h"
#include "gateway.h"
#include "inherit.h"
#include "internal.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>

enum kh_err
supervisor_add_listener(struct supervisor *supervisor, struct listener *made, struct fault *fault)
{
    size_t count = supervisor->listener_count;
    struct listener *grown = reallocarray(supervisor->listener, count + 1, sizeof(*grown));
    if (grown == NULL) {
        listener_close(made);
        return fault_set(fault, KH_ERR_MEMORY, "no memory for a listener");
    }
    grown[count] = *made;
    supervisor->listener = grown;
    supervisor->listener_count = count + 1;
    log_info("listening", "%s", grown[count].name);
    return KH_OK;
}

/* ---- at the start ---- */

static enum kh_err
open_unix_listeners(struct supervisor *supervisor, struct fault *fault)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.*s/admin.sock", PATH_MAX - 16, supervisor->directory);
    enum kh_err err = listener_open_unix(path, &supervisor->admin, fault);
    if (err != KH_OK)
        return err;
    snprintf(path, sizeof(path), "%.*s/proxy.sock", PATH_MAX - 16, supervisor->directory);
    struct listener made;
    err = listener_open_unix(path, &made, fault);
    return err == KH_OK ? supervisor_add_listener(supervisor, &made, fault) : err;
}

static enum kh_err
open_dns(struct supervisor *supervisor, const struct config_dns *config, struct fault *fault)
{
    struct listener made[DNS_SOCKETS];
    enum kh_err err = dns_open(config, made, fault);
    if (err != KH_OK)
        return err;
    for (size_t i = 0; i < DNS_SOCKETS; i++) {
        err = supervisor_add_listener(supervisor, &made[i], fault);
        if (err != KH_OK && i == 0)
            listener_close(&made[1]);
        if (err != KH_OK)
            return err;
    }
    return KH_OK;
}

enum kh_err
supervisor_open_listeners(struct supervisor *supervisor, struct fault *fault)
{
    const struct config *config = &supervisor->config;
    if (supervisor->options->discharger_alone)
        return discharger_open(&supervisor->discharger, config, supervisor->directory, fault);
    for (size_t i = 0; i < config->listener_count; i++) {
        struct listener made;
        enum kh_err err = listener_open_tcp(&config->listener[i], &made, fault);
        if (err == KH_OK)
            err = supervisor_add_listener(supervisor, &made, fault);
        if (err != KH_OK)
            return err;
    }
    for (size_t i = 0; i < config->gateway_count; i++) {
        struct listener made;
        enum kh_err err = gateway_open(&config->gateway[i], supervisor->directory, &made, fault);
        if (err == KH_OK)
            err = supervisor_add_listener(supervisor, &made, fault);
        if (err != KH_OK)
            return err;
    }
    for (size_t i = 0; i < config->metrics_count; i++) {
        struct listener made;
        enum kh_err err = watch_open(&config->metrics[i], &made, fault);
        if (err == KH_OK)
            err = supervisor_add_listener(supervisor, &made, fault);
        if (err != KH_OK)
            return err;
    }
    for (size_t i = 0; i < config->dns_count; i++) {
        enum kh_err err = open_dns(supervisor, &config->dns[i], fault);
        if (err != KH_OK)
            return err;
    }
    enum kh_err err =
        discharger_open(&supervisor->discharger, config, supervisor->directory, fault);
    return err == KH_OK ? open_unix_listeners(supervisor, fault) : err;
}

/* ---- for the next start ---- */

static void
keep(struct supervisor *supervisor, struct listener *listener)
{
    if (listener->fd >= 0 && !listener->of_unit &&
        notify_keep(&supervisor->notify, INHERIT_KEPT, listener->fd))
        listener->held = true;
}

// For the next start: until then connections wait in them.
void
supervisor_keep_listeners(struct supervisor *supervisor)
{
    struct supervisor_discharger *discharger = &supervisor->discharger;
    for (size_t i = 0; i < supervisor->listener_count; i++)
        keep(supervisor, &supervisor->listener[i]);
    for (size_t i = 0; i < discharger->listener_count; i++)
        keep(supervisor, &discharger->listener[i]);
    keep(supervisor, &discharger->admin);
    keep(supervisor, &supervisor->admin);
}

/* ---- at the end ---- */

// Whoever watches is answered until the end: /readyz says no from the first moment of it.
void
supervisor_close_listeners(struct supervisor *supervisor, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < supervisor->listener_count; i++) {
        if (supervisor->listener[i].metrics && !all)
            supervisor->listener[kept++] = supervisor->listener[i];
        else
            listener_close(&supervisor->listener[i]);
    }
    supervisor->listener_count = kept;
    if (kept == 0) {
        free(supervisor->listener);
        supervisor->listener = NULL;
    }
    family_set_listeners(&supervisor->family, supervisor->listener, kept, 0);
    supervisor->family.discharger.listener = NULL;
    supervisor->family.discharger.listener_count = 0;
    discharger_close(&supervisor->discharger);
}
