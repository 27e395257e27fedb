/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy process in which every call fails once while several clients are served in the same turns
 * of its event loop: it stands still while the others speak, so that it finds all of them waiting.
 * What fails for one is nothing of another's, and who was denied goes nowhere. The answers are long
 * and carry the key back.
 */
#include "proxy_scene.h"

enum { CLIENTS = 3, UPSTREAMS = 8, DENIED = 2, FILLER = 5000 };

static SSL_CTX *upstream_tls; /* NULL: plain */
static char answer[CLIENTS][2 * FILLER + 512];

static struct {
    struct peer client[CLIENTS], up[UPSTREAMS];
    bool over[CLIENTS]; /* it has all it will get */
    bool answered[UPSTREAMS];
    unsigned allowed, forwarded;
} now;

static void
make_answer(int of)
{
    static char filler[FILLER + 1];
    char body[sizeof answer[0] - 256];

    memset(filler, '.', FILLER);
    int n = snprintf(body, sizeof body, "{\"of\":\"%d\",\"a\":\"%s" SECRET "%s" SECRET "\"}", of,
                     filler, filler);
    snprintf(answer[of], sizeof answer[of],
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", n,
             body);
}

/* ---- the parts that the test plays ---- */

/* From here to the next `let_go` the process takes nothing up; it may have ended. */
static void
hold(void)
{
    siginfo_t info;
    assert_int_equal(kill(world->pid, SIGSTOP), 0);
    assert_int_equal(waitid(P_PID, (id_t)world->pid, &info, WSTOPPED | WEXITED | WNOWAIT), 0);
}

static void
let_go(void)
{
    assert_int_equal(kill(world->pid, SIGCONT), 0);
}

static void
play_authority(enum message_type type, struct bytes body)
{
    if (type != MESSAGE_DECIDE)
        return;
    bool yes = scene_asks(body) && bytes_find(world->decide.path_encoded, BYTES("/v1/2")) ==
                                       world->decide.path_encoded.n;
    now.allowed += yes;
    scene_rule(yes);
}

static void
play_new_upstream(void)
{
    for (size_t i = 0; i < UPSTREAMS; i++) {
        if (now.up[i].fd >= 0)
            continue;
        peer_accept(&now.up[i], world->upstream, upstream_tls);
        now.answered[i] = false;
        return;
    }
    fail_msg("more connections to the upstream than there are requests");
}

static void
play_upstream(size_t i)
{
    struct peer *up = &now.up[i];

    if (!peer_reads(up)) {
        peer_close(up);
        return;
    }
    if (strstr(up->in.p, "/v1/2"))
        fail_msg("FORWARDED ALTHOUGH DENIED: %s", up->in.p);
    if (now.answered[i] || !strstr(up->in.p, "\r\n\r\n"))
        return;
    now.answered[i] = true;
    now.forwarded++;
    assert_contains(up->in.p, SECRET);
    peer_says(up, answer[strstr(up->in.p, "/v1/1") ? 1 : 0]);
}

/* ---- a turn ---- */

enum {
    AT_AUTHORITY = CLIENTS,
    AT_LISTENER,
    AT_SUPERVISOR,
    AT_UPSTREAM,
    FDS = AT_UPSTREAM + UPSTREAMS
};

static void
note_descriptors(struct pollfd fd[FDS])
{
    for (size_t i = 0; i < FDS; i++)
        fd[i] = (struct pollfd){.fd = -1, .events = POLLIN};
    for (size_t i = 0; i < CLIENTS; i++)
        fd[i].fd = now.over[i] ? -1 : now.client[i].fd;
    fd[AT_AUTHORITY].fd = scene_lost ? -1 : world->authority;
    fd[AT_LISTENER].fd = world->upstream;
    fd[AT_SUPERVISOR].fd = world->supervisor;
    for (size_t i = 0; i < UPSTREAMS; i++)
        fd[AT_UPSTREAM + i].fd = now.up[i].fd;
}

