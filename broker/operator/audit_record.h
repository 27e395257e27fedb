/* SPDX-License-Identifier: Apache-2.0
 *
 * Audit records for people: one after the other, as they come.
 */
#ifndef KEYHOLE_OPERATOR_AUDIT_RECORD_H
#define KEYHOLE_OPERATOR_AUDIT_RECORD_H

#include "../../caveats/screen/screen.h"

#include <jansson.h>
#include <stdio.h>

enum { AUDIT_REMEMBERED = 64, AUDIT_REQUEST_MAX = 512, AUDIT_NAME_MAX = 64 };

/* How records are shown, and the last requests: an outcome has only the id of its decision. */
struct audit_show {
    struct screen screen;
    bool utc; /* else the time here */
    struct {
        char id[40], user[AUDIT_NAME_MAX], credential[AUDIT_NAME_MAX], request[AUDIT_REQUEST_MAX];
    } seen[AUDIT_REMEMBERED];
    size_t next;
};

void audit_show_init(struct audit_show *show, const struct screen *screen, bool utc);
/* One line (for a denial on a terminal two), none wider than the screen, safe to look at. */
void audit_show_record(struct audit_show *show, FILE *stream, const json_t *record);

#endif
