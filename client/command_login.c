/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole login
 */
#include "commands.h"
#include "discharge_options.h"
#include "login.h"
#include "moment.h"

enum { OPTION_CREDENTIAL = 1, OPTION_FOR, OPTION_JSON };

const struct option_spec command_login_options[] = {
    {OPTION_CREDENTIAL, "credential", "NAME", true,
     "what the token is for; several times for several"},
    {OPTION_FOR, "for", "TIME", false,
     "how long the token lives: 90s, 10m, 8h, 7d; else as the policy says"},
    DISCHARGE_OPTIONS_WAY,
    DISCHARGE_OPTIONS_FIDO,
    DISCHARGE_OPTIONS_TRUST,
    {OPTION_JSON, "json", NULL, false,
     "one JSON object, for programs: the token, and how each hole was filled"},
    {0},
};

static enum kh_err
login_collect(const struct options *options, struct login *out, struct fault *fault)
{
    const char *span = options_value(options, OPTION_FOR);
    if (options->positional_count != 1)
        return fault_set(fault, KH_ERR_USAGE, "who are you? Give one USER");
    out->user = options->positional[0];
    for (size_t i = 0; i < options->given_count; i++) {
        if (options->given[i].id != OPTION_CREDENTIAL)
            continue;
        if (out->credential_count == TOKEN_CREDENTIALS_MAX)
            return fault_set(fault, KH_ERR_USAGE, "a token is for %d credentials at most",
                             TOKEN_CREDENTIALS_MAX);
        out->credential[out->credential_count++] = options->given[i].value;
    }
    if (out->credential_count == 0)
        return fault_set(fault, KH_ERR_USAGE, "what is the token for? Give a --credential");
    if (span != NULL && moment_read_span(bytes_str(span), &out->lifetime_s, fault) != KH_OK) {
        fault_prefix(fault, "--for: ");
        return fault->err = KH_ERR_USAGE;
    }
    return KH_OK;
}

static enum cli_exit
login_run(const struct cli *cli, const struct options *options, const struct login *login,
          struct discharge_setup *setup, struct fault *fault)
{
    struct discharge_report report;
    struct token *token = NULL;
    struct discharge_settings *settings = &setup->settings;
    if (settings->broker == NULL) {
        fault_set(fault, KH_ERR_USAGE,
                  "which broker? Give --broker or set KEYHOLE_BROKER to its URL or unix socket");
        return cli_fail(cli, fault);
    }
    enum kh_err err = login_ask(login, settings->broker, settings->ca_file, &token, fault);
    if (err == KH_OK)
        err = discharge_fill(settings, &token, &report, fault);
    enum cli_exit status =
        err == KH_OK ? discharge_print(cli, token, &report, options_has(options, OPTION_JSON))
                     : cli_fail(cli, fault);
    token_free(&token);
    return status;
}

enum cli_exit
command_login(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct login login = {.user = NULL};
    struct discharge_setup setup;
    if (login_collect(options, &login, &fault) != KH_OK ||
        discharge_setup_read(cli, options, &setup, &fault) != KH_OK)
        return cli_fail(cli, &fault);
    enum cli_exit status = login_run(cli, options, &login, &setup, &fault);
    discharge_setup_free(&setup);
    return status;
}
