/* SPDX-License-Identifier: Apache-2.0
 *
 * One exchange of a credential: composed here, carried by a proxy, its answer kept or its failure
 * remembered, and then everybody who waits looks again.
 */
#include "exchange.h"

#include "../log.h"
#include "access.h"
#include "carry.h"
#include "exchange_rules.h"
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct exchange {
    LIST_ENTRY(exchange) entry; // of authority->exchanges
    struct authority *authority;
    char name[CREDENTIAL_NAME_MAX + 1];
    int64_t id;       // of the credential: a name may come back
    uint64_t version; // of its secret
    uint64_t settings;
    struct carry *carry;
    LIST_HEAD(, exchange_waiter) waiters;
};

bool
exchange_is_needed(const struct credential *credential)
{
    struct bytes exchange = credential_option(credential, "exchange");

    return credential->route.inject_kind == INJECT_OAUTH2 ||
           (credential->route.inject_kind == INJECT_JWT && exchange.n > 0 &&
            !bytes_is(exchange, "none"));
}

static void
fail(struct exchange *exchange, struct access *access, enum kh_reason reason, const char *detail)
{
    int64_t now = clock_now_s(&exchange->authority->clock);

    if (exchange->settings != access->settings) // the next question is another one
        return;
    access_fail(access, reason, detail, now);
    log_warning("access-token", "credential %s: %s; the next try is in %lld s at the earliest",
                exchange->name, access->detail, (long long)(access->retry_at - now));
}

// ---- a refresh token that the endpoint changed ----

// It is on the disk before anything is made of it: the one before is worth nothing any more.
static enum kh_err
store_secret(struct authority *authority, struct credential *credential, struct bytes text,
             struct fault *fault)
{
    struct secret *secret = NULL;
    int64_t now = clock_now_s(&authority->clock);
    struct audit_record record = {
        .kind = AUDIT_ADMIN,
        .command = BYTES("credential.rotate"),
        .credential = credential->row.name,
        .subject = credential->row.name,
        .detail = BYTES("the token endpoint gave another refresh token"),
    };
    enum kh_err err = change_begin(authority, fault);

    if (err)
        return err;
    err = credentials_write_secret(authority->store, authority->seal, credential, text, now,
                                   &secret, fault);
    if (err)
        change_abort(authority);
    else
        err = change_commit(authority, &record, fault);
    if (err) {
        secret_free(&secret);
        return err;
    }
    credentials_take_refreshed(credential, secret, now);
    if (store_erase_removed(authority->store, fault))
        log_warning("erase", "%s", fault->detail);
    return KH_OK;
}

// What the database did not take before is tried again first.
static enum kh_err
store_unsaved(struct authority *authority, struct credential *credential, struct fault *fault)
{
    struct access *access = credential->access;

    if (access->unsaved == NULL)
        return KH_OK;
    enum kh_err err = store_secret(authority, credential, secret_bytes(access->unsaved), fault);
    if (!err)
        secret_free(&access->unsaved);
    return err;
}

static enum kh_err
keep_refresh_token(struct authority *authority, struct credential *credential,
                   struct bytes refresh_token, struct fault *fault)
{
    struct bytes current = secret_bytes(credential->secret);
    BUFFER_AUTO text;

    buffer_init_secret(&text, CREDENTIAL_SECRET_MAX);
    if (refresh_token.n == 0 || credential->route.inject_kind != INJECT_OAUTH2 ||
        bytes_is(credential_option(credential, "grant"), "client"))
        return KH_OK;
    enum kh_err err = exchange_new_secret(current, refresh_token, &text, fault);
    if (err || bytes_equal(buffer_bytes(&text), current))
        return err;
    err = credential_check_secret(credential, buffer_bytes(&text), fault);
    if (err)
        return err;
    secret_free(&credential->access->unsaved);
    err = secret_new(buffer_bytes(&text), &credential->access->unsaved, fault);
    return err ? err : store_unsaved(authority, credential, fault);
}

// ---- the answer ----

static void
take_answer(struct exchange *exchange, struct credential *credential,
            const struct message_carried *carried)
{
    struct authority *authority = exchange->authority;
    struct access *access = credential->access;
    struct fault fault = {0};
    struct exchange_answer answer;
    int64_t now = clock_now_s(&authority->clock);
    enum kh_err err = exchange_answer_read(carried->status, carried->body, now, &answer, &fault);
    bool stored = true;

    if (!err) {
        err = keep_refresh_token(authority, credential, answer.refresh_token, &fault);
        stored = !err;
    }
    // Of one that was disabled or changed meanwhile the refresh token alone is kept.
    if (!err && credential->row.enabled && exchange->settings == access->settings)
        err = access_take(access, answer.token, answer.lifetime_s, now,
                          clock_steady_ms(&authority->clock), &fault);
    exchange_answer_free(&answer);
    if (!stored) {
        log_error("refresh-token", "credential %s: %s", exchange->name, fault.detail);
        (void)fault_set(&fault, err, "the endpoint's new refresh token could not be stored");
    }
    if (err)
        fail(exchange, access, KH_REASON_ACCESS_TOKEN, fault.detail);
}

