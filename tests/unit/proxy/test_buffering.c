/* SPDX-License-Identifier: Apache-2.0 */
/* A body that the authority wants to know: held back, looked into, and sent on as it came. */
#include "fixture.h"

#define POST_HEAD                                                                                  \
    "POST /~api/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " TOKEN "\r\n"
#define JSON        "{\"model\":\"gpt-4o\",\"n\":1e400}"
#define JSON_SHA256 "ec2ad853004d6c4da48b2e9bb9cd3739579148be60a8c44b26b341c9f3a0214c"

static void
need(struct world *w, const char *pointer, bool sha256)
{
    struct message_decision decision = {
        .reason = KH_REASON_BODY_REQUIRED,
        .request_id = {1, 2, 3, 4},
        .need_body = true,
        .need_sha256 = sha256,
        .pointer = {bytes_str(pointer), BYTES("/n"), BYTES("/missing")},
        .pointer_count = pointer ? 3 : 0,
    };
    answer_decision(w, &decision);
}

static void
expect_at(const struct message_decide *m, size_t i, const char *pointer, enum body_type type,
          const char *text)
{
    assert_true(i < m->body.value_count);
    assert_true(bytes_is(m->body.value[i].pointer, pointer));
    assert_int_equal(m->body.value[i].value.type, type);
    if (!bytes_is(m->body.value[i].value.text, text))
        fail_msg("at %s: %.*s", pointer, BYTES_ARG(m->body.value[i].value.text));
}

/* The second question, which knows the body and is about the same request. */
static const struct message_decide *
expect_asked_again(struct world *w, size_t size)
{
    const struct message_decide *m = expect_decide(w);
    static const uint8_t id[REQUEST_ID_SIZE] = {1, 2, 3, 4};
    assert_memory_equal(m->request_id, id, sizeof id);
    assert_int_equal(m->refused, KH_REASON_UNSET);
    assert_true(bytes_is(m->token, TOKEN));
    assert_true(m->body.has_size && m->body.is_read);
    assert_int_equal(m->body.size, size);
    return m;
}

static void
expect_refused(struct world *w, enum kh_reason reason)
{
    const struct message_decide *m = expect_decide(w);
    if (m->refused != reason)
        fail_msg("refused for %s: %.*s", kh_reason_code(m->refused), BYTES_ARG(m->refused_detail));
    assert_int_equal(m->request_id[0], 1);
    deny(w, reason);
}

static void
expect_body_up(struct world *w, int up, const char *body)
{
    char length[64];
    (void)w;
    read_until(up, &sent_up, "\r\n\r\n");
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    assert_contains(sent_up.p, length);
    assert_lacks(sent_up.p, "chunked");
    static char got[1 << 16];
    read_exactly(up, got, strlen(body));
    assert_memory_equal(got, body, strlen(body));
}

static void
answer_ok(int up, int client)
{
    send_text(up, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 200 OK\r\n");
}

/* ---- what is known before ---- */

static void
test_what_the_head_says(void **state)
{
    static const struct {
        const char *head;
        bool has_size, is_read, has_sha256;
        unsigned size;
    } cases[] = {
        {"\r\n", true, true, true, 0},
        {"Content-Length: 0\r\n\r\n", true, true, true, 0},
        {"Content-Length: 3\r\n\r\nabc", true, false, false, 3},
        {"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, false, false, 0},
        {"Content-Length: 3\r\nContent-Encoding: gzip\r\n\r\nabc", true, true, false, 3},
        {"Content-Length: 3\r\nContent-Type: text/html\r\n\r\nabc", true, true, false, 3},
    };
    struct world *w = world_plain();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int client = connect_loopback(w->port);
        send_text(client, POST_HEAD);
        send_text(client, cases[i].head);
        const struct message_decide *m = expect_decide(w);
        static const uint8_t none[REQUEST_ID_SIZE];
        assert_memory_equal(m->request_id, none, sizeof none);
        if (m->body.has_size != cases[i].has_size || m->body.is_read != cases[i].is_read ||
            m->body.has_sha256 != cases[i].has_sha256 || m->body.size != cases[i].size)
            fail_msg("case %zu: size %d %u, read %d, hash %d", i, m->body.has_size,
                     (unsigned)m->body.size, m->body.is_read, m->body.has_sha256);
        assert_false(m->body.is_json);
        deny(w, KH_REASON_EXPIRED);
        read_answer(client);
        close(client);
    }
    world_free(w);
}

/* Nobody asked for it: the head is upstream before the body was sent. */
static void
test_not_asked_for_streams(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Content-Length: 6\r\n\r\nabc");
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "abc");
    send_text(client, "def");
    char rest[3];
    read_exactly(up, rest, 3);
    answer_ok(up, client);
    close(up);
    close(client);
    world_free(w);
}

