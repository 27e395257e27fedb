/* SPDX-License-Identifier: Apache-2.0
 *
 * The other end of a channel to the authority: a proxy that says what the test tells it, and keeps
 * what it hears.
 */
#ifndef KEYHOLE_TEST_PROXY_PEER_H
#define KEYHOLE_TEST_PROXY_PEER_H

#include "fixture.h"

#include "../../../broker/authority/serve.h"

#include <event2/event.h>

enum { PEER_MESSAGES_MAX = 256 };

struct peer_message {
    enum message_type type;
    uint64_t id;
    struct buffer body;
};

struct peer {
    struct channel *channel;
    struct peer_message message[PEER_MESSAGES_MAX];
    size_t count;
    bool closed;
    char why[200];
};

static inline bool
peer_take(struct channel *channel, void *context, const struct message *message)
{
    struct peer *peer = context;
    (void)channel;
    assert_true(peer->count < PEER_MESSAGES_MAX);
    struct peer_message *kept = &peer->message[peer->count++];
    kept->type = message->type;
    kept->id = message->id;
    buffer_init(&kept->body, 1 << 18);
    buffer_put(&kept->body, message->body);
    return true;
}

static const struct channel_handler peer_handlers[] = {
    {MESSAGE_ROUTES_BEGIN, peer_take},
    {MESSAGE_ROUTE, peer_take},
    {MESSAGE_ROUTES_END, peer_take},
    {MESSAGE_REJUDGE, peer_take},
    {MESSAGE_DECISION, peer_take},
    {MESSAGE_LEAF, peer_take},
    {MESSAGE_REVOKE_DONE, peer_take},
    {MESSAGE_CARRY, peer_take},
    {MESSAGE_DECISION_LATER, peer_take},
    {MESSAGE_LOGIN_DONE, peer_take},
    {MESSAGE_ENVIRONMENT, peer_take},
    {MESSAGE_RUN, peer_take},
    {0, NULL},
};
static const struct channel_handler supervisor_handlers[] = {
    {MESSAGE_PEER_FAULT, peer_take},
    {0, NULL},
};

static inline void
peer_closed(struct channel *channel, void *context, const char *why)
{
    struct peer *peer = context;
    (void)channel;
    peer->closed = true;
    snprintf(peer->why, sizeof peer->why, "%s", why);
}

static inline void
peer_open(struct peer *peer, struct event_base *base, int fd, enum role role)
{
    const struct channel_options options = {
        .base = base,
        .self = role,
        .peer = ROLE_AUTHORITY,
        .handler = role == ROLE_PROXY ? peer_handlers : supervisor_handlers,
        .context = peer,
        .closed = peer_closed,
    };
    memset(peer, 0, sizeof *peer);
    assert_ok(channel_new(fd, &options, &peer->channel, fault));
}

static inline void
peer_forget(struct peer *peer)
{
    for (size_t i = 0; i < peer->count; i++)
        buffer_free(&peer->message[i].body);
    peer->count = 0;
}

static inline void
peer_close(struct peer *peer)
{
    channel_free(&peer->channel);
    peer_forget(peer);
}

/* Run the loop until everything that is under way has arrived: nothing is ready any more, and the
 * latest flush (a timer of milliseconds) is over. */
static inline void
peer_settle(struct event_base *base)
{
    const struct timeval moment = {.tv_usec = 10000};
    for (int i = 0; i < 3; i++) {
        (void)event_base_loopexit(base, &moment);
        (void)event_base_dispatch(base);
    }
}

/* The last message of that type; NULL when there is none. */
static inline const struct peer_message *
peer_last(const struct peer *peer, enum message_type type)
{
    for (size_t i = peer->count; i > 0; i--) {
        if (peer->message[i - 1].type == type)
            return &peer->message[i - 1];
    }
    return NULL;
}

static inline size_t
peer_count(const struct peer *peer, enum message_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < peer->count; i++)
        n += peer->message[i].type == type;
    return n;
}

static inline struct event_base *
peer_base(void)
{
    struct event_base *base = event_base_new();
    assert_non_null(base);
    return base;
}

/* GET https://api.openai.com/v1/models with the token as a bearer. */
static inline struct message_decide
peer_request(const char *token)
{
    return (struct message_decide){
        .way = WAY_CONNECT,
        .scheme = BYTES("https"),
        .host = BYTES("api.openai.com"),
        .port = 443,
        .method = BYTES("GET"),
        .path = BYTES("/v1/models"),
        .path_encoded = BYTES("/v1/models"),
        .client = BYTES("127.0.0.1"),
        .client_uid = UINT32_MAX,
        .slot = {.kind = SLOT_BEARER},
        .token = bytes_str(token),
    };
}

#endif
