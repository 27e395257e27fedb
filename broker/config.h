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
enum log_format { LOG_FORMAT_AUTO = 0, LOG_FORMAT_HUMAN, LOG_FORMAT_JSON, LOG_FORMAT_JOURNALD };
enum log_decisions { LOG_DECISIONS_ALL = 0, LOG_DECISIONS_DENIED, LOG_DECISIONS_NONE };
enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct config_listener {
    char *address; /* "127.0.0.1:8437", "[::1]:0" */
    bool tls;
    bool insecure;     /* plain on an address that is not loopback: the operator said so */
    bool transparent;  /* clients are redirected to it, and know nothing of the broker */
    char *certificate; /* file names, PEM; NULL: a leaf of the local CA */
    char *key;
};

/* `gateway:` where gateways ask; each has a way to prove that it is one. */
enum { CONFIG_GATEWAY_USERS_MAX = 16 };
struct config_gateway {
    char *socket;                         /* an absolute path, or NULL: `listener` */
    char *group;                          /* of the socket, which then has mode 0660; or NULL */
    char *user[CONFIG_GATEWAY_USERS_MAX]; /* names or numbers: who may connect to the socket */
    size_t user_count;
    struct config_listener listener; /* loopback, or with TLS; asks for the gateway key */
    size_t line;                     /* where it stands in the file */
};

/* `metrics:` where the broker is watched. */
struct config_metrics {
    char *socket; /* an absolute path, or NULL: `listener` */
    char *group;  /* of the socket, which then has mode 0660, else 0600; or NULL */
    struct config_listener listener;
    size_t line; /* where it stands in the file */
};

/* `dns:` where names are answered (broker/proxy/dns_answer.h). */
struct config_dns {
    char *address;     /* "192.0.2.10:53" */
    uint8_t answer[4]; /* what allowed names resolve to */
};

enum attestation_demand { ATTESTATION_REQUIRED = 0, ATTESTATION_OPTIONAL };

enum { DISCHARGER_AAGUIDS_MAX = 64 };

/* What a discharger may accept. Plain data, so that it can be sent. */
struct discharger_settings {
    enum attestation_demand attestation;
    uint8_t aaguid[DISCHARGER_AAGUIDS_MAX][16]; /* models that may be enrolled; none: any */
    size_t aaguid_count;
    uint32_t firmware; /* major << 16 | minor << 8 | patch; the oldest; 0: any */
};

/* `discharger:` the one that `keyholed run` starts beside the broker, or `keyholed discharger run`
 * alone. */
struct config_discharger {
    bool disabled; /* `enabled: false` */
    bool set;      /* `listen` was given; else 127.0.0.1:8438, or any port when that is taken or
                      the broker itself listens on port 0 */
    struct config_listener *listener;
    size_t listener_count;
    char *url; /* as browsers see it; NULL: http://localhost:PORT, for a loopback listener alone */
    struct discharger_settings settings;
};

/* `dischargers:` those of others, for holes that are minted here. */
struct config_known_discharger {
    char *name, *address; /* "https://discharge.example#kd1_…" */
};

/* `pass-through:` hosts without a credential that may be reached all the same. */
struct config_pass_through {
    char *host;          /* canonical pattern, for messages */
    struct buffer route; /* all of it: a body of message_route_tx, with pass_through */
};

struct config {
#define KH_SETTING(field, group, key, type, default_, minimum, maximum, reload, description)       \
    int64_t field;
#include "../schema/config.def"
    struct config_listener *listener; /* `listen:` */
    size_t listener_count;
    char **name; /* `names:` the broker's own host names, beside localhost and its addresses */
    size_t name_count;
    struct config_gateway *gateway;
    size_t gateway_count;
    struct config_metrics *metrics;
    size_t metrics_count;
    struct config_dns *dns;
    size_t dns_count;
    struct config_discharger discharger;
    struct config_known_discharger *known_discharger;
    size_t known_discharger_count;
    char *default_discharger; /* a name; NULL: the local one, else the first */
    struct config_pass_through *pass_through;
    size_t pass_through_count;
};

void config_init(struct config *config); /* defaults; one listener, 127.0.0.1:8437 */
void config_free(struct config *config);

/* `path` is read whole; `config` is config_init()ed (or zeroed) first, and untouched on failure. */
KH_MUST_CHECK enum kh_err config_read(const char *path, struct config *config, struct fault *fault);
/* The file that `keyholed init` writes: every setting with its default, commented out. */
void config_print_default(struct buffer *out);
/* What differs, each setting by itself; the broker's own listeners are compared with what is
 * served, in supervisor/reload.c, and not here. */
struct config_change {
    const char *name, *old, *new; /* "timeouts.idle", "75s", "10s" */
    bool restart;                 /* takes effect with the next start */
};
typedef void config_diff_fn(void *context, const struct config_change *change);
void config_diff(const struct config *old, const struct config *new, config_diff_fn *fn,
                 void *context);
/* Names of settings that differ and need a restart, for the report of a reload; "" when none. */
void config_restart_needed(const struct config *old, const struct config *new, struct buffer *out);

#endif
