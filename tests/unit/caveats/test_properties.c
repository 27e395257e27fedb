/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of the whole core, on generated tokens, caveats and requests. Each prints its seed;
 * KEYHOLE_SEED=… runs a failure again.
 */

#include "../../../caveats/timestamp.h"
#include "world.h"

enum {
    CAVEAT_TRIPLES = 20000 / TEST_SAMPLE,
    TOKEN_TRIPLES = 4000 / TEST_SAMPLE,
    MUTATIONS = 20000 / TEST_SAMPLE,
    PRINTED = 20000 / TEST_SAMPLE,
    COUNTER_TRIALS = 300 / TEST_SAMPLE
};

#define PICK(r, array) ((array)[random_below((r), COUNT_OF(array))])

/* ---- generated caveats: small worlds, so that they hold about as often as they fail ---- */

static const char *const method_values[] = {"GET", "POST", "HEAD", "\"P T\"", "\"or\""};
static const char *const host_values[] = {"api.openai.com", "api.example.com", "::1", "127.0.0.1"};
static const char *const host_patterns[] = {"*.openai.com", "api.openai.com", "*.example.com"};
static const char *const path_values[] = {"/", "/v1/a", "/v1/b/", "\"/v1/\xc3\xa4\""};
static const char *const path_patterns[] = {"/v1/**", "/*",       "**/a",
                                            "/v1/*",  "/**/b/**", "\"/v1/\xc3\xa4*\""};
static const char *const number_values[] = {"1", "2.50", "1e1", "01", "-3", "0.1", "ten", "\"\""};
static const char *const plain_numbers[] = {"1", "2.50", "1e1", "-3", "0.1", "100"};
static const char *const text_patterns[] = {"a*", "*", "*1*", "GET", "P*T", "\"a b\""};
static const char *const words[] = {"alice", "bob", "eng", "ops", "openai", "\"a,b\""};
static const char *const times[] = {"2026-06-01T00:00:00Z", "2026-05-28T21:00:00Z",
                                    "2030-01-01T00:00:00Z", "1970-01-01T00:00:00Z"};
static const char *const addresses[] = {"192.0.2.7", "192.0.2.0/24", "10.0.0.0/8",
                                        "::/0",      "unix",         "2001:db8::/32"};
static const char *const ports[] = {"443", "80", "8443"};
static const char *const json_values[] = {"1",        "2.50", "1e1", "\"1\"",   "true",
                                          "\"true\"", "null", "ten", "\"a b\"", "\"\""};
static const char *const sizes[] = {"0", "10", "1KiB", "1MiB"};
static const char *const equality[] = {"=", "!="};
static const char *const lists[] = {"in", "not in"};
static const char *const patterns[] = {"~", "!~"};
static const char *const orders[] = {"<", "<=", ">", ">="};
static const char *const presence[] = {"present", "absent"};

enum { E = 1, P = 2, O = 4, T = 8 }; /* equality, patterns, order, presence */

#define VALUES(array) array, COUNT_OF(array)

static const struct kind {
    const char *attribute;
    unsigned operators;
    const char *const *value;
    size_t values;
    const char *const *pattern; /* or what an order is against */
    size_t pattern_count;
} kinds[] = {
    {"method", E | P | T, VALUES(method_values), VALUES(text_patterns)},
    {"host", E | P | T, VALUES(host_values), VALUES(host_patterns)},
    {"path", E | P | T, VALUES(path_values), VALUES(path_patterns)},
    {"query[n]", E | O | T, VALUES(number_values), VALUES(plain_numbers)},
    {"query[m]", E | P | T, VALUES(number_values), VALUES(text_patterns)},
    {"query[\"a b\"]", E | P | T, VALUES(number_values), VALUES(text_patterns)},
    {"header[X-A]", E | P | T, VALUES(number_values), VALUES(text_patterns)},
    {"user", E | P | T, VALUES(words), VALUES(text_patterns)},
    {"group", E | P | T, VALUES(words), VALUES(text_patterns)},
    {"credential", E | P | T, VALUES(words), VALUES(text_patterns)},
    {"time", O, VALUES(times), VALUES(times)},
    {"client", E | T, VALUES(addresses), VALUES(addresses)},
    {"port", E | O | T, VALUES(ports), VALUES(ports)},
    {"upgrade", T, VALUES(words), VALUES(words)},
    {"body[/n]", E | O | T, VALUES(json_values), VALUES(plain_numbers)},
    {"body[/a~1b/0]", E | P | T, VALUES(json_values), VALUES(text_patterns)},
    {"body-size", E | O | T, VALUES(sizes), VALUES(sizes)},
};

