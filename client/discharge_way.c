/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways in which a person can answer, and which of them are possible here.
 */
#include "discharge.h"

#include "monotonic.h"
#include "ssh_keys.h"

static const struct {
    const char *name, *words;
} discharge_ways[] = {
    [DISCHARGE_ANY] = {"any", "any way"},
    [DISCHARGE_FIDO2] = {"fido2", "a security key"},
    [DISCHARGE_SSH] = {"ssh", "an SSH key"},
    [DISCHARGE_BROWSER] = {"browser", "a browser"},
    [DISCHARGE_KEPT] = {"kept", "a discharge that was kept"},
};

const char *
discharge_way_name(enum discharge_way way)
{
    return discharge_ways[way].name;
}

const char *
discharge_way_words(enum discharge_way way)
{
    return discharge_ways[way].words;
}

bool
discharge_way_parse(struct bytes text, enum discharge_way *out)
{
    for (enum discharge_way way = DISCHARGE_FIDO2; way <= DISCHARGE_BROWSER; way++) {
        if (bytes_is(text, discharge_ways[way].name)) {
            *out = way;
            return true;
        }
    }
    return false;
}

static bool
discharge_has_fido(const struct discharge_settings *settings)
{
    struct fido_place place[FIDO_KEYS_MAX];
    return settings->fido.device != NULL ||
           settings->fido.backend->list(settings->fido.backend, place) > 0;
}

static bool
discharge_has_ssh(const struct discharge_settings *settings)
{
    struct ssh_keys keys = {.count = 0};
    struct fault ignored = {.err = KH_OK};
    if (settings->ssh_key != NULL)
        return true;
    bool any = ssh_keys_add_agent(&keys, &ignored) == KH_OK && keys.count > 0;
    ssh_keys_add_default_files(&keys);
    any = any || keys.count > 0;
    ssh_keys_free(&keys);
    return any;
}

bool
discharge_way_is_possible(const struct discharge_settings *settings,
                          const struct discharge_hole *hole, enum discharge_way way)
{
    const struct hole_demand *demand = &hole->demand;
    bool unknown = hole->condition.n == 0;
    bool fido = unknown || demand->yubikey || demand->fido2;
    bool ssh = unknown || demand->ssh || demand->ssh_sk;
    switch (way) {
    case DISCHARGE_FIDO2:
        return fido && discharge_has_fido(settings);
    case DISCHARGE_SSH:
        return ssh && discharge_has_ssh(settings);
    case DISCHARGE_BROWSER:
        return fido;
    default:
        return false;
    }
}

long
discharge_time_left(const struct discharge_settings *settings, long most)
{
    int64_t left = settings->fido.deadline_ms - monotonic_ms();
    return left < 1 ? 1 : left < most ? (long)left : most;
}
