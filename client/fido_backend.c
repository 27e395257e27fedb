/* SPDX-License-Identifier: Apache-2.0
 *
 * Where security keys come from: USB. A build for tests, and only that, has sockets to software
 * authenticators instead.
 */
#include "fido_keys.h"

#include <stdio.h>
#include <string.h>

#ifndef KEYHOLE_TEST_TRANSPORT

static size_t
fido_usb_list(const struct fido_backend *backend, struct fido_place out[FIDO_KEYS_MAX])
{
    size_t found = 0;
    fido_dev_info_t *list = fido_dev_info_new(FIDO_KEYS_MAX);
    (void)backend;
    if (list == NULL || fido_dev_info_manifest(list, FIDO_KEYS_MAX, &found) != FIDO_OK)
        found = 0;
    for (size_t i = 0; i < found; i++) {
        const fido_dev_info_t *info = fido_dev_info_ptr(list, i);
        const char *name = fido_dev_info_product_string(info);
        out[i] = (struct fido_place){.name = "security key"};
        snprintf(out[i].path, sizeof out[i].path, "%s", fido_dev_info_path(info));
        if (name != NULL && name[0] != '\0')
            snprintf(out[i].name, sizeof out[i].name, "%s", name);
    }
    fido_dev_info_free(&list, FIDO_KEYS_MAX);
    return found;
}

static int
fido_usb_open(const struct fido_backend *backend, const char *path, fido_dev_t **out)
{
    (void)backend;
    fido_dev_t *dev = fido_dev_new();
    int code = dev != NULL ? fido_dev_open(dev, path) : FIDO_ERR_INTERNAL;
    if (code == FIDO_OK)
        *out = dev;
    else
        fido_dev_free(&dev);
    return code;
}

const struct fido_backend fido_backend_system = {.list = fido_usb_list, .open = fido_usb_open};

#else

#include "cli.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// Paths are "unix:PATH": SOCK_SEQPACKET, a HID report of 64 bytes in each message.
enum { FIDO_REPORT_SIZE = 64 };

static void *
fido_unix_io_open(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int *fd = malloc(sizeof *fd);
    if (fd == NULL || strncmp(path, "unix:", 5) != 0 ||
        strlen(path + 5) >= sizeof address.sun_path) {
        free(fd);
        return NULL;
    }
    strcpy(address.sun_path, path + 5);
    *fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (*fd >= 0 && connect(*fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (*fd >= 0)
        close(*fd);
    free(fd);
    return NULL;
}

static void
fido_unix_io_close(void *handle)
{
    close(*(int *)handle);
    free(handle);
}

// libfido2 puts the number of the report before it.
static int
fido_unix_io_write(void *handle, const unsigned char *data, size_t n)
{
    if (n != FIDO_REPORT_SIZE + 1)
        return -1;
    ssize_t sent = send(*(int *)handle, data + 1, FIDO_REPORT_SIZE, MSG_NOSIGNAL);
    return sent == FIDO_REPORT_SIZE ? (int)n : -1;
}

static int
fido_unix_io_read(void *handle, unsigned char *data, size_t n, int timeout_ms)
{
    struct pollfd wait = {.fd = *(int *)handle, .events = POLLIN};
    struct timespec span = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    if (n != FIDO_REPORT_SIZE ||
        ppoll(&wait, 1, timeout_ms >= 0 ? &span : NULL, interrupt_mask()) != 1)
        return -1;
    return recv(wait.fd, data, n, 0) == FIDO_REPORT_SIZE ? FIDO_REPORT_SIZE : -1;
}

static size_t
fido_unix_list(const struct fido_backend *backend, struct fido_place out[FIDO_KEYS_MAX])
{
    struct bytes rest = bytes_str(cli_environment("KEYHOLE_TEST_DEVICES")), part;
    size_t found = 0;
    (void)backend;
    while (found < FIDO_KEYS_MAX && bytes_cut(&rest, ',', &part)) {
        out[found] = (struct fido_place){.name = ""};
        snprintf(out[found].path, sizeof out[found].path, "%.*s", BYTES_ARG(part));
        snprintf(out[found].name, sizeof out[found].name, "software key %zu", found + 1);
        found++;
    }
    return found;
}

static int
fido_unix_open(const struct fido_backend *backend, const char *path, fido_dev_t **out)
{
    static const fido_dev_io_t io = {fido_unix_io_open, fido_unix_io_close, fido_unix_io_read,
                                     fido_unix_io_write};
    (void)backend;
    fido_dev_t *dev = fido_dev_new();
    int code = dev == NULL ? FIDO_ERR_INTERNAL : fido_dev_set_io_functions(dev, &io);
    if (code == FIDO_OK)
        code = fido_dev_open(dev, path);
    if (code == FIDO_OK)
        *out = dev;
    else
        fido_dev_free(&dev);
    return code;
}

const struct fido_backend fido_backend_system = {.list = fido_unix_list, .open = fido_unix_open};

#endif
