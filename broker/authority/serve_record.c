/* SPDX-License-Identifier: Apache-2.0
 *
 * The audit record of one decision: who and what, and of query, headers and body only the values
 * that some caveat or rule looked at.
 */
#include "serve_internal.h"

#include "../../caveats/decimal.h"
#include "serve_log.h"

#include <stdio.h>
#include <string.h>

// ---- what the caveats looked at ----

struct looked_at {
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

KH_OUT_OF_LINE static void
look_at_rules(struct looked_at *looked, const struct policy *policy,
              const struct decision *decision, const struct message_decide *request)
{
    KH_UNFILLED struct bytes group[POLICY_GROUPS_MAX];
    struct facts facts = {.user = bytes_str(decision->user),
                          .credential = bytes_str(decision->credential)};
    const struct policy_request asked = {.facts = &facts};
    struct looking looking = {looked, request};

    facts.group_count = policy_groups_of(policy, facts.user, group);
    facts.group = group;
    policy_each_caveat(policy, &asked, look_at_rule, &looking);
}

static void
look(struct looked_at *looked, const struct chain *chain, const struct message_decide *request)
{
    for (size_t i = 0; i < chain->verified.condition_count; i++) {
        // One that is not understood was denied for that.
        if (chain->caveat[i] && chain->caveat[i]->on_record)
            look_at_caveat(looked, chain->caveat[i], request);
    }
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
        .credential = answer->credential.n > 0 ? answer->credential
                      : request->pass_through  ? BYTES(PASS_THROUGH_NAME)
                                               : request->wanted,
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

enum { RECORD_WARNING_MAX = POLICY_NAME_MAX + 15 };

// What of the policy stands in a record: enough to judge it again by other rules.
struct rules {
    char warning[POLICY_WARNINGS_MAX][RECORD_WARNING_MAX + 1];
    struct bytes warnings[POLICY_WARNINGS_MAX];
};

KH_COLD static struct bytes
print_warning(const struct policy_warning *warning, char out[RECORD_WARNING_MAX + 1])
{
    BUFFER_AUTO text;

    buffer_init(&text, RECORD_WARNING_MAX);
    policy_warning_print(warning, &text);
    snprintf(out, RECORD_WARNING_MAX + 1, "%s", buffer_text(&text));
    return bytes_str(out);
}

static void
record_rules(const struct authority *authority, const struct message_decide *request,
             const struct decision *decision, const struct decision_details *details,
             struct looked_at *looked, struct audit_record *record, struct rules *rules)
{
    const struct policy_verdict *verdict = &details->policy;

    if (authority->policy && authority->policy->on_record)
        look_at_rules(looked, authority->policy, decision, request);
    for (size_t i = 0; i < verdict->warning_count; i++)
        rules->warnings[i] = print_warning(&verdict->warning[i], rules->warning[i]);
    record->warning = rules->warnings;
    record->warning_count = verdict->warning_count;
    record->hole = details->hole;
    record->hole_count = details->hole_count;
    if (verdict->allowed == JUDGEMENT_HOLDS && verdict->grant)
        record->grant = verdict->grant->name;
}

// With each caveat that a holder added the token became another one.
static void
note_ancestors(struct audit_record *record, const struct chain *chain)
{
    size_t minted = chain->identity.minted_caveats, last = chain->verified.lineage_count;

    if (minted + 1 >= last)
        return;
    record->made_from = &chain->verified.lineage[minted];
    record->made_from_count = last - 1 - minted;
}

// A proxy passes on what can be read, and nothing else.
static bool
find_trace(const struct message_decide *request, uint8_t id[TRACE_ID_SIZE])
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (bytes_is(request->header[i].name, "traceparent"))
            return trace_parent_parse(request->header[i].value, id);
    }
    return false;
}

void
serve_record(struct authority *authority, const struct message_decide *request,
             const struct decision *decision, const struct decision_details *details,
             const struct message_decision *answer)
{
    struct audit_record record;
    KH_UNFILLED struct looked_at looked;
    KH_UNFILLED struct rules rules;
    KH_UNFILLED uint8_t trace_id[TRACE_ID_SIZE];

    // A request that goes on as it was allowed is no news, and one whose body is still to be read
    // is not decided.
    if ((request->rejudge && answer->allow) || answer->need_body)
        return;
    record = record_of(request, answer);
    looked.label_count = looked.value_count = 0;
    if (decision->identified && details->chain) {
        look(&looked, details->chain, request);
        if (details->policy.allowed != JUDGEMENT_NOT_JUDGED)
            record_rules(authority, request, decision, details, &looked, &record, &rules);
        record.user = bytes_str(decision->user);
        record.has_lifetime = true;
        record.lifetime_s = decision->expires_at - decision->issued_at;
        record.token_id = decision->token_id;
        record.lineage = decision->lineage;
        note_ancestors(&record, details->chain);
        record.label = looked.label;
        record.label_count = looked.label_count;
        record.value = looked.value;
        record.value_count = looked.value_count;
    }
    if (find_trace(request, trace_id))
        record.trace_id = trace_id;
    audit_append(authority->audit, &record);
    serve_log_decision(authority, &record);
}
