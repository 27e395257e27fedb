/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line on standard error for one event, for people or for programs. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    PROCESS_MAX = 32,
    SENTENCE_MAX = 1024,
    LINE_MAX_BYTES = 8192, // six for each byte of a sentence, and the rest of the line
};

static struct {
    char process[PROCESS_MAX];
    bool json;
    bool journal;   // the lines are journald's
    int journal_fd; // and go to it by this
    bool colour;
    enum log_level level;
} state = {.process = "keyholed", .journal_fd = -1, .level = LOG_LEVEL_INFO};

static const struct {
    const char *name, *colour;
    char priority; // syslog(3)
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", "\033[31m", '3'},
    [LOG_LEVEL_WARNING] = {"warning", "\033[33m", '4'},
    [LOG_LEVEL_INFO] = {"info", "", '6'},
    [LOG_LEVEL_DEBUG] = {"debug", "\033[2m", '7'},
};

struct line {
    char p[LINE_MAX_BYTES];
    size_t n;
};

void
log_init(const char *process, enum log_format format, enum log_level level)
{
    bool terminal = isatty(STDERR_FILENO) == 1;
    (void)snprintf(state.process, sizeof(state.process), "%s", process);
    state.journal =
        format == LOG_FORMAT_JOURNALD ||
        (format == LOG_FORMAT_AUTO && (state.journal_fd >= 0 || log_stream_is_journal()));
    state.json =
        !state.journal && (format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !terminal));
    state.colour = terminal && !state.json && !state.journal;
    log_set_level(level);
}

void
log_use_journal(int fd)
{
    if (state.journal_fd >= 0 && state.journal_fd != fd)
        close(state.journal_fd);
    state.journal_fd = fd;
}

int
log_journal(void)
{
    return state.journal ? state.journal_fd : -1;
}

int
log_journal_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

// systemd.exec(5): "DEVICE:INODE" of what was standard error when the service was started.
bool
log_stream_is_journal(void)
{
    const char *text = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[64];
    if (text == NULL || fstat(STDERR_FILENO, &status) != 0)
        return false;
    (void)snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)status.st_dev,
                   (unsigned long long)status.st_ino);
    return strcmp(text, own) == 0;
}

void
log_set_level(enum log_level level)
{
    state.level = level > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG : level;
}

bool
log_enabled(enum log_level level)
{
    return level <= state.level;
}

// Room for the end of the line is kept free, so that even a line that was cut ends well.
static void
line_put(struct line *line, const char *p, size_t n)
{
    if (line->n + n > sizeof(line->p) - 8)
        return;
    memcpy(line->p + line->n, p, n);
    line->n += n;
}

static void
line_put_str(struct line *line, const char *s)
{
    line_put(line, s, strlen(s));
}

// The length of the character at the start, 0 when it is no UTF-8.
static size_t
character_length(struct bytes text)
{
    uint8_t lead = text.p[0];
    size_t n = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    return n <= text.n && bytes_is_utf8(bytes_slice(text, 0, n)) ? n : 0;
}

