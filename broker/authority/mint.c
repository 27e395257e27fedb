/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of what is to be minted, and the order in which it becomes real.
 */
#include "mint.h"

#include "../../caveats/caveat.h"
#include "../../caveats/decide.h"
#include "../../caveats/duration.h"
#include "../metrics.h"

#include <string.h>
#include <sys/random.h>

bool
mint_user_check(struct bytes user)
{
    if (user.n == 0 || user.n > MINT_USER_MAX)
        return false;
    for (size_t i = 0; i < user.n; i++) {
        uint8_t c = user.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || strchr("._@+-", c) == NULL))
            return false;
    }
    return true;
}

bool
mint_prefix_check(struct bytes prefix)
{
    if (prefix.n > TOKEN_PREFIX_MAX || bytes_find(prefix, BYTES(TOKEN_MARK)) < prefix.n)
        return false;
    for (size_t i = 0; i < prefix.n; i++) {
        uint8_t c = prefix.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || strchr("_-.:", c) == NULL))
            return false;
    }
    return true;
}

static enum kh_err
check_credentials(const struct authority *authority, const struct mint_request *request,
                  struct fault *fault)
{
    struct credential *credential;

    if (request->credential_count == 0)
        return fault_set(fault, KH_ERR_USAGE, "credentials: a token is for at least one");
    if (request->credential_count > TOKEN_CREDENTIALS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "credentials: a token is for at most %d",
                         TOKEN_CREDENTIALS_MAX);
    for (size_t i = 0; i < request->credential_count; i++) {
        if (bytes_is(request->credential[i], PASS_THROUGH_NAME))
            return fault_set(
                fault, KH_ERR_USAGE,
                "credentials: " PASS_THROUGH_NAME
                " is none, and any token reaches hosts that are passed through; to "
                "have one for these alone add the caveat \"credential = " PASS_THROUGH_NAME "\"");
        enum kh_err err =
            credentials_get(&authority->credentials, request->credential[i], &credential, fault);
        if (err)
            return err;
        for (size_t j = 0; j < i; j++) {
            if (bytes_equal(request->credential[i], request->credential[j]))
                return fault_set(fault, KH_ERR_EXISTS, "credentials: %.*s is given twice",
                                 BYTES_ARG(request->credential[i]));
        }
    }
    return KH_OK;
}

// The caveat is named by its number and, where it can be printed, by its text.
static void
name_caveat(struct bytes text, size_t index, struct fault *fault)
{
    bool printable = bytes_is_utf8(text) && text.n <= 120;

    for (size_t i = 0; printable && i < text.n; i++)
        printable = text.p[i] >= 0x20 && text.p[i] != 0x7f;
    if (printable)
        fault_prefix(fault, "caveat \"%.*s\": ", BYTES_ARG(text));
    else
        fault_prefix(fault, "caveat %zu: ", index + 1);
}

static enum kh_err
check_caveat(const struct caveat *caveat, struct fault *fault)
{
    for (size_t i = 0; i < caveat->count; i++) {
        const struct attribute_info *info = attribute_info(caveat->predicate[i].attribute);
        if (info == NULL || info->place == PLACE_DISCHARGE)
            return fault_set(fault, KH_ERR_TYPE,
                             "%s stands in discharges only: the token could "
                             "never be used",
                             info ? info->text : "it");
    }
    return KH_OK;
}

// Labels point into the parsed caveats, which the caller frees.
struct checked {
    struct caveat *caveat[MINT_CAVEATS_MAX];
    size_t count;
    struct bytes label[MINT_CAVEATS_MAX];
    size_t label_count;
};

static enum kh_err
check_caveats(const struct mint_request *request, struct checked *checked, struct fault *fault)
{
    if (request->caveat_count > MINT_CAVEATS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "caveats: at most %d", MINT_CAVEATS_MAX);
    for (size_t i = 0; i < request->caveat_count; i++) {
        struct caveat *caveat = NULL;
        enum kh_err err = caveat_parse(request->caveat[i], &caveat, fault);
        if (!err) {
            checked->caveat[checked->count++] = caveat;
            err = check_caveat(caveat, fault);
        }
        if (err) {
            name_caveat(request->caveat[i], i, fault);
            return err;
        }
        const struct predicate *first = &caveat->predicate[0];
        if (first->attribute == ATTRIBUTE_LABEL && first->count > 0)
            checked->label[checked->label_count++] = first->value[0].text;
    }
    return KH_OK;
}

