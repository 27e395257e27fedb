/* SPDX-License-Identifier: Apache-2.0 */
/* SSHSIG (OpenSSH's PROTOCOL.sshsig): armour, envelope, and lines of public keys. */

#include "ssh_signature.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "../../caveats/base64.h"
#include "ssh_key.h"
#include "ssh_wire.h"

#define ARMOUR_BEGIN "-----BEGIN SSH SIGNATURE-----"
#define ARMOUR_END   "-----END SSH SIGNATURE-----"

enum { VERSION = 1, TO_SIGN_MAX = 1024, LINE_MAX_N = 2 * SSH_KEY_MAX };

static const struct {
    const char *name, *openssl;
} hashes[] = {{"sha256", "SHA256"}, {"sha512", "SHA512"}};

static enum failure
malformed(struct fault *detail, const char *what)
{
    (void)fault_set(detail, KH_ERR_SYNTAX, "%s", what);
    return FAILURE_SSH_MALFORMED;
}

/* ---- armour ---- */

/* One line and what ends it: LF, CRLF, or the end of the text. */
static bool
take_line(struct bytes *rest, struct bytes *line)
{
    if (rest->n == 0)
        return false;
    size_t end = bytes_index(*rest, '\n');
    *line = bytes_slice(*rest, 0, end);
    if (end < rest->n && bytes_ends(*line, BYTES("\r")))
        line->n--;
    *rest = bytes_from(*rest, end + 1);
    return true;
}

static bool
dearmour(struct bytes text, struct buffer *blob)
{
    struct bytes line = BYTES_EMPTY;
    BUFFER_AUTO joined;
    buffer_init(&joined, 2 * SSH_SIGNATURE_MAX);
    if (!take_line(&text, &line) || !bytes_is(line, ARMOUR_BEGIN))
        return false;
    while (take_line(&text, &line) && !bytes_is(line, ARMOUR_END)) {
        if (line.n == 0)
            return false;
        buffer_put(&joined, line);
    }
    return bytes_is(line, ARMOUR_END) && text.n == 0 && !joined.failed &&
           base64_decode(BASE64_STANDARD, buffer_bytes(&joined), blob);
}

/* ---- the envelope ---- */

struct envelope {
    struct bytes key, name_space, hash, signature;
};

static enum failure
open_envelope(struct bytes blob, struct envelope *out, struct fault *detail)
{
    struct ssh_wire wire;
    *out = (struct envelope){0};
    if (!bytes_starts(blob, BYTES("SSHSIG")))
        return malformed(detail, "no SSHSIG");
    ssh_wire_init(&wire, bytes_from(blob, 6));
    uint32_t version = ssh_wire_get_u32(&wire);
    out->key = ssh_wire_get_string(&wire);
    out->name_space = ssh_wire_get_string(&wire);
    struct bytes reserved = ssh_wire_get_string(&wire);
    out->hash = ssh_wire_get_string(&wire);
    out->signature = ssh_wire_get_string(&wire);
    if (!ssh_wire_end(&wire))
        return malformed(detail, "the SSHSIG is cut short, or goes on");
    if (version != VERSION)
        return malformed(detail, "an SSHSIG of another version than 1");
    // the signature covers the empty string in its place: what stands here nobody signed
    if (reserved.n > 0)
        return malformed(detail, "the SSHSIG has something where nothing is defined");
    if (out->key.n > SSH_KEY_MAX)
        return malformed(detail, "the SSH key is too long");
    return FAILURE_NONE;
}

/* The blob that the key signs; false for a hash that is not taken. */
static bool
write_to_sign(const struct envelope *envelope, struct bytes message, struct buffer *out)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    size_t n = 0;
    for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++)
        if (bytes_is(envelope->hash, hashes[i].name) &&
            EVP_Q_digest(NULL, hashes[i].openssl, NULL, message.p, message.n, hash, &n) != 1)
            return false;
    if (n == 0)
        return false;
    buffer_put(out, BYTES("SSHSIG"));
    ssh_wire_put_string(out, envelope->name_space);
    ssh_wire_put_string(out, BYTES(""));
    ssh_wire_put_string(out, envelope->hash);
    ssh_wire_put_string(out, bytes_of(hash, n));
    return !out->failed;
}

static void
fill(struct ssh_signature *out, const struct ssh_key *key, struct bytes blob,
     const struct ssh_key_claims *claims)
{
    *out = (struct ssh_signature){.key_n = blob.n, .security_key = key->type->security_key};
    memcpy(out->key, blob.p, blob.n);
    (void)snprintf(out->key_type, sizeof(out->key_type), "%s", key->type->name);
    if (out->security_key) {
        out->presence = (claims->flags & SSH_KEY_FLAG_PRESENCE) != 0;
        out->verified = (claims->flags & SSH_KEY_FLAG_VERIFIED) != 0;
        out->counter = claims->counter;
    }
}

