/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holes and discharges as they are made here, through verification by both chains: what fills a
 * hole, for which tokens it stays good, and for which it never is.
 */

#include "tokens.h"

static const uint8_t ticket_key[TOKEN_KEY_SIZE] = "the key inside of the ticket....";
static const uint8_t second_key[TOKEN_KEY_SIZE] = "the key of the other ticket.....";

#define CONDITION "user = alice and factor = yubikey for 8h"
#define LOCATION  "https://discharge.example"

static void
add_hole(struct bytes text, const char *ticket, const uint8_t key[TOKEN_KEY_SIZE],
         struct buffer *out)
{
    struct fault fault = {0};
    struct token *token = test_scan(text);
    buffer_init(out, TOKEN_TEXT_MAX);
    if (token_add_hole(token, BYTES(CONDITION), key, bytes_str(ticket), BYTES(LOCATION), out,
                       &fault))
        FAIL_WITH("token_add_hole: %s", fault.detail);
    token_free(&token);
}

static void
lineage_of(struct bytes text, char hex[2 * LINEAGE_ID_SIZE + 1])
{
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct token *token = test_scan(text);
    token_lineage_last(token, lineage);
    assert_true(bytes_to_hex(bytes_of(lineage, sizeof lineage), hex, 2 * LINEAGE_ID_SIZE + 1));
    token_free(&token);
}

/* A discharge as a discharger makes it; `parent_of` (text of a token) may be empty. */
static void
discharge(const char *ticket, const uint8_t key[TOKEN_KEY_SIZE], struct bytes parent_of,
          struct buffer *out)
{
    char hex[2 * LINEAGE_ID_SIZE + 1], parent[80];
    struct bytes caveat[2] = {BYTES("time < 2099-01-01T00:00:00Z")};
    struct fault fault = {0};
    size_t count = 1;
    if (parent_of.n) {
        lineage_of(parent_of, hex);
        snprintf(parent, sizeof parent, "parent = %s", hex);
        caveat[count++] = bytes_str(parent);
    }
    buffer_init(out, TOKEN_TEXT_MAX);
    if (token_discharge_make(bytes_str(ticket), key, BYTES(LOCATION), caveat, count, out, &fault))
        FAIL_WITH("token_discharge_make: %s", fault.detail);
}

static void
put_in(struct bytes text, const struct buffer *const *filling, size_t count, struct buffer *out)
{
    struct bytes list[TOKEN_DISCHARGES_MAX];
    struct fault fault = {0};
    struct token *token = test_scan(text);
    for (size_t i = 0; i < count; i++)
        list[i] = buffer_bytes(filling[i]);
    buffer_init(out, TOKEN_TEXT_MAX);
    if (token_add_discharges(token, list, count, out, &fault))
        FAIL_WITH("token_add_discharges: %s", fault.detail);
    token_free(&token);
}

static void
expect_verify(const char *what, const struct buffer *text, enum kh_err expected)
{
    struct fault fault = {0};
    struct token_verified verified;
    struct token *token = test_scan(buffer_bytes(text));
    enum kh_err err = token_verify(token, root_key, &verified, &fault);
    if (err != expected)
        FAIL_WITH("%s: %s (%s), expected %s", what, kh_err_code(err), fault.detail,
                  kh_err_code(expected));
    token_free(&token);
}

static void
good_for_descendants(void **state)
{
    (void)state;
    static const char *const minted[] = {"method = GET", NULL};
    BUFFER_AUTO root;
    BUFFER_AUTO holed;
    BUFFER_AUTO asked;
    BUFFER_AUTO filling;
    BUFFER_AUTO filled;
    BUFFER_AUTO narrowed;
    BUFFER_AUTO again;
    test_mint(&root, minted);
    add_hole(buffer_bytes(&root), "ticket", ticket_key, &holed);
    test_attenuate(&asked, buffer_bytes(&holed), "path = /v1");
    discharge("ticket", ticket_key, buffer_bytes(&asked), &filling);
    const struct buffer *one[] = {&filling};
    expect_verify("open", &asked, KH_ERR_GRAPH);
    put_in(buffer_bytes(&asked), one, 1, &filled);
    expect_verify("filled", &filled, KH_OK);
    test_attenuate(&narrowed, buffer_bytes(&filled), "host = api.openai.com");
    expect_verify("narrowed after the touch", &narrowed, KH_OK);
    test_attenuate(&again, buffer_bytes(&narrowed), "label = sub-agent");
    expect_verify("and again", &again, KH_OK);
}

