/* SPDX-License-Identifier: Apache-2.0 */
/* What a browser does between a page and the software authenticator: commands, and the objects that
 * WebAuthn makes of the answers (5.1.3, 5.1.4, 6.5.4, 8.6). */

#include "softauthn.h"

#include <openssl/x509.h>
#include <string.h>

#include "softauthn_internal.h"

enum { ANSWER_MAX = 2 * SOFTAUTHN_MESSAGE_MAX };

static enum softauthn_status
write_pin(struct softauthn *a, const struct softauthn_request *r, int permission, struct bytes hash,
          int label, struct buffer *command)
{
    uint8_t tag[32];
    if (r->pin == NULL)
        return SOFTAUTHN_OK;
    enum softauthn_status status = softauthn_pin_authorise(a, r->pin, permission, hash, tag);
    if (status != SOFTAUTHN_OK)
        return status;
    ctap_write_int(command, label);
    ctap_write_bytes(command, bytes_of(tag, sizeof(tag)));
    ctap_write_int(command, label + 1);
    ctap_write_int(command, 2);
    return SOFTAUTHN_OK;
}

static void
write_descriptors(struct buffer *command, struct bytes id)
{
    ctap_write_array(command, 1);
    ctap_write_map(command, 2);
    ctap_write_text(command, "id");
    ctap_write_bytes(command, id);
    ctap_write_text(command, "type");
    ctap_write_text(command, "public-key");
}

static void
write_algorithms(struct buffer *command)
{
    static const int all[] = {SOFTAUTHN_ES256, SOFTAUTHN_EDDSA, SOFTAUTHN_RS256};
    ctap_write_int(command, 4);
    ctap_write_array(command, 3);
    for (size_t i = 0; i < 3; i++) {
        ctap_write_map(command, 2);
        ctap_write_text(command, "alg");
        ctap_write_int(command, all[i]);
        ctap_write_text(command, "type");
        ctap_write_text(command, "public-key");
    }
}

static enum softauthn_status
write_make(struct softauthn *a, const struct softauthn_request *r, struct bytes hash,
           struct buffer *command)
{
    buffer_put_byte(command, 0x01);
    ctap_write_map(command, 4 + (r->credential.n ? 1 : 0) + (r->pin ? 2 : 0));
    ctap_write_int(command, 1);
    ctap_write_bytes(command, hash);
    ctap_write_int(command, 2);
    ctap_write_map(command, 1);
    ctap_write_text(command, "id");
    ctap_write_text(command, r->rp_id);
    ctap_write_int(command, 3);
    ctap_write_map(command, 1);
    ctap_write_text(command, "id");
    ctap_write_bytes(command, BYTES("user"));
    write_algorithms(command);
    if (r->credential.n) {
        ctap_write_int(command, 5);
        write_descriptors(command, r->credential);
    }
    return write_pin(a, r, SOFTAUTHN_MAY_REGISTER, hash, 8, command);
}

/* The credential's id out of authenticator data that has one. */
static bool
take_id(struct bytes data, struct softauthn_registration *out)
{
    if (data.n < 55)
        return false;
    size_t n = (size_t)data.p[53] << 8 | data.p[54];
    if (n > sizeof(out->id) || n > data.n - 55)
        return false;
    memcpy(out->id, data.p + 55, n);
    out->id_n = n;
    return true;
}

static enum softauthn_status
read_make(struct bytes answer, struct softauthn_registration *out)
{
    struct ctap_reader in = {.rest = bytes_from(answer, 1)};
    struct bytes format = BYTES(""), data = BYTES(""), statement = BYTES("");
    for (uint64_t n = ctap_read_map(&in); n > 0 && !in.failed; n--)
        switch (ctap_read_int(&in)) {
        case 1:
            format = ctap_read_text(&in);
            break;
        case 2:
            data = ctap_read_bytes(&in);
            break;
        default:
            statement = ctap_read_item(&in).rest;
        }
    if (in.failed || !take_id(data, out))
        return SOFTAUTHN_OTHER;
    ctap_write_map(&out->attestation, 3);
    ctap_write_text(&out->attestation, "fmt");
    ctap_write_text(&out->attestation, bytes_is(format, "none") ? "none" : "packed");
    ctap_write_text(&out->attestation, "attStmt");
    buffer_put(&out->attestation, statement);
    ctap_write_text(&out->attestation, "authData");
    ctap_write_bytes(&out->attestation, data);
    return out->attestation.failed ? SOFTAUTHN_OTHER : SOFTAUTHN_OK;
}

static void
put_apdu(struct buffer *out, uint8_t instruction, uint8_t parameter, struct bytes data)
{
    const uint8_t head[] = {
        0, instruction, parameter, 0, 0, (uint8_t)(data.n >> 8), (uint8_t)data.n};
    buffer_put(out, bytes_of(head, sizeof(head)));
    buffer_put(out, data);
    buffer_put(out, bytes_of("\0\0", 2)); // Le
}

