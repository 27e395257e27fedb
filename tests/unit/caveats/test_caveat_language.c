/* SPDX-License-Identifier: Apache-2.0 */
/* Runs tests/vectors/language.cases. */

#include "../../../caveats/body_facts.h"
#include "../../../caveats/caveat.h"
#include "../../../caveats/path.h"
#include "../../../caveats/timestamp.h"
#include "unit.h"

static const char cases_file[] = "tests/vectors/language.cases";

enum { PAIRS_MAX = 8, GROUPS_MAX = 8 };

/* The usual request, and room for what a case changes in it. */
struct request {
    struct facts facts;
    struct fact_pair query[PAIRS_MAX], header[PAIRS_MAX];
    struct bytes group[GROUPS_MAX];
    struct bytes body;
    bool is_unread;
    struct fact_body_value body_value[BODY_POINTERS_MAX];
    struct buffer storage;
    struct buffer text; /* decoded values; its room is made before, so that it never moves */
};

static void
request_init(struct request *r)
{
    memset(r, 0, sizeof *r);
    buffer_init(&r->text, 8192);
    buffer_init(&r->storage, BODY_VALUES_TEXT_MAX);
    assert_non_null(buffer_reserve(&r->text, 8000));
    r->facts = (struct facts){
        .scheme = BYTES("https"),
        .host = BYTES("api.example.com"),
        .port = 443,
        .method = BYTES("POST"),
        .path = BYTES("/v1/chat/completions"),
        .query = r->query,
        .header = r->header,
        .client = BYTES("192.0.2.7"),
        .credential = BYTES("openai"),
        .user = BYTES("alice"),
        .group = r->group,
        .group_count = 2,
    };
    r->group[0] = BYTES("eng");
    r->group[1] = BYTES("ops");
    assert_true(timestamp_parse(BYTES("2026-06-01T12:00:00Z"), &r->facts.time));
}

static struct bytes
decoded(struct request *r, struct bytes text)
{
    size_t start = r->text.n;
    assert_int_equal(form_decode(text, &r->text), KH_OK);
    return bytes_from(buffer_bytes(&r->text), start);
}

static void
set_fact(struct request *r, struct bytes name, struct bytes value)
{
    const struct {
        const char *name;
        struct bytes *fact;
    } texts[] = {
        {"scheme", &r->facts.scheme},   {"host", &r->facts.host},
        {"method", &r->facts.method},   {"path", &r->facts.path},
        {"upgrade", &r->facts.upgrade}, {"client", &r->facts.client},
        {"user", &r->facts.user},       {"credential", &r->facts.credential},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (bytes_is(name, texts[i].name)) {
            *texts[i].fact = value;
            return;
        }
    }
    uint64_t port;
    if (bytes_starts(name, BYTES("query."))) {
        r->query[r->facts.query_count++] = (struct fact_pair){bytes_from(name, 6), value};
    } else if (bytes_starts(name, BYTES("header."))) {
        r->header[r->facts.header_count++] = (struct fact_pair){bytes_from(name, 7), value};
    } else if (bytes_is(name, "port") && bytes_to_u64(value, &port)) {
        r->facts.port = (uint16_t)port;
    } else if (bytes_is(name, "body")) {
        r->body = value;
    } else if (bytes_is(name, "body-unread")) {
        r->is_unread = true;
    } else if (bytes_is(name, "group")) {
        struct bytes rest = value;
        r->facts.group_count = 0;
        while (bytes_cut(&rest, ',', &r->group[r->facts.group_count]))
            r->facts.group_count++;
    } else {
        FAIL_WITH("no such fact: %.*s", BYTES_ARG(name));
    }
}

static void
set_facts(struct request *r, struct bytes list)
{
    struct bytes rest = list, item;
    while (bytes_cut(&rest, ' ', &item)) {
        size_t equals = bytes_index(item, '=');
        assert_true(equals < item.n);
        set_fact(r, decoded(r, bytes_slice(item, 0, equals)),
                 decoded(r, bytes_from(item, equals + 1)));
    }
}

