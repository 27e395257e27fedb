/* SPDX-License-Identifier: Apache-2.0
 *
 * Children for a family: the test program itself, run again under their names. How a child behaves
 * and where it may write is told to it in the configuration (`pool_total`, the first of `names`),
 * since it gets nothing else.
 */
#ifndef KEYHOLE_TESTS_SUPERVISOR_FAKE_CHILDREN_H
#define KEYHOLE_TESTS_SUPERVISOR_FAKE_CHILDREN_H

#include "../scratch.h"

#include "../../../broker/log.h"
#include "../../../broker/messages.h"
#include "../../../broker/supervisor/family.h"

#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>

enum behaviour {
    GOOD = 0,
    PROXY_ENDS_AT_ONCE,
    AUTHORITY_ENDS_AT_ONCE,
    PROXY_TALKS, /* to the authority, which finds fault with it; once it has a second life, not */
    PROXY_READY_TWICE,
    PROXY_SAYS_NONSENSE,
    PROXY_NEVER_DRAINS,
};

/* The discharger is told nothing but its settings: its oldest firmware is how it behaves. */
enum discharger_behaviour {
    HONEST = 0,
    ENDS_AT_ONCE,
    SAYS_ANOTHER_URL,
    SAYS_NO_KEY,
    NEW_KEY, /* of each process: its own number is in it */
};

#define DISCHARGER_URL "http://localhost:8438"

static struct event_base *child_base;
static int64_t behaviour;
static bool configured, has_authority;
static struct channel *to_supervisor, *to_peer[8];
static uint64_t peer_life[8];
static size_t peers;

static void
end_on_closed(struct channel *channel, void *context, const char *why)
{
    (void)channel;
    (void)context;
    (void)why;
    _exit(0);
}

static void
forget_closed(struct channel *channel, void *context, const char *why)
{
    (void)why;
    (void)context;
    for (size_t i = 0; i < peers; i++)
        if (to_peer[i] == channel)
            to_peer[i] = NULL;
    channel_free(&channel);
}

static void
fake_proxy_check_ready(void)
{
    if (configured && has_authority)
        channel_send(to_supervisor, MESSAGE_PROXY_READY, 0, BYTES_EMPTY);
}

static void
fake_proxy_misbehave(void)
{
    if (behaviour == PROXY_TALKS)
        channel_send(to_peer[peers - 1], MESSAGE_FINISHED, 0, BYTES("x"));
    if (behaviour == PROXY_READY_TWICE)
        channel_send(to_supervisor, MESSAGE_PROXY_READY, 0, BYTES_EMPTY);
    // A message that only the authority may send: our own end would refuse it.
    static const uint8_t frame[16] = {[4] = MESSAGE_AUTHORITY_READY};
    if (behaviour == PROXY_SAYS_NONSENSE && write(3, frame, sizeof(frame)) != sizeof(frame))
        _exit(13);
}

static bool
fake_on_config(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    struct config config;
    config_init(&config);
    if (message_config_rx(message->body, &config) != KH_OK)
        _exit(9);
    behaviour = config.pool_total;
    if (config.name_count > 0 && chdir(config.name[0]) != 0)
        _exit(16);
    config_free(&config);
    if (message->type == MESSAGE_CONFIG && behaviour == PROXY_ENDS_AT_ONCE)
        _exit(7);
    if (message->type == MESSAGE_CONFIG_AUTHORITY && behaviour == AUTHORITY_ENDS_AT_ONCE)
        _exit(8);
    bool first = !configured;
    configured = true;
    if (message->type == MESSAGE_CONFIG_AUTHORITY && first)
        channel_send(to_supervisor, MESSAGE_AUTHORITY_READY, 0, BYTES_EMPTY);
    if (message->type == MESSAGE_CONFIG && !first)
        fake_proxy_misbehave();
    return true;
}

static bool
fake_on_ignored(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    if (message->fd >= 0)
        close(message->fd);
    return true;
}

static bool
fake_on_finished(struct channel *channel, void *context, const struct message *message)
{
    (void)message;
    (void)context;
    for (size_t i = 0; i < peers; i++)
        if (to_peer[i] == channel)
            channel_send(to_supervisor, MESSAGE_PEER_FAULT, peer_life[i], BYTES("spoke"));
    return true;
}

static const struct channel_handler fake_peer_handlers[] = {
    {MESSAGE_FINISHED, fake_on_finished},
    {0, NULL},
};

static bool
fake_on_channel(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    bool authority = message->type == MESSAGE_PROXY_CHANNEL;
    struct channel_options options = {.base = child_base,
                                      .self = authority ? ROLE_AUTHORITY : ROLE_PROXY,
                                      .peer = authority ? ROLE_PROXY : ROLE_AUTHORITY,
                                      .handler =
                                          authority ? fake_peer_handlers : fake_peer_handlers + 1,
                                      .closed = forget_closed};
    peer_life[peers] = message->id;
    if (channel_new(message->fd, &options, &to_peer[peers], NULL) != KH_OK)
        _exit(10);
    peers++;
    if (!authority && !has_authority) {
        has_authority = true;
        fake_proxy_check_ready();
    }
    return true;
}

