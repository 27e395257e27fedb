/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/path.h"
#include "../../../caveats/path_bytes.h"
#include "unit.h"

static void
bad_escapes_are_refused(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        BYTES("%"), BYTES("a%2"), BYTES("%zz"), BYTES("%00"), BYTES("a\0b"), BYTES("%+1"),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        BUFFER_AUTO out;
        buffer_init(&out, 100);
        expect_err("form_decode", form_decode(bad[i], &out), KH_ERR_SYNTAX);
        assert_int_equal(out.n, 0);
    }
    BUFFER_AUTO small;
    buffer_init(&small, 2);
    expect_err("form_decode", form_decode(BYTES("abc"), &small), KH_ERR_TOO_LONG);
}

static void
both_ways(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    buffer_init(&out, 1000);
    expect_err("decode", form_decode(BYTES("a+b%20%2B%c3%a4&=/%0a"), &out), KH_OK);
    expect_text("decoded", buffer_bytes(&out), "a b +\xc3\xa4&=/\n");
    buffer_clear(&out);
    form_encode(BYTES("a b+~-._/%&\xc3\xa4\n"), &out);
    expect_text("encoded", buffer_bytes(&out), "a%20b%2B~-._%2F%25%26%C3%A4%0A");

    for (unsigned c = 1; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        BUFFER_AUTO text;
        BUFFER_AUTO back;
        buffer_init(&text, 10);
        buffer_init(&back, 10);
        form_encode(bytes_of(&byte, 1), &text);
        expect_err("back", form_decode(buffer_bytes(&text), &back), KH_OK);
        expect_bytes("back", buffer_bytes(&back), bytes_of(&byte, 1));
    }
}

static void
byte_classes(void **state)
{
    (void)state;
    unsigned unreserved = 0, pchar = 0;
    for (unsigned c = 0; c < 256; c++) {
        unreserved += path_byte_is_unreserved((uint8_t)c);
        pchar += path_byte_is_pchar((uint8_t)c);
    }
    assert_int_equal(unreserved, 66); /* RFC 3986 section 2.3 */
    assert_int_equal(pchar, 66 + 13); /* and sub-delims, ':', '@' */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_escapes_are_refused),
        cmocka_unit_test(both_ways),
        cmocka_unit_test(byte_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
