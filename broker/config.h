/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration: keyholed.yaml, read by the supervisor (and `keyholed check`) alone, and handed
 * to the children over their channels.
 *
 * Scalars are rows of schema/config.def. A file is read whole or not at all: a fault names file,
 * line and what was expected.
 */
#ifndef KEYHOLE_CONFIG_H
#define KEYHOLE_CONFIG_H

#include "../caveats/bytes.h"
#include "../caveats/errors.h"

enum audit_sync { AUDIT_SYNC_ALWAYS = 0, AUDIT_SYNC_INTERVAL, AUDIT_SYNC_NONE };
enum log_format { LOG_FORMAT_AUTO = 0, LOG_FORMAT_HUMAN, LOG_FORMAT_JSON };
enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct config_listener {
    char *address; /* "127.0.0.1:8437", "[::1]:0" */
    bool tls;
    bool insecure;     /* plain on an address that is not loopback: the operator said so */
    char *certificate; /* file names, PEM; NULL: a leaf of the local CA */
    char *key;
};

struct config {
#define KH_SETTING(field, group, key, type, default_, minimum, maximum, reload, description)       \
    int64_t field;
#include "../schema/config.def"
    struct config_listener *listener; /* `listen:` */
    size_t listener_count;
    char **name; /* `names:` the broker's own host names, beside localhost and its addresses */
    size_t name_count;
};

void config_init(struct config *config); /* defaults; one listener, 127.0.0.1:8437 */
void config_free(struct config *config);

/* `path` is read whole; `config` is config_init()ed (or zeroed) first, and untouched on failure. */
KH_MUST_CHECK enum kh_err config_read(const char *path, struct config *config, struct fault *fault);
/* The file that `keyholed init` writes: every setting with its default, commented out. */
void config_print_default(struct buffer *out);
/* Names of settings that differ and need a restart, for the report of a reload; "" when none. */
void config_restart_needed(const struct config *old, const struct config *new, struct buffer *out);

#endif
