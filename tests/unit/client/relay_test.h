/* SPDX-License-Identifier: Apache-2.0
 *
 * A relay that runs beside the test, in a thread; the test is the client and the broker.
 */
#ifndef KEYHOLE_RELAY_TEST_H
#define KEYHOLE_RELAY_TEST_H

#include "../../../client/relay.h"
#include "../scratch.h"
#include "client_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TEST_PATIENCE_S = 30 };

struct test_relay {
    struct event_base *base;
    struct relay *relay;
    struct broker_address broker;
    struct event *stop;
    int stop_pipe[2];
    pthread_t thread;
};

static inline void
test_relay_is_told_to_stop(evutil_socket_t fd, short what, void *base)
{
    (void)fd;
    (void)what;
    event_base_loopbreak(base);
}

static inline enum kh_err
test_relay_open(struct test_relay *relay, const char *address, const char *ca_file,
                struct fault *fault)
{
    *relay = (struct test_relay){.base = event_base_new()};
    assert_non_null(relay->base);
    assert_int_equal(broker_address_read(address, &relay->broker, fault), KH_OK);
    assert_int_equal(pipe(relay->stop_pipe), 0);
    relay->stop = event_new(relay->base, relay->stop_pipe[0], EV_READ, test_relay_is_told_to_stop,
                            relay->base);
    event_add(relay->stop, NULL);
    return relay_new(relay->base, &relay->broker, ca_file, &relay->relay, fault);
}

static inline void *
test_relay_loop(void *base)
{
    event_base_dispatch(base);
    return NULL;
}

static inline void
test_relay_run(struct test_relay *relay)
{
    assert_int_equal(pthread_create(&relay->thread, NULL, test_relay_loop, relay->base), 0);
}

/* Stop the loop; the relay can be looked at. */
static inline void
test_relay_stop(struct test_relay *relay)
{
    assert_int_equal(write(relay->stop_pipe[1], "x", 1), 1);
    pthread_join(relay->thread, NULL);
}

static inline void
test_relay_close(struct test_relay *relay)
{
    relay_free(&relay->relay);
    event_free(relay->stop);
    event_base_free(relay->base);
    close(relay->stop_pipe[0]);
    close(relay->stop_pipe[1]);
    broker_address_free(&relay->broker);
}

/* Nothing waits without end: a test that would hang fails. */
static inline int
test_patient(int fd)
{
    struct timeval limit = {.tv_sec = TEST_PATIENCE_S};
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

static inline int
test_listen_tcp(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = test_patient(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 512), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &(socklen_t){sizeof address}), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static inline int
test_listen_unix(const char *path, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = test_patient(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static inline int
test_connect(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = test_patient(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline int
test_accept(int listener)
{
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        fail_msg("nobody came: %s", strerror(errno));
    return test_patient(fd);
}

static inline void
test_send(int fd, const void *p, size_t n)
{
    if (send(fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
        fail_msg("sending: %s", strerror(errno));
}

/* Exactly these bytes are the next. */
static inline void
test_expect(int fd, const void *expected, size_t n)
{
    char got[65536];
    assert_true(n <= sizeof got);
    ssize_t came = n > 0 ? recv(fd, got, n, MSG_WAITALL) : 0;
    if (came != (ssize_t)n)
        fail_msg("%zd bytes, and not %zu: %s", came, n, came < 0 ? strerror(errno) : "end");
    assert_memory_equal(got, expected, n);
}

static inline void
test_expect_end(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n != 0)
        fail_msg("%zd (%s) where the end was expected", n, n < 0 ? strerror(errno) : "a byte");
}

static inline void
test_expect_reset(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n >= 0 || errno != ECONNRESET)
        fail_msg("%zd (%s) where a reset was expected", n, n < 0 ? strerror(errno) : "no error");
}

/* What the broker reads first; `storage` has it. */
static inline struct preface
test_read_preface(int fd, uint8_t *storage, size_t cap)
{
    struct preface preface;
    size_t n = 0, used = 0;
    for (;;) {
        assert_true(n < cap && recv(fd, storage + n, 1, 0) == 1);
        enum preface_result result = preface_read(bytes_of(storage, ++n), &preface, &used);
        if (result == PREFACE_READ)
            return preface;
        if (result != PREFACE_MORE)
            fail_msg("byte %zu: no preface (%d)", n, result);
    }
}

#endif
