/* SPDX-License-Identifier: Apache-2.0
 *
 * What may come back to the client, as the options of a credential say it.
 */
#include "credential_answer.h"

#include "credential_option.h"

#define SEAL "seal:"

// ---- values ----

enum kh_err
credential_check_token_answers(struct bytes value, struct fault *fault)
{
    if (bytes_is(value, "refuse") || bytes_is(value, "pass"))
        return KH_OK;
    if (bytes_starts(value, BYTES(SEAL)) &&
        credential_name_check(bytes_from(value, sizeof SEAL - 1)))
        return KH_OK;
    return fault_set(fault, KH_ERR_UNKNOWN,
                     "it is refuse, pass, or seal:NAME with the name of a credential");
}

typedef enum kh_err name_fn(struct bytes text, struct buffer *out, struct fault *fault);

static enum kh_err
check_names(struct bytes value, name_fn *check, struct fault *fault)
{
    struct bytes rest = value, name;

    if (value.n > ROUTE_ANSWER_NAMES_MAX || bytes_ends(value, BYTES(",")))
        return fault_set(fault, KH_ERR_SYNTAX, "it is names with a comma between them");
    while (bytes_cut(&rest, ',', &name)) {
        BUFFER_AUTO canonical;
        buffer_init(&canonical, CREDENTIAL_FIELD_MAX);
        enum kh_err err = check(name, &canonical, fault);
        if (err)
            return err;
    }
    return KH_OK;
}

enum kh_err
credential_check_answer_cookies(struct bytes value, struct fault *fault)
{
    if (bytes_is(value, "pass") || bytes_is(value, "drop"))
        return KH_OK;
    return check_names(value, credential_cookie_name, fault);
}

// Without these an answer would be read as another one than it is.
static enum kh_err
droppable(struct bytes text, struct buffer *out, struct fault *fault)
{
    static const char *const needed[] = {
        "connection",           "content-length",     "transfer-encoding",
        "content-encoding",     "content-range",      "upgrade",
        "sec-websocket-accept", "keyhole-request-id", "sec-websocket-extensions",
    };

    // The characters of a cookie's name are those of a field's.
    if (credential_cookie_name(text, out, NULL))
        return fault_set(fault, KH_ERR_SYNTAX, "that is no header's name");
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (bytes_equal_nocase(text, bytes_str(needed[i])))
            return fault_set(fault, KH_ERR_USAGE, "an answer is not to be read without its %s",
                             needed[i]);
    }
    return KH_OK;
}

enum kh_err
credential_check_answer_fields(struct bytes value, struct fault *fault)
{
    return check_names(value, droppable, fault);
}

// ---- the route ----

void
credential_read_answers(struct credential *credential)
{
    struct route *route = &credential->route;
    struct bytes answers = credential_option_or(credential, "token-answers", "refuse");
    struct bytes cookies = credential_option_or(credential, "set-cookie", "pass");

    route->token_answers = TOKEN_ANSWERS_REFUSE;
    if (bytes_is(answers, "pass"))
        route->token_answers = TOKEN_ANSWERS_PASS;
    else if (bytes_starts(answers, BYTES(SEAL)))
        route->token_answers = TOKEN_ANSWERS_SEAL;
    route->answer_cookies = bytes_is(cookies, "pass") ? ANSWER_COOKIES_PASS : ANSWER_COOKIES_NAMED;
    bool named = route->answer_cookies == ANSWER_COOKIES_NAMED && !bytes_is(cookies, "drop");
    route->cookies = named ? cookies : BYTES_EMPTY;
    route->dropped_fields = credential_option(credential, "drop-answer-headers");
}

// ---- sealing ----

struct bytes
credential_seals_for(const struct credential *credential)
{
    struct bytes answers = credential_option(credential, "token-answers");

    return bytes_starts(answers, BYTES(SEAL)) ? bytes_from(answers, sizeof SEAL - 1) : BYTES_EMPTY;
}

enum kh_err
credential_check_sealable(const struct credential *credential, struct fault *fault)
{
    switch (credential->route.inject_kind) {
    case INJECT_HEADER:
    case INJECT_QUERY:
    case INJECT_COOKIE:
    case INJECT_PATH:
    case INJECT_FIELD:
    case INJECT_SUBPROTOCOL:
        return KH_OK;
    default:
        return fault_set(fault, KH_ERR_USAGE,
                         "the secret of %.*s is not one word that an access token could be: it "
                         "takes header, query, cookie, path, field or subprotocol",
                         BYTES_ARG(credential->row.name));
    }
}
