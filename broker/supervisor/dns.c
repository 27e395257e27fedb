/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the sockets of a DNS responder. */
#include "dns.h"

#include "../messages.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ATTEMPTS = 16 }; // at a port that is free for both

static int
bind_socket(const struct sockaddr_storage *address, socklen_t size, int type)
{
    int fd = socket(address->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        return -1;
    bool stream = type == SOCK_STREAM;
    // Two responders must not share a UDP port, and answer in turns.
    if ((stream && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) ||
        (address->ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(fd, (const struct sockaddr *)address, size) != 0 ||
        (stream && listen(fd, LISTENER_BACKLOG) != 0)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

// With port 0 TCP takes the port that UDP was given.
static bool
bind_both(const struct sockaddr_storage *address, socklen_t size, int fd[DNS_SOCKETS])
{
    struct sockaddr_storage bound = {0};
    socklen_t bound_size = sizeof(bound);
    fd[0] = bind_socket(address, size, SOCK_DGRAM);
    if (fd[0] < 0)
        return false;
    if (getsockname(fd[0], (struct sockaddr *)&bound, &bound_size) == 0 &&
        (fd[1] = bind_socket(&bound, bound_size, SOCK_STREAM)) >= 0)
        return true;
    int error = errno;
    close(fd[0]);
    errno = error;
    return false;
}

static bool
fill(struct listener *out, int fd, enum listener_kind kind, const struct config_dns *config)
{
    *out = (struct listener){.fd = fd, .dns = kind};
    memcpy(out->answer, config->answer, sizeof(out->answer));
    out->config.address = strdup(config->address);
    out->name = listener_bound_name(fd);
    return out->config.address != NULL && out->name != NULL;
}

enum kh_err
dns_open(const struct config_dns *config, struct listener out[DNS_SOCKETS], struct fault *fault)
{
    struct sockaddr_storage address;
    socklen_t size;
    int fd[DNS_SOCKETS] = {-1, -1};
    enum kh_err err = listener_parse_address(config->address, &address, &size, fault);
    if (err != KH_OK)
        return err;
    const char *colon = strrchr(config->address, ':');
    int attempts = strcmp(colon, ":0") == 0 ? ATTEMPTS : 1;
    bool bound = bind_both(&address, size, fd);
    while (!bound && errno == EADDRINUSE && --attempts > 0)
        bound = bind_both(&address, size, fd);
    if (!bound)
        return fault_set(fault, KH_ERR_IO, "cannot answer DNS on %s: %s", config->address,
                         strerror(errno));
    bool filled = fill(&out[0], fd[0], LISTENER_DNS_UDP, config);
    filled &= fill(&out[1], fd[1], LISTENER_DNS_TCP, config);
    if (filled)
        return KH_OK;
    listener_close(&out[0]);
    listener_close(&out[1]);
    return fault_set(fault, KH_ERR_MEMORY, "cannot answer DNS on %s: no memory", config->address);
}
