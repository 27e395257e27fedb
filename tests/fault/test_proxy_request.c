/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy process in which every call fails once while a plain request goes through it.
 */
#include "proxy_scene.h"

static const struct scene scenes[] = {
    {.name = "proxy-allow", .request = GET_MODELS, .allow = true},
    {.name = "proxy-deny", .request = GET_MODELS},
    {.name = "proxy-allow-body",
     .request = "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN
                "\r\nContent-Length: 5\r\n\r\nhello",
     .allow = true},
    {.name = "proxy-deny-chunked",
     .request = "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN
                "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
    {.name = "proxy-malformed",
     .request = "GET /~api/v1/%2e%2e/x HTTP/1.1\r\nHost: localhost\r\n\r\n"},
};

static void
nothing_goes_out_unjudged(void **state)
{
    (void)state;
    world_route = (struct world_route){.credential = "api", .host = "api.test"};
    scenes_run(scenes, sizeof scenes / sizeof scenes[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {nth_test(nothing_goes_out_unjudged)};
    nth_init();
    signal(SIGPIPE, SIG_IGN);
    return nth_job_finish("proxy", cmocka_run_group_tests(tests, NULL, NULL));
}
