/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <signal.h>
#include <sys/resource.h>

static void
does_not_start(enum kh_err err, const char *text)
{
    struct authority authority;
    struct master_key_source source = fixture_source();

    assert_fault(authority_open(&authority, &source, clock_manual(FIXTURE_NOW), fault), err, text);
    authority_close(&authority);
}

// Every file below the state directory, names and contents, as one number.
static void
fingerprint(uint8_t out[32])
{
    static const char *const names[] = {"state/keyholed.db", "state/master.key", "state/audit.log",
                                        "state/audit.head", "state/ca.pem"};
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, NULL, 0, 32);
    for (size_t i = 0; i < 5; i++) {
        struct buffer data;
        struct bytes whole = fixture_read(fixture_path(names[i]), &data);
        crypto_generichash_update(&hash, (const uint8_t *)names[i], strlen(names[i]));
        crypto_generichash_update(&hash, whole.p ? whole.p : (const uint8_t *)"", whole.n);
        buffer_free(&data);
    }
    crypto_generichash_final(&hash, out, 32);
}

static void
no_state(void **state)
{
    (void)state;
    does_not_start(KH_ERR_NOT_FOUND, "state");
    assert_int_equal(mkdir(fixture_path("state"), 0700), 0);
    does_not_start(KH_ERR_NOT_FOUND, "keyholed init");
}

static void
opens_closes_and_opens(void **state)
{
    struct authority authority;

    (void)state;
    fixture_create();
    for (int i = 0; i < 3; i++) {
        fixture_open(&authority);
        assert_non_null(root_keys_active(&authority.keys));
        assert_non_null(authority.ca);
        authority_close(&authority);
    }
    struct buffer log;
    (void)fixture_read(fixture_path("state/audit.log"), &log);
    size_t lines = 0;
    for (size_t i = 0; i < log.n; i++)
        lines += log.p[i] == '\n';
    assert_int_equal(lines, 6); // start and stop, three times
    buffer_free(&log);
}

// Each of these stops the start, says why, and leaves every file as it was.
static void
nothing_is_overwritten(void **state)
{
    static const struct {
        const char *file;
        mode_t mode;
    } rights[] = {{"state", 0750},
                  {"state/keyholed.db", 0644},
                  {"state/master.key", 0640},
                  {"state/audit.log", 0644},
                  {"state/audit.head", 0604}};
    struct authority authority;
    struct buffer key;
    uint8_t before[32], after[32];
    struct stat st;

    (void)state;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    authority_close(&authority);
    fingerprint(before);
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        assert_int_equal(stat(fixture_path(rights[i].file), &st), 0);
        assert_int_equal(chmod(fixture_path(rights[i].file), rights[i].mode), 0);
        does_not_start(KH_ERR_PERMISSION, "chmod");
        assert_int_equal(chmod(fixture_path(rights[i].file), st.st_mode & 07777), 0);
        fingerprint(after);
        assert_memory_equal(before, after, 32);
    }

    struct bytes hex = fixture_read(fixture_path("state/master.key"), &key);
    uint8_t digit = key.p[5];
    key.p[5] = digit == '0' ? '1' : '0';
    fixture_write(fixture_path("state/master.key"), hex);
    fingerprint(before);
    does_not_start(KH_ERR_MASTER_KEY, "master.key is not the master key of this database");
    fingerprint(after);
    assert_memory_equal(before, after, 32);
    key.p[5] = digit;

    fixture_write(fixture_path("state/master.key"), hex);
    fixture_open(&authority);
    authority_close(&authority);
    buffer_free(&key);
}

static void
truncated_audit_log(void **state)
{
    struct authority authority;
    struct buffer log;
    uint8_t before[32], after[32];

    (void)state;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    authority_close(&authority);
    struct bytes whole = fixture_read(fixture_path("state/audit.log"), &log);
    fixture_write(fixture_path("state/audit.log"), bytes_slice(whole, 0, whole.n - 40));
    fingerprint(before);
    does_not_start(KH_ERR_AUDIT_BROKEN, "cut short");
    fingerprint(after);
    assert_memory_equal(before, after, 32);
    fixture_write(fixture_path("state/audit.log"), whole);
    fixture_open(&authority);
    authority_close(&authority);
    buffer_free(&log);
}

// Log and head of yesterday fit together; the database remembers today.
static void
audit_log_put_back(void **state)
{
    struct authority authority;
    struct buffer log, head, now;

    (void)state;
    fixture_create();
    fixture_open(&authority);
    authority_close(&authority);
    struct bytes old_log = fixture_read(fixture_path("state/audit.log"), &log);
    struct bytes old_head = fixture_read(fixture_path("state/audit.head"), &head);
    fixture_open(&authority);
    authority_close(&authority);
    fixture_write(fixture_path("state/audit.log"), old_log);
    fixture_write(fixture_path("state/audit.head"), old_head);
    does_not_start(KH_ERR_AUDIT_BROKEN, "the database remembers record 4");

    // Moved away, a new log begins, and says what was before it.
    assert_int_equal(unlink(fixture_path("state/audit.log")), 0);
    assert_int_equal(unlink(fixture_path("state/audit.head")), 0);
    fixture_open(&authority);
    authority_close(&authority);
    struct bytes text = fixture_read(fixture_path("state/audit.log"), &now);
    assert_true(bytes_find(text, BYTES("the one before ended with record 4")) < text.n);
    fixture_open(&authority);
    authority_close(&authority);
    buffer_free(&log);
    buffer_free(&head);
    buffer_free(&now);
}

