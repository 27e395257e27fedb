/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for `discharger:`, `dischargers:` and `default-discharger:`. */
#include "config_internal.h"

#include "../caveats/ticket.h"

#include <stdlib.h>
#include <string.h>

#define LOCAL_NAME "local"

struct reading {
    struct yaml_text *document;
    struct config *config;
    struct fault *fault;
};

#define PLACE_LINE(reading, ...) yaml_text_line((reading)->document, __VA_ARGS__)
#define PLACE_FAULT(reading, line, ...)                                                            \
    yaml_text_fault((reading)->document, line, (reading)->fault, __VA_ARGS__)

static void
known_discharger_free(struct config *config)
{
    for (size_t i = 0; i < config->known_discharger_count; i++) {
        free(config->known_discharger[i].name);
        free(config->known_discharger[i].address);
    }
    free(config->known_discharger);
    config->known_discharger = NULL;
    config->known_discharger_count = 0;
}

void
config_dischargers_free(struct config *config)
{
    struct config_discharger *own = &config->discharger;
    struct config_listener_list list = {own->listener, own->listener_count};
    config_listener_list_free(&list);
    free(own->url);
    *own = (struct config_discharger){0};
    known_discharger_free(config);
    free(config->default_discharger);
    config->default_discharger = NULL;
}

/* ---- what may be enrolled ---- */

static enum kh_err
attestation_read(const struct reading *reading, const char *text, enum attestation_demand *out)
{
    if (strcmp(text, "required") == 0)
        *out = ATTESTATION_REQUIRED;
    else if (strcmp(text, "optional") == 0)
        *out = ATTESTATION_OPTIONAL;
    else
        return PLACE_FAULT(reading, PLACE_LINE(reading, "discharger.attestation"),
                           "discharger.attestation: expected required or optional, found \"%.40s\"",
                           text);
    return KH_OK;
}

// 8-4-4-4-12 hexadecimal digits.
static bool
aaguid_parse(const char *text, uint8_t out[16])
{
    uint8_t digits[32];
    size_t n = 0;
    if (strlen(text) != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (text[i] == '-'))
            return false;
        if (!dash)
            digits[n++] = (uint8_t)text[i];
    }
    return bytes_from_hex(bytes_of(digits, n), out, 16);
}

static enum kh_err
aaguids_read(const struct reading *reading, const struct config_raw_discharger *raw,
             struct discharger_settings *out)
{
    for (unsigned i = 0; i < raw->aaguid_count; i++) {
        if (!aaguid_parse(raw->aaguid[i], out->aaguid[i]))
            return PLACE_FAULT(reading, PLACE_LINE(reading, "discharger.aaguids[%u]", i),
                               "discharger.aaguids[%u]: expected 32 hexadecimal digits such as "
                               "ee882879-721c-4913-9775-3dfcce97072a, found \"%.60s\"",
                               i + 1, raw->aaguid[i]);
        out->aaguid_count = i + 1u;
    }
    return KH_OK;
}

// "5.7.4": three numbers of one byte each, so that they compare as one.
static bool
firmware_parse(const char *text, uint32_t *out)
{
    struct bytes rest = bytes_str(text), part;
    uint32_t version = 0;
    unsigned parts = 0;
    bool more = true;
    while (more) {
        uint64_t number;
        size_t n = bytes_index(rest, '.');
        part = bytes_slice(rest, 0, n);
        more = n < rest.n;
        rest = bytes_from(rest, more ? n + 1 : n);
        if (++parts > 3 || part.n > 3 || !bytes_to_u64(part, &number) || number > UINT8_MAX)
            return false;
        version = version << 8 | (uint32_t)number;
    }
    *out = version;
    return parts == 3;
}

static enum kh_err
settings_read(const struct reading *reading, const struct config_raw_discharger *raw,
              struct discharger_settings *out)
{
    enum kh_err err = KH_OK;
    if (raw->attestation != NULL)
        err = attestation_read(reading, raw->attestation, &out->attestation);
    if (err == KH_OK)
        err = aaguids_read(reading, raw, out);
    if (err == KH_OK && raw->firmware != NULL && !firmware_parse(raw->firmware, &out->firmware))
        err = PLACE_FAULT(reading, PLACE_LINE(reading, "discharger.firmware"),
                          "discharger.firmware: expected a version such as 5.7.4, found \"%.40s\"",
                          raw->firmware);
    return err;
}

