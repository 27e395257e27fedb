/* SPDX-License-Identifier: Apache-2.0 */
/* Minting with holes: what is demanded, what the ticket says, and to whom it is sealed. */
#include "fixture.h"

#include "../../../broker/authority/mint.h"

static struct authority authority;
static struct bytes openai = {(const uint8_t *)"openai", 6};

static int
setup(void **state)
{
    if (fixture_setup(state))
        return -1;
    fixture_create();
    fixture_open(&authority);
    fixture_add_openai(&authority);
    fixture_dischargers(&authority);
    return 0;
}

static int
teardown(void **state)
{
    authority_close(&authority);
    return fixture_teardown(state);
}

static struct mint_request
request(const struct bytes *hole, size_t count)
{
    return (struct mint_request){.credential = &openai,
                                 .credential_count = 1,
                                 .user = BYTES("alice"),
                                 .lifetime_s = 3600,
                                 .hole = hole,
                                 .hole_count = count};
}

static void
refused(const struct mint_request *r, enum kh_err err, const char *text)
{
    struct mint_result result;
    uint64_t count = 9;

    assert_fault(mint(&authority, r, &result, fault), err, text);
    assert_int_equal(result.token.n, 0);
    assert_int_equal(result.holes.count, 0);
    assert_ok(store_token_count(authority.store, &count, fault));
    assert_int_equal(count, 0);
}

/* ---- what is asked for ---- */

static void
bad_holes(void **state)
{
    struct bytes nine[MINT_HOLES_MAX + 1];
    struct bytes bad = BYTES("factor = yubikey"), good = BYTES("factor = yubikey for 8h");
    struct mint_request r;

    (void)state;
    r = request(&bad, 1);
    refused(&r, KH_ERR_SYNTAX, "hole 1: ");
    bad = BYTES("colour = blue for 8h");
    refused(&r, KH_ERR_UNKNOWN, "hole 1: ");
    bad = BYTES("");
    refused(&r, KH_ERR_SYNTAX, "hole 1: ");
    for (size_t i = 0; i <= MINT_HOLES_MAX; i++)
        nine[i] = good;
    r = request(nine, MINT_HOLES_MAX + 1);
    refused(&r, KH_ERR_TOO_LONG, "hole 9: holes: at most 8");
    r = request(&good, 1);
    r.discharger = BYTES("locl");
    refused(&r, KH_ERR_NOT_FOUND, "there is local, security");
    r = request(NULL, 0);
    r.discharger = BYTES("local");
    refused(&r, KH_ERR_USAGE, "no hole");
    authority.dischargers.count = 0;
    r = request(&good, 1);
    refused(&r, KH_ERR_NOT_FOUND, "knows no discharger");
}

// Filled, it has to fit as well: a token that nobody could ever complete is not made.
static void
no_room_for_discharges(void **state)
{
    struct bytes hole = BYTES("factor = yubikey for 8h");
    struct bytes holes[MINT_HOLES_MAX], caveats[MINT_CAVEATS_MAX];
    struct mint_request r = request(&hole, 1);
    struct mint_result result;
    static char large[800];

    (void)state;
    for (size_t i = 0; i < MINT_CAVEATS_MAX; i++)
        caveats[i] = BYTES("method = GET");
    r.caveat = caveats;
    r.caveat_count = 60; // and 2 of the hole, and 3 of its discharge
    refused(&r, KH_ERR_TOO_LONG, "more than 64 caveats");
    memset(large, 'x', sizeof large);
    memcpy(large, "path = /", 8);
    for (size_t i = 0; i < MINT_HOLES_MAX; i++)
        holes[i] = hole;
    caveats[0] = bytes_of(large, sizeof large);
    r = request(holes, 3);
    r.caveat = caveats;
    r.caveat_count = 3;
    refused(&r, KH_ERR_TOO_LONG, "with its holes filled the token would be longer");
    r = request(&hole, 1);
    r.caveat = caveats;
    r.caveat_count = 59;
    assert_ok(mint(&authority, &r, &result, fault));
    mint_result_free(&result);
}

/* ---- what becomes of it ---- */

static const struct token_caveat *
third_party(const struct token *token, size_t which)
{
    const struct token_caveat *open[TOKEN_DISCHARGES_MAX];
    assert_true(token_open_holes(token, open, TOKEN_DISCHARGES_MAX) > which);
    return open[which];
}

