/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/ticket.h"
#include "tokens.h"

static const uint8_t ticket_key[TOKEN_KEY_SIZE] = "the key inside of the ticket....";

static void
describe(const char *const *caveat, struct token **token, struct ticket *ticket,
         struct buffer *storage)
{
    struct fault fault = {0};
    BUFFER_AUTO text;
    test_mint(&text, caveat);
    *token = test_scan(buffer_bytes(&text));
    buffer_init(storage, TOKEN_CAVEAT_MAX);
    if (ticket_describe(*token, ticket, storage, &fault))
        FAIL_WITH("ticket_describe: %s", fault.detail);
}

static void
not_ours(void **state)
{
    (void)state;
    struct builder b;
    struct fault fault = {0};
    struct ticket ticket = {.expires_at = -7};
    BUFFER_AUTO text;
    BUFFER_AUTO storage;
    buffer_init(&storage, 1024);
    builder_start(&b, root_key, BYTES("an identifier of another program"));
    struct builder *const list[] = {&b};
    builders_text(list, 1, &text);
    struct token *token = test_scan(buffer_bytes(&text));
    expect_err("foreign", ticket_describe(token, &ticket, &storage, &fault), KH_ERR_MALFORMED);
    assert_int_equal(ticket.expires_at, -7);
    assert_true(fault.detail[0] != '\0');
    token_free(&token);
    builder_end(&b);
}

static void
as_the_token_says(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method in GET, HEAD",
                                          "label = \"build agent\"",
                                          "not of the language",
                                          "uses <= 10",
                                          "hole = \"factor = ssh for 8h\"",
                                          "label = helper",
                                          "method = GET or path = /v1",
                                          NULL};
    struct ticket ticket = {.condition = BYTES("factor = ssh for 8h")};
    struct token *token = NULL;
    BUFFER_AUTO storage;
    memcpy(ticket.root_key, ticket_key, sizeof ticket_key);
    describe(caveats, &token, &ticket, &storage);
    expect_text("broker", ticket.broker, "https://broker.example");
    expect_text("principal", ticket.principal, "alice");
    assert_memory_equal(ticket.token_id, "sixteen bytes...", TOKEN_ID_SIZE);
    assert_int_equal(ticket.expires_at, TEST_EXPIRES);
    assert_int_equal(ticket.credential_count, 2);
    expect_text("credential", ticket.credential[1], "github");
    expect_text("the last label", ticket.label, "helper");
    assert_int_equal(ticket.caveat_count, 3);
    expect_text("as written", ticket.caveat[0], caveats[0]);
    expect_text("as written", ticket.caveat[1], "uses <= 10");
    expect_text("as written", ticket.caveat[2], "method = GET or path = /v1");
    assert_int_equal(ticket.caveats_left_out, 1); /* what cannot be read */
    expect_text("condition", ticket.condition, "factor = ssh for 8h");
    assert_memory_equal(ticket.root_key, ticket_key, TOKEN_KEY_SIZE);

    /* It can be sealed as it is. */
    uint8_t public_key[TICKET_PUBLIC_KEY_SIZE], secret_key[TICKET_SECRET_KEY_SIZE];
    struct fault fault = {0};
    BUFFER_AUTO sealed;
    buffer_init(&sealed, TOKEN_CAVEAT_MAX);
    assert_int_equal(crypto_box_keypair(public_key, secret_key), 0);
    expect_err(fault.detail, ticket_seal(&ticket, public_key, &sealed, &fault), KH_OK);
    token_free(&token);
}

static void
labels(void **state)
{
    (void)state;
    char longest[400] = "label = \"", cut[400] = "label = \"";
    for (int i = 0; i < 255; i++)
        strcat(longest, "a");
    strcat(longest, "\"");
    for (int i = 0; i < 130; i++)
        strcat(cut, "\xc3\xa9");
    strcat(cut, "\"");
    const struct {
        const char *caveat;
        size_t n;
        const char *begins, *ends;
    } cases[] = {
        {"label = x", 1, "x", "x"},
        {longest, 255, "aaa", "aaa"},
        {cut, 255, "\xc3\xa9\xc3\xa9", "\xc3\xa9\xe2\x80\xa6"},
        {"label = \"a\\u202eb\\nc\"", 16, "a\\u{202e}b\\u{a}c", "c"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const caveats[] = {cases[i].caveat, NULL};
        struct ticket ticket = {.expires_at = 0};
        struct token *token = NULL;
        BUFFER_AUTO storage;
        describe(caveats, &token, &ticket, &storage);
        if (ticket.label.n != cases[i].n ||
            !bytes_starts(ticket.label, bytes_str(cases[i].begins)) ||
            !bytes_ends(ticket.label, bytes_str(cases[i].ends)) || !bytes_is_utf8(ticket.label))
            FAIL_WITH("case %zu: %zu bytes, \"%.*s\"", i, ticket.label.n, BYTES_ARG(ticket.label));
        token_free(&token);
    }
}

static void
many_caveats(void **state)
{
    (void)state;
    const char *caveats[TICKET_CAVEATS_MAX + 6] = {NULL};
    struct ticket ticket = {.expires_at = 0};
    struct token *token = NULL;
    BUFFER_AUTO storage;
    for (size_t i = 0; i < TICKET_CAVEATS_MAX + 5; i++)
        caveats[i] = "method = GET";
    describe(caveats, &token, &ticket, &storage);
    assert_int_equal(ticket.caveat_count, TICKET_CAVEATS_MAX);
    assert_int_equal(ticket.caveats_left_out, 5);
    assert_int_equal(ticket.label.n, 0);
    token_free(&token);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_ours),
        cmocka_unit_test(as_the_token_says),
        cmocka_unit_test(labels),
        cmocka_unit_test(many_caveats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
