/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories of runs. A lock on the directory itself says that its run lasts: it goes away with
 * the process, however that ends.
 */
#include "run_directory.h"

#include "cli.h"
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RUN_DIRECTORY_NAME "keyhole-run-"
// Between its making and its lock a directory is nobody's.
enum { RUN_DIRECTORY_AGE_S = 60 };

// Only files: nothing of ours has directories in it.
static void
directory_empty(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    if (list == NULL) {
        if (copy >= 0)
            close(copy);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(list)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(fd, entry->d_name, 0);
    closedir(list);
}

static void
directory_sweep_one(int base, const char *name, int64_t age_s)
{
    struct stat st;
    int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 077) == 0 &&
        time(NULL) - st.st_ctime >= age_s && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        directory_empty(fd);
        unlinkat(base, name, AT_REMOVEDIR);
    }
    close(fd);
}

void
run_directory_sweep(const char *base, int64_t age_s)
{
    DIR *list = opendir(base);
    if (list == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(list)) != NULL)
        if (strncmp(entry->d_name, RUN_DIRECTORY_NAME, sizeof RUN_DIRECTORY_NAME - 1) == 0)
            directory_sweep_one(dirfd(list), entry->d_name, age_s);
    closedir(list);
}

static bool
directory_try(const char *base, struct run_directory *out)
{
    int n = snprintf(out->path, sizeof out->path - 32, "%s/" RUN_DIRECTORY_NAME "XXXXXX", base);
    out->fd = -1;
    // Room for the names of files.
    if (n < 0 || (size_t)n >= sizeof out->path - 32 || mkdtemp(out->path) == NULL)
        return false;
    out->fd = open(out->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out->fd >= 0 && flock(out->fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    run_directory_remove(out);
    return false;
}

enum kh_err
run_directory_make(struct run_directory *out, struct fault *fault)
{
    struct run_directory directory = {.fd = -1};
    const char *runtime = cli_environment("XDG_RUNTIME_DIR");
    const char *const base[] = {runtime != NULL && runtime[0] == '/' ? runtime : "/tmp", "/tmp"};
    for (size_t i = 0; i < 2; i++) {
        run_directory_sweep(base[i], RUN_DIRECTORY_AGE_S);
        if (directory_try(base[i], &directory)) {
            *out = directory;
            return KH_OK;
        }
    }
    return fault_set(fault, KH_ERR_IO, "no directory for this run could be made in %.200s: %s",
                     base[0], strerror(errno));
}

enum kh_err
run_directory_write(const struct run_directory *directory, const char *name, struct bytes contents,
                    char path[RUN_DIRECTORY_PATH_MAX], struct fault *fault)
{
    int n = snprintf(path, RUN_DIRECTORY_PATH_MAX, "%s/%s", directory->path, name);
    if (n < 0 || n >= RUN_DIRECTORY_PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the path is too long");
    return files_write(path, contents, fault);
}

void
run_directory_remove(struct run_directory *directory)
{
    if (directory->path[0] == '\0')
        return;
    if (directory->fd >= 0) {
        directory_empty(directory->fd);
        close(directory->fd);
    }
    rmdir(directory->path);
    *directory = (struct run_directory){.fd = -1};
}
