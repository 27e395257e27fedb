/* SPDX-License-Identifier: Apache-2.0
 *
 * An admin socket in a directory of its own, and who asks there.
 */
#ifndef KEYHOLE_TEST_ADMIN_SERVED_H
#define KEYHOLE_TEST_ADMIN_SERVED_H

#include "../files.h"

#include "../../../broker/admin/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct event_base *base;
static struct admin_server *server;
static struct sockaddr_un address;

/* Within fixture_setup's directory; 0 or an error. */
static inline int
served_open(admin_server_fn *answer, void *context)
{
    struct fault fault = {0};

    base = event_base_new();
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/admin.sock", fixture_base);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 128) ||
           admin_server_new(base, fd, answer, context, &server, &fault);
}

static inline void
served_close(void)
{
    admin_server_free(&server);
    admin_server_free(&server); // once more does no harm
    event_base_free(base);
}

static inline void
settle(void)
{
    for (int i = 0; i < 20; i++)
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline int
connect_admin(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    settle();
    return fd;
}

/* Everything until the end; "(open)" when there is none yet. */
static inline const char *
ask(int fd, const char *text)
{
    static char out[4096];
    size_t n = 0;

    (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
    for (int i = 0; i < 10; i++) {
        settle();
        ssize_t got = recv(fd, out + n, sizeof out - 1 - n, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            out[n] = '\0';
            return out;
        }
        n += got > 0 ? (size_t)got : 0;
    }
    return "(open)";
}

#endif
