/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading JSON that a discharger or a broker answered with. Nothing in it is trusted to be there,
 * to be of its type, or to be short.
 */
#ifndef KEYHOLE_CLIENT_ANSWER_H
#define KEYHOLE_CLIENT_ANSWER_H

#include "http.h"

#include <jansson.h>

/* The body as an object, duplicate members refused; json_decref. KH_ERR_PROTOCOL. */
KH_MUST_CHECK enum kh_err answer_object(const struct http_answer *answer, json_t **out);

/* A member that is a string without NUL inside; NULL otherwise. */
const char *answer_string(const json_t *object, const char *member);
/* A member in base64url, decoded and appended; false when it is missing, wrong, or does not fit. */
KH_MUST_CHECK bool answer_base64(const json_t *object, const char *member, struct buffer *out);

/* The code of a refusal in `object` (may be NULL), "" when there is none; safe to print. */
enum { ANSWER_CODE_MAX = 64 };
void answer_code(const json_t *object, char code[ANSWER_CODE_MAX]);
/*
 * What a discharger's answer that is none says: fills the fault with its sentence, its code and its
 * advice, or says that no discharger answers there. KH_ERR_DENIED when a person or the discharger
 * refuses, KH_ERR_PROTOCOL for anything else. `object` may be NULL.
 */
enum kh_err answer_failure(const char *where, long status, const json_t *object,
                           struct fault *fault);
/* The same for a broker's. KH_ERR_DENIED for 401 and 403, else KH_ERR_PROTOCOL. */
enum kh_err answer_refusal(const struct http_answer *answer, const json_t *object,
                           struct fault *fault);
/* The object that a broker answered 200 with; json_decref. Anything else is as answer_refusal says,
 * and leaves `*out` as it was. */
KH_MUST_CHECK enum kh_err answer_accepted(const struct http_answer *answer, json_t **out,
                                          struct fault *fault);

#endif
