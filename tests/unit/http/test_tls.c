/* SPDX-License-Identifier: Apache-2.0 */
/* Who is believed and who is not: names, chains, times, protocols. */

#include "tls_test.h"

static struct identity root, other_root;

static int
make_roots(void **state)
{
    static const struct certificate_wish wish = {.common_name = "root", .is_ca = true};

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    root = identity_new(NULL, &wish);
    other_root = identity_new(NULL, &wish);
    return 0;
}

static int
free_roots(void **state)
{
    (void)state;
    identity_free(&root);
    identity_free(&other_root);
    return 0;
}

/* A handshake between a client of `host` that trusts `root`, and a server with such a leaf. */
static enum stream_result
handshake(const struct identity *issuer, const struct certificate_wish *wish, const char *host,
          struct buffer *explanation)
{
    struct identity leaf = identity_new(issuer, wish);
    SSL_CTX *client = client_context(&root), *server = server_context(&leaf);
    struct pair pair;

    pair_open(&pair, client, server, host, NULL);
    pair_handshake(&pair);
    buffer_clear(explanation);
    if (pair.client_result == STREAM_OK)
        assert_sent(&pair.client, &pair.server, "hello");
    else
        tls_explain(pair.client.ssl, explanation);
    pair_close(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    identity_free(&leaf);
    return pair.client_result;
}

// threat 5
static void
test_who_is_believed(void **state)
{
    const struct {
        const struct identity *issuer;
        struct certificate_wish wish;
        const char *host;
        const char *why; /* NULL: believed */
    } rows[] = {
        /* names */
        {&root, {.alternative_names = "DNS:b.example"}, "a.example", "hostname mismatch"},
        {&root, {.alternative_names = "DNS:a.example.evil"}, "a.example", "hostname mismatch"},
        {&root, {.alternative_names = "DNS:*.example.com"}, "a.b.example.com", "hostname mismatch"},
        {&root, {.alternative_names = "DNS:*.example.com"}, "example.com", "hostname mismatch"},
        {&root, {.alternative_names = "DNS:a*.example.com"}, "ab.example.com", "hostname mismatch"},
        {&root, {.alternative_names = "DNS:*"}, "localhost", "hostname mismatch"},
        {&root, {.common_name = "a.example"}, "a.example", "hostname mismatch"},
        {&root, {.alternative_names = "DNS:a.example"}, "127.0.0.1", "IP address mismatch"},
        {&root, {.alternative_names = "IP:127.0.0.1"}, "127.0.0.2", "IP address mismatch"},
        {&root, {.alternative_names = "IP:127.0.0.1"}, "::1", "IP address mismatch"},
        {&root, {.alternative_names = "DNS:127.0.0.1"}, "127.0.0.1", "IP address mismatch"},
        /* chains */
        {&other_root,
         {.alternative_names = "DNS:a.example"},
         "a.example",
         "certificate signature failure"},
        {NULL, {.alternative_names = "DNS:a.example"}, "a.example", "self-signed certificate"},
        /* times */
        {&root,
         {.alternative_names = "DNS:a.example", .from_s = -7200, .to_s = -60},
         "a.example",
         "expired"},
        {&root,
         {.alternative_names = "DNS:a.example", .from_s = 600, .to_s = 7200},
         "a.example",
         "not yet valid"},
        /* believed */
        {&root, {.alternative_names = "DNS:a.example"}, "a.example", NULL},
        {&root, {.alternative_names = "DNS:x.example,DNS:*.example.com"}, "a.example.com", NULL},
        {&root, {.alternative_names = "DNS:A.Example"}, "a.example", NULL},
        {&root, {.alternative_names = "IP:127.0.0.1"}, "127.0.0.1", NULL},
        {&root, {.alternative_names = "IP:2001:db8::1"}, "2001:db8::1", NULL},
    };
    BUFFER_AUTO why;

    (void)state;
    buffer_init(&why, 1024);
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum stream_result got = handshake(rows[i].issuer, &rows[i].wish, rows[i].host, &why);

        if (got != (rows[i].why ? STREAM_ERROR : STREAM_OK))
            fail_msg("row %zu: %s %s", i, result_name(got), buffer_text(&why));
        if (rows[i].why)
            assert_why(buffer_text(&why), rows[i].why);
    }
}

