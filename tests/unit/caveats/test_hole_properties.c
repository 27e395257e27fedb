/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of holes, on generated trees of tokens: a discharge is good for the token that it was
 * made for and everything made from that, and for nothing else; and neither a caveat, nor a hole,
 * nor what fills it ever widens a token. Each prints its seed; KEYHOLE_SEED=… runs it again.
 */

#include "world.h"

enum {
    TREES = 400 / TEST_SAMPLE,
    NODES = 9,
    HOLES = 4,
    FILLINGS = 10,
    TRIES = 6, /* of fillings, for each node */
    WIDENINGS = 4000 / TEST_SAMPLE,
};

struct node {
    struct buffer text; /* the root macaroon alone */
    int parent;
};

struct dug {
    char ticket[16];
    uint8_t key[TOKEN_KEY_SIZE];
    int node; /* the first token that has it */
};

struct filling {
    int hole, node; /* made for this token */
    struct buffer raw;
};

struct tree {
    struct node node[NODES];
    struct dug hole[HOLES];
    struct filling filling[FILLINGS];
    int nodes, holes, fillings;
};

static bool
is_from(const struct tree *tree, int node, int ancestor)
{
    while (node >= 0 && node != ancestor)
        node = tree->node[node].parent;
    return node == ancestor;
}

static struct dug *
dig(struct tree *tree, struct random *r, int node)
{
    struct dug *hole = &tree->hole[tree->holes];
    snprintf(hole->ticket, sizeof hole->ticket, "ticket %d", tree->holes++);
    for (size_t i = 0; i < TOKEN_KEY_SIZE; i++)
        hole->key[i] = (uint8_t)random_next(r);
    hole->node = node;
    return hole;
}

static struct token_minted_caveat
minted_hole(const struct dug *hole)
{
    return (struct token_minted_caveat){.text = BYTES("factor = yubikey for 8h"),
                                        .root_key = hole->key,
                                        .ticket = bytes_str(hole->ticket),
                                        .location = BYTES("https://discharge.example")};
}

static void
grow_root(struct tree *tree, struct random *r)
{
    struct token_minted_caveat list[4] = {{.text = BYTES("method in GET, POST")}};
    struct token_identity identity = test_identity();
    struct fault fault = {0};
    size_t count = 1;
    while (count < 3 && random_below(r, 2))
        list[count++] = minted_hole(dig(tree, r, 0));
    list[count++] = (struct token_minted_caveat){.text = BYTES("path ~ /v1/**")};
    buffer_init(&tree->node[0].text, TOKEN_TEXT_MAX);
    tree->node[0].parent = -1;
    tree->nodes = 1;
    if (token_mint_with_holes(&identity, root_key, BYTES("https://broker.example"), list, count,
                              &tree->node[0].text, &fault))
        FAIL_WITH("mint: %s", fault.detail);
}

/* Each token is unlike every other: its label says which it is. */
static void
grow_node(struct tree *tree, struct random *r)
{
    char label[32];
    struct fault fault = {0};
    int parent = (int)random_below(r, (size_t)tree->nodes), self = tree->nodes++;
    struct node *node = &tree->node[self];
    BUFFER_AUTO narrowed;
    snprintf(label, sizeof label, "label = n%d", self);
    test_attenuate(&narrowed, buffer_bytes(&tree->node[parent].text), label);
    buffer_init(&node->text, TOKEN_TEXT_MAX);
    node->parent = parent;
    if (tree->holes == HOLES || random_below(r, 2)) {
        buffer_put(&node->text, buffer_bytes(&narrowed));
        return;
    }
    const struct token_minted_caveat hole = minted_hole(dig(tree, r, self));
    struct token *token = test_scan(buffer_bytes(&narrowed));
    if (token_add_hole(token, hole.text, hole.root_key, hole.ticket, hole.location, &node->text,
                       &fault))
        FAIL_WITH("add_hole: %s", fault.detail);
    token_free(&token);
}

