/* SPDX-License-Identifier: Apache-2.0
 *
 * What no room sees.
 */
#include "room_hidden.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HIDDEN_SOCKETS_MAX = 4 * 1024 * 1024, HIDDEN_NAMES_MAX = 65536 };

static const char *const hidden_directories[] = {
    "/run", "/var/run", "/tmp/.X11-unix", "/tmp/.ICE-unix", "/var/lib/keyholed",
};

/* Directories named by a variable, or in the home directory where it is not set. */
static const struct {
    const char *variable, *fallback, *rest;
} hidden_homes[] = {
    {"XDG_RUNTIME_DIR", NULL, ""},
    {"GNUPGHOME", "/.gnupg", "/private-keys-v1.d"},
    {"XDG_STATE_HOME", "/.local/state", "/keyholed"}, // a broker of the user's own: keys, database
    {"XDG_STATE_HOME", "/.local/state", "/keyhole"},  // discharges of other tokens
};

/* Variables that name sockets: a path, or addresses with a path after one of these words. */
static const char *const hidden_socket_variables[] = {
    "SSH_AUTH_SOCK",
    "GPG_AGENT_INFO",
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "DOCKER_HOST",
    "CONTAINER_HOST",
    "NOTIFY_SOCKET",
    "PULSE_SERVER",
    "CONTAINERD_ADDRESS",
    "PODMAN_SOCK",
};

