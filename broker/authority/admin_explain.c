/* SPDX-License-Identifier: Apache-2.0
 *
 * explain: the decision that a request would get, in full. Nothing is spent, recorded or sent.
 */
#include "admin_request.h"

#include "../../caveats/body_facts.h"
#include "../../caveats/explain.h"
#include "../../caveats/request_text.h"
#include "../../caveats/timestamp.h"
#include "serve_internal.h"

#include <stdlib.h>

// What the credentials of that host let through in a path: as the proxy would.
static unsigned
path_exceptions(const struct authority *authority, struct bytes line)
{
    struct request_text request;
    unsigned exceptions = 0;

    if (request_text_read(line, REQUEST_TEXT_LENIENT, &request, NULL) == KH_OK) {
        const struct facts *facts = &request.facts;
        for (size_t i = 0; i < authority->credentials.count; i++) {
            const struct credential *credential = authority->credentials.item[i];
            if (credential_allows_host(credential, facts->scheme, facts->host, facts->port))
                exceptions |= credential->route.path_exceptions;
        }
    }
    request_text_free(&request);
    return exceptions;
}

static enum kh_err
read_request(const struct authority *authority, const json_t *json, struct request_text *out,
             struct fault *fault)
{
    struct bytes line = admin_text(json, "request"), header[REQUEST_TEXT_PAIRS_MAX];
    size_t count = 0;
    struct bytes time = admin_text(json, "time");
    enum kh_err err = request_text_read(line, path_exceptions(authority, line), out, fault);

    if (err) {
        fault_prefix(fault, "request: ");
        return err;
    }
    err = admin_texts(json, "headers", header, REQUEST_TEXT_PAIRS_MAX, &count, fault);
    for (size_t i = 0; !err && i < count; i++) {
        err = request_text_header(out, header[i], fault);
        if (err)
            fault_prefix(fault, "headers: ");
    }
    out->facts.client = admin_text(json, "client");
    out->facts.time = clock_now_s(&authority->clock);
    if (!err && admin_has(json, "time") && !timestamp_parse(time, &out->facts.time))
        err = fault_set(fault, KH_ERR_SYNTAX, "time: not a time as 2026-12-01T00:00:00Z");
    return err;
}

// decide() took these from the token; the explanation is made with them.
static void
complete_facts(const struct authority *authority, const struct decision *decision,
               struct facts *facts, struct bytes group[POLICY_GROUPS_MAX])
{
    facts->user = bytes_str(decision->user);
    facts->credential = bytes_str(decision->credential);
    facts->group = group;
    facts->group_count = policy_groups_of(authority->policy, facts->user, group);
}

static enum kh_err
put_explanation(json_t *result, const struct explain *explain, struct fault *fault)
{
    json_t *explanation = explain_json(explain);

    if (explanation == NULL || json_object_update(result, explanation)) {
        json_decref(explanation);
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    }
    json_decref(explanation);
    return KH_OK;
}

struct explaining {
    struct decision decision;
    struct decision_details details;
    struct request_text request;
    struct bytes group[POLICY_GROUPS_MAX];
    struct body_need need;
    struct fact_body_value value[BODY_POINTERS_MAX];
    struct buffer storage; // of the body's values
};

// As the proxy does: the body is read when the decision asks for it, and then it is decided again.
static void
judge(const struct decision_world *world, const json_t *json, struct facts *facts,
      struct explaining *e)
{
    struct bytes token = bytes_trim(admin_text(json, "token")), body = admin_text(json, "body");
    struct bytes credential = admin_text(json, "credential");

    facts->body =
        body_facts_from_head(facts->header, facts->header_count, body.n == 0, true, body.n);
    decide(world, token, credential, facts, &e->decision, &e->details);
    if (e->decision.verdict != DECISION_NEED_BODY)
        return;
    e->need = e->details.body_need;
    for (size_t i = 0; i < e->need.count; i++) // they pointed into the details
        e->need.pointer[i].p = e->need.text + (e->need.pointer[i].p - e->details.body_need.text);
    const struct body_question question = {e->need.pointer, e->need.count, e->need.sha256};
    facts->body =
        body_facts_read(body, facts->header, facts->header_count, &question, e->value, &e->storage);
    chain_release(&e->details.chain);
    decide(world, token, credential, facts, &e->decision, &e->details);
}

static enum kh_err
explain_with(struct authority *authority, const json_t *json, json_t *result, struct explaining *e,
             struct fault *fault)
{
    struct serve_world context = {
        .authority = authority, .any_slot = true, .counting = COUNTING_LOOK};
    const struct decision_world world = serve_world_of(&context);
    struct facts *facts = &e->request.facts;
    enum kh_err err = read_request(authority, json, &e->request, fault);

    if (err)
        return err;
    context.scheme = facts->scheme;
    context.host = facts->host;
    context.port = facts->port;
    judge(&world, json, facts, e);
    complete_facts(authority, &e->decision, facts, e->group);
    const struct explain explain = {
        .token = e->details.chain ? e->details.chain->token : NULL,
        .decision = &e->decision,
        .details = &e->details,
        .policy = authority->policy,
        .policy_version = authority->policy_version,
        .facts = facts,
    };
    err = put_explanation(result, &explain, fault);
    chain_release(&e->details.chain);
    return err;
}

static enum kh_err
admin_explain(void *context, const json_t *json, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct explaining *e = calloc(1, sizeof *e);

    if (e == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    buffer_init(&e->storage, BODY_VALUES_TEXT_MAX);
    enum kh_err err = explain_with(authority, json, result, e, fault);
    buffer_free(&e->storage);
    request_text_free(&e->request);
    free(e);
    return err;
}

const struct admin_command admin_explain_commands[] = {
    {"explain",
     admin_explain,
     {{"token", ADMIN_TEXT, true},
      {"request", ADMIN_TEXT, true},
      {"credential", ADMIN_TEXT, false},
      {"headers", ADMIN_TEXTS, false},
      {"body", ADMIN_TEXT, false},
      {"client", ADMIN_TEXT, false},
      {"time", ADMIN_TEXT, false}}},
    {0},
};
