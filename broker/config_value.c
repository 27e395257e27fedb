/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, and their values as text. */
#include "config_internal.h"

#include <string.h>

const struct config_setting config_setting[CONFIG_SETTINGS] = {
#define KH_SETTING(field, group, key, type, default_, minimum, maximum, reload, description)       \
    {group,                                                                                        \
     key,                                                                                          \
     SETTING_##type,                                                                               \
     default_,                                                                                     \
     minimum,                                                                                      \
     maximum,                                                                                      \
     SETTING_##reload,                                                                             \
     description,                                                                                  \
     offsetof(struct config, field)},
#include "../schema/config.def"
};

int64_t
config_get(const struct config *config, const struct config_setting *setting)
{
    int64_t value;
    memcpy(&value, (const char *)config + setting->offset, sizeof(value));
    return value;
}

void
config_set(struct config *config, const struct config_setting *setting, int64_t value)
{
    memcpy((char *)config + setting->offset, &value, sizeof(value));
}

void
config_setting_name(const struct config_setting *setting, struct buffer *out)
{
    if (setting->group[0] != '\0')
        buffer_printf(out, "%s.", setting->group);
    buffer_put_str(out, setting->key);
}

/* ---- choices ---- */

static const char *const audit_sync_names[] = {
    [AUDIT_SYNC_ALWAYS] = "always",
    [AUDIT_SYNC_INTERVAL] = "interval",
    [AUDIT_SYNC_NONE] = "none",
};
static const char *const log_format_names[] = {
    [LOG_FORMAT_AUTO] = "auto",
    [LOG_FORMAT_HUMAN] = "human",
    [LOG_FORMAT_JSON] = "json",
    [LOG_FORMAT_JOURNALD] = "journald",
};
static const char *const log_level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};
static const char *const log_decisions_names[] = {
    [LOG_DECISIONS_ALL] = "all",
    [LOG_DECISIONS_DENIED] = "denied",
    [LOG_DECISIONS_NONE] = "none",
};
static const char *const flag_names[] = {"false", "true"};

struct unit {
    const char *name;
    int64_t factor;
};

// Largest first, for printing; the last is what a number without a unit would count.
static const struct unit duration_units[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct unit size_units[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
                                         {"B", 1},         {"", 1},          {NULL, 0}};
static const struct unit count_units[] = {{"", 1}, {NULL, 0}};

static const struct {
    const char *description;
    const struct unit *unit;
    const char *const *choice;
    size_t choice_count;
} types[] = {
    [SETTING_DURATION_MS] = {"a duration such as 10s", duration_units, NULL, 0},
    [SETTING_SIZE] = {"a size such as 64KiB", size_units, NULL, 0},
    [SETTING_COUNT] = {"a whole number", count_units, NULL, 0},
    [SETTING_FLAG] = {"true or false", NULL, flag_names, 2},
    [SETTING_CHOICE_AUDIT_SYNC] = {NULL, NULL, audit_sync_names, 3},
    [SETTING_CHOICE_LOG_FORMAT] = {NULL, NULL, log_format_names, 4},
    [SETTING_CHOICE_LOG_LEVEL] = {NULL, NULL, log_level_names, 4},
    [SETTING_CHOICE_LOG_DECISIONS] = {NULL, NULL, log_decisions_names, 3},
};

void
config_type_describe(enum setting_type type, struct buffer *out)
{
    if (types[type].description != NULL) {
        buffer_put_str(out, types[type].description);
        return;
    }
    buffer_put_str(out, "one of ");
    for (size_t i = 0; i < types[type].choice_count; i++)
        buffer_printf(out, "%s%s", i > 0 ? ", " : "", types[type].choice[i]);
}

void
config_value_print(enum setting_type type, int64_t value, struct buffer *out)
{
    if (types[type].choice != NULL) {
        bool known = value >= 0 && (size_t)value < types[type].choice_count;
        buffer_put_str(out, known ? types[type].choice[value] : "?");
        return;
    }
    const struct unit *unit = types[type].unit;
    while (unit[1].name != NULL && (value == 0 || value % unit->factor != 0))
        unit++;
    // Zero and odd sizes end at the plain number.
    if (type == SETTING_DURATION_MS && value == 0)
        unit = &duration_units[2];
    buffer_printf(out, "%lld%s", (long long)(value / unit->factor), unit->name);
}

static enum kh_err
choice_parse(enum setting_type type, struct bytes text, int64_t *out)
{
    for (size_t i = 0; i < types[type].choice_count; i++) {
        if (bytes_is(text, types[type].choice[i])) {
            *out = (int64_t)i;
            return KH_OK;
        }
    }
    return KH_ERR_TYPE;
}

enum kh_err
config_value_parse(enum setting_type type, struct bytes text, int64_t *out)
{
    if (types[type].choice != NULL)
        return choice_parse(type, text, out);
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    struct bytes number = bytes_slice(text, 0, digits);
    struct bytes suffix = bytes_from(text, digits);
    const struct unit *unit = types[type].unit;
    while (unit->name != NULL && !bytes_is(suffix, unit->name))
        unit++;
    if (digits == 0 || unit->name == NULL || (digits > 1 && text.p[0] == '0'))
        return KH_ERR_TYPE;
    uint64_t value;
    if (!bytes_to_u64(number, &value) || value > (uint64_t)(INT64_MAX / unit->factor))
        return KH_ERR_RANGE;
    *out = (int64_t)value * unit->factor;
    return KH_OK;
}
