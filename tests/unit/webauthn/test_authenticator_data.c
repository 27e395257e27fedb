/* SPDX-License-Identifier: Apache-2.0 */
/* Authenticator data, of registrations and of assertions, to the last byte. */
#include "forge.h"

#include "../../../broker/webauthn/authenticator_data.h"

#include <fido.h>

static struct buffer text;

static int
setup(void **state)
{
    (void)state;
    forge_pki.credential_key = forge_key(ES256);
    buffer_init(&text, 200000);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(forge_pki.credential_key);
    buffer_free(&text);
    return 0;
}

static struct bytes
registration(uint8_t flags, struct bytes extensions)
{
    struct forge f = {.rp_id = FORGE_RP_ID,
                      .flags = flags,
                      .counter = 0x01020304,
                      .id = BYTES("id of it"),
                      .key = forge_pki.credential_key,
                      .algorithm = ES256,
                      .extensions = extensions};
    memcpy(f.aaguid, forge_aaguid, 16);
    buffer_clear(&text);
    forge_data(&f, &text);
    return buffer_bytes(&text);
}

static struct bytes
assertion(uint8_t flags, struct bytes extensions)
{
    struct forge f = {.rp_id = FORGE_RP_ID, .flags = flags, .counter = 9};
    buffer_clear(&text);
    forge_data_head(&f, &text);
    buffer_put(&text, extensions);
    return buffer_bytes(&text);
}

static void
expect_refused(const char *what, struct bytes data, bool is_registration, const char *says)
{
    struct authenticator_data out = {.flags = 0x99};
    char why[WHY_MAX] = "";
    uint8_t *copy = test_malloc(data.n); // its end is the end of what may be read
    memcpy(copy, data.p, data.n);
    if (authenticator_data_read(bytes_of(copy, data.n), is_registration, &out, why))
        FAIL_WITH("%s: was taken", what);
    if (strstr(why, says) == NULL)
        FAIL_WITH("%s: expected \"%s\" in: %s", what, says, why);
    assert_int_equal(out.flags, 0x99);
    test_free(copy);
}

static void
test_a_registration(void **state)
{
    (void)state;
    struct authenticator_data out;
    char why[WHY_MAX];
    assert_true(authenticator_data_read(registration(0x45, BYTES_EMPTY), true, &out, why));
    assert_int_equal(out.rp_id_hash.n, 32);
    assert_int_equal(out.flags, 0x45);
    assert_int_equal(out.counter, 0x01020304);
    assert_memory_equal(out.aaguid.p, forge_aaguid, 16);
    assert_true(bytes_is(out.credential_id, "id of it"));
    assert_int_equal(out.public_key.n, 77);
    assert_int_equal(out.extension_mask | out.protection | (int)out.pin_minimum, 0);
}

static void
test_an_assertion(void **state)
{
    (void)state;
    struct authenticator_data out;
    char why[WHY_MAX];
    assert_true(authenticator_data_read(assertion(0x01, BYTES_EMPTY), false, &out, why));
    assert_int_equal(out.counter, 9);
    assert_int_equal(out.credential_id.n, 0);
    assert_true(authenticator_data_read(assertion(0x81, BYTES("\xa1\x6b"
                                                              "hmac-secret\x41\x00")),
                                        false, &out, why));
    assert_int_equal(out.extension_mask, FIDO_EXT_HMAC_SECRET);
}

static void
test_what_is_cut_off_is_missed(void **state)
{
    (void)state;
    struct bytes whole = registration(0xc5, BYTES("\xa1\x6b"
                                                  "credProtect\x02"));
    for (size_t n = 0; n < whole.n; n++)
        expect_refused("cut", bytes_slice(whole, 0, n), true, "");
    whole = assertion(0x01, BYTES_EMPTY);
    for (size_t n = 0; n < whole.n; n++)
        expect_refused("cut", bytes_slice(whole, 0, n), false, "37 bytes");
}

static void
test_what_follows_is_seen(void **state)
{
    (void)state;
    expect_refused("behind the key", registration(0x45, BYTES("\xa0")), true, "1 bytes follow");
    expect_refused("behind extensions", registration(0xc5, BYTES("\xa0\x00\x00")), true,
                   "2 bytes follow");
    expect_refused("behind an assertion", assertion(0x01, BYTES("\x00")), false, "1 bytes follow");
}

static void
test_the_kind_is_the_one_that_is_expected(void **state)
{
    (void)state;
    expect_refused("no credential", assertion(0x01, BYTES_EMPTY), true, "no credential");
    expect_refused("a credential", registration(0x45, BYTES_EMPTY), false, "as in a registration");
}

static void
test_credential_ids(void **state)
{
    (void)state;
    struct bytes whole = registration(0x45, BYTES_EMPTY);
    uint8_t *length = text.p + 37 + 16;
    length[1] = 0;
    expect_refused("an empty one", whole, true, "length");
    length[0] = 4;
    expect_refused("one of 1024 bytes", whole, true, "length");
    length[0] = 0xff, length[1] = 0xff;
    expect_refused("one that goes on", whole, true, "length");
}

