/* SPDX-License-Identifier: Apache-2.0 */
/* Signature blobs: each is made with the right key over the right message, and wrong in one thing.
 */

#include "../rsa_key.h"
#include "ssh_test.h"

static const struct bytes message = BYTES("what is signed");

static enum failure
verify(struct bytes key_blob, struct bytes signature, struct ssh_key_claims *claims,
       struct fault *fault)
{
    struct ssh_key key;
    *fault = (struct fault){0};
    assert_int_equal(ssh_key_read(key_blob, &key, fault), FAILURE_NONE);
    enum failure failure = ssh_key_verify(&key, signature, message, claims, fault);
    ssh_key_free(&key);
    return failure;
}

static void
put_signature(struct buffer *out, const char *algorithm, struct bytes value)
{
    buffer_init(out, 8192);
    ssh_wire_put_string(out, bytes_str(algorithm));
    ssh_wire_put_string(out, value);
}

static void
expect_signature(const char *what, const struct buffer *key, const char *algorithm,
                 struct bytes value, struct bytes after, enum failure expected)
{
    struct ssh_key_claims claims;
    struct fault fault;
    BUFFER_AUTO signature;
    put_signature(&signature, algorithm, value);
    buffer_put(&signature, after);
    expect(what, verify(buffer_bytes(key), buffer_bytes(&signature), &claims, &fault), expected,
           &fault);
}

static void
test_ed25519(void **state)
{
    (void)state;
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BUFFER_AUTO key, raw;
    buffer_init(&key, SSH_KEY_MAX);
    buffer_init(&raw, 256);
    put_ed25519_key(&key, pair);
    put_raw_signature(&raw, pair, NULL, message);
    struct bytes value = buffer_bytes(&raw);
    const char *name = "ssh-ed25519";
    expect_signature("good", &key, name, value, BYTES(""), FAILURE_NONE);
    expect_signature("goes on", &key, name, value, BYTES("\0"), FAILURE_SSH_MALFORMED);
    expect_signature("flags and counter of a security key", &key, name, value, BYTES("\1\0\0\0\1"),
                     FAILURE_SSH_MALFORMED);
    expect_signature("another name", &key, "sk-ssh-ed25519@openssh.com", value, BYTES(""),
                     FAILURE_SSH_ALGORITHM);
    expect_signature("no name", &key, "", value, BYTES(""), FAILURE_SSH_ALGORITHM);
    expect_signature("short", &key, name, bytes_slice(value, 0, 63), BYTES(""),
                     FAILURE_SSH_MALFORMED);
    expect_signature("empty", &key, name, BYTES(""), BYTES(""), FAILURE_SSH_MALFORMED);
    raw.p[3] ^= 1;
    expect_signature("one bit", &key, name, value, BYTES(""), FAILURE_SIGNATURE_INVALID);
    EVP_PKEY_free(pair);
}

static void
test_rsa(void **state)
{
    (void)state;
    EVP_PKEY *pair = rsa_key_read(RSA_PKCS8);
    BUFFER_AUTO key, raw, longer;
    buffer_init(&key, SSH_KEY_MAX);
    put_rsa_key(&key, pair);
    static const struct {
        const char *name, *digest;
        enum failure expected;
    } cases[] = {
        {"rsa-sha2-256", "SHA256", FAILURE_NONE},
        {"rsa-sha2-512", "SHA512", FAILURE_NONE},
        {"ssh-rsa", "SHA1", FAILURE_SSH_ALGORITHM},
        {"rsa-sha2-384", "SHA384", FAILURE_SSH_ALGORITHM},
        {"rsa-sha2-512", "SHA256", FAILURE_SIGNATURE_INVALID},
        {"rsa-sha2-256-cert-v01@openssh.com", "SHA256", FAILURE_SSH_ALGORITHM},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buffer_init(&raw, 2048);
        put_raw_signature(&raw, pair, cases[i].digest, message);
        expect_signature(cases[i].name, &key, cases[i].name, buffer_bytes(&raw), BYTES(""),
                         cases[i].expected);
        buffer_free(&raw);
    }
    buffer_init(&raw, 2048);
    buffer_init(&longer, 2048);
    put_raw_signature(&raw, pair, "SHA256", message);
    buffer_put_byte(&longer, 0);
    buffer_put(&longer, buffer_bytes(&raw));
    expect_signature("a zero too many", &key, "rsa-sha2-256", buffer_bytes(&longer), BYTES(""),
                     FAILURE_SSH_MALFORMED);
    expect_signature("empty", &key, "rsa-sha2-256", BYTES(""), BYTES(""), FAILURE_SSH_MALFORMED);
    EVP_PKEY_free(pair);
}

