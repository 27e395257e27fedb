/* SPDX-License-Identifier: Apache-2.0 */
#include "serving.h"

#include "../../../broker/admin/request.h"
#include "../../../broker/discharge/admin.h"

static struct discharge_admin admin;

static int64_t
stopped_clock(void)
{
    return STORES_NOW;
}

static int
setup(void **state)
{
    if (serving_setup(state))
        return -1;
    serving_start(&server_limits_default, NULL);
    admin = (struct discharge_admin){
        .store = store, .service = service, .started_at = STORES_NOW, .now = stopped_clock};
    snprintf(admin.self.url, sizeof admin.self.url, "https://discharge.example");
    memcpy(admin.self.public_key, key.public_key, sizeof key.public_key);
    return 0;
}

static json_t *
ask(const char *text)
{
    BUFFER_AUTO out;
    buffer_init(&out, 1 << 20);
    discharge_admin_answer(&admin, 0, bytes_str(text), &out);
    json_t *answer = json_loadb((const char *)out.p, out.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(answer);
    return answer;
}

/* The result, which must be one; json_decref. */
static json_t *
done(const char *text)
{
    json_t *answer = ask(text), *result = json_incref(json_object_get(answer, "result"));
    if (!json_is_true(json_object_get(answer, "ok")))
        fail_msg("%s: %s", text, json_string_value(json_object_get(answer, "message")));
    json_decref(answer);
    return result;
}

static void
refused(const char *text, const char *code, const char *words)
{
    json_t *answer = ask(text);
    const char *got = json_string_value(json_object_get(answer, "code"));
    const char *message = json_string_value(json_object_get(answer, "message"));
    if (got == NULL || strcmp(got, code) != 0 || strstr(message, words) == NULL)
        fail_msg("%s: %s: %s", text, got ? got : "(ok)", message ? message : "");
    json_decref(answer);
}

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "(none)";
}

static void
wrong_requests(void **state)
{
    static const char *const names[] = {
        "",
        ".alice",
        "-alice",
        "al ice",
        "alice/bob",
        "ali\\u0000ce",
        "al\\u00efce",
        "alice\\n",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", // 65
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(text, sizeof text, "{\"command\": \"user.add\", \"name\": \"%s\"}", names[i]);
        refused(text, "syntax", strstr(names[i], "u0000") ? "JSON" : "a user's name");
    }
    refused("{\"command\": \"user.add\"}", "usage", "name is missing");
    refused("{\"command\": \"mint\"}", "unknown", "no such command");
    refused("{\"command\": \"user.list\", \"name\": \"x\"}", "unknown", "does not take");
    refused("{\"command\": \"user.remove\", \"name\": \"alice\"}", "not-found", "alice");
    refused("{\"command\": \"invite\", \"user\": \"alice\"}", "not-found", "alice");
    refused("{\"command\": \"invite\", \"user\": \"al ice\"}", "syntax", "a user's name");
    refused("{\"command\": \"authenticator.list\", \"user\": \"alice\"}", "not-found", "user");
    refused("{\"command\": \"authenticator.remove\", \"user\": \"alice\", \"name\": \"\"}",
            "syntax", "64 bytes");
    refused("{\"command\": \"authenticator.remove\", \"user\": \"alice\", \"name\": \"key\"}",
            "not-found", "alice has no authenticator key");
}

static void
users_come_and_go(void **state)
{
    (void)state;
    json_t *result = done("{\"command\": \"user.add\", \"name\": \"alice\"}");
    assert_string_equal(text_of(result, "name"), "alice");
    json_decref(result);
    refused("{\"command\": \"user.add\", \"name\": \"alice\"}", "exists", "alice");
    json_decref(done("{\"command\": \"user.add\", \"name\": \"a.b_c@d+e-f\"}"));
    result = done("{\"command\": \"user.list\"}");
    json_t *users = json_object_get(result, "users"), *first = json_array_get(users, 0);
    assert_int_equal(json_array_size(users), 2);
    assert_string_equal(text_of(first, "name"), "a.b_c@d+e-f");
    assert_string_equal(text_of(first, "created_at"), "2026-10-26T07:33:20Z");
    assert_int_equal(json_integer_value(json_object_get(first, "authenticators")), 0);
    json_decref(result);
    json_decref(done("{\"command\": \"user.remove\", \"name\": \"alice\"}"));
    refused("{\"command\": \"user.remove\", \"name\": \"alice\"}", "not-found", "alice");
}

