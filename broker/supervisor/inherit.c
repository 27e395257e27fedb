/* SPDX-License-Identifier: Apache-2.0 */
/* LISTEN_FDS: taking over sockets of the service manager, and finding the right one. */
#include "inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct passed {
    int fd; /* -1: taken, or closed */
    bool kept;
    int type;
    struct sockaddr_storage address;
    socklen_t size;
};

static struct passed passed[INHERIT_MAX];
static size_t passed_count;

/* ---- what was passed on ---- */

static bool
number_from_environment(const char *name, uint64_t *out)
{
    const char *text = getenv(name);
    return text != NULL && bytes_to_u64(bytes_str(text), out);
}

static void
address_text(const struct passed *socket, char *out, size_t cap)
{
    char host[64] = "?", port[8] = "?";
    if (socket->address.ss_family == AF_UNIX) {
        const struct sockaddr_un *local = (const struct sockaddr_un *)&socket->address;
        (void)snprintf(out, cap, "%.108s", local->sun_path);
        return;
    }
    (void)getnameinfo((const struct sockaddr *)&socket->address, socket->size, host, sizeof(host),
                      port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    bool six = socket->address.ss_family == AF_INET6;
    (void)snprintf(out, cap, "%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port);
}

static bool
option_is(int fd, int level, int name, int wanted)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return getsockopt(fd, level, name, &value, &size) == 0 && value == wanted;
}

static enum kh_err
check_kind(const struct passed *socket, struct fault *fault)
{
    char text[160];
    const int family = socket->address.ss_family;
    address_text(socket, text, sizeof(text));
    if (socket->type != SOCK_STREAM && (socket->type != SOCK_DGRAM || family == AF_UNIX))
        return fault_set(fault, KH_ERR_CONFIG,
                         "the service manager passed %s, which is no ListenStream", text);
    if (socket->type == SOCK_STREAM && !option_is(socket->fd, SOL_SOCKET, SO_ACCEPTCONN, 1))
        return fault_set(fault, KH_ERR_CONFIG,
                         "the service manager passed %s, which does not listen: the socket unit "
                         "needs Accept=no",
                         text);
    // One that is of both families reaches more than the configuration says.
    if (family == AF_INET6 && !option_is(socket->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
        return fault_set(fault, KH_ERR_CONFIG,
                         "the service manager passed %s for IPv4 as well: the socket unit needs "
                         "BindIPv6Only=ipv6-only",
                         text);
    return KH_OK;
}

static enum kh_err
add(int fd, struct bytes name, struct fault *fault)
{
    struct passed made = {.fd = fd, .kept = bytes_is(name, INHERIT_KEPT)};
    socklen_t type_size = sizeof(made.type);
    int flags = fcntl(fd, F_GETFL);
    made.size = sizeof(made.address);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        getsockname(fd, (struct sockaddr *)&made.address, &made.size) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &made.type, &type_size) != 0 ||
        (made.address.ss_family != AF_INET && made.address.ss_family != AF_INET6 &&
         made.address.ss_family != AF_UNIX))
        return fault_set(fault, KH_ERR_CONFIG,
                         "descriptor %d of the service manager is no socket that keyholed serves",
                         fd);
    passed[passed_count++] = made;
    return check_kind(&made, fault);
}

static enum kh_err
add_all(uint64_t count, struct fault *fault)
{
    const char *text = getenv("LISTEN_FDNAMES");
    struct bytes names = text != NULL ? bytes_str(text) : BYTES_EMPTY, name;
    enum kh_err err = KH_OK;
    for (uint64_t i = 0; err == KH_OK && i < count; i++) {
        if (!bytes_cut(&names, ':', &name))
            name = BYTES_EMPTY;
        err = add(INHERIT_FIRST_FD + (int)i, name, fault);
    }
    return err;
}

enum kh_err
inherit_init(struct fault *fault)
{
    uint64_t pid = 0, count = 0;
    passed_count = 0;
    enum kh_err err = KH_OK;
    // Meant for another process: then they are none of ours.
    if (number_from_environment("LISTEN_PID", &pid) && pid == (uint64_t)getpid() &&
        number_from_environment("LISTEN_FDS", &count)) {
        if (count > INHERIT_MAX)
            err = fault_set(fault, KH_ERR_RANGE,
                            "the service manager passed %llu sockets; at most %d are served",
                            (unsigned long long)count, INHERIT_MAX);
        else
            err = add_all(count, fault);
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return err;
}

/* ---- finding one ---- */

static struct inherited
take(struct passed *socket)
{
    struct inherited taken = {.fd = socket->fd, .kept = socket->kept};
    socket->fd = -1;
    return taken;
}

static bool
same_address(const struct passed *socket, const struct sockaddr *address)
{
    if (socket->address.ss_family != address->sa_family)
        return false;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)&socket->address;
        const struct sockaddr_in *b = (const struct sockaddr_in *)address;
        return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)&socket->address;
    const struct sockaddr_in6 *b = (const struct sockaddr_in6 *)address;
    return address->sa_family == AF_INET6 && a->sin6_port == b->sin6_port &&
           a->sin6_scope_id == b->sin6_scope_id &&
           memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr)) == 0;
}

struct inherited
inherit_take(const struct sockaddr *address, int type)
{
    for (size_t i = 0; i < passed_count; i++)
        if (passed[i].fd >= 0 && passed[i].type == type && same_address(&passed[i], address))
            return take(&passed[i]);
    return (struct inherited){.fd = -1};
}

// By what is there, since a directory may have several names.
struct inherited
inherit_take_path(const char *path)
{
    struct stat wanted, found;
    if (stat(path, &wanted) == 0 && S_ISSOCK(wanted.st_mode))
        for (size_t i = 0; i < passed_count; i++) {
            const struct sockaddr_un *local = (const struct sockaddr_un *)&passed[i].address;
            if (passed[i].fd >= 0 && local->sun_family == AF_UNIX && local->sun_path[0] == '/' &&
                stat(local->sun_path, &found) == 0 && found.st_dev == wanted.st_dev &&
                found.st_ino == wanted.st_ino)
                return take(&passed[i]);
        }
    return (struct inherited){.fd = -1};
}

/* ---- what nobody wanted ---- */

enum kh_err
inherit_finish(bool *left, struct fault *fault)
{
    char text[160];
    *left = false;
    for (size_t i = 0; i < passed_count; i++) {
        if (passed[i].fd < 0)
            continue;
        if (!passed[i].kept) {
            address_text(&passed[i], text, sizeof(text));
            return fault_set(fault, KH_ERR_CONFIG,
                             "the service manager passed a socket for %s, which is not in the "
                             "configuration: add it there, or take it out of the socket unit",
                             text);
        }
        *left = true;
    }
    inherit_fini();
    return KH_OK;
}

void
inherit_fini(void)
{
    for (size_t i = 0; i < passed_count; i++)
        if (passed[i].fd >= 0)
            close(passed[i].fd);
    passed_count = 0;
}
