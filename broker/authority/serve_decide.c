/* SPDX-License-Identifier: Apache-2.0
 *
 * One decision: the world that decide() asks, the record, the edits.
 */
#include "serve_internal.h"

#include "../../caveats/decimal.h"
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
    return revocations_reach(&world->authority->revocations, identity, verified, credential);
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

struct decision_world
serve_world_of(struct serve_world *context)
{
    return (struct decision_world){
        .context = context,
        .root_key = world_root_key,
        .revoked = world_revoked,
        .credential = world_credential,
        .policy = context->authority->policy,
        .take = world_take,
        .counting = context->counting,
        .body_is_gone = context->body_is_gone,
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
        .client = request->client,
        .time = clock_now_s(&authority->clock),
    };
}

// ---- what the caveats looked at ----

struct looked_at {
    struct caveat *caveat[TOKEN_CAVEATS_MAX]; // own the text of labels and keys
    size_t caveat_count;
    struct bytes label[AUDIT_LABELS_MAX];
    size_t label_count;
    struct audit_value value[AUDIT_VALUES_MAX];
    size_t value_count;
    char size[24], sha256[2 * BODY_SHA256_SIZE + 1];
};

static bool
was_looked_at(const struct looked_at *looked, const char *attribute, struct bytes key)
{
    for (size_t i = 0; i < looked->value_count; i++) {
        if (strcmp(looked->value[i].attribute, attribute) == 0 &&
            bytes_equal(looked->value[i].key, key))
            return true;
    }
    return false;
}

static void
look_at_pairs(struct looked_at *looked, const char *attribute, struct bytes key,
              const struct fact_pair *pair, size_t count)
{
    if (was_looked_at(looked, attribute, key))
        return; // by an earlier caveat
    for (size_t i = 0; i < count && looked->value_count < AUDIT_VALUES_MAX; i++) {
        if (bytes_equal(pair[i].name, key))
            looked->value[looked->value_count++] =
                (struct audit_value){.attribute = attribute, .key = key, .value = pair[i].value};
    }
}

static void
look_add(struct looked_at *looked, const struct audit_value *value)
{
    if (looked->value_count < AUDIT_VALUES_MAX &&
        !was_looked_at(looked, value->attribute, value->key))
        looked->value[looked->value_count++] = *value;
}

// As a bare word it would be a number, a literal, or look like a quoted one.
static bool
reads_as_another(struct bytes text)
{
    struct decimal number;
    return bytes_starts(text, BYTES("\"")) || bytes_is(text, "true") || bytes_is(text, "false") ||
           bytes_is(text, "null") || decimal_read(text, &number) != KH_ERR_TYPE;
}

// What has no text of its own (an array, what is too long, what is not there) is left out.
static void
look_at_body(struct looked_at *looked, struct bytes pointer, const struct facts_body *body)
{
    for (size_t i = 0; i < body->value_count; i++) {
        const struct body_value *value = &body->value[i].value;
        if (!bytes_equal(body->value[i].pointer, pointer) || value->type == BODY_VALUE_ABSENT ||
            value->type > BODY_VALUE_NULL)
            continue;
        look_add(looked, &(struct audit_value){.attribute = "body",
                                               .key = pointer,
                                               .value = value->text,
                                               .quoted = value->type == BODY_VALUE_STRING &&
                                                         reads_as_another(value->text)});
    }
}

static void
look_at_size(struct looked_at *looked, const struct facts_body *body)
{
    if (!body->has_size)
        return;
    snprintf(looked->size, sizeof looked->size, "%llu", (unsigned long long)body->size);
    look_add(looked, &(struct audit_value){.attribute = "body-size",
                                           .value = bytes_str(looked->size),
                                           .keyless = true});
}

static void
look_at_sha256(struct looked_at *looked, const struct facts_body *body)
{
    if (body->has_sha256 && bytes_to_hex(bytes_of(body->sha256, sizeof body->sha256),
                                         looked->sha256, sizeof looked->sha256))
        look_add(looked, &(struct audit_value){.attribute = "body-sha256",
                                               .value = bytes_str(looked->sha256),
                                               .keyless = true});
}

