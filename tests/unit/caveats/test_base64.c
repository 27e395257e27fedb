/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/base64.h"
#include "unit.h"

struct vector {
    const char *data, *url, *standard;
};

/* RFC 4648 section 10, and both alphabets. */
static const struct vector vectors[] = {
    {"", "", ""},
    {"f", "Zg", "Zg=="},
    {"fo", "Zm8", "Zm8="},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg", "Zm9vYg=="},
    {"fooba", "Zm9vYmE", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "-_-_", "+/+/"},
};

static void
deviations_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum base64_kind kind;
        const char *text;
    } bad[] = {
        {BASE64_URL, "Z"},         {BASE64_URL, "Zg=="},          {BASE64_URL, "Zg="},
        {BASE64_URL, "Zh"},        {BASE64_URL, "Zm9"},           {BASE64_URL, "Zm9v\n"},
        {BASE64_URL, " Zm9v"},     {BASE64_URL, "Zm 9v"},         {BASE64_URL, "+/+/"},
        {BASE64_URL, "Zm9v\xc3"},  {BASE64_STANDARD, "Zg"},       {BASE64_STANDARD, "Zg="},
        {BASE64_STANDARD, "Zh=="}, {BASE64_STANDARD, "-_-_"},     {BASE64_STANDARD, "Zg==="},
        {BASE64_STANDARD, "===="}, {BASE64_STANDARD, "Zg==Zg=="}, {BASE64_STANDARD, "Zm9v===="},
        {BASE64_STANDARD, "Z==="}, {BASE64_STANDARD, "="},        {BASE64_STANDARD, "Zg==\n"},
    };
    BUFFER_AUTO out;
    buffer_init(&out, 100);
    buffer_put_str(&out, "kept");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (base64_decode(bad[i].kind, bytes_str(bad[i].text), &out) || out.n != 4)
            FAIL_WITH("\"%s\" was accepted", bad[i].text);
    }
    assert_false(base64_decode(BASE64_URL, BYTES("Zm9vYg\0x"), &out));
    expect_text("untouched", buffer_bytes(&out), "kept");
}

static void
both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 100);
        base64_encode(BASE64_URL, bytes_str(vectors[i].data), &out);
        expect_text("url", buffer_bytes(&out), vectors[i].url);
        buffer_clear(&out);
        base64_encode(BASE64_STANDARD, bytes_str(vectors[i].data), &out);
        expect_text("standard", buffer_bytes(&out), vectors[i].standard);
        buffer_clear(&out);
        assert_true(base64_decode(BASE64_URL, bytes_str(vectors[i].url), &out));
        assert_true(base64_decode(BASE64_STANDARD, bytes_str(vectors[i].standard), &out));
        assert_int_equal(out.n, 2 * strlen(vectors[i].data));
        assert_memory_equal(out.p ? (const char *)out.p : "", vectors[i].data,
                            strlen(vectors[i].data));
    }
}

static void
one_text_for_one_value(void **state)
{
    (void)state;
    struct random r = random_seeded("base64", 1);
    for (int i = 0; i < 20000; i++) {
        char text[6];
        size_t n = random_below(&r, sizeof text);
        for (size_t k = 0; k < n; k++)
            text[k] = "AZaz09-_=+/ QwBg"[random_below(&r, 16)];
        BUFFER_AUTO data;
        BUFFER_AUTO again;
        buffer_init(&data, 100);
        buffer_init(&again, 100);
        enum base64_kind kind = i % 2 ? BASE64_URL : BASE64_STANDARD;
        if (!base64_decode(kind, bytes_of(text, n), &data))
            continue;
        base64_encode(kind, buffer_bytes(&data), &again);
        expect_bytes("encoded again", buffer_bytes(&again), bytes_of(text, n));
    }
}

static void
limit_of_the_buffer(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    buffer_init(&out, 2);
    assert_false(base64_decode(BASE64_URL, BYTES("Zm9v"), &out));
    assert_true(out.failed && out.n == 0);
    buffer_clear(&out);
    base64_encode(BASE64_URL, BYTES("foo"), &out);
    assert_true(out.failed && out.n == 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deviations_are_refused),
        cmocka_unit_test(both_ways),
        cmocka_unit_test(one_text_for_one_value),
        cmocka_unit_test(limit_of_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