/* A hole at the mint, and one that a holder adds to a token that is filled. */
static void
holes_of_both(void **state)
{
    (void)state;
    struct token_identity identity = test_identity();
    struct fault fault = {0};
    const struct token_minted_caveat list[] = {
        {.text = BYTES("method = GET")},
        {.text = BYTES(CONDITION),
         .root_key = ticket_key,
         .ticket = BYTES("minted ticket"),
         .location = BYTES(LOCATION)},
        {.text = BYTES("path ~ /v1/**")},
    };
    BUFFER_AUTO root;
    BUFFER_AUTO first;
    BUFFER_AUTO filled;
    BUFFER_AUTO holed;
    BUFFER_AUTO second;
    BUFFER_AUTO both;
    buffer_init(&root, TOKEN_TEXT_MAX);
    if (token_mint_with_holes(&identity, root_key, BYTES("https://broker.example"), list, 3, &root,
                              &fault))
        FAIL_WITH("token_mint_with_holes: %s", fault.detail);
    struct token *token = test_scan(buffer_bytes(&root));
    assert_int_equal(token_identity_read(token, &identity, NULL), KH_OK);
    assert_int_equal(identity.minted_caveats, 4);
    expect_text("demand", token->caveat[1].id, "hole = \"" CONDITION "\"");
    expect_text("ticket", token->caveat[2].id, "minted ticket");
    expect_text("location", token->caveat[2].location, LOCATION);
    assert_int_equal(token->caveat[2].vid.n, TOKEN_VID_SIZE);
    token_free(&token);

    discharge("minted ticket", ticket_key, buffer_bytes(&root), &first);
    const struct buffer *one[] = {&first};
    put_in(buffer_bytes(&root), one, 1, &filled);
    expect_verify("the mint's", &filled, KH_OK);
    add_hole(buffer_bytes(&filled), "holder's ticket", second_key, &holed);
    expect_verify("one is open", &holed, KH_ERR_GRAPH);
    discharge("holder's ticket", second_key, buffer_bytes(&holed), &second);
    const struct buffer *two[] = {&second};
    put_in(buffer_bytes(&holed), two, 1, &both);
    expect_verify("both", &both, KH_OK);
}

/* Who was not asked for gets nothing: ancestors, siblings, other tokens. */
static void
not_for_others(void **state)
{
    (void)state;
    BUFFER_AUTO root;
    BUFFER_AUTO holed;
    BUFFER_AUTO asked;
    BUFFER_AUTO sibling;
    BUFFER_AUTO filling;
    BUFFER_AUTO before;
    test_mint(&root, NULL);
    add_hole(buffer_bytes(&root), "ticket", ticket_key, &holed);
    test_attenuate(&asked, buffer_bytes(&holed), "label = one");
    test_attenuate(&sibling, buffer_bytes(&holed), "label = two");
    discharge("ticket", ticket_key, buffer_bytes(&asked), &filling);
    const struct buffer *one[] = {&filling};
    const struct {
        const char *what;
        const struct buffer *text;
    } cases[] = {{"its ancestor", &holed}, {"its sibling", &sibling}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO whole;
        put_in(buffer_bytes(cases[i].text), one, 1, &whole);
        expect_verify(cases[i].what, &whole, KH_ERR_GRAPH);
    }
    /* A lineage from before the hole was there names tokens without it. */
    discharge("ticket", ticket_key, buffer_bytes(&root), &before);
    const struct buffer *older[] = {&before};
    BUFFER_AUTO whole;
    put_in(buffer_bytes(&asked), older, 1, &whole);
    expect_verify("parent before the hole", &whole, KH_ERR_GRAPH);

    /* The same ticket in another token: its key is the same, its chain is not. */
    BUFFER_AUTO other;
    BUFFER_AUTO other_holed;
    BUFFER_AUTO stolen;
    static const char *const caveats[] = {"method = POST", NULL};
    test_mint(&other, caveats);
    add_hole(buffer_bytes(&other), "ticket", ticket_key, &other_holed);
    put_in(buffer_bytes(&other_holed), one, 1, &stolen);
    expect_verify("another token", &stolen, KH_ERR_GRAPH);

    /* No parent at all. */
    BUFFER_AUTO unbound;
    BUFFER_AUTO with_unbound;
    discharge("ticket", ticket_key, BYTES_EMPTY, &unbound);
    const struct buffer *free_one[] = {&unbound};
    put_in(buffer_bytes(&holed), free_one, 1, &with_unbound);
    expect_verify("no parent", &with_unbound, KH_ERR_GRAPH);
}

