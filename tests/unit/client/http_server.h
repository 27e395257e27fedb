/* SPDX-License-Identifier: Apache-2.0
 *
 * A server for one request or a few: a process that answers with given bytes, and hands over what
 * it got.
 */
#ifndef KEYHOLE_CLIENT_HTTP_SERVER_H
#define KEYHOLE_CLIENT_HTTP_SERVER_H

#include "client_test.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct http_server {
    pid_t pid;
    int listener;
    int request; /* pipe: what arrived */
    char address[128];
    char directory[64]; /* of the socket; "" for TCP */
};

static inline ssize_t
http_server_read(SSL *ssl, int fd, char *p, size_t n)
{
    return ssl != NULL ? SSL_read(ssl, p, (int)n) : read(fd, p, n);
}

/* The whole request: the head, and as much body as it announces. */
static inline size_t
http_server_receive(SSL *ssl, int fd, char *got, size_t cap)
{
    size_t n = 0, expected = SIZE_MAX;
    while (n < cap - 1 && n < expected) {
        ssize_t part = http_server_read(ssl, fd, got + n, cap - 1 - n);
        if (part <= 0)
            break;
        n += (size_t)part;
        got[n] = '\0';
        const char *end = strstr(got, "\r\n\r\n"), *length = strstr(got, "Content-Length: ");
        if (end != NULL)
            expected = (size_t)(end - got) + 4 +
                       (length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0);
    }
    return n;
}

/* "{self}" in an answer is the server's own address. */
static inline char *
http_server_fill(const char *answer, const char *self)
{
    static const char mark[] = "{self}";
    size_t marks = 0;
    for (const char *at = answer; (at = strstr(at, mark)) != NULL; at++)
        marks++;
    char *out = calloc(1, strlen(answer) + marks * strlen(self) + 1), *to = out;
    for (const char *at = answer; *at != '\0';) {
        if (strncmp(at, mark, sizeof mark - 1) == 0) {
            to = stpcpy(to, self);
            at += sizeof mark - 1;
        } else {
            *to++ = *at++;
        }
    }
    return out;
}

static inline bool
http_server_exchange(SSL *ssl, int fd, int request, const char *answer)
{
    static char got[65536];
    if (ssl != NULL && (SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1))
        return false;
    size_t n = http_server_receive(ssl, fd, got, sizeof got);
    if (write(request, got, n) < 0)
        return false;
    if (ssl != NULL)
        return SSL_write(ssl, answer, (int)strlen(answer)) >= 0 && SSL_shutdown(ssl) >= 0;
    if (write(fd, answer, strlen(answer)) < 0)
        return false;
    shutdown(fd, SHUT_WR);
    while (read(fd, got, sizeof got) > 0)
        continue;
    return true;
}

// Gives everything back: memcheck looks at what a process leaves behind that ends by itself.
static inline bool
http_server_serve_one(const struct http_server *server, int request, SSL_CTX *tls,
                      const char *answer)
{
    char *filled = http_server_fill(answer, server->address);
    int fd = accept(server->listener, NULL, NULL);
    SSL *ssl = tls != NULL ? SSL_new(tls) : NULL;
    bool served = http_server_exchange(ssl, fd, request, filled);
    SSL_free(ssl);
    close(fd);
    free(filled);
    return served;
}

static inline int
http_server_listen(struct http_server *server, bool unix_socket)
{
    struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    socklen_t size = sizeof tcp;
    int fd = socket(unix_socket ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (unix_socket) {
        strcpy(server->directory, "/tmp/keyhole-test-XXXXXX");
        assert_non_null(mkdtemp(server->directory));
        snprintf(server->address, sizeof server->address, "%s/sock", server->directory);
        strcpy(local.sun_path, server->address);
        assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof local), 0);
    } else {
        assert_int_equal(bind(fd, (struct sockaddr *)&tcp, sizeof tcp), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&tcp, &size), 0);
        snprintf(server->address, sizeof server->address, "http://127.0.0.1:%u",
                 ntohs(tcp.sin_port));
    }
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

/* A context with a fresh certificate for `name` ("IP:127.0.0.1"), which is written to `pem_file`.
 */
static inline SSL_CTX *
http_server_certify(const char *name, const char *pem_file)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *file = fopen(pem_file, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    fclose(file);
    assert_int_equal(SSL_CTX_use_certificate(tls, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
    return tls;
}

/* Where it will be, before it is said what it answers. */
static inline struct http_server
http_server_open(bool unix_socket)
{
    struct http_server server = {0};
    server.listener = http_server_listen(&server, unix_socket);
    return server;
}

/* One connection for each answer, in turn; the list ends with NULL. `tls` may be NULL. */
static inline void
http_server_begin(struct http_server *server, SSL_CTX *tls, const char *const *answer)
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    server->pid = fork();
    if (server->pid == 0) {
        bool served = true;
        for (; *answer != NULL && served; answer++)
            served = http_server_serve_one(server, pipes[1], tls, *answer);
        _exit(!served);
    }
    assert_true(server->pid > 0);
    close(server->listener);
    close(pipes[1]);
    server->request = pipes[0];
}

static inline struct http_server
http_server_start_all(bool unix_socket, SSL_CTX *tls, const char *const *answer)
{
    struct http_server server = http_server_open(unix_socket);
    http_server_begin(&server, tls, answer);
    return server;
}

static inline struct http_server
http_server_start_tls(bool unix_socket, SSL_CTX *tls, const char *answer)
{
    return http_server_start_all(unix_socket, tls, (const char *const[]){answer, NULL});
}

static inline struct http_server
http_server_start(bool unix_socket, const char *answer)
{
    return http_server_start_tls(unix_socket, NULL, answer);
}

/* What the client sent; free() it. Ends the server, also when nobody came. */
static inline char *
http_server_stop(struct http_server *server, bool came)
{
    enum { HTTP_SERVER_GOT_MAX = 1 << 20 };
    char *got = calloc(1, HTTP_SERVER_GOT_MAX);
    size_t n = 0;
    ssize_t part;
    if (!came)
        kill(server->pid, SIGKILL);
    while ((part = read(server->request, got + n, HTTP_SERVER_GOT_MAX - 1 - n)) > 0)
        n += (size_t)part;
    waitpid(server->pid, NULL, 0);
    close(server->request);
    if (server->directory[0] != '\0') {
        unlink(server->address);
        rmdir(server->directory);
    }
    return got;
}

#define HTTP_ANSWER(status, type, body)                                                            \
    "HTTP/1.1 " status "\r\nContent-Type: " type "\r\nConnection: close\r\n\r\n" body
#define HTTP_PROBLEM(status, body) HTTP_ANSWER(status, "application/problem+json", body)

#endif
