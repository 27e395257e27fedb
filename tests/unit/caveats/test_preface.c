/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/preface.h"
#include "unit.h"

#define SIGNATURE   "\r\n\r\n\0\r\nQUIT\n"
#define HEAD        SIGNATURE "\x21\x11"
#define NOWHERE     "\0\0\0\0\0\0\0\0\0\0" /* addresses and the source's port */
#define KIND(which) "\xe0\0\1" which
#define RUN                                                                                        \
    "\xe1\0\x10"                                                                                   \
    "0123456789abcdef"

enum { ROUNDS = 3000 };

/* A preface with that destination port and those values, the length put in. */
static void
put_preface(struct buffer *out, uint16_t port, struct bytes values)
{
    size_t n = 12 + values.n;
    buffer_put(out, BYTES(HEAD));
    buffer_put_byte(out, (uint8_t)(n >> 8));
    buffer_put_byte(out, (uint8_t)n);
    buffer_put(out, BYTES(NOWHERE));
    buffer_put_byte(out, (uint8_t)(port >> 8));
    buffer_put_byte(out, (uint8_t)port);
    buffer_put(out, values);
}

/* Read from memory of exactly that size, so that a sanitizer sees any read past its end. */
static enum preface_result
read_exact(struct bytes text, struct preface *out, size_t *used)
{
    uint8_t *copy = malloc(text.n ? text.n : 1);
    assert_non_null(copy);
    if (text.n)
        memcpy(copy, text.p, text.n);
    enum preface_result result = preface_read(bytes_of(copy, text.n), out, used);
    free(copy);
    return result;
}

static void
expect_result(const char *what, struct bytes text, enum preface_result expected)
{
    static const char *const name[] = {"none", "more", "bad", "read"};
    struct preface out = {.port = 7};
    size_t used = 99;
    enum preface_result got = read_exact(text, &out, &used);
    if (got != expected)
        FAIL_WITH("%s: got %s, expected %s", what, name[got], name[expected]);
    if (got != PREFACE_READ && (out.port != 7 || used != 99))
        FAIL_WITH("%s: something was written", what);
}

/* ---- what is no preface ---- */

