/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/webauthn/registration.c broker/webauthn/attestation_object.c
 * broker/webauthn/authenticator_data.c broker/webauthn/ceremony.c broker/webauthn/certificate.c
 * broker/webauthn/client_data.c broker/webauthn/signature.c broker/webauthn/chain.c
 *
 * Whatever is registered: accepted is only this rpId, with presence and the PIN where it is
 * demanded; "attested" is only what has a leaf that a root of ours signed, of which there are those
 * in leaves/ and no others, and it is signed by that leaf: with another challenge it is refused.
 * Nothing else is, and where an attestation is demanded it is refused. Nothing is a YubiKey, since
 * no root is one of Yubico's.
 *
 * Input: a byte of flags for the test (1 PIN demanded, 2 attestation demanded, 4 packed self
 * attestation that is signed here, else the attestation object as it is, 8 other rpId, 16 with
 * roots); the client data up to a newline; then the object, or the flags and what follows the
 * credential. Chains are made by tests/unit/webauthn (KEYHOLE_FUZZ_REGISTRATION).
 */

#include "../../../broker/webauthn/webauthn.h"
#include "../signer.h"

#include <dirent.h>

#define HOME "tests/fuzz/registration/"

enum { OBJECT_MAX = 8192, LEAVES_MAX = 128, LEAF_MAX = 2048 };

static struct webauthn_trust *trust;
static struct leaf {
    uint8_t text[LEAF_MAX];
    size_t n;
} leaf[LEAVES_MAX];
static size_t leaf_count;

static void
read_leaf(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, HOME "leaves/%s", name);
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file != NULL && leaf_count < LEAVES_MAX);
    leaf[leaf_count].n = fread(leaf[leaf_count].text, 1, LEAF_MAX, file);
    FUZZ_CHECK(leaf[leaf_count].n > 0 && leaf[leaf_count].n < LEAF_MAX);
    leaf_count++;
    fclose(file);
}

static void
read_files(void)
{
    struct fault fault = {0};
    struct dirent *entry;
    FUZZ_CHECK(webauthn_trust_read(HOME "roots", &trust, &fault) == KH_OK);
    FUZZ_CHECK(webauthn_trust_count(trust) > 0); // run it where the sources are
    DIR *directory = opendir(HOME "leaves");
    FUZZ_CHECK(directory != NULL);
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != '.')
            read_leaf(entry->d_name);
    }
    closedir(directory);
}

static bool
has_leaf(struct bytes object)
{
    for (size_t i = 0; i < leaf_count; i++) {
        if (bytes_find(object, bytes_of(leaf[i].text, leaf[i].n)) < object.n)
            return true;
    }
    return false;
}

static void
put_head(struct buffer *out, unsigned major, size_t n)
{
    if (n < 24) {
        buffer_put_byte(out, (uint8_t)(major << 5 | n));
        return;
    }
    buffer_put_byte(out, (uint8_t)(major << 5 | 25));
    if (n < 256) {
        out->p[out->n - 1]--;
        buffer_put_byte(out, (uint8_t)n);
    } else {
        buffer_put_number(out, n, 2);
    }
}

static void
put_text(struct buffer *out, const char *text)
{
    put_head(out, 3, strlen(text));
    buffer_put_str(out, text);
}

/* {"fmt": "packed", "attStmt": {"alg": -8, "sig": …}, "authData": …} */
static void
self_attested(struct bytes rp_id, struct bytes rest, struct bytes client_data, struct buffer *out)
{
    uint8_t hash[32], signature[SIGNER_SIGNATURE_SIZE], key[SIGNER_COSE_SIZE];
    BUFFER_AUTO data = {0};
    buffer_init(&data, OBJECT_MAX);
    signer_sha256(rp_id, hash);
    buffer_put(&data, bytes_of(hash, 32));
    buffer_put_byte(&data, fuzz_u8(&rest));
    buffer_put_number(&data, fuzz_u8(&rest), 4);
    for (int i = 0; i < 16; i++)
        buffer_put_byte(&data, 0x4b);
    buffer_put(&data, BYTES("\0\4idid"));
    signer_cose(key);
    buffer_put(&data, bytes_of(key, sizeof key));
    buffer_put(&data, rest);
    size_t n = data.n;
    signer_sha256(client_data, hash);
    buffer_put(&data, bytes_of(hash, 32));
    if (data.failed)
        return;
    signer_sign(buffer_bytes(&data), signature);
    put_head(out, 5, 3);
    put_text(out, "fmt");
    put_text(out, "packed");
    put_text(out, "attStmt");
    put_head(out, 5, 2);
    put_text(out, "alg");
    buffer_put_byte(out, 0x27);
    put_text(out, "sig");
    put_head(out, 2, sizeof signature);
    buffer_put(out, bytes_of(signature, sizeof signature));
    put_text(out, "authData");
    put_head(out, 2, n);
    buffer_put(out, bytes_slice(buffer_bytes(&data), 0, n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct webauthn_credential credential;
    static struct webauthn_verdict verdict;
    struct bytes rest = bytes_of(data, size);
    uint8_t test = fuzz_u8(&rest);
    struct bytes client_data = fuzz_line(&rest);
    BUFFER_AUTO object = {0};
    if (!trust)
        read_files();
    const struct webauthn_expectation expectation = {
        .rp_id = BYTES("example.com"),
        .origin = BYTES("https://example.com"),
        .challenge = BYTES("a challenge of thirty-two bytes."),
        .verification = test & 1,
    };
    const struct webauthn_rules rules = {
        .trust = test & 16 ? trust : NULL,
        .attestation = test & 2 ? ATTESTATION_REQUIRED : ATTESTATION_OPTIONAL,
        .now = 1795000000,
    };

    buffer_init(&object, OBJECT_MAX * 4);
    if (test & 4)
        self_attested(test & 8 ? BYTES("other.example") : expectation.rp_id, rest, client_data,
                      &object);
    else
        buffer_put(&object, rest);
    memset(&credential, 0, sizeof credential);
    enum failure failure = webauthn_register(&expectation, &rules, client_data,
                                             buffer_bytes(&object), &credential, &verdict);
    FUZZ_CHECK(failure == verdict.failure && verdict.step_count <= WEBAUTHN_STEPS_MAX);
    if (failure != FAILURE_NONE)
        return 0;
    FUZZ_CHECK(!(test & 2) || credential.attested);
    FUZZ_CHECK(!credential.yubikey);
    if (credential.attested) {
        FUZZ_CHECK((test & 16) && has_leaf(buffer_bytes(&object)));
        // What was signed is this ceremony.
        struct webauthn_expectation other = expectation;
        other.challenge = BYTES("another challenge of 32 bytes...");
        FUZZ_CHECK(webauthn_register(&other, &rules, client_data, buffer_bytes(&object),
                                     &credential, &verdict) != FAILURE_NONE);
        return 0;
    }
    FUZZ_CHECK(!(test & 4) || !(test & 8));
    FUZZ_CHECK(!(test & 1) || credential.verified);
    FUZZ_CHECK(credential.id_n > 0 && credential.public_key_n > 0);
    return 0;
}
