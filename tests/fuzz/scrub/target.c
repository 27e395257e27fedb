/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: broker/proxy/scrub.c broker/proxy/scrub_search.c broker/proxy/scrub_escape.c
 * broker/proxy/scrub_patterns.c
 *
 * However an answer is cut, the same comes out; no form of the key is in it; what has no form of
 * the key comes out as it went in.
 *
 * Input: a byte: the size of pieces; then the answer, where bytes 0x80 and above stand for forms of
 * the key.
 */

#include "../../../broker/proxy/scrub.h"
#include "../../../broker/proxy/scrub_patterns.h"
#include "../fuzz.h"

static const struct bytes secrets[] = {BYTES("sk-real/canary+\"key\"=="), BYTES("canarycanary")};
static const struct bytes token = BYTES("kh1_AAAAAAAAAAAAAAAAAAAA");
enum { SECRETS = 2, FORM_MARK = 0x80 };

static struct scrub *
new_scrub(void)
{
    struct scrub *scrub = NULL;
    FUZZ_CHECK(scrub_new(secrets, SECRETS, token, &scrub) == KH_OK && scrub);
    return scrub;
}

/* What the input says, with forms of the key in their places; false if there are none. */
static bool
spell_out(struct bytes in, struct buffer *out)
{
    static struct scrub_patterns patterns;
    bool any = false;
    if (patterns.count == 0) {
        scrub_patterns_init(&patterns);
        for (size_t i = 0; i < SECRETS; i++)
            scrub_patterns_add(&patterns, secrets[i]);
        FUZZ_CHECK(!patterns.failed && patterns.count > 4);
    }
    for (size_t i = 0; i < in.n; i++) {
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
feed(struct bytes in, size_t piece, struct buffer *out, size_t *found)
{
    struct scrub *scrub = new_scrub();
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
    static struct scrub *judge;
    struct bytes in = bytes_of(data, size);
    size_t piece = fuzz_u8(&in) + 1U, found = 0, found_pieces = 0;
    BUFFER_AUTO text = {0};
    BUFFER_AUTO whole = {0};
    BUFFER_AUTO pieces = {0};
    BUFFER_AUTO field = {0};

    if (judge == NULL)
        judge = new_scrub();
    buffer_init(&text, 1 << 22);
    buffer_init(&whole, 1 << 22);
    buffer_init(&pieces, 1 << 22);
    buffer_init(&field, 1 << 22);
    bool has_form = spell_out(bytes_slice(in, 0, 4096), &text);
    feed(buffer_bytes(&text), SIZE_MAX, &whole, &found);
    feed(buffer_bytes(&text), piece, &pieces, &found_pieces);
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
