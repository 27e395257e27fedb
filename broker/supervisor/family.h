/* SPDX-License-Identifier: Apache-2.0
 *
 * The children of the supervisor: one authority, some proxies, and the channels between them.
 */
#ifndef KEYHOLE_SUPERVISOR_FAMILY_H
#define KEYHOLE_SUPERVISOR_FAMILY_H

#include "../channel.h"
#include "child.h"
#include "listener.h"
#include "secret.h"

#include <event2/event.h>
#include <limits.h>
#include <sys/types.h>

struct family;

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
};

struct family_callbacks {
    void (*serving)(void *context);                 /* every child is ready, for the first time */
    void (*start_failed)(void *context);            /* a child ended before that */
    void (*stopped)(void *context, enum role role); /* the last child of that role is gone */
};

struct family {
    struct event_base *base;
    const struct config *config;     /* as in effect; borrowed */
    const struct listener *listener; /* the proxies', borrowed; family_set_listeners */
    size_t listener_count;
    const struct listener *admin;    /* borrowed */
    const struct secret *passphrase; /* borrowed */
    const char *directory;
    int null_fd;
    char authority_program[PATH_MAX], proxy_program[PATH_MAX]; /* "": family_init finds them */
    struct family_callbacks callbacks;
    void *context;

    struct family_child *child; /* [0] is the authority */
    size_t child_count;
    uint64_t lives;
    bool failed;                             /* `start_failed` was called */
    bool served;                             /* every child was ready once */
    bool proxies_stopped, authority_stopped; /* `stopped` was called */
    int64_t stop_timeout_ms;
};

/* `family` is filled up to `context` by the caller. */
KH_MUST_CHECK enum kh_err family_init(struct family *family, size_t proxies, struct fault *fault);
void family_fini(struct family *family); /* every child that still runs is killed and reaped */

void family_start(struct family *family); /* the authority; the proxies once it is ready */
void family_reap(struct family *family);  /* on SIGCHLD */
/* Ask all children of a role to finish; asked again, or after `timeout_ms`, they are killed. When
 * there is none left, now or later, `stopped` is called. */
void family_stop(struct family *family, enum role role, int64_t timeout_ms);
bool family_has(const struct family *family, enum role role); /* a process of that role exists */

void family_send_config(struct family *family);
/* `added` of the listeners, the last ones, are new: the proxies get them. */
void family_set_listeners(struct family *family, const struct listener *listener, size_t count,
                          size_t added);

/* Both in family_send.c: what a new process needs to know. */
void family_introduce(struct family *family, struct family_child *child);
void family_send_state(struct family *family, const struct family_child *child);

int64_t family_now_ms(void);

#endif
