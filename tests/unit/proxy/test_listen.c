/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners: limits, descriptors that run out, unix sockets. */
#include "fixture.h"

#include <sys/resource.h>
#include <sys/un.h>

static const struct world_route route = {.credential = "api", .host = "api.test"};

static void
two_connections(struct config *config)
{
    config->connections_max = 2;
}

static void
test_more_connections_than_allowed(void **state)
{
    struct world *w = world_new(&route, 1, two_connections);
    int one = connect_loopback(w->port), two = connect_loopback(w->port);
    (void)state;
    send_text(one, GET_MODELS);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(one);
    send_text(two, GET_MODELS);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(two);
    int three = connect_loopback(w->port);
    read_answer(three);
    assert_contains(received.p, "HTTP/1.1 503 ");
    assert_contains(received.p, "broker-busy");
    assert_contains(received.p, "Retry-After: 1");
    close(three);
    // The others are still served, and there is room again when one of them ends.
    shutdown(two, SHUT_WR);
    read_until(two, &received, NULL);
    close(two);
    three = connect_loopback(w->port);
    send_text(three, GET_MODELS);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(three);
    assert_contains(received.p, "expired");
    close(one);
    close(three);
    world_free(w);
}

/* Descriptors run out: whoever comes waits, nobody spins, and it goes on when there are some. */
static void
test_no_descriptors_left(void **state)
{
    enum { MANY = 40 };
    struct world *w = world_plain();
    int fd[MANY];
    (void)state;
    struct rlimit few = {.rlim_cur = 40, .rlim_max = 40};
    assert_int_equal(prlimit(w->pid, RLIMIT_NOFILE, &few, NULL), 0);
    for (int i = 0; i < MANY; i++)
        fd[i] = connect_loopback(w->port);
    send_text(fd[0], GET_MODELS); // those that are in are served
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(fd[0]);
    for (int i = 0; i < MANY - 1; i++)
        close(fd[i]);
    send_text(fd[MANY - 1], GET_MODELS); // the last one had to wait
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(fd[MANY - 1]);
    close(fd[MANY - 1]);
    world_free(w);
}

static void
test_unix_socket(void **state)
{
    char directory[] = "/tmp/keyhole-test-XXXXXX", path[64];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct world *w = world_plain();
    BUFFER_AUTO body;
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/proxy.sock", directory);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listening, 8), 0);
    buffer_init(&body, 4096);
    struct message_listener message = {.kind = LISTENER_UNIX, .name = bytes_str(path)};
    message_listener_tx(&message, &body);
    send_frame(w->supervisor, MESSAGE_LISTENER, 0, buffer_bytes(&body), listening);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_patience(client);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    send_text(client, GET_MODELS);
    const struct message_decide *decide = expect_decide(w);
    assert_true(bytes_is(decide->client, "unix"));
    assert_int_equal(decide->client_uid, getuid());
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    close(client);
    close(listening);
    unlink(path);
    rmdir(directory);
    world_free(w);
}

/* Nothing is accepted before there is a whole table: whoever comes early waits. */
static void
test_not_before_it_is_ready(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    (void)state;
    config_init(&w->config);
    w->config.log_level = LOG_LEVEL_ERROR;
    w->upstream = listen_loopback(&w->upstream_port);
    start_process(w);
    w->port = send_listener(w, false);
    int client = connect_loopback(w->port);
    send_text(client, GET_MODELS);
    send_authority_channel(w);
    send_config(w);
    send_frame(w->authority, MESSAGE_ROUTES_BEGIN, 0, BYTES_EMPTY, -1);
    assert_false(wait_readable(w->supervisor, 50));
    assert_true(authority_is_silent(w));
    send_routes(w, &route, 1);
    uint8_t frame[64];
    assert_int_equal(recv(w->supervisor, frame, sizeof frame, 0), 16);
    assert_int_equal(get_le(frame + 4, 2), MESSAGE_PROXY_READY);
    expect_decide(w);
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    close(client);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_connections_than_allowed),
        cmocka_unit_test(test_no_descriptors_left),
        cmocka_unit_test(test_unix_socket),
        cmocka_unit_test(test_not_before_it_is_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
