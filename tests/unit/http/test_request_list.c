/* SPDX-License-Identifier: Apache-2.0 */
/* An item goes or comes, and no other byte changes. */

#include "request_test.h"

#include "../../../broker/http/request_list.h"

static void
test_which_fields(void **state)
{
    (void)state;
    assert_int_equal(request_list_of(BYTES("Cookie")), REQUEST_COOKIES);
    assert_int_equal(request_list_of(BYTES("sec-websocket-protocol")), REQUEST_SUBPROTOCOLS);
    assert_int_equal(request_list_of(BYTES("cookie2")), REQUEST_LIST_COUNT);
    assert_int_equal(request_list_of(BYTES_EMPTY), REQUEST_LIST_COUNT);
}

static const struct row {
    enum request_list list;
    const char *value, *name, *text; /* of the first item */
} reads[] = {
    {REQUEST_COOKIES, "a=b", "a", "b"},     {REQUEST_COOKIES, " a = b ", "a", "b"},
    {REQUEST_COOKIES, "a=\"b\"", "a", "b"}, {REQUEST_COOKIES, "a=\"", "a", "\""},
    {REQUEST_COOKIES, "a=b=c", "a", "b=c"}, {REQUEST_COOKIES, "a", "a", ""},
    {REQUEST_COOKIES, ";a=b", "", ""},      {REQUEST_SUBPROTOCOLS, " a=b , c", "", "a=b"},
};

static void
test_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        const struct request_list_rules *rules = &request_list_rules[reads[i].list];
        struct bytes item, name, text;
        size_t at = 0;

        assert_true(request_list_next(rules, bytes_str(reads[i].value), &at, &item));
        request_list_read(rules, item, &name, &text);
        assert_text(name, reads[i].name);
        assert_text(text, reads[i].text);
    }
}

static const struct {
    const char *value;
    struct request_list_change change;
    const char *want;
} changes[] = {
    {"", {.drop = SIZE_MAX}, ""},
    {"", {.drop = SIZE_MAX, .place = SIZE_MAX, .item = TEXT("n=v")}, "n=v"},
    {"a=b;  c=d;", {.drop = SIZE_MAX, .place = SIZE_MAX}, "a=b;  c=d;"},
    {"k=t", {.drop = 0}, ""},
    {"k=t; a=b", {.drop = 0}, "a=b"},
    {"a=b;\tk=t;c", {.drop = 1}, "a=b;c"},
    {"a=b; k=t", {.drop = 1}, "a=b"},
    {"a=b; ; k=t", {.drop = 2}, "a=b;"},
    {";\t;k=t", {.drop = 2}, ";"},
    {"a=b; c=d", {.drop = SIZE_MAX, .place = 0, .item = TEXT("n=v")}, "n=v;a=b; c=d"},
    {"a=b; c=d", {.drop = SIZE_MAX, .place = 1, .item = TEXT("n=v")}, "a=b; n=v; c=d"},
    {"a=b; c=d", {.drop = SIZE_MAX, .place = 2, .item = TEXT("n=v")}, "a=b; c=d; n=v"},
    {"n=1; a=b; n=2",
     {.drop = SIZE_MAX, .drop_name = TEXT("n"), .place = 1, .item = TEXT("n=v")},
     "a=b; n=v"},
    {"a=b ;c=d\t; e", {.drop = 2, .place = SIZE_MAX}, "a=b ;c=d"},
    {"a=b ;; c=d", {.drop = SIZE_MAX, .place = SIZE_MAX}, "a=b ;; c=d"},
    {"n=1; a=b ;c", {.drop = 0, .place = SIZE_MAX}, "a=b ;c"},
    {"N=1; nn=2", {.drop = SIZE_MAX, .drop_name = TEXT("n"), .place = SIZE_MAX}, "N=1; nn=2"},
};

static void
test_changing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        BUFFER_AUTO out;

        buffer_init(&out, 1024);
        request_list_write(&request_list_rules[REQUEST_COOKIES], bytes_str(changes[i].value),
                           &changes[i].change, &out);
        assert_text(buffer_bytes(&out), changes[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_fields),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_changing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
