/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy process whose whole world is the test: supervisor, authority, clients and upstreams are
 * played step by step with blocking sockets, so that nothing depends on timing.
 */
#ifndef KEYHOLE_TESTS_PROXY_FIXTURE_H
#define KEYHOLE_TESTS_PROXY_FIXTURE_H

#include "../../../broker/channel.h"
#include "../../../broker/messages.h"
#include "../../../broker/proxy/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define UNUSED __attribute__((unused))

#define TOKEN  "kh1_AgELdGVzdC10b2tlbi10ZXh0"
#define SECRET "sk-real-Secret/0123456789+abcdef"

// Memcheck makes everything some thirty times slower.
#ifdef KH_MEMCHECK
enum { PATIENCE_MS = 300000 };
#else
enum { PATIENCE_MS = 20000 };
#endif

struct world {
    pid_t pid;
    int supervisor, authority;
    uint16_t port, tls_port;
    int upstream; /* listening */
    uint16_t upstream_port;
    struct config config;
    uint8_t datagram[262144]; /* the last one from the proxy to the authority */
    size_t datagram_n, datagram_at;
    uint64_t question; /* id of the last message */
    struct message_decide decide;
    struct message_finished finished;
};

/* ---- sockets ---- */

static UNUSED void
set_patience(int fd)
{
    struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
}

static UNUSED int
listen_loopback(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static UNUSED int
connect_loopback(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    assert_true(fd >= 0);
    set_patience(fd);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    return fd;
}

static UNUSED void
send_bytes(int fd, const void *p, size_t n)
{
    while (n > 0) {
        ssize_t r = send(fd, p, n, MSG_NOSIGNAL);
        if (r <= 0)
            fail_msg("sending failed: %s", strerror(errno));
        p = (const char *)p + r;
        n -= (size_t)r;
    }
}

static UNUSED void
send_text(int fd, const char *text)
{
    send_bytes(fd, text, strlen(text));
}

/* Wait until the peer did something; false when it stays silent for `ms`. */
static UNUSED bool
wait_readable(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) > 0;
}

/* ---- frames ---- */

static UNUSED void
put_le(uint8_t *p, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static UNUSED uint64_t
get_le(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static UNUSED void
send_frame(int channel, enum message_type type, uint64_t id, struct bytes body, int pass_fd)
{
    uint8_t header[16];
    put_le(header, body.n, 4);
    put_le(header + 4, type, 2);
    put_le(header + 6, 0, 2);
    put_le(header + 8, id, 8);
    struct iovec part[2] = {{header, sizeof header}, {(void *)(uintptr_t)body.p, body.n}};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = part, .msg_iovlen = 2};
    if (pass_fd >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pass_fd, sizeof pass_fd);
    }
    assert_int_equal(sendmsg(channel, &message, MSG_NOSIGNAL), sizeof header + body.n);
}

/* The next frame to the authority: its type, its body borrowed from the world. */
static UNUSED enum message_type
next_frame(struct world *w, struct bytes *body)
{
    if (w->datagram_at == w->datagram_n) {
        assert_true(wait_readable(w->authority, PATIENCE_MS));
        ssize_t n = recv(w->authority, w->datagram, sizeof w->datagram, 0);
        assert_true(n > 0);
        w->datagram_n = (size_t)n;
        w->datagram_at = 0;
    }
    const uint8_t *p = w->datagram + w->datagram_at;
    assert_true(w->datagram_n - w->datagram_at >= 16);
    size_t n = get_le(p, 4);
    w->question = get_le(p + 8, 8);
    assert_true(w->datagram_n - w->datagram_at >= 16 + n);
    *body = bytes_of(p + 16, n);
    w->datagram_at += 16 + n;
    return (enum message_type)get_le(p + 4, 2);
}

static UNUSED bool
authority_is_silent(struct world *w)
{
    return w->datagram_at == w->datagram_n && !wait_readable(w->authority, 0);
}

/* ---- the authority's part ---- */

static UNUSED const struct message_decide *
expect_decide(struct world *w)
{
    struct bytes body;
    enum message_type type = next_frame(w, &body);
    if (type != MESSAGE_DECIDE)
        fail_msg("expected DECIDE, got message %u", (unsigned)type);
    assert_int_equal(message_decide_rx(body, &w->decide), KH_OK);
    return &w->decide;
}

