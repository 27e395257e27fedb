/* SPDX-License-Identifier: Apache-2.0 */
/* Signature blobs of SSH keys, verified with OpenSSL. Declared in ssh_key.h. */

#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#include "ssh_key.h"
#include "ssh_wire.h"

enum {
    ED25519_SIGNATURE = 64,
    ECDSA_NUMBER_MAX = 66, /* of P-521 */
    RSA_SIGNATURE_MAX = 2048,
    HASH_SIZE = 32,
    /* Of authenticator data (WebAuthn 6.1): what says that more follows, and what nobody may set.
     */
    FLAGS_FOREIGN = 0x80 | 0x40 | 0x20 | 0x02,
};

struct parts {
    struct bytes algorithm, value;
    struct ssh_key_claims claims;
};

static enum failure
malformed(struct fault *detail, const char *what)
{
    (void)fault_set(detail, KH_ERR_SYNTAX, "the SSH signature: %s", what);
    return FAILURE_SSH_MALFORMED;
}

static enum failure
forbidden(struct fault *detail, const char *what)
{
    (void)fault_set(detail, KH_ERR_DENIED, "the SSH signature: %s", what);
    return FAILURE_SSH_ALGORITHM;
}

static enum failure
invalid(struct fault *detail)
{
    (void)fault_set(detail, KH_ERR_DENIED, "the SSH signature does not verify");
    return FAILURE_SIGNATURE_INVALID;
}

static enum failure
take_apart(struct bytes signature, bool security_key, struct parts *out, struct fault *detail)
{
    struct ssh_wire wire;
    *out = (struct parts){0};
    ssh_wire_init(&wire, signature);
    out->algorithm = ssh_wire_get_string(&wire);
    out->value = ssh_wire_get_string(&wire);
    if (security_key) {
        out->claims.flags = ssh_wire_get_u8(&wire);
        out->claims.counter = ssh_wire_get_u32(&wire);
    }
    return ssh_wire_end(&wire) ? FAILURE_NONE : malformed(detail, "it is cut short, or goes on");
}

/* The digest's name, NULL for Ed25519, which has its own. */
static enum failure
choose_digest(const struct ssh_key_type *type, struct bytes algorithm, const char **digest,
              struct fault *detail)
{
    if (type->family == SSH_KEY_RSA) {
        if (bytes_is(algorithm, "rsa-sha2-256"))
            *digest = "SHA256";
        else if (bytes_is(algorithm, "rsa-sha2-512"))
            *digest = "SHA512";
        else
            return forbidden(detail, "of RSA keys, rsa-sha2-256 and rsa-sha2-512 are taken");
        return FAILURE_NONE;
    }
    if (!bytes_is(algorithm, type->name))
        return forbidden(detail, "its algorithm is not its key's");
    *digest = type->digest;
    return FAILURE_NONE;
}

/* OpenSSL takes ECDSA signatures in DER: r and s are taken over from mpints (RFC 5656, 3.1.2). */
static enum failure
ecdsa_to_der(struct bytes value, struct buffer *der, struct fault *detail)
{
    struct ssh_wire wire;
    ssh_wire_init(&wire, value);
    struct bytes part[2] = {ssh_wire_get_mpint(&wire)};
    part[1] = ssh_wire_get_mpint(&wire);
    if (!ssh_wire_end(&wire) || part[0].n > ECDSA_NUMBER_MAX || part[1].n > ECDSA_NUMBER_MAX)
        return malformed(detail, "no two numbers of ECDSA");
    BIGNUM *r = BN_bin2bn(part[0].p, (int)part[0].n, NULL);
    BIGNUM *s = BN_bin2bn(part[1].p, (int)part[1].n, NULL);
    ECDSA_SIG *both = ECDSA_SIG_new();
    enum failure failure = FAILURE_INTERNAL;
    if (r && s && both && ECDSA_SIG_set0(both, r, s) == 1) {
        r = s = NULL; // they are its own now
        int n = i2d_ECDSA_SIG(both, NULL);
        uint8_t *room = n > 0 ? buffer_reserve(der, (size_t)n) : NULL;
        if (room) {
            (void)i2d_ECDSA_SIG(both, &room);
            buffer_advance(der, (size_t)n);
            failure = FAILURE_NONE;
        }
    }
    ECDSA_SIG_free(both);
    BN_free(r);
    BN_free(s);
    return failure;
}

