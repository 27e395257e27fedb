/* SPDX-License-Identifier: Apache-2.0
 *
 * The way in "check": a gateway (nginx by auth_request, Envoy by ext_authz over HTTP) keeps the
 * traffic and asks whether a request may go on, and with which headers (docs/GATEWAYS.md has the
 * protocol). The answer to an allowed one carries the real key, so whoever asks has to prove first
 * that it is a gateway, and what it describes is judged as any other request is.
 *
 *     check.c         the question: proof, what the gateway says, the request that it stands for
 *     check_answer.c  what the gateway is to change, and whether it can
 */
#ifndef KEYHOLE_PROXY_CHECK_H
#define KEYHOLE_PROXY_CHECK_H

#include "exchange.h"

#include <netinet/in.h>

struct message_decide;
struct message_decision;

enum check_kind {
    CHECK_UNSET = 0,
    CHECK_NGINX, /* what is asked stands in fields; sets what it was generated for */
    CHECK_ENVOY, /* the check is the request, behind a prefix; sets and removes what it is told */
};

struct check {
    enum check_kind kind;
    char client[INET6_ADDRSTRLEN]; /* as the gateway says; canonical, or "unix" */
    bool sees_body;                /* the whole body comes with the question */
    bool has_length, is_empty;     /* else: what is known of it */
    uint64_t length;
    struct bytes target;  /* what the gateway sends when it is told nothing else */
    struct bytes managed; /* names of fields that it can set, and nginx those that it removes */
    struct buffer line;   /* the request line that stands for nginx's question; secret */
    struct http1_field received[HTTP1_FIELDS_MAX]; /* all point into the exchange's draft */
    size_t received_count;
};

/* A head on a listener for gateways. */
void check_begin(struct exchange *exchange, const struct http1_head *head);
void check_free(struct check **check);

/* Whether problems are said as nginx can pass them on. */
bool check_speaks_nginx(const struct exchange *exchange);

/* Its part of the question: client, body, list items. False: there are too many to judge. */
KH_MUST_CHECK bool check_describe(const struct check *check, struct message_decide *message);

/* Why the gateway would not send the request as it is judged; NULL: it would. Before the question,
 * when the slots have been taken out. */
const char *check_fault(const struct exchange *exchange);
/* It was allowed: say what to change. */
void check_allow(struct exchange *exchange, const struct message_decision *decision);

#endif
