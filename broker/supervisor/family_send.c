/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor tells its children: configuration, sockets, and each other. */
#include "family_internal.h"

#include "../log.h"
#include "../messages.h"
#include "dischargers.h"
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BODY_MAX = 131072 };

static void
child_send(struct family_child *child, enum message_type type, const struct buffer *body)
{
    if (child == NULL || child->channel == NULL)
        return;
    if (body->failed)
        log_error("message-failed", "%s for %s could not be written", message_name(type),
                  child->name);
    else
        channel_send(child->channel, type, 0, buffer_bytes(body));
}

static void
send_pass_through(const struct config *config, struct family_child *child)
{
    const struct buffer end = {0};
    for (size_t i = 0; i < config->pass_through_count; i++)
        child_send(child, MESSAGE_PASS_THROUGH, &config->pass_through[i].route);
    child_send(child, MESSAGE_PASS_THROUGH_END, &end);
}

static void
send_config(struct family *family, struct family_child *child)
{
    const struct config *config = family->config;
    struct buffer body;
    buffer_init(&body, BODY_MAX);
    if (child->role == ROLE_DISCHARGER) {
        const struct message_discharger_config message = {
            .settings = config->discharger.settings,
            .url = bytes_str(family->discharger.url),
            .log_format = (uint8_t)config->log_format,
            .log_level = (uint8_t)config->log_level,
        };
        message_discharger_config_tx(&message, &body);
        child_send(child, MESSAGE_DISCHARGER_CONFIG, &body);
    } else {
        message_config_tx(config, &body);
        child_send(child, child->role == ROLE_PROXY ? MESSAGE_CONFIG : MESSAGE_CONFIG_AUTHORITY,
                   &body);
    }
    buffer_free(&body);
    if (child->role == ROLE_AUTHORITY)
        send_pass_through(config, child);
}

static bool
has_discharger(const struct family *family)
{
    return family->discharger.admin != NULL;
}

static void
send_dischargers(struct family *family, struct family_child *child)
{
    struct message_dischargers list;
    struct buffer body;
    if (child->channel == NULL || child->role == ROLE_DISCHARGER ||
        (has_discharger(family) && !family->local_known))
        return;
    dischargers_list(family->config, family->local_known ? &family->local : NULL, &list);
    buffer_init(&body, BODY_MAX);
    message_dischargers_tx(&list, &body);
    child_send(child,
               child->role == ROLE_PROXY ? MESSAGE_PROXY_DISCHARGERS
                                         : MESSAGE_AUTHORITY_DISCHARGERS,
               &body);
    buffer_free(&body);
}