/* ---- held back ---- */

static void
test_values_and_the_same_bytes(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Content-Length: 28\r\n\r\n{\"model\":");
    expect_decide(w);
    need(w, "/model", true);
    assert_false(wait_readable(w->upstream, 50)); // nobody dials before it is allowed
    assert_true(authority_is_silent(w));
    send_text(client, "\"gpt-4o\",\"n\":1e400}");
    const struct message_decide *m = expect_asked_again(w, strlen(JSON));
    assert_true(m->body.is_json);
    assert_int_equal(m->body.value_count, 3);
    expect_at(m, 0, "/model", BODY_VALUE_STRING, "gpt-4o");
    expect_at(m, 1, "/n", BODY_VALUE_NUMBER, "1e400");
    expect_at(m, 2, "/missing", BODY_VALUE_ABSENT, "");
    char hex[65];
    assert_true(m->body.has_sha256 && bytes_to_hex(bytes_of(m->body.sha256, 32), hex, sizeof hex));
    assert_string_equal(hex, JSON_SHA256);
    allow(w);
    int up = accept_upstream(w);
    expect_body_up(w, up, JSON);
    answer_ok(up, client);
    const struct message_finished *finished = expect_finished(w);
    assert_int_equal(finished->bytes_up, strlen(JSON));
    // The connections, both of them, are as good as new.
    send_text(client, GET_MODELS);
    expect_decide(w);
    allow(w);
    read_until(up, &sent_up, "\r\n\r\n");
    answer_ok(up, client);
    close(up);
    close(client);
    world_free(w);
}

static void
test_chunked_and_pipelined(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n5;x\r\n{\"n\":\r\n2\r\n5}\r\n"
                                "0\r\nX-Trailer: t\r\n\r\n" GET_MODELS);
    expect_decide(w);
    need(w, "/n", false);
    const struct message_decide *m = expect_asked_again(w, 7);
    assert_false(m->body.has_sha256);
    expect_at(m, 0, "/n", BODY_VALUE_NUMBER, "5");
    assert_true(authority_is_silent(w)); // the next request waits
    allow(w);
    int up = accept_upstream(w);
    expect_body_up(w, up, "{\"n\":5}");
    answer_ok(up, client);
    expect_finished(w);
    m = expect_decide(w);
    assert_true(bytes_is(m->method, "GET"));
    assert_int_equal(m->request_id[0], 0);
    allow(w);
    read_until(up, &sent_up, "\r\n\r\n");
    answer_ok(up, client);
    close(up);
    close(client);
    world_free(w);
}

/* The body was read, and is not sent; the connection goes on behind it. */
static void
test_denied_after_a_look(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Content-Length: 28\r\n\r\n" JSON GET_MODELS);
    expect_decide(w);
    need(w, "/model", false);
    expect_asked_again(w, strlen(JSON));
    deny(w, KH_REASON_CAVEAT_FAILED);
    read_answer(client);
    assert_contains(received.p, "caveat-failed");
    assert_lacks(received.p, "Connection: close");
    assert_true(bytes_is(expect_decide(w)->method, "GET"));
    assert_false(wait_readable(w->upstream, 0));
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    close(client);
    world_free(w);
}

