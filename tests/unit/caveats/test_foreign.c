/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../caveats/foreign.h"
#include "tokens.h"

static const char vectors_file[] = "tests/vectors/pymacaroons.tokens";

static enum kh_err
import(struct bytes text, struct buffer *out)
{
    struct fault fault = {0};
    buffer_init(out, 2 * FOREIGN_TEXT_MAX);
    enum kh_err err = foreign_import(text, out, &fault);
    if (err) {
        assert_int_equal(out->n, 0);
        assert_true(strlen(fault.detail) > 0);
    }
    return err;
}

static void
expect_refused(const char *what, struct bytes text)
{
    struct buffer out;
    expect_err(what, import(text, &out), KH_ERR_MALFORMED);
    buffer_free(&out);
}

/* V1 packets in base64url. */
static void
expect_packets(const char *what, struct bytes packets, enum kh_err expected)
{
    BUFFER_AUTO text;
    struct buffer out;
    buffer_init(&text, 2 * FOREIGN_TEXT_MAX);
    base64_encode(BASE64_URL, packets, &text);
    expect_err(what, import(buffer_bytes(&text), &out), expected);
    buffer_free(&out);
}

#define L   "000flocation l\n"
#define I   "0011identifier i\n"
#define S32 "0123456789abcdef0123456789abcdef"
#define S   "002fsignature " S32 "\n"
#define V72 "nonce nonce nonce nonce." S32 "0123456789abcdef"
#define CID "000ccid abc\n"
#define VID "0051vid " V72 "\n"
#define CL  "0009cl l\n"