static UNUSED const struct message_finished *
expect_finished(struct world *w)
{
    struct bytes body;
    enum message_type type = next_frame(w, &body);
    if (type != MESSAGE_FINISHED)
        fail_msg("expected FINISHED, got message %u", (unsigned)type);
    assert_int_equal(message_finished_rx(body, &w->finished), KH_OK);
    return &w->finished;
}

static UNUSED void
answer_decision(struct world *w, const struct message_decision *decision)
{
    BUFFER_AUTO body;
    buffer_init(&body, 131072);
    message_decision_tx(decision, &body);
    assert_false(body.failed);
    send_frame(w->authority, MESSAGE_DECISION, w->question, buffer_bytes(&body), -1);
}

static UNUSED struct message_decision
allow_decision(void)
{
    struct message_decision decision = {
        .allow = true,
        .request_id = {1, 2, 3, 4},
        .credential = BYTES("api"),
        .recheck_at = INT64_MAX,
        .edit = {{EDIT_HEADER_SET, BYTES("Authorization"), BYTES("Bearer " SECRET)}},
        .edit_count = 1,
        .secret = {BYTES(SECRET)},
        .secret_count = 1,
    };
    return decision;
}

static UNUSED void
allow(struct world *w)
{
    struct message_decision decision = allow_decision();
    answer_decision(w, &decision);
}

static UNUSED void
deny(struct world *w, enum kh_reason reason)
{
    struct message_decision decision = {
        .reason = reason, .request_id = {9}, .detail = BYTES("as the test says")};
    answer_decision(w, &decision);
}

/* ---- set-up ---- */

struct world_route {
    const char *credential, *host;
    bool tls;
    const char *ca; /* PEM */
    bool no_scrub, no_network, basic;
    bool foreign_pass;
    uint16_t port;       /* 0: the scheme's */
    struct slot slot[4]; /* none: the bearer's */
    size_t slot_count;
    enum token_answers token_answers;
    const char *cookies; /* that may be set, NULL: all */
    const char *dropped_fields;
};

static UNUSED void
send_routes(struct world *w, const struct world_route *list, size_t count)
{
    send_frame(w->authority, MESSAGE_ROUTES_BEGIN, 0, BYTES_EMPTY, -1);
    for (size_t i = 0; i < count; i++) {
        BUFFER_AUTO body;
        buffer_init(&body, 131072);
        struct bytes host = bytes_str(list[i].host);
        uint16_t port = list[i].port ? list[i].port : list[i].tls ? 443 : 80;
        struct route route = {
            .credential = bytes_str(list[i].credential),
            .host = {host},
            .host_count = 1,
            .slot = {{.kind = list[i].basic ? SLOT_BASIC : SLOT_BEARER}},
            .slot_count = 1,
            .inject_kind = INJECT_HEADER,
            .inject_name = BYTES("Authorization"),
            .foreign_pass = list[i].foreign_pass,
            .enabled = true,
            .plain = !list[i].tls,
            .scrub = !list[i].no_scrub,
            .resolve = {{host, BYTES("127.0.0.1"), port, w->upstream_port}},
            .resolve_count = 1,
            .network = {{.address = {[10] = 0xff, 0xff, 127}, .prefix_bits = 104}},
            .network_count = list[i].no_network ? 0 : 1,
            .upstream_ca = bytes_str(list[i].ca),
            .token_answers = list[i].token_answers,
            .answer_cookies = list[i].cookies ? ANSWER_COOKIES_NAMED : ANSWER_COOKIES_PASS,
            .cookies = bytes_str(list[i].cookies),
            .dropped_fields = bytes_str(list[i].dropped_fields),
        };
        for (size_t s = 0; s < list[i].slot_count; s++) {
            route.slot[s] = list[i].slot[s];
            route.slot_count = s + 1;
        }
        if (list[i].port) {
            route.port[0] = list[i].port;
            route.port_count = 1;
        }
        message_route_tx(&route, &body);
        assert_false(body.failed);
        send_frame(w->authority, MESSAGE_ROUTE, 0, buffer_bytes(&body), -1);
    }
    send_frame(w->authority, MESSAGE_ROUTES_END, 0, BYTES_EMPTY, -1);
}

