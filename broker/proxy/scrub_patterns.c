/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts that a secret can turn into on its way back.
 *
 * Inside of a longer base64 text a secret looks different in each of three alignments, and the
 * characters at its borders also depend on its neighbours; what does not depend on them is
 * searched for.
 */
#include "scrub_patterns.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARENA_MAX = 32 << 20,
    FORM_GROWTH = 2, // no form is longer than so many times the secret, and a little
};

static const char base64_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
scrub_patterns_init(struct scrub_patterns *patterns)
{
    *patterns = (struct scrub_patterns){0};
    buffer_init_secret(&patterns->arena, ARENA_MAX);
}

void
scrub_patterns_free(struct scrub_patterns *patterns)
{
    buffer_free(&patterns->arena);
    free(patterns->list);
    *patterns = (struct scrub_patterns){0};
}

struct bytes
scrub_pattern_text(const struct scrub_patterns *patterns, size_t index)
{
    const struct scrub_pattern *pattern = &patterns->list[index];
    return bytes_of(patterns->arena.p + pattern->at, pattern->n);
}

/* ---- adding ---- */

static bool
make_room(struct scrub_patterns *patterns, struct bytes secret)
{
    size_t need = patterns->count + SCRUB_PATTERNS_PER_SECRET_MAX;
    if (need > patterns->cap) {
        // The list holds no secret, only where they are.
        struct scrub_pattern *list = realloc(patterns->list, need * sizeof *list);
        if (!list)
            return false;
        patterns->list = list;
        patterns->cap = need;
    }
    size_t form = FORM_GROWTH * secret.n + 8;
    return buffer_room(&patterns->arena, SCRUB_PATTERNS_PER_SECRET_MAX * form) != NULL;
}

static uint8_t *
end_of(struct scrub_patterns *patterns)
{
    return patterns->arena.p + patterns->arena.n;
}

// `n` bytes of the arena are a pattern, if they are a new one. Several may lie in one text.
static void
note(struct scrub_patterns *patterns, size_t at, size_t n, enum scrub_replacement replacement)
{
    struct bytes text = bytes_of(patterns->arena.p + at, n);
    for (size_t i = 0; i < patterns->count; i++) {
        if (bytes_equal(scrub_pattern_text(patterns, i), text))
            return;
    }
    patterns->list[patterns->count++] =
        (struct scrub_pattern){.at = at, .n = n, .replacement = replacement};
}

/* ---- as it is ---- */

static void
add_as_it_is(struct scrub_patterns *patterns, struct bytes secret)
{
    size_t at = patterns->arena.n;
    buffer_put(&patterns->arena, secret);
    note(patterns, at, secret.n, SCRUB_TOKEN);
    if (memchr(secret.p, ' ', secret.n) == NULL)
        return;
    uint8_t *p = end_of(patterns);
    for (size_t i = 0; i < secret.n; i++) // a form that needs no other escape
        p[i] = secret.p[i] == ' ' ? '+' : secret.p[i];
    buffer_advance(&patterns->arena, secret.n);
    note(patterns, at + secret.n, secret.n, SCRUB_TOKEN);
}

/* ---- base64 ---- */

static size_t
padded_length(size_t n)
{
    return (n + 3) / 4 * 4;
}

// The characters of `n` (1 to 3) bytes that stand at the upper end of 24 bits.
static uint8_t *
base64_put(const char *alphabet, uint32_t bits, size_t n, uint8_t *to)
{
    *to++ = (uint8_t)alphabet[bits >> 18 & 63];
    *to++ = (uint8_t)alphabet[bits >> 12 & 63];
    if (n > 1)
        *to++ = (uint8_t)alphabet[bits >> 6 & 63];
    if (n > 2)
        *to++ = (uint8_t)alphabet[bits & 63];
    return to;
}