static void
make_discharge(const struct tree *tree, int hole, int node, const char *caveat, struct buffer *out)
{
    uint8_t lineage[LINEAGE_ID_SIZE];
    char hex[2 * LINEAGE_ID_SIZE + 1], parent[64];
    struct fault fault = {0};
    struct token *token = test_scan(buffer_bytes(&tree->node[node].text));
    token_lineage_last(token, lineage);
    token_free(&token);
    assert_true(bytes_to_hex(bytes_of(lineage, sizeof lineage), hex, sizeof hex));
    snprintf(parent, sizeof parent, "parent = %s", hex);
    const struct bytes list[] = {bytes_str(caveat), bytes_str(parent)};
    buffer_init(out, TOKEN_TEXT_MAX);
    if (token_discharge_make(bytes_str(tree->hole[hole].ticket), tree->hole[hole].key,
                             BYTES("https://discharge.example"), list, 2, out, &fault))
        FAIL_WITH("discharge: %s", fault.detail);
}

/* For any token, also one that does not have the hole. */
static void
fill(struct tree *tree, struct random *r)
{
    static const char *const caveats[] = {"method = GET", "path = /v1/chat", "label = yubikey",
                                          "time < 2020-01-01T00:00:00Z"};
    struct filling *filling = &tree->filling[tree->fillings++];
    filling->hole = (int)random_below(r, (size_t)tree->holes);
    do
        filling->node = (int)random_below(r, (size_t)tree->nodes);
    while (!is_from(tree, filling->node, tree->hole[filling->hole].node) && random_below(r, 8));
    make_discharge(tree, filling->hole, filling->node, caveats[random_below(r, COUNT_OF(caveats))],
                   &filling->raw);
}

static void
grow(struct tree *tree, struct random *r)
{
    memset(tree, 0, sizeof *tree);
    grow_root(tree, r);
    while (tree->nodes < NODES)
        grow_node(tree, r);
    while (tree->holes > 0 && tree->fillings < FILLINGS)
        fill(tree, r);
}

static void
fell(struct tree *tree)
{
    for (int i = 0; i < tree->nodes; i++)
        buffer_free(&tree->node[i].text);
    for (int i = 0; i < tree->fillings; i++)
        buffer_free(&tree->filling[i].raw);
}

/* The token of that node with one filling for each of its holes; false when there is none for one.
 * `*good`: all were made for it or for what it was made from, with their hole in it. */
static bool
filled(const struct tree *tree, struct random *r, int node, struct buffer *out, bool *good)
{
    struct bytes list[HOLES];
    struct fault fault = {0};
    size_t count = 0;
    *good = true;
    for (int h = 0; h < tree->holes; h++) {
        const struct filling *some[FILLINGS];
        size_t n = 0;
        if (!is_from(tree, node, tree->hole[h].node))
            continue;
        for (int i = 0; i < tree->fillings; i++) {
            if (tree->filling[i].hole == h)
                some[n++] = &tree->filling[i];
        }
        if (n == 0)
            return false;
        const struct filling *chosen = some[random_below(r, n)];
        list[count++] = buffer_bytes(&chosen->raw);
        *good = *good && is_from(tree, node, chosen->node) &&
                is_from(tree, chosen->node, tree->hole[h].node);
    }
    struct token *token = test_scan(buffer_bytes(&tree->node[node].text));
    buffer_init(out, TOKEN_TEXT_MAX);
    if (token_add_discharges(token, list, count, out, &fault))
        FAIL_WITH("add_discharges: %s", fault.detail);
    token_free(&token);
    return true;
}

static void
good_for_descendants_alone(void **state)
{
    (void)state;
    struct random r = random_seeded("discharges and trees", 41);
    unsigned good_ones = 0, bad_ones = 0;
    for (int t = 0; t < TREES; t++) {
        struct tree tree;
        grow(&tree, &r);
        for (int k = 0; k < NODES * TRIES; k++) {
            struct token_verified verified;
            struct buffer text;
            bool good;
            int node = k % NODES;
            if (!filled(&tree, &r, node, &text, &good))
                continue;
            struct token *token = test_scan(buffer_bytes(&text));
            enum kh_err err = token_verify(token, root_key, &verified, NULL);
            if (err != (good ? KH_OK : KH_ERR_GRAPH))
                FAIL_WITH("tree %d, token %d: %s, and should %s", t, node, kh_err_code(err),
                          good ? "verify" : "not");
            good_ones += good;
            bad_ones += !good;
            token_free(&token);
            buffer_free(&text);
        }
        fell(&tree);
    }
    assert_true(good_ones > 1000 / TEST_SAMPLE && bad_ones > 1000 / TEST_SAMPLE);
}

