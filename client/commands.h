/* SPDX-License-Identifier: Apache-2.0
 *
 * What each command_NAME.c gives to the table in commands.c.
 */
#ifndef KEYHOLE_CLIENT_COMMANDS_H
#define KEYHOLE_CLIENT_COMMANDS_H

#include "cli.h"

extern const struct option_spec command_attenuate_options[], command_inspect_options[],
    command_explain_options[], command_revoke_options[], command_convert_options[];

enum cli_exit command_attenuate(struct cli *cli, const struct options *options);
enum cli_exit command_inspect(struct cli *cli, const struct options *options);
enum cli_exit command_explain(struct cli *cli, const struct options *options);
enum cli_exit command_revoke(struct cli *cli, const struct options *options);
enum cli_exit command_convert(struct cli *cli, const struct options *options);

#endif
