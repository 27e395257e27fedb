/* SPDX-License-Identifier: Apache-2.0
 *
 * The attestation object of a new credential, in CBOR (WebAuthn Level 2, 6.5): libfido2 has its
 * parts.
 */
#include "fido_sign.h"

#include <string.h>

enum cbor_major { CBOR_BYTES = 2, CBOR_TEXT = 3, CBOR_ARRAY = 4, CBOR_MAP = 5 };

static void
cbor_put_head(struct buffer *out, enum cbor_major major, size_t n)
{
    uint8_t high = (uint8_t)(major << 5);
    if (n < 24) {
        buffer_put_byte(out, high | (uint8_t)n);
    } else if (n < 256) {
        buffer_put_byte(out, high | 24);
        buffer_put_byte(out, (uint8_t)n);
    } else {
        buffer_put_byte(out, high | 25);
        buffer_put_byte(out, (uint8_t)(n >> 8));
        buffer_put_byte(out, (uint8_t)n);
    }
}

static void
cbor_put_text(struct buffer *out, const char *text)
{
    cbor_put_head(out, CBOR_TEXT, strlen(text));
    buffer_put_str(out, text);
}

static void
cbor_put_bytes(struct buffer *out, struct bytes data)
{
    cbor_put_head(out, CBOR_BYTES, data.n);
    buffer_put(out, data);
}

// libfido2's own statement for U2F names an algorithm, which WebAuthn (8.6) does not know there.
static bool
attestation_put_u2f(const fido_cred_t *credential, struct buffer *out)
{
    struct bytes signature = bytes_of(fido_cred_sig_ptr(credential), fido_cred_sig_len(credential));
    struct bytes certificate =
        bytes_of(fido_cred_x5c_ptr(credential), fido_cred_x5c_len(credential));
    if (signature.n == 0 || certificate.n == 0)
        return false;
    cbor_put_head(out, CBOR_MAP, 2);
    cbor_put_text(out, "sig");
    cbor_put_bytes(out, signature);
    cbor_put_text(out, "x5c");
    cbor_put_head(out, CBOR_ARRAY, 1);
    cbor_put_bytes(out, certificate);
    return true;
}

bool
fido_attestation_put(const fido_cred_t *credential, struct buffer *out)
{
    const char *format = fido_cred_fmt(credential);
    struct bytes statement =
        bytes_of(fido_cred_attstmt_ptr(credential), fido_cred_attstmt_len(credential));
    struct bytes data =
        bytes_of(fido_cred_authdata_raw_ptr(credential), fido_cred_authdata_raw_len(credential));
    if (format == NULL || data.n == 0 || data.n > UINT16_MAX)
        return false;
    // Keys in the order of canonical CBOR: the shorter one first.
    cbor_put_head(out, CBOR_MAP, 3);
    cbor_put_text(out, "fmt");
    cbor_put_text(out, format);
    cbor_put_text(out, "attStmt");
    bool ok = true;
    if (strcmp(format, "fido-u2f") == 0)
        ok = attestation_put_u2f(credential, out);
    else if (strcmp(format, "none") == 0)
        cbor_put_head(out, CBOR_MAP, 0);
    else if (statement.n > 0)
        buffer_put(out, statement);
    else
        ok = false;
    cbor_put_text(out, "authData");
    cbor_put_bytes(out, data);
    return ok && !out->failed;
}
