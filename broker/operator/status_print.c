/* SPDX-License-Identifier: Apache-2.0 */
/* How a broker is, for people: whether all is well first, then the parts. */
#include "admin.h"
#include "status.h"
#include "values.h"

#include "../../caveats/screen/columns.h"
#include "../../caveats/screen/progress.h"
#include "../../caveats/timestamp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_COLUMNS = 16, CODES_SHOWN = 5 };

struct printing {
    const struct screen *screen;
    struct buffer *out;
    int64_t now;
};

static void
put_style(struct printing *p, enum screen_style style)
{
    buffer_put_str(p->out, screen_style(p->screen, style));
}

static void
put_heading(struct printing *p, const char *text)
{
    buffer_put_byte(p->out, '\n');
    put_style(p, STYLE_BOLD);
    buffer_put_str(p->out, text);
    put_style(p, STYLE_NONE);
    buffer_put_byte(p->out, '\n');
}

static void
put_limited(struct printing *p, size_t taken, const char *text)
{
    size_t width = p->screen->width;
    size_t room = width == 0 ? 0 : width > taken + 1 ? width - taken : 1;
    columns_put(p->out, p->screen, bytes_str(text), room);
    buffer_put_byte(p->out, '\n');
}

static void put_row(struct printing *p, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void
put_row(struct printing *p, const char *label, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    buffer_printf(p->out, "  %-*s", LABEL_COLUMNS, label);
    put_limited(p, LABEL_COLUMNS + 2, text);
}

// "3 days", "" when there is no such time.
static const char *
span_since(const struct printing *p, const json_t *object, const char *member, char *out,
           size_t cap)
{
    int64_t at;
    const char *text = admin_text(object, member);
    char whole[TIMESTAMP_SIZE];
    out[0] = '\0';
    if (strlen(text) >= TIMESTAMP_SIZE - 1) { // of a record: to the millisecond
        snprintf(whole, sizeof(whole), "%.19sZ", text);
        if (timestamp_parse(bytes_str(whole), &at))
            value_print_span(p->now > at ? p->now - at : at - p->now, out, cap);
    }
    return out;
}

/* ---- parts ---- */

static void
put_said(struct printing *p, const json_t *list, enum screen_style style)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        put_style(p, style);
        buffer_put_str(p->out, "  ! ");
        put_style(p, STYLE_NONE);
        put_limited(p, 4, admin_text(item, "what"));
        buffer_printf(p->out, "    %s%s", screen_mark(p->screen, MARK_ARROW), " ");
        put_limited(p, 7, admin_text(item, "do"));
    }
}

static void
put_health(struct printing *p, const json_t *status)
{
    const json_t *health = json_object_get(status, "health");
    const json_t *wrong = json_object_get(health, "wrong"),
                 *notes = json_object_get(health, "notes");
    bool ok = json_is_true(json_object_get(health, "ok"));
    char verdict[48] = "all is well", span[48], text[160];
    size_t n = json_array_size(wrong);
    if (!ok)
        snprintf(verdict, sizeof(verdict), "%zu thing%s wrong", n, n == 1 ? " is" : "s are");
    snprintf(text, sizeof(text), ": keyholed %.40s, running for %s", admin_text(status, "version"),
             span_since(p, status, "started_at", span, sizeof(span)));
    put_style(p, ok ? STYLE_GREEN : STYLE_RED);
    buffer_printf(p->out, "%s %s", screen_mark(p->screen, MARK_DOT), verdict);
    put_style(p, STYLE_NONE);
    put_limited(p, 2 + strlen(verdict), text);
    put_said(p, wrong, STYLE_RED);
    put_said(p, notes, STYLE_YELLOW);
}

static void
put_listeners(struct printing *p, const json_t *status)
{
    const json_t *item;
    size_t i;
    put_heading(p, "Listeners");
    json_array_foreach(json_object_get(status, "listeners"), i, item)
    {
        const char *text = json_string_value(item);
        buffer_put_str(p->out, "  ");
        put_limited(p, 2, text != NULL ? text : "");
    }
    json_array_foreach(json_object_get(status, "dischargers"), i, item)
    {
        put_row(p, i == 0 ? "dischargers" : "", "%s  %s", admin_text(item, "name"),
                admin_text(item, "url"));
    }
}

