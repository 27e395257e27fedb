/* SPDX-License-Identifier: Apache-2.0 */
/* Where a field's value stands, byte for byte; and what is not read for sure. */

#include "http_test.h"

#include "../../../broker/http/body_place.h"

static const struct {
    const char *body, *name;
    enum body_found found;
    const char *value;
} rows[] = {
    /* forms */
    {"", "k", BODY_FOUND_NOTHING, ""},
    {"a=b&k=v%41&c", "k", BODY_FOUND_ONE, "v%41"},
    {"%6b=v", "k", BODY_FOUND_ONE, "v"},
    {"k=v=w", "k", BODY_FOUND_ONE, "v=w"},
    {"k=", "k", BODY_FOUND_ONE, ""},
    {"k", "k", BODY_FOUND_ONE, ""},
    {"k=v&k=w", "k", BODY_FOUND_TWICE, NULL},
    {"k=v&%6B=w", "k", BODY_FOUND_TWICE, NULL},
    {"l=v&ak=w", "k", BODY_FOUND_NOTHING, ""},
    {"K=v", "k", BODY_FOUND_TWIN, NULL},
    {"k=v&K=w", "k", BODY_FOUND_TWIN, NULL},
    {"%4B=v&k=w", "k", BODY_FOUND_TWIN, NULL},
    {"%e2%84%aa=v&k=w", "k", BODY_FOUND_TWIN, NULL},
    {"api\xc5\xbf=v&apis=w", "apis", BODY_FOUND_TWIN, NULL},
    {"K=v&k=w&k=x", "k", BODY_FOUND_TWIN, NULL},
    {"k=v&a=b;k=w", "k", BODY_FOUND_TWIN, NULL},
    {"k=v;k=w", "k", BODY_FOUND_TWIN, NULL},
    {"a;K", "k", BODY_FOUND_TWIN, NULL},
    {"k=v;l=w&a;b", "k", BODY_FOUND_ONE, "v;l=w"},
    {"k;l=v", "k", BODY_FOUND_NOTHING, ""},
    {"%zz=v&k=w", "k", BODY_FOUND_ONE, "w"},
    /* JSON */
    {"{\"k\":\"v\"}", "/k", BODY_FOUND_ONE, "v"},
    {" { \"a\" : [1, -2.5e+3, true, null, {}], \"k\" : { \"l\" : \"v\" } } ", "/k/l",
     BODY_FOUND_ONE, "v"},
    {"[[],[\"x\",\"v\"]]", "/1/1", BODY_FOUND_ONE, "v"},
    {"{\"a/b~\":\"v\"}", "/a~1b~0", BODY_FOUND_ONE, "v"},
    {"{\"a\":\"\\\"k\\\\\",\"k\":\"v\"}", "/k", BODY_FOUND_ONE, "v"},
    {"{\"k\":\"\"}", "/k", BODY_FOUND_ONE, ""},
    {"{\"l\":{\"k\":\"v\"}}", "/k", BODY_FOUND_NOTHING, ""},
    {"{\"k\":1}", "/k", BODY_FOUND_NOTHING, ""},
    {"{\"k\":[\"v\"]}", "/k", BODY_FOUND_NOTHING, ""},
    {"{\"k\":\"v\",\"k\":\"w\"}", "/k", BODY_FOUND_TWICE, NULL},
    {"{\"k\":\"v\",\"k\":1}", "/k", BODY_FOUND_TWICE, NULL},
    {"{\"a\":{\"k\":\"v\"},\"a\":{\"k\":\"w\"}}", "/a/k", BODY_FOUND_TWICE, NULL},
    {"{\"\\u006b\":\"v\",\"k\":\"w\"}", "/k", BODY_FOUND_TWICE, NULL},
    {"{\"\\u006b\":\"v\",\"\\ud83d\\ude00\\n\":1}", "/k", BODY_FOUND_ONE, "v"},
    {"{\"K\":\"v\"}", "/k", BODY_FOUND_TWIN, NULL},
    {"{\"k\":\"v\",\"K\":1}", "/k", BODY_FOUND_TWIN, NULL},
    {"{\"K\":1,\"k\":\"v\",\"k\":\"w\"}", "/k", BODY_FOUND_TWIN, NULL},
    {"{\"\\u212a\":\"v\"}", "/k", BODY_FOUND_TWIN, NULL},
    {"{\"A\":{\"k\":\"v\"},\"a\":{\"k\":\"w\"}}", "/a/k", BODY_FOUND_TWIN, NULL},
    {"{\"a\":{\"K\":\"v\"},\"b\":{\"k\":\"w\"}}", "/b/k", BODY_FOUND_ONE, "w"},
    {"{\"\\u00\":1,\"k\":\"v\"}", "/k", BODY_FOUND_UNCLEAR, NULL},
    {"{\"\\ud83d\":1,\"k\":\"v\"}", "/k", BODY_FOUND_UNCLEAR, NULL},
    {"{\"k\\u0000\":1,\"k\":\"v\"}", "/k", BODY_FOUND_UNCLEAR, NULL},
    {"{\"k\":\"v\"", "/k", BODY_FOUND_UNCLEAR, NULL},
    {"{\"k\":\"v\"}x", "/k", BODY_FOUND_UNCLEAR, NULL},
    {"{\"k\":\"v\",}", "/k", BODY_FOUND_UNCLEAR, NULL},
    {"{\"k\" \"v\"}", "/k", BODY_FOUND_UNCLEAR, NULL},
    {"{\"k\":\"v\n\"}", "/k", BODY_FOUND_UNCLEAR, NULL},
    {"{\"k\":\"v\\", "/k", BODY_FOUND_UNCLEAR, NULL},
    {"\"k\"", "/k", BODY_FOUND_NOTHING, ""},
    {"", "/k", BODY_FOUND_NOTHING, ""},
    {"[", "/0", BODY_FOUND_UNCLEAR, NULL},
    {"\xef\xbb\xbf{\"k\":\"v\"}", "/k", BODY_FOUND_UNCLEAR, NULL},
};

static void
test_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct body_place place = {0};
        struct bytes body = bytes_str(rows[i].body);
        enum body_found found = body_place_find(body, bytes_str(rows[i].name), &place);
        if (found != rows[i].found)
            fail_msg("%s of %s: %d", rows[i].name, rows[i].body, (int)found);
        if (rows[i].value)
            assert_text(bytes_slice(body, place.start, place.n), rows[i].value);
    }
}

static void
test_depth(void **state)
{
    static char deep[100001];
    struct body_place place;

    (void)state;
    memset(deep, '[', sizeof deep - 1);
    assert_int_equal(body_place_find(bytes_str(deep), BYTES("/0"), &place), BODY_FOUND_UNCLEAR);
}

static void
test_write(void **state)
{
    BUFFER_AUTO out;

    (void)state;
    buffer_init(&out, 256);
    body_place_write(&(struct body_place){.json = true}, BYTES("a\"b\\c\n/"), &out);
    assert_text(buffer_bytes(&out), "a\\\"b\\\\c\\n/");
    buffer_clear(&out);
    body_place_write(&(struct body_place){.json = false}, BYTES("a&b=c d+"), &out);
    assert_text(buffer_bytes(&out), "a%26b%3Dc%20d%2B");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
