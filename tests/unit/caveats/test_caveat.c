/* SPDX-License-Identifier: Apache-2.0 */
/* A caveat as a whole; the language itself is in language.cases. */

#include "../../../caveats/caveat.h"
#include "../../../caveats/timestamp.h"
#include "unit.h"

static void
expect_refused(struct bytes text, enum kh_err expected)
{
    struct caveat *caveat = NULL;
    struct fault fault = {0};
    enum kh_err err = caveat_parse(text, &caveat, &fault);
    if (err != expected || caveat)
        FAIL_WITH("\"%.*s\": %s, expected %s", BYTES_ARG(text), kh_err_code(err),
                  kh_err_code(expected));
    assert_int_equal(fault.err, expected);
    expect_err("without a fault", caveat_parse(text, &caveat, NULL), expected);
}

static void
bytes_that_are_no_text(void **state)
{
    (void)state;
    expect_refused(BYTES_EMPTY, KH_ERR_SYNTAX);
    expect_refused(BYTES(" "), KH_ERR_SYNTAX);
    expect_refused(BYTES(" method = GET"), KH_ERR_SYNTAX);
    expect_refused(BYTES("method = GET "), KH_ERR_SYNTAX);
    expect_refused(BYTES("method = GET\n"), KH_ERR_SYNTAX);
    expect_refused(BYTES("method\t= GET"), KH_ERR_SYNTAX);
    expect_refused(BYTES("method = GET\0"), KH_ERR_SYNTAX);
    expect_refused(BYTES("method = \0"), KH_ERR_SYNTAX);
    expect_refused(BYTES("user = \"\xff\""), KH_ERR_SYNTAX);
    expect_refused(BYTES("user = \"\xe2\x80\xae\""), KH_ERR_SYNTAX);
    expect_refused(BYTES("\xef\xbb\xbfmethod = GET"), KH_ERR_SYNTAX); /* byte order mark */
}

static void
sizes(void **state)
{
    (void)state;
    char text[CAVEAT_TEXT_MAX + 2];
    struct caveat *caveat = NULL;
    memset(text, 'a', sizeof text);
    memcpy(text, "user = ", 7);
    expect_err("1024 bytes", caveat_parse(bytes_of(text, CAVEAT_TEXT_MAX), &caveat, NULL), KH_OK);
    caveat_free(&caveat);
    assert_null(caveat);
    caveat_free(&caveat);
    expect_refused(bytes_of(text, CAVEAT_TEXT_MAX + 1), KH_ERR_TOO_LONG);

    /* canonical form has a space after each comma */
    memcpy(text, "user in ", 8);
    for (size_t i = 9; i < sizeof text; i += 2)
        text[i] = ',';
    expect_refused(bytes_of(text, CAVEAT_TEXT_MAX - 1), KH_ERR_TOO_LONG);
    expect_err("fits", caveat_parse(bytes_of(text, 8 + 2 * 338 + 1), &caveat, NULL), KH_OK);
    assert_int_equal(caveat->predicate[0].count, 339);
    caveat_free(&caveat);
}

/* As many predicates as the text can hold, and text that only looks like more of them. */
static void
many_predicates(void **state)
{
    (void)state;
    BUFFER_AUTO text;
    buffer_init(&text, CAVEAT_TEXT_MAX);
    while (text.n + strlen("path absent or ") + strlen("path absent") <= CAVEAT_TEXT_MAX)
        buffer_put_str(&text, "path absent or ");
    buffer_put_str(&text, "path absent");
    struct caveat *caveat = NULL;
    expect_err("many", caveat_parse(buffer_bytes(&text), &caveat, NULL), KH_OK);
    assert_int_equal(caveat->count, 68);
    caveat_free(&caveat);
    expect_err("one",
               caveat_parse(BYTES("user = \"a or b or , , , or \" or path absent"), &caveat, NULL),
               KH_OK);
    assert_int_equal(caveat->count, 2);
    caveat_free(&caveat);
}

/* Nothing of the text is needed afterwards. */
static void
owns_what_it_points_to(void **state)
{
    (void)state;
    char text[] = "query[limit] in 10, \"a\\u0062\" or header[X-A] = c";
    struct caveat *caveat = NULL;
    expect_err("parse", caveat_parse(bytes_str(text), &caveat, NULL), KH_OK);
    memset(text, 'z', sizeof text - 1);
    BUFFER_AUTO out;
    buffer_init(&out, CAVEAT_TEXT_MAX);
    caveat_print(caveat, &out);
    expect_text("printed", buffer_bytes(&out), "query[limit] in 10, ab or header[x-a] = c");
    caveat_free(&caveat);
}

