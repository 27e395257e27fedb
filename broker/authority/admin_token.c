/* SPDX-License-Identifier: Apache-2.0
 *
 * mint and revoke.
 */
#include "admin_request.h"

#include "mint.h"
#include "revoke_token.h"

static enum kh_err
put_holes(json_t *result, const struct mint_result *minted, struct fault *fault)
{
    json_t *texts = json_array();
    enum kh_err err = texts ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");

    for (size_t i = 0; !err && i < minted->holes.count; i++)
        err = admin_append_text(texts, bytes_str(minted->holes.text[i]), fault);
    if (!err)
        err = admin_put(result, "holes", json_incref(texts), fault);
    if (!err && minted->holes.count > 0)
        err = admin_put_text(result, "discharger", bytes_str(minted->discharger), fault);
    json_decref(texts);
    return err;
}

static enum kh_err
put_mint_result(json_t *result, const struct mint_request *request,
                const struct mint_result *minted, struct fault *fault)
{
    json_t *names = json_array();
    enum kh_err err = names ? KH_OK : fault_set(fault, KH_ERR_MEMORY, "memory is used up");

    for (size_t i = 0; !err && i < request->credential_count; i++)
        err = admin_append_text(names, request->credential[i], fault);
    if (!err)
        err = admin_put_text(result, "token", buffer_bytes(&minted->token), fault);
    if (!err)
        err = admin_put_hex(result, "token_id", minted->token_id, sizeof minted->token_id, fault);
    if (!err)
        err = admin_put_hex(result, "lineage", minted->lineage, sizeof minted->lineage, fault);
    if (!err)
        err = admin_put_text(result, "user", bytes_str(minted->user), fault);
    if (!err)
        err = admin_put(result, "credentials", json_incref(names), fault);
    if (!err)
        err = admin_put_time(result, "issued_at", minted->issued_at, fault);
    if (!err)
        err = admin_put_time(result, "expires_at", minted->expires_at, fault);
    json_decref(names);
    return err ? err : put_holes(result, minted, fault);
}

static enum kh_err
admin_mint(void *context, const json_t *json, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct bytes credential[TOKEN_CREDENTIALS_MAX + 1], caveat[MINT_CAVEATS_MAX + 1];
    struct bytes hole[MINT_HOLES_MAX + 1];
    struct mint_request request = {
        .credential = credential,
        .user = admin_text(json, "user"),
        .lifetime_s = admin_number(json, "lifetime_s"),
        .default_lifetime = !admin_has(json, "lifetime_s"),
        .caveat = caveat,
        .prefix = admin_text(json, "prefix"),
        .hole = hole,
        .discharger = admin_text(json, "discharger"),
    };
    struct mint_result minted;
    enum kh_err err = admin_texts(json, "credentials", credential, TOKEN_CREDENTIALS_MAX,
                                  &request.credential_count, fault);

    // An empty user is none that was left out.
    if (!err && admin_has(json, "user") && request.user.n == 0)
        err = fault_set(fault, KH_ERR_SYNTAX, "user: is empty");
    if (!err)
        err = admin_texts(json, "caveats", caveat, MINT_CAVEATS_MAX, &request.caveat_count, fault);
    if (!err)
        err = admin_texts(json, "holes", hole, MINT_HOLES_MAX, &request.hole_count, fault);
    if (!err)
        err = mint(authority, &request, &minted, fault);
    if (err)
        return err;
    err = put_mint_result(result, &request, &minted, fault);
    mint_result_free(&minted);
    return err;
}

// ---- revoke ----

static const char *const ways[] = {"token", "id", "lineage", "user", "credential", "minted_before"};
enum { WAYS = sizeof ways / sizeof ways[0] };

// Exactly one, but "lineage": true goes with a token.
static enum kh_err
check_one(const json_t *json, struct fault *fault)
{
    const json_t *lineage = json_object_get(json, "lineage");
    bool with_token = admin_has(json, "token");
    size_t given = 0;

    for (size_t i = 0; i < WAYS; i++) {
        const json_t *value = json_object_get(json, ways[i]);
        if (value == NULL || (value == lineage && json_is_boolean(value)))
            continue;
        if (json_string_length(value) == 0)
            return fault_set(fault, KH_ERR_SYNTAX, "revoke: %s is empty", ways[i]);
        given++;
    }
    if (json_is_boolean(lineage) && !with_token)
        return fault_set(fault, KH_ERR_USAGE,
                         "revoke: lineage goes with a token, or is a lineage id");
    if (given != 1)
        return fault_set(fault, KH_ERR_USAGE,
                         "revoke: exactly one of token, id, lineage, user, credential and "
                         "minted_before");
    return KH_OK;
}

static void
describe(const struct revocation *done, struct buffer *out)
{
    char time[CLOCK_TEXT_SIZE];

    clock_print_s(done->at, time);
    switch (done->kind) {
    case REVOCATION_TOKEN:
        buffer_printf(out, "token %s and everything made from it", done->subject);
        break;
    case REVOCATION_LINEAGE:
        buffer_printf(out, "lineage %s and everything made from it", done->subject);
        break;
    case REVOCATION_USER:
        buffer_printf(out, "every token minted for user %s so far", done->subject);
        break;
    case REVOCATION_CREDENTIAL:
        buffer_printf(out, "every token minted for credential %s so far", done->subject);
        break;
    case REVOCATION_MINTED_BEFORE:
        buffer_printf(out, "every token minted before %s", time);
        break;
    case REVOCATION_UNSET:
        break;
    }
}

static enum kh_err
admin_revoke(void *context, const json_t *json, json_t *result, struct fault *fault)
{
    struct authority *authority = context;
    struct revoke_request request = {
        .token = admin_text(json, "token"),
        .this_lineage = admin_flag(json, "lineage", false),
        .id = admin_text(json, "id"),
        .lineage = admin_text(json, "lineage"),
        .user = admin_text(json, "user"),
        .credential = admin_text(json, "credential"),
        .minted_before = admin_text(json, "minted_before"),
    };
    struct revocation done;
    BUFFER_AUTO words;

    buffer_init(&words, 512);
    enum kh_err err = check_one(json, fault);
    if (!err)
        err = revoke_by_operator(authority, &request, &done, fault);
    if (err)
        return err;
    describe(&done, &words);
    err = admin_put_text(result, "revoked", buffer_bytes(&words), fault);
    return err ? err
               : admin_put_text(result, "kind", bytes_str(revocation_kind_name(done.kind)), fault);
}

const struct admin_command admin_token_commands[] = {
    {"mint",
     admin_mint,
     {{"credentials", ADMIN_TEXTS, true},
      {"user", ADMIN_TEXT, false},
      {"lifetime_s", ADMIN_NUMBER, false},
      {"caveats", ADMIN_TEXTS, false},
      {"prefix", ADMIN_TEXT, false},
      {"holes", ADMIN_TEXTS, false},
      {"discharger", ADMIN_TEXT, false}}},
    {"revoke",
     admin_revoke,
     {{"token", ADMIN_TEXT, false},
      {"id", ADMIN_TEXT, false},
      {"lineage", ADMIN_FLAG_OR_TEXT, false},
      {"user", ADMIN_TEXT, false},
      {"credential", ADMIN_TEXT, false},
      {"minted_before", ADMIN_TEXT, false}}},
    {0},
};
