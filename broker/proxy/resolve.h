/* SPDX-License-Identifier: Apache-2.0
 *
 * Names to addresses by getaddrinfo in a few threads (libevent's evdns speaks UDP alone, without
 * EDNS). Answers come back on the loop; whoever asked may go away before. A name whose servers hang
 * takes one thread, however many ask for it.
 */
#ifndef KEYHOLE_PROXY_RESOLVE_H
#define KEYHOLE_PROXY_RESOLVE_H

#include "address.h"

struct event_base;
struct resolver;
struct resolve_job;

enum { RESOLVE_ADDRESSES_MAX = 16 };

struct resolver_options {
    struct event_base *base;
    unsigned threads; /* at most; each is started when there is something for it to do */
    unsigned idle_ms; /* after which it ends; 0: five seconds */
    size_t queue_max; /* names that wait for a thread */
    /* Called in a thread. Returns the number of addresses, or 0 with a static sentence in `*why`.
     * NULL: getaddrinfo. */
    size_t (*lookup)(const char *host, uint16_t port, struct address *out, size_t cap,
                     const char **why);
};

KH_MUST_CHECK enum kh_err resolver_new(const struct resolver_options *options,
                                       struct resolver **out);
void resolver_free(struct resolver **resolver); /* waits for look-ups that run */

typedef void (*resolve_done)(void *owner, const struct address *address, size_t count,
                             const char *why);

/* `done` is called later from the loop, once, unless the job is cancelled. KH_ERR_RANGE when too
 * many names wait, KH_ERR_MEMORY when there is none for it or no thread. */
KH_MUST_CHECK enum kh_err resolver_start(struct resolver *resolver, struct bytes host,
                                         uint16_t port, resolve_done done, void *owner,
                                         struct resolve_job **out);
KH_COLD void resolver_cancel(struct resolve_job **job);

unsigned resolver_threads(const struct resolver *resolver); /* that there are */

#endif
