/* SPDX-License-Identifier: Apache-2.0 */
/* Login tokens: what they demand, how long they live, that they tell nothing, and that they can be
 * ended. */
#include "fixture.h"

#include "../../../broker/authority/login.h"
#include "../../../broker/authority/revoke_token.h"

static struct authority authority;
static struct buffer text; // of the last token

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    fixture_dischargers(&authority);
    authority.config.login_per_client = authority.config.login_total = 1000000;
    buffer_init_secret(&text, TOKEN_TEXT_MAX);
    return 0;
}

static int
teardown(void **state)
{
    buffer_free(&text);
    authority_close(&authority);
    return fixture_teardown(state);
}

static struct message_login_done
login_ask(const struct message_login_ask *ask)
{
    struct message_login_done done;
    memset(&done, 0xff, sizeof done);
    buffer_clear(&text);
    login_serve(&authority, ask, &done, &text);
    return done;
}

static struct message_login_done
login(const char *user, const char *credential, int64_t lifetime_s)
{
    struct message_login_ask ask = {.user = bytes_str(user),
                                    .credential = {bytes_str(credential)},
                                    .credential_count = 1,
                                    .lifetime_s = lifetime_s,
                                    .client = BYTES("192.0.2.1")};
    return login_ask(&ask);
}

/* What the token is, as far as whoever asked can see. */
struct shape {
    struct token *token;
    struct token_identity identity;
    char holes[1024];
    int64_t lives_s;
};

static void
look(const struct message_login_done *done, struct shape *out)
{
    if (!done->minted)
        fail_msg("not minted: %s", kh_reason_code(done->reason));
    assert_ok(token_scan(done->token, &out->token, fault));
    assert_ok(token_identity_read(out->token, &out->identity, fault));
    out->lives_s = out->identity.expires_at - out->identity.issued_at;
    assert_true(done->expires_at == out->identity.expires_at);
    const struct macaroon_view *root = &out->token->macaroon[0];
    assert_int_equal(root->caveat_count % 2, 0);
    assert_int_equal(out->identity.minted_caveats, root->caveat_count);
    out->holes[0] = '\0';
    for (size_t i = 0; i < root->caveat_count; i += 2) {
        char *end = out->holes + strlen(out->holes);
        snprintf(end, sizeof out->holes - (size_t)(end - out->holes), "%s%.*s", i ? "\n" : "",
                 BYTES_ARG(root->caveat[i].id));
        assert_int_equal(root->caveat[i + 1].vid.n, TOKEN_VID_SIZE);
    }
}

/* `holes` with each "%" as the user's name. */
static void
expect(const char *user, const char *credential, int64_t asked_s, const char *holes,
       int64_t lives_s)
{
    struct message_login_done done = login(user, credential, asked_s);
    struct shape shape;
    char expected[1024];
    size_t n = 0;

    look(&done, &shape);
    for (const char *p = holes; *p; p++)
        n += *p == '%' ? (size_t)snprintf(expected + n, sizeof expected - n, "%s", user)
                       : (size_t)snprintf(expected + n, sizeof expected - n, "%c", *p);
    expected[n] = '\0';
    assert_string_equal(shape.holes, expected);
    assert_true(bytes_is(shape.identity.principal, user));
    assert_true(bytes_is(shape.identity.credential[0], credential));
    if (shape.lives_s != lives_s)
        fail_msg("%s for %s lives %lld seconds, not %lld", user, credential,
                 (long long)shape.lives_s, (long long)lives_s);
    token_free(&shape.token);
}

