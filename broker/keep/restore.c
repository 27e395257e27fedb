/* SPDX-License-Identifier: Apache-2.0
 *
 * From a backup to a state directory.
 */
#include "restore.h"

#include "../authority/clock.h"
#include "../database/private_file.h"
#include "restore_state.h"
#include "unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORK_PREFIX ".restore-"

struct place {
    char directory[PATH_MAX]; /* without a slash at its end */
    char work[PATH_MAX];
    bool there; /* the directory is */
};

// ---- where to ----

static bool
is_ours_to_ignore(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
           strcmp(name, "keyholed.lock") == 0 ||
           strncmp(name, WORK_PREFIX, sizeof WORK_PREFIX - 1) == 0;
}

static enum kh_err
check_empty(const char *directory, struct fault *fault)
{
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    enum kh_err err = KH_OK;

    if (listing == NULL)
        return fault_set(fault, KH_ERR_IO, "%s: %s", directory, strerror(errno));
    while (!err && (entry = readdir(listing)) != NULL) {
        if (!is_ours_to_ignore(entry->d_name))
            err = fault_set(fault, KH_ERR_EXISTS,
                            "%s: is not empty (%s); nothing was changed. Choose another "
                            "directory, or --force, which moves what is there aside",
                            directory, entry->d_name);
    }
    closedir(listing);
    return err;
}

static enum kh_err
find_place(const struct restore_options *options, struct place *out, struct fault *fault)
{
    struct stat st;
    int n = snprintf(out->directory, PATH_MAX, "%s", options->directory);
    enum kh_err err = KH_OK;

    while (n > 1 && n < PATH_MAX && out->directory[n - 1] == '/')
        out->directory[--n] = '\0';
    out->there = lstat(out->directory, &st) == 0;
    int m = snprintf(out->work, PATH_MAX, "%s%s%ld", out->directory,
                     out->there ? "/" WORK_PREFIX : WORK_PREFIX, (long)getpid());
    if (n <= 0 || n >= PATH_MAX || m < 0 || m >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
    if (out->there)
        err = private_directory_check(out->directory, fault);
    if (!err && out->there && !options->force)
        err = check_empty(out->directory, fault);
    return err;
}

// Nobody else sees it, and nothing of it has a name in the directory.
static enum kh_err
find_place_to_check(struct place *out, struct fault *fault)
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(out->work, PATH_MAX, "%s/keyholed-check-XXXXXX",
                     base && base[0] == '/' ? base : "/tmp");

    if (n < 0 || n >= PATH_MAX || mkdtemp(out->work) == NULL)
        return fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", out->work, strerror(errno));
    return KH_OK;
}

// ---- into place ----

static enum kh_err
move_one(const char *from, const char *to, const char *name, struct fault *fault)
{
    char source[PATH_MAX], target[PATH_MAX];
    int n = snprintf(source, sizeof source, "%s/%s", from, name);
    int m = snprintf(target, sizeof target, "%s/%s", to, name);

    if (n < 0 || m < 0 || n >= PATH_MAX || m >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", to);
    if (renameat2(AT_FDCWD, source, AT_FDCWD, target, RENAME_NOREPLACE) && errno != ENOENT)
        return fault_set(fault, KH_ERR_IO, "%s: cannot be put there: %s", target, strerror(errno));
    return KH_OK;
}

static bool
is_database(const char *name)
{
    return strncmp(name, CONTENTS_DATABASE, sizeof CONTENTS_DATABASE - 1) == 0;
}

// Everything but what is ignored, and the databases or they alone.
static enum kh_err
move_some(const char *from, const char *to, const char *except, bool databases, struct fault *fault)
{
    DIR *listing = opendir(from);
    const struct dirent *entry;
    enum kh_err err = KH_OK;

    if (listing == NULL)
        return fault_set(fault, KH_ERR_IO, "%s: %s", from, strerror(errno));
    while (!err && (entry = readdir(listing)) != NULL) {
        if (!is_ours_to_ignore(entry->d_name) && strcmp(entry->d_name, except) != 0 &&
            strncmp(entry->d_name, "before-restore-", 15) != 0 &&
            is_database(entry->d_name) == databases)
            err = move_one(from, to, entry->d_name, fault);
    }
    closedir(listing);
    return err;
}

static enum kh_err
sync_directory(const char *directory, struct fault *fault)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/x", directory);

    return n > 0 && n < PATH_MAX ? private_file_sync_parent(path, fault) : KH_ERR_TOO_LONG;
}

