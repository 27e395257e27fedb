/* SPDX-License-Identifier: Apache-2.0
 *
 * config.reload and config.diff: the supervisor reads the file and says what came of it; whoever
 * asked waits.
 */
#ifndef KEYHOLE_AUTHORITY_RELOAD_H
#define KEYHOLE_AUTHORITY_RELOAD_H

#include "authority.h"

/* RELOAD_DONE. False: it breaks the protocol. */
KH_MUST_CHECK bool reload_done(struct authority *authority, uint64_t id, struct bytes body);

#endif
