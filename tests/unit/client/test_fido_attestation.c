/* SPDX-License-Identifier: Apache-2.0 */
/* Attestation objects, byte for byte. */
#include "../../../client/fido_sign.h"
#include "client_test.h"

// A credential as libfido2 has it after a registration, from parts.
static fido_cred_t *
credential(const char *format, struct bytes statement)
{
    static const uint8_t id[] = "an id";
    BUFFER_AUTO data;
    buffer_init(&data, 512);
    fido_cred_t *cred = fido_cred_new();
    static const uint8_t head[32 + 1 + 4 + 16] = {[32] = 0x41};
    static const uint8_t key[] = {0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20};
    static const uint8_t x[32] = {1}, y[32] = {2};
    buffer_put(&data, bytes_of(head, sizeof head));
    buffer_put(&data, BYTES("\0\5"));
    buffer_put(&data, bytes_of(id, 5));
    buffer_put(&data, bytes_of(key, sizeof key));
    buffer_put(&data, bytes_of(x, sizeof x));
    buffer_put(&data, BYTES("\x22\x58\x20"));
    buffer_put(&data, bytes_of(y, sizeof y));
    assert_int_equal(fido_cred_set_type(cred, COSE_ES256), FIDO_OK);
    assert_int_equal(fido_cred_set_rp(cred, "localhost", NULL), FIDO_OK);
    // The hash of "localhost" is not compared before it is verified.
    assert_int_equal(fido_cred_set_fmt(cred, format), FIDO_OK);
    int code = fido_cred_set_authdata_raw(cred, data.p, data.n);
    if (code != FIDO_OK)
        fail_msg("authdata: %s", fido_strerr(code));
    if (statement.n > 0)
        assert_int_equal(fido_cred_set_attstmt(cred, statement.p, statement.n), FIDO_OK);
    return cred;
}

static void
test_none(void **state)
{
    (void)state;
    fido_cred_t *cred = credential("none", BYTES_EMPTY);
    BUFFER_AUTO out;
    buffer_init(&out, 1024);
    assert_true(fido_attestation_put(cred, &out));
    size_t n = fido_cred_authdata_raw_len(cred);
    static const char head[] = "\xa3\x63"
                               "fmt\x64none\x67"
                               "attStmt\xa0\x68"
                               "authData\x58";
    assert_true(bytes_starts(buffer_bytes(&out), bytes_of(head, sizeof head - 1)));
    assert_int_equal(out.p[sizeof head - 1], n);
    assert_int_equal(out.n, sizeof head + n);
    assert_memory_equal(out.p + sizeof head, fido_cred_authdata_raw_ptr(cred), n);
    fido_cred_free(&cred);
}

static void
test_what_is_missing(void **state)
{
    (void)state;
    fido_cred_t *cred = fido_cred_new();
    struct buffer out;
    buffer_init(&out, 1024);
    assert_false(fido_attestation_put(cred, &out)); // nothing there at all
    fido_cred_free(&cred);
    cred = credential("packed", BYTES_EMPTY);
    buffer_clear(&out);
    assert_false(fido_attestation_put(cred, &out)); // no statement, no signature
    fido_cred_free(&cred);
    buffer_free(&out);
    buffer_init(&out, 16);
    cred = credential("none", BYTES_EMPTY);
    assert_false(fido_attestation_put(cred, &out)); // no room
    fido_cred_free(&cred);
    buffer_free(&out);
}

// From U2F there is no CBOR: signature and certificate, in that order.
static void
test_u2f(void **state)
{
    (void)state;
    static const uint8_t signature[70] = {0x30}, certificate[300] = {0x30};
    fido_cred_t *cred = credential("fido-u2f", BYTES_EMPTY);
    BUFFER_AUTO out;
    buffer_init(&out, 1024);
    assert_int_equal(fido_cred_set_sig(cred, signature, sizeof signature), FIDO_OK);
    assert_int_equal(fido_cred_set_x509(cred, certificate, sizeof certificate), FIDO_OK);
    assert_true(fido_attestation_put(cred, &out));
    assert_true(bytes_starts(buffer_bytes(&out), BYTES("\xa3\x63"
                                                       "fmt\x68"
                                                       "fido-u2f\x67"
                                                       "attStmt\xa2\x63sig\x58\x46\x30")));
    assert_true(bytes_find(buffer_bytes(&out), BYTES("\x63x5c\x81\x59\x01\x2c\x30")) < out.n);
    fido_cred_free(&cred);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_u2f),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
