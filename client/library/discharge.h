/* SPDX-License-Identifier: Apache-2.0
 *
 * The discharge protocol with a caller's means: what discharge.c and answer.c share.
 */
#ifndef KEYHOLE_LIBRARY_DISCHARGE_H
#define KEYHOLE_LIBRARY_DISCHARGE_H

#include "../discharge.h"
#include "internal.h"

struct keyhole_http_answer {
    struct http_answer *out;
    bool is_set;
};

struct keyhole_answer {
    const struct discharge_settings *settings;
    const struct question *question;
    json_t *body; /* NULL: not answered yet */
};

/* A question as callers see it; not to be copied. */
struct library_question {
    struct keyhole_question shown;
    struct buffer words, client_data;
    const char *fingerprint[QUESTION_CREDENTIALS_MAX];
    struct keyhole_bytes credential[QUESTION_CREDENTIALS_MAX];
};

/* KH_ERR_MEMORY. The question must live as long. */
KH_MUST_CHECK enum kh_err library_question_make(const struct question *question, int64_t now,
                                                struct library_question **out, struct fault *fault);
void library_question_free(struct library_question **question);

#endif
