/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/revoke.h"

static struct store *store;
static struct revocations revocations;

static int
setup(void **state)
{
    struct fault fault = {0};

    return fixture_setup(state) || store_create(fixture_path("db"), &store, &fault) ||
           revocations_load(&revocations, store, 0, &fault);
}

static int
teardown(void **state)
{
    revocations_free(&revocations);
    store_close(&store);
    return fixture_teardown(state);
}

static struct revocation
of(enum revocation_kind kind, const char *subject, int64_t at, int64_t expires_at)
{
    struct revocation revocation = {.kind = kind, .at = at, .expires_at = expires_at};
    snprintf(revocation.subject, sizeof revocation.subject, "%s", subject);
    return revocation;
}

static void
end(struct revocation revocation)
{
    assert_ok(revocations_write(&revocations, store, &revocation, fault));
    revocations_adopt(&revocations, &revocation);
}

static void
reload(int64_t now)
{
    revocations_free(&revocations);
    assert_ok(revocations_load(&revocations, store, now, fault));
}

#define ID "000102030405060708090a0b0c0d0e0f"
#define L1 "aa0102030405060708090a0b0c0d0e0f"
#define L2 "bb0102030405060708090a0b0c0d0e0f"

// A token of alice for openai, issued at 100, with the lineages L1 and L2.
static bool
reached(const char *credential)
{
    struct token_identity identity = {.issued_at = 100, .principal = BYTES("alice")};
    static struct token_verified verified;

    assert_true(bytes_from_hex(BYTES(ID), identity.token_id, TOKEN_ID_SIZE));
    assert_true(bytes_from_hex(BYTES(L1), verified.lineage[0], LINEAGE_ID_SIZE));
    assert_true(bytes_from_hex(BYTES(L2), verified.lineage[1], LINEAGE_ID_SIZE));
    verified.lineage_count = 2;
    return revocations_reach(&revocations, &identity, &verified, bytes_str(credential));
}

static void
bad_subjects(void **state)
{
    struct revocation wrong[] = {
        of(REVOCATION_TOKEN, "", 1, 2),
        of(REVOCATION_TOKEN, "00", 1, 2),
        of(REVOCATION_LINEAGE, "xx0102030405060708090a0b0c0d0e0f", 1, 2),
        of(REVOCATION_USER, "", 1, 2),
        of(REVOCATION_CREDENTIAL, "", 1, 2),
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(revocations_write(&revocations, store, &wrong[i], NULL), KH_ERR_SYNTAX);
        assert_int_equal(revocations_count(&revocations), 0);
    }
    struct revocation unset = of(REVOCATION_UNSET, "x", 1, 2);
    assert_int_not_equal(revocations_write(&revocations, store, &unset, NULL), KH_OK);
    assert_false(reached("openai"));
}

static void
each_kind(void **state)
{
    static const struct {
        enum revocation_kind kind;
        const char *subject;
        int64_t at;
        bool reaches;
    } cases[] = {
        {REVOCATION_TOKEN, ID, 0, true},
        {REVOCATION_TOKEN, L1, 0, false},
        {REVOCATION_LINEAGE, L1, 0, true},
        {REVOCATION_LINEAGE, L2, 0, true},
        {REVOCATION_LINEAGE, ID, 0, false},
        {REVOCATION_USER, "alice", 100, true}, // minted in that very second
        {REVOCATION_USER, "alice", 99, false},
        {REVOCATION_USER, "bob", 200, false},
        {REVOCATION_USER, "openai", 200, false},
        {REVOCATION_CREDENTIAL, "openai", 100, true},
        {REVOCATION_CREDENTIAL, "openai", 99, false},
        {REVOCATION_CREDENTIAL, "alice", 200, false},
        {REVOCATION_MINTED_BEFORE, "", 101, true},
        {REVOCATION_MINTED_BEFORE, "", 100, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int loaded = 0; loaded < 2; loaded++) {
            if (loaded)
                reload(0);
            else
                end(of(cases[i].kind, cases[i].subject, cases[i].at, 1000));
            if (reached("openai") != cases[i].reaches)
                fail_msg("case %zu, %s", i, loaded ? "loaded" : "in memory");
        }
        assert_ok(store_revocation_prune(store, 1001, fault));
        reload(0);
        assert_false(reached("openai"));
    }
}

static void
another_credential_lives(void **state)
{
    (void)state;
    end(of(REVOCATION_CREDENTIAL, "openai", 100, 1000));
    assert_true(reached("openai"));
    assert_false(reached("github"));
    assert_false(reached(""));
}

