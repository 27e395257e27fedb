/* SPDX-License-Identifier: Apache-2.0 */
#include "stores.h"

struct users {
    size_t count, authenticators;
    char names[256];
};

static enum kh_err
see_user(void *context, const struct discharge_user *row, struct fault *fault)
{
    struct users *users = context;
    size_t n = strlen(users->names);
    (void)fault;
    users->count++;
    users->authenticators += row->authenticators;
    snprintf(users->names + n, sizeof users->names - n, " %.*s:%u", BYTES_ARG(row->name),
             row->authenticators);
    return KH_OK;
}

static enum kh_err
refuse_user(void *context, const struct discharge_user *row, struct fault *fault)
{
    (void)context;
    (void)row;
    return fault_set(fault, KH_ERR_TOO_LONG, "enough");
}

static bool
exists(struct discharge_store *store, const char *name)
{
    bool is = false;
    assert_ok(discharge_user_exists(store, bytes_str(name), &is, fault));
    return is;
}

static void
a_file_of_others_is_refused(void **state)
{
    struct discharge_store *store = NULL;
    const char *path = fixture_path("discharger.db");

    (void)state;
    assert_int_equal(symlink(fixture_path("elsewhere"), path), 0);
    assert_fault(discharge_store_open(path, &store, fault), KH_ERR_PERMISSION, "regular file");
    assert_int_equal(unlink(path), 0);
    fixture_write(path, BYTES_EMPTY);
    assert_fault(discharge_store_open(path, &store, fault), KH_ERR_DATABASE, "emptied");
    fixture_write(path, BYTES("this is no database, and long enough to be one"));
    assert_fault(discharge_store_open(path, &store, fault), KH_ERR_DATABASE, "damaged");
    assert_int_equal(unlink(path), 0);
    store = stores_open();
    discharge_store_close(&store);
    discharge_store_close(&store);
    assert_int_equal(chmod(path, 0660), 0);
    assert_fault(discharge_store_open(path, &store, fault), KH_ERR_PERMISSION, "chmod 600");
    assert_null(store);
}

static void
users_are_kept(void **state)
{
    struct discharge_store *store = stores_open();
    struct users users = {0};

    (void)state;
    assert_fault(discharge_user_remove(store, BYTES("alice"), fault), KH_ERR_NOT_FOUND, "alice");
    assert_false(exists(store, "alice"));
    assert_ok(discharge_user_add(store, BYTES("bob"), STORES_NOW, fault));
    assert_ok(discharge_user_add(store, BYTES("alice"), STORES_NOW, fault));
    assert_fault(discharge_user_add(store, BYTES("alice"), STORES_NOW, fault), KH_ERR_EXISTS,
                 "alice already");
    assert_int_not_equal(discharge_user_add(store, BYTES_EMPTY, STORES_NOW, NULL), KH_OK);
    discharge_store_close(&store);
    store = stores_open();
    assert_true(exists(store, "alice"));
    assert_false(exists(store, "ALICE"));
    assert_ok(discharge_user_each(store, see_user, &users, fault));
    assert_string_equal(users.names, " alice:0 bob:0");
    assert_fault(discharge_user_each(store, refuse_user, NULL, fault), KH_ERR_TOO_LONG, "enough");
    discharge_store_close(&store);
}

static void
a_user_goes_with_all_that_is_theirs(void **state)
{
    struct discharge_store *store = stores_open();
    struct discharge_authenticator row = stores_row("alice", "key", "c1");
    struct users users = {0};
    struct stores_seen seen = {0};
    BUFFER_AUTO user;
    bool taken;

    (void)state;
    buffer_init(&user, 64);
    assert_ok(discharge_user_add(store, BYTES("alice"), STORES_NOW, fault));
    assert_ok(stores_enroll(store, &row, &taken, fault));
    stores_invite(store, "alice", 1);
    assert_ok(discharge_user_each(store, see_user, &users, fault));
    assert_int_equal(users.authenticators, 1);
    assert_ok(discharge_user_remove(store, BYTES("alice"), fault));
    assert_fault(discharge_authenticator_find(store, BYTES("c1"), stores_see, &seen, fault),
                 KH_ERR_NOT_FOUND, "");
    assert_fault(discharge_invitation_find(store, stores_hash(1), STORES_NOW, &user, fault),
                 KH_ERR_NOT_FOUND, "");
    // Another one of that name has nothing of the old one's.
    assert_ok(discharge_user_add(store, BYTES("alice"), STORES_NOW, fault));
    assert_ok(discharge_authenticator_each(store, BYTES_EMPTY, stores_see, &seen, fault));
    assert_int_equal(seen.count, 0);
    discharge_store_close(&store);
}

