/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a server: what holds the key never goes on whole, and what does not is never held up.
 */
#include "unit.h"

#include "../../../broker/proxy/scrub.h"
#include "../../../broker/proxy/tunnel_watch.h"

#define KEY "sk-live-0123456789"

/* `cut`: the input comes in two pieces; SIZE_MAX: byte by byte. */
static const char *
feed(struct bytes text, size_t cut, struct buffer *out)
{
    const struct bytes secret = BYTES(KEY);
    struct scrub *scrub = NULL;
    struct tunnel_watch watch;
    const char *why = NULL;

    assert_int_equal(scrub_new(&secret, 1, BYTES("kh1_token"), &scrub), KH_OK);
    tunnel_watch_init(&watch);
    if (cut == SIZE_MAX) {
        for (size_t i = 0; !why && i < text.n; i++)
            why = tunnel_watch_feed(&watch, scrub, bytes_slice(text, i, 1), out);
    } else {
        why = tunnel_watch_feed(&watch, scrub, bytes_slice(text, 0, cut), out);
        if (!why)
            why = tunnel_watch_feed(&watch, scrub, bytes_from(text, cut), out);
    }
    tunnel_watch_free(&watch);
    scrub_free(&scrub);
    return why;
}

#define ROW(text)                                                                                  \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const struct bytes bad[] = {
    ROW("\xc1\x01x"),                   /* compressed */
    ROW("\x81\x81\0\0\0\0x"),           /* masked */
    ROW("\x82\x7f\xff\0\0\0\0\0\0\0x"), /* no length */
    ROW("\x81\x12" KEY),
    ROW("\x81\x14x" KEY "y"),
    ROW("\x81\x7e\0\x12" KEY),
    ROW("\x82\x7f\0\0\0\0\0\0\0\x12" KEY),
    ROW("\x89\x12" KEY),           /* a ping */
    ROW("\x81\x02ok\x81\x12" KEY), /* the second one */
    ROW("\x01\x09sk-live-0\x80\x09"
        "123456789"), /* in fragments */
    ROW("\x01\x01s\x00\x01k\x89\x02hi\x00\x00\x80\x10-live-0123456789"),
};

// threat 22
static void
test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t cut = 0; cut <= bad[i].n + 1; cut++) {
            BUFFER_AUTO out;
            buffer_init(&out, 4096);
            if (!feed(bad[i], cut > bad[i].n ? SIZE_MAX : cut, &out))
                fail_msg("row %zu, cut at %zu: it goes on", i, cut);
            assert_true(bytes_find(buffer_bytes(&out), BYTES(KEY)) == out.n);
        }
    }
}

static const struct bytes good[] = {
    ROW(""),
    ROW("\x81\x00"),
    ROW("\x81\x01s\x81\x07sk-live\x8a\x00"), /* nothing is held back beyond its frame */
    ROW("\x81\x11sk-live-012345678"),
    ROW("\x81\x09sk-live-0\x81\x09"
        "123456789"), /* two messages */
    ROW("\x01\x03"
        "abc\x89\x01p\x80\x03"
        "def"),
    ROW("\x88\x02\x03\xe8"),
};

static void
test_passed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        for (size_t cut = 0; cut <= good[i].n + 1; cut++) {
            BUFFER_AUTO out;
            buffer_init(&out, 4096);
            const char *why = feed(good[i], cut > good[i].n ? SIZE_MAX : cut, &out);
            if (why || !bytes_equal(buffer_bytes(&out), good[i]))
                fail_msg("row %zu, cut at %zu: %s", i, cut, why ? why : "it was changed");
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
