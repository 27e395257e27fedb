/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a child process as a table: what is done when something happens to it.
 */
#ifndef KEYHOLE_SUPERVISOR_CHILD_H
#define KEYHOLE_SUPERVISOR_CHILD_H

#include "../../caveats/bytes.h"

enum child_state {
    CHILD_DOWN = 0, /* there is no process, and none is wanted */
    CHILD_STARTING, /* runs, but has not said that it is ready */
    CHILD_SERVING,
    CHILD_LEAVING,  /* closed its channel, and so is about to end; another one is wanted */
    CHILD_KILLED,   /* was sent SIGKILL, is not reaped yet; another one is wanted */
    CHILD_WAITING,  /* there is no process; another one starts when the backoff is over */
    CHILD_STOPPING, /* was asked to finish; none is wanted after it */
    CHILD_STATES
};

enum child_event {
    CHILD_START = 0, /* a process is wanted */
    CHILD_READY,     /* it said so */
    CHILD_EXITED,    /* it was reaped */
    CHILD_TIMER,     /* start or stop took too long, or the backoff is over */
    CHILD_CLOSED,    /* it closed its channel */
    CHILD_FAULT,     /* it broke the protocol */
    CHILD_STOP,      /* none is wanted any more */
    CHILD_EVENTS
};

enum child_action {
    CHILD_NOTHING = 0,
    CHILD_SPAWN,
    CHILD_SERVE,         /* it is ready now */
    CHILD_RESTART_LATER, /* set the backoff's timer */
    CHILD_WAIT_FOR_EXIT, /* for a moment */
    CHILD_KILL,
    CHILD_ASK_TO_STOP,
    CHILD_GONE, /* nothing is left of it, as was wanted */
};

struct child_step {
    enum child_state next;
    enum child_action action;
};

struct child_step child_step(enum child_state state, enum child_event event);
const char *child_state_name(enum child_state state);

enum {
    CHILD_BACKOFF_FIRST_MS = 100,
    CHILD_BACKOFF_MAX_MS = 10000,
    CHILD_BACKOFF_FORGET_MS = 60000, /* after so long a life the next backoff is the first again */
    CHILD_START_TIMEOUT_MS = 60000,  /* deriving a key from a passphrase takes seconds */
    CHILD_EXIT_TIMEOUT_MS = 5000,    /* from the end of its channel to its own */
    CHILD_STOP_TIMEOUT_MS = 10000,   /* of the authority, after the last proxy is gone */
};

/* How long to wait before the next start of a child that lived for `lived_ms`. `*next_ms` is its
 * memory, 0 to begin with. */
uint32_t child_backoff_ms(uint32_t *next_ms, int64_t lived_ms);

/* What waitpid said, for people: "exit status 1", "signal 9 (Killed)". */
void child_status_text(int status, char *out, size_t cap);

#endif
