/* SPDX-License-Identifier: Apache-2.0 */
#include <macaroons.h>

#include "tokens.h"

static const uint8_t ticket_key[TOKEN_KEY_SIZE] = "the key inside of the ticket....";

static enum kh_err
add(struct bytes text, struct bytes condition, struct bytes ticket, struct bytes location,
    struct buffer *out, struct fault *fault)
{
    struct token *token = test_scan(text);
    buffer_init(out, TOKEN_TEXT_MAX);
    enum kh_err err = token_add_hole(token, condition, ticket_key, ticket, location, out, fault);
    token_free(&token);
    return err;
}

static void
refused_holes(void **state)
{
    (void)state;
    static uint8_t big[TOKEN_CAVEAT_MAX + 1];
    memset(big, 'x', sizeof big);
    const struct {
        struct bytes condition, ticket, location;
        enum kh_err err;
    } cases[] = {
        {BYTES_EMPTY, BYTES("t"), BYTES("l"), KH_ERR_SYNTAX},
        {BYTES("factor = yubikey"), BYTES("t"), BYTES("l"), KH_ERR_SYNTAX},
        {BYTES("factor = yubikey for 480m"), BYTES("t"), BYTES("l"), KH_ERR_SYNTAX},
        {BYTES("factor = passkey for 8h"), BYTES("t"), BYTES("l"), KH_ERR_TYPE},
        {BYTES("method = GET"), BYTES("t"), BYTES("l"), KH_ERR_UNKNOWN},
        {BYTES("factor = ssh for 8h"), BYTES_EMPTY, BYTES("l"), KH_ERR_TOO_LONG},
        {BYTES("factor = ssh for 8h"), {big, sizeof big}, BYTES("l"), KH_ERR_TOO_LONG},
        {BYTES("factor = ssh for 8h"), BYTES("t"), {big, 256}, KH_ERR_RANGE},
        {BYTES("factor = ssh for 8h"), BYTES("t"), BYTES("a\nb"), KH_ERR_RANGE},
        {BYTES("factor = ssh for 8h"), BYTES("t"), BYTES("\xc3\xa9"), KH_ERR_RANGE},
    };
    BUFFER_AUTO root;
    test_mint(&root, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {0};
        BUFFER_AUTO out;
        enum kh_err err = add(buffer_bytes(&root), cases[i].condition, cases[i].ticket,
                              cases[i].location, &out, &fault);
        if (err != cases[i].err)
            FAIL_WITH("case %zu: %s (%s), expected %s", i, kh_err_code(err), fault.detail,
                      kh_err_code(cases[i].err));
        assert_int_equal(out.n, 0);
        assert_true(fault.detail[0] != '\0');
    }

    /* The longest there is, all of it doubled by its quotation marks, still fits. */
    static char quoted[512];
    struct fault fault = {0};
    BUFFER_AUTO out;
    memset(quoted, '\\', sizeof quoted);
    memcpy(quoted, "user = \" ", 9);
    memcpy(quoted + sizeof quoted - 9, " \" for 8h", 9);
    if (add(buffer_bytes(&root), bytes_of(quoted, sizeof quoted), BYTES("t"), BYTES("l"), &out,
            &fault))
        FAIL_WITH("the longest hole: %s", fault.detail);
}

/* One discharge fills one hole, and a token has at most as many holes as it may have discharges. */
static void
too_many(void **state)
{
    (void)state;
    struct fault fault = {0};
    BUFFER_AUTO text;
    test_mint(&text, NULL);
    for (unsigned i = 0; i <= TOKEN_DISCHARGES_MAX; i++) {
        char ticket[16];
        BUFFER_AUTO next;
        snprintf(ticket, sizeof ticket, "ticket %u", i);
        enum kh_err err = add(buffer_bytes(&text), BYTES("factor = ssh for 8h"), bytes_str(ticket),
                              BYTES("l"), &next, &fault);
        if (i == TOKEN_DISCHARGES_MAX) {
            expect_err("the ninth", err, KH_ERR_RANGE);
            break;
        }
        expect_err(fault.detail, err, KH_OK);
        BUFFER_AUTO twice;
        if (i + 1 < TOKEN_DISCHARGES_MAX)
            expect_err("the same ticket",
                       add(buffer_bytes(&next), BYTES("factor = ssh for 8h"), bytes_str(ticket),
                           BYTES("l"), &twice, &fault),
                       KH_ERR_GRAPH);
        else
            buffer_init(&twice, 1);
        buffer_clear(&text);
        buffer_put(&text, buffer_bytes(&next));
    }

    /* A hole takes two of the sixty-four. */
    const char *caveats[TOKEN_CAVEATS_MAX] = {NULL};
    for (size_t i = 0; i < TOKEN_CAVEATS_MAX - 1; i++)
        caveats[i] = "method = GET";
    BUFFER_AUTO full;
    BUFFER_AUTO out;
    test_mint(&full, caveats);
    expect_err("63 caveats",
               add(buffer_bytes(&full), BYTES("factor = ssh for 8h"), BYTES("t"), BYTES("l"), &out,
                   &fault),
               KH_ERR_RANGE);
    caveats[TOKEN_CAVEATS_MAX - 2] = NULL;
    BUFFER_AUTO nearly;
    BUFFER_AUTO fits;
    test_mint(&nearly, caveats);
    expect_err("62 caveats",
               add(buffer_bytes(&nearly), BYTES("factor = ssh for 8h"), BYTES("t"), BYTES("l"),
                   &fits, &fault),
               KH_OK);
}

