/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/predicate.h"
#include "unit.h"

static void
attributes_have_rows(void **state)
{
    (void)state;
    assert_null(attribute_info(ATTRIBUTE_UNSET));
    assert_null(attribute_info(ATTRIBUTE_COUNT));
    assert_null(attribute_info((enum attribute) - 1));
    for (int i = ATTRIBUTE_UNSET + 1; i < ATTRIBUTE_COUNT; i++) {
        const struct attribute_info *info = attribute_info((enum attribute)i);
        assert_non_null(info);
        assert_true(strlen(info->text) > 0 && strlen(info->description) > 10);
        assert_true(info->type <= TYPE_HEX && info->place <= PLACE_DISCHARGE);
    }
}

/* Only the arena given is written to, and a caller that made it too small is told. */
static void
arena_is_bounded(void **state)
{
    (void)state;
    uint8_t text[64];
    struct predicate_value value[2];
    struct predicate p;
    struct bytes whole = BYTES("method in GET, HEAD, PUT");
    struct predicate_arena small = {.text = text, .text_cap = 64, .value = value, .value_cap = 2};
    size_t cursor = 0;
    expect_err("values", predicate_parse(whole, &cursor, &small, &p, NULL), KH_ERR_TOO_LONG);
    assert_int_equal(cursor, 0);
    struct predicate_arena narrow = {.text = text, .text_cap = 8, .value = value, .value_cap = 2};
    expect_err("text", predicate_parse(whole, &cursor, &narrow, &p, NULL), KH_ERR_TOO_LONG);
}

static void
faults_say_where(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"", "at byte 1:"},
        {"colour = red", "at byte 1: the attribute colour"},
        {"query[a = 1", "at byte 8: expected ]"},
        {"query = 1", "at byte 6: expected ["},
        {"method[a] = 1", "at byte 7: method takes no key"},
        {"method <= GET", "at byte 8: method cannot be compared with <="},
        {"port < x", "at byte 8: not a whole number"},
        {"method =", "at byte 9: expected one space"},
        {"header[a b] = 1", "at byte 9: expected ]"},
        {"header[\"a b\"] = 1", "at byte 8: not the name"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t text[64];
        struct predicate_value value[4];
        struct predicate_arena arena = {
            .text = text, .text_cap = sizeof text, .value = value, .value_cap = 4};
        struct predicate p;
        struct fault fault = {0};
        size_t cursor = 0;
        enum kh_err err = predicate_parse(bytes_str(cases[i].text), &cursor, &arena, &p, &fault);
        if (!err || strncmp(fault.detail, cases[i].where, strlen(cases[i].where)) != 0)
            FAIL_WITH("\"%s\": \"%s\", expected \"%s…\"", cases[i].text, fault.detail,
                      cases[i].where);
    }
}

static void
reads_from_the_cursor_on(void **state)
{
    (void)state;
    uint8_t text[64];
    struct predicate_value value[4];
    struct predicate_arena arena = {
        .text = text, .text_cap = sizeof text, .value = value, .value_cap = 4};
    struct predicate p;
    size_t cursor = 4;
    expect_err(
        "parse",
        predicate_parse(BYTES("xxx header[X-A] not in \"a b\",c or z"), &cursor, &arena, &p, NULL),
        KH_OK);
    assert_int_equal(cursor, 30);
    assert_int_equal(p.attribute, ATTRIBUTE_HEADER);
    assert_int_equal(p.operator_kind, OPERATOR_NOT_IN);
    assert_int_equal(p.count, 2);
    expect_text("key", p.key, "x-a");
    expect_text("first", p.value[0].text, "a b");
    expect_text("second", p.value[1].text, "c");
    BUFFER_AUTO out;
    buffer_init(&out, 100);
    predicate_print(&p, &out);
    expect_text("printed", buffer_bytes(&out), "header[x-a] not in \"a b\", c");
}

static void
nonsense_is_not_printed(void **state)
{
    (void)state;
    struct predicate p = {.attribute = ATTRIBUTE_UNSET};
    BUFFER_AUTO out;
    buffer_init(&out, 100);
    predicate_print(&p, &out);
    assert_true(out.failed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_have_rows),    cmocka_unit_test(arena_is_bounded),
        cmocka_unit_test(faults_say_where),        cmocka_unit_test(reads_from_the_cursor_on),
        cmocka_unit_test(nonsense_is_not_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
