/* SPDX-License-Identifier: Apache-2.0
 *
 * The same with TLS: to the upstream, whose certificate is verified whatever fails, and with the
 * client in a tunnel, by a certificate that is made for it.
 */
#include "proxy_visit.h"

#define CONNECT "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n"
#define INNER   "GET /v1/models HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " TOKEN "\r\n\r\n"

static struct identity upstream;

static const struct visit get = {.request = GET_MODELS, .allow = true};
static const struct visit get_denied = {.request = GET_MODELS};
static const struct visit inner = {.request = INNER, .tunnel = CONNECT, .allow = true};
static const struct visit inner_denied = {.request = INNER, .tunnel = CONNECT};

static const struct scene verified[] = {
    {.name = "proxy-tls-allow", .what = &get},
    {.name = "proxy-tls-first", .what = &get, .anew = true},
    {.name = "proxy-tls-deny", .what = &get_denied},
    {.name = "proxy-tunnel-allow", .what = &inner},
    {.name = "proxy-tunnel-first", .what = &inner, .anew = true},
    {.name = "proxy-tunnel-deny", .what = &inner_denied},
};

static void
identities_init(const char *host)
{
    identity_init(&upstream, host);
    identity_init(&visit_ca, "ca.test");
    visit_upstream = upstream_context(&upstream);
    world_route = (struct world_route){
        .credential = "api", .host = "api.test", .tls = true, .ca = upstream.pem};
}

static void
identities_fini(void)
{
    SSL_CTX_free(visit_upstream);
    visit_upstream = NULL;
    identity_fini(&upstream);
    identity_fini(&visit_ca);
}

static void
nothing_goes_out_unjudged(void **state)
{
    (void)state;
    identities_init("api.test");
    scenes_run(&visit_play, verified, sizeof verified / sizeof verified[0]);
    identities_fini();
}

// A failed call is no way around: an upstream that is another one gets nothing.
static void
stranger_judge(const struct scene *scene, bool fired)
{
    (void)fired;
    if (now.up.in.n > 0 || now.forwarded > 0)
        fail_msg("%s: A STRANGER GOT: %s", scene->name, now.up.in.p);
    assert_lacks(now.client.in.p, "HTTP/1.1 200");
}

static void
a_stranger_gets_nothing(void **state)
{
    static const struct scene_play play = {
        .act = visit_act, .judge = stranger_judge, .leave = visit_leave};
    static const struct scene scene = {.name = "proxy-tls-stranger", .what = &get, .anew = true};
    static const char *const names[] = {"evil.test", "api.test"};
    struct identity other;
    (void)state;
    for (int i = 0; i < 2; i++) {
        identities_init(names[i]); // another name, or a root that nobody trusts
        identity_init(&other, "api.test");
        if (i == 1)
            world_route.ca = other.pem;
        scenes_run(&play, &scene, 1);
        identity_fini(&other);
        identities_fini();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {nth_test(nothing_goes_out_unjudged),
                                       nth_test(a_stranger_gets_nothing)};
    nth_init();
    signal(SIGPIPE, SIG_IGN);
    return nth_job_finish("proxy with TLS", cmocka_run_group_tests(tests, NULL, NULL));
}
