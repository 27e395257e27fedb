/* SPDX-License-Identifier: Apache-2.0 */
#include "stores.h"

static struct discharge_store *
open_with_users(void)
{
    struct discharge_store *store = stores_open();
    assert_ok(discharge_user_add(store, BYTES("alice"), STORES_NOW, fault));
    assert_ok(discharge_user_add(store, BYTES("bob"), STORES_NOW, fault));
    return store;
}

static void
kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(authenticator_kind_name(AUTHENTICATOR_UNSET), "unset");
    assert_string_equal(authenticator_kind_name(AUTHENTICATOR_FIDO2), "fido2");
    assert_string_equal(authenticator_kind_name(AUTHENTICATOR_SSH), "ssh");
    assert_string_equal(authenticator_kind_name(AUTHENTICATOR_SSH_SK), "ssh-sk");
    assert_string_equal(authenticator_kind_name((enum authenticator_kind)99), "unset");
}

static void
nothing_is_enrolled_without_its_code(void **state)
{
    struct discharge_store *store = open_with_users();
    struct discharge_authenticator row = stores_row("alice", "key", "c1");
    struct stores_seen seen = {0};
    bool taken = true;

    (void)state;
    stores_invite(store, "alice", 1);
    stores_invite(store, "bob", 2);
    assert_fault(
        discharge_authenticator_enroll(store, &row, stores_hash(9), STORES_NOW, &taken, fault),
        KH_ERR_NOT_FOUND, "wrong");
    assert_false(taken);
    assert_fault(
        discharge_authenticator_enroll(store, &row, stores_hash(2), STORES_NOW, &taken, fault),
        KH_ERR_NOT_FOUND, "wrong");
    assert_fault(discharge_authenticator_enroll(store, &row, stores_hash(1), STORES_NOW + 600,
                                                &taken, fault),
                 KH_ERR_NOT_FOUND, "too old");
    assert_ok(discharge_authenticator_each(store, BYTES_EMPTY, stores_see, &seen, fault));
    assert_int_equal(seen.count, 0);
    assert_ok(
        discharge_authenticator_enroll(store, &row, stores_hash(1), STORES_NOW, &taken, fault));
    // Used once: it is gone, for another authenticator too.
    row = stores_row("alice", "second", "c2");
    assert_fault(
        discharge_authenticator_enroll(store, &row, stores_hash(1), STORES_NOW, &taken, fault),
        KH_ERR_NOT_FOUND, "used");
    discharge_store_close(&store);
}

static void
a_failed_enrolment_leaves_the_code(void **state)
{
    struct discharge_store *store = open_with_users();
    struct discharge_authenticator row = stores_row("alice", "key", "c1");
    bool taken;

    (void)state;
    assert_ok(stores_enroll(store, &row, &taken, fault));
    stores_invite(store, "alice", 1);
    row = stores_row("alice", "key", "c2");
    assert_fault(
        discharge_authenticator_enroll(store, &row, stores_hash(1), STORES_NOW, &taken, fault),
        KH_ERR_EXISTS, "key already");
    assert_true(taken);
    row = stores_row("alice", "other", "c1");
    assert_fault(
        discharge_authenticator_enroll(store, &row, stores_hash(1), STORES_NOW, &taken, fault),
        KH_ERR_EXISTS, "credential");
    assert_false(taken);
    row = stores_row("alice", "other", "c2");
    assert_ok(
        discharge_authenticator_enroll(store, &row, stores_hash(1), STORES_NOW, &taken, fault));
    discharge_store_close(&store);
}