static void
put_predicate(struct random *r, struct buffer *out)
{
    const struct kind *k = &PICK(r, kinds);
    unsigned operator;
    do
        operator= 1U << random_below(r, 4);
    while (!(k->operators & operator));
    buffer_put_str(out, k->attribute);
    buffer_put_byte(out, ' ');
    if (operator== T) {
        buffer_put_str(out, PICK(r, presence));
        return;
    }
    if (operator!= E) {
        buffer_put_str(out, operator== P ? PICK(r, patterns) : PICK(r, orders));
        buffer_put_byte(out, ' ');
        buffer_put_str(out, k->pattern[random_below(r, k->pattern_count)]);
        return;
    }
    bool is_list = random_below(r, 2);
    buffer_put_str(out, is_list ? PICK(r, lists) : PICK(r, equality));
    buffer_put_byte(out, ' ');
    for (size_t n = is_list ? 1 + random_below(r, 3) : 1; n > 0; n--) {
        buffer_put_str(out, k->value[random_below(r, k->values)]);
        if (n > 1)
            buffer_put_str(out, random_below(r, 2) ? "," : ", ");
    }
}

static void
put_caveat(struct random *r, struct buffer *out)
{
    buffer_clear(out);
    if (random_below(r, 12) == 0) {
        static const char *const alone[] = {"label = a", "hole = \"user = a for 8h\"", "uses <= 3",
                                            "uses < \"9\"", "rate <= 60/min"};
        buffer_put_str(out, PICK(r, alone));
        return;
    }
    for (size_t n = 1 + random_below(r, 3); n > 0; n--) {
        put_predicate(r, out);
        if (n > 1)
            buffer_put_str(out, " or ");
    }
}

static struct caveat *
parsed(struct bytes text)
{
    struct caveat *caveat = NULL;
    struct fault fault = {0};
    if (caveat_parse(text, &caveat, &fault) != KH_OK)
        FAIL_WITH("generated caveat \"%.*s\": %s", BYTES_ARG(text), fault.detail);
    return caveat;
}

/* ---- generated requests ---- */

struct request {
    struct facts facts;
    struct fact_pair query[4], header[2];
    struct bytes group[2];
    struct fact_body_value body[2];
};

static struct bytes
any(struct random *r, const char *const *list, size_t n)
{
    return bytes_str(list[random_below(r, n)]);
}

static void generate_body(struct random *r, struct request *q);

static void
generate_request(struct random *r, struct request *q)
{
    static const char *const fact_methods[] = {"GET", "POST", "HEAD", "P T", "or"};
    static const char *const fact_hosts[] = {"api.openai.com", "openai.com", "::1",
                                             "x.example.com"};
    static const char *const fact_paths[] = {"/", "/v1/a", "/v1/b/", "/v1/\xc3\xa4", "/b", "/v1"};
    static const char *const fact_numbers[] = {"1",  "1.0", "2.5", "10", "1e1",
                                               "01", "",    "a b", "-3", "99"};
    static const char *const fact_names[] = {"n", "n", "m", "a b"};
    static const char *const fact_clients[] = {"192.0.2.7", "10.1.1.1", "unix", "2001:db8::1", ""};
    static const char *const fact_users[] = {"alice", "bob", ""};
    memset(q, 0, sizeof *q);
    q->facts = test_facts();
    q->facts.method = any(r, VALUES(fact_methods));
    q->facts.host = any(r, VALUES(fact_hosts));
    q->facts.path = any(r, VALUES(fact_paths));
    q->facts.client = any(r, VALUES(fact_clients));
    q->facts.user = any(r, VALUES(fact_users));
    q->facts.credential = BYTES("openai");
    q->facts.port = random_below(r, 2) ? 443 : 80;
    q->facts.time = TEST_ISSUED + (int64_t)random_below(r, 900000);
    q->facts.upgrade = random_below(r, 4) ? BYTES_EMPTY : BYTES("websocket");
    q->facts.query = q->query;
    q->facts.header = q->header;
    q->facts.group = q->group;
    for (q->facts.query_count = 0; q->facts.query_count < random_below(r, 5);)
        q->query[q->facts.query_count++] =
            (struct fact_pair){any(r, VALUES(fact_names)), any(r, VALUES(fact_numbers))};
    for (q->facts.header_count = 0; q->facts.header_count < random_below(r, 3);)
        q->header[q->facts.header_count++] =
            (struct fact_pair){BYTES("x-a"), any(r, VALUES(fact_numbers))};
    q->facts.group_count = random_below(r, 3);
    q->group[0] = BYTES("eng");
    q->group[1] = BYTES("ops");
    generate_body(r, q);
}

