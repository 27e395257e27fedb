/* SPDX-License-Identifier: Apache-2.0 */
/* ClientHello: what real clients send, and what is made to be read in two ways. */

#include "http_test.h"

#include "../../../broker/http/client_hello.h"

#include <openssl/ssl.h>

enum { WHOLE_MAX = 200000 };

/* ---- making one ---- */

static void
put_number(struct buffer *out, int width, size_t value)
{
    while (width-- > 0)
        buffer_put_byte(out, (uint8_t)(value >> (8 * width)));
}

static void
put_extension(struct buffer *out, size_t type, struct bytes content)
{
    put_number(out, 2, type);
    put_number(out, 2, content.n);
    buffer_put(out, content);
}

static void
put_server_name(struct buffer *out, const char *name)
{
    BUFFER_AUTO content;
    buffer_init(&content, 70000);
    put_number(&content, 2, strlen(name) + 3);
    put_number(&content, 1, 0);
    put_number(&content, 2, strlen(name));
    buffer_put_str(&content, name);
    put_extension(out, 0, buffer_bytes(&content));
}

/* The message with these extensions (without their length), in records of at most `record`. */
static void
wrap(struct bytes message, size_t record, struct buffer *out)
{
    for (size_t at = 0; at < message.n; at += record) {
        struct bytes piece = bytes_slice(message, at, record);
        put_number(out, 1, 22);
        put_number(out, 2, 0x0301);
        put_number(out, 2, piece.n);
        buffer_put(out, piece);
    }
}

struct parts {
    size_t type, version, session, ciphers, compressions, record;
    bool no_extensions;
    int length_error, extensions_error;
};
static const struct parts usual = {
    .type = 1, .version = 0x0303, .session = 32, .ciphers = 4, .compressions = 1, .record = 16384};

static void
put_zeros(struct buffer *out, size_t n)
{
    while (n-- > 0)
        buffer_put_byte(out, 0);
}

static void
make(const struct parts *parts, struct bytes extensions, struct buffer *out)
{
    BUFFER_AUTO body, message;
    buffer_init(&body, WHOLE_MAX);
    buffer_init(&message, WHOLE_MAX);
    put_number(&body, 2, parts->version);
    put_zeros(&body, 32);
    put_number(&body, 1, parts->session);
    put_zeros(&body, parts->session);
    put_number(&body, 2, parts->ciphers);
    put_zeros(&body, parts->ciphers);
    put_number(&body, 1, parts->compressions);
    put_zeros(&body, parts->compressions);
    if (!parts->no_extensions) {
        put_number(&body, 2, extensions.n + (size_t)parts->extensions_error);
        buffer_put(&body, extensions);
    }
    put_number(&message, 1, parts->type);
    put_number(&message, 3, body.n + (size_t)parts->length_error);
    buffer_put(&message, buffer_bytes(&body));
    wrap(buffer_bytes(&message), parts->record, out);
    assert_false(out->failed || message.failed || body.failed);
}

/* ---- looking ---- */

static enum client_hello_result
look(struct bytes in, struct client_hello *out)
{
    struct bytes copy = exact_copy(in);
    enum client_hello_result result = client_hello_read(copy, out);
    free((void *)(uintptr_t)copy.p);
    return result;
}

static void
rejected(struct bytes in, const char *why)
{
    struct client_hello hello;
    enum client_hello_result result = look(in, &hello);
    if (result != CLIENT_HELLO_REJECT)
        fail_msg("result %d, name \"%s\", instead of: %s", (int)result, hello.name, why);
    assert_string_equal(hello.why, why);
    assert_int_equal(hello.name_n, 0);
}

static void
named(struct bytes in, const char *name)
{
    struct client_hello hello;
    enum client_hello_result result = look(in, &hello);
    if (result != CLIENT_HELLO_DONE)
        fail_msg("result %d (%s) instead of the name \"%s\"", (int)result,
                 hello.why ? hello.why : "", name);
    assert_string_equal(hello.name, name);
    assert_int_equal(hello.name_n, strlen(name));
}

static void
rejected_parts(struct parts parts, struct bytes extensions, const char *why)
{
    BUFFER_AUTO out;
    buffer_init(&out, WHOLE_MAX);
    make(&parts, extensions, &out);
    rejected(buffer_bytes(&out), why);
}

/* ---- what is none ---- */