static void
a_credential_belongs_to_one_user(void **state)
{
    struct discharge_store *store = open_with_users();
    struct discharge_authenticator row = stores_row("alice", "key", "c1");
    bool taken;

    (void)state;
    assert_ok(stores_enroll(store, &row, &taken, fault));
    row = stores_row("bob", "key", "c1");
    row.kind = AUTHENTICATOR_SSH;
    assert_fault(stores_enroll(store, &row, &taken, fault), KH_ERR_EXISTS, "credential");
    assert_false(taken);
    // The same name for another user is no other's concern.
    row = stores_row("bob", "key", "c2");
    assert_ok(stores_enroll(store, &row, &taken, fault));
    row = stores_row("nobody", "key", "c3");
    assert_fault(stores_enroll(store, &row, &taken, fault), KH_ERR_NOT_FOUND, "nobody");
    discharge_store_close(&store);
}

static void
a_user_has_a_bounded_number(void **state)
{
    struct discharge_store *store = open_with_users();
    bool taken;

    (void)state;
    for (int i = 0; i <= DISCHARGE_AUTHENTICATORS_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "key-%d", i);
        struct discharge_authenticator row = stores_row("alice", name, name);
        if (i < DISCHARGE_AUTHENTICATORS_MAX)
            assert_ok(stores_enroll(store, &row, &taken, fault));
        else
            assert_fault(stores_enroll(store, &row, &taken, fault), KH_ERR_RANGE, "32");
    }
    struct discharge_authenticator row = stores_row("bob", "key", "another");
    assert_ok(stores_enroll(store, &row, &taken, fault));
    discharge_store_close(&store);
}

static void
a_row_comes_back_as_it_went(void **state)
{
    struct discharge_store *store = open_with_users();
    struct discharge_authenticator row = stores_row("alice", "blue key", "c1"), back;
    struct stores_seen seen = {0};
    bool taken;

    (void)state;
    row.counter = UINT32_MAX;
    row.firmware = 0x050704;
    row.attested = row.yubikey = row.u2f = row.verified = true;
    for (size_t i = 0; i < sizeof row.aaguid; i++)
        row.aaguid[i] = (uint8_t)(i + 1);
    assert_ok(stores_enroll(store, &row, &taken, fault));
    discharge_store_close(&store);
    store = stores_open();
    back = stores_find(store, "c1");
    assert_true(back.id > 0);
    assert_int_equal(back.kind, AUTHENTICATOR_FIDO2);
    assert_int_equal(back.algorithm, -7);
    assert_true(back.counter == UINT32_MAX);
    assert_int_equal(back.firmware, 0x050704);
    assert_memory_equal(back.aaguid, row.aaguid, sizeof row.aaguid);
    assert_true(back.attested && back.yubikey && back.u2f && back.verified);
    assert_int_equal(back.created_at, STORES_NOW);
    assert_int_equal(back.used_at, 0);
    assert_int_equal(back.cloned_at, 0);
    row = stores_row("alice", "another", "c2");
    row.kind = AUTHENTICATOR_SSH_SK;
    assert_ok(stores_enroll(store, &row, &taken, fault));
    back = stores_find(store, "c2");
    assert_int_equal(back.kind, AUTHENTICATOR_SSH_SK);
    assert_false(back.attested || back.yubikey || back.u2f || back.verified);
    row = stores_row("bob", "key", "c3");
    assert_ok(stores_enroll(store, &row, &taken, fault));
    assert_ok(discharge_authenticator_each(store, BYTES("alice"), stores_see, &seen, fault));
    assert_string_equal(seen.names, "alice/another alice/blue key");
    seen = (struct stores_seen){0};
    assert_ok(discharge_authenticator_each(store, BYTES_EMPTY, stores_see, &seen, fault));
    assert_string_equal(seen.names, "alice/another alice/blue key bob/key");
    // One that says nothing of what it is, is none.
    row = stores_row("bob", "nothing", "c4");
    row.kind = AUTHENTICATOR_UNSET;
    assert_int_not_equal(stores_enroll(store, &row, &taken, NULL), KH_OK);
    discharge_store_close(&store);
}

