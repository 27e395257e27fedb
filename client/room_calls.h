/* SPDX-License-Identifier: Apache-2.0
 *
 * The system calls of a program in a room: everything that programs do, but for the ways out that
 * namespaces leave open.
 */
#ifndef KEYHOLE_CLIENT_ROOM_CALLS_H
#define KEYHOLE_CLIENT_ROOM_CALLS_H

#include "../caveats/errors.h"

/* Write the filter as BPF (struct sock_filter[]) to `fd`. KH_ERR_UNSUPPORTED where libseccomp does
 * not know this machine, KH_ERR_IO. */
KH_MUST_CHECK enum kh_err room_calls_write(bool unix_sockets, int fd, struct fault *fault);

#endif
