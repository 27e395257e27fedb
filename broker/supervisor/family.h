/* SPDX-License-Identifier: Apache-2.0
 *
 * The children of the supervisor: one authority, some proxies, a discharger, and the channels
 * between them. Any of them may be left out; a discharger can be all there is.
 */
#ifndef KEYHOLE_SUPERVISOR_FAMILY_H
#define KEYHOLE_SUPERVISOR_FAMILY_H

#include "../../caveats/ticket.h"
#include "../channel.h"
#include "child.h"
#include "listener.h"
#include "secret.h"

#include <event2/event.h>
#include <limits.h>
#include <sys/types.h>

struct family;
struct metrics_page;

enum { FAMILY_ROLES = ROLE_DISCHARGER + 1 };

struct family_child {
    struct family *family;
    enum role role;
    unsigned index; /* of its role */
    char name[24];  /* "proxy 0" */
    enum child_state state;
    pid_t pid;     /* 0: none */
    uint64_t life; /* tells this process from earlier ones in the same place */
    int64_t started_ms;
    uint32_t backoff_ms, restarts;
    char note[160];  /* how the last one ended */
    char fault[160]; /* why it was killed, or "" */
    struct channel *channel;
    struct event *timer;
    int page_fd; /* what it counts (pages.h) */
    struct metrics_page *page;
};

struct family_callbacks {
    void (*serving)(void *context);                 /* every child is ready, for the first time */
    void (*start_failed)(void *context);            /* a child ended before that */
    void (*stopped)(void *context, enum role role); /* the last child of that role is gone */
    /* An operator asks for the configuration to be read; what came of it, as RELOAD_DONE says. */
    void (*reload)(void *context, bool look, struct buffer *report);
};

/* Which children there are to be. */
struct family_plan {
    bool authority, discharger;
    size_t proxies;
};

/* What the discharger is given; borrowed. */
struct family_discharger {
    const struct listener *listener;
    size_t listener_count;
    const struct listener *admin;
    const char *url; /* as browsers see it */
};

struct family {
    struct event_base *base;
    const struct config *config;     /* as in effect; borrowed */
    const struct listener *listener; /* the proxies', borrowed; family_set_listeners */
    size_t listener_count;
    const struct listener *admin;    /* of the authority; borrowed */
    const struct secret *passphrase; /* borrowed */
    const char *directory;
    struct family_discharger discharger;
    int null_fd;
    char program[FAMILY_ROLES][PATH_MAX]; /* "": family_init finds it */
    struct family_callbacks callbacks;
    void *context;

    struct family_child *child; /* the authority, then the proxies, then the discharger */
    size_t child_count;
    uint64_t lives;
    bool failed;                /* `start_failed` was called */
    bool served;                /* every child was ready once */
    bool stopped[FAMILY_ROLES]; /* `stopped` was called for the role */
    int64_t stop_timeout_ms;
    /* The discharger beside the broker, once it said what its key is; it is kept over restarts. */
    struct discharger local;
    bool local_known;
    int page_fd; /* what the supervisor itself counts */
};

/* `family` is filled up to `context` by the caller. */
KH_MUST_CHECK enum kh_err family_init(struct family *family, const struct family_plan *plan,
                                      struct fault *fault);
void family_fini(struct family *family); /* every child that still runs is killed and reaped */

/* The authority, once that is ready the discharger, and then the proxies: they learn from their
 * first moment which discharger there is. */
void family_start(struct family *family);
void family_reap(struct family *family); /* on SIGCHLD */
/* Ask all children of a role to finish; asked again, or after `timeout_ms`, they are killed. When
 * there is none left, now or later, `stopped` is called. */
void family_stop(struct family *family, enum role role, int64_t timeout_ms);
bool family_serves(const struct family *family); /* every child does, now */

/* The configuration as it is now, to everybody, with the dischargers in it. */
void family_send_config(struct family *family);
/* `added` of the listeners, the last ones, are new: the proxies get them. */
void family_set_listeners(struct family *family, const struct listener *listener, size_t count,
                          size_t added);
/* Which dischargers there are: to the authority and the proxies. Nothing before the one beside the
 * broker is known, since it may be the default. */
void family_send_dischargers(struct family *family);

int64_t family_now_ms(void);

#endif
