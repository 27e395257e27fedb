/* SPDX-License-Identifier: Apache-2.0 */
#include "serving.h"

static struct connection *
only_one(void)
{
    assert_int_equal(server.connection_count, 1);
    return TAILQ_FIRST(&server.connections);
}

// An empty row would be a state without a limit, or without a way out.
static void
every_state_has_a_row(void **state)
{
    (void)state;
    for (int i = 0; i < CONNECTION_STATE_COUNT; i++) {
        assert_non_null(connection_row[i].name);
        assert_non_null(connection_row[i].step);
        assert_non_null(connection_row[i].expired);
        assert_true(connection_row[i].limit + sizeof(int64_t) <= sizeof(struct server_limits));
    }
}

static void
it_has_a_limit_in_every_state(void **state)
{
    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    assert_int_equal(only_one()->state, CONNECTION_IDLE);
    assert_true(event_pending(only_one()->timer, EV_TIMEOUT, NULL));
    say(fd, "POST /.well-known/macfly/3p HTTP/1.1\r\n");
    assert_int_equal(only_one()->state, CONNECTION_HEAD);
    assert_true(event_pending(only_one()->timer, EV_TIMEOUT, NULL));
    char text[128];
    snprintf(text, sizeof text, "Host: %s\r\nContent-Length: 2\r\n\r\n", host);
    say(fd, text);
    assert_int_equal(only_one()->state, CONNECTION_BODY);
    assert_true(event_pending(only_one()->timer, EV_TIMEOUT, NULL));
    say(fd, "{}");
    (void)heard(fd);
    assert_int_equal(only_one()->state, CONNECTION_IDLE);
    close(fd);
}

// A byte now and then is no progress: the limit is that of the whole state.
static void
trickling_gains_no_time(void **state)
{
    struct timeval before, after;

    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    say(fd, "G");
    assert_true(event_pending(only_one()->timer, EV_TIMEOUT, &before));
    say(fd, "E");
    say(fd, "T");
    assert_true(event_pending(only_one()->timer, EV_TIMEOUT, &after));
    assert_memory_equal(&before, &after, sizeof before);
    close(fd);
}

static void
nothing_of_a_request_is_kept(void **state)
{
    (void)state;
    serving_start(&server_limits_default, NULL);
    int fd = client();
    request(fd, "POST /.well-known/macfly/3p", "Content-Length: 2\r\n");
    say(fd, "{}");
    (void)heard(fd);
    assert_null(only_one()->head.p);
    assert_null(only_one()->body.p);
    assert_null(only_one()->conduit.in.p);
    assert_null(only_one()->conduit.out.p);
    close(fd);
}

static void
those_of_a_client_are_counted(void **state)
{
    struct peer other;
    struct sockaddr_in elsewhere = {.sin_family = AF_INET, .sin_addr = {.s_addr = 1}};

    (void)state;
    serving_start(&server_limits_default, NULL);
    int first = client(), second = client();
    peer_read((const struct sockaddr *)&elsewhere, &other);
    assert_int_equal(connection_count_of(&server, &TAILQ_FIRST(&server.connections)->peer), 2);
    assert_int_equal(connection_count_of(&server, &other), 0);
    assert_string_equal(TAILQ_FIRST(&server.connections)->peer.text, "127.0.0.1");
    close(first);
    close(second);
    settle();
    assert_int_equal(server.connection_count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_has_a_row),     serving_test(it_has_a_limit_in_every_state),
        serving_test(trickling_gains_no_time),       serving_test(nothing_of_a_request_is_kept),
        serving_test(those_of_a_client_are_counted),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