static void
test_public_keys(void **state)
{
    (void)state;
    struct forge f = {.rp_id = FORGE_RP_ID, .flags = 0x41, .id = BYTES("i")};
    static const struct {
        struct bytes key;
        const char *says;
    } bad[] = {
        {BYTES("\x80"), "strict CBOR"},
        {BYTES("\xbf\xff"), "strict CBOR"},
        {BYTES("\xa2\x03\x26\x01\x02"), "order"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        f.cose = bad[i].key;
        buffer_clear(&text);
        forge_data(&f, &text);
        expect_refused("a key", buffer_bytes(&text), true, bad[i].says);
    }
    struct buffer key;
    buffer_init(&key, 4096);
    buffer_put(&key, BYTES("\xa1\x01"));
    for (size_t i = 0; i < WEBAUTHN_PUBLIC_KEY_MAX; i++)
        buffer_put_byte(&key, i == 0 ? 0x59 : i == 1 ? 0x03 : i == 2 ? 0xfd : 0);
    f.cose = buffer_bytes(&key);
    buffer_clear(&text);
    forge_data(&f, &text);
    expect_refused("a long key", buffer_bytes(&text), true, "too long");
    buffer_free(&key);
}

static void
test_extensions(void **state)
{
    (void)state;
    static const struct {
        struct bytes text;
        int mask, protection;
        unsigned pin;
        const char *says; // NULL: taken
    } rows[] = {
        {BYTES("\xa0"), 0, 0, 0, NULL},
        {BYTES("\xa1\x6b"
               "credProtect\x03"),
         FIDO_EXT_CRED_PROTECT, 3, 0, NULL},
        {BYTES("\xa1\x6b"
               "hmac-secret\xf5"),
         FIDO_EXT_HMAC_SECRET, 0, 0, NULL},
        {BYTES("\xa1\x6b"
               "hmac-secret\xf4"),
         0, 0, 0, NULL},
        {BYTES("\xa1\x68"
               "credBlob\xf5"),
         FIDO_EXT_CRED_BLOB, 0, 0, NULL},
        {BYTES("\xa1\x6c"
               "minPinLength\x18\xff"),
         FIDO_EXT_MINPINLEN, 0, 255, NULL},
        {BYTES("\xa1\x63"
               "uvm\x81\x83\x01\x02\x03"),
         0, 0, 0, NULL},
        {BYTES("\xa2\x6b"
               "credProtect\x02\x6b"
               "hmac-secret\xf5"),
         FIDO_EXT_CRED_PROTECT | FIDO_EXT_HMAC_SECRET, 2, 0, NULL},
        {BYTES("\x80"), 0, 0, 0, "strict CBOR"},
        {BYTES("\xa2\x6b"
               "hmac-secret\xf5\x6b"
               "credProtect\x02"),
         0, 0, 0, "order"},
        {BYTES("\xa1\x6b"
               "credProtect\x00"),
         0, 0, 0, "credProtect"},
        {BYTES("\xa1\x6b"
               "credProtect\x04"),
         0, 0, 0, "credProtect"},
        {BYTES("\xa1\x6b"
               "credProtect\x61\x32"),
         0, 0, 0, "credProtect"},
        {BYTES("\xa1\x6b"
               "hmac-secret\x01"),
         0, 0, 0, "hmac-secret"},
        {BYTES("\xa1\x6b"
               "hmac-secret\xf6"),
         0, 0, 0, "hmac-secret"},
        {BYTES("\xa1\x68"
               "credBlob\x41\x00"),
         0, 0, 0, "credBlob"},
        {BYTES("\xa1\x6c"
               "minPinLength\x00"),
         0, 0, 0, "minPinLength"},
        {BYTES("\xa1\x6c"
               "minPinLength\x19\x01\x00"),
         0, 0, 0, "minPinLength"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct authenticator_data out;
        char why[WHY_MAX];
        struct bytes whole = registration(0xc5, rows[i].text);
        if (rows[i].says != NULL) {
            expect_refused("an extension", whole, true, rows[i].says);
            continue;
        }
        if (!authenticator_data_read(whole, true, &out, why))
            FAIL_WITH("row %zu: %s", i, why);
        assert_int_equal(out.extension_mask, rows[i].mask);
        assert_int_equal(out.protection, rows[i].protection);
        assert_int_equal(out.pin_minimum, rows[i].pin);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_registration),
        cmocka_unit_test(test_an_assertion),
        cmocka_unit_test(test_what_is_cut_off_is_missed),
        cmocka_unit_test(test_what_follows_is_seen),
        cmocka_unit_test(test_the_kind_is_the_one_that_is_expected),
        cmocka_unit_test(test_credential_ids),
        cmocka_unit_test(test_public_keys),
        cmocka_unit_test(test_extensions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
