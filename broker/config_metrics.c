/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for `metrics:`, the listeners of whoever watches the broker. */
#include "config_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SOCKET_PATH_MAX = 107 };

void
config_metrics_free(struct config *config)
{
    for (size_t i = 0; i < config->metrics_count; i++) {
        struct config_metrics *metrics = &config->metrics[i];
        free(metrics->socket);
        free(metrics->group);
        free(metrics->listener.address);
        free(metrics->listener.certificate);
        free(metrics->listener.key);
    }
    free(config->metrics);
    config->metrics = NULL;
    config->metrics_count = 0;
}

static bool
same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
config_metrics_equal(const struct config *a, const struct config *b)
{
    bool equal = a->metrics_count == b->metrics_count;
    for (size_t i = 0; equal && i < a->metrics_count; i++) {
        const struct config_metrics *x = &a->metrics[i], *y = &b->metrics[i];
        equal = same(x->socket, y->socket) && same(x->group, y->group) &&
                same(x->listener.address, y->listener.address) &&
                x->listener.tls == y->listener.tls &&
                same(x->listener.certificate, y->listener.certificate) &&
                same(x->listener.key, y->listener.key);
    }
    return equal;
}

struct place {
    struct yaml_text *document;
    unsigned index;
    struct fault *fault;
};

static enum kh_err
place_fault(const struct place *place, const char *key, const char *sentence)
{
    size_t line = yaml_text_line(place->document, "metrics[%u].%s", place->index, key);
    return yaml_text_fault(place->document, line, place->fault, "metrics[%u]%s", place->index + 1,
                           sentence);
}

static enum kh_err
socket_read(const struct place *place, const struct config_raw_metrics *raw,
            struct config_metrics *out)
{
    const struct config_raw_listener *listener = &raw->listener;
    if (raw->socket[0] != '/' || strlen(raw->socket) > SOCKET_PATH_MAX)
        return place_fault(place, "socket",
                           ".socket: expected an absolute path of at most 107 bytes");
    if (listener->tls != NULL || listener->insecure != NULL || listener->certificate != NULL ||
        listener->key != NULL)
        return place_fault(place, "socket", ": a socket has no TLS");
    if (raw->group != NULL && raw->group[0] == '\0')
        return place_fault(place, "group", ".group: expected the name or number of a group");
    out->socket = strdup(raw->socket);
    if (raw->group != NULL)
        out->group = strdup(raw->group);
    return out->socket != NULL && (raw->group == NULL || out->group != NULL)
               ? KH_OK
               : fault_set(place->fault, KH_ERR_MEMORY, "no memory for the configuration");
}

static enum kh_err
address_read(const struct place *place, const struct config_raw_metrics *raw,
             struct config_metrics *out)
{
    static const struct config_listener_rules rules = {.place = "metrics", .may_be_insecure = true};
    if (raw->group != NULL)
        return place_fault(place, "group", ": group is for a socket");
    enum kh_err err = config_listener_read(place->document, &rules, (int)place->index,
                                           &raw->listener, &out->listener, place->fault);
    // A certificate of the local CA is the authority's to make, and this is to answer without it.
    if (err == KH_OK && out->listener.tls && out->listener.certificate == NULL)
        err = place_fault(place, "tls", ": with tls: true it has a certificate and key");
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
        const struct place place = {document, i, fault};
        const struct config_raw_metrics *item = &raw->metrics[i];
        config->metrics_count = i + 1u;
        config->metrics[i].line = yaml_text_line(document, "metrics[%u]", i);
        if ((item->socket == NULL) == (item->listener.address == NULL))
            err = place_fault(&place, item->socket == NULL ? "address" : "socket",
                              ": expected either socket or address");
        else
            err = (item->socket != NULL ? socket_read : address_read)(&place, item,
                                                                      &config->metrics[i]);
    }
    return err;
}
