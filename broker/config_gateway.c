/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for `gateway:`, the listeners on which gateways ask. */
#include "config_internal.h"

#include <stdlib.h>

static void
gateway_free(struct config_gateway *gateway)
{
    free(gateway->socket);
    free(gateway->group);
    for (size_t i = 0; i < gateway->user_count; i++)
        free(gateway->user[i]);
    config_listener_fini(&gateway->listener);
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

// Whoever may connect is a gateway: somebody has to have said who that is.
static enum kh_err
socket_read(const struct config_place *place, const struct config_raw_gateway *raw,
            struct config_gateway *out)
{
    enum kh_err err = config_socket_check(place, raw->socket, &raw->listener);
    if (err != KH_OK)
        return err;
    if (raw->user_count == 0 && raw->group == NULL)
        return config_place_fault(place, "socket",
                                  ": expected users or a group that may connect to the socket: an "
                                  "answer carries the real "
                                  "key");
    for (unsigned i = 0; err == KH_OK && i < raw->user_count; i++) {
        if (raw->user[i] == NULL || raw->user[i][0] == '\0')
            return config_place_fault(place, "users", ".users: expected names or numbers of users");
        out->user_count = i + 1u;
        err = config_text_copy(raw->user[i], &out->user[i], place->fault);
    }
    if (err == KH_OK)
        err = config_text_copy(raw->socket, &out->socket, place->fault);
    if (err == KH_OK)
        err = config_text_copy(raw->group, &out->group, place->fault);
    return err;
}

static enum kh_err
gateway_read(const struct config_place *place, const struct config_raw_gateway *raw,
             struct config_gateway *out)
{
    static const struct config_listener_rules rules = {0};
    const char *address = raw->listener.address;
    if ((raw->socket == NULL) == (address == NULL))
        return config_place_fault(place, raw->socket == NULL ? "address" : "socket",
                                  ": expected either socket or address");
    if (raw->socket != NULL)
        return socket_read(place, raw, out);
    if (raw->user_count > 0 || raw->group != NULL)
        return config_place_fault(
            place, raw->group != NULL ? "group" : "users",
            ": users and group are for a socket; on an address a gateway sends its key (keyholed "
            "gateway key)");
    return config_listener_read(place, &rules, &raw->listener, &out->listener);
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
        const struct config_place place = {document, "gateway", i, fault};
        config->gateway_count = i + 1u;
        config->gateway[i].line = yaml_text_line(document, "gateway[%u]", i);
        err = gateway_read(&place, &raw->gateway[i], &config->gateway[i]);
    }
    return err;
}

/* ---- what a reload finds ---- */

static bool
gateway_same(const struct config_gateway *a, const struct config_gateway *b)
{
    bool equal = config_text_same(a->socket, b->socket) && config_text_same(a->group, b->group) &&
                 a->user_count == b->user_count && config_listener_same(&a->listener, &b->listener);
    for (size_t i = 0; equal && i < a->user_count; i++)
        equal = config_text_same(a->user[i], b->user[i]);
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
