/* SPDX-License-Identifier: Apache-2.0 */
/* Building caveats and putting them on a token. */
#include "../../../client/attenuate.h"
#include "client_test.h"

static struct attenuation a;

static int
setup(void **state)
{
    (void)state;
    attenuation_init(&a);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    attenuation_free(&a);
    return 0;
}

static void
assert_last(const char *expected)
{
    char text[CAVEAT_TEXT_MAX + 1];
    assert_true(a.count > 0);
    snprintf(text, sizeof text, "%.*s", BYTES_ARG(a.text[a.count - 1]));
    assert_string_equal(text, expected);
}

static void
test_refuses_what_is_not_well_formed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kh_err err;
    } row[] = {
        {"", KH_ERR_SYNTAX},
        {"method", KH_ERR_SYNTAX},
        {"metod = GET", KH_ERR_UNKNOWN},
        {"port = https", KH_ERR_TYPE},
        {"port = 70000", KH_ERR_RANGE},
        {"method = \"\xff\"", KH_ERR_SYNTAX},
        {"method = GET\n", KH_ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct fault fault = {.err = KH_OK};
        enum kh_err err = attenuation_add(&a, bytes_str(row[i].text), &fault);
        if (err != row[i].err || a.count != 0 || fault.detail[0] == '\0')
            fail_msg("'%s': %s, '%s'", row[i].text, kh_err_code(err), fault.detail);
        assert_true(bytes_is(buffer_bytes(&a.refused), row[i].text));
    }
    struct fault fault;
    char *long_text = malloc(CAVEAT_TEXT_MAX + 2);
    memset(long_text, 'a', CAVEAT_TEXT_MAX + 1);
    memcpy(long_text, "label = ", 8);
    assert_int_equal(attenuation_add(&a, bytes_of(long_text, CAVEAT_TEXT_MAX + 1), &fault),
                     KH_ERR_TOO_LONG);
    free(long_text);
    // It would parse, and make the token useless.
    assert_int_equal(
        attenuation_add(&a, BYTES("parent = 00112233445566778899aabbccddeeff"), &fault),
        KH_ERR_USAGE);
    assert_contains(fault.detail, "belongs in discharges");
    assert_int_equal(a.count, 0);
}

static void
test_refuses_values(void **state)
{
    (void)state;
    struct fault fault;
    struct bytes empty[] = {BYTES("GET"), BYTES("")};
    assert_int_equal(attenuation_add_any(&a, ATTRIBUTE_METHOD, empty, 2, &fault), KH_ERR_USAGE);
    struct bytes url[] = {BYTES("https://api.example/v1")};
    assert_int_equal(attenuation_add_any(&a, ATTRIBUTE_HOST, url, 1, &fault), KH_ERR_TYPE);
    assert_int_equal(attenuation_add_label(&a, BYTES(""), &fault), KH_ERR_USAGE);
    struct bytes many[64];
    for (size_t i = 0; i < 64; i++)
        many[i] = BYTES("/a/path/that/is/rather/long/for/a/list");
    assert_int_equal(attenuation_add_any(&a, ATTRIBUTE_PATH, many, 64, &fault), KH_ERR_TOO_LONG);
    assert_int_equal(a.count, 0);
}

static void
test_writes_canonically(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    assert_ok(attenuation_add(&a, BYTES("method in \"GET\",HEAD"), &fault));
    assert_last("method in GET, HEAD");
    assert_ok(attenuation_add(&a, BYTES("header[X-Note] = \"a b\""), &fault));
    assert_last("header[x-note] = \"a b\"");
    assert_int_equal(a.count, 2);
}

static void
test_several_values_become_one_caveat(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct bytes hosts[] = {BYTES("a.example"), BYTES("*.b.example"), BYTES("c.example")};
    assert_ok(attenuation_add_any(&a, ATTRIBUTE_HOST, hosts, 0, &fault));
    assert_int_equal(a.count, 0);
    assert_ok(attenuation_add_any(&a, ATTRIBUTE_HOST, hosts, 1, &fault));
    assert_last("host = a.example");
    assert_ok(attenuation_add_any(&a, ATTRIBUTE_HOST, hosts, 3, &fault));
    assert_last("host in a.example, c.example or host ~ *.b.example");
    struct bytes paths[] = {BYTES("/v1/*"), BYTES("/v2/**"), BYTES("/with space, and comma")};
    assert_ok(attenuation_add_any(&a, ATTRIBUTE_PATH, paths, 2, &fault));
    assert_last("path ~ /v1/* or path ~ /v2/**");
    assert_ok(attenuation_add_any(&a, ATTRIBUTE_PATH, paths + 2, 1, &fault));
    assert_last("path = \"/with space, and comma\"");
}

