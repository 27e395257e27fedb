/* SPDX-License-Identifier: Apache-2.0
 *
 * A server for one request: a process that answers with given bytes and hands over what it got.
 */
#ifndef KEYHOLE_CLIENT_HTTP_SERVER_H
#define KEYHOLE_CLIENT_HTTP_SERVER_H

#include "client_test.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct http_server {
    pid_t pid;
    int request; /* pipe: what arrived */
    char address[128];
    char directory[64]; /* of the socket; "" for TCP */
};

static inline void
http_server_serve(int listener, int request, const char *answer)
{
    char got[16384];
    size_t n = 0;
    int fd = accept(listener, NULL, NULL);
    while (fd >= 0 && n < sizeof got - 1) {
        ssize_t part = read(fd, got + n, sizeof got - 1 - n);
        if (part <= 0)
            break;
        n += (size_t)part;
        got[n] = '\0';
        if (strstr(got, "\r\n\r\n") != NULL)
            break;
    }
    if (write(request, got, n) < 0 || write(fd, answer, strlen(answer)) < 0)
        _exit(1);
    shutdown(fd, SHUT_WR);
    while (read(fd, got, sizeof got) > 0)
        continue;
    _exit(0);
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
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static inline struct http_server
http_server_start(bool unix_socket, const char *answer)
{
    struct http_server server = {0};
    int pipes[2];
    int listener = http_server_listen(&server, unix_socket);
    assert_int_equal(pipe(pipes), 0);
    server.pid = fork();
    if (server.pid == 0)
        http_server_serve(listener, pipes[1], answer);
    assert_true(server.pid > 0);
    close(listener);
    close(pipes[1]);
    server.request = pipes[0];
    return server;
}

/* What the client sent; free() it. Ends the server, also when nobody came. */
static inline char *
http_server_stop(struct http_server *server, bool came)
{
    char *got = calloc(1, 16384);
    size_t n = 0;
    ssize_t part;
    if (!came)
        kill(server->pid, SIGKILL);
    while ((part = read(server->request, got + n, 16383 - n)) > 0)
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
