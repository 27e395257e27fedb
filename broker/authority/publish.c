/* SPDX-License-Identifier: Apache-2.0
 *
 * What the proxies are told without asking: where requests may go, and that something changed.
 */
#include "../log.h"
#include "../metrics.h"
#include "authority.h"

enum { ROUTE_BODY_MAX = 131072 };

void
publish_routes(struct authority *authority, struct channel *channel)
{
    BUFFER_AUTO body;

    buffer_init(&body, ROUTE_BODY_MAX);
    for (size_t i = 0; i < authority->credentials.count; i++) {
        struct credential *credential = authority->credentials.item[i];
        credential->route.metrics_slot = metrics_slot_give(credential->row.name);
    }
    channel_send(channel, MESSAGE_ROUTES_BEGIN, 0, BYTES_EMPTY);
    for (size_t i = 0; i < authority->credentials.count; i++) {
        const struct credential *credential = authority->credentials.item[i];
        buffer_clear(&body);
        message_route_tx(&credential->route, &body);
        // credential_build made sure that it fits: what is left is memory.
        if (body.failed) {
            log_error("publish", "the route of credential %.*s is not published yet",
                      BYTES_ARG(credential->row.name));
            authority->publish_again = true;
        } else {
            channel_send(channel, MESSAGE_ROUTE, 0, buffer_bytes(&body));
        }
    }
    for (size_t i = 0; i < pass_through_count(&authority->pass_through); i++)
        channel_send(channel, MESSAGE_ROUTE, 0, pass_through_body(&authority->pass_through, i));
    channel_send(channel, MESSAGE_ROUTES_END, 0, BYTES_EMPTY);
}

void
publish_routes_to_all(struct authority *authority)
{
    for (size_t i = 0; i < authority->proxy_count; i++)
        publish_routes(authority, authority->proxy[i]->channel);
}

void
publish_rejudge(struct authority *authority)
{
    for (size_t i = 0; i < authority->proxy_count; i++)
        channel_send(authority->proxy[i]->channel, MESSAGE_REJUDGE, 0, BYTES_EMPTY);
}
