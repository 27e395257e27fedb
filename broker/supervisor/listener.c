/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets on addresses and paths. */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "inherit.h"
#include "pem.h"

// Splits "HOST:PORT" and "[HOST]:PORT"; both parts are copied.
static bool
address_split(const char *text, char host[INET6_ADDRSTRLEN], char port[6])
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL)
        return false;
    size_t n = (size_t)(colon - text), digits = strlen(colon + 1);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    } else if (memchr(text, ':', n) != NULL) {
        return false; // an IPv6 address without brackets
    }
    if (n == 0 || n >= INET6_ADDRSTRLEN || digits == 0 || digits > 5)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    memcpy(port, colon + 1, digits + 1);
    return true;
}

enum kh_err
listener_parse_address(const char *text, struct sockaddr_storage *out, socklen_t *size,
                       struct fault *fault)
{
    char host[INET6_ADDRSTRLEN], port[6];
    uint64_t number;
    if (!address_split(text, host, port))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "\"%.80s\" is not ADDRESS:PORT, as in 127.0.0.1:8437 or [::1]:8437", text);
    if (!bytes_to_u64(bytes_str(port), &number) || number > UINT16_MAX)
        return fault_set(fault, KH_ERR_RANGE, "\"%.80s\": a port is a number from 0 to 65535",
                         text);
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)number);
        *size = sizeof(*v4);
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)number);
        *size = sizeof(*v6);
    } else {
        return fault_set(fault, KH_ERR_SYNTAX,
                         "\"%.80s\" is not ADDRESS:PORT: the address is written in numbers, as in "
                         "127.0.0.1:8437",
                         text);
    }
    *out = address;
    return KH_OK;
}

bool
listener_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static enum kh_err
listener_read_files(const struct config_listener *config, struct buffer *certificate,
                    struct buffer *key, struct fault *fault)
{
    if (config->certificate == NULL && config->key == NULL)
        return KH_OK;
    if (config->certificate == NULL || config->key == NULL)
        return fault_set(fault, KH_ERR_CONFIG,
                         "listener %s: certificate and key are given together", config->address);
    enum kh_err err = pem_read(config->certificate, "CERTIFICATE", certificate, fault);
    if (err == KH_OK)
        err = pem_read(config->key, "PRIVATE KEY", key, fault);
    // A proxy that is given what it cannot use ends, and the next one as well.
    if (err == KH_OK)
        err = pem_check_pair(buffer_bytes(certificate), config->certificate, buffer_bytes(key),
                             config->key, fault);
    return err;
}

// Address and rules, without the files.
static enum kh_err
listener_check_rules(const struct config_listener *config, struct sockaddr_storage *address,
                     socklen_t *size, struct fault *fault)
{
    enum kh_err err = listener_parse_address(config->address, address, size, fault);
    if (err != KH_OK)
        return err;
    if (!config->tls && !config->insecure && !listener_is_loopback(address))
        return fault_set(fault, KH_ERR_CONFIG,
                         "listener %s is plain HTTP on a network: use tls: true, or say insecure: "
                         "true in the configuration",
                         config->address);
    if (!config->tls && (config->certificate != NULL || config->key != NULL))
        return fault_set(fault, KH_ERR_CONFIG, "listener %s has a certificate but not tls: true",
                         config->address);
    return KH_OK;
}

enum kh_err
listener_check(const struct config_listener *config, struct fault *fault)
{
    struct sockaddr_storage address;
    socklen_t size;
    enum kh_err err = listener_check_rules(config, &address, &size, fault);
    if (err != KH_OK)
        return err;
    struct buffer certificate, key;
    buffer_init(&certificate, LISTENER_PEM_MAX);
    buffer_init_secret(&key, LISTENER_PEM_MAX);
    err = listener_read_files(config, &certificate, &key, fault);
    buffer_free(&certificate);
    buffer_free(&key);
    return err;
}

char *
listener_bound_name(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    char host[INET6_ADDRSTRLEN], port[8], *name = NULL;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return NULL;
    bool six = address.ss_family == AF_INET6;
    return asprintf(&name, "%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port) < 0 ? NULL
                                                                                        : name;
}

// Connections have what their listener has. Without this the kernel takes megabytes of an answer
// that its client does not read, for each such client, and nobody sees that it stands still.
static bool
socket_limit_unsent(int fd)
{
    const int unsent_max = LISTENER_UNSENT_MAX;
    return setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof(unsent_max)) == 0;
}

