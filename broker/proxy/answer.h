/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of our own.
 */
#ifndef KEYHOLE_PROXY_ANSWER_H
#define KEYHOLE_PROXY_ANSWER_H

#include "exchange.h"

/* Each writes a whole answer, ends the exchange and moves its connection to CONNECTION_ANSWERING.
 */
KH_COLD void answer_problem(struct exchange *exchange, enum kh_reason reason, struct bytes detail,
                            uint32_t retry_after_s);
void answer_content(struct exchange *exchange, unsigned status, const char *type,
                    struct bytes content);

/* Whether the connection can carry another request after an answer that is written now; decided
 * before the head is written, so that the head says so. */
bool answer_keeps_alive(const struct exchange *exchange);

/* The answer to a connection beyond the limit; static text. */
struct bytes answer_busy(void);

#endif
