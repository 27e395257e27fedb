/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy process in which every call fails once while it carries a request of the authority's own,
 * for an access token, to a token endpoint with TLS: the refresh token goes to that endpoint alone,
 * the authority hears what became of it, and the next request is carried.
 */
#include "proxy_world.h"

#define REFRESH "rt-canary-0123456789"
#define ASKED   "grant_type=refresh_token&refresh_token=" REFRESH
#define GIVEN   "{\"access_token\":\"at-canary\",\"expires_in\":3600}"

static struct identity endpoint, stranger;
static SSL_CTX *endpoint_context, *stranger_context;

enum { SILENCE_MS = 2000 };

struct scene {
    const char *name;
    SSL_CTX **upstream;
    bool anew; // by a process that has dialled nobody yet
    bool answered;
};

static struct {
    struct peer up;
    uint64_t id;
    bool asked;    // the endpoint has it all
    bool told;     // the authority has heard
    bool answered; // of an answer
    bool unsent;   // that it was not sent: it would be sent by another proxy
    bool lost;
    bool silent; // there was no memory to tell it with: the authority's own time ends it
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

static bool
play_authority(void)
{
    struct bytes body;
    if (!world_hears())
        return false;
    while (world_has_frame()) {
        struct message_carried carried;
        if (next_frame(world, &body) != MESSAGE_CARRIED)
            continue;
        assert_int_equal(world->question, now.id);
        assert_false(now.told);
        assert_int_equal(message_carried_rx(body, &carried), KH_OK);
        now.told = true;
        now.answered = carried.answered;
        now.unsent = !carried.answered && carried.reason == KH_REASON_BROKER_UNAVAILABLE;
        snprintf(now.body, sizeof now.body, "%.*s", BYTES_ARG(carried.body));
    }
    return true;
}

static void
play_new_endpoint(const struct scene *scene)
{
    peer_close(&now.up);
    peer_open(&now.up, accept(world->upstream, NULL, NULL));
    if (now.up.fd < 0)
        return;
    SSL *ssl = SSL_new(*scene->upstream);
    SSL_set_accept_state(ssl);
    peer_secure(&now.up, ssl);
}

static void
play_endpoint(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                 "Content-Length: %zu\r\n\r\n%s";
    char text[512];

    if (!peer_reads(&now.up)) {
        peer_close(&now.up);
    } else if (!now.asked && strstr(now.up.in.p, "\r\n\r\n" ASKED)) {
        now.asked = true;
        snprintf(text, sizeof text, answer, sizeof GIVEN - 1, GIVEN);
        peer_says(&now.up, text);
    }
}

static void
turn(const struct scene *scene)
{
    struct pollfd fd[] = {
        {.fd = world->authority, .events = POLLIN},
        {.fd = world->upstream, .events = POLLIN},
        {.fd = now.up.fd, .events = POLLIN},
    };
    if (poll(fd, 3, QUIET_MS) == 0 && nth_failed()[0] != '\0')
        (void)nth_disarm(NULL);
    // Longer than the request may take.
    if (poll(fd, 3, SILENCE_MS) <= 0) {
        now.silent = true;
        return;
    }
    if (fd[1].revents)
        play_new_endpoint(scene);
    else if (fd[2].revents)
        play_endpoint();
    if (fd[0].revents && !play_authority())
        now.lost = true;
}

static void
before(void *context)
{
    const struct scene *scene = context;
    if (scene->anew) {
        world_end();
        world_begin();
    }
}

static void
act(void *context)
{
    peer_empty(&now.up);
    now.asked = now.told = now.answered = now.unsent = now.lost = now.silent = false;
    now.body[0] = '\0';
    send_carry();
    while (!now.told && !now.lost && !now.silent)
        turn(context);
}

static void
judge(const struct scene *scene, bool fired)
{
    if (now.answered && (!now.asked || strcmp(now.body, GIVEN) != 0))
        fail_msg("%s: an answer that nobody gave: %s", scene->name, now.body);
    if (!scene->answered && now.up.in.n > 0)
        fail_msg("%s: A STRANGER GOT: %s", scene->name, now.up.in.p);
    if (now.unsent && now.asked)
        fail_msg("%s: it was sent, and would be sent again", scene->name);
    if (!fired && now.answered != scene->answered)
        fail_msg("%s: answered %d, told %d", scene->name, now.answered, now.told);
}

static void
after(void *context, bool fired)
{
    static struct scene next = {
        .name = "carry-next", .upstream = &endpoint_context, .answered = true};
    judge(context, fired);
    peer_close(&now.up);
    world_mend(now.lost);
    world_forget();
    act(&next);
    judge(&next, false);
    peer_close(&now.up);
}

static void
the_refresh_token_goes_to_its_endpoint_alone(void **state)
{
    static struct scene scenes[] = {
        {.name = "carry", .upstream = &endpoint_context, .answered = true},
        {.name = "carry-first", .upstream = &endpoint_context, .anew = true, .answered = true},
        {.name = "carry-stranger", .upstream = &stranger_context, .anew = true},
    };
    (void)state;
    identity_init(&endpoint, "api.test");
    identity_init(&stranger, "api.test");
    endpoint_context = upstream_context(&endpoint);
    stranger_context = upstream_context(&stranger);
    world_route = (struct world_route){
        .credential = "api", .host = "api.test", .tls = true, .ca = endpoint.pem};
    world_begin();
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        const struct nth_job job = {.name = scenes[i].name,
                                    .before = before,
                                    .act = act,
                                    .after = after,
                                    .context = &scenes[i]};
        nth_job_run(&job);
    }
    world_end();
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
