/* SPDX-License-Identifier: Apache-2.0
 *
 * From claims to a signed token.
 */
#include "jwt_internal.h"

#include "../../caveats/base64.h"

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE_MAX = 1024, P256_SIZE = 32, CLAIMS_MAX = 8192 };

// ---- signatures ----

// OpenSSL's is a DER sequence; a token has r and s, 32 bytes each (RFC 7518 section 3.4).
static bool
flatten_ecdsa(uint8_t *signature, size_t *n)
{
    const unsigned char *p = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)*n);
    bool fine = pair && p == signature + *n;
    uint8_t flat[2 * P256_SIZE];

    fine = fine && BN_bn2binpad(ECDSA_SIG_get0_r(pair), flat, P256_SIZE) == P256_SIZE &&
           BN_bn2binpad(ECDSA_SIG_get0_s(pair), flat + P256_SIZE, P256_SIZE) == P256_SIZE;
    if (fine) {
        memcpy(signature, flat, sizeof flat);
        *n = sizeof flat;
    }
    ECDSA_SIG_free(pair);
    return fine;
}

static enum kh_err
sign(const struct jwt_key *key, struct bytes text, uint8_t *signature, size_t *n)
{
    const EVP_MD *hash = key->algorithm == JWT_EDDSA ? NULL : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    // RS256 is PKCS#1 v1.5, which is what an RSA key signs with when not told else.
    bool fine = context && EVP_DigestSignInit(context, NULL, hash, NULL, key->pkey) == 1 &&
                EVP_DigestSign(context, signature, n, text.p, text.n) == 1 &&
                (key->algorithm != JWT_ES256 || flatten_ecdsa(signature, n));

    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return fine ? KH_OK : KH_ERR_CRYPTO;
}

enum kh_err
jwt_sign_texts(const struct jwt_key *key, struct bytes header, struct bytes payload,
               struct buffer *out, struct fault *fault)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t n = sizeof signature, start = out->n;

    base64_encode(BASE64_URL, header, out);
    buffer_put_byte(out, '.');
    base64_encode(BASE64_URL, payload, out);
    if (out->failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the token is too long");
    if (sign(key, bytes_from(buffer_bytes(out), start), signature, &n))
        return fault_set(fault, KH_ERR_CRYPTO, "the token could not be signed");
    buffer_put_byte(out, '.');
    base64_encode(BASE64_URL, bytes_of(signature, n), out);
    return out->failed ? fault_set(fault, KH_ERR_TOO_LONG, "the token is too long") : KH_OK;
}

// ---- claims ----

// False when it is no UTF-8, or memory is used up.
static bool
put_text(json_t *object, const char *name, struct bytes text)
{
    return text.n == 0 ||
           json_object_set_new(object, name, json_stringn((const char *)text.p, text.n)) == 0;
}

static bool
put_time(json_t *object, const char *name, int64_t time)
{
    return time == 0 || json_object_set_new(object, name, json_integer((json_int_t)time)) == 0;
}

static bool
dump(json_t *object, struct buffer *out)
{
    size_t n = json_dumpb(object, NULL, 0, JSON_COMPACT);
    uint8_t *room = n > 0 ? buffer_reserve(out, n) : NULL;

    if (room == NULL || json_dumpb(object, (char *)room, n, JSON_COMPACT) != n)
        return false;
    buffer_advance(out, n);
    return true;
}

static bool
put_header(const struct jwt_key *key, struct bytes key_id, struct buffer *out)
{
    json_t *header = json_object();
    bool fine = header && put_text(header, "alg", bytes_str(jwt_algorithm_name(key->algorithm))) &&
                put_text(header, "typ", BYTES("JWT")) && put_text(header, "kid", key_id) &&
                dump(header, out);

    json_decref(header);
    return fine;
}

static bool
put_claims(const struct jwt_claims *claims, struct buffer *out)
{
    json_t *object = json_object();
    bool fine =
        object && put_text(object, "iss", claims->issuer) &&
        put_text(object, "sub", claims->subject) && put_text(object, "aud", claims->audience) &&
        put_text(object, "scope", claims->scope) && put_time(object, "iat", claims->issued_at) &&
        put_time(object, "exp", claims->expires_at) && put_text(object, "jti", claims->id) &&
        dump(object, out);

    json_decref(object);
    return fine;
}

enum kh_err
jwt_sign(const struct jwt_key *key, struct bytes key_id, const struct jwt_claims *claims,
         struct buffer *out, struct fault *fault)
{
    BUFFER_AUTO header, payload;

    buffer_init(&header, CLAIMS_MAX);
    buffer_init(&payload, CLAIMS_MAX);
    if (!put_header(key, key_id, &header) || !put_claims(claims, &payload))
        return fault_set(fault, KH_ERR_SYNTAX, "a claim is no UTF-8, or too long");
    return jwt_sign_texts(key, buffer_bytes(&header), buffer_bytes(&payload), out, fault);
}
