/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of token endpoints (RFC 6749 sections 5.1 and 5.2, and GitHub's): JSON or form text. What
 * may be told of a refusal is a code of the RFC and nothing else: an endpoint may repeat what it
 * was sent.
 */
#include "exchange_rules.h"

#include "../../caveats/json_parse.h"
#include "../../caveats/path.h"
#include "clock.h"

#include <jansson.h>
#include <string.h>

enum { LIFETIME_UNSAID_S = 300, NUMBER_MAX = 32 };

static const char *const codes[] = {
    "invalid_request",        "invalid_client", "invalid_grant", "unauthorized_client",
    "unsupported_grant_type", "invalid_scope",  "access_denied", "temporarily_unavailable",
    "server_error",           "invalid_target",
};

struct answer_parts {
    struct bytes token, refresh_token, type, expires_in, expires_at, error;
};

void
exchange_answer_free(struct exchange_answer *answer)
{
    buffer_free(&answer->text);
}

static struct bytes
keep(struct exchange_answer *answer, struct bytes text)
{
    size_t start = answer->text.n;

    buffer_put(&answer->text, text);
    return bytes_from(buffer_bytes(&answer->text), start);
}

// ---- two forms ----

static struct bytes
keep_member(struct exchange_answer *answer, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    BUFFER_AUTO number;

    buffer_init(&number, NUMBER_MAX);
    if (json_is_string(value))
        return keep(answer, bytes_of(json_string_value(value), json_string_length(value)));
    if (!json_is_number(value))
        return BYTES_EMPTY;
    double real = json_number_value(value); // some write 3600.0
    if (real < 0 || real > 1e12)
        return BYTES_EMPTY;
    buffer_printf(&number, "%lld", (long long)real);
    return keep(answer, buffer_bytes(&number));
}

static bool
read_json(struct exchange_answer *answer, struct bytes body, struct answer_parts *out)
{
    json_t *object = json_parse(body, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(object)) {
        json_decref(object);
        return false;
    }
    // GitHub says token, and all others access_token.
    out->token = keep_member(answer, object, "access_token");
    if (out->token.n == 0)
        out->token = keep_member(answer, object, "token");
    out->refresh_token = keep_member(answer, object, "refresh_token");
    out->type = keep_member(answer, object, "token_type");
    out->expires_in = keep_member(answer, object, "expires_in");
    out->expires_at = keep_member(answer, object, "expires_at");
    out->error = keep_member(answer, object, "error");
    json_decref(object);
    return true;
}

static bool
read_form(struct exchange_answer *answer, struct bytes body, struct answer_parts *out)
{
    struct bytes rest = body, pair;

    while (bytes_cut(&rest, '&', &pair)) {
        struct bytes name = bytes_slice(pair, 0, bytes_index(pair, '='));
        struct bytes *member = bytes_is(name, "access_token")    ? &out->token
                               : bytes_is(name, "refresh_token") ? &out->refresh_token
                               : bytes_is(name, "token_type")    ? &out->type
                               : bytes_is(name, "expires_in")    ? &out->expires_in
                               : bytes_is(name, "error")         ? &out->error
                                                                 : NULL;
        size_t start = answer->text.n;
        if (member == NULL)
            continue;
        if (member->n > 0 || form_decode(bytes_from(pair, name.n + 1), &answer->text))
            return false;
        *member = bytes_from(buffer_bytes(&answer->text), start);
    }
    return out->token.n > 0 || out->error.n > 0;
}

// ---- what it says ----

static enum kh_err
refused(unsigned status, struct bytes error, struct fault *fault)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (bytes_is(error, codes[i]))
            return fault_set(fault, KH_ERR_DENIED, "the token endpoint refused: %u %s", status,
                             codes[i]);
    }
    if (status >= 300 && status < 400)
        return fault_set(fault, KH_ERR_DENIED,
                         "the token endpoint answered %u: redirects are not followed", status);
    return fault_set(fault, KH_ERR_DENIED, "the token endpoint refused: %u", status);
}

static bool
read_lifetime(const struct answer_parts *parts, int64_t now, int64_t *out)
{
    uint64_t seconds;
    int64_t at;

    *out = LIFETIME_UNSAID_S;
    if (parts->expires_in.n > 0) {
        if (!bytes_to_u64(parts->expires_in, &seconds) || seconds > INT32_MAX)
            return false;
        *out = (int64_t)seconds;
    } else if (parts->expires_at.n > 0) {
        if (!clock_parse(parts->expires_at, &at))
            return false;
        *out = at - now;
    }
    return *out >= 1;
}

enum kh_err
exchange_answer_read(unsigned status, struct bytes body, int64_t now, struct exchange_answer *out,
                     struct fault *fault)
{
    struct answer_parts parts;
    struct bytes text = body;

    memset(&parts, 0, sizeof parts);
    memset(out, 0, sizeof *out);
    buffer_init_secret(&out->text, 2 * CARRY_ANSWER_MAX);
    if (!buffer_reserve(&out->text, CARRY_ANSWER_MAX + 8 * NUMBER_MAX))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    while (text.n > 0 && strchr(" \t\r\n", text.p[0]) && text.p[0])
        text = bytes_from(text, 1);
    bool read = bytes_starts(text, BYTES("{")) ? read_json(out, text, &parts)
                                               : read_form(out, text, &parts);
    // Some say an error with a status of 200 (GitHub's device flow, Slack).
    if (status < 200 || status > 299 || (read && parts.token.n == 0 && parts.error.n > 0))
        return refused(status, read ? parts.error : BYTES_EMPTY, fault);
    if (!read || out->text.failed)
        return fault_set(fault, KH_ERR_SYNTAX,
                         "the token endpoint's answer is neither JSON nor form text");
    if (parts.token.n == 0)
        return fault_set(fault, KH_ERR_SYNTAX, "the token endpoint's answer has no access token");
    if (parts.type.n > 0 && !bytes_equal_nocase(parts.type, BYTES("bearer")))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "the token endpoint's access token is no bearer token");
    if (!read_lifetime(&parts, now, &out->lifetime_s))
        return fault_set(fault, KH_ERR_SYNTAX,
                         "the token endpoint's access token expires at once, or nobody knows when");
    out->token = parts.token;
    out->refresh_token = parts.refresh_token;
    return KH_OK;
}
