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
scrub_patterns_init(struct scrub_patterns *patterns, struct bytes token)
{
    *patterns = (struct scrub_patterns){0};
    buffer_init_secret(&patterns->arena, ARENA_MAX);
    buffer_init_secret(&patterns->token, token.n);
    buffer_put(&patterns->token, token);
    patterns->failed = patterns->token.failed;
}

void
scrub_patterns_free(struct scrub_patterns *patterns)
{
    buffer_free(&patterns->arena);
    buffer_free(&patterns->token);
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
    return buffer_reserve(&patterns->arena, SCRUB_PATTERNS_PER_SECRET_MAX * form) != NULL;
}

// The text of `n` bytes that was written to the end of the arena is a pattern, if it is a new one.
static void
take(struct scrub_patterns *patterns, size_t n, enum scrub_replacement replacement)
{
    struct bytes text = bytes_of(patterns->arena.p + patterns->arena.n, n);
    for (size_t i = 0; i < patterns->count; i++) {
        if (bytes_equal(scrub_pattern_text(patterns, i), text))
            return;
    }
    patterns->list[patterns->count++] =
        (struct scrub_pattern){.at = patterns->arena.n, .n = n, .replacement = replacement};
    buffer_advance(&patterns->arena, n);
}

static uint8_t *
end_of(struct scrub_patterns *patterns)
{
    return patterns->arena.p + patterns->arena.n;
}

/* ---- as it is ---- */

static void
add_as_it_is(struct scrub_patterns *patterns, struct bytes secret)
{
    uint8_t *p = end_of(patterns);
    memcpy(p, secret.p, secret.n);
    take(patterns, secret.n, SCRUB_TOKEN);
    if (memchr(secret.p, ' ', secret.n) == NULL)
        return;
    p = end_of(patterns);
    for (size_t i = 0; i < secret.n; i++) // a form that needs no other escape
        p[i] = secret.p[i] == ' ' ? '+' : secret.p[i];
    take(patterns, secret.n, SCRUB_TOKEN);
}

/* ---- base64 ---- */

// All characters of the base64 of `before` zero bytes and then the text, without padding.
static size_t
base64_write(const char *alphabet, struct bytes text, size_t before, uint8_t *out)
{
    uint32_t bits = 0;
    size_t n = 0;
    unsigned held = (unsigned)before * 8; // bits that were put in and not taken out
    for (size_t i = 0;; i++) {
        for (; held >= 6; held -= 6)
            out[n++] = (uint8_t)alphabet[bits >> (held - 6) & 63];
        if (i == text.n)
            break;
        bits = bits << 8 | text.p[i];
        held += 8;
    }
    if (held)
        out[n++] = (uint8_t)alphabet[bits << (6 - held) & 63];
    return n;
}

static void
add_base64(struct scrub_patterns *patterns, const char *alphabet, struct bytes secret,
           enum scrub_replacement padded, enum scrub_replacement bare)
{
    uint8_t *p = end_of(patterns);
    size_t n = base64_write(alphabet, secret, 0, p);
    if (n % 4 != 0) {
        take(patterns, n, bare);
        p = end_of(patterns);
        n = base64_write(alphabet, secret, 0, p);
    }
    while (n % 4 != 0)
        p[n++] = '=';
    take(patterns, n, padded);
    for (size_t before = 0; before < 3; before++) {
        size_t from = (before * 8 + 5) / 6, to = (before + secret.n) * 8 / 6;
        p = end_of(patterns);
        base64_write(alphabet, secret, before, p);
        memmove(p, p + from, to - from);
        take(patterns, to - from, SCRUB_TOKEN);
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
    add_base64(patterns, base64_standard, secret, SCRUB_BASE64, SCRUB_BASE64_BARE);
    add_base64(patterns, base64_url, secret, SCRUB_BASE64_URL, SCRUB_BASE64_URL_BARE);
}

/* ---- replacing ---- */

void
scrub_pattern_replace(const struct scrub_patterns *patterns, size_t index, struct buffer *out)
{
    enum scrub_replacement replacement = patterns->list[index].replacement;
    struct bytes token = buffer_bytes(&patterns->token);
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