/* Unread, read and no JSON, or with a value of some type at each of the two places. */
static void
generate_body(struct random *r, struct request *q)
{
    static const struct body_value values[] = {
        {BODY_VALUE_ABSENT, {NULL, 0}},
        {BODY_VALUE_STRING, {(const uint8_t *)"1", 1}},
        {BODY_VALUE_STRING, {(const uint8_t *)"a b", 3}},
        {BODY_VALUE_STRING, {(const uint8_t *)"true", 4}},
        {BODY_VALUE_NUMBER, {(const uint8_t *)"1", 1}},
        {BODY_VALUE_NUMBER, {(const uint8_t *)"1e1", 3}},
        {BODY_VALUE_NUMBER, {(const uint8_t *)"2.5", 3}},
        {BODY_VALUE_NUMBER, {(const uint8_t *)"1e9999", 6}},
        {BODY_VALUE_TRUE, {(const uint8_t *)"true", 4}},
        {BODY_VALUE_NULL, {(const uint8_t *)"null", 4}},
        {BODY_VALUE_ARRAY, {NULL, 0}},
        {BODY_VALUE_AMBIGUOUS, {NULL, 0}},
    };
    static const uint64_t some_sizes[] = {0, 10, 1024, 5000};
    struct facts_body *body = &q->facts.body;
    body->has_size = random_below(r, 4) > 0;
    body->size = PICK(r, some_sizes);
    body->is_read = random_below(r, 4) > 0;
    body->is_json = body->is_read && random_below(r, 4) > 0;
    body->value = q->body;
    body->value_count = body->is_json ? 2 : 0;
    q->body[0] = (struct fact_body_value){BYTES("/n"), PICK(r, values)};
    q->body[1] = (struct fact_body_value){BYTES("/a~1b/0"), PICK(r, values)};
}

/* ---- the properties ---- */

static void
print_and_parse_are_inverse(void **state)
{
    (void)state;
    struct random r = random_seeded("print", 11);
    BUFFER_AUTO text;
    BUFFER_AUTO first;
    BUFFER_AUTO second;
    buffer_init(&text, CAVEAT_TEXT_MAX);
    buffer_init(&first, CAVEAT_TEXT_MAX);
    buffer_init(&second, CAVEAT_TEXT_MAX);
    for (int i = 0; i < PRINTED; i++) {
        struct request q;
        put_caveat(&r, &text);
        generate_request(&r, &q);
        buffer_clear(&first);
        buffer_clear(&second);
        struct caveat *caveat = parsed(buffer_bytes(&text));
        caveat_print(caveat, &first);
        struct caveat *again = parsed(buffer_bytes(&first));
        caveat_print(again, &second);
        expect_bytes("printed again", buffer_bytes(&second), buffer_bytes(&first));
        assert_int_equal(again->count, caveat->count);
        if (caveat_holds(caveat, &q.facts) != caveat_holds(again, &q.facts))
            FAIL_WITH("\"%s\" and \"%s\" differ", buffer_text(&text), buffer_text(&first));
        caveat_free(&caveat);
        caveat_free(&again);
    }
}

