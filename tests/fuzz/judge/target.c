/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers: caveats/decide.c caveats/decide_token.c caveats/decide_hole.c caveats/token_verify.c
 * caveats/token_chain.c caveats/token_library.c caveats/chain.c caveats/counter.c
 *
 * Random bytes never verify, so the input is a recipe for a macaroon with right signatures, and
 * what it says is up to the input. libmacaroons and our own chain agree with the recipe; what is
 * decided is decided again in the same way, with kept chains and without; allowed is only what was
 * signed, is understood to the last caveat, and holds.
 *
 * Input, a line each: "METHOD URL" first; then "+TEXT" a caveat of the macaroon at hand, "hTICKET"
 * a hole in it, "d" the discharge of the last hole that has none, "p" its parent caveat, "b" its
 * classic binding, "w" a wrong binding, "!TEXT" the body, "xN" bit N of the result flipped.
 */

#include <sodium.h>

#include "../../../caveats/body_facts.h"
#include "../../../caveats/decide.h"
#include "../../../caveats/request_text.h"
#include "../../../caveats/token_internal.h"
#include "../fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

enum { NOW = 1780001000, ISSUED = 1780000000, EXPIRES = 1790000000, MACAROONS = 5, TEXT = 65536 };

static const uint8_t root_key[TOKEN_KEY_SIZE] = "a root key of thirty-two bytes!!";

static const char *const words[] = {
    "POST https://api.openai.com/v1/chat?n=1",
    "GET https://api.github.com/",
    "+method in GET, POST",
    "+path ~ /v1/**",
    "+time < 2026-12-01T00:00:00Z",
    "+time < 2020-01-01T00:00:00Z",
    "+body[/model] = gpt-4o",
    "+query[n] <= 1",
    "+uses <= 3",
    "+rate <= 2/1h",
    "+label = one",
    "+hole = \"user = alice for 1h\"",
    "+user = alice",
    "+nonsense",
    "+account = 3735928559",
    "+factor = yubikey",
    "+parent = 00112233445566778899aabbccddeeff",
    "hticket",
    "hother ticket",
    "d",
    "p",
    "b",
    "w",
    "!{\"model\":\"gpt-4o\"}",
    "x77",
    NULL,
};

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    return fuzz_mutate_lines(data, size, max, seed, words);
}

/* ---- the macaroons of a recipe ---- */

struct made {
    struct token_caveat caveat[TOKEN_CAVEATS_MAX];
    uint8_t vid[TOKEN_CAVEATS_MAX][TOKEN_VID_SIZE];
    struct macaroon_view view;
    uint8_t signature[TOKEN_SIGNATURE_SIZE];
    uint8_t key[TOKEN_KEY_SIZE]; /* of the discharge of its last hole */
    struct bytes hole;           /* ticket of the last hole that has no discharge; or empty */
    bool parent, bound, wrong;
};

struct recipe {
    struct token_hmac hmac;
    struct made made[MACAROONS];
    size_t count;
    uint8_t text[TEXT]; /* caveats that are made here */
    size_t used;
    struct bytes line, body;
    bool has_body, flip;
    uint32_t flip_at;
};

static void
start(struct recipe *r, const uint8_t key[TOKEN_KEY_SIZE], struct bytes identifier)
{
    struct made *m = &r->made[r->count++];
    memset(m, 0, sizeof *m);
    m->view = (struct macaroon_view){.identifier = identifier,
                                     .signature = bytes_of(m->signature, sizeof m->signature),
                                     .caveat = m->caveat};
    FUZZ_CHECK(token_chain_start(&r->hmac, key, identifier, m->signature));
}

static void
add(struct recipe *r, struct token_caveat caveat)
{
    struct made *m = &r->made[r->count - 1];
    if (m->view.caveat_count == TOKEN_CAVEATS_MAX || m->bound || m->wrong)
        return;
    m->caveat[m->view.caveat_count++] = caveat;
    FUZZ_CHECK(token_chain_step(&r->hmac, &caveat, m->signature));
}

