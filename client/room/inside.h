/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of keyhole-room, in their order. What fails is reported and ends it: no program runs.
 */
#ifndef KEYHOLE_CLIENT_ROOM_INSIDE_H
#define KEYHOLE_CLIENT_ROOM_INSIDE_H

#include "../room.h"
#include "wire.h"

#include <linux/filter.h>

/* Tell the other side; what cannot be told has nobody who would listen. */
void inside_report(enum room_report_kind kind, int value, const char *text);
/* Report `what` with the text of errno, and end. EPERM and the like: the room is forbidden here. */
_Noreturn void inside_fail(const char *what);

/* inside_mounts.c: no mount outside appears here from now on; what ROOM_FD_COVERS
 * names is covered. One that is gone meanwhile is no loss. */
void inside_cover_files(void);

/* inside_network.c: ROOM_ADDRESS, sockets, redirection; reported with ROOM_REPORT_SOCKETS. */
void inside_open_network(const uint16_t *port, size_t count);
/* What nft is told. Writes a text; false when it does not fit. */
bool inside_redirection(const uint16_t *port, size_t count, uint16_t target, char *out, size_t cap);

/* inside_rights.c: a user namespace below, where the user has their own numbers, and no capability
 * in this one any more. */
void inside_become_user(uid_t uid, gid_t gid);
void inside_load_calls(struct sock_fprog *filter); /* from ROOM_FD_CALLS, into memory */

/* inside_program.c: start `argv`, filtered, when the word comes, and see to it until it ends.
 * The exit status, 128 and more for a signal. */
int inside_run(char **argv, const struct sock_fprog *filter);

#endif
