/* SPDX-License-Identifier: Apache-2.0
 *
 * A run in a closed room: keyhole run --isolate.
 */
#ifndef KEYHOLE_CLIENT_RUN_ROOM_H
#define KEYHOLE_CLIENT_RUN_ROOM_H

#include "run.h"

/* What the options and the tokens of a run say of its room. Paths point into the options and the
 * run. KH_ERR_USAGE. */
KH_MUST_CHECK enum kh_err run_room_settings(const struct run *run, struct room_settings *out,
                                            struct fault *fault);
/* Make the room, serve its sockets, and let the program run. Errors as room_start's. */
KH_MUST_CHECK enum kh_err run_room_start(struct run *run, char *const argv[], struct fault *fault);
void run_room_end(struct run *run);

#endif
