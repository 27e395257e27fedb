/* SPDX-License-Identifier: Apache-2.0
 *
 * The broker of this machine.
 */
#include "local_broker.h"

#include "answer.h"
#include "cli.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LOCAL_BROKER_PATIENCE_S = 30,
    LOCAL_BROKER_PROBE_MS = 2000,
    LOCAL_BROKER_LINE_MAX = 1 << 20
};

/* ---- where it is ---- */

static const char *
absolute_variable(const char *name)
{
    const char *value = cli_environment(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

enum kh_err
local_broker_directory(char out[LOCAL_BROKER_PATH_MAX], struct fault *fault)
{
    const char *base = absolute_variable("STATE_DIRECTORY"), *below = "";
    if (base == NULL && geteuid() == 0)
        base = "/var/lib/keyholed";
    if (base == NULL && (base = absolute_variable("XDG_STATE_HOME")) != NULL)
        below = "/keyholed";
    if (base == NULL) {
        const struct passwd *user;
        base = absolute_variable("HOME");
        if (base == NULL && (user = getpwuid(geteuid())) != NULL && user->pw_dir[0] == '/')
            base = user->pw_dir;
        below = "/.local/state/keyholed";
    }
    if (base == NULL)
        return fault_set(fault, KH_ERR_NOT_FOUND, "there is no home directory");
    // systemd names several directories with colons between them; the first is keyholed's.
    int n = snprintf(out, LOCAL_BROKER_PATH_MAX, "%.*s%s", (int)strcspn(base, ":"), base, below);
    return n < LOCAL_BROKER_PATH_MAX
               ? KH_OK
               : fault_set(fault, KH_ERR_TOO_LONG, "the state directory's name is too long");
}

static enum kh_err
local_broker_path(const char *directory, const char *name, char out[LOCAL_BROKER_PATH_MAX],
                  struct fault *fault)
{
    char found[LOCAL_BROKER_PATH_MAX];
    if (directory == NULL) {
        enum kh_err err = local_broker_directory(found, fault);
        if (err != KH_OK)
            return err;
        directory = found;
    }
    int n = snprintf(out, LOCAL_BROKER_PATH_MAX, "%s/%s", directory, name);
    return n < LOCAL_BROKER_PATH_MAX ? KH_OK
                                     : fault_set(fault, KH_ERR_TOO_LONG, "the path is too long");
}

// -1 with errno.
static int
local_broker_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, n + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

// Whatever else listens on that port is not to be sent a token.
static bool
local_broker_answers(const struct broker_address *address)
{
    struct http_answer answer;
    struct http_request request = {.timeout_ms = LOCAL_BROKER_PROBE_MS};
    json_t *object = NULL;
    if (broker_call(address, "/.well-known/keyhole/dischargers", request, &answer, NULL) != KH_OK)
        return false;
    bool is_broker = answer_object(&answer, &object) == KH_OK && answer.status == 200 &&
                     json_is_array(json_object_get(object, "dischargers"));
    json_decref(object);
    http_answer_free(&answer);
    return is_broker;
}

enum kh_err
local_broker_find(const char *directory, bool unix_socket, struct broker_address *out,
                  struct fault *fault)
{
    char path[LOCAL_BROKER_PATH_MAX];
    struct broker_address address = {0};
    if (unix_socket && local_broker_path(directory, "proxy.sock", path, NULL) == KH_OK) {
        int fd = local_broker_connect(path);
        if (fd >= 0) {
            close(fd);
            return broker_address_read(path, out, fault);
        }
    }
    enum kh_err err = broker_address_read(LOCAL_BROKER_URL, &address, fault);
    if (err == KH_OK && local_broker_answers(&address)) {
        *out = address;
        return KH_OK;
    }
    broker_address_free(&address);
    return fault_set(fault, KH_ERR_USAGE,
                     "which broker? None is running on this machine for this user%s.\n"
                     "  Give --broker or set KEYHOLE_BROKER to its URL%s, or start one: keyholed "
                     "run",
                     unix_socket ? "" : " on " LOCAL_BROKER_URL,
                     unix_socket ? " or unix socket" : "");
}

/* ---- its admin socket ---- */

static enum kh_err
local_broker_ask(int fd, struct bytes line, struct buffer *answer, struct fault *fault)
{
    const struct timeval patience = {.tv_sec = LOCAL_BROKER_PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (line.n > 0) {
        ssize_t n = send(fd, line.p, line.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return fault_set(fault, KH_ERR_IO, "the broker's admin socket: %s", strerror(errno));
        line = bytes_from(line, n > 0 ? (size_t)n : 0);
    }
    while (answer->n == 0 || answer->p[answer->n - 1] != '\n') {
        uint8_t *room = buffer_reserve(answer, 4096);
        ssize_t n = room != NULL ? recv(fd, room, 4096, 0) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fault_set(fault, KH_ERR_IO, "the broker's admin socket gives no answer");
        buffer_advance(answer, (size_t)n);
    }
    return KH_OK;
}

static enum kh_err
local_broker_read_mint(struct bytes line, struct token **out, struct fault *fault)
{
    json_t *answer =
        json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const char *token = answer_string(json_object_get(answer, "result"), "token");
    const char *message = answer_string(answer, "message");
    enum kh_err err;
    if (json_is_true(json_object_get(answer, "ok")) && token != NULL)
        err = token_scan(bytes_str(token), out, fault);
    else if (message != NULL)
        err = fault_set(fault, KH_ERR_DENIED, "%s", message);
    else
        err = fault_set(fault, KH_ERR_PROTOCOL, "the broker's answer is not as documented");
    json_decref(answer);
    return err;
}

static enum kh_err
local_broker_write_mint(const char *const *credential, size_t count, int64_t lifetime_s,
                        struct buffer *out, struct fault *fault)
{
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(names, json_string(credential[i]));
    json_t *object = json_pack("{s:s, s:o, s:I}", "command", "mint", "credentials", names,
                               "lifetime_s", (json_int_t)lifetime_s);
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL)
        return fault_set(fault, KH_ERR_USAGE, "names are UTF-8");
    buffer_put_str(out, text);
    buffer_put_byte(out, '\n');
    free(text);
    return KH_OK;
}

enum kh_err
local_broker_mint(const char *directory, const char *const *credential, size_t count,
                  int64_t lifetime_s, struct token **out, struct fault *fault)
{
    char path[LOCAL_BROKER_PATH_MAX];
    BUFFER_AUTO request, answer;
    buffer_init(&request, LOCAL_BROKER_LINE_MAX);
    buffer_init_secret(&answer, LOCAL_BROKER_LINE_MAX);
    enum kh_err err = local_broker_path(directory, "admin.sock", path, fault);
    if (err == KH_OK)
        err = local_broker_write_mint(credential, count, lifetime_s, &request, fault);
    if (err != KH_OK)
        return err;
    int fd = local_broker_connect(path);
    if (fd < 0)
        return fault_set(fault, KH_ERR_NOT_FOUND, "%.200s: %s", path, strerror(errno));
    err = local_broker_ask(fd, buffer_bytes(&request), &answer, fault);
    close(fd);
    return err == KH_OK ? local_broker_read_mint(buffer_bytes(&answer), out, fault) : err;
}
