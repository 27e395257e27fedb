/* SPDX-License-Identifier: Apache-2.0
 *
 * The facts of one request: what caveats and policy are judged against, and nothing else.
 *
 * Facts are made from the *canonical* request, which is also what is sent upstream, so what is
 * judged is what is sent. All slices are borrowed from whoever built the facts.
 */
#ifndef KEYHOLE_FACTS_H
#define KEYHOLE_FACTS_H

#include "body.h"
#include "bytes.h"

struct fact_pair {
    struct bytes name, value;
};

/*
 * The body, as far as it is known: it streams past unless a caveat has to look at it. What is not
 * known yet makes no predicate hold (caveat_judge says that more has to be known).
 */
struct fact_body_value {
    struct bytes pointer;
    struct body_value value;
};

struct facts_body {
    bool has_size, has_sha256;
    uint64_t size; /* bytes as they came, transfer coding taken off */
    uint8_t sha256[BODY_SHA256_SIZE];
    bool is_read; /* whether it is JSON is known; of an empty or encoded one from the start */
    bool is_json; /* and the values that were asked for are here */
    const struct fact_body_value *value;
    size_t value_count;
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
    struct facts_body body;
    struct bytes upgrade; /* "websocket" or empty */
    struct bytes client;  /* IP address as text, or "unix" */
    /* A tunnel: what goes through it is not seen. Nothing can be said of path, query, headers, body
     * and upgrade, not even that something is absent. */
    bool opaque;
    int64_t time;              /* the broker's clock, seconds since 1970 UTC */
    struct bytes credential;   /* the credential asked for */
    struct bytes user;         /* principal of the token */
    const struct bytes *group; /* groups of that principal: one set, not many values, so `group = a`
                                  holds if a is among them and `group != a` if it is not */
    size_t group_count;
};

#endif
