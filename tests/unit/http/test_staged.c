/* SPDX-License-Identifier: Apache-2.0 */
/* TLS records are held between socket and TLS, both ways, and none is lost or told twice. */
#include "tls_contexts.h"

#include "../../../broker/http/conduit.h"
#include "../../../broker/http/tls_prefix.h"
#include "../../../broker/http/turn.h"

#include <errno.h>

static struct event_base *base;
static struct turn turn;
static struct pair pair;
static struct conduit conduit; /* the server's side, in stages */

static void
ready(void *owner)
{
    (void)owner;
}

static int
setup(void **state)
{
    (void)state;
    base = event_base_new();
    turn = (struct turn){0};
    turn_init(&turn);
    pair_open(&pair, client, server, "a.example", NULL);
    pair_handshake(&pair);
    assert_result(pair.server_result, STREAM_OK);
    assert_int_equal(conduit_open(&conduit, base, pair.server.fd, ready, &conduit), KH_OK);
    conduit.stream.ssl = pair.server.ssl;
    conduit_join_turn(&conduit, &turn, TURN_DOWN);
    assert_true(conduit.stream.staged.on);
    conduit_fill(&conduit, 1000);
    conduit_arm(&conduit, true);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    conduit_close(&conduit, false);
    stream_close(&pair.client, false);
    event_base_free(base);
    return 0;
}

