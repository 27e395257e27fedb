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

static bool
bind_one(const struct sockaddr_storage *address, socklen_t size, int type, struct listener *out)
{
    out->fd = listener_socket(address, size, type, &out->held, &out->of_unit);
    return out->fd >= 0;
}

// With port 0 TCP takes the port that UDP was given.
static bool
bind_both(const struct sockaddr_storage *address, socklen_t size, struct listener out[DNS_SOCKETS])
{
    struct sockaddr_storage bound = {0};
    socklen_t bound_size = sizeof(bound);
    if (!bind_one(address, size, SOCK_DGRAM, &out[0]))
        return false;
    if (getsockname(out[0].fd, (struct sockaddr *)&bound, &bound_size) == 0 &&
        bind_one(&bound, bound_size, SOCK_STREAM, &out[1]))
        return true;
    int error = errno;
    close(out[0].fd);
    out[0].fd = -1;
    errno = error;
    return false;
}

static bool
fill(struct listener *out, enum listener_kind kind, const struct config_dns *config)
{
    out->dns = kind;
    memcpy(out->answer, config->answer, sizeof(out->answer));
    out->config.address = strdup(config->address);
    out->name = listener_bound_name(out->fd);
    return out->config.address != NULL && out->name != NULL;
}

enum kh_err
dns_open(const struct config_dns *config, struct listener out[DNS_SOCKETS], struct fault *fault)
{
    struct sockaddr_storage address;
    socklen_t size;
    struct listener made[DNS_SOCKETS] = {{.fd = -1}, {.fd = -1}};
    enum kh_err err = listener_parse_address(config->address, &address, &size, fault);
    if (err != KH_OK)
        return err;
    const char *colon = strrchr(config->address, ':');
    int attempts = strcmp(colon, ":0") == 0 ? ATTEMPTS : 1;
    bool bound = bind_both(&address, size, made);
    while (!bound && errno == EADDRINUSE && --attempts > 0)
        bound = bind_both(&address, size, made);
    if (!bound)
        return fault_set(fault, KH_ERR_IO, "cannot answer DNS on %s: %s", config->address,
                         strerror(errno));
    bool filled = fill(&made[0], LISTENER_DNS_UDP, config);
    filled &= fill(&made[1], LISTENER_DNS_TCP, config);
    if (filled) {
        memcpy(out, made, sizeof(made));
        return KH_OK;
    }
    listener_close(&made[0]);
    listener_close(&made[1]);
    return fault_set(fault, KH_ERR_MEMORY, "cannot answer DNS on %s: no memory", config->address);
}