static bool
fake_on_stop(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    if (message->type == MESSAGE_PROXY_DRAIN && behaviour == PROXY_NEVER_DRAINS)
        return true;
    _exit(0);
}

static bool
fake_on_discharger_config(struct channel *channel, void *context, const struct message *message)
{
    (void)context;
    struct message_discharger_config config;
    struct discharger said = {.public_key = {7}};
    struct buffer body;
    if (message_discharger_config_rx(message->body, &config) != KH_OK)
        _exit(9);
    if (config.settings.firmware == ENDS_AT_ONCE)
        _exit(6);
    (void)snprintf(said.url, sizeof(said.url), "%.*s%s", BYTES_ARG(config.url),
                   config.settings.firmware == SAYS_ANOTHER_URL ? "0" : "");
    if (config.settings.firmware == SAYS_NO_KEY)
        said.public_key[0] = 0;
    if (config.settings.firmware == NEW_KEY)
        memcpy(said.public_key, &(pid_t){getpid()}, sizeof(pid_t));
    buffer_init(&body, 1024);
    message_discharger_ready_tx(&said, &body);
    if (!configured)
        channel_send(channel, MESSAGE_DISCHARGER_READY, 0, buffer_bytes(&body));
    configured = true;
    buffer_free(&body);
    return true;
}

/* What it was told of dischargers, as a file: one line for each, with the process in its name. */
static bool
fake_on_dischargers(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    struct message_dischargers list;
    char name[64], partial[80];
    if (message_dischargers_rx(message->body, &list) != KH_OK)
        _exit(14);
    (void)snprintf(name, sizeof(name), "told.%ld", (long)getpid());
    (void)snprintf(partial, sizeof(partial), "%s.partial", name);
    FILE *file = fopen(partial, "we");
    for (size_t i = 0; file != NULL && i < list.count; i++)
        (void)fprintf(file, "%s %s %02x%02x%02x%02x\n", list.discharger[i].name,
                      list.discharger[i].url, list.discharger[i].public_key[0],
                      list.discharger[i].public_key[1], list.discharger[i].public_key[2],
                      list.discharger[i].public_key[3]);
    if (file == NULL || fclose(file) != 0 || rename(partial, name) != 0)
        _exit(15);
    return true;
}

static const struct channel_handler fake_handlers[] = {
    {MESSAGE_CONFIG, fake_on_config},
    {MESSAGE_CONFIG_AUTHORITY, fake_on_config},
    {MESSAGE_PASS_THROUGH, fake_on_ignored},
    {MESSAGE_PASS_THROUGH_END, fake_on_ignored},
    {MESSAGE_LISTENER, fake_on_ignored},
    {MESSAGE_ADMIN_LISTENER, fake_on_ignored},
    {MESSAGE_SUPERVISOR_LISTENERS, fake_on_ignored},
    {MESSAGE_PROCESS_STATE, fake_on_ignored},
    {MESSAGE_AUTHORITY_CHANNEL, fake_on_channel},
    {MESSAGE_PROXY_CHANNEL, fake_on_channel},
    {MESSAGE_PROXY_DRAIN, fake_on_stop},
    {MESSAGE_AUTHORITY_STOP, fake_on_stop},
    {MESSAGE_AUTHORITY_DISCHARGERS, fake_on_dischargers},
    {MESSAGE_PROXY_DISCHARGERS, fake_on_dischargers},
    {MESSAGE_METRICS_PAGE, fake_on_ignored},
    {MESSAGE_DISCHARGER_CONFIG, fake_on_discharger_config},
    {MESSAGE_DISCHARGER_LISTENER, fake_on_ignored},
    {MESSAGE_DISCHARGER_ADMIN, fake_on_ignored},
    {MESSAGE_DISCHARGER_DRAIN, fake_on_stop},
    {0, NULL},
};

static int
fake_child(enum role role)
{
    child_base = event_base_new();
    struct channel_options options = {.base = child_base,
                                      .self = role,
                                      .peer = ROLE_SUPERVISOR,
                                      .handler = fake_handlers,
                                      .closed = end_on_closed};
    if (channel_new(3, &options, &to_supervisor, NULL) != KH_OK)
        return 11;
    event_base_dispatch(child_base);
    return 12;
}

/* First thing in main(): -1 when this is no child, else its exit status. */
static inline int
fake_child_main(int argc, char **argv)
{
    static const struct {
        const char *program;
        enum role role;
    } children[] = {
        {"keyhole-proxy", ROLE_PROXY},
        {"keyhole-authority", ROLE_AUTHORITY},
        {"keyhole-discharger", ROLE_DISCHARGER},
    };
    for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
        if (argc > 0 && strcmp(argv[0], children[i].program) == 0)
            return fake_child(children[i].role);
    return -1;
}

#endif
