/* SPDX-License-Identifier: Apache-2.0
 *
 * One decision: the world that decide() asks, and the answer with its edits.
 */
#include "serve_internal.h"

#include "credential_option.h"
#include "inject.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

// ---- the world ----

static bool
world_root_key(void *context, uint32_t key_id, uint8_t key[TOKEN_KEY_SIZE])
{
    const struct serve_world *world = context;
    const struct secret *secret = root_keys_find(&world->authority->keys, key_id);

    if (secret == NULL)
        return false;
    memcpy(key, secret_bytes(secret).p, TOKEN_KEY_SIZE);
    return true;
}

static bool
world_revoked(void *context, const struct token_identity *identity,
              const struct token_verified *verified, struct bytes credential)
{
    const struct serve_world *world = context;
    return revocations_reach(&world->authority->revocations, identity, verified, credential) ||
           counters_forgot(world->authority->counters, identity);
}

static struct injection_context
injection_context_of(const struct serve_world *world)
{
    struct injection_context context = {.request = world->request,
                                        .credentials = &world->authority->credentials,
                                        .now = clock_now_s(&world->authority->clock)};

    context.content_state =
        contents_find(&world->authority->contents, world->request->request_id, &context.content);
    return context;
}

static bool
world_credential(void *context, struct bytes name, struct decision_credential *out)
{
    const struct serve_world *world = context;
    const struct credential *credential = credentials_find(&world->authority->credentials, name);

    if (credential == NULL)
        return false;
    *out = (struct decision_credential){
        .name = credential->row.name,
        .enabled = credential->row.enabled,
        .host_allowed = credential_allows_host(credential, world->scheme, world->host, world->port),
        .slot_allowed = world->any_slot || credential_allows_slot(credential, world->slot),
    };
    // What runs has its keys, and nothing is made anew that would find that one of them is gone.
    if (world->request && world->request->rejudge && out->enabled) {
        const struct injection_context asked = injection_context_of(world);
        out->enabled = injection_members_are_enabled(credential, &asked);
        out->host_allowed &= !out->enabled || injection_members_allow_host(credential, &asked);
    }
    if (world->request && out->host_allowed && out->enabled) {
        const struct injection_context asked = injection_context_of(world);
        struct injection_needs needs = injection_needs(credential, &asked);
        out->needs_sha256 = needs.sha256;
        out->needs_content = needs.content;
    }
    return true;
}

static bool
world_take(void *context, const struct token_identity *identity,
           const struct counter_demand *demand, size_t count, enum counting counting,
           struct counter_refusal *refusal)
{
    const struct serve_world *world = context;
    return counters_take(world->authority->counters, identity, demand, count, counting, refusal);
}

// Why there is nothing to put on the request; of a refusal the injection says it.
static const struct {
    enum kh_reason reason;
    const char *sentence;
} unmade[] = {
    [INJECTION_FAILED] = {KH_REASON_INTERNAL, "the secret could not be put on the request"},
    [INJECTION_BUSY] = {KH_REASON_BROKER_BUSY, "too many bodies are being signed"},
    [INJECTION_MISPLACED] = {KH_REASON_TOKEN_MISPLACED, NULL},
    [INJECTION_REFUSED] = {KH_REASON_NOT_SIGNABLE, NULL},
    [INJECTION_WAITING] = {KH_REASON_ACCESS_TOKEN, "there is no access token yet"},
    [INJECTION_UNAVAILABLE] = {KH_REASON_UNSET, NULL},
};

// A gateway sets header fields. What SigV4 signs, it would send in its own words.
static bool
goes_into_fields(const struct credential *credential, const struct injection *injection)
{
    for (size_t i = 0; i < injection->edit_count; i++) {
        enum edit_kind kind = injection->edit[i].kind;
        if (kind != EDIT_HEADER_SET && kind != EDIT_HEADER_REMOVE && kind != EDIT_COOKIE_SET)
            return false;
    }
    return credential->route.inject_kind != INJECT_SIGV4;
}

