/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ways to revoke end in revoke_now: recorded, on the disk, in memory, and then every proxy is
 * told to judge again what runs.
 */
#include "revoke_token.h"

#include "../log.h"
#include "../metrics.h"
#include "mint.h"
#include "serve_internal.h"

#include <stdio.h>
#include <string.h>

static enum kh_err
revoke_now(struct authority *authority, struct revocation *revocation,
           const struct audit_record *record, struct fault *fault)
{
    char subject[32 + REVOKE_SUBJECT_MAX]; // without memory: what is revoked is on record
    enum kh_err err = change_begin(authority, fault);
    if (err)
        return err;
    err = revocations_write(&authority->revocations, authority->store, revocation, fault);
    if (err) {
        change_abort(authority);
        return err;
    }
    struct audit_record whole = *record;
    whole.kind = AUDIT_REVOKE;
    snprintf(subject, sizeof subject, "%s%s%s", revocation_kind_name(revocation->kind),
             revocation->subject[0] ? " " : "", revocation->subject);
    whole.subject = bytes_str(subject);
    if ((err = change_commit(authority, &whole, fault)))
        return err;
    revocations_adopt(&authority->revocations, revocation);
    metrics_add(METRIC_REVOCATIONS, 1);
    publish_rejudge(authority);
    return KH_OK;
}

static enum kh_err
set_id(struct revocation *revocation, enum revocation_kind kind, const uint8_t *id,
       struct fault *fault)
{
    revocation->kind = kind;
    if (!bytes_to_hex(bytes_of(id, REVOKE_KEY_SIZE), revocation->subject,
                      sizeof revocation->subject))
        return fault_set(fault, KH_ERR_INTERNAL, "an id does not fit");
    return KH_OK;
}

// ---- tokens ----

struct presented {
    struct token *token;
    struct token_identity identity;
    struct token_verified verified;
};

// What failed here is no fault of the token: its holder must not take it for dead.
static enum kh_reason
reason_of(enum kh_err err, enum kh_reason otherwise)
{
    bool ours = err == KH_ERR_MEMORY || err == KH_ERR_CRYPTO || err == KH_ERR_INTERNAL;
    return ours ? KH_REASON_BROKER_UNAVAILABLE : otherwise;
}

static enum kh_err
present(const struct authority *authority, struct bytes text, struct presented *out,
        enum kh_reason *reason, struct fault *fault)
{
    enum kh_err err = token_scan(text, &out->token, fault);

    if (!err)
        err = token_identity_read(out->token, &out->identity, fault);
    *reason = reason_of(err, KH_REASON_TOKEN_MALFORMED);
    if (err)
        return err;
    *reason = KH_REASON_SIGNATURE_INVALID;
    const struct secret *key = root_keys_find(&authority->keys, out->identity.key_id);
    if (key == NULL)
        return fault_set(fault, KH_ERR_SIGNATURE,
                         "the key that it was made with is not known here, or retired");
    err = token_verify_root(out->token, secret_bytes(key).p, &out->verified, fault);
    *reason = reason_of(err, KH_REASON_SIGNATURE_INVALID);
    if (err)
        return err;
    *reason = KH_REASON_EXPIRED;
    if (out->identity.expires_at <= clock_now_s(&authority->clock))
        return fault_set(fault, KH_ERR_RANGE, "the token has expired");
    *reason = KH_REASON_UNSET;
    return KH_OK;
}

static const uint8_t *
lineage_of(const struct presented *presented)
{
    return presented->verified.lineage[presented->verified.lineage_count - 1];
}

static enum kh_err
revoke_presented(struct authority *authority, const struct presented *presented, bool lineage,
                 struct bytes client, struct revocation *done, struct fault *fault)
{
    struct revocation revocation = {
        .has_token_id = lineage,
        .at = clock_now_s(&authority->clock),
        .expires_at = presented->identity.expires_at,
    };
    struct audit_record record = {
        .user = presented->identity.principal,
        .token_id = presented->identity.token_id,
        .lineage = lineage ? lineage_of(presented) : NULL,
        .client = client,
    };

    memcpy(revocation.token_id, presented->identity.token_id, sizeof revocation.token_id);
    enum kh_err err = set_id(&revocation, lineage ? REVOCATION_LINEAGE : REVOCATION_TOKEN,
                             lineage ? lineage_of(presented) : presented->identity.token_id, fault);
    if (!err)
        err = revoke_now(authority, &revocation, &record, fault);
    if (!err)
        *done = revocation;
    return err;
}

static void
record_refusal(struct authority *authority, const struct message_revoke_ask *ask,
               const struct fault *fault, struct message_revoke_done *out)
{
    struct audit_record record = {
        .kind = AUDIT_DECISION,
        .request_id = serve_draw_id(out->request_id) ? out->request_id : NULL,
        .reason = out->reason,
        .detail = bytes_str(fault->detail),
        .client = ask->client,
        .way = WAY_OWN,
    };
    audit_append(authority->audit, &record);
}

void
revoke_by_holder(struct authority *authority, const struct message_revoke_ask *ask,
                 struct message_revoke_done *out)
{
    static struct presented presented;
    struct revocation done;
    struct fault fault = {0};