static void
test_garbage(void **state)
{
    (void)state;
    rejected(BYTES("GET / HTTP/1.1\r\n"), "it is not TLS");
    rejected(BYTES("SSH-2.0-OpenSSH_9.2\r\n"), "it is not TLS");
    rejected(BYTES("\x80\x2e\x01\x00\x02"), "it is not TLS"); // SSL 2
    // The first packet of QUIC: a long header.
    rejected(BYTES("\xc3\x00\x00\x00\x01\x08\x83\x94\xc8\xf0"), "it is not TLS");
    rejected(BYTES("\x17\x03\x03\x00\x05hello"), "it is not TLS"); // application data
    rejected(BYTES("\x15\x03\x03\x00\x02\x02\x28"), "it is not TLS");
    rejected(BYTES("\x16\x02"), "it is no version of TLS");
    rejected(BYTES("\x16\xfe\xfd\x00\x00"), "it is no version of TLS"); // DTLS
    rejected(BYTES("\x16\x03\x01\x00\x00\x01"),
             "a record of the ClientHello has a length that is not allowed");
    rejected(BYTES("\x16\x03\x01\x40\x01\x01"),
             "a record of the ClientHello has a length that is not allowed");
    rejected(BYTES("\x16\x03\x01\x00\x05\x02"),
             "the handshake begins with something else than a ClientHello");
    rejected(BYTES("\x16\x03\x01\x00\x05\x01\xff\xff\xff"), "the ClientHello is too large");
    rejected(BYTES("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), "the ClientHello ends too early");
}

static void
test_nothing_yet(void **state)
{
    struct client_hello hello;
    (void)state;
    assert_int_equal(client_hello_read(BYTES_EMPTY, &hello), CLIENT_HELLO_MORE);
    assert_int_equal(hello.need, 1);
    assert_int_equal(look(BYTES("\x16\x03"), &hello), CLIENT_HELLO_MORE);
    assert_int_equal(hello.need, 3);
    assert_int_equal(look(BYTES("\x16\x03\x01\x02\x00"), &hello), CLIENT_HELLO_MORE);
    assert_int_equal(hello.need, 5 + 512);
}

static void
test_broken_parts(void **state)
{
    BUFFER_AUTO extensions;
    struct parts parts = usual;
    (void)state;
    buffer_init(&extensions, 1000);
    put_server_name(&extensions, "api.test");
    struct bytes fine = buffer_bytes(&extensions);
    parts.version = 0x0203;
    rejected_parts(parts, fine, "it is no version of TLS");
    parts = usual;
    parts.session = 33;
    rejected_parts(parts, fine, "the ClientHello's session id is too long");
    parts = usual;
    parts.ciphers = 0;
    rejected_parts(parts, fine, "the ClientHello's cipher suites are no list");
    parts.ciphers = 3;
    rejected_parts(parts, fine, "the ClientHello's cipher suites are no list");
    parts = usual;
    parts.compressions = 0;
    rejected_parts(parts, fine, "the ClientHello has no compression method");
    parts = usual;
    parts.type = 2;
    rejected_parts(parts, fine, "the handshake begins with something else than a ClientHello");
    parts = usual;
    parts.extensions_error = 1;
    rejected_parts(parts, fine, "the ClientHello's extensions do not fill it");
    parts.extensions_error = -1;
    rejected_parts(parts, fine, "the ClientHello's extensions do not fill it");
    parts = usual;
    parts.length_error = -1;
    rejected_parts(parts, fine, "the ClientHello's extensions do not fill it");
    parts = usual;
    parts.no_extensions = true;
    parts.length_error = -20;
    rejected_parts(parts, BYTES_EMPTY, "the ClientHello ends too early");
}

static void
test_broken_extensions(void **state)
{
    BUFFER_AUTO two, inside, long_name;
    (void)state;
    buffer_init(&two, 1000);
    put_server_name(&two, "api.test");
    put_server_name(&two, "evil.test");
    rejected_parts(usual, buffer_bytes(&two), "the ClientHello has an extension twice");
    buffer_init(&inside, 1000);
    put_extension(&inside, 10, BYTES("a"));
    put_extension(&inside, 0x0a0a, BYTES_EMPTY); // GREASE, RFC 8701
    put_extension(&inside, 10, BYTES("b"));
    rejected_parts(usual, buffer_bytes(&inside), "the ClientHello has an extension twice");
    buffer_clear(&inside);
    put_number(&inside, 2, 10);
    put_number(&inside, 2, 5);
    buffer_put_str(&inside, "1234");
    rejected_parts(usual, buffer_bytes(&inside),
                   "an extension of the ClientHello is longer than it");
    buffer_clear(&inside);
    put_number(&inside, 3, 10);
    rejected_parts(usual, buffer_bytes(&inside), "the ClientHello ends too early");
    buffer_init(&long_name, 70000);
    char name[400];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    put_server_name(&long_name, name);
    rejected_parts(usual, buffer_bytes(&long_name), "the ClientHello's server name is too long");
    buffer_clear(&inside);
    for (size_t i = 0; i < 129; i++)
        put_extension(&inside, 1000 + i, BYTES_EMPTY);
    rejected_parts(usual, buffer_bytes(&inside), "the ClientHello has too many extensions");
}

/* Each stands where a reader that is less strict would see a name. */
static void
test_broken_server_names(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } rows[] = {
        {"", 0},
        {"\0\0", 2},
        {"\0\x04\0\0\x01", 5},                // a name that is cut off
        {"\0\x03\0\0\0", 5},                  // an empty one
        {"\0\x05\x01\0\x02ok", 7},            // another kind of name
        {"\0\x05\0\0\x03ok", 7},              // longer than the list
        {"\0\x05\0\0\x02ok!", 8},             // something left over
        {"\0\x05\0\0\x02o\0", 7},             // NUL
        {"\0\x07\0\0\x04o/./", 9},            // no host
        {"\0\x0a\0\0\x02ok\0\0\x02no", 12},   // two names
        {"\0\x0a\x01\0\x02no\0\0\x02ok", 12}, // one of another kind before it
        {"\0\x0c\0\0\x09"
         "127.0.0.1",
         14}, // addresses are none (RFC 6066 3)
        {"\0\x06\0\0\x03::1", 8},
        {"\0\x08\0\0\x05[::1]", 10},
        {"\0\x0d\0\0\x0a"
         "2130706433",
         15}, // 127.0.0.1, as some read it
        {"\0\x09\0\0\x06"
         "ok.\0.a",
         11},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        BUFFER_AUTO out, extensions;
        struct bytes content = bytes_of(rows[i].bytes, rows[i].n);
        buffer_init(&out, 255);
        if (client_hello_server_name(content, &out))
            fail_msg("row %zu is taken for %.*s", i, BYTES_ARG(buffer_bytes(&out)));
        buffer_init(&extensions, 1000);
        put_extension(&extensions, 0, content);
        rejected_parts(usual, buffer_bytes(&extensions),
                       "the ClientHello's server name is not one host name");
    }
    BUFFER_AUTO out;
    buffer_init(&out, 255);
    assert_true(client_hello_server_name(BYTES("\0\x0b\0\0\x08"
                                               "API.test"),
                                         &out));
    assert_true(bytes_is(buffer_bytes(&out), "api.test"));
}

/* ---- records ---- */

static void
test_records(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 50, 79, 80, 81, 16384};
    BUFFER_AUTO extensions;
    (void)state;
    buffer_init(&extensions, 1000);
    put_extension(&extensions, 0x1a1a, BYTES_EMPTY);
    put_server_name(&extensions, "API.Test");
    put_extension(&extensions, 0x2a2a, BYTES("\0"));
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct parts parts = usual;
        BUFFER_AUTO out;
        buffer_init(&out, WHOLE_MAX);
        parts.record = sizes[i];
        make(&parts, buffer_bytes(&extensions), &out);
        named(buffer_bytes(&out), "api.test");
        size_t whole = out.n;
        // What comes after it is the upstream's matter: early data, a change of ciphers, anything.
        buffer_put_str(&out, "\x14\x03\x03\x01\x01 and more");
        named(buffer_bytes(&out), "api.test");
        out.n = whole;
        for (size_t n = 1; n < whole; n++) {
            struct client_hello hello;
            assert_int_equal(look(bytes_slice(buffer_bytes(&out), 0, n), &hello),
                             CLIENT_HELLO_MORE);
            assert_true(hello.need > n && hello.need <= whole);
        }
    }
}

