/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing as ssh-agent does, with ed25519 keys: plain ones, and such as a security key would hold.
 */
#ifndef KEYHOLE_TEST_DISCHARGE_SSH_SIGNER_H
#define KEYHOLE_TEST_DISCHARGE_SSH_SIGNER_H

#include "../../../caveats/base64.h"

#include <sodium.h>
#include <string.h>

struct ssh_signer {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret_key[crypto_sign_SECRETKEYBYTES];
    bool sk;       /* sk-ssh-ed25519@openssh.com, for the application "ssh:" */
    uint8_t flags; /* 1: presence, 4: verification */
    uint32_t counter;
};

static inline void
ssh_signer_init(struct ssh_signer *signer, bool sk)
{
    *signer = (struct ssh_signer){.sk = sk, .flags = 1, .counter = 1};
    crypto_sign_keypair(signer->public_key, signer->secret_key);
}

static inline void
ssh_put_u32(struct buffer *out, uint32_t n)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_put_byte(out, (uint8_t)(n >> shift));
}

static inline void
ssh_put(struct buffer *out, struct bytes text)
{
    ssh_put_u32(out, (uint32_t)text.n);
    buffer_put(out, text);
}

static inline const char *
ssh_signer_type(const struct ssh_signer *signer)
{
    return signer->sk ? "sk-ssh-ed25519@openssh.com" : "ssh-ed25519";
}

static inline void
ssh_signer_blob(const struct ssh_signer *signer, struct buffer *out)
{
    ssh_put(out, bytes_str(ssh_signer_type(signer)));
    ssh_put(out, bytes_of(signer->public_key, sizeof signer->public_key));
    if (signer->sk)
        ssh_put(out, BYTES("ssh:"));
}

/* As in id_ed25519.pub. */
static inline void
ssh_signer_line(const struct ssh_signer *signer, struct buffer *out)
{
    BUFFER_AUTO blob;
    buffer_init(&blob, 512);
    ssh_signer_blob(signer, &blob);
    buffer_printf(out, "%s ", ssh_signer_type(signer));
    base64_encode(BASE64_STANDARD, buffer_bytes(&blob), out);
    buffer_put_str(out, " a comment");
}

/* What is signed under PROTOCOL.sshsig; a security key signs a hash of it among other things. */
static inline void
ssh_signer_signature(const struct ssh_signer *signer, struct bytes signed_data, struct buffer *out)
{
    uint8_t hash[32], signature[crypto_sign_BYTES];
    BUFFER_AUTO message;
    buffer_init(&message, 1024);
    if (signer->sk) {
        crypto_hash_sha256(hash, (const uint8_t *)"ssh:", 4);
        buffer_put(&message, bytes_of(hash, sizeof hash));
        buffer_put_byte(&message, signer->flags);
        ssh_put_u32(&message, signer->counter);
        crypto_hash_sha256(hash, signed_data.p, signed_data.n);
        buffer_put(&message, bytes_of(hash, sizeof hash));
    } else {
        buffer_put(&message, signed_data);
    }
    crypto_sign_detached(signature, NULL, message.p, message.n, signer->secret_key);
    BUFFER_AUTO blob;
    buffer_init(&blob, 512);
    ssh_put(&blob, bytes_str(ssh_signer_type(signer)));
    ssh_put(&blob, bytes_of(signature, sizeof signature));
    if (signer->sk) {
        buffer_put_byte(&blob, signer->flags);
        ssh_put_u32(&blob, signer->counter);
    }
    ssh_put(out, buffer_bytes(&blob));
}

/* Armoured. */
static inline void
ssh_signer_sign(const struct ssh_signer *signer, const char *name_space, struct bytes message,
                struct buffer *out)
{
    uint8_t hash[64];
    BUFFER_AUTO data, blob, whole, text;
    buffer_init(&data, 1024);
    buffer_init(&blob, 1024);
    buffer_init(&whole, 2048);
    buffer_init(&text, 4096);
    crypto_hash_sha512(hash, message.p, message.n);
    buffer_put_str(&data, "SSHSIG");
    ssh_put(&data, bytes_str(name_space));
    ssh_put(&data, BYTES_EMPTY);
    ssh_put(&data, BYTES("sha512"));
    ssh_put(&data, bytes_of(hash, sizeof hash));
    buffer_put_str(&whole, "SSHSIG");
    ssh_put_u32(&whole, 1);
    ssh_signer_blob(signer, &blob);
    ssh_put(&whole, buffer_bytes(&blob));
    ssh_put(&whole, bytes_str(name_space));
    ssh_put(&whole, BYTES_EMPTY);
    ssh_put(&whole, BYTES("sha512"));
    ssh_signer_signature(signer, buffer_bytes(&data), &whole);
    base64_encode(BASE64_STANDARD, buffer_bytes(&whole), &text);
    buffer_put_str(out, "-----BEGIN SSH SIGNATURE-----\n");
    for (size_t i = 0; i < text.n; i += 70) {
        buffer_put(out, bytes_slice(buffer_bytes(&text), i, 70));
        buffer_put_byte(out, '\n');
    }
    buffer_put_str(out, "-----END SSH SIGNATURE-----\n");
}

#endif
