/* SPDX-License-Identifier: Apache-2.0 */
/* AAGUIDs and firmware versions as text. */
#include "webauthn_test.h"

static void
test_aaguids(void **state)
{
    (void)state;
    static const uint8_t bytes[16] = {0xcb, 0x69, 0x48, 0x1e, 0x8f, 0xf7, 0x40, 0x39,
                                      0x93, 0xec, 0x0a, 0x27, 0x29, 0xa1, 0x54, 0xa8};
    char text[AAGUID_TEXT_SIZE];
    webauthn_aaguid_print(bytes, text);
    assert_string_equal(text, "cb69481e-8ff7-4039-93ec-0a2729a154a8");
}

static void
test_firmware(void **state)
{
    (void)state;
    static const struct {
        uint32_t firmware;
        const char *text;
    } row[] = {
        {0x050704, "5.7.4"},
        {0x050700, "5.7.0"},
        {0xffffff, "255.255.255"},
        {0, "0.0.0"},
    };
    for (size_t i = 0; i < COUNT_OF(row); i++) {
        char text[16];
        webauthn_firmware_print(row[i].firmware, text);
        assert_string_equal(text, row[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aaguids),
        cmocka_unit_test(test_firmware),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
