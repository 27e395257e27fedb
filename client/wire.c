/* SPDX-License-Identifier: Apache-2.0
 *
 * Non-blocking connections, plain or TLS.
 */
#include "wire.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { WIRE_ADDRESSES_MAX = 8, WIRE_LOOKUP_PAUSE_S = 10 };

enum wire_stage { WIRE_UNCONNECTED = 0, WIRE_CONNECTING, WIRE_SHAKING, WIRE_OPEN };

struct wire_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

struct wire_target {
    const struct broker_address *broker;
    char *host, *port; // NULL: a unix socket
    struct wire_address address[WIRE_ADDRESSES_MAX];
    size_t address_count;
    time_t looked_up;
    SSL_CTX *tls;         // NULL: none
    SSL_SESSION *session; // the last one that may be resumed
};

/* ---- where to ---- */

static enum kh_err
target_look_up(struct wire_target *target, struct fault *fault)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
    int code = getaddrinfo(target->host, target->port, &hints, &list);
    // A machine without a network still has itself.
    if (code != 0) {
        hints.ai_flags = 0;
        code = getaddrinfo(target->host, target->port, &hints, &list);
    }
    target->looked_up = time(NULL);
    if (code != 0)
        return fault_set(fault, KH_ERR_NOT_FOUND, "the broker's host %.200s: %s", target->host,
                         gai_strerror(code));
    target->address_count = 0;
    for (struct addrinfo *i = list; i != NULL && target->address_count < WIRE_ADDRESSES_MAX;
         i = i->ai_next) {
        struct wire_address *address = &target->address[target->address_count++];
        memcpy(&address->storage, i->ai_addr, i->ai_addrlen);
        address->size = i->ai_addrlen;
    }
    freeaddrinfo(list);
    return KH_OK;
}

static enum kh_err
target_read_unix(struct wire_target *target, struct fault *fault)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&target->address[0].storage;
    size_t n = strlen(target->broker->unix_path);
    if (n >= sizeof address->sun_path)
        return fault_set(fault, KH_ERR_USAGE, "the socket's path is too long");
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, target->broker->unix_path, n + 1);
    target->address[0].size = sizeof *address;
    target->address_count = 1;
    return KH_OK;
}

static int
target_keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct wire_target *target = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION_free(target->session);
    target->session = session;
    return 1; // it is ours now
}

static enum kh_err
target_set_tls(struct wire_target *target, const char *ca_file, struct fault *fault)
{
    SSL_CTX *tls = target->tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    static const unsigned char protocols[] = "\x08http/1.1";
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_protos(tls, protocols, sizeof protocols - 1);
    SSL_CTX_set_app_data(tls, target);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, target_keep_session);
    if ((ca_file != NULL ? SSL_CTX_load_verify_file(tls, ca_file)
                         : SSL_CTX_set_default_verify_paths(tls)) == 1)
        return KH_OK;
    ERR_clear_error();
    return fault_set(fault, KH_ERR_IO, "%s: no certificates could be read from it",
                     ca_file != NULL ? ca_file : "the system's roots");
}

