/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole explain: the caveats alone, since a holder has no key.
 */
#include "../caveats/body_facts.h"
#include "../caveats/explain.h"
#include "../caveats/request_text.h"
#include "../caveats/timestamp.h"
#include "commands.h"
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_REQUEST = 1,
    OPTION_HEADER,
    OPTION_CREDENTIAL,
    OPTION_CLIENT,
    OPTION_AT,
    OPTION_JSON,
    OPTION_BODY,
    BODY_MAX = 1 << 20,
    OUTPUT_MAX = 4 << 20,
};

const struct option_spec command_explain_options[] = {
    {OPTION_REQUEST, "request", "REQUEST", false,
     "method and URL, as 'POST https://api.openai.com/v1/chat/completions'"},
    {OPTION_HEADER, "header", "FIELD", true, "a header field, as 'content-type: application/json'"},
    {OPTION_BODY, "body", "FILE", false, "a file with the body"},
    {OPTION_CREDENTIAL, "credential", "NAME", false, "which of the token's, where it has several"},
    {OPTION_CLIENT, "client", "ADDRESS", false, "where the request comes from, or unix"},
    {OPTION_AT, "at", "TIME", false, "when, as 2026-12-01T00:00:00Z (default now)"},
    {OPTION_JSON, "json", NULL, false, "one JSON object, for programs"},
    {0},
};

// What a holder cannot know, or did not say: it is not judged.
struct explain_hidden {
    bool header, credential, client, body;
};

static bool
explain_is_hidden(void *context, const struct predicate *p)
{
    const struct explain_hidden *hidden = context;
    switch (p->attribute) {
    case ATTRIBUTE_HEADER:
    case ATTRIBUTE_CONTENT_TYPE:
        return hidden->header;
    case ATTRIBUTE_CREDENTIAL:
        return hidden->credential;
    case ATTRIBUTE_CLIENT:
        return hidden->client;
    case ATTRIBUTE_BODY:
    case ATTRIBUTE_BODY_SIZE:
    case ATTRIBUTE_BODY_SHA256:
        return hidden->body;
    case ATTRIBUTE_SCHEME:
    case ATTRIBUTE_HOST:
    case ATTRIBUTE_PORT:
    case ATTRIBUTE_METHOD:
    case ATTRIBUTE_PATH:
    case ATTRIBUTE_QUERY:
    case ATTRIBUTE_TIME:
    case ATTRIBUTE_USER:
        return false;
    default: // groups and counters are the broker's; the rest is not in a method and a URL
        return attribute_info(p->attribute)->place == PLACE_REQUEST ||
               attribute_info(p->attribute)->place == PLACE_COUNTER;
    }
}

static enum kh_err
explain_read_headers(const struct options *options, struct request_text *request,
                     struct fault *fault)
{
    for (size_t i = 0; i < options->given_count; i++) {
        if (options->given[i].id != OPTION_HEADER)
            continue;
        enum kh_err err = request_text_header(request, bytes_str(options->given[i].value), fault);
        if (err) {
            fault_prefix(fault, "--header: ");
            return fault->err = KH_ERR_USAGE;
        }
    }
    return KH_OK;
}

static enum kh_err
explain_read_request(const struct cli *cli, const struct options *options,
                     struct request_text *request, struct fault *fault)
{
    const char *line = options_value(options, OPTION_REQUEST),
               *at = options_value(options, OPTION_AT);
    struct fault own = {0};
    if (line == NULL)
        return fault_set(fault, KH_ERR_USAGE,
                         "--request is missing, as --request 'GET https://api.example.com/v1/x'");
    if (request_text_read(bytes_str(line), REQUEST_TEXT_LENIENT, request, &own) != KH_OK)
        return fault_set(fault, KH_ERR_USAGE, "--request: %s", own.detail);
    request->facts.time = cli->now;
    if (at != NULL && !timestamp_parse(bytes_str(at), &request->facts.time))
        return fault_set(fault, KH_ERR_USAGE, "--at: not a time as 2026-12-01T00:00:00Z");
    request->facts.client = bytes_str(options_value(options, OPTION_CLIENT));
    return explain_read_headers(options, request, fault);
}

// Who and for what, as the token says itself.
static void
explain_read_claims(const struct options *options, const struct token_identity *identity,
                    struct facts *facts, struct explain_hidden *hidden)
{
    const char *credential = options_value(options, OPTION_CREDENTIAL);
    facts->user = identity->principal;
    if (credential != NULL)
        facts->credential = bytes_str(credential);
    else if (identity->credential_count == 1)
        facts->credential = identity->credential[0];
    hidden->credential = facts->credential.n == 0;
    hidden->client = facts->client.n == 0;
    hidden->header = !options_has(options, OPTION_HEADER);
    hidden->body = !options_has(options, OPTION_BODY);
}

