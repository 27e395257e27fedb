/* SPDX-License-Identifier: Apache-2.0
 *
 * DNS over UDP, handed on: one connection to the broker for all queries of a socket, made when
 * there is one, its answers in the order of the queries.
 */
#include "relay_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DNS_HEADER_SIZE = 12,
    DNS_MESSAGE_MAX = 65535,
    DNS_QUERY_MAX = 4096,  // of UDP; longer ones nobody sends
    DNS_WAITING_MAX = 256, // more are dropped: whoever asks over UDP asks again
    DNS_RECEIVES_MAX = 64, // then others have their turn
    DNS_ANSWER_S = 10,     // for the oldest query
};

struct dns_query {
    STAILQ_ENTRY(dns_query) entry;
    struct sockaddr_storage from;
    socklen_t from_size;
    bool again; // sent a second time, after a connection that ended without the answer
    size_t n;
    uint8_t message[]; // as it came
};

struct relay_dns {
    LIST_ENTRY(relay_dns) entry;
    struct relay *relay;
    int fd;
    struct event *event, *turn, *deadline;
    struct buffer head; // the preface
    struct relay_side broker;
    bool connecting, open;
    struct buffer out, in;
    STAILQ_HEAD(, dns_query) waiting;
    size_t waiting_count;
};

static void dns_run(struct relay_dns *dns);

/* ---- queries ---- */

static void
dns_drop_first(struct relay_dns *dns)
{
    struct dns_query *query = STAILQ_FIRST(&dns->waiting);
    STAILQ_REMOVE_HEAD(&dns->waiting, entry);
    dns->waiting_count--;
    free(query);
}

static void
dns_put_query(struct relay_dns *dns, const struct dns_query *query)
{
    buffer_put_byte(&dns->out, (uint8_t)(query->n >> 8));
    buffer_put_byte(&dns->out, (uint8_t)query->n);
    buffer_put(&dns->out, bytes_of(query->message, query->n));
}

static void
dns_take_query(struct relay_dns *dns, struct bytes message, const struct sockaddr_storage *from,
               socklen_t from_size)
{
    if (message.n < DNS_HEADER_SIZE || message.n > DNS_QUERY_MAX ||
        dns->waiting_count == DNS_WAITING_MAX)
        return;
    struct dns_query *query = malloc(sizeof *query + message.n);
    if (query == NULL)
        return;
    *query = (struct dns_query){.from = *from, .from_size = from_size, .n = message.n};
    memcpy(query->message, message.p, message.n);
    STAILQ_INSERT_TAIL(&dns->waiting, query, entry);
    dns->waiting_count++;
    if (dns->open)
        dns_put_query(dns, query);
}

/* ---- the connection ---- */

static void
dns_disconnect(struct relay_dns *dns)
{
    relay_side_watch(&dns->broker, 0, NULL, NULL);
    wire_close(&dns->broker.wire, true);
    event_del(dns->deadline);
    buffer_clear(&dns->out);
    buffer_clear(&dns->in);
    dns->connecting = dns->open = false;
}

// What was asked on a connection that ended is asked once more: the broker may have been idle for
// too long, or restarted.
static void
dns_lose_connection(struct relay_dns *dns)
{
    bool reached = dns->open;
    dns->relay->lost += !reached;
    dns_disconnect(dns);
    size_t count = dns->waiting_count;
    for (size_t i = 0; i < count; i++) {
        struct dns_query *query = STAILQ_FIRST(&dns->waiting);
        if (!reached || query->again) {
            dns_drop_first(dns);
            continue;
        }
        query->again = true;
        STAILQ_REMOVE_HEAD(&dns->waiting, entry);
        STAILQ_INSERT_TAIL(&dns->waiting, query, entry);
    }
    if (dns->waiting_count > 0)
        event_add(dns->turn, &(struct timeval){0});
}

static void
dns_is_ready(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    dns_run(context);
}

static void
dns_is_late(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    dns_lose_connection(context);
}

static void
dns_opened(struct relay_dns *dns)
{
    const struct dns_query *query;
    dns->open = true;
    buffer_put(&dns->out, buffer_bytes(&dns->head));
    STAILQ_FOREACH(query, &dns->waiting, entry)
    dns_put_query(dns, query);
}

static void
dns_connect(struct relay_dns *dns)
{
    if (!dns->connecting) {
        wire_init(&dns->broker.wire, dns->relay->target);
        event_add(dns->deadline, &(struct timeval){.tv_sec = RELAY_CONNECT_S});
        dns->connecting = true;
    }
    relay_side_watch(&dns->broker, 0, NULL, NULL);
    enum wire_result result = wire_connect(&dns->broker.wire);
    if (result == WIRE_DONE)
        dns_opened(dns);
    else if (result == WIRE_FAILED)
        dns_lose_connection(dns);
    else if (result == WIRE_LATER)
        event_add(dns->turn, &(struct timeval){.tv_usec = RELAY_FULL_PAUSE_US});
    else
        relay_side_watch(&dns->broker, relay_interest(result), dns_is_ready, dns);
}

/* ---- answers ---- */

