/* SPDX-License-Identifier: Apache-2.0 */
#include "serving.h"

static void
the_end_without_a_beginning(void **state)
{
    (void)state;
    server_init(&server, NULL, &server_limits_default);
    server_fini(&server);
    server_fini(&server);
}

static void
nobody_is_served_before_it_accepts(void **state)
{
    const struct message_listener plain = {.kind = LISTENER_TCP, .name = BYTES("test")};

    (void)state;
    serving_start(&server_limits_default, NULL);
    server.accepting = false;
    assert_ok(server_listen(&server, &plain, serving_socket(), fault));
    server_serve(&server, service, server.url);
    int fd = client();
    assert_string_equal(heard(fd), "");
    assert_int_equal(server.connection_count, 0);
    server_accept(&server);
    settle();
    assert_int_equal(server.connection_count, 1);
    close(fd);
}

static void
draining_ends_what_rests(void **state)
{
    (void)state;
    serving_start(&server_limits_default, NULL);
    int resting = client(), asking = client();
    say(asking, "GET /enroll HTTP/1.1\r\n");
    server_drain(&server);
    assert_int_equal(drained, 0);
    assert_string_equal(heard(resting), "");
    assert_true(heard_end);
    close(resting);
    // What was begun is answered, and then it is over.
    char text[128];
    snprintf(text, sizeof text, "Host: %s\r\n\r\n", host);
    say(asking, text);
    assert_heard(asking, "HTTP/1.1 200 ");
    assert_non_null(strstr(heard_text, "Connection: close\r\n"));
    assert_true(heard_end);
    close(asking);
    settle();
    assert_int_equal(drained, 1);
    // Nobody listens any more.
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(late, (struct sockaddr *)&address, sizeof address), -1);
    close(late);
}

static void
draining_nothing_is_done_at_once(void **state)
{
    (void)state;
    serving_start(&server_limits_default, NULL);
    server_drain(&server);
    assert_int_equal(drained, 1);
}

static void
the_end_closes_all(void **state)
{
    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    say(fd, "GET / HT");
    server_fini(&server);
    assert_string_equal(heard(fd), "");
    assert_true(heard_end);
    assert_int_equal(server.connection_count, 0);
    assert_int_equal(drained, 0);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_without_a_beginning),
        serving_test(nobody_is_served_before_it_accepts),
        serving_test(draining_ends_what_rests),
        serving_test(draining_nothing_is_done_at_once),
        serving_test(the_end_closes_all),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
