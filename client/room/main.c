/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole-room: the first process in a closed room. bubblewrap has made the namespaces and mounts;
 * this is root in them and nowhere else, makes the network, gives up what it may, and runs the
 * program. It is linked statically: inside, there may be no library.
 */
#include "inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INSIDE_FAILED = 125, INSIDE_ARGUMENTS = 5 };

void
inside_report(enum room_report_kind kind, int value, const char *text)
{
    struct room_report report = {.kind = (int32_t)kind, .value = value};
    snprintf(report.text, sizeof report.text, "%s", text);
    if (send(ROOM_FD_CONTROL, &report, sizeof report, MSG_NOSIGNAL) < 0)
        _exit(INSIDE_FAILED);
}

_Noreturn void
inside_fail(const char *what)
{
    char text[ROOM_TEXT_MAX];
    int code = errno;
    bool forbidden = code == EPERM || code == EACCES || code == ENOSYS || code == ENOSPC ||
                     code == EUSERS || code == EOPNOTSUPP || code == EINVAL;
    snprintf(text, sizeof text, "%s: %s", what, strerror(code));
    inside_report(ROOM_REPORT_FAILED, forbidden ? ROOM_FAILURE_FORBIDDEN : ROOM_FAILURE_OTHER,
                  text);
    _exit(INSIDE_FAILED);
}

static unsigned long
inside_number(const char **text, unsigned long max)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(*text, &end, 10);
    if (errno != 0 || end == *text || number > max) {
        errno = ERANGE;
        inside_fail("a number in the arguments");
    }
    *text = end;
    return number;
}

// Whatever ran us: outside of a room every step from here on would change the machine, and a
// program would run open.
static void
inside_verify_namespaces(const char *text)
{
    static const char *const name[ROOM_NAMESPACE_COUNT] = ROOM_NAMESPACES;
    for (size_t i = 0; i < ROOM_NAMESPACE_COUNT; i++) {
        char path[32], what[64];
        struct stat about;
        unsigned long outside = inside_number(&text, ULONG_MAX);
        text += *text == ',';
        snprintf(path, sizeof path, "/proc/self/ns/%s", name[i]);
        snprintf(what, sizeof what, "bwrap made no new namespace (%s)", name[i]);
        if (stat(path, &about) != 0 || about.st_ino == outside) {
            errno = EPERM;
            inside_fail(what);
        }
    }
    if (getpid() != 1) {
        errno = EPERM;
        inside_fail("bwrap made no new namespace (its first process)");
    }
}

static size_t
inside_ports(const char *text, uint16_t *port)
{
    size_t count = 0;
    for (;; text++) {
        if (count == ROOM_PORTS_MAX + 2) {
            errno = E2BIG;
            inside_fail("the ports");
        }
        port[count++] = (uint16_t)inside_number(&text, UINT16_MAX);
        if (*text != ',')
            return count;
    }
}

int
main(int argc, char **argv)
{
    uint16_t port[ROOM_PORTS_MAX + 2];
    struct sock_fprog filter = {.len = 0};
    if (argc <= INSIDE_ARGUMENTS || fcntl(ROOM_FD_CONTROL, F_GETFD) < 0) {
        fprintf(stderr, "keyhole-room is started by `keyhole run --isolate` and by nobody else\n");
        return 2;
    }
    if (close_range(ROOM_FD_CONTROL, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        inside_fail("close_range");
    const char *uid = argv[1], *gid = argv[2];
    uid_t user = (uid_t)inside_number(&uid, UINT32_MAX);
    gid_t group = (gid_t)inside_number(&gid, UINT32_MAX);
    inside_verify_namespaces(argv[3]);
    size_t count = inside_ports(argv[4], port);
    inside_load_calls(&filter);
    inside_cover_files();
    inside_open_network(port, count);
    inside_become_user(user, group);
    // Nothing of ours is to run at the end: a sanitizer would look for leaks in what it may not
    // trace.
    _exit(inside_run(argv + INSIDE_ARGUMENTS, &filter));
}
