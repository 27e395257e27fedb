/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions of proxies that wait for an access token. Each is decided anew, as if it had just come,
 * when there is one: what was revoked meanwhile is revoked. Nothing was counted or recorded before.
 */
#ifndef KEYHOLE_SERVE_WAIT_H
#define KEYHOLE_SERVE_WAIT_H

#include "authority.h"

#include <sys/queue.h>

struct serve_waiter;
LIST_HEAD(serve_waiters, serve_waiter);

/* One question of a batch, and how often it waited already. */
struct serve_question {
    struct serve_batch *batch;
    uint64_t id;
    struct bytes body; /* of DECIDE */
    unsigned rounds;
};
/* serve.c: decide it and collect the answer. False: the body breaks the protocol. */
bool serve_question_decide(const struct serve_question *question);

/* False: it cannot wait; the failure is on the credential, unless there is no room. */
bool serve_wait(struct authority *authority, struct serve_waiters *list,
                const struct serve_question *question, struct bytes credential);
/* The proxy is gone. */
void serve_wait_drop_all(struct serve_waiters *list);
void serve_wait_say_later(const struct serve_waiters *list, struct channel *channel);

#endif
