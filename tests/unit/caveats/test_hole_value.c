/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/hole_internal.h"
#include "unit.h"

static void
models(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fine;
    } cases[] = {
        {"", false},
        {"cb69481e-8ff7-4039-93ec-0a2729a154a8", true},
        {"CB69481E-8FF7-4039-93EC-0A2729A154A8", true},
        {"cb69481e-8ff7-4039-93ec-0a2729a154a", false},
        {"cb69481e-8ff7-4039-93ec-0a2729a154a80", false},
        {"cb69481e8ff7-4039-93ec-0a2729a154a8-", false},
        {"cb69481e-8ff7-4039-93ec-0a2729a154ag", false},
        {"cb69481e-8ff7-4039-93ec00a2729a154a8", false},
        {"cb69481e88ff7-4039-93ec-0a2729a154a8", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (hole_value_is_aaguid(bytes_str(cases[i].text)) != cases[i].fine)
            FAIL_WITH("%s: expected %s", cases[i].text, cases[i].fine ? "true" : "false");
    }
}

static void
versions(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",    ".",          "5.",        "5..7", ".5",   "v5",
                                        "5.a", "5.7.4 ",     "1.2.3.4.5", "05",   "5.07", "-1",
                                        "5,7", "1234567890", "5.7-beta",  "5.+7"};
    static const struct {
        const char *text;
        uint32_t version[HOLE_VERSION_PARTS];
    } right[] = {
        {"5", {5}},
        {"5.7", {5, 7}},
        {"5.7.4", {5, 7, 4}},
        {"0.0.0.1", {0, 0, 0, 1}},
        {"999999999.0", {999999999}},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        uint32_t version[HOLE_VERSION_PARTS] = {77};
        if (hole_value_version(bytes_str(wrong[i]), version))
            FAIL_WITH("%s is taken for a version", wrong[i]);
        assert_int_equal(version[0], 77);
    }
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        uint32_t version[HOLE_VERSION_PARTS];
        memset(version, 0xff, sizeof version);
        assert_true(hole_value_version(bytes_str(right[i].text), version));
        assert_memory_equal(version, right[i].version, sizeof version);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models),
        cmocka_unit_test(versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
