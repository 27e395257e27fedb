/* SPDX-License-Identifier: Apache-2.0
 *
 * What keyhole-room, or else bubblewrap, says while a room is made.
 */
#include "room_internal.h"

#include "room/wire.h"
#include "room_explain.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ANSWER_SAID_MAX = 1024 };

// bubblewrap's own complaint, when keyhole-room was never reached.
static enum kh_err
answer_explain(struct room_making *making, struct fault *fault)
{
    char said[ANSWER_SAID_MAX] = "";
    size_t n = 0;
    ssize_t part;
    struct room_switches switches;
    while (n < sizeof said - 1 &&
           (part = read(making->said[0], said + n, sizeof said - 1 - n)) != 0)
        if (part > 0)
            n += (size_t)part;
        else if (errno != EINTR)
            break;
    said[n] = '\0';
    room_switches_read(&switches);
    return room_explain(n > 0 ? said : "bwrap ended without a word", &switches, fault);
}

static enum kh_err
answer_failed(const struct room_report *report, struct fault *fault)
{
    struct room_switches switches;
    if (report->value == ROOM_FAILURE_NO_PROGRAM)
        return fault_set(fault, KH_ERR_NOT_FOUND, "%s: there is no such program in the room",
                         report->text);
    if (report->value == ROOM_FAILURE_NOT_EXECUTABLE)
        return fault_set(fault, KH_ERR_PERMISSION, "%s: %s", report->text, strerror(EACCES));
    if (report->value != ROOM_FAILURE_FORBIDDEN)
        return fault_set(fault, KH_ERR_IO, "no room could be made: %s", report->text);
    room_switches_read(&switches);
    return room_explain(report->text, &switches, fault);
}

static enum kh_err
answer_take_sockets(struct room_making *making, const struct room_report *report, const int *fd,
                    size_t count, struct fault *fault)
{
    struct room *room = making->room;
    uint16_t port[ROOM_PORTS_MAX + 2];
    size_t ports = room_layout_ports(&making->settings, port);
    bool redirected = report->value == 1;
    if (count != ROOM_SOCKETS_FIXED + ports + redirected || room->proxy_fd >= 0) {
        for (size_t i = 0; i < count; i++)
            close(fd[i]);
        return fault_set(fault, KH_ERR_PROTOCOL, "keyhole-room is of another version");
    }
    room->proxy_fd = fd[0];
    room->dns_udp_fd = fd[1];
    room->dns_tcp_fd = fd[2];
    memcpy(room->transparent_fd, fd + ROOM_SOCKETS_FIXED, (ports + redirected) * sizeof *fd);
    room->transparent_count = ports + redirected;
    room->redirected = redirected;
    return KH_OK;
}

/* A report with what came beside it. */
struct room_message {
    struct room_report report;
    int fd[ROOM_PORTS_MAX + 3 + ROOM_SOCKETS_FIXED];
    size_t count;
    pid_t from;
};

// False: keyhole-room is gone, or never came.
static bool
answer_receive(int control, struct room_message *out)
{
    struct iovec part = {.iov_base = &out->report, .iov_len = sizeof out->report};
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof out->fd) + CMSG_SPACE(sizeof(struct ucred))];
    } space;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space};
    ssize_t n;
    memset(&space, 0, sizeof space);
    *out = (struct room_message){.from = -1};
    while ((n = recvmsg(control, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        continue;
    for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL; c != NULL;
         c = CMSG_NXTHDR(&message, c)) {
        struct ucred credentials;
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
            memcpy(&credentials, CMSG_DATA(c), sizeof credentials);
            out->from = credentials.pid;
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            out->count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(out->fd, CMSG_DATA(c), out->count * sizeof(int));
        }
    }
    out->report.text[ROOM_TEXT_MAX - 1] = '\0';
    return n == (ssize_t)sizeof out->report;
}

enum kh_err
room_answer_await(struct room_making *making, struct fault *fault)
{
    struct room_message message;
    enum kh_err err = KH_OK;
    while (err == KH_OK) {
        if (!answer_receive(making->room->control_fd, &message))
            return answer_explain(making, fault);
        if (message.report.kind == ROOM_REPORT_FAILED)
            err = answer_failed(&message.report, fault);
        else if (message.report.kind == ROOM_REPORT_SOCKETS)
            err = answer_take_sockets(making, &message.report, message.fd, message.count, fault);
        else if (message.report.kind == ROOM_REPORT_READY && making->room->proxy_fd >= 0)
            break;
        else
            err = fault_set(fault, KH_ERR_PROTOCOL, "keyhole-room is of another version");
    }
    if (err != KH_OK)
        return err;
    making->room->program = message.from;
    making->room->program_fd = (int)syscall(SYS_pidfd_open, message.from, 0);
    return making->room->program_fd >= 0
               ? KH_OK
               : fault_set(fault, KH_ERR_UNSUPPORTED, "no room can be made here: pidfd_open: %s",
                           strerror(errno));
}