static void
the_ticket(void **state)
{
    struct bytes holes[] = {BYTES("factor = yubikey for 480m"),
                            BYTES("user = bob and factor = ssh for 1h")};
    struct bytes caveats[] = {BYTES("label = first"), BYTES("method = GET"),
                              BYTES("label = \"nightly job\"")};
    struct mint_request r = request(holes, 2);
    struct mint_result result;
    struct token *token = NULL;
    struct token_identity identity;
    struct ticket ticket;
    static char own_name[] = "broker.example";
    static char *names[] = {own_name};

    (void)state;
    r.caveat = caveats;
    r.caveat_count = 3;
    r.prefix = BYTES("sk-");
    char **before = authority.config.name;
    authority.config.name = names;
    authority.config.name_count = 1;
    assert_ok(mint(&authority, &r, &result, fault));
    authority.config.name = before;
    authority.config.name_count = 0;
    assert_string_equal(result.discharger, "http://localhost:8438");
    assert_int_equal(result.holes.count, 2);
    assert_string_equal(result.holes.text[0], "factor = yubikey for 8h");
    assert_ok(token_scan(buffer_bytes(&result.token), &token, fault));
    assert_ok(token_identity_read(token, &identity, fault));
    assert_int_equal(identity.minted_caveats, 7);
    const struct macaroon_view *root = &token->macaroon[0];
    assert_true(bytes_is(root->caveat[3].id, "hole = \"factor = yubikey for 8h\""));
    assert_int_equal(root->caveat[4].vid.n, TOKEN_VID_SIZE);
    assert_true(bytes_is(root->caveat[4].location, "http://localhost:8438"));
    assert_true(bytes_is(root->caveat[5].id, "hole = \"user = bob and factor = ssh for 1h\""));
    assert_ok(ticket_open(third_party(token, 0)->id, authority.dischargers.discharger[0].public_key,
                          fixture_secret_key[0], &ticket, fault));
    assert_true(bytes_is(ticket.condition, "factor = yubikey for 8h"));
    assert_true(bytes_is(ticket.broker, "broker.example"));
    assert_true(bytes_is(ticket.principal, "alice"));
    assert_memory_equal(ticket.token_id, result.token_id, TOKEN_ID_SIZE);
    assert_int_equal(ticket.expires_at, FIXTURE_NOW + 3600);
    assert_int_equal(ticket.credential_count, 1);
    assert_true(bytes_is(ticket.credential[0], "openai"));
    assert_true(bytes_is(ticket.label, "nightly job"));
    assert_int_equal(ticket.caveat_count, 1);
    assert_true(bytes_is(ticket.caveat[0], "method = GET"));
    assert_int_equal(ticket.caveats_left_out, 0);
    ticket_free(&ticket);
    // Each is sealed by itself, with a key of its own.
    assert_false(bytes_equal(third_party(token, 0)->id, third_party(token, 1)->id));
    token_free(&token);
    mint_result_free(&result);
}

/* Another discharger cannot open it; that one can, and the broker's key takes what it makes. */
static void
it_can_be_filled(void **state)
{
    struct bytes hole = BYTES("factor = yubikey for 8h");
    struct mint_request r = request(&hole, 1);
    struct mint_result result;
    struct token *token = NULL;
    struct ticket ticket;
    static struct token_verified verified;

    (void)state;
    const uint8_t *key = secret_bytes(root_keys_find(&authority.keys, 1)).p;
    assert_ok(mint(&authority, &r, &result, fault));
    char *whole =
        fixture_fill(&authority, buffer_text(&result.token), buffer_text(&result.token), NULL, 0);
    assert_ok(token_scan(bytes_str(whole), &token, fault));
    assert_ok(token_verify(token, key, &verified, fault));
    token_free(&token);
    free(whole);
    mint_result_free(&result);

    r.discharger = BYTES("security");
    assert_ok(mint(&authority, &r, &result, fault));
    assert_string_equal(result.discharger, "https://security.example");
    assert_ok(token_scan(buffer_bytes(&result.token), &token, fault));
    assert_int_equal(token_verify(token, key, &verified, NULL), KH_ERR_GRAPH);
    assert_int_not_equal(ticket_open(third_party(token, 0)->id,
                                     authority.dischargers.discharger[0].public_key,
                                     fixture_secret_key[0], &ticket, NULL),
                         KH_OK);
    assert_ok(ticket_open(third_party(token, 0)->id, authority.dischargers.discharger[1].public_key,
                          fixture_secret_key[1], &ticket, fault));
    assert_true(bytes_is(ticket.broker, "keyhole"));
    ticket_free(&ticket);
    token_free(&token);
    mint_result_free(&result);
}

