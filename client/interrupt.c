/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals that wait until a security key was told to stop.
 */
#include "interrupt.h"

#include <stddef.h>

static const int interrupt_number[] = {SIGINT, SIGTERM, SIGHUP};
enum { INTERRUPT_NUMBERS = sizeof interrupt_number / sizeof interrupt_number[0] };

static volatile sig_atomic_t interrupt_caught;
static struct sigaction interrupt_before[INTERRUPT_NUMBERS];
static sigset_t interrupt_mask_before;

static void
interrupt_catch(int number)
{
    interrupt_caught = number;
}

void
interrupt_begin(void)
{
    struct sigaction action = {.sa_handler = interrupt_catch};
    sigset_t blocked;
    sigemptyset(&blocked);
    interrupt_caught = 0;
    for (size_t i = 0; i < INTERRUPT_NUMBERS; i++) {
        sigaction(interrupt_number[i], NULL, &interrupt_before[i]);
        // As nohup does, and a shell for what runs in its background.
        if (interrupt_before[i].sa_handler == SIG_IGN)
            continue;
        sigaddset(&blocked, interrupt_number[i]);
        sigaction(interrupt_number[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &blocked, &interrupt_mask_before);
}

const sigset_t *
interrupt_mask(void)
{
    return &interrupt_mask_before;
}

bool
interrupt_happened(void)
{
    sigset_t pending;
    if (interrupt_caught != 0)
        return true;
    sigpending(&pending);
    for (size_t i = 0; i < INTERRUPT_NUMBERS; i++)
        if (sigismember(&pending, interrupt_number[i]) == 1)
            return true;
    return false;
}

void
interrupt_end(void)
{
    for (size_t i = 0; i < INTERRUPT_NUMBERS; i++)
        sigaction(interrupt_number[i], &interrupt_before[i], NULL);
    int caught = interrupt_caught;
    interrupt_caught = 0;
    sigprocmask(SIG_SETMASK, &interrupt_mask_before, NULL);
    if (caught != 0)
        raise(caught);
}
