/* SPDX-License-Identifier: Apache-2.0 */
/* The cyaml schema of keyholed.yaml, made from the table of settings. */
#include "config_internal.h"

#include "messages.h"

#include <string.h>

enum { VALUE_MAX = 4096 };

// Every scalar is loaded as text: cyaml's own numbers know no units, and its messages no ranges.
#define TEXT_FIELD(name, flags, structure, member)                                                 \
    CYAML_FIELD_STRING_PTR(name, flags, structure, member, 0, VALUE_MAX)

static const cyaml_schema_field_t listener_fields[] = {
    TEXT_FIELD("address", CYAML_FLAG_POINTER, struct config_raw_listener, address),
    TEXT_FIELD("tls", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_listener, tls),
    TEXT_FIELD("insecure", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_listener,
               insecure),
    TEXT_FIELD("transparent", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_listener,
               transparent),
    TEXT_FIELD("certificate", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_listener,
               certificate),
    TEXT_FIELD("key", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_listener, key),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t listener_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_listener, listener_fields),
};

static const cyaml_schema_value_t name_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, VALUE_MAX),
};

#define GATEWAY_LISTENER_FIELD(name, member)                                                       \
    TEXT_FIELD(name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_gateway,          \
               listener.member)

static const cyaml_schema_field_t gateway_fields[] = {
    GATEWAY_LISTENER_FIELD("address", address),
    GATEWAY_LISTENER_FIELD("tls", tls),
    GATEWAY_LISTENER_FIELD("certificate", certificate),
    GATEWAY_LISTENER_FIELD("key", key),
    TEXT_FIELD("socket", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_gateway,
               socket),
    TEXT_FIELD("group", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_gateway, group),
    CYAML_FIELD_SEQUENCE_COUNT("users", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct config_raw_gateway, user, user_count, &name_value, 0,
                               CONFIG_GATEWAY_USERS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t gateway_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_gateway, gateway_fields),
};

#define METRICS_FIELD(name, member)                                                                \
    TEXT_FIELD(name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_metrics, member)

static const cyaml_schema_field_t metrics_fields[] = {
    METRICS_FIELD("address", listener.address),
    METRICS_FIELD("tls", listener.tls),
    METRICS_FIELD("insecure", listener.insecure),
    METRICS_FIELD("certificate", listener.certificate),
    METRICS_FIELD("key", listener.key),
    METRICS_FIELD("socket", socket),
    METRICS_FIELD("group", group),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t metrics_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_metrics, metrics_fields),
};

static const cyaml_schema_field_t dns_fields[] = {
    TEXT_FIELD("address", CYAML_FLAG_POINTER, struct config_raw_dns, address),
    TEXT_FIELD("answer", CYAML_FLAG_POINTER, struct config_raw_dns, answer),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t dns_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_dns, dns_fields),
};

static const cyaml_schema_field_t discharger_fields[] = {
    TEXT_FIELD("enabled", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_discharger,
               enabled),
    CYAML_FIELD_SEQUENCE_COUNT("listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct config_raw_discharger, listener, listener_count,
                               &listener_value, 1, CONFIG_LISTENERS_MAX),
    TEXT_FIELD("url", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_discharger, url),
    TEXT_FIELD("attestation", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
               struct config_raw_discharger, attestation),
    CYAML_FIELD_SEQUENCE_COUNT("aaguids", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct config_raw_discharger, aaguid, aaguid_count, &name_value, 0,
                               DISCHARGER_AAGUIDS_MAX),
    TEXT_FIELD("firmware", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_discharger,
               firmware),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t known_discharger_fields[] = {
    TEXT_FIELD("name", CYAML_FLAG_POINTER, struct config_raw_known_discharger, name),
    TEXT_FIELD("address", CYAML_FLAG_POINTER, struct config_raw_known_discharger, address),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t known_discharger_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_known_discharger,
                        known_discharger_fields),
};

#define TEXT_LIST(name, member, max)                                                               \
    CYAML_FIELD_SEQUENCE_COUNT(name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,                     \
                               struct config_raw_pass_through, member, member##_count,             \
                               &name_value, 0, max)
