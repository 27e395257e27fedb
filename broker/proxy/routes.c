/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of routes, immutable once it is in use and counted by reference.
 */
#include "routes.h"

#include "../../caveats/path.h"
#include "../metrics.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTE_BODY_MAX = 131072 };

struct route_entry {
    struct route route; // first: routes_fingerprint() goes back from it
    struct buffer body; // what the slices of the route point into
    uint8_t fingerprint[ROUTE_FINGERPRINT_SIZE];
};

struct routes {
    unsigned references;
    struct route_entry **entry;
    struct route_entry **named; // those that are a credential's, by its name
    size_t count, named_count, cap;
};

enum kh_err
routes_new(struct routes **out)
{
    struct routes *routes = calloc(1, sizeof *routes);
    if (!routes)
        return KH_ERR_MEMORY;
    routes->references = 1;
    *out = routes;
    return KH_OK;
}

struct routes *
routes_hold(struct routes *routes)
{
    if (routes)
        routes->references++;
    return routes;
}

static void
entry_free(struct route_entry *entry)
{
    buffer_free(&entry->body);
    free(entry);
}

void
routes_release(struct routes **routes)
{
    struct routes *r = *routes;
    *routes = NULL;
    if (!r || --r->references > 0)
        return;
    for (size_t i = 0; i < r->count; i++)
        entry_free(r->entry[i]);
    free(r->entry);
    free(r->named);
    free(r);
}

static bool
grow(struct route_entry ***list, size_t cap)
{
    struct route_entry **grown = realloc(*list, cap * sizeof *grown);
    if (grown)
        *list = grown;
    return grown != NULL;
}

static bool
make_room(struct routes *routes)
{
    if (routes->count < routes->cap)
        return true;
    size_t cap = routes->cap ? routes->cap * 2 : 16;
    if (!grow(&routes->entry, cap) || !grow(&routes->named, cap))
        return false;
    routes->cap = cap;
    return true;
}

// Where the name is in `named`, or where it would be.
static size_t
position(const struct routes *routes, struct bytes name, bool *found)
{
    size_t low = 0, high = routes->named_count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bytes_compare(routes->named[middle]->route.credential, name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
insert_named(struct routes *routes, struct route_entry *entry)
{
    bool found;
    size_t at = position(routes, entry->route.credential, &found);
    struct route_entry **place = routes->named + at;
    memmove(place + 1, place, (routes->named_count - at) * sizeof *place);
    *place = entry;
    routes->named_count++;
}

enum kh_err
routes_add(struct routes *routes, struct bytes body)
{
    if (routes->count >= ROUTES_MAX)
        return KH_ERR_RANGE;
    if (!make_room(routes))
        return KH_ERR_MEMORY;
    struct route_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return KH_ERR_MEMORY;
    buffer_init(&entry->body, ROUTE_BODY_MAX);
    buffer_put(&entry->body, body);
    enum kh_err r = entry->body.failed
                        ? KH_ERR_TOO_LONG
                        : message_route_rx(buffer_bytes(&entry->body), &entry->route);
    if (r == KH_OK &&
        (entry->route.credential.n == 0 ||
         (!entry->route.pass_through && routes_by_name(routes, entry->route.credential))))
        r = KH_ERR_PROTOCOL;
    if (r == KH_OK && EVP_Digest(body.p, body.n, entry->fingerprint, NULL, EVP_sha256(), NULL) != 1)
        r = KH_ERR_CRYPTO;
    if (r != KH_OK) {
        entry_free(entry);
        return r;
    }
    routes->entry[routes->count++] = entry;
    if (!entry->route.pass_through)
        insert_named(routes, entry);
    return KH_OK;
}

void
routes_name_slots(struct routes *routes, const struct metrics_page *page)
{
    for (size_t i = 0; i < routes->count; i++) {
        struct route *route = &routes->entry[i]->route;
        if (route->pass_through)
            route->metrics_slot = METRICS_SLOT_PASS_THROUGH;
        else if (page)
            route->metrics_slot = metrics_slot_find(page, route->credential);
    }
}

size_t
routes_count(const struct routes *routes)
{
    return routes->count;
}

const struct route *
routes_by_name(const struct routes *routes, struct bytes credential)
{
    bool found;
    size_t at = position(routes, credential, &found);
    return found ? &routes->named[at]->route : NULL;
}

const uint8_t *
routes_fingerprint(const struct route *route)
{
    return ((const struct route_entry *)(const void *)route)->fingerprint;
}

uint16_t
route_default_port(const struct route *route)
{
    if (route->port_count)
        return route->port[0];
    return route->plain ? 80 : 443;
}

bool
route_has_port(const struct route *route, uint16_t port)
{
    if (!route->port_count)
        return port == route_default_port(route);
    for (size_t i = 0; i < route->port_count; i++) {
        if (route->port[i] == port)
            return true;
    }
    return false;
}

static bool
route_has_host(const struct route *route, struct bytes host)
{
    for (size_t i = 0; i < route->host_count; i++) {
        if (host_pattern_matches(route->host[i], host))
            return true;
    }
    return false;
}

bool
routes_have_host(const struct routes *routes, struct bytes host)
{
    for (size_t i = 0; i < routes->count; i++) {
        if (route_has_host(&routes->entry[i]->route, host))
            return true;
    }
    return false;
}

static bool
is_a_credentials(const struct routes *routes, struct bytes host)
{
    for (size_t i = 0; i < routes->count; i++) {
        const struct route *route = &routes->entry[i]->route;
        if (!route->pass_through && route_has_host(route, host))
            return true;
    }
    return false;
}

// The scheme and port that the destination has, from the first route that fits it.
static bool
choose(const struct routes *routes, struct bytes host, uint16_t port, struct routes_match *out)
{
    bool found = false;
    for (size_t i = 0; i < routes->count; i++) {
        const struct route *route = &routes->entry[i]->route;
        if (route->pass_through != out->pass_through || !route_has_host(route, host) ||
            (port && !route_has_port(route, port)))
            continue;
        uint16_t here = port ? port : route_default_port(route);
        bool better = !found || (out->plain && !route->plain) ||
                      (out->plain == route->plain && !port && here == 443 && out->port != 443);
        if (better) {
            out->plain = route->plain;
            out->port = here;
        }
        found = true;
    }
    return found;
}

bool
routes_match(const struct routes *routes, struct bytes host, uint16_t port,
             struct routes_match *out)
{
    KH_UNFILLED struct routes_match match;
    match.pass_through = !is_a_credentials(routes, host);
    match.plain = false;
    match.port = 0;
    match.count = 0;
    if (host.n == 0 || !choose(routes, host, port, &match))
        return false;
    for (size_t i = 0; i < routes->count && match.count < ROUTES_CANDIDATES_MAX; i++) {
        const struct route *route = &routes->entry[i]->route;
        if (route->pass_through == match.pass_through && route->plain == match.plain &&
            route_has_host(route, host) && route_has_port(route, match.port))
            match.route[match.count++] = route;
    }
    memcpy(out, &match, offsetof(struct routes_match, route) + match.count * sizeof match.route[0]);
    return match.count > 0;
}