static enum failure
verify_envelope(const struct envelope *envelope, struct bytes message, struct ssh_signature *out,
                struct fault *detail)
{
    BUFFER_AUTO to_sign;
    buffer_init(&to_sign, TO_SIGN_MAX);
    struct ssh_key key;
    struct ssh_key_claims claims;
    if (!write_to_sign(envelope, message, &to_sign)) {
        (void)fault_set(detail, KH_ERR_DENIED, "of hash algorithms, sha256 and sha512 are taken");
        return FAILURE_SSH_ALGORITHM;
    }
    enum failure failure = ssh_key_read(envelope->key, &key, detail);
    if (failure != FAILURE_NONE)
        return failure;
    failure = ssh_key_verify(&key, envelope->signature, buffer_bytes(&to_sign), &claims, detail);
    char fingerprint[SSH_FINGERPRINT_SIZE];
    if (failure == FAILURE_NONE && !ssh_fingerprint(envelope->key, fingerprint))
        failure = FAILURE_INTERNAL;
    if (failure == FAILURE_NONE) {
        fill(out, &key, envelope->key, &claims);
        memcpy(out->fingerprint, fingerprint, sizeof(fingerprint));
    }
    ssh_key_free(&key);
    return failure;
}

enum failure
ssh_signature_verify(struct bytes text, const char *name_space, struct bytes message,
                     struct ssh_signature *out, struct fault *detail)
{
    BUFFER_AUTO blob;
    buffer_init(&blob, SSH_SIGNATURE_MAX);
    struct envelope envelope;
    bool armoured = bytes_starts(text, BYTES("-"));
    if (text.n > 2 * SSH_SIGNATURE_MAX || (!armoured && text.n > SSH_SIGNATURE_MAX))
        return malformed(detail, "the SSH signature is too long");
    if (armoured && !dearmour(text, &blob))
        return malformed(detail, "the armour of the SSH signature is not well-formed");
    enum failure failure = open_envelope(armoured ? buffer_bytes(&blob) : text, &envelope, detail);
    if (failure != FAILURE_NONE)
        return failure;
    // an empty one would be what other programs leave out
    if (name_space == NULL || *name_space == '\0' || !bytes_is(envelope.name_space, name_space)) {
        (void)fault_set(detail, KH_ERR_DENIED, "the SSH signature is of another namespace than %s",
                        name_space ? name_space : "");
        return FAILURE_SSH_NAMESPACE;
    }
    return verify_envelope(&envelope, message, out, detail);
}

/* ---- keys ---- */

static bool
has_control(struct bytes text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < 0x20 || text.p[i] == 0x7f)
            return true;
    return false;
}

enum failure
ssh_public_key_read(struct bytes line, uint8_t blob[SSH_KEY_MAX], size_t *blob_n,
                    struct bytes *comment, struct fault *detail)
{
    static const char wanted[] = "a line as in id_ed25519.pub: type, key in base64, comment";
    if (bytes_ends(line, BYTES("\n")))
        line.n--;
    if (bytes_ends(line, BYTES("\r")))
        line.n--;
    struct bytes rest = line, type, text;
    if (line.n > LINE_MAX_N || has_control(line) || !bytes_cut(&rest, ' ', &type) ||
        !bytes_cut(&rest, ' ', &text))
        return malformed(detail, wanted);
    BUFFER_AUTO decoded;
    buffer_init(&decoded, SSH_KEY_MAX);
    if (!base64_decode(BASE64_STANDARD, text, &decoded))
        return malformed(detail, wanted);
    struct ssh_key key;
    enum failure failure = ssh_key_read(buffer_bytes(&decoded), &key, detail);
    if (failure != FAILURE_NONE)
        return failure;
    bool same = bytes_is(type, key.type->name);
    ssh_key_free(&key);
    if (!same)
        return malformed(detail, "the line says another type than its key");
    memcpy(blob, decoded.p, decoded.n);
    *blob_n = decoded.n;
    if (comment)
        *comment = bytes_trim(rest);
    return FAILURE_NONE;
}

bool
ssh_fingerprint(struct bytes blob, char out[SSH_FINGERPRINT_SIZE])
{
    uint8_t hash[32];
    BUFFER_AUTO text;
    buffer_init(&text, 64);
    if (EVP_Digest(blob.p, blob.n, hash, NULL, EVP_sha256(), NULL) != 1)
        return false;
    base64_encode(BASE64_STANDARD, bytes_of(hash, sizeof(hash)), &text);
    if (text.failed || text.n != 44)
        return false;
    (void)snprintf(out, SSH_FINGERPRINT_SIZE, "SHA256:%.43s", (const char *)text.p);
    return true;
}