/* ---- where it is ---- */

static enum kh_err
url_read(const struct reading *reading, const char *text, char **out)
{
    struct fault why = {0};
    char url[DISCHARGER_URL_MAX + 1];
    if (discharger_url_parse(bytes_str(text), url, &why) != KH_OK)
        return PLACE_FAULT(reading, PLACE_LINE(reading, "discharger.url"), "discharger.url: %s",
                           why.detail);
    return config_text_copy(url, out, reading->fault);
}

// What it presents is what browsers check, and the broker's own CA is none of theirs: so it has a
// certificate of the operator, and the name in it is not to be guessed.
static enum kh_err
listeners_check(const struct reading *reading, const struct config_discharger *discharger)
{
    for (size_t i = 0; i < discharger->listener_count; i++) {
        const struct config_listener *listener = &discharger->listener[i];
        if (!listener->tls)
            continue;
        size_t line = PLACE_LINE(reading, "discharger.listen[%zu].tls", i);
        if (listener->certificate == NULL)
            return PLACE_FAULT(
                reading, line,
                "discharger.listen[%zu]: expected certificate and key with tls: true", i + 1);
        if (discharger->url == NULL || strncmp(discharger->url, "https://", 8) != 0)
            return PLACE_FAULT(
                reading, line,
                "discharger.listen[%zu]: expected discharger.url, the https URL that "
                "its certificate is made out to",
                i + 1);
    }
    return KH_OK;
}

static enum kh_err
listeners_read(const struct reading *reading, const struct config_raw_discharger *raw,
               struct config_discharger *out)
{
    static const struct config_listener_rules rules = {0};
    const struct config_place first = {reading->document, "discharger.listen", 0, reading->fault};
    struct config_listener_list list = {0};
    if (raw->listener_count == 0)
        return KH_OK;
    enum kh_err err =
        config_listener_list_read(&first, &rules, raw->listener, raw->listener_count, &list);
    if (err != KH_OK)
        return err;
    out->set = true;
    out->listener = list.listener;
    out->listener_count = list.count;
    return KH_OK;
}

static enum kh_err
discharger_read(const struct reading *reading, const struct config_raw_discharger *raw)
{
    struct config_discharger *out = &reading->config->discharger;
    int64_t enabled = 1;
    if (raw->enabled != NULL &&
        config_value_parse(SETTING_FLAG, bytes_str(raw->enabled), &enabled) != KH_OK)
        return PLACE_FAULT(reading, PLACE_LINE(reading, "discharger.enabled"),
                           "discharger.enabled: expected true or false, found \"%.40s\"",
                           raw->enabled);
    out->disabled = enabled == 0;
    enum kh_err err = settings_read(reading, raw, &out->settings);
    if (err == KH_OK && raw->url != NULL)
        err = url_read(reading, raw->url, &out->url);
    if (err == KH_OK)
        err = listeners_read(reading, raw, out);
    return err == KH_OK ? listeners_check(reading, out) : err;
}

/* ---- those of others ---- */

static bool
name_is_fine(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-";
    size_t n = strlen(name);
    return n > 0 && n <= DISCHARGER_NAME_MAX && strspn(name, allowed) == n;
}

static const struct config_known_discharger *
known_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->known_discharger_count; i++)
        // The schema has it: libcyaml takes none without a name.
        // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker)
        if (strcmp(config->known_discharger[i].name, name) == 0)
            return &config->known_discharger[i];
    return NULL;
}

