/* SPDX-License-Identifier: Apache-2.0 */
/* The answer's head, its framing, and what does not pass. */
#include "fixture.h"

#include "../../../broker/proxy/response.h"

static void
test_framing(void **state)
{
    static const struct {
        enum http1_body body;
        uint64_t length;
        unsigned minor;
        bool scrub;
        enum exchange_framing framing;
    } rows[] = {
        {BODY_NONE, 0, 1, true, FRAMING_NONE},
        {BODY_LENGTH, 1 << 30, 1, false, FRAMING_LENGTH},
        {BODY_LENGTH, 1 << 30, 0, false, FRAMING_LENGTH},
        {BODY_LENGTH, 65536, 1, true, FRAMING_COLLECT},
        {BODY_LENGTH, 65536, 0, true, FRAMING_COLLECT},
        {BODY_LENGTH, 65537, 1, true, FRAMING_CHUNKED},
        {BODY_LENGTH, 65537, 0, true, FRAMING_CLOSE},
        {BODY_CHUNKED, 0, 1, true, FRAMING_CHUNKED},
        {BODY_CHUNKED, 0, 0, false, FRAMING_CLOSE},
        {BODY_CLOSE, 0, 1, false, FRAMING_CHUNKED},
        {BODY_CLOSE, 0, 0, true, FRAMING_CLOSE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http1_head head = {.body = rows[i].body, .content_length = rows[i].length};
        if (response_framing(&head, rows[i].minor, rows[i].scrub) != rows[i].framing)
            fail_msg("row %zu", i);
    }
}

/* One exchange on a connection of its own; what the client gets is in `received`. */
static void
exchange(struct world *w, const char *method, const char *answer, enum kh_reason reason)
{
    char request[512];
    int client = connect_loopback(w->port);
    snprintf(request, sizeof request,
             "%s /~api/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             "Authorization: Bearer " TOKEN "\r\n\r\n",
             method);
    send_text(client, request);
    expect_decide(w);
    allow(w);
    int up = accept_upstream(w);
    read_until(up, &sent_up, "\r\n\r\n");
    send_text(up, answer);
    shutdown(up, SHUT_WR);
    read_to_reset(client, &received);
    assert_int_equal(expect_finished(w)->reason, reason);
    close(up);
    close(client);
}

static void
test_what_is_no_strict_answer(void **state)
{
    static const char *const rows[] = {
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\nSet-Cookie: c=d\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", // collected, so it can be said
    };
    struct world *w = world_plain();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        exchange(w, "GET", rows[i], KH_REASON_UPSTREAM_RESPONSE);
        if (strncmp(received.p, "HTTP/1.1 502 ", 13) != 0)
            fail_msg("row %zu: %s", i, received.p);
        assert_contains(received.p, "upstream-response");
        assert_contains(received.p, "Keyhole-Request-Id: 0102");
    }
    world_free(w);
}

static void
test_interim_answers_come_to_an_end(void **state)
{
    static char many[65536];
    struct world *w = world_plain();
    (void)state;
    for (int i = 0; i < 100; i++)
        strcat(many, "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n");
    exchange(w, "GET", many, KH_REASON_UPSTREAM_RESPONSE);
    assert_contains(received.p, "HTTP/1.1 502 ");
    world_free(w);
}

