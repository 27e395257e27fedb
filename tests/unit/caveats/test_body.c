/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON bodies: what is refused, what stands at a pointer, and that numbers stay as written.
 */

#include "../../../caveats/body.h"
#include "unit.h"

enum { LARGE = 1 << 20 };

static struct body_value
read_one(struct bytes json, const char *pointer, enum kh_err expected, struct buffer *storage)
{
    struct body_value value = {.type = BODY_TYPE_COUNT};
    struct bytes at = bytes_str(pointer);
    buffer_init(storage, BODY_VALUES_TEXT_MAX);
    enum kh_err err = body_read(json, &at, 1, &value, storage);
    if (err != expected)
        FAIL_WITH("\"%.*s\": %s, expected %s", (int)(json.n < 200 ? json.n : 200),
                  (const char *)json.p, kh_err_code(err), kh_err_code(expected));
    if (err && value.type != BODY_TYPE_COUNT)
        FAIL_WITH("\"%.*s\": a value was written on failure", BYTES_ARG(json));
    return value;
}

static void
expect_refused(struct bytes json)
{
    struct buffer storage;
    read_one(json, "", KH_ERR_SYNTAX, &storage);
    buffer_free(&storage);
}

static void
expect_at(const char *json, const char *pointer, enum body_type type, const char *text)
{
    struct buffer storage;
    struct body_value value = read_one(bytes_str(json), pointer, KH_OK, &storage);
    if (value.type != type || !bytes_is(value.text, text))
        FAIL_WITH("%s in %s: type %d \"%.*s\", expected type %d \"%s\"", pointer, json, value.type,
                  BYTES_ARG(value.text), type, text);
    buffer_free(&storage);
}

static void
not_json(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":}",
        "{\"a\":1",
        "nul",
        "True",
        "undefined",
        "NaN",
        "Infinity",
        "-Infinity",
        "'a'",
        "[1,]",
        "{\"a\":1,}",
        "[,1]",
        "{a:1}",
        "1 2",
        "[1 2]",
        "{} {}",
        "{}x",
        "x{}",
        "/**/1",
        "[1]//",
        "\"\\x41\"",
        "\"\\u00g0\"",
        "\"\t\"",
        "\"\n\"",
        "\"\x7f\\\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\u0000\"",
        "{\"\\u0000\":1}",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\xef\xbb\xbf{}",
        "\v1",
        "\xc2\xa0"
        "1",
        /* numbers */
        "-",
        "+1",
        "01",
        "-01",
        "00",
        ".5",
        "5.",
        "-.5",
        "1.e5",
        "1e",
        "1e+",
        "1ee5",
        "0x10",
        "1_000",
        "1,5",
        "1.5.5",
        "12-3",
        "1-1",
        "1e5e5",
        "1e5.5",
        "--1",
        "-a",
        "1a",
        "a1",
        "1\"a\"",
        "1[",
        "1{",
        "[0,1,2,3,4,5,6,7,8,9,10,11-1]",
        "[1.2.3,1]",
        "1:2",
        "true1",
        "1true",
        "\"a\"1",
        /* duplicates, at any depth and however they are written */
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"\\u0061\":2}",
        "[{\"x\":{\"y\":1,\"z\":2,\"y\":3}}]",
        "{\"\":1,\"\":2}",
        "{\"\xc3\xa9\":1,\"\\u00e9\":2}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect_refused(bytes_str(bad[i]));
    expect_refused(BYTES("{\"a\":\"x\0y\"}"));
    expect_refused(BYTES("1\0"));
    expect_refused(BYTES("\0"));
}

static void
too_many_pointers(void **state)
{
    (void)state;
    struct bytes pointer[BODY_POINTERS_MAX + 1];
    struct body_value value[BODY_POINTERS_MAX + 1];
    BUFFER_AUTO storage;
    buffer_init(&storage, BODY_VALUES_TEXT_MAX);
    for (size_t i = 0; i < COUNT_OF(pointer); i++)
        pointer[i] = BYTES("/a");
    expect_err("one too many", body_read(BYTES("{}"), pointer, COUNT_OF(pointer), value, &storage),
               KH_ERR_RANGE);
    expect_err("as many as may be",
               body_read(BYTES("{\"a\":5}"), pointer, BODY_POINTERS_MAX, value, &storage), KH_OK);
    expect_text("the last", value[BODY_POINTERS_MAX - 1].text, "5");
    buffer_clear(&storage);
    expect_err("none", body_read(BYTES("{}"), NULL, 0, NULL, &storage), KH_OK);
}

