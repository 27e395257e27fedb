/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers as HTTP/1.1, with the headers that keep other sites away from what is in them.
 */
#ifndef KEYHOLE_DISCHARGE_ANSWER_H
#define KEYHOLE_DISCHARGE_ANSWER_H

#include "admission.h"

struct answer_form {
    bool head;   /* the request was HEAD: no body, but its length */
    bool close;  /* say Connection: close */
    bool secure; /* the origin is https */
    int64_t now;
};

/* Append it. A response that is unfit (no status, a body that failed) becomes a 500. */
void answer_write(const struct service_response *response, const struct answer_form *form,
                  struct buffer *out);
void answer_write_refusal(const struct refusal *refusal, const struct answer_form *form,
                          struct buffer *out);

#endif
