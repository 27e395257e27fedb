/* SPDX-License-Identifier: Apache-2.0
 *
 * One request after the other, with every call on its way failing once: what should be denied is
 * never allowed, what is allowed is on record, and the next request is judged as ever.
 */
#include "authority_world.h"

struct ask {
    const char *name;
    enum kh_reason reason; /* unset: allowed */
    const char *token;     /* of make_tokens */
    void (*change)(struct message_decide *request);
};

static struct {
    const char *name, *mint;
    char *text;
} tokens[] = {
    {"plain", "", NULL},
    {"caveats",
     ", \"user\": \"alice\", \"caveats\": [\"method in GET, HEAD\", \"path ~ /v1/** or path = "
     "/x\", \"query[limit] <= 10 or query[limit] absent\", \"header[x-a] = b\", \"label = one\"]",
     NULL},
    {"post", ", \"caveats\": [\"method = POST\"]", NULL},
    {"body", ", \"caveats\": [\"body[/model] = small\", \"body-sha256 present\"]", NULL},
    {"uses", ", \"caveats\": [\"uses <= 1000000\", \"rate <= 1000000/h\"]", NULL},
    {"used", ", \"caveats\": [\"uses <= 0\"]", NULL},
    {"rated", ", \"caveats\": [\"rate <= 1/d\"]", NULL},
    {"hole", ", \"holes\": [\"factor = yubikey for 8h\"]", NULL},
    {"stranger", ", \"user\": \"alice\"", NULL},
    {"revoked", "", NULL},
    {"lineage", "", NULL},
    {"short", "", NULL},
};
static char *filled, *expired_discharge, *forged;

static const char *
token_of(const char *name)
{
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        if (!strcmp(tokens[i].name, name))
            return tokens[i].text;
    }
    return !strcmp(name, "filled")   ? filled
           : !strcmp(name, "late")   ? expired_discharge
           : !strcmp(name, "forged") ? forged
                                     : name;
}

static void
revoke_token(const char *how, const char *token)
{
    char request[TOKEN_TEXT_MAX + 128];
    snprintf(request, sizeof request, "{\"command\": \"revoke\", \"token\": \"%s\"%s}", token, how);
    json_decref(fixture_do(&authority, request));
}

static void
make_tokens(void)
{
    static const char *const never[] = {"time < 2020-01-01T00:00:00Z"};

    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        tokens[i].text = fixture_mint(&authority, tokens[i].mint);
    filled = fixture_fill(&authority, token_of("hole"), token_of("hole"), NULL, 0);
    expired_discharge = fixture_fill(&authority, token_of("hole"), token_of("hole"), never, 1);
    forged = strdup(token_of("plain"));
    char *last = forged + strlen(forged) - 2; // a byte of the signature, another one
    *last = *last == 'A' ? 'Q' : 'A';
    revoke_token("", token_of("revoked"));
    revoke_token(", \"lineage\": true", token_of("lineage"));
}

static void
free_tokens(void)
{
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        free(tokens[i].text);
    free(filled);
    free(expired_discharge);
    free(forged);
}

// ---- requests ----

static void
with_fields(struct message_decide *r)
{
    r->header[0] = (struct fact_pair){BYTES("x-a"), BYTES("b")};
    r->header_count = 1;
    r->query[0] = (struct fact_pair){BYTES("limit"), BYTES("9")};
    r->query_count = 1;
}

static void
with_large_limit(struct message_decide *r)
{
    with_fields(r);
    r->query[0].value = BYTES("11");
}

static void
with_body(struct message_decide *r)
{
    static const uint8_t id[REQUEST_ID_SIZE] = {7};
    memcpy(r->request_id, id, sizeof id);
    r->body_value[0] =
        (struct fact_body_value){BYTES("/model"), {BODY_VALUE_STRING, BYTES("small")}};
    r->body = (struct facts_body){.is_read = true,
                                  .has_sha256 = true,
                                  .is_json = true,
                                  .size = 17,
                                  .value = r->body_value,
                                  .value_count = 1};
}

static void
with_large_model(struct message_decide *r)
{
    with_body(r);
    r->body_value[0].value.text = BYTES("large");
}

static void delete (struct message_decide *r)
{
    r->method = BYTES("DELETE");
}

static void
outside(struct message_decide *r)
{
    r->path = r->path_encoded = BYTES("/v2/models");
}

static void
elsewhere(struct message_decide *r)
{
    r->host = BYTES("evil.example");
}

static void
wants_another(struct message_decide *r)
{
    r->wanted = BYTES("github");
}

static void
in_a_query(struct message_decide *r)
{
    r->slot = (struct slot){.kind = SLOT_QUERY, .name = BYTES("key")};
}

static void
refused(struct message_decide *r)
{
    r->refused = KH_REASON_PATH_AMBIGUOUS;
}

static void
again(struct message_decide *r)
{
    static const uint8_t id[REQUEST_ID_SIZE] = {9};
    memcpy(r->request_id, id, sizeof id);
    r->rejudge = true;
}

static void
again_outside(struct message_decide *r)
{
    again(r);
    outside(r);
}

