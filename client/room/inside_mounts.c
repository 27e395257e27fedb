/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets of servers outside that have a name in the file system, and directories of agents and
 * brokers: covered.
 *
 * bubblewrap could do it, but servers come and go: for a name that is gone it would make one, on
 * the user's disk.
 */
#include "inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COVERS_MAX = 4 * 1024 * 1024 };

// Gone, or out of the user's reach anyway.
static bool
cover_is_needless(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP;
}

static void
cover(const char *path)
{
    struct stat about;
    int result = 0;
    if (lstat(path, &about) != 0)
        return;
    // The name may be another file's by now.
    if (S_ISSOCK(about.st_mode))
        result = mount("/dev/null", path, NULL, MS_BIND, NULL);
    else if (S_ISDIR(about.st_mode))
        result = mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_RDONLY, "mode=0755");
    if (result != 0 && !cover_is_needless(errno))
        inside_fail("covering what servers outside have in the file system");
}

// Who is root outside may write these without any capability: kernel.core_pattern names a program
// that the kernel starts out there. bubblewrap looks at the rights of the directory, and lets it
// be.
static void
protect_kernel(void)
{
    static const char *const places[] = {
        "/proc/sys", "/proc/sysrq-trigger", "/proc/irq",  "/proc/bus",    "/proc/acpi",
        "/proc/fs",  "/proc/scsi",          "/proc/mtrr", "/proc/driver", "/proc/dynamic_debug",
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], F_OK) == 0 &&
            (mount(places[i], places[i], NULL, MS_BIND | MS_REC, NULL) != 0 ||
             mount(NULL, places[i], NULL,
                   MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0))
            inside_fail(places[i]);
}

// Of the kernel's own file systems the room has its own, under /proc, /sys and /dev. A second one,
// in the directory of a container or a chroot, would be the machine's.
static bool
is_kernels(const char *type, const char *place)
{
    static const char *const types[] = {
        "proc",        "sysfs",     "cgroup",     "cgroup2",  "debugfs", "tracefs",
        "securityfs",  "bpf",       "configfs",   "efivarfs", "pstore",  "mqueue",
        "binfmt_misc", "selinuxfs", "rpc_pipefs", "nfsd",
    };
    static const char *const own[] = {"/proc", "/sys", "/dev"};
    bool found = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        found = found || strcmp(type, types[i]) == 0;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        size_t n = strlen(own[i]);
        found = found && !(strncmp(place, own[i], n) == 0 && (place[n] == '/' || place[n] == '\0'));
    }
    return found;
}

// mountinfo writes space, tab, newline and backslash as \ooo (proc(5)).
static void
unescape(char *text)
{
    char *out = text;
    for (const char *in = text; *in != '\0'; in++)
        if (in[0] == '\\' && in[1] >= '0' && in[1] <= '3' && in[2] != '\0' && in[3] != '\0') {
            *out++ = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
            in += 3;
        } else {
            *out++ = *in;
        }
    *out = '\0';
}

static void
cover_kernels(void)
{
    char *line = NULL;
    size_t cap = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (file == NULL)
        inside_fail("/proc/self/mountinfo");
    while (getline(&line, &cap, file) > 0) {
        char *place = NULL, *type = NULL;
        char *rest = strstr(line, " - ");
        if (rest == NULL || sscanf(rest, " - %ms", &type) != 1 ||
            sscanf(line, "%*s %*s %*s %*s %ms", &place) != 1)
            inside_fail("/proc/self/mountinfo");
        unescape(place);
        if (is_kernels(type, place))
            cover(place);
        free(place);
        free(type);
    }
    free(line);
    fclose(file);
}

void
inside_cover_files(void)
{
    size_t n = 0, cap = 4096;
    char *names = malloc(cap);
    // What is mounted outside from now on would otherwise be mounted here as well.
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0)
        inside_fail("cutting off the mounts outside");
    protect_kernel();
    cover_kernels();
    for (;;) {
        ssize_t part = names != NULL ? read(ROOM_FD_COVERS, names + n, cap - n) : -1;
        if (part < 0 || n > COVERS_MAX)
            inside_fail("reading the list of covers");
        if (part == 0)
            break;
        n += (size_t)part;
        if (n == cap) {
            char *more = realloc(names, cap *= 2);
            if (more == NULL)
                inside_fail("reading the list of covers");
            names = more;
        }
    }
    names[n] = '\0';
    for (const char *name = names; name < names + n; name += strlen(name) + 1)
        cover(name);
    free(names);
    close(ROOM_FD_COVERS);
}
