/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's own tests: a request, who asks, and what is expected. */

#include "policy.h"

#include "body_facts.h"
#include "body_need.h"

#include "request_text.h"

static bool
rule_is(const struct policy_verdict *verdict, struct bytes because)
{
    if (because.n == 0)
        return true;
    if (verdict->allowed == JUDGEMENT_FAILS && bytes_is(because, kh_reason_code(verdict->reason)))
        return true;
    if (verdict->forbid)
        return bytes_equal(verdict->forbid->name, because);
    return verdict->grant && bytes_equal(verdict->grant->name, because);
}

static void
print_outcome(const struct policy_verdict *verdict, const struct facts *facts, struct buffer *got)
{
    if (verdict->allowed == JUDGEMENT_HOLDS) {
        buffer_put_str(got, "allow");
        if (verdict->grant)
            buffer_printf(got, ", by grant %.*s", BYTES_ARG(verdict->grant->name));
        return;
    }
    buffer_printf(got, "deny, %s: ", kh_reason_code(verdict->reason));
    policy_verdict_print(verdict, facts, got);
}

/* What is known of a test's body. */
struct body {
    struct body_need need;
    struct fact_body_value value[BODY_POINTERS_MAX];
    struct buffer storage;
};

static void
add_need(void *context, const struct caveat *caveat)
{
    // A policy looks at fewer places than there may be (policy_read).
    (void)body_need_add(context, caveat);
}

static struct facts_body
read_body(const struct policy *policy, const struct policy_test *test, const struct facts *facts,
          struct body *body)
{
    const struct policy_request request = {.facts = facts};
    policy_each_caveat(policy, &request, add_need, &body->need);
    if (test->body.n == 0)
        return body_facts_from_head(facts->header, facts->header_count, true, true, 0);
    const struct body_question question = {body->need.pointer, body->need.count, body->need.sha256};
    return body_facts_read(test->body, facts->header, facts->header_count, &question, body->value,
                           &body->storage);
}

bool
policy_test_run(const struct policy *policy, const struct policy_test *test, struct buffer *got)
{
    struct request_text request;
    struct bytes group[POLICY_GROUPS_MAX];
    struct fault fault = {0};
    struct policy_verdict verdict;
    bool fine = false;
    struct body body = {.need = {.count = 0}};
    buffer_init(&body.storage, BODY_VALUES_TEXT_MAX);
    enum kh_err err = request_text_read(test->request, REQUEST_TEXT_LENIENT, &request, &fault);
    for (size_t i = 0; !err && i < test->header_count; i++)
        err = request_text_header(&request, test->header[i], &fault);
    if (err) {
        buffer_put_str(got, fault.detail);
    } else {
        struct facts *facts = &request.facts;
        facts->user = test->user;
        facts->credential = test->credential;
        facts->client = test->client;
        facts->time = test->time;
        facts->group = group;
        facts->group_count = policy_groups_of(policy, test->user, group);
        facts->body = read_body(policy, test, facts, &body);
        const struct policy_request asked = {.facts = facts,
                                             .lifetime_s = test->lifetime_s,
                                             .hole = test->hole,
                                             .hole_count = test->hole_count};
        policy_judge(policy, &asked, &verdict);
        fine =
            (verdict.allowed == JUDGEMENT_HOLDS) == test->allow && rule_is(&verdict, test->because);
        print_outcome(&verdict, facts, got);
    }
    buffer_free(&body.storage);
    request_text_free(&request);
    return fine;
}

enum kh_err
policy_tests_run(const struct policy *policy, const char *path, size_t *passed, struct fault *fault)
{
    enum kh_err err = KH_OK;
    *passed = 0;
    for (size_t i = 0; i < policy->test_count; i++) {
        const struct policy_test *test = &policy->test[i];
        BUFFER_AUTO got;
        buffer_init(&got, 4096);
        if (policy_test_run(policy, test, &got)) {
            ++*passed;
        } else if (!err) {
            err = fault_set(fault, KH_ERR_CONFIG, "%s:%zu: test %zu: expected %.*s, got %s", path,
                            test->line, i + 1, BYTES_ARG(test->expect), buffer_text(&got));
        }
    }
    return err;
}
