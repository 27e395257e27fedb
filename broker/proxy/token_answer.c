/* SPDX-License-Identifier: Apache-2.0
 *
 * Which answers are looked at, and what is held back meanwhile.
 */
#include "token_answer.h"

#include "../http/conduit.h"
#include "response.h"

#include <stdlib.h>

/* ---- types ---- */

// A name that ends with '/' or '-' stands for all that begin so.
static const char *const never[] = {
    "text/event-stream",
    "text/html",
    "text/css",
    "text/csv",
    "application/pdf",
    "application/octet-stream",
    "application/zip",
    "application/gzip",
    "application/x-gzip",
    "application/x-tar",
    "application/wasm",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
    "application/json-seq",
    "image/",
    "audio/",
    "video/",
    "font/",
    "multipart/",
    "application/x-git-",
    "application/vnd.docker.raw-stream",
    "application/grpc",
};

static struct bytes
type_of(const struct http1_head *head)
{
    const struct http1_field *field = http1_find_id(head, FIELD_ID_CONTENT_TYPE);
    struct bytes value = field ? field->value : BYTES_EMPTY;
    return bytes_trim(bytes_slice(value, 0, bytes_index(value, ';')));
}

static bool
is_named(struct bytes type, const char *text)
{
    struct bytes name = bytes_str(text);
    uint8_t last = name.p[name.n - 1];
    bool prefix = last == '/' || last == '-';
    return bytes_equal_nocase(prefix ? bytes_slice(type, 0, name.n) : type, name);
}

static bool
is_form(struct bytes type)
{
    return bytes_equal_nocase(type, BYTES("application/x-www-form-urlencoded"));
}

bool
token_answer_kind(const struct http1_head *head, enum token_scan_kind *kind)
{
    struct bytes type = type_of(head);
    *kind = TOKEN_SCAN_JSON;
    if (bytes_equal_nocase(type, BYTES("application/json")))
        return true; // the list is long, and most answers are this
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (is_named(type, never[i]))
            return false;
    }
    if (is_form(type))
        *kind = TOKEN_SCAN_FORM;
    else if (type.n == 0 || bytes_equal_nocase(type, BYTES("text/plain")))
        *kind = TOKEN_SCAN_TEXT;
    return true;
}

bool
token_answer_is_said(const struct http1_head *head)
{
    static const char *const said[] = {"application/json", "text/json", "text/javascript",
                                       "application/javascript", "text/plain"};
    struct bytes type = type_of(head);
    size_t suffix = sizeof "+json" - 1;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        if (is_named(type, said[i]))
            return true;
    }
    return is_form(type) || (type.n > suffix &&
                             bytes_equal_nocase(bytes_from(type, type.n - suffix), BYTES("+json")));
}

/* ---- one answer ---- */

// RFC 6749 section 5.1: a token comes with 200; what else succeeds is taken for the same. Hosts
// that are passed through have no credential whose token it could be.
static bool
is_looked_at(const struct exchange *x, const struct http1_head *head)
{
    return x->route->token_answers != TOKEN_ANSWERS_PASS && !x->route->pass_through &&
           head->status >= 200 && head->status <= 299 && head->body != BODY_NONE;
}

bool
token_answer_begin(struct exchange *x, const struct http1_head *head, const char **why)
{
    enum token_scan_kind kind = TOKEN_SCAN_JSON;
    if (!is_looked_at(x, head) || !token_answer_kind(head, &kind))
        return true;
    if (response_is_encoded(head)) { // without scrubbing; with it that is refused anyway
        *why = "it is encoded, so that nobody can see whether it is a token: ask for it with "
               "Accept-Encoding: identity";
        return !token_answer_is_said(head);
    }
    struct token_answer *answer = calloc(1, sizeof *answer);
    *why = "memory is used up";
    if (!answer)
        return false;
    token_scan_init(&answer->scan, kind);
    buffer_init_secret(&answer->held, CONDUIT_IN_MAX + TOKEN_ANSWER_HELD_MAX);
    answer->holding = true;
    x->token_answer = answer;
    return true;
}

bool
token_answer_is_possible(const struct exchange *x, const struct http1_head *head, struct bytes body)
{
    enum token_scan_kind kind = TOKEN_SCAN_JSON;
    return is_looked_at(x, head) && token_answer_kind(head, &kind) &&
           (response_is_encoded(head) || token_scan_finds(kind, body));
}

void
token_answer_free(struct token_answer **answer)
{
    if (!*answer)
        return;
    buffer_free(&(*answer)->held);
    wipe(*answer, sizeof **answer);
    free(*answer);
    *answer = NULL;
}

bool
token_answer_holds(const struct exchange *x)
{
    return x->token_answer && x->token_answer->holding;
}

// A client with a key of its own (`foreign: pass`) is nobody whose token replaces anything, and
// must not say what the secret of a credential is.
static const char *
unsealable(const struct exchange *x)
{
    const struct token_answer *answer = x->token_answer;
    if (x->route->token_answers != TOKEN_ANSWERS_SEAL)
        return "";
    if (x->token.n == 0)
        return "it was got with a key of the client's own";
    if (!answer->holding || answer->scan.cleared)
        return "it does not begin as one, or is longer than 64 KiB";
    if (answer->held.n > TOKEN_ANSWER_HELD_MAX)
        return "it is longer than 64 KiB";
    return NULL;
}

static enum token_answer_step
hold(struct token_answer *answer, struct bytes data)
{
    buffer_put(&answer->held, data);
    return answer->held.failed ? TOKEN_ANSWER_REFUSED : TOKEN_ANSWER_HELD;
}

enum token_answer_step
token_answer_feed(struct exchange *x, struct bytes data, const char **why)
{
    struct token_answer *answer = x->token_answer;
    if (!answer)
        return TOKEN_ANSWER_GO;
    *why = "memory is used up";
    enum token_scan_state state = token_scan_feed(&answer->scan, data);
    if (answer->holding && hold(answer, data) == TOKEN_ANSWER_REFUSED)
        return TOKEN_ANSWER_REFUSED;
    if (state == TOKEN_SCAN_FOUND) {
        *why = unsealable(x);
        answer->found = *why == NULL;
        return answer->found ? TOKEN_ANSWER_HELD : TOKEN_ANSWER_REFUSED;
    }
    if (!answer->holding)
        return TOKEN_ANSWER_GO;
    if (state == TOKEN_SCAN_OPEN && answer->held.n <= TOKEN_ANSWER_HELD_MAX)
        return TOKEN_ANSWER_HELD;
    answer->holding = false;
    return TOKEN_ANSWER_RELEASED;
}
