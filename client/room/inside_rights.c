/* SPDX-License-Identifier: Apache-2.0
 *
 * What keyhole-room has as root of the room's namespaces it gives up here, for good.
 */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECURE_BITS                                                                                \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                               \
     SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |                                 \
     SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static void
rights_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        inside_fail(path);
    close(fd);
}

static void
rights_map(uid_t uid, gid_t gid)
{
    char line[64];
    rights_write("/proc/self/setgroups", "deny");
    snprintf(line, sizeof line, "%u 0 1\n", uid);
    rights_write("/proc/self/uid_map", line);
    snprintf(line, sizeof line, "%u 0 1\n", gid);
    rights_write("/proc/self/gid_map", line);
}

static void
rights_drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{.effective = 0}};
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
         capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            inside_fail("dropping a capability");
    // Or a user whose number is 0 had them again with the next program.
    if (prctl(PR_SET_SECUREBITS, SECURE_BITS, 0, 0, 0) != 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        syscall(SYS_capset, &head, none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        inside_fail("dropping the capabilities");
}

void
inside_become_user(uid_t uid, gid_t gid)
{
    // Network and mounts belong to the namespace above: no capability in this one is good for them.
    if (unshare(CLONE_NEWUSER) != 0)
        inside_fail("a user namespace");
    rights_map(uid, gid);
    rights_drop_capabilities();
    // The program has our number: it must not trace process 1, and see what that has open.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        inside_fail("closing off the room's first process");
}

void
inside_load_calls(struct sock_fprog *filter)
{
    struct stat about = {.st_size = 0};
    if (fstat(ROOM_FD_CALLS, &about) != 0 || about.st_size <= 0 ||
        (size_t)about.st_size > BPF_MAXINSNS * sizeof(struct sock_filter) ||
        (size_t)about.st_size % sizeof(struct sock_filter) != 0)
        inside_fail("reading the system call filter");
    size_t size = (size_t)about.st_size;
    struct sock_filter *code = malloc(size);
    if (code == NULL || pread(ROOM_FD_CALLS, code, size, 0) != (ssize_t)size)
        inside_fail("reading the system call filter");
    filter->len = (unsigned short)(size / sizeof *code);
    filter->filter = code;
    close(ROOM_FD_CALLS);
}