static const cyaml_schema_field_t pass_through_fields[] = {
    TEXT_FIELD("host", CYAML_FLAG_POINTER, struct config_raw_pass_through, host),
    TEXT_LIST("ports", port, ROUTE_PORTS_MAX),
    TEXT_LIST("resolve", resolve, ROUTE_RESOLVE_MAX),
    TEXT_LIST("allow-networks", network, ROUTE_NETWORKS_MAX),
    TEXT_FIELD("upstream-ca", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
               struct config_raw_pass_through, upstream_ca),
    TEXT_FIELD("plain", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw_pass_through,
               plain),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t pass_through_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_pass_through, pass_through_fields),
};

// What is no row of the table.
static const cyaml_schema_field_t other_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("listen", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct config_raw, listener, listener_count, &listener_value, 0,
                               CONFIG_LISTENERS_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("names", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw,
                               name, name_count, &name_value, 0, CONFIG_NAMES_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("gateway", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct config_raw, gateway, gateway_count, &gateway_value, 0,
                               CONFIG_GATEWAYS_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("metrics", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct config_raw, metrics, metrics_count, &metrics_value, 0,
                               CONFIG_METRICS_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("dns", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw,
                               dns, dns_count, &dns_value, 0, CONFIG_DNS_MAX),
    // Nothing in it is what is left when all its lines are commented out.
    CYAML_FIELD_MAPPING_PTR("discharger", CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL,
                            struct config_raw, discharger, discharger_fields),
    CYAML_FIELD_SEQUENCE_COUNT("dischargers", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct config_raw, known_discharger, known_discharger_count,
                               &known_discharger_value, 0, CONFIG_KNOWN_DISCHARGERS_MAX),
    CYAML_FIELD_SEQUENCE_COUNT("pass-through", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                               struct config_raw, pass_through, pass_through_count,
                               &pass_through_value, 0, CONFIG_PASS_THROUGH_MAX),
    TEXT_FIELD("default-discharger", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_raw,
               default_discharger),
};

static size_t
group_index(const struct config_schema *schema, const char *group)
{
    size_t i = 0;
    while (i < schema->group_count && strcmp(schema->group[i], group) != 0)
        i++;
    return i;
}

static cyaml_schema_field_t
setting_field(size_t i)
{
    // The values of both structures are an array of texts at their start, one for each setting.
    return (cyaml_schema_field_t){
        .key = config_setting[i].key,
        .data_offset = (uint32_t)(i * sizeof(char *)),
        .value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char *, 0,
                                     VALUE_MAX)},
    };
}

static void
schema_add_setting(struct config_schema *schema, size_t i, size_t *top, size_t *length)
{
    const char *group = config_setting[i].group;
    if (group[0] == '\0') {
        schema->top[(*top)++] = setting_field(i);
        return;
    }
    size_t g = group_index(schema, group);
    if (g == schema->group_count) {
        schema->group[schema->group_count++] = group;
        // A group without any setting in it is what is left when all its lines are commented out.
        schema->top[(*top)++] = (cyaml_schema_field_t){
            .key = group,
            .data_offset = (uint32_t)(offsetof(struct config_raw, group) +
                                      g * sizeof(struct config_raw_group *)),
            .value = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL,
                                          struct config_raw_group, schema->field[g])},
        };
    }
    schema->field[g][length[g]++] = setting_field(i);
}

void
config_schema_init(struct config_schema *schema)
{
    size_t top = 0, length[CONFIG_GROUPS_MAX] = {0};
    *schema = (struct config_schema){0};
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        schema_add_setting(schema, i, &top, length);
    for (size_t i = 0; i < sizeof(other_fields) / sizeof(other_fields[0]); i++)
        schema->top[top++] = other_fields[i];
    schema->root = (cyaml_schema_value_t){
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_raw, schema->top),
    };
}

const char *
config_raw_value(const struct config_schema *schema, const struct config_raw *raw,
                 const struct config_setting *setting)
{
    size_t i = (size_t)(setting - config_setting);
    if (setting->group[0] == '\0')
        return raw->value[i];
    const struct config_raw_group *group = raw->group[group_index(schema, setting->group)];
    return group == NULL ? NULL : group->value[i];
}