static void
an_invitation_has_its_time_and_its_user(void **state)
{
    struct discharge_store *store = stores_open();
    BUFFER_AUTO user;

    (void)state;
    buffer_init(&user, 64);
    assert_fault(
        discharge_invitation_add(store, BYTES("alice"), stores_hash(1), STORES_NOW + 600, fault),
        KH_ERR_NOT_FOUND, "alice");
    assert_ok(discharge_user_add(store, BYTES("alice"), STORES_NOW, fault));
    assert_ok(discharge_user_add(store, BYTES("bob"), STORES_NOW, fault));
    stores_invite(store, "alice", 1);
    stores_invite(store, "bob", 2);
    assert_fault(discharge_invitation_find(store, stores_hash(9), STORES_NOW, &user, fault),
                 KH_ERR_NOT_FOUND, "too old");
    assert_fault(discharge_invitation_find(store, stores_hash(1), STORES_NOW + 600, &user, fault),
                 KH_ERR_NOT_FOUND, "too old");
    assert_ok(discharge_invitation_find(store, stores_hash(1), STORES_NOW + 599, &user, fault));
    assert_true(bytes_is(buffer_bytes(&user), "alice"));
    // A newer one ends the older one of the same user, and no other's.
    stores_invite(store, "alice", 3);
    assert_fault(discharge_invitation_find(store, stores_hash(1), STORES_NOW, &user, fault),
                 KH_ERR_NOT_FOUND, "");
    buffer_clear(&user);
    assert_ok(discharge_invitation_find(store, stores_hash(2), STORES_NOW, &user, fault));
    assert_true(bytes_is(buffer_bytes(&user), "bob"));
    // An invitation that could not be made ends none.
    assert_fault(
        discharge_invitation_add(store, BYTES("bob"), stores_hash(3), STORES_NOW + 600, fault),
        KH_ERR_EXISTS, "");
    assert_ok(discharge_invitation_find(store, stores_hash(2), STORES_NOW, &user, fault));
    discharge_store_close(&store);
}

static void
what_was_declined_stays_so(void **state)
{
    struct discharge_store *store = stores_open();
    bool declined = true;

    (void)state;
    assert_ok(discharge_is_declined(store, stores_hash(1), &declined, fault));
    assert_false(declined);
    assert_ok(discharge_decline(store, stores_hash(1), STORES_NOW + 10, fault));
    assert_ok(discharge_decline(store, stores_hash(1), STORES_NOW + 5, fault));
    assert_ok(discharge_decline(store, stores_hash(2), INT64_MAX, fault));
    discharge_store_close(&store);
    store = stores_open();
    assert_ok(discharge_store_prune(store, STORES_NOW + 9, fault));
    assert_ok(discharge_is_declined(store, stores_hash(1), &declined, fault));
    assert_true(declined);
    assert_ok(discharge_store_prune(store, STORES_NOW + 10, fault));
    assert_ok(discharge_is_declined(store, stores_hash(1), &declined, fault));
    assert_false(declined);
    assert_ok(discharge_is_declined(store, stores_hash(2), &declined, fault));
    assert_true(declined);
    discharge_store_close(&store);
}

static void
pruning_takes_invitations_that_are_past(void **state)
{
    struct discharge_store *store = stores_open();
    BUFFER_AUTO user;

    (void)state;
    buffer_init(&user, 64);
    assert_ok(discharge_user_add(store, BYTES("alice"), STORES_NOW, fault));
    stores_invite(store, "alice", 1);
    assert_ok(discharge_store_prune(store, STORES_NOW + 599, fault));
    assert_ok(discharge_invitation_find(store, stores_hash(1), STORES_NOW, &user, fault));
    assert_ok(discharge_store_prune(store, STORES_NOW + 600, fault));
    // Even for a clock that was put back.
    assert_fault(discharge_invitation_find(store, stores_hash(1), STORES_NOW, &user, fault),
                 KH_ERR_NOT_FOUND, "");
    discharge_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(a_file_of_others_is_refused),
        fixture_test(users_are_kept),
        fixture_test(a_user_goes_with_all_that_is_theirs),
        fixture_test(an_invitation_has_its_time_and_its_user),
        fixture_test(what_was_declined_stays_so),
        fixture_test(pruning_takes_invitations_that_are_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
