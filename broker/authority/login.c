/* SPDX-License-Identifier: Apache-2.0
 *
 * What a login token demands, how long it lives, and that nothing tells whether it is of use.
 */
#include "login.h"

#include "../../caveats/duration.h"
#include "../log.h"
#include "../metrics.h"
#include "credential.h"
#include "mint.h"
#include "mint_hole.h"

#include <sodium.h>
#include <string.h>
#include <sys/random.h>

#define STANDARD_FACTORS    "factor in yubikey, fido2, ssh"
#define STANDARD_LIFETIME_S (INT64_C(8) * 3600)

struct login {
    struct authority *authority;
    const struct message_login_ask *ask;
    struct mint_holes holes;
    int64_t lifetime_s;
};

// ---- what was asked ----

static bool
is_well_formed(const struct message_login_ask *ask)
{
    if (!mint_user_check(ask->user))
        return false;
    for (size_t i = 0; i < ask->credential_count; i++) {
        if (!credential_name_check(ask->credential[i]))
            return false;
        for (size_t j = 0; j < i; j++) {
            if (bytes_equal(ask->credential[i], ask->credential[j]))
                return false;
        }
    }
    return ask->credential_count > 0;
}

// ---- whoever no grant covers ----

// How early the grant comes in an order that is the user's own. By the same order one of the grants
// that name a credential is taken for each: one grant for all that it names, as it is for somebody
// whom it covers, and else nothing that the credentials have in common. The key is kept from one
// start to the next, as the audit log's is: an answer that changed would tell.
static uint64_t
rank(const struct authority *authority, struct bytes user, const struct policy_grant *grant)
{
    static const char purpose[] = "keyhole login 2";
    uint8_t key[crypto_auth_hmacsha256_BYTES], tag[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    struct bytes secret = secret_bytes(authority->audit_key);
    const uint8_t user_n = (uint8_t)user.n;
    uint64_t number;

    crypto_auth_hmacsha256_init(&state, secret.p, secret.n);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)purpose, sizeof purpose);
    crypto_auth_hmacsha256_final(&state, key);
    crypto_auth_hmacsha256_init(&state, key, sizeof key);
    crypto_auth_hmacsha256_update(&state, &user_n, sizeof user_n);
    crypto_auth_hmacsha256_update(&state, user.p, user.n);
    crypto_auth_hmacsha256_update(&state, grant->name.p, grant->name.n);
    crypto_auth_hmacsha256_final(&state, tag);
    memcpy(&number, tag, sizeof number);
    wipe(&state, sizeof state);
    wipe(key, sizeof key);
    return number;
}

static bool
grant_names(const struct policy_grant *grant, struct bytes credential)
{
    for (size_t i = 0; i < grant->credential_count; i++) {
        if (bytes_equal(grant->credential[i], credential))
            return true;
    }
    return false;
}

static const struct policy_grant *
pick(const struct login *login, struct bytes credential)
{
    const struct policy *policy = login->authority->policy;
    const struct policy_grant *first = NULL;
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < policy->grant_count; i++) {
        const struct policy_grant *grant = &policy->grant[i];
        if (!grant_names(grant, credential))
            continue;
        uint64_t its = rank(login->authority, login->ask->user, grant);
        if (first && its >= least)
            continue;
        first = grant;
        least = its;
    }
    return first;
}

// As for somebody whom that grant alone covers.
static void
as_if_covered(const struct login *login, struct bytes credential, struct policy_mint *out)
{
    const struct policy_grant *grant = pick(login, credential);

    memset(out, 0, sizeof *out);
    if (grant == NULL)
        return;
    if (grant->mode != POLICY_ENFORCE)
        return;
    out->limit = grant->lifetime_s ? grant : NULL;
    out->lifetime_max_s = grant->lifetime_s;
    for (size_t i = 0; i < grant->hole_count && i < POLICY_HOLES_MAX; i++)
        out->hole[out->hole_count++] = &grant->hole[i];
}

// ---- what is demanded ----

static enum kh_err
demand_for(struct login *login, struct bytes credential, struct fault *fault)
{
    struct policy_mint demanded;
    struct bytes user = login->ask->user;

    if (policy_mint_login(login->authority->policy, user, &credential, 1, &demanded, NULL))
        as_if_covered(login, credential, &demanded);
    if (demanded.lifetime_max_s > 0 && demanded.lifetime_max_s < login->lifetime_s)
        login->lifetime_s = demanded.lifetime_max_s;
    return mint_holes_demand(&login->holes, &demanded, user, fault);
}

static bool
is_for_user_alone(const char *hole, struct bytes user)
{
    struct hole_demand demand;

    if (hole_demand_read(bytes_str(hole), &demand, NULL))
        return false;
    bool alone = demand.user_count == 1 && bytes_equal(demand.user[0], user);
    hole_demand_free(&demand);
    return alone;
}

// One that nobody but the user fills there is always: else it would not be a login.
static enum kh_err
demand_login(struct login *login, struct fault *fault)
{
    struct bytes user = login->ask->user;

    for (size_t i = 0; i < login->holes.count; i++) {
        if (is_for_user_alone(login->holes.text[i], user))
            return KH_OK;
    }
    BUFFER_AUTO text, whole;
    buffer_init(&text, HOLE_TEXT_MAX);
    buffer_init(&whole, HOLE_TEXT_MAX);
    buffer_put_str(&text, STANDARD_FACTORS " for ");
    duration_print(
        login->lifetime_s < STANDARD_LIFETIME_S ? login->lifetime_s : STANDARD_LIFETIME_S, &text);
    hole_print_for_user(buffer_bytes(&text), false, user, &whole);
    return mint_holes_add(&login->holes, buffer_bytes(&whole), fault);
}

