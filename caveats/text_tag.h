/* SPDX-License-Identifier: Apache-2.0
 *
 * A keyed tag of a text of up to TOKEN_TEXT_MAX bytes, for tables that are asked at each request.
 *
 * Nobody who does not know the key can find two texts with one tag, but by chance (2^-63). It is
 * the hash of VMAC and UMAC (NH, RFC 4418 section 5.2.2, of 64-bit words): universal, a few
 * instructions for sixteen bytes. What it gives is hidden by SipHash, which alone over the whole
 * text would take seven times as long.
 */
#ifndef KEYHOLE_TEXT_TAG_H
#define KEYHOLE_TEXT_TAG_H

#include "token.h"

enum { TEXT_TAG_WORDS = (TOKEN_TEXT_MAX + 15) / 16 * 2 };

struct text_tag_key {
    uint64_t word[TEXT_TAG_WORDS];
    uint8_t last[16];
};

void text_tag_key_draw(struct text_tag_key *key);
/* False: the text is too long. */
KH_MUST_CHECK bool text_tag(const struct text_tag_key *key, struct bytes text, uint64_t *out);

#endif
