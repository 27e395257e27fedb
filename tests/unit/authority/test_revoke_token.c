/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "../../../broker/authority/revoke_token.h"

static struct authority authority;
static char *token;

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    token = fixture_mint(&authority, "");
    return 0;
}

static int
teardown(void **state)
{
    free(token);
    authority_close(&authority);
    return fixture_teardown(state);
}

static struct message_revoke_done
by_holder(const char *text)
{
    struct message_revoke_ask ask = {.token = bytes_str(text), .client = BYTES("127.0.0.1")};
    struct message_revoke_done done;
    memset(&done, 0xff, sizeof done);
    revoke_by_holder(&authority, &ask, &done);
    return done;
}

// Attenuated by `caveat`; free() it.
static char *
narrow(const char *text, const char *caveat)
{
    struct token *scanned = NULL;
    struct bytes c = bytes_str(caveat);
    struct buffer out;

    buffer_init(&out, TOKEN_TEXT_MAX);
    assert_ok(token_scan(bytes_str(text), &scanned, fault));
    assert_ok(token_attenuate(scanned, &c, 1, &out, fault));
    token_free(&scanned);
    char *copy = strdup(buffer_text(&out));
    buffer_free(&out);
    return copy;
}

static bool
is_revoked(const char *text)
{
    struct token *scanned = NULL;
    struct token_identity identity;
    static struct token_verified verified;

    assert_ok(token_scan(bytes_str(text), &scanned, fault));
    assert_ok(token_identity_read(scanned, &identity, fault));
    assert_ok(token_verify(scanned, secret_bytes(root_keys_find(&authority.keys, 1)).p, &verified,
                           fault));
    bool revoked = revocations_reach(&authority.revocations, &identity, &verified, BYTES("openai"));
    token_free(&scanned);
    return revoked;
}

static size_t
records(const char *needle)
{
    struct buffer log;

    assert_ok(authority_flush_audit(&authority, fault));
    struct bytes rest = fixture_read(fixture_path("state/audit.log"), &log), line;
    size_t n = 0;
    while (bytes_cut(&rest, '\n', &line))
        n += bytes_find(line, bytes_str(needle)) < line.n;
    buffer_free(&log);
    return n;
}

static void
holders_that_may_not(void **state)
{
    char *forged = strdup(token), *other;
    size_t n = strlen(forged);

    (void)state;
    assert_int_equal(by_holder("").reason, KH_REASON_TOKEN_MISSING);
    assert_int_equal(by_holder("sk-x").reason, KH_REASON_TOKEN_MALFORMED);
    forged[n - 3] = forged[n - 3] == 'A' ? 'B' : 'A';
    struct message_revoke_done done = by_holder(forged);
    assert_false(done.revoked);
    assert_int_equal(done.reason, KH_REASON_SIGNATURE_INVALID);
    char id[64], member[2 * REQUEST_ID_SIZE + 1];
    assert_true(bytes_to_hex(bytes_of(done.request_id, REQUEST_ID_SIZE), member, sizeof member));
    snprintf(id, sizeof id, "\"id\":\"%s\"", member);
    assert_int_equal(records(id), 1);
    free(forged);
    authority.clock.manual_ms += 3600 * 1000;
    assert_int_equal(by_holder(token).reason, KH_REASON_EXPIRED);
    authority.clock.manual_ms -= 3600 * 1000;
    json_decref(fixture_do(&authority, "{\"command\": \"key.rotate\"}"));
    other = fixture_mint(&authority, "");
    json_decref(fixture_do(&authority, "{\"command\": \"key.retire\", \"id\": 1}"));
    assert_int_equal(by_holder(token).reason, KH_REASON_SIGNATURE_INVALID);
    assert_int_equal(revocations_count(&authority.revocations), 0);
    assert_int_equal(records("\"kind\":\"revoke\""), 0);
    assert_int_equal(records("\"decision\":\"deny\""), 5);
    free(other);
}

static void
a_holder_ends_what_it_holds(void **state)
{
    char *child = narrow(token, "method = GET"), *sibling = narrow(token, "method = HEAD");
    char *grandchild = narrow(child, "path = /v1/models");

    (void)state;
    struct message_revoke_done done = by_holder(child);
    assert_true(done.revoked);
    assert_int_equal(done.reason, KH_REASON_UNSET);
    assert_true(is_revoked(child));
    assert_true(is_revoked(grandchild));
    assert_false(is_revoked(sibling));
    assert_false(is_revoked(token));
    // Again, and by a descendant: done already, and nothing is written for it.
    struct audit_head before, after;
    audit_position(authority.audit, &before);
    assert_true(by_holder(child).revoked);
    assert_true(by_holder(grandchild).revoked);
    audit_position(authority.audit, &after);
    assert_int_equal(before.seq, after.seq);
    assert_int_equal(revocations_count(&authority.revocations), 1);
    assert_true(by_holder(token).revoked);
    assert_true(is_revoked(sibling));
    free(child);
    free(sibling);
    free(grandchild);
}