static void
add_process(struct table *table, const json_t *process)
{
    char text[80];
    bool running = json_is_true(json_object_get(process, "running"));
    int64_t restarts = admin_number(process, "restarts");
    BUFFER_AUTO size;
    buffer_init(&size, 64);
    snprintf(text, sizeof(text), "%.32s %lld", admin_text(process, "role"),
             (long long)admin_number(process, "index"));
    table_put(table, STYLE_NONE, text);
    table_put(table, running ? STYLE_GREEN : STYLE_RED, running ? "running" : "down");
    snprintf(text, sizeof(text), "%lld", (long long)admin_number(process, "pid"));
    table_put(table, STYLE_NONE, text);
    text[0] = '\0';
    if (json_object_get(process, "uptime_s") != NULL)
        value_print_span(admin_number(process, "uptime_s"), text, sizeof(text));
    table_put(table, STYLE_NONE, text);
    if (json_object_get(process, "memory_bytes") != NULL)
        progress_put_size(&size, (uint64_t)admin_number(process, "memory_bytes"));
    table_put(table, STYLE_NONE, buffer_text(&size));
    snprintf(text, sizeof(text), "%lld", (long long)restarts);
    table_put(table, restarts > 0 ? STYLE_YELLOW : STYLE_NONE, text);
    table_put(table, STYLE_DIM, admin_text(process, "note"));
}

static const struct table_column process_columns[] = {
    {"process", TABLE_LEFT, 12, true},   {"state", TABLE_LEFT, 7, false},
    {"pid", TABLE_RIGHT, 3, false},      {"up", TABLE_RIGHT, 4, false},
    {"memory", TABLE_RIGHT, 6, false},   {"restarts", TABLE_RIGHT, 3, false},
    {"last ended", TABLE_LEFT, 6, true}, {0},
};

static void
add_credential(struct table *table, const struct printing *p, const json_t *credential)
{
    char text[48], since[40];
    bool enabled = json_is_true(json_object_get(credential, "enabled"));
    bool refused = json_object_get(credential, "refused_by_upstream") != NULL;
    int64_t denied = admin_number(credential, "hour_deny");
    table_put(table, STYLE_NONE, admin_text(credential, "name"));
    table_put(table,
              !enabled  ? STYLE_DIM
              : refused ? STYLE_RED
                        : STYLE_GREEN,
              !enabled  ? "disabled"
              : refused ? "key refused"
                        : "ready");
    span_since(p, credential, "last_used_at", since, sizeof(since));
    snprintf(text, sizeof(text), "%s ago", since);
    table_put(table, STYLE_NONE, since[0] != '\0' ? text : "not this hour");
    snprintf(text, sizeof(text), "%lld", (long long)admin_number(credential, "hour_allow"));
    table_put(table, STYLE_NONE, text);
    snprintf(text, sizeof(text), "%lld", (long long)denied);
    table_put(table, denied > 0 ? STYLE_RED : STYLE_NONE, text);
    bool rotated = admin_text(credential, "rotated_at")[0] != '\0';
    span_since(p, credential, rotated ? "rotated_at" : "created_at", text, sizeof(text));
    table_put(table, STYLE_NONE, text);
}

static const struct table_column credential_columns[] = {
    {"credential", TABLE_LEFT, 10, true},
    {"state", TABLE_LEFT, 8, false},
    {"last used", TABLE_LEFT, 8, false},
    {"allowed/h", TABLE_RIGHT, 4, false},
    {"denied/h", TABLE_RIGHT, 4, false},
    {"key's age", TABLE_RIGHT, 6, false},
    {0},
};

static void
put_tables(struct printing *p, const json_t *status)
{
    const json_t *item;
    size_t i;
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return;
    put_heading(p, "Processes");
    table_init(table, process_columns);
    json_array_foreach(json_object_get(status, "processes"), i, item)
    {
        add_process(table, item);
    }
    table_print(table, p->screen, "  ", p->out);
    table_free(table);
    put_heading(p, "Credentials");
    table_init(table, credential_columns);
    json_array_foreach(json_object_get(status, "credential_list"), i, item)
    {
        add_credential(table, p, item);
    }
    table_print(table, p->screen, "  ", p->out);
    if (i == 0)
        buffer_printf(p->out, "  %lld\n", (long long)admin_number(status, "credentials"));
    table_free(table);
    free(table);
}