static enum kh_err
check_holes(const struct mint_request *request, struct mint_holes *holes, struct fault *fault)
{
    for (size_t i = 0; i < request->hole_count; i++) {
        enum kh_err err = mint_holes_add(holes, request->hole[i], fault);
        if (err) {
            fault_prefix(fault, "hole %zu: ", i + 1);
            return err;
        }
    }
    return KH_OK;
}

static enum kh_err
choose_lifetime(const struct policy_mint *limit, const struct mint_request *request, int64_t *out,
                struct fault *fault)
{
    *out = request->default_lifetime ? MINT_LIFETIME_DEFAULT_S : request->lifetime_s;
    if (limit->lifetime_max_s == 0 || *out <= limit->lifetime_max_s)
        return KH_OK;
    if (request->default_lifetime) {
        *out = limit->lifetime_max_s;
        return KH_OK;
    }
    BUFFER_AUTO text;
    buffer_init(&text, 64);
    duration_print(limit->lifetime_max_s, &text);
    return fault_set(fault, KH_ERR_DENIED,
                     "a token under grant %.*s may live for %s at most: ask for no more, or for "
                     "nothing",
                     BYTES_ARG(limit->limit->name), buffer_text(&text));
}

// A token that no grant could ever cover is not made.
static enum kh_err
apply_policy(const struct authority *authority, const struct mint_request *request,
             struct bytes user, struct mint_holes *holes, int64_t *lifetime_s, struct fault *fault)
{
    struct policy_mint limit;
    bool can_fill = authority->dischargers.count > 0;
    enum kh_err err = policy_mint_check(authority->policy, user, request->credential,
                                        request->credential_count, can_fill, &limit, fault);
    if (!err)
        err = choose_lifetime(&limit, request, lifetime_s, fault);
    if (!err)
        err = mint_holes_demand(holes, &limit, user, fault);
    if (!err && request->discharger.n > 0 && holes->count == 0)
        err = fault_set(fault, KH_ERR_USAGE, "discharger: this token has no hole to be filled");
    return err;
}

static enum kh_err
check_request(const struct authority *authority, const struct mint_request *request,
              struct checked *checked, struct mint_holes *holes, struct fault *fault)
{
    if (!request->default_lifetime &&
        (request->lifetime_s <= 0 || request->lifetime_s > MINT_LIFETIME_MAX_S))
        return fault_set(fault, KH_ERR_RANGE, "lifetime_s: from 1 second to 10 years");
    if (request->user.n > 0 && !mint_user_check(request->user))
        return fault_set(fault, KH_ERR_SYNTAX, "user: 1 to %d letters, digits or \"._@+-\"",
                         MINT_USER_MAX);
    if (!mint_prefix_check(request->prefix))
        return fault_set(
            fault, KH_ERR_SYNTAX,
            "prefix: at most %d letters, digits, '-', '_', '.' or ':', without " TOKEN_MARK,
            TOKEN_PREFIX_MAX);
    enum kh_err err = check_credentials(authority, request, fault);
    if (!err)
        err = check_caveats(request, checked, fault);
    return err ? err : check_holes(request, holes, fault);
}

static enum kh_err
fill_identity(const struct authority *authority, const struct mint_request *request,
              const struct root_key *key, struct bytes user, int64_t lifetime_s,
              struct token_identity *out, struct fault *fault)
{
    *out = (struct token_identity){
        .key_id = key->id, .principal = user, .credential_count = request->credential_count};
    out->issued_at =
        revocations_issue_time(&authority->revocations, user, request->credential,
                               request->credential_count, clock_now_s(&authority->clock));
    out->expires_at = out->issued_at + lifetime_s;
    memcpy(out->credential, request->credential, request->credential_count * sizeof(struct bytes));
    if (getrandom(out->token_id, TOKEN_ID_SIZE, 0) != TOKEN_ID_SIZE)
        return fault_set(fault, KH_ERR_CRYPTO, "the kernel gives no random numbers");
    return KH_OK;
}

static enum kh_err
make_text(const struct authority *authority, const struct mint_request *request,
          const struct token_identity *identity, const struct root_key *key,
          struct mint_result *out, struct fault *fault)
{
    struct mint_text text = {
        .identity = identity,
        .key = secret_bytes(key->secret).p,
        .caveat = request->caveat,
        .caveat_count = request->caveat_count,
        .holes = &out->holes,
        .prefix = request->prefix,
    };

