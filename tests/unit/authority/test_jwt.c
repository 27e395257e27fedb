/* SPDX-License-Identifier: Apache-2.0 */
/* Against the examples of RFC 7515 A.2 and A.3 and RFC 8037 A.4. */
#include "fixture.h"

#include "../../../broker/authority/jwt.h"
#include "../../../caveats/base64.h"
#include "jwt_keys.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define PAYLOAD "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
#define A2                                                                                         \
    "eyJhbGciOiJSUzI1NiJ9."                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"                             \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."                                                              \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"                             \
    "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"                             \
    "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"                             \
    "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"                             \
    "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"                             \
    "p0igcN_IoypGlUPQGe77Rw"
#define A3                                                                                         \
    "eyJhbGciOiJFUzI1NiJ9."                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"                             \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."                                                              \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"                             \
    "pmWQxfKTUJqPP3-Kg6NU1Q"
#define EDDSA                                                                                      \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."                                    \
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"                             \
    "hVsPt9g7sVvpAr_MuM0KAg"

static struct jwt_key *
key_of(const char *pem, enum jwt_algorithm algorithm)
{
    struct jwt_key *key = NULL;
    assert_ok(jwt_key_read(bytes_str(pem), algorithm, &key, fault));
    return key;
}

// Verify by OpenSSL itself; r and s of ES256 are made a DER sequence for it.
static bool
verifies(const char *pem, struct bytes token)
{
    BIO *in = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct bytes rest = token, part;
    unsigned char *der = NULL;
    struct buffer signature;

    buffer_init(&signature, 1024);
    assert_true(bytes_cut(&rest, '.', &part) && bytes_cut(&rest, '.', &part));
    struct bytes text = bytes_slice(token, 0, (size_t)(part.p + part.n - token.p));
    assert_true(base64_decode(BASE64_URL, rest, &signature));
    struct bytes s = buffer_bytes(&signature);
    if (EVP_PKEY_is_a(pkey, "EC")) {
        assert_int_equal(s.n, 64);
        ECDSA_SIG *pair = ECDSA_SIG_new();
        ECDSA_SIG_set0(pair, BN_bin2bn(s.p, 32, NULL), BN_bin2bn(s.p + 32, 32, NULL));
        int n = i2d_ECDSA_SIG(pair, &der);
        s = bytes_of(der, (size_t)n);
        ECDSA_SIG_free(pair);
    }
    const EVP_MD *hash = EVP_PKEY_is_a(pkey, "ED25519") ? NULL : EVP_sha256();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, hash, NULL, pkey), 1);
    bool good = EVP_DigestVerify(context, s.p, s.n, text.p, text.n) == 1;
    OPENSSL_free(der);
    buffer_free(&signature);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    BIO_free(in);
    return good;
}

static void
bad_keys(void **state)
{
    static const struct {
        const char *pem;
        enum jwt_algorithm algorithm;
        enum kh_err err;
        const char *text;
    } cases[] = {
        {"", JWT_ANY, KH_ERR_SYNTAX, "not one private key"},
        {"x", JWT_ANY, KH_ERR_SYNTAX, "not one private key"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", JWT_ANY, KH_ERR_SYNTAX,
         "not one private key"},
        {PUBLIC, JWT_ANY, KH_ERR_SYNTAX, "not one private key"},
        {ED25519 ED25519, JWT_ANY, KH_ERR_SYNTAX, "not one private key"},
        {ENCRYPTED, JWT_ANY, KH_ERR_UNSUPPORTED, "encrypted"},
        {RSA_1024, JWT_ANY, KH_ERR_TYPE, "2048"},
        {RSA_1024, JWT_RS256, KH_ERR_TYPE, "2048"},
        {EC_P384, JWT_ANY, KH_ERR_TYPE, "P-256"},
        {EC_P384, JWT_ES256, KH_ERR_TYPE, "P-256"},
        // An algorithm that is not the key's: what RFC 8725 section 3.1 warns of.
        {RSA_PKCS8, JWT_ES256, KH_ERR_TYPE, "P-256"},
        {RSA_PKCS8, JWT_EDDSA, KH_ERR_TYPE, "Ed25519"},
        {EC_PKCS8, JWT_RS256, KH_ERR_TYPE, "RSA"},
        {ED25519, JWT_ES256, KH_ERR_TYPE, "P-256"},
        {ED25519, JWT_ALGORITHM_COUNT, KH_ERR_UNKNOWN, "no such algorithm"},
    };
    static char large[JWT_KEY_PEM_MAX + 1];
    struct jwt_key *key = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_fault(jwt_key_read(bytes_str(cases[i].pem), cases[i].algorithm, &key, fault),
                     cases[i].err, cases[i].text);
    assert_fault(jwt_key_read(bytes_of(large, sizeof large), JWT_ANY, &key, fault), KH_ERR_TOO_LONG,
                 "longer");
    assert_null(key);
}

