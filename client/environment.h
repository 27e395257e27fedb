/* SPDX-License-Identifier: Apache-2.0
 *
 * What a token's credentials need in the environment, as the broker says (docs/PROTOCOL.run.md).
 */
#ifndef KEYHOLE_CLIENT_ENVIRONMENT_H
#define KEYHOLE_CLIENT_ENVIRONMENT_H

#include "answer.h"
#include "broker.h"

#include <jansson.h>

#define ENVIRONMENT_PATH "/.well-known/keyhole/environment"
enum { ENVIRONMENT_CREDENTIALS_MAX = 8, ENVIRONMENT_ITEMS_MAX = 64 }; /* a token has no more */

struct environment_credential {
    const char *name, *base_path; /* base_path: NULL without one */
    const char *prefix;           /* "" without one */
    const char *host[ENVIRONMENT_ITEMS_MAX], *variable[ENVIRONMENT_ITEMS_MAX]; /* "NAME=TEMPLATE" */
    size_t host_count, variable_count;
};

/* Everything points into `answer`. */
struct environment {
    json_t *answer;
    struct environment_credential credential[ENVIRONMENT_CREDENTIALS_MAX];
    size_t count;
    const char *ca; /* PEM */
};

/* Ask the broker. KH_ERR_DENIED when it would not take the token, KH_ERR_PROTOCOL, and what
 * http_call returns. Free with environment_free. */
KH_MUST_CHECK enum kh_err environment_fetch(const struct broker_address *broker,
                                            const char *ca_file, struct bytes token,
                                            struct environment *out, struct fault *fault);
/* The reading of an answer, apart from the network. */
KH_MUST_CHECK enum kh_err environment_read_answer(const struct http_answer *answer,
                                                  struct environment *out, struct fault *fault);
void environment_free(struct environment *environment);

#endif
