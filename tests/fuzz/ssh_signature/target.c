/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/webauthn/ssh_signature.c broker/webauthn/ssh_key.c broker/webauthn/ssh_wire.c
 *
 * A signature made here is taken exactly when its namespace is the one that is asked for and its
 * hash is one of two; with any byte changed it is not; a line of a public key that is taken names
 * the same key, and armour adds nothing.
 *
 * Input: a byte: 's' namespace, hash and message on a line each are signed here, the byte after 's'
 * says where the blob is changed (0: nowhere); 'k' the line of a public key; else a signature.
 */

#include "../../../broker/webauthn/ssh_signature.h"
#include "../../../caveats/base64.h"
#include "../signer.h"

#include <openssl/evp.h>

static void
put_u32(struct buffer *out, size_t n)
{
    buffer_put_number(out, n, 4);
}

static void
put_string(struct buffer *out, struct bytes text)
{
    put_u32(out, text.n);
    buffer_put(out, text);
}

static void
make(struct bytes name_space, struct bytes hash, struct bytes message, struct buffer *blob)
{
    uint8_t key[SIGNER_KEY_SIZE], signature[SIGNER_SIGNATURE_SIZE], digest[EVP_MAX_MD_SIZE];
    size_t n = sizeof digest;
    const char *name = bytes_is(hash, "sha256") ? "SHA256" : "SHA512";
    BUFFER_AUTO text = {0};
    BUFFER_AUTO public_key = {0};
    BUFFER_AUTO proof = {0};

    buffer_init(&text, 1 << 16);
    buffer_init(&public_key, 1024);
    buffer_init(&proof, 1024);
    FUZZ_CHECK(EVP_Q_digest(NULL, name, NULL, message.p, message.n, digest, &n) == 1);
    buffer_put_str(&text, "SSHSIG");
    put_string(&text, name_space);
    put_string(&text, BYTES(""));
    put_string(&text, hash);
    put_string(&text, bytes_of(digest, n));
    signer_sign(buffer_bytes(&text), signature);
    signer_public_key(key);
    put_string(&public_key, BYTES("ssh-ed25519"));
    put_string(&public_key, bytes_of(key, sizeof key));
    put_string(&proof, BYTES("ssh-ed25519"));
    put_string(&proof, bytes_of(signature, sizeof signature));
    buffer_put_str(blob, "SSHSIG");
    put_u32(blob, 1);
    put_string(blob, buffer_bytes(&public_key));
    put_string(blob, name_space);
    put_string(blob, BYTES(""));
    put_string(blob, hash);
    put_string(blob, buffer_bytes(&proof));
}

static enum failure
verify(struct bytes text, struct bytes message)
{
    static struct ssh_signature out;
    struct fault fault = {0};
    enum failure failure = ssh_signature_verify(text, "discharge@keyhole", message, &out, &fault);
    if (failure == FAILURE_NONE)
        FUZZ_CHECK(out.key_n > 0 && out.fingerprint[0] == 'S' && out.key_type[0] != '\0');
    else
        FUZZ_CHECK(fault.detail[0] != '\0');
    return failure;
}

static void
try_signed(struct bytes rest)
{
    uint8_t change = fuzz_u8(&rest);
    struct bytes name_space = fuzz_line(&rest), hash = fuzz_line(&rest), message = rest;
    BUFFER_AUTO blob = {0};
    BUFFER_AUTO armoured = {0};

    buffer_init(&blob, 1 << 16);
    buffer_init(&armoured, 1 << 17);
    make(name_space, hash, message, &blob);
    if (blob.failed || blob.n > SSH_SIGNATURE_MAX / 2)
        return;
    bool good = bytes_is(name_space, "discharge@keyhole") &&
                (bytes_is(hash, "sha256") || bytes_is(hash, "sha512"));
    if (change)
        blob.p[change % blob.n] ^= (uint8_t)(1U << change % 8);
    FUZZ_CHECK((verify(buffer_bytes(&blob), message) == FAILURE_NONE) == (good && !change));
    buffer_put_str(&armoured, "-----BEGIN SSH SIGNATURE-----\n");
    base64_encode(BASE64_STANDARD, buffer_bytes(&blob), &armoured);
    buffer_put_str(&armoured, "\n-----END SSH SIGNATURE-----\n");
    FUZZ_CHECK((verify(buffer_bytes(&armoured), message) == FAILURE_NONE) == (good && !change));
    FUZZ_CHECK(verify(buffer_bytes(&blob), BYTES("something else that nobody signed")) !=
               FAILURE_NONE);
}

static void
try_key(struct bytes line)
{
    static uint8_t blob[SSH_KEY_MAX];
    struct bytes comment;
    struct fault fault = {0};
    size_t n = 0;
    char fingerprint[SSH_FINGERPRINT_SIZE];
    if (ssh_public_key_read(line, blob, &n, &comment, &fault) == FAILURE_NONE)
        FUZZ_CHECK(n > 0 && n <= SSH_KEY_MAX && ssh_fingerprint(bytes_of(blob, n), fingerprint));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data, size);
    switch (fuzz_u8(&rest)) {
    case 's':
        try_signed(rest);
        break;
    case 'k':
        try_key(rest);
        break;
    default:
        (void)verify(bytes_of(data, size), BYTES("message"));
    }
    return 0;
}
