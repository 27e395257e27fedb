/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records for people: who asked for what, and what was said. */
#include "audit_record.h"

#include "../../caveats/screen/columns.h"
#include "../../caveats/screen/progress.h"
#include "admin.h"
#include "audit_filter.h"

#include <string.h>
#include <time.h>

enum {
    LINE_MAX_BYTES = 64 * 1024,
    USER_COLUMNS = 12,
    CREDENTIAL_COLUMNS = 14,
    WIDE = 100, /* from there on there is room for the date */
};

/* A line that is being put together, and how much of it is taken. */
struct line {
    struct audit_show *show;
    struct buffer out;
    size_t columns;
};

void
audit_show_init(struct audit_show *show, const struct screen *screen, bool utc)
{
    *show = (struct audit_show){.screen = *screen, .utc = utc};
}

/* ---- parts of a line ---- */

// Columns that are left; 0: no limit.
static size_t
room_left(const struct line *line)
{
    size_t width = line->show->screen.width;
    return width == 0 ? 0 : line->columns + 1 < width ? width - line->columns : 1;
}

static void
put_style(struct line *line, enum screen_style style)
{
    buffer_put_str(&line->out, screen_style(&line->show->screen, style));
}

static void
put_text(struct line *line, enum screen_style style, const char *text)
{
    size_t room = room_left(line);
    if (text[0] == '\0' || room == 1)
        return;
    if (style != STYLE_NONE)
        put_style(line, style);
    line->columns += columns_put(&line->out, &line->show->screen, bytes_str(text), room);
    if (style != STYLE_NONE)
        put_style(line, STYLE_NONE);
}

static void
put_column(struct line *line, const char *text, size_t width)
{
    const struct screen *screen = &line->show->screen;
    size_t room = room_left(line);
    if (room == 1)
        return;
    size_t limit = room == 0 ? 0 : room < width ? room : width;
    size_t taken = columns_put(&line->out, screen, bytes_str(text[0] != '\0' ? text : "-"), limit);
    size_t space = (taken < width ? width - taken : 0) + 2;
    if (room > 0 && space > room - taken)
        space = room - taken;
    buffer_printf(&line->out, "%*s", (int)space, "");
    line->columns += taken + space;
}

// The zone as it stands behind a time: "Z", "+01:00".
static void
write_zone(const struct tm *parts, char *out, size_t cap)
{
    long minutes = parts->tm_gmtoff / 60, ahead = minutes < 0 ? -minutes : minutes;
    if (minutes == 0)
        snprintf(out, cap, "Z");
    else
        snprintf(out, cap, "%c%02ld:%02ld", minutes < 0 ? '-' : '+', ahead / 60, ahead % 60);
}

static void
put_time(struct line *line, const json_t *record)
{
    char text[48] = "-------- --------", zone[24];
    int64_t at;
    struct tm parts;
    unsigned width = line->show->screen.width;
    bool is_narrow = width > 0 && width < WIDE, known = audit_record_time(record, &at);
    time_t seconds = known ? (time_t)at : 0;
    if (known && (line->show->utc ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts)) &&
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) > 0) {
        write_zone(&parts, zone, sizeof zone);
        memcpy(text + strlen(text), zone, strlen(zone) + 1);
    }
    if (is_narrow)
        text[sizeof("2026-11-01 00:00:00") - 1] = '\0';
    put_text(line, STYLE_DIM, is_narrow && known ? text + sizeof("2026-11-01 ") - 1 : text);
    put_text(line, STYLE_NONE, "  ");
}

static void
print_line(struct line *line, FILE *stream)
{
    while (line->out.n > 0 && line->out.p[line->out.n - 1] == ' ')
        line->out.n--;
    buffer_put_byte(&line->out, '\n');
    struct bytes text = buffer_bytes(&line->out);
    if (!line->out.failed)
        fwrite(text.p, 1, text.n, stream);
    buffer_clear(&line->out);
    line->columns = 0;
}

/* ---- requests ---- */