static void
depth(void **state)
{
    (void)state;
    for (int deep = 63; deep <= 66; deep++) {
        for (int kind = 0; kind < 3; kind++) {
            BUFFER_AUTO json;
            buffer_init(&json, 4096);
            for (int i = 0; i < deep; i++)
                buffer_put_str(&json, kind == 0 || (kind == 2 && i % 2) ? "[" : "{\"a\":");
            buffer_put_str(&json, "1");
            for (int i = deep; i-- > 0;)
                buffer_put_str(&json, kind == 0 || (kind == 2 && i % 2) ? "]" : "}");
            struct buffer storage;
            struct body_value value = read_one(
                buffer_bytes(&json), "", deep <= BODY_DEPTH_MAX ? KH_OK : KH_ERR_SYNTAX, &storage);
            if (deep <= BODY_DEPTH_MAX)
                assert_int_not_equal(value.type, BODY_VALUE_ABSENT);
            buffer_free(&storage);
        }
    }
    /* side by side is not deep, brackets in strings are none, and unbalanced ones end the reading
     */
    BUFFER_AUTO wide;
    struct buffer storage;
    buffer_init(&wide, LARGE);
    buffer_put_str(&wide, "[\"[[[[{{{{\"");
    for (int i = 0; i < 1000; i++)
        buffer_put_str(&wide, ",[{}]");
    buffer_put_str(&wide, "]");
    assert_int_equal(read_one(buffer_bytes(&wide), "", KH_OK, &storage).type, BODY_VALUE_ARRAY);
    buffer_free(&storage);
    buffer_clear(&wide);
    for (int i = 0; i < 100000; i++)
        buffer_put_str(&wide, i % 2 ? "]" : "[");
    expect_refused(buffer_bytes(&wide));
    buffer_clear(&wide);
    for (int i = 0; i < 500000; i++)
        buffer_put_byte(&wide, '[');
    expect_refused(buffer_bytes(&wide));
}

static void
numbers_stay_as_written(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "1.0",
        "0.50",
        "1e2",
        "1E2",
        "1e+2",
        "1e-2",
        "-1.5E-10",
        "9007199254740993",
        "9007199254740992",
        "9007199254740993.0",
        "18446744073709551616",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999",
        "0.1000000000000000055511151231257827",
        "123456789012345678901234567890123456789012345678901234567890.5",
    };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        char json[256];
        snprintf(json, sizeof json, "{\"b\":[7,{\"c\":8}],\"a\":%s,\"z\":9}", numbers[i]);
        expect_at(json, "/a", BODY_VALUE_NUMBER, numbers[i]);
        expect_at(json, "/z", BODY_VALUE_NUMBER, "9");
        expect_at(numbers[i], "", BODY_VALUE_NUMBER, numbers[i]);
        snprintf(json, sizeof json, "\r\n\t [ %s\n,%s\t]", numbers[i], numbers[i]);
        expect_at(json, "/0", BODY_VALUE_NUMBER, numbers[i]);
        expect_at(json, "/1", BODY_VALUE_NUMBER, numbers[i]);
    }
    /* digits in strings and names are no numbers */
    expect_at("{\"1\":\"2\",\"-3\":\"4e5\"}", "/1", BODY_VALUE_STRING, "2");
    expect_at("{\"1\":\"2\",\"-3\":\"4e5\"}", "/-3", BODY_VALUE_STRING, "4e5");
    expect_at("{\"a\\\"1\":\"\\\\\",\"b\":7}", "/b", BODY_VALUE_NUMBER, "7");
}

/* More numbers than one index digit, each found again. */
static void
many_numbers(void **state)
{
    (void)state;
    BUFFER_AUTO json;
    buffer_init(&json, LARGE);
    buffer_put_byte(&json, '[');
    for (int i = 0; i < 20000; i++)
        buffer_printf(&json, "%s%d", i ? "," : "", 3 * i);
    buffer_put_byte(&json, ']');
    for (int i = 0; i < 20000; i += 1777) {
        char pointer[16], expected[16];
        snprintf(pointer, sizeof pointer, "/%d", i);
        snprintf(expected, sizeof expected, "%d", 3 * i);
        expect_at(buffer_text(&json), pointer, BODY_VALUE_NUMBER, expected);
    }
}

