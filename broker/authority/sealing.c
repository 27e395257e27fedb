/* SPDX-License-Identifier: Apache-2.0
 *
 * Which running requests may bring a token, and what is done with it.
 */
#include "sealing.h"

#include "../log.h"
#include "credential_answer.h"
#include "rotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DETAIL_MAX = 256 };

struct sealing {
    LIST_ENTRY(sealing) in_bucket;
    TAILQ_ENTRY(sealing) in_list;
    uint8_t request_id[REQUEST_ID_SIZE];
    const struct authority_proxy *proxy;
    int64_t credential_id; // a name may come back
};

// ---- which ----

static struct sealing *
find(const struct sealings *sealings, const uint8_t request_id[REQUEST_ID_SIZE])
{
    struct sealing *sealing;

    LIST_FOREACH(sealing, &sealings->bucket[request_id[0]], in_bucket)
    {
        if (memcmp(sealing->request_id, request_id, REQUEST_ID_SIZE) == 0)
            return sealing;
    }
    return NULL;
}

static void
drop(struct sealings *sealings, struct sealing *sealing)
{
    if (sealing == NULL)
        return;
    LIST_REMOVE(sealing, in_bucket);
    TAILQ_REMOVE(&sealings->list, sealing, in_list);
    sealings->count--;
    free(sealing);
}

void
sealing_expect(struct authority *authority, const struct authority_proxy *proxy,
               const uint8_t request_id[REQUEST_ID_SIZE], struct bytes name)
{
    struct sealings *sealings = &authority->sealings;
    const struct credential *credential = credentials_find(&authority->credentials, name);

    if (credential == NULL || credential->route.token_answers != TOKEN_ANSWERS_SEAL)
        return;
    if (sealings->count == 0)
        TAILQ_INIT(&sealings->list);
    if (sealings->count == SEALINGS_MAX)
        drop(sealings, TAILQ_FIRST(&sealings->list));
    struct sealing *sealing = calloc(1, sizeof *sealing);
    if (sealing == NULL)
        return; // its token will be refused
    memcpy(sealing->request_id, request_id, REQUEST_ID_SIZE);
    sealing->proxy = proxy;
    sealing->credential_id = credential->row.id;
    LIST_INSERT_HEAD(&sealings->bucket[request_id[0]], sealing, in_bucket);
    TAILQ_INSERT_TAIL(&sealings->list, sealing, in_list);
    sealings->count++;
}

void
sealing_forget(struct authority *authority, const uint8_t request_id[REQUEST_ID_SIZE])
{
    if (authority->sealings.count > 0)
        drop(&authority->sealings, find(&authority->sealings, request_id));
}

void
sealing_forget_proxy(struct authority *authority, const struct authority_proxy *proxy)
{
    struct sealings *sealings = &authority->sealings;
    struct sealing *sealing = sealings->count > 0 ? TAILQ_FIRST(&sealings->list) : NULL, *next;

    for (; sealing; sealing = next) {
        next = TAILQ_NEXT(sealing, in_list);
        if (proxy == NULL || sealing->proxy == proxy)
            drop(sealings, sealing);
    }
}

void
sealing_forget_all(struct authority *authority)
{
    sealing_forget_proxy(authority, NULL);
}

// ---- into what ----

enum kh_err
sealing_check(const struct credentials *credentials, const struct credential *credential,
              struct fault *fault)
{
    struct bytes name = credential_seals_for(credential);
    struct credential *target = NULL;
    enum kh_err err = KH_OK;

    if (name.n == 0)
        return KH_OK;
    if (bytes_equal(name, credential->row.name))
        err = credential_check_sealable(credential, fault);
    else if (!(err = credentials_get(credentials, name, &target, fault)))
        err = credential_check_sealable(target, fault);
    if (err)
        fault_prefix(fault, "options: token-answers: ");
    return err;
}

// The credential of the request as it is now, and the one that its option names.
static enum kh_err
choose(const struct authority *authority, int64_t id, struct credential **source,
       struct credential **target, struct fault *fault)
{
    const struct credentials *all = &authority->credentials;

    *source = NULL;
    for (size_t i = 0; i < all->count; i++) {
        if (all->item[i]->row.id == id)
            *source = all->item[i];
    }
    if (*source == NULL || !(*source)->row.enabled)
        return fault_set(fault, KH_ERR_DENIED, "the credential is gone, or disabled");
    struct bytes name = credential_seals_for(*source);
    if (name.n == 0)
        return fault_set(fault, KH_ERR_DENIED, "the credential keeps no tokens");
    enum kh_err err = credentials_get(all, name, target, fault);
    if (err)
        return err;
    if (!(*target)->row.enabled)
        return fault_set(fault, KH_ERR_DENIED, "credential %.*s is disabled", BYTES_ARG(name));
    return credential_check_sealable(*target, fault);
}

static enum kh_err
check_token(struct bytes token, struct fault *fault)
{
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] <= 0x20 || token.p[i] > 0x7e)
            return fault_set(fault, KH_ERR_SYNTAX, "it is not one word of printable ASCII");
    }
    return KH_OK;
}

static enum kh_err
keep(struct authority *authority, int64_t id, const struct message_seal_token *message,
     struct fault *fault)
{
    struct credential *source = NULL, *target = NULL;
    char detail[DETAIL_MAX];
    enum kh_err err = choose(authority, id, &source, &target, fault);

    if (!err)
        err = check_token(message->token, fault);
    if (err || bytes_equal_secret(secret_bytes(target->secret), message->token))
        return err;
    snprintf(detail, sizeof detail, "the access token in an answer to a request of credential %.*s",
             BYTES_ARG(source->row.name));
    const struct audit_record record = {
        .kind = AUDIT_ADMIN,
        .request_id = message->request_id,
        .command = BYTES("credential.rotate"),
        .credential = target->row.name,
        .subject = target->row.name,
        .detail = bytes_str(detail),
    };
    err = rotation_apply(authority, target, message->token, 0, &record, fault);
    if (!err)
        log_info("token-sealed", "credential %.*s has another secret: %s",
                 BYTES_ARG(target->row.name), detail);
    return err;
}

void
sealing_serve(struct authority *authority, const struct authority_proxy *proxy,
              const struct message_seal_token *message, struct message_token_sealed *out,
              struct fault *fault)
{
    struct sealing *sealing =
        authority->sealings.count > 0 ? find(&authority->sealings, message->request_id) : NULL;
    enum kh_err err;

    if (sealing == NULL || sealing->proxy != proxy) {
        err = fault_set(fault, KH_ERR_DENIED, "no such request was allowed");
    } else {
        int64_t id = sealing->credential_id;
        drop(&authority->sealings, sealing);
        err = keep(authority, id, message, fault);
    }
    if (err)
        log_warning("token-answer", "an access token in an answer was not kept: %s", fault->detail);
    *out = (struct message_token_sealed){
        .sealed = !err,
        .detail = err ? bytes_str(fault->detail) : BYTES_EMPTY,
    };
}