/* Bytes that are nearly a caveat: never a crash, and what parses prints and parses again. */
static void
mutated_caveats(void **state)
{
    (void)state;
    struct random r = random_seeded("mutated caveats", 12);
    BUFFER_AUTO text;
    BUFFER_AUTO printed;
    buffer_init(&text, CAVEAT_TEXT_MAX);
    buffer_init(&printed, CAVEAT_TEXT_MAX);
    unsigned accepted = 0;
    for (int i = 0; i < MUTATIONS; i++) {
        static const char interesting[] = " \",[]\\=!<>~*/u0orin\x80\xc3\n";
        struct caveat *caveat = NULL, *again = NULL;
        struct fault fault = {0};
        put_caveat(&r, &text);
        for (size_t n = 1 + random_below(&r, 3); n > 0; n--)
            text.p[random_below(&r, text.n)] =
                (uint8_t)interesting[random_below(&r, sizeof interesting - 1)];
        if (caveat_parse(buffer_bytes(&text), &caveat, &fault) != KH_OK) {
            assert_null(caveat);
            assert_true(fault.detail[0] != '\0');
            continue;
        }
        accepted++;
        buffer_clear(&printed);
        caveat_print(caveat, &printed);
        again = parsed(buffer_bytes(&printed));
        caveat_free(&caveat);
        caveat_free(&again);
    }
    assert_in_range(accepted, 100 / TEST_SAMPLE, MUTATIONS - 100 / TEST_SAMPLE);
}

/* All caveats must hold, so one more can only take away, and their order says nothing. */
static void
caveats_are_monotone(void **state)
{
    (void)state;
    struct random r = random_seeded("monotone caveats", 13);
    BUFFER_AUTO text;
    buffer_init(&text, CAVEAT_TEXT_MAX);
    unsigned allowed_before = 0, allowed_after = 0;
    for (int i = 0; i < CAVEAT_TRIPLES; i++) {
        struct caveat *caveat[4];
        struct request q;
        bool before = true, after = true, reversed = true;
        size_t n = 1 + random_below(&r, 3);
        generate_request(&r, &q);
        for (size_t k = 0; k <= n; k++) {
            put_caveat(&r, &text);
            caveat[k] = parsed(buffer_bytes(&text));
        }
        for (size_t k = 0; k < n; k++)
            before = caveat_holds(caveat[k], &q.facts) && before;
        for (size_t k = 0; k <= n; k++)
            after = caveat_holds(caveat[k], &q.facts) && after;
        for (size_t k = n + 1; k-- > 0;)
            reversed = caveat_holds(caveat[k], &q.facts) && reversed;
        assert_true(before || !after);
        assert_int_equal(after, reversed);
        allowed_before += before;
        allowed_after += after;
        for (size_t k = 0; k <= n; k++)
            caveat_free(&caveat[k]);
    }
    assert_in_range(allowed_after, 200 / TEST_SAMPLE, allowed_before - 200 / TEST_SAMPLE);
}

/* No forbid is passed by that holds in the plain reading. */
static void
what_holds_may_hold(void **state)
{
    (void)state;
    struct random r = random_seeded("readings", 18);
    BUFFER_AUTO text;
    buffer_init(&text, CAVEAT_TEXT_MAX);
    unsigned held = 0, may_hold = 0, judged = 0;
    for (int i = 0; i < CAVEAT_TRIPLES; i++) {
        struct request q;
        put_caveat(&r, &text);
        generate_request(&r, &q);
        struct caveat *caveat = parsed(buffer_bytes(&text));
        for (size_t k = 0; k < caveat->count; k++, judged++) {
            bool holds = predicate_holds(&caveat->predicate[k], &q.facts);
            bool may = predicate_may_hold(&caveat->predicate[k], &q.facts);
            if (holds && !may)
                FAIL_WITH("\"%s\": predicate %zu holds, and may not", buffer_text(&text), k);
            held += holds;
            may_hold += may;
        }
        caveat_free(&caveat);
    }
    assert_in_range(held, 200 / TEST_SAMPLE, may_hold - 200 / TEST_SAMPLE);
    assert_in_range(may_hold, 400 / TEST_SAMPLE, judged - 200 / TEST_SAMPLE);
}

