/* SPDX-License-Identifier: Apache-2.0 */
/* The data types of SSH: what is cut short, what goes on, and numbers in their one form. */

#include "webauthn_test.h"

#include "../../../broker/webauthn/ssh_wire.h"

static void
test_cut_short(void **state)
{
    (void)state;
    static const struct bytes texts[] = {{NULL, 0},
                                         BYTES("\0"),
                                         BYTES("\0\0\0"),
                                         BYTES("\0\0\0\1"),
                                         BYTES("\0\0\0\3ab"),
                                         BYTES("\xff\xff\xff\xff"
                                               "a")};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct ssh_wire wire;
        ssh_wire_init(&wire, texts[i]);
        assert_int_equal(ssh_wire_get_string(&wire).n, 0);
        assert_false(ssh_wire_end(&wire));
        // nothing after a fault is believed
        assert_int_equal(ssh_wire_get_u8(&wire), 0);
        assert_int_equal(ssh_wire_get_u32(&wire), 0);
        assert_false(ssh_wire_end(&wire));
    }
}

static void
test_read(void **state)
{
    (void)state;
    struct ssh_wire wire;
    ssh_wire_init(&wire, BYTES("\x07\x01\x02\x03\x04\0\0\0\2ab\0\0\0\0"));
    assert_int_equal(ssh_wire_get_u8(&wire), 7);
    assert_int_equal(ssh_wire_get_u32(&wire), 0x01020304);
    assert_true(bytes_is(ssh_wire_get_string(&wire), "ab"));
    assert_false(ssh_wire_end(&wire)); // four bytes are left
    assert_int_equal(ssh_wire_get_string(&wire).n, 0);
    assert_true(ssh_wire_end(&wire));
}

static void
test_numbers(void **state)
{
    (void)state;
    static const struct {
        struct bytes text, value;
        bool good;
    } cases[] = {
        {BYTES("\0\0\0\0"), BYTES(""), false},              // zero
        {BYTES("\0\0\0\1\0"), BYTES(""), false},            // zero, written out
        {BYTES("\0\0\0\1\x80"), BYTES(""), false},          // negative
        {BYTES("\0\0\0\2\0\x7f"), BYTES(""), false},        // a zero too many
        {BYTES("\0\0\0\3\0\0\x80"), BYTES(""), false},      // two
        {BYTES("\0\0\0\2\1"), BYTES(""), false},            // cut short
        {BYTES("\0\0\0\1\x7f"), BYTES("\x7f"), true},       // positive
        {BYTES("\0\0\0\2\0\x80"), BYTES("\x80"), true},     // positive by its zero
        {BYTES("\0\0\0\2\1\x80"), BYTES("\x01\x80"), true}, // no zero needed
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ssh_wire wire;
        ssh_wire_init(&wire, cases[i].text);
        struct bytes value = ssh_wire_get_mpint(&wire);
        if (ssh_wire_end(&wire) != cases[i].good || !bytes_equal(value, cases[i].value))
            FAIL_WITH("case %zu: %s, %zu bytes", i, wire.failed ? "refused" : "taken", value.n);
    }
}

static void
test_write(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    buffer_init(&out, 64);
    ssh_wire_put_string(&out, BYTES("ab"));
    ssh_wire_put_string(&out, BYTES(""));
    assert_true(bytes_equal(buffer_bytes(&out), BYTES("\0\0\0\2ab\0\0\0\0")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
