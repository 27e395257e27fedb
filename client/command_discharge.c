/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole discharge
 */
#include "commands.h"
#include "discharge_options.h"
#include "input.h"

enum { OPTION_JSON = 1 };

const struct option_spec command_discharge_options[] = {
    DISCHARGE_OPTIONS_WAY,
    DISCHARGE_OPTIONS_FIDO,
    DISCHARGE_OPTIONS_TRUST,
    {OPTION_JSON, "json", NULL, false,
     "one JSON object, for programs: the token, and how each hole was filled"},
    {0},
};

enum cli_exit
command_discharge(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct discharge_setup setup;
    struct discharge_report report;
    struct token *token = NULL;
    if (discharge_setup_read(cli, options, &setup, &fault) != KH_OK)
        return cli_fail(cli, &fault);
    enum kh_err err = input_token(cli, options, &token, &fault);
    if (err == KH_OK)
        err = discharge_fill(&setup.settings, &token, &report, &fault);
    enum cli_exit status;
    if (err == KH_OK) {
        if (report.count == 0)
            cli_say(cli, "the token has no open hole");
        status = discharge_print(cli, token, &report, options_has(options, OPTION_JSON));
    } else {
        status = cli_fail(cli, &fault);
    }
    token_free(&token);
    discharge_setup_free(&setup);
    return status;
}
