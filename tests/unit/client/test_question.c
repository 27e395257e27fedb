/* SPDX-License-Identifier: Apache-2.0 */
/* A discharger's question: one that is not the answer to what was asked is refused. */
#include "../../../client/question.h"
#include "discharges.h"

#define URL    "http://localhost:8438"
#define PARENT "00112233445566778899aabbccddeeff"

static const struct question_expectation expectation = {.purpose = CHALLENGE_DISCHARGE,
                                                        .url = URL,
                                                        .parent = BYTES(PARENT),
                                                        .condition = BYTES(TEST_CONDITION)};

static json_t *
member_of(const char *more)
{
    BUFFER_AUTO json;
    buffer_init(&json, 65536);
    buffer_put_str(&json, "{\"text\":\"");
    test_put_text(&json, URL, TEST_CONDITION, PARENT);
    buffer_printf(&json,
                  "\",\"nonce\":\"" TEST_NONCE "\",\"answer_url\":\"" URL
                  "/a/1\",\"code\":\"AB12-CD34\",\"expires_at\":\"2099-01-01T00:00:00Z\"%s}",
                  more);
    json_t *member = json_loads(buffer_text(&json), 0, NULL);
    assert_non_null(member);
    return member;
}

static json_t *
fido2(void)
{
    return member_of(",\"rp_id\":\"localhost\",\"origin\":\"" URL
                     "\",\"credentials\":[\"AAEC\",\"AwQF\"],\"verification\":true");
}

static json_t *
ssh(void)
{
    return member_of(",\"namespace\":\"discharge@keyhole\",\"fingerprints\":[\"SHA256:abc\"]");
}

static json_t *
browser(void)
{
    return json_pack("{s:s, s:s, s:s, s:I}", "user_url", URL "/q/1", "poll_url", URL "/p/1", "code",
                     "AB12-CD34", "expires_at", (json_int_t)1234);
}

static struct question *
read_it(enum question_kind kind, json_t *member)
{
    struct question *question = NULL;
    struct fault fault = {.err = KH_OK};
    assert_ok(question_read(kind, member, &expectation, &question, &fault));
    json_decref(member);
    return question;
}

// With one member replaced (NULL: taken away) the question is refused, and the reason has `words`.
static void
refused(enum question_kind kind, json_t *member, const char *name, json_t *value, const char *words)
{
    struct question *question = NULL;
    struct fault fault = {.err = KH_OK};
    if (value != NULL)
        json_object_set_new(member, name, value);
    else
        json_object_del(member, name);
    enum kh_err err = question_read(kind, member, &expectation, &question, &fault);
    if (err != KH_ERR_PROTOCOL || question != NULL || strstr(fault.detail, words) == NULL)
        fail_msg("%s: expected a refusal with \"%s\", got %s: %s", name, words, kh_err_code(err),
                 fault.detail);
    json_decref(member);
}

static void
test_what_is_no_question(void **state)
{
    (void)state;
    json_t *wrong[] = {json_null(), json_string("x"), json_array(), json_object()};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        for (enum question_kind kind = QUESTION_FIDO2; kind <= QUESTION_BROWSER; kind++) {
            struct question *question = NULL;
            struct fault fault = {.err = KH_OK};
            assert_int_equal(question_read(kind, wrong[i], &expectation, &question, &fault),
                             KH_ERR_PROTOCOL);
            assert_null(question);
        }
        json_decref(wrong[i]);
    }
}

// A key signs for whatever site it is told: somebody in the middle would tell it another one.
static void
test_another_site(void **state)
{
    (void)state;
    static const char *const other[] = {"http://localhost", "https://localhost:8438",
                                        "http://localhost:8438/", "http://localhost:84380", ""};
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        refused(QUESTION_FIDO2, fido2(), "origin", json_string(other[i]), "origin");
    refused(QUESTION_FIDO2, fido2(), "origin", NULL, "origin");
    refused(QUESTION_FIDO2, fido2(), "rp_id", json_string("host"), "rp_id");
    refused(QUESTION_FIDO2, fido2(), "rp_id", json_string("localhost:8438"), "rp_id");
    refused(QUESTION_FIDO2, fido2(), "rp_id", json_integer(1), "rp_id");
}

