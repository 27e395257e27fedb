/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded by tests of what a power cut leaves: the process whose program ends with $KILL_PROGRAM
 * is killed, and with it the one that started it, at its $KILL_AT'th call that changes names or
 * brings something to the disk. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long step, kill_at;

__attribute__((constructor)) static void
begin(void)
{
    const char *program = getenv("KILL_PROGRAM"), *at = getenv("KILL_AT");
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (program == NULL || at == NULL || n <= (ssize_t)strlen(program))
        return;
    self[n] = '\0';
    if (strcmp(self + n - strlen(program), program) == 0)
        kill_at = strtoul(at, NULL, 10);
}

static void
count_step(void)
{
    if (kill_at == 0 || ++step != kill_at)
        return;
    (void)kill(getppid(), SIGKILL);
    (void)kill(getpid(), SIGKILL);
}

#include "../steps.h"
