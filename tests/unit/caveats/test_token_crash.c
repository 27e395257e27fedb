/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What crashes, hangs or exhausts libmacaroons 0.3.0, each in the three forms in which somebody may
 * send it: as V1 text behind our mark, as our own V2 text, and as V1 text to be imported. All are
 * refused before the library sees a byte of it, except where a form makes it harmless.
 */

#include "../../../caveats/foreign.h"
#include "world.h"

enum { MACAROONS_MAX = 24, TEXT_MAX = 400000 };

/* V1 packets that are right in themselves, so that what is wrong is the one thing meant. */
static void
packet(struct buffer *out, const char *key, struct bytes value)
{
    size_t size = 4 + strlen(key) + 1 + value.n + 1;
    buffer_printf(out, "%04zx%s ", size & 0xffff, key);
    buffer_put(out, value);
    buffer_put_byte(out, '\n');
}

static void
expect_refused_everywhere(const char *what, struct bytes text)
{
    static const char *const around[] = {TOKEN_MARK, "sk-ant-" TOKEN_MARK, ""};
    for (size_t i = 0; i < COUNT_OF(around); i++) {
        BUFFER_AUTO marked;
        struct world world = test_world();
        struct facts facts = test_facts();
        buffer_init(&marked, TEXT_MAX);
        buffer_put_str(&marked, around[i]);
        buffer_put(&marked, text);
        struct decision d = test_decide(&world, buffer_bytes(&marked), BYTES_EMPTY, &facts, NULL);
        if (d.verdict == DECISION_ALLOW || d.identified || !d.detail[0])
            FAIL_WITH("%s: not refused (%s)", what, kh_reason_code(d.reason));
    }
    BUFFER_AUTO imported;
    struct fault fault = {0};
    buffer_init(&imported, TEXT_MAX);
    if (foreign_import(text, &imported, &fault) == KH_OK) {
        /* well-formed in itself: then it is an ordinary forged token */
        struct world world = test_world();
        struct facts facts = test_facts();
        struct decision d = test_decide(&world, buffer_bytes(&imported), BYTES_EMPTY, &facts, NULL);
        assert_int_not_equal(d.verdict, DECISION_ALLOW);
        assert_false(d.identified);
    }
}

static void
expect_packets_refused(const char *what, struct bytes packets)
{
    BUFFER_AUTO text;
    buffer_init(&text, TEXT_MAX);
    base64_encode(BASE64_URL, packets, &text);
    assert_false(text.failed);
    expect_refused_everywhere(what, buffer_bytes(&text));
}

static void
streams_that_end_early(void **state)
{
    (void)state;
    BUFFER_AUTO p;
    buffer_init(&p, TEXT_MAX);
    packet(&p, "location", BYTES("a"));
    packet(&p, "identifier", BYTES("b"));
    packet(&p, "cid", BYTES("c"));
    expect_packets_refused("ends after cid", buffer_bytes(&p));
    packet(&p, "vid",
           BYTES("nonce nonce nonce nonce.0123456789abcdef0123456789abcdef0123456789abcdef"));
    expect_packets_refused("ends after vid", buffer_bytes(&p));
    packet(&p, "cl", BYTES("d"));
    expect_packets_refused("ends after cl", buffer_bytes(&p));
    for (size_t n = 1; n < p.n; n++)
        expect_packets_refused("cut", bytes_of(p.p, n));
}

static void
lengths_that_loop(void **state)
{
    (void)state;
    expect_refused_everywhere("0000", BYTES("MDAwMA"));
    expect_packets_refused("0000 and more", BYTES("00000000"));
    expect_packets_refused("0001", BYTES("0001x"));
    expect_packets_refused("0004", BYTES("0004"));
    expect_packets_refused("ffff", BYTES("fffflocation a\n"));
    BUFFER_AUTO p;
    buffer_init(&p, TEXT_MAX);
    packet(&p, "location", BYTES("a"));
    packet(&p, "identifier", BYTES("b"));
    buffer_put_str(&p, "0000");
    expect_packets_refused("0000 at the end", buffer_bytes(&p));
}

static void
fields_of_32_kib(void **state)
{
    (void)state;
    static const size_t sizes[] = {32767, 32768, 65525};
    static char big[70000];
    memset(big, 'x', sizeof big);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct token_caveat caveat = {.id = bytes_of(big, sizes[i])};
        struct macaroon_view m = {
            .identifier = BYTES("id"),
            .signature = bytes_of(big, TOKEN_SIGNATURE_SIZE),
            .caveat = &caveat,
            .caveat_count = 1,
        };
        BUFFER_AUTO p;
        BUFFER_AUTO text;
        buffer_init(&p, TEXT_MAX);
        buffer_init(&text, TEXT_MAX);
        token_write_v1(&m, &p);
        assert_false(p.failed);
        expect_packets_refused("V1", buffer_bytes(&p));
        buffer_clear(&p);
        token_write_v2(&m, &p);
        expect_packets_refused("V2", buffer_bytes(&p));
    }
}

static void
texts_that_leak(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{",
        "{}",
        "{\"v\":2}",
        "[",
        "[]",
        "{\"location\":\"a\"",
        "{\"location\":\"a\",\"identifier\":\"b\",\"signature\":\"c\"}"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        expect_refused_everywhere("JSON", bytes_str(texts[i]));
        expect_packets_refused("JSON in base64", bytes_str(texts[i]));
    }
}

/* Macaroons that name one another: rows are the identifier and the holes of each. */
struct web {
    const char *what;
    unsigned macaroons, holes_each; /* each has holes for all that come after it */
    bool is_circle;                 /* and the last for the first */
};

