/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy process in which every call fails once while a request goes through it: nothing goes to
 * an upstream that was not allowed, the key comes to no client, the process does not crash or
 * leak, and the next request is served.
 */
#include "../unit/proxy/fixture.h"
#include "job.h"

struct scene {
    const char *name, *request;
    bool allow;
};

static const struct scene scenes[] = {
    {"proxy-allow", GET_MODELS, true},
    {"proxy-deny", GET_MODELS, false},
    {"proxy-allow-body",
     "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n"
     "Content-Length: 5\r\n\r\nhello",
     true},
    {"proxy-deny-chunked",
     "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n"
     "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     false},
    {"proxy-malformed", "GET /~api/v1/%2e%2e/x HTTP/1.1\r\nHost: localhost\r\n\r\n", false},
};

enum { QUIET_MS = 100 };

#define ECHO_BODY "{\"you sent\": \"" SECRET "\"}"

// What has come in one run.
static struct {
    int client, up;
    struct text from_broker, at_upstream;
    unsigned allowed, forwarded;
    bool over; // the client has all it will get
} now;

static struct world *world;

static void
configure(struct config *config)
{
    // What a lost call leaves waiting ends soon.
    config->head_timeout_ms = config->idle_timeout_ms = config->body_timeout_ms = 1000;
    config->resolve_timeout_ms = config->connect_timeout_ms = config->tls_timeout_ms = 1000;
    config->first_byte_timeout_ms = config->decide_timeout_ms = 1000;
    config->log_level = LOG_LEVEL_ERROR;
}

static void
world_begin(void)
{
    const struct world_route route = {.credential = "api", .host = "api.test"};
    world = world_new(&route, 1, configure);
    nth_target(world->pid);
}

static bool
ended(void)
{
    int status = 0;
    if (waitpid(world->pid, &status, WNOHANG) != world->pid)
        return false;
    if (!WIFEXITED(status))
        fail_msg("the proxy died of signal %d", WTERMSIG(status));
    // Leaks show in the exit status of a sanitized build.
    if (WEXITSTATUS(status) != 0)
        fail_msg("the proxy ended with %d", WEXITSTATUS(status));
    return true;
}

// As the supervisor does: a proxy that ended is started again. One that has lost the authority,
// which lives, ends by itself.
static void
mend(bool channel_lost)
{
    struct pollfd fd = {.fd = world->supervisor, .events = POLLIN};
    siginfo_t info;

    if (channel_lost && poll(&fd, 1, PATIENCE_MS) == 0)
        fail_msg("the proxy lives on without an authority");
    if (poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR)))
        assert_int_equal(waitid(P_PID, (id_t)world->pid, &info, WEXITED | WNOWAIT), 0);
    if (ended()) {
        close(world->supervisor);
        close(world->authority);
        close(world->upstream);
        config_free(&world->config);
        free(world);
        world_begin();
    }
}

// ---- the three parts that the test plays ----

static bool
play_authority(const struct scene *scene)
{
    ssize_t n = recv(world->authority, world->datagram, sizeof world->datagram, MSG_DONTWAIT);

    if (n <= 0)
        return false;
    world->datagram_n = (size_t)n;
    world->datagram_at = 0;
    while (world->datagram_at < world->datagram_n) {
        struct bytes body;
        if (next_frame(world, &body) != MESSAGE_DECIDE)
            continue;
        assert_int_equal(message_decide_rx(body, &world->decide), KH_OK);
        // What the proxy refuses itself is told for the record.
        bool yes = scene->allow && world->decide.refused == KH_REASON_UNSET;
        now.allowed += yes;
        if (yes)
            allow(world);
        else
            deny(world, KH_REASON_CAVEAT_FAILED);
    }
    return true;
}

