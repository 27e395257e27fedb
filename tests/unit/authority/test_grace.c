/* SPDX-License-Identifier: Apache-2.0
 *
 * The secret before: kept for its time, put back, erased; over restarts and kill -9.
 */
#include "fixture.h"

#include "../../../broker/authority/access.h"
#include "../../../broker/authority/grace.h"
#include "../../../broker/authority/inject.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

static struct authority authority;

#define OLD "OLD-canary-7d2e9b7a41c8"
#define NEW "NEW-canary-5f2e9b7a41c8"

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    admin_init();
    fixture_create();
    fixture_open(&authority);
    json_decref(fixture_do(&authority, "{\"command\": \"credential.add\", \"name\": \"x\", "
                                       "\"preset\": \"openai\", \"secret\": \"" OLD "\"}"));
    return 0;
}

static int
teardown(void **state)
{
    authority_close(&authority);
    return fixture_teardown(state);
}

static const struct credential *
one(void)
{
    return authority.credentials.item[0];
}

#define ROTATE(grace)                                                                              \
    "{\"command\": \"credential.rotate\", \"name\": \"x\", \"secret\": \"" NEW                     \
    "\", \"grace_s\": " grace "}"
#define BACK "{\"command\": \"credential.rotate-back\", \"name\": \"x\"}"

static void
reopen(void)
{
    int64_t now_ms = authority.clock.manual_ms;
    authority_close(&authority);
    fixture_open(&authority);
    authority.clock.manual_ms = now_ms;
}

static size_t
rows(void)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(fixture_path("state/keyholed.db"), &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM credential_previous", -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    size_t count = (size_t)sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return count;
}

static void
refusals(void **state)
{
    (void)state;
    fixture_refused(&authority, ROTATE("-1"), "out-of-range", "grace_s");
    fixture_refused(&authority, ROTATE("2592001"), "out-of-range", "grace_s");
    fixture_refused(&authority, BACK, "not-found", "no earlier secret");
    fixture_refused(&authority, "{\"command\": \"credential.rotate-back\", \"name\": \"y\"}",
                    "not-found", "no credential y");
    assert_true(bytes_is(secret_bytes(one()->secret), OLD));
    // Without a grace nothing is kept.
    json_decref(fixture_do(&authority, ROTATE("0")));
    fixture_refused(&authority, BACK, "not-found", "no earlier secret");
    assert_int_equal(rows(), 0);
}

static void
kept_and_put_back(void **state)
{
    char until[CLOCK_TEXT_SIZE];

    (void)state;
    json_t *result = fixture_do(&authority, ROTATE("600"));
    clock_print_s(FIXTURE_NOW + 600, until);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(result, "credential"), "previous_until")),
        until);
    json_decref(result);
    assert_true(bytes_is(secret_bytes(one()->secret), NEW));
    assert_true(bytes_is(grace_secret(one(), FIXTURE_NOW + 599), OLD));
    assert_int_equal(grace_secret(one(), FIXTURE_NOW + 600).n, 0);
    assert_nowhere(OLD);
    assert_nowhere(NEW);
    reopen();
    authority.clock.manual_ms += 100000;
    json_decref(fixture_do(&authority, BACK));
    assert_true(bytes_is(secret_bytes(one()->secret), OLD));
    // The other one has what is left of the time.
    assert_true(bytes_is(grace_secret(one(), FIXTURE_NOW + 599), NEW));
    assert_int_equal(grace_secret(one(), FIXTURE_NOW + 600).n, 0);
    json_decref(fixture_do(&authority, BACK));
    assert_true(bytes_is(secret_bytes(one()->secret), NEW));
    // The next rotation ends it.
    json_decref(fixture_do(&authority, ROTATE("0")));
    assert_int_equal(rows(), 0);
    assert_int_equal(grace_secret(one(), FIXTURE_NOW).n, 0);
    assert_nowhere(OLD);
    assert_nowhere(NEW);
}