static void
look_at_caveat(struct looked_at *looked, const struct caveat *caveat,
               const struct message_decide *request)
{
    for (size_t i = 0; i < caveat->count; i++) {
        const struct predicate *predicate = &caveat->predicate[i];
        if (predicate->attribute == ATTRIBUTE_QUERY)
            look_at_pairs(looked, "query", predicate->key, request->query, request->query_count);
        else if (predicate->attribute == ATTRIBUTE_HEADER)
            look_at_pairs(looked, "header", predicate->key, request->header, request->header_count);
        else if (predicate->attribute == ATTRIBUTE_BODY)
            look_at_body(looked, predicate->key, &request->body);
        else if (predicate->attribute == ATTRIBUTE_BODY_SIZE)
            look_at_size(looked, &request->body);
        else if (predicate->attribute == ATTRIBUTE_BODY_SHA256)
            look_at_sha256(looked, &request->body);
        else if (predicate->attribute == ATTRIBUTE_LABEL && predicate->count > 0 &&
                 looked->label_count < AUDIT_LABELS_MAX)
            looked->label[looked->label_count++] = predicate->value[0].text;
    }
}

// Most caveats speak of none of these: they are not parsed again.
static bool
is_of_interest(struct bytes text)
{
    return bytes_find(text, BYTES("query[")) < text.n ||
           bytes_find(text, BYTES("header[")) < text.n ||
           bytes_find(text, BYTES("body")) < text.n || bytes_find(text, BYTES("label")) < text.n;
}

struct looking {
    struct looked_at *looked;
    const struct message_decide *request;
};

static void
look_at_rule(void *context, const struct caveat *caveat)
{
    const struct looking *looking = context;
    look_at_caveat(looking->looked, caveat, looking->request);
}

static void
look_at_rules(struct looked_at *looked, const struct policy *policy, const struct facts *facts,
              const struct message_decide *request)
{
    const struct policy_request asked = {.facts = facts};
    struct looking looking = {looked, request};
    policy_each_caveat(policy, &asked, look_at_rule, &looking);
}

static void
look(struct looked_at *looked, const struct token_verified *verified,
     const struct message_decide *request)
{
    looked->caveat_count = looked->label_count = looked->value_count = 0;
    for (size_t i = 0; i < verified->condition_count; i++) {
        struct caveat *caveat = NULL;
        struct bytes text = verified->condition[i].text;
        // One that does not parse was denied for that.
        if (!is_of_interest(text) || caveat_parse(text, &caveat, NULL))
            continue;
        looked->caveat[looked->caveat_count++] = caveat;
        look_at_caveat(looked, caveat, request);
    }
}

static void
look_end(struct looked_at *looked)
{
    for (size_t i = 0; i < looked->caveat_count; i++)
        caveat_free(&looked->caveat[i]);
}

// ---- the record ----

static struct audit_record
record_of(const struct message_decide *request, const struct message_decision *answer)
{
    return (struct audit_record){
        .kind = AUDIT_DECISION,
        .request_id = answer->request_id,
        .allow = answer->allow,
        .reason = answer->reason,
        .detail = answer->detail,
        .credential = answer->credential.n > 0 ? answer->credential : request->wanted,
        .client = request->client,
        .has_uid = request->client_uid != UINT32_MAX,
        .uid = request->client_uid,
        .way = request->way,
        .method = request->method,
        .scheme = request->scheme,
        .host = request->host,
        .port = request->port,
        .path = request->path_encoded,
        .rejudged = request->rejudge,
    };
}

// What of the policy stands in a record: enough to judge it again by other rules.
struct rules {
    char warning[POLICY_WARNINGS_MAX][POLICY_NAME_MAX + 16];
    struct bytes warnings[POLICY_WARNINGS_MAX], holes[DECISION_HOLES_MAX];
    struct bytes group[POLICY_GROUPS_MAX];
};

static void
record_rules(const struct authority *authority, const struct message_decide *request,
             const struct decision *decision, const struct decision_details *details,
             struct looked_at *looked, struct audit_record *record, struct rules *rules)
{
    const struct policy_verdict *verdict = &details->policy;
    struct facts facts = {.user = bytes_str(decision->user),
                          .credential = bytes_str(decision->credential),
                          .group = rules->group};

    facts.group_count = policy_groups_of(authority->policy, facts.user, rules->group);
    look_at_rules(looked, authority->policy, &facts, request);
    for (size_t i = 0; i < verdict->warning_count; i++) {
        BUFFER_AUTO text;
        buffer_init(&text, sizeof rules->warning[i] - 1);
        policy_warning_print(&verdict->warning[i], &text);
        snprintf(rules->warning[i], sizeof rules->warning[i], "%s", buffer_text(&text));
        rules->warnings[i] = bytes_str(rules->warning[i]);
    }
    for (size_t i = 0; i < details->hole_count; i++)
        rules->holes[i] = bytes_str(details->hole[i]);
    record->warning = rules->warnings;
    record->warning_count = verdict->warning_count;
    record->hole = rules->holes;
    record->hole_count = details->hole_count;
    if (verdict->allowed == JUDGEMENT_HOLDS && verdict->grant)
        record->grant = verdict->grant->name;
}

