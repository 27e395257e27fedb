/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of hosts that are passed through. The proxies have it too; what they say of a request is
 * checked against it here, where the decision is made.
 */
#include "pass_through.h"

#include "../../caveats/path.h"
#include "../route_text.h"

#include <stdlib.h>

enum { ITEMS_MAX = 1024, BODY_MAX = 131072 };

struct pass_through_item {
    struct buffer body; // what the slices of the route point into
    struct route route;
};

static void
list_free(struct pass_through_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        buffer_free(&list->item[i].body);
    free(list->item);
    *list = (struct pass_through_list){0};
}

void
pass_through_free(struct pass_through *pass_through)
{
    list_free(&pass_through->now);
    list_free(&pass_through->next);
}

static enum kh_err
make_room(struct pass_through_list *list)
{
    if (list->count < list->capacity)
        return KH_OK;
    size_t capacity = list->capacity ? 2 * list->capacity : 16;
    struct pass_through_item *grown =
        list->count < ITEMS_MAX ? realloc(list->item, capacity * sizeof *grown) : NULL;
    if (grown == NULL)
        return KH_ERR_MEMORY;
    list->item = grown;
    list->capacity = capacity;
    return KH_OK;
}

enum kh_err
pass_through_receive(struct pass_through *pass_through, struct bytes body)
{
    struct pass_through_list *list = &pass_through->next;
    struct pass_through_item made = {0};
    enum kh_err err = make_room(list);

    if (err)
        return err;
    buffer_init(&made.body, BODY_MAX);
    buffer_put(&made.body, body);
    err =
        made.body.failed ? KH_ERR_MEMORY : message_route_rx(buffer_bytes(&made.body), &made.route);
    if (!err && !made.route.pass_through)
        err = KH_ERR_PROTOCOL;
    if (err)
        buffer_free(&made.body);
    else
        list->item[list->count++] = made;
    return err;
}

void
pass_through_adopt(struct pass_through *pass_through)
{
    list_free(&pass_through->now);
    pass_through->now = pass_through->next;
    pass_through->next = (struct pass_through_list){0};
}

size_t
pass_through_count(const struct pass_through *pass_through)
{
    return pass_through->now.count;
}

struct bytes
pass_through_body(const struct pass_through *pass_through, size_t i)
{
    return buffer_bytes(&pass_through->now.item[i].body);
}

bool
pass_through_is_tunnel(const struct message_decide *request)
{
    return request->pass_through && bytes_is(request->method, "CONNECT");
}

static bool
has_port(const struct route *route, uint16_t port)
{
    for (size_t i = 0; i < route->port_count; i++) {
        if (route->port[i] == port)
            return true;
    }
    return false;
}

// A tunnel carries TLS, whatever requests to that host do.
static bool
item_allows(const struct route *route, const struct message_decide *request)
{
    bool plain = route->plain && !pass_through_is_tunnel(request);
    return bytes_is(request->scheme, plain ? "http" : "https") &&
           route_lists_host(route, request->host) && has_port(route, request->port);
}

bool
pass_through_allows(const struct pass_through *pass_through, const struct credentials *credentials,
                    const struct message_decide *request)
{
    if (credentials_name_host(credentials, request->host))
        return false;
    for (size_t i = 0; i < pass_through->now.count; i++) {
        if (item_allows(&pass_through->now.item[i].route, request))
            return true;
    }
    return false;
}
