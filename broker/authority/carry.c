/* SPDX-License-Identifier: Apache-2.0
 *
 * Which proxy carries what, and until when.
 */
#include "carry.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    BODY_MAX = 131072,
    TRIES_MAX = 3,
    PATIENCE_MS = 1000, // beyond the proxy's own time limit
    OPEN_MAX = 1024,
};

struct carry {
    LIST_ENTRY(carry) entry; // of authority->carries
    struct authority *authority;
    const struct authority_proxy *proxy;
    uint64_t id;
    unsigned tries;
    struct buffer body; // of the CARRY message; secret
    struct event *timer;
    carry_done *done;
    void *context;
};

static void
carry_free(struct carry *carry)
{
    LIST_REMOVE(carry, entry);
    carry->authority->carry_count--;
    if (carry->timer)
        event_free(carry->timer);
    buffer_free(&carry->body);
    free(carry);
}

void
carry_cancel(struct carry **carry)
{
    if (*carry)
        carry_free(*carry);
    *carry = NULL;
}

static void
finish(struct carry *carry, const struct message_carried *carried)
{
    carry_done *done = carry->done;
    void *context = carry->context;

    carry_free(carry);
    done(context, carried);
}

static void
fail(struct carry *carry, enum kh_reason reason, struct bytes detail)
{
    const struct message_carried carried = {.reason = reason, .detail = detail};
    finish(carry, &carried);
}

static void
on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    fail(context, KH_REASON_UPSTREAM_TIMEOUT, BYTES("there was no answer in time"));
}

// The next proxy in turn. False: there is none.
static bool
send_next(struct carry *carry)
{
    struct authority *authority = carry->authority;

    if (authority->proxy_count == 0 || carry->tries == TRIES_MAX)
        return false;
    carry->tries++;
    // Another id each time, so that the answer to an earlier one is none to this.
    carry->id = ++authority->carry_id;
    carry->proxy = authority->proxy[authority->carry_id % authority->proxy_count];
    channel_send(carry->proxy->channel, MESSAGE_CARRY, carry->id, buffer_bytes(&carry->body));
    return true;
}

static enum kh_err
prepare(struct carry *carry, const struct message_carry *request, struct fault *fault)
{
    struct authority *authority = carry->authority;
    struct message_carry timed = *request;
    int64_t ms = authority->config.exchange_timeout_ms + PATIENCE_MS;
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    timed.timeout_ms = (uint32_t)authority->config.exchange_timeout_ms;
    buffer_init_secret(&carry->body, BODY_MAX);
    message_carry_tx(&timed, &carry->body);
    if (carry->body.failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the request is too long");
    // Answers of a time before this process started are none to its questions.
    if (authority->carry_id == 0 && getrandom(&authority->carry_id, sizeof authority->carry_id,
                                              0) != sizeof authority->carry_id)
        return fault_set(fault, KH_ERR_CRYPTO, "the kernel gives no random numbers");
    carry->timer = evtimer_new(authority->base, on_time, carry);
    if (carry->timer == NULL || event_add(carry->timer, &limit))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return send_next(carry) ? KH_OK : fault_set(fault, KH_ERR_NOT_FOUND, "no proxy is running");
}

enum kh_err
carry_start(struct authority *authority, const struct message_carry *request, carry_done *done,
            void *context, struct carry **out, struct fault *fault)
{
    struct carry *carry = authority->carry_count < OPEN_MAX ? calloc(1, sizeof *carry) : NULL;

    if (carry == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "too much is under way");
    carry->authority = authority;
    carry->done = done;
    carry->context = context;
    LIST_INSERT_HEAD(&authority->carries, carry, entry);
    authority->carry_count++;
    enum kh_err err = prepare(carry, request, fault);
    if (err)
        carry_free(carry);
    else
        *out = carry;
    return err;
}

void
carry_answered(struct authority *authority, const struct authority_proxy *proxy, uint64_t id,
               const struct message_carried *carried)
{
    struct carry *carry;

    LIST_FOREACH(carry, &authority->carries, entry)
    {
        if (carry->id == id && carry->proxy == proxy)
            break;
    }
    if (carry == NULL)
        return;
    // One that is about to end did not send it.
    bool refused = !carried->answered && carried->reason == KH_REASON_BROKER_UNAVAILABLE;
    if (!refused || !send_next(carry))
        finish(carry, carried);
}

void
carry_proxy_lost(struct authority *authority, const struct authority_proxy *proxy)
{
    bool found = true;

    // What is called may change the list.
    while (found) {
        struct carry *carry;
        found = false;
        LIST_FOREACH(carry, &authority->carries, entry)
        {
            if (carry->proxy == proxy) {
                found = true;
                break;
            }
        }
        if (found && !send_next(carry))
            fail(carry, KH_REASON_BROKER_UNAVAILABLE, BYTES("the proxy that carried it ended"));
    }
}

void
carry_close_all(struct authority *authority)
{
    while (!LIST_EMPTY(&authority->carries))
        carry_free(LIST_FIRST(&authority->carries));
}