// Whom the proxy did not reach is said as of any upstream, but that it is the token endpoint.
static void
take_failure(struct exchange *exchange, struct credential *credential,
             const struct message_carried *carried)
{
    bool late = carried->reason == KH_REASON_UPSTREAM_TIMEOUT;
    char detail[ACCESS_DETAIL_MAX];

    snprintf(detail, sizeof detail, "the token endpoint: %s%s%.*s", kh_reason_code(carried->reason),
             carried->detail.n > 0 ? ": " : "",
             (int)(carried->detail.n < 150 ? carried->detail.n : 150),
             (const char *)carried->detail.p);
    fail(exchange, credential->access, late ? KH_REASON_UPSTREAM_TIMEOUT : KH_REASON_ACCESS_TOKEN,
         detail);
}

static void
finish(struct exchange *exchange)
{
    struct authority *authority = exchange->authority;
    struct exchange_waiter *waiter;

    // Out of the list first: whoever looks again may begin another one.
    LIST_REMOVE(exchange, entry);
    while ((waiter = LIST_FIRST(&exchange->waiters))) {
        exchange_leave(waiter);
        waiter->ready(waiter);
    }
    free(exchange);
    serve_settle_all(authority);
}

static void
on_carried(void *context, const struct message_carried *carried)
{
    struct exchange *exchange = context;
    struct credential *credential =
        credentials_find(&exchange->authority->credentials, bytes_str(exchange->name));

    exchange->carry = NULL;
    if (credential && credential->row.id == exchange->id &&
        credential->access->secret_version == exchange->version) {
        if (carried->answered)
            take_answer(exchange, credential, carried);
        else
            take_failure(exchange, credential, carried);
    }
    finish(exchange);
}

// ---- the question ----

static enum kh_err
ask(struct exchange *exchange, struct credential *credential, struct fault *fault)
{
    struct authority *authority = exchange->authority;
    struct exchange_request request;
    enum kh_err err = exchange_request_init(&request, credential);
    struct bytes secret;

    if (!err)
        err = store_unsaved(authority, credential, fault);
    secret = secret_bytes(credential->secret);
    if (!err && credential->route.inject_kind == INJECT_JWT)
        err = exchange_compose_jwt(credential, secret, clock_now_s(&authority->clock), &request,
                                   fault);
    else if (!err)
        err = exchange_compose_oauth2(credential, secret, &request, fault);
    if (!err)
        err = carry_start(authority, &request.carry, on_carried, exchange, &exchange->carry, fault);
    exchange_request_free(&request);
    return err;
}

static struct exchange *
find(const struct authority *authority, const struct credential *credential)
{
    struct exchange *exchange;

    LIST_FOREACH(exchange, &authority->exchanges, entry)
    {
        if (exchange->id == credential->row.id &&
            exchange->version == credential->access->secret_version)
            return exchange;
    }
    return NULL;
}

static struct exchange *
begin(struct authority *authority, struct credential *credential)
{
    struct exchange *exchange = find(authority, credential);
    struct fault fault = {0};

    if (exchange)
        return exchange;
    exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    exchange->authority = authority;
    exchange->id = credential->row.id;
    exchange->version = credential->access->secret_version;
    exchange->settings = credential->access->settings;
    snprintf(exchange->name, sizeof exchange->name, "%.*s", BYTES_ARG(credential->row.name));
    if (ask(exchange, credential, &fault)) {
        fail(exchange, credential->access, KH_REASON_ACCESS_TOKEN, fault.detail);
        free(exchange);
        return NULL;
    }
    LIST_INSERT_HEAD(&authority->exchanges, exchange, entry);
    return exchange;
}

bool
exchange_begin(struct authority *authority, struct credential *credential)
{
    return begin(authority, credential) != NULL;
}

bool
exchange_wait(struct authority *authority, struct credential *credential,
              struct exchange_waiter *waiter)
{
    struct exchange *exchange = begin(authority, credential);

    if (exchange == NULL)
        return false;
    LIST_INSERT_HEAD(&exchange->waiters, waiter, entry);
    waiter->waits = true;
    return true;
}

void
exchange_leave(struct exchange_waiter *waiter)
{
    if (waiter->waits)
        LIST_REMOVE(waiter, entry);
    waiter->waits = false;
}

void
exchange_close_all(struct authority *authority)
{
    struct exchange *exchange;

    while ((exchange = LIST_FIRST(&authority->exchanges))) {
        struct exchange_waiter *waiter;
        while ((waiter = LIST_FIRST(&exchange->waiters)))
            exchange_leave(waiter);
        LIST_REMOVE(exchange, entry);
        carry_cancel(&exchange->carry);
        free(exchange);
    }
}