static void
send_listener(struct family_child *child, enum message_type type, const struct listener *listener)
{
    struct message_listener message = {
        .kind = listener->dns     ? listener->dns
                : listener->local ? LISTENER_UNIX
                                  : LISTENER_TCP,
        .tls = listener->config.tls,
        .transparent = listener->config.transparent,
        .metrics = listener->metrics,
        .name = bytes_str(listener->name),
        .certificate = buffer_bytes(&listener->certificate),
        .key = listener->key,
        .gateway = listener->gateway,
    };
    memcpy(message.answer, listener->answer, sizeof message.answer);
    struct buffer body;
    buffer_init_secret(&body, BODY_MAX); // the key of a certificate may be in it
    message_listener_tx(&message, &body);
    int fd = body.failed ? -1 : fcntl(listener->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        log_error("message-failed", "listener %s could not be given to %s: %s", listener->name,
                  child->name, body.failed ? "too long" : strerror(errno));
    else if (child->channel != NULL)
        channel_send_fd(child->channel, type, 0, buffer_bytes(&body), fd);
    else
        close(fd);
    buffer_free(&body);
}

static void
send_listener_names(struct family *family)
{
    struct buffer text;
    buffer_init(&text, 16384);
    for (size_t i = 0; i < family->listener_count; i++) {
        const struct listener *listener = &family->listener[i];
        buffer_printf(&text, "%s%s=%s", i > 0 ? "\n" : "",
                      listener->gateway.only         ? "gateway"
                      : listener->metrics            ? "metrics"
                      : listener->dns                ? "dns"
                      : listener->local              ? "unix"
                      : listener->config.transparent ? "transparent"
                      : listener->config.tls         ? "https"
                                                     : "http",
                      listener->name);
    }
    struct buffer body;
    buffer_init(&body, 16384);
    message_text_tx(buffer_bytes(&text), &body);
    child_send(family_authority(family), MESSAGE_SUPERVISOR_LISTENERS, &body);
    buffer_free(&body);
    buffer_free(&text);
}

static void
send_page(struct family *family, struct family_child *proxy, const struct family_child *child)
{
    const struct message_metrics_page message = {
        .role = (uint8_t)(child != NULL ? child->role : ROLE_SUPERVISOR),
        .index = child != NULL ? child->index : 0,
    };
    BUFFER_AUTO body;
    int fd = pages_reader(family, child);
    buffer_init(&body, 16);
    message_metrics_page_tx(&message, &body);
    if (fd < 0)
        log_error("message-failed", "%s does not get a page of metrics: %s", proxy->name,
                  strerror(errno));
    else if (proxy->channel != NULL)
        channel_send_fd(proxy->channel, MESSAGE_METRICS_PAGE, 0, buffer_bytes(&body), fd);
    else
        close(fd);
}

// The authority's has the names of the credentials; the others are for whoever watches.
static void
send_pages(struct family *family, struct family_child *proxy)
{
    bool watched = false;
    for (size_t i = 0; i < family->listener_count; i++)
        watched = watched || family->listener[i].metrics;
    if (watched)
        send_page(family, proxy, NULL);
    for (size_t i = 0; i < family->child_count; i++)
        if (watched || family->child[i].role == ROLE_AUTHORITY)
            send_page(family, proxy, &family->child[i]);
}

// A fresh pair for one proxy and the authority. The id is the proxy's life: PEER_FAULT brings it
// back, and so never hits the process that came after.
static void
send_pair(struct family *family, struct family_child *proxy)
{
    struct family_child *authority = family_authority(family);
    int ends[2];
    struct fault fault = {0};
    if (authority == NULL || authority->channel == NULL || proxy->channel == NULL)
        return;
    if (channel_pair(ends, &fault) != KH_OK) {
        log_error("message-failed", "%s and the authority: %s", proxy->name, fault.detail);
        return;
    }
    channel_send_fd(authority->channel, MESSAGE_PROXY_CHANNEL, proxy->life, BYTES_EMPTY, ends[0]);
    channel_send_fd(proxy->channel, MESSAGE_AUTHORITY_CHANNEL, proxy->life, BYTES_EMPTY, ends[1]);
}

void
family_introduce_authority(struct family *family, struct family_child *authority)
{
    send_config(family, authority);
    send_dischargers(family, authority);
    send_listener(authority, MESSAGE_ADMIN_LISTENER, family->admin);
    send_listener_names(family);
    for (size_t i = 0; i < family->child_count; i++) {
        struct family_child *child = &family->child[i];
        if (child->role != ROLE_AUTHORITY)
            family_send_state(family, child);
        if (child->role == ROLE_PROXY)
            send_pair(family, child);
    }
}

void
family_introduce_proxy(struct family *family, struct family_child *proxy)
{
    send_config(family, proxy);
    send_pages(family, proxy);
    send_dischargers(family, proxy);
    for (size_t i = 0; i < family->listener_count; i++)
        send_listener(proxy, MESSAGE_LISTENER, &family->listener[i]);
    send_pair(family, proxy);
}

void
family_introduce_discharger(struct family *family, struct family_child *discharger)
{
    const struct family_discharger *own = &family->discharger;
    send_config(family, discharger);
    for (size_t i = 0; i < own->listener_count; i++)
        send_listener(discharger, MESSAGE_DISCHARGER_LISTENER, &own->listener[i]);
    send_listener(discharger, MESSAGE_DISCHARGER_ADMIN, own->admin);
}

void
family_send_state(struct family *family, const struct family_child *child)
{
    const struct message_process_state message = {
        .role = (uint8_t)child->role,
        .index = child->index,
        .pid = (uint32_t)child->pid,
        .restarts = child->restarts,
        .running = child->pid > 0,
        .note = bytes_str(child->note),
    };
    struct buffer body;
    buffer_init(&body, 1024);
    message_process_state_tx(&message, &body);
    child_send(family_authority(family), MESSAGE_PROCESS_STATE, &body);
    buffer_free(&body);
}

void
family_send_dischargers(struct family *family)
{
    for (size_t i = 0; i < family->child_count; i++)
        send_dischargers(family, &family->child[i]);
}

void
family_send_config(struct family *family)
{
    for (size_t i = 0; i < family->child_count; i++)
        if (family->child[i].channel != NULL)
            send_config(family, &family->child[i]);
    family_send_dischargers(family);
}

void
family_set_listeners(struct family *family, const struct listener *listener, size_t count,
                     size_t added)
{
    family->listener = listener;
    family->listener_count = count;
    for (size_t i = 0; i < family->child_count; i++)
        for (size_t j = count - added; j < count; j++)
            if (family->child[i].role == ROLE_PROXY && family->child[i].channel != NULL)
                send_listener(&family->child[i], MESSAGE_LISTENER, &listener[j]);
    if (added > 0)
        send_listener_names(family);
}
