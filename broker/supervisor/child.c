/* SPDX-License-Identifier: Apache-2.0 */
/* The state table of a child process, and how long to wait before it is started again. */
#include "child.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

// clang-format off
static const struct child_step steps[CHILD_STATES][CHILD_EVENTS] = {
    [CHILD_DOWN] = {
        [CHILD_START]  = {CHILD_STARTING, CHILD_SPAWN},
        [CHILD_READY]  = {CHILD_DOWN, CHILD_NOTHING},
        [CHILD_EXITED] = {CHILD_DOWN, CHILD_NOTHING},
        [CHILD_TIMER]  = {CHILD_DOWN, CHILD_NOTHING},
        [CHILD_CLOSED] = {CHILD_DOWN, CHILD_NOTHING},
        [CHILD_FAULT]  = {CHILD_DOWN, CHILD_NOTHING},
        [CHILD_STOP]   = {CHILD_DOWN, CHILD_GONE},
    },
    [CHILD_STARTING] = {
        [CHILD_START]  = {CHILD_STARTING, CHILD_NOTHING},
        [CHILD_READY]  = {CHILD_SERVING, CHILD_SERVE},
        [CHILD_EXITED] = {CHILD_WAITING, CHILD_RESTART_LATER},
        [CHILD_TIMER]  = {CHILD_KILLED, CHILD_KILL},
        [CHILD_CLOSED] = {CHILD_LEAVING, CHILD_WAIT_FOR_EXIT},
        [CHILD_FAULT]  = {CHILD_KILLED, CHILD_KILL},
        [CHILD_STOP]   = {CHILD_STOPPING, CHILD_ASK_TO_STOP},
    },
    [CHILD_SERVING] = {
        [CHILD_START]  = {CHILD_SERVING, CHILD_NOTHING},
        [CHILD_READY]  = {CHILD_KILLED, CHILD_KILL}, // once is the protocol
        [CHILD_EXITED] = {CHILD_WAITING, CHILD_RESTART_LATER},
        [CHILD_TIMER]  = {CHILD_SERVING, CHILD_NOTHING},
        [CHILD_CLOSED] = {CHILD_LEAVING, CHILD_WAIT_FOR_EXIT},
        [CHILD_FAULT]  = {CHILD_KILLED, CHILD_KILL},
        [CHILD_STOP]   = {CHILD_STOPPING, CHILD_ASK_TO_STOP},
    },
    [CHILD_LEAVING] = {
        [CHILD_START]  = {CHILD_LEAVING, CHILD_NOTHING},
        [CHILD_READY]  = {CHILD_LEAVING, CHILD_NOTHING},
        [CHILD_EXITED] = {CHILD_WAITING, CHILD_RESTART_LATER},
        [CHILD_TIMER]  = {CHILD_KILLED, CHILD_KILL},
        [CHILD_CLOSED] = {CHILD_LEAVING, CHILD_NOTHING},
        [CHILD_FAULT]  = {CHILD_KILLED, CHILD_KILL},
        [CHILD_STOP]   = {CHILD_STOPPING, CHILD_WAIT_FOR_EXIT},
    },
    [CHILD_KILLED] = {
        [CHILD_START]  = {CHILD_KILLED, CHILD_NOTHING},
        [CHILD_READY]  = {CHILD_KILLED, CHILD_NOTHING},
        [CHILD_EXITED] = {CHILD_WAITING, CHILD_RESTART_LATER},
        [CHILD_TIMER]  = {CHILD_KILLED, CHILD_NOTHING},
        [CHILD_CLOSED] = {CHILD_KILLED, CHILD_NOTHING},
        [CHILD_FAULT]  = {CHILD_KILLED, CHILD_NOTHING},
        [CHILD_STOP]   = {CHILD_STOPPING, CHILD_NOTHING},
    },
    [CHILD_WAITING] = {
        [CHILD_START]  = {CHILD_WAITING, CHILD_NOTHING},
        [CHILD_READY]  = {CHILD_WAITING, CHILD_NOTHING},
        [CHILD_EXITED] = {CHILD_WAITING, CHILD_NOTHING},
        [CHILD_TIMER]  = {CHILD_STARTING, CHILD_SPAWN},
        [CHILD_CLOSED] = {CHILD_WAITING, CHILD_NOTHING},
        [CHILD_FAULT]  = {CHILD_WAITING, CHILD_NOTHING},
        [CHILD_STOP]   = {CHILD_DOWN, CHILD_GONE},
    },
    [CHILD_STOPPING] = {
        [CHILD_START]  = {CHILD_STOPPING, CHILD_NOTHING},
        [CHILD_READY]  = {CHILD_STOPPING, CHILD_NOTHING},
        [CHILD_EXITED] = {CHILD_DOWN, CHILD_GONE},
        [CHILD_TIMER]  = {CHILD_STOPPING, CHILD_KILL},
        [CHILD_CLOSED] = {CHILD_STOPPING, CHILD_NOTHING}, // as it ends
        [CHILD_FAULT]  = {CHILD_STOPPING, CHILD_KILL},
        [CHILD_STOP]   = {CHILD_STOPPING, CHILD_KILL},    // asked twice
    },
};
// clang-format on

struct child_step
child_step(enum child_state state, enum child_event event)
{
    if ((unsigned)state >= CHILD_STATES || (unsigned)event >= CHILD_EVENTS)
        return (struct child_step){CHILD_KILLED, CHILD_KILL};
    return steps[state][event];
}

const char *
child_state_name(enum child_state state)
{
    static const char *const name[CHILD_STATES] = {
        [CHILD_DOWN] = "down",         [CHILD_STARTING] = "starting", [CHILD_SERVING] = "serving",
        [CHILD_LEAVING] = "leaving",   [CHILD_KILLED] = "killed",     [CHILD_WAITING] = "waiting",
        [CHILD_STOPPING] = "stopping",
    };
    return (unsigned)state < CHILD_STATES ? name[state] : "unknown";
}

uint32_t
child_backoff_ms(uint32_t *next_ms, int64_t lived_ms)
{
    if (*next_ms < CHILD_BACKOFF_FIRST_MS || lived_ms >= CHILD_BACKOFF_FORGET_MS)
        *next_ms = CHILD_BACKOFF_FIRST_MS;
    uint32_t delay = *next_ms;
    *next_ms = delay > CHILD_BACKOFF_MAX_MS / 2 ? CHILD_BACKOFF_MAX_MS : delay * 2;
    return delay;
}

void
child_status_text(int status, char *out, size_t cap)
{
    if (WIFSIGNALED(status)) {
        int number = WTERMSIG(status);
        const char *name = sigdescr_np(number);
        snprintf(out, cap, "signal %d (%s)", number, name != NULL ? name : "unknown");
    } else if (WIFEXITED(status)) {
        snprintf(out, cap, "exit status %d", WEXITSTATUS(status));
    } else {
        snprintf(out, cap, "wait status %d", status);
    }
}
