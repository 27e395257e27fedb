/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens.h"

static void
expect_malformed(const char *what, struct bytes text)
{
    struct token *token = NULL;
    struct fault fault = {0};
    enum kh_err err = token_scan(text, &token, &fault);
    if (err != KH_ERR_MALFORMED || token)
        FAIL_WITH("%s: got %s, expected malformed", what, kh_err_code(err));
    assert_true(strlen(fault.detail) > 5);
    if (text.n > 20 && strstr(fault.detail, "kh1_A"))
        FAIL_WITH("%s: the fault quotes the token", what);
    expect_err(what, token_scan(text, &token, NULL), KH_ERR_MALFORMED);
}

/* The text around raw bytes. */
static void
expect_raw_malformed(const char *what, struct bytes raw)
{
    BUFFER_AUTO text;
    buffer_init(&text, 70000);
    buffer_put_str(&text, TOKEN_MARK);
    base64_encode(BASE64_URL, raw, &text);
    expect_malformed(what, buffer_bytes(&text));
}

#define SIGNATURE_FIELD                                                                            \
    "\x06\x20"                                                                                     \
    "0123456789abcdef0123456789abcdef"
#define VID_FIELD                                                                                  \
    "\x04\x48"                                                                                     \
    "nonce nonce nonce nonce."                                                                     \
    "0123456789abcdef"                                                                             \
    "0123456789abcdef0123456789abcdef"
#define WELL_FORMED                                                                                \
    "\x02\x02\x02id\0\x02\x01"                                                                     \
    "c\0\0" SIGNATURE_FIELD

static void
texts_that_are_no_token(void **state)
{
    (void)state;
    expect_malformed("empty", BYTES(""));
    expect_malformed("no mark", BYTES("sk-live-0123456789"));
    expect_malformed("mark alone", BYTES("kh1_"));
    expect_malformed("mark in upper case", BYTES("KH1_AgICaWQAAAYg"));
    expect_malformed("padding", BYTES("kh1_AgICaWQAAAYgMDEyMw=="));
    expect_malformed("white space", BYTES("kh1_AgIC aWQA"));
    expect_malformed("newline at the end", BYTES("kh1_AgICaWQA\n"));
    expect_malformed("standard alphabet", BYTES("kh1_+/+/"));
    expect_malformed("braces", BYTES("kh1_{\"v\":2}"));
    expect_malformed("space before", BYTES("a kh1_AgICaWQA"));
    expect_malformed("control before", BYTES("a\x01kh1_AgICaWQA"));
    expect_malformed("NUL", BYTES("kh1_AgIC\0aWQA"));
    char longer[TOKEN_TEXT_MAX + 10];
    memset(longer, 'A', sizeof longer);
    expect_malformed("8202 characters", bytes_of(longer, sizeof longer));
    memcpy(longer, TOKEN_MARK, 4);
    expect_malformed("8193 characters", bytes_of(longer, TOKEN_TEXT_MAX + 1));
}

