/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of the software authenticator, and the data about them that it signs. */

#include "softauthn_internal.h"

#include <openssl/rand.h>
#include <string.h>

struct softauthn_credential *
softauthn_credential_find(struct softauthn *a, struct bytes id,
                          const uint8_t rp_hash[SOFTAUTHN_HASH_SIZE])
{
    for (size_t i = 0; i < SOFTAUTHN_CREDENTIALS_MAX; i++) {
        struct softauthn_credential *c = &a->state.credential[i];
        if (c->used && bytes_equal(id, bytes_of(c->id, SOFTAUTHN_ID_SIZE)) &&
            memcmp(c->rp_hash, rp_hash, SOFTAUTHN_HASH_SIZE) == 0)
            return c;
    }
    return NULL;
}

struct softauthn_credential *
softauthn_credential_make(struct softauthn *a, int algorithm,
                          const uint8_t rp_hash[SOFTAUTHN_HASH_SIZE])
{
    for (size_t i = 0; i < SOFTAUTHN_CREDENTIALS_MAX; i++) {
        struct softauthn_credential *c = &a->state.credential[i];
        if (c->used)
            continue;
        *c = (struct softauthn_credential){.protection = 1};
        memcpy(c->rp_hash, rp_hash, SOFTAUTHN_HASH_SIZE);
        if (RAND_bytes(c->id, SOFTAUTHN_ID_SIZE) != 1 ||
            !softauthn_key_generate(algorithm, &c->key))
            return NULL;
        c->used = true;
        return c;
    }
    return NULL;
}

static uint32_t
count(struct softauthn *a)
{
    if (softauthn_lies(a, SOFTAUTHN_LIE_NO_COUNTER))
        return 0;
    if (softauthn_lies(a, SOFTAUTHN_LIE_COUNTER)) {
        if (a->state.counter == 0)
            a->state.counter = 1; // zero twice would be no lie: it says that there is no counter
        return a->state.counter;
    }
    if (softauthn_lies(a, SOFTAUTHN_LIE_COUNTER_BACK))
        return a->state.counter > 1 ? --a->state.counter : 1;
    return ++a->state.counter;
}

void
softauthn_credential_write_data(struct softauthn *a, const uint8_t rp_hash[SOFTAUTHN_HASH_SIZE],
                                uint8_t flags, struct buffer *out)
{
    uint8_t data[37];
    memcpy(data, rp_hash, SOFTAUTHN_HASH_SIZE);
    if (softauthn_lies(a, SOFTAUTHN_LIE_RP_HASH))
        data[0] ^= 0xff;
    if (softauthn_lies(a, SOFTAUTHN_LIE_NO_PRESENCE))
        flags &= (uint8_t)~SOFTAUTHN_FLAG_UP;
    if (softauthn_lies(a, SOFTAUTHN_LIE_NO_VERIFICATION))
        flags &= (uint8_t)~SOFTAUTHN_FLAG_UV;
    if (softauthn_lies(a, SOFTAUTHN_LIE_RESERVED))
        flags |= SOFTAUTHN_FLAG_RESERVED;
    if (softauthn_lies(a, SOFTAUTHN_LIE_BACKUP))
        flags |= SOFTAUTHN_FLAG_BACKED_UP;
    data[32] = flags;
    uint32_t number = count(a);
    for (int i = 0; i < 4; i++)
        data[33 + i] = (uint8_t)(number >> (24 - 8 * i));
    buffer_put(out, bytes_of(data, sizeof(data)));
}

bool
softauthn_credential_sign(const struct softauthn *a, const struct softauthn_key *key,
                          struct bytes data, struct bytes client_data_hash,
                          struct buffer *signature)
{
    BUFFER_AUTO message;
    buffer_init(&message, SOFTAUTHN_MESSAGE_MAX);
    buffer_put(&message, data);
    buffer_put(&message, client_data_hash);
    if (message.failed)
        return false;
    if (softauthn_lies(a, SOFTAUTHN_LIE_CLIENT_DATA))
        message.p[message.n - 1] ^= 1;
    struct softauthn_key other;
    if (softauthn_lies(a, SOFTAUTHN_LIE_KEY)) {
        if (!softauthn_key_generate(key->algorithm, &other))
            return false;
        key = &other;
    }
    size_t start = signature->n;
    if (!softauthn_key_sign(key, buffer_bytes(&message), signature))
        return false;
    if (softauthn_lies(a, SOFTAUTHN_LIE_SIGNATURE))
        signature->p[start + (signature->n - start) / 2] ^= 1;
    return true;
}
