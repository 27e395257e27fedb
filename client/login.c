/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking a broker for a token of one's own.
 */
#include "login.h"

#include "answer.h"

#include <stdlib.h>
#include <string.h>

static json_t *
login_make_request(const struct login *login)
{
    json_t *names = json_array();
    for (size_t i = 0; i < login->credential_count; i++)
        json_array_append_new(names, json_string(login->credential[i]));
    json_t *object = json_pack("{s:s, s:o}", "user", login->user, "credentials", names);
    if (login->lifetime_s > 0)
        json_object_set_new(object, "lifetime_s", json_integer(login->lifetime_s));
    return object;
}

static bool
login_is_for(const struct login *login, const struct token_identity *identity)
{
    if (!bytes_is(identity->principal, login->user) ||
        identity->credential_count != login->credential_count)
        return false;
    for (size_t i = 0; i < login->credential_count; i++) {
        bool found = false;
        for (size_t j = 0; j < identity->credential_count; j++)
            found = found || bytes_is(identity->credential[j], login->credential[i]);
        if (!found)
            return false;
    }
    return true;
}

static enum kh_err
login_read_token(const struct login *login, const char *text, struct token **out,
                 struct fault *fault)
{
    struct token *token = NULL;
    struct token_identity identity;
    const struct token_caveat *hole;
    struct fault why = {.err = KH_OK};
    if (text == NULL || token_scan(bytes_str(text), &token, &why) != KH_OK)
        return fault_set(fault, KH_ERR_PROTOCOL, "the broker answered without a token");
    enum kh_err err = KH_OK;
    if (token_identity_read(token, &identity, &why) != KH_OK || !login_is_for(login, &identity))
        err = fault_set(fault, KH_ERR_PROTOCOL, "the broker's token is for something else");
    else if (token_open_holes(token, &hole, 1) == 0)
        // What is good at once was not ours to get: somebody wants us to use it.
        err = fault_set(fault, KH_ERR_PROTOCOL, "the broker's token has no hole to fill");
    if (err != KH_OK)
        token_free(&token);
    else
        *out = token;
    return err;
}

enum kh_err
login_read_answer(const struct login *login, const struct http_answer *answer, struct token **out,
                  struct fault *fault)
{
    json_t *object = NULL;
    bool readable = answer_object(answer, &object) == KH_OK;
    enum kh_err err;
    if (answer->status == 429)
        err = fault_set(fault, KH_ERR_PROTOCOL,
                        "the broker was asked too often; try again in %u seconds",
                        answer->retry_after_s);
    else if (answer->status == 200 && readable)
        err = login_read_token(login, answer_string(object, "token"), out, fault);
    else
        err = answer_refusal(answer, object, fault);
    json_decref(object);
    return err;
}

enum kh_err
login_ask(const struct login *login, const struct broker_address *broker, const char *ca_file,
          struct token **out, struct fault *fault)
{
    struct http_answer answer;
    json_t *body = login_make_request(login);
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (text == NULL)
        return fault_set(fault, KH_ERR_USAGE, "names are UTF-8");
    struct http_request request = {
        .method = HTTP_POST, .json = bytes_str(text), .ca_file = ca_file};
    enum kh_err err = broker_call(broker, LOGIN_PATH, request, &answer, fault);
    free(text);
    if (err != KH_OK)
        return err;
    err = login_read_answer(login, &answer, out, fault);
    http_answer_free(&answer);
    return err;
}
