/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator's options, schedule and figures. It says "ready" once every connection has had
 * an answer, waits for a line on standard input, runs, prints one line of JSON, and ends at the end
 * of its input: whoever measures can look before, between and after. */
#include "load.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct schedule {
    uint64_t start_ns, end_ns, issued;
    struct load_connection **rested; // connections that can take a request, as a stack
    size_t rested_count;
    int timer;
};

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
    struct load_connection *c = SSL_get_app_data(ssl);
    SSL_SESSION_free(c->session);
    c->session = session;
    return 1;
}

static void
prepare_tls(struct load *load)
{
    load->tls = SSL_CTX_new(TLS_client_method());
    if (load->tls == NULL)
        exit(1);
    // The certificate is not looked at: that would be the load's time, not the proxy's.
    SSL_CTX_set_verify(load->tls, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(load->tls, SSL_MODE_RELEASE_BUFFERS);
    if (load->options.handshake != HANDSHAKE_RESUMED)
        return;
    SSL_CTX_set_session_cache_mode(load->tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(load->tls, on_session);
}

static void
prepare(struct load *load)
{
    const struct load_options *o = &load->options;
    const char *authorization = getenv("BENCH_AUTHORIZATION");
    load->address = (struct sockaddr_in){.sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)o->port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    prepare_tls(load);
    load->request_length = (size_t)snprintf(
        load->request, sizeof load->request, "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", o->path,
        o->authority != NULL ? o->authority : o->host,
        authorization != NULL ? "Authorization: " : "", authorization != NULL ? authorization : "",
        authorization != NULL ? "\r\n" : "");
    if (o->connect != NULL)
        load->tunnel_length =
            (size_t)snprintf(load->tunnel, sizeof load->tunnel,
                             "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", o->connect, o->connect);
    if (load->request_length >= sizeof load->request || load->tunnel_length >= sizeof load->tunnel)
        exit(2);
}

static void
count(struct load *load, const struct load_connection *c)
{
    if (!load->counting)
        return;
    if (load->count == load->capacity) {
        load->capacity = load->capacity == 0 ? 1 << 16 : load->capacity * 2;
        load->latency_us = realloc(load->latency_us, load->capacity * sizeof *load->latency_us);
        if (load->latency_us == NULL)
            die("memory");
    }
    load->latency_us[load->count++] = (uint32_t)((load_now_ns() - c->due_ns) / 1000);
}

static void
reopen(struct load *load, struct load_connection *c)
{
    connection_close(load, c);
    if (!connection_open(load, c))
        die("connect");
}

static void
fire(struct load *load, struct load_connection *c)
{
    if (!connection_send(load, c)) {
        load->errors++;
        reopen(load, c);
    }
}

// With a rate: the requests that are due, on connections that rest; what finds none waits, and its
// latency runs from when it was due.
static void
fire_due(struct load *load, struct schedule *s)
{
    uint64_t now = load_now_ns();
    double gap = 1e9 / load->options.rate;
    for (; s->rested_count > 0; s->issued++) {
        uint64_t due = s->start_ns + (uint64_t)(gap * (double)s->issued);
        if (due >= s->end_ns)
            return;
        if (due > now) {
            struct itimerspec at = {.it_value = {.tv_sec = (time_t)(due / 1000000000u),
                                                 .tv_nsec = (long)(due % 1000000000u)}};
            timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &at, NULL);
            return;
        }
        struct load_connection *c = s->rested[--s->rested_count];
        c->due_ns = due;
        fire(load, c);
    }
}

// A connection has nothing to do: at a rate it rests, otherwise it goes on at once.
static void
next(struct load *load, struct schedule *s, struct load_connection *c)
{
    if (load->counting && load->options.rate > 0) {
        s->rested[s->rested_count++] = c;
        return;
    }
    if (!load->counting && c->answered)
        return; // the first request has been made; the start is awaited
    if (load->options.handshake == HANDSHAKE_KEPT)
        c->due_ns = load_now_ns();
    fire(load, c);
}

static void
handle(struct load *load, struct schedule *s, struct load_connection *c)
{
    enum load_event event = connection_run(load, c);
    if (event == LOAD_FAILED) {
        load->errors++;
        if (load->counting && load->options.rate > 0) {
            fputs("load: a connection failed\n", stderr);
            exit(1); // the schedule is void, and the connection may be among those that rest
        }
        reopen(load, c);
    } else if (event == LOAD_READY) {
        next(load, s, c);
    } else if (event == LOAD_ANSWERED) {
        count(load, c);
        if (load->options.handshake != HANDSHAKE_KEPT && load->counting) {
            c->due_ns = load_now_ns();
            reopen(load, c);
        } else {
            next(load, s, c);
        }
    }
}

static void
turn(struct load *load, struct schedule *s, int timeout_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(load->epoll, events, 256, timeout_ms);
    for (int i = 0; i < n; i++) {
        uint64_t expirations;
        if (events[i].data.ptr != NULL)
            handle(load, s, events[i].data.ptr);
        else if (read(s->timer, &expirations, sizeof expirations) < 0)
            continue;
    }
    if (load->counting && load->options.rate > 0)
        fire_due(load, s);
}

static bool
all_answered(const struct load *load, const struct load_connection *all)
{
    for (int i = 0; i < load->options.connections; i++)
        if (!all[i].answered)
            return false;
    return true;
}

// One request on each connection. At most 128 at a time, so that no accept queue runs over.
static void
warm(struct load *load, struct schedule *s, struct load_connection *all)
{
    int opened = 0;
    uint64_t limit = load_now_ns() + 60000000000u;
    while (!all_answered(load, all)) {
        int pending = 0;
        for (int i = 0; i < opened; i++)
            pending += all[i].answered ? 0 : 1;
        for (; opened < load->options.connections && pending < 128; opened++, pending++)
            if (!connection_open(load, &all[opened]))
                die("connect");
        turn(load, s, 100);
        if (load->errors > 100 || load->bad > 0 || load_now_ns() > limit) {
            fprintf(stderr, "load: %" PRIu64 " errors, %" PRIu64 " answers that are no 2xx\n",
                    load->errors, load->bad);
            exit(1);
        }
    }
}

static void
run(struct load *load, struct schedule *s, struct load_connection *all)
{
    struct epoll_event event = {.events = EPOLLIN};
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, s->timer, &event);
    load->errors = load->handshakes = load->resumed = 0;
    load->counting = true;
    s->start_ns = load_now_ns();
    s->end_ns = s->start_ns + (uint64_t)(load->options.seconds * 1e9);
    for (int i = 0; i < load->options.connections; i++) {
        all[i].due_ns = s->start_ns;
        if (load->options.handshake != HANDSHAKE_KEPT)
            reopen(load, &all[i]);
        else
            next(load, s, &all[i]);
    }
    if (load->options.rate > 0)
        fire_due(load, s); // nothing else wakes the first turn in time
    while (load_now_ns() < s->end_ns)
        turn(load, s, 10);
    load->counting = false;
}

