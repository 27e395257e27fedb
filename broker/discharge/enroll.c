/* SPDX-License-Identifier: Apache-2.0
 *
 * Enrolment begins: an invitation code, a name, and the question that goes out.
 */
#include "enroll.h"

#include "../../caveats/quoted.h"
#include "../../caveats/timestamp.h"

#include <stdio.h>
#include <string.h>

static const struct kind_row {
    const char *name;
    enum question_way way;
} kinds[] = {
    {"fido2", QUESTION_FIDO2},
    {"ssh", QUESTION_SSH},
    {"browser", QUESTION_BROWSER},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

// ---- the code ----

static enum failure
check_code(struct exchange *x, const json_t *body, struct question *q)
{
    struct service *service = x->service;
    struct fault fault = {.err = KH_OK};
    int64_t now = x->request->now;
    uint32_t wait = guesses_wait(&service->guesses, &q->client, now);
    if (wait > 0) {
        x->response->retry_after_s = wait;
        return service_fail(x, FAILURE_TOO_MANY, "too many codes were wrong");
    }
    enum kh_err err = KH_ERR_NOT_FOUND;
    if (invitation_hash(service_text(body, "code"), q->invitation))
        err = discharge_invitation_find(service->store, q->invitation, now, &q->user, &fault);
    if (err == KH_ERR_NOT_FOUND) {
        guesses_count(&service->guesses, &q->client, now);
        return FAILURE_CODE_INVALID;
    }
    return err ? service_fail_internal(x, &fault) : FAILURE_NONE;
}

// ---- the name, and what the user has already ----

struct present {
    struct bytes name; /* that is asked for */
    bool taken;
    size_t count;
    json_t *credentials; /* of FIDO2 authenticators */
};

static enum kh_err
look_at(void *context, const struct discharge_authenticator *row, struct fault *fault)
{
    struct present *present = context;
    present->count++;
    present->taken |= bytes_equal(row->name, present->name);
    if (row->kind == AUTHENTICATOR_FIDO2 && present->credentials &&
        json_array_append_new(present->credentials, service_json_base64(row->credential_id)) != 0)
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return KH_OK;
}

static enum kh_err
look(const struct service *service, const struct question *q, struct present *present,
     struct fault *fault)
{
    present->taken = false;
    present->count = 0;
    return discharge_authenticator_each(service->store, buffer_bytes(&q->user), look_at, present,
                                        fault);
}

// "key 1", or the first number that is free.
static enum failure
choose_name(struct exchange *x, struct question *q)
{
    for (unsigned i = 1; i <= DISCHARGE_AUTHENTICATORS_MAX; i++) {
        struct fault fault = {.err = KH_OK};
        char name[16];
        snprintf(name, sizeof name, "key %u", i);
        struct present present = {.name = bytes_str(name)};
        if (look(x->service, q, &present, &fault) != KH_OK)
            return service_fail_internal(x, &fault);
        if (!present.taken) {
            buffer_put_str(&q->name, name);
            return FAILURE_NONE;
        }
    }
    return FAILURE_TOO_MANY_AUTHENTICATORS;
}

static enum failure
check_name(struct exchange *x, const json_t *body, struct question *q)
{
    struct fault fault = {.err = KH_OK};
    struct bytes name = bytes_trim(service_text(body, "name"));
    struct present present = {.name = name};
    if (name.n > DISCHARGE_NAME_MAX || !quoted_text_is_clean(name))
        return service_fail(x, FAILURE_REQUEST_INVALID,
                            "name is at most %d bytes of text without control characters",
                            DISCHARGE_NAME_MAX);
    if (look(x->service, q, &present, &fault) != KH_OK)
        return service_fail_internal(x, &fault);
    if (present.count >= DISCHARGE_AUTHENTICATORS_MAX)
        return FAILURE_TOO_MANY_AUTHENTICATORS;
    if (name.n == 0)
        return choose_name(x, q);
    if (present.taken)
        return FAILURE_NAME_TAKEN;
    buffer_put(&q->name, name);
    return FAILURE_NONE;
}

// ---- the question ----

static enum kh_err
print_text(struct exchange *x, struct question *q, struct fault *fault)
{
    char expires[TIMESTAMP_SIZE];
    timestamp_print(q->expires_at, expires);
    const struct challenge_line line[] = {
        {CHALLENGE_DISCHARGER, bytes_str(x->service->self.url)},
        {CHALLENGE_USER, buffer_bytes(&q->user)},
        {CHALLENGE_ASKED_BY, x->request->client},
        {CHALLENGE_AUTHENTICATOR, buffer_bytes(&q->name)},
        {CHALLENGE_EXPIRES, bytes_str(expires)},
    };
    return challenge_text_print(line, sizeof line / sizeof line[0], &q->text, fault);
}

static json_t *
print_answer_url(const struct service *service, const struct question *q)
{
    return service_json_url(service, "/.well-known/keyhole/enroll/", q->answer);
}

static json_t *
print_user_id(const struct service *service, const struct question *q)
{
    uint8_t id[DECOY_USER_ID_SIZE];
    if (!decoy_user_id(&service->decoys, buffer_bytes(&q->user), id))
        return NULL;
    return service_json_base64(bytes_of(id, sizeof id));
}

static const char *
rp_name(const struct service *service)
{
    return service->self.name[0] ? service->self.name : "Keyhole";
}

static json_t *
print_fido2(const struct service *service, const struct question *q, json_t *exclude)
{
    return json_pack("{s:{s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:[i,i,i], s:o, s:b, s:b, s:o, s:o}}",
                     "fido2", "text", service_json_text(buffer_bytes(&q->text)), "nonce",
                     service_json_base64(bytes_of(q->nonce, sizeof q->nonce)), "rp_id",
                     service->rp_id, "rp_name", rp_name(service), "origin", service->self.url,
                     "user_id", print_user_id(service, q), "user_name",
                     service_json_text(buffer_bytes(&q->user)), "algorithms", -7, -8, -257,
                     "exclude", exclude, "attestation", 1, "verification", 0, "answer_url",
                     print_answer_url(service, q), "expires_at", service_json_time(q->expires_at));
}

static json_t *
print_ssh(const struct service *service, const struct question *q)
{
    return json_pack("{s:{s:o, s:o, s:s, s:o, s:o}}", "ssh", "text",
                     service_json_text(buffer_bytes(&q->text)), "nonce",
                     service_json_base64(bytes_of(q->nonce, sizeof q->nonce)), "namespace",
                     challenge_ssh_namespace(q->purpose), "answer_url",
                     print_answer_url(service, q), "expires_at", service_json_time(q->expires_at));
}

// WebAuthn Level 3, PublicKeyCredentialCreationOptionsJSON.
static json_t *
print_browser(const struct service *service, const struct question *q, const json_t *exclude,
              int64_t now)
{
    uint8_t challenge[CHALLENGE_SIZE];
    if (!question_digest(q, challenge))
        return NULL;
    json_t *options = json_pack(
        "{s:{s:s, s:s}, s:{s:o, s:o, s:o}, s:o, s:[{s:s, s:i}, {s:s, s:i}, {s:s, s:i}], s:I, s:o,"
        " s:{s:s, s:s}, s:s, s:[s]}",
        "rp", "id", service->rp_id, "name", rp_name(service), "user", "id",
        print_user_id(service, q), "name", service_json_text(buffer_bytes(&q->user)), "displayName",
        service_json_text(buffer_bytes(&q->user)), "challenge",
        service_json_base64(bytes_of(challenge, sizeof challenge)), "pubKeyCredParams", "type",
        "public-key", "alg", -7, "type", "public-key", "alg", -8, "type", "public-key", "alg", -257,
        "timeout", (json_int_t)(q->expires_at - now) * 1000, "excludeCredentials",
        service_json_descriptors(exclude), "authenticatorSelection", "residentKey", "discouraged",
        "userVerification", "preferred", "attestation", "direct", "hints", "security-key");
    return json_pack("{s:{s:o, s:o, s:o}}", "browser", "publicKey", options, "answer_url",
                     print_answer_url(service, q), "expires_at", service_json_time(q->expires_at));
}

static enum failure
write_question(struct exchange *x, const struct question *q)
{
    struct fault fault = {.err = KH_OK};
    struct present present = {.credentials = json_array()};
    if (q->way == QUESTION_SSH) {
        json_decref(present.credentials);
        return service_write(x, 201, print_ssh(x->service, q));
    }
    if (present.credentials == NULL || look(x->service, q, &present, &fault) != KH_OK) {
        json_decref(present.credentials);
        return service_fail_internal(x, &fault);
    }
    json_t *answer = q->way == QUESTION_FIDO2
                         ? print_fido2(x->service, q, json_incref(present.credentials))
                         : print_browser(x->service, q, present.credentials, x->request->now);
    json_decref(present.credentials);
    return service_write(x, 201, answer);
}

static enum failure
prepare(struct exchange *x, const json_t *body, struct question *q)
{
    struct fault fault = {.err = KH_OK};
    q->client = question_client_of(x->request->client);
    q->expires_at = x->request->now + SERVICE_QUESTION_LIFETIME_S;
    enum failure failure = check_code(x, body, q);
    if (failure == FAILURE_NONE)
        failure = check_name(x, body, q);
    if (failure != FAILURE_NONE)
        return failure;
    if (print_text(x, q, &fault) != KH_OK)
        return service_fail_internal(x, &fault);
    if (!question_step(q, QUESTION_EVENT_CHALLENGE))
        return FAILURE_INTERNAL;
    failure = question_table_admit(&x->service->questions, &q->client, x->request->now);
    if (failure == FAILURE_TOO_MANY)
        x->response->retry_after_s = SERVICE_QUESTION_LIFETIME_S;
    return failure;
}

static enum failure
read_kind(struct exchange *x, const json_t *body, enum question_way *out)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (!bytes_is(service_text(body, "kind"), kinds[i].name))
            continue;
        *out = kinds[i].way;
        return FAILURE_NONE;
    }
    return service_fail(x, FAILURE_REQUEST_INVALID, "kind is fido2, ssh or browser");
}

enum failure
enroll_post(struct exchange *x)
{
    static const char *const members[] = {"code", "name", "kind", NULL};
    struct fault fault = {.err = KH_OK};
    enum question_way way = QUESTION_WAY_UNSET;
    struct question *q = NULL;
    json_t *body = NULL;
    enum failure failure = service_read(x, members, &body);
    if (failure == FAILURE_NONE)
        failure = read_kind(x, body, &way);
    if (failure == FAILURE_NONE) {
        q = question_new(CHALLENGE_ENROLL, way);
        failure = q ? prepare(x, body, q) : FAILURE_INTERNAL;
    }
    if (failure == FAILURE_NONE)
        failure = write_question(x, q);
    if (failure == FAILURE_NONE && question_table_add(&x->service->questions, q, &fault) != KH_OK)
        failure = service_fail_internal(x, &fault);
    if (failure != FAILURE_NONE)
        question_free(&q);
    json_decref(body);
    return failure;
}
