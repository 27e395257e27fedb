/* SPDX-License-Identifier: Apache-2.0 */
/* The DNS responder: hostile messages, what is answered, and that nothing grows. */
#include "unit.h"

#include "../../../broker/proxy/dns_answer.h"

#define ID   "\x12\x34"
#define HEAD ID "\x01\x00\0\1\0\0\0\0\0\0" /* recursion desired, one question */
#define EDNS ID "\x01\x00\0\1\0\0\0\0\0\1"
#define NAME "\3api\4test\0"
#define A_IN "\0\1\0\1"
#define OPT  "\0\0\x29\x04\xd0\0\0\0\0\0\0"

static unsigned asked;

static bool
allowed(void *context, struct bytes host)
{
    asked++;
    assert_ptr_equal(context, &asked);
    return bytes_is(host, "api.test") || bytes_is(host, "x_y.api.test") ||
           bytes_is(host, "localhost");
}

static const struct dns_rules rules = {
    .address = {192, 0, 2, 10}, .context = &asked, .allowed = allowed};

struct answered {
    enum dns_outcome outcome;
    struct dns_name name;
    uint8_t p[600];
    size_t n;
};

/* From memory of exactly that size, so that a sanitizer sees any read past its end. */
static struct answered
ask_by(const struct dns_rules *by, struct bytes query)
{
    struct answered out = {.name = {"as it was"}};
    struct buffer buffer;
    uint8_t *copy = malloc(query.n ? query.n : 1);
    assert_non_null(copy);
    if (query.n)
        memcpy(copy, query.p, query.n);
    buffer_init(&buffer, DNS_ANSWER_MAX);
    out.outcome = dns_answer(bytes_of(copy, query.n), by, &out.name, &buffer);
    assert_false(buffer.failed);
    memcpy(out.p, buffer.n ? buffer.p : copy, buffer.n);
    out.n = buffer.n;
    free(copy);
    buffer_free(&buffer);
    if (out.n > query.n + DNS_ANSWER_EXTRA || (out.n == 0) != (out.outcome == DNS_DROPPED))
        fail_msg("%zu bytes answered to %zu", out.n, query.n);
    return out;
}

static struct answered
ask(struct bytes query)
{
    return ask_by(&rules, query);
}

static void
test_dropped(void **state)
{
    static uint8_t longest[DNS_QUERY_MAX + 1] = {0x12, 0x34, 1, 0, 0, 1};
    static const struct bytes cases[] = {
        BYTES_EMPTY,
        BYTES("\x12"),
        BYTES(ID "\x01\x00\0\1\0\0\0\0\0"),
        BYTES(ID "\x81\x80\0\1\0\0\0\0\0\0" NAME A_IN), // a response
        BYTES(ID "\x80\0\0\0\0\0\0\0\0\0"),
        {longest, sizeof longest},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answered out = ask(cases[i]);
        if (out.outcome != DNS_DROPPED)
            fail_msg("case %zu: %d", i, out.outcome);
        assert_string_equal(out.name.text, "as it was");
    }
}

