/* SPDX-License-Identifier: Apache-2.0 */
/* AAGUIDs and firmware versions as text. */
#include "webauthn_test.h"

static void
test_bad_aaguids(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "cb69481e-8ff7-4039-93ec-0a2729a154a",
        "cb69481e-8ff7-4039-93ec-0a2729a154a80",
        "cb69481e8ff7403993ec0a2729a154a8",
        "cb69481e-8ff7-4039-93ec-0a2729a154ag",
        "cb69481-e8ff7-4039-93ec-0a2729a154a8",
        "{cb69481e-8ff7-4039-93ec-0a2729a154a8",
        "cb69481e-8ff7-4039-93ec--a2729a154a8",
        " b69481e-8ff7-4039-93ec-0a2729a154a8",
    };
    uint8_t out[16] = {9};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (webauthn_aaguid_parse(bytes_str(bad[i]), out))
            FAIL_WITH("\"%s\" was taken", bad[i]);
    assert_int_equal(out[0], 9);
}

static void
test_aaguids(void **state)
{
    (void)state;
    static const char text[] = "cb69481e-8ff7-4039-93ec-0a2729a154a8";
    static const uint8_t bytes[16] = {0xcb, 0x69, 0x48, 0x1e, 0x8f, 0xf7, 0x40, 0x39,
                                      0x93, 0xec, 0x0a, 0x27, 0x29, 0xa1, 0x54, 0xa8};
    uint8_t out[16];
    char again[AAGUID_TEXT_SIZE];
    assert_true(webauthn_aaguid_parse(bytes_str(text), out));
    assert_memory_equal(out, bytes, 16);
    webauthn_aaguid_print(out, again);
    assert_string_equal(again, text);
}

static void
test_firmware(void **state)
{
    (void)state;
    static const struct {
        const char *text, *again;
        uint32_t firmware;
    } good[] = {
        {"5.7.4", "5.7.4", 0x050704},
        {"5.7", "5.7.0", 0x050700},
        {"5", "5.0.0", 0x050000},
        {"255.255.255", "255.255.255", 0xffffff},
        {"0", "0.0.0", 0},
    };
    static const char *const bad[] = {"",      ".",      "5.",      "5.7.4.1", "5..4", "256",
                                      "5.256", "5.7.4 ", " 5.7.4",  "v5.7",    "-1",   "5.07",
                                      "5,7",   "5.7.x",  "5.7.4\n", "+5"};
    uint32_t out = 7;
    char again[16];
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (webauthn_firmware_parse(bytes_str(bad[i]), &out))
            FAIL_WITH("\"%s\" was taken", bad[i]);
    assert_int_equal(out, 7);
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(webauthn_firmware_parse(bytes_str(good[i].text), &out));
        assert_int_equal(out, good[i].firmware);
        webauthn_firmware_print(out, again);
        assert_string_equal(again, good[i].again);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_aaguids),
        cmocka_unit_test(test_aaguids),
        cmocka_unit_test(test_firmware),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