// Whole answers in `in`. False when they are not those that are waited for.
static bool
dns_give_answers(struct relay_dns *dns)
{
    for (;;) {
        struct bytes in = buffer_bytes(&dns->in);
        size_t n = in.n >= 2 ? (size_t)in.p[0] << 8 | in.p[1] : SIZE_MAX;
        if (n == SIZE_MAX || in.n - 2 < n)
            return true;
        const struct dns_query *query = STAILQ_FIRST(&dns->waiting);
        if (query == NULL || n < DNS_HEADER_SIZE || memcmp(query->message, in.p + 2, 2) != 0)
            return false;
        // One that cannot be sent is as one that was lost on the way.
        (void)!sendto(dns->fd, in.p + 2, n, MSG_DONTWAIT | MSG_NOSIGNAL,
                      (const struct sockaddr *)&query->from, query->from_size);
        dns_drop_first(dns);
        buffer_consume(&dns->in, n + 2);
        event_del(dns->deadline);
    }
}

static enum wire_result
dns_receive(struct relay_dns *dns)
{
    enum wire_result result;
    do {
        size_t n = 0;
        uint8_t *room = buffer_reserve(&dns->in, 4096);
        if (room == NULL)
            return WIRE_FAILED;
        result = wire_read(&dns->broker.wire, room, 4096, &n);
        if (result == WIRE_DONE)
            buffer_advance(&dns->in, n);
        if (result == WIRE_DONE && !dns_give_answers(dns))
            return WIRE_FAILED;
    } while (result == WIRE_DONE);
    return result;
}

static enum wire_result
dns_send(struct relay_dns *dns)
{
    enum wire_result result = WIRE_DONE;
    while (dns->out.n > 0 && result == WIRE_DONE) {
        size_t n = 0;
        result = wire_write(&dns->broker.wire, dns->out.p, dns->out.n, &n);
        if (result == WIRE_DONE)
            buffer_consume(&dns->out, n);
    }
    return result;
}

static void
dns_run(struct relay_dns *dns)
{
    if (!dns->open && dns->waiting_count > 0)
        dns_connect(dns);
    if (!dns->open)
        return;
    enum wire_result sent = dns->out.failed ? WIRE_FAILED : dns_send(dns);
    enum wire_result got = sent == WIRE_FAILED ? WIRE_FAILED : dns_receive(dns);
    if (got == WIRE_FAILED || got == WIRE_END) {
        dns_lose_connection(dns);
        return;
    }
    relay_side_watch(&dns->broker, relay_interest(sent) | relay_interest(got), dns_is_ready, dns);
    if (dns->waiting_count == 0)
        event_del(dns->deadline);
    else if (!event_pending(dns->deadline, EV_TIMEOUT, NULL))
        event_add(dns->deadline, &(struct timeval){.tv_sec = DNS_ANSWER_S});
}

/* ---- the socket ---- */

static void
dns_take(evutil_socket_t fd, short what, void *context)
{
    struct relay_dns *dns = context;
    static uint8_t message[DNS_MESSAGE_MAX];
    (void)what;
    for (unsigned i = 0; i < DNS_RECEIVES_MAX; i++) {
        struct sockaddr_storage from;
        socklen_t from_size = sizeof from;
        ssize_t n = recvfrom((int)fd, message, sizeof message, MSG_DONTWAIT,
                             (struct sockaddr *)&from, &from_size);
        if (n < 0)
            break;
        dns_take_query(dns, bytes_of(message, (size_t)n), &from, from_size);
    }
    dns_run(dns);
}

void
relay_dns_free(struct relay_dns *dns)
{
    LIST_REMOVE(dns, entry);
    while (dns->waiting_count > 0)
        dns_drop_first(dns);
    struct event *const events[] = {dns->event, dns->turn, dns->deadline};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (events[i] != NULL)
            event_free(events[i]);
    relay_side_close(&dns->broker, true);
    close(dns->fd);
    buffer_free(&dns->head);
    buffer_free(&dns->out);
    buffer_free(&dns->in);
    free(dns);
}

enum kh_err
relay_serve_dns(struct relay *relay, int fd, const struct preface *preface, struct fault *fault)
{
    struct relay_dns *dns = calloc(1, sizeof *dns);
    if (dns == NULL) {
        close(fd);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    dns->relay = relay;
    dns->fd = fd;
    STAILQ_INIT(&dns->waiting);
    LIST_INSERT_HEAD(&relay->resolvers, dns, entry);
    buffer_init_secret(&dns->head, PREFACE_MAX);
    buffer_init_secret(&dns->out, PREFACE_MAX + (size_t)DNS_WAITING_MAX * (DNS_QUERY_MAX + 2));
    buffer_init(&dns->in, 2 * DNS_MESSAGE_MAX);
    preface_write(preface, &dns->head);
    bool ready = relay_side_init(&dns->broker, relay->base);
    dns->event = event_new(relay->base, fd, EV_READ | EV_PERSIST, dns_take, dns);
    dns->turn = evtimer_new(relay->base, dns_is_ready, dns);
    dns->deadline = evtimer_new(relay->base, dns_is_late, dns);
    enum kh_err err = KH_OK;
    if (dns->head.failed || preface->kind != PREFACE_DNS)
        err = fault_set(fault, KH_ERR_USAGE, "the hosts are too long for a relay");
    else if (!ready || dns->event == NULL || dns->turn == NULL || dns->deadline == NULL ||
             event_add(dns->event, NULL) != 0)
        err = fault_set(fault, KH_ERR_IO, "a socket for DNS cannot be served");
    if (err != KH_OK)
        relay_dns_free(dns);
    return err;
}
