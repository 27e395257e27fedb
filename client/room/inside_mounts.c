/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets of servers outside that have a name in the file system: covered.
 *
 * bubblewrap could do it, but servers come and go: for a name that is gone it would make a file, on
 * the user's disk.
 */
#include "inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COVERS_MAX = 4 * 1024 * 1024 };

// Gone, or out of the user's reach anyway.
static bool
cover_is_needless(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP;
}

static void
cover(const char *path)
{
    struct stat about;
    // The name may be another file's by now.
    if (lstat(path, &about) == 0 && !S_ISSOCK(about.st_mode))
        return;
    if (mount("/dev/null", path, NULL, MS_BIND, NULL) != 0 && !cover_is_needless(errno))
        inside_fail("covering a socket");
}

void
inside_cover_files(void)
{
    size_t n = 0, cap = 4096;
    char *names = malloc(cap);
    // What is mounted outside from now on would otherwise be mounted here as well.
    if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0)
        inside_fail("cutting off the mounts outside");
    for (;;) {
        ssize_t part = names != NULL ? read(ROOM_FD_COVERS, names + n, cap - n) : -1;
        if (part < 0 || n > COVERS_MAX)
            inside_fail("reading the list of sockets");
        if (part == 0)
            break;
        n += (size_t)part;
        if (n == cap) {
            char *more = realloc(names, cap *= 2);
            if (more == NULL)
                inside_fail("reading the list of sockets");
            names = more;
        }
    }
    names[n] = '\0';
    for (const char *name = names; name < names + n; name += strlen(name) + 1)
        cover(name);
    free(names);
    close(ROOM_FD_COVERS);
}
