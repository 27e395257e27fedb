/* SPDX-License-Identifier: Apache-2.0
 *
 * Which records of the audit log are asked for.
 */
#ifndef KEYHOLE_OPERATOR_AUDIT_FILTER_H
#define KEYHOLE_OPERATOR_AUDIT_FILTER_H

#include "../../caveats/errors.h"

#include <jansson.h>

enum { AUDIT_FILTERS_MAX = 20, AUDIT_ID_HEX = 33 };

/* All of it must fit. Texts are borrowed. */
struct audit_filter {
    struct {
        const char *member, *value;
    } equal[AUDIT_FILTERS_MAX];
    size_t equal_count;
    const char *label;         /* one of the labels; NULL: any */
    const char *path;          /* a pattern as caveats have them; NULL: any */
    char family[AUDIT_ID_HEX]; /* a lineage or token id: it, and all that was made from it */
    int64_t since, until;      /* from (included) to (excluded); INT64_MIN, INT64_MAX: no limit */
};

void audit_filter_init(struct audit_filter *filter);
/* NULL: was not asked for. */
void audit_filter_add(struct audit_filter *filter, const char *member, const char *value);
/* A token's text, or an id of 32 hexadecimal digits. KH_ERR_SYNTAX; nothing of a text that is
 * neither is repeated. */
KH_MUST_CHECK enum kh_err audit_filter_family(struct audit_filter *filter, struct bytes text,
                                              struct fault *fault);

/* Whether the line may fit, without reading it as JSON: false means that it does not. */
bool audit_filter_may_fit(const struct audit_filter *filter, struct bytes line);
bool audit_filter_fits(const struct audit_filter *filter, const json_t *record);

/* The record's time, to the second. */
KH_MUST_CHECK bool audit_record_time(const json_t *record, int64_t *out);
/* The same of a line that is not read as JSON. */
KH_MUST_CHECK bool audit_line_time(struct bytes line, int64_t *out);

#endif
