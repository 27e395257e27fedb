/* SPDX-License-Identifier: Apache-2.0 */
#include "opened.h"

#include "../../../broker/authority/mint.h"

static struct bytes openai = {(const uint8_t *)"openai", 6};

static struct mint_request
request(void)
{
    return (struct mint_request){.credential = &openai, .credential_count = 1, .lifetime_s = 3600};
}

static void
refused(const struct mint_request *r, enum kh_err err, const char *text)
{
    struct mint_result result;
    uint64_t count = 9;
    struct audit_head before, after;

    audit_position(authority.audit, &before);
    assert_fault(mint(&authority, r, &result, fault), err, text);
    assert_int_equal(result.token.n, 0);
    assert_ok(store_token_count(authority.store, &count, fault));
    assert_int_equal(count, 0);
    audit_position(authority.audit, &after);
    assert_int_equal(before.seq, after.seq);
}

static void
refusals(void **state)
{
    struct bytes twice[] = {openai, openai}, nine[9], unknown = BYTES("openia");
    struct bytes caveats[MINT_CAVEATS_MAX + 1];
    struct mint_request r;

    (void)state;
    r = request();
    r.credential_count = 0;
    refused(&r, KH_ERR_USAGE, "credentials:");
    for (int i = 0; i < 9; i++)
        nine[i] = openai;
    r = request();
    r.credential = nine;
    r.credential_count = 9;
    refused(&r, KH_ERR_TOO_LONG, "at most 8");
    r = request();
    r.credential = twice;
    r.credential_count = 2;
    refused(&r, KH_ERR_EXISTS, "given twice");
    r = request();
    r.credential = &unknown;
    refused(&r, KH_ERR_NOT_FOUND, "did you mean openai?");

    r = request();
    r.lifetime_s = 0;
    refused(&r, KH_ERR_RANGE, "lifetime_s:");
    r.lifetime_s = -5;
    refused(&r, KH_ERR_RANGE, "lifetime_s:");
    r.lifetime_s = MINT_LIFETIME_MAX_S + 1;
    refused(&r, KH_ERR_RANGE, "10 years");
    r.lifetime_s = INT64_MAX;
    refused(&r, KH_ERR_RANGE, "10 years");

    static const char *const users[] = {"a b", "a\n", "a\"", "\xc3\xa4",
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                        "aaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        r = request();
        r.user = bytes_str(users[i]);
        refused(&r, KH_ERR_SYNTAX, "user:");
    }
    static const char *const prefixes[] = {"sk ", "kh1_", "xkh1_y", "a/b", "a@b", "a%b"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        r = request();
        r.prefix = bytes_str(prefixes[i]);
        refused(&r, KH_ERR_SYNTAX, "prefix:");
    }

    r = request();
    r.caveat = caveats;
    r.caveat_count = 2;
    caveats[0] = BYTES("method = GET");
    caveats[1] = BYTES("methd = GET");
    refused(&r, KH_ERR_UNKNOWN, "caveat \"methd = GET\": ");
    caveats[1] = bytes_of("path = \"\x01\"", 10);
    refused(&r, KH_ERR_SYNTAX, "caveat 2: ");
    caveats[1] = BYTES("parent = 000102030405060708090a0b0c0d0e0f");
    refused(&r, KH_ERR_TYPE, "discharges only");
    for (size_t i = 0; i <= MINT_CAVEATS_MAX; i++)
        caveats[i] = BYTES("method = GET");
    r.caveat_count = MINT_CAVEATS_MAX + 1;
    refused(&r, KH_ERR_TOO_LONG, "at most 64");
    static char large[900];
    memset(large, 'x', sizeof large);
    memcpy(large, "label = ", 8);
    for (size_t i = 0; i < 20; i++)
        caveats[i] = bytes_of(large, sizeof large);
    r.caveat_count = 20;
    refused(&r, KH_ERR_TOO_LONG, "");
}

static void
no_key_in_use(void **state)
{
    struct mint_request r = request();

    (void)state;
    root_keys_forget(&authority.keys, 1, 5);
    refused(&r, KH_ERR_NOT_FOUND, "key rotate");
}

static void
minted(void **state)
{
    struct bytes caveats[] = {BYTES("method in GET, HEAD"), BYTES("label = \"nightly job\"")};
    struct mint_request r = request();
    struct mint_result result;
    struct token *token = NULL;
    struct token_identity identity;
    static struct token_verified verified;
    int64_t expires_at = 0;
    struct buffer log;
    char id[33];

    (void)state;
    r.user = BYTES("alice@example.com");
    r.caveat = caveats;
    r.caveat_count = 2;
    r.prefix = BYTES("sk-");
    assert_ok(mint(&authority, &r, &result, fault));
    struct bytes text = buffer_bytes(&result.token);
    assert_true(bytes_starts(text, BYTES("sk-kh1_")));
    assert_ok(token_scan(text, &token, fault));
    assert_ok(token_identity_read(token, &identity, fault));
    assert_int_equal(identity.minted_caveats, 2);
    assert_int_equal(identity.key_id, 1);
    assert_int_equal(identity.issued_at, FIXTURE_NOW);
    assert_int_equal(identity.expires_at, FIXTURE_NOW + 3600);
    assert_true(bytes_is(identity.principal, "alice@example.com"));
    assert_true(bytes_is(identity.credential[0], "openai"));
    assert_ok(
        token_verify(token, secret_bytes(root_keys_find(&authority.keys, 1)).p, &verified, fault));
    assert_memory_equal(verified.lineage[2], result.lineage, LINEAGE_ID_SIZE);
    assert_memory_equal(identity.token_id, result.token_id, TOKEN_ID_SIZE);
    // Known to the database and recorded before it was given out.
    assert_ok(
        store_token_expiry(authority.store, bytes_of(result.token_id, 16), &expires_at, fault));
    assert_int_equal(expires_at, FIXTURE_NOW + 3600);
    assert_true(bytes_to_hex(bytes_of(result.token_id, 16), id, sizeof id));
    struct bytes whole = fixture_read(fixture_path("state/audit.log"), &log);
    assert_true(bytes_find(whole, bytes_str(id)) < whole.n);
    assert_true(bytes_find(whole, BYTES("\"labels\":[\"nightly job\"]")) < whole.n);
    assert_true(bytes_find(whole, BYTES("\"command\":\"mint\",\"subject\":\"openai\"")) < whole.n);
    // The token itself is nowhere.
    char *copy = strndup((const char *)text.p + 7, 60);
    assert_nowhere(copy);
    free(copy);
    token_free(&token);
    mint_result_free(&result);
    buffer_free(&log);
}

static void
all_differ_and_the_user_has_a_default(void **state)
{
    struct mint_request r = request();
    struct mint_result a, b;

    (void)state;
    assert_ok(mint(&authority, &r, &a, fault));
    assert_ok(mint(&authority, &r, &b, fault));
    assert_string_equal(a.user, "operator");
    assert_memory_not_equal(a.token_id, b.token_id, TOKEN_ID_SIZE);
    assert_memory_not_equal(a.lineage, b.lineage, LINEAGE_ID_SIZE);
    mint_result_free(&a);
    mint_result_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refusals, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(no_key_in_use, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(minted, opened_with_openai, opened_end),
        cmocka_unit_test_setup_teardown(all_differ_and_the_user_has_a_default, opened_with_openai,
                                        opened_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
