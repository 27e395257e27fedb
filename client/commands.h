/* SPDX-License-Identifier: Apache-2.0
 *
 * What each command_NAME.c gives to the table in commands.c.
 */
#ifndef KEYHOLE_CLIENT_COMMANDS_H
#define KEYHOLE_CLIENT_COMMANDS_H

#include "cli.h"

extern const struct option_spec command_attenuate_options[], command_inspect_options[],
    command_explain_options[], command_revoke_options[], command_convert_options[],
    command_discharge_options[], command_login_options[], command_enroll_options[],
    command_trust_options[], command_run_options[], command_env_options[],
    command_completion_options[];

enum cli_exit command_attenuate(struct cli *cli, const struct options *options);
enum cli_exit command_inspect(struct cli *cli, const struct options *options);
enum cli_exit command_explain(struct cli *cli, const struct options *options);
enum cli_exit command_revoke(struct cli *cli, const struct options *options);
enum cli_exit command_convert(struct cli *cli, const struct options *options);
enum cli_exit command_discharge(struct cli *cli, const struct options *options);
enum cli_exit command_login(struct cli *cli, const struct options *options);
enum cli_exit command_enroll(struct cli *cli, const struct options *options);
enum cli_exit command_trust(struct cli *cli, const struct options *options);
enum cli_exit command_run(struct cli *cli, const struct options *options);
enum cli_exit command_env(struct cli *cli, const struct options *options);
enum cli_exit command_completion(struct cli *cli, const struct options *options);

#endif
