/* SPDX-License-Identifier: Apache-2.0
 *
 * config.reload and config.diff of a discharger that runs alone: the supervisor reads the file and
 * says what came of it; whoever asked waits.
 */
#ifndef KEYHOLE_DISCHARGE_RELOAD_H
#define KEYHOLE_DISCHARGE_RELOAD_H

#include "admin.h"

extern const struct admin_command discharge_reload_commands[];

/* DISCHARGER_RELOAD_DONE. False: it breaks the protocol. */
KH_MUST_CHECK bool discharge_reload_done(struct discharge_admin *admin, uint64_t id,
                                         struct bytes body);

#endif