static void
events(void)
{
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
expect_text(const char *text)
{
    uint8_t got[100];
    size_t n = 0;
    assert_result(stream_read(&pair.client, got, sizeof got, &n), STREAM_OK);
    assert_text(bytes_of(got, n), text);
}

static void
expect_nothing(void)
{
    uint8_t byte;
    size_t n;
    assert_result(stream_read(&pair.client, &byte, 1, &n), STREAM_WANT_READ);
}

static void
test_held_until_it_is_written(void **state)
{
    (void)state;
    buffer_put_str(&conduit.out, "answer");
    conduit_seal(&conduit);
    expect_nothing();
    assert_int_equal(conduit.out.n, 6); // it is not sent, and so it counts
    conduit_seal(&conduit);             // not a second time
    buffer_put_str(&conduit.out, " and more");
    conduit_write(&conduit);
    assert_int_equal(conduit.out.n, 0);
    assert_int_equal(conduit.sealed, 0);
    expect_text("answer");
    expect_text(" and more");
    expect_nothing();
}

static void
test_taken_before_it_is_read(void **state)
{
    size_t n;
    char byte;
    (void)state;
    assert_result(stream_write(&pair.client, (const uint8_t *)"question", 8, &n), STREAM_OK);
    events();
    // The socket is empty, and nothing is decrypted.
    assert_int_equal(recv(conduit.stream.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
    assert_int_equal(conduit.in.n, 0);
    assert_true(stream_has_pending(&conduit.stream));
    assert_false(stream_is_quiet(&conduit.stream));
    assert_true(turn_run(&turn));
    assert_text(buffer_bytes(&conduit.in), "question");
    assert_false(stream_has_pending(&conduit.stream));
    assert_true(stream_is_quiet(&conduit.stream));
}

static void
test_what_is_not_wanted_stays_in_the_socket(void **state)
{
    size_t n;
    char byte;
    (void)state;
    conduit_fill(&conduit, 0); // no room
    assert_result(stream_write(&pair.client, (const uint8_t *)"question", 8, &n), STREAM_OK);
    events();
    assert_int_equal(recv(conduit.stream.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), 1);
    assert_false(stream_has_pending(&conduit.stream));
}

static void
test_the_end(void **state)
{
    size_t n;
    (void)state;
    assert_result(stream_write(&pair.client, (const uint8_t *)"last", 4, &n), STREAM_OK);
    SSL_shutdown(pair.client.ssl);
    for (int i = 0; i < 3; i++) {
        events();
        assert_true(turn_run(&turn));
    }
    assert_text(buffer_bytes(&conduit.in), "last");
    conduit_fill(&conduit, 1000);
    assert_int_equal(conduit.ended, STREAM_END);
}

static void
test_an_end_without_a_word(void **state)
{
    (void)state;
    expect_nothing(); // it has read the tickets: otherwise this is a reset
    close(pair.client.fd);
    pair.client.fd = -1;
    for (int i = 0; i < 3; i++) {
        events();
        assert_true(turn_run(&turn));
    }
    conduit_fill(&conduit, 1000);
    assert_int_equal(conduit.ended, STREAM_TRUNCATED);
}

// More than the socket takes: what TLS has already is sent first, once, and whole.
static void
test_a_full_socket(void **state)
{
    static uint8_t text[4000], got[65536];
    size_t put = 0, taken = 0;
    (void)state;
    while (!conduit.blocked) {
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (uint8_t)((put + i) % 251);
        buffer_put(&conduit.out, bytes_of(text, sizeof text));
        put += sizeof text;
        conduit_flush(&conduit);
        assert_true(turn_run(&turn));
    }
    assert_true(conduit.out.n > 0);
    while (taken < put) {
        size_t n = 0;
        enum stream_result r = stream_read(&pair.client, got, sizeof got, &n);
        assert_true(r == STREAM_OK || r == STREAM_WANT_READ);
        for (size_t i = 0; i < n; i++, taken++)
            assert_int_equal(got[i], taken % 251);
        conduit_write(&conduit);
    }
    assert_int_equal(taken, put);
    assert_int_equal(conduit.out.n, 0);
    expect_nothing();
}

static void
test_more_than_can_be_held(void **state)
{
    static uint8_t text[STAGED_SIZE];
    (void)state;
    buffer_put(&conduit.out, bytes_of(text, sizeof text));
    conduit_seal(&conduit);
    assert_int_equal(conduit.sealed, 0); // as if there were no stages
    conduit_write(&conduit);
    assert_int_equal(conduit.out.n, 0);
}

static void
test_closing_sends_what_is_held(void **state)
{
    (void)state;
    buffer_put_str(&conduit.out, "answer");
    conduit_seal(&conduit);
    conduit_close(&conduit, true);
    expect_text("answer");
    uint8_t byte;
    size_t n;
    assert_result(stream_read(&pair.client, &byte, 1, &n), STREAM_END);
}

static void
test_a_peer_that_is_gone(void **state)
{
    (void)state;
    close(pair.client.fd);
    pair.client.fd = -1;
    buffer_put_str(&conduit.out, "secret");
    conduit_seal(&conduit);
    conduit_write(&conduit);
    assert_true(conduit.write_failed);
    assert_int_equal(conduit.sealed, 0);
    assert_null(conduit.out.p);
}

static void
update_keys(int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(SSL_key_update(pair.client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(pair.client.ssl), 1);
    }
    conduit.readable = true;
    conduit_fill(&conduit, 1000);
}

// 27 bytes each, so that all of them are twice as many as may come.
enum { KEY_UPDATES = 50, TIMES = 2 * STAGED_SILENT_MAX / 27 / KEY_UPDATES };

/* They are answered with nothing and read without a pause: one client would be all that there is.
 */
// threat 20
static void
test_key_updates_without_end(void **state)
{
    (void)state;
    assert_int_equal(SSL_version(pair.client.ssl), TLS1_3_VERSION);
    for (int i = 0; i < TIMES && conduit.ended == STREAM_OK; i++)
        update_keys(KEY_UPDATES);
    assert_result(conduit.ended, STREAM_ERROR);
}

static void
test_key_updates_between_data(void **state)
{
    size_t n;
    (void)state;
    for (int i = 0; i < TIMES; i++) {
        update_keys(KEY_UPDATES);
        assert_result(stream_write(&pair.client, (const uint8_t *)"x", 1, &n), STREAM_OK);
        events();
        assert_true(turn_run(&turn));
        assert_text(buffer_bytes(&conduit.in), "x");
        conduit_consume(&conduit, 1);
        conduit_arm(&conduit, true);
    }
    assert_result(conduit.ended, STREAM_OK);
}

// TLS that does not stand on the socket itself stays as it is, and so does a plain connection.
static void
test_only_on_the_socket(void **state)
{
    struct stream plain = {.fd = -1}, inner = {.fd = -1, .ssl = SSL_new(server)};
    (void)state;
    stream_stage(&plain);
    assert_false(plain.staged.on);
    SSL_set_bio(inner.ssl, BIO_new(BIO_f_ssl()), NULL);
    stream_stage(&inner);
    assert_false(inner.staged.on);
    SSL_free(inner.ssl);
}

// What was looked at before there was TLS does not stand between them when it was read.
static void
test_behind_a_prefix(void **state)
{
    struct stream stream = {.fd = -1, .ssl = SSL_new(server)};
    char byte;
    (void)state;
    BIO *bio = tls_prefix_new(BYTES("x"), BIO_new_socket(-1, BIO_NOCLOSE));
    assert_non_null(bio);
    SSL_set_bio(stream.ssl, bio, bio);
    stream_stage(&stream);
    assert_false(stream.staged.on);
    assert_int_equal(BIO_read(bio, &byte, 1), 1);
    stream_stage(&stream);
    assert_true(stream.staged.on);
    SSL_free(stream.ssl);
    staged_free(&stream.staged);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_held_until_it_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taken_before_it_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_wanted_stays_in_the_socket, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_end_without_a_word, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_socket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_than_can_be_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_closing_sends_what_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_peer_that_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_updates_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_updates_between_data, setup, teardown),
        cmocka_unit_test(test_only_on_the_socket),
        cmocka_unit_test(test_behind_a_prefix),
    };
    return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}
