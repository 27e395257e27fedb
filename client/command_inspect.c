/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole inspect
 */
#include "commands.h"
#include "input.h"
#include "inspect.h"

enum { OPTION_JSON = 1, OPTION_COLOR, INSPECT_OUTPUT_MAX = 1 << 20 };

const struct option_spec command_inspect_options[] = {
    {OPTION_JSON, "json", NULL, false, "one JSON object, for programs"},
    {OPTION_COLOR, "color", "WHEN", false, "auto (on a terminal), always or never"},
    {0},
};

enum cli_exit
command_inspect(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    struct token *token = NULL;
    struct inspection *inspection = NULL;
    BUFFER_AUTO text;
    buffer_init(&text, INSPECT_OUTPUT_MAX);
    struct screen screen;
    enum kh_err err = cli_look(cli, options_value(options, OPTION_COLOR), &screen, &fault);
    if (err == KH_OK)
        err = input_token(cli, options, &token, &fault);
    if (err == KH_OK)
        err = inspect_token(token, cli->now, &inspection, &fault);
    if (err == KH_OK && options_has(options, OPTION_JSON))
        err = inspect_print_json(inspection, &text, &fault);
    else if (err == KH_OK)
        inspect_print(inspection, &screen, &text);
    enum cli_exit status = err == KH_OK ? cli_result(cli, &text) : cli_fail(cli, &fault);
    inspection_free(&inspection);
    token_free(&token);
    return status;
}
