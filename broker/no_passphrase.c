/* SPDX-License-Identifier: Apache-2.0
 *
 * Said once, for everyone who reads PEM.
 */
#include "no_passphrase.h"

int
no_passphrase(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1;
}
