/* SPDX-License-Identifier: Apache-2.0
 *
 * SSH keys and signatures for tests: by ssh-keygen, by OpenSSL, and by a security key.
 */
#ifndef KEYHOLE_TESTS_SSH_H
#define KEYHOLE_TESTS_SSH_H

#include "webauthn_test.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "../../../broker/webauthn/ssh_key.h"
#include "../../../broker/webauthn/ssh_signature.h"
#include "../../../broker/webauthn/ssh_wire.h"
#include "../../support/softauthn.h"

#define NAMESPACE "discharge@keyhole"

enum { TEXT_MAX = 16384 };

/* ---- ssh-keygen ---- */

static inline void
shell(const char *format, ...)
{
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    assert_true(n > 0 && (size_t)n < sizeof(command));
    int status = system(command);
    if (status != 0)
        FAIL_WITH("status %d: %s (is openssh-client installed?)", status, command);
}

static inline void
read_text(const char *name, struct buffer *out)
{
    FILE *file = fopen(test_path(name), "rb");
    if (file == NULL)
        FAIL_WITH("%s is not there", test_path(name));
    buffer_init(out, TEXT_MAX);
    uint8_t *room = buffer_reserve(out, TEXT_MAX);
    assert_non_null(room);
    buffer_advance(out, fread(room, 1, TEXT_MAX, file));
    assert_int_equal(fclose(file), 0);
}

/* NAME and NAME.pub; `options` as "-t ed25519". */
static inline void
keygen(const char *name, const char *options)
{
    shell("ssh-keygen -q %s -N '' -C 'a comment' -f %s", options, test_path(name));
}

/* The armoured signature of that key over `message`. */
static inline void
keygen_sign(const char *name, const char *hash, const char *message, struct buffer *out)
{
    write_file("message", message, 0600);
    shell("rm -f %s/message.sig; ssh-keygen -q -Y sign -O hashalg=%s -n %s -f %s %s 2>/dev/null",
          test_directory, hash, NAMESPACE, test_path(name), test_path("message"));
    read_text("message.sig", out);
}

/* Whether ssh-keygen finds the armoured signature good. */
static inline bool
keygen_agrees(struct buffer *armoured, const char *message)
{
    char command[512];
    write_file("message", message, 0600);
    write_file("message.sig", buffer_text(armoured), 0600);
    snprintf(command, sizeof(command),
             "ssh-keygen -q -Y check-novalidate -n %s -s %s < %s > /dev/null 2>&1", NAMESPACE,
             test_path("message.sig"), test_path("message"));
    return system(command) == 0;
}

/* ---- by hand ---- */

struct parts {
    uint32_t version;
    struct bytes key, name_space, reserved, hash, signature;
};

static inline void
put_u32(struct buffer *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_put_byte(out, (uint8_t)(value >> shift));
}

static inline void
put_envelope(struct buffer *out, const struct parts *parts)
{
    buffer_put_str(out, "SSHSIG");
    put_u32(out, parts->version);
    ssh_wire_put_string(out, parts->key);
    ssh_wire_put_string(out, parts->name_space);
    ssh_wire_put_string(out, parts->reserved);
    ssh_wire_put_string(out, parts->hash);
    ssh_wire_put_string(out, parts->signature);
}

/* What is signed; `digest` as OpenSSL calls it. */
static inline void
put_to_sign(struct buffer *out, const char *name_space, const char *hash, const char *digest,
            struct bytes message)
{
    uint8_t value[EVP_MAX_MD_SIZE];
    size_t n = 0;
    assert_int_equal(EVP_Q_digest(NULL, digest, NULL, message.p, message.n, value, &n), 1);
    buffer_put_str(out, "SSHSIG");
    ssh_wire_put_string(out, bytes_str(name_space));
    ssh_wire_put_string(out, BYTES(""));
    ssh_wire_put_string(out, bytes_str(hash));
    ssh_wire_put_string(out, bytes_of(value, n));
}

static inline void
put_mpint(struct buffer *out, const BIGNUM *number)
{
    uint8_t bytes[2200] = {0};
    int n = BN_num_bytes(number);
    assert_true(n + 1 <= (int)sizeof(bytes));
    BN_bn2bin(number, bytes + 1);
    size_t start = n > 0 && (bytes[1] & 0x80) ? 0 : 1;
    ssh_wire_put_string(out, bytes_of(bytes + start, (size_t)n + 1 - start));
}

/* With a digest's name, NULL for Ed25519. */
static inline void
put_raw_signature(struct buffer *out, EVP_PKEY *key, const char *digest, struct bytes message)
{
    uint8_t value[2048];
    size_t n = sizeof(value);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(context, value, &n, message.p, message.n), 1);
    EVP_MD_CTX_free(context);
    buffer_put(out, bytes_of(value, n));
}

/* ECDSA in DER, as two mpints. */
static inline void
put_ecdsa_numbers(struct buffer *out, struct bytes der)
{
    const uint8_t *p = der.p;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &p, (long)der.n);
    assert_non_null(both);
    put_mpint(out, ECDSA_SIG_get0_r(both));
    put_mpint(out, ECDSA_SIG_get0_s(both));
    ECDSA_SIG_free(both);
}

static inline void
put_ed25519_key(struct buffer *out, EVP_PKEY *key)
{
    uint8_t point[32];
    size_t n = sizeof(point);
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, point, &n), 1);
    ssh_wire_put_string(out, BYTES("ssh-ed25519"));
    ssh_wire_put_string(out, bytes_of(point, n));
}