static uint32_t
character_decode(const uint8_t *p, size_t n)
{
    static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = p[0] & lead_mask[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

// What moves a terminal's cursor, breaks the line or turns the direction of text could make a line
// of the log say something else than it does.
static bool
character_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || c == 0x2028 ||
           c == 0x2029 || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void
line_put_bytes(struct line *line, struct bytes rest)
{
    while (rest.n > 0) {
        char escape[16];
        size_t n = character_length(rest);
        uint32_t c = n > 0 ? character_decode(rest.p, n) : 0;
        if (n == 0)
            (void)snprintf(escape, sizeof(escape), "%s\\x%02x", state.json ? "\\" : "", rest.p[0]);
        else if (character_is_control(c))
            (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
        else if (c == '\\' || (c == '"' && state.json))
            (void)snprintf(escape, sizeof(escape), "\\%c", (char)c);
        else
            escape[0] = '\0';
        if (escape[0] != '\0')
            line_put_str(line, escape);
        else
            line_put(line, (const char *)rest.p, n);
        rest = bytes_from(rest, n == 0 ? 1 : n);
    }
}

static void
line_put_text(struct line *line, const char *s)
{
    line_put_bytes(line, bytes_str(s));
}

static void
line_put_time(struct line *line)
{
    struct timespec now = {0};
    struct tm utc = {0};
    char text[48];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text + n, sizeof(text) - n, ".%03ldZ", now.tv_nsec / 1000000);
    line_put_str(line, text);
}

struct entry {
    enum log_level level;
    const char *event, *sentence;
    const struct log_field *field;
    size_t count;
};

// Who says it, what happened, and the sentence: the end of a line for people.
static void
line_put_said(struct line *line, const struct entry *entry)
{
    line_put_text(line, state.process);
    line_put_str(line, ": ");
    line_put_text(line, entry->event);
    line_put_str(line, ": ");
    line_put_text(line, entry->sentence);
    line->p[line->n++] = '\n';
}

static void
line_human(struct line *line, const struct entry *entry)
{
    bool colour = state.colour && levels[entry->level].colour[0] != '\0';
    line_put_time(line);
    line_put_str(line, " ");
    line_put_str(line, colour ? levels[entry->level].colour : "");
    line_put_str(line, levels[entry->level].name);
    line_put_str(line, colour ? "\033[0m " : " ");
    line_put_said(line, entry);
}

static void
line_json(struct line *line, const struct entry *entry)
{
    line_put_str(line, "{\"time\":\"");
    line_put_time(line);
    line_put_str(line, "\",\"level\":\"");
    line_put_str(line, levels[entry->level].name);
    line_put_str(line, "\",\"process\":\"");
    line_put_text(line, state.process);
    line_put_str(line, "\",\"event\":\"");
    line_put_text(line, entry->event);
    for (size_t i = 0; i < entry->count; i++) {
        line_put_str(line, "\",\"");
        line_put_str(line, entry->field[i].name);
        line_put_str(line, "\":\"");
        line_put_bytes(line, entry->field[i].value);
    }
    line_put_str(line, "\",\"message\":\"");
    line_put_text(line, entry->sentence);
    memcpy(line->p + line->n, "\"}\n", 3);
    line->n += 3;
}

// For standard error where journald reads it: it takes the time itself, and the level from here.
static void
line_prefixed(struct line *line, const struct entry *entry)
{
    const char prefix[] = {'<', levels[entry->level].priority, '>', '\0'};
    line_put_str(line, prefix);
    line_put_said(line, entry);
}

static void
line_put_field(struct line *line, const char *name, struct bytes value)
{
    for (; *name != '\0'; name++) {
        char c = *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
        line_put(line, &c, 1);
    }
    line_put_str(line, "=");
    line_put_bytes(line, value);
    line_put_str(line, "\n");
}

// https://systemd.io/JOURNAL_NATIVE_PROTOCOL: NAME=VALUE and a newline, which no value has in it,
// because control characters are escaped.
static void
line_journal(struct line *line, const struct entry *entry)
{
    char name[64];
    line_put_field(line, "message", bytes_str(entry->sentence));
    line_put_field(line, "priority", bytes_of(&levels[entry->level].priority, 1));
    line_put_field(line, "syslog_identifier", BYTES("keyholed"));
    line_put_field(line, "keyhole_process", bytes_str(state.process));
    line_put_field(line, "keyhole_event", bytes_str(entry->event));
    for (size_t i = 0; i < entry->count; i++) {
        (void)snprintf(name, sizeof(name), "keyhole_%s", entry->field[i].name);
        line_put_field(line, name, entry->field[i].value);
    }
}

// One write, so that lines of several processes do not mix. A log that cannot be written is no
// reason to stop serving.
static void
line_write(const struct line *line)
{
    ssize_t written;
    do
        written = write(STDERR_FILENO, line->p, line->n);
    while (written < 0 && errno == EINTR);
}

static bool
journal_send(const struct line *line)
{
    ssize_t sent;
    do
        sent = send(state.journal_fd, line->p, line->n, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

static void
entry_write(const struct entry *entry)
{
    struct line line;
    line.n = 0;
    if (state.journal && state.journal_fd >= 0) {
        line_journal(&line, entry);
        if (journal_send(&line))
            return;
        line.n = 0; // it does not keep up, or is gone
    }
    (state.journal ? line_prefixed : state.json ? line_json : line_human)(&line, entry);
    line_write(&line);
}

static void
log_list(struct entry *entry, const char *format, va_list arguments)
{
    int saved = errno;
    char sentence[SENTENCE_MAX];
    if (vsnprintf(sentence, sizeof(sentence), format, arguments) < 0)
        sentence[0] = '\0';
    entry->sentence = sentence;
    entry_write(entry);
    entry->sentence = NULL; // it ends here
    errno = saved;
}

void
log_event(enum log_level level, const char *event, const char *format, ...)
{
    struct entry entry = {.level = level, .event = event};
    va_list arguments;
    if (!log_enabled(level))
        return;
    va_start(arguments, format);
    log_list(&entry, format, arguments);
    va_end(arguments);
}

void
log_event_fields(enum log_level level, const char *event, const struct log_field *field,
                 size_t count, const char *format, ...)
{
    struct entry entry = {.level = level, .event = event, .field = field, .count = count};
    va_list arguments;
    if (!log_enabled(level))
        return;
    va_start(arguments, format);
    log_list(&entry, format, arguments);
    va_end(arguments);
}
