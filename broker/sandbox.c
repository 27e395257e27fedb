/* SPDX-License-Identifier: Apache-2.0 */
/* The walls of a process, in the order in which they can go up. */
#include "sandbox_internal.h"

#include "log.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

void
sandbox_harden(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    // Not dumpable: no core either where core_pattern is a pipe, which ignores the limit; /proc/PID
    // belongs to root; and no process of the same user may attach.
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)umask(077);
}

// Network rules came with ABI 4, truncation with 3, scopes with 6.
static void
warn_about_age(int abi)
{
    if (abi < 4)
        log_warning("sandbox", "this kernel's Landlock (ABI %d) knows no network rules", abi);
    else if (abi < 6)
        log_warning("sandbox", "this kernel's Landlock (ABI %d) knows no scopes", abi);
}

// The proxy has nothing to do in the state directory, and need not be told where it is.
static bool
role_has_walls(enum role role, const char *directory)
{
    return role == ROLE_PROXY ||
           ((role == ROLE_SUPERVISOR || role == ROLE_AUTHORITY || role == ROLE_DISCHARGER) &&
            directory != NULL);
}

static enum kh_err
guard_files(enum role role, const char *directory, struct fault *fault)
{
    // Without this neither of the others may be put up by a process that is not root, and a
    // set-user-id program would be a way around them.
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fault_set(fault, KH_ERR_PERMISSION, "no_new_privs: %s", strerror(errno));
    int abi = sandbox_files_abi();
    if (abi <= 0) {
        log_warning("sandbox", "this kernel has no Landlock: files are guarded by seccomp and "
                               "permissions alone");
        return KH_OK;
    }
    enum kh_err err = sandbox_files_enter(role, directory, abi, fault);
    if (err == KH_OK)
        warn_about_age(abi);
    return err;
}

enum kh_err
sandbox_enter_between(enum role role, const char *directory, void (*between)(void *context),
                      void *context, struct fault *fault)
{
    if (!role_has_walls(role, directory))
        return fault_set(fault, KH_ERR_USAGE, "there is no sandbox for this role");
    enum kh_err err = guard_files(role, directory, fault);
    if (err != KH_OK)
        return err;
    if (between != NULL)
        between(context);
    // Last, since the filter allows no call that would put up another wall.
    if (!sandbox_calls_available()) {
        log_warning("sandbox", "this kernel has no seccomp filters: system calls are not limited");
        return KH_OK;
    }
    return sandbox_calls_enter(role, fault);
}

enum kh_err
sandbox_enter(enum role role, const char *directory, struct fault *fault)
{
    return sandbox_enter_between(role, directory, NULL, NULL, fault);
}
