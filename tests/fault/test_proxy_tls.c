/* SPDX-License-Identifier: Apache-2.0
 *
 * The same with TLS: to the upstream, whose certificate is verified whatever fails, and with the
 * client in a tunnel, by a certificate that is made for it.
 */
#include "proxy_scene.h"

#define CONNECT "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n"
#define INNER   "GET /v1/models HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " TOKEN "\r\n\r\n"

static struct identity upstream;

static const struct scene verified[] = {
    {.name = "proxy-tls-allow", .request = GET_MODELS, .allow = true},
    {.name = "proxy-tls-first", .request = GET_MODELS, .allow = true, .anew = true},
    {.name = "proxy-tls-deny", .request = GET_MODELS},
    {.name = "proxy-tunnel-allow", .request = INNER, .allow = true, .tunnel = CONNECT},
    {.name = "proxy-tunnel-first",
     .request = INNER,
     .allow = true,
     .tunnel = CONNECT,
     .anew = true},
    {.name = "proxy-tunnel-deny", .request = INNER, .tunnel = CONNECT},
};

static void
identities_init(const char *host)
{
    identity_init(&upstream, host);
    identity_init(&scene_ca, "ca.test");
    scene_upstream = upstream_context(&upstream);
    world_route = (struct world_route){
        .credential = "api", .host = "api.test", .tls = true, .ca = upstream.pem};
}

static void
identities_fini(void)
{
    SSL_CTX_free(scene_upstream);
    scene_upstream = NULL;
    identity_fini(&upstream);
    identity_fini(&scene_ca);
}

static void
nothing_goes_out_unjudged(void **state)
{
    (void)state;
    identities_init("api.test");
    scenes_run(verified, sizeof verified / sizeof verified[0]);
    identities_fini();
}

// A failed call is no way around: an upstream that is another one gets nothing.
static void
stranger_after(void *context, bool fired)
{
    (void)context;
    (void)fired;
    if (now.up.in.n > 0 || now.forwarded > 0)
        fail_msg("A STRANGER GOT: %s", now.up.in.p);
    assert_lacks(now.client.in.p, "HTTP/1.1 200");
    peer_close(&now.up);
    world_mend(now.lost);
    world_forget();
}

static void
a_stranger_gets_nothing(void **state)
{
    static struct scene scene = {
        .name = "proxy-tls-stranger", .request = GET_MODELS, .allow = true, .anew = true};
    static const char *const names[] = {"evil.test", "api.test"};
    struct identity other;
    (void)state;
    for (int i = 0; i < 2; i++) {
        identities_init(names[i]); // another name, or a root that nobody trusts
        identity_init(&other, "api.test");
        if (i == 1)
            world_route.ca = other.pem;
        world_begin();
        const struct nth_job job = {.name = scene.name,
                                    .before = scene_before,
                                    .act = scene_act,
                                    .after = stranger_after,
                                    .context = &scene};
        nth_job_run(&job);
        world_end();
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
