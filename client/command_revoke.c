/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole revoke
 */
#include "../caveats/json_print.h"
#include "commands.h"
#include "input.h"
#include "revoke.h"

#include <jansson.h>

enum { OPTION_BROKER = 1, OPTION_CACERT, OPTION_JSON };

const struct option_spec command_revoke_options[] = {
    {OPTION_BROKER, "broker", "URL|PATH", false,
     "the broker's URL or unix socket; else KEYHOLE_BROKER"},
    {OPTION_CACERT, "cacert", "FILE", false,
     "trust the certificates in FILE (PEM) and no others; else KEYHOLE_CA, else the system's"},
    {OPTION_JSON, "json", NULL, false,
     "one JSON object, for programs; also when the broker refuses"},
    {0},
};

static json_t *
revoke_result_json(const struct revoke_result *result)
{
    if (result->revoked)
        return json_pack("{s:b, s:s}", "revoked", 1, "lineage", result->lineage);
    return json_pack("{s:b, s:I, s:s, s:s, s:s, s:s}", "revoked", 0, "status",
                     (json_int_t)result->status, "code", result->code, "title", result->title,
                     "detail", result->detail, "advice", result->advice);
}

static enum cli_exit
revoke_print(const struct cli *cli, const struct revoke_result *result, bool json)
{
    BUFFER_AUTO text;
    buffer_init(&text, 65536);
    if (json) {
        json_t *object = revoke_result_json(result);
        json_print(object, JSON_ENSURE_ASCII, &text);
        json_decref(object);
    } else {
        buffer_put_str(&text, result->lineage);
        cli_say(cli, "this token is revoked, with everything made from it");
    }
    buffer_put_byte(&text, '\n');
    return cli_result(cli, &text);
}

static enum cli_exit
revoke_at(const struct cli *cli, const struct options *options,
          const struct broker_address *address, struct fault *fault)
{
    const char *ca_file = options_value(options, OPTION_CACERT);
    bool json = options_has(options, OPTION_JSON);
    struct token *token = NULL;
    struct revoke_result result;
    if (ca_file == NULL)
        ca_file = cli_environment("KEYHOLE_CA");
    if (input_token(cli, options, &token, fault) != KH_OK)
        return cli_fail(cli, fault);
    // Its last use is to end it, but whoever listens may use it until that arrives, or stop it.
    if (address->exposed)
        cli_say(cli, "warning: %s has no TLS; whoever listens on the way can read the token",
                address->url);
    enum kh_err err = revoke_token(token, address, ca_file, &result, fault);
    token_free(&token);
    if (err == KH_OK)
        return revoke_print(cli, &result, json);
    if (err == KH_ERR_DENIED && json) {
        enum cli_exit status = revoke_print(cli, &result, true);
        if (status != CLI_DONE)
            return status;
    }
    return cli_fail(cli, fault);
}

enum cli_exit
command_revoke(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct broker_address address = {0};
    const char *broker = options_value(options, OPTION_BROKER);
    if (broker == NULL)
        broker = cli_environment("KEYHOLE_BROKER");
    enum kh_err err =
        broker != NULL
            ? broker_address_read(broker, &address, &fault)
            : fault_set(&fault, KH_ERR_USAGE,
                        "which broker? Give --broker or set KEYHOLE_BROKER to its URL or "
                        "unix socket");
    enum cli_exit status =
        err == KH_OK ? revoke_at(cli, options, &address, &fault) : cli_fail(cli, &fault);
    broker_address_free(&address);
    return status;
}
