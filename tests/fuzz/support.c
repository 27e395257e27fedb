/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets share: failing, cutting inputs, mutating texts by lines. */

#include "fuzz.h"

_Noreturn void
fuzz_fail(const char *file, int line, const char *rule)
{
    fprintf(stderr, "%s:%d: this must hold: %s\n", file, line, rule);
    abort();
}

void
fuzz_show(const char *what, struct bytes text)
{
    fprintf(stderr, "%s (%zu): \"", what, text.n);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c < 0x20 || c > 0x7e || c == '\\' || c == '"')
            fprintf(stderr, "\\x%02x", c);
        else
            fputc(c, stderr);
    }
    fputs("\"\n", stderr);
}

void
fuzz_same(const char *file, int line, const char *rule, struct bytes a, struct bytes b)
{
    if (bytes_equal(a, b))
        return;
    fuzz_show("one", a);
    fuzz_show("other", b);
    fuzz_fail(file, line, rule);
}

uint8_t
fuzz_u8(struct bytes *rest)
{
    struct bytes part = fuzz_part(rest, 1);
    return part.n ? part.p[0] : 0;
}

uint32_t
fuzz_u32(struct bytes *rest)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 8 | fuzz_u8(rest);
    return value;
}

struct bytes
fuzz_part(struct bytes *rest, size_t n)
{
    struct bytes part = bytes_slice(*rest, 0, n);
    *rest = bytes_from(*rest, part.n);
    return part;
}

struct bytes
fuzz_line(struct bytes *rest)
{
    struct bytes part = BYTES_EMPTY;
    (void)bytes_cut(rest, '\n', &part);
    return part;
}

uint8_t *
fuzz_copy(struct bytes text)
{
    uint8_t *copy = malloc(text.n ? text.n : 1);
    if (copy == NULL)
        abort();
    if (text.n)
        memcpy(copy, text.p, text.n);
    return copy;
}

uint32_t
fuzz_below(struct fuzz_random *random, uint32_t below)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return (uint32_t)((random->state * UINT64_C(2685821657736338717) >> 32) % below);
}

/* ---- lines ---- */

enum { LINES_MAX = 256 };

struct lines {
    struct bytes line[LINES_MAX];
    size_t count;
};

static void
lines_insert(struct lines *lines, size_t at, struct bytes line)
{
    if (lines->count == LINES_MAX)
        return;
    memmove(lines->line + at + 1, lines->line + at, (lines->count - at) * sizeof lines->line[0]);
    lines->line[at] = line;
    lines->count++;
}

static void
lines_remove(struct lines *lines, size_t at)
{
    memmove(lines->line + at, lines->line + at + 1,
            (lines->count - at - 1) * sizeof lines->line[0]);
    lines->count--;
}

static void
lines_change(struct lines *lines, struct fuzz_random *random, const char *const *words,
             size_t word_count)
{
    size_t at = lines->count ? fuzz_below(random, (uint32_t)lines->count) : 0;
    size_t other = lines->count ? fuzz_below(random, (uint32_t)lines->count) : 0;
    switch (fuzz_below(random, 5)) {
    case 0:
        if (lines->count > 1)
            lines_remove(lines, at);
        break;
    case 1:
        if (lines->count)
            lines_insert(lines, at, lines->line[other]);
        break;
    case 2:
        if (lines->count) {
            struct bytes line = lines->line[at];
            lines->line[at] = lines->line[other];
            lines->line[other] = line;
        }
        break;
    case 3:
        if (lines->count)
            lines->line[at] = bytes_str(words[fuzz_below(random, (uint32_t)word_count)]);
        break;
    default:
        lines_insert(lines, at, bytes_str(words[fuzz_below(random, (uint32_t)word_count)]));
    }
}

size_t
fuzz_mutate_lines(uint8_t *data, size_t size, size_t max, unsigned seed, const char *const *words)
{
    struct fuzz_random random = {(uint64_t)seed * 2 + 1};
    size_t word_count = 0;
    struct lines lines = {.count = 0};
    struct bytes rest, line;
    BUFFER_AUTO out = {0};

    if (fuzz_below(&random, 2) == 0)
        return fuzz_mutate(data, size, max, &random);
    while (words[word_count])
        word_count++;
    uint8_t *copy = fuzz_copy(bytes_of(data, size));
    rest = bytes_of(copy, size);
    while (lines.count < LINES_MAX && bytes_cut(&rest, '\n', &line))
        lines.line[lines.count++] = line;
    for (uint32_t n = 1 + fuzz_below(&random, 3); n > 0; n--)
        lines_change(&lines, &random, words, word_count);
    buffer_init(&out, max);
    for (size_t i = 0; i < lines.count; i++) {
        if (i)
            buffer_put_byte(&out, '\n');
        buffer_put(&out, lines.line[i]);
    }
    if (!out.failed && out.n) {
        memcpy(data, out.p, out.n);
        size = out.n;
    }
    free(copy);
    return size;
}