static void
erased_when_it_is_over(void **state)
{
    (void)state;
    json_decref(fixture_do(&authority, ROTATE("600")));
    authority.clock.manual_ms += 599000;
    authority_tick(&authority);
    assert_int_equal(rows(), 1);
    assert_non_null(one()->previous);
    authority.clock.manual_ms += 1000;
    fixture_refused(&authority, BACK, "not-found", "it is over");
    authority_tick(&authority);
    assert_null(one()->previous);
    assert_int_equal(one()->previous_until, 0);
    assert_int_equal(rows(), 0);
    struct buffer log;
    struct bytes whole = fixture_read(fixture_path("state/audit.log"), &log);
    assert_true(bytes_find(whole, BYTES("credential.grace-end")) < whole.n);
    buffer_free(&log);
}

// A broker that did not run when the time was over erases it at its start.
static void
erased_after_a_restart(void **state)
{
    (void)state;
    json_decref(fixture_do(&authority, ROTATE("600")));
    authority.clock.manual_ms += 3600000;
    reopen();
    assert_int_equal(grace_secret(one(), FIXTURE_NOW + 3600).n, 0);
    fixture_refused(&authority, BACK, "not-found", "it is over");
    authority_tick(&authority);
    assert_int_equal(rows(), 0);
}

static void
goes_with_its_credential(void **state)
{
    (void)state;
    json_decref(fixture_do(&authority, ROTATE("600")));
    json_decref(fixture_do(&authority, "{\"command\": \"credential.remove\", \"name\": \"x\"}"));
    assert_int_equal(rows(), 0);
}

static bool
scrubs(int64_t now, const char *secret)
{
    static struct message_decide request;
    struct injection_context context = {.request = &request, .now = now};
    struct injection injection;
    bool found = false;
    assert_int_equal(injection_make(one(), &context, &injection), INJECTION_READY);
    for (size_t i = 0; i < injection.secret_count; i++)
        found = found || bytes_is(injection.secret[i], secret);
    injection_free(&injection);
    return found;
}

static void
answers_are_searched_for_it(void **state)
{
    (void)state;
    json_decref(fixture_do(&authority, ROTATE("600")));
    assert_true(scrubs(FIXTURE_NOW, NEW));
    assert_true(scrubs(FIXTURE_NOW, OLD));
    assert_true(scrubs(FIXTURE_NOW + 600, NEW));
    assert_false(scrubs(FIXTURE_NOW + 600, OLD));
}

/* ---- what was derived ---- */

static bool
scrubs_of(const struct credential *credential, const struct message_decide *request,
          const char *secret)
{
    struct injection_context context = {.request = request, .now = FIXTURE_NOW};
    struct injection injection;
    bool found = false;
    enum injection_result result = injection_make(credential, &context, &injection);
    assert_true(result == INJECTION_READY);
    for (size_t i = 0; i < injection.secret_count; i++)
        found = found || bytes_find(injection.secret[i], bytes_str(secret)) < injection.secret[i].n;
    injection_free(&injection);
    return found;
}

static const struct credential *
rotated(const char *more, const char *before, const char *after)
{
    static char request[40000];
    json_decref(fixture_do(&authority, "{\"command\": \"credential.remove\", \"name\": \"x\"}"));
    snprintf(request, sizeof request,
             "{\"command\": \"credential.add\", \"name\": \"x\", \"hosts\": [\"a.example\"], "
             "\"secret\": \"%s\", %s}",
             before, more);
    json_decref(fixture_do(&authority, request));
    if (one()->route.inject_kind == INJECT_OAUTH2)
        assert_ok(
            access_take(one()->access, BYTES("at-of-the-old-one"), 3600, FIXTURE_NOW, 0, fault));
    snprintf(request, sizeof request,
             "{\"command\": \"credential.rotate\", \"name\": \"x\", \"secret\": \"%s\", "
             "\"grace_s\": 600}",
             after);
    json_decref(fixture_do(&authority, request));
    return one();
}

