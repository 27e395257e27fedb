/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/path.h"
#include "unit.h"

static void
bad_hosts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a.b..",
        "-a.example",
        "a-.example",
        "a b",
        "a/b",
        "a@b",
        "a\\b",
        "a%2eb",
        "a#b",
        "a?b",
        "a\tb",
        "a:b",
        "a,b",
        "a;b",
        "a\"b",
        "*",
        "*.a",
        /* other spellings of addresses */
        "127.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.256",
        "127.0.0.1.5",
        "1.2.3",
        "a.0x1",
        "a.1",
        /* IPv6 */
        "[::1",
        "::1]",
        "[]",
        "[::1]x",
        "[1.2.3.4]",
        "[::1%25eth0]",
        "::1%eth0",
        "[::g]",
        ":::",
        "[:1]",
        "1::2::3",
        /* not UTF-8, and IDNA2008 */
        "\xff.example",
        "b\xc3.example",
        "\xe2\x84\x80.example",
        "xn--\xc3\xa4.example",
        "a\xe2\x80\x8b/b",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 300);
        expect_err(bad[i], host_canonical(bytes_str(bad[i]), &out), KH_ERR_SYNTAX);
        assert_int_equal(out.n, 0);
        assert_false(host_is_canonical(bytes_str(bad[i])));
    }
    BUFFER_AUTO out;
    buffer_init(&out, 300);
    expect_err("NUL", host_canonical(BYTES("a\0.example"), &out), KH_ERR_SYNTAX);
    expect_err("NUL", host_canonical(BYTES("1.2.3.4\0"), &out), KH_ERR_SYNTAX);
    expect_err("NUL", host_canonical(BYTES("[::1\0]"), &out), KH_ERR_SYNTAX);
}

static void
long_hosts_are_refused(void **state)
{
    (void)state;
    char text[2000];
    BUFFER_AUTO out;
    buffer_init(&out, 3000);
    memset(text, 'a', sizeof text);
    expect_err("label of 63", host_canonical(bytes_of(text, 63), &out), KH_OK);
    expect_err("label of 64", host_canonical(bytes_of(text, 64), &out), KH_ERR_SYNTAX);
    for (size_t i = 50; i < sizeof text; i += 51)
        text[i] = '.';
    expect_err("253 bytes", host_canonical(bytes_of(text, 253), &out), KH_OK);
    expect_err("254 bytes", host_canonical(bytes_of(text, 254), &out), KH_ERR_SYNTAX);
    expect_err("2000 bytes", host_canonical(bytes_of(text, 2000), &out), KH_ERR_SYNTAX);
}

static void
canonical_hosts(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"API.OpenAI.com", "api.openai.com"},
        {"api.openai.com.", "api.openai.com"},
        {"localhost", "localhost"},
        {"my_bucket.s3.example", "my_bucket.s3.example"},
        {"1e100.net", "1e100.net"},
        {"3com.example", "3com.example"},
        {"127.0.0.1", "127.0.0.1"},
        {"127.0.0.1.", "127.0.0.1"},
        {"[::1]", "::1"},
        {"::1", "::1"},
        {"[2001:DB8:0:0:0:0:0:1]", "2001:db8::1"},
        {"[2001:db8:0:1:1:1:1:1]", "2001:db8:0:1:1:1:1:1"}, /* RFC 5952 section 4.2.2 */
        {"B\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example"},
        {"fa\xc3\x9f.example", "xn--fa-hia.example"}, /* non-transitional */
        {"XN--BCHER-KVA.example", "xn--bcher-kva.example"},
        {"a\xe3\x80\x82"
         "b",
         "a.b"},                                                     /* ideographic full stop */
        {"\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1", "127.0.0.1"}, /* full-width digits */
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 300);
        expect_err(good[i][0], host_canonical(bytes_str(good[i][0]), &out), KH_OK);
        expect_text(good[i][0], buffer_bytes(&out), good[i][1]);
        assert_true(host_is_canonical(bytes_str(good[i][1])));
        assert_int_equal(host_is_canonical(bytes_str(good[i][0])),
                         strcmp(good[i][0], good[i][1]) == 0);
    }
}

static void
authorities(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        ":",      ":80",  "a:",    "a:0",     "a:080",
        "a:65536", "a:+1",   "a:1x", "a:1:2", "::1",     "::1:80",
        "[::1]80", "[::1]:", "[::1", "u@a",   "u:p@a:1", "a:99999999999999999999",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        BUFFER_AUTO host;
        uint16_t port = 7;
        buffer_init(&host, 300);
        expect_err(bad[i], authority_split(bytes_str(bad[i]), &host, &port), KH_ERR_SYNTAX);
        assert_int_equal(host.n, 0);
        assert_int_equal(port, 7);
    }
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {
        {"A.example", "a.example", 0},   {"a.example:8443", "a.example", 8443},
        {"127.0.0.1:1", "127.0.0.1", 1}, {"[::1]", "::1", 0},
        {"[::1]:65535", "::1", 65535},
    };
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        BUFFER_AUTO host;
        uint16_t port = 7;
        buffer_init(&host, 300);
        expect_err(good[i].text, authority_split(bytes_str(good[i].text), &host, &port), KH_OK);
        expect_text(good[i].text, buffer_bytes(&host), good[i].host);
        assert_int_equal(port, good[i].port);
    }
}

static void
patterns(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     "*",    "*.",      "**",    "*.*.a",   "a.*",       "*a.b", "*.A.example",
        "*.a.", "*..a", "*.0.0.1", "*.::1", "*.[::1]", "A.example",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (host_pattern_check(bytes_str(bad[i])))
            FAIL_WITH("the host pattern \"%s\" was accepted", bad[i]);
    }
    assert_true(host_pattern_check(BYTES("a.example")) && host_pattern_check(BYTES("::1")));
    assert_true(host_pattern_check(BYTES("*.a.example")) && host_pattern_check(BYTES("*.com")));

    assert_true(host_pattern_matches(BYTES("a.example"), BYTES("a.example")));
    assert_false(host_pattern_matches(BYTES("a.example"), BYTES("b.a.example")));
    assert_true(host_pattern_matches(BYTES("*.a.example"), BYTES("b.a.example")));
    assert_true(host_pattern_matches(BYTES("*.a.example"), BYTES("c.b.a.example")));
    assert_false(host_pattern_matches(BYTES("*.a.example"), BYTES("a.example")));
    assert_false(host_pattern_matches(BYTES("*.a.example"), BYTES(".a.example")));
    assert_false(host_pattern_matches(BYTES("*.a.example"), BYTES("ba.example")));
    assert_false(host_pattern_matches(BYTES("*.a.example"), BYTES("")));
    assert_false(host_pattern_matches(BYTES("*."), BYTES("a.")));
    assert_false(host_pattern_matches(BYTES(""), BYTES("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_hosts_are_refused),
        cmocka_unit_test(long_hosts_are_refused),
        cmocka_unit_test(canonical_hosts),
        cmocka_unit_test(authorities),
        cmocka_unit_test(patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
