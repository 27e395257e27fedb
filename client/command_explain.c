/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole explain: the caveats alone, since a holder has no key.
 */
#include "../caveats/explain.h"
#include "../caveats/json_print.h"
#include "../caveats/request_text.h"
#include "../caveats/timestamp.h"
#include "commands.h"
#include "input.h"
#include "judge.h"

#include <errno.h>
#include <string.h>

enum {
    OPTION_REQUEST = 1,
    OPTION_HEADER,
    OPTION_CREDENTIAL,
    OPTION_CLIENT,
    OPTION_AT,
    OPTION_JSON,
    OPTION_COLOR,
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
    {OPTION_COLOR, "color", "WHEN", false, "auto (on a terminal), always or never"},
    {0},
};

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

// The body's bytes; `*out` stays empty without --body.
static enum kh_err
explain_read_body(const char *path, struct buffer *out, struct fault *fault)
{
    FILE *file = fopen(path, "re");
    uint8_t *room = buffer_reserve(out, BODY_MAX + 1);
    size_t n = file != NULL && room != NULL ? fread(room, 1, BODY_MAX + 1, file) : 0;
    bool failed = file == NULL || room == NULL || ferror(file) != 0;
    int error = errno;
    if (file != NULL)
        fclose(file);
    if (failed)
        return fault_set(fault, KH_ERR_IO, "--body: %s: %s", path, strerror(error));
    if (n > BODY_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "--body: %s is longer than 1 MiB", path);
    buffer_advance(out, n);
    return KH_OK;
}

static enum cli_exit
explain_show(struct cli *cli, const struct options *options, const struct explain *explain,
             struct fault *fault)
{
    BUFFER_AUTO text;
    buffer_init(&text, OUTPUT_MAX);
    struct screen screen;
    if (cli_look(cli, options_value(options, OPTION_COLOR), &screen, fault) != KH_OK)
        return cli_fail(cli, fault);
    json_t *explanation = explain_json(explain);
    if (explanation == NULL) {
        fault_set(fault, KH_ERR_MEMORY, "memory is used up");
        return cli_fail(cli, fault);
    }
    const char *verdict = json_string_value(json_object_get(explanation, "verdict"));
    bool denied = verdict == NULL || strcmp(verdict, "unknown") != 0;
    if (options_has(options, OPTION_JSON)) {
        json_print(explanation, JSON_COMPACT, &text);
        buffer_put_byte(&text, '\n');
    } else {
        explain_print(explanation, &screen, &text);
    }
    json_decref(explanation);
    enum cli_exit status = cli_result(cli, &text);
    return status == CLI_DONE && denied ? CLI_DENIED : status;
}

static enum cli_exit
explain_run(struct cli *cli, const struct options *options, struct request_text *request,
            struct judge *judge)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct token *token = NULL;
    struct explain explain;
    const char *path = options_value(options, OPTION_BODY);
    BUFFER_AUTO body;
    buffer_init(&body, BODY_MAX + 1);
    enum kh_err err = explain_read_request(cli, options, request, &fault);
    request->facts.credential = bytes_str(options_value(options, OPTION_CREDENTIAL));
    if (err == KH_OK)
        err = input_token(cli, options, &token, &fault);
    if (err == KH_OK && path != NULL)
        err = explain_read_body(path, &body, &fault);
    const struct bytes content = buffer_bytes(&body);
    if (err == KH_OK)
        err = judge_prepare(judge, token, &request->facts, options_has(options, OPTION_HEADER),
                            path != NULL ? &content : NULL, &explain, &fault);
    enum cli_exit status =
        err == KH_OK ? explain_show(cli, options, &explain, &fault) : cli_fail(cli, &fault);
    token_free(&token);
    return status;
}

enum cli_exit
command_explain(struct cli *cli, const struct options *options)
{
    struct request_text request = {0};
    struct judge judge;
    judge_init(&judge);
    enum cli_exit status = explain_run(cli, options, &request, &judge);
    judge_free(&judge);
    request_text_free(&request);
    return status;
}
