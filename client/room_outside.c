/* SPDX-License-Identifier: Apache-2.0
 *
 * What there is outside of a room, for its layout.
 */
#include "room_internal.h"

#include "files.h"
#include "room/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTSIDE_TABLE_MAX = 16 * 1024 * 1024 };

static const char *
outside_keep(struct room_making *making, char *path)
{
    if (path != NULL)
        making->real[making->real_count++] = path;
    return path;
}

static enum kh_err
outside_real_paths(struct room_making *making, const char *const *given, size_t count,
                   const char **real, const char *option, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        real[i] = outside_keep(making, realpath(given[i], NULL));
        if (real[i] == NULL)
            return fault_set(fault, KH_ERR_USAGE, "%s %s: %s", option, given[i], strerror(errno));
    }
    return KH_OK;
}

static enum kh_err
outside_read_settings(struct room_making *making, const struct room_settings *settings,
                      struct fault *fault)
{
    struct room_settings *real = &making->settings;
    if (settings->ro_count > ROOM_PATHS_MAX || settings->rw_count > ROOM_PATHS_MAX ||
        settings->hide_count > ROOM_PATHS_MAX || settings->port_count > ROOM_PORTS_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG,
                         "a room has at most %d paths of a kind and %d ports", ROOM_PATHS_MAX,
                         ROOM_PORTS_MAX);
    *real = *settings;
    enum kh_err err =
        outside_real_paths(making, settings->ro, settings->ro_count, real->ro, "--ro", fault);
    if (err == KH_OK)
        err = outside_real_paths(making, settings->rw, settings->rw_count, real->rw, "--rw", fault);
    if (err == KH_OK)
        err = outside_real_paths(making, settings->hide, settings->hide_count, real->hide, "--hide",
                                 fault);
    return err;
}

static void
outside_collect_links(struct room_making *making)
{
    static const char *const names[] = {"/bin",   "/sbin",   "/lib",    "/lib32",
                                        "/lib64", "/libx32", "/libexec"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char target[PATH_MAX];
        ssize_t size = readlink(names[i], target, sizeof target - 1);
        if (size <= 0)
            continue;
        target[size] = '\0';
        making->link[n] = strdup(names[i]);
        making->link[n + 1] = strdup(target);
        if (making->link[n] != NULL && making->link[n + 1] != NULL)
            n += 2;
    }
    making->link[n] = NULL;
}

// Several names may lead to one file.
static void
outside_collect_roots(struct room_making *making, const char *root[BUNDLE_PLACES_MAX + 1])
{
    const char *place[BUNDLE_PLACES_MAX];
    size_t count = bundle_places(place), n = 0;
    for (size_t i = 0; i < count; i++) {
        const char *real = outside_keep(making, realpath(place[i], NULL));
        struct stat about;
        bool known = real == NULL || stat(real, &about) != 0 || !S_ISREG(about.st_mode);
        for (size_t j = 0; j < n && !known; j++)
            known = strcmp(root[j], real) == 0;
        if (!known)
            root[n++] = real;
    }
    root[n] = NULL;
}

