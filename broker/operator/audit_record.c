/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records for people: who asked for what, and what was said. */
#include "audit_record.h"

#include "../../caveats/timestamp.h"
#include "terminal.h"

#include <string.h>

/* ---- filters ---- */

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

static const char *
text_of(const json_t *record, const char *member)
{
    const char *text = json_string_value(json_object_get(record, member));
    return text != NULL ? text : "";
}

// "2026-12-01T00:00:00.123Z": to the second.
bool
audit_record_time(const json_t *record, int64_t *out)
{
    char text[TIMESTAMP_SIZE];
    const char *time = text_of(record, "time");
    if (strlen(time) < TIMESTAMP_SIZE - 1)
        return false;
    memcpy(text, time, TIMESTAMP_SIZE - 2);
    text[TIMESTAMP_SIZE - 2] = 'Z';
    text[TIMESTAMP_SIZE - 1] = '\0';
    return timestamp_parse(bytes_str(text), out);
}

bool
audit_filter_fits(const struct audit_filter *filter, const json_t *record)
{
    for (size_t i = 0; i < filter->equal_count; i++)
        if (strcmp(text_of(record, filter->equal[i].member), filter->equal[i].value) != 0)
            return false;
    if (filter->since == INT64_MIN && filter->until == INT64_MAX)
        return true;
    int64_t time;
    return audit_record_time(record, &time) && time >= filter->since && time < filter->until;
}

/* ---- for people ---- */

static void
put_word(FILE *stream, const char *text, int width)
{
    int n = (int)strlen(text);
    terminal_print_safe(stream, n > 0 ? text : "-");
    fprintf(stream, "%*s", n < width ? width - (n > 0 ? n : 1) : 1, "");
}

static void
show_time(FILE *stream, const json_t *record)
{
    const char *time = text_of(record, "time");
    fprintf(stream, "%s%.10s %.8sZ%s  ", terminal_colour(stream, COLOUR_DIM),
            strlen(time) >= 19 ? time : "----------", strlen(time) >= 19 ? time + 11 : "--------",
            terminal_colour(stream, COLOUR_NONE));
}

// The host as it is in a URL: the port where it is not the scheme's own.
static void
show_request(FILE *stream, const json_t *record)
{
    json_int_t port = json_integer_value(json_object_get(record, "port"));
    const char *scheme = text_of(record, "scheme");
    terminal_print_safe(stream, text_of(record, "method"));
    fputc(' ', stream);
    terminal_print_safe(stream, text_of(record, "host"));
    if (port > 0 && port != (strcmp(scheme, "http") == 0 ? 80 : 443))
        fprintf(stream, ":%lld", (long long)port);
    terminal_print_safe(stream, text_of(record, "path"));
}

static void
show_reason(FILE *stream, const json_t *record, bool deny)
{
    const char *reason = text_of(record, "reason"), *detail = text_of(record, "detail");
    if (reason[0] == '\0' && detail[0] == '\0')
        return;
    fprintf(stream, "  %s", terminal_colour(stream, deny ? COLOUR_BAD : COLOUR_DIM));
    terminal_print_safe(stream, reason);
    if (detail[0] != '\0') {
        fputs(reason[0] != '\0' ? ": " : "", stream);
        terminal_print_safe(stream, detail);
    }
    fputs(terminal_colour(stream, COLOUR_NONE), stream);
}

static void
show_labels(FILE *stream, const json_t *record)
{
    size_t i;
    const json_t *label;
    json_array_foreach(json_object_get(record, "labels"), i, label)
    {
        fputs(i == 0 ? "  [" : " > ", stream);
        terminal_print_safe(stream,
                            json_string_value(label) != NULL ? json_string_value(label) : "");
    }
    if (i > 0)
        fputc(']', stream);
}

static void
show_decision(FILE *stream, const json_t *record)
{
    bool allow = strcmp(text_of(record, "decision"), "allow") == 0;
    fprintf(stream, "%s%-6s%s ", terminal_colour(stream, allow ? COLOUR_GOOD : COLOUR_BAD),
            allow ? "allow" : "deny", terminal_colour(stream, COLOUR_NONE));
    put_word(stream, text_of(record, "user"), 12);
    put_word(stream, text_of(record, "credential"), 12);
    show_request(stream, record);
    show_labels(stream, record);
    show_reason(stream, record, !allow);
    if (text_of(record, "rejudged")[0] != '\0')
        fputs("  (it was running, and was cut)", stream);
}

static void
show_outcome(FILE *stream, const json_t *record)
{
    fprintf(stream, "%s  -> ", terminal_colour(stream, COLOUR_DIM));
    json_int_t status = json_integer_value(json_object_get(record, "status"));
    if (status > 0)
        fprintf(stream, "status %lld", (long long)status);
    else
        fputs("no answer", stream);
    fprintf(stream, ", %lld bytes up, %lld down, %lld ms",
            (long long)json_integer_value(json_object_get(record, "bytes_up")),
            (long long)json_integer_value(json_object_get(record, "bytes_down")),
            (long long)json_integer_value(json_object_get(record, "duration_ms")));
    fputs(terminal_colour(stream, COLOUR_NONE), stream);
    show_reason(stream, record, false);
}

// admin, revoke, start, stop, and kinds that a later broker may write.
static void
show_other(FILE *stream, const json_t *record)
{
    put_word(stream, text_of(record, "kind"), 7);
    put_word(stream, text_of(record, "user"), 12);
    put_word(stream, text_of(record, "credential"), 12);
    if (text_of(record, "command")[0] != '\0')
        put_word(stream, text_of(record, "command"), 0);
    terminal_print_safe(stream, text_of(record, "subject"));
    show_reason(stream, record, false);
}

void
audit_record_show(FILE *stream, const json_t *record)
{
    const char *kind = text_of(record, "kind");
    show_time(stream, record);
    if (strcmp(kind, "decision") == 0)
        show_decision(stream, record);
    else if (strcmp(kind, "outcome") == 0)
        show_outcome(stream, record);
    else
        show_other(stream, record);
    fputc('\n', stream);
}