/* Of no use inside, or worse. */
static const char *const hidden_variables[] = {
    "SSH_AGENT_PID",
    "XDG_RUNTIME_DIR",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "SESSION_MANAGER",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "TMUX",
    "STY",
    "VSCODE_IPC_HOOK_CLI",
    "JOURNAL_STREAM",
    "GNOME_KEYRING_CONTROL",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *
hidden_variable(char *const envp[], const char *name)
{
    size_t n = strlen(name);
    for (; *envp != NULL; envp++)
        if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
            return *envp + n + 1;
    return NULL;
}

/* ---- directories ---- */

static bool
hidden_is_in(const char *path, const char *above)
{
    size_t n = strlen(above);
    return strncmp(path, above, n) == 0 && (path[n] == '/' || path[n] == '\0' || n == 1);
}

static void
hidden_add(struct room_paths *paths, const char *path, enum kh_err *err)
{
    struct stat about;
    char *real = *path == '/' ? realpath(path, NULL) : NULL;
    if (real == NULL || stat(real, &about) != 0 || !S_ISDIR(about.st_mode) ||
        strcmp(real, "/") == 0) {
        free(real);
        return;
    }
    bool known = false;
    for (size_t i = 0; i < paths->count && !known; i++)
        known = strcmp(paths->path[i], real) == 0;
    if (!known && paths->count < ROOM_HIDDEN_MAX) {
        paths->path[paths->count++] = real;
        return;
    }
    free(real);
    if (!known)
        *err = KH_ERR_TOO_LONG;
}

static void
hidden_add_home(struct room_hidden *hidden, char *const envp[], size_t row, enum kh_err *err)
{
    const char *value = hidden_variable(envp, hidden_homes[row].variable);
    const char *home = hidden_variable(envp, "HOME");
    BUFFER_AUTO path;
    buffer_init(&path, PATH_MAX);
    if (value != NULL && *value == '/')
        buffer_put_str(&path, value);
    else if (hidden_homes[row].fallback != NULL && home != NULL)
        buffer_printf(&path, "%s%s", home, hidden_homes[row].fallback);
    else
        return;
    buffer_put_str(&path, hidden_homes[row].rest);
    hidden_add(&hidden->lasting, buffer_text(&path), err);
}

// The directory of a socket, unless the program has to be there.
static void
hidden_add_directory_of(struct room_hidden *hidden, const char *socket_name,
                        const char *const keep[], enum kh_err *err)
{
    char directory[PATH_MAX], *real;
    const char *slash = strrchr(socket_name, '/');
    size_t n = (size_t)(slash - socket_name);
    if (n == 0 || n >= sizeof directory)
        return;
    memcpy(directory, socket_name, n);
    directory[n] = '\0';
    real = realpath(directory, NULL);
    bool kept = real == NULL;
    for (; !kept && *keep != NULL; keep++)
        kept = hidden_is_in(*keep, real);
    if (!kept)
        hidden_add(&hidden->passing, real, err);
    free(real);
}

/* ---- sockets ---- */

static int
hidden_compare(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

// Num RefCount Protocol Flags Type St Inode Path; a name may have spaces.
static struct bytes
hidden_socket_name(struct bytes line)
{
    size_t at = bytes_index(line, '/');
    struct bytes head = bytes_slice(line, 0, at);
    size_t fields = 0;
    for (struct bytes rest = head, part; bytes_cut(&rest, ' ', &part);)
        fields += part.n > 0;
    return at < line.n && at > 0 && line.p[at - 1] == ' ' && fields == 7 ? bytes_from(line, at)
                                                                         : BYTES_EMPTY;
}

void
room_hidden_sockets(struct bytes unix_table, struct buffer *out)
{
    size_t count = 0, max = 1;
    for (size_t i = 0; i < unix_table.n; i++)
        max += unix_table.p[i] == '\n';
    struct bytes *name = calloc(max, sizeof *name), line;
    if (name == NULL) {
        out->failed = true;
        return;
    }
    while (bytes_cut(&unix_table, '\n', &line) && count < max)
        if ((name[count] = hidden_socket_name(line)).n > 0)
            count++;
    qsort(name, count, sizeof *name, hidden_compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && bytes_equal(name[i], name[i - 1]))
            continue;
        buffer_put(out, name[i]);
        buffer_put_byte(out, '\0');
    }
    free(name);
}

// "unix:path=/a,guid=…;unix:path=/b", "unix:///var/run/docker.sock", "/a:123:1", "/a".
static void
hidden_add_named(struct room_hidden *hidden, const char *value, const char *const keep[],
                 enum kh_err *err)
{
    struct bytes rest = bytes_str(value), part;
    while (bytes_cut(&rest, ';', &part)) {
        char name[PATH_MAX];
        struct bytes path = bytes_from(part, bytes_index(part, '/'));
        while (bytes_starts(path, BYTES("//")))
            path = bytes_from(path, 1);
        path = bytes_slice(path, 0, bytes_index(path, ','));
        if (!bytes_starts(part, BYTES("unix:")))
            path = bytes_slice(path, 0, bytes_index(path, ':'));
        if (path.n == 0 || path.n >= sizeof name)
            continue;
        memcpy(name, path.p, path.n);
        name[path.n] = '\0';
        struct stat about;
        if (lstat(name, &about) != 0 || S_ISDIR(about.st_mode))
            continue;
        buffer_put(&hidden->covers, bytes_of(name, path.n + 1));
        hidden_add_directory_of(hidden, name, keep, err);
    }
}

// A broker's state, wherever it is: its sockets lie beside its database.
static void
hidden_add_brokers(struct room_hidden *hidden, enum kh_err *err)
{
    static const char *const keep_none[] = {NULL};
    struct bytes rest = buffer_bytes(&hidden->covers), name;
    while (bytes_cut(&rest, '\0', &name)) {
        char database[PATH_MAX];
        const char *path = (const char *)name.p;
        const char *slash = name.n > 0 ? strrchr(path, '/') : NULL;
        size_t n = slash != NULL ? (size_t)(slash - path) : sizeof database;
        if (n + sizeof "/keyholed.db" > sizeof database)
            continue;
        memcpy(database, path, n);
        memcpy(database + n, "/keyholed.db", sizeof "/keyholed.db");
        if (access(database, F_OK) == 0)
            hidden_add_directory_of(hidden, path, keep_none, err);
    }
}

enum kh_err
room_hidden_collect(struct bytes unix_table, char *const envp[], const char *const keep[],
                    struct room_hidden *out, struct fault *fault)
{
    enum kh_err err = KH_OK;
    *out = (struct room_hidden){.lasting = {.count = 0}};
    buffer_init(&out->covers, HIDDEN_SOCKETS_MAX);
    room_hidden_sockets(unix_table, &out->covers);
    for (size_t i = 0; i < COUNT(hidden_directories); i++)
        hidden_add(&out->lasting, hidden_directories[i], &err);
    for (size_t i = 0; i < COUNT(hidden_homes); i++)
        hidden_add_home(out, envp, i, &err);
    hidden_add_brokers(out, &err);
    for (size_t i = 0; i < COUNT(hidden_socket_variables); i++) {
        const char *value = hidden_variable(envp, hidden_socket_variables[i]);
        if (value != NULL)
            hidden_add_named(out, value, keep, &err);
    }
    for (size_t i = 0; i < out->passing.count; i++)
        buffer_put(&out->covers, bytes_of(out->passing.path[i], strlen(out->passing.path[i]) + 1));
    if (out->covers.failed || err != KH_OK)
        return fault_set(fault, KH_ERR_TOO_LONG,
                         "more sockets of servers are here than a room can hide");
    return KH_OK;
}

void
room_hidden_free(struct room_hidden *hidden)
{
    for (size_t i = 0; i < hidden->lasting.count; i++)
        free(hidden->lasting.path[i]);
    for (size_t i = 0; i < hidden->passing.count; i++)
        free(hidden->passing.path[i]);
    buffer_free(&hidden->covers);
    *hidden = (struct room_hidden){.lasting = {.count = 0}};
}

/* ---- variables ---- */

static bool
hidden_is_named(const char *variable, const char *const *name, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(name[i]);
        if (strncmp(variable, name[i], n) == 0 && variable[n] == '=')
            return true;
    }
    return false;
}

char **
room_hidden_environment(char *const envp[])
{
    size_t count = 0, kept = 0;
    while (envp[count] != NULL)
        count++;
    char **out = calloc(count + 1, sizeof *out);
    for (size_t i = 0; i < count && out != NULL; i++)
        if (!hidden_is_named(envp[i], hidden_variables, COUNT(hidden_variables)) &&
            !hidden_is_named(envp[i], hidden_socket_variables, COUNT(hidden_socket_variables)))
            out[kept++] = envp[i];
    return out;
}
