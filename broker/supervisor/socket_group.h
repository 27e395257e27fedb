/* SPDX-License-Identifier: Apache-2.0
 *
 * Unix sockets that a group may connect to.
 */
#ifndef KEYHOLE_SUPERVISOR_SOCKET_GROUP_H
#define KEYHOLE_SUPERVISOR_SOCKET_GROUP_H

#include "../../caveats/errors.h"

#include <sys/types.h>

/* A name or a number. `what` begins the sentence: "gateway". */
KH_MUST_CHECK enum kh_err socket_group_find(const char *what, const char *text, gid_t *out,
                                            struct fault *fault);
/* The socket's group, with mode 0660. */
KH_MUST_CHECK enum kh_err socket_group_open(const char *what, const char *path, const char *group,
                                            struct fault *fault);
/* Whether there is a directory for that socket. */
KH_MUST_CHECK enum kh_err socket_group_find_directory(const char *what, const char *path,
                                                      struct fault *fault);

#endif
