/* SPDX-License-Identifier: Apache-2.0
 *
 * A ticket comes in, a question goes out.
 */
#include "fill.h"

#include "../../caveats/text.h"
#include "pages.h"

#include <string.h>

static const struct way_row {
    const char *name; /* of "prefer" */
    enum question_way way;
} ways[] = {
    {"", QUESTION_BROWSER},
    {"browser", QUESTION_BROWSER},
    {"fido2", QUESTION_FIDO2},
    {"ssh", QUESTION_SSH},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static bool
is_way_suitable(const struct hole_demand *demand, enum question_way way)
{
    return way == QUESTION_SSH ? demand->ssh || demand->ssh_sk : demand->fido2 || demand->yubikey;
}

static enum failure
read_way(struct exchange *x, const json_t *body, enum question_way *out)
{
    const json_t *prefer = json_object_get(body, "prefer");
    if (prefer && !json_is_string(prefer))
        return service_fail(x, FAILURE_REQUEST_INVALID, "prefer must be a text");
    for (size_t i = 0; i < WAYS; i++) {
        if (!bytes_is(service_text(body, "prefer"), ways[i].name))
            continue;
        *out = ways[i].way;
        return FAILURE_NONE;
    }
    return service_fail(x, FAILURE_REQUEST_INVALID, "prefer is fido2, ssh or browser");
}

static enum failure
read_parent(struct exchange *x, const json_t *body, struct buffer *out)
{
    uint8_t id[LINEAGE_ID_SIZE];
    char text[2 * LINEAGE_ID_SIZE + 1];
    const json_t *parent = json_object_get(body, "parent");
    if (parent == NULL)
        return FAILURE_NONE;
    if (!bytes_from_hex(service_text(body, "parent"), id, sizeof id) ||
        !bytes_to_hex(bytes_of(id, sizeof id), text, sizeof text))
        return service_fail(x, FAILURE_REQUEST_INVALID,
                            "parent must be a lineage id: 32 hexadecimal digits");
    buffer_put_str(out, text);
    return FAILURE_NONE;
}

static enum failure
read_ticket(struct exchange *x, const json_t *body, struct question *question)
{
    struct service *service = x->service;
    struct fault fault = {.err = KH_OK};
    enum failure failure = service_binary(x, body, "ticket", true, &question->sealed);
    if (failure != FAILURE_NONE)
        return failure;
    switch (ticket_open(buffer_bytes(&question->sealed), service->self.public_key,
                        service->secret_key, &question->ticket, &fault)) {
    case KH_OK:
        break;
    case KH_ERR_UNKNOWN:
    case KH_ERR_CRYPTO:
        return FAILURE_TICKET_FOREIGN;
    case KH_ERR_MEMORY:
        return service_fail_internal(x, &fault);
    default:
        return service_fail(x, FAILURE_TICKET_MALFORMED, "%s", fault.detail);
    }
    if (hole_demand_read(question->ticket.condition, &question->demand, &fault) != KH_OK)
        return service_fail(x, FAILURE_TICKET_MALFORMED, "%s", fault.detail);
    return FAILURE_NONE;
}

enum failure
fill_check_ticket(struct exchange *x, const struct question *question)
{
    struct fault fault = {.err = KH_OK};
    uint8_t hash[TICKET_HASH_SIZE];
    bool declined = true;
    if (question->ticket.expires_at <= x->request->now)
        return FAILURE_TICKET_EXPIRED;
    if (!ticket_hash(buffer_bytes(&question->sealed), hash))
        return FAILURE_INTERNAL;
    if (discharge_is_declined(x->service->store, hash, &declined, &fault) != KH_OK)
        return service_fail_internal(x, &fault);
    return declined ? FAILURE_DECLINED : FAILURE_NONE;
}

static enum failure
check_way(struct exchange *x, const struct question *question)
{
    if (!is_way_suitable(&question->demand, question->way)) {
        BUFFER_AUTO factors;
        buffer_init(&factors, 128);
        words_put_factors(&factors, &question->demand);
        if (factors.n == 0)
            return service_fail(x, FAILURE_WAY_UNSUITABLE, "no factor at all can fill this hole");
        return service_fail(x, FAILURE_WAY_UNSUITABLE, "factors that fill it: %s",
                            buffer_text(&factors));
    }
    return FAILURE_NONE;
}

static json_t *
print_fido2(const struct service *service, const struct question *q, json_t *offer)
{
    return json_pack("{s:{s:o, s:o, s:s, s:s, s:o, s:b, s:o, s:s, s:o}}", "fido2", "text",
                     service_json_text(buffer_bytes(&q->text)), "nonce",
                     service_json_base64(bytes_of(q->nonce, sizeof q->nonce)), "rp_id",
                     service->rp_id, "origin", service->self.url, "credentials", offer,
                     "verification", q->demand.verification, "answer_url",
                     service_json_url(service, "/.well-known/macfly/3p/fido2/", q->answer), "code",
                     q->code, "expires_at", service_json_time(q->expires_at));
}

static json_t *
print_ssh(const struct service *service, const struct question *q, json_t *offer)
{
    return json_pack("{s:{s:o, s:o, s:s, s:o, s:o, s:s, s:o}}", "ssh", "text",
                     service_json_text(buffer_bytes(&q->text)), "nonce",
                     service_json_base64(bytes_of(q->nonce, sizeof q->nonce)), "namespace",
                     challenge_ssh_namespace(q->purpose), "fingerprints", offer, "answer_url",
                     service_json_url(service, "/.well-known/macfly/3p/ssh/", q->answer), "code",
                     q->code, "expires_at", service_json_time(q->expires_at));
}

static json_t *
print_browser(const struct service *service, const struct question *q)
{
    return json_pack("{s:{s:o, s:o, s:s, s:o}}", "user_interactive", "user_url",
                     service_json_url(service, "/approve/", q->page), "poll_url",
                     service_json_url(service, "/poll/", q->poll), "code", q->code, "expires_at",
                     service_json_time(q->expires_at));
}

static enum failure
write_question(struct exchange *x, const struct question *q)
{
    struct fault fault = {.err = KH_OK};
    json_t *offer = NULL;
    if (q->way == QUESTION_BROWSER)
        return service_write(x, 201, print_browser(x->service, q));
    if (fill_offer(x->service, q, &offer, &fault) != KH_OK)
        return service_fail_internal(x, &fault);
    return service_write(x, 201,
                         q->way == QUESTION_SSH ? print_ssh(x->service, q, offer)
                                                : print_fido2(x->service, q, offer));
}

// Everything about the question but its place in the table.
static enum failure
prepare(struct exchange *x, const json_t *body, struct question *question)
{
    int64_t now = x->request->now;
    struct fault fault = {.err = KH_OK};
    enum failure failure = read_ticket(x, body, question);
    if (failure == FAILURE_NONE)
        failure = read_parent(x, body, &question->parent);
    if (failure == FAILURE_NONE)
        failure = fill_check_ticket(x, question);
    if (failure == FAILURE_NONE)
        failure = check_way(x, question);
    if (failure != FAILURE_NONE)
        return failure;
    question->client = question_client_of(x->request->client);
    question->expires_at = now + SERVICE_QUESTION_LIFETIME_S;
    if (question->expires_at > question->ticket.expires_at)
        question->expires_at = question->ticket.expires_at;
    if (fill_text(x->service, x->request->client, question, &fault) != KH_OK)
        return service_fail_internal(x, &fault);
    // Whoever answers at once has the nonce at once; a page asks for its own.
    if (question->way != QUESTION_BROWSER && !question_step(question, QUESTION_EVENT_CHALLENGE))
        return FAILURE_INTERNAL;
    failure = question_table_admit(&x->service->questions, &question->client, now);
    if (failure == FAILURE_TOO_MANY)
        x->response->retry_after_s = SERVICE_QUESTION_LIFETIME_S;
    return failure;
}

static void
log_question(struct exchange *x, const struct question *q)
{
    BUFFER_AUTO user;
    buffer_init(&user, 512);
    text_put_safe(&user, q->ticket.principal);
    service_log(x, "asked: user %s, code %s", buffer_text(&user), q->code);
}

enum failure
fill_post(struct exchange *x)
{
    json_t *body = NULL;
    struct fault fault = {.err = KH_OK};
    enum question_way way = QUESTION_WAY_UNSET;
    enum failure failure = service_read(x, NULL, &body);
    if (failure == FAILURE_NONE)
        failure = read_way(x, body, &way);
    struct question *question = NULL;
    if (failure == FAILURE_NONE) {
        question = question_new(CHALLENGE_DISCHARGE, way);
        failure = question ? prepare(x, body, question) : FAILURE_INTERNAL;
    }
    if (failure == FAILURE_NONE)
        failure = write_question(x, question);
    if (failure == FAILURE_NONE &&
        question_table_add(&x->service->questions, question, &fault) != KH_OK)
        failure = service_fail_internal(x, &fault);
    if (failure == FAILURE_NONE)
        log_question(x, question);
    else
        question_free(&question);
    json_decref(body);
    return failure;
}
