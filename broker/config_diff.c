/* SPDX-License-Identifier: Apache-2.0 */
/* What is another in one configuration than in the other, for people. */
#include "config_internal.h"

#include <stdio.h>
#include <string.h>

enum { VALUE_TEXT_MAX = 400 };

struct diff {
    const struct config *old, *new;
    config_diff_fn *fn;
    void *context;
};

typedef void print_fn(const struct config *config, struct buffer *out);

// One line, and not for ever. What is cut off begins with a character: it stays UTF-8.
static const char *
tidy(struct buffer *text)
{
    if (text->n > VALUE_TEXT_MAX) {
        text->n = VALUE_TEXT_MAX;
        while (text->n > 0 && (text->p[text->n] & 0xc0) == 0x80)
            text->n--;
        buffer_put_str(text, "…");
    }
    for (size_t i = 0; i < text->n; i++)
        if (text->p[i] < ' ')
            text->p[i] = ' ';
    return buffer_text(text);
}

static void
tell(const struct diff *diff, const char *name, bool restart, struct buffer *old,
     struct buffer *new)
{
    if (bytes_equal(buffer_bytes(old), buffer_bytes(new)) && !old->failed && !new->failed)
        return;
    const struct config_change change = {
        .name = name, .old = tidy(old), .new = tidy(new), .restart = restart};
    diff->fn(diff->context, &change);
}

static void
compare(const struct diff *diff, const char *name, bool restart, print_fn *print)
{
    BUFFER_AUTO old;
    BUFFER_AUTO new;
    buffer_init(&old, 1 << 22);
    buffer_init(&new, 1 << 22);
    print(diff->old, &old);
    print(diff->new, &new);
    tell(diff, name, restart, &old, &new);
}

/* ---- lists ---- */

static void
put_item(struct buffer *out, const char *text)
{
    buffer_printf(out, "%s%s", out->n > 0 ? ", " : "", text != NULL ? text : "");
}

static void
put_listener(struct buffer *out, const struct config_listener *listener)
{
    put_item(out, listener->address);
    buffer_put_str(out, listener->tls ? " tls" : "");
    buffer_put_str(out, listener->insecure ? " insecure" : "");
    buffer_put_str(out, listener->transparent ? " transparent" : "");
    if (listener->certificate != NULL)
        buffer_printf(out, " %s %s", listener->certificate, listener->key);
}

static void
print_names(const struct config *config, struct buffer *out)
{
    for (size_t i = 0; i < config->name_count; i++)
        put_item(out, config->name[i]);
}

static void
print_gateways(const struct config *config, struct buffer *out)
{
    for (size_t i = 0; i < config->gateway_count; i++) {
        const struct config_gateway *gateway = &config->gateway[i];
        if (gateway->socket == NULL) {
            put_listener(out, &gateway->listener);
            continue;
        }
        put_item(out, gateway->socket);
        if (gateway->group != NULL)
            buffer_printf(out, " group %s", gateway->group);
        for (size_t j = 0; j < gateway->user_count; j++)
            buffer_printf(out, " user %s", gateway->user[j]);
    }
}

static void
print_metrics(const struct config *config, struct buffer *out)
{
    for (size_t i = 0; i < config->metrics_count; i++) {
        const struct config_metrics *metrics = &config->metrics[i];
        if (metrics->socket == NULL) {
            put_listener(out, &metrics->listener);
            continue;
        }
        put_item(out, metrics->socket);
        if (metrics->group != NULL)
            buffer_printf(out, " group %s", metrics->group);
    }
}

static void
print_dns(const struct config *config, struct buffer *out)
{
    for (size_t i = 0; i < config->dns_count; i++) {
        const uint8_t *a = config->dns[i].answer;
        put_item(out, config->dns[i].address);
        buffer_printf(out, " answers %u.%u.%u.%u", a[0], a[1], a[2], a[3]);
    }
}

// Names, and behind them all of it, so that what is the same name in another way shows as well.
static void
print_pass_through(const struct config *config, struct buffer *out)
{
    for (size_t i = 0; i < config->pass_through_count; i++)
        put_item(out, config->pass_through[i].host);
}