static void
the_ca_file_comes_back(void **state)
{
    struct authority authority;
    struct buffer before, after;

    (void)state;
    fixture_create();
    (void)fixture_read(fixture_path("state/ca.pem"), &before);
    assert_int_equal(unlink(fixture_path("state/ca.pem")), 0);
    fixture_open(&authority);
    authority_close(&authority);
    (void)fixture_read(fixture_path("state/ca.pem"), &after);
    assert_true(after.n > 0);
    assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
    buffer_free(&before);
    buffer_free(&after);
}

static void
own_names(void **state)
{
    struct authority authority;
    char *names[] = {(char *)(uintptr_t) "broker.example"};

    (void)state;
    fixture_create();
    fixture_open(&authority);
    authority.config.name = names;
    authority.config.name_count = 1;
    buffer_put_str(&authority.listeners,
                   "http=127.0.0.2:8437\nhttps=[2001:db8::1]:443\nunix=/run/proxy.sock");
    assert_true(authority_is_own_name(&authority, BYTES("localhost")));
    assert_true(authority_is_own_name(&authority, BYTES("127.0.0.1")));
    assert_true(authority_is_own_name(&authority, BYTES("::1")));
    assert_true(authority_is_own_name(&authority, BYTES("broker.example")));
    assert_true(authority_is_own_name(&authority, BYTES("127.0.0.2")));
    assert_true(authority_is_own_name(&authority, BYTES("2001:db8::1")));
    assert_false(authority_is_own_name(&authority, BYTES("api.openai.com")));
    assert_false(authority_is_own_name(&authority, BYTES("127.0.0.3")));
    assert_false(authority_is_own_name(&authority, BYTES("x.broker.example")));
    assert_false(authority_is_own_name(&authority, BYTES_EMPTY));
    authority.config.name = NULL;
    authority.config.name_count = 0;
    authority_close(&authority);
}

// What cannot be recorded is not done.
static void
a_change_without_a_record(void **state)
{
    struct authority authority;
    struct rlimit limit, old;
    struct audit_record record = {.kind = AUDIT_ADMIN, .command = BYTES("test")};
    struct buffer value, log;

    (void)state;
    fixture_create();
    fixture_open(&authority);
    buffer_init(&value, 100);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    size_t size = fixture_read(fixture_path("state/audit.log"), &log).n;
    buffer_free(&log);
    assert_ok(change_begin(&authority, fault));
    assert_ok(store_meta_put(authority.store, "canary", BYTES("1"), fault));
    limit = old;
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum kh_err err = change_commit(&authority, &record, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(err, KH_ERR_IO);
    assert_int_equal(store_meta_get(authority.store, "canary", &value, NULL), KH_ERR_NOT_FOUND);

    assert_ok(change_begin(&authority, fault));
    change_abort(&authority);
    assert_ok(change_begin(&authority, fault));
    assert_ok(store_meta_put(authority.store, "canary", BYTES("1"), fault));
    authority.actor_uid = 4711;
    assert_ok(change_commit(&authority, &record, fault));
    assert_ok(store_meta_get(authority.store, "canary", &value, fault));
    (void)fixture_read(fixture_path("state/audit.log"), &log);
    assert_true(bytes_find(buffer_bytes(&log), BYTES("\"uid\":4711")) < log.n);
    authority_close(&authority);
    buffer_free(&value);
    buffer_free(&log);
}

static void
expired_revocations_go(void **state)
{
    struct authority authority;

    (void)state;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    char *token = fixture_mint(&authority, ""), request[1024];
    snprintf(request, sizeof request, "{\"command\": \"revoke\", \"token\": \"%s\"}", token);
    json_decref(fixture_do(&authority, request));
    authority.clock.manual_ms += 3599 * 1000;
    authority_tick(&authority);
    assert_int_equal(revocations_count(&authority.revocations), 1);
    authority.clock.manual_ms += 2 * 3600 * 1000;
    authority_tick(&authority);
    assert_int_equal(revocations_count(&authority.revocations), 0);
    authority_close(&authority);
    free(token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(no_state),
        fixture_test(opens_closes_and_opens),
        fixture_test(nothing_is_overwritten),
        fixture_test(truncated_audit_log),
        fixture_test(audit_log_put_back),
        fixture_test(the_ca_file_comes_back),
        fixture_test(own_names),
        fixture_test(a_change_without_a_record),
        fixture_test(expired_revocations_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
