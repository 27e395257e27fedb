/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of a token endpoint, and how its answer is read. No input or output in here.
 */
#ifndef KEYHOLE_EXCHANGE_RULES_H
#define KEYHOLE_EXCHANGE_RULES_H

#include "credential_option.h"

enum { EXCHANGE_TEXT_MAX = 65536 };

/* A request in the making; slices of `carry` point into `text`, whose memory does not move. */
struct exchange_request {
    struct message_carry carry;
    struct buffer text; /* secret */
};
/* KH_ERR_MEMORY. exchange_request_free in any case. */
KH_MUST_CHECK enum kh_err exchange_request_init(struct exchange_request *request,
                                                const struct credential *credential);
void exchange_request_free(struct exchange_request *request);
/* Scheme, host, port and target of a URL. */
KH_MUST_CHECK enum kh_err exchange_set_url(struct exchange_request *request, struct bytes url,
                                           struct fault *fault);
void exchange_add_field(struct exchange_request *request, const char *name, struct bytes value);
/* What was appended to `text` since `start`. */
struct bytes exchange_since(const struct exchange_request *request, size_t start);
/* "&name=value", encoded, appended to the text; nothing for an empty value. */
void exchange_put_form(struct exchange_request *request, const char *name, struct bytes value);

/* Both compose the whole request for the credential's own secret. */
KH_MUST_CHECK enum kh_err exchange_compose_oauth2(const struct credential *credential,
                                                  struct bytes secret, struct exchange_request *out,
                                                  struct fault *fault);
KH_MUST_CHECK enum kh_err exchange_compose_jwt(const struct credential *credential,
                                               struct bytes secret, int64_t now,
                                               struct exchange_request *out, struct fault *fault);

/* An answer; slices point into `text`. */
struct exchange_answer {
    struct bytes token, refresh_token;
    int64_t lifetime_s;
    struct buffer text; /* secret */
};
/* KH_ERR_DENIED with what may be told of a refusal; KH_ERR_SYNTAX with what is wrong. Nothing of
 * the answer stands in the fault but a code of RFC 6749. exchange_answer_free in any case. */
KH_MUST_CHECK enum kh_err exchange_answer_read(unsigned status, struct bytes body, int64_t now,
                                               struct exchange_answer *out, struct fault *fault);
void exchange_answer_free(struct exchange_answer *answer);

/* The secret of a credential after the endpoint gave another refresh token, appended. */
KH_MUST_CHECK enum kh_err exchange_new_secret(struct bytes secret, struct bytes refresh_token,
                                              struct buffer *out, struct fault *fault);

/* ---- secrets ---- */

/* Of oauth2; slices point into `text`. */
struct oauth2_secret {
    struct bytes client_id, client_secret, refresh_token;
    struct buffer text; /* secret */
};
KH_MUST_CHECK enum kh_err oauth2_secret_read(const struct credential *credential,
                                             struct bytes secret, struct oauth2_secret *out,
                                             struct fault *fault);
void oauth2_secret_free(struct oauth2_secret *secret);

/* Of jwt: a key alone, or a Google service account; slices point into `text`. */
struct jwt_secret {
    struct bytes key, key_id, email, token_url;
    struct buffer text; /* secret */
};
KH_MUST_CHECK enum kh_err jwt_secret_read(struct bytes secret, struct jwt_secret *out,
                                          struct fault *fault);
void jwt_secret_free(struct jwt_secret *secret);
/* The assertion, appended. */
KH_MUST_CHECK enum kh_err jwt_assertion(const struct credential *credential, struct bytes secret,
                                        int64_t now, struct buffer *out, struct fault *fault);
/* Seconds that it is good for. */
int64_t jwt_lifetime(const struct credential *credential);

#endif
