/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways in which a person can answer, and which of them are possible here.
 */
#include "discharge.h"

#include "monotonic.h"

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

bool
discharge_way_is_possible(const struct discharge_settings *settings,
                          const struct discharge_hole *hole, enum discharge_way way)
{
    const struct hole_demand *demand = &hole->demand;
    bool unknown = hole->condition.n == 0;
    bool fido = unknown || demand->yubikey || demand->fido2;
    bool ssh = unknown || demand->ssh || demand->ssh_sk;
    return (way == DISCHARGE_SSH ? ssh : fido) && settings->means->at_hand(settings, way);
}

long
discharge_time_left(const struct discharge_settings *settings, long most)
{
    int64_t left = settings->fido.deadline_ms - monotonic_ms();
    return left < 1 ? 1 : left < most ? (long)left : most;
}
