/* SPDX-License-Identifier: Apache-2.0
 *
 * What `keyholed credential add` was not told, asked of the person at the terminal.
 */
#ifndef KEYHOLE_OPERATOR_CREDENTIAL_ASK_H
#define KEYHOLE_OPERATOR_CREDENTIAL_ASK_H

#include "operator.h"

enum { CREDENTIAL_ANSWER_MAX = 512 };

/* "" where nothing was asked. */
struct credential_answers {
    char name[CREDENTIAL_ANSWER_MAX], preset[CREDENTIAL_ANSWER_MAX];
    char host[CREDENTIAL_ANSWER_MAX], slot[CREDENTIAL_ANSWER_MAX];
};

/* Whether the command line leaves something open that can be asked for. */
bool credential_is_open(const struct invocation *invocation);

/* Standard input is a terminal. KH_ERR_IO: it ended; KH_ERR_USAGE: this cannot be typed. */
KH_MUST_CHECK enum kh_err credential_ask(const struct invocation *invocation,
                                         struct credential_answers *out, struct fault *fault);

#endif
