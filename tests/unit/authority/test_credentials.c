/* SPDX-License-Identifier: Apache-2.0 */
#include "sealed_store.h"

#include "../../../broker/authority/credentials.h"

static struct credential *
build(const char *name, const char *host)
{
    struct store_credential row = {.name = bytes_str(name), .enabled = true};
    struct credential *credential = NULL;

    row.item[STORE_LIST_HOSTS][row.item_count[STORE_LIST_HOSTS]++] = bytes_str(host);
    assert_ok(credential_build(&row, true, &credential, fault));
    return credential;
}

static struct credential *
add(struct credentials *credentials, const char *name, const char *host)
{
    struct credential *credential = build(name, host);

    assert_ok(
        credentials_insert(credentials, store, seal, credential, BYTES(FIXTURE_SECRET), fault));
    credentials_adopt(credentials, credential);
    return credential;
}

static void
refusals_leave_nothing(void **state)
{
    struct credentials credentials = {0};
    struct credential *credential = build("a", "a.example"), *found = NULL;

    (void)state;
    assert_fault(credentials_insert(&credentials, store, seal, credential, BYTES("a\nb"), fault),
                 KH_ERR_SYNTAX, "control");
    assert_null(credentials_find(&credentials, BYTES("a")));
    assert_fault(credentials_get(&credentials, BYTES("a"), &found, fault), KH_ERR_NOT_FOUND,
                 "no credential a");
    assert_fault(credentials_get(&credentials, BYTES("a\n"), &found, fault), KH_ERR_NOT_FOUND,
                 "of that name");
    assert_null(found);
    credential_free(&credential);
    assert_ok(credentials_load(&credentials, store, seal, fault));
    assert_int_equal(credentials.count, 0);
    credentials_free(&credentials);
}

static void
sorted_found_and_suggested(void **state)
{
    static const char *const names[] = {"openai", "anthropic", "zeta", "github", "Beta", "alpha"};
    struct credentials credentials = {0};
    struct credential *found;

    (void)state;
    for (size_t i = 0; i < 6; i++)
        (void)add(&credentials, names[i], "a.example");
    for (size_t i = 0; i < 6; i++)
        assert_true(
            bytes_is(credentials_find(&credentials, bytes_str(names[i]))->row.name, names[i]));
    for (size_t i = 1; i < 6; i++)
        assert_true(
            bytes_compare(credentials.item[i - 1]->row.name, credentials.item[i]->row.name) < 0);
    assert_fault(credentials_get(&credentials, BYTES("openia"), &found, fault), KH_ERR_NOT_FOUND,
                 "did you mean openai?");
    struct credential *again = build("openai", "b.example");
    assert_fault(credentials_insert(&credentials, store, seal, again, BYTES("other"), fault),
                 KH_ERR_EXISTS, "already");
    credential_free(&again);
    credentials_free(&credentials);
}

static void
loaded_as_it_was(void **state)
{
    struct credentials credentials = {0}, again = {0};
    struct secret *secret = NULL;

    (void)state;
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%02d", i);
        (void)add(&credentials, name, "a.example");
    }
    struct credential *one = credentials_find(&credentials, BYTES("c07"));
    assert_ok(
        credentials_write_secret(store, seal, one, BYTES("rotated-secret"), 99, &secret, fault));
    credentials_take_secret(one, secret, 99);
    assert_fault(credentials_write_secret(store, seal, one, BYTES("bad\n"), 99, &secret, fault),
                 KH_ERR_SYNTAX, "control");
    assert_ok(store_credential_enable(store, one->row.id, false, fault));
    credentials_take_enabled(one, false);
    struct credential *gone = credentials_find(&credentials, BYTES("c11"));
    assert_ok(store_credential_remove(store, gone->row.id, fault));
    credentials_drop(&credentials, gone);
    assert_null(credentials_find(&credentials, BYTES("c11")));
    assert_non_null(credentials_find(&credentials, BYTES("c12")));

    assert_ok(credentials_load(&again, store, seal, fault));
    assert_int_equal(again.count, 39);
    for (size_t i = 0; i < again.count; i++) {
        const struct credential *a = credentials.item[i], *b = again.item[i];
        assert_true(bytes_equal(a->row.name, b->row.name));
        assert_int_equal(a->row.id, b->row.id);
        assert_int_equal(a->row.enabled, b->row.enabled);
        assert_int_equal(a->route.enabled, b->route.enabled);
        assert_int_equal(a->row.rotated_at, b->row.rotated_at);
        assert_true(bytes_equal(secret_bytes(a->secret), secret_bytes(b->secret)));
    }
    assert_nowhere(FIXTURE_SECRET);
    assert_nowhere("rotated-secret");
    credentials_free(&credentials);
    credentials_free(&again);
}

// A sealed secret that is moved to another credential would go to that one's hosts.
static void
a_moved_secret_does_not_open(void **state)
{
    struct credentials credentials = {0}, again = {0};
    struct buffer sealed;

    (void)state;
    buffer_init(&sealed, 1024);
    struct credential *a = add(&credentials, "a", "a.example");
    struct credential *b = add(&credentials, "b", "evil.example");
    struct seal_place place = {.table = "credential", .id = a->row.id, .column = "sealed"};
    assert_ok(seal_close(seal, place, secret_bytes(a->secret), &sealed, fault));
    assert_ok(store_credential_rotate(store, b->row.id, buffer_bytes(&sealed), 1, fault));
    assert_fault(credentials_load(&again, store, seal, fault), KH_ERR_DATABASE, "credential b:");
    assert_int_equal(again.count, 0);
    buffer_free(&sealed);
    credentials_free(&credentials);
}

static void
hosts_that_are_covered(void **state)
{
    struct credentials credentials = {0};

    (void)state;
    struct credential *a = add(&credentials, "a", "*.a.example");
    assert_true(credentials_cover_host(&credentials, BYTES("x.a.example")));
    assert_false(credentials_cover_host(&credentials, BYTES("a.example")));
    assert_false(credentials_cover_host(&credentials, BYTES("x.b.example")));
    assert_false(credentials_cover_host(&credentials, BYTES_EMPTY));
    credentials_take_enabled(a, false);
    assert_false(credentials_cover_host(&credentials, BYTES("x.a.example")));
    credentials_free(&credentials);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refusals_leave_nothing, sealed_store_setup,
                                        sealed_store_teardown),
        cmocka_unit_test_setup_teardown(sorted_found_and_suggested, sealed_store_setup,
                                        sealed_store_teardown),
        cmocka_unit_test_setup_teardown(loaded_as_it_was, sealed_store_setup,
                                        sealed_store_teardown),
        cmocka_unit_test_setup_teardown(a_moved_secret_does_not_open, sealed_store_setup,
                                        sealed_store_teardown),
        cmocka_unit_test_setup_teardown(hosts_that_are_covered, sealed_store_setup,
                                        sealed_store_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
