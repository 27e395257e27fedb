/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking a broker for a token of one's own, whose hole is the login (docs/PROTOCOL.public.md).
 */
#ifndef KEYHOLE_CLIENT_LOGIN_H
#define KEYHOLE_CLIENT_LOGIN_H

#include "../caveats/token.h"
#include "broker.h"

#define LOGIN_PATH "/.well-known/keyhole/login"

struct login {
    const char *user;
    const char *credential[TOKEN_CREDENTIALS_MAX];
    size_t credential_count;
    int64_t lifetime_s; /* 0: as the broker thinks fit */
};

/* KH_OK: a token for that user and those credentials with an open hole, at least. KH_ERR_DENIED
 * when the broker refuses; KH_ERR_PROTOCOL when it answers with something else; what http_call
 * returns. The caller owns `*out`. */
KH_MUST_CHECK enum kh_err login_ask(const struct login *login, const struct broker_address *broker,
                                    const char *ca_file, struct token **out, struct fault *fault);

/* The reading of an answer, apart from the network. */
KH_MUST_CHECK enum kh_err login_read_answer(const struct login *login,
                                            const struct http_answer *answer, struct token **out,
                                            struct fault *fault);

#endif