static void
test_malformed(void **state)
{
    static const struct {
        const char *what;
        struct bytes query;
    } cases[] = {
        {"no question", BYTES(ID "\1\0\0\0\0\0\0\0\0\0")},
        {"the question is missing", BYTES(HEAD)},
        {"two questions", BYTES(ID "\1\0\0\2\0\0\0\0\0\0" NAME A_IN NAME A_IN)},
        {"an answer with it", BYTES(ID "\1\0\0\1\0\1\0\0\0\0" NAME A_IN)},
        {"an authority with it", BYTES(ID "\1\0\0\1\0\0\0\1\0\0" NAME A_IN)},
        {"two additional records", BYTES(ID "\1\0\0\1\0\0\0\0\0\2" NAME A_IN OPT OPT)},
        {"truncated", BYTES(ID "\3\0\0\1\0\0\0\0\0\0" NAME A_IN)},
        {"the reserved bit", BYTES(ID "\1\x40\0\1\0\0\0\0\0\0" NAME A_IN)},
        {"a response code", BYTES(ID "\1\1\0\1\0\0\0\0\0\0" NAME A_IN)},
        {"a name that does not end", BYTES(HEAD "\3api\4test")},
        {"a label that is cut", BYTES(HEAD "\3ap")},
        {"a pointer", BYTES(HEAD "\xc0\x0c" A_IN)},
        {"a pointer after a label", BYTES(HEAD "\3api\xc0\x0c" A_IN)},
        {"a label of another kind", BYTES(HEAD "\x41x\0" A_IN)},
        {"no type", BYTES(HEAD NAME)},
        {"half of a class", BYTES(HEAD NAME "\0\1\0")},
        {"type 0", BYTES(HEAD NAME "\0\0\0\1")},
        {"something behind it", BYTES(HEAD NAME A_IN "x")},
        {"a record that was not announced", BYTES(HEAD NAME A_IN OPT)},
        {"a record that is missing", BYTES(EDNS NAME A_IN)},
        {"another record", BYTES(EDNS NAME A_IN "\0\0\1\0\1\0\0\0\0\0\0")},
        {"an OPT with a name", BYTES(EDNS NAME A_IN "\1x\0\x29\4\xd0\0\0\0\0\0")},
        {"an OPT that is cut", BYTES(EDNS NAME A_IN "\0\0\x29\4\xd0\0\0\0\0\0")},
        {"an OPT with a code", BYTES(EDNS NAME A_IN "\0\0\x29\4\xd0\1\0\0\0\0\0")},
        {"more options than said", BYTES(EDNS NAME A_IN "\0\0\x29\4\xd0\0\0\0\0\0\0\0\x0a\0\0")},
        {"fewer options than said", BYTES(EDNS NAME A_IN "\0\0\x29\4\xd0\0\0\0\0\0\4")},
        {"an option that is cut", BYTES(EDNS NAME A_IN "\0\0\x29\4\xd0\0\0\0\0\0\4\0\x0a\0\1")},
        {"half an option", BYTES(EDNS NAME A_IN "\0\0\x29\4\xd0\0\0\0\0\0\2\0\x0a")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answered out = ask(cases[i].query);
        if (out.outcome != DNS_FAULT || out.n != 12 || (out.p[3] & 0xf) != 1)
            fail_msg("%s: outcome %d, %zu bytes", cases[i].what, out.outcome, out.n);
        assert_memory_equal(out.p, ID, 2);
        assert_true(out.p[2] & 0x80);
        assert_memory_equal(out.p + 4, "\0\0\0\0\0\0\0\0", 8);
    }
}

static void
test_other_operations(void **state)
{
    (void)state;
    for (unsigned opcode = 1; opcode < 16; opcode++) {
        char query[] = HEAD NAME A_IN;
        query[2] = (char)(opcode << 3);
        struct answered out = ask(bytes_of(query, sizeof query - 1));
        assert_int_equal(out.outcome, DNS_FAULT);
        assert_int_equal(out.n, 12);
        assert_int_equal(out.p[3] & 0xf, 4);
        assert_int_equal(out.p[2] >> 3 & 0xf, opcode);
    }
}

static void
test_a_later_edns(void **state)
{
    (void)state;
    struct answered out = ask(BYTES(EDNS NAME A_IN "\0\0\x29\4\xd0\0\1\0\0\0\0"));
    assert_int_equal(out.outcome, DNS_FAULT);
    assert_int_equal(out.p[3] & 0xf, 0);
    assert_memory_equal(out.p + out.n - 11, "\0\0\x29\4\xd0\1\0\0\0\0\0", 11); // BADVERS
}

static void
expect_refused(const char *what, struct bytes query, const char *name)
{
    struct answered out = ask(query);
    if (out.outcome != DNS_NAME_REFUSED || strcmp(out.name.text, name) != 0)
        fail_msg("%s: outcome %d, \"%s\"", what, out.outcome, out.name.text);
    assert_int_equal(out.p[3] & 0xf, 5);
    assert_int_equal(out.n, query.n);                            // no longer
    assert_memory_equal(out.p + 12, query.p + 12, query.n - 12); // the question as it was
    assert_memory_equal(out.p + 6, "\0\0\0\0\0\0", 6);
}

static void
test_refused(void **state)
{
    static char longest[12 + 255 + 4];
    (void)state;
    expect_refused("another name", BYTES(HEAD "\4evil\4test\0" A_IN), "evil.test");
    expect_refused("a name below", BYTES(HEAD "\1x\3api\4test\0" A_IN), "x.api.test");
    expect_refused("a name above", BYTES(HEAD "\4test\0" A_IN), "test");
    expect_refused("the root", BYTES(HEAD "\0" A_IN), "");
    expect_refused("a dot in a label",
                   BYTES(HEAD "\x8"
                              "api.test\0" A_IN),
                   "api?test");
    expect_refused("a NUL in a label", BYTES(HEAD "\4ap\0i\4test\0" A_IN), "ap?i.test");
    expect_refused("eight bits", BYTES(HEAD "\4ap\xffi\4test\0" A_IN), "ap?i.test");
    expect_refused("another class", BYTES(HEAD NAME "\0\1\0\3"), "api.test");
    expect_refused("a transfer", BYTES(HEAD NAME "\0\xfc\0\1"), "api.test");
    expect_refused("a key", BYTES(HEAD NAME "\0\xf9\0\1"), "api.test");
    // Data in a name, as long as one can be.
    memcpy(longest, HEAD, 12);
    for (size_t at = 12; at < 12 + 254; at += 64) {
        longest[at] = at == 12 + 192 ? 61 : 63;
        memset(longest + at + 1, 'd', at == 12 + 192 ? 61 : 63);
    }
    memcpy(longest + 12 + 255, A_IN, 4);
    struct answered out = ask(bytes_of(longest, sizeof longest));
    assert_int_equal(out.outcome, DNS_NAME_REFUSED);
    assert_int_equal(strlen(out.name.text), DNS_NAME_TEXT_MAX);
}

// A name of 256 bytes is none.
static void
test_too_long_a_name(void **state)
{
    char query[12 + 256 + 4];
    (void)state;
    memcpy(query, HEAD, 12);
    for (size_t at = 12; at < 12 + 255; at += 64) {
        size_t n = at == 12 + 192 ? 62 : 63;
        query[at] = (char)n;
        memset(query + at + 1, 'd', n);
    }
    query[12 + 255] = 0;
    memcpy(query + 12 + 256, A_IN, 4);
    assert_int_equal(ask(bytes_of(query, sizeof query)).outcome, DNS_FAULT);
}

static void
test_an_address(void **state)
{
    static const char expected[] = ID "\x81\x80\0\1\0\1\0\0\0\0"
                                      "\3ApI\4tEsT\0" A_IN "\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4"
                                      "\xc0\0\2\x0a";
    (void)state;
    struct answered out = ask(BYTES(HEAD "\3ApI\4tEsT\0" A_IN)); // its case is the client's
    assert_int_equal(out.outcome, DNS_ANSWERED);
    assert_string_equal(out.name.text, "api.test");
    assert_int_equal(out.n, sizeof expected - 1);
    assert_memory_equal(out.p, expected, out.n);
    assert_int_equal(ask(BYTES(HEAD "\3x_y\3api\4test\0" A_IN)).outcome, DNS_ANSWERED);
}

static void
test_edns(void **state)
{
    static const struct bytes queries[] = {
        BYTES(EDNS NAME A_IN OPT),
        BYTES(EDNS NAME A_IN "\0\0\x29\x02\0\0\0\x80\0\0\0"), // DNSSEC is asked for
        BYTES(EDNS NAME A_IN "\0\0\x29\0\0\0\0\0\0\0\x0c"     // a cookie
                             "\0\x0a\0\x08"
                             "12345678"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(queries); i++) {
        struct answered out = ask(queries[i]);
        assert_int_equal(out.outcome, DNS_ANSWERED);
        assert_memory_equal(out.p + 6, "\0\1\0\0\0\1", 6);
        assert_memory_equal(out.p + out.n - 11, OPT, 11);
    }
}

// There is the name, and nothing of that type: whoever asked goes on with the address.
static void
test_other_types(void **state)
{
    static const uint16_t types[] = {2, 5, 6, 12, 15, 16, 28, 33, 64, 65, 127, 255, 256, 65535};
    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        char query[] = HEAD NAME A_IN;
        size_t n = sizeof query - 1;
        query[n - 4] = (char)(types[i] >> 8);
        query[n - 3] = (char)types[i];
        struct answered out = ask(bytes_of(query, n));
        if (out.outcome != DNS_ANSWERED || out.n != n || (out.p[3] & 0xf) != 0 || out.p[7] != 0)
            fail_msg("type %u: outcome %d, %zu bytes", types[i], out.outcome, out.n);
    }
}

static void
test_flags(void **state)
{
    (void)state;
    struct answered out = ask(BYTES(ID "\0\x30\0\1\0\0\0\0\0\0" NAME A_IN)); // AD and CD
    assert_int_equal(out.outcome, DNS_ANSWERED);
    assert_int_equal(out.p[2], 0x80);
    assert_int_equal(out.p[3], 0x90);
}

static void
test_without_an_address(void **state)
{
    struct dns_rules none = rules;
    memset(none.address, 0, sizeof none.address);
    (void)state;
    asked = 0;
    assert_int_equal(ask_by(&none, BYTES(HEAD NAME A_IN)).outcome, DNS_NAME_REFUSED);
    assert_int_equal(asked, 0);
}

/* SplitMix64: a seed says everything. */
static uint64_t
next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void
test_generated(void **state)
{
    static const char whole[] = EDNS NAME A_IN "\0\0\x29\4\xd0\0\0\0\0\0\x0c\0\x0a\0\x08"
                                               "12345678";
    const char *wanted = getenv("KEYHOLE_SEED");
    uint64_t seed = wanted ? strtoull(wanted, NULL, 0) : 1;
    size_t outcomes[4] = {0};
    (void)state;
    print_message("test_dns_answer: KEYHOLE_SEED=%llu\n", (unsigned long long)seed);
    for (int i = 0; i < 20000; i++) {
        char query[sizeof whole];
        memcpy(query, whole, sizeof whole);
        size_t n = next(&seed) % 4 ? sizeof whole - 1 : next(&seed) % sizeof whole;
        for (uint64_t changes = next(&seed) % 3; changes > 0; changes--)
            query[next(&seed) % (sizeof whole - 1)] = (char)next(&seed);
        outcomes[ask(bytes_of(query, n)).outcome]++;
    }
    for (int i = 0; i < 4; i++)
        assert_true(outcomes[i] > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_other_operations),
        cmocka_unit_test(test_a_later_edns),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_long_a_name),
        cmocka_unit_test(test_an_address),
        cmocka_unit_test(test_edns),
        cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_without_an_address),
        cmocka_unit_test(test_generated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
