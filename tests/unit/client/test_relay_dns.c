/* SPDX-License-Identifier: Apache-2.0 */
/* DNS over UDP, on one connection to the broker. */
#include "relay_test.h"

static const struct preface dns = {.kind = PREFACE_DNS, .run = {7}, .answer = {198, 18, 0, 1}};

struct scene {
    struct test_relay relay;
    int broker, client;
    struct sockaddr_in resolver;
};

static int
udp_socket(struct sockaddr_in *address)
{
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = test_patient(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &(socklen_t){sizeof *address}), 0);
    return fd;
}

static void
scene_open(struct scene *scene)
{
    struct fault fault = {.err = KH_OK};
    struct sockaddr_in own;
    unlink(test_path("dns"));
    scene->broker = test_listen_unix(test_path("dns"), 16);
    assert_ok(test_relay_open(&scene->relay, test_path("dns"), NULL, &fault));
    assert_ok(relay_serve_dns(scene->relay.relay, udp_socket(&scene->resolver), &dns, &fault));
    scene->client = udp_socket(&own);
    test_relay_run(&scene->relay);
}

static void
scene_close(struct scene *scene)
{
    test_relay_stop(&scene->relay);
    test_relay_close(&scene->relay);
    if (scene->broker >= 0)
        close(scene->broker);
    close(scene->client);
}

static void
ask_as(const struct scene *scene, int client, const char *query, size_t n)
{
    assert_int_equal(sendto(client, query, n, 0, (const struct sockaddr *)&scene->resolver,
                            sizeof scene->resolver),
                     (ssize_t)n);
}
#define ask(scene, query) ask_as(scene, (scene)->client, query, sizeof(query) - 1)

static int
accept_dns(const struct scene *scene)
{
    uint8_t storage[PREFACE_MAX];
    int end = test_accept(scene->broker);
    struct preface got = test_read_preface(end, storage, sizeof storage);
    assert_int_equal(got.kind, PREFACE_DNS);
    assert_memory_equal(got.run, dns.run, PREFACE_RUN_SIZE);
    assert_memory_equal(got.answer, dns.answer, 4);
    return end;
}

#define framed(end, query)                                                                         \
    do {                                                                                           \
        test_expect(end, (const uint8_t[]){0, sizeof(query) - 1}, 2);                              \
        test_expect(end, query, sizeof(query) - 1);                                                \
    } while (0)

static void
answer(int end, const char *text, size_t n)
{
    test_send(end, (const uint8_t[]){(uint8_t)(n >> 8), (uint8_t)n}, 2);
    test_send(end, text, n);
}

static void
expect_datagram(int client, const char *expected)
{
    char got[512];
    ssize_t n = recv(client, got, sizeof got, 0);
    if (n != (ssize_t)strlen(expected) || memcmp(got, expected, (size_t)n) != 0)
        fail_msg("'%.*s', and not '%s'", n > 0 ? (int)n : 0, got, expected);
}

static void
test_questions_and_answers(void **state)
{
    (void)state;
    struct scene scene;
    struct sockaddr_in own;
    scene_open(&scene);
    int other = udp_socket(&own);
    ask(&scene, "tiny");         // no header: dropped
    ask(&scene, "AAquestion 1"); // its id is AA
    int end = accept_dns(&scene);
    framed(end, "AAquestion 1");
    ask_as(&scene, other, "BBquestion 2", 12);
    framed(end, "BBquestion 2"); // on the same connection, before the first answer
    answer(end, "AAanswer one", 12);
    answer(end, "BBanswer two", 12);
    expect_datagram(scene.client, "AAanswer one");
    expect_datagram(other, "BBanswer two");
    // In parts, as TCP may cut it.
    ask(&scene, "CCquestion 3");
    framed(end, "CCquestion 3");
    test_send(end, "\0", 1);
    test_send(end,
              "\x0c"
              "CC",
              3);
    test_send(end, "answer 333", 10);
    expect_datagram(scene.client, "CCanswer 333");
    close(end);
    close(other);
    scene_close(&scene);
}

static void
test_a_connection_that_ends_is_made_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    ask(&scene, "AAquestion 1");
    int end = accept_dns(&scene);
    framed(end, "AAquestion 1");
    answer(end, "AAanswer one", 12);
    expect_datagram(scene.client, "AAanswer one");
    close(end); // idle for too long
    ask(&scene, "BBquestion 2");
    end = accept_dns(&scene);
    framed(end, "BBquestion 2");
    close(end); // without an answer: once more, and then no more
    end = accept_dns(&scene);
    framed(end, "BBquestion 2");
    close(end);
    ask(&scene, "CCquestion 3");
    end = accept_dns(&scene);
    framed(end, "CCquestion 3");
    answer(end, "CCanswer 333", 12);
    expect_datagram(scene.client, "CCanswer 333");
    close(end);
    scene_close(&scene);
}

static void
test_answers_to_something_else_end_the_connection(void **state)
{
    (void)state;
    static const char *const wrong[] = {"XXanswer 111", "AA"};
    struct scene scene;
    scene_open(&scene);
    for (size_t i = 0; i < 2; i++) {
        ask(&scene, "AAquestion 1");
        for (unsigned again = 0; again < 2; again++) {
            int end = accept_dns(&scene);
            framed(end, "AAquestion 1");
            answer(end, wrong[i], strlen(wrong[i]));
            test_expect_end(end);
            close(end);
        }
    }
    // Nobody was given a wrong one.
    ask(&scene, "BBquestion 2");
    int end = accept_dns(&scene);
    framed(end, "BBquestion 2");
    answer(end, "BBanswer two", 12);
    expect_datagram(scene.client, "BBanswer two");
    close(end);
    scene_close(&scene);
}

static void
test_no_broker(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    close(scene.broker);
    unlink(test_path("dns"));
    ask(&scene, "AAquestion 1");
    // A later question is answered: the first one is over by then.
    int broker = test_listen_unix(test_path("dns-new"), 16);
    assert_int_equal(rename(test_path("dns-new"), test_path("dns")), 0);
    scene.broker = broker;
    ask(&scene, "BBquestion 2");
    int end = accept_dns(&scene);
    uint8_t head[2], id[2];
    assert_int_equal(recv(end, head, 2, MSG_WAITALL), 2);
    assert_int_equal(recv(end, id, 2, MSG_WAITALL), 2);
    close(end);
    scene_close(&scene);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions_and_answers),
        cmocka_unit_test(test_a_connection_that_ends_is_made_again),
        cmocka_unit_test(test_answers_to_something_else_end_the_connection),
        cmocka_unit_test(test_no_broker),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