static void
put_b64(const struct macaroon_view *view, char *out, size_t cap)
{
    BUFFER_AUTO packets;
    BUFFER_AUTO text;
    buffer_init(&packets, 32768);
    buffer_init(&text, 32768);
    token_write_v1(view, &packets);
    base64_encode(BASE64_URL, buffer_bytes(&packets), &text);
    snprintf(out, cap, "%s", buffer_text(&text));
}

static int
accept(void *context, const unsigned char *predicate, size_t n)
{
    (void)predicate;
    (void)n;
    ++*(unsigned *)context;
    return 0;
}

/* libmacaroons makes a discharge of the ticket with the ticket's root key, as any discharger of
 * other make would, binds it, and verifies the whole: key derivation and vid are as in all
 * libraries. */
static void
the_library_agrees(void **state)
{
    (void)state;
    enum macaroon_returncode code = MACAROON_SUCCESS;
    static char v1[8192];
    unsigned seen = 0;
    struct fault fault = {0};
    BUFFER_AUTO root;
    BUFFER_AUTO holed;
    static const char *const caveats[] = {"method = GET", NULL};
    test_mint(&root, caveats);
    expect_err("add",
               add(buffer_bytes(&root), BYTES("factor = ssh for 8h"), BYTES("ticket"), BYTES("l"),
                   &holed, &fault),
               KH_OK);
    struct token *token = test_scan(buffer_bytes(&holed));
    put_b64(&token->macaroon[0], v1, sizeof v1);
    struct macaroon *m = macaroon_deserialize(v1, &code);
    struct macaroon *d = macaroon_create(NULL, 0, ticket_key, sizeof ticket_key,
                                         (const unsigned char *)"ticket", 6, &code);
    assert_non_null(m);
    assert_non_null(d);
    struct macaroon *bound = macaroon_prepare_for_request(m, d, &code);
    struct macaroon_verifier *v = macaroon_verifier_create();
    assert_non_null(bound);
    assert_non_null(v);
    assert_int_equal(macaroon_verifier_satisfy_general(v, accept, &seen, &code), 0);
    assert_int_equal(macaroon_verify(v, m, root_key, sizeof root_key, &bound, 1, &code), 0);
    assert_int_equal(seen, 2); /* method, hole */
    macaroon_verifier_destroy(v);
    macaroon_destroy(bound);
    macaroon_destroy(d);
    macaroon_destroy(m);
    token_free(&token);
}

/* The nonce of a vid is fresh: two holes alike are not alike to whoever looks at them. */
static void
fresh_nonces(void **state)
{
    (void)state;
    struct fault fault = {0};
    BUFFER_AUTO root;
    BUFFER_AUTO a;
    BUFFER_AUTO b;
    test_mint(&root, NULL);
    expect_err(
        "a",
        add(buffer_bytes(&root), BYTES("factor = ssh for 8h"), BYTES("t"), BYTES("l"), &a, &fault),
        KH_OK);
    expect_err(
        "b",
        add(buffer_bytes(&root), BYTES("factor = ssh for 8h"), BYTES("t"), BYTES("l"), &b, &fault),
        KH_OK);
    struct token *first = test_scan(buffer_bytes(&a)), *second = test_scan(buffer_bytes(&b));
    assert_memory_not_equal(first->caveat[1].vid.p, second->caveat[1].vid.p, 24);
    expect_bytes("demand", first->caveat[0].id, second->caveat[0].id);
    token_free(&first);
    token_free(&second);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_holes),
        cmocka_unit_test(too_many),
        cmocka_unit_test(the_library_agrees),
        cmocka_unit_test(fresh_nonces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
