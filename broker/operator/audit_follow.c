/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for more of the audit log. */
#include "audit_follow.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

// With inotify there is a look now and then as well: not every file system tells.
enum { POLL_MS = 250, NOTIFIED_MS = 2000 };

static volatile sig_atomic_t over;

static void
on_signal(int number)
{
    (void)number;
    over = 1;
}

void
audit_follow_begin(struct audit_follow *follow, const char *directory)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    *follow = (struct audit_follow){.directory = directory};
    // The directory: what happens to a file in it is told there, also to one that is new.
    follow->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (follow->notify >= 0 &&
        inotify_add_watch(follow->notify, directory, IN_MODIFY | IN_CREATE | IN_MOVE) < 0) {
        close(follow->notify);
        follow->notify = -1;
    }
}

void
audit_follow_end(struct audit_follow *follow)
{
    if (follow->notify >= 0)
        close(follow->notify);
    follow->notify = -1;
}

static void
drain(int fd)
{
    char events[4096];
    while (read(fd, events, sizeof events) > 0)
        continue;
}

enum audit_follow_result
audit_follow_wait(struct audit_follow *follow)
{
    // Standard output for its errors alone; a descriptor of -1 is passed over.
    struct pollfd fds[] = {{.fd = STDOUT_FILENO}, {.fd = follow->notify, .events = POLLIN}};
    int ready = over ? 0 : poll(fds, 2, follow->notify >= 0 ? NOTIFIED_MS : POLL_MS);
    if (over || (ready < 0 && errno != EINTR))
        return AUDIT_FOLLOW_OVER;
    if (ready > 0 && (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
        return AUDIT_FOLLOW_OVER;
    if (ready > 0 && fds[1].revents != 0)
        drain(follow->notify);
    return AUDIT_FOLLOW_LOOK;
}

enum kh_err
audit_follow_next(const struct audit_follow *follow, const struct audit_lines *lines,
                  struct audit_lines *next, bool *found, struct fault *fault)
{
    char path[PATH_MAX];
    struct stat there, here;
    *found = false;
    if (snprintf(path, sizeof path, "%s/audit.log", follow->directory) >= (int)sizeof path ||
        stat(path, &there) != 0 || fstat(lines->fd, &here) != 0)
        return KH_OK;
    // Its place is counted over all files that were there when it was opened.
    uint64_t size = audit_lines_size(lines);
    bool same = there.st_dev == here.st_dev && there.st_ino == here.st_ino;
    if (same && size >= audit_lines_position(lines))
        return KH_OK;
    enum kh_err err = audit_lines_open(follow->directory, next, fault);
    // One that was cut begins anew; else what came between the two files is not passed over.
    if (err == KH_OK && (err = audit_lines_seek_behind(next, same ? 0 : here.st_ino, fault)))
        audit_lines_close(next);
    *found = err == KH_OK;
    return err == KH_ERR_NOT_FOUND ? KH_OK : err;
}
