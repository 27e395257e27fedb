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

enum { PATTERN_MAX = 1 << 20 };

static const char base64_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct scrub_pattern *
pattern_begin(struct scrub_patterns *patterns)
{
    if (patterns->count == patterns->cap) {
        size_t cap = patterns->cap ? patterns->cap * 2 : SCRUB_PATTERNS_PER_SECRET_MAX;
        // The list itself holds no secret, only buffers that do.
        struct scrub_pattern *list = realloc(patterns->list, cap * sizeof *list);
        if (!list) {
            patterns->failed = true;
            return NULL;
        }
        patterns->list = list;
        patterns->cap = cap;
    }
    struct scrub_pattern *pattern = &patterns->list[patterns->count];
    buffer_init_secret(&pattern->text, PATTERN_MAX);
    buffer_init_secret(&pattern->replacement, PATTERN_MAX);
    return pattern;
}

static void
pattern_drop(struct scrub_pattern *pattern)
{
    buffer_free(&pattern->text);
    buffer_free(&pattern->replacement);
}

static void
pattern_end(struct scrub_patterns *patterns, struct scrub_pattern *pattern)
{
    if (pattern->text.failed || pattern->replacement.failed) {
        patterns->failed = true;
        pattern_drop(pattern);
        return;
    }
    for (size_t i = 0; i < patterns->count; i++) {
        if (bytes_equal(buffer_bytes(&patterns->list[i].text), buffer_bytes(&pattern->text))) {
            pattern_drop(pattern);
            return;
        }
    }
    patterns->count++;
}

static bool
is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void
percent_encode(struct bytes text, const char *kept, bool plus, bool lower, struct buffer *out)
{
    static const char upper_digits[] = "0123456789ABCDEF", lower_digits[] = "0123456789abcdef";
    const char *digit = lower ? lower_digits : upper_digits;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (kept && c && (is_alphanumeric(c) || strchr(kept, c))) {
            buffer_put_byte(out, c);
        } else if (plus && c == ' ') {
            buffer_put_byte(out, '+');
        } else {
            buffer_put_byte(out, '%');
            buffer_put_byte(out, (uint8_t)digit[c >> 4]);
            buffer_put_byte(out, (uint8_t)digit[c & 15]);
        }
    }
}

static void
add_percent(struct scrub_patterns *patterns, struct bytes secret, struct bytes token)
{
    // RFC 3986 unreserved; JavaScript's encodeURIComponent; form-encoding; a path segment; all of
    // it.
    static const struct {
        const char *kept;
        bool plus;
    } style[] = {{"-._~", false},
                 {"-._~!*'()", false},
                 {"*-._", true},
                 {"-._~!$&'()*+,;=:@/", false},
                 {NULL, false}};
    for (size_t i = 0; i < sizeof style / sizeof *style; i++) {
        for (int lower = 0; lower < 2; lower++) {
            struct scrub_pattern *pattern = pattern_begin(patterns);
            if (!pattern)
                return;
            percent_encode(secret, style[i].kept, style[i].plus, lower, &pattern->text);
            percent_encode(token, "-._~", false, lower, &pattern->replacement);
            pattern_end(patterns, pattern);
        }
    }
}

// Characters [from, to) of the base64 of `before` zero bytes and then the text.
static void
base64_range(const char *alphabet, struct bytes text, size_t before, size_t from, size_t to,
             struct buffer *out)
{
    for (size_t i = from; i < to; i++) {
        unsigned value = 0;
        for (size_t bit = i * 6; bit < i * 6 + 6; bit++) {
            size_t at = bit / 8;
            unsigned byte = at >= before && at - before < text.n ? text.p[at - before] : 0;
            value = value << 1 | (byte >> (7 - bit % 8) & 1);
        }
        buffer_put_byte(out, (uint8_t)alphabet[value]);
    }
}

static void
base64_whole(const char *alphabet, struct bytes text, bool padded, struct buffer *out)
{
    size_t n = (text.n * 8 + 5) / 6;
    base64_range(alphabet, text, 0, 0, n, out);
    while (padded && n++ % 4 != 0)
        buffer_put_byte(out, '=');
}

static void
add_base64(struct scrub_patterns *patterns, const char *alphabet, struct bytes secret,
           struct bytes token)
{
    for (int padded = 1; padded >= 0; padded--) {
        struct scrub_pattern *pattern = pattern_begin(patterns);
        if (!pattern)
            return;
        base64_whole(alphabet, secret, padded, &pattern->text);
        base64_whole(alphabet, token, padded, &pattern->replacement);
        pattern_end(patterns, pattern);
    }
    for (size_t before = 0; before < 3; before++) {
        struct scrub_pattern *pattern = pattern_begin(patterns);
        if (!pattern)
            return;
        size_t from = (before * 8 + 5) / 6, to = (before + secret.n) * 8 / 6;
        base64_range(alphabet, secret, before, from, to, &pattern->text);
        buffer_put(&pattern->replacement, token);
        pattern_end(patterns, pattern);
    }
}

static void
add_json(struct scrub_patterns *patterns, struct bytes secret, struct bytes token, bool slash)
{
    struct scrub_pattern *pattern = pattern_begin(patterns);
    if (!pattern)
        return;
    for (size_t i = 0; i < secret.n; i++) {
        uint8_t c = secret.p[i];
        if (c == '"' || c == '\\' || (slash && c == '/'))
            buffer_put_byte(&pattern->text, '\\');
        buffer_put_byte(&pattern->text, c);
    }
    buffer_put(&pattern->replacement, token);
    pattern_end(patterns, pattern);
}

void
scrub_patterns_add(struct scrub_patterns *patterns, struct bytes secret, struct bytes token)
{
    add_json(patterns, secret, token, false);
    struct scrub_pattern *pattern = pattern_begin(patterns);
    if (!pattern)
        return;
    buffer_put(&pattern->text, secret);
    buffer_put(&pattern->replacement, token);
    pattern_end(patterns, pattern);
    add_json(patterns, secret, token, true);
    add_percent(patterns, secret, token);
    add_base64(patterns, base64_standard, secret, token);
    add_base64(patterns, base64_url, secret, token);
}

void
scrub_patterns_free(struct scrub_patterns *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        pattern_drop(&patterns->list[i]);
    free(patterns->list);
    *patterns = (struct scrub_patterns){0};
}