/* As the proxy does it: what the head says at first, and what the body says when it was read. */
static void
read_body(struct request *r, const struct caveat *caveat)
{
    struct bytes pointer[BODY_POINTERS_MAX];
    struct body_question question = {.pointer = pointer};
    struct facts_body *body = &r->facts.body;
    *body = body_facts_from_head(r->header, r->facts.header_count, r->body.n == 0 && !r->is_unread,
                                 r->body.n > 0, r->body.n);
    if (body->is_read || r->is_unread)
        return;
    for (size_t i = 0; i < caveat->count; i++) {
        if (caveat->predicate[i].attribute == ATTRIBUTE_BODY)
            pointer[question.count++] = caveat->predicate[i].key;
        question.sha256 =
            question.sha256 || caveat->predicate[i].attribute == ATTRIBUTE_BODY_SHA256;
    }
    *body = body_facts_read(r->body, r->header, r->facts.header_count, &question, r->body_value,
                            &r->storage);
}

static const char *
judge(const struct caveat *caveat, struct bytes facts)
{
    static const char *const verdicts[] = {
        [CAVEAT_FAILS] = "fails", [CAVEAT_HOLDS] = "holds", [CAVEAT_NEEDS_BODY] = "needs-body"};
    struct request r;
    request_init(&r);
    set_facts(&r, facts);
    read_body(&r, caveat);
    const char *verdict = verdicts[caveat_judge(caveat, &r.facts)];
    assert_int_equal(caveat_holds(caveat, &r.facts), strcmp(verdict, "holds") == 0);
    buffer_free(&r.storage);
    buffer_free(&r.text);
    return verdict;
}

/* The canonical text reads as the same caveat: it prints the same, and judges the same. */
static void
check_canonical(const struct caveat *caveat, struct bytes facts, const char *verdict)
{
    struct fault fault = {0};
    struct caveat *again = NULL;
    BUFFER_AUTO first;
    BUFFER_AUTO second;
    buffer_init(&first, CAVEAT_TEXT_MAX);
    buffer_init(&second, CAVEAT_TEXT_MAX);
    caveat_print(caveat, &first);
    assert_false(first.failed);
    enum kh_err err = caveat_parse(buffer_bytes(&first), &again, &fault);
    if (err)
        FAIL_WITH("canonical form \"%s\": %s", buffer_text(&first), fault.detail);
    caveat_print(again, &second);
    expect_bytes("printed again", buffer_bytes(&second), buffer_bytes(&first));
    assert_string_equal(judge(again, facts), verdict);
    caveat_free(&again);
}

static void
run_case(unsigned line, struct bytes text, struct bytes facts, struct bytes expected)
{
    struct fault fault = {0};
    struct caveat *caveat = NULL;
    enum kh_err err = caveat_parse(text, &caveat, &fault);
    const char *got = err ? kh_err_code(err) : judge(caveat, facts);
    if (!bytes_is(expected, got))
        FAIL_WITH("%s:%u: \"%.*s\" %s%s%s, expected %.*s", cases_file, line, BYTES_ARG(text), got,
                  err ? ": " : "", err ? fault.detail : "", BYTES_ARG(expected));
    if (err) {
        assert_null(caveat);
        assert_true(strlen(fault.detail) > 0);
        return;
    }
    check_canonical(caveat, facts, got);
    caveat_free(&caveat);
}

static void
all_cases(void **state)
{
    (void)state;
    char text[2048];
    unsigned line = 0, cases = 0;
    FILE *file = fopen(cases_file, "r");
    if (!file)
        FAIL_WITH("cannot open %s; run the tests from the top of the tree", cases_file);
    while (fgets(text, sizeof text, file)) {
        line++;
        text[strcspn(text, "\n")] = '\0';
        if (text[0] == '#' || text[0] == '\0')
            continue;
        struct bytes rest = bytes_str(text), part[3];
        for (int i = 0; i < 3; i++) {
            if (!bytes_cut(&rest, '|', &part[i]))
                FAIL_WITH("%s:%u: not three columns", cases_file, line);
            part[i] = bytes_trim(part[i]);
        }
        run_case(line, part[0], part[1], part[2]);
        cases++;
    }
    fclose(file);
    assert_in_range(cases, 150, 10000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