static bool
allows(struct bytes text, const struct facts *facts)
{
    struct world world = test_world();
    return test_decide(&world, text, BYTES_EMPTY, facts, NULL).verdict == DECISION_ALLOW;
}

static struct facts
some_request(struct random *r)
{
    static const char *const methods[] = {"GET", "POST", "PUT"};
    static const char *const paths[] = {"/v1/chat", "/v1/files", "/v2"};
    struct facts facts = test_facts();
    facts.method = bytes_str(methods[random_below(r, COUNT_OF(methods))]);
    facts.path = bytes_str(paths[random_below(r, COUNT_OF(paths))]);
    facts.time = TEST_ISSUED + (int64_t)random_below(r, 1000);
    return facts;
}

/* One more hole, filled for the token as it then is. The discharges that it had stay good. */
static void
with_one_more_hole(struct bytes text, const char *caveat, struct buffer *out)
{
    struct tree one = {.nodes = 1, .holes = 1, .hole = {{.ticket = "one more"}}};
    struct fault fault = {0};
    const struct token_minted_caveat hole = minted_hole(&one.hole[0]);
    BUFFER_AUTO raw;
    struct token *token = test_scan(text);
    buffer_init(&one.node[0].text, TOKEN_TEXT_MAX);
    buffer_init(out, TOKEN_TEXT_MAX);
    if (token_add_hole(token, hole.text, hole.root_key, hole.ticket, hole.location,
                       &one.node[0].text, &fault))
        FAIL_WITH("add_hole: %s", fault.detail);
    token_free(&token);
    make_discharge(&one, 0, 0, caveat, &raw);
    token = test_scan(buffer_bytes(&one.node[0].text));
    const struct bytes list[] = {buffer_bytes(&raw)};
    if (token_add_discharges(token, list, 1, out, &fault))
        FAIL_WITH("add_discharges: %s", fault.detail);
    token_free(&token);
    buffer_free(&one.node[0].text);
}

/* For every token T, filled or not, and request r: if T with one more caveat, or with one more hole
 * that is filled, allows r, then T allows r. And a hole that is not filled allows nothing. */
static void
nothing_widens(void **state)
{
    (void)state;
    static const char *const caveats[] = {"method = GET", "path = /v1/chat", "label = x",
                                          "method = GET or path = /v1/files"};
    struct random r = random_seeded("holes are monotone", 42);
    struct tree tree;
    unsigned before = 0, after = 0, tried = 0;
    grow(&tree, &r);
    for (int i = 0; i < WIDENINGS; i++) {
        struct buffer text, child;
        bool good;
        if (i % 20 == 0) {
            fell(&tree);
            grow(&tree, &r);
        }
        int node = (int)random_below(&r, NODES);
        if (!filled(&tree, &r, node, &text, &good))
            continue;
        struct facts facts = some_request(&r);
        const char *caveat = caveats[random_below(&r, COUNT_OF(caveats))];
        if (random_below(&r, 2))
            test_attenuate(&child, buffer_bytes(&text), caveat);
        else
            with_one_more_hole(buffer_bytes(&text), caveat, &child);
        bool allowed = allows(buffer_bytes(&text), &facts);
        bool child_allowed = allows(buffer_bytes(&child), &facts);
        if (child_allowed && !allowed)
            FAIL_WITH("\"%s\" widened token %d", caveat, node);
        if (allowed && !good)
            FAIL_WITH("token %d is used with a discharge of another", node);
        bool has_hole = text.n > tree.node[node].text.n;
        if (has_hole && allows(buffer_bytes(&tree.node[node].text), &facts))
            FAIL_WITH("token %d has an open hole and allows a request", node);
        before += allowed;
        after += child_allowed;
        tried++;
        buffer_free(&text);
        buffer_free(&child);
    }
    fell(&tree);
    assert_in_range(after, 50 / TEST_SAMPLE, before - 50);
    assert_in_range(before, 200 / TEST_SAMPLE, tried - 200);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_for_descendants_alone),
        cmocka_unit_test(nothing_widens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
