/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the configuration share; nobody else includes this but its tests.
 *
 *     config.c           defaults, printing, what a reload cannot change
 *     config_diff.c      what differs between two, for people
 *     config_value.c     the table of settings; texts such as "10s" into numbers and back
 *     config_read.c      the file into a struct config
 *     config_schema.c    the cyaml schema, made from the table
 *     config_item.c      what the items of its lists have in common
 *     config_listen.c    the rules for listeners and names
 *     config_gateway.c   the rules for listeners of gateways
 *     config_metrics.c   the rules for listeners of whoever watches
 *     config_dns.c       the rules for `dns:`
 *     config_pass_through.c  the rules for hosts that are passed through
 *     config_discharger.c  the rules for the discharger beside the broker, and for those of others
 */
#ifndef KEYHOLE_CONFIG_INTERNAL_H
#define KEYHOLE_CONFIG_INTERNAL_H

#include "../caveats/yaml_text.h"
#include "config.h"

/* ---- the table ---- */

enum setting_type {
    SETTING_DURATION_MS,
    SETTING_SIZE,
    SETTING_COUNT,
    SETTING_FLAG,
    SETTING_CHOICE_AUDIT_SYNC,
    SETTING_CHOICE_LOG_FORMAT,
    SETTING_CHOICE_LOG_LEVEL,
    SETTING_CHOICE_LOG_DECISIONS,
};

enum setting_reload { SETTING_RESTART = 0, SETTING_RELOAD };

struct config_setting {
    const char *group, *key; /* group "" at the top level */
    enum setting_type type;
    int64_t standard, minimum, maximum;
    enum setting_reload reload;
    const char *description;
    size_t offset; /* of the int64_t in struct config */
};

enum {
#define KH_SETTING(field, group, key, type, default_, minimum, maximum, reload, description)       \
    CONFIG_INDEX_##field,
#include "../schema/config.def"
    CONFIG_SETTINGS,
};
extern const struct config_setting config_setting[CONFIG_SETTINGS];

int64_t config_get(const struct config *config, const struct config_setting *setting);
void config_set(struct config *config, const struct config_setting *setting, int64_t value);
/* "group.key" or "key". */
void config_setting_name(const struct config_setting *setting, struct buffer *out);

/* The text of a value, as it may stand in the file. */
void config_value_print(enum setting_type type, int64_t value, struct buffer *out);
/* KH_ERR_TYPE: not of the type; KH_ERR_RANGE: no number that fits. Bounds are the caller's. */
KH_MUST_CHECK enum kh_err config_value_parse(enum setting_type type, struct bytes text,
                                             int64_t *out);
/* "a duration such as 10s", "one of always, interval, none" */
void config_type_describe(enum setting_type type, struct buffer *out);

/* ---- what cyaml loads: texts, read by type afterwards ---- */

enum {
    CONFIG_GROUPS_MAX = 8,
    CONFIG_LISTENERS_MAX = 64,
    CONFIG_NAMES_MAX = 64,
    CONFIG_GATEWAYS_MAX = 16,
    CONFIG_METRICS_MAX = 8,
    CONFIG_DNS_MAX = 16,
    CONFIG_KNOWN_DISCHARGERS_MAX = 15, /* and the one beside the broker */
    CONFIG_PASS_THROUGH_MAX = 1024,
};

struct config_raw_listener {
    char *address, *tls, *insecure, *transparent, *certificate, *key;
};

struct config_raw_pass_through {
    char *host, *upstream_ca, *plain;
    char **port, **resolve, **network;
    unsigned port_count, resolve_count, network_count;
};

struct config_raw_discharger {
    char *enabled, *url, *attestation, *firmware;
    struct config_raw_listener *listener;
    unsigned listener_count;
    char **aaguid;
    unsigned aaguid_count;
};

struct config_raw_known_discharger {
    char *name, *address;
};

struct config_raw_gateway {
    struct config_raw_listener listener;
    char *socket, *group, **user;
    unsigned user_count;
};

struct config_raw_metrics {
    struct config_raw_listener listener;
    char *socket, *group;
};

struct config_raw_dns {
    char *address, *answer;
};

struct config_raw_group {
    char *value[CONFIG_SETTINGS];
};

struct config_raw {
    char *value[CONFIG_SETTINGS]; /* at the top level */
    struct config_raw_group *group[CONFIG_GROUPS_MAX];
    struct config_raw_listener *listener;
    unsigned listener_count;
    char **name;
    unsigned name_count;
    struct config_raw_gateway *gateway;
    unsigned gateway_count;
    struct config_raw_metrics *metrics;
    unsigned metrics_count;
    struct config_raw_dns *dns;
    unsigned dns_count;
    struct config_raw_discharger *discharger;
    struct config_raw_known_discharger *known_discharger;
    unsigned known_discharger_count;
    char *default_discharger;
    struct config_raw_pass_through *pass_through;
    unsigned pass_through_count;
};

