/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/proxy/scrub.c broker/proxy/scrub_search.c broker/proxy/scrub_escape.c
 * broker/proxy/scrub_patterns.c
 *
 * However an answer is cut, the same comes out, and so it does whether it is searched as a long
 * text or as many short ones; no form of the key is in it; what has no form of the key comes out as
 * it went in.
 *
 * Input: a byte: the size of pieces; then the answer, where bytes 0x80 and above stand for forms of
 * the key, and 0x7f for a long piece of none.
 */

#include "../../../broker/proxy/scrub.h"
#include "../../../broker/proxy/scrub_patterns.h"
#include "../fuzz.h"

static const struct bytes secrets[] = {BYTES("sk-real/canary+\"key\"=="), BYTES("canarycanary"),
                                       BYTES("x")};
static const struct bytes token = BYTES("kh1_AAAAAAAAAAAAAAAAAAAA");
/* The third is too short to be looked for: those who have it as well share their search with nobody
 * else. */
enum { SECRETS = 2, SECRETS_APART = 3, FORM_MARK = 0x80, LONG_MARK = 0x7f, LONGS = 16 };

static struct scrub *
new_scrub(size_t count)
{
    struct scrub *scrub = NULL;
    FUZZ_CHECK(scrub_new(secrets, count, token, &scrub) == KH_OK && scrub);
    return scrub;
}

/* What the input says, with forms of the key in their places; false if there are none. */
static bool
spell_out(struct bytes in, struct buffer *out)
{
    static struct scrub_patterns patterns;
    static uint8_t nothing[1009];
    unsigned longs = 0;
    bool any = false;
    memset(nothing, '.', sizeof nothing);
    if (patterns.count == 0) {
        scrub_patterns_init(&patterns);
        for (size_t i = 0; i < SECRETS; i++)
            scrub_patterns_add(&patterns, secrets[i]);
        FUZZ_CHECK(!patterns.failed && patterns.count > 4);
    }
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] == LONG_MARK && longs++ < LONGS) {
            buffer_put(out, bytes_of(nothing, sizeof nothing));
            continue;
        }
        if (in.p[i] < FORM_MARK) {
            buffer_put_byte(out, in.p[i]);
            continue;
        }
        buffer_put(out, scrub_pattern_text(&patterns, (in.p[i] - FORM_MARK) % patterns.count));
        any = true;
    }
    return any;
}

static void
feed(struct bytes in, size_t piece, size_t count, struct buffer *out, size_t *found)
{
    struct scrub *scrub = new_scrub(count);
    while (in.n) {
        struct bytes part = fuzz_part(&in, piece);
        uint8_t *copy = fuzz_copy(part);
        scrub_feed(scrub, bytes_of(copy, part.n), out);
        free(copy);
        FUZZ_CHECK(scrub_held(scrub) < scrub_longest(scrub));
    }
    scrub_finish(scrub, out);
    *found = scrub_found(scrub);
    scrub_free(&scrub);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scrub *judge, *apart;
    struct bytes in = bytes_of(data, size);
    size_t piece = fuzz_u8(&in) + 1U, found = 0, found_pieces = 0;
    BUFFER_AUTO text = {0};
    BUFFER_AUTO whole = {0};
    BUFFER_AUTO pieces = {0};
    BUFFER_AUTO field = {0};

    // While they live there is one search for all like them; no long text comes before the other.
    if (judge == NULL) {
        judge = new_scrub(SECRETS);
        apart = new_scrub(SECRETS_APART);
        FUZZ_CHECK(apart != NULL);
    }
    buffer_init(&text, 1 << 22);
    buffer_init(&whole, 1 << 22);
    buffer_init(&pieces, 1 << 22);
    buffer_init(&field, 1 << 22);
    bool has_form = spell_out(bytes_slice(in, 0, 4096), &text);
    feed(buffer_bytes(&text), SIZE_MAX, SECRETS, &whole, &found);
    feed(buffer_bytes(&text), piece, SECRETS_APART, &pieces, &found_pieces);
    scrub_text(judge, buffer_bytes(&text), &field);
    FUZZ_SAME(buffer_bytes(&whole), buffer_bytes(&pieces));
    FUZZ_SAME(buffer_bytes(&whole), buffer_bytes(&field));
    FUZZ_CHECK(found == found_pieces);
    FUZZ_CHECK(!has_form || found > 0);
    FUZZ_CHECK((found > 0) == scrub_finds(judge, buffer_bytes(&text)));
    if (found == 0)
        FUZZ_SAME(buffer_bytes(&whole), buffer_bytes(&text));
    for (size_t i = 0; i < SECRETS; i++)
        FUZZ_CHECK(bytes_find(buffer_bytes(&whole), secrets[i]) == whole.n);
    return 0;
}
