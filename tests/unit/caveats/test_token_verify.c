/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens.h"

static enum kh_err
verify_text(struct bytes text, const uint8_t key[TOKEN_KEY_SIZE])
{
    struct token_verified verified = {.condition_count = 77};
    struct fault fault = {0};
    struct token *token = test_scan(text);
    enum kh_err err = token_verify(token, key, &verified, &fault);
    if (err) {
        assert_int_equal(verified.condition_count, 77); /* untouched */
        assert_true(strlen(fault.detail) > 5);
    }
    token_free(&token);
    return err;
}

static void
expect_verdict(const char *what, struct builder *const *b, size_t count, enum kh_err expected)
{
    struct buffer text;
    builders_text(b, count, &text);
    expect_err(what, verify_text(buffer_bytes(&text), root_key), expected);
    buffer_free(&text);
}

static void
forged(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = GET", "path = /a", NULL};
    static const uint8_t empty_key[TOKEN_KEY_SIZE];
    struct buffer text;
    test_mint(&text, caveats);
    expect_err("another key", verify_text(buffer_bytes(&text), other_key), KH_ERR_SIGNATURE);
    expect_err("no key", verify_text(buffer_bytes(&text), empty_key), KH_ERR_SIGNATURE);
    expect_err("the key", verify_text(buffer_bytes(&text), root_key), KH_OK);

    struct token *token = test_scan(buffer_bytes(&text));
    struct token_caveat swapped[2] = {token->caveat[1], token->caveat[0]};
    struct macaroon_view m = token->macaroon[0];
    struct buffer changed;
    static const struct {
        const char *what;
        size_t from, count;
    } cases[] = {{"caveat dropped from the end", 1, 1},
                 {"caveats dropped", 0, 0},
                 {"caveats swapped", 0, 2},
                 {"caveat dropped", 0, 1}};
    m.caveat = swapped;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        m.caveat = swapped + cases[i].from;
        m.caveat_count = cases[i].count;
        buffer_init(&changed, TOKEN_TEXT_MAX);
        token_write_text(&m, 1, BYTES_EMPTY, &changed);
        expect_err(cases[i].what, verify_text(buffer_bytes(&changed), root_key), KH_ERR_SIGNATURE);
        buffer_free(&changed);
    }
    token_free(&token);
    buffer_free(&text);
}

struct pair {
    struct builder root, discharge;
    struct builder *both[2];
    uint8_t lineage[LINEAGE_ID_SIZE]; /* of the root with its hole */
};

static void
pair_start(struct pair *p)
{
    builder_root(&p->root);
    builder_first_party(&p->root, "method = GET");
    builder_hole(&p->root, "ticket", other_key);
    builder_lineage(&p->root, p->lineage);
    builder_start(&p->discharge, other_key, BYTES("ticket"));
    p->both[0] = &p->root;
    p->both[1] = &p->discharge;
}

static void
pair_expect(struct pair *p, const char *what, enum kh_err expected)
{
    expect_verdict(what, p->both, 2, expected);
    builder_end(&p->root);
    builder_end(&p->discharge);
}

static void
discharges_bind_to_a_lineage(void **state)
{
    (void)state;
    struct pair p;
    uint8_t before[LINEAGE_ID_SIZE];

    pair_start(&p);
    builder_parent(&p.discharge, p.lineage);
    pair_expect(&p, "parent is the token", KH_OK);

    pair_start(&p);
    builder_parent(&p.discharge, p.lineage);
    builder_first_party(&p.root, "path = /a");
    pair_expect(&p, "parent is an ancestor with the hole", KH_OK);

    pair_start(&p);
    builder_first_party(&p.root, "path = /a");
    builder_lineage(&p.root, p.lineage);
    builder_parent(&p.discharge, p.lineage);
    builder_first_party(&p.root, "path = /b");
    pair_expect(&p, "parent is a narrowed token", KH_OK);

    pair_start(&p);
    pair_expect(&p, "no parent, not bound", KH_ERR_GRAPH);

    /* A sibling: the same token, narrowed another way after the discharge was made for this one. */
    pair_start(&p);
    builder_first_party(&p.root, "path = /a");
    builder_lineage(&p.root, p.lineage);
    builder_parent(&p.discharge, p.lineage);
    builder_end(&p.root);
    builder_root(&p.root);
    builder_first_party(&p.root, "method = GET");
    builder_hole(&p.root, "ticket", other_key);
    builder_first_party(&p.root, "path = /b");
    pair_expect(&p, "parent is a sibling", KH_ERR_GRAPH);

    /* The parent itself must not use what was made for its child. */
    pair_start(&p);
    builder_first_party(&p.root, "path = /a");
    builder_lineage(&p.root, p.lineage);
    builder_parent(&p.discharge, p.lineage);
    builder_end(&p.root);
    builder_root(&p.root);
    builder_first_party(&p.root, "method = GET");
    builder_hole(&p.root, "ticket", other_key);
    pair_expect(&p, "parent is a descendant", KH_ERR_GRAPH);

    /* As it was before it had the hole. */
    pair_start(&p);
    builder_end(&p.root);
    builder_root(&p.root);
    builder_first_party(&p.root, "method = GET");
    builder_lineage(&p.root, before);
    builder_hole(&p.root, "ticket", other_key);
    builder_parent(&p.discharge, before);
    pair_expect(&p, "parent is from before the hole", KH_ERR_GRAPH);

    pair_start(&p);
    builder_parent(&p.discharge, p.lineage);
    memset(before, 0xab, sizeof before);
    builder_parent(&p.discharge, before);
    pair_expect(&p, "one parent right, one wrong", KH_ERR_GRAPH);
}