static inline void
put_rsa_key(struct buffer *out, EVP_PKEY *key)
{
    BIGNUM *e = NULL, *n = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e), 1);
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    ssh_wire_put_string(out, BYTES("ssh-rsa"));
    put_mpint(out, e);
    put_mpint(out, n);
    BN_free(e);
    BN_free(n);
}

static inline void
armour(struct bytes blob, const char *end_of_line, size_t width, struct buffer *out)
{
    BUFFER_AUTO text;
    buffer_init(&text, TEXT_MAX);
    base64_encode(BASE64_STANDARD, blob, &text);
    buffer_printf(out, "-----BEGIN SSH SIGNATURE-----%s", end_of_line);
    for (size_t i = 0; i < text.n; i += width) {
        buffer_put(out, bytes_slice(buffer_bytes(&text), i, width));
        buffer_put_str(out, end_of_line);
    }
    buffer_printf(out, "-----END SSH SIGNATURE-----%s", end_of_line);
}

/* ---- by a security key ---- */

struct sk {
    struct softauthn *authenticator;
    const char *application;
    bool edwards;
    struct buffer key; /* its blob */
    struct softauthn_registration made;
};

static inline void
sk_begin(struct sk *sk, bool edwards, const char *application, const char *pin)
{
    *sk = (struct sk){.application = application, .edwards = edwards};
    sk->authenticator = softauthn_new(&(struct softauthn_options){
        .algorithm = edwards ? SOFTAUTHN_EDDSA : SOFTAUTHN_ES256, .pin = pin});
    struct softauthn_request request = {
        .rp_id = application, .client_data = BYTES("enrol"), .pin = pin};
    assert_int_equal(softauthn_register(sk->authenticator, &request, &sk->made), SOFTAUTHN_OK);
    // the COSE key follows the id, and its coordinates stand where they always stand
    struct bytes object = buffer_bytes(&sk->made.attestation);
    size_t at = bytes_find(object, bytes_of(sk->made.id, sk->made.id_n)) + sk->made.id_n;
    struct bytes x = bytes_slice(object, at + 10, 32), y = bytes_slice(object, at + 45, 32);
    buffer_init(&sk->key, SSH_KEY_MAX);
    if (edwards) {
        ssh_wire_put_string(&sk->key, BYTES("sk-ssh-ed25519@openssh.com"));
        ssh_wire_put_string(&sk->key, x);
    } else {
        ssh_wire_put_string(&sk->key, BYTES("sk-ecdsa-sha2-nistp256@openssh.com"));
        ssh_wire_put_string(&sk->key, BYTES("nistp256"));
        put_u32(&sk->key, 65);
        buffer_put_byte(&sk->key, 4);
        buffer_put(&sk->key, x);
        buffer_put(&sk->key, y);
    }
    ssh_wire_put_string(&sk->key, bytes_str(application));
}

static inline void
sk_end(struct sk *sk)
{
    buffer_free(&sk->key);
    softauthn_registration_free(&sk->made);
    softauthn_free(&sk->authenticator);
}

/* The signature blob over what is to be signed. */
static inline void
sk_sign(struct sk *sk, struct bytes to_sign, const char *pin, struct buffer *out)
{
    struct softauthn_request request = {.rp_id = sk->application,
                                        .client_data = to_sign,
                                        .pin = pin,
                                        .credential = bytes_of(sk->made.id, sk->made.id_n)};
    struct softauthn_assertion assertion;
    assert_int_equal(softauthn_assert(sk->authenticator, &request, &assertion), SOFTAUTHN_OK);
    BUFFER_AUTO value;
    buffer_init(&value, 256);
    if (sk->edwards)
        buffer_put(&value, buffer_bytes(&assertion.signature));
    else
        put_ecdsa_numbers(&value, buffer_bytes(&assertion.signature));
    ssh_wire_put_string(out, sk->edwards ? BYTES("sk-ssh-ed25519@openssh.com")
                                         : BYTES("sk-ecdsa-sha2-nistp256@openssh.com"));
    ssh_wire_put_string(out, buffer_bytes(&value));
    buffer_put(out, bytes_slice(buffer_bytes(&assertion.authenticator_data), 32, 5));
    softauthn_assertion_free(&assertion);
}

/* An SSHSIG of the security key over `message`. */
static inline void
sk_envelope(struct sk *sk, const char *message, const char *pin, struct buffer *out)
{
    BUFFER_AUTO to_sign, signature;
    buffer_init(&to_sign, 512);
    buffer_init(&signature, 512);
    put_to_sign(&to_sign, NAMESPACE, "sha512", "SHA512", bytes_str(message));
    sk_sign(sk, buffer_bytes(&to_sign), pin, &signature);
    put_envelope(out, &(struct parts){.version = 1,
                                      .key = buffer_bytes(&sk->key),
                                      .name_space = BYTES(NAMESPACE),
                                      .hash = BYTES("sha512"),
                                      .signature = buffer_bytes(&signature)});
}

/* ---- verdicts ---- */

static inline enum failure
judge(struct bytes text, const char *message, struct ssh_signature *out, struct fault *fault)
{
    static struct ssh_signature ignored;
    *fault = (struct fault){0};
    return ssh_signature_verify(text, NAMESPACE, bytes_str(message), out ? out : &ignored, fault);
}

static inline void
expect(const char *what, enum failure got, enum failure expected, const struct fault *fault)
{
    if (got != expected)
        FAIL_WITH("%s: got %s, expected %s: %s", what, failure_code(got), failure_code(expected),
                  fault->detail);
    if (expected != FAILURE_NONE && expected != FAILURE_INTERNAL && fault->detail[0] == '\0')
        FAIL_WITH("%s: %s, and no word about why", what, failure_code(got));
}

#endif