/* RFC 8332, 3: as long as the modulus; signers that leave leading zeros out are put up with. */
static enum failure
rsa_to_size(const EVP_PKEY *key, struct bytes value, struct buffer *out, struct fault *detail)
{
    size_t size = (size_t)EVP_PKEY_get_size(key);
    if (value.n == 0 || value.n > size || size > RSA_SIGNATURE_MAX)
        return malformed(detail, "not of the length of its RSA key");
    for (size_t i = value.n; i < size; i++)
        buffer_put_byte(out, 0);
    buffer_put(out, value);
    return FAILURE_NONE;
}

static enum failure
to_openssl(const struct ssh_key *key, struct bytes value, struct buffer *out, struct fault *detail)
{
    switch (key->type->family) {
    case SSH_KEY_ED25519:
        if (value.n != ED25519_SIGNATURE)
            return malformed(detail, "not of Ed25519's length");
        buffer_put(out, value);
        return FAILURE_NONE;
    case SSH_KEY_ECDSA:
        return ecdsa_to_der(value, out, detail);
    case SSH_KEY_RSA:
        return rsa_to_size(key->key, value, out, detail);
    }
    return FAILURE_INTERNAL;
}

static bool
holds(const struct ssh_key *key, const char *digest, struct bytes signature, struct bytes message)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context &&
                EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, key->key, NULL) == 1 &&
                EVP_DigestVerify(context, signature.p, signature.n, message.p, message.n) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static bool
put_hash(struct buffer *out, struct bytes value)
{
    uint8_t *room = buffer_reserve(out, HASH_SIZE);
    if (room == NULL || EVP_Digest(value.p, value.n, room, NULL, EVP_sha256(), NULL) != 1)
        return false;
    buffer_advance(out, HASH_SIZE);
    return true;
}

/* What a security key signs in place of the message (PROTOCOL.u2f, "SSH U2F Signatures"). */
static bool
wrap(const struct ssh_key *key, const struct ssh_key_claims *claims, struct bytes message,
     struct buffer *out)
{
    if (!put_hash(out, key->application))
        return false;
    buffer_put_byte(out, claims->flags);
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_put_byte(out, (uint8_t)(claims->counter >> shift));
    return put_hash(out, message) && !out->failed;
}

enum failure
ssh_key_verify(const struct ssh_key *key, struct bytes signature, struct bytes message,
               struct ssh_key_claims *claims, struct fault *detail)
{
    struct parts parts;
    const char *digest = NULL;
    enum failure failure = take_apart(signature, key->type->security_key, &parts, detail);
    if (failure == FAILURE_NONE)
        failure = choose_digest(key->type, parts.algorithm, &digest, detail);
    if (failure != FAILURE_NONE)
        return failure;
    if (parts.claims.flags & FLAGS_FOREIGN)
        return malformed(detail, "flags that a security key does not set for SSH");

    BUFFER_AUTO value, wrapped;
    buffer_init(&value, RSA_SIGNATURE_MAX);
    buffer_init(&wrapped, 2 * HASH_SIZE + 5);
    failure = to_openssl(key, parts.value, &value, detail);
    if (failure != FAILURE_NONE)
        return failure;
    if (key->type->security_key) {
        if (!wrap(key, &parts.claims, message, &wrapped))
            return FAILURE_INTERNAL;
        message = buffer_bytes(&wrapped);
    }
    if (value.failed || !holds(key, digest, buffer_bytes(&value), message))
        return invalid(detail);
    *claims = parts.claims;
    return FAILURE_NONE;
}
