/* SPDX-License-Identifier: Apache-2.0 */
/* Connections, plain and TLS: how they end, and that an end which is none shows. */

#include "tls_contexts.h"

#include <arpa/inet.h>

static void
open_tls(struct pair *pair)
{
    pair_open(pair, client, server, "a.example", NULL);
    pair_handshake(pair);
    assert_result(pair->client_result, STREAM_OK);
    assert_result(pair->server_result, STREAM_OK);
}

/* A TCP connection over loopback; unix sockets know no reset. */
static void
open_tcp(struct pair *pair)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, n), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n), 0);
    *pair = (struct pair){.client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}};
    assert_int_equal(connect(pair->client.fd, (struct sockaddr *)&address, n), 0);
    pair->server.fd = accept(listener, NULL, NULL);
    assert_true(pair->server.fd >= 0);
    close(listener);
}

static void
test_nothing_to_do(void **state)
{
    struct pair pair;
    uint8_t byte;
    size_t n = 7;

    (void)state;
    pair_open(&pair, NULL, NULL, NULL, NULL);
    assert_result(stream_read(&pair.client, &byte, 0, &n), STREAM_ERROR);
    assert_result(stream_write(&pair.client, &byte, 0, &n), STREAM_ERROR);
    assert_result(stream_read(&pair.client, &byte, 1, &n), STREAM_WANT_READ);
    assert_result(stream_handshake(&pair.client), STREAM_OK);
    assert_false(stream_has_pending(&pair.client));
    pair_close(&pair);
    open_tls(&pair);
    assert_result(stream_read(&pair.client, &byte, 0, &n), STREAM_ERROR);
    assert_result(stream_write(&pair.client, &byte, 0, &n), STREAM_ERROR);
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_WANT_READ);
    pair_close(&pair);
    assert_int_equal(n, 7);
    /* twice is nothing */
    pair_close(&pair);
    assert_int_equal(pair.client.fd, -1);
}

static void
test_plain_ends(void **state)
{
    struct pair pair;
    uint8_t byte;
    size_t n;

    (void)state;
    open_tcp(&pair);
    assert_sent(&pair.client, &pair.server, "hello");
    stream_close(&pair.client, true);
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_END);
    pair_close(&pair);
    open_tcp(&pair);
    stream_close(&pair.client, false);
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_ERROR);  /* a reset */
    assert_result(stream_write(&pair.server, &byte, 1, &n), STREAM_ERROR); /* and no SIGPIPE */
    pair_close(&pair);
}

static void
test_tls_ends(void **state)
{
    struct pair pair;
    uint8_t byte;
    size_t n;

    (void)state;
    open_tls(&pair);
    assert_sent(&pair.server, &pair.client, "hello");
    stream_close(&pair.server, true);
    assert_result(stream_read(&pair.client, &byte, 1, &n), STREAM_END);
    pair_close(&pair);
    /* cut off without close_notify, by us and by whoever holds the wire */
    open_tls(&pair);
    assert_sent(&pair.server, &pair.client, "hello");
    stream_close(&pair.server, false);
    assert_result(stream_read(&pair.client, &byte, 1, &n), STREAM_TRUNCATED);
    pair_close(&pair);
    open_tls(&pair);
    shutdown(pair.server.fd, SHUT_WR);
    assert_result(stream_read(&pair.client, &byte, 1, &n), STREAM_TRUNCATED);
    pair_close(&pair);
    /* in the handshake */
    pair_open(&pair, client, server, "a.example", NULL);
    stream_close(&pair.server, false);
    for (int i = 0; i < 3 && is_waiting(pair.client_result); i++)
        pair.client_result = stream_handshake(&pair.client);
    assert_true(pair.client_result == STREAM_TRUNCATED || pair.client_result == STREAM_ERROR);
    pair_close(&pair);
}

