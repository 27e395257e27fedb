/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy process in which every call fails once while it carries a request of the authority's own,
 * for an access token, to a token endpoint with TLS: the refresh token goes to that endpoint alone,
 * the authority hears what became of it, and the next request is carried.
 */
#include "proxy_scene.h"

#define REFRESH "rt-canary-0123456789"
#define ASKED   "grant_type=refresh_token&refresh_token=" REFRESH
#define GIVEN   "{\"access_token\":\"at-canary\",\"expires_in\":3600}"

static struct identity endpoint, stranger;
static SSL_CTX *endpoint_context, *stranger_context;

enum { SILENCE_MS = 2000 }; // longer than the request may take

struct carrying {
    SSL_CTX **upstream;
    bool answered;
};

static const struct carrying to_endpoint = {.upstream = &endpoint_context, .answered = true};
static const struct carrying to_stranger = {.upstream = &stranger_context};

static struct {
    const struct carrying *carrying;
    struct peer up;
    uint64_t id;
    bool asked;    // the endpoint has it all
    bool told;     // the authority has heard
    bool answered; // of an answer
    bool unsent;   // that it was not sent: it would be sent by another proxy
    bool silent;   // there was no memory to tell it with: the authority's own time ends it
    char body[256];
} now = {.up = {.fd = -1}};

static void
send_carry(void)
{
    const struct message_carry request = {
        .credential = BYTES("api"),
        .host = BYTES("api.test"),
        .port = 443,
        .method = BYTES("POST"),
        .target = BYTES("/oauth/token"),
        .field = {{BYTES("Content-Type"), BYTES("application/x-www-form-urlencoded")}},
        .field_count = 1,
        .body = BYTES(ASKED),
        .timeout_ms = 1000,
    };
    BUFFER_AUTO body;
    buffer_init(&body, 131072);
    message_carry_tx(&request, &body);
    assert_false(body.failed);
    send_frame(world->authority, MESSAGE_CARRY, ++now.id, buffer_bytes(&body), -1);
}

static void
play_authority(enum message_type type, struct bytes body)
{
    struct message_carried carried;

    if (type != MESSAGE_CARRIED)
        return;
    assert_int_equal(world->question, now.id);
    assert_false(now.told);
    assert_int_equal(message_carried_rx(body, &carried), KH_OK);
    now.told = true;
    now.answered = carried.answered;
    now.unsent = !carried.answered && carried.reason == KH_REASON_BROKER_UNAVAILABLE;
    snprintf(now.body, sizeof now.body, "%.*s", BYTES_ARG(carried.body));
}

static void
play_new_endpoint(void)
{
    peer_close(&now.up);
    peer_accept(&now.up, world->upstream, *now.carrying->upstream);
}

static void
play_endpoint(void)
{
    if (!peer_reads(&now.up)) {
        peer_close(&now.up);
    } else if (!now.asked && strstr(now.up.in.p, "\r\n\r\n" ASKED)) {
        now.asked = true;
        peer_answers(&now.up, GIVEN);
    }
}

static void
turn(void)
{
    struct pollfd fd[] = {
        {.fd = world->authority, .events = POLLIN},
        {.fd = world->upstream, .events = POLLIN},
        {.fd = now.up.fd, .events = POLLIN},
    };
    if (!scene_wait(fd, sizeof fd / sizeof fd[0], SILENCE_MS)) {
        now.silent = true;
        return;
    }
    if (fd[1].revents)
        play_new_endpoint();
    else if (fd[2].revents)
        play_endpoint();
    if (fd[0].revents)
        scene_hear(play_authority);
}

static void
act(const struct scene *scene)
{
    now.carrying = scene->what;
    peer_empty(&now.up);
    now.asked = now.told = now.answered = now.unsent = now.silent = false;
    now.body[0] = '\0';
    send_carry();
    while (!now.told && !scene_lost && !now.silent)
        turn();
}

static void
judge(const struct scene *scene, bool fired)
{
    bool expected = now.carrying->answered;

    if (now.answered && (!now.asked || strcmp(now.body, GIVEN) != 0))
        fail_msg("%s: an answer that nobody gave: %s", scene->name, now.body);
    if (!expected && now.up.in.n > 0)
        fail_msg("%s: A STRANGER GOT: %s", scene->name, now.up.in.p);
    if (now.unsent && now.asked)
        fail_msg("%s: it was sent, and would be sent again", scene->name);
    if (!fired && now.answered != expected)
        fail_msg("%s: answered %d, told %d", scene->name, now.answered, now.told);
}

static void
leave(void)
{
    peer_close(&now.up);
}

static bool
heard(void)
{
    return !scene_lost;
}

static void
the_refresh_token_goes_to_its_endpoint_alone(void **state)
{
    static const struct scene scenes[] = {
        {.name = "carry", .what = &to_endpoint},
        {.name = "carry-first", .what = &to_endpoint, .anew = true},
        {.name = "carry-stranger", .what = &to_stranger, .anew = true},
    };
    static const struct scene peace = {.name = "carry-next", .what = &to_endpoint};
    static const struct scene_play play = {
        .act = act, .judge = judge, .leave = leave, .heard = heard, .peace = &peace};

    (void)state;
    identity_init(&endpoint, "api.test");
    identity_init(&stranger, "api.test");
    endpoint_context = upstream_context(&endpoint);
    stranger_context = upstream_context(&stranger);
    world_route = (struct world_route){
        .credential = "api", .host = "api.test", .tls = true, .ca = endpoint.pem};
    scenes_run(&play, scenes, sizeof scenes / sizeof scenes[0]);
    SSL_CTX_free(endpoint_context);
    SSL_CTX_free(stranger_context);
    identity_fini(&endpoint);
    identity_fini(&stranger);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {nth_test(the_refresh_token_goes_to_its_endpoint_alone)};
    nth_init();
    signal(SIGPIPE, SIG_IGN);
    return nth_job_finish("proxy that carries", cmocka_run_group_tests(tests, NULL, NULL));
}