static enum kh_err
demand_all(struct login *login, struct fault *fault)
{
    const struct message_login_ask *ask = login->ask;
    enum kh_err err = KH_OK;

    login->lifetime_s = ask->lifetime_s > 0 ? ask->lifetime_s : LOGIN_LIFETIME_DEFAULT_S;
    if (login->lifetime_s > LOGIN_LIFETIME_MAX_S)
        login->lifetime_s = LOGIN_LIFETIME_MAX_S;
    for (size_t i = 0; !err && i < ask->credential_count; i++)
        err = demand_for(login, ask->credential[i], fault);
    return err ? err : demand_login(login, fault);
}

// ---- the token ----

static enum kh_err
identify(const struct login *login, const struct root_key *key, struct token_identity *out,
         struct fault *fault)
{
    const struct authority *authority = login->authority;
    const struct message_login_ask *ask = login->ask;

    *out = (struct token_identity){
        .key_id = key->id, .principal = ask->user, .credential_count = ask->credential_count};
    out->issued_at = revocations_issue_time(&authority->revocations, ask->user, ask->credential,
                                            ask->credential_count, clock_now_s(&authority->clock));
    out->expires_at = out->issued_at + login->lifetime_s;
    memcpy(out->credential, ask->credential, ask->credential_count * sizeof(struct bytes));
    if (getrandom(out->token_id, TOKEN_ID_SIZE, 0) != TOKEN_ID_SIZE)
        return fault_set(fault, KH_ERR_CRYPTO, "the kernel gives no random numbers");
    return KH_OK;
}

static enum kh_err
record(struct authority *authority, const struct login *login,
       const struct token_identity *identity, const uint8_t lineage[LINEAGE_ID_SIZE],
       struct fault *fault)
{
    BUFFER_AUTO names;
    struct bytes hole[MINT_HOLES_MAX];
    struct audit_record line = {
        .kind = AUDIT_LOGIN,
        .user = identity->principal,
        .token_id = identity->token_id,
        .lineage = lineage,
        .has_lifetime = true,
        .lifetime_s = identity->expires_at - identity->issued_at,
        .client = login->ask->client,
        .way = WAY_OWN,
    };

    buffer_init(&names, 1024);
    for (size_t i = 0; i < identity->credential_count; i++)
        buffer_printf(&names, "%s%.*s", i ? " " : "", BYTES_ARG(identity->credential[i]));
    line.subject = buffer_bytes(&names);
    for (size_t i = 0; i < login->holes.count; i++)
        hole[i] = bytes_str(login->holes.text[i]);
    line.hole = hole;
    line.hole_count = login->holes.count;
    audit_append(authority->audit, &line);
    return authority_flush_audit(authority, fault);
}

static enum kh_err
make(struct login *login, const struct discharger *discharger, struct message_login_done *out,
     struct buffer *token, struct fault *fault)
{
    struct authority *authority = login->authority;
    const struct root_key *key = root_keys_active(&authority->keys);
    struct token_identity identity;
    uint8_t lineage[LINEAGE_ID_SIZE];

    if (key == NULL)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no root key in use");
    enum kh_err err = demand_all(login, fault);
    if (!err)
        err = identify(login, key, &identity, fault);
    const struct mint_text text = {
        .identity = &identity,
        .key = secret_bytes(key->secret).p,
        .holes = &login->holes,
        .discharger = discharger,
    };
    if (!err)
        err = mint_make_text(authority, &text, token, lineage, fault);
    if (!err)
        err = record(authority, login, &identity, lineage, fault);
    if (err)
        return err;
    metrics_add(METRIC_TOKENS_MINTED, 1);
    if (identity.issued_at > authority->last_issued_at)
        authority->last_issued_at = identity.issued_at;
    out->token = buffer_bytes(token);
    out->expires_at = identity.expires_at;
    out->minted = true;
    return KH_OK;
}

void
login_serve(struct authority *authority, const struct message_login_ask *ask,
            struct message_login_done *out, struct buffer *token)
{
    const struct config *config = &authority->config;
    const struct discharger *discharger;
    struct login login = {.authority = authority, .ask = ask};
    struct fault fault = {0};

    memset(out, 0, sizeof *out);
    // Before anything is looked at: what is asked wrongly is asked as well.
    if (!login_rate_take(&authority->login_rate, ask->client, config->login_per_client,
                         config->login_total, clock_steady_ms(&authority->clock),
                         &out->retry_after_s)) {
        out->reason = KH_REASON_LOGIN_TOO_OFTEN;
        return;
    }
    if (!is_well_formed(ask)) {
        out->reason = KH_REASON_LOGIN_MALFORMED;
        return;
    }
    if (mint_find_discharger(authority, BYTES_EMPTY, &discharger, NULL)) {
        out->reason = KH_REASON_NO_DISCHARGER;
        return;
    }
    enum kh_err err = make(&login, discharger, out, token, &fault);
    if (err == KH_ERR_TOO_LONG) // too many credentials, each with holes of its own
        out->reason = KH_REASON_LOGIN_MALFORMED;
    else if (err)
        out->reason = KH_REASON_BROKER_UNAVAILABLE;
    if (err)
        log_error("login", "%s", fault.detail);
}
