/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are OAuth tokens do not go to the client unless the credential says so
 * (docs/CREDENTIALS.md, "What comes back"). An answer that may be one is held back until it is
 * known, and what is too long for that is looked at while it flows, and cut.
 */
#ifndef KEYHOLE_PROXY_TOKEN_ANSWER_H
#define KEYHOLE_PROXY_TOKEN_ANSWER_H

#include "exchange.h"
#include "token_scan.h"

enum { TOKEN_ANSWER_HELD_MAX = 64 * 1024 };

struct token_answer {
    struct token_scan scan;
    struct buffer held; /* as it came, and not shown; secret */
    bool holding;
    bool found; /* and to be sealed: held to its end */
};

/* A final head came. `exchange->token_answer` is there when the body is to be looked at. False: it
 * cannot be, and the answer must not go on; `*why` says it. */
KH_MUST_CHECK bool token_answer_begin(struct exchange *exchange, const struct http1_head *head,
                                      const char **why);
/* The same where the whole body is there already. False: it is none, and need not be looked at. */
bool token_answer_is_possible(const struct exchange *exchange, const struct http1_head *head,
                              struct bytes body);
void token_answer_free(struct token_answer **answer);

enum token_answer_step {
    TOKEN_ANSWER_REFUSED = 0, /* the answer is a token: `*why` */
    TOKEN_ANSWER_HELD,        /* kept in `held` */
    TOKEN_ANSWER_RELEASED,    /* kept as well; from now on nothing is: show what is held */
    TOKEN_ANSWER_GO,          /* this piece may go on */
};
enum token_answer_step token_answer_feed(struct exchange *exchange, struct bytes data,
                                         const char **why);

bool token_answer_holds(const struct exchange *exchange);

/* By its type: what its first byte may say it is. False: it is nothing that holds a token. */
bool token_answer_kind(const struct http1_head *head, enum token_scan_kind *kind);
/* The type says that it is JSON or a form: encoded it cannot be told from a token. */
bool token_answer_is_said(const struct http1_head *head);

#endif
