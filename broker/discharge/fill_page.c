/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of people, by the page; and whoever asked, who polls for them.
 */
#include "fill.h"

#include "../metrics.h"
#include "pages.h"

#include <stdio.h>
#include <string.h>

// How it ended is told to whoever comes late.
static enum failure
find_open(struct exchange *x, struct question **out)
{
    struct question *q = question_table_find(&x->service->questions, QUESTION_ID_PAGE, x->id);
    if (q == NULL || q->purpose != CHALLENGE_DISCHARGE || q->way != QUESTION_BROWSER)
        return FAILURE_NOT_FOUND;
    if (q->failure == FAILURE_NONE)
        return service_fail(x, FAILURE_CHALLENGE_UNKNOWN, "the question has been answered");
    if (!question_is_open(q))
        return q->failure;
    *out = q;
    return FAILURE_NONE;
}

enum failure
fill_page_challenge(struct exchange *x)
{
    static const char *const members[] = {NULL};
    struct fault fault = {.err = KH_OK};
    uint8_t challenge[CHALLENGE_SIZE];
    struct question *q = NULL;
    json_t *body = NULL, *offer = NULL;
    enum failure failure = service_read(x, members, &body);
    json_decref(body);
    if (failure == FAILURE_NONE)
        failure = find_open(x, &q);
    if (failure != FAILURE_NONE)
        return failure;
    if (fill_offer(x->service, q, &offer, &fault) != KH_OK)
        return service_fail_internal(x, &fault);
    json_t *allowed = service_json_descriptors(offer);
    json_decref(offer);
    if (!question_step(q, QUESTION_EVENT_CHALLENGE) || !question_digest(q, challenge)) {
        json_decref(allowed);
        return FAILURE_INTERNAL;
    }
    // WebAuthn Level 3, PublicKeyCredentialRequestOptionsJSON.
    return service_write(
        x, 200,
        json_pack("{s:{s:o, s:I, s:s, s:o, s:s, s:[s]}}", "publicKey", "challenge",
                  service_json_base64(bytes_of(challenge, sizeof challenge)), "timeout",
                  (json_int_t)(q->expires_at - x->request->now) * 1000, "rpId", x->service->rp_id,
                  "allowCredentials", allowed, "userVerification",
                  q->demand.verification ? "required" : "discouraged", "hints", "security-key"));
}

static enum failure
judge_answer(struct exchange *x, struct question *q, const uint8_t challenge[CHALLENGE_SIZE])
{
    struct webauthn_assertion_json assertion;
    enum failure failure = webauthn_assertion_read(x->request->body, &assertion, &x->detail);
    if (failure != FAILURE_NONE)
        return failure;
    failure = fill_judge_assertion(x, q, challenge, &assertion);
    webauthn_assertion_free(&assertion);
    return failure;
}

enum failure
fill_page_answer(struct exchange *x)
{
    uint8_t challenge[CHALLENGE_SIZE];
    struct question *q = NULL;
    if (!bytes_is(x->request->content_type, "application/json"))
        return service_fail(x, FAILURE_REQUEST_INVALID, "the body must be application/json");
    enum failure failure = find_open(x, &q);
    if (failure != FAILURE_NONE)
        return failure;
    if (!question_digest(q, challenge) || !question_step(q, QUESTION_EVENT_TAKE))
        return FAILURE_CHALLENGE_UNKNOWN;
    failure = judge_answer(x, q, challenge);
    enum question_event event =
        failure == FAILURE_NONE ? QUESTION_EVENT_ACCEPT : QUESTION_EVENT_REFUSE;
    if (!question_step(q, event))
        return FAILURE_INTERNAL;
    if (failure == FAILURE_NONE)
        return service_write(x, 200, json_object());
    fill_refused(x, q->ticket.principal, failure);
    return failure;
}

enum failure
fill_page_decline(struct exchange *x)
{
    struct fault fault = {.err = KH_OK};
    uint8_t hash[TICKET_HASH_SIZE];
    struct question *q = NULL;
    enum failure failure = find_open(x, &q);
    if (failure == FAILURE_NONE && q != NULL) {
        if (!ticket_hash(buffer_bytes(&q->sealed), hash))
            return FAILURE_INTERNAL;
        if (discharge_decline(x->service->store, hash, q->ticket.expires_at, &fault) != KH_OK)
            return service_fail_internal(x, &fault);
        question_table_decline(&x->service->questions, buffer_bytes(&q->sealed));
        x->service->counts.declines++;
        metrics_add(METRIC_HOLES_REFUSED, 1);
        service_log(x, "declined: code %s", q->code);
    } else if (failure != FAILURE_DECLINED && failure != FAILURE_EXPIRED &&
               failure != FAILURE_CHALLENGE_UNKNOWN) {
        return failure;
    }
    // The page says how it stands.
    BUFFER_AUTO url;
    buffer_init(&url, sizeof x->response->location - 1);
    buffer_put_str(&url, x->service->self.url);
    buffer_put_str(&url, "/approve/");
    question_id_print(x->id, &url);
    snprintf(x->response->location, sizeof x->response->location, "%s", buffer_text(&url));
    x->response->status = 303;
    x->response->content_type = "text/plain; charset=utf-8";
    return FAILURE_NONE;
}

enum failure
fill_poll(struct exchange *x)
{
    struct question *q = question_table_find(&x->service->questions, QUESTION_ID_POLL, x->id);
    if (q == NULL || q->way != QUESTION_BROWSER || q->state == QUESTION_ENDED)
        return FAILURE_NOT_FOUND;
    if (question_is_open(q))
        return service_write(x, 202, json_object());
    enum failure failure = FAILURE_NONE;
    if (q->failure == FAILURE_NONE)
        failure = service_write(
            x, 200,
            json_pack("{s:o}", "discharge", service_json_base64(buffer_bytes(&q->discharge))));
    else
        service_write_failure(x->response, 200, q->failure, "");
    if (failure != FAILURE_NONE)
        return failure;
    return question_step(q, QUESTION_EVENT_COLLECT) ? FAILURE_NONE : FAILURE_INTERNAL;
}
