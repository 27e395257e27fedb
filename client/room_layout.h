/* SPDX-License-Identifier: Apache-2.0
 *
 * What a room looks like inside, as arguments for bubblewrap. Reads nothing: what is outside is
 * told in `struct room_facts`.
 */
#ifndef KEYHOLE_CLIENT_ROOM_LAYOUT_H
#define KEYHOLE_CLIENT_ROOM_LAYOUT_H

#include "room.h"

enum { ROOM_LAYOUT_DATA = ROOM_PATHS_MAX + 3 };

/* All paths are real: absolute, without links in them. */
struct room_facts {
    const char *directory;                      /* the working directory */
    const char *resolv_conf, *hosts, *nsswitch; /* NULL: there is none */
    const char *nsswitch_text;                  /* what is in it now; NULL: none */
    const char *const *roots;                   /* files with the system's roots; ends with NULL */
    const char *hostname;
    const char *const *hidden; /* directories that no room sees; ends with NULL */
    const char *const *link;   /* names and targets of the links in "/", in turns; ends with NULL */
    const char *const *file;   /* which of the settings' paths are no directories; ends with NULL */
    const char *namespaces;    /* inodes, as keyhole-room wants them (room/wire.h) */
    bool terminal;             /* the program shares our session, for its terminal */
    uid_t uid;
    gid_t gid;
};

struct room_layout {
    char **arg; /* argv of bubblewrap; ends with NULL */
    size_t arg_count, arg_cap;
    char *data[ROOM_LAYOUT_DATA]; /* contents of ROOM_FD_DATA and those after it */
    size_t data_count;
    bool failed; /* memory is used up */
};

/* KH_ERR_USAGE: a path that is given as two things, a working directory that is hidden.
 * KH_ERR_TOO_LONG, KH_ERR_MEMORY. The layout is to be freed in any case. */
KH_MUST_CHECK enum kh_err room_layout_make(const struct room_settings *settings,
                                           const struct room_facts *facts, char *const argv[],
                                           struct room_layout *out, struct fault *fault);
void room_layout_free(struct room_layout *layout);

/* The ports that a room listens on: 80, 443, and those of the settings, each once. */
size_t room_layout_ports(const struct room_settings *settings, uint16_t port[ROOM_PORTS_MAX + 2]);

#endif