    if (out->holes.count > 0) {
        enum kh_err err =
            mint_find_discharger(authority, request->discharger, &text.discharger, fault);
        if (err)
            return err;
        memcpy(out->discharger, text.discharger->url, sizeof out->discharger);
    }
    return mint_make_text(authority, &text, &out->token, out->lineage, fault);
}

static enum kh_err
store_token(struct authority *authority, const struct mint_request *request,
            const struct token_identity *identity, const struct checked *checked,
            struct fault *fault)
{
    struct store_token row = {
        .id = bytes_of(identity->token_id, TOKEN_ID_SIZE),
        .key_id = identity->key_id,
        .user = identity->principal,
        .issued_at = identity->issued_at,
        .expires_at = identity->expires_at,
        .credential = request->credential,
        .credential_count = request->credential_count,
        .label = checked->label,
        .label_count = checked->label_count,
    };
    return store_token_insert(authority->store, &row, fault);
}

static enum kh_err
record_and_commit(struct authority *authority, const struct mint_request *request,
                  const struct token_identity *identity, const struct checked *checked,
                  const struct mint_result *result, struct fault *fault)
{
    BUFFER_AUTO names, holes;
    struct audit_record record = {
        .kind = AUDIT_ADMIN,
        .user = identity->principal,
        .token_id = identity->token_id,
        .lineage = result->lineage,
        .label = checked->label,
        .label_count = checked->label_count,
        .command = BYTES("mint"),
    };

    buffer_init(&names, 1024);
    for (size_t i = 0; i < request->credential_count; i++)
        buffer_printf(&names, "%s%.*s", i ? " " : "", BYTES_ARG(request->credential[i]));
    record.subject = buffer_bytes(&names);
    buffer_init(&holes, sizeof result->holes.text + 1024);
    for (size_t i = 0; i < result->holes.count; i++)
        buffer_printf(&holes, "%s%s", i ? "; " : "holes: ", result->holes.text[i]);
    record.detail = buffer_bytes(&holes);
    enum kh_err err = change_begin(authority, fault);
    if (err)
        return err;
    err = store_token(authority, request, identity, checked, fault);
    if (err) {
        change_abort(authority);
        return err;
    }
    return change_commit(authority, &record, fault);
}

enum kh_err
mint(struct authority *authority, const struct mint_request *request, struct mint_result *out,
     struct fault *fault)
{
    struct checked checked = {.count = 0};
    struct token_identity identity;
    const struct root_key *key = root_keys_active(&authority->keys);
    struct bytes user = request->user.n > 0 ? request->user : BYTES(MINT_USER_DEFAULT);
    int64_t lifetime_s = 0;

    memset(out, 0, sizeof *out);
    buffer_init_secret(&out->token, TOKEN_TEXT_MAX + TOKEN_PREFIX_MAX);
    enum kh_err err = check_request(authority, request, &checked, &out->holes, fault);
    if (!err && key == NULL)
        err = fault_set(fault, KH_ERR_NOT_FOUND,
                        "there is no root key in use; make one: keyholed key rotate");
    if (!err)
        err = apply_policy(authority, request, user, &out->holes, &lifetime_s, fault);
    if (!err)
        err = fill_identity(authority, request, key, user, lifetime_s, &identity, fault);
    if (!err)
        err = make_text(authority, request, &identity, key, out, fault);
    if (!err)
        err = record_and_commit(authority, request, &identity, &checked, out, fault);
    for (size_t i = 0; i < checked.count; i++)
        caveat_free(&checked.caveat[i]);
    if (err) {
        mint_result_free(out);
        return err;
    }
    metrics_add(METRIC_TOKENS_MINTED, 1);
    if (identity.issued_at > authority->last_issued_at)
        authority->last_issued_at = identity.issued_at;
    memcpy(out->token_id, identity.token_id, sizeof out->token_id);
    memcpy(out->user, user.p, user.n);
    out->issued_at = identity.issued_at;
    out->expires_at = identity.expires_at;
    return KH_OK;
}

void
mint_result_free(struct mint_result *result)
{
    buffer_free(&result->token);
    memset(result, 0, sizeof *result);
}