/* Sends an APDU; false unless the status word says that it went well, which is cut off. */
static bool
exchange_apdu(struct softauthn *a, uint8_t instruction, uint8_t parameter, struct bytes data,
              struct buffer *answer)
{
    BUFFER_AUTO apdu;
    buffer_init(&apdu, 1024);
    put_apdu(&apdu, instruction, parameter, data);
    softauthn_u2f(a, buffer_bytes(&apdu), answer);
    if (answer->failed || answer->n < 2 || answer->p[answer->n - 2] != 0x90)
        return false;
    answer->n -= 2;
    return true;
}

/* What the client writes of a U2F key: it was touched, and its count is not known. */
static void
write_u2f_data(struct buffer *data, const uint8_t rp_hash[SOFTAUTHN_HASH_SIZE], struct bytes point,
               struct bytes id)
{
    static const uint8_t zero[16];
    buffer_put(data, bytes_of(rp_hash, SOFTAUTHN_HASH_SIZE));
    buffer_put_byte(data, SOFTAUTHN_FLAG_UP | SOFTAUTHN_FLAG_CREDENTIAL);
    buffer_put(data, bytes_of(zero, 4));
    buffer_put(data, bytes_of(zero, 16));
    buffer_put_byte(data, 0);
    buffer_put_byte(data, (uint8_t)id.n);
    buffer_put(data, id);
    ctap_write_map(data, 5);
    ctap_write_int(data, 1);
    ctap_write_int(data, 2);
    ctap_write_int(data, 3);
    ctap_write_int(data, SOFTAUTHN_ES256);
    ctap_write_int(data, -1);
    ctap_write_int(data, 1);
    ctap_write_int(data, -2);
    ctap_write_bytes(data, bytes_slice(point, 1, 32));
    ctap_write_int(data, -3);
    ctap_write_bytes(data, bytes_slice(point, 33, 32));
}

static enum softauthn_status
register_u2f(struct softauthn *a, const struct softauthn_request *r, struct bytes hash,
             struct softauthn_registration *out)
{
    uint8_t both[2 * SOFTAUTHN_HASH_SIZE], *rp_hash = both + SOFTAUTHN_HASH_SIZE;
    memcpy(both, hash.p, SOFTAUTHN_HASH_SIZE);
    softauthn_sha256(bytes_str(r->rp_id), rp_hash);
    BUFFER_AUTO answer, data;
    buffer_init(&answer, ANSWER_MAX);
    buffer_init(&data, 512);
    if (r->pin || !exchange_apdu(a, 0x01, 0, bytes_of(both, sizeof(both)), &answer) ||
        answer.n < 67 + SOFTAUTHN_ID_SIZE)
        return SOFTAUTHN_OPERATION_DENIED;
    struct bytes rest = buffer_bytes(&answer);
    struct bytes point = bytes_slice(rest, 1, 65);
    struct bytes id = bytes_slice(rest, 67, rest.p[66]);
    rest = bytes_from(rest, 67 + id.n);
    const uint8_t *end = rest.p;
    X509 *leaf = d2i_X509(NULL, &end, (long)rest.n);
    if (leaf == NULL)
        return SOFTAUTHN_OTHER;
    X509_free(leaf);
    size_t leaf_n = (size_t)(end - rest.p);

    write_u2f_data(&data, rp_hash, point, id);
    ctap_write_map(&out->attestation, 3);
    ctap_write_text(&out->attestation, "fmt");
    ctap_write_text(&out->attestation, "fido-u2f");
    ctap_write_text(&out->attestation, "attStmt");
    ctap_write_map(&out->attestation, 2);
    ctap_write_text(&out->attestation, "sig");
    ctap_write_bytes(&out->attestation, bytes_from(rest, leaf_n));
    ctap_write_text(&out->attestation, "x5c");
    ctap_write_array(&out->attestation, 1);
    ctap_write_bytes(&out->attestation, bytes_slice(rest, 0, leaf_n));
    ctap_write_text(&out->attestation, "authData");
    ctap_write_bytes(&out->attestation, buffer_bytes(&data));
    return take_id(buffer_bytes(&data), out) && !out->attestation.failed ? SOFTAUTHN_OK
                                                                         : SOFTAUTHN_OTHER;
}

enum softauthn_status
softauthn_register(struct softauthn *a, const struct softauthn_request *r,
                   struct softauthn_registration *out)
{
    uint8_t digest[SOFTAUTHN_HASH_SIZE];
    softauthn_sha256(r->client_data, digest);
    struct bytes hash = bytes_of(digest, sizeof(digest));
    *out = (struct softauthn_registration){0};
    buffer_init(&out->attestation, ANSWER_MAX);
    if (a->options.format == SOFTAUTHN_U2F)
        return register_u2f(a, r, hash, out);
    BUFFER_AUTO command, answer;
    buffer_init(&command, ANSWER_MAX);
    buffer_init(&answer, ANSWER_MAX);
    enum softauthn_status status = write_make(a, r, hash, &command);
    if (status != SOFTAUTHN_OK)
        return status;
    softauthn_ctap(a, buffer_bytes(&command), &answer);
    if (answer.p[0] != SOFTAUTHN_OK)
        return (enum softauthn_status)answer.p[0];
    return read_make(buffer_bytes(&answer), out);
}

