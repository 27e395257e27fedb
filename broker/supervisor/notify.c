/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3) in a few lines: a datagram of assignments, sent to the service manager. */
#include "notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// "/path" or "@abstract"; anything else is a newer form that is not known here.
static enum kh_err
notify_address(const char *text, struct sockaddr_un *address, socklen_t *size, struct fault *fault)
{
    size_t n = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || n < 2 || n >= sizeof(address->sun_path))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "NOTIFY_SOCKET is neither a path nor an abstract address");
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, text, n);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (text[0] == '@')
        address->sun_path[0] = '\0';
    else
        (*size)++;
    return KH_OK;
}

static int64_t
watchdog_from_environment(void)
{
    const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t value, watched;
    if (text == NULL || !bytes_to_u64(bytes_str(text), &value) || value == 0 || value > INT64_MAX)
        return 0;
    if (pid != NULL && (!bytes_to_u64(bytes_str(pid), &watched) || watched != (uint64_t)getpid()))
        return 0;
    return (int64_t)value;
}

enum kh_err
notify_init(struct notify *notify, struct fault *fault)
{
    *notify = (struct notify){.fd = -1};
    const char *text = getenv("NOTIFY_SOCKET");
    if (text == NULL || text[0] == '\0')
        return KH_OK;
    struct sockaddr_un address;
    socklen_t size;
    enum kh_err err = notify_address(text, &address, &size, fault);
    if (err != KH_OK)
        return err;
    // Connected now, because the sandbox may not let us look the path up later.
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, size) != 0) {
        err = fault_set(fault, KH_ERR_IO, "NOTIFY_SOCKET %s: %s", text, strerror(errno));
        if (fd >= 0)
            close(fd);
        return err;
    }
    notify->fd = fd;
    notify->watchdog_usec = watchdog_from_environment();
    return KH_OK;
}

void
notify_fini(struct notify *notify)
{
    if (notify->fd >= 0)
        close(notify->fd);
    *notify = (struct notify){.fd = -1};
}

// Never blocks and never fails: a service manager that does not read must not stop the broker.
static void
notify_send(const struct notify *notify, const char *text)
{
    if (notify->fd >= 0)
        (void)!send(notify->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
notify_assign(const struct notify *notify, const char *assignment, const char *status)
{
    char text[512];
    int n = snprintf(text, sizeof(text), "%s\nSTATUS=%s", assignment, status);
    if (n > 0 && (size_t)n < sizeof(text))
        notify_send(notify, text);
    else
        notify_send(notify, assignment);
}

void
notify_ready(const struct notify *notify, const char *status)
{
    notify_assign(notify, "READY=1", status);
}

void
notify_reloading(const struct notify *notify)
{
    struct timespec now;
    char text[96];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    notify_send(notify, text);
}

// What was configured goes before the time limit of a unit, which knows nothing of it.
void
notify_stopping(const struct notify *notify, const char *status, int64_t limit_ms)
{
    char text[96];
    snprintf(text, sizeof(text), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld",
             (long long)limit_ms * 1000);
    notify_assign(notify, text, status);
}

void
notify_watchdog(const struct notify *notify)
{
    notify_send(notify, "WATCHDOG=1");
}

bool
notify_keep(const struct notify *notify, const char *name, int fd)
{
    char text[96];
    int n = snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
    union {
        struct cmsghdr header;
        uint8_t room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec body = {.iov_base = text, .iov_len = (size_t)n};
    struct msghdr message = {
        .msg_iov = &body,
        .msg_iovlen = 1,
        .msg_control = control.room,
        .msg_controllen = sizeof(control.room),
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    return notify->fd >= 0 && sendmsg(notify->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

void
notify_forget(const struct notify *notify, const char *name)
{
    char text[96];
    snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
    notify_send(notify, text);
}
