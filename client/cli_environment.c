/* SPDX-License-Identifier: Apache-2.0
 *
 * Environment variables.
 */
#include "cli.h"

#include <stdlib.h>

const char *
cli_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}