static void
test_what_stands_behind_it_in_its_record(void **state)
{
    BUFFER_AUTO out, message;
    (void)state;
    buffer_init(&out, WHOLE_MAX);
    buffer_init(&message, WHOLE_MAX);
    make(&usual, BYTES_EMPTY, &out);
    buffer_put(&message, bytes_from(buffer_bytes(&out), 5));
    buffer_put_byte(&message, 1); // the next message's first byte
    buffer_clear(&out);
    wrap(buffer_bytes(&message), 16384, &out);
    rejected(buffer_bytes(&out), "something stands behind the ClientHello in its record");
}

static void
test_other_record_between(void **state)
{
    BUFFER_AUTO out, extensions;
    struct parts parts = usual;
    (void)state;
    buffer_init(&out, WHOLE_MAX);
    buffer_init(&extensions, 1000);
    put_server_name(&extensions, "api.test");
    parts.record = 60;
    make(&parts, buffer_bytes(&extensions), &out);
    out.p[65] = 0x14;
    rejected(buffer_bytes(&out), "it is not TLS");
}

/* ---- sizes ---- */

static void
test_huge(void **state)
{
    static uint8_t padding[40000];
    BUFFER_AUTO out, extensions;
    struct parts parts = usual;
    struct client_hello hello;
    (void)state;
    buffer_init(&out, WHOLE_MAX);
    buffer_init(&extensions, WHOLE_MAX);
    put_extension(&extensions, 21, bytes_of(padding, 32000));
    put_server_name(&extensions, "api.test");
    make(&usual, buffer_bytes(&extensions), &out);
    named(buffer_bytes(&out), "api.test");
    // The same, cut so small that the headers are most of it.
    buffer_clear(&out);
    parts.record = 8;
    make(&parts, buffer_bytes(&extensions), &out);
    rejected(bytes_slice(buffer_bytes(&out), 0, CLIENT_HELLO_READ_MAX),
             "the ClientHello is cut into too many records");
    assert_int_equal(look(bytes_slice(buffer_bytes(&out), 0, CLIENT_HELLO_READ_MAX - 20), &hello),
                     CLIENT_HELLO_MORE);
    assert_true(hello.need <= CLIENT_HELLO_READ_MAX);
    buffer_clear(&out);
    buffer_clear(&extensions);
    put_extension(&extensions, 21, bytes_of(padding, 33000));
    make(&usual, buffer_bytes(&extensions), &out);
    rejected(bytes_slice(buffer_bytes(&out), 0, 9), "the ClientHello is too large");
}

