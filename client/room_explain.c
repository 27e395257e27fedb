/* SPDX-License-Identifier: Apache-2.0
 *
 * Why there is no room here.
 */
#include "room_explain.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long
switch_read(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    return n > 0 ? strtol(text, NULL, 10) : -1;
}

void
room_switches_read(struct room_switches *out)
{
    *out = (struct room_switches){
        .max_user_namespaces = switch_read("/proc/sys/user/max_user_namespaces"),
        .userns_clone = switch_read("/proc/sys/kernel/unprivileged_userns_clone"),
        .apparmor_restricts = switch_read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        .is_root = geteuid() == 0,
    };
}

/* What bubblewrap says when a file of the settings is in the way, not the kernel. */
static const char *const explain_files[] = {
    "Can't find source path",  "Can't chdir",         "Can't create file at", "Can't mkdir",
    "No space left on device", "Too many open files", "Out of memory",        "Can't exec",
};

static const struct {
    const char *said, *sentence;
} explain_table[] = {
    {"on /newroot/proc",
     "this looks like a container whose /proc is masked, and a room needs one of its own: run the "
     "container with --security-opt systempaths=unconfined (Docker) or --security-opt "
     "unmask=ALL (Podman), or let the container be the room (docs/RUN.md)"},
    {"Creating new namespace failed",
     "a seccomp profile or the kernel forbids new namespaces: in a container, allow unshare and "
     "clone, or let the container be the room (docs/RUN.md)"},
    {"No permissions to creat",
     "a seccomp profile or the kernel forbids new namespaces: in a container, allow unshare and "
     "clone, or let the container be the room (docs/RUN.md)"},
    {"RTM_NEWADDR",
     "a security module lets user namespaces be made but not used: its profile for bwrap has to "
     "allow capabilities in them"},
    {"bwrap made no new namespace", "the program bwrap that was found is not bubblewrap"},
    {"Unknown option", "this bubblewrap is too old: 0.5 or later is needed"},
};

static const char *
explain_switch(const struct room_switches *switches)
{
    if (switches->max_user_namespaces == 0)
        return "user namespaces are switched off: set the sysctl user.max_user_namespaces to "
               "some thousands";
    if (switches->is_root)
        return NULL;
    if (switches->userns_clone == 0)
        return "users may not make user namespaces: set the sysctl "
               "kernel.unprivileged_userns_clone to 1";
    if (switches->apparmor_restricts > 0)
        return "AppArmor keeps users from user namespaces: give /usr/bin/bwrap a profile with "
               "`userns,`, or set the sysctl kernel.apparmor_restrict_unprivileged_userns to 0";
    return NULL;
}

enum kh_err
room_explain(const char *said, const struct room_switches *switches, struct fault *fault)
{
    int n = (int)strcspn(said, "\n");
    for (size_t i = 0; i < sizeof explain_files / sizeof *explain_files; i++)
        if (strstr(said, explain_files[i]) != NULL)
            return fault_set(fault, KH_ERR_IO, "no room could be made: %.*s", n, said);
    const char *sentence = explain_switch(switches);
    for (size_t i = 0; i < sizeof explain_table / sizeof *explain_table && sentence == NULL; i++)
        if (strstr(said, explain_table[i].said) != NULL)
            sentence = explain_table[i].sentence;
    if (sentence == NULL)
        sentence = "the kernel or a security module forbids it";
    return fault_set(fault, KH_ERR_UNSUPPORTED, "no room can be made here: %s (%.*s)", sentence,
                     n < 120 ? n : 120, said);
}