/* --upstream-ca with the server's own certificate, or with an intermediate: that one is trusted. */
static void
test_roots_need_not_sign_themselves(void **state)
{
    static const struct certificate_wish leaf_wish = {.alternative_names = "DNS:a.example"};
    struct identity leaf = identity_new(&root, &leaf_wish);
    SSL_CTX *client = client_context(&leaf), *server = server_context(&leaf);
    struct pair pair;

    (void)state;
    pair_open(&pair, client, server, "a.example", NULL);
    pair_handshake(&pair);
    assert_result(pair.client_result, STREAM_OK);
    pair_close(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    identity_free(&leaf);
}

static void
test_bad_arguments(void **state)
{
    static const struct bytes hosts[] = {TEXT(""), TEXT("a\0b")};
    char long_host[300];
    SSL_CTX *context = client_context(&root);
    SSL *ssl = NULL;
    struct fault fault;

    (void)state;
    memset(long_host, 'a', sizeof long_host);
    for (size_t i = 0; i < COUNT(hosts); i++)
        assert_int_equal(tls_client_new(context, 0, hosts[i], NULL, &ssl, &fault), KH_ERR_SYNTAX);
    assert_int_equal(
        tls_client_new(context, 0, bytes_of(long_host, sizeof long_host), NULL, &ssl, &fault),
        KH_ERR_SYNTAX);
    assert_null(ssl);
    SSL_CTX_free(context);
}

static void
test_roots_that_are_none(void **state)
{
    static const char *const texts[] = {
        "x",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n",
    };
    SSL_CTX *context = NULL;
    struct fault fault;
    BUFFER_AUTO pem;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(tls_client_context(bytes_str(texts[i]), &context, &fault), KH_ERR_SYNTAX);
    /* a good one does not excuse a bad one after it */
    buffer_init(&pem, 1 << 16);
    identity_pem(&root, &pem);
    buffer_put_str(&pem, texts[1]);
    assert_int_equal(tls_client_context(buffer_bytes(&pem), &context, &fault), KH_ERR_SYNTAX);
    assert_null(context);
}

/* The system's roots are read when the context is made, and the file is not needed after it. */
static void
test_system_roots_are_read_at_once(void **state)
{
    static const struct certificate_wish wish = {.alternative_names = "DNS:a.example"};
    char path[] = "/tmp/keyhole-roots-XXXXXX";
    int fd = mkstemp(path);
    struct identity leaf = identity_new(&root, &wish);
    SSL_CTX *client, *server = server_context(&leaf);
    struct fault fault;
    struct pair pair;
    BUFFER_AUTO pem;

    (void)state;
    buffer_init(&pem, 1 << 16);
    identity_pem(&root, &pem);
    assert_int_equal(write(fd, pem.p, pem.n), pem.n);
    close(fd);
    setenv("SSL_CERT_FILE", path, 1);
    assert_int_equal(tls_client_context(BYTES_EMPTY, &client, &fault), KH_OK);
    unsetenv("SSL_CERT_FILE");
    unlink(path);
    pair_open(&pair, client, server, "a.example", NULL);
    pair_handshake(&pair);
    assert_result(pair.client_result, STREAM_OK);
    pair_close(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    identity_free(&leaf);
}

/* ---- protocols ---- */

static void
test_options(void **state)
{
    struct fault fault;
    SSL_CTX *contexts[2] = {client_context(&root)};

    (void)state;
    assert_int_equal(tls_server_context(&contexts[1], &fault), KH_OK);
    for (int i = 0; i < 2; i++) {
        uint64_t options = SSL_CTX_get_options(contexts[i]);
        long mode = SSL_CTX_get_mode(contexts[i]);

        assert_true(options & SSL_OP_NO_RENEGOTIATION);
        assert_true(options & SSL_OP_NO_COMPRESSION);
        assert_false(options & SSL_OP_IGNORE_UNEXPECTED_EOF);
        assert_int_equal(SSL_CTX_get_read_ahead(contexts[i]), 1);
        assert_true(mode & SSL_MODE_ENABLE_PARTIAL_WRITE);
        assert_true(mode & SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        assert_int_equal(SSL_CTX_get_min_proto_version(contexts[i]), TLS1_2_VERSION);
        SSL_CTX_free(contexts[i]);
    }
}

struct protocol_end {
    int version_max;           /* of the server; 0: newest */
    const unsigned char *alpn; /* that the client offers instead, or NULL */
    unsigned alpn_n;
    const unsigned char *chosen; /* that the server answers whatever was offered, or NULL */
    unsigned chosen_n;
};

static int
choose_anything(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                unsigned in_n, void *context)
{
    const struct protocol_end *end = context;

    (void)ssl;
    (void)in;
    (void)in_n;
    *out = end->chosen;
    *out_n = (unsigned char)end->chosen_n;
    return SSL_TLSEXT_ERR_OK;
}

/* The client's result; `*selected` is what ALPN gave, as text. */
static enum stream_result
speak(const struct protocol_end *end, char selected[32], char server_name[64], const char *host)
{
    static const struct certificate_wish wish = {.alternative_names = "DNS:a.example,IP:127.0.0.1"};
    struct identity leaf = identity_new(&root, &wish);
    SSL_CTX *client = client_context(&root), *server = server_context(&leaf);
    const unsigned char *protocol = NULL;
    unsigned n = 0;
    struct pair pair;

    if (end->version_max) {
        SSL_CTX_set_min_proto_version(server, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(server, end->version_max);
        SSL_CTX_set_security_level(server, 0);
    }
    if (end->alpn)
        SSL_CTX_set_alpn_protos(client, end->alpn, end->alpn_n);
    if (end->chosen)
        SSL_CTX_set_alpn_select_cb(server, choose_anything, (void *)(uintptr_t)end);
    pair_open(&pair, client, server, host, NULL);
    pair_handshake(&pair);
    SSL_get0_alpn_selected(pair.client.ssl, &protocol, &n);
    snprintf(selected, 32, "%.*s", (int)n, protocol ? (const char *)protocol : "");
    if (server_name) {
        const char *name = SSL_get_servername(pair.server.ssl, TLSEXT_NAMETYPE_host_name);

        snprintf(server_name, 64, "%s", name ? name : "");
    }
    pair_close(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    identity_free(&leaf);
    return pair.client_result;
}

static void
test_versions(void **state)
{
    char selected[32];

    (void)state;
    assert_result(
        speak(&(struct protocol_end){.version_max = TLS1_1_VERSION}, selected, NULL, "a.example"),
        STREAM_ERROR);
    assert_result(
        speak(&(struct protocol_end){.version_max = TLS1_2_VERSION}, selected, NULL, "a.example"),
        STREAM_OK);
    assert_result(speak(&(struct protocol_end){0}, selected, NULL, "a.example"), STREAM_OK);
}

// threat 21
static void
test_alpn(void **state)
{
    static const unsigned char h2[] = {2, 'h', '2'},
                               both[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'},
                               old[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '0'};
    char selected[32];

    (void)state;
    assert_result(speak(&(struct protocol_end){0}, selected, NULL, "a.example"), STREAM_OK);
    assert_string_equal(selected, "http/1.1");
    assert_result(speak(&(struct protocol_end){.alpn = both, .alpn_n = sizeof both}, selected, NULL,
                        "a.example"),
                  STREAM_OK);
    assert_string_equal(selected, "http/1.1");
    /* a client that speaks HTTP/1.0 alone is served; for a server we are none */
    speak(&(struct protocol_end){.alpn = old, .alpn_n = sizeof old}, selected, NULL, "a.example");
    assert_string_equal(selected, "http/1.0");
    assert_result(speak(&(struct protocol_end){.chosen = old + 1, .chosen_n = 8}, selected, NULL,
                        "a.example"),
                  STREAM_ERROR);
    /* a client that would speak h2 alone is turned away … */
    assert_result(
        speak(&(struct protocol_end){.alpn = h2, .alpn_n = sizeof h2}, selected, NULL, "a.example"),
        STREAM_ERROR);
    /* … and so is a server that speaks h2 unasked */
    assert_result(
        speak(&(struct protocol_end){.chosen = h2 + 1, .chosen_n = 2}, selected, NULL, "a.example"),
        STREAM_ERROR);
}

static void
test_sni(void **state)
{
    char selected[32], name[64];

    (void)state;
    assert_result(speak(&(struct protocol_end){0}, selected, name, "a.example"), STREAM_OK);
    assert_string_equal(name, "a.example");
    assert_result(speak(&(struct protocol_end){0}, selected, name, "127.0.0.1"), STREAM_OK);
    assert_string_equal(name, "");
}

/* ---- sessions ---- */

struct keeper {
    SSL_SESSION *session;
    unsigned calls;
};

static void
keep_session(void *context, SSL *ssl, SSL_SESSION *session)
{
    struct keeper *keeper = context;

    (void)ssl;
    SSL_SESSION_up_ref(session);
    SSL_SESSION_free(keeper->session);
    keeper->session = session;
    keeper->calls++;
}

/* How many of `count` connections, one after the other, resumed the one before. */
static unsigned
count_resumed(int version_max, bool clean, unsigned count)
{
    static const struct certificate_wish wish = {.alternative_names = "DNS:a.example"};
    struct identity leaf = identity_new(&root, &wish);
    SSL_CTX *client = client_context(&root), *server = server_context(&leaf);
    struct keeper keeper = {0};
    unsigned resumed = 0;

    SSL_CTX_set_max_proto_version(server, version_max);
    assert_int_equal(tls_client_on_session(client, keep_session, &keeper), KH_OK);
    for (unsigned i = 0; i < count; i++) {
        struct pair pair;

        pair_open(&pair, client, server, "a.example", keeper.session);
        pair_handshake(&pair);
        assert_result(pair.client_result, STREAM_OK);
        assert_result(pair.server_result, STREAM_OK);
        resumed += (unsigned)SSL_session_reused(pair.client.ssl);
        /* TLS 1.3 tickets come after the handshake, with the first bytes that are read. */
        assert_sent(&pair.server, &pair.client, "answer");
        stream_close(&pair.client, clean);
        stream_close(&pair.server, clean);
    }
    assert_true(keeper.calls > 0);
    if (version_max == TLS1_3_VERSION)
        assert_int_equal(keeper.calls, count); /* one ticket for each */
    SSL_SESSION_free(keeper.session);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    identity_free(&leaf);
    return resumed;
}

static void
test_sessions_are_resumed(void **state)
{
    (void)state;
    assert_int_equal(count_resumed(TLS1_3_VERSION, true, 50), 49);
    assert_int_equal(count_resumed(TLS1_3_VERSION, false, 50), 49);
    assert_int_equal(count_resumed(TLS1_2_VERSION, true, 50), 49);
    assert_int_equal(count_resumed(TLS1_2_VERSION, false, 50), 49);
}

static void
test_one_keeper_for_a_context(void **state)
{
    struct keeper keeper = {0};
    SSL_CTX *context = client_context(&root);

    (void)state;
    assert_int_equal(tls_client_on_session(context, keep_session, &keeper), KH_OK);
    assert_int_equal(tls_client_on_session(context, keep_session, &keeper), KH_ERR_INTERNAL);
    SSL_CTX_free(context);
}

/* ---- leaves ---- */

static void
test_leaf_key(void **state)
{
    EVP_PKEY *key = NULL, *public;
    const unsigned char *p;
    struct fault fault;
    BUFFER_AUTO der;

    (void)state;
    buffer_init(&der, 256);
    assert_int_equal(tls_leaf_key(&key, &der, &fault), KH_OK);
    p = der.p;
    public = d2i_PUBKEY(NULL, &p, (long)der.n);
    assert_non_null(public);
    assert_ptr_equal(p, der.p + der.n);
    assert_int_equal(EVP_PKEY_eq(key, public), 1);
    assert_int_equal(EVP_PKEY_get_bits(key), 256);
    EVP_PKEY_free(public);
    EVP_PKEY_free(key);
}

static void
test_leaf_key_without_room(void **state)
{
    EVP_PKEY *key = NULL;
    struct fault fault;
    BUFFER_AUTO der;

    (void)state;
    buffer_init(&der, 10);
    assert_int_equal(tls_leaf_key(&key, &der, &fault), KH_ERR_CRYPTO);
    assert_null(key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_roots_that_are_none),
        cmocka_unit_test(test_who_is_believed),
        cmocka_unit_test(test_roots_need_not_sign_themselves),
        cmocka_unit_test(test_system_roots_are_read_at_once),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_sni),
        cmocka_unit_test(test_sessions_are_resumed),
        cmocka_unit_test(test_one_keeper_for_a_context),
        cmocka_unit_test(test_leaf_key),
        cmocka_unit_test(test_leaf_key_without_room),
    };
    return cmocka_run_group_tests_name("http/tls", tests, make_roots, free_roots);
}