static enum kh_err
target_read_url(struct wire_target *target, const char *ca_file, struct fault *fault)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL;
    enum kh_err err = fault_set(fault, KH_ERR_USAGE, "the broker's URL is not understood");
    if (url != NULL && curl_url_set(url, CURLUPART_URL, target->broker->url, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK) {
        size_t n = strlen(host);
        bool bracketed = n > 2 && host[0] == '[';
        target->host = bracketed ? strndup(host + 1, n - 2) : strdup(host);
        target->port = strdup(port);
        if (target->host == NULL || target->port == NULL)
            err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        else if (strcmp(path, "/") != 0)
            err = fault_set(fault, KH_ERR_USAGE,
                            "a broker that programs are to reach has no path in its URL: %.200s",
                            target->broker->url);
        else
            err = target_look_up(target, fault);
        if (err == KH_OK && strcmp(scheme, "https") == 0)
            err = target_set_tls(target, ca_file, fault);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_url_cleanup(url);
    return err;
}

enum kh_err
wire_target_new(const struct broker_address *broker, const char *ca_file, struct wire_target **out,
                struct fault *fault)
{
    struct wire_target *target = calloc(1, sizeof *target);
    if (target == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    target->broker = broker;
    enum kh_err err = broker->unix_path != NULL ? target_read_unix(target, fault)
                                                : target_read_url(target, ca_file, fault);
    if (err == KH_OK)
        *out = target;
    else
        wire_target_free(&target);
    return err;
}

void
wire_target_free(struct wire_target **target)
{
    if (*target == NULL)
        return;
    SSL_SESSION_free((*target)->session);
    SSL_CTX_free((*target)->tls);
    free((*target)->host);
    free((*target)->port);
    free(*target);
    *target = NULL;
}

/* ---- making a connection ---- */

void
wire_init(struct wire *wire, struct wire_target *target)
{
    *wire = (struct wire){.fd = -1, .target = target, .stage = WIRE_UNCONNECTED};
}

static void
wire_set_options(int fd)
{
    // Of no use on a unix socket, and no harm.
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
}

void
wire_init_accepted(struct wire *wire, int fd)
{
    *wire = (struct wire){.fd = fd, .stage = WIRE_OPEN};
    wire_set_options(fd);
}

static void
wire_drop_descriptor(struct wire *wire)
{
    if (wire->fd >= 0)
        close(wire->fd);
    wire->fd = -1;
}

static enum wire_result
wire_connect_next(struct wire *wire)
{
    struct wire_target *target = wire->target;
    // A broker may have moved since: its name is looked up again, and not at every failure.
    if (wire->next == target->address_count && target->host != NULL &&
        time(NULL) - target->looked_up > WIRE_LOOKUP_PAUSE_S) {
        if (target_look_up(target, NULL) != KH_OK)
            return WIRE_FAILED;
        wire->next = 0;
    }
    if (wire->next >= target->address_count)
        return WIRE_FAILED;
    const struct wire_address *address = &target->address[wire->next];
    int family = address->storage.ss_family;
    wire->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->fd < 0)
        return WIRE_FAILED;
    wire_set_options(wire->fd);
    int code = connect(wire->fd, (const struct sockaddr *)&address->storage, address->size);
    if (code == 0 || errno == EINPROGRESS) {
        wire->stage = WIRE_CONNECTING;
        return code == 0 ? WIRE_DONE : WIRE_WANT_WRITE;
    }
    bool full = family == AF_UNIX && errno == EAGAIN;
    wire_drop_descriptor(wire);
    wire->next += !full;
    return full ? WIRE_LATER : WIRE_DONE; // DONE: the caller tries the next one
}

static enum wire_result
wire_finish_connect(struct wire *wire)
{
    int code = 0;
    struct sockaddr_storage peer;
    if (getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &code, &(socklen_t){sizeof code}) != 0)
        code = errno;
    if (code == 0 &&
        getpeername(wire->fd, (struct sockaddr *)&peer, &(socklen_t){sizeof peer}) != 0) {
        if (errno == ENOTCONN)
            return WIRE_WANT_WRITE; // woken too early
        code = errno;
    }
    if (code == 0) {
        wire->stage = wire->target->tls != NULL ? WIRE_SHAKING : WIRE_OPEN;
    } else {
        wire_drop_descriptor(wire);
        wire->next++;
        wire->stage = WIRE_UNCONNECTED;
    }
    return WIRE_DONE;
}