static void
an_invitation_is_a_code_and_a_page(void **state)
{
    (void)state;
    json_decref(done("{\"command\": \"user.add\", \"name\": \"alice\"}"));
    json_t *first = done("{\"command\": \"invite\", \"user\": \"alice\"}");
    json_t *second = done("{\"command\": \"invite\", \"user\": \"alice\"}");
    assert_int_equal(strlen(text_of(first, "code")), 14); // K7QF-2M9X-0TRB
    assert_string_not_equal(text_of(first, "code"), text_of(second, "code"));
    assert_string_equal(text_of(first, "url"), "https://discharge.example/enroll");
    assert_string_equal(text_of(first, "expires_at"), "2026-10-26T07:43:20Z");
    // The code itself is in no file.
    assert_nowhere(text_of(second, "code"));
    json_decref(first);
    json_decref(second);
}

static void
authenticators_are_described(void **state)
{
    struct discharge_authenticator row = stores_row("alice", "blue", "c1");
    bool taken;

    (void)state;
    json_decref(done("{\"command\": \"user.add\", \"name\": \"alice\"}"));
    row.attested = row.yubikey = true;
    row.firmware = 0x050704;
    memset(row.aaguid, 0xab, sizeof row.aaguid);
    assert_ok(stores_enroll(store, &row, &taken, fault));
    row = stores_row("alice", "laptop", "c2");
    row.kind = AUTHENTICATOR_SSH;
    assert_ok(stores_enroll(store, &row, &taken, fault));
    assert_ok(discharge_authenticator_used(store, stores_find(store, "c1").id, 0, STORES_NOW,
                                           &taken, fault));
    json_t *result = done("{\"command\": \"authenticator.list\", \"user\": \"alice\"}");
    json_t *list = json_object_get(result, "authenticators");
    const json_t *blue = json_array_get(list, 0), *laptop = json_array_get(list, 1);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_of(blue, "user"), "alice");
    assert_string_equal(text_of(blue, "kind"), "fido2");
    // printf c1 | sha256sum
    assert_string_equal(text_of(blue, "credential"), "d0f631ca1ddba8db");
    assert_int_equal(strlen(text_of(blue, "fingerprint")), 64);
    assert_string_equal(text_of(blue, "aaguid"), "abababab-abab-abab-abab-abababababab");
    assert_string_equal(text_of(blue, "firmware"), "5.7.4");
    assert_true(json_is_true(json_object_get(blue, "attested")));
    assert_true(json_is_true(json_object_get(blue, "yubikey")));
    assert_string_equal(text_of(blue, "used_at"), "2026-10-26T07:33:20Z");
    assert_null(json_object_get(blue, "cloned_at"));
    assert_string_equal(text_of(laptop, "kind"), "ssh");
    assert_null(json_object_get(laptop, "aaguid"));
    assert_null(json_object_get(laptop, "firmware"));
    assert_null(json_object_get(laptop, "used_at"));
    assert_true(json_is_false(json_object_get(laptop, "yubikey")));
    assert_memory_equal(text_of(laptop, "fingerprint"), "SHA256:", 7);
    json_decref(result);
    json_decref(done("{\"command\": \"authenticator.remove\", \"user\": \"alice\", "
                     "\"name\": \"blue\"}"));
    result = done("{\"command\": \"authenticator.list\"}");
    assert_int_equal(json_array_size(json_object_get(result, "authenticators")), 1);
    json_decref(result);
}

static void
the_status_counts(void **state)
{
    (void)state;
    json_decref(done("{\"command\": \"user.add\", \"name\": \"alice\"}"));
    json_t *result = done("{\"command\": \"status\"}");
    assert_string_equal(text_of(result, "url"), "https://discharge.example");
    assert_memory_equal(text_of(result, "public_key"), "kd1_", 4);
    assert_int_equal(strlen(text_of(result, "public_key")), 4 + 43);
    assert_string_equal(text_of(result, "version"), KEYHOLE_VERSION);
    assert_string_equal(text_of(result, "started_at"), "2026-10-26T07:33:20Z");
    assert_int_equal(json_integer_value(json_object_get(result, "users")), 1);
    static const char *const zero[] = {"authenticators", "questions", "discharges",
                                       "declines",       "failures",  "enrolments"};
    for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++) {
        assert_true(json_is_integer(json_object_get(result, zero[i])));
        assert_int_equal(json_integer_value(json_object_get(result, zero[i])), 0);
    }
    json_decref(result);
}

#define admin_test(f) cmocka_unit_test_setup_teardown(f, setup, serving_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        admin_test(wrong_requests),
        admin_test(users_come_and_go),
        admin_test(an_invitation_is_a_code_and_a_page),
        admin_test(authenticators_are_described),
        admin_test(the_status_counts),
    };
    admin_request_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
