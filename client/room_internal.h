/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of room_start share. They run in this order: outside, spawn, answer.
 */
#ifndef KEYHOLE_CLIENT_ROOM_INTERNAL_H
#define KEYHOLE_CLIENT_ROOM_INTERNAL_H

#include "bundle.h"
#include "room.h"
#include "room_hidden.h"
#include "room_layout.h"

enum { ROOM_LINKS_MAX = 16 };

/* What is there until the room stands. Descriptors are -1 where there is none. */
struct room_making {
    struct room *room;
    struct room_settings settings; /* with real paths */
    struct room_hidden hidden;
    struct room_layout layout;
    struct buffer nsswitch;
    char *real[3 * ROOM_PATHS_MAX + 4 +
               BUNDLE_PLACES_MAX]; /* what `settings` and the layout point to */
    size_t real_count;
    char *link[2 * ROOM_LINKS_MAX + 1]; /* names and targets, in turns */
    char **environment;
    int control, said[2];      /* bubblewrap's ends: what it says on stderr */
    int covers, calls, helper; /* see room/wire.h */
    int data[ROOM_LAYOUT_DATA];
};

/* Look around: settings, what to hide, and the layout that follows. */
KH_MUST_CHECK enum kh_err room_outside_read(struct room_making *making,
                                            const struct room_settings *settings,
                                            char *const argv[], struct fault *fault);
/* Open what bubblewrap is given, and start it. */
KH_MUST_CHECK enum kh_err room_spawn(struct room_making *making, struct fault *fault);
/* Until the program waits for the word to go: the room is filled. */
KH_MUST_CHECK enum kh_err room_answer_await(struct room_making *making, struct fault *fault);

#endif
