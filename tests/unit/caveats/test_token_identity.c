/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/timestamp.h"
#include "tokens.h"

static enum kh_err
read_identifier(struct bytes identifier, size_t caveats, struct token_identity *out)
{
    static struct token token;
    memset(&token, 0, sizeof token);
    token.macaroon[0].identifier = identifier;
    token.macaroon[0].caveat_count = caveats;
    return token_identity_read(&token, out, NULL);
}

static void
written_bytes(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    struct token_identity identity = test_identity();
    struct token_identity again;
    identity.minted_caveats = 3;
    buffer_init(&out, TOKEN_IDENTIFIER_MAX);
    expect_err("write", token_identity_write(&identity, &out, NULL), KH_OK);
    expect_bytes("identifier", buffer_bytes(&out),
                 BYTES("\x01\0\0\0\x07sixteen bytes..."
                       "\0\0\0\0\x6a\x18\xa5\0"
                       "\0\0\0\0\x6a\xb1\x3b\x80"
                       "\x03\x05"
                       "alice\x02\x06openai\x06github"));
    expect_err("read", read_identifier(buffer_bytes(&out), 3, &again), KH_OK);
    assert_int_equal(again.key_id, 7);
    assert_memory_equal(again.token_id, identity.token_id, TOKEN_ID_SIZE);
    assert_int_equal(again.issued_at, TEST_ISSUED);
    assert_int_equal(again.expires_at, TEST_EXPIRES);
    assert_int_equal(again.minted_caveats, 3);
    expect_text("principal", again.principal, "alice");
    assert_int_equal(again.credential_count, 2);
    expect_text("credential", again.credential[1], "github");
    expect_err("fewer caveats than minted", read_identifier(buffer_bytes(&out), 2, &again),
               KH_ERR_MALFORMED);
}

static void
truncated_or_longer(void **state)
{
    (void)state;
    BUFFER_AUTO out;
    struct token_identity identity = test_identity(), again = {.key_id = 99};
    buffer_init(&out, TOKEN_IDENTIFIER_MAX);
    expect_err("write", token_identity_write(&identity, &out, NULL), KH_OK);
    for (size_t n = 0; n < out.n; n++)
        expect_err("truncated", read_identifier(bytes_of(out.p, n), 0, &again), KH_ERR_MALFORMED);
    buffer_put_byte(&out, 0);
    expect_err("longer", read_identifier(buffer_bytes(&out), 0, &again), KH_ERR_MALFORMED);
    assert_int_equal(again.key_id, 99); /* untouched */
}

/* Offsets in the identifier of test_identity(). */
enum {
    AT_VERSION = 0,
    AT_ISSUED = 21,
    AT_EXPIRES = 29,
    AT_PRINCIPAL = 38,
    AT_COUNT = 44,
    AT_FIRST = 45
};

static void
hostile_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        struct bytes bytes;
    } cases[] = {
        {"version 0", AT_VERSION, BYTES("\0")},
        {"version 2", AT_VERSION, BYTES("\x02")},
        {"issued after the end of time", AT_ISSUED, BYTES("\xff")},
        {"expires after the end of time", AT_EXPIRES, BYTES("\x7f")},
        {"expires before issued", AT_EXPIRES, BYTES("\0\0\0\0\0\0\0\x01")},
        {"no principal", AT_PRINCIPAL, BYTES("\0")},
        {"principal too long", AT_PRINCIPAL, BYTES("\x41")},
        {"principal beyond the end", AT_PRINCIPAL, BYTES("\xff")},
        {"space in the principal", AT_PRINCIPAL + 3, BYTES(" ")},
        {"NUL in the principal", AT_PRINCIPAL + 3, BYTES("\0")},
        {"principal begins with a dot", AT_PRINCIPAL + 1, BYTES(".")},
        {"no credential", AT_COUNT, BYTES("\0")},
        {"nine credentials", AT_COUNT, BYTES("\x09")},
        {"255 credentials", AT_COUNT, BYTES("\xff")},
        {"empty credential", AT_FIRST, BYTES("\0")},
        {"slash in a credential", AT_FIRST + 2, BYTES("/")},
        {"two of one name", AT_FIRST, BYTES("\x06github\x06github")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO out;
        struct token_identity identity = test_identity(), again;
        buffer_init(&out, TOKEN_IDENTIFIER_MAX);
        expect_err("write", token_identity_write(&identity, &out, NULL), KH_OK);
        memcpy(out.p + cases[i].at, cases[i].bytes.p, cases[i].bytes.n);
        expect_err(cases[i].what, read_identifier(buffer_bytes(&out), 255, &again),
                   KH_ERR_MALFORMED);
    }
}

static void
what_is_not_written(void **state)
{
    (void)state;
    char name[80];
    BUFFER_AUTO out;
    buffer_init(&out, TOKEN_IDENTIFIER_MAX);
    memset(name, 'n', sizeof name);
    struct token_identity identity = test_identity();
    identity.expires_at = identity.issued_at;
    expect_err("times", token_identity_write(&identity, &out, NULL), KH_ERR_RANGE);
    identity = test_identity();
    identity.issued_at = -1;
    expect_err("times", token_identity_write(&identity, &out, NULL), KH_ERR_RANGE);
    identity = test_identity();
    identity.expires_at = TIMESTAMP_MAX + 1;
    expect_err("times", token_identity_write(&identity, &out, NULL), KH_ERR_RANGE);
    identity = test_identity();
    identity.credential_count = 0;
    expect_err("credentials", token_identity_write(&identity, &out, NULL), KH_ERR_RANGE);
    identity.credential_count = TOKEN_CREDENTIALS_MAX + 1;
    expect_err("credentials", token_identity_write(&identity, &out, NULL), KH_ERR_RANGE);
    identity = test_identity();
    identity.principal = bytes_of(name, 65);
    expect_err("name", token_identity_write(&identity, &out, NULL), KH_ERR_RANGE);
    identity.principal = BYTES("a b");
    expect_err("name", token_identity_write(&identity, &out, NULL), KH_ERR_RANGE);
    identity.principal = BYTES("");
    expect_err("name", token_identity_write(&identity, &out, NULL), KH_ERR_RANGE);
    assert_int_equal(out.n, 0);

    identity = test_identity();
    identity.principal = BYTES("a.B_c@d+e-9");
    expect_err("name", token_identity_write(&identity, &out, NULL), KH_OK);
    buffer_clear(&out);
    char names[4][64];
    for (int i = 0; i < 4; i++) {
        memset(names[i], 'a' + i, 64);
        identity.credential[i] = bytes_of(names[i], 64);
    }
    identity.credential_count = 4;
    expect_err("255 bytes", token_identity_write(&identity, &out, NULL), KH_ERR_TOO_LONG);
    assert_int_equal(out.n, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_bytes),
        cmocka_unit_test(truncated_or_longer),
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(what_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
