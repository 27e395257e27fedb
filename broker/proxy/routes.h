/* SPDX-License-Identifier: Apache-2.0
 *
 * Where requests may go: the authority's table of routes. A table is built beside the one in use
 * and takes its place as a whole; requests that run keep the table that they were judged with.
 */
#ifndef KEYHOLE_PROXY_ROUTES_H
#define KEYHOLE_PROXY_ROUTES_H

#include "../messages.h"

enum { ROUTES_MAX = 4096, ROUTES_CANDIDATES_MAX = 64, ROUTE_FINGERPRINT_SIZE = 32 };

struct routes;

KH_MUST_CHECK enum kh_err routes_new(struct routes **out);
struct routes *routes_hold(struct routes *routes); /* one reference more */
void routes_release(struct routes **routes);

/* One ROUTE message; the body is copied. */
KH_MUST_CHECK enum kh_err routes_add(struct routes *routes, struct bytes body);
size_t routes_count(const struct routes *routes);

const struct route *routes_by_name(const struct routes *routes, struct bytes credential);

/* SHA-256 of everything that the authority said of the route: a connection that was made under
 * another version of it is not used again. */
const uint8_t *routes_fingerprint(const struct route *route);

/* One destination, and the routes that may serve it. */
struct routes_match {
    bool pass_through; /* no credential's: the operator lets it through as it is */
    bool plain;        /* HTTP to the upstream */
    uint16_t port;     /* as dialled */
    size_t count;
    const struct route *route[ROUTES_CANDIDATES_MAX]; /* so many of them are set */
};

/* Routes for a canonical host; a host that is a credential's, at whatever port, is never passed
 * through. Port 0: the client named none, the route's own first one counts.
 * False when there is none. TLS goes before plain where both would fit. */
bool routes_match(const struct routes *routes, struct bytes host, uint16_t port,
                  struct routes_match *out);

struct metrics_page;
/* By which slot each is counted: as the authority's page names them. NULL: none is known. */
void routes_name_slots(struct routes *routes, const struct metrics_page *page);

/* Whether requests may go to that canonical host at all, on any port. */
bool routes_have_host(const struct routes *routes, struct bytes host);

uint16_t route_default_port(const struct route *route);
bool route_has_port(const struct route *route, uint16_t port);

#endif