static void
test_something_else(void **state)
{
    static const struct bytes other[] = {
        BYTES("GET / HTTP/1.1\r\n\r\n"),
        BYTES("\x16\x03\x01\x02\x00\x01"),
        BYTES("\r\n\r\nGET / HTTP/1.1\r\n"),
        BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n"), // version 1
        BYTES("\0"),
        BYTES("\r\n\r\n\0\r\nQUIT\r"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(other); i++)
        expect_result("something else", other[i], PREFACE_NONE);
}

static void
test_every_beginning_waits(void **state)
{
    BUFFER_AUTO whole;
    (void)state;
    buffer_init(&whole, PREFACE_MAX);
    put_preface(&whole, 0, BYTES(KIND("\0") RUN));
    for (size_t n = 0; n < whole.n; n++)
        expect_result("a beginning", bytes_slice(buffer_bytes(&whole), 0, n), PREFACE_MORE);
    expect_result("the whole", buffer_bytes(&whole), PREFACE_READ);
}

/* ---- what is refused ---- */

static void
test_heads(void **state)
{
    static const struct {
        const char *what;
        struct bytes text;
    } cases[] = {
        {"version 1", BYTES(SIGNATURE "\x11\x11\0\x10" NOWHERE "\0\0" KIND("\0"))},
        {"command LOCAL", BYTES(SIGNATURE "\x20\x11\0\x10" NOWHERE "\0\0" KIND("\0"))},
        {"command 2", BYTES(SIGNATURE "\x22\x11\0\x10" NOWHERE "\0\0" KIND("\0"))},
        {"UDP over IPv4", BYTES(SIGNATURE "\x21\x12\0\x10" NOWHERE "\0\0" KIND("\0"))},
        {"TCP over IPv6", BYTES(SIGNATURE "\x21\x21\0\x10" NOWHERE "\0\0" KIND("\0"))},
        {"unspecified", BYTES(SIGNATURE "\x21\0\0\x10" NOWHERE "\0\0" KIND("\0"))},
        {"no addresses", BYTES(HEAD "\0\0")},
        {"half of the addresses", BYTES(HEAD "\0\x0b" NOWHERE "\0")},
        {"longer than any, said early", BYTES(HEAD "\x5f\xf1")},
        {"as long as can be said", BYTES(HEAD "\xff\xff")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_result(cases[i].what, cases[i].text, PREFACE_BAD);
    expect_result("the longest that there is", BYTES(HEAD "\x5f\xf0"), PREFACE_MORE);
}

static void
test_values(void **state)
{
    static const struct {
        const char *what;
        uint16_t port;
        struct bytes values;
    } cases[] = {
        {"nothing", 0, BYTES_EMPTY},
        {"no kind", 0, BYTES(RUN)},
        {"a kind of no byte", 0, BYTES("\xe0\0\0")},
        {"a kind of two bytes", 0, BYTES("\xe0\0\2\0\0")},
        {"a kind that is not known", 0, BYTES(KIND("\3"))},
        {"two kinds", 0, BYTES(KIND("\0") KIND("\0"))},
        {"two runs", 0, BYTES(KIND("\0") RUN RUN)},
        {"a value of a standard type", 0, BYTES(KIND("\0") "\2\0\1x")},
        {"padding", 0, BYTES(KIND("\0") "\4\0\0")},
        {"a type that is not known", 0, BYTES(KIND("\0") "\xe6\0\0")},
        {"the last type of all", 0, BYTES(KIND("\0") "\xff\0\0")},
        {"a type without its length", 0, BYTES(KIND("\0") "\xe1")},
        {"half of a length", 0, BYTES(KIND("\0") "\xe1\0")},
        {"a value that is cut", 0, BYTES(KIND("\0") "\xe1\0\x10 0123456789abcd")},
        {"a value longer than all", 0, BYTES(KIND("\0") "\xe2\xff\xff token")},
        {"a run of 15 bytes", 0,
         BYTES(KIND("\0") "\xe1\0\x0f"
                          "0123456789abcde")},
        {"a run of 17 bytes", 0,
         BYTES(KIND("\0") "\xe1\0\x11"
                          "0123456789abcdefg")},
        {"a run of zeros", 0,
         BYTES(KIND("\0") "\xe1\0\x10"
                          "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
        {"an empty token", 0, BYTES(KIND("\0") "\xe2\0\0")},
        {"no hosts", 0, BYTES(KIND("\0") "\xe3\0\0")},
        {"a space for a host", 0, BYTES(KIND("\0") "\xe3\0\1 ")},
        {"two spaces", 0,
         BYTES(KIND("\0") "\xe3\0\4"
                          "a  b")},
        {"a space at the end", 0,
         BYTES(KIND("\0") "\xe3\0\2"
                          "a ")},
        {"upper case", 0,
         BYTES(KIND("\0") "\xe3\0\6"
                          "A.test")},
        {"a star alone", 0, BYTES(KIND("\0") "\xe3\0\1*")},
        {"a star inside", 0,
         BYTES(KIND("\0") "\xe3\0\6"
                          "a.*.b.")},
        {"a host and a port", 0,
         BYTES(KIND("\0") "\xe3\0\x06"
                          "a.b:80")},
        {"a NUL in a host", 0,
         BYTES(KIND("\0") "\xe3\0\3"
                          "a\0b")},
        {"a line end in a host", 0,
         BYTES(KIND("\0") "\xe3\0\3"
                          "a\nb")},
        {"require-token with a value", 0, BYTES(KIND("\0") "\xe4\0\1\0")},
        {"proxy with a port", 443, BYTES(KIND("\0"))},
        {"transparent without one", 0, BYTES(KIND("\1"))},
        {"DNS with a port", 53, BYTES(KIND("\2") "\xe5\0\4\1\2\3\4")},
        {"DNS without an answer", 0, BYTES(KIND("\2"))},
        {"an answer of 3 bytes", 0, BYTES(KIND("\2") "\xe5\0\3\1\2\3")},
        {"an answer of 16 bytes", 0,
         BYTES(KIND("\2") "\xe5\0\x10"
                          "0123456789abcdef")},
        {"proxy with an answer", 0, BYTES(KIND("\0") "\xe5\0\4\1\2\3\4")},
        {"transparent with an answer", 443, BYTES(KIND("\1") "\xe5\0\4\1\2\3\4")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO text;
        buffer_init(&text, PREFACE_MAX);
        put_preface(&text, cases[i].port, cases[i].values);
        expect_result(cases[i].what, buffer_bytes(&text), PREFACE_BAD);
    }
}

/* A value of that length, where the reader's limit is. */
static enum preface_result
read_long(uint8_t type, size_t n)
{
    struct preface out;
    size_t used;
    BUFFER_AUTO values, text;
    buffer_init(&values, PREFACE_MAX);
    buffer_init(&text, PREFACE_MAX);
    buffer_put(&values, BYTES(KIND("\0")));
    buffer_put_byte(&values, type);
    buffer_put_byte(&values, (uint8_t)(n >> 8));
    buffer_put_byte(&values, (uint8_t)n);
    for (size_t i = 0; i < n; i++)
        buffer_put_byte(&values, i % 2 ? ' ' : 'a');
    put_preface(&text, 0, buffer_bytes(&values));
    assert_false(text.failed);
    return read_exact(buffer_bytes(&text), &out, &used);
}

static void
test_lengths(void **state)
{
    (void)state;
    assert_int_equal(read_long(0xe2, PREFACE_TOKEN_MAX), PREFACE_READ);
    assert_int_equal(read_long(0xe2, PREFACE_TOKEN_MAX + 1), PREFACE_BAD);
    assert_int_equal(read_long(0xe3, PREFACE_HOSTS_MAX - 1), PREFACE_READ);
    assert_int_equal(read_long(0xe3, PREFACE_HOSTS_MAX + 1), PREFACE_BAD);
}

static void
test_writer_refuses(void **state)
{
    static uint8_t token[PREFACE_TOKEN_MAX + 1];
    static char hosts[PREFACE_HOSTS_MAX + 2];
    for (size_t i = 0; i < sizeof hosts; i++)
        hosts[i] = i % 2 ? ' ' : 'a';
    const struct preface wrong[] = {
        {.kind = PREFACE_KIND_COUNT},
        {.port = 443},
        {.kind = PREFACE_TRANSPARENT},
        {.kind = PREFACE_DNS, .port = 53},
        {.answer = {192, 0, 2, 1}},
        {.token = {token, sizeof token}},
        {.hosts = {(uint8_t *)hosts, sizeof hosts - 1}},
        {.hosts = BYTES("A.test")},
        {.hosts = BYTES("a.test, b.test")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 65536);
        preface_write(&wrong[i], &out);
        if (!out.failed)
            FAIL_WITH("wrong[%zu] was written", i);
    }
}

/* ---- what is read ---- */

static void
expect_same(const struct preface *a, const struct preface *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->port, b->port);
    assert_int_equal(a->require_token, b->require_token);
    assert_memory_equal(a->run, b->run, sizeof a->run);
    assert_memory_equal(a->answer, b->answer, sizeof a->answer);
    expect_bytes("token", a->token, b->token);
    expect_bytes("hosts", a->hosts, b->hosts);
}

static void
test_each_field(void **state)
{
    static const struct preface cases[] = {
        {.kind = PREFACE_PROXY},
        {.kind = PREFACE_TRANSPARENT, .port = 443},
        {.kind = PREFACE_TRANSPARENT, .port = 65535},
        {.kind = PREFACE_DNS},
        {.kind = PREFACE_DNS, .answer = {198, 18, 0, 1}},
        {.run = {[15] = 1}},
        {.token = BYTES("kh1_AgEL")},
        {.hosts = BYTES("api.test")},
        {.hosts = BYTES("api.test *.b.test 192.0.2.1 2001:db8::1 xn--bcher-kva.example")},
        {.require_token = true},
        {.kind = PREFACE_TRANSPARENT,
         .port = 80,
         .run = {1, 2},
         .token = BYTES("sk-kh1_x"),
         .hosts = BYTES("*.example"),
         .require_token = true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct preface out = {.port = 9};
        size_t used = 0;
        BUFFER_AUTO text;
        buffer_init(&text, 65536);
        buffer_put_str(&text, "x"); // appended to what is there
        preface_write(&cases[i], &text);
        assert_false(text.failed);
        size_t n = text.n - 1;
        buffer_put_str(&text, "\x16\x03");
        assert_int_equal(preface_read(bytes_from(buffer_bytes(&text), 1), &out, &used),
                         PREFACE_READ);
        assert_int_equal(used, n);
        expect_same(&cases[i], &out);
    }
}

static void
test_any_order_and_no_addresses(void **state)
{
    static const struct bytes values = BYTES("\xe4\0\0" RUN "\xe0\0\1\1");
    struct preface out;
    size_t used;
    BUFFER_AUTO text;
    (void)state;
    buffer_init(&text, PREFACE_MAX);
    put_preface(&text, 8443, values);
    memcpy(text.p + PREFACE_HEAD_SIZE, "\x7f\0\0\1\x7f\0\0\1\xab\xcd", 10);
    assert_int_equal(preface_read(buffer_bytes(&text), &out, &used), PREFACE_READ);
    assert_int_equal(out.kind, PREFACE_TRANSPARENT);
    assert_int_equal(out.port, 8443);
    assert_true(out.require_token);
    assert_memory_equal(out.run, "0123456789abcdef", 16);
}

/* ---- generated ---- */

static struct preface
random_preface(struct random *r, uint8_t *token)
{
    static const struct bytes hosts[] = {BYTES("a.test"), BYTES("*.a.test b.test"),
                                         BYTES("192.0.2.1 *.c.example x")};
    struct preface preface = {.kind = (enum preface_kind)random_below(r, PREFACE_KIND_COUNT)};
    if (preface.kind == PREFACE_TRANSPARENT)
        preface.port = (uint16_t)(1 + random_below(r, 65535));
    for (size_t i = 0; preface.kind == PREFACE_DNS && i < 4; i++)
        preface.answer[i] = (uint8_t)random_next(r);
    if (random_below(r, 2))
        preface.run[random_below(r, 16)] = (uint8_t)(1 + random_below(r, 255));
    preface.require_token = random_below(r, 2) == 1;
    if (random_below(r, 2))
        preface.token = bytes_of(token, 1 + random_below(r, 60));
    if (random_below(r, 2))
        preface.hosts = hosts[random_below(r, COUNT_OF(hosts))];
    return preface;
}

/* Whatever is read can be written, and says the same when it is read again. */
static void
expect_sound(const struct preface *read)
{
    struct preface again;
    size_t used;
    BUFFER_AUTO text;
    buffer_init(&text, 65536);
    preface_write(read, &text);
    if (text.failed)
        FAIL_WITH("what was read cannot be written");
    assert_int_equal(preface_read(buffer_bytes(&text), &again, &used), PREFACE_READ);
    expect_same(read, &again);
}

static void
mutate(struct random *r, struct buffer *text)
{
    size_t changes = 1 + random_below(r, 3);
    for (size_t i = 0; i < changes; i++) {
        size_t at = random_below(r, text->n);
        switch (random_below(r, 4)) {
        case 0:
            text->p[at] ^= (uint8_t)(1u << random_below(r, 8));
            break;
        case 1:
            text->p[at] = (uint8_t)random_next(r);
            break;
        case 2:
            text->n = at + 1;
            break;
        default: // near the lengths and types, where it matters
            at = 12 + random_below(r, 24);
            if (at < text->n)
                text->p[at] = (uint8_t)random_below(r, 8);
        }
    }
}

static void
test_generated(void **state)
{
    struct random r = random_seeded("test_preface", 1);
    uint8_t token[64];
    size_t read = 0;
    (void)state;
    memset(token, 'k', sizeof token);
    for (int i = 0; i < ROUNDS; i++) {
        struct preface preface = random_preface(&r, token), out;
        size_t used = 0;
        BUFFER_AUTO text;
        buffer_init(&text, 65536);
        preface_write(&preface, &text);
        assert_false(text.failed);
        assert_int_equal(read_exact(buffer_bytes(&text), &out, &used), PREFACE_READ);
        assert_int_equal(used, text.n);
        mutate(&r, &text);
        if (preface_read(buffer_bytes(&text), &out, &used) != PREFACE_READ)
            continue;
        assert_true(used <= text.n);
        expect_sound(&out);
        read++;
    }
    assert_true(read > 0 && read < ROUNDS); // mutations that matter, and some that do not
}

/* ---- where it may go ---- */

static void
test_allows(void **state)
{
    static const struct {
        struct bytes hosts, host;
        bool allowed;
    } cases[] = {
        {BYTES_EMPTY, BYTES("anything.test"), true},
        {BYTES("api.test"), BYTES("api.test"), true},
        {BYTES("api.test"), BYTES("x.api.test"), false},
        {BYTES("api.test"), BYTES("api.tes"), false},
        {BYTES("api.test"), BYTES_EMPTY, false},
        {BYTES("*.api.test"), BYTES("x.api.test"), true},
        {BYTES("*.api.test"), BYTES("y.x.api.test"), true},
        {BYTES("*.api.test"), BYTES("api.test"), false},
        {BYTES("*.api.test"), BYTES("xapi.test"), false},
        {BYTES("a.test b.test *.c.test"), BYTES("b.test"), true},
        {BYTES("a.test b.test *.c.test"), BYTES("d.c.test"), true},
        {BYTES("a.test b.test *.c.test"), BYTES("a.test b.test"), false},
        {BYTES("192.0.2.1"), BYTES("192.0.2.1"), true},
        {BYTES("192.0.2.1"), BYTES("192.0.2.10"), false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct preface preface = {.hosts = cases[i].hosts};
        if (preface_allows(&preface, cases[i].host) != cases[i].allowed)
            FAIL_WITH("\"%.*s\" with \"%.*s\" is %s", BYTES_ARG(cases[i].host),
                      BYTES_ARG(cases[i].hosts), cases[i].allowed ? "refused" : "allowed");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_something_else), cmocka_unit_test(test_every_beginning_waits),
        cmocka_unit_test(test_heads),          cmocka_unit_test(test_values),
        cmocka_unit_test(test_lengths),        cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_each_field),     cmocka_unit_test(test_any_order_and_no_addresses),
        cmocka_unit_test(test_generated),      cmocka_unit_test(test_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