static bool
world_prepare(void *context, struct bytes name, enum kh_reason *reason, char *detail, size_t cap)
{
    const struct serve_world *world = context;
    const struct credential *credential = credentials_find(&world->authority->credentials, name);
    enum injection_result result = INJECTION_FAILED;

    if (world->injection == NULL) // a running request has its key already
        return true;
    if (credential) {
        const struct injection_context asked = injection_context_of(world);
        result = injection_make_again(credential, &asked, world->injection);
    }
    if (result == INJECTION_READY && world->request->way == WAY_CHECK &&
        !goes_into_fields(credential, world->injection)) {
        // Before anything is counted: no gateway could put it there.
        *reason = KH_REASON_GATEWAY_CANNOT;
        snprintf(detail, cap, "the key of this credential does not go into a header alone");
        return false;
    }
    if (result == INJECTION_READY)
        return true;
    *reason = result == INJECTION_UNAVAILABLE ? world->injection->reason : unmade[result].reason;
    const char *sentence = unmade[result].sentence;
    snprintf(detail, cap, "%s", sentence ? sentence : world->injection->refusal);
    return false;
}

struct decision_world
serve_world_of(struct serve_world *context)
{
    return (struct decision_world){
        .context = context,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
        .chains = context->authority->chains,
        .policy = context->authority->policy,
        .take = world_take,
        .prepare = world_prepare,
        .counting = context->counting,
        .body_is_gone = context->body_is_gone,
        .pass_through = context->pass_through,
        .token_optional = context->token_optional,
    };
}

static struct facts
facts_of(const struct authority *authority, const struct message_decide *request)
{
    return (struct facts){
        .scheme = request->scheme,
        .host = request->host,
        .port = request->port,
        .method = request->method,
        .path = request->path,
        .query = request->query,
        .query_count = request->query_count,
        .header = request->header,
        .header_count = request->header_count,
        .body = request->body,
        .upgrade = request->upgrade,
        .opaque = pass_through_is_tunnel(request),
        .client = request->client,
        .time = clock_now_s(&authority->clock),
    };
}

// ---- the answer ----

static void
deny(struct message_decision *out, enum kh_reason reason, struct bytes detail)
{
    out->allow = false;
    out->reason = reason == KH_REASON_UNSET ? KH_REASON_INTERNAL : reason;
    out->detail = detail;
    out->edit_count = out->secret_count = 0;
}

// First, so that the key wins where both are meant to go.
static void
name_request(const struct credential *credential, struct message_decision *out)
{
    static char id[2 * REQUEST_ID_SIZE + 1];
    struct bytes header = credential_option(credential, "request-id-header");

    if (header.n == 0 || out->edit_count == DECISION_EDITS_MAX ||
        !bytes_to_hex(bytes_of(out->request_id, REQUEST_ID_SIZE), id, sizeof id))
        return;
    memmove(out->edit + 1, out->edit, out->edit_count * sizeof out->edit[0]);
    out->edit[0] = (struct edit){.kind = EDIT_HEADER_SET, .name = header, .value = bytes_str(id)};
    out->edit_count++;
}

static void
allow(const struct authority *authority, const struct message_decide *request,
      const struct decision *decision, const struct injection *injection,
      struct message_decision *out)
{
    const struct credential *credential =
        credentials_find(&authority->credentials, bytes_str(decision->credential));

    if (request->pass_through) {
        out->allow = true;
        out->reason = KH_REASON_UNSET;
        out->credential = BYTES(PASS_THROUGH_NAME);
        out->recheck_at = decision->recheck_at;
        return;
    }
    if (credential == NULL) {
        deny(out, KH_REASON_INTERNAL, BYTES("the credential is gone"));
        return;
    }
    memcpy(out->edit, injection->edit, injection->edit_count * sizeof out->edit[0]);
    memcpy(out->secret, injection->secret, injection->secret_count * sizeof out->secret[0]);
    out->edit_count = injection->edit_count;
    out->secret_count = injection->secret_count;
    name_request(credential, out);
    out->allow = true;
    out->reason = KH_REASON_UNSET;
    out->credential = credential->row.name;
    out->recheck_at = decision->recheck_at;
}

