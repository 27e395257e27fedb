/* SPDX-License-Identifier: Apache-2.0
 *
 * The facts of one request: what caveats and policy are judged against, and nothing else.
 *
 * Facts are made from the *canonical* request, which is also what is sent upstream, so what is
 * judged is what is sent. All slices are borrowed from whoever built the facts.
 */
#ifndef KEYHOLE_FACTS_H
#define KEYHOLE_FACTS_H

#include "bytes.h"

struct fact_pair {
    struct bytes name, value;
};

struct facts {
    struct bytes scheme;           /* "http" or "https": of the dialled destination */
    struct bytes host;             /* lower case, A-label, no trailing dot; IPv6 without brackets */
    uint16_t port;                 /* always filled in, 443 or 80 by default */
    struct bytes method;           /* exact case */
    struct bytes path;             /* canonical and decoded (path_decode), no query */
    const struct fact_pair *query; /* form-decoded, in order; a name may occur twice */
    size_t query_count;
    const struct fact_pair *header; /* lower-case names; no hop-by-hop field, no slot */
    size_t header_count;
    struct bytes upgrade;      /* "websocket" or empty */
    struct bytes client;       /* IP address as text, or "unix" */
    int64_t time;              /* the broker's clock, seconds since 1970 UTC */
    struct bytes credential;   /* the credential asked for */
    struct bytes user;         /* principal of the token */
    const struct bytes *group; /* groups of that principal: one set, not many values, so `group = a`
                                  holds if a is among them and `group != a` if it is not */
    size_t group_count;
};

#endif