static void
crossed(void **state)
{
    (void)state;
    BUFFER_AUTO root;
    BUFFER_AUTO one_hole;
    BUFFER_AUTO holed;
    test_mint(&root, NULL);
    add_hole(buffer_bytes(&root), "ticket one", ticket_key, &one_hole);
    add_hole(buffer_bytes(&one_hole), "ticket two", second_key, &holed);
    BUFFER_AUTO right_one;
    BUFFER_AUTO right_two;
    BUFFER_AUTO crossed_one;
    BUFFER_AUTO crossed_two;
    discharge("ticket one", ticket_key, buffer_bytes(&holed), &right_one);
    discharge("ticket two", second_key, buffer_bytes(&holed), &right_two);
    discharge("ticket one", second_key, buffer_bytes(&holed), &crossed_one);
    discharge("ticket two", ticket_key, buffer_bytes(&holed), &crossed_two);
    const struct {
        const char *what;
        const struct buffer *filling[2];
        enum kh_err err;
    } cases[] = {
        {"both", {&right_one, &right_two}, KH_OK},
        {"in the other order", {&right_two, &right_one}, KH_OK},
        {"keys crossed", {&crossed_one, &crossed_two}, KH_ERR_GRAPH},
        {"one key wrong", {&right_one, &crossed_two}, KH_ERR_GRAPH},
        {"the other", {&crossed_one, &right_two}, KH_ERR_GRAPH},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO whole;
        put_in(buffer_bytes(&holed), cases[i].filling, 2, &whole);
        expect_verify(cases[i].what, &whole, cases[i].err);
    }
}

/* Every byte of the hole and of what fills it is authenticated. */
static void
changed_bytes(void **state)
{
    (void)state;
    BUFFER_AUTO root;
    BUFFER_AUTO holed;
    BUFFER_AUTO filling;
    BUFFER_AUTO filled;
    test_mint(&root, NULL);
    add_hole(buffer_bytes(&root), "ticket", ticket_key, &holed);
    discharge("ticket", ticket_key, buffer_bytes(&holed), &filling);
    const struct buffer *one[] = {&filling};
    put_in(buffer_bytes(&holed), one, 1, &filled);

    BUFFER_AUTO binary;
    buffer_init(&binary, TOKEN_TEXT_MAX);
    assert_true(base64_decode(BASE64_URL, bytes_from(buffer_bytes(&filled), 4), &binary));
    size_t refused = 0, kept = 0;
    for (size_t i = 0; i < binary.n; i++) {
        struct token *token = NULL;
        struct token_verified verified;
        BUFFER_AUTO text;
        buffer_init(&text, TOKEN_TEXT_MAX);
        binary.p[i] ^= 1;
        buffer_put_str(&text, TOKEN_MARK);
        base64_encode(BASE64_URL, buffer_bytes(&binary), &text);
        binary.p[i] ^= 1;
        if (token_scan(buffer_bytes(&text), &token, NULL) != KH_OK ||
            token_verify(token, root_key, &verified, NULL) != KH_OK)
            refused++;
        else
            kept++;
        token_free(&token);
    }
    /* Locations are not authenticated, here and in every library: two in this token, and the
     * broker's. */
    assert_int_equal(kept, 2 * strlen(LOCATION) + strlen("https://broker.example"));
    assert_int_equal(refused + kept, binary.n);
}

/* As other libraries bind: to the one signature that is presented. */
static void
classic_binding(void **state)
{
    (void)state;
    struct token_hmac h;
    uint8_t bound[TOKEN_SIGNATURE_SIZE];
    BUFFER_AUTO root;
    BUFFER_AUTO holed;
    BUFFER_AUTO filling;
    BUFFER_AUTO filled;
    BUFFER_AUTO narrowed;
    test_mint(&root, NULL);
    add_hole(buffer_bytes(&root), "ticket", ticket_key, &holed);
    discharge("ticket", ticket_key, BYTES_EMPTY, &filling);
    struct token *token = test_scan(buffer_bytes(&holed));
    assert_true(token_hmac_init(&h));
    uint8_t *signature = filling.p + filling.n - TOKEN_SIGNATURE_SIZE;
    assert_true(token_chain_bind(&h, token->macaroon[0].signature.p, signature, bound));
    memcpy(signature, bound, sizeof bound);
    token_hmac_fini(&h);
    token_free(&token);
    const struct buffer *one[] = {&filling};
    put_in(buffer_bytes(&holed), one, 1, &filled);
    expect_verify("bound", &filled, KH_OK);
    test_attenuate(&narrowed, buffer_bytes(&filled), "method = GET");
    expect_verify("bound, then narrowed", &narrowed, KH_ERR_GRAPH);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_for_descendants), cmocka_unit_test(holes_of_both),
        cmocka_unit_test(not_for_others),       cmocka_unit_test(crossed),
        cmocka_unit_test(changed_bytes),        cmocka_unit_test(classic_binding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