static enum decision_verdict
verdict(struct bytes text, const struct facts *facts, int64_t *recheck_at)
{
    struct world world = test_world();
    struct decision d = test_decide(&world, text, BYTES_EMPTY, facts, NULL);
    if (recheck_at)
        *recheck_at = d.recheck_at;
    return d.verdict;
}

/* For every token T, caveat c and request r: if T + c allows r, then T allows r. With real tokens:
 * minted, attenuated by text, decided. And what allows, allows until it is to be judged again. */
static void
attenuation_is_monotone(void **state)
{
    (void)state;
    struct random r = random_seeded("monotone tokens", 14);
    BUFFER_AUTO added;
    buffer_init(&added, CAVEAT_TEXT_MAX);
    unsigned allowed_before = 0, allowed_after = 0;
    for (int i = 0; i < TOKEN_TRIPLES; i++) {
        BUFFER_AUTO minted_caveat;
        struct buffer parent, child;
        struct request q;
        int64_t recheck_at;
        buffer_init(&minted_caveat, CAVEAT_TEXT_MAX);
        put_caveat(&r, &minted_caveat);
        put_caveat(&r, &added);
        generate_request(&r, &q);
        const char *const list[] = {buffer_text(&minted_caveat), NULL};
        test_mint(&parent, random_below(&r, 3) ? list : NULL);
        test_attenuate(&child, buffer_bytes(&parent), buffer_text(&added));
        bool before = verdict(buffer_bytes(&parent), &q.facts, NULL) == DECISION_ALLOW;
        bool after = verdict(buffer_bytes(&child), &q.facts, &recheck_at) == DECISION_ALLOW;
        if (after && !before)
            FAIL_WITH("\"%s\" widened a token with \"%s\"", buffer_text(&added),
                      buffer_text(&minted_caveat));
        if (after) {
            assert_true(recheck_at > q.facts.time && recheck_at <= TEST_EXPIRES);
            q.facts.time = recheck_at - 1;
            assert_int_equal(verdict(buffer_bytes(&child), &q.facts, NULL), DECISION_ALLOW);
        }
        allowed_before += before;
        allowed_after += after;
        buffer_free(&parent);
        buffer_free(&child);
    }
    assert_in_range(allowed_after, 100 / TEST_SAMPLE, allowed_before - 100 / TEST_SAMPLE);
}

/* ---- counters ---- */

static void
shuffle(struct random *r, const char **list, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = random_below(r, i);
        const char *other = list[k];
        list[k] = list[i - 1];
        list[i - 1] = other;
    }
}

/* How many of some requests, of which one in three does not satisfy `method = POST`. */
static unsigned
count_allowed(struct random *r, struct world *world, struct bytes text, unsigned requests)
{
    unsigned allowed = 0;
    for (unsigned i = 0; i < requests; i++) {
        struct facts facts = test_facts();
        facts.method = random_below(r, 3) ? BYTES("POST") : BYTES("GET");
        struct decision d = test_decide(world, text, BYTES_EMPTY, &facts, NULL);
        allowed += d.verdict == DECISION_ALLOW;
    }
    return allowed;
}

/* Wherever the counters stand, exactly as many requests come through as the least of them says, and
 * what another caveat denies is not counted. */
static void
counters_in_any_order(void **state)
{
    (void)state;
    static const char *const counters[] = {"uses <= 1",   "uses <= 2",  "uses < 5",
                                           "rate <= 3/s", "rate < 7/d", "uses <= 0"};
    static const unsigned limits[] = {1, 2, 4, 3, 6, 0};
    struct random r = random_seeded("counters", 17);
    for (int i = 0; i < COUNTER_TRIALS; i++) {
        size_t a = random_below(&r, COUNT_OF(counters)), b = random_below(&r, COUNT_OF(counters));
        const char *list[] = {counters[a], counters[b], "method = POST", "label = x", NULL};
        unsigned least = limits[a] < limits[b] ? limits[a] : limits[b];
        struct world world = test_world();
        struct buffer text;
        shuffle(&r, list, 4);
        test_mint(&text, list);
        unsigned allowed = count_allowed(&r, &world, buffer_bytes(&text), 40);
        if (allowed != least)
            FAIL_WITH("%u of at most %u: %s; %s; %s; %s", allowed, least, list[0], list[1], list[2],
                      list[3]);
        buffer_free(&text);
    }
}

