/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: where requests for a credential may go. */
#include "messages.h"

#include "../caveats/decide.h"
#include "../caveats/path.h"
#include "messages_limits.h"
#include "slot_wire.h"
#include "wire.h"

enum {
    PATH_EXCEPTIONS_ALL = PATH_ALLOW_ESCAPED_SLASH | PATH_ALLOW_SEMICOLON | PATH_ALLOW_EMPTY_SEGMENT
};

void
slot_put(struct buffer *out, const struct slot *slot)
{
    wire_put_enum(out, slot->kind, SLOT_COUNT);
    wire_put_bytes(out, slot->name, MESSAGE_FIELD_MAX);
}

void
slot_get(struct wire_reader *reader, struct slot *slot)
{
    slot->kind = (enum slot_kind)wire_get_enum(reader, SLOT_COUNT);
    slot->name = wire_get_bytes(reader, MESSAGE_FIELD_MAX);
}

static void
route_places_tx(const struct route *route, struct buffer *out)
{
    size_t n = wire_put_count(out, route->host_count, ROUTE_HOSTS_MAX);
    for (size_t i = 0; i < n; i++)
        wire_put_bytes(out, route->host[i], MESSAGE_HOST_MAX);
    n = wire_put_count(out, route->port_count, ROUTE_PORTS_MAX);
    for (size_t i = 0; i < n; i++)
        wire_put_u16(out, route->port[i]);
    n = wire_put_count(out, route->slot_count, ROUTE_SLOTS_MAX);
    for (size_t i = 0; i < n; i++) {
        wire_put_require(out, route->slot[i].kind != SLOT_UNSET);
        slot_put(out, &route->slot[i]);
    }
}

static void
route_places_rx(struct wire_reader *reader, struct route *route)
{
    route->host_count = wire_get_count(reader, ROUTE_HOSTS_MAX);
    for (size_t i = 0; i < route->host_count; i++)
        route->host[i] = wire_get_bytes(reader, MESSAGE_HOST_MAX);
    route->port_count = wire_get_count(reader, ROUTE_PORTS_MAX);
    for (size_t i = 0; i < route->port_count; i++)
        route->port[i] = wire_get_u16(reader);
    route->slot_count = wire_get_count(reader, ROUTE_SLOTS_MAX);
    for (size_t i = 0; i < route->slot_count; i++) {
        slot_get(reader, &route->slot[i]);
        wire_require(reader, route->slot[i].kind != SLOT_UNSET);
    }
}

static void
route_network_tx(const struct route *route, struct buffer *out)
{
    size_t n = wire_put_count(out, route->resolve_count, ROUTE_RESOLVE_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct route_resolve *resolve = &route->resolve[i];
        wire_put_bytes(out, resolve->host, MESSAGE_HOST_MAX);
        wire_put_u16(out, resolve->port);
        wire_put_bytes(out, resolve->address, MESSAGE_ADDRESS_MAX);
        wire_put_u16(out, resolve->address_port);
    }
    n = wire_put_count(out, route->network_count, ROUTE_NETWORKS_MAX);
    for (size_t i = 0; i < n; i++) {
        wire_put_fixed(out, route->network[i].address, sizeof(route->network[i].address));
        wire_put_require(out, route->network[i].prefix_bits <= 128);
        wire_put_u8(out, route->network[i].prefix_bits);
    }
    wire_put_bytes(out, route->upstream_ca, MESSAGE_ANY_MAX);
}

