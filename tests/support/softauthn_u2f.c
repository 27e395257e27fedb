/* SPDX-License-Identifier: Apache-2.0 */
/* The software authenticator as a U2F key (FIDO U2F Raw Message Formats 1.2). */

#include "softauthn_internal.h"

#include <string.h>

enum {
    REGISTER = 0x01,
    AUTHENTICATE = 0x02,
    VERSION = 0x03,

    AUTHENTICATE_CHECK = 0x07,
    AUTHENTICATE_TOUCHED = 0x03,
    AUTHENTICATE_UNTOUCHED = 0x08,

    SW_OK = 0x9000,
    SW_WRONG_LENGTH = 0x6700,
    SW_NOT_YET = 0x6985,
    SW_WRONG_DATA = 0x6a80,
    SW_WRONG_CLASS = 0x6e00,
    SW_WRONG_INSTRUCTION = 0x6d00,

    POINT = 65,
};

/* Extended length, which is all that goes over USB; Le may follow. */
static bool
read_apdu(struct bytes apdu, struct bytes *data)
{
    *data = BYTES("");
    if (apdu.n < 4)
        return false;
    if (apdu.n < 7)
        return true;
    size_t n = (size_t)apdu.p[5] << 8 | apdu.p[6];
    if (apdu.n == 7)
        return true; // three bytes of Le alone
    if (apdu.p[4] != 0 || n > apdu.n - 7)
        return false;
    *data = bytes_slice(apdu, 7, n);
    return true;
}

static bool
sign_registration(const struct softauthn *a, const struct softauthn_credential *c,
                  struct bytes data, const uint8_t point[POINT], struct buffer *out)
{
    BUFFER_AUTO message;
    buffer_init(&message, 512);
    buffer_put_byte(&message, 0);
    buffer_put(&message, bytes_slice(data, SOFTAUTHN_HASH_SIZE, SOFTAUTHN_HASH_SIZE));
    buffer_put(&message, bytes_slice(data, 0, SOFTAUTHN_HASH_SIZE));
    buffer_put(&message, bytes_of(c->id, SOFTAUTHN_ID_SIZE));
    // what follows is what softauthn_credential_sign() takes apart: the last part is what a lie
    // changes
    return softauthn_credential_sign(a, &a->state.leaf_key, buffer_bytes(&message),
                                     bytes_of(point, POINT), out);
}

static int
register_key(struct softauthn *a, struct bytes data, struct buffer *out)
{
    if (data.n != 2 * SOFTAUTHN_HASH_SIZE)
        return SW_WRONG_LENGTH;
    if (softauthn_touched(a, false) != SOFTAUTHN_OK)
        return SW_NOT_YET;
    uint8_t rp_hash[SOFTAUTHN_HASH_SIZE], point[POINT];
    memcpy(rp_hash, data.p + SOFTAUTHN_HASH_SIZE, sizeof(rp_hash));
    struct softauthn_credential *c = softauthn_credential_make(a, SOFTAUTHN_ES256, rp_hash);
    EVP_PKEY *key = c ? softauthn_key_load(&c->key) : NULL;
    bool done = key && softauthn_key_point(key, point);
    EVP_PKEY_free(key);
    if (!done)
        return SW_WRONG_DATA;
    buffer_put_byte(out, 5);
    buffer_put(out, bytes_of(point, POINT));
    buffer_put_byte(out, SOFTAUTHN_ID_SIZE);
    buffer_put(out, bytes_of(c->id, SOFTAUTHN_ID_SIZE));
    if (!softauthn_certificate_make_leaf(a, out) || !sign_registration(a, c, data, point, out) ||
        !softauthn_state_save(a))
        return SW_WRONG_DATA;
    return SW_OK;
}

static int
authenticate(struct softauthn *a, uint8_t control, struct bytes data, struct buffer *out)
{
    const size_t head = 2 * SOFTAUTHN_HASH_SIZE + 1;
    if (data.n < head || data.n != head + data.p[head - 1])
        return SW_WRONG_LENGTH;
    const uint8_t *rp_hash = data.p + SOFTAUTHN_HASH_SIZE;
    const struct softauthn_credential *c =
        softauthn_credential_find(a, bytes_from(data, head), rp_hash);
    if (c == NULL)
        return SW_WRONG_DATA;
    if (control == AUTHENTICATE_CHECK)
        return SW_NOT_YET; // "yes, it is mine"
    if (control != AUTHENTICATE_TOUCHED && control != AUTHENTICATE_UNTOUCHED)
        return SW_WRONG_DATA;
    bool touch = control == AUTHENTICATE_TOUCHED;
    if (touch && softauthn_touched(a, false) != SOFTAUTHN_OK)
        return SW_NOT_YET;
    BUFFER_AUTO signed_data;
    buffer_init(&signed_data, 64);
    softauthn_credential_write_data(a, rp_hash, touch ? SOFTAUTHN_FLAG_UP : 0, &signed_data);
    // flags and counter are what the client does not know
    buffer_put(out, bytes_from(buffer_bytes(&signed_data), SOFTAUTHN_HASH_SIZE));
    if (!softauthn_credential_sign(a, &c->key, buffer_bytes(&signed_data),
                                   bytes_slice(data, 0, SOFTAUTHN_HASH_SIZE), out) ||
        !softauthn_state_save(a))
        return SW_WRONG_DATA;
    return SW_OK;
}

static int
obey(struct softauthn *a, struct bytes apdu, struct buffer *out)
{
    struct bytes data;
    if (!read_apdu(apdu, &data))
        return SW_WRONG_LENGTH;
    if (apdu.p[0] != 0)
        return SW_WRONG_CLASS;
    switch (apdu.p[1]) {
    case VERSION:
        buffer_put_str(out, "U2F_V2");
        return SW_OK;
    case REGISTER:
        return register_key(a, data, out);
    case AUTHENTICATE:
        return authenticate(a, apdu.p[2], data, out);
    default:
        return SW_WRONG_INSTRUCTION;
    }
}

void
softauthn_u2f(struct softauthn *a, struct bytes apdu, struct buffer *answer)
{
    size_t start = answer->n;
    int word = obey(a, apdu, answer);
    if (word != SW_OK)
        answer->n = start;
    buffer_put_byte(answer, (uint8_t)(word >> 8));
    buffer_put_byte(answer, (uint8_t)word);
}
