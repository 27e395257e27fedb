/* SPDX-License-Identifier: Apache-2.0
 *
 * Options of keyhole run that its parts look at themselves.
 */
#ifndef KEYHOLE_CLIENT_COMMAND_RUN_H
#define KEYHOLE_CLIENT_COMMAND_RUN_H

enum {
    RUN_OPTION_ALLOW_HOST = 1,
    RUN_OPTION_NO_REVOKE,
    RUN_OPTION_REPORT,
    RUN_OPTION_ISOLATE,
    RUN_OPTION_RO,
    RUN_OPTION_RW,
    RUN_OPTION_HIDE,
    RUN_OPTION_UNIX_SOCKETS,
};

#endif
