/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of unix sockets. */
#include "socket_group.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kh_err
socket_group_find(const char *what, const char *text, gid_t *out, struct fault *fault)
{
    uint64_t number;
    const struct group *group = getgrnam(text);
    if (group != NULL) {
        *out = group->gr_gid;
        return KH_OK;
    }
    if (!bytes_to_u64(bytes_str(text), &number) || number >= UINT32_MAX)
        return fault_set(fault, KH_ERR_CONFIG, "%s: there is no group \"%.80s\"", what, text);
    *out = (gid_t)number;
    return KH_OK;
}

enum kh_err
socket_group_open(const char *what, const char *path, const char *group, struct fault *fault)
{
    gid_t gid;
    enum kh_err err = socket_group_find(what, group, &gid, fault);
    if (err != KH_OK)
        return err;
    if (chown(path, (uid_t)-1, gid) != 0 || chmod(path, 0660) != 0)
        return fault_set(fault, KH_ERR_IO,
                         "%s: the group %s cannot be given to it: %s; keyholed has to be in that "
                         "group",
                         path, group, strerror(errno));
    return KH_OK;
}

enum kh_err
socket_group_find_directory(const char *what, const char *path, struct fault *fault)
{
    char directory[PATH_MAX];
    struct stat found;
    size_t n = (size_t)(strrchr(path, '/') - path);
    (void)snprintf(directory, sizeof directory, "%.*s", n ? (int)n : 1, path);
    if (stat(directory, &found) != 0)
        return fault_set(fault, KH_ERR_CONFIG, "%s: the directory of the socket, %.200s: %s", what,
                         directory, strerror(errno));
    if (!S_ISDIR(found.st_mode))
        return fault_set(fault, KH_ERR_CONFIG, "%s: %.200s is no directory", what, directory);
    return KH_OK;
}
