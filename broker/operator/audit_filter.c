/* SPDX-License-Identifier: Apache-2.0 */
/* Records against what was asked for. Most lines of a long log are passed over unread. */
#include "audit_filter.h"

#include "../../caveats/path.h"
#include "../../caveats/timestamp.h"
#include "../../caveats/token.h"
#include "admin.h"

#include <stdio.h>
#include <string.h>

void
audit_filter_init(struct audit_filter *filter)
{
    *filter = (struct audit_filter){.since = INT64_MIN, .until = INT64_MAX};
}

void
audit_filter_add(struct audit_filter *filter, const char *member, const char *value)
{
    if (value == NULL || filter->equal_count == AUDIT_FILTERS_MAX)
        return;
    filter->equal[filter->equal_count].member = member;
    filter->equal[filter->equal_count].value = value;
    filter->equal_count++;
}

enum kh_err
audit_filter_family(struct audit_filter *filter, struct bytes text, struct fault *fault)
{
    uint8_t id[LINEAGE_ID_SIZE];
    struct token *token = NULL;
    if (token_is_shaped(text)) {
        enum kh_err err = token_scan(text, &token, fault);
        if (err != KH_OK)
            return err;
        token_lineage_last(token, id);
        token_free(&token);
    } else if (!bytes_from_hex(text, id, sizeof id)) {
        return fault_set(fault, KH_ERR_SYNTAX,
                         "that is neither a token (…%s…) nor an id of 32 hexadecimal digits",
                         TOKEN_MARK);
    }
    return bytes_to_hex(bytes_of(id, sizeof id), filter->family, sizeof filter->family)
               ? KH_OK
               : fault_set(fault, KH_ERR_INTERNAL, "an id has another length");
}

/* ---- lines ---- */

// "…:00.123Z" becomes "…:00Z".
static bool
time_of_text(struct bytes time, int64_t *out)
{
    char text[TIMESTAMP_SIZE];
    if (time.n < TIMESTAMP_SIZE - 1)
        return false;
    memcpy(text, time.p, TIMESTAMP_SIZE - 2);
    text[TIMESTAMP_SIZE - 2] = 'Z';
    text[TIMESTAMP_SIZE - 1] = '\0';
    return timestamp_parse(bytes_str(text), out);
}

bool
audit_record_time(const json_t *record, int64_t *out)
{
    return time_of_text(bytes_str(admin_text(record, "time")), out);
}

// It stands before anything that a peer wrote (schema/audit.def), and quotation marks in a text are
// escaped.
bool
audit_line_time(struct bytes line, int64_t *out)
{
    struct bytes mark = BYTES("\"time\":\"");
    size_t at = bytes_find(line, mark);
    return at < line.n && time_of_text(bytes_from(line, at + mark.n), out);
}

// As the broker writes it: what it would escape is not looked for.
static bool
is_verbatim(const char *value)
{
    for (const char *p = value; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f || *p == '"' || *p == '\\')
            return false;
    return true;
}

static bool
has_quoted(struct bytes line, const char *value)
{
    char quoted[512];
    int n = snprintf(quoted, sizeof quoted, "\"%s\"", value);
    return !is_verbatim(value) || n >= (int)sizeof quoted ||
           memmem(line.p, line.n, quoted, (size_t)n) != NULL;
}

bool
audit_filter_may_fit(const struct audit_filter *filter, struct bytes line)
{
    for (size_t i = 0; i < filter->equal_count; i++)
        if (!has_quoted(line, filter->equal[i].value))
            return false;
    if (filter->label != NULL && !has_quoted(line, filter->label))
        return false;
    return filter->family[0] == '\0' || has_quoted(line, filter->family);
}

/* ---- records ---- */

static bool
has_item(const json_t *list, const char *value)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), value) == 0)
            return true;
    }
    return false;
}

static bool
is_of_family(const struct audit_filter *filter, const json_t *record)
{
    return strcmp(admin_text(record, "lineage"), filter->family) == 0 ||
           strcmp(admin_text(record, "token"), filter->family) == 0 ||
           has_item(json_object_get(record, "made_from"), filter->family);
}

static bool
fits_path(const struct audit_filter *filter, const json_t *record)
{
    struct bytes path = bytes_str(admin_text(record, "path"));
    return path.n > 0 && path_pattern_matches(bytes_str(filter->path), path, NULL);
}

bool
audit_filter_fits(const struct audit_filter *filter, const json_t *record)
{
    for (size_t i = 0; i < filter->equal_count; i++)
        if (strcmp(admin_text(record, filter->equal[i].member), filter->equal[i].value) != 0)
            return false;
    if (filter->label != NULL && !has_item(json_object_get(record, "labels"), filter->label))
        return false;
    if (filter->family[0] != '\0' && !is_of_family(filter, record))
        return false;
    if (filter->path != NULL && !fits_path(filter, record))
        return false;
    if (filter->since == INT64_MIN && filter->until == INT64_MAX)
        return true;
    int64_t time;
    return audit_record_time(record, &time) && time >= filter->since && time < filter->until;
}
