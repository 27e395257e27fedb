/* SPDX-License-Identifier: Apache-2.0
 *
 * What a room looks like inside: bubblewrap's arguments, in the order in which it acts on them.
 */
#include "room_layout.h"

#include "room/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum layout_kind { LAYOUT_RW = 0, LAYOUT_RO, LAYOUT_HIDE };

struct layout_entry {
    const char *path;
    enum layout_kind kind;
    bool file;   /* no directory */
    bool always; /* not by the settings */
    bool maybe;  /* as far as it is there */
};

enum { LAYOUT_DEFAULTS = 3, LAYOUT_ENTRIES = 3 * ROOM_PATHS_MAX + 128 };

struct layout_entries {
    struct layout_entry entry[LAYOUT_ENTRIES];
    size_t count;
};

/* ---- arguments ---- */

static void
layout_add(struct room_layout *layout, const char *argument)
{
    if (layout->arg_count + 1 >= layout->arg_cap) {
        size_t cap = layout->arg_cap > 0 ? 2 * layout->arg_cap : 128;
        char **more = reallocarray(layout->arg, cap, sizeof *more);
        if (more == NULL) {
            layout->failed = true;
            return;
        }
        layout->arg = more;
        layout->arg_cap = cap;
    }
    char *copy = strdup(argument);
    if (copy == NULL) {
        layout->failed = true;
        return;
    }
    layout->arg[layout->arg_count++] = copy;
    layout->arg[layout->arg_count] = NULL;
}

static void
layout_add_list(struct room_layout *layout, const char *const *argument)
{
    for (; *argument != NULL; argument++)
        layout_add(layout, *argument);
}
#define LAYOUT_ADD(layout, ...) layout_add_list(layout, (const char *const[]){__VA_ARGS__, NULL})

static void
layout_add_number(struct room_layout *layout, unsigned long number)
{
    char text[24];
    snprintf(text, sizeof text, "%lu", number);
    layout_add(layout, text);
}

static void
layout_add_data(struct room_layout *layout, const char *contents, const char *path)
{
    char *copy = layout->data_count < ROOM_LAYOUT_DATA ? strdup(contents) : NULL;
    if (copy == NULL) {
        layout->failed = true;
        return;
    }
    LAYOUT_ADD(layout, "--perms", "0644", "--ro-bind-data");
    layout_add_number(layout, ROOM_FD_DATA + layout->data_count);
    layout_add(layout, path);
    layout->data[layout->data_count++] = copy;
}

void
room_layout_free(struct room_layout *layout)
{
    for (size_t i = 0; i < layout->arg_count; i++)
        free(layout->arg[i]);
    for (size_t i = 0; i < layout->data_count; i++)
        free(layout->data[i]);
    free(layout->arg);
    *layout = (struct room_layout){.arg_count = 0};
}

/* ---- paths, and which decides ---- */

