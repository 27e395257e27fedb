/* SPDX-License-Identifier: Apache-2.0 */
/* Making state directories. */
#include "directory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum kh_err
directory_make_parents(const char *directory, struct fault *fault)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s", directory) >= (int)sizeof(path))
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
            return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(errno));
        *slash = '/';
    }
    return KH_OK;
}

enum kh_err
directory_make(const char *directory, struct fault *fault)
{
    enum kh_err err = directory_make_parents(directory, fault);
    if (err == KH_OK && mkdir(directory, 0700) != 0 && errno != EEXIST)
        err = fault_set(fault, KH_ERR_IO, "%s: %s", directory, strerror(errno));
    return err;
}