static int
by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void
report(struct load *load, const struct schedule *s)
{
    size_t n = load->count;
    qsort(load->latency_us, n, sizeof *load->latency_us, by_value);
#define PERCENTILE(p) (n == 0 ? 0 : load->latency_us[(size_t)((double)(n - 1) * (p))])
    printf("{\"requests\":%zu,\"us\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"errors\":%" PRIu64
           ",\"p50\":%u,\"p90\":%u,\"p99\":%u,\"handshakes\":%" PRIu64 ",\"resumed\":%" PRIu64
           "}\n",
           n, (load_now_ns() - s->start_ns) / 1000, load->bad, load->errors, PERCENTILE(0.5),
           PERCENTILE(0.9), PERCENTILE(0.99), load->handshakes, load->resumed);
    fflush(stdout);
}

static void
read_options(struct load_options *o, int argc, char **argv)
{
    static const struct option known[] = {
        {"port", 1, NULL, 'p'},    {"connections", 1, NULL, 'c'}, {"seconds", 1, NULL, 's'},
        {"rate", 1, NULL, 'r'},    {"host", 1, NULL, 'h'},        {"authority", 1, NULL, 'a'},
        {"path", 1, NULL, 'u'},    {"tls", 0, NULL, 't'},         {"connect", 1, NULL, 'x'},
        {"resumed", 0, NULL, 'R'}, {"full", 0, NULL, 'F'},        {"idle", 0, NULL, 'i'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'p':
            o->port = atoi(optarg);
            break;
        case 'c':
            o->connections = atoi(optarg);
            break;
        case 's':
            o->seconds = atof(optarg);
            break;
        case 'r':
            o->rate = atof(optarg);
            break;
        case 'h':
            o->host = optarg;
            break;
        case 'a':
            o->authority = optarg;
            break;
        case 'u':
            o->path = optarg;
            break;
        case 't':
            o->tls = true;
            break;
        case 'x':
            o->connect = optarg;
            break;
        case 'R':
            o->handshake = HANDSHAKE_RESUMED;
            break;
        case 'F':
            o->handshake = HANDSHAKE_FULL;
            break;
        case 'i':
            o->idle = true;
            break;
        default:
            exit(2);
        }
    }
}

int
main(int argc, char **argv)
{
    struct load load = {
        .options = {.connections = 64, .seconds = 3, .host = "localhost", .path = "/"}};
    struct schedule schedule = {0};
    char line[16];
    read_options(&load.options, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    prepare(&load);
    size_t n = (size_t)load.options.connections;
    struct load_connection *all = calloc(n, sizeof *all);
    schedule.rested = calloc(n, sizeof *schedule.rested);
    if (all == NULL || schedule.rested == NULL)
        die("memory");
    warm(&load, &schedule, all);
    puts("ready");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        return 0;
    if (!load.options.idle) {
        run(&load, &schedule, all);
        report(&load, &schedule);
        while (fgets(line, sizeof line, stdin) != NULL)
            continue;
    }
    return 0;
}