static void
test_what_is_no_json(void **state)
{
    static const char *const bodies[] = {"{\"n\":5,\"n\":5}", "n=5", "{\"n\":01}", "\xff"};
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        char head[64];
        snprintf(head, sizeof head, "Content-Length: %zu\r\n\r\n", strlen(bodies[i]));
        send_text(client, POST_HEAD);
        send_text(client, head);
        send_text(client, bodies[i]);
        expect_decide(w);
        need(w, "/n", false);
        const struct message_decide *m = expect_asked_again(w, strlen(bodies[i]));
        assert_false(m->body.is_json);
        assert_int_equal(m->body.value_count, 0);
        deny(w, KH_REASON_CAVEAT_FAILED);
        read_answer(client);
    }
    // An encoded one, of which somebody wants the hash alone.
    send_text(client, POST_HEAD "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}");
    expect_decide(w);
    need(w, NULL, true);
    const struct message_decide *m = expect_asked_again(w, 2);
    assert_true(m->body.has_sha256);
    assert_false(m->body.is_json);
    deny(w, KH_REASON_CAVEAT_FAILED);
    read_answer(client);
    close(client);
    world_free(w);
}

static void
test_continue_is_said_before(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Expect: 100-continue\r\nContent-Length: 7\r\n\r\n");
    expect_decide(w);
    need(w, "/n", false);
    read_until(client, &received, "\r\n\r\n");
    assert_string_equal(received.p, "HTTP/1.1 100 Continue\r\n\r\n");
    send_text(client, "{\"n\":5}");
    expect_asked_again(w, 7);
    allow(w);
    int up = accept_upstream(w);
    expect_body_up(w, up, "{\"n\":5}");
    answer_ok(up, client);
    close(up);
    close(client);
    world_free(w);
}

/* The authority changed its mind: it may ask for more, and does not for ever. */
static void
test_asked_again_and_again(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Content-Length: 28\r\n\r\n" JSON);
    expect_decide(w);
    need(w, "/model", false);
    expect_asked_again(w, strlen(JSON));
    need(w, "/n", false);
    const struct message_decide *m = expect_asked_again(w, strlen(JSON));
    expect_at(m, 0, "/n", BODY_VALUE_NUMBER, "1e400");
    need(w, "/n", false);
    expect_asked_again(w, strlen(JSON));
    need(w, "/n", false);
    expect_refused(w, KH_REASON_INTERNAL);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 500 ");
    close(client);
    world_free(w);
}

static void
test_judged_again_with_its_body(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Content-Length: 28\r\n\r\n" JSON);
    expect_decide(w);
    need(w, "/model", false);
    expect_asked_again(w, strlen(JSON));
    allow(w);
    int up = accept_upstream(w);
    expect_body_up(w, up, JSON);
    send_frame(w->authority, MESSAGE_REJUDGE, 0, BYTES_EMPTY, -1);
    const struct message_decide *m = expect_decide(w);
    assert_true(m->rejudge);
    // A denial is on record under the id that the client is told.
    assert_int_equal(m->request_id[0], 1);
    expect_at(m, 0, "/model", BODY_VALUE_STRING, "gpt-4o");
    deny(w, KH_REASON_REVOKED);
    read_answer(client);
    assert_contains(received.p, "revoked");
    close(up);
    close(client);
    world_free(w);
}

/* ---- limits ---- */

static void
small(struct config *config)
{
    config->body_max = 1024;
}

static void
impatient(struct config *config)
{
    config->body_timeout_ms = 200;
}

static struct world *
world_with(void (*configure)(struct config *config))
{
    const struct world_route route = {.credential = "api", .host = "api.test"};
    return world_new(&route, 1, configure);
}

