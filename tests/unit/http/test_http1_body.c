/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in every framing, in every split, with everything that breaks them. */

#include "http_test.h"

static void
start(struct http1_body_reader *reader, enum http1_body kind, uint64_t length)
{
    static struct http1_head head;

    head = (struct http1_head){.body = kind, .content_length = length};
    http1_body_start(reader, &head);
}

/* Read `in` in pieces of `piece` bytes; the data goes to `out`. `*taken` is how much was used. */
static enum http1_result
read_in_pieces(struct http1_body_reader *reader, struct bytes in, size_t piece, struct buffer *out,
               size_t *taken, const char **why)
{
    enum http1_result result = HTTP1_MORE;

    for (*taken = 0; result == HTTP1_MORE && *taken < in.n;) {
        struct bytes copy = exact_copy(bytes_slice(in, *taken, piece)), data;
        size_t used = 0;

        result = http1_body_read(reader, copy, &used, &data, why);
        assert_true(used <= copy.n);
        assert_true(result != HTTP1_MORE || used > 0);
        buffer_put(out, data);
        *taken += used;
        exact_free(copy);
    }
    return result;
}

static const struct {
    struct bytes in;
    const char *why;
} refused_chunks[] = {
    /* the size */
    {TEXT("\r\n"), "size of a chunk"},
    {TEXT("x\r\n"), "size of a chunk"},
    {TEXT("-1\r\n"), "size of a chunk"},
    {TEXT("+1\r\n"), "size of a chunk"},
    {TEXT("0x1\r\n"), "size of a chunk"},
    {TEXT(" 1\r\n"), "size of a chunk"},
    {TEXT("1 \r\n"), "size of a chunk"},
    {TEXT("1111111111111111\r\n"), "size of a chunk"},
    {TEXT("0000000000000000\r\n"), "size of a chunk"},
    {TEXT("ffffffffffffffff1\r\n"), "size of a chunk"},
    {TEXT(";a\r\n"), "size of a chunk"},
    /* its line */
    {TEXT("1\n"), "LF without CR"},
    {TEXT("1;a\nb\r\n"), "LF without CR"},
    {TEXT("1\rx"), "CR inside"},
    {TEXT("1\r\r\n"), "CR inside"},
    {TEXT("1\0\r\n"), "control character"},
    {TEXT("1;a=\"\x01\"\r\n"), "control character"},
    /* extensions */
    {TEXT("1;\r\n"), "extension"},
    {TEXT("1; a\r\n"), "extension"},
    {TEXT("1;a=\r\n"), "extension"},
    {TEXT("1;a=\"b\r\n"), "extension"},
    {TEXT("1;a=\"b\"c\r\n"), "extension"},
    /* what follows the data */
    {TEXT("1\r\naa\r\n"), "not followed by CRLF"},
    {TEXT("1\r\na\n"), "not followed by CRLF"},
    {TEXT("1\r\na\rx"), "not followed by CRLF"},
    {TEXT("2\r\na\r\n0\r\n\r\n"), "not followed by CRLF"},
    {TEXT("1\r\na0\r\n\r\n"), "not followed by CRLF"},
    /* trailers */
    {TEXT("0\r\n\n"), "LF without CR"},
    {TEXT("0\r\nA: b\n"), "LF without CR"},
    {TEXT("0\r\nA: b\rc"), "CR inside"},
    {TEXT("0\r\nA: \0\r\n"), "control character"},
    {TEXT("0\r\nA\r\n"), "not well-formed"},
    {TEXT("0\r\nA b: c\r\n"), "not well-formed"},
    {TEXT("0\r\nA : c\r\n"), "not well-formed"},
    {TEXT("0\r\n: c\r\n"), "not well-formed"},
    {TEXT("0\r\nA: b\r\n c\r\n"), "not well-formed"},
    {TEXT("0\r\nHost: h\r\n"), "carries framing"},
    {TEXT("0\r\nContent-Length: 5\r\n"), "carries framing"},
    {TEXT("0\r\ntransfer-encoding: chunked\r\n"), "carries framing"},
    {TEXT("0\r\nContent-Type: a\r\n"), "carries framing"},
    {TEXT("0\r\nContent-Encoding: a\r\n"), "carries framing"},
    {TEXT("0\r\nConnection: close\r\n"), "carries framing"},
    {TEXT("0\r\nTrailer: a\r\n"), "carries framing"},
    {TEXT("0\r\nTE: a\r\n"), "carries framing"},
    {TEXT("0\r\nUpgrade: a\r\n"), "carries framing"},
    {TEXT("0\r\nExpect: a\r\n"), "carries framing"},
    {TEXT("0\r\nAuthorization: a\r\n"), "carries framing"},
    {TEXT("0\r\nProxy-Authorization: a\r\n"), "carries framing"},
    {TEXT("0\r\nProxy-Authenticate: a\r\n"), "carries framing"},
    {TEXT("0\r\nCookie: a\r\n"), "carries framing"},
    {TEXT("0\r\nSet-Cookie: a\r\n"), "carries framing"},
    {TEXT("0\r\nX-Api-Key: a\r\n"), "carries framing"},
    {TEXT("0\r\nKeyhole-Token: a\r\n"), "carries framing"},
    {TEXT("0\r\nok: b\r\nCookie: a\r\n"), "carries framing"},
};