static UNUSED void
send_authority_channel(struct world *w)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    int size = 1024 * 1024;
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    set_patience(pair[0]);
    send_frame(w->supervisor, MESSAGE_AUTHORITY_CHANNEL, 0, BYTES_EMPTY, pair[1]);
    close(pair[1]);
    w->authority = pair[0];
    w->datagram_at = w->datagram_n = 0;
}

static UNUSED void
send_config(struct world *w)
{
    BUFFER_AUTO body;
    buffer_init(&body, 65536);
    message_config_tx(&w->config, &body);
    assert_false(body.failed);
    send_frame(w->supervisor, MESSAGE_CONFIG, 0, buffer_bytes(&body), -1);
}

static UNUSED uint16_t
send_listener(struct world *w, bool tls)
{
    BUFFER_AUTO body;
    buffer_init(&body, 65536);
    uint16_t port;
    int fd = listen_loopback(&port);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    struct message_listener message = {
        .kind = LISTENER_TCP, .tls = tls, .name = BYTES("127.0.0.1:0")};
    message_listener_tx(&message, &body);
    send_frame(w->supervisor, MESSAGE_LISTENER, 0, buffer_bytes(&body), fd);
    close(fd);
    return port;
}

static UNUSED _Noreturn void
run_proxy(int channel)
{
    struct fault fault = {0};
    struct proxy *proxy = NULL;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGSEGV, SIG_DFL); // the test runner's handlers are not for this process
    signal(SIGABRT, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    // Reading all that the system trusts is most of a start, and no test leads to one of them.
    setenv("SSL_CERT_FILE", "tests/fuzz/registration/roots/forge.pem", 1);
    log_init("proxy", LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR);
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    if (proxy_new(base, channel, &proxy, &fault) != KH_OK || proxy_start(proxy, &fault) != KH_OK) {
        fprintf(stderr, "the proxy does not start: %s\n", fault.detail);
        _exit(3);
    }
    if (proxy_run(proxy) != KH_OK)
        fprintf(stderr, "the proxy's loop failed\n");
    proxy_free(&proxy);
    event_base_free(base);
    exit(0); // not _exit: leaks are looked for
}

static UNUSED void
start_process(struct world *w)
{
    static struct world *kept; // the copy in the new process is nobody's leak
    int pair[2];
    kept = w;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    set_patience(pair[0]);
    fflush(NULL);
    w->pid = fork();
    assert_true(w->pid >= 0);
    if (w->pid == 0) {
        close(pair[0]);
        close(kept->upstream);
        run_proxy(pair[1]);
    }
    close(pair[1]);
    w->supervisor = pair[0];
}

// The most that each of them may be: a test that is after a limit sets it, and no other one is to
// meet it on a busy machine.
enum { LIMIT_LONG_MS = 60000 };

static UNUSED void
be_patient(struct config *config)
{
    config->head_timeout_ms = config->resolve_timeout_ms = LIMIT_LONG_MS;
    config->connect_timeout_ms = config->tls_timeout_ms = LIMIT_LONG_MS;
    config->decide_timeout_ms = config->drain_timeout_ms = LIMIT_LONG_MS;
}

static UNUSED struct world *
world_prepare(void (*configure)(struct config *config))
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    config_init(&w->config);
    w->config.log_level = LOG_LEVEL_ERROR;
    be_patient(&w->config);
    if (configure)
        configure(&w->config);
    w->upstream = listen_loopback(&w->upstream_port);
    return w;
}

/* What the supervisor gives a proxy that has started. */
static UNUSED void
world_equip(struct world *w, const struct world_route *route, size_t count)
{
    send_config(w);
    w->port = send_listener(w, false);
    w->tls_port = send_listener(w, true);
    send_authority_channel(w);
    send_routes(w, route, count);
}

static UNUSED void
expect_ready(struct world *w)
{
    uint8_t frame[64];
    assert_int_equal(recv(w->supervisor, frame, sizeof frame, 0), 16);
    assert_int_equal(get_le(frame + 4, 2), MESSAGE_PROXY_READY);
}

