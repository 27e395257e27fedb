/* SPDX-License-Identifier: Apache-2.0
 *
 * The log: standard error, one line for one event. Never a secret, a token, a body or a query.
 */
#ifndef KEYHOLE_LOG_H
#define KEYHOLE_LOG_H

#include "config.h"

/* `process` is printed with each line: "supervisor", "proxy 0", "authority". Copied. */
void log_init(const char *process, enum log_format format, enum log_level level);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* `event` is a stable word for programs ("listening", "child-exited"); the rest is a sentence.
 * Control characters and bytes that are no UTF-8 are escaped. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(event, ...)   log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warning(event, ...) log_event(LOG_LEVEL_WARNING, event, __VA_ARGS__)
#define log_info(event, ...)    log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)   log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
