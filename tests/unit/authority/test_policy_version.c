/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"
#include "proxy_peer.h"

#include "../../../broker/authority/mint.h"
#include "../../../broker/authority/policy_version.h"

static void
reopen(void)
{
    authority_close(&authority);
    fixture_open(&authority);
}

#define ALL  "version: 1\ngrants: [{name: all, to: [everyone], credentials: [openai]}]\n"
#define NONE "version: 1\n"

static enum kh_err
apply_text(const char *text, const char *comment, struct buffer *changes, struct fault *fault)
{
    const struct policy_version_request request = {
        .path = "p.yaml", .text = bytes_str(text), .comment = bytes_str(comment), .restores = -1};
    buffer_init(changes, POLICY_CHANGES_MAX);
    return policy_version_apply(&authority, &request, changes, fault);
}

static void
apply(const char *text)
{
    struct buffer changes;
    assert_ok(apply_text(text, "", &changes, fault));
    buffer_free(&changes);
}

static void
refused(const char *text, const char *comment, enum kh_err err, const char *says)
{
    struct buffer changes;
    const struct policy *before = authority.policy;
    int64_t version = authority.policy_version, newest = -1;
    struct audit_head head, after;

    audit_position(authority.audit, &head);
    assert_fault(apply_text(text, comment, &changes, fault), err, says);
    buffer_free(&changes);
    assert_ptr_equal(authority.policy, before);
    assert_int_equal(authority.policy_version, version);
    assert_ok(store_policy_newest(authority.store, &newest, fault));
    assert_int_equal(newest, version);
    audit_position(authority.audit, &after);
    assert_int_equal(after.seq, head.seq);
}

static void
refusals(void **state)
{
    char comment[POLICY_COMMENT_MAX + 2];

    (void)state;
    memset(comment, 'x', sizeof comment - 1);
    comment[sizeof comment - 1] = '\0';
    refused("version: 2\n", "", KH_ERR_CONFIG, "p.yaml:1: version");
    refused("version: 1\nx: 1\n", "", KH_ERR_CONFIG, "p.yaml:2: unknown key");
    refused(ALL "tests:\n- {request: GET https://a.example/, user: a, credential: openai, "
                "expect: deny}\n",
            "", KH_ERR_CONFIG, "p.yaml:4: test 1: expected deny, got allow");
    refused(ALL, comment, KH_ERR_TOO_LONG, "comment");
    refused(ALL, "two\nlines", KH_ERR_SYNTAX, "comment");
    apply(NONE);
    refused("version: 1\n x", "", KH_ERR_CONFIG, "p.yaml:");
}

static void
versions(void **state)
{
    struct buffer changes, text;

    (void)state;
    assert_null(authority.policy);
    assert_int_equal(authority.policy_version, 0);
    assert_ok(apply_text(ALL, "the first", &changes, fault));
    assert_true(bytes_is(buffer_bytes(&changes), "grant all: added\n"));
    buffer_free(&changes);
    assert_int_equal(authority.policy_version, 1);
    apply(NONE);
    assert_int_equal(authority.policy->grant_count, 0);

    buffer_init(&text, POLICY_TEXT_MAX);
    assert_ok(policy_version_text(&authority, 1, &text, fault));
    assert_true(bytes_is(buffer_bytes(&text), ALL));
    buffer_clear(&text);
    assert_ok(policy_version_text(&authority, 0, &text, fault));
    assert_int_equal(text.n, 0);
    assert_fault(policy_version_text(&authority, 3, &text, fault), KH_ERR_NOT_FOUND, "newest is 2");
    assert_fault(policy_version_text(&authority, -1, &text, fault), KH_ERR_NOT_FOUND, "-1");
    buffer_free(&text);

    // The newest is in force after a restart.
    reopen();
    assert_int_equal(authority.policy_version, 2);
    assert_non_null(authority.policy);
    assert_int_equal(authority.policy->grant_count, 0);
}

static void
no_policy_again(void **state)
{
    struct buffer changes;
    const struct policy_version_request request = {.path = "x", .text = BYTES_EMPTY, .restores = 0};

    (void)state;
    apply(NONE);
    buffer_init(&changes, POLICY_CHANGES_MAX);
    assert_ok(policy_version_apply(&authority, &request, &changes, fault));
    buffer_free(&changes);
    assert_null(authority.policy);
    assert_int_equal(authority.policy_version, 2);
    reopen();
    assert_null(authority.policy);
    assert_int_equal(authority.policy_version, 2);
}

// A database whose policy this broker cannot read: without one it would grant everything.
static void
unreadable_is_no_start(void **state)
{
    struct master_key_source source = fixture_source();
    const struct store_policy row = {
        .number = 1, .text = BYTES("version: 99\n"), .applied_at = 1, .restores = -1};

    (void)state;
    assert_ok(store_policy_insert(authority.store, &row, fault));
    authority_close(&authority);
    assert_fault(authority_open(&authority, &source, clock_manual(FIXTURE_NOW), fault),
                 KH_ERR_CONFIG, "policy version 1:1: version");
}

// ---- minting ----

static struct bytes openai = {(const uint8_t *)"openai", 6};

static enum kh_err
mint_for(const char *user, int64_t lifetime_s, int64_t *lives, struct fault *fault)
{
    const struct mint_request request = {.credential = &openai,
                                         .credential_count = 1,
                                         .user = bytes_str(user),
                                         .lifetime_s = lifetime_s,
                                         .default_lifetime = lifetime_s < 0};
    struct mint_result result;
    enum kh_err err = mint(&authority, &request, &result, fault);

    if (!err)
        *lives = result.expires_at - result.issued_at;
    mint_result_free(&result);
    return err;
}

static void
minting(void **state)
{
    int64_t lives = 0;

    (void)state;
    assert_ok(mint_for("alice", -1, &lives, fault));
    assert_int_equal(lives, 43200);
    apply("version: 1\ngrants:\n"
          "- {name: short, to: [user alice], credentials: [openai], lifetime: 2h}\n"
          "- {name: day, to: [user dora], credentials: [openai], lifetime: 1d}\n"
          "- {name: keyed, to: [user carol], credentials: [openai], holes: [factor = ssh for "
          "1h]}\n");
    assert_ok(mint_for("alice", -1, &lives, fault));
    assert_int_equal(lives, 7200);
    assert_ok(mint_for("alice", 7200, &lives, fault));
    assert_int_equal(lives, 7200);
    assert_fault(mint_for("alice", 7201, &lives, fault), KH_ERR_DENIED,
                 "grant short may live for 2h at most");
    assert_ok(mint_for("dora", -1, &lives, fault));
    assert_int_equal(lives, 43200);
    assert_ok(mint_for("dora", 86400, &lives, fault));
    assert_fault(mint_for("bob", 60, &lives, fault), KH_ERR_DENIED, "no grant that gives bob");
    assert_fault(mint_for("", 60, &lives, fault), KH_ERR_DENIED, "no grant that gives operator");
    assert_fault(mint_for("carol", 60, &lives, fault), KH_ERR_DENIED,
                 "grant keyed demands a hole (factor = ssh for 1h), and this broker has no "
                 "discharger");
}

#define policy_test_case(f) cmocka_unit_test_setup_teardown(f, opened_with_openai, opened_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        policy_test_case(refusals),        policy_test_case(versions),
        policy_test_case(no_policy_again), policy_test_case(unreadable_is_no_start),
        policy_test_case(minting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
