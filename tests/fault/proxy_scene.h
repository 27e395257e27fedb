/* SPDX-License-Identifier: Apache-2.0
 *
 * A request through a proxy in which calls fail: nothing goes to an upstream that was not allowed,
 * the key comes to no client, the process does not crash or leak, and the next request is served.
 */
#ifndef KEYHOLE_TESTS_PROXY_SCENE_H
#define KEYHOLE_TESTS_PROXY_SCENE_H

#include "proxy_world.h"

struct scene {
    const char *name, *request;
    bool allow;
    const char *tunnel; /* before it: a CONNECT, and TLS with the proxy inside */
    bool anew;          /* each time by a new process, which has no certificate yet */
};

#define ECHO_BODY "{\"you sent\": \"" SECRET "\"}"

/* Who plays TLS. Without a context the upstream is plain. */
static SSL_CTX *scene_upstream;
static struct identity scene_ca; /* of the tunnel's certificate */

/* What has come in one run. */
static struct {
    struct peer client, up;
    unsigned allowed, forwarded;
    bool asked; /* inside of the tunnel */
    bool over;  /* the client has all it will get */
    bool lost;  /* the channel to the authority */
} now = {.client = {.fd = -1}, .up = {.fd = -1}};

/* ---- the three parts that the test plays ---- */

static inline bool
play_authority(const struct scene *scene)
{
    if (!world_hears())
        return false;
    while (world_has_frame()) {
        struct bytes body;
        enum message_type type = next_frame(world, &body);
        if (type == MESSAGE_LEAF_ASK)
            send_leaf(world, &scene_ca, world_route.host, body);
        if (type != MESSAGE_DECIDE)
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

static inline void
play_new_upstream(void)
{
    peer_close(&now.up); // another try on a new connection
    peer_open(&now.up, accept(world->upstream, NULL, NULL));
    if (scene_upstream && now.up.fd >= 0) {
        SSL *ssl = SSL_new(scene_upstream);
        SSL_set_accept_state(ssl);
        peer_secure(&now.up, ssl);
    }
}

static inline void
play_upstream(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                 "Content-Length: %zu\r\n\r\n%s";
    char text[512];

    if (!peer_reads(&now.up)) {
        peer_close(&now.up);
        return;
    }
    if (!strstr(now.up.in.p, "\r\n\r\n") || now.forwarded == now.allowed)
        return;
    if (strstr(now.up.in.p, "POST") && !strstr(now.up.in.p, "hello"))
        return;
    now.forwarded++;
    assert_contains(now.up.in.p, SECRET);
    snprintf(text, sizeof text, answer, sizeof ECHO_BODY - 1, ECHO_BODY);
    peer_says(&now.up, text);
}

// The tunnel stands: what was said of it is not the answer to the request.
static inline void
play_tunnel(void)
{
    if (strncmp(now.client.in.p, "HTTP/1.1 200 ", 13) != 0 || !strstr(now.client.in.p, "\r\n\r\n"))
        return;
    peer_empty(&now.client);
    peer_secure(&now.client,
                connect_tls(now.client.fd, world_route.host, scene_ca.pem, world_route.host));
    now.over = !peer_reads(&now.client);
}

static inline void
play_client(const struct scene *scene)
{
    now.over = !peer_reads(&now.client);
    if (scene->tunnel && !now.client.ssl && !now.over)
        play_tunnel();
    if (now.client.ssl && SSL_is_init_finished(now.client.ssl) && !now.asked) {
        now.asked = true;
        peer_says(&now.client, scene->request);
    }
    now.over = now.over || answer_is_whole(&now.client.in);
}

/* ---- one request ---- */

static inline void
scene_turn(const struct scene *scene)
{
    struct pollfd fd[] = {
        {.fd = now.client.fd, .events = POLLIN},
        {.fd = now.lost ? -1 : world->authority, .events = POLLIN},
        {.fd = world->upstream, .events = POLLIN},
        {.fd = now.up.fd, .events = POLLIN},
        {.fd = world->supervisor, .events = POLLIN},
    };
    // Where everything fails nothing moves: when that is over it must go on.
    if (poll(fd, 5, QUIET_MS) == 0 && nth_failed()[0] != '\0')
        (void)nth_disarm(NULL);
    if (poll(fd, 5, PATIENCE_MS) <= 0)
        fail_msg("%s: the client hears nothing; %zu bytes came", scene->name, now.client.in.n);
    if (fd[1].revents && !play_authority(scene))
        now.lost = true;
    if (fd[2].revents)
        play_new_upstream();
    else if (fd[3].revents)
        play_upstream();
    if (fd[0].revents)
        play_client(scene);
    // The process ended: there is nobody left to answer.
    if (fd[4].revents & (POLLHUP | POLLERR))
        now.over = true;
}

static inline void
scene_play(const struct scene *scene)
{
    peer_open(&now.client, connect_loopback(world->port));
    peer_empty(&now.up);
    now.allowed = now.forwarded = 0;
    now.over = now.lost = now.asked = false;
    peer_says(&now.client, scene->tunnel ? scene->tunnel : scene->request);
    while (!now.over)
        scene_turn(scene);
    peer_close(&now.client);
}

static inline void
scene_judge(const struct scene *scene, bool fired)
{
    const char *heard = now.client.in.p;
    bool good = strstr(heard, "HTTP/1.1 200") == heard;

    assert_lacks(heard, SECRET);
    if (now.up.in.n > 0 && now.allowed == 0)
        fail_msg("%s: FORWARDED UNJUDGED: %s", scene->name, now.up.in.p);
    if (good && now.forwarded == 0)
        fail_msg("%s: 200 without an upstream: %s", scene->name, heard);
    if (!fired && good != scene->allow)
        fail_msg("%s: %s", scene->name, heard);
    if (!fired && !answer_is_whole(&now.client.in))
        fail_msg("%s: cut short: %s", scene->name, heard);
}

/* ---- as a job ---- */

static inline void
scene_before(void *context)
{
    const struct scene *scene = context;
    if (scene->anew) {
        world_end();
        world_begin();
    }
}

static inline void
scene_act(void *context)
{
    scene_play(context);
}

static inline void
scene_after(void *context, bool fired)
{
    scene_judge(context, fired);
    peer_close(&now.up);
    world_mend(now.lost);
    world_forget();
    // In peace, or by the process that comes after one which had yet to end.
    static const struct scene next = {.name = "proxy-next", .request = GET_MODELS, .allow = true};
    for (int tries = 0; tries < 2; tries++) {
        scene_play(&next);
        peer_close(&now.up);
        if (now.client.in.n > 0)
            break;
        world_mend(now.lost);
    }
    scene_judge(&next, false);
}

static inline void
scenes_run(const struct scene *scenes, size_t count)
{
    world_begin();
    for (size_t i = 0; i < count; i++) {
        union {
            const struct scene *scene;
            void *context;
        } of = {&scenes[i]};
        const struct nth_job job = {.name = scenes[i].name,
                                    .before = scene_before,
                                    .act = scene_act,
                                    .after = scene_after,
                                    .context = of.context};
        nth_job_run(&job);
    }
    world_end();
}

#endif
