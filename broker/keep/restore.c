/* SPDX-License-Identifier: Apache-2.0
 *
 * From a backup to a state directory.
 */
#include "restore.h"

#include "../authority/clock.h"
#include "../database/private_file.h"
#include "../leftover.h"
#include "../restore_journal.h"
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

#define CHECK_PREFIX "keyholed-check-"

struct place {
    struct restore_journal journal;
    char work[PATH_MAX];
    int fd; /* of a check: it holds what is there */
};

// ---- where to ----

static enum kh_err
check_empty(const char *directory, struct fault *fault)
{
    DIR *listing = opendir(directory);
    const struct dirent *entry;
    enum kh_err err = KH_OK;

    if (listing == NULL)
        return fault_set(fault, KH_ERR_IO, "%s: %s", directory, strerror(errno));
    while (!err && (entry = readdir(listing)) != NULL) {
        if (!restore_journal_ignores(entry->d_name))
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
    const struct wall_clock clock = clock_system();
    enum kh_err err = private_directory_check(options->directory, fault);

    if (!err && !options->force)
        err = check_empty(options->directory, fault);
    if (!err)
        err = restore_journal_begin(options->directory, (long long)clock_now_s(&clock),
                                    &out->journal, fault);
    memcpy(out->work, out->journal.work, sizeof out->work);
    return err;
}

// Nobody else sees it, and nothing of it has a name in the directory.
static enum kh_err
find_place_to_check(struct place *out, struct fault *fault)
{
    const char *base = getenv("TMPDIR");

    if (base == NULL || base[0] != '/')
        base = "/tmp";
    (void)leftover_clean(base, CHECK_PREFIX, "", S_IFDIR);
    return leftover_make_directory(base, CHECK_PREFIX, out->work, &out->fd, fault);
}

static void
leave_place(const struct restore_options *options, const struct place *place)
{
    if (!options->check) {
        restore_journal_drop(&place->journal);
        return;
    }
    leftover_remove_tree(place->work);
    close(place->fd);
}

// ---- into place ----

static enum kh_err
put_in_place(const struct restore_options *options, struct place *place, json_t *report,
             struct fault *fault)
{
    struct restore_outcome outcome;
    enum kh_err err = options->force ? KH_OK : check_empty(options->directory, fault);

    if (!err)
        err = restore_journal_commit(&place->journal, &outcome, fault);
    if (!err && outcome.aside[0] != '\0' &&
        json_object_set_new(report, "moved_aside", json_string(outcome.aside)))
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
    int fd = standard ? STDIN_FILENO : open(options->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        return fault_set(fault, errno == ENOENT ? KH_ERR_NOT_FOUND : KH_ERR_IO, "%s: %s",
                         options->file, strerror(errno));
    enum kh_err err =
        options->check ? find_place_to_check(&place, fault) : find_place(options, &place, fault);
    if (!err) {
        err = read_and_check(options, &place, fd, &unpacked, &found, fault);
        if (err)
            fault_prefix(fault, "%s: ", options->file);
        if (!err && !options->check)
            err = put_in_place(options, &place, found, fault);
        leave_place(options, &place);
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
