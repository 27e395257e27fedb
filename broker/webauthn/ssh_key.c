/* SPDX-License-Identifier: Apache-2.0 */
/* SSH public keys, read strictly into OpenSSL's. */

#include "ssh_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "ssh_wire.h"

enum {
    ED25519_SIZE = 32,
    RSA_BITS_MIN = 2048,
    RSA_BITS_MAX = 16384,
    RSA_EXPONENT_MAX = 8, /* bytes */
    POINT_MAX = 133,      /* of P-521, uncompressed */
};

/* Never ssh-dss; ssh-rsa is the key's name, and no signature's here. */
static const struct ssh_key_type types[] = {
    {"ssh-ed25519", SSH_KEY_ED25519, false, NULL, NULL, NULL},
    {"ecdsa-sha2-nistp256", SSH_KEY_ECDSA, false, "nistp256", "P-256", "SHA256"},
    {"ecdsa-sha2-nistp384", SSH_KEY_ECDSA, false, "nistp384", "P-384", "SHA384"},
    {"ecdsa-sha2-nistp521", SSH_KEY_ECDSA, false, "nistp521", "P-521", "SHA512"},
    {"ssh-rsa", SSH_KEY_RSA, false, NULL, NULL, NULL},
    {"sk-ssh-ed25519@openssh.com", SSH_KEY_ED25519, true, NULL, NULL, NULL},
    {"sk-ecdsa-sha2-nistp256@openssh.com", SSH_KEY_ECDSA, true, "nistp256", "P-256", "SHA256"},
};

static enum failure
malformed(struct fault *detail, const char *what)
{
    (void)fault_set(detail, KH_ERR_SYNTAX, "the SSH key: %s", what);
    return FAILURE_SSH_MALFORMED;
}

static enum failure
forbidden(struct fault *detail, const char *what)
{
    (void)fault_set(detail, KH_ERR_DENIED, "the SSH key: %s", what);
    return FAILURE_SSH_ALGORITHM;
}

static EVP_PKEY *
import(const char *kind, OSSL_PARAM *parameters)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static enum failure
read_ed25519(struct ssh_wire *wire, struct ssh_key *out, struct fault *detail)
{
    struct bytes point = ssh_wire_get_string(wire);
    // with a point of small order, signatures hold that nobody made
    if (point.n != ED25519_SIZE || crypto_core_ed25519_is_valid_point(point.p) != 1)
        return malformed(detail, "no point of Ed25519");
    out->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point.p, point.n);
    return out->key ? FAILURE_NONE : FAILURE_INTERNAL;
}

static bool
on_curve(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    bool holds = context && EVP_PKEY_public_check_quick(context) == 1;
    EVP_PKEY_CTX_free(context);
    return holds;
}

static enum failure
read_ecdsa(struct ssh_wire *wire, struct ssh_key *out, struct fault *detail)
{
    struct bytes curve = ssh_wire_get_string(wire);
    struct bytes point = ssh_wire_get_string(wire);
    if (!bytes_is(curve, out->type->curve))
        return malformed(detail, "it names two curves");
    // SEC 1, 2.3.3; compressed points are another text for the same key
    if (point.n == 0 || point.n > POINT_MAX || point.p[0] != 4)
        return malformed(detail, "no uncompressed point");
    char group[16];
    uint8_t copy[POINT_MAX];
    (void)snprintf(group, sizeof(group), "%s", out->type->group);
    memcpy(copy, point.p, point.n);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, point.n), OSSL_PARAM_END};
    out->key = import("EC", parameters);
    return out->key && on_curve(out->key) ? FAILURE_NONE
                                          : malformed(detail, "no point of its curve");
}

static EVP_PKEY *
import_rsa(struct bytes exponent, struct bytes modulus)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *e = BN_bin2bn(exponent.p, (int)exponent.n, NULL);
    BIGNUM *n = BN_bin2bn(modulus.p, (int)modulus.n, NULL);
    if (build && e && n && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
        (parameters = OSSL_PARAM_BLD_to_param(build)) != NULL)
        key = import("RSA", parameters);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return key;
}

static bool
is_odd(struct bytes number)
{
    return number.n > 0 && (number.p[number.n - 1] & 1) != 0;
}

static enum failure
read_rsa(struct ssh_wire *wire, struct ssh_key *out, struct fault *detail)
{
    struct bytes exponent = ssh_wire_get_mpint(wire);
    struct bytes modulus = ssh_wire_get_mpint(wire);
    bool one = exponent.n == 1 && exponent.p[0] == 1; // every message would be its own signature
    if (!is_odd(exponent) || one || exponent.n > RSA_EXPONENT_MAX || !is_odd(modulus))
        return malformed(detail, "no RSA key");
    if (modulus.n > RSA_BITS_MAX / 8)
        return forbidden(detail, "more than 16384 bits of RSA");
    out->key = import_rsa(exponent, modulus);
    if (out->key == NULL)
        return malformed(detail, "no RSA key");
    if (EVP_PKEY_get_bits(out->key) < RSA_BITS_MIN)
        return forbidden(detail, "less than 2048 bits of RSA");
    return FAILURE_NONE;
}

static const struct ssh_key_type *
find_type(struct bytes name)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (bytes_is(name, types[i].name))
            return &types[i];
    return NULL;
}

static enum failure
read_fields(struct ssh_wire *wire, struct ssh_key *out, struct fault *detail)
{
    enum failure failure = out->type->family == SSH_KEY_ED25519 ? read_ed25519(wire, out, detail)
                           : out->type->family == SSH_KEY_ECDSA ? read_ecdsa(wire, out, detail)
                                                                : read_rsa(wire, out, detail);
    if (failure != FAILURE_NONE)
        return failure;
    if (out->type->security_key) {
        out->application = ssh_wire_get_string(wire);
        // else a web site's credential would be an SSH key, too
        if (!bytes_starts(out->application, BYTES("ssh:")))
            return malformed(detail, "its application is not of SSH");
    }
    return ssh_wire_end(wire) ? FAILURE_NONE : malformed(detail, "it is cut short, or goes on");
}

enum failure
ssh_key_read(struct bytes blob, struct ssh_key *out, struct fault *detail)
{
    struct ssh_wire wire;
    ssh_wire_init(&wire, blob);
    struct bytes name = ssh_wire_get_string(&wire);
    if (wire.failed)
        return malformed(detail, "not well-formed");
    if (bytes_find(name, BYTES("-cert-v")) < name.n)
        return forbidden(detail, "a certificate, where the key itself is asked for");
    struct ssh_key key = {.type = find_type(name)};
    if (key.type == NULL)
        return forbidden(detail, "of a type that is not taken");
    enum failure failure = read_fields(&wire, &key, detail);
    if (failure == FAILURE_NONE)
        *out = key;
    else
        ssh_key_free(&key);
    return failure;
}

void
ssh_key_free(struct ssh_key *key)
{
    EVP_PKEY_free(key->key);
    *key = (struct ssh_key){0};
}