static void
test_without_a_name(void **state)
{
    BUFFER_AUTO out, extensions;
    struct parts parts = usual;
    (void)state;
    buffer_init(&out, WHOLE_MAX);
    buffer_init(&extensions, 1000);
    make(&usual, BYTES_EMPTY, &out);
    named(buffer_bytes(&out), "");
    buffer_clear(&out);
    parts.no_extensions = true;
    make(&parts, BYTES_EMPTY, &out);
    named(buffer_bytes(&out), "");
    buffer_clear(&out);
    put_extension(&extensions, 0x0a0a, BYTES_EMPTY);
    make(&usual, buffer_bytes(&extensions), &out);
    named(buffer_bytes(&out), "");
}

/* ---- real ones ---- */

static void
real_hello(const char *name, int version, struct buffer *out)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem()), *sent = BIO_new(BIO_s_mem());
    char *p;
    assert_non_null(ssl);
    SSL_set_bio(ssl, in, sent);
    assert_int_equal(SSL_set_max_proto_version(ssl, version), 1);
    if (name)
        assert_int_equal(SSL_set_tlsext_host_name(ssl, name), 1);
    assert_int_not_equal(SSL_connect(ssl), 1);
    long n = BIO_get_mem_data(sent, &p);
    buffer_put(out, bytes_of(p, (size_t)n));
    SSL_free(ssl);
    SSL_CTX_free(context);
}

static void
test_openssl(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        BUFFER_AUTO with, without;
        buffer_init(&with, 100000);
        buffer_init(&without, 100000);
        real_hello("Api.Example.test", versions[i], &with);
        named(buffer_bytes(&with), "api.example.test");
        real_hello(NULL, versions[i], &without);
        named(buffer_bytes(&without), "");
    }
}

/* Whatever is changed in it: no read past the end (the sanitizer sees it), no name that is no
 * host's, and no wish for more than may be read. */
static void
test_mutations(void **state)
{
    BUFFER_AUTO original, changed;
    uint64_t seed = 20261122;
    (void)state;
    buffer_init(&original, 100000);
    buffer_init(&changed, 100000);
    real_hello("api.example.test", TLS1_3_VERSION, &original);
    for (int i = 0; i < 20000; i++) {
        struct client_hello hello;
        buffer_clear(&changed);
        buffer_put(&changed, buffer_bytes(&original));
        for (int j = 0; j < 1 + i % 4; j++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            changed.p[(seed >> 33) % (j == 0 ? changed.n : 120)] = (uint8_t)(seed >> 20);
        }
        enum client_hello_result result = look(buffer_bytes(&changed), &hello);
        assert_true(result != CLIENT_HELLO_REJECT || hello.why != NULL);
        assert_true(result != CLIENT_HELLO_MORE ||
                    (hello.need > changed.n && hello.need <= CLIENT_HELLO_READ_MAX));
        assert_true(result == CLIENT_HELLO_DONE || hello.name_n == 0);
        assert_int_equal(strlen(hello.name), hello.name_n);
    }
}

static void
test_alert(void **state)
{
    BUFFER_AUTO out;
    (void)state;
    buffer_init(&out, 100);
    client_hello_write_alert(CLIENT_HELLO_ALERT_UNRECOGNIZED_NAME, &out);
    assert_int_equal(out.n, 7);
    assert_memory_equal(out.p, "\x15\x03\x03\x00\x02\x02\x70", 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_broken_parts),
        cmocka_unit_test(test_broken_extensions),
        cmocka_unit_test(test_broken_server_names),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_what_stands_behind_it_in_its_record),
        cmocka_unit_test(test_other_record_between),
        cmocka_unit_test(test_huge),
        cmocka_unit_test(test_without_a_name),
        cmocka_unit_test(test_openssl),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_alert),
    };
    return cmocka_run_group_tests_name("http/client_hello", tests, NULL, NULL);
}