static void
one_is_removed_by_its_user_and_name(void **state)
{
    struct discharge_store *store = open_with_users();
    struct discharge_authenticator row = stores_row("alice", "key", "c1");
    struct stores_seen seen = {0};
    bool taken;

    (void)state;
    assert_ok(stores_enroll(store, &row, &taken, fault));
    int64_t id = stores_find(store, "c1").id;
    assert_fault(discharge_authenticator_remove(store, BYTES("bob"), BYTES("key"), fault),
                 KH_ERR_NOT_FOUND, "bob has no authenticator key");
    assert_ok(discharge_authenticator_remove(store, BYTES("alice"), BYTES("key"), fault));
    assert_fault(discharge_authenticator_find(store, BYTES("c1"), stores_see, &seen, fault),
                 KH_ERR_NOT_FOUND, "");
    // Whoever kept the old id does not get at the new row with it.
    assert_ok(stores_enroll(store, &row, &taken, fault));
    assert_int_not_equal(stores_find(store, "c1").id, id);
    assert_fault(discharge_authenticator_used(store, id, 1, STORES_NOW, &taken, fault),
                 KH_ERR_NOT_FOUND, "");
    discharge_store_close(&store);
}

static bool
cloned(struct discharge_store *store, uint32_t counter, int64_t now)
{
    bool is = false;
    int64_t id = stores_find(store, "c1").id;
    assert_ok(discharge_authenticator_used(store, id, counter, now, &is, fault));
    return is;
}

static struct discharge_store *
open_with_counter(uint32_t counter)
{
    struct discharge_store *store = open_with_users();
    struct discharge_authenticator row = stores_row("alice", "key", "c1");
    bool taken;
    row.counter = counter;
    assert_ok(stores_enroll(store, &row, &taken, fault));
    return store;
}

static void
two_zeros_are_no_counter(void **state)
{
    struct discharge_store *store = open_with_counter(0);

    (void)state;
    assert_false(cloned(store, 0, STORES_NOW + 1));
    assert_false(cloned(store, 0, STORES_NOW + 2));
    assert_int_equal(stores_find(store, "c1").used_at, STORES_NOW + 2);
    assert_false(cloned(store, 1, STORES_NOW + 3));
    // From then on there is one.
    assert_true(cloned(store, 0, STORES_NOW + 4));
    discharge_store_close(&store);
}

static void
a_counter_only_grows(void **state)
{
    static const uint32_t wrong[] = {5, 4, 0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct discharge_store *store = open_with_counter(4);
        assert_false(cloned(store, 5, STORES_NOW + 1));
        assert_int_equal(stores_find(store, "c1").counter, 5);
        assert_true(cloned(store, wrong[i], STORES_NOW + 2));
        struct discharge_authenticator row = stores_find(store, "c1");
        assert_int_equal(row.counter, 5);
        assert_int_equal(row.used_at, STORES_NOW + 1);
        assert_int_equal(row.cloned_at, STORES_NOW + 2);
        discharge_store_close(&store);
        assert_int_equal(unlink(fixture_path("discharger.db")), 0);
    }
}

static void
a_cloned_one_stays_blocked(void **state)
{
    struct discharge_store *store = open_with_counter(4);

    (void)state;
    assert_true(cloned(store, 4, 0)); // a clock that says 0 blocks as well
    assert_int_equal(stores_find(store, "c1").cloned_at, 1);
    discharge_store_close(&store);
    store = stores_open();
    assert_true(cloned(store, 100, STORES_NOW));
    assert_int_equal(stores_find(store, "c1").counter, 4);
    assert_int_equal(stores_find(store, "c1").cloned_at, 1);
    discharge_store_close(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_have_names),
        fixture_test(nothing_is_enrolled_without_its_code),
        fixture_test(a_failed_enrolment_leaves_the_code),
        fixture_test(a_credential_belongs_to_one_user),
        fixture_test(a_user_has_a_bounded_number),
        fixture_test(a_row_comes_back_as_it_went),
        fixture_test(one_is_removed_by_its_user_and_name),
        fixture_test(two_zeros_are_no_counter),
        fixture_test(a_counter_only_grows),
        fixture_test(a_cloned_one_stays_blocked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