static bool
wire_start_tls(struct wire *wire)
{
    const struct wire_target *target = wire->target;
    wire->ssl = SSL_new(target->tls);
    if (wire->ssl == NULL || SSL_set_fd(wire->ssl, wire->fd) != 1)
        return false;
    X509_VERIFY_PARAM *check = SSL_get0_param(wire->ssl);
    bool is_address = X509_VERIFY_PARAM_set1_ip_asc(check, target->host) == 1;
    if (!is_address && (SSL_set1_host(wire->ssl, target->host) != 1 ||
                        SSL_set_tlsext_host_name(wire->ssl, target->host) != 1))
        return false;
    if (target->session != NULL)
        SSL_set_session(wire->ssl, target->session);
    SSL_set_connect_state(wire->ssl);
    return true;
}

static enum wire_result
wire_tls_result(const struct wire *wire, int code)
{
    switch (SSL_get_error(wire->ssl, code)) {
    case SSL_ERROR_WANT_READ:
        return WIRE_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return WIRE_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return WIRE_END;
    default:
        return WIRE_FAILED;
    }
}

static enum wire_result
wire_shake(struct wire *wire)
{
    if (wire->ssl == NULL && !wire_start_tls(wire))
        return WIRE_FAILED;
    ERR_clear_error();
    int code = SSL_do_handshake(wire->ssl);
    if (code == 1) {
        wire->stage = WIRE_OPEN;
        return WIRE_DONE;
    }
    enum wire_result result = wire_tls_result(wire, code);
    return result == WIRE_END ? WIRE_FAILED : result;
}

enum wire_result
wire_connect(struct wire *wire)
{
    static enum wire_result (*const step[])(struct wire *) = {
        [WIRE_UNCONNECTED] = wire_connect_next,
        [WIRE_CONNECTING] = wire_finish_connect,
        [WIRE_SHAKING] = wire_shake,
    };
    enum wire_result result = WIRE_DONE;
    while (result == WIRE_DONE && wire->stage != WIRE_OPEN)
        result = step[wire->stage](wire);
    return result;
}

/* ---- using it ---- */

enum wire_result
wire_read(struct wire *wire, uint8_t *p, size_t cap, size_t *n)
{
    if (wire->ssl != NULL) {
        ERR_clear_error();
        int code = SSL_read_ex(wire->ssl, p, cap, n);
        return code == 1 ? WIRE_DONE : wire_tls_result(wire, code);
    }
    ssize_t got;
    do
        got = recv(wire->fd, p, cap, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? WIRE_WANT_READ : WIRE_FAILED;
    *n = (size_t)got;
    return got > 0 ? WIRE_DONE : WIRE_END;
}

enum wire_result
wire_write(struct wire *wire, const uint8_t *p, size_t len, size_t *n)
{
    if (wire->ssl != NULL) {
        ERR_clear_error();
        int code = SSL_write_ex(wire->ssl, p, len, n);
        enum wire_result result = code == 1 ? WIRE_DONE : wire_tls_result(wire, code);
        return result == WIRE_END ? WIRE_FAILED : result;
    }
    ssize_t put;
    do
        put = send(wire->fd, p, len, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? WIRE_WANT_WRITE : WIRE_FAILED;
    *n = (size_t)put;
    return WIRE_DONE;
}

enum wire_result
wire_end(struct wire *wire)
{
    if (wire->ssl == NULL) {
        shutdown(wire->fd, SHUT_WR);
        return WIRE_DONE;
    }
    ERR_clear_error();
    int code = SSL_shutdown(wire->ssl);
    return code >= 0 ? WIRE_DONE : wire_tls_result(wire, code);
}

void
wire_close(struct wire *wire, bool abort)
{
    if (wire->ssl != NULL) {
        ERR_clear_error();
        if (!abort && wire->stage == WIRE_OPEN)
            SSL_shutdown(wire->ssl);
        // Without it SSL_free forgets the session, and every connection needs a whole handshake.
        if (wire->stage == WIRE_OPEN)
            SSL_set_shutdown(wire->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(wire->ssl);
        ERR_clear_error();
    }
    if (abort && wire->fd >= 0)
        setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                   sizeof(struct linger));
    wire_drop_descriptor(wire);
    wire->ssl = NULL;
    wire->stage = WIRE_UNCONNECTED;
}