/* RFC 8332 lets signers leave leading zeros of a signature out: one in 256 begins with one. */
static void
test_rsa_short(void **state)
{
    (void)state;
    EVP_PKEY *pair = rsa_key_read(RSA_PKCS8);
    BUFFER_AUTO key_blob;
    buffer_init(&key_blob, SSH_KEY_MAX);
    put_rsa_key(&key_blob, pair);
    struct ssh_key key;
    assert_int_equal(ssh_key_read(buffer_bytes(&key_blob), &key, NULL), FAILURE_NONE);
    bool found = false;
    for (int i = 0; i < 20000 && !found; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%d", i);
        BUFFER_AUTO raw, signature;
        buffer_init(&raw, 512);
        buffer_init(&signature, 512);
        put_raw_signature(&raw, pair, "SHA256", bytes_str(text));
        if (raw.p[0] != 0)
            continue;
        found = true;
        struct ssh_key_claims claims;
        struct fault fault = {0};
        put_signature(&signature, "rsa-sha2-256", bytes_from(buffer_bytes(&raw), 1));
        expect("without its leading zero",
               ssh_key_verify(&key, buffer_bytes(&signature), bytes_str(text), &claims, &fault),
               FAILURE_NONE, &fault);
    }
    assert_true(found);
    ssh_key_free(&key);
    EVP_PKEY_free(pair);
}

static void
put_ecdsa_key(struct buffer *out, EVP_PKEY *pair, const char *curve)
{
    char name[32];
    uint8_t point[133];
    size_t n = 0;
    snprintf(name, sizeof(name), "ecdsa-sha2-%s", curve);
    assert_int_equal(
        EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &n),
        1);
    buffer_init(out, SSH_KEY_MAX);
    ssh_wire_put_string(out, bytes_str(name));
    ssh_wire_put_string(out, bytes_str(curve));
    ssh_wire_put_string(out, bytes_of(point, n));
}

