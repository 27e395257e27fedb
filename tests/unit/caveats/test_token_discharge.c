/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens.h"

static const uint8_t ticket_key[TOKEN_KEY_SIZE] = "the key inside of the ticket....";

static void
make(const char *ticket, const struct bytes *caveat, size_t count, struct buffer *out)
{
    struct fault fault = {0};
    buffer_init(out, TOKEN_TEXT_MAX);
    if (token_discharge_make(bytes_str(ticket), ticket_key, BYTES("https://discharge.example"),
                             caveat, count, out, &fault))
        FAIL_WITH("token_discharge_make: %s", fault.detail);
}

static void
not_made(void **state)
{
    (void)state;
    static uint8_t big[TOKEN_CAVEAT_MAX + 1];
    struct bytes many[TOKEN_CAVEATS_MAX + 1];
    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = BYTES("method = GET");
    struct bytes empty = BYTES_EMPTY, long_one = bytes_of(big, sizeof big);
    const struct {
        struct bytes ticket, location;
        const struct bytes *caveat;
        size_t count;
        enum kh_err err;
    } cases[] = {
        {BYTES_EMPTY, BYTES("l"), many, 1, KH_ERR_TOO_LONG},
        {{big, sizeof big}, BYTES("l"), many, 1, KH_ERR_TOO_LONG},
        {BYTES("t"), BYTES("a\tb"), many, 1, KH_ERR_RANGE},
        {BYTES("t"), {big, 256}, many, 1, KH_ERR_RANGE},
        {BYTES("t"), BYTES("l"), &empty, 1, KH_ERR_TOO_LONG},
        {BYTES("t"), BYTES("l"), &long_one, 1, KH_ERR_TOO_LONG},
        {BYTES("t"), BYTES("l"), many, COUNT_OF(many), KH_ERR_RANGE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {0};
        BUFFER_AUTO out;
        buffer_init(&out, TOKEN_TEXT_MAX);
        expect_err("make",
                   token_discharge_make(cases[i].ticket, ticket_key, cases[i].location,
                                        cases[i].caveat, cases[i].count, &out, &fault),
                   cases[i].err);
        assert_int_equal(out.n, 0);
        assert_true(fault.detail[0] != '\0');
    }
}

static void
scanned(void **state)
{
    (void)state;
    const struct bytes caveat[] = {BYTES("time < 2026-12-01T00:00:00Z"),
                                   BYTES("label = \"yubikey, blue, alice\"")};
    struct token_discharge d;
    struct fault fault = {0};
    BUFFER_AUTO raw;
    make("ticket", caveat, 2, &raw);
    if (token_discharge_scan(buffer_bytes(&raw), &d, &fault))
        FAIL_WITH("token_discharge_scan: %s", fault.detail);
    expect_text("identifier", d.macaroon.identifier, "ticket");
    expect_text("location", d.macaroon.location, "https://discharge.example");
    assert_int_equal(d.macaroon.caveat_count, 2);
    assert_ptr_equal(d.macaroon.caveat, d.caveat);
    expect_bytes("caveat", d.macaroon.caveat[0].id, caveat[0]);
    expect_bytes("caveat", d.macaroon.caveat[1].id, caveat[1]);
    expect_bytes("raw", d.raw, buffer_bytes(&raw));

    /* The chain that any library computes from the ticket's root key. */
    struct token_hmac h;
    uint8_t key[TOKEN_KEY_SIZE], signature[TOKEN_SIGNATURE_SIZE];
    assert_true(token_hmac_init(&h));
    assert_true(token_chain_root_key(&h, ticket_key, key));
    assert_true(token_chain_start(&h, key, BYTES("ticket"), signature));
    for (size_t i = 0; i < 2; i++)
        assert_true(token_chain_step(&h, &d.caveat[i], signature));
    token_hmac_fini(&h);
    expect_bytes("signature", d.macaroon.signature, bytes_of(signature, sizeof signature));
}

static void
hostile_scans(void **state)
{
    (void)state;
    const struct bytes caveat[] = {BYTES("method = GET")};
    struct token_discharge d = {.raw = BYTES("as it was")};
    struct fault fault = {0};
    BUFFER_AUTO raw;
    make("ticket", caveat, 1, &raw);
    for (size_t n = 0; n < raw.n; n++) {
        expect_err("cut", token_discharge_scan(bytes_slice(buffer_bytes(&raw), 0, n), &d, &fault),
                   KH_ERR_MALFORMED);
        expect_text("untouched", d.raw, "as it was");
    }
    struct random r = random_seeded("discharge scan", 17);
    for (int round = 0; round < 20000; round++) {
        uint8_t copy[256];
        size_t n = raw.n;
        assert_true(n <= sizeof copy);
        memcpy(copy, raw.p, n);
        for (size_t k = 1 + random_below(&r, 3); k > 0; k--)
            copy[random_below(&r, n)] = (uint8_t)random_next(&r);
        (void)!token_discharge_scan(bytes_of(copy, n), &d, NULL);
    }
    BUFFER_AUTO two;
    buffer_init(&two, TOKEN_TEXT_MAX);
    buffer_put(&two, buffer_bytes(&raw));
    buffer_put(&two, buffer_bytes(&raw));
    expect_err("two", token_discharge_scan(buffer_bytes(&two), &d, &fault), KH_ERR_MALFORMED);
    static uint8_t big[TOKEN_TEXT_MAX + 1] = {2};
    expect_err("big", token_discharge_scan(bytes_of(big, sizeof big), &d, &fault),
               KH_ERR_MALFORMED);
}

/* What is put into a token has to fill a hole of it. */
static void
not_put_in(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct buffer nothing;
    BUFFER_AUTO root;
    BUFFER_AUTO holed;
    BUFFER_AUTO right;
    BUFFER_AUTO wrong;
    BUFFER_AUTO filled;
    BUFFER_AUTO out;
    test_mint(&root, NULL);
    buffer_init(&holed, TOKEN_TEXT_MAX);
    buffer_init(&filled, TOKEN_TEXT_MAX);
    buffer_init(&out, TOKEN_TEXT_MAX);
    buffer_init(&nothing, 8);
    make("ticket", NULL, 0, &right);
    make("another ticket", NULL, 0, &wrong);
    struct token *token = test_scan(buffer_bytes(&root));
    const struct bytes one[] = {buffer_bytes(&right), buffer_bytes(&right)};
    expect_err("no hole", token_add_discharges(token, one, 1, &out, &fault), KH_ERR_GRAPH);
    expect_err("hole",
               token_add_hole(token, BYTES("factor = ssh for 8h"), ticket_key, BYTES("ticket"),
                              BYTES("l"), &holed, &fault),
               KH_OK);
    token_free(&token);

    token = test_scan(buffer_bytes(&holed));
    const struct bytes other[] = {buffer_bytes(&wrong)};
    const struct bytes cut[] = {bytes_slice(buffer_bytes(&right), 0, right.n - 1)};
    struct bytes many[TOKEN_DISCHARGES_MAX + 1];
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = buffer_bytes(&right);
    expect_err("another", token_add_discharges(token, other, 1, &out, &fault), KH_ERR_GRAPH);
    expect_err("twice", token_add_discharges(token, one, 2, &out, &fault), KH_ERR_GRAPH);
    expect_err("cut", token_add_discharges(token, cut, 1, &out, &fault), KH_ERR_MALFORMED);
    expect_err("many", token_add_discharges(token, many, COUNT_OF(many), &out, &fault),
               KH_ERR_RANGE);
    expect_err("no room", token_add_discharges(token, one, 1, &nothing, &fault), KH_ERR_TOO_LONG);
    assert_int_equal(out.n, 0);
    expect_err("right", token_add_discharges(token, one, 1, &filled, &fault), KH_OK);
    token_free(&token);
    token = test_scan(buffer_bytes(&filled));
    assert_int_equal(token->macaroon_count, 2);
    assert_int_equal(token_open_holes(token, NULL, 0), 0);
    expect_err("again", token_add_discharges(token, one, 1, &out, &fault), KH_ERR_GRAPH);
    expect_err("none", token_add_discharges(token, NULL, 0, &out, &fault), KH_OK);
    expect_bytes("none", buffer_bytes(&out), buffer_bytes(&filled));

    /* And taken out again. */
    buffer_clear(&out);
    expect_err("the root", token_drop_discharge(token, 0, &out, &fault), KH_ERR_RANGE);
    expect_err("none there", token_drop_discharge(token, 2, &out, &fault), KH_ERR_RANGE);
    assert_int_equal(out.n, 0);
    expect_err("dropped", token_drop_discharge(token, 1, &out, &fault), KH_OK);
    expect_bytes("dropped", buffer_bytes(&out), buffer_bytes(&holed));
    token_free(&token);
    buffer_free(&nothing);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_made),
        cmocka_unit_test(scanned),
        cmocka_unit_test(hostile_scans),
        cmocka_unit_test(not_put_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