static void
add_hole(struct recipe *r, struct bytes ticket)
{
    struct made *m = &r->made[r->count - 1];
    size_t at = m->view.caveat_count;
    if (at == TOKEN_CAVEATS_MAX || m->bound || m->wrong)
        return;
    memset(m->key, (int)(r->count * 64 + at), sizeof m->key);
    memset(m->vid[at], (int)at + 1, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(m->vid[at] + crypto_secretbox_NONCEBYTES, m->key, sizeof m->key,
                          m->vid[at], m->signature);
    m->hole = ticket;
    add(r, (struct token_caveat){.id = ticket,
                                 .vid = bytes_of(m->vid[at], TOKEN_VID_SIZE),
                                 .location = BYTES("https://d.example")});
}

static void
add_parent(struct recipe *r)
{
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct buffer text = {.p = r->text + r->used, .cap = TEXT - r->used, .max = TEXT - r->used};
    if (r->count < 2 || text.cap < 128)
        return;
    FUZZ_CHECK(token_chain_lineage(&r->hmac, r->made[0].signature, lineage));
    buffer_put_str(&text, "parent = ");
    buffer_put_hex(&text, bytes_of(lineage, sizeof lineage));
    r->used += text.n;
    r->made[r->count - 1].parent = true;
    add(r, (struct token_caveat){.id = buffer_bytes(&text)});
}

static void
bind(struct recipe *r, bool right)
{
    struct made *m = &r->made[r->count - 1];
    if (r->count < 2 || m->bound || m->wrong)
        return;
    uint8_t bound[TOKEN_SIGNATURE_SIZE];
    FUZZ_CHECK(
        token_chain_bind(&r->hmac, right ? r->made[0].signature : root_key, m->signature, bound));
    memcpy(m->signature, bound, sizeof bound);
    *(right ? &m->bound : &m->wrong) = true;
}

/* The last macaroon with a hole that nothing fills yet gets its discharge. */
static void
add_discharge(struct recipe *r)
{
    for (size_t i = r->count; i-- > 0 && r->count < MACAROONS;) {
        struct made *m = &r->made[i];
        if (m->hole.n) {
            start(r, m->key, m->hole);
            m->hole = BYTES_EMPTY;
            return;
        }
    }
}

static void
follow(struct recipe *r, struct bytes line)
{
    struct bytes rest = bytes_from(line, 1);
    switch (line.n ? line.p[0] : 0) {
    case '+':
        add(r, (struct token_caveat){.id = rest});
        break;
    case 'h':
        add_hole(r, rest);
        break;
    case 'd':
        add_discharge(r);
        break;
    case 'p':
        add_parent(r);
        break;
    case 'b':
        bind(r, true);
        break;
    case 'w':
        bind(r, false);
        break;
    case '!':
        r->body = rest;
        r->has_body = true;
        break;
    case 'x':
        r->flip = true;
        for (size_t i = 0; i < rest.n && i < 6; i++)
            r->flip_at = r->flip_at * 10 + rest.p[i] % 10;
        break;
    default:
        break;
    }
}

static void
recipe_read(struct recipe *r, struct bytes input)
{
    static uint8_t identifier_text[TOKEN_IDENTIFIER_MAX];
    struct buffer identifier = {
        .p = identifier_text, .cap = sizeof identifier_text, .max = sizeof identifier_text};
    uint8_t derived[TOKEN_KEY_SIZE];
    const struct token_identity identity = {
        .key_id = 7,
        .token_id = "sixteen bytes...",
        .issued_at = ISSUED,
        .expires_at = EXPIRES,
        .principal = BYTES("alice"),
        .credential = {BYTES("openai"), BYTES("github")},
        .credential_count = 2,
    };

    memset(r, 0, sizeof *r);
    FUZZ_CHECK(token_hmac_init(&r->hmac));
    FUZZ_CHECK(token_identity_write(&identity, &identifier, NULL) == KH_OK);
    FUZZ_CHECK(token_chain_root_key(&r->hmac, root_key, derived));
    start(r, derived, buffer_bytes(&identifier));
    r->line = fuzz_line(&input);
    while (input.n)
        follow(r, fuzz_line(&input));
}

/* ---- the world ---- */

static bool
world_root_key(void *context, uint32_t key_id, uint8_t key[TOKEN_KEY_SIZE])
{
    (void)context;
    if (key_id != 7)
        return false;
    memcpy(key, root_key, TOKEN_KEY_SIZE);
    return true;
}

static bool
world_revoked(void *context, const struct token_identity *identity,
              const struct token_verified *verified, struct bytes credential)
{
    (void)context, (void)verified, (void)credential;
    return !bytes_is(identity->principal, "alice");
}

static bool
world_credential(void *context, struct bytes name, struct decision_credential *out)
{
    (void)context;
    *out = (struct decision_credential){
        .name = name, .enabled = true, .host_allowed = true, .slot_allowed = true};
    return bytes_is(name, "openai");
}

static bool
world_take(void *context, const struct token_identity *identity,
           const struct counter_demand *demand, size_t count, enum counting counting,
           struct counter_refusal *refusal)
{
    (void)context, (void)identity, (void)counting;
    for (size_t i = 0; i < count; i++) {
        if (demand[i].limit == 0) {
            *refusal = (struct counter_refusal){.demand = i, .reason = KH_REASON_USES_EXHAUSTED};
            return false;
        }
    }
    return true;
}

static struct decision
judge_once(struct bytes text, const struct facts *facts, struct chain_cache *chains,
           struct decision_details *details)
{
    const struct decision_world world = {
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
        .take = world_take,
        .chains = chains,
    };
    struct decision out;
    memset(&out, 0xee, sizeof out);
    decide(&world, text, BYTES_EMPTY, facts, &out, details);
    FUZZ_CHECK(out.verdict == DECISION_ALLOW || out.verdict == DECISION_DENY ||
               out.verdict == DECISION_NEED_BODY);
    FUZZ_CHECK((out.verdict == DECISION_ALLOW) == (out.reason == KH_REASON_UNSET));
    for (const char *c = out.detail; *c; c++)
        FUZZ_CHECK((unsigned char)*c >= 0x20 && *c != 0x7f);
    return out;
}

static void
same_decision(const struct decision *a, const struct decision *b)
{
    FUZZ_CHECK(a->verdict == b->verdict);
    FUZZ_CHECK(a->reason == b->reason);
    FUZZ_SAME(bytes_str(a->detail), bytes_str(b->detail));
    FUZZ_CHECK(a->recheck_at == b->recheck_at);
    FUZZ_CHECK(strcmp(a->credential, b->credential) == 0 && strcmp(a->user, b->user) == 0);
}

/* ---- what must hold ---- */

/* Every macaroon says, but for its locations, what the recipe signed. */
static bool
is_as_signed(const struct recipe *r, const struct token *token)
{
    if (token->macaroon_count != r->count)
        return false;
    for (size_t i = 0; i < r->count; i++) {
        const struct macaroon_view *a = &r->made[i].view, *b = &token->macaroon[i];
        if (!bytes_equal(a->identifier, b->identifier) ||
            !bytes_equal(a->signature, b->signature) || a->caveat_count != b->caveat_count)
            return false;
        for (size_t k = 0; k < a->caveat_count; k++) {
            if (!bytes_equal(a->caveat[k].id, b->caveat[k].id) ||
                !bytes_equal(a->caveat[k].vid, b->caveat[k].vid))
                return false;
        }
    }
    return true;
}

static bool
says_right_bindings(const struct recipe *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct made *m = &r->made[i];
        if (m->hole.n || m->wrong)
            return false;
        if (i > 0 && !m->parent && !m->bound)
            return false;
    }
    /* A classic binding is to the signature as it was then: all of the root stands before it here,
     * because a discharge comes after. A hole of the root that was dug over another is open. */
    return true;
}