static void
test_ecdsa(void **state)
{
    (void)state;
    static const struct {
        const char *curve, *group, *digest;
    } cases[] = {{"nistp256", "P-256", "SHA256"},
                 {"nistp384", "P-384", "SHA384"},
                 {"nistp521", "P-521", "SHA512"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        EVP_PKEY *pair = EVP_EC_gen(cases[i].group);
        BUFFER_AUTO key, der, numbers, odd;
        char name[32];
        snprintf(name, sizeof(name), "ecdsa-sha2-%s", cases[i].curve);
        put_ecdsa_key(&key, pair, cases[i].curve);
        buffer_init(&der, 512);
        buffer_init(&numbers, 512);
        buffer_init(&odd, 512);
        put_raw_signature(&der, pair, cases[i].digest, message);
        put_ecdsa_numbers(&numbers, buffer_bytes(&der));
        struct bytes value = buffer_bytes(&numbers);
        expect_signature("good", &key, name, value, BYTES(""), FAILURE_NONE);
        expect_signature("goes on", &key, name, value, BYTES("\0"), FAILURE_SSH_MALFORMED);
        expect_signature("DER", &key, name, buffer_bytes(&der), BYTES(""), FAILURE_SSH_MALFORMED);
        expect_signature("another curve's name", &key,
                         i == 0 ? "ecdsa-sha2-nistp384" : "ecdsa-sha2-nistp256", value, BYTES(""),
                         FAILURE_SSH_ALGORITHM);
        // r with a zero in front that it does not need, or needs and is without
        bool padded = value.p[4] == 0;
        put_u32(&odd, (uint32_t)value.p[3] + (padded ? -1u : 1u));
        if (!padded)
            buffer_put_byte(&odd, 0);
        buffer_put(&odd, bytes_from(value, padded ? 5 : 4));
        expect_signature("r in another form", &key, name, buffer_bytes(&odd), BYTES(""),
                         FAILURE_SSH_MALFORMED);
        buffer_clear(&odd);
        buffer_put(&odd, value);
        buffer_put_byte(&odd, 0);
        expect_signature("a byte behind s", &key, name, buffer_bytes(&odd), BYTES(""),
                         FAILURE_SSH_MALFORMED);
        expect_signature("zeros", &key, name, BYTES("\0\0\0\0\0\0\0\0"), BYTES(""),
                         FAILURE_SSH_MALFORMED);
        expect_signature("ones", &key, name, BYTES("\0\0\0\1\1\0\0\0\1\1"), BYTES(""),
                         FAILURE_SIGNATURE_INVALID);
        EVP_PKEY_free(pair);
    }
}

static void
test_ecdsa_huge(void **state)
{
    (void)state;
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    BUFFER_AUTO key, value;
    put_ecdsa_key(&key, pair, "nistp256");
    buffer_init(&value, 8192);
    for (int i = 0; i < 2; i++) {
        buffer_clear(&value);
        for (int j = 0; j < 2; j++) {
            size_t n = i == j ? 67 : 1;
            put_u32(&value, (uint32_t)n);
            for (size_t k = 0; k < n; k++)
                buffer_put_byte(&value, 0x11);
        }
        expect_signature(i ? "s beyond all curves" : "r beyond all curves", &key,
                         "ecdsa-sha2-nistp256", buffer_bytes(&value), BYTES(""),
                         FAILURE_SSH_MALFORMED);
    }
    EVP_PKEY_free(pair);
}

/* With the identity for a key, this signature holds for every message, and nobody made it. */
static void
test_nobodys_signature(void **state)
{
    (void)state;
    static const uint8_t identity[32] = {1}, signature[64] = {1};
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, identity, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(context, signature, 64, message.p, message.n), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BUFFER_AUTO blob;
    buffer_init(&blob, 256);
    ssh_wire_put_string(&blob, BYTES("ssh-ed25519"));
    ssh_wire_put_string(&blob, bytes_of(identity, 32));
    struct ssh_key read;
    struct fault fault = {0};
    expect("the identity", ssh_key_read(buffer_bytes(&blob), &read, &fault), FAILURE_SSH_MALFORMED,
           &fault);
}

static void
test_security_keys(void **state)
{
    (void)state;
    for (int edwards = 0; edwards < 2; edwards++)
        for (int pin = 0; pin < 2; pin++) {
            struct sk sk;
            sk_begin(&sk, edwards, "ssh:work", pin ? "1234" : NULL);
            BUFFER_AUTO signature;
            buffer_init(&signature, 512);
            softauthn_set_counter(sk.authenticator, 0x01020303);
            sk_sign(&sk, message, pin ? "1234" : NULL, &signature);
            struct bytes value = buffer_bytes(&signature), key = buffer_bytes(&sk.key);
            struct ssh_key_claims claims;
            struct fault fault;
            expect("good", verify(key, value, &claims, &fault), FAILURE_NONE, &fault);
            assert_int_equal(claims.flags, pin ? 5 : 1);
            assert_int_equal(claims.counter, 0x01020304);
            expect("without its counter",
                   verify(key, bytes_slice(value, 0, value.n - 4), &claims, &fault),
                   FAILURE_SSH_MALFORMED, &fault);
            uint8_t *flags = signature.p + signature.n - 5, *count = signature.p + signature.n - 1;
            *flags ^= SSH_KEY_FLAG_VERIFIED;
            expect("other flags", verify(key, value, &claims, &fault), FAILURE_SIGNATURE_INVALID,
                   &fault);
            *flags ^= SSH_KEY_FLAG_VERIFIED;
            *count ^= 1;
            expect("another count", verify(key, value, &claims, &fault), FAILURE_SIGNATURE_INVALID,
                   &fault);
            *count ^= 1;
            expect("as before", verify(key, value, &claims, &fault), FAILURE_NONE, &fault);
            // another application's key: the name is all that differs
            sk.key.p[sk.key.n - 1] ^= 1;
            expect("another application", verify(key, value, &claims, &fault),
                   FAILURE_SIGNATURE_INVALID, &fault);
            sk_end(&sk);
        }
}

static void
test_security_key_lies(void **state)
{
    (void)state;
    struct sk sk;
    struct ssh_key_claims claims;
    struct fault fault;
    sk_begin(&sk, false, "ssh:", NULL);
    BUFFER_AUTO signature;
    buffer_init(&signature, 512);
    softauthn_set_lie(sk.authenticator, SOFTAUTHN_LIE_NO_PRESENCE);
    sk_sign(&sk, message, NULL, &signature);
    // a good signature that says that nobody was there: for the discharger to refuse
    expect("untouched", verify(buffer_bytes(&sk.key), buffer_bytes(&signature), &claims, &fault),
           FAILURE_NONE, &fault);
    assert_int_equal(claims.flags & SSH_KEY_FLAG_PRESENCE, 0);
    buffer_clear(&signature);
    softauthn_set_lie(sk.authenticator, SOFTAUTHN_LIE_RESERVED);
    sk_sign(&sk, message, NULL, &signature);
    expect("reserved flags",
           verify(buffer_bytes(&sk.key), buffer_bytes(&signature), &claims, &fault),
           FAILURE_SSH_MALFORMED, &fault);
    sk_end(&sk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ed25519),       cmocka_unit_test(test_rsa),
        cmocka_unit_test(test_rsa_short),     cmocka_unit_test(test_ecdsa),
        cmocka_unit_test(test_ecdsa_huge),    cmocka_unit_test(test_nobodys_signature),
        cmocka_unit_test(test_security_keys), cmocka_unit_test(test_security_key_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
