/* SPDX-License-Identifier: Apache-2.0 */
/* Who asked how often, and how much of it was refused. */
#include "audit_group.h"

#include "../../caveats/screen/columns.h"
#include "admin.h"
#include "audit_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BY_HOUR "hour"
#define BY_DAY  "day"

const char *
audit_group_member(const char *name)
{
    static const char *const members[] = {
#define KH_AUDIT(member, type, description) member,
#include "../../schema/audit.def"
        BY_HOUR, BY_DAY};
    if (strcmp(name, "code") == 0)
        return "reason";
    if (strcmp(name, "label") == 0)
        return "labels";
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strcmp(name, members[i]) == 0)
            return members[i];
    return NULL;
}

void
audit_groups_init(struct audit_groups *groups, const char *member, bool utc)
{
    *groups = (struct audit_groups){.member = member, .utc = utc, .by_value = json_object()};
}

void
audit_groups_free(struct audit_groups *groups)
{
    json_decref(groups->by_value);
    groups->by_value = NULL;
}

/* ---- counting ---- */

static void
add_one(json_t *group, const char *member)
{
    json_object_set_new(group, member, json_integer(admin_number(group, member) + 1));
}

static enum kh_err
count_value(struct audit_groups *groups, const char *value, const json_t *record,
            struct fault *fault)
{
    json_t *group = json_object_get(groups->by_value, value);
    json_t *time = json_object_get(record, "time");
    const char *decision = admin_text(record, "decision");
    if (group == NULL && json_object_size(groups->by_value) >= AUDIT_GROUPS_MAX) {
        groups->left_out++;
        return KH_OK;
    }
    if (group == NULL) {
        group = json_pack("{s:i, s:i, s:i}", "count", 0, "allow", 0, "deny", 0);
        if (group == NULL || json_object_set_new(groups->by_value, value, group) != 0)
            return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        json_object_set(group, "first", time);
    }
    add_one(group, "count");
    if (strcmp(decision, "allow") == 0 || strcmp(decision, "deny") == 0)
        add_one(group, decision);
    json_object_set(group, "last", time);
    return KH_OK;
}

static const char *
time_text(const struct audit_groups *groups, const json_t *record, char *out, size_t cap)
{
    int64_t at;
    struct tm parts;
    bool hourly = strcmp(groups->member, BY_HOUR) == 0;
    if (!audit_record_time(record, &at))
        return "";
    time_t seconds = (time_t)at;
    bool known =
        groups->utc ? gmtime_r(&seconds, &parts) != NULL : localtime_r(&seconds, &parts) != NULL;
    size_t n = known ? strftime(out, cap, "%Y-%m-%d %H:00", &parts) : 0;
    if (n > 0 && !hourly)
        out[sizeof("2026-11-01") - 1] = '\0';
    return n > 0 ? out : "";
}

enum kh_err
audit_groups_add(struct audit_groups *groups, const json_t *record, struct fault *fault)
{
    const json_t *value = json_object_get(record, groups->member), *item;
    enum kh_err err = KH_OK;
    char text[48];
    size_t i;
    if (groups->by_value == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    if (strcmp(groups->member, BY_HOUR) == 0 || strcmp(groups->member, BY_DAY) == 0)
        return count_value(groups, time_text(groups, record, text, sizeof text), record, fault);
    if (json_is_integer(value)) {
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        return count_value(groups, text, record, fault);
    }
    if (json_array_size(value) == 0)
        return count_value(groups, json_is_string(value) ? json_string_value(value) : "", record,
                           fault);
    json_array_foreach(value, i, item)
    {
        if (err == KH_OK && json_is_string(item))
            err = count_value(groups, json_string_value(item), record, fault);
    }
    return err;
}

/* ---- the result ---- */

static int
compare(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;
    int64_t left = admin_number(*x, "count"), right = admin_number(*y, "count");
    if (left != right)
        return left < right ? 1 : -1;
    return strcmp(admin_text(*x, "value"), admin_text(*y, "value"));
}

static int
compare_by_value(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;
    return strcmp(admin_text(*x, "value"), admin_text(*y, "value"));
}

json_t *
audit_groups_json(const struct audit_groups *groups, uint64_t limit)
{
    size_t n = json_object_size(groups->by_value), at = 0;
    json_t **sorted = calloc(n + 1, sizeof *sorted), *group;
    json_t *list = json_array();
    const char *value;
    bool by_time = strcmp(groups->member, BY_HOUR) == 0 || strcmp(groups->member, BY_DAY) == 0;
    if (sorted == NULL || list == NULL) {
        free(sorted);
        json_decref(list);
        return NULL;
    }
    json_object_foreach(groups->by_value, value, group)
    {
        json_object_set_new(group, "value", json_string(value));
        sorted[at++] = group;
    }
    qsort(sorted, n, sizeof *sorted, by_time ? compare_by_value : compare);
    for (size_t i = 0; i < n && i < limit; i++)
        json_array_append(list, sorted[i]);
    free(sorted);
    size_t left_out = groups->left_out + (n > limit ? n - limit : 0);
    return json_pack("{s:s, s:o, s:I}", "by", groups->member, "groups", list, "left_out",
                     (json_int_t)left_out);
}

void
audit_groups_print(const json_t *result, const struct screen *screen, struct buffer *out)
{
    const struct table_column column[] = {
        {admin_text(result, "by"), TABLE_LEFT, 8, true},
        {"records", TABLE_RIGHT, 5, false},
        {"allowed", TABLE_RIGHT, 5, false},
        {"denied", TABLE_RIGHT, 5, false},
        {"last", TABLE_LEFT, 10, true},
        {0},
    };
    static const char *const counts[] = {"count", "allow", "deny"};
    const json_t *group;
    size_t i;
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return;
    table_init(table, column);
    json_array_foreach(json_object_get(result, "groups"), i, group)
    {
        const char *value = admin_text(group, "value"), *last = admin_text(group, "last");
        char text[32];
        table_put(table, STYLE_NONE, value[0] != '\0' ? value : "-");
        for (size_t c = 0; c < 3; c++) {
            int64_t number = admin_number(group, counts[c]);
            snprintf(text, sizeof text, "%lld", (long long)number);
            table_put(table, c == 2 && number > 0 ? STYLE_RED : STYLE_NONE, text);
        }
        table_put(table, STYLE_DIM, last);
    }
    table_print(table, screen, "", out);
    if (admin_number(result, "left_out") > 0)
        buffer_printf(out, "and %lld more\n", (long long)admin_number(result, "left_out"));
    table_free(table);
    free(table);
}