static bool
has_foreign_parent(const struct token_verified *verified)
{
    for (size_t i = 0; i < verified->condition_count; i++) {
        if (verified->condition[i].macaroon != 0 &&
            bytes_starts(verified->condition[i].text, BYTES("parent")))
            return true;
    }
    return false;
}

static void
check_allowed(const struct token *token, const struct token_verified *verified,
              const struct facts *given)
{
    struct facts facts = *given;
    (void)token;
    facts.user = BYTES("alice");
    facts.credential = BYTES("openai");
    for (size_t i = 0; i < verified->condition_count; i++) {
        struct caveat *caveat = NULL;
        FUZZ_CHECK(caveat_parse(verified->condition[i].text, &caveat, NULL) == KH_OK);
        const struct attribute_info *info = attribute_info(caveat->predicate[0].attribute);
        if (info->place == PLACE_REQUEST && !caveat_holds(caveat, &facts)) {
            fuzz_show("allowed although it does not hold", verified->condition[i].text);
            FUZZ_CHECK(!"a caveat that fails denies");
        }
        caveat_free(&caveat);
    }
}

static void
examine(const struct recipe *r, struct bytes text, const struct facts *facts)
{
    static struct chain_cache *chains;
    static struct token_verified verified;
    struct decision_details details = {0}, details_again = {0};
    struct token *token = NULL;

    if (chains == NULL)
        FUZZ_CHECK(chain_cache_new(64, &chains) == KH_OK);
    struct decision first = judge_once(text, facts, NULL, &details);
    struct decision again = judge_once(text, facts, chains, NULL);
    struct decision kept = judge_once(text, facts, chains, &details_again);
    same_decision(&first, &again);
    same_decision(&first, &kept);
    chain_release(&details.chain);
    chain_release(&details_again.chain);
    if (token_scan(text, &token, NULL) != KH_OK) {
        FUZZ_CHECK(first.verdict == DECISION_DENY && !first.identified);
        return;
    }
    enum kh_err err = token_verify(token, root_key, &verified, NULL);
    bool as_signed = is_as_signed(r, token);
    if (err != KH_OK)
        FUZZ_CHECK(first.verdict == DECISION_DENY);
    else
        FUZZ_CHECK(as_signed);
    if (as_signed) {
        FUZZ_CHECK(err != KH_ERR_SIGNATURE);
        FUZZ_CHECK(err == KH_OK || token->macaroon_count > 1 ||
                   token_open_holes(token, NULL, 0) > 0);
        if (says_right_bindings(r) && err != KH_OK)
            FUZZ_CHECK(token_open_holes(token, NULL, 0) > 0 || r->count > 1);
    }
    if (err == KH_OK)
        FUZZ_CHECK(verified.lineage_count == token->macaroon[0].caveat_count + 1);
    if (first.verdict == DECISION_ALLOW) {
        FUZZ_CHECK(first.identified && first.recheck_at > facts->time);
        FUZZ_CHECK(strcmp(first.credential, "openai") == 0);
        check_allowed(token, &verified, facts);
        FUZZ_CHECK(r->count == 1 || has_foreign_parent(&verified) || r->made[1].bound);
    }
    token_free(&token);
}