/* However a token is handed on, all that share a counter together get what it says. */
static void
counters_are_shared_by_descendants(void **state)
{
    (void)state;
    static const char *const caveats[] = {"uses <= 5", NULL};
    static const char *const added[] = {"label = a", "method in GET, POST", "uses <= 3",
                                        "path ~ /v1/**", "rate <= 4/min"};
    struct random r = random_seeded("descendants", 18);
    for (int i = 0; i < COUNTER_TRIALS; i++) {
        struct world world = test_world();
        struct buffer family[6];
        unsigned allowed = 0;
        test_mint(&family[0], caveats);
        for (size_t n = 1; n < COUNT_OF(family); n++)
            test_attenuate(&family[n], buffer_bytes(&family[random_below(&r, n)]), PICK(&r, added));
        for (int n = 0; n < 30; n++) {
            struct facts facts = test_facts();
            struct bytes text = buffer_bytes(&family[random_below(&r, COUNT_OF(family))]);
            struct decision d = test_decide(&world, text, BYTES_EMPTY, &facts, NULL);
            allowed += d.verdict == DECISION_ALLOW;
        }
        struct facts facts = test_facts();
        while (test_decide(&world, buffer_bytes(&family[0]), BYTES_EMPTY, &facts, NULL).verdict ==
               DECISION_ALLOW)
            allowed++;
        assert_int_equal(allowed, 5);
        for (size_t n = 0; n < COUNT_OF(family); n++)
            buffer_free(&family[n]);
    }
}

/* ---- mutated tokens ---- */

static void
build_samples(struct buffer sample[3])
{
    static const char *const caveats[] = {"method = POST", "path ~ /v1/**", NULL};
    struct builder root, discharge, inner;
    struct builder *const all[] = {&root, &discharge, &inner};
    uint8_t lineage[LINEAGE_ID_SIZE];
    test_mint(&sample[0], caveats);
    test_attenuate(&sample[1], buffer_bytes(&sample[0]), "label = a");
    builder_root(&root);
    builder_first_party(&root, "method = POST");
    builder_hole(&root, "ticket", other_key);
    builder_lineage(&root, lineage);
    builder_start(&discharge, other_key, BYTES("ticket"));
    builder_parent(&discharge, lineage);
    builder_hole(&discharge, "inner", root_key);
    builder_start(&inner, root_key, BYTES("inner"));
    builder_bind(&inner, &root);
    builders_text(all, 3, &sample[2]);
    for (size_t i = 0; i < 3; i++)
        builder_end(all[i]);
}

static void
mutate_bytes(struct random *r, struct buffer *raw)
{
    size_t at = random_below(r, raw->n);
    switch (random_below(r, 6)) {
    case 0:
        raw->p[at] ^= (uint8_t)(1 + random_below(r, 255));
        break;
    case 1:
        raw->p[at] = (uint8_t)random_below(r, 8); /* field types and ends */
        break;
    case 2:
        raw->n = at;
        break;
    case 3: /* a piece twice */
    {
        uint8_t piece[64];
        size_t n = 1 + random_below(r, sizeof piece);
        n = n < raw->n - at ? n : raw->n - at;
        memcpy(piece, raw->p + at, n);
        buffer_put(raw, bytes_of(piece, n));
        break;
    }
    case 4: /* a piece less */
    {
        size_t n = 1 + random_below(r, 40);
        n = n < raw->n - at ? n : raw->n - at;
        memmove(raw->p + at, raw->p + at + n, raw->n - at - n);
        raw->n -= n;
        break;
    }
    default: /* a piece of random bytes over it */
        for (size_t n = random_below(r, 40); n > 0 && at < raw->n; n--)
            raw->p[at++] = (uint8_t)random_next(r);
    }
}