static bool
text_read(int fd, struct text *text)
{
    ssize_t n = recv(fd, text->p + text->n, sizeof text->p - 1 - text->n, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    text->n += (size_t)n;
    text->p[text->n] = '\0';
    return true;
}

static void
play_upstream(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                 "Content-Length: %zu\r\n\r\n%s";
    char text[512];

    if (!text_read(now.up, &now.at_upstream)) {
        close(now.up);
        now.up = -1;
        return;
    }
    if (!strstr(now.at_upstream.p, "\r\n\r\n") || now.forwarded == now.allowed)
        return;
    if (strstr(now.at_upstream.p, "POST") && !strstr(now.at_upstream.p, "hello"))
        return;
    now.forwarded++;
    assert_contains(now.at_upstream.p, SECRET);
    int n = snprintf(text, sizeof text, answer, sizeof ECHO_BODY - 1, ECHO_BODY);
    (void)!send(now.up, text, (size_t)n, MSG_NOSIGNAL);
}

static bool
answer_is_whole(const struct text *text)
{
    const char *end = strstr(text->p, "\r\n\r\n"), *length = strcasestr(text->p, "content-length:");
    return end && length && text->n >= (size_t)(end + 4 - text->p) + strtoul(length + 15, NULL, 10);
}

// ---- one request ----

static void
turn(const struct scene *scene, bool *channel_lost)
{
    struct pollfd fd[] = {
        {.fd = now.client, .events = POLLIN},
        {.fd = *channel_lost ? -1 : world->authority, .events = POLLIN},
        {.fd = world->upstream, .events = POLLIN},
        {.fd = now.up, .events = POLLIN},
        {.fd = world->supervisor, .events = POLLIN},
    };
    // Where everything fails nothing moves: when that is over it must go on.
    if (poll(fd, 5, QUIET_MS) == 0)
        (void)nth_disarm(NULL);
    if (poll(fd, 5, PATIENCE_MS) <= 0)
        fail_msg("%s: the client hears nothing; %zu bytes came", scene->name, now.from_broker.n);
    if (fd[1].revents && !play_authority(scene))
        *channel_lost = true;
    if (fd[2].revents && now.up < 0)
        now.up = accept(world->upstream, NULL, NULL);
    else if (fd[2].revents) { // another try on a new connection
        close(now.up);
        now.up = accept(world->upstream, NULL, NULL);
        now.at_upstream.n = 0;
    } else if (fd[3].revents) {
        play_upstream();
    }
    if (fd[0].revents)
        now.over = !text_read(now.client, &now.from_broker) || answer_is_whole(&now.from_broker);
    // The process ended: there is nobody left to answer.
    if (fd[4].revents & (POLLHUP | POLLERR))
        now.over = true;
}

static void
send_whole(const struct scene *scene)
{
    now.client = connect_loopback(world->port);
    now.up = -1;
    now.from_broker.n = now.at_upstream.n = 0;
    now.from_broker.p[0] = now.at_upstream.p[0] = '\0';
    now.allowed = now.forwarded = 0;
    now.over = false;
    (void)!send(now.client, scene->request, strlen(scene->request), MSG_NOSIGNAL);
}

static void
judge(const struct scene *scene, bool fired)
{
    bool good = strstr(now.from_broker.p, "HTTP/1.1 200") == now.from_broker.p;

    assert_lacks(now.from_broker.p, SECRET);
    if (now.at_upstream.n > 0 && now.allowed == 0)
        fail_msg("%s: FORWARDED UNJUDGED: %s", scene->name, now.at_upstream.p);
    if (good && now.forwarded == 0)
        fail_msg("%s: 200 without an upstream: %s", scene->name, now.from_broker.p);
    if (!fired && good != scene->allow)
        fail_msg("%s: %s", scene->name, now.from_broker.p);
    if (!fired && !answer_is_whole(&now.from_broker))
        fail_msg("%s: cut short: %s", scene->name, now.from_broker.p);
}

static void
request(const struct scene *scene, bool *channel_lost)
{
    send_whole(scene);
    while (!now.over)
        turn(scene, channel_lost);
    close(now.client);
}

static bool lost;

static void
act(void *context)
{
    lost = false;
    request(context, &lost);
}

static void
after(void *context, bool fired)
{
    judge(context, fired);
    if (now.up >= 0)
        close(now.up);
    mend(lost);
    lost = false;
    while (!lost && wait_readable(world->authority, 0)) // what was said of the last one
        lost = recv(world->authority, world->datagram, sizeof world->datagram, 0) <= 0;
    mend(lost);
    // In peace, or by the process that comes after one which had yet to end.
    static const struct scene next = {"proxy-next", GET_MODELS, true};
    for (int tries = 0; tries < 2; tries++) {
        lost = false;
        request(&next, &lost);
        if (now.up >= 0)
            close(now.up);
        now.up = -1;
        if (now.from_broker.n > 0)
            break;
        mend(lost);
    }
    judge(&next, false);
}

static void
nothing_goes_out_unjudged(void **state)
{
    (void)state;
    world_begin();
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        union {
            const struct scene *scene;
            void *context;
        } of = {&scenes[i]};
        const struct nth_job job = {
            .name = scenes[i].name, .act = act, .after = after, .context = of.context};
        nth_job_run(&job);
    }
    nth_target(0);
    world_free(world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {nth_test(nothing_goes_out_unjudged)};
    nth_init();
    signal(SIGPIPE, SIG_IGN);
    return nth_job_finish("proxy", cmocka_run_group_tests(tests, NULL, NULL));
}
