/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting a room: bubblewrap with keyhole-room in it, and the sockets that come out.
 */
#include "room_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { START_FILE_MAX = 65536 };

// A network socket is a way out, a unix socket that is not connected can become one, and from a
// directory one gets past what is hidden.
static enum kh_err
start_check_stream(int fd, const char *name, struct fault *fault)
{
    struct stat about;
    struct sockaddr_storage peer;
    int domain = AF_UNSPEC, type = 0;
    socklen_t size = sizeof domain, peer_size = sizeof peer;
    if (fstat(fd, &about) != 0)
        return KH_OK; /* it is closed: /dev/null */
    if (S_ISDIR(about.st_mode) || (fcntl(fd, F_GETFL) & O_PATH) != 0)
        return fault_set(fault, KH_ERR_USAGE, "standard %s is a directory: a way out of the room",
                         name);
    if (!S_ISSOCK(about.st_mode))
        return KH_OK;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
        (type != SOCK_STREAM && type != SOCK_SEQPACKET) ||
        getpeername(fd, (struct sockaddr *)&peer, &peer_size) != 0)
        return fault_set(fault, KH_ERR_USAGE,
                         "standard %s is a network socket: a way out of the room (put a pipe "
                         "before it)",
                         name);
    return KH_OK;
}

static enum kh_err
start_check_streams(struct fault *fault)
{
    static const char *const name[] = {"input", "output", "error"};
    enum kh_err err = KH_OK;
    for (int fd = 0; fd < 3 && err == KH_OK; fd++)
        err = start_check_stream(fd, name[fd], fault);
    return err;
}

static bool
start_is_our_terminal(int fd)
{
    return isatty(fd) && tcgetsid(fd) == getsid(0);
}

static int
start_terminal(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (start_is_our_terminal(fd))
            return fd;
    return -1;
}

static void
start_free(struct room_making *making)
{
    int *const fds[] = {&making->control, &making->said[0], &making->said[1],
                        &making->covers,  &making->calls,   &making->helper};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (*fds[i] >= 0)
            close(*fds[i]);
    for (size_t i = 0; i < making->layout.data_count; i++)
        if (making->data[i] >= 0)
            close(making->data[i]);
    for (size_t i = 0; i < making->real_count; i++)
        free(making->real[i]);
    for (size_t i = 0; making->link[i] != NULL; i++)
        free(making->link[i]);
    buffer_free(&making->nsswitch);
    free(making->environment);
    room_layout_free(&making->layout);
    room_hidden_free(&making->hidden);
}

enum kh_err
room_start(const struct room_settings *settings, char *const argv[], char *const envp[],
           struct room *out, struct fault *fault)
{
    struct room room = {.pid = -1,
                        .control_fd = -1,
                        .proxy_fd = -1,
                        .dns_udp_fd = -1,
                        .dns_tcp_fd = -1,
                        .program_fd = -1,
                        .program = -1,
                        .terminal = start_terminal()};
    struct room_making making = {
        .room = &room, .control = -1, .said = {-1, -1}, .covers = -1, .calls = -1, .helper = -1};
    memset(making.data, -1, sizeof making.data);
    buffer_init(&making.nsswitch, START_FILE_MAX);
    enum kh_err err = start_check_streams(fault);
    if (err == KH_OK)
        err = room_outside_read(&making, settings, argv, fault);
    if (err == KH_OK && (making.environment = room_hidden_environment(envp)) == NULL)
        err = fault_set(fault, KH_ERR_MEMORY, "no memory for a room");
    if (err == KH_OK)
        err = room_spawn(&making, fault);
    if (err == KH_OK)
        err = room_answer_await(&making, fault);
    start_free(&making);
    if (err != KH_OK)
        room_end(&room);
    else
        *out = room;
    return err;
}