static void
survives_a_restart(void **state)
{
    (void)state;
    assert_true(by_holder(token).revoked);
    authority_close(&authority);
    fixture_open(&authority);
    assert_true(is_revoked(token));
}

// A holder that makes children without end to fill the table ends its whole token.
static void
bounded_for_one_token(void **state)
{
    char caveat[32];

    (void)state;
    for (int i = 0; i <= REVOKE_LINEAGES_MAX; i++) {
        snprintf(caveat, sizeof caveat, "label = l%d", i);
        char *child = narrow(token, caveat);
        assert_false(is_revoked(token));
        assert_true(by_holder(child).revoked);
        free(child);
    }
    assert_true(is_revoked(token));
    size_t count = revocations_count(&authority.revocations);
    char *child = narrow(token, "label = more");
    assert_true(by_holder(child).revoked);
    assert_int_equal(revocations_count(&authority.revocations), count);
    free(child);
}

static void
the_operator(void **state)
{
    struct revocation done;
    struct revoke_request wrong[] = {
        {.token = BYTES("kh1_AAAA")},
        {.id = BYTES("12")},
        {.lineage = BYTES("0001020304050607zz090a0b0c0d0e0f")},
        {.user = BYTES("a b")},
        {.credential = BYTES("openia")},
        {.minted_before = BYTES("yesterday")},
        {.minted_before = BYTES("2126-01-01T00:00:00Z")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_not_equal(revoke_by_operator(&authority, &wrong[i], &done, NULL), KH_OK);
        assert_int_equal(revocations_count(&authority.revocations), 0);
    }
    char *child = narrow(token, "method = GET");
    struct revoke_request lineage = {.token = bytes_str(child), .this_lineage = true};
    assert_ok(revoke_by_operator(&authority, &lineage, &done, fault));
    assert_int_equal(done.kind, REVOCATION_LINEAGE);
    assert_true(is_revoked(child));
    assert_false(is_revoked(token));
    struct revoke_request whole = {.token = bytes_str(child)};
    assert_ok(revoke_by_operator(&authority, &whole, &done, fault));
    assert_int_equal(done.kind, REVOCATION_TOKEN);
    assert_int_equal(done.expires_at, FIXTURE_NOW + 3600);
    assert_true(is_revoked(token));
    free(child);

    // By its id alone the entry is kept as long as the list of tokens says.
    char *second = fixture_mint(&authority, "");
    struct token *scanned = NULL;
    struct token_identity identity;
    char id[33];
    assert_ok(token_scan(bytes_str(second), &scanned, fault));
    assert_ok(token_identity_read(scanned, &identity, fault));
    assert_true(bytes_to_hex(bytes_of(identity.token_id, 16), id, sizeof id));
    for (char *p = id; *p; p++)
        *p = (char)(*p >= 'a' ? *p - 32 : *p);
    struct revoke_request by_id = {.id = bytes_str(id)};
    enum kh_err err = revoke_by_operator(&authority, &by_id, &done, NULL);
    if (!err) { // upper case is the same id, where it is taken at all
        assert_int_equal(done.expires_at, FIXTURE_NOW + 3600);
        assert_true(is_revoked(second));
    }
    token_free(&scanned);

    char *third = fixture_mint(&authority, "");
    struct revoke_request before = {.minted_before = BYTES("2026-10-26T06:13:21Z")};
    char now[CLOCK_TEXT_SIZE];
    clock_print_s(FIXTURE_NOW + 1, now);
    before.minted_before = bytes_str(now);
    assert_ok(revoke_by_operator(&authority, &before, &done, fault));
    assert_int_equal(done.kind, REVOCATION_MINTED_BEFORE);
    assert_true(is_revoked(third));
    char *fourth = fixture_mint(&authority, "");
    assert_false(is_revoked(fourth));
    free(second);
    free(third);
    free(fourth);
}

static void
recorded(void **state)
{
    struct buffer log;

    (void)state;
    assert_true(by_holder(token).revoked);
    json_decref(fixture_do(&authority, "{\"command\": \"revoke\", \"user\": \"bob\"}"));
    struct bytes whole = fixture_read(fixture_path("state/audit.log"), &log);
    assert_true(bytes_find(whole, BYTES("\"subject\":\"user bob\"")) < whole.n);
    assert_true(bytes_find(whole, BYTES("\"subject\":\"lineage ")) < whole.n);
    assert_true(bytes_find(whole, BYTES("\"kind\":\"revoke\"")) < whole.n);
    buffer_free(&log);
    assert_nowhere(token + 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(holders_that_may_not, setup, teardown),
        cmocka_unit_test_setup_teardown(a_holder_ends_what_it_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(bounded_for_one_token, setup, teardown),
        cmocka_unit_test_setup_teardown(the_operator, setup, teardown),
        cmocka_unit_test_setup_teardown(recorded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