static void
kept_until_it_is_not_needed(void **state)
{
    (void)state;
    end(of(REVOCATION_TOKEN, ID, 1, 500));
    end(of(REVOCATION_TOKEN, L2, 1, 400));
    assert_ok(revocations_prune(&revocations, store, 450, fault));
    assert_int_equal(revocations_count(&revocations), 1);
    assert_true(reached("openai"));
    assert_ok(revocations_prune(&revocations, store, 501, fault));
    assert_int_equal(revocations_count(&revocations), 0);
    assert_false(reached("openai"));
    reload(0);
    assert_int_equal(revocations_count(&revocations), 0);
}

static void
many_and_all_found(void **state)
{
    char hex[33];

    (void)state;
    assert_ok(store_begin(store, fault));
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(hex, sizeof hex, "%032x", i);
        end(of(REVOCATION_TOKEN, hex, 1, 1000));
    }
    assert_ok(store_commit(store, fault));
    for (int loaded = 0; loaded < 2; loaded++) {
        struct token_identity identity = {.issued_at = 100, .principal = BYTES("alice")};
        struct token_verified none = {.lineage_count = 0};
        for (unsigned i = 0; i < 3001; i++) {
            snprintf(hex, sizeof hex, "%032x", i);
            assert_true(bytes_from_hex(bytes_str(hex), identity.token_id, TOKEN_ID_SIZE));
            assert_int_equal(revocations_reach(&revocations, &identity, &none, BYTES("x")),
                             i < 3000);
        }
        reload(0);
    }
    assert_int_equal(revocations_count(&revocations), 3000);
}

static void
too_many_lineages_end_the_token(void **state)
{
    struct revocation revocation;
    char hex[33];

    (void)state;
    assert_ok(store_begin(store, fault));
    for (unsigned i = 0; i <= REVOKE_LINEAGES_MAX; i++) {
        snprintf(hex, sizeof hex, "cc%030x", i);
        revocation = of(REVOCATION_LINEAGE, hex, 1, 1000);
        revocation.has_token_id = true;
        assert_true(bytes_from_hex(BYTES(ID), revocation.token_id, TOKEN_ID_SIZE));
        assert_false(reached("openai"));
        assert_ok(revocations_write(&revocations, store, &revocation, fault));
        revocations_adopt(&revocations, &revocation);
        assert_int_equal(revocation.kind,
                         i < REVOKE_LINEAGES_MAX ? REVOCATION_LINEAGE : REVOCATION_TOKEN);
    }
    assert_ok(store_commit(store, fault));
    assert_string_equal(revocation.subject, ID);
    assert_true(reached("openai"));
    reload(0);
    assert_true(reached("openai"));
}

static void
a_new_token_is_issued_after(void **state)
{
    struct bytes names[] = {BYTES("openai"), BYTES("github")};

    (void)state;
    assert_int_equal(revocations_issue_time(&revocations, BYTES("alice"), names, 2, 50), 50);
    end(of(REVOCATION_USER, "alice", 100, 1000));
    assert_int_equal(revocations_issue_time(&revocations, BYTES("alice"), names, 2, 100), 101);
    assert_int_equal(revocations_issue_time(&revocations, BYTES("alice"), names, 2, 101), 101);
    assert_int_equal(revocations_issue_time(&revocations, BYTES("bob"), names, 2, 100), 100);
    end(of(REVOCATION_CREDENTIAL, "github", 200, 1000));
    assert_int_equal(revocations_issue_time(&revocations, BYTES("bob"), names, 2, 200), 201);
    assert_int_equal(revocations_issue_time(&revocations, BYTES("bob"), names, 1, 200), 200);
    end(of(REVOCATION_MINTED_BEFORE, "", 301, 1000));
    assert_int_equal(revocations_issue_time(&revocations, BYTES("bob"), names, 1, 300), 301);
}

static void
a_damaged_row_is_refused(void **state)
{
    struct store_revocation row = {.kind = BYTES("token"), .subject = BYTES("zz"), .expires_at = 9};

    (void)state;
    assert_ok(store_revocation_put(store, &row, fault));
    struct revocations other;
    assert_fault(revocations_load(&other, store, 0, fault), KH_ERR_DATABASE, "cannot be read");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_subjects, setup, teardown),
        cmocka_unit_test_setup_teardown(each_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(another_credential_lives, setup, teardown),
        cmocka_unit_test_setup_teardown(kept_until_it_is_not_needed, setup, teardown),
        cmocka_unit_test_setup_teardown(many_and_all_found, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_lineages_end_the_token, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_token_is_issued_after, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_row_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
