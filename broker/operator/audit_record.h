/* SPDX-License-Identifier: Apache-2.0
 *
 * One audit record: for people, and against what was asked for.
 */
#ifndef KEYHOLE_OPERATOR_AUDIT_RECORD_H
#define KEYHOLE_OPERATOR_AUDIT_RECORD_H

#include "../../caveats/errors.h"

#include <jansson.h>
#include <stdio.h>

enum { AUDIT_FILTERS_MAX = 12 };

/* Members that must be as given; and the time, from (included) to (excluded). */
struct audit_filter {
    struct {
        const char *member, *value;
    } equal[AUDIT_FILTERS_MAX];
    size_t equal_count;
    int64_t since, until; /* INT64_MIN, INT64_MAX: no limit */
};

void audit_filter_init(struct audit_filter *filter);
void audit_filter_add(struct audit_filter *filter, const char *member, const char *value);
bool audit_filter_fits(const struct audit_filter *filter, const json_t *record);

/* The record's time, to the second. */
KH_MUST_CHECK bool audit_record_time(const json_t *record, int64_t *out);

/* One line, with colours on a terminal, safe to look at. */
void audit_record_show(FILE *stream, const json_t *record);

#endif