static int
socket_bind(const struct sockaddr_storage *address, socklen_t size, int type)
{
    int fd = socket(address->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        return -1;
    bool stream = type == SOCK_STREAM;
    // With SO_REUSEADDR two responders could share a UDP port, and answer in turns.
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

int
listener_socket(const struct sockaddr_storage *address, socklen_t size, int type, bool *held,
                bool *of_unit)
{
    struct inherited passed = inherit_take((const struct sockaddr *)address, type);
    *held = passed.fd >= 0;
    *of_unit = passed.fd >= 0 && !passed.kept;
    int fd = passed.fd >= 0 ? passed.fd : socket_bind(address, size, type);
    if (fd >= 0 && type == SOCK_STREAM && !socket_limit_unsent(fd)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static bool
text_copy(const char *text, char **out)
{
    if (text != NULL)
        *out = strdup(text);
    return text == NULL || *out != NULL;
}

static bool
listener_copy_config(const struct config_listener *config, struct config_listener *out)
{
    out->tls = config->tls;
    out->insecure = config->insecure;
    out->transparent = config->transparent;
    return text_copy(config->address, &out->address) &&
           text_copy(config->certificate, &out->certificate) && text_copy(config->key, &out->key);
}

// It stays for as long as the listener does: proxies that die get it again.
static enum kh_err
listener_read_identity(const struct config_listener *config, struct listener *out,
                       struct fault *fault)
{
    struct buffer key;
    buffer_init_secret(&key, LISTENER_PEM_MAX);
    enum kh_err err = listener_read_files(config, &out->certificate, &key, fault);
    if (err == KH_OK && key.n > 0) {
        uint8_t *locked = sodium_init() < 0 ? NULL : sodium_malloc(key.n);
        if (locked == NULL)
            err = fault_set(fault, KH_ERR_MEMORY, "no locked memory for a key");
        else
            out->key = bytes_of(memcpy(locked, key.p, key.n), key.n);
    }
    buffer_free(&key);
    return err;
}

enum kh_err
listener_open_tcp(const struct config_listener *config, struct listener *out, struct fault *fault)
{
    struct sockaddr_storage address;
    socklen_t size;
    enum kh_err err = listener_check_rules(config, &address, &size, fault);
    if (err != KH_OK)
        return err;
    struct listener made = {.fd = -1};
    buffer_init(&made.certificate, LISTENER_PEM_MAX);
    err = listener_read_identity(config, &made, fault);
    if (err != KH_OK)
        goto fail;
    made.fd = listener_socket(&address, size, SOCK_STREAM, &made.held, &made.of_unit);
    if (made.fd < 0) {
        err = fault_set(fault, KH_ERR_IO, "cannot listen on %s: %s", config->address,
                        strerror(errno));
        goto fail;
    }
    made.name = listener_bound_name(made.fd);
    if (made.name == NULL || !listener_copy_config(config, &made.config)) {
        err = fault_set(fault, KH_ERR_MEMORY, "cannot listen on %s: no memory", config->address);
        goto fail;
    }
    *out = made;
    return KH_OK;
fail:
    listener_close(&made);
    return err;
}

// A socket left behind by a broker that was killed is removed; one that is in use, or anything else
// of that name, is not.
static enum kh_err
unix_remove_stale(const struct sockaddr_un *address, struct fault *fault)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0) {
        if (errno == ENOENT)
            return KH_OK;
        return fault_set(fault, KH_ERR_IO, "%s: %s", address->sun_path, strerror(errno));
    }
    if (!S_ISSOCK(status.st_mode))
        return fault_set(fault, KH_ERR_EXISTS, "%s is in the way: it is not a socket",
                         address->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "%s: %s", address->sun_path, strerror(errno));
    int r = connect(fd, (const struct sockaddr *)address, sizeof(*address)), error = errno;
    close(fd);
    if (r == 0 || error != ECONNREFUSED)
        return fault_set(fault, KH_ERR_EXISTS, "%s is in use by another process",
                         address->sun_path);
    if (unlink(address->sun_path) != 0 && errno != ENOENT)
        return fault_set(fault, KH_ERR_IO, "%s: %s", address->sun_path, strerror(errno));
    return KH_OK;
}

// There is no moment at which the socket has a wider mode than 0600. -1 with errno.
static int
unix_bind(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0,
         listens;
    int error = errno;
    umask(mask);
    listens = bound && listen(fd, LISTENER_BACKLOG) == 0;
    if (listens)
        return fd;
    if (bound) {
        error = errno;
        unlink(address->sun_path);
    }
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

// What a socket unit made is refused if others may connect to it: it is there for its owner.
static enum kh_err
unix_inherit(const char *path, struct listener *made, struct fault *fault)
{
    struct inherited passed = inherit_take_path(path);
    struct stat status;
    made->fd = passed.fd;
    made->held = passed.fd >= 0;
    made->of_unit = made->held && !passed.kept;
    if (made->of_unit && (stat(path, &status) != 0 || (status.st_mode & 077) != 0))
        return fault_set(fault, KH_ERR_PERMISSION,
                         "%s lets others connect: the socket unit needs SocketMode=0600", path);
    return KH_OK;
}

enum kh_err
listener_open_unix(const char *path, struct listener *out, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof(address.sun_path))
        return fault_set(
            fault, KH_ERR_TOO_LONG,
            "%.200s: a socket's path has at most %zu bytes; use a state directory with "
            "a shorter name",
            path, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, n + 1);
    struct listener made = {.local = true, .fd = -1};
    enum kh_err err = unix_inherit(path, &made, fault);
    if (err == KH_OK && made.fd < 0) {
        err = unix_remove_stale(&address, fault);
        if (err == KH_OK && (made.fd = unix_bind(&address)) < 0)
            err = fault_set(fault, KH_ERR_IO, "cannot listen on %s: %s", path, strerror(errno));
    }
    if (err == KH_OK && (made.name = strdup(path)) == NULL)
        err = fault_set(fault, KH_ERR_MEMORY, "cannot listen on %s: no memory", path);
    if (err == KH_OK)
        *out = made;
    else
        listener_close(&made);
    return err;
}

void
listener_close(struct listener *listener)
{
    if (listener->fd >= 0) {
        if (listener->local && listener->name != NULL && !listener->held)
            unlink(listener->name);
        close(listener->fd);
    }
    free(listener->config.address);
    free(listener->config.certificate);
    free(listener->config.key);
    free(listener->name);
    buffer_free(&listener->certificate);
    sodium_free((void *)(uintptr_t)listener->key.p);
    *listener = (struct listener){.fd = -1};
}

static const char *
ready_word(const struct listener *listener)
{
    if (listener->local || listener->gateway.only || listener->dns || listener->metrics)
        return "";
    if (listener->config.transparent)
        return " transparent=";
    return listener->config.tls ? " https=" : " http=";
}

static void
ready_addresses(const struct listener *listener, size_t count, const char *word, struct buffer *out)
{
    const char *before = word;
    for (size_t i = 0; i < count; i++)
        if (strcmp(ready_word(&listener[i]), word) == 0) {
            buffer_printf(out, "%s%s", before, listener[i].name);
            before = ",";
        }
}

void
listener_ready_line(const struct listener *listener, size_t count, const char *admin,
                    const char *discharger, struct buffer *out)
{
    buffer_put_str(out, "ready");
    ready_addresses(listener, count, " http=", out);
    ready_addresses(listener, count, " https=", out);
    ready_addresses(listener, count, " transparent=", out);
    buffer_printf(out, " admin=%s", admin);
    for (size_t i = 0; i < count; i++)
        if (listener[i].local && !listener[i].gateway.only && !listener[i].metrics)
            buffer_printf(out, " unix=%s", listener[i].name);
    if (discharger[0] != '\0')
        buffer_printf(out, " discharger=%s", discharger);
    for (size_t i = 0; i < count; i++)
        if (listener[i].gateway.only)
            buffer_printf(out, " gateway=%s", listener[i].name);
    for (size_t i = 0; i < count; i++)
        if (listener[i].dns == LISTENER_DNS_UDP)
            buffer_printf(out, " dns=%s", listener[i].name);
    for (size_t i = 0; i < count; i++)
        if (listener[i].metrics)
            buffer_printf(out, " metrics=%s", listener[i].name);
    buffer_put_byte(out, '\n');
}