struct config_schema {
    const char *group[CONFIG_GROUPS_MAX];
    size_t group_count;
    cyaml_schema_field_t field[CONFIG_GROUPS_MAX][CONFIG_SETTINGS + 1];
    cyaml_schema_field_t top[CONFIG_SETTINGS + CONFIG_GROUPS_MAX + 16];
    cyaml_schema_value_t root;
};

void config_schema_init(struct config_schema *schema);
/* The text that was given for a setting, or NULL. */
const char *config_raw_value(const struct config_schema *schema, const struct config_raw *raw,
                             const struct config_setting *setting);

/* ---- items of lists ---- */

/* The item that is read, for messages. */
struct config_place {
    struct yaml_text *document;
    const char *list; /* in the file: "listen" */
    unsigned index;   /* from 0 */
    struct fault *fault;
};

/* KH_ERR_CONFIG in the line of the item's key: "listen[1]" and what the format says. */
KH_MUST_CHECK enum kh_err config_place_fault(const struct config_place *place, const char *key,
                                             const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL is copied as NULL, and the same as NULL alone. */
KH_MUST_CHECK enum kh_err config_text_copy(const char *text, char **out, struct fault *fault);
bool config_text_same(const char *a, const char *b);

/* What holds for each socket in the place of a listener. */
KH_MUST_CHECK enum kh_err config_socket_check(const struct config_place *place, const char *socket,
                                              const struct config_raw_listener *listener);

/* Whether they listen alike. */
bool config_listener_same(const struct config_listener *a, const struct config_listener *b);
void config_listener_fini(struct config_listener *listener);

/* ---- listeners and names ---- */

/* A list of listeners. */
struct config_listener_list {
    struct config_listener *listener; /* owned */
    size_t count;
};
struct config_listener_rules {
    bool may_be_insecure; /* plain on a network, when the operator says so */
    bool may_be_transparent;
};
/* `first` is the place of the first. */
KH_MUST_CHECK enum kh_err config_listener_list_read(const struct config_place *first,
                                                    const struct config_listener_rules *rules,
                                                    const struct config_raw_listener *raw,
                                                    unsigned count,
                                                    struct config_listener_list *out);
/* One; `out` is zeroed before. */
KH_MUST_CHECK enum kh_err config_listener_read(const struct config_place *place,
                                               const struct config_listener_rules *rules,
                                               const struct config_raw_listener *raw,
                                               struct config_listener *out);
void config_listener_list_free(struct config_listener_list *list);

KH_MUST_CHECK enum kh_err config_listeners_read(struct yaml_text *document,
                                                const struct config_raw *raw, struct config *config,
                                                struct fault *fault);
KH_MUST_CHECK enum kh_err config_names_read(struct yaml_text *document,
                                            const struct config_raw *raw, struct config *config,
                                            struct fault *fault);
/* A file name that is not absolute is meant from the directory of the configuration. Free it;
 * NULL: no memory. */
char *config_file_name(const char *config_path, const char *name);
void config_listeners_free(struct config *config);
void config_names_free(struct config *config);

/* ---- gateways ---- */

/* `gateway:` */
KH_MUST_CHECK enum kh_err config_gateways_read(struct yaml_text *document,
                                               const struct config_raw *raw, struct config *config,
                                               struct fault *fault);
void config_gateways_free(struct config *config);
bool config_gateways_equal(const struct config *a, const struct config *b);

/* ---- metrics ---- */

/* `metrics:` */
KH_MUST_CHECK enum kh_err config_metrics_read(struct yaml_text *document,
                                              const struct config_raw *raw, struct config *config,
                                              struct fault *fault);
void config_metrics_free(struct config *config);
bool config_metrics_equal(const struct config *a, const struct config *b);

/* Whether it is ADDRESS:PORT in numbers alone. */
bool config_address_is_numeric(const char *text);

/* ---- DNS ---- */

/* `dns:`; on failure what was read so far is in `config`, to be freed with it. */
KH_MUST_CHECK enum kh_err config_dns_read(struct yaml_text *document, const struct config_raw *raw,
                                          struct config *config, struct fault *fault);
void config_dns_free(struct config *config);
bool config_dns_equal(const struct config *a, const struct config *b);

/* ---- hosts that are passed through ---- */

KH_MUST_CHECK enum kh_err config_pass_through_read(struct yaml_text *document,
                                                   const struct config_raw *raw,
                                                   struct config *config, struct fault *fault);
void config_pass_through_free(struct config *config);

/* ---- dischargers ---- */

/* `discharger:`, `dischargers:` and `default-discharger:`, as far as they are there. */
KH_MUST_CHECK enum kh_err config_dischargers_read(struct yaml_text *document,
                                                  const struct config_raw *raw,
                                                  struct config *config, struct fault *fault);
void config_dischargers_free(struct config *config);
/* Names of what differs in `discharger:` and needs a restart: ", " before each but the first. */
void config_discharger_restart_needed(const struct config *old, const struct config *new,
                                      struct buffer *out);

#endif