static void
next_change(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t now, next;
    } cases[] = {
        {"method = GET", 0, INT64_MAX},
        {"time < 1970-01-01T00:01:40Z", 0, 100},
        {"time < 1970-01-01T00:01:40Z", 99, 100},
        {"time < 1970-01-01T00:01:40Z", 100, INT64_MAX},
        {"time <= 1970-01-01T00:01:40Z", 100, 101},
        {"time > 1970-01-01T00:01:40Z", 0, 101},
        {"time >= 1970-01-01T00:01:40Z", 0, 100},
        {"time >= 1970-01-01T00:01:40Z", 100, INT64_MAX},
        {"time > 1970-01-01T00:01:40Z or time < 1970-01-01T00:00:10Z", 5, 10},
        {"time > 1970-01-01T00:01:40Z or time < 1970-01-01T00:00:10Z", 10, 101},
        {"method = GET or time < 1970-01-01T00:01:40Z", 0, 100},
        {"time < 9999-12-31T23:59:59Z", 0, TIMESTAMP_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct caveat *caveat = NULL;
        expect_err(cases[i].text, caveat_parse(bytes_str(cases[i].text), &caveat, NULL), KH_OK);
        int64_t next = caveat_next_change(caveat, cases[i].now);
        if (next != cases[i].next)
            FAIL_WITH("\"%s\" at %lld: %lld, expected %lld", cases[i].text, (long long)cases[i].now,
                      (long long)next, (long long)cases[i].next);
        /* until then the answer stays, and then it is another one */
        struct facts facts = {.time = cases[i].now};
        bool before = caveat_holds(caveat, &facts);
        if (next != INT64_MAX) {
            facts.time = next - 1;
            assert_int_equal(caveat_holds(caveat, &facts), before);
            facts.time = next;
            assert_int_not_equal(caveat_holds(caveat, &facts), before);
        }
        caveat_free(&caveat);
    }
}

static void
ends(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t end;
    } cases[] = {
        {"method = GET", INT64_MAX},
        {"time >= 1970-01-01T00:01:40Z", INT64_MAX},
        {"time > 1970-01-01T00:01:40Z", INT64_MAX},
        {"time < 1970-01-01T00:01:40Z", 100},
        {"time <= 1970-01-01T00:01:40Z", 101},
        {"time < 1970-01-01T00:01:40Z or time < 1970-01-01T00:00:10Z", 100},
        {"time < 1970-01-01T00:01:40Z or method = GET", INT64_MAX},
        {"time < 1970-01-01T00:01:40Z or time > 1970-01-01T00:01:50Z", INT64_MAX},
        {"uses <= 100", INT64_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct caveat *caveat = NULL;
        expect_err(cases[i].text, caveat_parse(bytes_str(cases[i].text), &caveat, NULL), KH_OK);
        int64_t end = caveat_end(caveat);
        if (end != cases[i].end)
            FAIL_WITH("\"%s\": %lld, expected %lld", cases[i].text, (long long)end,
                      (long long)cases[i].end);
        caveat_free(&caveat);
    }
}

static void
counters_stand_alone(void **state)
{
    (void)state;
    struct caveat *caveat = NULL;
    struct fault fault = {0};
    expect_err("or", caveat_parse(BYTES("method = GET or uses <= 3"), &caveat, &fault),
               KH_ERR_SYNTAX);
    assert_string_equal(fault.detail, "uses stands alone in its caveat");
    expect_err("or", caveat_parse(BYTES("rate <= 3/s or rate <= 9/d"), &caveat, &fault),
               KH_ERR_SYNTAX);
    assert_string_equal(fault.detail, "rate stands alone in its caveat");
    expect_err("uses", caveat_parse(BYTES("uses <= 3"), &caveat, NULL), KH_OK);
    assert_ptr_equal(caveat_counter(caveat), &caveat->predicate[0]);
    caveat_free(&caveat);
    expect_err("label", caveat_parse(BYTES("label = uses"), &caveat, NULL), KH_OK);
    assert_null(caveat_counter(caveat));
    caveat_free(&caveat);
}

static void
what_stands_on_record(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool on_record;
    } cases[] = {
        {"method = GET", false},
        {"host = a.example", false},
        {"path ~ /v1/**", false},
        {"time < 2030-01-01T00:00:00Z", false},
        {"content-type = application/json", false},
        {"uses <= 3", false},
        {"query[limit] <= 100", true},
        {"header[x-a] absent", true},
        {"body[/model] = a", true},
        {"body-size <= 100", true},
        {"body-sha256 absent", true},
        {"label = agent", true},
        {"method = GET or query[limit] <= 100", true},
        {"query[limit] <= 100 or method = GET", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct caveat *caveat = NULL;
        expect_err(cases[i].text, caveat_parse(bytes_str(cases[i].text), &caveat, NULL), KH_OK);
        if (caveat->on_record != cases[i].on_record)
            FAIL_WITH("\"%s\": on record: %d, expected %d", cases[i].text, caveat->on_record,
                      cases[i].on_record);
        caveat_free(&caveat);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(sizes),
        cmocka_unit_test(many_predicates),
        cmocka_unit_test(owns_what_it_points_to),
        cmocka_unit_test(next_change),
        cmocka_unit_test(ends),
        cmocka_unit_test(counters_stand_alone),
        cmocka_unit_test(what_stands_on_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
