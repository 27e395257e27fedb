/* SPDX-License-Identifier: Apache-2.0
 *
 * How a broker is: all that a person wants to know, as one JSON object (keyholed(8)), and that
 * object for people.
 */
#ifndef KEYHOLE_OPERATOR_STATUS_H
#define KEYHOLE_OPERATOR_STATUS_H

#include "../../caveats/screen/screen.h"
#include "operator.h"

#include <jansson.h>

enum {
    STATUS_OUTPUT_MAX = 4 << 20,
    STATUS_READ_MAX = 32 << 20, /* of the audit log's end; what is before is not counted */
};

/* Adds to what the broker says of itself what its other answers, its files and the kernel say. What
 * cannot be learnt is left out. */
void status_complete(const char *directory, int64_t now, json_t *status);

/* {"requests"}: decisions of the last minute and hour, and why they were denied; and of each
 * credential in "credential_list" how often and when it was used. */
void status_count_requests(const char *directory, int64_t now, json_t *status);

/* {"health": {"ok", "wrong": [{"what", "do"}], "notes": [{"what", "do"}]}}, from the rest. */
void status_judge(int64_t now, json_t *status);

/* For people. What came from elsewhere cannot act on the terminal. */
void status_print(const json_t *status, const struct screen *screen, int64_t now,
                  struct buffer *out);

#endif