static void
test_garbage_is_an_error(void **state)
{
    struct pair pair;
    uint8_t byte;
    size_t n;

    (void)state;
    open_tls(&pair);
    assert_int_equal(write(pair.server.fd, "HTTP/1.1 200 OK\r\n", 17), 17);
    assert_result(stream_read(&pair.client, &byte, 1, &n), STREAM_ERROR);
    pair_close(&pair);
    pair_open(&pair, client, NULL, "a.example", NULL);
    assert_result(stream_handshake(&pair.client), STREAM_WANT_READ);
    assert_int_equal(write(pair.server.fd, "HTTP/1.1 400 Bad\r\n", 18), 18);
    assert_result(stream_handshake(&pair.client), STREAM_ERROR);
    pair_close(&pair);
}

/* An error that another connection left in OpenSSL's queue is not this one's. */
static void
test_stale_errors_do_not_count(void **state)
{
    struct pair pair;
    uint8_t byte;
    size_t n;

    (void)state;
    open_tls(&pair);
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_WANT_READ);
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
    assert_sent(&pair.client, &pair.server, "hello");
    pair_close(&pair);
}

/* In a row the queue is not looked at for each call: what one call leaves there is gone before the
 * next, and what lay there before as well. */
static void
test_a_row_of_calls(void **state)
{
    struct pair broken, idle;
    uint8_t byte;
    size_t n;

    (void)state;
    open_tls(&broken);
    open_tls(&idle);
    assert_int_equal(write(broken.server.fd, "HTTP/1.1 200 OK\r\n", 17), 17);
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
    stream_begin_row();
    assert_result(stream_read(&idle.client, &byte, 1, &n), STREAM_WANT_READ);
    assert_result(stream_read(&broken.client, &byte, 1, &n), STREAM_ERROR);
    assert_result(stream_read(&idle.server, &byte, 1, &n), STREAM_WANT_READ);
    assert_result(stream_write(&broken.client, &byte, 1, &n), STREAM_ERROR);
    assert_sent(&idle.client, &idle.server, "hello");
    assert_result(stream_read(&idle.server, &byte, 1, &n), STREAM_WANT_READ);
    stream_end_row();
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
    assert_result(stream_read(&idle.server, &byte, 1, &n), STREAM_WANT_READ);
    pair_close(&broken);
    pair_close(&idle);
}

/* Much data through small buffers: partial writes, the rest repeated from elsewhere in memory. */
static void
pump(struct pair *pair, size_t total)
{
    uint8_t *out = malloc(total), *in = malloc(total);
    size_t sent = 0, got = 0, waits = 0;

    for (size_t i = 0; i < total; i++)
        out[i] = (uint8_t)(i * 31 >> 3);
    while (got < total) {
        size_t n = 0;

        for (enum stream_result result = STREAM_OK; result == STREAM_OK && sent < total;) {
            struct bytes moved = exact_copy(bytes_of(out + sent, total - sent));

            result = stream_write(&pair->client, moved.p, moved.n, &n);
            exact_free(moved);
            if (result == STREAM_OK)
                sent += n;
            else
                assert_result(result, STREAM_WANT_WRITE);
            waits += result == STREAM_WANT_WRITE;
        }
        while (stream_read(&pair->server, in + got, total - got < 5000 ? total - got : 5000, &n) ==
               STREAM_OK) {
            got += n;
            if (got == total)
                break;
        }
    }
    assert_memory_equal(in, out, total);
    assert_true(waits > 0);
    free(in);
    free(out);
}

static void
test_much_data(void **state)
{
    struct pair pair;

    (void)state;
    pair_open(&pair, NULL, NULL, NULL, NULL);
    pump(&pair, 3000000);
    pair_close(&pair);
    open_tls(&pair);
    pump(&pair, 3000000);
    pair_close(&pair);
}

static void
test_pending(void **state)
{
    struct pair pair;
    uint8_t byte;
    size_t n;

    (void)state;
    open_tls(&pair);
    assert_result(stream_write(&pair.client, (const uint8_t *)"ab", 2, &n), STREAM_OK);
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_OK);
    assert_true(stream_has_pending(&pair.server)); /* no event of the socket will tell */
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_OK);
    assert_int_equal(byte, 'b');
    assert_false(stream_has_pending(&pair.server));
    pair_close(&pair);
}

