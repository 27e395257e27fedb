/* SPDX-License-Identifier: Apache-2.0
 *
 * A small world to decide in: one root key, a few credentials, a list of what is revoked.
 */
#ifndef KEYHOLE_TEST_WORLD_H
#define KEYHOLE_TEST_WORLD_H

#include "../../../caveats/decide.h"
#include "tokens.h"

struct world {
    bool no_key;
    const char *revoked_user, *revoked_credential;
    bool revoked_lineage; /* the one below */
    uint8_t lineage[LINEAGE_ID_SIZE];
    struct decision_credential credential[4];
    size_t credential_count;
    unsigned asked_revoked;
};

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
