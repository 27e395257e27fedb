/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line on standard error for one event, for people or for programs. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
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
    bool colour;
    enum log_level level;
} state = {.process = "keyholed", .level = LOG_LEVEL_INFO};

static const struct {
    const char *name, *colour;
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", "\033[31m"},
    [LOG_LEVEL_WARNING] = {"warning", "\033[33m"},
    [LOG_LEVEL_INFO] = {"info", ""},
    [LOG_LEVEL_DEBUG] = {"debug", "\033[2m"},
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
    state.json = format == LOG_FORMAT_JSON || (format == LOG_FORMAT_AUTO && !terminal);
    state.colour = terminal && !state.json;
    log_set_level(level);
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
line_put_text(struct line *line, const char *s)
{
    struct bytes rest = bytes_str(s);
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

static void
line_human(struct line *line, enum log_level level, const char *event, const char *sentence)
{
    bool colour = state.colour && levels[level].colour[0] != '\0';
    line_put_time(line);
    line_put_str(line, " ");
    line_put_str(line, colour ? levels[level].colour : "");
    line_put_str(line, levels[level].name);
    line_put_str(line, colour ? "\033[0m " : " ");
    line_put_text(line, state.process);
    line_put_str(line, ": ");
    line_put_text(line, event);
    line_put_str(line, ": ");
    line_put_text(line, sentence);
    line->p[line->n++] = '\n';
}

static void
line_json(struct line *line, enum log_level level, const char *event, const char *sentence)
{
    line_put_str(line, "{\"time\":\"");
    line_put_time(line);
    line_put_str(line, "\",\"level\":\"");
    line_put_str(line, levels[level].name);
    line_put_str(line, "\",\"process\":\"");
    line_put_text(line, state.process);
    line_put_str(line, "\",\"event\":\"");
    line_put_text(line, event);
    line_put_str(line, "\",\"message\":\"");
    line_put_text(line, sentence);
    memcpy(line->p + line->n, "\"}\n", 3);
    line->n += 3;
}

void
log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    int saved = errno;
    char sentence[SENTENCE_MAX];
    struct line line;
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(sentence, sizeof(sentence), format, arguments) < 0)
        sentence[0] = '\0';
    va_end(arguments);
    line.n = 0;
    (state.json ? line_json : line_human)(&line, level, event, sentence);
    // One write, so that lines of several processes do not mix. A log that cannot be written is no
    // reason to stop serving.
    ssize_t written;
    do
        written = write(STDERR_FILENO, line.p, line.n);
    while (written < 0 && errno == EINTR);
    errno = saved;
}