static void
other_spellings_of_parent_bind_nothing(void **state)
{
    (void)state;
    static const char *const formats[] = {"parent = \"%s\"", "parent= %s",  "parent = %s ",
                                          "parent in %s",    "Parent = %s", "parent = %s or a",
                                          "label = %s",      "parent  = %s"};
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        struct pair p;
        char hex[2 * LINEAGE_ID_SIZE + 1], text[100];
        pair_start(&p);
        assert_true(bytes_to_hex(bytes_of(p.lineage, sizeof p.lineage), hex, sizeof hex));
        const char *percent = strchr(formats[i], '%');
        snprintf(text, sizeof text, "%.*s%s%s", (int)(percent - formats[i]), formats[i], hex,
                 percent + 2);
        builder_first_party(&p.discharge, text);
        pair_expect(&p, formats[i], KH_ERR_GRAPH);
    }
    struct pair p;
    char hex[2 * LINEAGE_ID_SIZE + 1], text[100];
    pair_start(&p);
    assert_true(bytes_to_hex(bytes_of(p.lineage, sizeof p.lineage), hex, sizeof hex));
    snprintf(text, sizeof text, "parent = %s", hex);
    for (char *c = text + 9; *c; c++)
        *c = (char)(*c >= 'a' ? *c - 32 : *c);
    builder_first_party(&p.discharge, text);
    pair_expect(&p, "upper case", strcmp(hex, text + 9) == 0 ? KH_OK : KH_ERR_GRAPH);
}

static void
classic_binding(void **state)
{
    (void)state;
    struct pair p;
    uint8_t wrong[LINEAGE_ID_SIZE] = {1};

    pair_start(&p);
    builder_first_party(&p.discharge, "time < 2030-01-01T00:00:00Z");
    builder_bind(&p.discharge, &p.root);
    pair_expect(&p, "bound", KH_OK);

    pair_start(&p);
    builder_bind(&p.discharge, &p.root);
    builder_first_party(&p.root, "path = /a");
    pair_expect(&p, "bound, and then narrowed", KH_ERR_GRAPH);

    pair_start(&p);
    builder_parent(&p.discharge, wrong);
    builder_bind(&p.discharge, &p.root);
    pair_expect(&p, "bound, with the parent of another", KH_ERR_GRAPH);

    pair_start(&p);
    builder_bind(&p.discharge, &p.root);
    builder_bind(&p.discharge, &p.root);
    pair_expect(&p, "bound twice", KH_ERR_GRAPH);
}

static void
wrong_discharges(void **state)
{
    (void)state;
    struct pair p;

    pair_start(&p);
    builder_end(&p.discharge);
    builder_start(&p.discharge, root_key, BYTES("ticket"));
    builder_parent(&p.discharge, p.lineage);
    pair_expect(&p, "another caveat key", KH_ERR_GRAPH);

    pair_start(&p);
    builder_parent(&p.discharge, p.lineage);
    p.discharge.signature[0] ^= 1;
    pair_expect(&p, "signature changed", KH_ERR_GRAPH);

    pair_start(&p);
    builder_parent(&p.discharge, p.lineage);
    p.root.text[p.root.used - 1] ^= 1; /* the location: it is not authenticated */
    pair_expect(&p, "location changed", KH_OK);

    /* A vid that was sealed with another signature, in a root that is right otherwise. */
    pair_start(&p);
    builder_end(&p.root);
    builder_root(&p.root);
    uint8_t kept[TOKEN_SIGNATURE_SIZE];
    memcpy(kept, p.root.signature, sizeof kept);
    memset(p.root.signature, 9, sizeof kept);
    builder_hole(&p.root, "ticket", other_key);
    memcpy(p.root.signature, kept, sizeof kept);
    assert_true(token_chain_step(&p.root.hmac, &p.root.caveat[0], p.root.signature));
    builder_lineage(&p.root, p.lineage);
    builder_parent(&p.discharge, p.lineage);
    pair_expect(&p, "vid does not open", KH_ERR_GRAPH);
}