// The host as it is in a URL: the port where it is not the scheme's own.
static void
write_request(const json_t *record, char *out, size_t cap)
{
    char port[24] = "";
    int64_t number = admin_number(record, "port");
    bool plain = strcmp(admin_text(record, "scheme"), "http") == 0;
    if (number > 0 && number != (plain ? 80 : 443))
        snprintf(port, sizeof(port), ":%lld", (long long)number);
    snprintf(out, cap, "%s %s%s%s", admin_text(record, "method"), admin_text(record, "host"), port,
             admin_text(record, "path"));
}

static void
remember(struct audit_show *show, const json_t *record)
{
    size_t at = show->next++ % AUDIT_REMEMBERED;
    snprintf(show->seen[at].id, sizeof show->seen[at].id, "%s", admin_text(record, "id"));
    snprintf(show->seen[at].user, AUDIT_NAME_MAX, "%s", admin_text(record, "user"));
    snprintf(show->seen[at].credential, AUDIT_NAME_MAX, "%s", admin_text(record, "credential"));
    write_request(record, show->seen[at].request, AUDIT_REQUEST_MAX);
}

static void
put_labels(struct line *line, const json_t *record)
{
    size_t i;
    const json_t *label;
    const json_t *labels = json_object_get(record, "labels");
    BUFFER_AUTO text;
    buffer_init(&text, LINE_MAX_BYTES);
    json_array_foreach(labels, i, label)
    {
        buffer_put_str(&text, i == 0 ? "[" : " > ");
        buffer_put_str(&text, json_is_string(label) ? json_string_value(label) : "");
    }
    if (text.n == 0)
        return;
    buffer_put_byte(&text, ']');
    put_text(line, STYLE_NONE, "  ");
    put_text(line, STYLE_CYAN, buffer_text(&text));
}

// The sentence, what it is about, and the code to look for.
static void
put_reason(struct line *line, enum screen_style style, const json_t *record)
{
    const char *code = admin_text(record, "reason"), *detail = admin_text(record, "detail");
    enum kh_reason reason = kh_reason_from_code(bytes_str(code));
    char sentence[256] = "";
    put_text(line, style, code);
    put_text(line, style, code[0] != '\0' && detail[0] != '\0' ? ": " : "");
    put_text(line, style, detail);
    if (reason == KH_REASON_UNSET)
        return;
    const char *words = kh_reason_sentence(reason);
    size_t n = strlen(words);
    bool stop = n > 0 && words[n - 1] == '.';
    snprintf(sentence, sizeof sentence, " (%.*s)", (int)(n - stop), words);
    put_text(line, STYLE_DIM, sentence);
}

static void
show_decision(struct line *line, FILE *stream, const json_t *record)
{
    char request[AUDIT_REQUEST_MAX * 4];
    bool allow = strcmp(admin_text(record, "decision"), "allow") == 0;
    bool terminal = line->show->screen.width > 0;
    put_text(line, allow ? STYLE_GREEN : STYLE_RED, allow ? "allow" : "deny");
    put_text(line, STYLE_NONE, allow ? "  " : "   ");
    put_column(line, admin_text(record, "user"), USER_COLUMNS);
    put_column(line, admin_text(record, "credential"), CREDENTIAL_COLUMNS);
    write_request(record, request, sizeof(request));
    remember(line->show, record);
    put_text(line, STYLE_NONE, request);
    put_labels(line, record);
    if (admin_text(record, "rejudged")[0] != '\0')
        put_text(line, STYLE_YELLOW, "  (it was running, and was cut)");
    if (admin_text(record, "reason")[0] != '\0' || admin_text(record, "detail")[0] != '\0') {
        if (terminal)
            print_line(line, stream);
        put_text(line, STYLE_NONE, terminal ? "          " : "  ");
        put_reason(line, allow ? STYLE_DIM : STYLE_RED, record);
    }
    print_line(line, stream);
}

static void
write_duration(int64_t ms, char *out, size_t cap)
{
    if (ms < 1000)
        snprintf(out, cap, "%lld ms", (long long)ms);
    else if (ms < 60000)
        snprintf(out, cap, "%.1f s", (double)ms / 1000);
    else
        snprintf(out, cap, "%lld min %lld s", (long long)ms / 60000, (long long)ms / 1000 % 60);
}

