/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/audit_record.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static json_t *
print(const struct audit_record *record, struct buffer *line)
{
    json_error_t error;

    buffer_init(line, 1 << 20);
    audit_record_print(record, 7, INT64_C(1796083200123), ZEROS, line);
    assert_false(line->failed);
    assert_int_equal(line->p[line->n - 1], '\n');
    assert_int_equal(bytes_index(buffer_bytes(line), '\n'), line->n - 1);
    json_t *json =
        json_loadb((const char *)line->p, line->n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (json == NULL)
        fail_msg("%s: %.*s", error.text, (int)line->n, (const char *)line->p);
    return json;
}

static void
hostile_bytes(void **state)
{
    uint8_t all[512];
    struct audit_value value = {.attribute = "query", .key = {all + 1, 255}, .value = {all, 512}};
    struct audit_record record = {.kind = AUDIT_DECISION,
                                  .path = {all, 512},
                                  .host = {all, 256},
                                  .detail = {all, 512},
                                  .value = &value,
                                  .value_count = 1};
    struct buffer line;

    (void)state;
    for (int i = 0; i < 256; i++) {
        all[i] = (uint8_t)i;
        all[511 - i] = (uint8_t)i;
    }
    json_decref(print(&record, &line));
    for (size_t i = 0; i + 1 < line.n; i++)
        assert_true(line.p[i] >= 0x20 && line.p[i] != 0x7f);
    assert_true(bytes_is_utf8(buffer_bytes(&line)));
    buffer_free(&line);
}

static void
text_is_kept(void **state)
{
    struct audit_record record = {.kind = AUDIT_DECISION,
                                  .path =
                                      BYTES("/a\"b\\c\xc3\xa4\xf0\x9f\x97\x9d\n\xc3(\xed\xa0\x80")};
    struct buffer line;
    json_t *json = print(&record, &line);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(json, "path")),
                        "/a\"b\\c\xc3\xa4\xf0\x9f\x97\x9d\n\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd"
                        "\xef\xbf\xbd");
    json_decref(json);
    buffer_free(&line);
}

static void
tokens_are_not_recorded(void **state)
{
    struct bytes label = BYTES("x kh1_AgEEAbcdefgh-_0123456789");
    struct audit_record record = {.kind = AUDIT_DECISION,
                                  .path = BYTES("/bot/sk-kh1_AAAABBBBCCCC-_d/x/kh1_EEEE"),
                                  .label = &label,
                                  .label_count = 1};
    struct buffer line;
    json_t *json = print(&record, &line);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(json, "path")),
                        "/bot/sk-kh1_\xe2\x80\xa6/x/kh1_\xe2\x80\xa6");
    assert_true(bytes_find(buffer_bytes(&line), BYTES("AgEE")) == line.n);
    json_decref(json);
    buffer_free(&line);
}

// What is linked afterwards is what would have been printed at once.
static void
linked_afterwards(void **state)
{
    static const char prev[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const struct audit_record record = {.kind = AUDIT_REVOKE, .subject = BYTES("x\"y")};
    BUFFER_AUTO at_once, later;

    (void)state;
    buffer_init(&at_once, 4096);
    buffer_init(&later, 4096);
    audit_record_print(&record, 7, 1000, prev, &at_once);
    audit_record_print(&record, 7, 1000, NULL, &later);
    assert_int_equal(later.n, at_once.n);
    assert_memory_not_equal(later.p, at_once.p, later.n);
    audit_record_link(later.p, later.n - 1, prev);
    assert_memory_equal(later.p, at_once.p, later.n);
}

// Nothing is hidden or cut that only looks like a token at first.
static void
nearly_tokens_are_recorded(void **state)
{
    static const char *const path[] = {"/kh1", "/kh1-x", "/a_b_c", "/Kh1_x", "/kh_1", "/_kh1"};

    (void)state;
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
        struct audit_record record = {.kind = AUDIT_DECISION, .path = bytes_str(path[i])};
        struct buffer line;
        json_t *json = print(&record, &line);
        assert_string_equal(json_string_value(json_object_get(json, "path")), path[i]);
        json_decref(json);
        buffer_free(&line);
    }
}

