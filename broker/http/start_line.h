/* SPDX-License-Identifier: Apache-2.0
 *
 * The first line of a message, without its CRLF (RFC 9112 sections 3 and 4).
 */
#ifndef KEYHOLE_START_LINE_H
#define KEYHOLE_START_LINE_H

#include "http1.h"

/* Fill method, form, target and its parts, and minor. False sets `*why`. */
KH_MUST_CHECK bool start_line_parse_request(struct bytes line, struct http1_head *head,
                                            const char **why);
/* Fill minor, status and reason. */
KH_MUST_CHECK bool start_line_parse_response(struct bytes line, struct http1_head *head,
                                             const char **why);

#endif