/* Locations are not authenticated: a token that differs in them alone is the same token. */
static bool
is_the_same_but_for_locations(const struct token *a, const struct token *b)
{
    if (a->macaroon_count != b->macaroon_count || a->caveat_count != b->caveat_count)
        return false;
    for (size_t i = 0; i < a->macaroon_count; i++) {
        const struct macaroon_view *x = &a->macaroon[i], *y = &b->macaroon[i];
        if (!bytes_equal(x->identifier, y->identifier) ||
            !bytes_equal(x->signature, y->signature) || x->caveat_count != y->caveat_count)
            return false;
    }
    for (size_t i = 0; i < a->caveat_count; i++) {
        if (!bytes_equal(a->caveat[i].id, b->caveat[i].id) ||
            !bytes_equal(a->caveat[i].vid, b->caveat[i].vid))
            return false;
    }
    return true;
}

static void
check_mutant(const struct token *original, struct bytes text)
{
    struct facts facts = test_facts();
    struct token *mutant = NULL;
    if (verdict(text, &facts, NULL) != DECISION_ALLOW)
        return;
    assert_int_equal(token_scan(text, &mutant, NULL), KH_OK);
    if (!is_the_same_but_for_locations(original, mutant))
        FAIL_WITH("a mutated token was allowed: %.*s", BYTES_ARG(text));
    token_free(&mutant);
}

static void
mutated_tokens_never_allow(void **state)
{
    (void)state;
    struct random r = random_seeded("mutated tokens", 15);
    struct facts facts = test_facts();
    struct buffer sample[3];
    build_samples(sample);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(verdict(buffer_bytes(&sample[i]), &facts, NULL), DECISION_ALLOW);
    for (int i = 0; i < MUTATIONS; i++) {
        struct bytes text = buffer_bytes(&sample[i % 3]);
        struct token *original = test_scan(text);
        BUFFER_AUTO raw;
        BUFFER_AUTO mutant;
        buffer_init(&raw, TOKEN_TEXT_MAX);
        buffer_init(&mutant, 2 * TOKEN_TEXT_MAX);
        assert_true(base64_decode(BASE64_URL, bytes_from(text, 4), &raw));
        for (size_t n = 1 + random_below(&r, 3); n > 0 && raw.n > 0; n--)
            mutate_bytes(&r, &raw);
        buffer_put_str(&mutant, TOKEN_MARK);
        base64_encode(BASE64_URL, buffer_bytes(&raw), &mutant);
        check_mutant(original, buffer_bytes(&mutant));
        token_free(&original);
    }
    for (size_t i = 0; i < 3; i++)
        buffer_free(&sample[i]);
}

static void
mutated_texts_never_allow(void **state)
{
    (void)state;
    struct random r = random_seeded("mutated texts", 16);
    struct buffer sample[3];
    build_samples(sample);
    for (int i = 0; i < MUTATIONS / 4; i++) {
        static const char interesting[] = "AQgw048-_=+/ kh1.{\n\x80";
        struct token *original = test_scan(buffer_bytes(&sample[i % 3]));
        BUFFER_AUTO mutant;
        buffer_init(&mutant, TOKEN_TEXT_MAX);
        buffer_put(&mutant, buffer_bytes(&sample[i % 3]));
        for (size_t n = 1 + random_below(&r, 2); n > 0; n--)
            mutant.p[random_below(&r, mutant.n)] =
                (uint8_t)interesting[random_below(&r, sizeof interesting - 1)];
        check_mutant(original, buffer_bytes(&mutant));
        token_free(&original);
    }
    for (size_t i = 0; i < 3; i++)
        buffer_free(&sample[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print_and_parse_are_inverse),
        cmocka_unit_test(mutated_caveats),
        cmocka_unit_test(caveats_are_monotone),
        cmocka_unit_test(what_holds_may_hold),
        cmocka_unit_test(attenuation_is_monotone),
        cmocka_unit_test(counters_in_any_order),
        cmocka_unit_test(counters_are_shared_by_descendants),
        cmocka_unit_test(mutated_tokens_never_allow),
        cmocka_unit_test(mutated_texts_never_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