static void
append_record(struct authority *authority, const struct message_decide *request,
              const struct decision *decision, const struct decision_details *details,
              const struct message_decision *answer)
{
    struct audit_record record = record_of(request, answer);
    struct looked_at looked;
    struct rules rules = {0};

    // A request that goes on as it was allowed is no news, and one whose body is still to be read
    // is not decided.
    if ((request->rejudge && answer->allow) || answer->need_body)
        return;
    looked.caveat_count = 0;
    if (decision->identified) {
        look(&looked, &details->verified, request);
        if (details->policy.allowed != JUDGEMENT_NOT_JUDGED)
            record_rules(authority, request, decision, details, &looked, &record, &rules);
        record.user = bytes_str(decision->user);
        record.has_lifetime = true;
        record.lifetime_s = decision->expires_at - decision->issued_at;
        record.token_id = decision->token_id;
        record.lineage = decision->lineage;
        record.label = looked.label;
        record.label_count = looked.label_count;
        record.value = looked.value;
        record.value_count = looked.value_count;
    }
    audit_append(authority->audit, &record);
    look_end(&looked);
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

static void
allow(const struct authority *authority, const struct message_decide *request,
      const struct decision *decision, struct injection *injection, struct message_decision *out)
{
    const struct credential *credential =
        credentials_find(&authority->credentials, bytes_str(decision->credential));

    if (credential == NULL) {
        deny(out, KH_REASON_INTERNAL, BYTES("the credential is gone"));
        return;
    }
    // A running request has its key already.
    if (!request->rejudge) {
        if (injection_make(credential, &request->slot, injection)) {
            deny(out, KH_REASON_INTERNAL, BYTES("the secret could not be put on the request"));
            return;
        }
        memcpy(out->edit, injection->edit, sizeof out->edit);
        memcpy(out->secret, injection->secret, sizeof out->secret);
        out->edit_count = injection->edit_count;
        out->secret_count = injection->secret_count;
    }
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
    out->pointer_count = need->count;
    memcpy(out->pointer, need->pointer, sizeof out->pointer);
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
        .counting = request->rejudge ? COUNTING_DONE : COUNTING_TAKE,
        .body_is_gone = request->rejudge,
    };
    const struct decision_world world = serve_world_of(&context);
    struct facts facts = facts_of(authority, request);

    decide(&world, request->token, request->wanted, &facts, decision, details);
    if (decision->verdict == DECISION_ALLOW)
        allow(authority, request, decision, injection, out);
    else if (decision->verdict == DECISION_NEED_BODY)
        ask_for_body(request, decision, &details->body_need, out);
    else
        deny(out, decision->reason, bytes_str(decision->detail));
    out->retry_after_s = decision->retry_after_s;
}

static bool
make_request_id(const struct message_decide *request, uint8_t id[REQUEST_ID_SIZE])
{
    static const uint8_t none[REQUEST_ID_SIZE];
    if (memcmp(request->request_id, none, sizeof none) != 0) {
        memcpy(id, request->request_id, REQUEST_ID_SIZE);
        return true;
    }
    return getrandom(id, REQUEST_ID_SIZE, 0) == REQUEST_ID_SIZE;
}

void
serve_decide(struct authority *authority, const struct message_decide *request,
             struct decision *decision, struct injection *injection, struct message_decision *out)
{
    // Large, and one at a time. What the answer asks for points into it.
    static struct decision_details details;

    memset(&details, 0, sizeof details);
    memset(decision, 0, sizeof *decision);
    memset(injection, 0, sizeof *injection);
    memset(out, 0, sizeof *out);
    deny(out, KH_REASON_INTERNAL, BYTES_EMPTY);
    if (!make_request_id(request, out->request_id))
        deny(out, KH_REASON_INTERNAL, BYTES("the kernel gives no random numbers"));
    else if (request->refused != KH_REASON_UNSET)
        deny(out, request->refused, request->refused_detail);
    else if (!judge_foreign(authority, request, decision, &details, out))
        judge(authority, request, decision, &details, injection, out);
    append_record(authority, request, decision, &details, out);
    token_free(&details.token);
}