static void
turn(const struct scene *scene)
{
    struct pollfd fd[FDS];

    note_descriptors(fd);
    if (!scene_wait(fd, FDS, PATIENCE_MS))
        fail_msg("%s: nobody hears anything", scene->name);
    hold();
    if (fd[AT_AUTHORITY].revents)
        scene_hear(play_authority);
    if (fd[AT_LISTENER].revents)
        play_new_upstream();
    for (size_t i = 0; i < UPSTREAMS; i++)
        if (fd[AT_UPSTREAM + i].revents)
            play_upstream(i);
    for (size_t i = 0; i < CLIENTS; i++)
        if (fd[i].revents)
            now.over[i] = !peer_reads(&now.client[i]) || answer_is_whole(&now.client[i].in);
    // The process ended: there is nobody left to answer.
    if (fd[AT_SUPERVISOR].revents & (POLLHUP | POLLERR))
        memset(now.over, true, sizeof now.over);
    let_go();
}

static bool
is_over(void)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (!now.over[i])
            return false;
    return true;
}

static void
act(const struct scene *scene)
{
    char request[256];

    now.allowed = now.forwarded = 0;
    hold();
    for (int i = 0; i < CLIENTS; i++) {
        now.over[i] = false;
        peer_open(&now.client[i], connect_loopback(world->port));
        snprintf(request, sizeof request,
                 "GET /~api/v1/%d HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN
                 "\r\n\r\n",
                 i);
        peer_says(&now.client[i], request);
    }
    let_go();
    while (!is_over())
        turn(scene);
}

static void
leave(void)
{
    for (size_t i = 0; i < CLIENTS; i++)
        peer_close(&now.client[i]);
    for (size_t i = 0; i < UPSTREAMS; i++)
        peer_close(&now.up[i]);
}

/* ---- what must hold ---- */

static void
judge(const struct scene *scene, bool fired)
{
    unsigned good = 0;
    char mine[16];

    for (int i = 0; i < CLIENTS; i++) {
        const char *heard = now.client[i].in.p;
        bool is_good = strncmp(heard, "HTTP/1.1 200 ", 13) == 0;
        assert_lacks(heard, SECRET);
        good += is_good;
        snprintf(mine, sizeof mine, "{\"of\":\"%d\"", i);
        if (is_good && strstr(heard, "{\"of\":") && !strstr(heard, mine))
            fail_msg("%s: client %d: ANOTHER'S ANSWER: %s", scene->name, i, heard);
        if (is_good && i == DENIED)
            fail_msg("%s: 200 for who was denied: %s", scene->name, heard);
        if (!fired && is_good != (i != DENIED))
            fail_msg("%s: client %d: %s", scene->name, i, heard);
        if (!fired && !answer_is_whole(&now.client[i].in))
            fail_msg("%s: client %d: cut short: %s", scene->name, i, heard);
    }
    if (now.forwarded > now.allowed)
        fail_msg("%s: FORWARDED UNJUDGED: %u, allowed %u", scene->name, now.forwarded, now.allowed);
    if (good > now.forwarded)
        fail_msg("%s: %u answers, and %u of an upstream", scene->name, good, now.forwarded);
}

static bool
heard(void)
{
    size_t n = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        n += now.client[i].in.n;
    return n > 0;
}

static void
run(const struct scene *scenes, size_t count)
{
    static const struct scene peace = {.name = "turn-next"};
    static const struct scene_play play = {
        .act = act, .judge = judge, .leave = leave, .heard = heard, .peace = &peace};

    for (size_t i = 0; i < UPSTREAMS; i++)
        now.up[i].fd = -1;
    for (int i = 0; i < CLIENTS; i++)
        make_answer(i);
    scenes_run(&play, scenes, count);
}

static void
what_fails_for_one_is_nothing_of_another(void **state)
{
    static const struct scene scenes[] = {{.name = "turn"}};
    (void)state;
    world_route = (struct world_route){.credential = "api", .host = "api.test"};
    run(scenes, 1);
}

static void
and_so_with_tls(void **state)
{
    static const struct scene scenes[] = {{.name = "turn-tls"},
                                          {.name = "turn-tls-first", .anew = true}};
    struct identity upstream;

    (void)state;
    identity_init(&upstream, "api.test");
    upstream_tls = upstream_context(&upstream);
    world_route = (struct world_route){
        .credential = "api", .host = "api.test", .tls = true, .ca = upstream.pem};
    run(scenes, 2);
    SSL_CTX_free(upstream_tls);
    upstream_tls = NULL;
    identity_fini(&upstream);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {nth_test(what_fails_for_one_is_nothing_of_another),
                                       nth_test(and_so_with_tls)};
    nth_init();
    signal(SIGPIPE, SIG_IGN);
    return nth_job_finish("proxy with many clients", cmocka_run_group_tests(tests, NULL, NULL));
}
