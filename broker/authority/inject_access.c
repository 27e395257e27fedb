/* SPDX-License-Identifier: Apache-2.0
 *
 * "oauth2" and "jwt": a bearer token that is got with the secret, or made with it. The secret
 * itself goes to the token endpoint alone, or nowhere.
 */
#include "inject_internal.h"

#include "access.h"
#include "exchange_rules.h"
#include "jwt.h"

#include <string.h>

// ---- the token on the request ----

// Git over HTTPS takes it as a password alone (GitHub Apps).
static bool
wants_basic(const struct inject_work *work)
{
    const struct preset *preset = work->credential->preset;
    return preset && preset->basic_user[0] && work->context->request->slot.kind == SLOT_BASIC;
}

static void
put_token(struct inject_work *work, struct bytes token)
{
    size_t place = inject_place(work);

    if (wants_basic(work)) {
        BUFFER_AUTO pair;
        buffer_init_secret(&pair, CREDENTIAL_SECRET_MAX + 256);
        buffer_put_str(&pair, work->credential->preset->basic_user);
        buffer_put_byte(&pair, ':');
        buffer_put(&pair, token);
        inject_put_basic(work, buffer_bytes(&pair));
    } else {
        inject_put(work, BYTES("Bearer "));
        inject_put(work, token);
        inject_edit(work, EDIT_HEADER_SET, BYTES("authorization"), inject_since(work, place));
    }
    inject_scrub_text(work, token);
}

static enum injection_result
put_access(struct inject_work *work)
{
    const struct credential *credential = work->credential;
    const struct access *access = credential->access;
    int64_t now = work->context->now;

    switch (access_look(access, now)) {
    case ACCESS_READY:
        if (access_is_due(access, now))
            work->out->due = credential;
        put_token(work, secret_bytes(access->token));
        return INJECTION_READY;
    case ACCESS_FAILED:
        work->out->reason = access->failure;
        (void)inject_refuse(work, "%s", access->detail);
        return INJECTION_UNAVAILABLE;
    case ACCESS_NONE:
        break;
    }
    work->out->waits = credential;
    return INJECTION_WAITING;
}

static void
slot(struct bytes text, struct buffer *out)
{
    (void)text;
    buffer_put_str(out, "bearer");
}

// A URL without TLS is for tests, and then all of the credential is.
static enum kh_err
check_url(const struct credential *credential, struct fault *fault)
{
    struct bytes url = credential_option(credential, "token-url");

    if (bytes_starts(url, BYTES("http://")) && !credential->route.plain)
        return fault_set(fault, KH_ERR_USAGE,
                         "options: token-url: HTTP without TLS is for a plain credential alone");
    return KH_OK;
}

static enum kh_err
demand(const struct credential *credential, const char *name, struct fault *fault)
{
    return credential_option(credential, name).n > 0
               ? KH_OK
               : fault_set(fault, KH_ERR_USAGE, "options: %s is missing", name);
}

// ---- oauth2 ----

static enum kh_err
parse_oauth2(struct credential *credential, struct bytes text, struct fault *fault)
{
    (void)text;
    return inject_keep(credential, INJECT_OAUTH2, BYTES("authorization"), BYTES("oauth2"), fault);
}

static enum kh_err
check_oauth2(const struct credential *credential, struct fault *fault)
{
    enum kh_err err = demand(credential, "token-url", fault);
    return err ? err : check_url(credential, fault);
}

static enum kh_err
check_oauth2_secret(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    struct oauth2_secret parts;
    enum kh_err err = oauth2_secret_read(credential, secret, &parts, fault);

    oauth2_secret_free(&parts);
    return err;
}

// What the token endpoint knows, which may be the same service.
static void
scrub_previous_oauth2(struct inject_work *work, struct bytes previous)
{
    struct oauth2_secret parts;
    struct fault fault = {0};

    if (oauth2_secret_read(work->credential, previous, &parts, &fault) == KH_OK) {
        inject_scrub_text(work, parts.client_secret);
        inject_scrub_text(work, parts.refresh_token);
    }
    oauth2_secret_free(&parts);
}

const struct inject_rules inject_oauth2_rules = {
    .kind = INJECT_OAUTH2,
    .word = "oauth2",
    .form = "oauth2",
    .secret_max = CREDENTIAL_SECRET_MAX,
    .secret_lines = true,
    .parse = parse_oauth2,
    .slot = slot,
    .check = check_oauth2,
    .check_secret = check_oauth2_secret,
    .make = put_access,
    .scrub_previous = scrub_previous_oauth2,
};

// ---- jwt ----

static enum kh_err
parse_jwt(struct credential *credential, struct bytes text, struct fault *fault)
{
    (void)text;
    return inject_keep(credential, INJECT_JWT, BYTES("authorization"), BYTES("jwt"), fault);
}

static enum kh_err
check_jwt(const struct credential *credential, struct fault *fault)
{
    struct bytes exchange = credential_option(credential, "exchange");
    enum kh_err err = check_url(credential, fault);

    if (!err && bytes_is(exchange, "github"))
        err = demand(credential, "issuer", fault);
    if (!err && bytes_is(exchange, "github"))
        err = demand(credential, "installation", fault);
    if (!err && bytes_is(exchange, "rfc7523"))
        err = demand(credential, "token-url", fault);
    return err;
}

// Signing once shows all that can be wrong with a key.
static enum kh_err
check_jwt_secret(const struct credential *credential, struct bytes secret, struct fault *fault)
{
    BUFFER_AUTO assertion;

    buffer_init_secret(&assertion, JWT_TEXT_MAX);
    return jwt_assertion(credential, secret, 0, &assertion, fault);
}

// An assertion that is sent as it is serves as long as an access token would.
static enum injection_result
make_jwt(struct inject_work *work)
{
    const struct credential *credential = work->credential;
    struct bytes exchange = credential_option(credential, "exchange");
    int64_t now = work->context->now;
    struct fault fault = {0};

    if (exchange.n > 0 && !bytes_is(exchange, "none"))
        return put_access(work);
    BUFFER_AUTO assertion;
    buffer_init_secret(&assertion, JWT_TEXT_MAX);
    bool fresh = access_look(credential->access, now) == ACCESS_READY &&
                 !access_is_due(credential->access, now);
    if (!fresh && (jwt_assertion(credential, work->secret, now, &assertion, &fault) ||
                   access_take(credential->access, buffer_bytes(&assertion),
                               jwt_lifetime(credential), now, 0, &fault)))
        return INJECTION_FAILED;
    put_token(work, secret_bytes(credential->access->token));
    return INJECTION_READY;
}

const struct inject_rules inject_jwt_rules = {
    .kind = INJECT_JWT,
    .word = "jwt",
    .form = "jwt",
    .secret_max = CREDENTIAL_SECRET_MAX,
    .secret_lines = true,
    .parse = parse_jwt,
    .slot = slot,
    .check = check_jwt,
    .check_secret = check_jwt_secret,
    .make = make_jwt,
};