static void
more_than_a_ticket_shows(void **state)
{
    struct bytes hole = BYTES("factor = yubikey for 8h"), caveats[20];
    struct mint_request r = request(&hole, 1);
    struct mint_result result;
    struct token *token = NULL;
    struct ticket ticket;
    static char label[600];

    (void)state;
    for (size_t i = 0; i < 20; i++)
        caveats[i] = BYTES("method = GET");
    snprintf(label, sizeof label, "label = \"abcd");
    for (size_t n = strlen(label); n < 400; n += 2)
        memcpy(label + n, "\xc3\xa9", 2);
    strcat(label, "\"");
    caveats[19] = bytes_str(label);
    r.caveat = caveats;
    r.caveat_count = 20;
    assert_ok(mint(&authority, &r, &result, fault));
    assert_ok(token_scan(buffer_bytes(&result.token), &token, fault));
    assert_ok(ticket_open(third_party(token, 0)->id, authority.dischargers.discharger[0].public_key,
                          fixture_secret_key[0], &ticket, fault));
    assert_int_equal(ticket.caveat_count + ticket.caveats_left_out, 19); // and the label
    assert_true(ticket.caveat_count <= TICKET_CAVEATS_MAX);
    assert_true(ticket.label.n > 250 && ticket.label.n <= 255);
    assert_true(bytes_is_utf8(ticket.label));
    ticket_free(&ticket);
    token_free(&token);
    mint_result_free(&result);
}

/* ---- under a policy ---- */

static void
apply(const char *grants)
{
    struct fault fault = {0};
    BUFFER_AUTO text;
    buffer_init(&text, 8192);
    buffer_printf(&text, "version: 1\ngrants:\n%s", grants);
    policy_free(&authority.policy);
    if (policy_read("p.yaml", buffer_bytes(&text), &authority.policy, &fault) != KH_OK)
        fail_msg("%s", fault.detail);
}

static void
minted(const struct mint_request *r, size_t count, const char *const *expected)
{
    struct mint_result result;
    assert_ok(mint(&authority, r, &result, fault));
    assert_int_equal(result.holes.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(result.holes.text[i], expected[i]);
    mint_result_free(&result);
}

#define MINTED(request, count, ...) minted(request, count, (const char *const[]){__VA_ARGS__, NULL})

static void
what_the_grant_demands(void **state)
{
    struct bytes hole = BYTES("user = alice and factor = yubikey for 8h");
    struct mint_request r = request(NULL, 0);

    (void)state;
    apply("- {name: keyed, to: [everyone], credentials: [openai], holes: [factor = yubikey for 8h, "
          "user = bob and factor = ssh for 1h]}\n");
    MINTED(&r, 2, "user = alice and factor = yubikey for 8h", "user = bob and factor = ssh for 1h");
    // What was asked for and is demanded stands there once; what says something else counts for
    // nothing, also when it is stricter.
    r = request(&hole, 1);
    MINTED(&r, 2, "user = alice and factor = yubikey for 8h", "user = bob and factor = ssh for 1h");
    hole = BYTES("factor = yubikey for 8h");
    MINTED(&r, 2, "factor = yubikey for 8h", "user = bob and factor = ssh for 1h");
    hole = BYTES("user = alice and factor = yubikey for 4h");
    MINTED(&r, 3, "user = alice and factor = yubikey for 4h",
           "user = alice and factor = yubikey for 8h", "user = bob and factor = ssh for 1h");
    r.discharger = BYTES("security");
    r.hole_count = 0;
    MINTED(&r, 2, "user = alice and factor = yubikey for 8h", "user = bob and factor = ssh for 1h");
}

static void
a_grant_without_holes_is_enough(void **state)
{
    struct mint_request r = request(NULL, 0);

    (void)state;
    apply("- {name: keyed, to: [everyone], credentials: [openai], holes: [factor = yubikey for "
          "8h]}\n- {name: plain, to: [user alice], credentials: [openai]}\n");
    MINTED(&r, 0, NULL);
    r.user = BYTES("bob");
    MINTED(&r, 1, "user = bob and factor = yubikey for 8h");
}

static void
nobody_to_fill_them(void **state)
{
    struct mint_request r = request(NULL, 0);

    (void)state;
    apply("- {name: keyed, to: [everyone], credentials: [openai], holes: [factor = yubikey for "
          "8h]}\n");
    authority.dischargers.count = 0;
    refused(&r, KH_ERR_DENIED, "grant keyed demands a hole (factor = yubikey for 8h)");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(bad_holes),
        TEST(no_room_for_discharges),
        TEST(the_ticket),
        TEST(it_can_be_filled),
        TEST(more_than_a_ticket_shows),
        TEST(what_the_grant_demands),
        TEST(a_grant_without_holes_is_enough),
        TEST(nobody_to_fill_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
