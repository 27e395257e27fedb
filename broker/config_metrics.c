/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for `metrics:`, the listeners of whoever watches the broker. */
#include "config_internal.h"

#include <stdlib.h>

void
config_metrics_free(struct config *config)
{
    for (size_t i = 0; i < config->metrics_count; i++) {
        struct config_metrics *metrics = &config->metrics[i];
        free(metrics->socket);
        free(metrics->group);
        config_listener_fini(&metrics->listener);
    }
    free(config->metrics);
    config->metrics = NULL;
    config->metrics_count = 0;
}

bool
config_metrics_equal(const struct config *a, const struct config *b)
{
    bool equal = a->metrics_count == b->metrics_count;
    for (size_t i = 0; equal && i < a->metrics_count; i++) {
        const struct config_metrics *x = &a->metrics[i], *y = &b->metrics[i];
        equal = config_text_same(x->socket, y->socket) && config_text_same(x->group, y->group) &&
                config_listener_same(&x->listener, &y->listener);
    }
    return equal;
}

static enum kh_err
socket_read(const struct config_place *place, const struct config_raw_metrics *raw,
            struct config_metrics *out)
{
    enum kh_err err = config_socket_check(place, raw->socket, &raw->listener);
    if (err != KH_OK)
        return err;
    if (raw->group != NULL && raw->group[0] == '\0')
        return config_place_fault(place, "group", ".group: expected the name or number of a group");
    err = config_text_copy(raw->socket, &out->socket, place->fault);
    return err == KH_OK ? config_text_copy(raw->group, &out->group, place->fault) : err;
}

static enum kh_err
address_read(const struct config_place *place, const struct config_raw_metrics *raw,
             struct config_metrics *out)
{
    static const struct config_listener_rules rules = {.may_be_insecure = true};
    if (raw->group != NULL)
        return config_place_fault(place, "group", ": group is for a socket");
    enum kh_err err = config_listener_read(place, &rules, &raw->listener, &out->listener);
    // A certificate of the local CA is the authority's to make, and this is to answer without it.
    if (err == KH_OK && out->listener.tls && out->listener.certificate == NULL)
        err = config_place_fault(place, "tls", ": with tls: true it has a certificate and key");
    return err;
}

enum kh_err
config_metrics_read(struct yaml_text *document, const struct config_raw *raw, struct config *config,
                    struct fault *fault)
{
    enum kh_err err = KH_OK;
    config_metrics_free(config);
    config->metrics = calloc(raw->metrics_count + 1u, sizeof(*config->metrics));
    if (config->metrics == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for the configuration");
    for (unsigned i = 0; err == KH_OK && i < raw->metrics_count; i++) {
        const struct config_place place = {document, "metrics", i, fault};
        const struct config_raw_metrics *item = &raw->metrics[i];
        config->metrics_count = i + 1u;
        config->metrics[i].line = yaml_text_line(document, "metrics[%u]", i);
        if ((item->socket == NULL) == (item->listener.address == NULL))
            err = config_place_fault(&place, item->socket == NULL ? "address" : "socket",
                                     ": expected either socket or address");
        else
            err = (item->socket != NULL ? socket_read : address_read)(&place, item,
                                                                      &config->metrics[i]);
    }
    return err;
}