// threat 3
static void
test_refused_chunks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused_chunks); i++) {
        for (size_t piece = 1; piece <= refused_chunks[i].in.n; piece++) {
            struct http1_body_reader reader;
            const char *why = NULL;
            size_t taken, used = 7;
            struct bytes data;
            BUFFER_AUTO out;

            buffer_init(&out, 1024);
            start(&reader, BODY_CHUNKED, 0);
            if (read_in_pieces(&reader, refused_chunks[i].in, piece, &out, &taken, &why) !=
                HTTP1_REJECT) {
                print_text("accepted", refused_chunks[i].in);
                fail_msg("row %zu in pieces of %zu", i, piece);
            }
            assert_why(why, refused_chunks[i].why);
            /* and it stays refused */
            assert_int_equal(http1_body_read(&reader, BYTES("0\r\n\r\n"), &used, &data, &why),
                             HTTP1_REJECT);
            assert_int_equal(used, 0);
            assert_false(http1_body_end(&reader));
        }
    }
}

static void
test_chunks_split_anywhere(void **state)
{
    static const struct bytes body = TEXT("5\r\nhello\r\n00a;x=y;z=\"\\\"\t\"\r\n, chunked \r\n"
                                          "1\r\n!\r\n000\r\nX-T: a b\xff\r\nY:\r\n\r\nGET /");
    const size_t length = body.n - 5;

    (void)state;
    for (size_t piece = 1; piece <= body.n; piece++) {
        struct http1_body_reader reader;
        const char *why = "";
        size_t taken;
        BUFFER_AUTO out;

        buffer_init(&out, 1024);
        start(&reader, BODY_CHUNKED, 0);
        assert_int_equal(read_in_pieces(&reader, body, piece, &out, &taken, &why), HTTP1_DONE);
        assert_text(buffer_bytes(&out), "hello, chunked !");
        assert_int_equal(taken, length);
        assert_int_equal(reader.total, 16);
        assert_true(http1_body_end(&reader));
    }
    for (size_t n = 0; n < length; n++) {
        struct http1_body_reader reader;
        const char *why = "";
        size_t taken;
        BUFFER_AUTO out;

        buffer_init(&out, 1024);
        start(&reader, BODY_CHUNKED, 0);
        assert_int_equal(
            read_in_pieces(&reader, bytes_slice(body, 0, n), n ? n : 1, &out, &taken, &why),
            HTTP1_MORE);
        assert_false(http1_body_end(&reader)); /* cut short at any byte */
    }
}

static void
test_length(void **state)
{
    for (size_t piece = 1; piece <= 8; piece++) {
        struct http1_body_reader reader;
        const char *why = "";
        size_t taken;
        BUFFER_AUTO out;

        (void)state;
        buffer_init(&out, 1024);
        start(&reader, BODY_LENGTH, 5);
        assert_false(http1_body_end(&reader));
        assert_int_equal(read_in_pieces(&reader, BYTES("helloGET"), piece, &out, &taken, &why),
                         HTTP1_DONE);
        assert_text(buffer_bytes(&out), "hello");
        assert_int_equal(taken, 5);
        assert_true(http1_body_end(&reader));
    }
}