// A host is taken as people write it; what a caveat says is the canonical name.
static void
test_hosts_become_canonical(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    struct bytes hosts[] = {BYTES("API.OpenAI.com."), BYTES("bücher.example")};
    assert_ok(attenuation_add_any(&a, ATTRIBUTE_HOST, hosts, 2, &fault));
    assert_last("host in api.openai.com, xn--bcher-kva.example");
}

static void
test_label_and_lifetime(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    assert_ok(attenuation_add_label(&a, BYTES("agent"), &fault));
    assert_last("label = agent");
    assert_ok(attenuation_add_label(&a, BYTES("say \"hi\" = \\o/"), &fault));
    assert_last("label = \"say \\\"hi\\\" = \\\\o/\"");
    assert_ok(attenuation_add_lifetime(&a, TEST_NOW, 600, &fault));
    assert_last("time < 2026-11-18T11:26:40Z");
}

static void
test_number_of_caveats(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    for (size_t i = 0; i < TOKEN_CAVEATS_MAX; i++)
        assert_ok(attenuation_add(&a, BYTES("method = GET"), &fault));
    assert_int_equal(attenuation_add(&a, BYTES("method = GET"), &fault), KH_ERR_RANGE);
    char *text = test_mint("method = GET", NULL);
    struct token *token = test_scan(text);
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    assert_int_equal(attenuation_apply(&a, token, NULL, &out, &fault), KH_ERR_RANGE);
    assert_contains(fault.detail, "this one has 1, and 64 were to come");
    assert_int_equal(out.n, 0);
    token_free(&token);
    free(text);
}

static void
assert_verifies(const struct buffer *text, size_t conditions)
{
    struct fault fault = {.err = KH_OK};
    struct token *token = NULL;
    struct token_verified *verified = calloc(1, sizeof *verified);
    assert_ok(token_scan(buffer_bytes(text), &token, &fault));
    assert_ok(token_verify(token, test_key, verified, &fault));
    assert_int_equal(verified->condition_count, conditions);
    token_free(&token);
    free(verified);
}

static void
test_result_verifies(void **state)
{
    (void)state;
    struct fault fault = {.err = KH_OK};
    char *text = test_mint("method in GET, HEAD", NULL);
    struct token *token = test_scan(text);
    assert_ok(attenuation_add_label(&a, BYTES("agent"), &fault));
    assert_ok(attenuation_add(&a, BYTES("path ~ /v1/**"), &fault));
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    assert_ok(attenuation_apply(&a, token, NULL, &out, &fault));
    assert_verifies(&out, 3);
    token_free(&token);
    free(text);
}

static void
test_prefixes(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "with space", "a,b",
        "\"",         "kh1_",
        "xkh1_y",     "k\xc3\xbc",
        "new\nline",  "0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    struct fault fault = {.err = KH_OK};
    char *text = test_mint(NULL);
    struct token *token = test_scan(text);
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_TEXT_MAX);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct bytes prefix = bytes_str(refused[i]);
        if (attenuation_apply(&a, token, &prefix, &out, &fault) != KH_ERR_USAGE || out.n != 0)
            fail_msg("'%s' was taken for a prefix", refused[i]);
    }
    struct bytes prefix = BYTES("sk-ant-api03-"), none = BYTES("");
    assert_ok(attenuation_apply(&a, token, &prefix, &out, &fault));
    assert_true(bytes_starts(buffer_bytes(&out), BYTES("sk-ant-api03-kh1_")));
    token_free(&token);

    // Kept without being asked, replaced, and taken away.
    struct token *prefixed = test_scan(buffer_text(&out));
    BUFFER_AUTO kept, taken;
    buffer_init(&kept, TOKEN_TEXT_MAX);
    buffer_init(&taken, TOKEN_TEXT_MAX);
    assert_ok(attenuation_add(&a, BYTES("method = GET"), &fault));
    assert_ok(attenuation_apply(&a, prefixed, NULL, &kept, &fault));
    assert_true(bytes_starts(buffer_bytes(&kept), BYTES("sk-ant-api03-kh1_")));
    assert_verifies(&kept, 1);
    assert_ok(attenuation_apply(&a, prefixed, &none, &taken, &fault));
    assert_true(bytes_starts(buffer_bytes(&taken), BYTES("kh1_")));
    assert_verifies(&taken, 1);
    token_free(&prefixed);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_refuses_what_is_not_well_formed),
        TEST(test_refuses_values),
        TEST(test_writes_canonically),
        TEST(test_several_values_become_one_caveat),
        TEST(test_hosts_become_canonical),
        TEST(test_label_and_lifetime),
        TEST(test_number_of_caveats),
        TEST(test_result_verifies),
        TEST(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
