/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/webauthn/assertion.c broker/webauthn/ceremony.c broker/webauthn/client_data.c
 * broker/webauthn/json.c broker/webauthn/signature.c
 *
 * Whatever a key signs: accepted are its presence, the PIN where it is demanded, this rpId, this
 * challenge, this origin, and a counter that went up; never a byte that was not signed, and nothing
 * that follows the data.
 *
 * Input: '{' begins the JSON of a browser. Else a byte of flags for the test (1 PIN demanded, 2
 * other rpId, 4 stored counter 5, 8 a byte changed after signing), flags and counter of the data,
 * then extensions up to a newline, then the client data.
 */

#include "../../../broker/webauthn/webauthn.h"
#include "../signer.h"

enum { DATA_MAX = 4096 };

static void
try_json(struct bytes text)
{
    struct webauthn_registration_json registration;
    struct webauthn_assertion_json assertion;
    struct fault fault = {0};
    memset(&registration, 0, sizeof registration);
    memset(&assertion, 0, sizeof assertion);
    if (webauthn_registration_read(text, &registration, &fault) == FAILURE_NONE) {
        FUZZ_CHECK(registration.attestation.n <= WEBAUTHN_INPUT_MAX);
        webauthn_registration_free(&registration);
    }
    if (webauthn_assertion_read(text, &assertion, &fault) == FAILURE_NONE) {
        FUZZ_CHECK(assertion.signature.n <= WEBAUTHN_INPUT_MAX);
        webauthn_assertion_free(&assertion);
    }
}

static bool
says(struct bytes client_data, const char *text)
{
    return bytes_find(client_data, bytes_str(text)) < client_data.n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct webauthn_credential credential;
    static struct webauthn_verdict verdict;
    struct webauthn_assertion out = {0};
    struct bytes rest = bytes_of(data, size);
    uint8_t hash[32], signature[SIGNER_SIGNATURE_SIZE];
    BUFFER_AUTO signed_data = {0};

    if (size > 0 && data[0] == '{') {
        try_json(rest);
        return 0;
    }
    uint8_t test = fuzz_u8(&rest), flags = fuzz_u8(&rest);
    uint32_t counter = fuzz_u32(&rest);
    struct bytes extensions = fuzz_line(&rest), client_data = rest;
    buffer_init(&signed_data, DATA_MAX);
    signer_sha256(test & 2 ? BYTES("other.example") : BYTES("example.com"), hash);
    buffer_put(&signed_data, bytes_of(hash, 32));
    buffer_put_byte(&signed_data, flags);
    buffer_put_number(&signed_data, counter, 4);
    buffer_put(&signed_data, extensions);
    size_t data_n = signed_data.n;
    signer_sha256(client_data, hash);
    buffer_put(&signed_data, bytes_of(hash, 32));
    if (signed_data.failed)
        return 0;
    signer_sign(buffer_bytes(&signed_data), signature);
    if (test & 8)
        signed_data.p[counter % data_n] ^= (uint8_t)(1U << counter % 8);

    memset(&credential, 0, sizeof credential);
    memcpy(credential.id, "id", 2);
    credential.id_n = 2;
    signer_cose(credential.public_key);
    credential.public_key_n = SIGNER_COSE_SIZE;
    credential.algorithm = -8;
    credential.counter = test & 4 ? 5 : 0;
    const struct webauthn_expectation expectation = {
        .rp_id = BYTES("example.com"),
        .origin = BYTES("https://example.com"),
        .challenge = BYTES("a challenge of thirty-two bytes."),
        .verification = test & 1,
    };
    enum failure failure = webauthn_assert(&expectation, &credential, client_data,
                                           bytes_slice(buffer_bytes(&signed_data), 0, data_n),
                                           bytes_of(signature, sizeof signature), &out, &verdict);
    FUZZ_CHECK(failure == verdict.failure && verdict.step_count <= WEBAUTHN_STEPS_MAX);
    if (failure != FAILURE_NONE)
        return 0;
    FUZZ_CHECK(!(test & 2) && !(test & 8));
    FUZZ_CHECK((flags & 0x01) && (!(test & 1) || (flags & 0x04)) && !(flags & 0x62));
    FUZZ_CHECK(((flags & 0x80) != 0) == (extensions.n > 0));
    FUZZ_CHECK(out.counter == counter && out.verified == ((flags & 0x04) != 0));
    FUZZ_CHECK(credential.counter == 0 ? true : counter > credential.counter);
    FUZZ_CHECK(says(client_data, "webauthn") || says(client_data, "\\u"));
    FUZZ_CHECK(says(client_data, "YSBjaGFsbGVuZ2Ugb2YgdGhpcnR5LXR3byBieXRlcy4") ||
               says(client_data, "\\u"));
    return 0;
}
