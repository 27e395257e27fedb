/* SPDX-License-Identifier: Apache-2.0
 *
 * The canonical request: one destination, one path, one list of fields. It is what is judged,
 * audited, signed and sent.
 */
#ifndef KEYHOLE_REQUEST_H
#define KEYHOLE_REQUEST_H

#include "../../caveats/errors.h"
#include "../../caveats/facts.h"
#include "../../caveats/path.h"
#include "../messages.h"
#include "http1.h"

enum { REQUEST_QUERY_MAX = DECIDE_PAIRS_MAX };

struct request_query_pair {
    struct bytes raw_name, raw_value; /* as they came, escapes checked */
    bool has_value;                   /* "a" and "a=" differ on the wire */
    struct bytes name, value;         /* form-decoded */
};

struct request_field {
    struct bytes name;  /* lower case */
    struct bytes value;
};

struct request {
    enum way way;
    struct bytes method;
    struct bytes scheme;       /* of the upstream leg */
    struct bytes host;         /* canonical */
    uint16_t port;
    struct bytes path;         /* canonical, encoded */
    struct bytes path_decoded;
    bool has_query;
    struct request_query_pair query[REQUEST_QUERY_MAX];
    size_t query_count;
    struct request_field field[HTTP1_FIELDS_MAX]; /* end-to-end fields, Host and lengths left out */
    size_t field_count;
    struct bytes upgrade;      /* "websocket" or empty */
    struct buffer storage;     /* owns the canonical text that the slices point into */
};

/* Where the request is to go, as the listener found it. */
struct request_destination {
    enum way way;
    struct bytes scheme, host; /* canonical */
    uint16_t port;
    unsigned path_exceptions;
    struct bytes path;         /* the head's path, with "/~name" cut off for WAY_BASE_URL */
};

/*
 * Build the canonical request. Fields that are dropped: hop-by-hop, Host, Content-Length,
 * Proxy-*, Keyhole-*, Forwarded, X-Forwarded-*, TE, Expect, and Accept-Encoding is left to the
 * caller. Refusals: KH_REASON_PATH_AMBIGUOUS, KH_REASON_REQUEST_MALFORMED with `fault` saying
 * what; KH_REASON_UNSET on success. Slices may point into `head`'s buffer, which must outlive it.
 */
enum kh_reason request_build(const struct http1_head *head,
                             const struct request_destination *destination, struct request *out,
                             struct fault *fault);
void request_free(struct request *request);

/*
 * Find the token: the one slot of `route`s that holds a token-shaped text. Every declared slot of
 * every route is looked at, and Proxy-Authorization and Keyhole-Token, which all routes have.
 *
 *   KH_REASON_UNSET            `*token` is the text, `*slot` where it was found; its field or
 *                              parameter is out of the request from now on
 *   KH_REASON_TOKEN_MISSING    no slot holds anything
 *   KH_REASON_FOREIGN_KEY      a slot holds something that is no token
 *   KH_REASON_TOKEN_MISPLACED  a token stands in a credential header (authorization, x-api-key,
 *                              cookie, …) that is no slot here, or two slots hold different tokens
 */
struct request_token {
    struct bytes text;
    struct slot slot;
    bool slot_in_user; /* basic: in the user part */
};
enum kh_reason request_take_token(struct request *request, const struct http1_head *head,
                                  const struct route *const *route, size_t route_count,
                                  struct request_token *out, struct fault *fault);

/* Apply the decision's edits. KH_ERR_PROTOCOL when one does not apply. */
KH_MUST_CHECK enum kh_err request_apply(struct request *request, const struct edit *edit,
                                        size_t count);

/* The head as it goes upstream, from request line to the empty line. `body` and `content_length`
 * frame it; `identity` asks for an unencoded answer. */
void request_write(const struct request *request, enum http1_body body, uint64_t content_length,
                   bool identity, struct buffer *out);

/* The facts of it, for the message to the authority. */
void request_describe(const struct request *request, struct message_decide *out);

#endif
