/* SPDX-License-Identifier: Apache-2.0 */
/* libfido2's transport and I/O functions, in front of a software authenticator. */

#include "softauthn_fido.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPORT = 64 };

/* ---- in this process: whole commands ---- */

struct inside {
    struct softauthn *authenticator;
    struct buffer answer;
    bool answered;
};

/* libfido2 gives a path and nothing else to whoever opens. */
static __thread struct softauthn *opening;

static void *
inside_open(const char *path)
{
    (void)path;
    struct inside *inside = calloc(1, sizeof(*inside));
    if (inside == NULL)
        return NULL;
    inside->authenticator = opening;
    buffer_init(&inside->answer, SOFTAUTHN_MESSAGE_MAX);
    return inside;
}

static void
inside_close(void *handle)
{
    struct inside *inside = handle;
    buffer_free(&inside->answer);
    free(inside);
}

static int
inside_read(void *handle, unsigned char *p, size_t n, int ms)
{
    (void)handle, (void)p, (void)n, (void)ms;
    return -1;
}

static int
inside_write(void *handle, const unsigned char *p, size_t n)
{
    (void)handle, (void)p, (void)n;
    return -1;
}

static int
inside_tx(struct fido_dev *dev, uint8_t command, const unsigned char *p, size_t n)
{
    struct inside *inside = fido_dev_io_handle(dev);
    buffer_clear(&inside->answer);
    inside->answered =
        softauthn_message(inside->authenticator, command & 0x7f, bytes_of(p, n), &inside->answer);
    return 0;
}

static int
inside_rx(struct fido_dev *dev, uint8_t command, unsigned char *p, size_t n, int ms)
{
    (void)command, (void)ms;
    struct inside *inside = fido_dev_io_handle(dev);
    if (!inside->answered || inside->answer.failed || inside->answer.n > n)
        return -1;
    memcpy(p, inside->answer.p, inside->answer.n);
    inside->answered = false;
    return (int)inside->answer.n;
}

fido_dev_t *
softauthn_fido_open(struct softauthn *a)
{
    static const fido_dev_io_t io = {inside_open, inside_close, inside_read, inside_write};
    static const fido_dev_transport_t transport = {inside_rx, inside_tx};
    fido_dev_t *dev = fido_dev_new();
    opening = a;
    if (dev == NULL || fido_dev_set_io_functions(dev, &io) != FIDO_OK ||
        fido_dev_set_transport_functions(dev, &transport) != FIDO_OK ||
        fido_dev_open(dev, "softauthn") != FIDO_OK)
        fido_dev_free(&dev);
    opening = NULL;
    return dev;
}

/* ---- behind a socket: reports ---- */

static void *
socket_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return NULL;
    strcpy(address.sun_path, path);
    int *fd = malloc(sizeof(*fd));
    if (fd == NULL)
        return NULL;
    *fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && connect(*fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (*fd >= 0)
        close(*fd);
    free(fd);
    return NULL;
}

static void
socket_close(void *handle)
{
    int *fd = handle;
    close(*fd);
    free(fd);
}

static int
socket_read(void *handle, unsigned char *p, size_t n, int ms)
{
    const int *fd = handle;
    struct pollfd wait = {.fd = *fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&wait, 1, ms);
    while (ready < 0 && errno == EINTR);
    return ready > 0 && n == REPORT && recv(*fd, p, n, 0) == REPORT ? REPORT : -1;
}

static int
socket_write(void *handle, const unsigned char *p, size_t n)
{
    const int *fd = handle;
    // a report number of zero goes first
    if (n != REPORT + 1 || send(*fd, p + 1, REPORT, MSG_NOSIGNAL) != REPORT)
        return -1;
    return (int)n;
}

fido_dev_t *
softauthn_fido_connect(const char *path)
{
    static const fido_dev_io_t io = {socket_open, socket_close, socket_read, socket_write};
    fido_dev_t *dev = fido_dev_new();
    if (dev == NULL || fido_dev_set_io_functions(dev, &io) != FIDO_OK ||
        fido_dev_open(dev, path) != FIDO_OK)
        fido_dev_free(&dev);
    return dev;
}
