/* SPDX-License-Identifier: Apache-2.0
 *
 * Which dischargers there are for this broker: the one beside it, and those of the configuration.
 */
#ifndef KEYHOLE_SUPERVISOR_DISCHARGERS_H
#define KEYHOLE_SUPERVISOR_DISCHARGERS_H

#include "../messages.h"

/* The default comes first. `local` may be NULL. What the configuration says was checked when it was
 * read. */
void dischargers_list(const struct config *config, const struct discharger *local,
                      struct message_dischargers *out);

#endif