static void
test_nothing_to_read(void **state)
{
    static const struct {
        enum http1_body kind;
        uint64_t length;
        enum http1_result result;
    } rows[] = {
        {BODY_NONE, 0, HTTP1_DONE},    {BODY_LENGTH, 0, HTTP1_DONE}, {BODY_LENGTH, 1, HTTP1_MORE},
        {BODY_CHUNKED, 0, HTTP1_MORE}, {BODY_CLOSE, 0, HTTP1_MORE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct http1_body_reader reader;
        struct bytes data;
        const char *why = "";
        size_t used = 7;

        start(&reader, rows[i].kind, rows[i].length);
        assert_int_equal(http1_body_read(&reader, BYTES_EMPTY, &used, &data, &why), rows[i].result);
        assert_int_equal(used, 0);
        assert_int_equal(data.n, 0);
    }
}

static void
test_bodiless_leaves_the_next_message(void **state)
{
    struct http1_body_reader reader;
    struct bytes data;
    const char *why = "";
    size_t used = 7;

    (void)state;
    start(&reader, BODY_NONE, 0);
    assert_int_equal(http1_body_read(&reader, BYTES("GET"), &used, &data, &why), HTTP1_DONE);
    assert_int_equal(used, 0);
}

static void
test_close_takes_everything(void **state)
{
    struct http1_body_reader reader;
    const char *why = "";
    size_t taken;
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 1024);
    start(&reader, BODY_CLOSE, 0);
    assert_int_equal(read_in_pieces(&reader, BYTES("0\r\n\r\nmore"), 3, &out, &taken, &why),
                     HTTP1_MORE);
    assert_text(buffer_bytes(&out), "0\r\n\r\nmore");
    assert_true(http1_body_end(&reader));
}

static void
test_a_reader_that_was_not_started_refuses(void **state)
{
    struct http1_body_reader reader = {0};
    struct bytes data;
    const char *why = NULL;
    size_t used = 7;

    (void)state;
    assert_int_equal(http1_body_read(&reader, BYTES("a"), &used, &data, &why), HTTP1_REJECT);
    assert_non_null(why);
    assert_false(http1_body_end(&reader));
}

static enum http1_result
read_long(const char *prefix, size_t n, const char *suffix, size_t times, const char **why)
{
    struct http1_body_reader reader;
    size_t taken;
    BUFFER_AUTO in;
    BUFFER_AUTO out;

    buffer_init(&in, 1 << 20);
    buffer_init(&out, 1 << 20);
    buffer_put_str(&in, "0");
    if (prefix[0] != ';')
        buffer_put_str(&in, "\r\n");
    for (size_t t = 0; t < times; t++) {
        buffer_put_str(&in, prefix);
        for (size_t i = 0; i < n; i++)
            buffer_put_byte(&in, 'a');
        buffer_put_str(&in, suffix);
    }
    buffer_put_str(&in, "\r\n");
    start(&reader, BODY_CHUNKED, 0);
    return read_in_pieces(&reader, buffer_bytes(&in), in.n, &out, &taken, why);
}

static void
test_limits(void **state)
{
    const char *why = NULL;

    (void)state;
    /* a chunk-size line has 256 bytes with its CR: "0;" and 253 more */
    assert_int_equal(read_long(";", 253, "\r\n", 1, &why), HTTP1_DONE);
    assert_int_equal(read_long(";", 254, "\r\n", 1, &why), HTTP1_REJECT);
    assert_why(why, "longer than 256");
    /* a trailer's value may be long, its name may not be longer than what is kept of the line */
    assert_int_equal(read_long("n: ", HTTP1_TRAILER_MAX - 5, "\r\n", 1, &why), HTTP1_DONE);
    assert_int_equal(read_long("n: ", HTTP1_TRAILER_MAX - 4, "\r\n", 1, &why), HTTP1_REJECT);
    assert_why(why, "larger than 8 KiB");
    assert_int_equal(read_long("", 255, ": b\r\n", 1, &why), HTTP1_DONE);
    assert_int_equal(read_long("", 256, ": b\r\n", 1, &why), HTTP1_REJECT);
    assert_why(why, "not well-formed");
    assert_int_equal(read_long("n:", 1, "\r\n", HTTP1_FIELDS_MAX, &why), HTTP1_DONE);
    assert_int_equal(read_long("n:", 1, "\r\n", HTTP1_FIELDS_MAX + 1, &why), HTTP1_REJECT);
    assert_why(why, "more than 100");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_chunks),
        cmocka_unit_test(test_chunks_split_anywhere),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_nothing_to_read),
        cmocka_unit_test(test_bodiless_leaves_the_next_message),
        cmocka_unit_test(test_close_takes_everything),
        cmocka_unit_test(test_a_reader_that_was_not_started_refuses),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("http/http1_body", tests, NULL, NULL);
}
