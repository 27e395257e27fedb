/* SPDX-License-Identifier: Apache-2.0 */
#include <sodium.h>

#include "../../../caveats/ticket.h"
#include "unit.h"

static uint8_t public_key[TICKET_PUBLIC_KEY_SIZE], secret_key[TICKET_SECRET_KEY_SIZE];
static uint8_t foreign_public[TICKET_PUBLIC_KEY_SIZE], foreign_secret[TICKET_SECRET_KEY_SIZE];

static int
setup(void **state)
{
    (void)state;
    return crypto_box_keypair(public_key, secret_key) ||
           crypto_box_keypair(foreign_public, foreign_secret);
}

static struct ticket
example(void)
{
    return (struct ticket){
        .root_key = "a root key of thirty-two bytes.",
        .condition = BYTES("user = alice and factor = yubikey for 8h"),
        .broker = BYTES("https://broker.example"),
        .principal = BYTES("alice"),
        .token_id = "sixteen bytes..",
        .expires_at = 1790000000,
        .credential = {BYTES("openai"), BYTES("github")},
        .credential_count = 2,
        .label = BYTES("build agent"),
        .caveat = {BYTES("method = GET"), BYTES("host = api.openai.com")},
        .caveat_count = 2,
        .caveats_left_out = 3,
    };
}

static void
seal(const struct ticket *ticket, struct buffer *out)
{
    struct fault fault = {0};
    buffer_init(out, TOKEN_CAVEAT_MAX);
    if (ticket_seal(ticket, public_key, out, &fault))
        FAIL_WITH("ticket_seal: %s", fault.detail);
}

static void
expect_open(struct bytes sealed, enum kh_err expected)
{
    struct ticket out = {.expires_at = -7};
    struct fault fault = {0};
    expect_err("ticket_open", ticket_open(sealed, public_key, secret_key, &out, &fault), expected);
    assert_int_equal(out.expires_at, -7);
    assert_null(out.storage.p);
    assert_true(fault.detail[0] != '\0');
}

/* Seal bytes that no ticket_seal would write. */
static void
seal_plain(struct bytes plain, struct buffer *out)
{
    uint8_t head[1 + TICKET_KEY_ID_SIZE] = {TICKET_VERSION};
    assert_true(discharger_key_id(public_key, head + 1));
    buffer_init(out, 4096);
    buffer_put(out, bytes_of(head, sizeof head));
    uint8_t *room = buffer_reserve(out, plain.n + crypto_box_SEALBYTES);
    assert_non_null(room);
    assert_int_equal(crypto_box_seal(room, plain.p, plain.n, public_key), 0);
    buffer_advance(out, plain.n + crypto_box_SEALBYTES);
}

static void
open_plain(struct bytes sealed, struct buffer *plain)
{
    size_t n = sealed.n - 1 - TICKET_KEY_ID_SIZE - crypto_box_SEALBYTES;
    buffer_init(plain, 4096);
    uint8_t *room = buffer_reserve(plain, n);
    assert_non_null(room);
    assert_int_equal(crypto_box_seal_open(room, sealed.p + 1 + TICKET_KEY_ID_SIZE,
                                          n + crypto_box_SEALBYTES, public_key, secret_key),
                     0);
    buffer_advance(plain, n);
}

static void
there_and_back(void **state)
{
    (void)state;
    struct ticket given = example(), out;
    struct fault fault = {0};
    BUFFER_AUTO sealed;
    seal(&given, &sealed);
    if (ticket_open(buffer_bytes(&sealed), public_key, secret_key, &out, &fault))
        FAIL_WITH("ticket_open: %s", fault.detail);
    assert_memory_equal(out.root_key, given.root_key, TOKEN_KEY_SIZE);
    assert_memory_equal(out.token_id, given.token_id, TOKEN_ID_SIZE);
    expect_bytes("condition", out.condition, given.condition);
    expect_bytes("broker", out.broker, given.broker);
    expect_bytes("principal", out.principal, given.principal);
    assert_int_equal(out.expires_at, given.expires_at);
    assert_int_equal(out.credential_count, 2);
    expect_bytes("credential", out.credential[1], given.credential[1]);
    expect_bytes("label", out.label, given.label);
    assert_int_equal(out.caveat_count, 2);
    expect_bytes("caveat", out.caveat[0], given.caveat[0]);
    expect_bytes("caveat", out.caveat[1], given.caveat[1]);
    assert_int_equal(out.caveats_left_out, 3);
    assert_true(out.storage.secret);
    ticket_free(&out);
    assert_true(sodium_is_zero((const uint8_t *)&out, sizeof out));
    ticket_free(&out); /* twice does no harm */
}