static void
expect_web_refused(const struct web *web)
{
    struct builder *b[MACAROONS_MAX];
    struct buffer text;
    BUFFER_AUTO v1;
    char ticket[16];
    buffer_init(&v1, TEXT_MAX);
    for (unsigned i = 0; i < web->macaroons; i++) {
        b[i] = malloc(sizeof *b[i]);
        assert_non_null(b[i]);
        snprintf(ticket, sizeof ticket, "m%u", i);
        builder_start(b[i], other_key, bytes_str(ticket));
        for (unsigned k = 0; k < web->holes_each; k++) {
            unsigned next = i + 1 < web->macaroons ? i + 1 : web->is_circle ? 0 : i + 1;
            snprintf(ticket, sizeof ticket, "m%u", next);
            if (i + 1 < web->macaroons || web->is_circle)
                builder_hole(b[i], ticket, other_key);
        }
        BUFFER_AUTO packets;
        buffer_init(&packets, TEXT_MAX);
        token_write_v1(&b[i]->view, &packets);
        if (i > 0)
            buffer_put_byte(&v1, '\n');
        base64_encode(BASE64_URL, buffer_bytes(&packets), &v1);
    }
    unsigned shown = web->macaroons < 16 ? web->macaroons : 16;
    builders_text(b, shown, &text);
    expect_refused_everywhere(web->what, bytes_from(buffer_bytes(&text), strlen(TOKEN_MARK)));
    expect_refused_everywhere(web->what, buffer_bytes(&v1));
    buffer_free(&text);
    for (unsigned i = 0; i < web->macaroons; i++) {
        builder_end(b[i]);
        free(b[i]);
    }
}

static void
discharge_webs(void **state)
{
    (void)state;
    static const struct web webs[] = {
        {"exponential, within the limits", 9, 2, false},
        {"exponential, many", 20, 3, false},
        {"a long chain", 9, 1, false},
        {"a chain without end", 24, 1, false},
        {"a circle", 3, 1, true},
        {"a circle of one", 1, 1, true},
        {"a circle, twice each", 4, 2, true},
    };
    for (size_t i = 0; i < COUNT_OF(webs); i++)
        expect_web_refused(&webs[i]);
}

/* A vid of another size is an assertion in the library, once a discharge has its id. */
// threat 24
static void
vids_of_other_sizes(void **state)
{
    (void)state;
    static char bytes[200];
    static const size_t sizes[] = {1, 24, 40, 71, 73, 128, 200};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct token_caveat caveat = {.id = BYTES("ticket"), .vid = bytes_of(bytes, sizes[i])};
        struct macaroon_view m[2] = {
            {.identifier = BYTES("id"),
             .signature = bytes_of(bytes, 32),
             .caveat = &caveat,
             .caveat_count = 1},
            {.identifier = BYTES("ticket"), .signature = bytes_of(bytes, 32)},
        };
        BUFFER_AUTO text;
        BUFFER_AUTO packets;
        buffer_init(&text, TEXT_MAX);
        buffer_init(&packets, TEXT_MAX);
        token_write_text(m, 2, BYTES_EMPTY, &text);
        expect_refused_everywhere("V2", bytes_from(buffer_bytes(&text), strlen(TOKEN_MARK)));
        token_write_v1(&m[0], &packets);
        expect_packets_refused("V1", buffer_bytes(&packets));
        token_write_v1(&m[1], &packets);
        expect_packets_refused("V1 with its discharge", buffer_bytes(&packets));
    }
}

/* Of two discharges with one identifier, the library takes the last: here, a right and a wrong
 * one, in both orders. */
static void
duplicate_discharges(void **state)
{
    (void)state;
    struct builder root, right, wrong;
    uint8_t lineage[LINEAGE_ID_SIZE];
    builder_root(&root);
    builder_hole(&root, "ticket", other_key);
    builder_lineage(&root, lineage);
    builder_start(&right, other_key, BYTES("ticket"));
    builder_parent(&right, lineage);
    builder_start(&wrong, root_key, BYTES("ticket"));
    struct builder *const orders[][3] = {
        {&root, &right, &wrong}, {&root, &wrong, &right}, {&root, &right, &right}};
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct buffer text;
        struct world world = test_world();
        struct facts facts = test_facts();
        builders_text(orders[i], 3, &text);
        struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, NULL);
        expect_denied("duplicate", &d, KH_REASON_DISCHARGE_INVALID);
        buffer_free(&text);
    }
    builder_end(&root);
    builder_end(&right);
    builder_end(&wrong);
}

/* The text form is not to be bent: each of these is another text for the same token. */
static void
other_texts_for_a_token(void **state)
{
    (void)state;
    struct buffer text;
    test_mint(&text, NULL);
    struct world world = test_world();
    struct facts facts = test_facts();
    struct decision d = test_decide(&world, buffer_bytes(&text), BYTES_EMPTY, &facts, NULL);
    expect_allowed("as it was minted", &d);
    static const char *const suffixes[] = {"=", "==", "\n", " ", "\r\n", "A", "AA", "%3D", "\t"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        BUFFER_AUTO changed;
        buffer_init(&changed, TOKEN_TEXT_MAX);
        buffer_put(&changed, buffer_bytes(&text));
        buffer_put_str(&changed, suffixes[i]);
        d = test_decide(&world, buffer_bytes(&changed), BYTES_EMPTY, &facts, NULL);
        expect_denied(suffixes[i], &d, KH_REASON_TOKEN_MALFORMED);
    }
    buffer_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_that_end_early), cmocka_unit_test(lengths_that_loop),
        cmocka_unit_test(fields_of_32_kib),       cmocka_unit_test(texts_that_leak),
        cmocka_unit_test(discharge_webs),         cmocka_unit_test(vids_of_other_sizes),
        cmocka_unit_test(duplicate_discharges),   cmocka_unit_test(other_texts_for_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