static UNUSED struct world *
world_new(const struct world_route *route, size_t count, void (*configure)(struct config *config))
{
    struct world *w = world_prepare(configure);
    start_process(w);
    world_equip(w, route, count);
    expect_ready(w);
    return w;
}

static UNUSED struct world *
world_plain(void)
{
    const struct world_route route = {.credential = "api", .host = "api.test"};
    return world_new(&route, 1, NULL);
}

static UNUSED void
world_free(struct world *w)
{
    int status = 0;
    uint8_t drain[16] = {[4] = MESSAGE_PROXY_DRAIN};
    (void)!send(w->supervisor, drain, sizeof drain, MSG_NOSIGNAL); // it may be gone already
    assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the proxy ended with status %#x", (unsigned)status);
    close(w->supervisor);
    if (w->authority >= 0)
        close(w->authority);
    if (w->upstream >= 0)
        close(w->upstream);
    config_free(&w->config);
    free(w);
}

/* ---- HTTP, as little as the tests need ---- */

struct text {
    size_t n;
    char p[1 << 20];
};

static UNUSED struct text received, sent_up; /* what the client got, what the upstream got */

/* Read until the text ends with `end`, or the peer closed when `end` is NULL. */
static UNUSED const char *
read_until(int fd, struct text *text, const char *end)
{
    text->n = 0;
    text->p[0] = '\0';
    for (;;) {
        size_t k = end ? strlen(end) : 0;
        if (end && text->n >= k && memcmp(text->p + text->n - k, end, k) == 0)
            return text->p;
        ssize_t r = recv(fd, text->p + text->n, end ? 1 : sizeof text->p - 1 - text->n, 0);
        if (r < 0)
            fail_msg("nothing more came (%s) after: %s", strerror(errno), text->p);
        if (r == 0 && end)
            fail_msg("the connection ended after: %s", text->p);
        if (r == 0)
            return text->p;
        text->n += (size_t)r;
        text->p[text->n] = '\0';
    }
}

/* How the connection ended after it was read to its end: true for a reset. */
static UNUSED bool
read_to_reset(int fd, struct text *text)
{
    text->n = 0;
    for (;;) {
        text->p[text->n] = '\0';
        ssize_t r = recv(fd, text->p + text->n, sizeof text->p - 1 - text->n, 0);
        if (r == 0)
            return false;
        if (r < 0) {
            if (errno != ECONNRESET)
                fail_msg("waited for an end: %s", strerror(errno));
            return true;
        }
        text->n += (size_t)r;
    }
}

static UNUSED void
read_exactly(int fd, char *p, size_t n)
{
    while (n > 0) {
        ssize_t r = recv(fd, p, n, 0);
        if (r <= 0)
            fail_msg("%zu bytes are missing: %s", n, r == 0 ? "end" : strerror(errno));
        p += r;
        n -= (size_t)r;
    }
}

/* A whole answer with Content-Length, or without a body when there is none. */
static UNUSED const char *
read_answer(int fd)
{
    read_until(fd, &received, "\r\n\r\n");
    const char *length = strcasestr(received.p, "\r\ncontent-length: ");
    size_t n = length ? strtoul(length + 18, NULL, 10) : 0;
    if (!length && strcasestr(received.p, "\r\ntransfer-encoding: chunked")) {
        static struct text body;
        read_until(fd, &body, "0\r\n\r\n");
        memcpy(received.p + received.n, body.p, body.n + 1);
        received.n += body.n;
        return received.p;
    }
    assert_true(n < sizeof received.p - received.n);
    read_exactly(fd, received.p + received.n, n);
    received.n += n;
    received.p[received.n] = '\0';
    return received.p;
}

static UNUSED int
accept_upstream(struct world *w)
{
    assert_true(wait_readable(w->upstream, PATIENCE_MS));
    int fd = accept(w->upstream, NULL, NULL), one = 1;
    assert_true(fd >= 0);
    set_patience(fd);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static UNUSED void
assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static UNUSED void
assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in: %s", part, text);
}

#define GET_MODELS                                                                                 \
    "GET /~api/v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n\r\n"

#endif
