/* SPDX-License-Identifier: Apache-2.0 */
/* The list of dischargers, the default first. */
#include "dischargers.h"

#include <stdio.h>
#include <string.h>

static void
list_add(struct message_dischargers *list, const struct discharger *discharger)
{
    if (list->count < DISCHARGERS_MAX)
        list->discharger[list->count++] = *discharger;
}

static void
list_to_front(struct message_dischargers *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        struct discharger found = list->discharger[i];
        if (strcmp(found.name, name) != 0)
            continue;
        memmove(&list->discharger[1], &list->discharger[0], i * sizeof(found));
        list->discharger[0] = found;
        return;
    }
}

void
dischargers_list(const struct config *config, const struct discharger *local,
                 struct message_dischargers *out)
{
    struct message_dischargers list = {.count = 0};
    if (local != NULL)
        list_add(&list, local);
    for (size_t i = 0; i < config->known_discharger_count; i++) {
        const struct config_known_discharger *known = &config->known_discharger[i];
        struct discharger discharger;
        if (discharger_parse(bytes_str(known->address), &discharger, NULL) != KH_OK)
            continue;
        (void)snprintf(discharger.name, sizeof(discharger.name), "%s", known->name);
        list_add(&list, &discharger);
    }
    if (config->default_discharger != NULL)
        list_to_front(&list, config->default_discharger);
    *out = list;
}
