/* SPDX-License-Identifier: Apache-2.0 */
/* The table of field names: what each rule rests on. */

#include "unit.h"

#include "../../../caveats/field_name.h"

static unsigned
traits(const char *name)
{
    return field_traits(bytes_str(name));
}

static void
test_ordinary_names_have_no_traits(void **state)
{
    static const char *const names[] = {
        "", "accept", "x-request-id", "hosts", "hos", "proxyfoo", "x-forwardedfor", "keyhole",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(traits(names[i]), 0);
}

static void
test_case_does_not_matter(void **state)
{
    (void)state;
    assert_int_equal(traits("CoNtEnT-lEnGtH"), traits("content-length"));
    assert_true(traits("PROXY-CONNECTION") & FIELD_HOP);
}

static void
test_prefixes(void **state)
{
    (void)state;
    assert_true(traits("proxy-anything") & FIELD_HOP);
    assert_true(traits("proxy-") & FIELD_HOP);
    assert_true(traits("keyhole-token") & FIELD_ROUTE);
    assert_true(traits("x-forwarded-for") & FIELD_ROUTE);
    assert_true(traits("proxy-authorization") & FIELD_CREDENTIAL);
    assert_false(traits("proxy-authenticate") & FIELD_CREDENTIAL);
}

/* docs/THREATS.md, 3: the duplicates that are refused. */
static void
test_singles(void **state)
{
    static const char *const names[] = {
        "host",    "content-length", "transfer-encoding", "authorization",       "content-type",
        "upgrade", "expect",         "content-encoding",  "proxy-authorization",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_true(traits(names[i]) & FIELD_SINGLE_REQUEST);
    assert_true(traits("content-length") & FIELD_SINGLE_RESPONSE);
    assert_true(traits("transfer-encoding") & FIELD_SINGLE_RESPONSE);
    assert_false(traits("cookie") & FIELD_SINGLE_REQUEST);
    assert_false(traits("set-cookie") & FIELD_SINGLE_RESPONSE);
}

static void
test_no_option_and_no_trailer(void **state)
{
    static const char *const names[] = {
        "host",          "content-length", "transfer-encoding",
        "authorization", "cookie",         "proxy-authorization",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_true(traits(names[i]) & FIELD_NO_OPTION);
        assert_true(traits(names[i]) & FIELD_NO_TRAILER);
    }
}

/* Every name of the table, and every name that is one byte away from it. */
static void
test_every_row(void **state)
{
    static const struct {
        enum field_id id;
        const char *name;
    } rows[] = {
#define FIELD(id, name, traits) {FIELD_ID_##id, name},
#include "../../../caveats/field_name.def"
#undef FIELD
    };

    (void)state;
    assert_int_equal(COUNT_OF(rows), FIELD_ID_COUNT - 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct bytes name = bytes_str(rows[i].name);
        bool is_prefix = bytes_ends(name, BYTES("-"));
        uint8_t text[64];

        memcpy(text, name.p, name.n);
        assert_int_equal(field_identify(name), rows[i].id);
        text[name.n] = 'z';
        assert_int_equal(field_identify(bytes_of(text, name.n + 1)) == rows[i].id, is_prefix);
        assert_int_not_equal(field_identify(bytes_of(text, name.n - 1)), rows[i].id);
        assert_int_not_equal(field_identify(bytes_of(text + 1, name.n - 1)), rows[i].id);
        for (size_t at = 0; at < name.n; at++) {
            bool is_letter = text[at] >= 'a' && text[at] <= 'z';

            for (unsigned c = 0; c < 256; c++) {
                bool same = c == name.p[at] || (is_letter && c == (name.p[at] ^ 0x20u));

                text[at] = (uint8_t)c;
                if ((field_identify(bytes_of(text, name.n)) == rows[i].id) != same)
                    fail_msg("%s with 0x%02x at %zu", rows[i].name, c, at);
            }
            text[at] = name.p[at];
        }
    }
}

static void
test_others_have_no_row(void **state)
{
    static const char long_name[] = "x-nothing-that-anybody-knows-and-longer-than-any-row-of-it";

    (void)state;
    assert_int_equal(field_identify(BYTES_EMPTY), FIELD_ID_OTHER);
    for (size_t n = 1; n < sizeof long_name; n++)
        assert_int_equal(field_identify(bytes_of(long_name, n)), FIELD_ID_OTHER);
    assert_int_equal(field_identify(BYTES("keyhole-with-a-name-that-is-longer-than-any-row")),
                     FIELD_ID_KEYHOLE_);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_names_have_no_traits),
        cmocka_unit_test(test_case_does_not_matter),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_singles),
        cmocka_unit_test(test_no_option_and_no_trailer),
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_others_have_no_row),
    };
    return cmocka_run_group_tests_name("caveats/field_name", tests, NULL, NULL);
}