// The body, and what the token's caveats look at in it.
struct explain_body {
    struct body_need need;
    struct fact_body_value value[BODY_POINTERS_MAX];
    struct buffer text, storage;
};

static void
explain_add_needs(struct body_need *need, const struct token *token)
{
    for (size_t i = 0; i < token->caveat_count; i++) {
        struct caveat *caveat = NULL;
        if (token->caveat[i].vid.n > 0 || caveat_parse(token->caveat[i].id, &caveat, NULL) != KH_OK)
            continue;
        (void)body_need_add(need, caveat);
        caveat_free(&caveat);
    }
}

static enum kh_err
explain_read_body(const struct options *options, const struct token *token, struct facts *facts,
                  struct explain_body *body, struct fault *fault)
{
    const char *path = options_value(options, OPTION_BODY);
    if (path == NULL)
        return KH_OK;
    FILE *file = fopen(path, "re");
    uint8_t *room = buffer_reserve(&body->text, BODY_MAX + 1);
    size_t n = file != NULL && room != NULL ? fread(room, 1, BODY_MAX + 1, file) : 0;
    bool failed = file == NULL || room == NULL || ferror(file) != 0;
    int error = errno;
    if (file != NULL)
        fclose(file);
    if (failed)
        return fault_set(fault, KH_ERR_IO, "--body: %s: %s", path, strerror(error));
    if (n > BODY_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "--body: %s is longer than 1 MiB", path);
    buffer_advance(&body->text, n);
    explain_add_needs(&body->need, token);
    const struct body_question question = {body->need.pointer, body->need.count, body->need.sha256};
    facts->body =
        n == 0 ? body_facts_from_head(facts->header, facts->header_count, true, true, 0)
               : body_facts_read(buffer_bytes(&body->text), facts->header, facts->header_count,
                                 &question, body->value, &body->storage);
    return KH_OK;
}

static enum cli_exit
explain_show(struct cli *cli, const struct options *options, const struct explain *explain,
             struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, OUTPUT_MAX);
    json_t *explanation = explain_json(explain);
    if (explanation == NULL) {
        fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        return cli_fail(cli, fault);
    }
    const char *verdict = json_string_value(json_object_get(explanation, "verdict"));
    bool denied = verdict == NULL || strcmp(verdict, "unknown") != 0;
    if (options_has(options, OPTION_JSON)) {
        char *json = json_dumps(explanation, JSON_COMPACT);
        buffer_put_str(&text, json != NULL ? json : "");
        buffer_put_byte(&text, '\n');
        text.failed = text.failed || json == NULL;
        free(json);
    } else {
        explain_print(explanation, cli_is_colourful(cli->out), &text);
    }
    json_decref(explanation);
    enum cli_exit status = cli_result(cli, &text);
    return status == CLI_DONE && denied ? CLI_DENIED : status;
}

static enum cli_exit
explain_run(struct cli *cli, const struct options *options, struct request_text *request,
            struct explain_body *body)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct token *token = NULL;
    struct token_identity identity = {0};
    struct explain_hidden hidden = {0};
    enum kh_err err = explain_read_request(cli, options, request, &fault);
    if (err == KH_OK)
        err = input_token(cli, options, &token, &fault);
    if (err == KH_OK)
        err = token_identity_read(token, &identity, &fault);
    if (err == KH_OK)
        err = explain_read_body(options, token, &request->facts, body, &fault);
    if (err != KH_OK) {
        token_free(&token);
        return cli_fail(cli, &fault);
    }
    explain_read_claims(options, &identity, &request->facts, &hidden);
    const struct explain explain = {
        .token = token,
        .facts = &request->facts,
        .hidden = explain_is_hidden,
        .context = &hidden,
    };
    enum cli_exit status = explain_show(cli, options, &explain, &fault);
    token_free(&token);
    return status;
}

enum cli_exit
command_explain(struct cli *cli, const struct options *options)
{
    struct request_text request = {0};
    struct explain_body body = {.need = {.count = 0}};
    buffer_init(&body.text, BODY_MAX + 1);
    buffer_init(&body.storage, BODY_VALUES_TEXT_MAX);
    enum cli_exit status = explain_run(cli, options, &request, &body);
    buffer_free(&body.text);
    buffer_free(&body.storage);
    request_text_free(&request);
    return status;
}
