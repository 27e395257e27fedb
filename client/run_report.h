/* SPDX-License-Identifier: Apache-2.0
 *
 * What was refused to a run, as the broker lists it, in a few lines for people and as JSON.
 */
#ifndef KEYHOLE_CLIENT_RUN_REPORT_H
#define KEYHOLE_CLIENT_RUN_REPORT_H

#include "../caveats/preface.h"
#include "answer.h"
#include "broker.h"

enum { RUN_REPORT_ROWS_MAX = 64, RUN_REPORT_LINES_MAX = 6 };

struct run_refusal {
    const char *host, *code;
    unsigned port; /* 0: a look-up of the name */
    uint64_t count;
};

struct run_report {
    json_t *answer; /* rows point into it */
    struct run_refusal row[RUN_REPORT_ROWS_MAX];
    size_t count;
    uint64_t more;
};

/* Ask the broker. Errors as http_call's, and KH_ERR_PROTOCOL. Free with run_report_free. */
KH_MUST_CHECK enum kh_err run_report_fetch(const struct broker_address *broker, const char *ca_file,
                                           const uint8_t run[PREFACE_RUN_SIZE],
                                           struct run_report *out, struct fault *fault);
KH_MUST_CHECK enum kh_err run_report_read_answer(const struct http_answer *answer,
                                                 struct run_report *out, struct fault *fault);
void run_report_free(struct run_report *report);

/* A line each, with what would help; nothing when nothing was refused. `hosts` is the limit of the
 * run (empty: none). */
void run_report_print(const struct run_report *report, struct bytes hosts, struct buffer *out);
/* The rows as a JSON array. */
json_t *run_report_json(const struct run_report *report);

#endif
