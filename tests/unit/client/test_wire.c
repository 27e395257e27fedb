/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to a broker that speaks TLS: through the relay, which is who uses them. */
#include "http_server.h"
#include "relay_test.h"

#include "../../../client/wire.h"

#include <openssl/err.h>

static const struct preface plain = {.kind = PREFACE_PROXY};

struct scene {
    struct test_relay relay;
    SSL_CTX *tls;
    int broker, client;
    uint16_t port;
};

static void
scene_open(struct scene *scene, const char *host, const char *certified_for)
{
    struct fault fault = {.err = KH_OK};
    char address[64];
    uint16_t port;
    scene->tls = http_server_certify(certified_for, test_path("ca.pem"));
    scene->broker = test_listen_tcp(&port);
    snprintf(address, sizeof address, "https://%s:%u", host, port);
    assert_ok(test_relay_open(&scene->relay, address, test_path("ca.pem"), &fault));
    assert_ok(relay_listen(scene->relay.relay, test_listen_tcp(&scene->port), &plain, &fault));
    test_relay_run(&scene->relay);
}

static void
scene_close(struct scene *scene)
{
    test_relay_stop(&scene->relay);
    test_relay_close(&scene->relay);
    close(scene->broker);
    SSL_CTX_free(scene->tls);
}

/* The broker's end of the next connection; NULL when the client does not trust it. */
static SSL *
accept_tls(const struct scene *scene)
{
    SSL *ssl = SSL_new(scene->tls);
    SSL_set_fd(ssl, test_accept(scene->broker));
    if (SSL_accept(ssl) == 1)
        return ssl;
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
    ERR_clear_error();
    return NULL;
}

static void
expect_tls(SSL *ssl, const char *text)
{
    char got[256];
    size_t n = strlen(text);
    for (size_t at = 0; at < n;) {
        int part = SSL_read(ssl, got + at, (int)(n - at));
        if (part <= 0)
            fail_msg("the broker reads %d", part);
        at += (size_t)part;
    }
    assert_memory_equal(got, text, n);
}

static void
skip_preface(SSL *ssl)
{
    uint8_t got[PREFACE_MAX];
    size_t n = 0, used;
    struct preface preface;
    do
        assert_int_equal(SSL_read(ssl, got + n++, 1), 1);
    while (preface_read(bytes_of(got, n), &preface, &used) != PREFACE_READ);
}

static void
close_tls(SSL *ssl)
{
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

static void
test_names_and_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *host, *certified_for;
        bool trusted;
    } row[] = {
        {"127.0.0.1", "IP:127.0.0.1", true},   {"localhost", "DNS:localhost", true},
        {"127.0.0.1", "IP:127.0.0.2", false},  {"localhost", "DNS:broker.example", false},
        {"127.0.0.1", "DNS:127.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct scene scene;
        scene_open(&scene, row[i].host, row[i].certified_for);
        int client = test_connect(scene.port);
        SSL *ssl = accept_tls(&scene);
        if ((ssl != NULL) != row[i].trusted)
            fail_msg("%s, certificate for %s", row[i].host, row[i].certified_for);
        if (ssl != NULL) {
            skip_preface(ssl);
            test_send(client, "hello", 5);
            expect_tls(ssl, "hello");
            close_tls(ssl);
        }
        test_expect_reset(client);
        close(client);
        scene_close(&scene);
    }
}

static void
test_roots_are_those_that_were_given(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "127.0.0.1", "IP:127.0.0.1");
    SSL_CTX *right = scene.tls;
    scene.tls = http_server_certify("IP:127.0.0.1", test_path("other.pem"));
    int client = test_connect(scene.port);
    assert_null(accept_tls(&scene));
    test_expect_reset(client);
    close(client);
    SSL_CTX_free(right);
    scene_close(&scene);
}

static void
test_ends(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "127.0.0.1", "IP:127.0.0.1");
    int client = test_connect(scene.port);
    SSL *ssl = accept_tls(&scene);
    assert_non_null(ssl);
    skip_preface(ssl);
    test_send(client, "question", 8);
    shutdown(client, SHUT_WR);
    expect_tls(ssl, "question");
    char byte;
    assert_int_equal(SSL_read(ssl, &byte, 1), 0);
    assert_int_equal(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN);
    assert_int_equal(SSL_write(ssl, "answer", 6), 6);
    test_expect(client, "answer", 6);
    SSL_shutdown(ssl);
    test_expect_end(client);
    close(client);
    close_tls(ssl);

    // Without close_notify it was cut, and the client sees that.
    client = test_connect(scene.port);
    ssl = accept_tls(&scene);
    assert_non_null(ssl);
    assert_int_equal(SSL_write(ssl, "half", 4), 4);
    test_expect(client, "half", 4);
    close_tls(ssl);
    test_expect_reset(client);
    close(client);
    scene_close(&scene);
}

static void
test_sessions_are_resumed(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "127.0.0.1", "IP:127.0.0.1");
    SSL_CTX_set_session_id_context(scene.tls, (const unsigned char *)"t", 1);
    for (unsigned i = 0; i < 3; i++) {
        int client = test_connect(scene.port);
        SSL *ssl = accept_tls(&scene);
        assert_non_null(ssl);
        assert_int_equal(SSL_session_reused(ssl), i > 0);
        skip_preface(ssl);
        assert_int_equal(SSL_write(ssl, "x", 1), 1);
        test_expect(client, "x", 1);
        SSL_shutdown(ssl);
        test_expect_end(client);
        close(client);
        SSL_read(ssl, &(char){0}, 1);
        close_tls(ssl);
    }
    scene_close(&scene);
}

static void
test_large_both_ways(void **state)
{
    (void)state;
    enum { BLOCKS = 64 };
    static uint8_t block[65536];
    struct scene scene;
    scene_open(&scene, "127.0.0.1", "IP:127.0.0.1");
    int client = test_connect(scene.port);
    SSL *ssl = accept_tls(&scene);
    assert_non_null(ssl);
    skip_preface(ssl);
    for (unsigned i = 0; i < BLOCKS; i++) {
        memset(block, (int)i, sizeof block);
        test_send(client, block, sizeof block);
        for (size_t at = 0; at < sizeof block;) {
            uint8_t got[16384];
            int n = SSL_read(ssl, got, sizeof got);
            assert_true(n > 0 && got[0] == i && got[n - 1] == i);
            at += (size_t)n;
        }
        assert_int_equal(SSL_write(ssl, block, sizeof block), sizeof block);
        test_expect(client, block, sizeof block);
    }
    close(client);
    close_tls(ssl);
    scene_close(&scene);
}

int
main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_addresses),
        cmocka_unit_test(test_roots_are_those_that_were_given),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_sessions_are_resumed),
        cmocka_unit_test(test_large_both_ways),
    };
    return cmocka_run_group_tests(tests, directory_setup, directory_teardown);
}