// Only before the request went anywhere: what runs has a body that is gone.
static void
ask_for_body(const struct message_decide *request, const struct decision *decision,
             const struct body_need *need, struct message_decision *out)
{
    deny(out, decision->reason, BYTES_EMPTY);
    if (request->rejudge)
        return;
    out->need_body = true;
    out->need_sha256 = need->sha256;
    out->need_content = need->content;
    out->pointer_count = need->count;
    memcpy(out->pointer, need->pointer, need->count * sizeof out->pointer[0]);
}

// A forbid speaks of every request, of those without a token too.
static void
add_need(void *context, const struct caveat *caveat)
{
    // A policy looks at fewer places than there may be (policy_read).
    (void)body_need_add(context, caveat);
}

static void
judge_forbids(const struct authority *authority, const struct message_decide *request,
              const struct credential *credential, struct decision *decision,
              struct decision_details *details)
{
    struct facts facts = facts_of(authority, request);
    const struct policy_request asked = {.facts = &facts};
    BUFFER_AUTO why;

    buffer_init(&why, sizeof decision->detail - 1);
    facts.credential = credential->row.name;
    if (policy_forbids(authority->policy, &asked, &details->policy))
        policy_verdict_print(&details->policy, &facts, &why);
    else if (details->policy.allowed == JUDGEMENT_NEEDS_BODY)
        policy_each_caveat(authority->policy, &asked, add_need, &details->body_need);
    decision->reason = details->policy.reason;
    snprintf(decision->detail, sizeof decision->detail, "%s", buffer_text(&why));
    decision->recheck_at = policy_next_change(authority->policy, &details->policy, facts.time);
}

// `foreign: pass`: a request with a key of the client's own goes on as it is, to this credential's
// hosts alone, and gets nothing from us. False: it is none.
static bool
judge_foreign(const struct authority *authority, const struct message_decide *request,
              struct decision *decision, struct decision_details *details,
              struct message_decision *out)
{
    if (request->token.n > 0 || request->wanted.n == 0)
        return false;
    const struct credential *credential =
        credentials_find(&authority->credentials, request->wanted);
    if (credential == NULL || !credential->row.foreign_pass || !credential->row.enabled ||
        !credential_allows_host(credential, request->scheme, request->host, request->port))
        return false;
    judge_forbids(authority, request, credential, decision, details);
    if (details->policy.allowed == JUDGEMENT_NEEDS_BODY) {
        ask_for_body(request, decision, &details->body_need, out);
    } else if (details->policy.allowed != JUDGEMENT_HOLDS) {
        deny(out, decision->reason, bytes_str(decision->detail));
    } else {
        out->allow = true;
        out->reason = KH_REASON_UNSET;
        out->credential = credential->row.name;
        out->detail = BYTES("a key of the client's own");
        out->recheck_at = decision->recheck_at;
    }
    return true;
}

// Whoever has a unix socket has been let in by its mode; on a network a token is needed, or the
// broker would be an open proxy.
static bool
token_is_optional(const struct message_decide *request)
{
    return request->pass_through && !request->token_required && bytes_is(request->client, "unix") &&
           request->client_uid != UINT32_MAX;
}

// `keyhole run` and `keyhole env` put a token into the proxy's address that is for these hosts
// alone. What a request to another lacks is a token of its own.
static bool
has_only_the_token_of_the_proxy(const struct message_decide *request,
                                const struct decision *decision)
{
    return request->slot.kind == SLOT_PROXY_AUTHORIZATION && !request->pass_through &&
           decision->reason == KH_REASON_CAVEAT_FAILED &&
           bytes_is(bytes_str(decision->detail), "credential = " PASS_THROUGH_NAME);
}

