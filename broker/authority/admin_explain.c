/* SPDX-License-Identifier: Apache-2.0
 *
 * explain: the decision that a request would get, in full. Nothing is spent, recorded or sent.
 */
#include "admin_request.h"

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
};

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
    decide(&world, bytes_trim(admin_text(json, "token")), admin_text(json, "credential"), facts,
           &e->decision, &e->details);
    complete_facts(authority, &e->decision, facts, e->group);
    const struct explain explain = {
        .token = e->details.token,
        .decision = &e->decision,
        .details = &e->details,
        .policy = authority->policy,
        .policy_version = authority->policy_version,
        .facts = facts,
    };
    err = put_explanation(result, &explain, fault);
    token_free(&e->details.token);
    return err;
}

static enum kh_err
admin_explain(struct authority *authority, const json_t *json, json_t *result, struct fault *fault)
{
    struct explaining *e = calloc(1, sizeof *e);

    if (e == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    enum kh_err err = explain_with(authority, json, result, e, fault);
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
      {"client", ADMIN_TEXT, false},
      {"time", ADMIN_TEXT, false}}},
    {0},
};
