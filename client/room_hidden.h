/* SPDX-License-Identifier: Apache-2.0
 *
 * What no room sees: directories and sockets of agents, buses, displays, containers and brokers
 * outside, and the variables that lead there.
 */
#ifndef KEYHOLE_CLIENT_ROOM_HIDDEN_H
#define KEYHOLE_CLIENT_ROOM_HIDDEN_H

#include "../caveats/errors.h"

enum { ROOM_HIDDEN_MAX = 256 };

/* Real paths, each once; ends with NULL. */
struct room_paths {
    char *path[ROOM_HIDDEN_MAX + 1];
    size_t count;
};

struct room_hidden {
    struct room_paths lasting; /* directories that are always there */
    struct room_paths passing; /* those of agents and brokers, which come and go */
    struct buffer covers;      /* names of sockets, and `passing`; each with a NUL behind it */
};

/* From the text of /proc/net/unix and the variables of `envp`. What holds a path of `keep` (ends
 * with NULL) is not hidden for an agent's sake; its socket is. KH_ERR_TOO_LONG, KH_ERR_MEMORY. To
 * be freed in any case. */
KH_MUST_CHECK enum kh_err room_hidden_collect(struct bytes unix_table, char *const envp[],
                                              const char *const keep[], struct room_hidden *out,
                                              struct fault *fault);
void room_hidden_free(struct room_hidden *hidden);

/* Append the names of sockets with an absolute path in a table like /proc/net/unix, each once. */
void room_hidden_sockets(struct bytes unix_table, struct buffer *out);

/* `envp` without the variables that lead to what is hidden; free() it, not what it points to. NULL:
 * no memory. */
char **room_hidden_environment(char *const envp[]);

#endif
