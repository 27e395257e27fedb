/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648) by table. Every deviation is refused, so that one value has one text. */

#include "base64.h"

static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits of a character; 64 and more for what is not in the alphabet. */
static uint32_t
sextet(enum base64_kind kind, uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0' + 52);
    if (c == (kind == BASE64_URL ? '-' : '+'))
        return 62;
    if (c == (kind == BASE64_URL ? '_' : '/'))
        return 63;
    return 64;
}

/* Take the padding off; false when it is not exactly what the length demands. */
static bool
padding_strip(struct bytes *text)
{
    if (text->n % 4 != 0)
        return false;
    for (int i = 0; i < 2 && text->n && text->p[text->n - 1] == '='; i++)
        text->n--;
    return true;
}

bool
base64_decode(enum base64_kind kind, struct bytes text, struct buffer *out)
{
    if (kind == BASE64_STANDARD && !padding_strip(&text))
        return false;
    if (text.n % 4 == 1)
        return false;
    size_t size = text.n / 4 * 3 + (text.n % 4 ? text.n % 4 - 1 : 0);
    uint8_t *room = buffer_reserve(out, size);
    if (!room)
        return false;

    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint32_t six = sextet(kind, text.p[i]);
        if (six > 63)
            return false;
        bits = (bits << 6 | six) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            *room++ = (uint8_t)(bits >> held);
        }
    }
    if (bits & ((1U << held) - 1))
        return false; /* stray bits: another text for the same bytes */
    buffer_advance(out, size);
    return !out->failed;
}

void
base64_encode(enum base64_kind kind, struct bytes data, struct buffer *out)
{
    const char *alphabet = kind == BASE64_URL ? alphabet_url : alphabet_standard;
    if (data.n > SIZE_MAX / 2) {
        out->failed = true;
        return;
    }
    size_t tail = data.n % 3;
    size_t size = data.n / 3 * 4 + (tail == 0 ? 0 : kind == BASE64_STANDARD ? 4 : tail + 1);
    uint8_t *room = buffer_reserve(out, size);
    if (!room)
        return;

    for (size_t i = 0; i < data.n; i += 3) {
        size_t left = data.n - i;
        uint32_t bits = (uint32_t)data.p[i] << 16;
        if (left > 1)
            bits |= (uint32_t)data.p[i + 1] << 8;
        if (left > 2)
            bits |= data.p[i + 2];
        size_t digits = left > 2 ? 4 : left + 1;
        for (size_t k = 0; k < digits; k++)
            *room++ = (uint8_t)alphabet[bits >> (18 - 6 * k) & 63];
        for (size_t k = digits; k < 4 && kind == BASE64_STANDARD; k++)
            *room++ = '=';
    }
    buffer_advance(out, size);
}
