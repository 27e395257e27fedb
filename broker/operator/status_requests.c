/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked lately, from the end of the audit log. */
#include "admin.h"
#include "audit_filter.h"
#include "audit_lines.h"
#include "status.h"

#include <string.h>

enum { HOUR_S = 3600, MINUTE_S = 60 };

struct counts {
    int64_t allow, deny;
};

struct recent {
    struct counts minute, hour;
    json_t *codes;       /* {code: count} */
    json_t *credentials; /* by name: objects of "credential_list" */
    int64_t now;
};

static void
add_to(json_t *object, const char *member)
{
    json_object_set_new(object, member, json_integer(admin_number(object, member) + 1));
}

static void
count_record(struct recent *recent, const json_t *record)
{
    int64_t at;
    bool allow = strcmp(admin_text(record, "decision"), "allow") == 0;
    if (!audit_record_time(record, &at) || at <= recent->now - HOUR_S || at > recent->now + 1)
        return;
    ++*(allow ? &recent->hour.allow : &recent->hour.deny);
    if (at > recent->now - MINUTE_S)
        ++*(allow ? &recent->minute.allow : &recent->minute.deny);
    if (!allow && admin_text(record, "reason")[0] != '\0')
        add_to(recent->codes, admin_text(record, "reason"));
    json_t *credential = json_object_get(recent->credentials, admin_text(record, "credential"));
    if (credential == NULL)
        return;
    add_to(credential, allow ? "hour_allow" : "hour_deny");
    if (allow)
        json_object_set(credential, "last_used_at", json_object_get(record, "time"));
}

static void
read_records(struct recent *recent, struct audit_lines *lines)
{
    struct bytes line;
    bool more = true;
    while (audit_lines_next(lines, &line, &more, NULL) == KH_OK && more) {
        if (bytes_find(line, BYTES("\"kind\":\"decision\"")) == line.n)
            continue;
        json_t *record = json_loadb((const char *)line.p, line.n, JSON_ALLOW_NUL, NULL);
        count_record(recent, record);
        json_decref(record);
    }
}

static json_t *
json_of_counts(const struct counts *counts)
{
    return json_pack("{s:I, s:I}", "allow", (json_int_t)counts->allow, "deny",
                     (json_int_t)counts->deny);
}

static json_t *
credentials_by_name(const json_t *status)
{
    json_t *by_name = json_object(), *credential;
    size_t i;
    json_array_foreach(json_object_get(status, "credential_list"), i, credential)
    {
        json_object_set_new(credential, "hour_allow", json_integer(0));
        json_object_set_new(credential, "hour_deny", json_integer(0));
        json_object_set(by_name, admin_text(credential, "name"), credential);
    }
    return by_name;
}

void
status_count_requests(const char *directory, int64_t now, json_t *status)
{
    struct audit_lines lines;
    struct recent recent = {.now = now};
    bool partial = false;
    if (audit_lines_open(directory, &lines, NULL) != KH_OK)
        return;
    recent.codes = json_object();
    recent.credentials = credentials_by_name(status);
    if (audit_lines_seek_time(&lines, now - HOUR_S, NULL) == KH_OK &&
        audit_lines_size(&lines) - audit_lines_position(&lines) > STATUS_READ_MAX)
        partial =
            audit_lines_seek(&lines, audit_lines_size(&lines) - STATUS_READ_MAX, NULL) == KH_OK;
    read_records(&recent, &lines);
    audit_lines_close(&lines);
    json_t *requests =
        json_pack("{s:o, s:o, s:O, s:b}", "minute", json_of_counts(&recent.minute), "hour",
                  json_of_counts(&recent.hour), "codes", recent.codes, "partial", partial);
    json_object_set_new(status, "requests", requests);
    json_decref(recent.codes);
    json_decref(recent.credentials);
}
