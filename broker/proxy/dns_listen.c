/* SPDX-License-Identifier: Apache-2.0
 *
 * Answering datagrams. A sender's address may be forged: what goes out is hardly longer than what
 * came in (dns_answer.h), and there is a limit to how much of it there is.
 */
#include "dns_listen.h"

#include "dns_stream.h"
#include "proxy.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { SECOND_MS = 1000 };

bool
dns_rate_take(struct dns_rate *rate, int64_t now_ms)
{
    if (now_ms - rate->since_ms >= SECOND_MS || rate->since_ms == 0) {
        rate->since_ms = now_ms;
        rate->left = DNS_RATE_PER_S;
    }
    if (rate->left == 0)
        return false;
    rate->left--;
    return true;
}

static bool
allowed(void *context, struct bytes host)
{
    return dns_name_is_known(context, host);
}

static void
answer(struct listener *listener, struct bytes query, const struct sockaddr_storage *peer,
       socklen_t length)
{
    struct dns_rules rules = {.context = listener->proxy, .allowed = allowed};
    struct dns_name name;
    BUFFER_AUTO out;
    buffer_init(&out, DNS_ANSWER_MAX);
    memcpy(rules.address, listener->answer, sizeof rules.address);
    if (dns_answer(query, &rules, &name, &out) == DNS_DROPPED || out.failed)
        return;
    // What does not go out at once is lost, as it may be anywhere on its way.
    (void)!sendto(listener->fd, out.p, out.n, MSG_DONTWAIT | MSG_NOSIGNAL,
                  (const struct sockaddr *)peer, length);
}

void
dns_listen_ready(evutil_socket_t fd, short what, void *context)
{
    struct listener *listener = context;
    (void)what;
    for (int i = 0; i < DNS_DATAGRAMS_MAX && listener->fd >= 0; i++) {
        uint8_t query[DNS_QUERY_MAX];
        struct sockaddr_storage peer = {0};
        socklen_t length = sizeof peer;
        ssize_t n = recvfrom(fd, query, sizeof query, MSG_DONTWAIT | MSG_TRUNC,
                             (struct sockaddr *)&peer, &length);
        if (n < 0 && errno != EINTR && errno != ECONNREFUSED)
            return;
        if (n < 0 || (size_t)n > sizeof query || !dns_rate_take(&listener->rate, proxy_now_ms()))
            continue;
        answer(listener, bytes_of(query, (size_t)n), &peer, length);
    }
}
