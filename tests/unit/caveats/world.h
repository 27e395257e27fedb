/* SPDX-License-Identifier: Apache-2.0
 *
 * A small world to decide in: one root key, a few credentials, a list of what is revoked.
 */
#ifndef KEYHOLE_TEST_WORLD_H
#define KEYHOLE_TEST_WORLD_H

#include "../../../caveats/decide.h"
#include "../memcheck.h"
#include "tokens.h"

struct world {
    bool no_key;
    const char *revoked_user, *revoked_credential;
    bool revoked_lineage; /* the one below */
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct decision_credential credential[4];
    size_t credential_count;
    unsigned asked_revoked;
    enum counting counting;
    bool cannot_count;
    struct {
        uint8_t key[LINEAGE_ID_SIZE];
        uint64_t used;
    } counter[16];
    size_t counter_count;
    unsigned asked_take;
    bool cannot_prepare, body_is_gone;
    unsigned asked_prepare;
};

/* Set: chains are kept between decisions, as the broker does. */
static struct chain_cache *test_chains;

static inline bool
world_root_key(void *context, uint32_t key_id, uint8_t key[TOKEN_KEY_SIZE])
{
    const struct world *w = context;
    if (w->no_key || key_id != 7)
        return false;
    memcpy(key, root_key, TOKEN_KEY_SIZE);
    return true;
}

static inline bool
world_revoked(void *context, const struct token_identity *identity,
              const struct token_verified *verified, struct bytes credential)
{
    struct world *w = context;
    w->asked_revoked++;
    if (w->revoked_user && bytes_is(identity->principal, w->revoked_user))
        return true;
    if (w->revoked_credential && bytes_is(credential, w->revoked_credential))
        return true;
    return w->revoked_lineage && token_verified_has_lineage(verified, 0, w->lineage);
}

static inline bool
world_credential(void *context, struct bytes name, struct decision_credential *out)
{
    const struct world *w = context;
    for (size_t i = 0; i < w->credential_count; i++) {
        if (bytes_equal(w->credential[i].name, name)) {
            *out = w->credential[i];
            return true;
        }
    }
    return false;
}

static inline uint64_t *
world_counter(struct world *w, const uint8_t key[LINEAGE_ID_SIZE])
{
    for (size_t i = 0; i < w->counter_count; i++) {
        if (memcmp(w->counter[i].key, key, LINEAGE_ID_SIZE) == 0)
            return &w->counter[i].used;
    }
    assert_true(w->counter_count < COUNT_OF(w->counter));
    memcpy(w->counter[w->counter_count].key, key, LINEAGE_ID_SIZE);
    return &w->counter[w->counter_count++].used;
}

static inline bool
world_prepare(void *context, struct bytes credential, enum kh_reason *reason, char *detail,
              size_t cap)
{
    struct world *w = context;
    w->asked_prepare++;
    assert_true(credential.n > 0);
    if (!w->cannot_prepare)
        return true;
    *reason = KH_REASON_NOT_SIGNABLE;
    snprintf(detail, cap, "not like this");
    return false;
}

/* A rate is counted as if no time went by. */
static inline bool
world_take(void *context, const struct token_identity *identity,
           const struct counter_demand *demand, size_t count, enum counting counting,
           struct counter_refusal *refusal)
{
    struct world *w = context;
    w->asked_take++;
    assert_int_equal(identity->issued_at, TEST_ISSUED);
    assert_true(counting == COUNTING_TAKE || counting == COUNTING_LOOK);
    if (w->cannot_count) {
        refusal->reason = KH_REASON_BROKER_UNAVAILABLE;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (*world_counter(w, demand[i].key) < demand[i].limit)
            continue;
        *refusal = (struct counter_refusal){.demand = i, .reason = KH_REASON_USES_EXHAUSTED};
        if (demand[i].window_s) {
            refusal->reason = KH_REASON_RATE_EXCEEDED;
            refusal->retry_after_s = demand[i].window_s;
        }
        return false;
    }
    for (size_t i = 0; i < count && counting == COUNTING_TAKE; i++)
        ++*world_counter(w, demand[i].key);
    return true;
}

static inline struct world
test_world(void)
{
    return (struct world){
        .credential = {{BYTES("openai"), true, true, true}, {BYTES("github"), true, false, true}},
        .credential_count = 2,
    };
}

static inline struct facts
test_facts(void)
{
    return (struct facts){
        .scheme = BYTES("https"),
        .host = BYTES("api.openai.com"),
        .port = 443,
        .method = BYTES("POST"),
        .path = BYTES("/v1/chat/completions"),
        .client = BYTES("192.0.2.7"),
        .time = TEST_ISSUED + 1000,
        .user = BYTES("root"), /* decide() takes these two from the token */
        .credential = BYTES("stripe"),
    };
}

static inline struct decision
test_decide(struct world *world, struct bytes text, struct bytes wanted, const struct facts *facts,
            struct decision_details *details)
{
    const struct decision_world w = {
        .context = world,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
        .prepare = world_prepare,
        .take = world_take,
        .counting = world->counting,
        .chains = test_chains,
        .body_is_gone = world->body_is_gone,
    };
    struct decision out;
    memset(&out, 0xee, sizeof out);
    decide(&w, text, wanted, facts, &out, details);
    return out;
}

static inline void
expect_denied(const char *what, const struct decision *d, enum kh_reason reason)
{
    if (d->verdict == DECISION_ALLOW || d->reason != reason)
        FAIL_WITH("%s: %s %s \"%s\", expected deny %s", what,
                  d->verdict == DECISION_ALLOW ? "allow" : "deny", kh_reason_code(d->reason),
                  d->detail, kh_reason_code(reason));
}

static inline void
expect_allowed(const char *what, const struct decision *d)
{
    if (d->verdict != DECISION_ALLOW)
        FAIL_WITH("%s: deny %s \"%s\"", what, kh_reason_code(d->reason), d->detail);
}

#endif