// The database first: without it there is no broker, and never half of one.
static enum kh_err
move_aside(const struct place *place, const char *aside, struct fault *fault)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", place->directory, aside);

    if (n < 0 || n >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "%s: the name is too long", place->directory);
    if (mkdir(path, 0700))
        return fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", path, strerror(errno));
    enum kh_err err = move_some(place->directory, path, aside, true, fault);
    if (!err)
        err = sync_directory(place->directory, fault);
    if (!err)
        err = move_some(place->directory, path, aside, false, fault);
    return err ? err : sync_directory(path, fault);
}

static void
move_back(const struct place *place, const char *aside)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", place->directory, aside);

    if (n < 0 || n >= PATH_MAX)
        return;
    if (!move_some(path, place->directory, "", false, NULL))
        (void)!move_some(path, place->directory, "", true, NULL);
    (void)rmdir(path);
}

static enum kh_err
move_in(const struct place *place, struct fault *fault)
{
    enum kh_err err = move_some(place->work, place->directory, "", false, fault);

    if (!err)
        err = sync_directory(place->directory, fault);
    if (!err)
        err = move_some(place->work, place->directory, "", true, fault);
    return err ? err : sync_directory(place->directory, fault);
}

static enum kh_err
move_directory(const struct place *place, struct fault *fault)
{
    if (renameat2(AT_FDCWD, place->work, AT_FDCWD, place->directory, RENAME_NOREPLACE))
        return fault_set(fault, KH_ERR_IO, "%s: cannot be put there: %s", place->directory,
                         strerror(errno));
    return private_file_sync_parent(place->directory, fault);
}

static enum kh_err
put_in_place(const struct restore_options *options, const struct place *place, json_t *report,
             struct fault *fault)
{
    const struct wall_clock clock = clock_system();
    char aside[64];

    if (!place->there)
        return move_directory(place, fault);
    bool empty = check_empty(place->directory, NULL) == KH_OK;
    snprintf(aside, sizeof aside, "before-restore-%lld", (long long)clock_now_s(&clock));
    if (empty)
        return move_in(place, fault);
    if (!options->force) // somebody was quicker
        return check_empty(place->directory, fault);
    enum kh_err err = move_aside(place, aside, fault);
    if (!err)
        err = move_in(place, fault);
    else
        move_back(place, aside);
    if (!err && json_object_set_new(report, "moved_aside", json_string(aside)))
        err = fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    return err;
}

// ---- all ----

static enum kh_err
check_sha256(const struct restore_options *options, const struct unpacked *unpacked,
             struct fault *fault)
{
    if (options->sha256 == NULL || strcasecmp(options->sha256, unpacked->sha256) == 0)
        return KH_OK;
    return fault_set(fault, KH_ERR_DENIED,
                     "its SHA-256 is %s, and not the one that was given: it is another file",
                     unpacked->sha256);
}

static enum kh_err
read_and_check(const struct restore_options *options, const struct place *place, int fd,
               struct unpacked *unpacked, json_t **report, struct fault *fault)
{
    enum kh_err err = unpack(fd, &options->opener, place->work, !options->check, unpacked, fault);

    if (!err)
        err = check_sha256(options, unpacked, fault);
    if (err)
        return err;
    if ((*report = json_copy(unpacked->manifest)) == NULL ||
        json_object_set_new(*report, "sha256", json_string(unpacked->sha256)))
        return fault_set(fault, KH_ERR_MEMORY, "memory is used up");
    const struct restore_state state = {
        .directory = place->work,
        .master_key = unpacked->master_key,
        .created_at = json_string_value(json_object_get(unpacked->manifest, "created_at")),
        .check = options->check,
        .revoke_before = options->revoke_before,
    };
    return restore_state_check(&state, *report, fault);
}

enum kh_err
restore_run(const struct restore_options *options, json_t **report, struct fault *fault)
{
    static struct place place;
    struct unpacked unpacked = {0};
    json_t *found = NULL;
    bool standard = strcmp(options->file, "-") == 0;
    enum kh_err err = options->check ? KH_OK : find_place(options, &place, fault);

    if (err)
        return err;
    int fd = standard ? STDIN_FILENO : open(options->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fault_set(fault, errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_IO, "%s: %s",
                         options->file, strerror(errno));
    if (options->check)
        err = find_place_to_check(&place, fault);
    else if (mkdir(place.work, 0700))
        err = fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", place.work, strerror(errno));
    if (!err) {
        err = read_and_check(options, &place, fd, &unpacked, &found, fault);
        if (err)
            fault_prefix(fault, "%s: ", options->file);
        if (!err && !options->check)
            err = put_in_place(options, &place, found, fault);
        unpack_remove(place.work);
    }
    if (!standard)
        close(fd);
    unpack_fini(&unpacked);
    if (err) {
        json_decref(found);
        return err;
    }
    *report = found;
    return KH_OK;
}