static void
structure(void **state)
{
    (void)state;
    struct token *token = NULL;
    BUFFER_AUTO text;
    buffer_init(&text, 1000);
    buffer_put_str(&text, TOKEN_MARK);
    base64_encode(BASE64_URL, BYTES(WELL_FORMED), &text);
    expect_err("well-formed", token_scan(buffer_bytes(&text), &token, NULL), KH_OK);
    token_free(&token);
    assert_null(token);
    token_free(&token);

    const struct {
        const char *what;
        struct bytes raw;
    } cases[] = {
        {"nothing", BYTES_EMPTY},
        {"version alone", BYTES("\x02")},
        {"version 1", BYTES("0014location x\n")},
        {"version 3", BYTES("\x03\x02\x02id\0\0" SIGNATURE_FIELD)},
        {"JSON", BYTES("{\"v\":2,\"i\":\"a\"}")},
        {"no identifier", BYTES("\x02\0\0" SIGNATURE_FIELD)},
        {"empty identifier", BYTES("\x02\x02\0\0\0" SIGNATURE_FIELD)},
        {"no end of header", BYTES("\x02\x02\x02id" SIGNATURE_FIELD)},
        {"no end of caveats", BYTES("\x02\x02\x02id\0" SIGNATURE_FIELD)},
        {"no signature", BYTES("\x02\x02\x02id\0\0")},
        {"short signature", BYTES("\x02\x02\x02id\0\0\x06\x1f"
                                  "0123456789abcdef0123456789abcde")},
        {"long signature", BYTES("\x02\x02\x02id\0\0\x06\x21"
                                 "0123456789abcdef0123456789abcdefX")},
        {"signature cut", BYTES("\x02\x02\x02id\0\0\x06\x20"
                                "0123")},
        {"trailing byte", BYTES(WELL_FORMED "\0")},
        {"trailing field", BYTES(WELL_FORMED "\x06\x01x")},
        {"empty location", BYTES("\x02\x01\0\x02\x02id\0\0" SIGNATURE_FIELD)},
        {"location after identifier", BYTES("\x02\x02\x02id\x01\x01l\0\0" SIGNATURE_FIELD)},
        {"two identifiers", BYTES("\x02\x02\x02id\x02\x02id\0\0" SIGNATURE_FIELD)},
        {"control in a location", BYTES("\x02\x01\x02l\n\x02\x02id\0\0" SIGNATURE_FIELD)},
        {"location not ASCII", BYTES("\x02\x01\x02\xc3\xa4\x02\x02id\0\0" SIGNATURE_FIELD)},
        {"empty caveat", BYTES("\x02\x02\x02id\0\x02\0\0\0" SIGNATURE_FIELD)},
        {"caveat without end", BYTES("\x02\x02\x02id\0\x02\x01"
                                     "c" SIGNATURE_FIELD)},
        {"vid before caveat", BYTES("\x02\x02\x02id\0" VID_FIELD "\x02\x01"
                                    "c\0\0" SIGNATURE_FIELD)},
        {"empty vid", BYTES("\x02\x02\x02id\0\x02\x01"
                            "c\x04\0\0\0" SIGNATURE_FIELD)},
        {"short vid", BYTES("\x02\x02\x02id\0\x02\x01"
                            "c\x04\x01v\0\0" SIGNATURE_FIELD)},
        {"location, no vid", BYTES("\x02\x02\x02id\0\x01\x01l\x02\x01"
                                   "c\0\0" SIGNATURE_FIELD)},
        {"unknown field", BYTES("\x02\x02\x02id\0\x03\x01x\0\0" SIGNATURE_FIELD)},
        {"length not minimal", BYTES("\x02\x02\x82\0id\0\0" SIGNATURE_FIELD)},
        {"length of three bytes", BYTES("\x02\x02\x82\x80\0id\0\0" SIGNATURE_FIELD)},
        {"length without end", BYTES("\x02\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {"length beyond the end", BYTES("\x02\x02\x7fid")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_raw_malformed(cases[i].what, cases[i].raw);
}

/* Every prefix of a token, and every token with bytes after it. */
// threat 24
static void
truncation(void **state)
{
    (void)state;
    struct builder root, discharge;
    struct builder *const both[] = {&root, &discharge};
    builder_root(&root);
    builder_first_party(&root, "method = GET");
    builder_hole(&root, "ticket", other_key);
    builder_start(&discharge, other_key, BYTES("ticket"));
    builder_first_party(&discharge, "time < 2030-01-01T00:00:00Z");
    BUFFER_AUTO raw;
    buffer_init(&raw, 10000);
    token_write_v2(&both[0]->view, &raw);
    size_t first = raw.n;
    token_write_v2(&both[1]->view, &raw);
    for (size_t n = 0; n < raw.n; n++) {
        if (n != first) /* there the hole is open, which is no error of the scan */
            expect_raw_malformed("truncated", bytes_of(raw.p, n));
    }
    buffer_put_byte(&raw, 2);
    expect_raw_malformed("one byte more", buffer_bytes(&raw));
    builder_end(&root);
    builder_end(&discharge);
}

// threat 14, 24
static void
limits(void **state)
{
    (void)state;
    static char big[40000];
    memset(big, 'x', sizeof big);
    static const struct {
        const char *what;
        size_t location, identifier, caveat, caveats;
        enum kh_err expected;
    } cases[] = {
        {"largest", TOKEN_LOCATION_MAX, TOKEN_IDENTIFIER_MAX, TOKEN_CAVEAT_MAX, 3, KH_OK},
        {"location", TOKEN_LOCATION_MAX + 1, 1, 1, 1, KH_ERR_MALFORMED},
        {"identifier", 1, TOKEN_IDENTIFIER_MAX + 1, 1, 1, KH_ERR_MALFORMED},
        {"caveat", 1, 1, TOKEN_CAVEAT_MAX + 1, 1, KH_ERR_MALFORMED},
        {"caveat of 32768", 1, 1, 32768, 1, KH_ERR_MALFORMED},
        {"six long caveats", 1, 1, 1000, 6, KH_OK},
        {"more than 8192 characters", 1, 1, 1000, 7, KH_ERR_MALFORMED},
        {"most caveats", 1, 1, 1, TOKEN_CAVEATS_MAX, KH_OK},
        {"caveats", 1, 1, 1, TOKEN_CAVEATS_MAX + 1, KH_ERR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct token_caveat list[TOKEN_CAVEATS_MAX + 1];
        for (size_t k = 0; k < cases[i].caveats; k++)
            list[k] = (struct token_caveat){.id = bytes_of(big, cases[i].caveat)};
        struct macaroon_view m = {
            .location = bytes_of(big, cases[i].location),
            .identifier = bytes_of(big, cases[i].identifier),
            .signature = bytes_of(big, TOKEN_SIGNATURE_SIZE),
            .caveat = list,
            .caveat_count = cases[i].caveats,
        };
        BUFFER_AUTO text;
        buffer_init(&text, 100000);
        token_write_text(&m, 1, BYTES_EMPTY, &text);
        struct token *token = NULL;
        expect_err(cases[i].what, token_scan(buffer_bytes(&text), &token, NULL), cases[i].expected);
        token_free(&token);
    }
}

static void
prefixes(void **state)
{
    (void)state;
    struct buffer minted;
    test_mint(&minted, NULL);
    static const struct {
        size_t n;
        enum kh_err expected;
    } cases[] = {{0, KH_OK},
                 {1, KH_OK},
                 {TOKEN_PREFIX_MAX, KH_OK},
                 {TOKEN_PREFIX_MAX + 1, KH_ERR_MALFORMED}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        BUFFER_AUTO text;
        buffer_init(&text, TOKEN_TEXT_MAX);
        for (size_t k = 0; k < cases[i].n; k++)
            buffer_put_byte(&text, '_');
        buffer_put(&text, buffer_bytes(&minted));
        struct token *token = NULL;
        expect_err("prefix", token_scan(buffer_bytes(&text), &token, NULL), cases[i].expected);
        if (token)
            assert_int_equal(token->prefix.n, cases[i].n);
        token_free(&token);
    }
    buffer_free(&minted);
}

/* ---- the graph ---- */

static enum kh_err
scan_graph(struct builder *const *b, size_t count, struct token **token)
{
    struct buffer text;
    builders_text(b, count, &text);
    enum kh_err err = token_scan(buffer_bytes(&text), token, NULL);
    buffer_free(&text);
    return err;
}

/* Rows are macaroons, root first: the ticket that each fills and the holes that it has. */
struct graph {
    const char *what;
    enum kh_err expected;
    struct {
        const char *id, *hole[9];
    } macaroon[10];
};

static const struct graph graphs[] = {
    {"no hole", KH_OK, {{"r", {0}}}},
    {"open hole", KH_OK, {{"r", {"a"}}}},
    {"the same hole open twice", KH_OK, {{"r", {"a", "a"}}}},
    {"filled", KH_OK, {{"r", {"a"}}, {"a", {0}}}},
    {"two, in the other order", KH_OK, {{"r", {"a", "b"}}, {"b", {0}}, {"a", {0}}}},
    {"nested, the inner one first", KH_OK, {{"r", {"a"}}, {"b", {0}}, {"a", {"b"}}}},
    {"nested three deep", KH_OK, {{"r", {"a"}}, {"a", {"b"}}, {"b", {"c"}}, {"c", {0}}}},
    {"nested four deep",
     KH_ERR_GRAPH,
     {{"r", {"a"}}, {"a", {"b"}}, {"b", {"c"}}, {"c", {"d"}}, {"d", {0}}}},
    {"a discharge for nothing", KH_ERR_GRAPH, {{"r", {0}}, {"a", {0}}}},
    {"one too many", KH_ERR_GRAPH, {{"r", {"a"}}, {"a", {0}}, {"b", {0}}}},
    {"one discharge, two holes", KH_ERR_GRAPH, {{"r", {"a", "a"}}, {"a", {0}}}},
    {"one discharge, two holders", KH_ERR_GRAPH, {{"r", {"a", "b"}}, {"a", {"b"}}, {"b", {0}}}},
    {"two discharges, one identifier", KH_ERR_GRAPH, {{"r", {"a"}}, {"a", {0}}, {"a", {0}}}},
    {"two discharges, two holes, one identifier",
     KH_ERR_GRAPH,
     {{"r", {"a", "a"}}, {"a", {0}}, {"a", {0}}}},
    {"fills its own hole", KH_ERR_GRAPH, {{"r", {0}}, {"a", {"a"}}}},
    {"circle of two", KH_ERR_GRAPH, {{"r", {0}}, {"a", {"b"}}, {"b", {"a"}}}},
    {"circle beside a filled hole",
     KH_ERR_GRAPH,
     {{"r", {"c"}}, {"c", {0}}, {"a", {"b"}}, {"b", {"a"}}}},
    {"the root again", KH_ERR_GRAPH, {{"r", {"r"}}, {"r", {"r"}}}},
    {"exponential",
     KH_ERR_GRAPH,
     {{"r", {"a", "a"}}, {"a", {"b", "b"}}, {"b", {"c", "c"}}, {"c", {"d", "d"}}, {"d", {0}}}},
    {"eight discharges",
     KH_OK,
     {{"r", {"a", "b", "c", "d", "e", "f", "g", "h"}},
      {"a", {0}},
      {"b", {0}},
      {"c", {0}},
      {"d", {0}},
      {"e", {0}},
      {"f", {0}},
      {"g", {0}},
      {"h", {0}}}},
    {"nine discharges",
     KH_ERR_MALFORMED,
     {{"r", {"a", "b", "c", "d", "e", "f", "g", "h"}},
      {"a", {0}},
      {"b", {0}},
      {"c", {0}},
      {"d", {0}},
      {"e", {0}},
      {"f", {0}},
      {"g", {0}},
      {"h", {0}},
      {"i", {0}}}},
};

// threat 14
static void
discharge_graphs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(graphs); i++) {
        struct builder *b[10];
        size_t n = 0;
        for (; n < 10 && graphs[i].macaroon[n].id; n++) {
            b[n] = malloc(sizeof *b[n]);
            assert_non_null(b[n]);
            builder_start(b[n], other_key, bytes_str(graphs[i].macaroon[n].id));
            for (size_t k = 0; graphs[i].macaroon[n].hole[k]; k++)
                builder_hole(b[n], graphs[i].macaroon[n].hole[k], other_key);
        }
        struct token *token = NULL;
        expect_err(graphs[i].what, scan_graph(b, n, &token), graphs[i].expected);
        if (token)
            assert_int_equal(token->macaroon_count, n);
        token_free(&token);
        while (n-- > 0) {
            builder_end(b[n]);
            free(b[n]);
        }
    }
}

static void
views_are_right(void **state)
{
    (void)state;
    struct builder root, outer, inner;
    struct builder *const all[] = {&root, &inner, &outer};
    builder_root(&root);
    builder_first_party(&root, "method = GET");
    builder_hole(&root, "outer", other_key);
    builder_start(&outer, other_key, BYTES("outer"));
    builder_hole(&outer, "inner", other_key);
    builder_start(&inner, other_key, BYTES("inner"));
    struct token *token = NULL;
    expect_err("scan", scan_graph(all, 3, &token), KH_OK);
    assert_int_equal(token->macaroon[0].parent, -1);
    assert_int_equal(token->macaroon[0].caveat_count, 2);
    assert_int_equal(token->macaroon[1].parent, 2);
    assert_int_equal(token->macaroon[1].depth, 2);
    assert_int_equal(token->macaroon[2].parent, 0);
    assert_int_equal(token->macaroon[2].depth, 1);
    assert_int_equal(token->caveat_count, 3);
    expect_text("caveat", token->macaroon[0].caveat[0].id, "method = GET");
    expect_text("location", token->macaroon[0].caveat[1].location, "https://discharger.example");
    assert_int_equal(token->macaroon[0].caveat[1].vid.n, TOKEN_VID_SIZE);
    expect_text("identifier", token->macaroon[2].identifier, "outer");
    token_free(&token);
    for (size_t i = 0; i < 3; i++)
        builder_end(all[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_no_token),
        cmocka_unit_test(structure),
        cmocka_unit_test(truncation),
        cmocka_unit_test(limits),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(discharge_graphs),
        cmocka_unit_test(views_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