static void
test_too_large(void **state)
{
    static char zeros[2048];
    struct world *w = world_with(small);
    (void)state;
    memset(zeros, '0', sizeof zeros);
    // By its length: at once, and without an invitation to send it.
    int client = connect_loopback(w->port);
    send_text(client, POST_HEAD "Expect: 100-continue\r\nContent-Length: 1025\r\n\r\n");
    expect_decide(w);
    need(w, "/n", false);
    expect_refused(w, KH_REASON_BODY_TOO_LARGE);
    read_until(client, &received, NULL);
    assert_contains(received.p, "HTTP/1.1 413 ");
    assert_contains(received.p, "body-too-large");
    assert_lacks(received.p, "100 Continue");
    close(client);
    // By counting; what is left is read, and the connection kept.
    client = connect_loopback(w->port);
    send_text(client, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n400\r\n");
    expect_decide(w);
    need(w, "/n", false);
    send_bytes(client, zeros, 1024);
    assert_true(authority_is_silent(w));
    send_text(client, "\r\n1\r\n0\r\n");
    expect_refused(w, KH_REASON_BODY_TOO_LARGE);
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 413 ");
    send_text(client, "0\r\n\r\n" GET_MODELS);
    assert_true(bytes_is(expect_decide(w)->method, "GET"));
    deny(w, KH_REASON_EXPIRED);
    read_answer(client);
    // Just as much as may be.
    send_text(client, POST_HEAD "Content-Length: 1024\r\n\r\n");
    send_bytes(client, zeros, 1024);
    expect_decide(w);
    need(w, "/n", false);
    expect_asked_again(w, 1024);
    deny(w, KH_REASON_CAVEAT_FAILED);
    read_answer(client);
    close(client);
    assert_false(wait_readable(w->upstream, 0));
    world_free(w);
}

static void
test_does_not_come(void **state)
{
    struct world *w = world_with(impatient);
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Content-Length: 7\r\n\r\n{\"n");
    expect_decide(w);
    need(w, "/n", false);
    expect_refused(w, KH_REASON_REQUEST_TIMEOUT);
    read_until(client, &received, NULL);
    assert_contains(received.p, "HTTP/1.1 408 ");
    assert_contains(received.p, "Connection: close");
    close(client);
    world_free(w);
}

static void
test_broken_or_gone(void **state)
{
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    (void)state;
    send_text(client, POST_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    expect_decide(w);
    need(w, "/n", false);
    send_text(client, "3\nabc\r\n"); // a bare LF
    expect_refused(w, KH_REASON_REQUEST_MALFORMED);
    read_until(client, &received, NULL);
    assert_contains(received.p, "HTTP/1.1 400 ");
    close(client);
    // In the middle of it: nobody is told, and nothing is left behind.
    client = connect_loopback(w->port);
    send_text(client, POST_HEAD "Content-Length: 7\r\n\r\n{\"n");
    expect_decide(w);
    need(w, "/n", false);
    shutdown(client, SHUT_WR);
    read_to_reset(client, &received);
    assert_string_equal(received.p, "");
    close(client);
    assert_true(authority_is_silent(w));
    // The authority goes away while it comes: a denial.
    client = connect_loopback(w->port);
    send_text(client, POST_HEAD "Content-Length: 7\r\n\r\n{\"n");
    expect_decide(w);
    need(w, "/n", false);
    assert_false(wait_readable(client, 50));
    close(w->authority);
    w->authority = -1;
    send_text(client, "\":5}");
    read_answer(client);
    assert_contains(received.p, "HTTP/1.1 503 ");
    close(client);
    assert_false(wait_readable(w->upstream, 0));
    world_free(w);
}

static void
little_in_all(struct config *config)
{
    config->bodies_max = 1 << 20;
}

/* All bodies together are bounded too, and what was held is given back. */
static void
test_too_many_at_once(void **state)
{
    enum { SIZE = 700 * 1024 };
    const struct world_route route = {.credential = "api", .host = "api.test"};
    struct world *w = world_new(&route, 1, little_in_all);
    static char body[SIZE];
    char head[64];
    (void)state;
    memset(body, ' ', sizeof body);
    snprintf(head, sizeof head, "Content-Length: %d\r\n\r\n", SIZE);
    int first = connect_loopback(w->port), second = connect_loopback(w->port);
    for (int round = 0; round < 2; round++) {
        send_text(first, POST_HEAD);
        send_text(first, head);
        expect_decide(w);
        need(w, "/n", false);
        send_bytes(first, body, SIZE);
        expect_asked_again(w, SIZE);
        uint64_t question = w->question;
        if (round == 0) {
            send_text(second, POST_HEAD);
            send_text(second, head);
            expect_decide(w);
            need(w, "/n", false);
            send_bytes(second, body, SIZE);
            expect_refused(w, KH_REASON_BROKER_BUSY);
            read_until(second, &received, NULL);
            assert_contains(received.p, "HTTP/1.1 503 ");
        }
        w->question = question;
        deny(w, KH_REASON_CAVEAT_FAILED);
        read_answer(first);
        assert_contains(received.p, "caveat-failed");
    }
    close(first);
    close(second);
    world_free(w);
}

/* More than the buffers between: it goes up in pieces, and whole. */
static void
test_large_body(void **state)
{
    enum { SIZE = 1000 * 1000 };
    struct world *w = world_plain();
    static char body[SIZE], got[SIZE];
    char head[64];
    (void)state;
    memset(body, ' ', sizeof body);
    for (size_t i = 0; i + 10 < sizeof body; i += 97)
        body[i] = "\t\r\n"[i % 3];
    memcpy(body + SIZE - 7, "{\"n\":5}", 7);
    snprintf(head, sizeof head, "Content-Length: %d\r\n\r\n", SIZE);
    int client = connect_loopback(w->port);
    send_text(client, POST_HEAD);
    send_text(client, head);
    expect_decide(w);
    need(w, "/n", false);
    send_bytes(client, body, SIZE);
    const struct message_decide *m = expect_asked_again(w, SIZE);
    expect_at(m, 0, "/n", BODY_VALUE_NUMBER, "5");
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    read_exactly(up, got, SIZE);
    assert_memory_equal(got, body, SIZE);
    answer_ok(up, client);
    assert_int_equal(expect_finished(w)->bytes_up, SIZE);
    close(up);
    close(client);
    world_free(w);
}

/* A signature is made where the key is: the body goes there, in order, and then the question. */
static void
test_content_is_sent_to_be_signed(void **state)
{
    enum { SIZE = 200000 };
    static char body[SIZE], got[SIZE];
    struct world *w = world_plain();
    int client = connect_loopback(w->port);
    size_t at = 0;
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        body[i] = (char)('a' + i * i % 26);
    send_text(client, POST_HEAD "Content-Length: 200000\r\n\r\n");
    expect_decide(w);
    const struct message_decision decision = {.reason = KH_REASON_BODY_REQUIRED,
                                              .request_id = {1, 2, 3, 4},
                                              .need_body = true,
                                              .need_content = true};
    answer_decision(w, &decision);
    send_bytes(client, body, SIZE);
    while (at < SIZE) {
        struct bytes frame;
        struct message_body_part part;
        assert_int_equal(next_frame(w, &frame), MESSAGE_BODY_PART);
        assert_int_equal(message_body_part_rx(frame, &part), KH_OK);
        assert_memory_equal(part.request_id, decision.request_id, REQUEST_ID_SIZE);
        assert_int_equal(part.offset, at);
        assert_memory_equal(part.data.p, body + at, part.data.n);
        at += part.data.n;
    }
    assert_int_equal(at, SIZE);
    expect_asked_again(w, SIZE);
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    read_exactly(up, got, SIZE);
    assert_memory_equal(got, body, SIZE);
    answer_ok(up, client);
    close(up);
    close(client);
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_head_says),
        cmocka_unit_test(test_not_asked_for_streams),
        cmocka_unit_test(test_values_and_the_same_bytes),
        cmocka_unit_test(test_chunked_and_pipelined),
        cmocka_unit_test(test_denied_after_a_look),
        cmocka_unit_test(test_what_is_no_json),
        cmocka_unit_test(test_continue_is_said_before),
        cmocka_unit_test(test_asked_again_and_again),
        cmocka_unit_test(test_judged_again_with_its_body),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_does_not_come),
        cmocka_unit_test(test_broken_or_gone),
        cmocka_unit_test(test_too_many_at_once),
        cmocka_unit_test(test_large_body),
        cmocka_unit_test(test_content_is_sent_to_be_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
