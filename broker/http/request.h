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

/* What is judged and audited in the place of a token that is a part of a larger text. */
#define REQUEST_KEY "KEY"

/* Fields whose value is a list of items, of which one may be a token. */
enum request_list { REQUEST_COOKIES, REQUEST_SUBPROTOCOLS, REQUEST_LIST_COUNT };

/* Where the token's item stood, which is taken out. */
struct request_list_place {
    bool known;
    size_t field; /* in request.field; SIZE_MAX: it was all that the field held */
    size_t item;  /* of the others, the one that followed it */
};

struct request_query_pair {
    struct bytes raw_name, raw_value; /* as they came, escapes checked */
    bool has_value;                   /* "a" and "a=" differ on the wire */
    struct bytes name, value;         /* form-decoded */
    bool injected;                    /* by request_apply: sent, and no fact */
    bool removed;                     /* by request_apply: a fact, and not sent */
    bool is_slot;                     /* by request_take_token, which takes it out */
};

struct request_field {
    struct bytes name; /* lower case; an injected one as the credential spells it */
    struct bytes value;
    uint16_t traits;        /* as http1_field.traits */
    uint8_t id;             /* as http1_field.id; of an injected one FIELD_ID_OTHER */
    bool injected, removed; /* as above */
    bool is_slot;
    bool parsed; /* the value is the parser's own finding: written as it is */
};

struct request {
    enum way way;
    struct bytes method;
    struct bytes scheme; /* of the upstream leg */
    struct bytes host;   /* canonical */
    uint16_t port;
    struct bytes path; /* canonical, encoded; the segment of a token is REQUEST_KEY */
    struct bytes path_decoded;
    size_t path_key;        /* where the token's segment begins in `path`; 0: in none */
    struct bytes sent_path; /* by request_apply: with the secret; empty: `path` */
    bool has_query;
    size_t query_count;
    size_t query_token_place; /* where the token's parameter stood; query_count: none did */
    size_t field_count;
    struct request_list_place list_place[REQUEST_LIST_COUNT];
    struct bytes upgrade; /* "websocket" or empty */
    bool applied;         /* request_apply was called */
    /* The memory of these outlives request_clear. */
    struct buffer storage; /* owns the canonical text that the slices point into */
    struct buffer edits;   /* owns what request_apply put in: the upstream's secret */
    /* 16 KiB, of which most requests need little: what lies behind the counts is not set. */
    struct request_query_pair query[REQUEST_QUERY_MAX + DECISION_EDITS_MAX];
    /* End-to-end fields, Host and lengths left out. */
    struct request_field field[HTTP1_FIELDS_MAX + DECISION_EDITS_MAX];
};

/* Where the request is to go, as the listener found it. */
struct request_destination {
    enum way way;
    struct bytes scheme, host; /* canonical */
    uint16_t port;
    unsigned path_exceptions;
    struct bytes path; /* the head's path, with "/~name" cut off for WAY_BASE_URL */
};

/*
 * Build the canonical request. Fields that are dropped: hop-by-hop, Host, Content-Length,
 * Proxy-*, Keyhole-*, Forwarded, X-Forwarded-*, X-Real-IP, X-Host, X-Original-Host,
 * X-HTTP-Host-Override, Proxy, TE, Expect, and the same names written with '_'. Accept-Encoding is
 * left to request_write. '[' and ']' in the query are escaped.
 *
 * Refusals: KH_REASON_PATH_AMBIGUOUS; KH_REASON_REQUEST_MALFORMED with `fault` saying what (the
 * targets of OPTIONS * and CONNECT, more than 128 query parameters, fields that ask for another
 * method or path than the one that is judged, NTLM and Negotiate); KH_REASON_INTERNAL when memory
 * is used up; KH_REASON_UNSET on success, and then request_free is due. Slices may point into
 * `head`'s buffer, which must outlive the request; `destination` may go.
 */
enum kh_reason request_build(const struct http1_head *head,
                             const struct request_destination *destination, struct request *out,
                             struct fault *fault);
void request_free(struct request *request);

/* The same in the memory of a request that is over. `out` went through request_init once, and
 * through request_clear since it was built last. */
enum kh_reason request_build_again(const struct http1_head *head,
                                   const struct request_destination *destination,
                                   struct request *out, struct fault *fault);
void request_init(struct request *request);
/* As request_free, but the memory is kept, wiped. */
void request_clear(struct request *request);

/*
 * Find the token: the one slot of `route`s that holds a token-shaped text. Every declared slot of
 * every route is looked at, and Proxy-Authorization and Keyhole-Token, which all routes have. A
 * token in Proxy-Authorization is for requests that bring no other: it may differ.
 *
 * - KH_REASON_UNSET: `out` says the text and where it was found; the fields and parameters of all
 *   slots are out of the request from now on
 * - KH_REASON_TOKEN_MISSING: no slot holds anything
 * - KH_REASON_FOREIGN_KEY: a slot holds something that is no token, whatever the others hold
 * - KH_REASON_TOKEN_MISPLACED: a token stands in a credential header (authorization, x-api-key,
 *   cookie, …) or parameter (key, access_token, …) or path that is no slot here, two slots hold
 *   different tokens, or a query, cookie or path slot occurs twice
 * - KH_REASON_NOT_SIGNABLE: the token stands in an AWS signature that cannot be made anew
 * - KH_REASON_REQUEST_MALFORMED: a field's name is that of a route's credential but for '_' and '-'
 *
 * On a refusal the request stays as it was, but for the path: a segment that holds a token reads
 * REQUEST_KEY in any case, because paths are recorded. To be called once for a request.
 */
struct request_token {
    struct bytes text;      /* points into the request or into `head`'s buffer */
    struct slot slot;       /* name: points into the route */
    bool slot_in_user;      /* basic: in the user part */
    struct message_aws aws; /* SLOT_AWS: what was signed for; points into the request */
};
enum kh_reason request_take_token(struct request *request, const struct http1_head *head,
                                  const struct route *const *route, size_t route_count,
                                  struct request_token *out, struct fault *fault);

/* Its body will be another one than the client's: what said which bytes it had is out of the
 * request from now on, and is no fact. */
void request_drop_digests(struct request *request);

/* Apply the decision's edits, once for a request; they are copied. KH_ERR_PROTOCOL when one does
 * not apply, and then the request is not to be sent. The facts stay what was judged:
 * request_describe gives the same before and after. */
KH_MUST_CHECK enum kh_err request_apply(struct request *request, const struct edit *edit,
                                        size_t count);

/* The head as it goes upstream, from request line to the empty line. `body` and `content_length`
 * frame it (BODY_NONE of a POST, PUT or PATCH is written as a length of 0); `identity` asks for an
 * unencoded answer. After request_apply it holds the secret, so `out` should be a secret buffer.
 * Marks `out` failed when something of it would not parse. */
void request_write(const struct request *request, enum http1_body body, uint64_t content_length,
                   bool identity, struct buffer *out);

/* The target of that line alone. */
void request_write_target(const struct request *request, struct buffer *out);

/* The facts of it, for the message to the authority. Members that the request does not know (token,
 * slot, client, wanted, refusals) are left as they are. */
void request_describe(const struct request *request, struct message_decide *out);

#endif
