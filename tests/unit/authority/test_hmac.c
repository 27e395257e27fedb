/* SPDX-License-Identifier: Apache-2.0 */
/* Against RFC 4231; and templates. */
#include "fixture.h"

#include "../../../broker/authority/hmac.h"

static void
repeat(struct buffer *out, uint8_t c, size_t n)
{
    while (n-- > 0)
        buffer_put_byte(out, c);
}

static void
rfc_4231(void **state)
{
    static const struct {
        const char *key;
        uint8_t key_byte, data_byte;
        size_t key_n, data_n;
        const char *data, *sha256, *sha512;
    } cases[] = {
        {NULL, 0x0b, 0, 20, 0, "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
         "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
         "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
        {"Jefe", 0, 0, 0, 0, "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
         "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
        {NULL, 0xaa, 0xdd, 20, 50, NULL,
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
         "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
         "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"},
        {NULL, 0xaa, 0, 131, 0, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
         "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
         "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int algorithm = HMAC_SHA256; algorithm <= HMAC_SHA512; algorithm++) {
            uint8_t mac[HMAC_SIZE_MAX];
            char hex[2 * HMAC_SIZE_MAX + 1];
            size_t n = 0;
            BUFFER_AUTO key, data;
            buffer_init(&key, 256);
            buffer_init(&data, 256);
            buffer_put_str(&key, cases[i].key ? cases[i].key : "");
            repeat(&key, cases[i].key_byte, cases[i].key_n);
            buffer_put_str(&data, cases[i].data ? cases[i].data : "");
            repeat(&data, cases[i].data_byte, cases[i].data_n);
            const struct hmac_values values = {.body = buffer_bytes(&data)};
            assert_int_equal(hmac_template_sign((enum hmac_algorithm)algorithm, buffer_bytes(&key),
                                                BYTES("{body}"), &values, mac, &n),
                             KH_OK);
            assert_true(bytes_to_hex(bytes_of(mac, n), hex, sizeof hex));
            assert_string_equal(hex, algorithm == HMAC_SHA256 ? cases[i].sha256 : cases[i].sha512);
        }
    }
}

static void
bad_templates(void **state)
{
    static const char *const wrong[] = {"{",  "{}",   "{bod}",   "{body", "a{query}",
                                        "\\", "a\\t", "{body}{", "{Body}"};
    struct hmac_marks marks = {.body = true};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_fault(hmac_template_read(bytes_str(wrong[i]), &marks, fault), KH_ERR_SYNTAX,
                     "there are {body}");
    assert_true(marks.body);
    assert_ok(hmac_template_read(BYTES("x}y"), &marks, fault));
    assert_false(marks.body);
    assert_false(marks.timestamp);
    assert_ok(hmac_template_read(BYTES("{timestamp}.{body}"), &marks, fault));
    assert_true(marks.body);
    assert_true(marks.timestamp);
}

// The same as of the text that it stands for.
static void
templates(void **state)
{
    static const struct {
        const char *template, *text;
    } cases[] = {
        {"{timestamp}.{body}", "17.{\"a\":1}"},
        {"{method}\\n{path}\\n{timestamp}\\n{body}", "POST\n/a%20b\n17\n{\"a\":1}"},
        {"v0:\\\\{body}{body}", "v0:\\{\"a\":1}{\"a\":1}"},
        {"}{method}", "}POST"},
        {"nothing", "nothing"},
    };
    const struct hmac_values values = {.body = BYTES("{\"a\":1}"),
                                       .method = BYTES("POST"),
                                       .path = BYTES("/a%20b"),
                                       .timestamp = BYTES("17")};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct hmac_values whole = {.body = bytes_str(cases[i].text)};
        uint8_t a[HMAC_SIZE_MAX], b[HMAC_SIZE_MAX];
        size_t a_n = 0, b_n = 0;
        assert_int_equal(hmac_template_sign(HMAC_SHA256, BYTES("key"), bytes_str(cases[i].template),
                                            &values, a, &a_n),
                         KH_OK);
        assert_int_equal(
            hmac_template_sign(HMAC_SHA256, BYTES("key"), BYTES("{body}"), &whole, b, &b_n), KH_OK);
        assert_int_equal(a_n, 32);
        assert_memory_equal(a, b, 32);
    }
}

static void
no_key_and_no_algorithm(void **state)
{
    const struct hmac_values values = {0};
    enum hmac_algorithm algorithm = HMAC_UNSET;
    uint8_t mac[HMAC_SIZE_MAX];
    size_t n = 7;

    (void)state;
    assert_int_equal(
        hmac_template_sign(HMAC_SHA256, BYTES_EMPTY, BYTES("{body}"), &values, mac, &n),
        KH_ERR_CRYPTO);
    assert_int_equal(hmac_template_sign(HMAC_UNSET, BYTES("k"), BYTES("{body}"), &values, mac, &n),
                     KH_ERR_CRYPTO);
    assert_int_equal(
        hmac_template_sign(HMAC_ALGORITHM_COUNT, BYTES("k"), BYTES("{body}"), &values, mac, &n),
        KH_ERR_CRYPTO);
    assert_int_equal(n, 7);
    assert_false(hmac_algorithm_find(BYTES("md5"), &algorithm));
    assert_false(hmac_algorithm_find(BYTES("SHA256"), &algorithm));
    assert_int_equal(algorithm, HMAC_UNSET);
    assert_true(hmac_algorithm_find(BYTES("sha512"), &algorithm));
    assert_int_equal(algorithm, HMAC_SHA512);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4231),
        cmocka_unit_test(bad_templates),
        cmocka_unit_test(templates),
        cmocka_unit_test(no_key_and_no_algorithm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
