/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for `gateway:`, the listeners on which gateways ask. */
#include "config_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SOCKET_PATH_MAX = 107 };

static void
gateway_free(struct config_gateway *gateway)
{
    free(gateway->socket);
    free(gateway->group);
    for (size_t i = 0; i < gateway->user_count; i++)
        free(gateway->user[i]);
    free(gateway->listener.address);
    free(gateway->listener.certificate);
    free(gateway->listener.key);
}

void
config_gateways_free(struct config *config)
{
    for (size_t i = 0; i < config->gateway_count; i++)
        gateway_free(&config->gateway[i]);
    free(config->gateway);
    config->gateway = NULL;
    config->gateway_count = 0;
}

struct place {
    struct yaml_text *document;
    unsigned index;
    struct fault *fault;
};

static enum kh_err
place_fault(const struct place *place, const char *key, const char *sentence)
{
    size_t line = yaml_text_line(place->document, "gateway[%u].%s", place->index, key);
    return yaml_text_fault(place->document, line, place->fault, "gateway[%u]%s", place->index + 1,
                           sentence);
}

static bool
copy(const char *text, char **out)
{
    if (text != NULL)
        *out = strdup(text);
    return text == NULL || *out != NULL;
}

static enum kh_err
no_memory(const struct place *place)
{
    return fault_set(place->fault, KH_ERR_MEMORY, "no memory for the configuration");
}

// Whoever may connect is a gateway: somebody has to have said who that is.
static enum kh_err
socket_read(const struct place *place, const struct config_raw_gateway *raw,
            struct config_gateway *out)
{
    const struct config_raw_listener *listener = &raw->listener;
    if (raw->socket[0] != '/' || strlen(raw->socket) > SOCKET_PATH_MAX)
        return place_fault(place, "socket",
                           ".socket: expected an absolute path of at most 107 bytes");
    if (listener->tls != NULL || listener->certificate != NULL || listener->key != NULL)
        return place_fault(place, "socket", ": a socket has no TLS");
    if (raw->user_count == 0 && raw->group == NULL)
        return place_fault(place, "socket",
                           ": expected users or a group that may connect to the socket: an answer "
                           "carries the real key");
    for (unsigned i = 0; i < raw->user_count; i++) {
        if (raw->user[i] == NULL || raw->user[i][0] == '\0')
            return place_fault(place, "users", ".users: expected names or numbers of users");
        if (!copy(raw->user[i], &out->user[i]))
            return no_memory(place);
        out->user_count = i + 1u;
    }
    return copy(raw->socket, &out->socket) && copy(raw->group, &out->group) ? KH_OK
                                                                            : no_memory(place);
}

static enum kh_err
gateway_read(const struct place *place, const struct config_raw_gateway *raw,
             struct config_gateway *out)
{
    static const struct config_listener_rules rules = {.place = "gateway"};
    const char *address = raw->listener.address;
    if ((raw->socket == NULL) == (address == NULL))
        return place_fault(place, raw->socket == NULL ? "address" : "socket",
                           ": expected either socket or address");
    if (raw->socket != NULL)
        return socket_read(place, raw, out);
    if (raw->user_count > 0 || raw->group != NULL)
        return place_fault(place, raw->group != NULL ? "group" : "users",
                           ": users and group are for a socket; on an address a gateway sends its "
                           "key (keyholed gateway key)");
    return config_listener_read(place->document, &rules, (int)place->index, &raw->listener,
                                &out->listener, place->fault);
}

enum kh_err
config_gateways_read(struct yaml_text *document, const struct config_raw *raw,
                     struct config *config, struct fault *fault)
{
    enum kh_err err = KH_OK;
    config_gateways_free(config);
    config->gateway = calloc(raw->gateway_count + 1u, sizeof(*config->gateway));
    if (config->gateway == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for the configuration");
    for (unsigned i = 0; err == KH_OK && i < raw->gateway_count; i++) {
        const struct place place = {document, i, fault};
        config->gateway_count = i + 1u;
        config->gateway[i].line = yaml_text_line(document, "gateway[%u]", i);
        err = gateway_read(&place, &raw->gateway[i], &config->gateway[i]);
    }
    return err;
}

/* ---- what a reload finds ---- */

static bool
same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
gateway_same(const struct config_gateway *a, const struct config_gateway *b)
{
    bool equal = same(a->socket, b->socket) && same(a->group, b->group) &&
                 a->user_count == b->user_count && same(a->listener.address, b->listener.address) &&
                 a->listener.tls == b->listener.tls &&
                 same(a->listener.certificate, b->listener.certificate) &&
                 same(a->listener.key, b->listener.key);
    for (size_t i = 0; equal && i < a->user_count; i++)
        equal = same(a->user[i], b->user[i]);
    return equal;
}

bool
config_gateways_equal(const struct config *a, const struct config *b)
{
    bool equal = a->gateway_count == b->gateway_count;
    for (size_t i = 0; equal && i < a->gateway_count; i++)
        equal = gateway_same(&a->gateway[i], &b->gateway[i]);
    return equal;
}
