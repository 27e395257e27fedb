/* SPDX-License-Identifier: Apache-2.0 */
/* The facts of a body, and whether the upstream reads as JSON what is judged as JSON. */

#include "../../../caveats/body_facts.h"
#include "unit.h"

static bool
one(const char *name, const char *value)
{
    struct fact_pair pair = {bytes_str(name), bytes_str(value)};
    return body_facts_may_be_json(&pair, 1);
}

static void
other_media_types(void **state)
{
    (void)state;
    static const char *const other[] = {
        "",
        ";",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/x-ndjson",
        "application/jsonl",
        "application/json5",
        "application/octet-stream",
        "application/yaml",
        "text/html",
        "json",
        "+json",
        "application",
        "application/json, text/html",
        "application/json text/html",
        "x application/json",
        "application/json; charset=utf-7",
        "application/json;charset=UTF-16",
        "application/json; charset=\"utf-7\"",
        "application/json; charset = iso-8859-1",
        "application/json; charset=",
        "application/json; charset",
        "application/json; charset*=utf-8",
        "application/json; a=b; charset=utf-7",
        "application/json; a=\"; charset=utf-8\"; charset=utf-7",
        "application/json; charset=utf-8; charset=utf-7",
        "application/json; CHARSET=utf-32",
        "text/plain; charset=utf-7",
    };
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        if (one("content-type", other[i]))
            FAIL_WITH("taken for JSON: %s", other[i]);
    }
}

static void
json_media_types(void **state)
{
    (void)state;
    static const char *const json[] = {
        "application/json",
        "Application/JSON",
        " application/json ",
        "application/json;",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json; charset=\"utf-8\"",
        "application/json; odata.metadata=minimal",
        "application/vnd.github+json",
        "application/problem+JSON; a=b",
        "text/json",
        "text/plain",
        "text/plain;charset=UTF-8",
    };
    for (size_t i = 0; i < COUNT_OF(json); i++) {
        if (!one("content-type", json[i]))
            FAIL_WITH("not taken for JSON: %s", json[i]);
    }
    assert_true(body_facts_may_be_json(NULL, 0));
    assert_true(one("x-other", "application/xml"));
}

static void
encodings(void **state)
{
    (void)state;
    static const char *const encoded[] = {"gzip",          "br", "deflate",     "identity, gzip",
                                          "gzip,identity", "x",  "identity;q=1"};
    static const char *const plain[] = {"", "identity", "Identity", " identity , identity", ","};
    for (size_t i = 0; i < COUNT_OF(encoded); i++)
        assert_false(one("content-encoding", encoded[i]));
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        assert_true(one("content-encoding", plain[i]));
}

/* A field that comes twice is as good as its worse half. */
static void
all_fields_count(void **state)
{
    (void)state;
    struct fact_pair pair[] = {
        {BYTES("content-type"), BYTES("application/json")},
        {BYTES("content-type"), BYTES("application/x-www-form-urlencoded")},
    };
    assert_true(body_facts_may_be_json(pair, 1));
    assert_false(body_facts_may_be_json(pair, 2));
}

static void
from_the_head(void **state)
{
    (void)state;
    struct fact_pair form = {BYTES("content-type"), BYTES("application/x-www-form-urlencoded")};
    struct facts_body body = body_facts_from_head(NULL, 0, false, false, 0);
    assert_false(body.has_size || body.has_sha256 || body.is_read || body.is_json);
    body = body_facts_from_head(NULL, 0, false, true, 12);
    assert_true(body.has_size && body.size == 12 && !body.has_sha256 && !body.is_read);
    body = body_facts_from_head(&form, 1, false, false, 0);
    assert_true(body.is_read && !body.is_json && !body.has_size);
    body = body_facts_from_head(NULL, 0, true, false, 99);
    assert_true(body.has_size && body.size == 0 && body.is_read && !body.is_json);
    char hex[2 * BODY_SHA256_SIZE + 1];
    assert_true(body.has_sha256 && bytes_to_hex(bytes_of(body.sha256, 32), hex, sizeof hex));
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
from_the_body(void **state)
{
    (void)state;
    struct fact_pair gzip = {BYTES("content-encoding"), BYTES("gzip")};
    struct bytes pointer[] = {BYTES("/n"), BYTES("/x")};
    struct fact_body_value value[2];
    struct body_question question = {.pointer = pointer, .count = 2};
    BUFFER_AUTO storage;
    buffer_init(&storage, BODY_VALUES_TEXT_MAX);
    struct facts_body body = body_facts_read(BYTES("{]"), NULL, 0, &question, value, &storage);
    assert_true(body.has_size && body.size == 2 && body.is_read);
    assert_false(body.is_json || body.has_sha256 || body.value_count);
    body = body_facts_read(BYTES("{\"n\":1e400}"), &gzip, 1, &question, value, &storage);
    assert_false(body.is_json || body.value_count);
    question.sha256 = true;
    body = body_facts_read(BYTES("{\"n\":1e400}"), NULL, 0, &question, value, &storage);
    assert_true(body.is_json && body.value_count == 2 && body.value == value);
    expect_text("pointer", body.value[0].pointer, "/n");
    expect_text("number", body.value[0].value.text, "1e400");
    assert_int_equal(body.value[1].value.type, BODY_VALUE_ABSENT);
    char hex[2 * BODY_SHA256_SIZE + 1];
    assert_true(body.has_sha256 && bytes_to_hex(bytes_of(body.sha256, 32), hex, sizeof hex));
    assert_string_equal(hex, "99450423054b8646b3dc4c0bc12384edb68977ec153e96189686618fafdc584c");
    buffer_clear(&storage);
    body = body_facts_read(BYTES_EMPTY, NULL, 0, &question, value, &storage);
    assert_true(body.has_sha256 && body.has_size && body.size == 0 && !body.is_json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_media_types), cmocka_unit_test(json_media_types),
        cmocka_unit_test(encodings),         cmocka_unit_test(all_fields_count),
        cmocka_unit_test(from_the_head),     cmocka_unit_test(from_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