static void
route_network_rx(struct wire_reader *reader, struct route *route)
{
    route->resolve_count = wire_get_count(reader, ROUTE_RESOLVE_MAX);
    for (size_t i = 0; i < route->resolve_count; i++) {
        struct route_resolve *resolve = &route->resolve[i];
        resolve->host = wire_get_bytes(reader, MESSAGE_HOST_MAX);
        resolve->port = wire_get_u16(reader);
        resolve->address = wire_get_bytes(reader, MESSAGE_ADDRESS_MAX);
        resolve->address_port = wire_get_u16(reader);
    }
    route->network_count = wire_get_count(reader, ROUTE_NETWORKS_MAX);
    for (size_t i = 0; i < route->network_count; i++) {
        wire_get_fixed(reader, route->network[i].address, sizeof(route->network[i].address));
        route->network[i].prefix_bits = wire_get_u8(reader);
        wire_require(reader, route->network[i].prefix_bits <= 128);
    }
    route->upstream_ca = wire_get_bytes(reader, MESSAGE_ANY_MAX);
}

static bool
route_is_consistent(const struct route *route)
{
    if (!route->pass_through)
        return true;
    return bytes_is(route->credential, PASS_THROUGH_NAME) && route->slot_count == 0 &&
           route->inject_kind == INJECT_UNSET && !route->scrub && !route->foreign_pass;
}

static void
route_answers_tx(const struct route *route, struct buffer *out)
{
    wire_put_enum(out, route->token_answers, TOKEN_ANSWERS_COUNT);
    wire_put_enum(out, route->answer_cookies, ANSWER_COOKIES_COUNT);
    wire_put_bytes(out, route->cookies, ROUTE_ANSWER_NAMES_MAX);
    wire_put_bytes(out, route->dropped_fields, ROUTE_ANSWER_NAMES_MAX);
}

static void
route_answers_rx(struct wire_reader *reader, struct route *route)
{
    route->token_answers = (enum token_answers)wire_get_enum(reader, TOKEN_ANSWERS_COUNT);
    route->answer_cookies = (enum answer_cookies)wire_get_enum(reader, ANSWER_COOKIES_COUNT);
    route->cookies = wire_get_bytes(reader, ROUTE_ANSWER_NAMES_MAX);
    route->dropped_fields = wire_get_bytes(reader, ROUTE_ANSWER_NAMES_MAX);
}

void
message_route_tx(const struct route *route, struct buffer *out)
{
    wire_put_require(out, route_is_consistent(route));
    wire_put_bytes(out, route->credential, MESSAGE_NAME_MAX);
    route_places_tx(route, out);
    wire_put_enum(out, route->inject_kind, INJECT_COUNT);
    wire_put_bytes(out, route->inject_name, MESSAGE_FIELD_MAX);
    wire_put_bool(out, route->enabled);
    wire_put_bool(out, route->plain);
    wire_put_bool(out, route->scrub);
    wire_put_bool(out, route->foreign_pass);
    wire_put_enum(out, route->path_exceptions, PATH_EXCEPTIONS_ALL + 1);
    route_network_tx(route, out);
    wire_put_bool(out, route->pass_through);
    route_answers_tx(route, out);
}

enum kh_err
message_route_rx(struct bytes body, struct route *out)
{
    struct route route = {0};
    struct wire_reader reader;
    wire_init(&reader, body);
    route.credential = wire_get_bytes(&reader, MESSAGE_NAME_MAX);
    route_places_rx(&reader, &route);
    route.inject_kind = (enum inject_kind)wire_get_enum(&reader, INJECT_COUNT);
    route.inject_name = wire_get_bytes(&reader, MESSAGE_FIELD_MAX);
    route.enabled = wire_get_bool(&reader);
    route.plain = wire_get_bool(&reader);
    route.scrub = wire_get_bool(&reader);
    route.foreign_pass = wire_get_bool(&reader);
    route.path_exceptions = wire_get_enum(&reader, PATH_EXCEPTIONS_ALL + 1);
    route_network_rx(&reader, &route);
    route.pass_through = wire_get_bool(&reader);
    wire_require(&reader, route_is_consistent(&route));
    route_answers_rx(&reader, &route);
    if (wire_end(&reader) != KH_OK)
        return KH_ERR_PROTOCOL;
    *out = route;
    return KH_OK;
}
