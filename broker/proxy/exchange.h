/* SPDX-License-Identifier: Apache-2.0
 *
 * One request and its answer, from the parsed head to the record of what became of it.
 */
#ifndef KEYHOLE_PROXY_EXCHANGE_H
#define KEYHOLE_PROXY_EXCHANGE_H

#include "../http/request.h"
#include "burial.h"
#include "destination.h"

#include <sys/queue.h>

struct proxy;
struct connection;
struct upstream;
struct scrub;
struct buffering;
struct carry;
struct token_answer;
struct tunnel;
struct resolve_job;
struct check;

/* What is needed until the decision, and wiped with it. */
struct exchange_draft {
    struct exchange_draft *next_spare;
    struct buffer head; /* the bytes that the slices point into; secret */
    struct request request;
    bool built; /* `request` is to be cleared */
    /* What the head has, for when a field of the body was looked at. */
    struct request_token token;
    bool foreign; /* a key that is no token, which may pass */
};

/* How the answer is framed for the client. */
enum exchange_framing {
    FRAMING_NONE = 0,
    FRAMING_LENGTH,
    FRAMING_CHUNKED,
    FRAMING_CLOSE,
    FRAMING_COLLECT, /* scrubbed whole first, then with its length */
};

enum { EXCHANGE_ADDRESSES_MAX = 16 };

struct exchange {
    struct burial burial;
    struct exchange *next_spare;
    TAILQ_ENTRY(exchange) entry; /* of proxy->running, while `running` */
    bool running;
    struct proxy *proxy;
    struct connection *client;
    struct exchange_draft *draft;
    struct routes *routes;                  /* what the destination's routes belong to */
    int64_t began_us, asked_us, decided_us; /* proxy_now_us() */
    bool metered;                           /* meter_finished is due */
    unsigned minor;
    char method[33];
    bool is_head, is_idempotent, expects_continue, basic_challenge;
    const char *allow; /* methods of the page that refused this one */
    bool wants_pem;    /* of the broker's own page: the CA, not JSON */
    enum http1_body body_kind;
    uint64_t content_length;

    /* judged */
    uint64_t question;
    enum kh_reason refused;   /* by us, before the authority was asked */
    uint32_t refused_retry_s; /* Retry-After */
    bool allowed;
    uint8_t request_id[REQUEST_ID_SIZE];
    char request_id_hex[2 * REQUEST_ID_SIZE + 1]; /* "" before there is one */
    const struct route *route;
    int64_t recheck_at;
    uint64_t rejudge;         /* open question */
    int64_t rejudge_since_ms; /* 0: none is due */
    bool cut;                 /* revoked or expired while it ran */

    struct buffering *buffering; /* the body, while it is held back */
    struct tunnel *tunnel;       /* a WebSocket was asked for (tunnel.h) */
    bool opaque;                 /* no request, but a tunnel that is passed through */
    bool ended_up, ended_down;   /* the other side was told that this one says nothing more */
    bool raw;                    /* and whose client would not understand an answer in HTTP */
    struct check *check;         /* of a gateway (check.h) */
    struct carry *carry;         /* no client's: the authority's own (carry.h) */

    /* upstream */
    struct buffer identity; /* our client certificate and its key; secret */
    uint8_t identity_hash[32];
    bool has_identity;
    struct scrub *scrub;
    struct upstream *upstream;
    struct resolve_job *resolving;
    struct address *address; /* checked; NULL before */
    size_t address_count, address_next;
    bool retried;

    /* relay */
    uint64_t bytes_up, bytes_down;
    bool request_done;                    /* the whole body was handed to the upstream's buffer */
    bool response_started, response_done; /* a final head was read; the whole answer was */
    bool response_shown;                  /* bytes of it were handed to the client's buffer */
    unsigned status, interim;             /* interim: how many 1xx came */
    struct http1_body_reader response_body;
    struct token_answer *token_answer; /* the body may be an OAuth token (token_answer.h) */
    enum exchange_framing framing;
    uint64_t answer_length; /* of FRAMING_LENGTH */
    bool upstream_keep;

    /* What follows is not cleared from one request to the next (spare.h): buffers are emptied and
     * keep their memory, and the rest is set before it is read. */
    struct buffer token;         /* as found; secret */
    struct buffer pool_key;      /* of the upstream's place; no secret */
    struct buffer decide;        /* body of the DECIDE message, for judging again; secret */
    struct buffer base_url;      /* of a client that came by one, as it has it; else empty */
    struct buffer upstream_head; /* secret */
    struct buffer collected_head, collected; /* of the answer; secret */
    struct destination destination;
    char refused_detail[480];
};

TAILQ_HEAD(exchange_list, exchange);

/* NULL: no memory. */
struct exchange *exchange_new(struct connection *connection);
/* A head was read: take it out of the connection's buffer and see where it leads. */
void exchange_begin(struct connection *connection, const struct http1_head *head);
/* A head was refused by the parser, or did not come in time. */
KH_COLD void exchange_begin_refused(struct connection *connection, enum kh_reason reason,
                                    const char *detail);

/* The bytes that the request was made of are not needed any more. */
void exchange_drop_draft(struct exchange *exchange);

/* It failed after it was allowed: a problem for the client if nothing of an answer was shown yet,
 * else a cut that shows. */
KH_COLD void exchange_fail(struct exchange *exchange, enum kh_reason reason, const char *detail);
/* Revoked or expired while it ran. */
KH_COLD void exchange_cut(struct exchange *exchange, enum kh_reason reason, struct bytes detail);
/* The answer is whole. The connection goes on to CONNECTION_ANSWERING. */
void exchange_complete(struct exchange *exchange);
/* Detach from the connection, report, free. `reason` may be KH_REASON_UNSET. */
void exchange_end(struct exchange *exchange, enum kh_reason reason);

/* A token that was given once for the whole tunnel or connection, when the request has none of its
 * own. */
KH_MUST_CHECK bool exchange_tunnel_token(const struct connection *connection,
                                         struct request_token *token);

/* A request for an upstream whose destination is found: take the token out, and ask. */
void exchange_begin_upstream(struct exchange *exchange, const struct http1_head *head);

/* What the connection knows of destinations. */
void exchange_view(const struct connection *connection, struct destination_view *view);

#endif