static void
test_answers_go_nowhere_else(void **state)
{
    (void)state;
    static const char *const other[] = {"https://evil.example/a",
                                        "http://localhost:84381/a",
                                        "http://localhost:8438",
                                        "http://localhost:8438@evil/a",
                                        "/a",
                                        "",
                                        "http://localhost:8438/a b",
                                        "http://localhost:8438/\x01",
                                        "http://localhost:8438/\"",
                                        "http://localhost:8438/\u202e/",
                                        "javascript:alert(1)"};
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        refused(QUESTION_FIDO2, fido2(), "answer_url", json_string(other[i]), "elsewhere");
        refused(QUESTION_SSH, ssh(), "answer_url", json_string(other[i]), "elsewhere");
        refused(QUESTION_BROWSER, browser(), "user_url", json_string(other[i]), "elsewhere");
        refused(QUESTION_BROWSER, browser(), "poll_url", json_string(other[i]), "elsewhere");
    }
    refused(QUESTION_FIDO2, fido2(), "answer_url", NULL, "elsewhere");
}

static void
test_text_is_about_what_was_asked(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } row[] = {
        {"discharger=" URL, "discharger=https://evil.example", "another discharger"},
        {"discharger=" URL "\n", "", "another discharger"},
        {"parent=" PARENT, "parent=ffffffffffffffffffffffffffffffff", "another token"},
        {"parent=" PARENT "\n", "", "another token"},
        {"for 8h", "for 80h", "something else"},
        {"user = alice", "user = alice or", "something else"},
        {"code=AB12-CD34", "code=AB12-CD35", "another code"},
        {"broker=", "brokers=", "form"},
        {"caveat=", "\ncaveat=", "form"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        json_t *member = fido2();
        const char *text = json_string_value(json_object_get(member, "text"));
        const char *at = strstr(text, row[i].from);
        assert_non_null(at);
        char changed[4096];
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, row[i].to,
                 at + strlen(row[i].from));
        refused(QUESTION_FIDO2, member, "text", json_string(changed), row[i].words);
    }
    refused(QUESTION_SSH, ssh(), "text", NULL, "form");
    refused(QUESTION_SSH, ssh(), "text", json_string(""), "another discharger");
    refused(QUESTION_SSH, ssh(), "text", json_string("discharger=" URL), "form");
    refused(QUESTION_SSH, ssh(), "nonce", NULL, "nonce");
    refused(QUESTION_SSH, ssh(), "nonce", json_string("AQEB"), "nonce");
    refused(QUESTION_SSH, ssh(), "nonce", json_string("!"), "nonce");
}

// A signature in another namespace is good for commits, logins and files.
static void
test_other_namespaces(void **state)
{
    (void)state;
    static const char *const other[] = {"git", "file", "enroll@keyhole", "discharge@keyhole ", ""};
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        refused(QUESTION_SSH, ssh(), "namespace", json_string(other[i]), "namespace");
    refused(QUESTION_SSH, ssh(), "namespace", NULL, "namespace");
}

static void
test_credentials_that_are_none(void **state)
{
    (void)state;
    refused(QUESTION_FIDO2, fido2(), "credentials", json_string("AAEC"), "credentials");
    refused(QUESTION_FIDO2, fido2(), "credentials", json_pack("[s]", "A"), "credential");
    refused(QUESTION_FIDO2, fido2(), "credentials", json_pack("[i]", 1), "credential");
    refused(QUESTION_FIDO2, fido2(), "credentials", json_pack("[s]", ""), "credential");
    json_t *many = json_array();
    for (int i = 0; i <= QUESTION_CREDENTIALS_MAX; i++)
        json_array_append_new(many, json_string("AAEC"));
    refused(QUESTION_FIDO2, fido2(), "credentials", many, "too long");
}

static void
test_fido2(void **state)
{
    (void)state;
    struct question *question = read_it(QUESTION_FIDO2, fido2());
    assert_string_equal(question->rp_id, "localhost");
    assert_true(question->verification);
    assert_int_equal(question->credential_count, 2);
    assert_true(bytes_equal(buffer_bytes(&question->credential[1]), BYTES("\3\4\5")));
    assert_int_equal(question->expires_at, INT64_C(4070908800));
    // What is signed is computed here, from the text that is shown.
    uint8_t nonce[CHALLENGE_NONCE_SIZE], challenge[CHALLENGE_SIZE];
    memset(nonce, 1, sizeof nonce);
    assert_true(
        challenge_digest(CHALLENGE_DISCHARGE, buffer_bytes(&question->text), nonce, challenge));
    assert_memory_equal(question->challenge, challenge, CHALLENGE_SIZE);
    question_free(&question);
    assert_null(question);
    question_free(&question);
}