static bool
pass_through_same(const struct config *a, const struct config *b)
{
    if (a->pass_through_count != b->pass_through_count)
        return false;
    for (size_t i = 0; i < a->pass_through_count; i++)
        if (!bytes_equal(buffer_bytes(&a->pass_through[i].route),
                         buffer_bytes(&b->pass_through[i].route)))
            return false;
    return true;
}

static void
compare_pass_through(const struct diff *diff)
{
    BUFFER_AUTO old;
    BUFFER_AUTO new;
    buffer_init(&old, 1 << 20);
    buffer_init(&new, 1 << 20);
    if (pass_through_same(diff->old, diff->new))
        return;
    print_pass_through(diff->old, &old);
    print_pass_through(diff->new, &new);
    if (bytes_equal(buffer_bytes(&old), buffer_bytes(&new)))
        buffer_put_str(&new, " (ports, networks or resolve)");
    tell(diff, "pass-through", false, &old, &new);
}

static void
print_dischargers(const struct config *config, struct buffer *out)
{
    for (size_t i = 0; i < config->known_discharger_count; i++)
        buffer_printf(out, "%s%s %s", i > 0 ? ", " : "", config->known_discharger[i].name,
                      config->known_discharger[i].address);
}

static void
print_default_discharger(const struct config *config, struct buffer *out)
{
    buffer_put_str(out, config->default_discharger != NULL ? config->default_discharger : "");
}

/* ---- the discharger beside the broker ---- */

static void
print_enabled(const struct config *config, struct buffer *out)
{
    buffer_put_str(out, config->discharger.disabled ? "false" : "true");
}

static void
print_discharger_listen(const struct config *config, struct buffer *out)
{
    for (size_t i = 0; i < config->discharger.listener_count; i++)
        put_listener(out, &config->discharger.listener[i]);
}

static void
print_url(const struct config *config, struct buffer *out)
{
    buffer_put_str(out, config->discharger.url != NULL ? config->discharger.url : "");
}

static void
print_attestation(const struct config *config, struct buffer *out)
{
    buffer_put_str(out, config->discharger.settings.attestation == ATTESTATION_OPTIONAL
                            ? "optional"
                            : "required");
}

static void
print_aaguids(const struct config *config, struct buffer *out)
{
    const struct discharger_settings *settings = &config->discharger.settings;
    for (size_t i = 0; i < settings->aaguid_count; i++) {
        buffer_put_str(out, i > 0 ? ", " : "");
        buffer_put_hex(out, bytes_of(settings->aaguid[i], sizeof(settings->aaguid[i])));
    }
}

static void
print_firmware(const struct config *config, struct buffer *out)
{
    uint32_t firmware = config->discharger.settings.firmware;
    if (firmware != 0)
        buffer_printf(out, "%u.%u.%u", firmware >> 16, firmware >> 8 & 0xff, firmware & 0xff);
}

/* ---- all ---- */

static const struct {
    const char *name;
    bool restart;
    print_fn *print;
} others[] = {
    {"names", false, print_names},
    {"gateway", true, print_gateways},
    {"metrics", true, print_metrics},
    {"dns", true, print_dns},
    {"discharger.enabled", true, print_enabled},
    {"discharger.listen", true, print_discharger_listen},
    {"discharger.url", true, print_url},
    {"discharger.attestation", false, print_attestation},
    {"discharger.aaguids", false, print_aaguids},
    {"discharger.firmware", false, print_firmware},
    {"dischargers", false, print_dischargers},
    {"default-discharger", false, print_default_discharger},
};

static void
compare_setting(const struct diff *diff, const struct config_setting *setting)
{
    BUFFER_AUTO name;
    BUFFER_AUTO old;
    BUFFER_AUTO new;
    buffer_init(&name, 256);
    buffer_init(&old, 256);
    buffer_init(&new, 256);
    config_setting_name(setting, &name);
    config_value_print(setting->type, config_get(diff->old, setting), &old);
    config_value_print(setting->type, config_get(diff->new, setting), &new);
    tell(diff, buffer_text(&name), setting->reload == SETTING_RESTART, &old, &new);
}

void
config_diff(const struct config *old, const struct config *new, config_diff_fn *fn, void *context)
{
    const struct diff diff = {old, new, fn, context};
    for (size_t i = 0; i < CONFIG_SETTINGS; i++)
        compare_setting(&diff, &config_setting[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        compare(&diff, others[i].name, others[i].restart, others[i].print);
    compare_pass_through(&diff);
}