// threat 4
static void
test_hop_by_hop_stays_here(void **state)
{
    struct world *w = world_plain();
    (void)state;
    exchange(w, "GET",
             "HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
             "Alt-Svc: h3=\":443\"\r\nKeyhole-Request-Id: forged\r\nProxy-Authenticate: Basic\r\n"
             "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nStrict-Transport-Security: max-age=1\r\n"
             "Content-Length: 2\r\n\r\nok",
             KH_REASON_UNSET);
    static const char *const gone[] = {"X-Hop", "Keep-Alive", "Alt-Svc", "forged",
                                       "Proxy-Authenticate"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_lacks(received.p, gone[i]);
    assert_contains(received.p, "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
    assert_contains(received.p, "Strict-Transport-Security");
    world_free(w);
}

static void
test_answers_without_a_body(void **state)
{
    struct world *w = world_plain();
    (void)state;
    exchange(w, "HEAD",
             "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nContent-Encoding: gzip\r\n\r\n",
             KH_REASON_UNSET);
    assert_contains(received.p, "Content-Length: 12345\r\n");
    exchange(w, "GET", "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", KH_REASON_UNSET);
    assert_contains(received.p, "HTTP/1.1 304 ");
    assert_lacks(received.p, "chunked");
    exchange(w, "GET", "HTTP/1.1 204 No Content\r\n\r\n", KH_REASON_UNSET);
    assert_contains(received.p, "HTTP/1.1 204 ");
    assert_lacks(received.p, "Content-Length");
    world_free(w);
}

// threat 8
static void
test_the_key_does_not_come_back(void **state)
{
    struct world *w = world_plain();
    (void)state;
    exchange(w, "GET",
             "HTTP/1.1 200 OK\r\nX-Echo: Bearer " SECRET "\r\nLocation: "
             "/?k=sk-real-Secret%2F0123456789%2Babcdef\r\nContent-Length: 38\r\n\r\n"
             "key=" SECRET "!!",
             KH_REASON_UNSET);
    assert_lacks(received.p, "sk-real");
    assert_contains(received.p, "X-Echo: Bearer " TOKEN "\r\n");
    assert_contains(received.p, "Location: /~api/?k=" TOKEN "\r\n");
    assert_contains(received.p, "\r\n\r\nkey=" TOKEN "!!");
    char length[64];
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen("key=" TOKEN "!!"));
    assert_contains(received.p, length);
    // Cut in two by a chunk's border.
    exchange(w, "GET",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             "b\r\nkey=sk-real\r\n1a\r\n-Secret/0123456789+abcdef!\r\n0\r\n\r\n",
             KH_REASON_UNSET);
    assert_lacks(received.p, "-Secret");
    assert_contains(received.p, TOKEN);
    world_free(w);
}

// threat 9
static void
test_an_encoded_answer_is_refused(void **state)
{
    struct world *w = world_plain();
    (void)state;
    exchange(w, "GET", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
             KH_REASON_RESPONSE_ENCODED);
    assert_contains(received.p, "HTTP/1.1 502 ");
    assert_contains(received.p, "response-encoded");
    exchange(w, "GET",
             "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nok",
             KH_REASON_UNSET);
    assert_contains(received.p, "\r\n\r\nok");
    world_free(w);
}

static void
test_without_scrubbing(void **state)
{
    const struct world_route route = {.credential = "api", .host = "api.test", .no_scrub = true};
    struct world *w = world_new(&route, 1, NULL);
    (void)state;
    exchange(w, "GET", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
             KH_REASON_UNSET);
    assert_contains(received.p, "Content-Length: 2\r\n");
    assert_contains(received.p, "\r\n\r\nok");
    world_free(w);
}

/* The end of the connection is the end of the body, which a plain one cannot tell from a cut. */
static void
test_close_delimited(void **state)
{
    struct world *w = world_plain();
    (void)state;
    exchange(w, "GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end", KH_REASON_UNSET);
    assert_contains(received.p, "\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n");
    world_free(w);
}

/* A body that ends too early does not look whole. */
static void
test_cut_in_the_body(void **state)
{
    struct world *w = world_plain();
    (void)state;
    exchange(w, "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
             KH_REASON_UPSTREAM_RESPONSE);
    assert_lacks(received.p, "0\r\n\r\n");
    exchange(w, "GET",
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\nhello\r\n",
             KH_REASON_UPSTREAM_RESPONSE);
    assert_lacks(received.p, "0\r\n\r\n");
    world_free(w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_what_is_no_strict_answer),
        cmocka_unit_test(test_interim_answers_come_to_an_end),
        cmocka_unit_test(test_hop_by_hop_stays_here),
        cmocka_unit_test(test_answers_without_a_body),
        cmocka_unit_test(test_the_key_does_not_come_back),
        cmocka_unit_test(test_an_encoded_answer_is_refused),
        cmocka_unit_test(test_without_scrubbing),
        cmocka_unit_test(test_close_delimited),
        cmocka_unit_test(test_cut_in_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