static void
types(void **state)
{
    (void)state;
    static const char json[] =
        "{\"s\":\"x\",\"e\":\"\",\"t\":true,\"f\":false,\"n\":null,\"a\":[],\"o\":{}}";
    expect_at(json, "/s", BODY_VALUE_STRING, "x");
    expect_at(json, "/e", BODY_VALUE_STRING, "");
    expect_at(json, "/t", BODY_VALUE_TRUE, "true");
    expect_at(json, "/f", BODY_VALUE_FALSE, "false");
    expect_at(json, "/n", BODY_VALUE_NULL, "null");
    expect_at(json, "/a", BODY_VALUE_ARRAY, "");
    expect_at(json, "/o", BODY_VALUE_OBJECT, "");
    expect_at(json, "", BODY_VALUE_OBJECT, "");
    expect_at(json, "/missing", BODY_VALUE_ABSENT, "");
    expect_at("\"a\\u00e9\\n\\/\\ud83d\\ude00\"", "", BODY_VALUE_STRING,
              "a\xc3\xa9\n/\xf0\x9f\x98\x80");
    expect_at("null", "", BODY_VALUE_NULL, "null");
}

/* RFC 6901 section 5, and what its sections 3 and 4 rule out. */
static void
pointers(void **state)
{
    (void)state;
    static const char json[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,"
                               "\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8,\"~1\":9}";
    expect_at(json, "/foo", BODY_VALUE_ARRAY, "");
    expect_at(json, "/foo/0", BODY_VALUE_STRING, "bar");
    expect_at(json, "/foo/1", BODY_VALUE_STRING, "baz");
    expect_at(json, "/", BODY_VALUE_NUMBER, "0");
    expect_at(json, "/a~1b", BODY_VALUE_NUMBER, "1");
    expect_at(json, "/c%d", BODY_VALUE_NUMBER, "2");
    expect_at(json, "/e^f", BODY_VALUE_NUMBER, "3");
    expect_at(json, "/g|h", BODY_VALUE_NUMBER, "4");
    expect_at(json, "/i\\j", BODY_VALUE_NUMBER, "5");
    expect_at(json, "/k\"l", BODY_VALUE_NUMBER, "6");
    expect_at(json, "/ ", BODY_VALUE_NUMBER, "7");
    expect_at(json, "/m~0n", BODY_VALUE_NUMBER, "8");
    expect_at(json, "/~01", BODY_VALUE_NUMBER, "9");
    static const char *const nowhere[] = {
        "/foo/2",
        "/foo/-",
        "/foo/00",
        "/foo/01",
        "/foo/+1",
        "/foo/1 ",
        "/foo/",
        "/foo/0/x",
        "//",
        "/foo/99999999999999999999",
        "/foo/18446744073709551616",
        "/bar",
        "/a",
        "/a/b",
        "/0",
    };
    for (size_t i = 0; i < COUNT_OF(nowhere); i++)
        expect_at(json, nowhere[i], BODY_VALUE_ABSENT, "");
    expect_at("{\"\":{\"\":{\"a\":5}}}", "///a", BODY_VALUE_NUMBER, "5");
}

static void
valid_pointers(void **state)
{
    (void)state;
    static const char *const valid[] = {"", "/", "//", "/a", "/a/b", "/~0~1", "/a b", "/\xc3\xa9"};
    static const char *const invalid[] = {"a", "a/b", "~0", "/~", "/~2", "/a~", "/~01~", " /a"};
    for (size_t i = 0; i < COUNT_OF(valid); i++)
        assert_true(body_pointer_is_valid(bytes_str(valid[i])));
    for (size_t i = 0; i < COUNT_OF(invalid); i++)
        assert_false(body_pointer_is_valid(bytes_str(invalid[i])));
    assert_false(body_pointer_is_valid(bytes_of("/a\0b", 4)));
}

/* Some readers do not mind the case of a name, and the last one wins: nothing is said then. */
static void
names_that_differ_in_case(void **state)
{
    (void)state;
    expect_at("{\"model\":\"a\",\"Model\":\"b\"}", "/model", BODY_VALUE_AMBIGUOUS, "");
    expect_at("{\"MODEL\":\"b\"}", "/model", BODY_VALUE_AMBIGUOUS, "");
    expect_at("{\"model\":{\"x\":1},\"Model\":2}", "/model/x", BODY_VALUE_AMBIGUOUS, "");
    expect_at("{\"\\u212aey\":1}", "/key", BODY_VALUE_AMBIGUOUS, "");
    expect_at("{\"me\\u017f\\u017fages\":1}", "/messages", BODY_VALUE_AMBIGUOUS, "");
    expect_at("{\"Model\":\"b\",\"x\":{\"X\":1,\"y\":2}}", "/x/y", BODY_VALUE_NUMBER, "2");
    expect_at("{\"models\":1,\"mode\":2,\"model\":3}", "/model", BODY_VALUE_NUMBER, "3");
    expect_at("{\"\\u00c9\":1,\"\\u00e9\":2}", "/\xc3\xa9", BODY_VALUE_NUMBER, "2");
}

static void
fill(struct buffer *json, size_t n)
{
    buffer_put_byte(json, '"');
    for (size_t i = 0; i < n; i++)
        buffer_put_byte(json, 'x');
    buffer_put_byte(json, '"');
}

static void
long_values(void **state)
{
    (void)state;
    BUFFER_AUTO json;
    struct bytes pointer[] = {BYTES("/0"), BYTES("/1"), BYTES("/2"), BYTES("/0"), BYTES("/3")};
    struct body_value value[COUNT_OF(pointer)];
    BUFFER_AUTO storage;
    buffer_init(&json, LARGE);
    buffer_init(&storage, BODY_VALUES_TEXT_MAX);
    buffer_put_byte(&json, '[');
    fill(&json, BODY_VALUE_MAX);
    buffer_put_byte(&json, ',');
    fill(&json, BODY_VALUE_MAX + 1);
    buffer_put_str(&json, ",\"short\",5]");
    expect_err("read", body_read(buffer_bytes(&json), pointer, COUNT_OF(pointer), value, &storage),
               KH_OK);
    assert_int_equal(value[0].type, BODY_VALUE_STRING);
    assert_int_equal(value[0].text.n, BODY_VALUE_MAX);
    assert_int_equal(value[1].type, BODY_VALUE_LONG);
    assert_int_equal(value[1].text.n, 0);
    expect_text("after it", value[2].text, "short");
    assert_int_equal(value[3].type, BODY_VALUE_LONG); /* all together are too much */
    expect_text("the last", value[4].text, "5");
    assert_false(storage.failed);
    assert_true(storage.n <= BODY_VALUES_TEXT_MAX);
}

/* Bytes that are nearly JSON, numbers above all: never a crash, never text that is not in the body.
 */
static void
mutated(void **state)
{
    (void)state;
    static const char seed_text[] =
        "{\"model\":\"gpt-4o\",\"n\":[1,-2.5,3e10,{\"a\":null}],\"t\":true,\"x\":\"\\u00e9\\\\\"}";
    static const char interesting[] = "0123456789-+.eE\"\\{}[]:, tfnu\x80\xff";
    struct random r = random_seeded("mutated bodies", 31);
    struct bytes pointer[] = {BYTES(""),     BYTES("/model"), BYTES("/n/0"),
                              BYTES("/n/1"), BYTES("/n/3/a"), BYTES("/t")};
    unsigned accepted = 0;
    for (int i = 0; i < 20000; i++) {
        char text[sizeof seed_text];
        memcpy(text, seed_text, sizeof text);
        for (size_t n = 1 + random_below(&r, 3); n > 0; n--)
            text[random_below(&r, sizeof text - 1)] =
                interesting[random_below(&r, sizeof interesting - 1)];
        struct body_value value[COUNT_OF(pointer)];
        struct bytes json = bytes_of(text, sizeof text - 1);
        BUFFER_AUTO storage;
        buffer_init(&storage, BODY_VALUES_TEXT_MAX);
        if (body_read(json, pointer, COUNT_OF(pointer), value, &storage) != KH_OK)
            continue;
        accepted++;
        for (size_t k = 0; k < COUNT_OF(pointer); k++) {
            if (value[k].type == BODY_VALUE_NUMBER && bytes_find(json, value[k].text) == json.n)
                FAIL_WITH("%s: \"%.*s\" is not in it", text, BYTES_ARG(value[k].text));
        }
    }
    assert_in_range(accepted, 500, 19500);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_json),     cmocka_unit_test(too_many_pointers),
        cmocka_unit_test(depth),        cmocka_unit_test(numbers_stay_as_written),
        cmocka_unit_test(many_numbers), cmocka_unit_test(types),
        cmocka_unit_test(pointers),     cmocka_unit_test(valid_pointers),
        cmocka_unit_test(long_values),  cmocka_unit_test(names_that_differ_in_case),
        cmocka_unit_test(mutated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
