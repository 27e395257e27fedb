/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the family share; nobody else includes this.
 *
 *     family.c         the children, and what is done when something happens to one
 *     family_role.c    what the roles differ in: programs, arguments, what they may say
 *     family_send.c    what they are told
 */
#ifndef KEYHOLE_SUPERVISOR_FAMILY_INTERNAL_H
#define KEYHOLE_SUPERVISOR_FAMILY_INTERNAL_H

#include "family.h"

struct family_role {
    const char *program;  /* "keyhole-proxy" */
    bool takes_index;     /* --index N */
    bool takes_directory; /* --dir, the state directory; for the discharger its own one in it */
    bool takes_passphrase;
    const char *const *keep; /* names of variables that it gets, ends with NULL */
    const struct channel_handler *handler;
    enum message_type stop; /* "finish what runs" */
    void (*introduce)(struct family *family, struct family_child *child);
};
/* Of the three roles of children. */
const struct family_role *family_role(enum role role);

/* One thing that happened to a child: what follows is in the table of child.h. */
void family_step(struct family_child *child, enum child_event event);
/* Why it is killed; the first reason stays. */
void family_set_fault(struct family_child *child, const char *why);

/* Start its program, with a channel to it. */
KH_MUST_CHECK enum kh_err family_spawn(struct family_child *child, struct fault *fault);

/* The authority when there is one, else NULL. */
struct family_child *family_authority(struct family *family);

/* What a new process of that role needs to know. */
void family_introduce_authority(struct family *family, struct family_child *authority);
void family_introduce_proxy(struct family *family, struct family_child *proxy);
void family_introduce_discharger(struct family *family, struct family_child *discharger);
void family_send_state(struct family *family, const struct family_child *child);

#endif
