/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens.h"

static const char signature[] = "0123456789abcdef0123456789abcdef";

static struct macaroon_view
example(struct token_caveat caveat[2])
{
    static const char vid[] =
        "nonce nonce nonce nonce.0123456789abcdef0123456789abcdef0123456789abcdef";
    caveat[0] = (struct token_caveat){.id = BYTES("abc")};
    caveat[1] = (struct token_caveat){
        .id = BYTES("t"), .vid = bytes_of(vid, TOKEN_VID_SIZE), .location = BYTES("l")};
    return (struct macaroon_view){
        .location = BYTES("b"),
        .identifier = BYTES("id"),
        .signature = bytes_str(signature),
        .caveat = caveat,
        .caveat_count = 2,
    };
}

static void
v2(void **state)
{
    (void)state;
    struct token_caveat caveat[2];
    struct macaroon_view m = example(caveat);
    BUFFER_AUTO out;
    buffer_init(&out, 1000);
    token_write_v2(&m, &out);
    expect_bytes("V2", buffer_bytes(&out),
                 BYTES("\x02\x01\x01"
                       "b\x02\x02id\0"
                       "\x02\x03"
                       "abc\0"
                       "\x01\x01l\x02\x01t\x04\x48nonce nonce nonce nonce.0123456789abcdef"
                       "0123456789abcdef0123456789abcdef\0"
                       "\0\x06\x20"
                       "0123456789abcdef0123456789abcdef"));
}

static void
lengths_are_varints(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        struct bytes length;
    } cases[] = {{127, BYTES("\x7f")}, {128, BYTES("\x80\x01")}, {1024, BYTES("\x80\x08")}};
    char text[1024];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct macaroon_view m = {.identifier = bytes_of(text, cases[i].n),
                                  .signature = bytes_str(signature)};
        BUFFER_AUTO out;
        buffer_init(&out, 2000);
        token_write_v2(&m, &out);
        expect_bytes("length", bytes_slice(buffer_bytes(&out), 2, cases[i].length.n),
                     cases[i].length);
        assert_int_equal(out.n, 2 + cases[i].length.n + cases[i].n + 2 + 34);
    }
}

static void
v1(void **state)
{
    (void)state;
    struct token_caveat caveat[2];
    struct macaroon_view m = example(caveat);
    BUFFER_AUTO out;
    buffer_init(&out, 1000);
    token_write_v1(&m, &out);
    expect_text("V1", buffer_bytes(&out),
                "000flocation b\n0012identifier id\n000ccid abc\n000acid t\n"
                "0051vid nonce nonce nonce nonce.0123456789abcdef0123456789abcdef0123456789abcdef\n"
                "0009cl l\n002fsignature 0123456789abcdef0123456789abcdef\n");
    static char big[70000];
    m.identifier = bytes_of(big, sizeof big);
    BUFFER_AUTO room;
    buffer_init(&room, 200000);
    token_write_v1(&m, &room);
    assert_true(room.failed); /* four digits cannot say it */
}

static void
print_is_canonical(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = GET", NULL};
    struct buffer minted;
    BUFFER_AUTO prefixed;
    BUFFER_AUTO out;
    test_mint(&minted, caveats);
    buffer_init(&prefixed, TOKEN_TEXT_MAX);
    buffer_init(&out, TOKEN_TEXT_MAX);
    buffer_put_str(&prefixed, "sk-ant-");
    buffer_put(&prefixed, buffer_bytes(&minted));
    struct token *token = test_scan(buffer_bytes(&prefixed));
    token_print(token, token->prefix, &out);
    expect_bytes("with its prefix", buffer_bytes(&out), buffer_bytes(&prefixed));
    buffer_clear(&out);
    token_print(token, BYTES_EMPTY, &out);
    expect_bytes("without", buffer_bytes(&out), buffer_bytes(&minted));
    token_free(&token);
    buffer_free(&minted);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v2),
        cmocka_unit_test(lengths_are_varints),
        cmocka_unit_test(v1),
        cmocka_unit_test(print_is_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
