/* SPDX-License-Identifier: Apache-2.0
 *
 * The log: standard error, one line for one event. Never a secret, a token, a body or a query.
 */
#ifndef KEYHOLE_LOG_H
#define KEYHOLE_LOG_H

#include "config.h"

/* `process` is printed with each line: "supervisor", "proxy 0", "authority". Copied. */
void log_init(const char *process, enum log_format format, enum log_level level);
/* Where journald reads, lines are its native protocol on this connected socket, which is taken
 * over; without one, lines on standard error with a priority before them (sd-daemon(3)). -1: none.
 * Before log_init. */
void log_use_journal(int fd);
int log_journal(void); /* the socket in use, or -1 */
/* A socket to journald, connected before the walls are up; -1: there is none. */
int log_journal_connect(const char *path);
#define LOG_JOURNAL_SOCKET "/run/systemd/journal/socket"
/* Whether standard error leads to journald ($JOURNAL_STREAM). */
bool log_stream_is_journal(void);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* `event` is a stable word for programs ("listening", "child-exited"); the rest is a sentence.
 * Control characters and bytes that are no UTF-8 are escaped. */
KH_COLD void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A value that programs may want: a member of the JSON object, a field of the journal. */
struct log_field {
    const char *name; /* lower case: "request_id" */
    struct bytes value;
};
void log_event_fields(enum log_level level, const char *event, const struct log_field *field,
                      size_t count, const char *format, ...) __attribute__((format(printf, 5, 6)));

#define log_error(event, ...)   log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warning(event, ...) log_event(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_info(event, ...)    log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)   log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
