/* SPDX-License-Identifier: Apache-2.0 */
/* What was unpacked: refused where it is not whole, and changed only where it is to be in force. */
#include "../authority/fixture.h"

#include "../../../broker/keep/restore_state.h"

#define WHEN "2026-10-26T06:00:00Z"

static char directory[256];
static struct secret *master_key;
static json_t *report;
static struct restore_state unpacked;

/* A broker's, with a credential and a few records. */
static int
setup(void **state)
{
    struct authority authority;
    struct fault fault = {0};

    if (fixture_setup(state))
        return -1;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    authority_close(&authority);
    snprintf(directory, sizeof directory, "%s", fixture_path("state"));
    report = json_object();
    unpacked = (struct restore_state){.directory = directory, .created_at = WHEN, .check = true};
    if (master_key_read_file(fixture_path("state/" MASTER_KEY_FILE), &master_key, &fault))
        return -1;
    unpacked.master_key = master_key;
    return 0;
}

static int
teardown(void **state)
{
    secret_free(&master_key);
    json_decref(report);
    return fixture_teardown(state);
}

static const char *
reported(const char *member)
{
    const char *text = json_string_value(json_object_get(report, member));
    return text ? text : "(nothing)";
}

static enum kh_err
count_revocation(void *context, const struct store_revocation *row, struct fault *fault)
{
    (void)row, (void)fault;
    ++*(int *)context;
    return KH_OK;
}

/* Of all tokens from before; and what the next start tells the audit log. */
static void
assert_changed(int revocations, bool restored)
{
    struct store *store = NULL;
    struct fault why = {0};
    int count = 0;
    BUFFER_AUTO when;

    buffer_init(&when, 128);
    assert_ok(store_open(fixture_path("state/" AUTHORITY_DATABASE_FILE), &store, fault));
    assert_ok(store_revocation_each(store, count_revocation, &count, fault));
    assert_int_equal(count, revocations);
    enum kh_err err = store_meta_get(store, STATE_META_RESTORED, &when, &why);
    assert_int_equal(err, restored ? KH_OK : KH_ERR_NOT_FOUND);
    assert_string_equal(buffer_text(&when), restored ? WHEN : "");
    store_close(&store);
}

static void
without_a_database_it_is_none(void **state)
{
    (void)state;
    assert_int_equal(unlink(fixture_path("state/" AUTHORITY_DATABASE_FILE)), 0);
    assert_fault(restore_state_check(&unpacked, report, fault), KH_ERR_CRYPTO,
                 "there is no database in it");
    assert_int_equal(json_object_size(report), 0);
}

static void
nor_without_its_time(void **state)
{
    (void)state;
    unpacked.created_at = NULL;
    assert_fault(restore_state_check(&unpacked, report, fault), KH_ERR_CRYPTO, "no database");
    assert_changed(0, false);
}

static void
a_look_changes_nothing(void **state)
{
    (void)state;
    unpacked.revoke_before = true;
    assert_ok(restore_state_check(&unpacked, report, fault));
    assert_string_equal(reported("sealed_values"), "open");
    assert_true(json_integer_value(json_object_get(report, "audit_records")) > 1);
    assert_string_equal(reported("revoked_before"), "(nothing)");
    assert_changed(0, false);
}

static void
what_is_in_force_knows_where_it_is_from(void **state)
{
    (void)state;
    unpacked.check = false;
    assert_ok(restore_state_check(&unpacked, report, fault));
    assert_string_equal(reported("revoked_before"), "(nothing)");
    assert_changed(0, true);
}

static void
all_tokens_from_before_end(void **state)
{
    (void)state;
    unpacked.check = false;
    unpacked.revoke_before = true;
    assert_ok(restore_state_check(&unpacked, report, fault));
    assert_string_not_equal(reported("revoked_before"), "(nothing)");
    assert_changed(1, true);
}

static void
another_master_key(void **state)
{
    (void)state;
    secret_free(&master_key);
    assert_ok(secret_new_random(32, &master_key, fault));
    unpacked.master_key = master_key;
    unpacked.check = false;
    assert_fault(restore_state_check(&unpacked, report, fault), KH_ERR_MASTER_KEY, "");
    assert_changed(0, false);
}

static void
without_the_key_the_chain_alone(void **state)
{
    (void)state;
    unpacked.master_key = NULL;
    assert_int_equal(unlink(fixture_path("state/" AUDIT_HEAD_FILE)), 0);
    assert_ok(restore_state_check(&unpacked, report, fault));
    assert_string_equal(reported("sealed_values"), "not-checked");
    assert_true(json_integer_value(json_object_get(report, "audit_records")) > 1);
}

static void
with_the_key_the_head_as_well(void **state)
{
    (void)state;
    unpacked.check = false;
    assert_int_equal(unlink(fixture_path("state/" AUDIT_HEAD_FILE)), 0);
    assert_int_not_equal(restore_state_check(&unpacked, report, NULL), KH_OK);
    assert_changed(0, false);
}

/* Write the log anew, as it is up to `n` and with `byte` in the place of its 20th. */
static void
change_log(size_t n, uint8_t byte)
{
    struct buffer text;
    (void)fixture_read(fixture_path("state/" AUDIT_LOG_FILE), &text);
    assert_true(n < text.n);
    if (byte)
        text.p[20] = byte;
    int fd = open(fixture_path("state/" AUDIT_LOG_FILE), O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n - n), text.n - n);
    close(fd);
    buffer_free(&text);
}

static void
a_log_that_was_changed(void **state)
{
    (void)state;
    unpacked.check = false;
    change_log(0, '~');
    assert_fault(restore_state_check(&unpacked, report, fault), KH_ERR_AUDIT_BROKEN, "");
    unpacked.master_key = NULL;
    assert_fault(restore_state_check(&unpacked, report, fault), KH_ERR_AUDIT_BROKEN, "");
    assert_changed(0, false);
}

static void
a_log_that_was_cut_short(void **state)
{
    struct buffer text;
    (void)state;
    (void)fixture_read(fixture_path("state/" AUDIT_LOG_FILE), &text);
    const uint8_t *last = memrchr(text.p, '\n', text.n - 1);
    assert_non_null(last);
    change_log(text.n - (size_t)(last + 1 - text.p), 0);
    buffer_free(&text);
    unpacked.check = false;
    assert_fault(restore_state_check(&unpacked, report, fault), KH_ERR_AUDIT_BROKEN, "");
    assert_changed(0, false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_database_it_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(nor_without_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_look_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_in_force_knows_where_it_is_from, setup, teardown),
        cmocka_unit_test_setup_teardown(all_tokens_from_before_end, setup, teardown),
        cmocka_unit_test_setup_teardown(another_master_key, setup, teardown),
        cmocka_unit_test_setup_teardown(without_the_key_the_chain_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(with_the_key_the_head_as_well, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_was_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_was_cut_short, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