    memset(out, 0, sizeof *out);
    memset(&presented, 0, sizeof presented);
    if (ask->token.n == 0) {
        out->reason = KH_REASON_TOKEN_MISSING;
        record_refusal(authority, ask, &fault, out);
        return;
    }
    enum kh_err err = present(authority, ask->token, &presented, &out->reason, &fault);
    if (!err) {
        memcpy(out->lineage, lineage_of(&presented), sizeof out->lineage);
        // Twice is as good as once, and costs neither disk nor room.
        bool already = revocations_reach(&authority->revocations, &presented.identity,
                                         &presented.verified, BYTES_EMPTY);
        if (!already)
            err = revoke_presented(authority, &presented, true, ask->client, &done, &fault);
        out->reason = err ? KH_REASON_BROKER_UNAVAILABLE : KH_REASON_UNSET;
        if (err)
            log_error("revoke", "%s", fault.detail);
    }
    if (err)
        record_refusal(authority, ask, &fault, out);
    out->revoked = !err;
    token_free(&presented.token);
}

// ---- the operator ----

static enum kh_err
revoke_token(struct authority *authority, const struct revoke_request *request,
             struct revocation *done, struct fault *fault)
{
    static struct presented presented;
    enum kh_reason reason;

    memset(&presented, 0, sizeof presented);
    enum kh_err err = present(authority, request->token, &presented, &reason, fault);
    if (!err)
        err = revoke_presented(authority, &presented, request->this_lineage, BYTES_EMPTY, done,
                               fault);
    token_free(&presented.token);
    return err;
}

static enum kh_err
revoke_subject(struct authority *authority, enum revocation_kind kind, struct bytes subject,
               struct revocation *done, struct fault *fault)
{
    int64_t now = clock_now_s(&authority->clock);
    // A token may be issued a moment ahead of the clock (revocations_issue_time).
    int64_t at = now > authority->last_issued_at ? now : authority->last_issued_at;
    struct revocation revocation = {.kind = kind, .at = at, .expires_at = at + MINT_LIFETIME_MAX_S};
    struct audit_record record = {0};
    uint8_t id[REVOKE_KEY_SIZE];

    if (kind == REVOCATION_USER)
        record.user = subject;
    if (kind == REVOCATION_CREDENTIAL)
        record.credential = subject;
    if (subject.n > REVOKE_SUBJECT_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the name is longer than %d", REVOKE_SUBJECT_MAX);
    memcpy(revocation.subject, subject.p, subject.n);
    if (kind == REVOCATION_TOKEN || kind == REVOCATION_LINEAGE) {
        if (!bytes_from_hex(subject, id, sizeof id))
            return fault_set(fault, KH_ERR_SYNTAX, "an id is %d hexadecimal digits",
                             2 * REVOKE_KEY_SIZE);
        enum kh_err err = set_id(&revocation, kind, id, fault);
        if (err)
            return err;
    }
    // A token that is not on the list may still be one of ours: revoked for as long as any lives.
    if (kind == REVOCATION_TOKEN) {
        enum kh_err err = store_token_expiry(authority->store, bytes_of(id, sizeof id),
                                             &revocation.expires_at, fault);
        if (err && err != KH_ERR_NOT_FOUND)
            return err;
    }
    enum kh_err err = revoke_now(authority, &revocation, &record, fault);
    if (!err)
        *done = revocation;
    return err;
}

static enum kh_err
revoke_minted_before(struct authority *authority, struct bytes text, struct revocation *done,
                     struct fault *fault)
{
    int64_t now = clock_now_s(&authority->clock);
    struct revocation revocation = {.kind = REVOCATION_MINTED_BEFORE};
    struct audit_record record = {.detail = text};

    if (!clock_parse(text, &revocation.at))
        return fault_set(fault, KH_ERR_SYNTAX, "minted_before: a time is 2026-12-01T00:00:00Z");
    // It would end tokens that were not minted yet.
    if (revocation.at > now + 1)
        return fault_set(fault, KH_ERR_RANGE, "minted_before: that is in the future");
    revocation.expires_at = revocation.at + MINT_LIFETIME_MAX_S;
    enum kh_err err = revoke_now(authority, &revocation, &record, fault);
    if (!err)
        *done = revocation;
    return err;
}

enum kh_err
revoke_by_operator(struct authority *authority, const struct revoke_request *request,
                   struct revocation *done, struct fault *fault)
{
    struct credential *credential;

    memset(done, 0, sizeof *done);
    if (request->token.n > 0)
        return revoke_token(authority, request, done, fault);
    if (request->id.n > 0)
        return revoke_subject(authority, REVOCATION_TOKEN, request->id, done, fault);
    if (request->lineage.n > 0)
        return revoke_subject(authority, REVOCATION_LINEAGE, request->lineage, done, fault);
    if (request->user.n > 0) {
        if (!mint_user_check(request->user))
            return fault_set(fault, KH_ERR_SYNTAX, "user: that is no user's name");
        return revoke_subject(authority, REVOCATION_USER, request->user, done, fault);
    }
    if (request->credential.n > 0) {
        enum kh_err err =
            credentials_get(&authority->credentials, request->credential, &credential, fault);
        return err ? err
                   : revoke_subject(authority, REVOCATION_CREDENTIAL, request->credential, done,
                                    fault);
    }
    return revoke_minted_before(authority, request->minted_before, done, fault);
}