static void
names(void **state)
{
    enum jwt_algorithm algorithm = JWT_ANY;

    (void)state;
    assert_int_equal(jwt_algorithm_find(BYTES("HS256"), &algorithm), KH_ERR_UNKNOWN);
    assert_int_equal(jwt_algorithm_find(BYTES("none"), &algorithm), KH_ERR_UNKNOWN);
    assert_int_equal(jwt_algorithm_find(BYTES(""), &algorithm), KH_ERR_UNKNOWN);
    assert_int_equal(algorithm, JWT_ANY);
    assert_int_equal(jwt_algorithm_find(BYTES("EdDSA"), &algorithm), KH_OK);
    assert_int_equal(algorithm, JWT_EDDSA);
    assert_string_equal(jwt_algorithm_name(JWT_ES256), "ES256");
    assert_string_equal(jwt_algorithm_name(JWT_ANY), "");
    assert_string_equal(jwt_algorithm_name(JWT_ALGORITHM_COUNT), "");
}

static void
published_tokens(void **state)
{
    static const struct {
        const char *pem, *header, *payload, *token;
    } cases[] = {
        {RSA_PKCS8, "{\"alg\":\"RS256\"}", PAYLOAD, A2},
        {RSA_PKCS1, "{\"alg\":\"RS256\"}", PAYLOAD, A2},
        {ED25519, "{\"alg\":\"EdDSA\"}", "Example of Ed25519 signing", EDDSA},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct jwt_key *key = key_of(cases[i].pem, JWT_ANY);
        BUFFER_AUTO token;
        buffer_init(&token, JWT_TEXT_MAX);
        assert_ok(jwt_sign_texts(key, bytes_str(cases[i].header), bytes_str(cases[i].payload),
                                 &token, fault));
        assert_string_equal(buffer_text(&token), cases[i].token);
        jwt_key_free(&key);
    }
}

// ES256 is never the same twice: the published one verifies by what is ours, and the other way
// round.
static void
es256(void **state)
{
    static const char *const pems[] = {EC_PKCS8, EC_SEC1};

    (void)state;
    assert_true(verifies(EC_PKCS8, BYTES(A3)));
    for (size_t i = 0; i < 2; i++) {
        struct jwt_key *key = key_of(pems[i], JWT_ES256);
        // r or s is short once in 256.
        for (int j = 0; j < 600; j++) {
            BUFFER_AUTO token;
            buffer_init(&token, JWT_TEXT_MAX);
            assert_ok(
                jwt_sign_texts(key, BYTES("{\"alg\":\"ES256\"}"), BYTES(PAYLOAD), &token, fault));
            assert_true(bytes_starts(buffer_bytes(&token), bytes_slice(BYTES(A3), 0, 116)));
            assert_true(verifies(EC_PKCS8, buffer_bytes(&token)));
        }
        jwt_key_free(&key);
    }
}

static void
claims(void **state)
{
    struct jwt_key *key = key_of(RSA_PKCS8, JWT_RS256);
    const struct jwt_claims all = {.issuer = BYTES("a\"b"),
                                   .subject = BYTES("s"),
                                   .audience = BYTES("https://a.example/token"),
                                   .scope = BYTES("x y"),
                                   .issued_at = 1,
                                   .expires_at = 61,
                                   .id = BYTES("j")};
    struct bytes rest, part;
    BUFFER_AUTO token, text;

    (void)state;
    buffer_init(&token, JWT_TEXT_MAX);
    buffer_init(&text, JWT_TEXT_MAX);
    buffer_put_str(&token, "before:");
    assert_ok(jwt_sign(key, BYTES("k1"), &all, &token, fault));
    rest = bytes_from(buffer_bytes(&token), 7);
    assert_true(verifies(RSA_PKCS8, rest));
    assert_true(bytes_cut(&rest, '.', &part) && base64_decode(BASE64_URL, part, &text));
    assert_string_equal(buffer_text(&text), "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}");
    buffer_clear(&text);
    assert_true(bytes_cut(&rest, '.', &part) && base64_decode(BASE64_URL, part, &text));
    assert_string_equal(buffer_text(&text),
                        "{\"iss\":\"a\\\"b\",\"sub\":\"s\",\"aud\":\"https://a.example/token\","
                        "\"scope\":\"x y\",\"iat\":1,\"exp\":61,\"jti\":\"j\"}");
    buffer_clear(&token);
    buffer_clear(&text);
    assert_ok(jwt_sign(key, BYTES_EMPTY, &(struct jwt_claims){.expires_at = 5}, &token, fault));
    rest = buffer_bytes(&token);
    assert_true(bytes_cut(&rest, '.', &part) && base64_decode(BASE64_URL, part, &text));
    assert_string_equal(buffer_text(&text), "{\"alg\":\"RS256\",\"typ\":\"JWT\"}");
    assert_fault(
        jwt_sign(key, BYTES_EMPTY, &(struct jwt_claims){.issuer = BYTES("\xff")}, &token, fault),
        KH_ERR_SYNTAX, "UTF-8");
    jwt_key_free(&key);
}

static void
no_room(void **state)
{
    struct jwt_key *key = key_of(ED25519, JWT_ANY);
    struct buffer token;

    (void)state;
    buffer_init(&token, 60);
    assert_fault(jwt_sign_texts(key, BYTES("{}"), BYTES("{}"), &token, fault), KH_ERR_TOO_LONG,
                 "too long");
    buffer_free(&token);
    jwt_key_free(&key);
    jwt_key_free(&key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_keys), cmocka_unit_test(names),  cmocka_unit_test(published_tokens),
        cmocka_unit_test(es256),    cmocka_unit_test(claims), cmocka_unit_test(no_room),
    };
    admin_init(); // jansson's memory
    return cmocka_run_group_tests(tests, NULL, NULL);
}
