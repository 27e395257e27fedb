/* SPDX-License-Identifier: Apache-2.0
 *
 * Why there is no room here, in words that lead on.
 */
#ifndef KEYHOLE_CLIENT_ROOM_EXPLAIN_H
#define KEYHOLE_CLIENT_ROOM_EXPLAIN_H

#include "../caveats/errors.h"

/* What the kernel says of itself; -1 where it has no such switch. */
struct room_switches {
    long max_user_namespaces; /* user.max_user_namespaces */
    long userns_clone;        /* kernel.unprivileged_userns_clone (Debian's) */
    long apparmor_restricts;  /* kernel.apparmor_restrict_unprivileged_userns (Ubuntu's) */
    bool is_root;
};
void room_switches_read(struct room_switches *out);

/* Fill `fault` from what bubblewrap or keyhole-room said; KH_ERR_UNSUPPORTED, or KH_ERR_IO for what
 * has nothing to do with permissions. */
enum kh_err room_explain(const char *said, const struct room_switches *switches,
                         struct fault *fault);

#endif
