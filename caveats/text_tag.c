/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of texts: a universal hash that is keyed, and SipHash of what it gives. */

#include "text_tag.h"

#include <sodium.h>

__extension__ typedef unsigned __int128 uint128;

void
text_tag_key_draw(struct text_tag_key *key)
{
    randombytes_buf(key, sizeof *key);
}

static uint128
product(const uint64_t key[2], const uint8_t *sixteen)
{
    uint64_t part[2];
    memcpy(part, sixteen, sizeof part);
    return (uint128)(part[0] + key[0]) * (part[1] + key[1]);
}

/* Of texts of one length: the last sixteen bytes are filled up with zeros. */
static uint128
hash(const uint64_t *key, struct bytes text)
{
    uint128 sum = 0;
    size_t i = 0;
    for (; text.n - i >= 16; i += 16, key += 2)
        sum += product(key, text.p + i);
    if (i < text.n) {
        uint8_t rest[16] = {0};
        memcpy(rest, text.p + i, text.n - i);
        sum += product(key, rest);
    }
    return sum;
}

bool
text_tag(const struct text_tag_key *key, struct bytes text, uint64_t *out)
{
    if (text.n > TOKEN_TEXT_MAX)
        return false;
    const uint128 sum = hash(key->word, text);
    const uint64_t hashed[3] = {(uint64_t)sum, (uint64_t)(sum >> 64), text.n};
    _Static_assert(sizeof *out == crypto_shorthash_BYTES, "a tag is a hash");
    _Static_assert(sizeof key->last == crypto_shorthash_KEYBYTES, "a key of SipHash");
    return crypto_shorthash((uint8_t *)out, (const uint8_t *)hashed, sizeof hashed, key->last) == 0;
}