static void
test_ssh(void **state)
{
    (void)state;
    struct question *question = read_it(QUESTION_SSH, ssh());
    assert_true(question_has_fingerprint(question, "SHA256:abc"));
    assert_false(question_has_fingerprint(question, "SHA256:ab"));
    assert_false(question_has_fingerprint(question, ""));
    assert_string_equal(question->name_space, "discharge@keyhole");
    question_free(&question);
}

static void
test_browser(void **state)
{
    (void)state;
    struct question *question = read_it(QUESTION_BROWSER, browser());
    assert_string_equal(question->user_url, URL "/q/1");
    assert_string_equal(question->poll_url, URL "/p/1");
    assert_string_equal(question->code, "AB12-CD34");
    assert_int_equal(question->expires_at, 1234);
    question_free(&question);
}

// A token of another library says nothing of what its hole demands: then it is for a person to
// read.
static void
test_without_a_known_condition(void **state)
{
    (void)state;
    struct question_expectation unknown = expectation;
    struct question *question = NULL;
    struct fault fault = {.err = KH_OK};
    unknown.condition = BYTES_EMPTY;
    json_t *member = fido2();
    assert_ok(question_read(QUESTION_FIDO2, member, &unknown, &question, &fault));
    json_decref(member);
    question_free(&question);
}

static const struct question_expectation enrolment = {
    .purpose = CHALLENGE_ENROLL, .url = "https://[::1]:8438", .name = BYTES("blue")};

static json_t *
enrolling(const char *name)
{
    BUFFER_AUTO text;
    buffer_init(&text, 1024);
    buffer_printf(&text,
                  "discharger=https://[::1]:8438\nuser=alice\nasked-by=::1\nauthenticator=%s\n"
                  "expires=2099-01-01T00:00:00Z\n",
                  name);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[i,i], s:[s], s:s}", "text",
                     buffer_text(&text), "nonce", TEST_NONCE, "rp_id", "[::1]", "rp_name",
                     "Keyhole", "origin", "https://[::1]:8438", "user_id", "AAEC", "user_name",
                     "alice", "algorithms", -7, -8, "exclude", "AwQF", "answer_url",
                     "https://[::1]:8438/a/1");
}

static void
test_enrolment(void **state)
{
    (void)state;
    struct question *question = NULL;
    struct fault fault = {.err = KH_OK};
    json_t *member = enrolling("blue");
    assert_ok(question_read(QUESTION_FIDO2, member, &enrolment, &question, &fault));
    json_decref(member);
    assert_int_equal(question->algorithm_count, 2);
    assert_int_equal(question->algorithm[0], -7);
    assert_int_equal(question->credential_count, 1);
    assert_int_equal(question->user_id.n, 3);
    assert_string_equal(question->user_name, "alice");
    assert_false(question->verification);
    question_free(&question);

    member = enrolling("red");
    assert_int_equal(question_read(QUESTION_FIDO2, member, &enrolment, &question, &fault),
                     KH_ERR_PROTOCOL);
    assert_contains(fault.detail, "another authenticator");
    json_decref(member);
    static const char *const needed[] = {"rp_name", "user_id", "user_name", "algorithms"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        member = enrolling("blue");
        json_object_del(member, needed[i]);
        assert_int_equal(question_read(QUESTION_FIDO2, member, &enrolment, &question, &fault),
                         KH_ERR_PROTOCOL);
        assert_contains(fault.detail, "for whom");
        json_decref(member);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_question),
        cmocka_unit_test(test_another_site),
        cmocka_unit_test(test_answers_go_nowhere_else),
        cmocka_unit_test(test_text_is_about_what_was_asked),
        cmocka_unit_test(test_other_namespaces),
        cmocka_unit_test(test_credentials_that_are_none),
        cmocka_unit_test(test_fido2),
        cmocka_unit_test(test_ssh),
        cmocka_unit_test(test_browser),
        cmocka_unit_test(test_without_a_known_condition),
        cmocka_unit_test(test_enrolment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
