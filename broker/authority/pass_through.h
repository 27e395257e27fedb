/* SPDX-License-Identifier: Apache-2.0
 *
 * Hosts without a credential that the operator lists as reachable. The list is the configuration's:
 * the supervisor sends it, item by item, and then the end, from where on it holds.
 */
#ifndef KEYHOLE_PASS_THROUGH_H
#define KEYHOLE_PASS_THROUGH_H

#include "credentials.h"

struct pass_through_list {
    struct pass_through_item *item;
    size_t count, capacity;
};

struct pass_through {
    struct pass_through_list now, next; /* next: being received */
};

/* One item, the body of a route. KH_ERR_PROTOCOL: it is none. */
KH_MUST_CHECK enum kh_err pass_through_receive(struct pass_through *pass_through,
                                               struct bytes body);
/* The list is whole. */
void pass_through_adopt(struct pass_through *pass_through);
void pass_through_free(struct pass_through *pass_through);

/* As the proxies get it. */
size_t pass_through_count(const struct pass_through *pass_through);
struct bytes pass_through_body(const struct pass_through *pass_through, size_t i);

/* Whether this question speaks of a tunnel: what goes through it is not seen. */
bool pass_through_is_tunnel(const struct message_decide *request);
/* Whether the request may go where it says: its host and port are on the list, and the host is no
 * credential's, in use or not. */
bool pass_through_allows(const struct pass_through *pass_through,
                         const struct credentials *credentials,
                         const struct message_decide *request);

#endif