/* The root is judged first: with a forged one, nothing is said about holes. */
static void
forged_with_holes(void **state)
{
    (void)state;
    struct pair p;
    struct buffer text;
    struct token_verified verified;
    pair_start(&p);
    expect_verdict("open hole", p.both, 1, KH_ERR_GRAPH);
    builders_text(p.both, 1, &text);
    struct token *token = test_scan(buffer_bytes(&text));
    expect_err("root alone", token_verify_root(token, root_key, &verified, NULL), KH_OK);
    assert_int_equal(verified.condition_count, 1);
    assert_int_equal(verified.lineage_count, 3);
    assert_memory_equal(verified.lineage[2], p.lineage, LINEAGE_ID_SIZE);
    expect_err("other key", token_verify_root(token, other_key, &verified, NULL), KH_ERR_SIGNATURE);
    token_free(&token);
    buffer_free(&text);

    p.root.signature[31] ^= 1;
    expect_verdict("forged, open hole", p.both, 1, KH_ERR_SIGNATURE);
    pair_expect(&p, "forged, with a discharge", KH_ERR_SIGNATURE);
}

static void
nested(void **state)
{
    (void)state;
    struct builder root, outer, inner;
    struct builder *all[] = {&root, &inner, &outer}; /* not in the order of the graph */
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct token_verified verified;
    struct buffer text;
    builder_root(&root);
    builder_hole(&root, "outer", other_key);
    builder_lineage(&root, lineage);
    builder_start(&outer, other_key, BYTES("outer"));
    builder_parent(&outer, lineage);
    builder_hole(&outer, "inner", root_key);
    builder_start(&inner, root_key, BYTES("inner"));
    builder_parent(&inner, lineage);
    builder_first_party(&root, "path = /a");
    builders_text(all, 3, &text);
    struct token *token = test_scan(buffer_bytes(&text));
    expect_err("nested", token_verify(token, root_key, &verified, NULL), KH_OK);
    assert_int_equal(verified.condition_count, 3);
    assert_int_equal(verified.condition[0].macaroon, 0);
    assert_int_equal(verified.condition[0].index, 1);
    assert_int_equal(verified.condition[1].macaroon, 2);
    assert_int_equal(verified.condition[2].macaroon, 1);
    token_free(&token);
    buffer_free(&text);

    expect_verdict("inner hole open", (struct builder *[]){&root, &outer}, 2, KH_ERR_GRAPH);

    /* the inner one not bound to anything */
    builder_end(&inner);
    builder_start(&inner, root_key, BYTES("inner"));
    expect_verdict("inner not bound", all, 3, KH_ERR_GRAPH);
    /* bound the classic way: to the root, not to its holder */
    builder_bind(&inner, &root);
    expect_verdict("inner bound to the root", all, 3, KH_OK);
    builder_end(&inner);
    builder_start(&inner, root_key, BYTES("inner"));
    builder_bind(&inner, &outer);
    expect_verdict("inner bound to its holder", all, 3, KH_ERR_GRAPH);
    builder_end(&root);
    builder_end(&outer);
    builder_end(&inner);
}

static void
most_of_everything(void **state)
{
    (void)state;
    struct builder *b[1 + TOKEN_DISCHARGES_MAX];
    uint8_t lineage[LINEAGE_ID_SIZE];
    char ticket[2] = "a";
    for (size_t i = 0; i < COUNT_OF(b); i++) {
        b[i] = malloc(sizeof *b[i]);
        assert_non_null(b[i]);
    }
    builder_root(b[0]);
    for (size_t i = 1; i < COUNT_OF(b); i++) {
        ticket[0] = (char)('a' + i);
        builder_hole(b[0], ticket, other_key);
    }
    while (b[0]->view.caveat_count < TOKEN_CAVEATS_MAX - TOKEN_DISCHARGES_MAX)
        builder_first_party(b[0], "method = GET");
    builder_lineage(b[0], lineage);
    for (size_t i = 1; i < COUNT_OF(b); i++) {
        ticket[0] = (char)('a' + i);
        builder_start(b[i], other_key, bytes_str(ticket));
        builder_parent(b[i], lineage);
    }
    expect_verdict("64 caveats, 8 discharges", b, COUNT_OF(b), KH_OK);
    for (size_t i = 0; i < COUNT_OF(b); i++) {
        builder_end(b[i]);
        free(b[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged),
        cmocka_unit_test(discharges_bind_to_a_lineage),
        cmocka_unit_test(other_spellings_of_parent_bind_nothing),
        cmocka_unit_test(classic_binding),
        cmocka_unit_test(wrong_discharges),
        cmocka_unit_test(forged_with_holes),
        cmocka_unit_test(nested),
        cmocka_unit_test(most_of_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
