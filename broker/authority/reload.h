/* SPDX-License-Identifier: Apache-2.0
 *
 * config.reload and config.diff of the broker (../admin/reload.h), which leave a record.
 */
#ifndef KEYHOLE_AUTHORITY_RELOAD_H
#define KEYHOLE_AUTHORITY_RELOAD_H

#include "authority.h"

/* When the channel to the supervisor is open. */
void reload_init(struct authority *authority);

#endif
