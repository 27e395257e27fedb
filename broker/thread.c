/* SPDX-License-Identifier: Apache-2.0 */
/* Starting threads beside an event loop. */
#include "thread.h"

#include <signal.h>

enum { THREAD_STACK = 256 * 1024 };

bool
thread_start(void *(*work)(void *context), void *context, pthread_t *out)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    (void)pthread_attr_setstacksize(&attributes, THREAD_STACK);
    // A thread inherits the mask: blocked before, so that there is no moment in which it is not.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, &attributes, work, context) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (started)
        *out = thread;
    return started;
}