static void
put_amounts(struct line *line, const json_t *record)
{
    char duration[48];
    BUFFER_AUTO text;
    buffer_init(&text, 256);
    write_duration(admin_number(record, "duration_ms"), duration, sizeof duration);
    buffer_printf(&text, "  %s, ", duration);
    progress_put_size(&text, (uint64_t)admin_number(record, "bytes_up"));
    buffer_put_str(&text, " up, ");
    progress_put_size(&text, (uint64_t)admin_number(record, "bytes_down"));
    buffer_put_str(&text, " down");
    put_text(line, STYLE_DIM, buffer_text(&text));
}

static void
show_outcome(struct line *line, FILE *stream, const json_t *record)
{
    const struct audit_show *show = line->show;
    const char *id = admin_text(record, "id");
    int64_t status = admin_number(record, "status");
    size_t at = 0;
    char answer[24];
    while (at < AUDIT_REMEMBERED && (id[0] == '\0' || strcmp(show->seen[at].id, id) != 0))
        at++;
    bool known = at < AUDIT_REMEMBERED;
    snprintf(answer, sizeof answer, "%3lld", (long long)status);
    put_text(line, STYLE_DIM, screen_mark(&show->screen, MARK_ARROW));
    put_text(line, STYLE_NONE, show->screen.unicode ? " " : "");
    put_text(line,
             status >= 500 || status <= 0 ? STYLE_RED
             : status >= 400              ? STYLE_YELLOW
                                          : STYLE_GREEN,
             status > 0 ? answer : "---");
    put_text(line, STYLE_NONE, "  ");
    put_column(line, known ? show->seen[at].user : "", USER_COLUMNS);
    put_column(line, known ? show->seen[at].credential : "", CREDENTIAL_COLUMNS);
    put_text(line, STYLE_NONE, status > 0 ? "answered" : "no answer");
    put_amounts(line, record);
    if (known) {
        put_text(line, STYLE_NONE, "  ");
        put_text(line, STYLE_DIM, show->seen[at].request);
    }
    if (admin_text(record, "reason")[0] != '\0' || admin_text(record, "detail")[0] != '\0') {
        put_text(line, STYLE_NONE, "  ");
        put_reason(line, STYLE_YELLOW, record);
    }
    print_line(line, stream);
}

// admin, revoke, login, start, stop, and kinds that a later broker may write.
static void
show_other(struct line *line, FILE *stream, const json_t *record)
{
    const char *command = admin_text(record, "command");
    put_column(line, admin_text(record, "kind"), 5);
    put_column(line, admin_text(record, "user"), USER_COLUMNS);
    put_column(line, admin_text(record, "credential"), CREDENTIAL_COLUMNS);
    put_text(line, STYLE_BOLD, command);
    put_text(line, STYLE_NONE, command[0] != '\0' ? " " : "");
    put_text(line, STYLE_NONE, admin_text(record, "subject"));
    if (admin_text(record, "reason")[0] != '\0' || admin_text(record, "detail")[0] != '\0') {
        put_text(line, STYLE_NONE, "  ");
        put_reason(line, STYLE_DIM, record);
    }
    print_line(line, stream);
}

void
audit_show_record(struct audit_show *show, FILE *stream, const json_t *record)
{
    static const struct {
        const char *kind;
        void (*show)(struct line *line, FILE *stream, const json_t *record);
    } kinds[] = {{"decision", show_decision}, {"outcome", show_outcome}};
    struct line line = {.show = show};
    const char *kind = admin_text(record, "kind");
    size_t i = 0;
    buffer_init(&line.out, LINE_MAX_BYTES);
    put_time(&line, record);
    while (i < 2 && strcmp(kind, kinds[i].kind) != 0)
        i++;
    (i < 2 ? kinds[i].show : show_other)(&line, stream, record);
    buffer_free(&line.out);
}
