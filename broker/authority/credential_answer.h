/* SPDX-License-Identifier: Apache-2.0
 *
 * The options that say what may come back to the client: token-answers, set-cookie,
 * drop-answer-headers.
 */
#ifndef KEYHOLE_CREDENTIAL_ANSWER_H
#define KEYHOLE_CREDENTIAL_ANSWER_H

#include "credential.h"

/* The value of each option. */
KH_MUST_CHECK enum kh_err credential_check_token_answers(struct bytes value, struct fault *fault);
KH_MUST_CHECK enum kh_err credential_check_answer_cookies(struct bytes value, struct fault *fault);
KH_MUST_CHECK enum kh_err credential_check_answer_fields(struct bytes value, struct fault *fault);

/* From the options, which were checked, to the route. */
void credential_read_answers(struct credential *credential);

/* The credential that tokens in answers become the secret of; empty when they do not. */
struct bytes credential_seals_for(const struct credential *credential);
/* Whether the secret of this one is a word that such a token can be: KH_ERR_USAGE if not. */
KH_MUST_CHECK enum kh_err credential_check_sealable(const struct credential *credential,
                                                    struct fault *fault);

#endif