// /proc has no size to be asked for.
static enum kh_err
outside_read_table(struct buffer *out, struct fault *fault)
{
    int fd = open("/proc/net/unix", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? 1 : -1;
    while (n > 0 && !out->failed) {
        uint8_t part[16384];
        n = read(fd, part, sizeof part);
        if (n > 0)
            buffer_put(out, bytes_of(part, (size_t)n));
    }
    if (fd >= 0)
        close(fd);
    return n == 0 ? KH_OK
                  : fault_set(fault, KH_ERR_UNSUPPORTED,
                              "no room can be made here: /proc/net/unix, which says what sockets "
                              "to hide, cannot be read");
}

static enum kh_err
outside_collect_hidden(struct room_making *making, const char *directory, struct fault *fault)
{
    const char *home = getenv("HOME");
    const char *const keep[] = {"/tmp", "/var/tmp", directory, home, NULL};
    BUFFER_AUTO table;
    buffer_init(&table, OUTSIDE_TABLE_MAX);
    enum kh_err err = outside_read_table(&table, fault);
    return err != KH_OK
               ? err
               : room_hidden_collect(buffer_bytes(&table), environ, keep, &making->hidden, fault);
}

static bool
outside_is_in(const char *path, const char *above)
{
    size_t n = strlen(above);
    return strncmp(path, above, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static enum kh_err
outside_namespaces(struct buffer *out, struct fault *fault)
{
    static const char *const name[ROOM_NAMESPACE_COUNT] = ROOM_NAMESPACES;
    for (size_t i = 0; i < ROOM_NAMESPACE_COUNT; i++) {
        char path[32];
        struct stat about;
        snprintf(path, sizeof path, "/proc/self/ns/%s", name[i]);
        if (stat(path, &about) != 0)
            return fault_set(fault, KH_ERR_UNSUPPORTED, "no room can be made here: %s: %s", path,
                             strerror(errno));
        buffer_printf(out, "%s%lu", i > 0 ? "," : "", (unsigned long)about.st_ino);
    }
    return KH_OK;
}

static enum kh_err
outside_lay_out(struct room_making *making, char *const argv[], struct fault *fault)
{
    static char hostname[HOST_NAME_MAX + 1];
    const char *file[ROOM_PATHS_MAX + 1];
    size_t files = 0;
    struct stat about;
    char directory[PATH_MAX];
    if (getcwd(directory, sizeof directory) == NULL)
        return fault_set(fault, KH_ERR_USAGE, "the working directory: %s", strerror(errno));
    BUFFER_AUTO namespaces;
    buffer_init(&namespaces, 256);
    enum kh_err err = outside_collect_hidden(making, directory, fault);
    if (err == KH_OK)
        err = outside_namespaces(&namespaces, fault);
    for (size_t i = 0; err == KH_OK && i < making->hidden.passing.count; i++)
        if (outside_is_in(directory, making->hidden.passing.path[i]))
            err = fault_set(fault, KH_ERR_USAGE, "the working directory, %s, is hidden in the room",
                            directory);
    if (err != KH_OK)
        return err;
    for (size_t i = 0; i < making->settings.hide_count; i++)
        if (stat(making->settings.hide[i], &about) == 0 && !S_ISDIR(about.st_mode))
            file[files++] = making->settings.hide[i];
    file[files] = NULL;
    if (gethostname(hostname, sizeof hostname) != 0)
        snprintf(hostname, sizeof hostname, "room");
    outside_collect_links(making);
    const char *root[BUNDLE_PLACES_MAX + 1];
    outside_collect_roots(making, root);
    struct room_facts facts = {
        .directory = directory,
        .resolv_conf = outside_keep(making, realpath("/etc/resolv.conf", NULL)),
        .hosts = outside_keep(making, realpath("/etc/hosts", NULL)),
        .nsswitch = outside_keep(making, realpath("/etc/nsswitch.conf", NULL)),
        .roots = root,
        .hostname = hostname,
        .namespaces = buffer_text(&namespaces),
        .hidden = (const char *const *)making->hidden.lasting.path,
        .link = (const char *const *)making->link,
        .file = file,
        .terminal = making->room->terminal >= 0,
        .uid = geteuid(),
        .gid = getegid(),
    };
    struct fault none;
    if (facts.nsswitch != NULL && files_read(facts.nsswitch, &making->nsswitch, &none) == KH_OK)
        facts.nsswitch_text = buffer_text(&making->nsswitch);
    return room_layout_make(&making->settings, &facts, argv, &making->layout, fault);
}

enum kh_err
room_outside_read(struct room_making *making, const struct room_settings *settings,
                  char *const argv[], struct fault *fault)
{
    enum kh_err err = outside_read_settings(making, settings, fault);
    return err != KH_OK ? err : outside_lay_out(making, argv, fault);
}