static void
what_was_derived(void **state)
{
    static char large[3 * 4096 + 1], json[2][2 * 4096 + 8200];
    static struct message_decide request = {.scheme = BYTES("https"),
                                            .host = BYTES("a.example"),
                                            .port = 443,
                                            .method = BYTES("GET"),
                                            .path = BYTES("/"),
                                            .path_encoded = BYTES("/"),
                                            .body = {.has_size = true, .has_sha256 = true}};
    (void)state;
    // The key id and the session token; the secret key never left, and does not now.
    const struct credential *credential =
        rotated("\"inject\": \"sigv4\", \"slots\": [\"bearer\"], \"options\": "
                "[\"region=r\", \"service=s\"]",
                "OLDKEYID:old-secret-key:old-session-token", "NEWKEYID:new-secret-key");
    assert_true(scrubs_of(credential, &request, "NEWKEYID"));
    assert_true(scrubs_of(credential, &request, "OLDKEYID"));
    assert_true(scrubs_of(credential, &request, "old-session-token"));
    assert_false(scrubs_of(credential, &request, "old-secret-key"));
    // Nothing of a key that only signs.
    credential = rotated("\"inject\": \"hmac:sha256:hex:x-s: {signature}\", \"slots\": "
                         "[\"bearer\"], \"options\": [\"sign={method}\"]",
                         "old-hmac-key", "new-hmac-key");
    assert_false(scrubs_of(credential, &request, "old-hmac-key"));
    // A password without its user, and a user without a password.
    credential =
        rotated("\"inject\": \"basic\", \"slots\": [\"bearer\"]", "old-user-key:", "new-user-key:");
    assert_true(scrubs_of(credential, &request, "old-user-key"));
    credential = rotated("\"preset\": \"github\", \"inject\": \"basic\", \"slots\": [\"basic\"]",
                         "old-github-key", "new-github-key");
    assert_true(scrubs_of(credential, &request, "old-github-key"));
    // Of oauth2 the access token that was got with it, and its parts, however long they are.
    memset(large, 'L', sizeof large - 1);
    snprintf(json[0], sizeof json[0],
             "{\\\"client_id\\\":\\\"c\\\",\\\"client_secret\\\":\\\"old-client-secret\\\","
             "\\\"refresh_token\\\":\\\"%s\\\"}",
             large);
    credential = rotated("\"inject\": \"oauth2\", \"slots\": [\"bearer\"], \"options\": "
                         "[\"token-url=https://t.example/\"]",
                         json[0], "new-refresh-token");
    assert_ok(
        access_take(credential->access, BYTES("at-of-the-new-one"), 3600, FIXTURE_NOW, 0, fault));
    assert_true(scrubs_of(credential, &request, "at-of-the-new-one"));
    assert_true(scrubs_of(credential, &request, "at-of-the-old-one"));
    assert_true(scrubs_of(credential, &request, "old-client-secret"));
    assert_true(scrubs_of(credential, &request, large));
}

// Rotates for ever, and says so once it is done.
static void
work(int out)
{
    char request[256];
    for (unsigned i = 1;; i++) {
        snprintf(request, sizeof request,
                 "{\"command\": \"credential.rotate\", \"name\": \"x\", \"secret\": "
                 "\"secret-number-%06u\", \"grace_s\": 600}",
                 i);
        json_decref(fixture_do(&authority, request));
        if (write(out, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

static unsigned
number_of(struct bytes secret)
{
    uint64_t number = 0;
    if (bytes_is(secret, OLD))
        return 0;
    secret = bytes_from(secret, strlen("secret-number-"));
    while (secret.n > 1 && secret.p[0] == '0')
        secret = bytes_from(secret, 1);
    assert_true(bytes_to_u64(secret, &number));
    return (unsigned)number;
}

// Both secrets change in one step, or neither does.
static void
killed_in_between(void **state)
{
    int ends[2], status;
    unsigned done = 0, next;

    (void)state;
    authority_close(&authority);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        fixture_open(&authority);
        work(ends[1]);
    }
    close(ends[1]);
    for (int i = 0; i < 7; i++)
        assert_int_equal(read(ends[0], &done, sizeof done), sizeof done);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(ends[0], &next, sizeof next) == sizeof next)
        done = next;
    close(ends[0]);
    fixture_open(&authority);
    unsigned current = number_of(secret_bytes(one()->secret));
    assert_true(current == done || current == done + 1);
    assert_int_equal(number_of(grace_secret(one(), FIXTURE_NOW)), current - 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(refusals),
        TEST(kept_and_put_back),
        TEST(erased_when_it_is_over),
        TEST(erased_after_a_restart),
        TEST(goes_with_its_credential),
        TEST(answers_are_searched_for_it),
        TEST(what_was_derived),
        TEST(killed_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
