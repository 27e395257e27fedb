/* SPDX-License-Identifier: Apache-2.0
 *
 * A request through a proxy in which calls fail: nothing goes to an upstream that was not allowed,
 * the key comes to no client, the process does not crash or leak, and the next request is served.
 */
#ifndef KEYHOLE_TESTS_PROXY_VISIT_H
#define KEYHOLE_TESTS_PROXY_VISIT_H

#include "proxy_scene.h"

struct visit {
    const char *request;
    const char *tunnel; /* before it: a CONNECT, and TLS with the proxy inside */
    bool allow;
};

#define ECHO_BODY "{\"you sent\": \"" SECRET "\"}"

/* Who plays TLS. Without a context the upstream is plain. */
static SSL_CTX *visit_upstream;
static struct identity visit_ca; /* of the tunnel's certificate */

/* What is asked in one run, and what has come. */
static struct {
    const struct visit *visit;
    struct peer client, up;
    unsigned allowed, forwarded;
    bool asked; /* inside of the tunnel */
    bool over;  /* the client has all it will get */
} now = {.client = {.fd = -1}, .up = {.fd = -1}};

/* ---- the three parts that the test plays ---- */

static inline void
play_authority(enum message_type type, struct bytes body)
{
    if (type == MESSAGE_LEAF_ASK)
        send_leaf(world, &visit_ca, world_route.host, body);
    if (type != MESSAGE_DECIDE)
        return;
    bool yes = scene_asks(body) && now.visit->allow;
    now.allowed += yes;
    scene_rule(yes);
}

static inline void
play_new_upstream(void)
{
    peer_close(&now.up); // another try on a new connection
    peer_accept(&now.up, world->upstream, visit_upstream);
}

static inline void
play_upstream(void)
{
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
    peer_answers(&now.up, ECHO_BODY);
}

// The tunnel stands: what was said of it is not the answer to the request.
static inline void
play_tunnel(void)
{
    if (strncmp(now.client.in.p, "HTTP/1.1 200 ", 13) != 0 || !strstr(now.client.in.p, "\r\n\r\n"))
        return;
    peer_empty(&now.client);
    peer_secure(&now.client,
                connect_tls(now.client.fd, world_route.host, visit_ca.pem, world_route.host));
    now.over = !peer_reads(&now.client);
}

static inline void
play_client(void)
{
    now.over = !peer_reads(&now.client);
    if (now.visit->tunnel && !now.client.ssl && !now.over)
        play_tunnel();
    if (now.client.ssl && SSL_is_init_finished(now.client.ssl) && !now.asked) {
        now.asked = true;
        peer_says(&now.client, now.visit->request);
    }
    now.over = now.over || answer_is_whole(&now.client.in);
}

/* ---- one request ---- */

static inline void
visit_turn(const struct scene *scene)
{
    struct pollfd fd[] = {
        {.fd = now.client.fd, .events = POLLIN},
        {.fd = scene_lost ? -1 : world->authority, .events = POLLIN},
        {.fd = world->upstream, .events = POLLIN},
        {.fd = now.up.fd, .events = POLLIN},
        {.fd = world->supervisor, .events = POLLIN},
    };
    if (!scene_wait(fd, sizeof fd / sizeof fd[0], PATIENCE_MS))
        fail_msg("%s: the client hears nothing; %zu bytes came", scene->name, now.client.in.n);
    if (fd[1].revents)
        scene_hear(play_authority);
    if (fd[2].revents)
        play_new_upstream();
    else if (fd[3].revents)
        play_upstream();
    if (fd[0].revents)
        play_client();
    // The process ended: there is nobody left to answer.
    if (fd[4].revents & (POLLHUP | POLLERR))
        now.over = true;
}

static inline void
visit_act(const struct scene *scene)
{
    now.visit = scene->what;
    peer_open(&now.client, connect_loopback(world->port));
    peer_empty(&now.up);
    now.allowed = now.forwarded = 0;
    now.over = now.asked = false;
    peer_says(&now.client, now.visit->tunnel ? now.visit->tunnel : now.visit->request);
    while (!now.over)
        visit_turn(scene);
    peer_close(&now.client);
}

static inline void
visit_judge(const struct scene *scene, bool fired)
{
    const char *heard = now.client.in.p;
    bool good = strstr(heard, "HTTP/1.1 200") == heard;

    assert_lacks(heard, SECRET);
    if (now.up.in.n > 0 && now.allowed == 0)
        fail_msg("%s: FORWARDED UNJUDGED: %s", scene->name, now.up.in.p);
    if (good && now.forwarded == 0)
        fail_msg("%s: 200 without an upstream: %s", scene->name, heard);
    if (!fired && good != now.visit->allow)
        fail_msg("%s: %s", scene->name, heard);
    if (!fired && !answer_is_whole(&now.client.in))
        fail_msg("%s: cut short: %s", scene->name, heard);
}

static inline void
visit_leave(void)
{
    peer_close(&now.up);
}

static inline bool
visit_heard(void)
{
    return now.client.in.n > 0;
}

static const struct visit visit_plain = {.request = GET_MODELS, .allow = true};
static const struct scene visit_peace = {.name = "proxy-next", .what = &visit_plain};
static const struct scene_play visit_play = {.act = visit_act,
                                             .judge = visit_judge,
                                             .leave = visit_leave,
                                             .heard = visit_heard,
                                             .peace = &visit_peace};

#endif