static void
v1_is_strict(void **state)
{
    (void)state;
    expect_packets("plain", BYTES(L I S), KH_OK);
    expect_packets("a caveat", BYTES(L I CID S), KH_OK);
    expect_packets("third party", BYTES(L I CID VID CL CID S), KH_OK);
    expect_packets("third party without location", BYTES(L I CID VID S), KH_OK);
    const struct {
        const char *what;
        struct bytes packets;
    } bad[] = {
        {"ends after cid", BYTES(L I CID)},
        {"length 0000", BYTES("0000")},
        {"length 0000 later", BYTES(L I "0000")},
        {"length 0005", BYTES(L I "0005x" S)},
        {"length beyond the end", BYTES(L I "ffffcid abc\n" S)},
        {"upper-case length", BYTES(L I "000Ccid abc\n" S)},
        {"length not hexadecimal", BYTES(L I "000gcid abc\n" S)},
        {"no newline", BYTES(L I "000ccid abcd" S)},
        {"no space", BYTES(L I "000bcidabc\n" S)},
        {"no location", BYTES(I S)},
        {"no identifier", BYTES(L S)},
        {"no signature", BYTES(L I)},
        {"signature twice", BYTES(L I S S)},
        {"bytes at the end", BYTES(L I S "\n")},
        {"order", BYTES(I L S)},
        {"vid first", BYTES(L I VID CID S)},
        {"empty cl without vid", BYTES(L I CID "0008cl \n" S)},
        {"empty vid", BYTES(L I CID "0009vid \n" S)},
        {"cl without vid", BYTES(L I CID CL S)},
        {"vid of another size", BYTES(L I CID "000avid 1\n" S)},
        {"empty cid", BYTES(L I "0009cid \n" S)},
        {"short signature", BYTES(L I "0010signature x\n")},
        {"unknown packet", BYTES(L I "000bfoo ab\n" S)},
        {"upper-case key", BYTES(L I "000cCID abc\n" S)},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        expect_packets(bad[i].what, bad[i].packets, KH_ERR_MALFORMED);

    BUFFER_AUTO many;
    buffer_init(&many, FOREIGN_TEXT_MAX);
    buffer_put_str(&many, L I);
    for (int i = 0; i <= TOKEN_CAVEATS_MAX; i++)
        buffer_put_str(&many, CID);
    buffer_put_str(&many, S);
    expect_packets("65 caveats", buffer_bytes(&many), KH_ERR_MALFORMED);
}

static void
texts_that_are_nothing(void **state)
{
    (void)state;
    static char longer[FOREIGN_TEXT_MAX + 1];
    memset(longer, 'A', sizeof longer);
    expect_refused("empty", BYTES(""));
    expect_refused("too long", bytes_of(longer, sizeof longer));
    expect_refused("zeros", bytes_of(longer, 100));
    expect_refused("padding", BYTES("MDAw="));
    expect_refused("white space", BYTES(" MDAw"));
    expect_refused("our own text", BYTES("kh1_AgICaWQA"));
    expect_refused("brace", BYTES("{"));
    expect_refused("base64 of a brace", BYTES("ew"));
    expect_refused("newline", BYTES("\n"));
}

/* Read into a token, write in each format, read again: always the same token. */
static void
check_round_trip(struct bytes kh1)
{
    struct token *token = test_scan(kh1);
    for (int format = FOREIGN_V1; format <= FOREIGN_V2_JSON; format++) {
        BUFFER_AUTO text;
        struct buffer again;
        buffer_init(&text, 2 * FOREIGN_TEXT_MAX);
        expect_err("export", foreign_export(token, (enum foreign_format)format, &text, NULL),
                   KH_OK);
        expect_err("import", import(buffer_bytes(&text), &again), KH_OK);
        expect_bytes("round trip", buffer_bytes(&again), kh1);
        buffer_free(&again);
    }
    token_free(&token);
}

static enum kh_err
verdict(struct bytes kh1)
{
    struct token_verified verified;
    struct token *token = test_scan(kh1);
    enum kh_err err = token_verify(token, root_key, &verified, NULL);
    if (err == KH_OK) {
        expect_text("first condition", verified.condition[0].text, "method = GET");
        assert_int_equal(verified.lineage_count, token->macaroon[0].caveat_count + 1);
    }
    token_free(&token);
    return err;
}

static void
run_vector(struct bytes name, struct bytes format, char *text)
{
    struct buffer kh1;
    bool is_v1 = bytes_is(format, "V1");
    for (char *c = text; is_v1 && *c; c++) {
        if (*c == ' ')
            *c = '\n';
    }
    enum kh_err err = import(bytes_str(text), &kh1);
    if (err)
        FAIL_WITH("%.*s in %.*s is refused", BYTES_ARG(name), BYTES_ARG(format));
    bool is_fine = bytes_is(name, "plain") || bytes_is(name, "bound") || bytes_is(name, "unbound");
    enum kh_err expected = is_fine ? KH_OK : KH_ERR_GRAPH;
    err = verdict(buffer_bytes(&kh1));
    if (err != expected)
        FAIL_WITH("%.*s in %.*s: %s", BYTES_ARG(name), BYTES_ARG(format), kh_err_code(err));
    check_round_trip(buffer_bytes(&kh1));
    buffer_free(&kh1);
}

static void
made_by_pymacaroons(void **state)
{
    (void)state;
    char line[4096];
    unsigned count = 0;
    FILE *file = fopen(vectors_file, "r");
    if (!file)
        FAIL_WITH("cannot open %s; run the tests from the top of the tree", vectors_file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        char *format = strchr(line, '|');
        assert_non_null(format);
        char *text = strchr(format + 1, '|');
        assert_non_null(text);
        run_vector(bytes_of(line, (size_t)(format - line)),
                   bytes_of(format + 1, (size_t)(text - format - 1)), text + 1);
        count++;
    }
    fclose(file);
    assert_int_equal(count, 11);
}

static void
ours_survive_the_round_trip(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = GET", "user = \"a \\\" b\"",
                                          "label = \"\xc3\xa4\"", NULL};
    struct buffer text;
    test_mint(&text, caveats);
    check_round_trip(buffer_bytes(&text));
    buffer_free(&text);

    struct token *token = NULL;
    BUFFER_AUTO small;
    buffer_init(&small, 20);
    test_mint(&text, NULL);
    token = test_scan(buffer_bytes(&text));
    expect_err("no room", foreign_export(token, FOREIGN_V1, &small, NULL), KH_ERR_TOO_LONG);
    assert_int_equal(small.n, 0);
    expect_err("format", foreign_export(token, (enum foreign_format)9, &small, NULL),
               KH_ERR_UNSUPPORTED);
    token_free(&token);
    buffer_free(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_is_strict),
        cmocka_unit_test(texts_that_are_nothing),
        cmocka_unit_test(made_by_pymacaroons),
        cmocka_unit_test(ours_survive_the_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