static enum softauthn_status
read_get(struct bytes answer, struct softauthn_assertion *out)
{
    struct ctap_reader in = {.rest = bytes_from(answer, 1)};
    struct bytes id = BYTES("");
    for (uint64_t n = ctap_read_map(&in); n > 0 && !in.failed; n--)
        switch (ctap_read_int(&in)) {
        case 1:
            for (uint64_t m = ctap_read_map(&in); m > 0 && !in.failed; m--) {
                if (bytes_is(ctap_read_text(&in), "id"))
                    id = ctap_read_bytes(&in);
                else
                    ctap_read_item(&in);
            }
            break;
        case 2:
            buffer_put(&out->authenticator_data, ctap_read_bytes(&in));
            break;
        case 3:
            buffer_put(&out->signature, ctap_read_bytes(&in));
            break;
        default:
            ctap_read_item(&in);
        }
    if (in.failed || id.n > sizeof(out->id))
        return SOFTAUTHN_OTHER;
    memcpy(out->id, id.p, id.n);
    out->id_n = id.n;
    return SOFTAUTHN_OK;
}

static enum softauthn_status
assert_u2f(struct softauthn *a, const struct softauthn_request *r, struct bytes hash,
           struct softauthn_assertion *out)
{
    uint8_t rp_hash[SOFTAUTHN_HASH_SIZE];
    softauthn_sha256(bytes_str(r->rp_id), rp_hash);
    BUFFER_AUTO data, answer;
    buffer_init(&data, 512);
    buffer_init(&answer, 512);
    buffer_put(&data, hash);
    buffer_put(&data, bytes_of(rp_hash, sizeof(rp_hash)));
    buffer_put_byte(&data, (uint8_t)r->credential.n);
    buffer_put(&data, r->credential);
    if (r->pin || r->credential.n > sizeof(out->id) ||
        !exchange_apdu(a, 0x02, 0x03, buffer_bytes(&data), &answer) || answer.n < 5)
        return SOFTAUTHN_NO_CREDENTIALS;
    buffer_put(&out->authenticator_data, bytes_of(rp_hash, sizeof(rp_hash)));
    buffer_put(&out->authenticator_data, bytes_slice(buffer_bytes(&answer), 0, 5));
    buffer_put(&out->signature, bytes_from(buffer_bytes(&answer), 5));
    memcpy(out->id, r->credential.p, r->credential.n);
    out->id_n = r->credential.n;
    return SOFTAUTHN_OK;
}

enum softauthn_status
softauthn_assert(struct softauthn *a, const struct softauthn_request *r,
                 struct softauthn_assertion *out)
{
    uint8_t digest[SOFTAUTHN_HASH_SIZE];
    softauthn_sha256(r->client_data, digest);
    struct bytes hash = bytes_of(digest, sizeof(digest));
    *out = (struct softauthn_assertion){0};
    buffer_init(&out->authenticator_data, 1024);
    buffer_init(&out->signature, 1024);
    if (a->options.format == SOFTAUTHN_U2F)
        return assert_u2f(a, r, hash, out);
    BUFFER_AUTO command, answer;
    buffer_init(&command, ANSWER_MAX);
    buffer_init(&answer, ANSWER_MAX);
    buffer_put_byte(&command, 0x02);
    ctap_write_map(&command, 2 + (r->credential.n ? 1 : 0) + (r->pin ? 2 : 0));
    ctap_write_int(&command, 1);
    ctap_write_text(&command, r->rp_id);
    ctap_write_int(&command, 2);
    ctap_write_bytes(&command, hash);
    if (r->credential.n) {
        ctap_write_int(&command, 3);
        write_descriptors(&command, r->credential);
    }
    enum softauthn_status status = write_pin(a, r, SOFTAUTHN_MAY_ASSERT, hash, 6, &command);
    if (status != SOFTAUTHN_OK)
        return status;
    softauthn_ctap(a, buffer_bytes(&command), &answer);
    if (answer.p[0] != SOFTAUTHN_OK)
        return (enum softauthn_status)answer.p[0];
    return read_get(buffer_bytes(&answer), out);
}

void
softauthn_registration_free(struct softauthn_registration *r)
{
    buffer_free(&r->attestation);
}

void
softauthn_assertion_free(struct softauthn_assertion *a)
{
    buffer_free(&a->authenticator_data);
    buffer_free(&a->signature);
}
