/* SPDX-License-Identifier: Apache-2.0 */
#include "../http/tls_test.h"
#include "serving.h"

static struct buffer certificate, private_key;
static struct identity identity;

static void
make_identity(void)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *p;

    buffer_init(&certificate, 1 << 16);
    buffer_init(&private_key, 1 << 16);
    identity = identity_new(
        NULL, &(struct certificate_wish){.alternative_names = "DNS:localhost", .is_ca = true});
    identity_pem(&identity, &certificate);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, identity.key, NULL, NULL, 0, NULL, NULL),
                     1);
    long n = BIO_get_mem_data(bio, &p);
    buffer_put(&private_key, bytes_of(p, (size_t)n));
    BIO_free(bio);
}

static void
free_identity(void)
{
    buffer_free(&certificate);
    buffer_free(&private_key);
    identity_free(&identity);
}

static void
what_cannot_listen_is_refused(void **state)
{
    const struct message_listener plain = {.kind = LISTENER_TCP, .name = BYTES("there")};
    const struct message_listener bare = {
        .kind = LISTENER_TCP, .name = BYTES("there"), .tls = true};
    struct message_listener wrong = bare;
    int pair[2];

    (void)state;
    serving_start(&server_limits_default, NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_fault(server_listen(&server, &plain, pair[0], fault), KH_ERR_PROTOCOL, "there");
    assert_int_equal(fcntl(pair[0], F_GETFD), -1); // closed
    close(pair[1]);
    int fd = serving_socket();
    assert_fault(server_listen(&server, &bare, fd, fault), KH_ERR_CONFIG, "needs a certificate");
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    wrong.certificate = wrong.key = BYTES("no PEM");
    assert_fault(server_listen(&server, &wrong, serving_socket(), fault), KH_ERR_CONFIG, "there: ");
}

static void
one_client_has_so_many(void **state)
{
    struct server_limits limits = server_limits_default;
    int fd[4];

    (void)state;
    limits.connections_of_client = 3;
    serving_start(&limits, NULL);
    for (size_t i = 0; i < 3; i++)
        fd[i] = client();
    assert_int_equal(server.connection_count, 3);
    fd[3] = client();
    assert_heard(fd[3], "HTTP/1.1 429 ");
    assert_true(heard_end);
    assert_int_equal(server.connection_count, 3);
    close(fd[3]);
    close(fd[0]);
    settle();
    fd[0] = client();
    request(fd[0], "GET /enroll", "");
    assert_heard(fd[0], "HTTP/1.1 200 ");
    for (size_t i = 0; i < 3; i++)
        close(fd[i]);
}

static void
all_together_have_so_many(void **state)
{
    struct server_limits limits = server_limits_default;

    (void)state;
    limits.connections = 1;
    serving_start(&limits, NULL);
    int first = client(), second = client();
    assert_heard(second, "HTTP/1.1 503 ");
    assert_true(heard_end);
    request(first, "GET /enroll", "");
    assert_heard(first, "HTTP/1.1 200 ");
    close(first);
    close(second);
}

static bool
shake_hands(struct stream *stream)
{
    enum stream_result result = STREAM_WANT_READ;
    for (int i = 0; i < 50 && is_waiting(result); i++) {
        result = stream_handshake(stream);
        settle();
    }
    return result == STREAM_OK;
}

static void
tls_with_the_operator_s_certificate(void **state)
{
    struct message_listener listener = {.kind = LISTENER_TCP, .name = BYTES("there"), .tls = true};
    struct fault why = {0};
    char text[256];
    uint8_t got[4096];
    size_t n = 0;

    (void)state;
    make_identity();
    listener.certificate = buffer_bytes(&certificate);
    listener.key = buffer_bytes(&private_key);
    serving_start(&server_limits_default, &listener);
    SSL_CTX *context = client_context(&identity);
    struct stream stream = {.fd = client()};
    assert_int_equal(
        tls_client_new(context, stream.fd, BYTES("localhost"), NULL, &stream.ssl, &why), KH_OK);
    assert_true(shake_hands(&stream));
    snprintf(text, sizeof text, "HEAD /enroll HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    assert_result(stream_write(&stream, (const uint8_t *)text, strlen(text), &n), STREAM_OK);
    settle();
    assert_result(stream_read(&stream, got, sizeof got - 1, &n), STREAM_OK);
    got[n] = '\0';
    assert_non_null(strstr((const char *)got, "HTTP/1.1 200 OK\r\n"));
    stream_close(&stream, true);
    settle();
    assert_int_equal(server.connection_count, 0);
    // Plain HTTP where TLS is spoken gets no answer.
    int fd = client();
    say(fd, text);
    (void)heard(fd);
    assert_null(strstr(heard_text, "HTTP/"));
    assert_true(heard_end);
    close(fd);
    SSL_CTX_free(context);
    free_identity();
}

static void
a_slow_handshake_is_ended(void **state)
{
    struct message_listener listener = {.kind = LISTENER_TCP, .name = BYTES("there"), .tls = true};
    struct server_limits limits = server_limits_default;

    (void)state;
    make_identity();
    limits.handshake_ms = 1;
    listener.certificate = buffer_bytes(&certificate);
    listener.key = buffer_bytes(&private_key);
    serving_start(&limits, &listener);
    int fd = client();
    say(fd, "\x16\x03\x01");
    assert_string_equal(heard_until_end(fd), "");
    close(fd);
    free_identity();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        serving_test(what_cannot_listen_is_refused),
        serving_test(one_client_has_so_many),
        serving_test(all_together_have_so_many),
        serving_test(tls_with_the_operator_s_certificate),
        serving_test(a_slow_handshake_is_ended),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
