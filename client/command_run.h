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
};

#endif
