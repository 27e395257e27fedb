/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole convert
 */
#include "commands.h"
#include "convert.h"
#include "input.h"

enum { OPTION_TO = 1, CONVERT_OUTPUT_MAX = 1 << 16 };

const struct option_spec command_convert_options[] = {
    {OPTION_TO, "to", "FORMAT", false, "keyhole, v1, v2 or json"},
    {0},
};

enum cli_exit
command_convert(struct cli *cli, const struct options *options)
{
    struct fault fault = {.err = KH_ERR_INTERNAL};
    const char *to = options_value(options, OPTION_TO);
    enum convert_format format = convert_format_read(bytes_str(to));
    if (format == CONVERT_UNSET) {
        fault_set(&fault, KH_ERR_USAGE, "%s: keyhole, v1, v2 or json",
                  to == NULL ? "--to says which format" : "--to knows these formats");
        return cli_fail(cli, &fault);
    }
    struct token *token = NULL;
    struct buffer text;
    buffer_init_secret(&text, CONVERT_OUTPUT_MAX);
    enum kh_err err = input_token(cli, options, &token, &fault);
    if (err == KH_OK)
        err = convert_token(token, format, &text, &fault);
    buffer_put_byte(&text, '\n');
    enum cli_exit status = err == KH_OK ? cli_result(cli, &text) : cli_fail(cli, &fault);
    token_free(&token);
    buffer_free(&text);
    return status;
}