static void
put_counts(struct printing *p, const char *label, const json_t *counts)
{
    int64_t allow = admin_number(counts, "allow"), deny = admin_number(counts, "deny");
    char text[64];
    size_t n = (size_t)snprintf(text, sizeof(text), "%lld allowed, %lld denied", (long long)allow,
                                (long long)deny);
    // Where it does not fit, it is cut as any row, without colours.
    if (p->screen->width > 0 && LABEL_COLUMNS + 2 + n > p->screen->width) {
        put_row(p, label, "%s", text);
        return;
    }
    buffer_printf(p->out, "  %-*s%s%lld allowed%s, %s%lld denied%s\n", LABEL_COLUMNS, label,
                  screen_style(p->screen, STYLE_GREEN), (long long)allow,
                  screen_style(p->screen, STYLE_NONE),
                  screen_style(p->screen, deny > 0 ? STYLE_RED : STYLE_DIM), (long long)deny,
                  screen_style(p->screen, STYLE_NONE));
}

// The largest counts first; what is left in the object is not looked at again.
static void
put_codes(struct printing *p, json_t *codes)
{
    BUFFER_AUTO text;
    json_t *left = json_copy(codes);
    buffer_init(&text, 2048);
    for (int shown = 0; shown < CODES_SHOWN && json_object_size(left) > 0; shown++) {
        const char *code, *most = "";
        json_t *count;
        int64_t largest = -1;
        json_object_foreach(left, code, count)
        {
            if (json_integer_value(count) > largest) {
                largest = json_integer_value(count);
                most = code;
            }
        }
        buffer_printf(&text, "%s%s %lld", shown > 0 ? ", " : "", most, (long long)largest);
        json_object_del(left, most);
    }
    if (text.n > 0)
        put_row(p, "denied for", "%s", buffer_text(&text));
    json_decref(left);
}

static void
put_requests(struct printing *p, const json_t *status)
{
    const json_t *requests = json_object_get(status, "requests");
    bool partial = json_is_true(json_object_get(requests, "partial"));
    put_heading(p, "Requests");
    if (json_is_object(requests)) {
        put_counts(p, "last minute", json_object_get(requests, "minute"));
        put_counts(p, partial ? "hour, at least" : "last hour", json_object_get(requests, "hour"));
        put_codes(p, json_object_get(requests, "codes"));
    }
    put_counts(p, "since start", json_object_get(status, "decisions"));
}

static void
put_keys(struct printing *p, const json_t *status)
{
    const json_t *key, *ca = json_object_get(status, "ca");
    size_t i;
    char span[48];
    long long version = (long long)admin_number(status, "policy_version");
    put_heading(p, "Keys and rules");
    json_array_foreach(json_object_get(status, "root_keys"), i, key)
    {
        if (json_is_true(json_object_get(key, "active")))
            put_row(p, "root key", "%lld, %s old (%lld in use)", (long long)admin_number(key, "id"),
                    span_since(p, key, "created_at", span, sizeof(span)),
                    (long long)admin_number(status, "keys"));
    }
    if (json_is_object(ca))
        put_row(p, "local CA", "until %.10s, for %s", admin_text(ca, "expires_at"),
                span_since(p, ca, "expires_at", span, sizeof(span)));
    if (version > 0)
        put_row(p, "policy", "version %lld", version);
    else
        put_row(p, "policy", "none: what was minted is granted");
    put_row(p, "tokens minted", "%lld", (long long)admin_number(status, "tokens_minted"));
    put_row(p, "revocations", "%lld", (long long)admin_number(status, "revocations"));
}

static void
put_audit(struct printing *p, const json_t *status)
{
    const json_t *audit = json_object_get(status, "audit");
    BUFFER_AUTO size;
    buffer_init(&size, 64);
    progress_put_size(&size, (uint64_t)admin_number(audit, "bytes"));
    put_heading(p, "Audit log");
    put_row(p, "audit", "%s", admin_text(audit, "file"));
    put_row(p, "size", "%lld records, %s", (long long)admin_number(audit, "seq"),
            buffer_text(&size));
    if (json_object_get(audit, "behind") != NULL)
        put_row(p, "signed", "up to %lld, %lld behind",
                (long long)admin_number(audit, "signed_seq"),
                (long long)admin_number(audit, "behind"));
    put_row(p, "audit head", "%lld:%s", (long long)admin_number(audit, "seq"),
            admin_text(audit, "hash"));
}

void
status_print(const json_t *status, const struct screen *screen, int64_t now, struct buffer *out)
{
    struct printing p = {.screen = screen, .out = out, .now = now};
    put_health(&p, status);
    put_requests(&p, status);
    put_listeners(&p, status);
    put_tables(&p, status);
    put_keys(&p, status);
    put_audit(&p, status);
}