static void
assert_quiet_until_it_speaks(struct pair *pair)
{
    uint8_t byte;
    size_t n;

    assert_true(stream_is_quiet(&pair->server));
    assert_result(stream_write(&pair->client, (const uint8_t *)"ab", 2, &n), STREAM_OK);
    assert_false(stream_is_quiet(&pair->server));
    assert_result(stream_read(&pair->server, &byte, 1, &n), STREAM_OK);
    if (pair->server.ssl) /* taken, and not yet read */
        assert_false(stream_is_quiet(&pair->server));
    assert_result(stream_read(&pair->server, &byte, 1, &n), STREAM_OK);
    assert_int_equal(byte, 'b');
    assert_true(stream_is_quiet(&pair->server));
    stream_close(&pair->client, true);
    assert_false(stream_is_quiet(&pair->server));
}

static void
test_quiet(void **state)
{
    struct pair pair;

    (void)state;
    open_tcp(&pair);
    assert_quiet_until_it_speaks(&pair);
    pair_close(&pair);
    open_tls(&pair);
    assert_quiet_until_it_speaks(&pair);
    pair_close(&pair);
}

/* What TLS gave back comes again by itself, and what is still to be read stays. */
static void
test_forgets(void **state)
{
    struct pair pair;
    uint8_t byte;
    size_t n;

    (void)state;
    open_tcp(&pair);
    stream_forget(&pair.server); /* nothing to do */
    stream_forget_always(&pair.server);
    pair_close(&pair);
    open_tls(&pair);
    assert_sent(&pair.client, &pair.server, "hello");
    stream_forget(&pair.server);
    stream_forget(&pair.client);
    assert_sent(&pair.client, &pair.server, "again");
    assert_result(stream_write(&pair.client, (const uint8_t *)"ab", 2, &n), STREAM_OK);
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_OK);
    stream_forget(&pair.server);
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_OK);
    assert_int_equal(byte, 'b');
    stream_forget_always(&pair.server);
    assert_true(SSL_get_mode(pair.server.ssl) & SSL_MODE_RELEASE_BUFFERS);
    assert_sent(&pair.client, &pair.server, "once more");
    pair_close(&pair);
}

/* Several records at once, from a place where a record ends, and back. */
static void
test_grows(void **state)
{
    struct pair pair;
    uint8_t byte;
    size_t n;

    (void)state;
    open_tcp(&pair);
    assert_true(stream_grow(&pair.server, false)); /* nothing to do */
    stream_shrink(&pair.server);
    pair_close(&pair);
    open_tls(&pair);
    assert_result(stream_write(&pair.client, (const uint8_t *)"ab", 2, &n), STREAM_OK);
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_OK);
    assert_false(stream_grow(&pair.server, true)); /* a byte is pending */
    assert_false(SSL_get_options(pair.server.ssl) & SSL_OP_CLEANSE_PLAINTEXT);
    assert_result(stream_read(&pair.server, &byte, 1, &n), STREAM_OK);
    assert_int_equal(byte, 'b');
    assert_true(stream_grow(&pair.server, true));
    assert_int_equal(SSL_get_read_ahead(pair.server.ssl), 1);
    pump(&pair, 3000000);
    stream_shrink(&pair.server);
    assert_true(SSL_get_options(pair.server.ssl) & SSL_OP_CLEANSE_PLAINTEXT);
    assert_true(stream_grow(&pair.server, false));
    assert_false(SSL_get_options(pair.server.ssl) & SSL_OP_CLEANSE_PLAINTEXT);
    pump(&pair, 3000000);
    stream_shrink(&pair.server);
    assert_sent(&pair.client, &pair.server, "small again");
    pair_close(&pair);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_forgets),
        cmocka_unit_test(test_plain_ends),
        cmocka_unit_test(test_tls_ends),
        cmocka_unit_test(test_garbage_is_an_error),
        cmocka_unit_test(test_stale_errors_do_not_count),
        cmocka_unit_test(test_a_row_of_calls),
        cmocka_unit_test(test_much_data),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_grows),
    };
    return cmocka_run_group_tests_name("http/stream", tests, make_contexts, free_contexts);
}
