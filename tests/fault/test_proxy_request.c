/* SPDX-License-Identifier: Apache-2.0
 *
 * A proxy process in which every call fails once while a plain request goes through it.
 */
#include "proxy_visit.h"

#define POST "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n"

static const struct visit get = {.request = GET_MODELS, .allow = true};
static const struct visit get_denied = {.request = GET_MODELS};
static const struct visit post = {.request = POST "Content-Length: 5\r\n\r\nhello", .allow = true};
static const struct visit post_denied = {
    .request = POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"};
static const struct visit malformed = {
    .request = "GET /~api/v1/%2e%2e/x HTTP/1.1\r\nHost: localhost\r\n\r\n"};

static const struct scene scenes[] = {
    {.name = "proxy-allow", .what = &get},
    {.name = "proxy-deny", .what = &get_denied},
    {.name = "proxy-allow-body", .what = &post},
    {.name = "proxy-deny-chunked", .what = &post_denied},
    {.name = "proxy-malformed", .what = &malformed},
};

static void
nothing_goes_out_unjudged(void **state)
{
    (void)state;
    world_route = (struct world_route){.credential = "api", .host = "api.test"};
    scenes_run(&visit_play, scenes, sizeof scenes / sizeof scenes[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {nth_test(nothing_goes_out_unjudged)};
    nth_init();
    signal(SIGPIPE, SIG_IGN);
    return nth_job_finish("proxy", cmocka_run_group_tests(tests, NULL, NULL));
}