// All characters of the base64 of `before` (0 to 2) zero bytes and then the text, without padding.
static size_t
base64_write(const char *alphabet, struct bytes text, size_t before, uint8_t *out)
{
    uint8_t *to = out;
    size_t i = 0;
    if (before) {
        uint32_t bits = 0;
        for (; before + i < 3 && i < text.n; i++)
            bits |= (uint32_t)text.p[i] << 8 * (2 - before - i);
        to = base64_put(alphabet, bits, before + i, to);
    }
    for (; i + 3 <= text.n; i += 3) {
        const uint8_t *p = text.p + i;
        to = base64_put(alphabet, (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2], 3, to);
    }
    if (i + 1 == text.n)
        to = base64_put(alphabet, (uint32_t)text.p[i] << 16, 1, to);
    else if (i + 2 == text.n)
        to = base64_put(alphabet, (uint32_t)text.p[i] << 16 | (uint32_t)text.p[i + 1] << 8, 2, to);
    return (size_t)(to - out);
}

struct base64_text {
    size_t at, at_url; // in the arena; the same one where no character differs
    size_t n;          // without padding
};

// The whole text, padded if nothing stands before it, in both alphabets.
static struct base64_text
put_base64(struct scrub_patterns *patterns, struct bytes secret, size_t before)
{
    struct base64_text text = {.at = patterns->arena.n, .at_url = patterns->arena.n};
    uint8_t *from = end_of(patterns);
    text.n = base64_write(base64_standard, secret, before, from);
    size_t whole = before ? text.n : padded_length(text.n);
    memset(from + text.n, '=', whole - text.n);
    buffer_advance(&patterns->arena, whole);
    if (!memchr(from, '+', whole) && !memchr(from, '/', whole))
        return text;
    uint8_t *p = end_of(patterns);
    for (size_t i = 0; i < whole; i++)
        p[i] = from[i] == '+' ? '-' : from[i] == '/' ? '_' : from[i];
    text.at_url = patterns->arena.n;
    buffer_advance(&patterns->arena, whole);
    return text;
}

// A part of the text is a pattern, and in the other alphabet, if it is another one there.
static void
note_both(struct scrub_patterns *patterns, const struct base64_text *text, size_t from, size_t to,
          enum scrub_replacement standard, enum scrub_replacement url)
{
    note(patterns, text->at + from, to - from, standard);
    if (text->at_url != text->at)
        note(patterns, text->at_url + from, to - from, url);
}

static void
add_base64(struct scrub_patterns *patterns, struct bytes secret)
{
    struct base64_text alone = put_base64(patterns, secret, 0);
    size_t padded = padded_length(alone.n);
    if (alone.n < padded)
        note_both(patterns, &alone, 0, alone.n, SCRUB_BASE64_BARE, SCRUB_BASE64_URL_BARE);
    note_both(patterns, &alone, 0, padded, SCRUB_BASE64, SCRUB_BASE64_URL);
    note_both(patterns, &alone, 0, secret.n * 8 / 6, SCRUB_TOKEN, SCRUB_TOKEN);
    for (size_t before = 1; before < 3; before++) {
        struct base64_text inside = put_base64(patterns, secret, before);
        size_t from = (before * 8 + 5) / 6, to = (before + secret.n) * 8 / 6;
        note_both(patterns, &inside, from, to, SCRUB_TOKEN, SCRUB_TOKEN);
    }
}

void
scrub_patterns_add(struct scrub_patterns *patterns, struct bytes secret)
{
    if (!make_room(patterns, secret)) {
        patterns->failed = true;
        return;
    }
    add_as_it_is(patterns, secret);
    add_base64(patterns, secret);
}

/* ---- replacing ---- */

void
scrub_pattern_replace(const struct scrub_patterns *patterns, size_t index, struct bytes token,
                      struct buffer *out)
{
    enum scrub_replacement replacement = patterns->list[index].replacement;
    if (replacement == SCRUB_TOKEN) {
        buffer_put(out, token);
        return;
    }
    bool url = replacement == SCRUB_BASE64_URL || replacement == SCRUB_BASE64_URL_BARE;
    bool bare = replacement == SCRUB_BASE64_BARE || replacement == SCRUB_BASE64_URL_BARE;
    uint8_t *p = buffer_reserve(out, token.n * 2 + 4);
    if (!p)
        return;
    size_t n = base64_write(url ? base64_url : base64_standard, token, 0, p);
    while (!bare && n % 4 != 0)
        p[n++] = '=';
    buffer_advance(out, n);
}