static enum kh_err
known_check(const struct reading *reading, const struct config_raw_known_discharger *raw,
            unsigned i)
{
    struct discharger discharger;
    struct fault why = {0};
    size_t line = PLACE_LINE(reading, "dischargers[%u].name", i);
    if (!name_is_fine(raw->name))
        return PLACE_FAULT(
            reading, line,
            "dischargers[%u].name: expected 1 to %d letters, digits, \".\", \"_\" or "
            "\"-\", found \"%.80s\"",
            i + 1, DISCHARGER_NAME_MAX, raw->name);
    if (strcmp(raw->name, LOCAL_NAME) == 0)
        return PLACE_FAULT(reading, line,
                           "dischargers[%u].name: " LOCAL_NAME
                           " is the one beside the broker; expected another name",
                           i + 1);
    if (known_find(reading->config, raw->name) != NULL)
        return PLACE_FAULT(reading, line, "dischargers[%u].name: %s is given a second time", i + 1,
                           raw->name);
    if (discharger_parse(bytes_str(raw->address), &discharger, &why) != KH_OK)
        return PLACE_FAULT(reading, PLACE_LINE(reading, "dischargers[%u].address", i),
                           "dischargers[%u].address: %s", i + 1, why.detail);
    return KH_OK;
}

static enum kh_err
known_read(const struct reading *reading, const struct config_raw *raw)
{
    struct config *config = reading->config;
    config->known_discharger =
        calloc(raw->known_discharger_count + 1u, sizeof(*config->known_discharger));
    if (config->known_discharger == NULL)
        return fault_set(reading->fault, KH_ERR_MEMORY, "no memory for the configuration");
    for (unsigned i = 0; i < raw->known_discharger_count; i++) {
        const struct config_raw_known_discharger *from = &raw->known_discharger[i];
        enum kh_err err = known_check(reading, from, i);
        struct config_known_discharger *to = &config->known_discharger[i];
        if (err != KH_OK)
            return err;
        if ((err = config_text_copy(from->name, &to->name, reading->fault)) != KH_OK ||
            (err = config_text_copy(from->address, &to->address, reading->fault)) != KH_OK) {
            free(to->name);
            return err;
        }
        config->known_discharger_count = i + 1u;
    }
    return KH_OK;
}

static enum kh_err
default_read(const struct reading *reading, const char *name)
{
    const struct config *config = reading->config;
    bool local = strcmp(name, LOCAL_NAME) == 0;
    if (local ? config->discharger.disabled : known_find(config, name) == NULL)
        return PLACE_FAULT(reading, PLACE_LINE(reading, "default-discharger"),
                           "default-discharger: expected " LOCAL_NAME
                           " or a name in dischargers, found \"%.80s\"%s",
                           name, local ? ", which is not enabled" : "");
    return config_text_copy(name, &reading->config->default_discharger, reading->fault);
}

enum kh_err
config_dischargers_read(struct yaml_text *document, const struct config_raw *raw,
                        struct config *config, struct fault *fault)
{
    const struct reading reading = {document, config, fault};
    enum kh_err err = KH_OK;
    config_dischargers_free(config);
    if (raw->discharger != NULL)
        err = discharger_read(&reading, raw->discharger);
    if (err == KH_OK && raw->known_discharger_count > 0)
        err = known_read(&reading, raw);
    if (err == KH_OK && raw->default_discharger != NULL)
        err = default_read(&reading, raw->default_discharger);
    return err;
}

/* ---- reloads ---- */

static bool
listeners_same(const struct config_discharger *a, const struct config_discharger *b)
{
    bool same = a->listener_count == b->listener_count;
    for (size_t i = 0; same && i < a->listener_count; i++)
        same = config_listener_same(&a->listener[i], &b->listener[i]);
    return same;
}

void
config_discharger_restart_needed(const struct config *old, const struct config *new,
                                 struct buffer *out)
{
    const struct config_discharger *a = &old->discharger, *b = &new->discharger;
    const struct {
        const char *name;
        bool same;
    } parts[] = {
        {"discharger.enabled", a->disabled == b->disabled},
        {"discharger.listen", listeners_same(a, b)},
        {"discharger.url", config_text_same(a->url, b->url)},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (!parts[i].same)
            buffer_printf(out, "%s%s", out->n > 0 ? ", " : "", parts[i].name);
}