static void
judge(struct authority *authority, const struct message_decide *request, struct decision *decision,
      struct decision_details *details, struct injection *injection, struct message_decision *out)
{
    struct serve_world context = {
        .authority = authority,
        .scheme = request->scheme,
        .host = request->host,
        .port = request->port,
        .slot = &request->slot,
        .request = request,
        .injection = request->rejudge ? NULL : injection,
        .counting = request->rejudge ? COUNTING_DONE : COUNTING_TAKE,
        .body_is_gone = request->rejudge,
        .pass_through = request->pass_through,
        .token_optional = token_is_optional(request),
    };
    const struct decision_world world = serve_world_of(&context);
    struct facts facts = facts_of(authority, request);

    if (request->pass_through &&
        !pass_through_allows(&authority->pass_through, &authority->credentials, request)) {
        deny(out, KH_REASON_HOST_NOT_ALLOWED,
             BYTES("it is not on the list of hosts that are passed through"));
        return;
    }
    decide(&world, request->token, request->wanted, &facts, decision, details);
    if (decision->verdict != DECISION_ALLOW)
        injection_free(injection); // a counter denied after it was made
    if (decision->verdict == DECISION_ALLOW)
        allow(authority, request, decision, injection, out);
    else if (decision->verdict == DECISION_NEED_BODY)
        ask_for_body(request, decision, &details->body_need, out);
    else if (has_only_the_token_of_the_proxy(request, decision))
        deny(out, KH_REASON_TOKEN_MISSING,
             BYTES("no slot holds anything, and the token of the proxy is for pass-through alone"));
    else
        deny(out, decision->reason, bytes_str(decision->detail));
    out->retry_after_s = decision->retry_after_s;
}

// The kernel is asked for sixteen at a time: so many bytes come whole or not at all (getrandom(2)).
// They are names, no secrets.
bool
serve_draw_id(uint8_t id[REQUEST_ID_SIZE])
{
    static uint8_t pool[16][REQUEST_ID_SIZE];
    static size_t left;
    if (left == 0) {
        if (getrandom(pool, sizeof pool, 0) != sizeof pool)
            return false;
        left = sizeof pool / sizeof pool[0];
    }
    memcpy(id, pool[--left], REQUEST_ID_SIZE);
    return true;
}

static bool
make_request_id(const struct message_decide *request, uint8_t id[REQUEST_ID_SIZE])
{
    static const uint8_t none[REQUEST_ID_SIZE];
    if (memcmp(request->request_id, none, sizeof none) != 0) {
        memcpy(id, request->request_id, REQUEST_ID_SIZE);
        return true;
    }
    return serve_draw_id(id);
}

static void
decide_now(struct authority *authority, const struct message_decide *request, bool may_wait,
           struct decision *decision, struct injection *injection, struct message_decision *out)
{
    // Large, and one at a time. What the answer asks for points into it.
    static struct decision_details details;

    decision_details_init(&details);
    decision_init(decision);
    injection_clear(injection);
    message_decision_init(out);
    deny(out, KH_REASON_INTERNAL, BYTES_EMPTY);
    if (!make_request_id(request, out->request_id))
        deny(out, KH_REASON_INTERNAL, BYTES("the kernel gives no random numbers"));
    else if (request->refused != KH_REASON_UNSET)
        deny(out, request->refused, request->refused_detail);
    else if (!judge_foreign(authority, request, decision, &details, out))
        judge(authority, request, decision, &details, injection, out);
    // What waits for an access token is decided when there is one.
    if (!may_wait || injection->waits == NULL) {
        serve_record(authority, request, decision, &details, out);
        contents_drop(&authority->contents, request->request_id);
    }
    chain_release(&details.chain);
}

void
serve_decide(struct authority *authority, const struct message_decide *request,
             struct decision *decision, struct injection *injection, struct message_decision *out)
{
    decide_now(authority, request, true, decision, injection, out);
}

void
serve_decide_without_waiting(struct authority *authority, const struct message_decide *request,
                             struct decision *decision, struct injection *injection,
                             struct message_decision *out)
{
    decide_now(authority, request, false, decision, injection, out);
}