static void
apply(const char *grants)
{
    struct fault fault = {0};
    BUFFER_AUTO document;
    buffer_init(&document, 8192);
    buffer_printf(&document, "version: 1\ngroups: {eng: [alice]}\ngrants:\n%s", grants);
    policy_free(&authority.policy);
    if (policy_read("p.yaml", buffer_bytes(&document), &authority.policy, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
}

#define STANDARD(for_) "hole = \"user = % and factor in yubikey, fido2, ssh for " for_ "\""

/* ---- refusals ---- */

static void
refused(const struct message_login_ask *ask, enum kh_reason reason)
{
    struct message_login_done done = login_ask(ask);
    assert_false(done.minted);
    assert_int_equal(done.reason, reason);
    assert_int_equal(done.token.n, 0);
    assert_int_equal(done.expires_at, 0);
}

static void
refusals(void **state)
{
    static const char *const bad_users[] = {"", "a b", "a\n", "a\"", "\xc3\xa4", "a/b"};
    static const char *const bad_credentials[] = {"", "a b", "../x", "\"", "\xff"};
    static uint8_t long_name[65];
    struct message_login_ask ask = {.user = BYTES("alice"), .client = BYTES("192.0.2.1")};

    (void)state;
    refused(&ask, KH_REASON_LOGIN_MALFORMED); // for nothing
    ask.credential_count = 1;
    ask.credential[0] = BYTES("openai");
    for (size_t i = 0; i < sizeof bad_users / sizeof bad_users[0]; i++) {
        ask.user = bytes_str(bad_users[i]);
        refused(&ask, KH_REASON_LOGIN_MALFORMED);
    }
    memset(long_name, 'a', sizeof long_name);
    ask.user = bytes_of(long_name, sizeof long_name);
    refused(&ask, KH_REASON_LOGIN_MALFORMED);
    ask.user = BYTES("alice");
    for (size_t i = 0; i < sizeof bad_credentials / sizeof bad_credentials[0]; i++) {
        ask.credential[0] = bytes_str(bad_credentials[i]);
        refused(&ask, KH_REASON_LOGIN_MALFORMED);
    }
    ask.credential[0] = ask.credential[1] = BYTES("openai");
    ask.credential_count = 2;
    refused(&ask, KH_REASON_LOGIN_MALFORMED);
    ask.credential_count = 1;
    authority.dischargers.count = 0;
    refused(&ask, KH_REASON_NO_DISCHARGER);
    fixture_dischargers(&authority);
    root_keys_forget(&authority.keys, 1, 5);
    refused(&ask, KH_REASON_BROKER_UNAVAILABLE);
}

static void
too_often(void **state)
{
    (void)state;
    authority.config.login_per_client = 3;
    for (int i = 0; i < 3; i++)
        assert_true(login("alice", "openai", 0).minted);
    struct message_login_done done = login("alice", "openai", 0);
    assert_false(done.minted);
    assert_int_equal(done.reason, KH_REASON_LOGIN_TOO_OFTEN);
    assert_int_equal(done.retry_after_s, 20);
    clock_pass(&authority.clock, 20000);
    assert_true(login("alice", "openai", 0).minted);
    // What is asked wrongly counts as well: it is work.
    for (int i = 0; i < 2; i++)
        assert_false(login("a b", "openai", 0).minted);
    assert_int_equal(login("alice", "openai", 0).reason, KH_REASON_LOGIN_TOO_OFTEN);
}

/* ---- what it demands ---- */

static void
without_a_policy(void **state)
{
    (void)state;
    expect("alice", "openai", 0, STANDARD("8h"), 8 * 3600);
    expect("alice", "openai", 3600, STANDARD("1h"), 3600);
    expect("alice", "openai", 86400, STANDARD("8h"), 86400);
    expect("alice", "openai", INT64_MAX, STANDARD("8h"), LOGIN_LIFETIME_MAX_S);
    // Neither is known to the broker.
    expect("nobody@example.com", "openai", 0, STANDARD("8h"), 8 * 3600);
    expect("alice", "no-such-credential", 0, STANDARD("8h"), 8 * 3600);
}

static void
what_grants_demand(void **state)
{
    (void)state;
    apply("- {name: a, to: [group eng], credentials: [openai], lifetime: 2h, holes: [factor = "
          "yubikey for 1h]}\n"
          "- {name: b, to: [user bob], credentials: [github], lifetime: 30m}\n"
          "- {name: c, to: [user carol], credentials: [github]}\n"
          "- {name: d, to: [user dora], credentials: [stripe], holes: [user = boss and factor = "
          "ssh for 1h]}\n"
          "- {name: e, to: [user emil], credentials: [stripe], holes: [user = emil and factor = "
          "ssh for 1h]}\n");
    expect("alice", "openai", 0, "hole = \"user = % and factor = yubikey for 1h\"", 7200);
    expect("alice", "openai", 60, "hole = \"user = % and factor = yubikey for 1h\"", 60);
    expect("alice", "openai", 86400, "hole = \"user = % and factor = yubikey for 1h\"", 7200);
    expect("bob", "github", 0, STANDARD("30m"), 1800);
    expect("carol", "github", 0, STANDARD("8h"), 8 * 3600);
    // Somebody else's touch is no login of one's own.
    expect("dora", "stripe", 0, "hole = \"user = boss and factor = ssh for 1h\"\n" STANDARD("8h"),
           8 * 3600);
    expect("emil", "stripe", 0, "hole = \"user = emil and factor = ssh for 1h\"", 8 * 3600);
}

static void
several_credentials(void **state)
{
    struct message_login_ask ask = {.user = BYTES("alice"),
                                    .credential = {BYTES("openai"), BYTES("github")},
                                    .credential_count = 2,
                                    .client = BYTES("192.0.2.1")};
    struct shape shape;

    (void)state;
    apply("- {name: a, to: [everyone], credentials: [openai], lifetime: 2h, holes: [factor = "
          "yubikey for 1h]}\n"
          "- {name: b, to: [everyone], credentials: [github], lifetime: 1h, holes: [factor = "
          "yubikey for 1h, factor = ssh for 1h]}\n");
    struct message_login_done done = login_ask(&ask);
    look(&done, &shape);
    assert_string_equal(shape.holes, "hole = \"user = alice and factor = yubikey for 1h\"\n"
                                     "hole = \"user = alice and factor = ssh for 1h\"");
    assert_true(shape.lives_s == 3600);
    assert_int_equal(shape.identity.credential_count, 2);
    token_free(&shape.token);
}

/* ---- what it tells ---- */

/* With one grant that names the credential, whoever it does not cover gets what those get whom it
 * covers. */
static void
nobody_learns_who_exists(void **state)
{
    static const char hole[] = "hole = \"user = % and factor = yubikey for 1h\"";

    (void)state;
    apply("- {name: a, to: [user alice, user zoe], credentials: [openai], lifetime: 2h, holes: "
          "[factor = yubikey for 1h]}\n"
          "- {name: b, to: [user bob], credentials: [github]}\n");
    expect("alice", "openai", 0, hole, 7200);
    expect("bob", "openai", 0, hole, 7200);    // a user, without a grant for it
    expect("nobody", "openai", 0, hole, 7200); // no user at all
    expect("alice", "github", 0, STANDARD("8h"), 8 * 3600);
    expect("bob", "github", 0, STANDARD("8h"), 8 * 3600);
    expect("alice", "no-such-credential", 0, STANDARD("8h"), 8 * 3600);
    expect("nobody", "no-such-credential", 0, STANDARD("8h"), 8 * 3600);
    // The token's own size as well.
    size_t known = login("alice", "openai", 0).token.n,
           unknown = login("emily", "openai", 0).token.n;
    assert_int_equal(known, unknown);
}

static void
holes_for(const char *user, const char *credential, char out[1024])
{
    struct message_login_done done = login(user, credential, 0);
    struct shape shape;
    look(&done, &shape);
    snprintf(out, 1024, "%s %lld", strstr(shape.holes, " and "), (long long)shape.lives_s);
    token_free(&shape.token);
}

static void
holes_of(const char *user, char out[1024])
{
    holes_for(user, "openai", out);
}

// Somebody whom grants cover gets any of them, for each credential; so do the others, in every
// combination, or the combination would tell. Of one grant that names both they get the same.
static void
credentials_do_not_tell_together(void **state)
{
    static const char *const policy[] = {
        "- {name: a, to: [user alice], credentials: [openai], holes: [factor = yubikey for 1h]}\n"
        "- {name: b, to: [user bob], credentials: [openai], holes: [factor = ssh for 1h]}\n"
        "- {name: c, to: [user bob], credentials: [github], holes: [factor = yubikey for 1h]}\n"
        "- {name: d, to: [user alice], credentials: [github], holes: [factor = ssh for 1h]}\n",
        "- {name: a, to: [user alice], credentials: [openai, github], holes: [factor = yubikey for "
        "1h]}\n"
        "- {name: b, to: [user bob], credentials: [github, openai], holes: [factor = ssh for "
        "1h]}\n",
    };
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        unsigned seen[2][2] = {{0}};
        apply(policy[p]);
        for (int i = 0; i < 64; i++) {
            char user[16], openai[1024], github[1024];
            snprintf(user, sizeof user, "nobody-%d", i);
            holes_for(user, "openai", openai);
            holes_for(user, "github", github);
            seen[strstr(openai, "ssh for") != NULL][strstr(github, "ssh for") != NULL]++;
        }
        bool mixed = seen[0][1] > 0 && seen[1][0] > 0;
        assert_true(seen[0][0] > 0 && seen[1][1] > 0);
        assert_int_equal(mixed, p == 0);
        assert_int_equal(seen[0][1] + seen[1][0] > 0, p == 0);
    }
}

static void
an_unknown_user_gets_the_same_each_time(void **state)
{
    char first[1024], again[1024];
    unsigned different = 0;

    (void)state;
    apply("- {name: a, to: [user alice], credentials: [openai], lifetime: 2h, holes: [factor = "
          "yubikey for 1h]}\n"
          "- {name: b, to: [user bob], credentials: [openai], holes: [factor = ssh for 1h]}\n"
          "- {name: c, to: [user carol], credentials: [openai], lifetime: 1h}\n");
    for (int i = 0; i < 30; i++) {
        char user[16];
        snprintf(user, sizeof user, "nobody-%d", i);
        holes_of(user, first);
        holes_of(user, again);
        assert_string_equal(first, again);
        holes_of("alice", again);
        different += strcmp(first, again) != 0;
    }
    // Not all of them get what alice gets: that would tell who is not she.
    assert_in_range(different, 5, 28);
    // And the same after a restart.
    holes_of("nobody-7", first);
    struct policy *policy = authority.policy;
    authority.policy = NULL;
    authority_close(&authority);
    fixture_open(&authority);
    fixture_dischargers(&authority);
    authority.config.login_per_client = authority.config.login_total = 1000000;
    authority.policy = policy;
    holes_of("nobody-7", again);
    assert_string_equal(first, again);
}

static void
a_grant_that_only_warns(void **state)
{
    (void)state;
    apply("- {name: a, to: [user alice], credentials: [openai], lifetime: 2h, mode: warn, holes: "
          "[factor = yubikey for 1h]}\n");
    expect("alice", "openai", 0, STANDARD("8h"), 8 * 3600);
    expect("nobody", "openai", 0, STANDARD("8h"), 8 * 3600);
}

/* ---- what becomes of it ---- */

static void
it_is_sealed_to_the_default_discharger(void **state)
{
    struct message_login_done done = login("alice", "openai", 0);
    struct shape shape;
    struct ticket ticket;
    const struct token_caveat *hole;

    (void)state;
    look(&done, &shape);
    assert_int_equal(token_open_holes(shape.token, &hole, 1), 1);
    assert_true(bytes_is(hole->location, "http://localhost:8438"));
    assert_ok(ticket_open(hole->id, authority.dischargers.discharger[0].public_key,
                          fixture_secret_key[0], &ticket, fault));
    assert_true(
        bytes_is(ticket.condition, "user = alice and factor in yubikey, fido2, ssh for 8h"));
    assert_true(bytes_is(ticket.principal, "alice"));
    assert_true(bytes_is(ticket.broker, "keyhole"));
    ticket_free(&ticket);
    token_free(&shape.token);
}

static size_t
records(const char *needle)
{
    struct buffer log;
    size_t n = 0;

    assert_ok(authority_flush_audit(&authority, fault));
    struct bytes rest = fixture_read(fixture_path("state/audit.log"), &log), line;
    while (bytes_cut(&rest, '\n', &line))
        n += bytes_find(line, bytes_str(needle)) < line.n;
    buffer_free(&log);
    return n;
}

static void
nothing_is_stored_but_a_record(void **state)
{
    uint64_t count = 9;

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(login("alice", "openai", 0).minted);
    assert_ok(store_token_count(authority.store, &count, fault));
    assert_int_equal(count, 0);
    assert_int_equal(records("\"kind\":\"login\",\"user\":\"alice\""), 3);
    assert_int_equal(records("\"client\":\"192.0.2.1\""), 3);
    assert_int_equal(records("factor in yubikey, fido2, ssh for 8h"), 3);
    assert_false(login("a b", "openai", 0).minted);
    assert_int_equal(records("\"kind\":\"login\""), 3);
}

static bool
is_revoked(struct bytes token)
{
    struct token *scanned = NULL;
    struct token_identity identity;
    static struct token_verified verified;

    assert_ok(token_scan(token, &scanned, fault));
    assert_ok(token_identity_read(scanned, &identity, fault));
    assert_ok(token_verify_root(scanned, secret_bytes(root_keys_find(&authority.keys, 1)).p,
                                &verified, fault));
    bool revoked = revocations_reach(&authority.revocations, &identity, &verified, BYTES("openai"));
    token_free(&scanned);
    return revoked;
}

static void
end_by(const struct revoke_request *request, struct revocation *done)
{
    assert_ok(revoke_by_operator(&authority, request, done, fault));
}

static void
it_is_revoked_as_others_are(void **state)
{
    struct revocation done;
    struct shape shape;
    char id[2 * TOKEN_ID_SIZE + 1];

    (void)state;
    struct message_login_done minted = login("alice", "openai", 0);
    end_by(&(struct revoke_request){.token = minted.token}, &done);
    assert_true(is_revoked(minted.token));
    assert_true(done.expires_at == minted.expires_at);

    minted = login("alice", "openai", 0);
    assert_false(is_revoked(minted.token));
    end_by(&(struct revoke_request){.token = minted.token, .this_lineage = true}, &done);
    assert_true(is_revoked(minted.token));

    minted = login("alice", "openai", 0);
    end_by(&(struct revoke_request){.user = BYTES("alice")}, &done);
    assert_true(is_revoked(minted.token));

    // A new one, in that same second, is not ended by what was done before it was asked for; nor
    // does the next revocation of that second miss it.
    minted = login("alice", "openai", 0);
    assert_false(is_revoked(minted.token));
    end_by(&(struct revoke_request){.user = BYTES("alice")}, &done);
    assert_true(is_revoked(minted.token));

    minted = login("bob", "openai", 0);
    end_by(&(struct revoke_request){.credential = BYTES("openai")}, &done);
    assert_true(is_revoked(minted.token));

    // By an id that has no row: kept for as long as any token may live.
    minted = login("carol", "openai", 0);
    look(&minted, &shape);
    assert_true(bytes_to_hex(bytes_of(shape.identity.token_id, TOKEN_ID_SIZE), id, sizeof id));
    end_by(&(struct revoke_request){.id = bytes_str(id)}, &done);
    assert_true(is_revoked(minted.token));
    assert_true(done.expires_at >= FIXTURE_NOW + INT64_C(10) * 365 * 86400);
    token_free(&shape.token);
}

static void
its_holder_may_end_it_unfilled(void **state)
{
    struct message_login_done minted = login("alice", "openai", 0);
    struct message_revoke_ask ask = {.token = minted.token, .client = BYTES("192.0.2.1")};
    struct message_revoke_done done;

    (void)state;
    revoke_by_holder(&authority, &ask, &done);
    assert_true(done.revoked);
    assert_true(is_revoked(minted.token));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(refusals),
        TEST(too_often),
        TEST(without_a_policy),
        TEST(what_grants_demand),
        TEST(several_credentials),
        TEST(nobody_learns_who_exists),
        TEST(credentials_do_not_tell_together),
        TEST(an_unknown_user_gets_the_same_each_time),
        TEST(a_grant_that_only_warns),
        TEST(it_is_sealed_to_the_default_discharger),
        TEST(nothing_is_stored_but_a_record),
        TEST(it_is_revoked_as_others_are),
        TEST(its_holder_may_end_it_unfilled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
