/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole discharger on a loopback port, and a client that says exactly what a test wants.
 */
#ifndef KEYHOLE_TEST_DISCHARGE_SERVING_H
#define KEYHOLE_TEST_DISCHARGE_SERVING_H

#include "stores.h"

#include "../../../broker/discharge/connection.h"
#include "../../../broker/discharge/key.h"
#include "../../../broker/discharge/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>

static struct event_base *base;
static struct server server;
static struct service *service;
static struct discharge_store *store;
static struct discharge_key key;
static struct sockaddr_in address; /* of the listener */
static char host[64];              /* "localhost:PORT" */
static int drained;

static inline void
on_drained(void *context)
{
    assert_ptr_equal(context, &server);
    drained++;
}

static inline int
serving_socket(void)
{
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    snprintf(host, sizeof host, "localhost:%u", (unsigned)ntohs(address.sin_port));
    return fd;
}

static inline void
serving_start(const struct server_limits *limits, const struct message_listener *listener)
{
    struct message_listener plain = {.kind = LISTENER_TCP, .name = BYTES("test")};
    int fd = serving_socket();
    char url[128];

    snprintf(url, sizeof url, "http://%s", host);
    base = event_base_new();
    store = stores_open();
    assert_ok(discharge_key_load(fixture_base, NULL, &key, fault));
    struct service_options options = {
        .secret_key = key.secret_key, .store = store, .roots = "/nowhere"};
    snprintf(options.self.url, sizeof options.self.url, "%s", url);
    memcpy(options.self.public_key, key.public_key, sizeof key.public_key);
    assert_ok(service_new(&options, &service, fault));
    server_init(&server, base, limits);
    server.drained = on_drained;
    server.context = &server;
    drained = 0;
    server_serve(&server, service, url);
    assert_ok(server_listen(&server, listener ? listener : &plain, fd, fault));
    server_accept(&server);
}

static inline int
serving_setup(void **state)
{
    int r = fixture_setup(state);
    base = NULL;
    return r;
}

static inline int
serving_teardown(void **state)
{
    if (base) {
        server_fini(&server);
        service_free(&service);
        discharge_store_close(&store);
        discharge_key_free(&key);
        event_base_free(base);
    }
    return fixture_teardown(state);
}

static inline void
settle(void)
{
    for (int i = 0; i < 20; i++)
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline int
client(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    assert_true(fd >= 0);
    // What is said arrives at once, however little it is.
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        assert_int_equal(errno, EINPROGRESS);
    settle();
    return fd;
}

static inline void
say(int fd, const char *text)
{
    struct bytes rest = bytes_str(text);
    while (rest.n > 0) {
        ssize_t n = send(fd, rest.p, rest.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return; // the other side has ended it
        rest = bytes_from(rest, n > 0 ? (size_t)n : 0);
        settle();
    }
    settle();
}

/* A request for this host: "GET /enroll", and more header lines (each with its CRLF). */
static inline void
request(int fd, const char *line, const char *more)
{
    char text[2048];
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", line, host, more);
    say(fd, text);
}

static char heard_text[1 << 20];
static size_t heard_n;
static bool heard_end;

/* What came so far; `heard_end` says whether that was all. */
static inline const char *
heard(int fd)
{
    heard_n = 0;
    heard_end = false;
    for (int quiet = 0; quiet < 3 && !heard_end;) {
        ssize_t n = recv(fd, heard_text + heard_n, sizeof heard_text - 1 - heard_n, 0);
        if (n > 0)
            heard_n += (size_t)n;
        else if (n == 0 || errno != EAGAIN)
            heard_end = true;
        else
            quiet++;
        settle();
    }
    heard_text[heard_n] = '\0';
    return heard_text;
}

/* The same, but it waits for the end, whatever time limit brings it. */
static inline const char *
heard_until_end(int fd)
{
    heard_n = 0;
    heard_end = false;
    while (!heard_end) {
        ssize_t n = recv(fd, heard_text + heard_n, sizeof heard_text - 1 - heard_n, 0);
        if (n > 0)
            heard_n += (size_t)n;
        else if (n == 0 || errno != EAGAIN)
            heard_end = true;
        else if (server.connection_count > 0)
            assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    heard_text[heard_n] = '\0';
    return heard_text;
}

#define assert_heard(fd, text)                                                                     \
    do {                                                                                           \
        const char *got_ = heard(fd);                                                              \
        if (strstr(got_, (text)) == NULL)                                                          \
            fail_msg("not \"%s\" in: %s%s", (text), got_, heard_end ? "(the end)" : "(open)");     \
    } while (0)

static inline size_t
count_of(const char *needle)
{
    size_t n = 0;
    for (const char *p = heard_text; (p = strstr(p, needle)); p++)
        n++;
    return n;
}

#define serving_test(f) cmocka_unit_test_setup_teardown(f, serving_setup, serving_teardown)

#endif