// Whether `path` is `above` or in it.
static bool
layout_is_in(const char *path, const char *above)
{
    size_t n = strlen(above);
    if (strcmp(above, "/") == 0)
        return true;
    return strncmp(path, above, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static const struct layout_entry *
layout_find(const struct layout_entries *entries, const char *path)
{
    for (size_t i = 0; i < entries->count; i++)
        if (strcmp(entries->entry[i].path, path) == 0)
            return &entries->entry[i];
    return NULL;
}

static enum layout_kind
layout_kind_of(const struct layout_entries *entries, const char *path)
{
    const struct layout_entry *best = NULL;
    for (size_t i = 0; i < entries->count; i++)
        if (layout_is_in(path, entries->entry[i].path) &&
            (best == NULL || strlen(entries->entry[i].path) > strlen(best->path)))
            best = &entries->entry[i];
    return best != NULL ? best->kind : LAYOUT_RW;
}

static bool
layout_is_file(const struct room_facts *facts, const char *path)
{
    for (const char *const *file = facts->file; *file != NULL; file++)
        if (strcmp(*file, path) == 0)
            return true;
    return false;
}

// Bound in from outside, they would show the machine's processes, network and devices.
static bool
layout_is_own(const char *path)
{
    static const char *const own[] = {"/proc", "/sys", "/dev"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (layout_is_in(path, own[i]))
            return true;
    return false;
}

static enum kh_err
layout_collect_paths(struct layout_entries *entries, const struct room_facts *facts,
                     const char *const *path, size_t count, enum layout_kind kind,
                     struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        if (layout_is_own(path[i]))
            return fault_set(fault, KH_ERR_USAGE,
                             "%s: a room has a /proc, /sys and /dev of its own", path[i]);
        const struct layout_entry *before = layout_find(entries, path[i]);
        if (before != NULL && before->kind == kind)
            continue;
        if (before != NULL)
            return fault_set(fault, KH_ERR_USAGE,
                             before->always ? "%s is hidden in every room"
                                            : "%s is given as two of --ro, --rw and --hide",
                             path[i]);
        entries->entry[entries->count++] = (struct layout_entry){
            .path = path[i], .kind = kind, .file = layout_is_file(facts, path[i])};
    }
    return KH_OK;
}

static void
layout_collect_default(struct layout_entries *entries, const char *path, enum layout_kind kind)
{
    if (layout_find(entries, path) == NULL)
        entries->entry[entries->count++] =
            (struct layout_entry){.path = path, .kind = kind, .maybe = true};
}

// What is above comes first.
static int
layout_compare(const void *a, const void *b)
{
    const struct layout_entry *left = a, *right = b;
    size_t m = strlen(left->path), n = strlen(right->path);
    return m != n ? (m < n ? -1 : 1) : strcmp(left->path, right->path);
}

static enum kh_err
layout_collect(const struct room_settings *settings, const struct room_facts *facts,
               struct layout_entries *entries, struct fault *fault)
{
    enum kh_err err = KH_OK;
    // These first: no setting opens them again, but for what is below them.
    for (const char *const *path = facts->hidden; *path != NULL; path++) {
        if (entries->count == LAYOUT_ENTRIES - 3 * ROOM_PATHS_MAX - LAYOUT_DEFAULTS)
            return fault_set(fault, KH_ERR_TOO_LONG, "too many directories that no room sees");
        if (layout_find(entries, *path) == NULL)
            entries->entry[entries->count++] =
                (struct layout_entry){.path = *path, .kind = LAYOUT_HIDE, .always = true};
    }
    err = layout_collect_paths(entries, facts, settings->hide, settings->hide_count, LAYOUT_HIDE,
                               fault);
    if (err == KH_OK)
        err = layout_collect_paths(entries, facts, settings->ro, settings->ro_count, LAYOUT_RO,
                                   fault);
    if (err == KH_OK)
        err = layout_collect_paths(entries, facts, settings->rw, settings->rw_count, LAYOUT_RW,
                                   fault);
    if (err == KH_OK && settings->rw_count > 0 && layout_find(entries, "/") == NULL) {
        // Whoever says what may be written means that the rest may not.
        layout_collect_default(entries, "/tmp", LAYOUT_RW);
        layout_collect_default(entries, "/var/tmp", LAYOUT_RW);
        layout_collect_default(entries, "/", LAYOUT_RO);
    } else if (err == KH_OK) {
        layout_collect_default(entries, "/", LAYOUT_RW);
    }
    if (err == KH_OK)
        qsort(entries->entry, entries->count, sizeof entries->entry[0], layout_compare);
    return err;
}

/* ---- what bubblewrap does ---- */

static void
layout_add_namespaces(struct room_layout *layout, const struct room_facts *facts)
{
    // Root of the room's namespaces is keyhole-room alone, for as long as it takes to set them up.
    LAYOUT_ADD(layout, "bwrap", "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net",
               "--unshare-uts", "--unshare-cgroup-try", "--uid", "0", "--gid", "0", "--cap-add",
               "ALL", "--as-pid-1", "--die-with-parent");
    if (!facts->terminal)
        layout_add(layout, "--new-session");
}

static void
layout_add_root(struct room_layout *layout, const struct layout_entries *entries,
                const struct room_facts *facts)
{
    enum layout_kind root = layout_find(entries, "/")->kind;
    if (root != LAYOUT_HIDE) {
        LAYOUT_ADD(layout, root == LAYOUT_RO ? "--ro-bind" : "--bind", "/", "/");
    } else {
        // /bin is a link to usr/bin: without it, there is no /bin/sh.
        for (const char *const *link = facts->link; link[0] != NULL; link += 2)
            LAYOUT_ADD(layout, "--symlink", link[1], link[0]);
        LAYOUT_ADD(layout, "--perms", "0755", "--dir", "/etc");
        if (layout_find(entries, "/tmp") == NULL)
            LAYOUT_ADD(layout, "--perms", "1777", "--tmpfs", "/tmp");
    }
    // Of /sys what runtimes ask for the machine's size; the rest shows the network outside.
    LAYOUT_ADD(layout, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/sys", "--ro-bind-try",
               "/sys/devices/system", "/sys/devices/system", "--ro-bind-try", "/sys/fs/cgroup",
               "/sys/fs/cgroup", "--remount-ro", "/sys");
}

static bool
layout_is_under_hidden(const struct layout_entries *entries, const char *path)
{
    struct layout_entries above = *entries;
    for (size_t i = 0; i < above.count; i++)
        if (strcmp(above.entry[i].path, path) == 0)
            above.entry[i] = above.entry[--above.count];
    return layout_kind_of(&above, path) == LAYOUT_HIDE;
}

static void
layout_add_entry(struct room_layout *layout, const struct layout_entries *entries,
                 const struct layout_entry *entry)
{
    static const char *const bind[][2] = {
        [LAYOUT_RW] = {"--bind", "--bind-try"}, [LAYOUT_RO] = {"--ro-bind", "--ro-bind-try"}};
    if (entry->kind != LAYOUT_HIDE)
        LAYOUT_ADD(layout, bind[entry->kind][entry->maybe], entry->path, entry->path);
    else if (layout_is_under_hidden(entries, entry->path))
        return;
    else if (entry->file)
        layout_add_data(layout, "", entry->path);
    else
        LAYOUT_ADD(layout, "--perms", strcmp(entry->path, "/tmp") == 0 ? "1777" : "0755", "--tmpfs",
                   entry->path);
}

// The text with its line on hosts exchanged: what else it says is none of ours.
static void
layout_names(const char *text, struct buffer *out)
{
    static const char hosts[] = "hosts:";
    struct bytes rest = bytes_str(text), line;
    while (bytes_cut(&rest, '\n', &line))
        if (!bytes_starts(bytes_trim(line), bytes_str(hosts)) && (line.n > 0 || rest.n > 0)) {
            buffer_put(out, line);
            buffer_put_byte(out, '\n');
        }
    buffer_put_str(out, "hosts: files dns\n");
}

static void
layout_add_names(struct room_layout *layout, const struct layout_entries *entries,
                 const struct room_facts *facts)
{
    bool hidden = layout_kind_of(entries, "/etc") == LAYOUT_HIDE;
    const char *resolv_conf = hidden ? "/etc/resolv.conf" : facts->resolv_conf;
    const char *hosts = hidden ? "/etc/hosts" : facts->hosts;
    const char *nsswitch = hidden ? "/etc/nsswitch.conf" : facts->nsswitch;
    BUFFER_AUTO text;
    buffer_init(&text, 65536);
    if (resolv_conf != NULL)
        layout_add_data(layout, "nameserver " ROOM_ADDRESS "\n", resolv_conf);
    buffer_printf(&text, "127.0.0.1 localhost %s\n::1 localhost ip6-localhost\n", facts->hostname);
    if (hosts != NULL)
        layout_add_data(layout, buffer_text(&text), hosts);
    buffer_clear(&text);
    layout_names(facts->nsswitch_text != NULL ? facts->nsswitch_text : "", &text);
    if (nsswitch != NULL)
        layout_add_data(layout, buffer_text(&text), nsswitch);
    layout->failed = layout->failed || text.failed;
}

size_t
room_layout_ports(const struct room_settings *settings, uint16_t port[ROOM_PORTS_MAX + 2])
{
    size_t count = 0;
    port[count++] = 80;
    port[count++] = 443;
    for (size_t i = 0; i < settings->port_count; i++) {
        size_t at = 0;
        while (at < count && port[at] != settings->port[i])
            at++;
        // The resolver has 53 of every address.
        if (at == count && settings->port[i] != 53 && settings->port[i] != 0)
            port[count++] = settings->port[i];
    }
    return count;
}

static void
layout_add_program(struct room_layout *layout, const struct room_settings *settings,
                   const struct room_facts *facts, char *const argv[])
{
    uint16_t port[ROOM_PORTS_MAX + 2];
    size_t count = room_layout_ports(settings, port);
    BUFFER_AUTO ports;
    buffer_init(&ports, 1024);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&ports, "%s%u", i > 0 ? "," : "", port[i]);
    // By its descriptor: its own directory may be hidden.
    buffer_put_byte(&ports, '\0');
    char helper[32];
    snprintf(helper, sizeof helper, "/proc/self/fd/%d", ROOM_FD_HELPER);
    LAYOUT_ADD(layout, "--", helper);
    layout_add_number(layout, facts->uid);
    layout_add_number(layout, facts->gid);
    layout_add(layout, facts->namespaces);
    layout_add(layout, ports.failed ? "" : (const char *)ports.p);
    for (size_t i = 0; argv[i] != NULL; i++)
        layout_add(layout, argv[i]);
}

enum kh_err
room_layout_make(const struct room_settings *settings, const struct room_facts *facts,
                 char *const argv[], struct room_layout *out, struct fault *fault)
{
    struct layout_entries entries = {.count = 0};
    enum kh_err err = layout_collect(settings, facts, &entries, fault);
    *out = (struct room_layout){.arg_count = 0};
    if (err != KH_OK)
        return err;
    if (layout_kind_of(&entries, facts->directory) == LAYOUT_HIDE &&
        layout_find(&entries, facts->directory) == NULL)
        return fault_set(fault, KH_ERR_USAGE, "the working directory, %s, is hidden in the room",
                         facts->directory);
    layout_add_namespaces(out, facts);
    layout_add_root(out, &entries, facts);
    for (size_t i = 0; i < entries.count; i++)
        if (strcmp(entries.entry[i].path, "/") != 0)
            layout_add_entry(out, &entries, &entries.entry[i]);
    layout_add_names(out, &entries, facts);
    if (settings->bundle != NULL)
        LAYOUT_ADD(out, "--ro-bind", settings->bundle, settings->bundle);
    // Only over what is there: for anything else bubblewrap would make a file outside.
    for (const char *const *file = facts->roots; settings->roots != NULL && *file != NULL; file++)
        LAYOUT_ADD(out, "--ro-bind", settings->roots, *file);
    LAYOUT_ADD(out, "--chdir", facts->directory);
    layout_add_program(out, settings, facts, argv);
    if (out->failed)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for a room");
    return KH_OK;
}