// What was refused before it was decoded.
static void
escaped_tokens_are_not_recorded(void **state)
{
    static const char *const rows[][2] = {
        {"/bot%6bh1_AAAABBBB%2dCCCC%2f/x", "/botkh1_\xe2\x80\xa6%2f/x"},
        {"/%6B%68%31%5FAAAA", "/kh1_\xe2\x80\xa6"},
        {"/kh1%5fAAAA%5F%5F/kh1%255FBBBB.json", "/kh1_\xe2\x80\xa6/kh1_\xe2\x80\xa6.json"},
        {"/%25256bh1_%41%2541/kh1_", "/kh1_\xe2\x80\xa6/kh1_\xe2\x80\xa6"},
        {"/%6bh1", "/%6bh1"},
        {"/100%/%zz/%2/%25/kh%31", "/100%/%zz/%2/%25/kh%31"},
        {"%", "%"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct audit_record record = {.kind = AUDIT_DECISION, .path = bytes_str(rows[i][0])};
        struct buffer line;
        json_t *json = print(&record, &line);

        assert_string_equal(json_string_value(json_object_get(json, "path")), rows[i][1]);
        json_decref(json);
        buffer_free(&line);
    }
}

// The members of schema/audit.def, all of them, in that order.
static const char *const members[] = {
#define KH_AUDIT(member, type, description) member,
#include "../../../schema/audit.def"
};

static void
members_and_their_order(void **state)
{
    static const uint8_t id[16] = {1, 2, 3};
    struct bytes labels[] = {BYTES("a"), BYTES("b")};
    struct audit_value value = {.attribute = "query", .key = BYTES("limit"), .value = BYTES("10")};
    struct audit_record record = {
        .kind = AUDIT_DECISION,
        .request_id = id,
        .reason = KH_REASON_CAVEAT_FAILED,
        .detail = BYTES("method = GET"),
        .user = BYTES("alice"),
        .credential = BYTES("openai"),
        .token_id = id,
        .lineage = id,
        .made_from = &id,
        .made_from_count = 1,
        .label = labels,
        .label_count = 2,
        .grant = BYTES("eng"),
        .warning = labels,
        .warning_count = 2,
        .has_lifetime = true,
        .lifetime_s = 3600,
        .hole = labels,
        .hole_count = 1,
        .client = BYTES("127.0.0.1"),
        .has_uid = true,
        .uid = 1000,
        .trace_id = id,
        .way = WAY_CONNECT,
        .method = BYTES("GET"),
        .scheme = BYTES("https"),
        .host = BYTES("api.openai.com"),
        .port = 443,
        .path = BYTES("/v1/models"),
        .value = &value,
        .value_count = 1,
        .rejudged = true,
        .has_outcome = true,
        .status = 200,
        .bytes_up = 1,
        .bytes_down = UINT64_MAX / 2,
        .duration_ms = 3,
        .command = BYTES("mint"),
        .subject = BYTES("x"),
    };
    struct buffer line;
    json_t *json = print(&record, &line), *member;
    const char *name;
    size_t i = 0;

    (void)state;
    json_object_foreach(json, name, member)
    {
        assert_string_equal(name, members[i]);
        i++;
    }
    assert_int_equal(i, sizeof members / sizeof members[0]);
    assert_string_equal(json_string_value(json_object_get(json, "time")),
                        "2026-12-01T00:00:00.123Z");
    assert_string_equal(json_string_value(json_object_get(json, "decision")), "deny");
    assert_string_equal(json_string_value(json_object_get(json, "reason")), "caveat-failed");
    assert_string_equal(json_string_value(json_object_get(json, "token")),
                        "01020300000000000000000000000000");
    assert_string_equal(json_string_value(json_object_get(json, "way")), "connect");
    json_decref(json);
    buffer_free(&line);

    record = (struct audit_record){.kind = AUDIT_START};
    json = print(&record, &line);
    assert_int_equal(json_object_size(json), 4); // seq, time, kind, prev
    json_decref(json);
    buffer_free(&line);
}

static void
values_by_attribute(void **state)
{
    static char large[2 * AUDIT_VALUE_MAX];
    struct audit_value values[] = {
        {.attribute = "query", .key = BYTES("limit"), .value = BYTES("10")},
        {.attribute = "header", .key = BYTES("limit"), .value = BYTES("x")},
        {.attribute = "query", .key = BYTES("limit"), .value = BYTES("20")},
        {.attribute = "query", .key = BYTES("q"), .value = {(uint8_t *)large, sizeof large}},
    };
    struct audit_record record = {.kind = AUDIT_DECISION, .value = values, .value_count = 4};
    struct buffer line;

    (void)state;
    memset(large, 'x', sizeof large);
    json_t *json = print(&record, &line);
    json_t *object = json_object_get(json, "values");
    json_t *list = json_object_get(object, "query[limit]");
    assert_int_equal(json_object_size(object), 3);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_array_get(list, 0)), "10");
    assert_string_equal(json_string_value(json_array_get(list, 1)), "20");
    assert_string_equal(json_string_value(json_object_get(object, "header[limit]")), "x");
    assert_int_equal(json_string_length(json_object_get(object, "query[q]")), AUDIT_VALUE_MAX + 3);
    json_decref(json);
    buffer_free(&line);
}

/* As a caveat writes them, so that the number 5 and the string "5" stay two. */
static void
values_of_the_body(void **state)
{
    struct audit_value values[] = {
        {.attribute = "body", .key = BYTES("/n"), .value = BYTES("1e400")},
        {.attribute = "body", .key = BYTES("/s"), .value = BYTES("1e400"), .quoted = true},
        {.attribute = "body", .key = BYTES("/q\"~1"), .value = BYTES("\"a\""), .quoted = true},
        {.attribute = "body", .key = BYTES(""), .value = BYTES("whole")},
        {.attribute = "body-size", .value = BYTES("12"), .keyless = true},
    };
    struct audit_record record = {.kind = AUDIT_DECISION, .value = values, .value_count = 5};
    struct buffer line;

    (void)state;
    json_t *json = print(&record, &line);
    json_t *object = json_object_get(json, "values");
    assert_int_equal(json_object_size(object), 5);
    assert_string_equal(json_string_value(json_object_get(object, "body[/n]")), "1e400");
    assert_string_equal(json_string_value(json_object_get(object, "body[/s]")), "\"1e400\"");
    assert_string_equal(json_string_value(json_object_get(object, "body[/q\"~1]")), "\"\"a\"\"");
    assert_string_equal(json_string_value(json_object_get(object, "body[]")), "whole");
    assert_string_equal(json_string_value(json_object_get(object, "body-size")), "12");
    json_decref(json);
    buffer_free(&line);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(text_is_kept),
        cmocka_unit_test(tokens_are_not_recorded),
        cmocka_unit_test(escaped_tokens_are_not_recorded),
        cmocka_unit_test(linked_afterwards),
        cmocka_unit_test(nearly_tokens_are_recorded),
        cmocka_unit_test(members_and_their_order),
        cmocka_unit_test(values_by_attribute),
        cmocka_unit_test(values_of_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