static void
recipe_text(const struct recipe *r, struct buffer *out)
{
    struct macaroon_view view[MACAROONS];
    for (size_t i = 0; i < r->count; i++)
        view[i] = r->made[i].view;
    buffer_init(out, 4 * TOKEN_TEXT_MAX);
    token_write_text(view, r->count, BYTES_EMPTY, out);
    if (r->flip && out->n > 8) {
        /* In the base64 text, another digit: most often it is another token. */
        uint8_t *digit = &out->p[4 + r->flip_at / 6 % (out->n - 4)];
        *digit = *digit == 'A' + r->flip_at % 26 ? 'z' : (uint8_t)('A' + r->flip_at % 26);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct recipe recipe;
    static struct request_text request;
    struct fact_body_value value[1];
    struct bytes pointer = BYTES("/model");
    const struct body_question question = {&pointer, 1, false};
    BUFFER_AUTO storage = {0};
    BUFFER_AUTO text = {0};

    recipe_read(&recipe, bytes_of(data, size));
    recipe_text(&recipe, &text);
    memset(&request, 0, sizeof request);
    buffer_init(&storage, BODY_VALUES_TEXT_MAX);
    FUZZ_CHECK(buffer_reserve(&storage, BODY_VALUES_TEXT_MAX));
    if (!text.failed && request_text_read(recipe.line, 0, &request, NULL) == KH_OK) {
        struct facts facts = request.facts;
        facts.client = BYTES("192.0.2.7");
        facts.time = NOW;
        if (recipe.has_body)
            facts.body = body_facts_read(recipe.body, NULL, 0, &question, value, &storage);
        examine(&recipe, buffer_bytes(&text), &facts);
    }
    request_text_free(&request);
    token_hmac_fini(&recipe.hmac);
    return 0;
}