/* Nothing in the sealed form says who or what, and no two are the same. */
static void
opaque(void **state)
{
    (void)state;
    struct ticket given = example();
    uint8_t a_hash[TICKET_HASH_SIZE], b_hash[TICKET_HASH_SIZE];
    BUFFER_AUTO a;
    BUFFER_AUTO b;
    seal(&given, &a);
    seal(&given, &b);
    assert_false(bytes_equal(buffer_bytes(&a), buffer_bytes(&b)));
    assert_int_equal(bytes_find(buffer_bytes(&a), BYTES("alice")), a.n);
    assert_int_equal(bytes_find(buffer_bytes(&a), bytes_of(given.root_key, 8)), a.n);
    assert_true(ticket_hash(buffer_bytes(&a), a_hash));
    assert_true(ticket_hash(buffer_bytes(&b), b_hash));
    assert_memory_not_equal(a_hash, b_hash, sizeof a_hash);
    crypto_hash_sha256(b_hash, a.p, a.n);
    assert_memory_equal(a_hash, b_hash, sizeof a_hash);
}

static void
other_keys(void **state)
{
    (void)state;
    struct ticket given = example(), out = {.expires_at = -7};
    BUFFER_AUTO sealed;
    seal(&given, &sealed);
    expect_err("foreign key",
               ticket_open(buffer_bytes(&sealed), foreign_public, foreign_secret, &out, NULL),
               KH_ERR_UNKNOWN);
    expect_err("public key alone",
               ticket_open(buffer_bytes(&sealed), public_key, foreign_secret, &out, NULL),
               KH_ERR_CRYPTO);
    assert_int_equal(out.expires_at, -7);
}

static void
changed_and_cut(void **state)
{
    (void)state;
    struct ticket given = example();
    BUFFER_AUTO sealed;
    seal(&given, &sealed);
    for (size_t i = 0; i < sealed.n; i++) {
        enum kh_err expected = i == 0 ? KH_ERR_MALFORMED : i < 5 ? KH_ERR_UNKNOWN : KH_ERR_CRYPTO;
        sealed.p[i] ^= 0x40;
        expect_open(buffer_bytes(&sealed), expected);
        sealed.p[i] ^= 0x40;
        expect_open(bytes_slice(buffer_bytes(&sealed), 0, i),
                    i <= 5 + crypto_box_SEALBYTES ? KH_ERR_MALFORMED : KH_ERR_CRYPTO);
    }
    buffer_put_byte(&sealed, 0);
    expect_open(buffer_bytes(&sealed), KH_ERR_CRYPTO);
    expect_open(BYTES_EMPTY, KH_ERR_MALFORMED);
    static uint8_t big[TOKEN_CAVEAT_MAX + 1] = {TICKET_VERSION};
    expect_open(bytes_of(big, sizeof big), KH_ERR_MALFORMED);
}

/* What is sealed is not trusted either: any holder can seal. */
static void
hostile_plain(void **state)
{
    (void)state;
    struct ticket given = example();
    BUFFER_AUTO sealed;
    BUFFER_AUTO plain;
    seal(&given, &sealed);
    open_plain(buffer_bytes(&sealed), &plain);
    for (size_t n = 0; n < plain.n; n++) {
        BUFFER_AUTO cut;
        seal_plain(bytes_slice(buffer_bytes(&plain), 0, n), &cut);
        expect_open(buffer_bytes(&cut), KH_ERR_MALFORMED);
    }
    BUFFER_AUTO longer;
    buffer_put_byte(&plain, 0);
    seal_plain(buffer_bytes(&plain), &longer);
    expect_open(buffer_bytes(&longer), KH_ERR_MALFORMED);

    static const struct {
        const char *find, *put; /* of one length */
    } cases[] = {
        {"factor = yubikey", "factor =  ubikey"},
        {"factor = yubikey", "factor = touchid"},
        {"for 8h", "for 0h"},
        {"for 8h", "for\n8h"},
        {"github", "git\nub"},
        {"build agent", "build\x1b"
                        "agent"},
        {"agent", "ag\xe2\x80\xae"},
        {"api.openai.com", "api.openai\xff"
                           "com"},
        {"broker.example", "broker\x07"
                           "example"},
        {"\x05"
         "alice",
         "\x05"
         "al\0ce"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO changed;
        BUFFER_AUTO text;
        buffer_init(&text, 4096);
        buffer_put(&text, bytes_slice(buffer_bytes(&plain), 0, plain.n - 1));
        size_t at = bytes_find(buffer_bytes(&text), bytes_str(cases[i].find));
        assert_true(at < text.n);
        memcpy(text.p + at, cases[i].put, strlen(cases[i].find));
        seal_plain(buffer_bytes(&text), &changed);
        expect_open(buffer_bytes(&changed), KH_ERR_MALFORMED);
    }
    BUFFER_AUTO version;
    plain.p[0] = 2;
    seal_plain(bytes_slice(buffer_bytes(&plain), 0, plain.n - 1), &version);
    expect_open(buffer_bytes(&version), KH_ERR_MALFORMED);
}

static void
not_sealed(void **state)
{
    (void)state;
    struct ticket cases[12];
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cases[i] = example();
    static char long_text[300];
    memset(long_text, 'a', sizeof long_text - 1);
    cases[0].condition = BYTES("factor = yubikey for 480m"); /* not canonical */
    cases[1].condition = BYTES_EMPTY;
    cases[2].broker = BYTES_EMPTY;
    cases[3].broker = bytes_of(long_text, 65);
    cases[4].principal = BYTES("a\nb");
    cases[5].credential_count = 0;
    cases[6].credential[1] = BYTES_EMPTY;
    cases[7].label = BYTES("\xe2\x80\xae"
                           "drow");
    cases[8].label = bytes_str(long_text);
    cases[9].caveat[0] = BYTES_EMPTY;
    cases[10].expires_at = -1;
    cases[11].credential_count = TOKEN_CREDENTIALS_MAX + 1;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {0};
        BUFFER_AUTO out;
        buffer_init(&out, TOKEN_CAVEAT_MAX);
        enum kh_err err = ticket_seal(&cases[i], public_key, &out, &fault);
        if (err != KH_ERR_SYNTAX)
            FAIL_WITH("case %zu gives %s", i, kh_err_code(err));
        assert_int_equal(out.n, 0);
        assert_true(fault.detail[0] != '\0');
    }
    static const uint8_t zero[TICKET_PUBLIC_KEY_SIZE];
    struct ticket given = example();
    struct buffer out;
    buffer_init(&out, TOKEN_CAVEAT_MAX);
    expect_err("a key of small order", ticket_seal(&given, zero, &out, NULL), KH_ERR_CRYPTO);
    buffer_init(&out, 20);
    expect_err("no room", ticket_seal(&given, public_key, &out, NULL), KH_ERR_TOO_LONG);
    buffer_free(&out);
}