static const struct ask asks[] = {
    {"allow", KH_REASON_UNSET, "plain", NULL},
    {"allow-caveats", KH_REASON_UNSET, "caveats", with_fields},
    {"allow-body", KH_REASON_UNSET, "body", with_body},
    {"allow-counted", KH_REASON_UNSET, "uses", NULL},
    {"allow-filled", KH_REASON_UNSET, "filled", NULL},
    {"allow-again", KH_REASON_UNSET, "plain", again},
    {"deny-nothing", KH_REASON_TOKEN_MISSING, "", NULL},
    {"deny-forged", KH_REASON_SIGNATURE_INVALID, "forged", NULL},
    {"deny-method", KH_REASON_CAVEAT_FAILED, "post", NULL},
    {"deny-limit", KH_REASON_CAVEAT_FAILED, "caveats", with_large_limit},
    {"deny-model", KH_REASON_CAVEAT_FAILED, "body", with_large_model},
    {"deny-unread-body", KH_REASON_BODY_REQUIRED, "body", NULL},
    {"deny-used", KH_REASON_USES_EXHAUSTED, "used", NULL},
    {"deny-rated", KH_REASON_RATE_EXCEEDED, "rated", NULL},
    {"deny-open", KH_REASON_HOLE_OPEN, "hole", NULL},
    {"deny-late", KH_REASON_DISCHARGE_EXPIRED, "late", NULL},
    {"deny-revoked", KH_REASON_REVOKED, "revoked", NULL},
    {"deny-lineage", KH_REASON_REVOKED, "lineage", NULL},
    {"deny-forbidden", KH_REASON_FORBIDDEN, "plain", delete},
    {"deny-no-grant", KH_REASON_NO_GRANT, "plain", outside},
    {"deny-host", KH_REASON_HOST_NOT_ALLOWED, "plain", elsewhere},
    {"deny-credential", KH_REASON_CREDENTIAL_UNKNOWN, "plain", wants_another},
    {"deny-slot", KH_REASON_TOKEN_MISPLACED, "plain", in_a_query},
    {"deny-refused", KH_REASON_PATH_AMBIGUOUS, "plain", refused},
    {"deny-again", KH_REASON_NO_GRANT, "plain", again_outside},
};

// ---- one of them ----

static uint64_t next_id = 1;

static struct message_decide
request_of(const struct ask *ask)
{
    struct message_decide request = peer_request(token_of(ask->token));
    if (ask->change)
        ask->change(&request);
    return request;
}

static void
ask_it(const struct ask *ask)
{
    struct message_decide request = request_of(ask);

    request.body.value = request.body_value;
    // The long way each time: what was verified before is forgotten.
    chain_cache_clear(authority.chains);
    world_send_decide(++next_id, &request);
}

static void
before(void *context)
{
    ask_it(context);
}

static void
act(void *context)
{
    (void)context;
    world_turn();
}

// An allow is one that should be, has its record, and carries the key.
static void
check_allow(const struct ask *ask, const struct message_decision *decision)
{
    char id[2 * REQUEST_ID_SIZE + 1], needle[64];

    if (ask->reason != KH_REASON_UNSET)
        fail_msg("%s: ALLOWED", ask->name);
    assert_true(bytes_to_hex(bytes_of(decision->request_id, REQUEST_ID_SIZE), id, sizeof id));
    snprintf(needle, sizeof needle, "\"id\":\"%s\"", id);
    if (ask->change != again) {
        if (world_recorded(needle, "\"decision\":\"allow\"") == 0)
            fail_msg("%s: allowed without a record", ask->name);
        assert_int_equal(decision->edit_count, 1);
        assert_true(bytes_is(decision->edit[0].value, "Bearer " FIXTURE_SECRET));
        assert_true(decision->secret_count >= 1); // or it would not be scrubbed
    }
}

static void
check(const struct ask *ask, bool fired)
{
    struct message_decision decision = {0};
    struct bytes body;
    bool answered = world_answer(MESSAGE_DECISION, next_id, &body);

    if (answered)
        assert_int_equal(message_decision_rx(body, &decision), KH_OK);
    if (decision.allow)
        check_allow(ask, &decision);
    else
        assert_int_equal(decision.edit_count + decision.secret_count, 0);
    // The broker's fault and not the token's: whoever holds a good one must not throw it away.
    if (fired && answered && !decision.allow && !decision.need_body &&
        ask->reason == KH_REASON_UNSET && kh_reason_status(decision.reason) < 500)
        fail_msg("%s: %s", ask->name, kh_reason_code(decision.reason));
    if (fired)
        return;
    assert_true(answered);
    bool right = decision.allow ? ask->reason == KH_REASON_UNSET : ask->reason == decision.reason;
    if (!right && !decision.need_body)
        fail_msg("%s: %s", ask->name, decision.allow ? "allow" : kh_reason_code(decision.reason));
    assert_int_equal(decision.need_body, ask->reason == KH_REASON_BODY_REQUIRED);
}

static void
after(void *context, bool fired)
{
    const struct ask *ask = context;

    check(ask, fired);
    world_settle();
    // In peace: as it should be.
    static const struct ask good = {"next-allow", KH_REASON_UNSET, "plain", NULL};
    static const struct ask bad = {"next-deny", KH_REASON_CAVEAT_FAILED, "post", NULL};
    static const struct ask *const next[] = {&good, &bad};
    for (size_t i = 0; i < 2; i++) {
        ask_it(next[i]);
        world_turn();
        check(next[i], false);
    }
    // And the same question: the right answer.
    ask_it(ask);
    world_turn();
    check(ask, false);
}

static void
no_allow_that_should_be_a_deny(void **state)
{
    static const struct ask first = {"the only one of a day", KH_REASON_UNSET, "rated", NULL};

    (void)state;
    make_tokens();
    ask_it(&first);
    world_turn();
    check(&first, false);
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        union {
            const struct ask *ask;
            void *context;
        } of = {&asks[i]};
        const struct nth_job job = {.name = asks[i].name,
                                    .before = before,
                                    .act = act,
                                    .after = after,
                                    .context = of.context};
        nth_job_run(&job);
    }
    free_tokens();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {world_test(no_allow_that_should_be_a_deny)};
    nth_init();
    return nth_job_finish("authority_decide", cmocka_run_group_tests(tests, NULL, NULL));
}