/* Long caveats are counted; short ones after them are shown. */
static void
caveats_that_do_not_fit(void **state)
{
    (void)state;
    static char long_text[900];
    struct ticket given = example(), out;
    memset(long_text, 'b', sizeof long_text);
    given.caveat[0] = bytes_of(long_text, sizeof long_text);
    given.caveat_count = TICKET_CAVEATS_MAX;
    for (size_t i = 1; i < TICKET_CAVEATS_MAX; i++)
        given.caveat[i] = bytes_of(long_text, 60);
    BUFFER_AUTO sealed;
    seal(&given, &sealed);
    assert_true(sealed.n <= TOKEN_CAVEAT_MAX);
    expect_err("open", ticket_open(buffer_bytes(&sealed), public_key, secret_key, &out, NULL),
               KH_OK);
    assert_true(out.caveat_count > 8 && out.caveat_count < TICKET_CAVEATS_MAX);
    assert_int_equal(out.caveats_left_out, 3 + TICKET_CAVEATS_MAX - out.caveat_count);
    for (size_t i = 0; i < out.caveat_count; i++)
        assert_int_equal(out.caveat[i].n, 60);
    ticket_free(&out);

    /* What must stand in it has to fit. */
    static char condition[512];
    struct fault fault = {0};
    BUFFER_AUTO none;
    buffer_init(&none, TOKEN_CAVEAT_MAX);
    memset(condition, 'c', sizeof condition);
    memcpy(condition, "user = ", 7);
    memcpy(condition + sizeof condition - 7, " for 8h", 7);
    given.condition = bytes_of(condition, sizeof condition);
    given.label = bytes_of(long_text, 255);
    given.broker = given.principal = bytes_of(long_text, 64);
    expect_err("too long", ticket_seal(&given, public_key, &none, &fault), KH_ERR_TOO_LONG);
    assert_int_equal(none.n, 0);
}

/* All sizes up to the border: what fits is sealed whole. */
static void
borders(void **state)
{
    (void)state;
    static char label[256], caveat[TOKEN_CAVEAT_MAX];
    memset(label, 'l', sizeof label);
    memset(caveat, 'c', sizeof caveat);
    for (size_t n = 0; n <= 255; n++) {
        struct ticket given = example(), out;
        BUFFER_AUTO sealed;
        given.label = bytes_of(label, n);
        given.caveat[1] = bytes_of(caveat, 560);
        seal(&given, &sealed);
        expect_err("open", ticket_open(buffer_bytes(&sealed), public_key, secret_key, &out, NULL),
                   KH_OK);
        assert_int_equal(out.label.n, n);
        assert_int_equal(out.caveat_count + out.caveats_left_out, 5);
        ticket_free(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(opaque),
        cmocka_unit_test(other_keys),
        cmocka_unit_test(changed_and_cut),
        cmocka_unit_test(hostile_plain),
        cmocka_unit_test(not_sealed),
        cmocka_unit_test(caveats_that_do_not_fit),
        cmocka_unit_test(borders),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
