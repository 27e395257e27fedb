/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's end of the admin socket: one line there, one line back. */
#include "admin.h"

#include "../json_memory.h"
#include "terminal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
admin_init(void)
{
    json_memory_init();
}

/* ---- whom to ask ---- */

struct server {
    const char *name, *socket, *start;
};

static const struct server broker = {"broker", "admin.sock", "keyholed run"};
static const struct server discharger = {"discharger", "discharger.sock",
                                         "keyholed run (or keyholed discharger run)"};

/* ---- the line there ---- */

static int
put_json(const char *text, size_t n, void *context)
{
    buffer_put(context, bytes_of(text, n));
    return 0;
}

static enum kh_err
request_write(const char *command, struct admin_request *request, struct buffer *out,
              struct fault *fault)
{
    admin_put_text(request, "command", command);
    if (request->failed != NULL)
        return fault_set(fault, KH_ERR_SYNTAX, "%s: it is not UTF-8 text", request->failed);
    if (json_dump_callback(request->object, put_json, out, JSON_COMPACT) != 0)
        return fault_set(fault, KH_ERR_MEMORY, "the request could not be written");
    buffer_put_byte(out, '\n');
    if (out->failed)
        return fault_set(fault, KH_ERR_TOO_LONG, "the request is longer than %d bytes",
                         ADMIN_LINE_MAX);
    return KH_OK;
}

static enum kh_err
connect_fault(const struct server *server, const char *directory, const char *path, int error,
              struct fault *fault)
{
    if (error == ENOENT || error == ENOTDIR)
        return fault_set(fault, KH_ERR_CLOSED,
                         "no %s is running in %s (no %s there): start it with %s --dir %s",
                         server->name, directory, server->socket, server->start, directory);
    if (error == ECONNREFUSED)
        return fault_set(
            fault, KH_ERR_CLOSED,
            "no %s is running in %s (nobody listens on its %s): start it with %s --dir "
            "%s",
            server->name, directory, server->socket, server->start, directory);
    if (error == EACCES || error == EPERM)
        return fault_set(fault, KH_ERR_PERMISSION,
                         "%s may be used by the owner of the state directory alone", path);
    return fault_set(fault, KH_ERR_IO, "%s: %s", path, strerror(error));
}

static enum kh_err
server_connect(const struct server *server, const char *directory, int *out, struct fault *fault)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", directory, server->socket);
    if (n < 0 || (size_t)n >= sizeof(address.sun_path))
        return fault_set(fault, KH_ERR_TOO_LONG, "%.200s/%s is too long for a socket's path",
                         directory, server->socket);
    memcpy(address.sun_path, path, (size_t)n + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fault_set(fault, KH_ERR_IO, "no socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        enum kh_err err = connect_fault(server, directory, path, errno, fault);
        close(fd);
        return err;
    }
    *out = fd;
    return KH_OK;
}

// A person who waits is told so.
static void
line_wait(const struct server *server, int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (isatty(STDERR_FILENO) == 1 && poll(&wait, 1, ADMIN_SILENCE_MS) == 0)
        fprintf(stderr, "keyholed: the %s has not answered yet; waiting for %d s at most\n",
                server->name, ADMIN_PATIENCE_S);
}

// One that does not answer is not waited for without end.
static enum kh_err
line_exchange(const struct server *server, int fd, const struct buffer *request,
              struct buffer *answer, struct fault *fault)
{
    const struct timeval patience = {.tv_sec = ADMIN_PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    for (size_t done = 0; done < request->n;) {
        ssize_t n = send(fd, request->p + done, request->n - done, MSG_NOSIGNAL);
        if (n > 0)
            done += (size_t)n;
        else if (errno == EPIPE || errno == ECONNRESET)
            break; // it may have answered all the same: that it does not want us
        else if (errno != EINTR)
            return fault_set(fault, KH_ERR_IO, "asking the %s: %s", server->name, strerror(errno));
    }
    line_wait(server, fd);
    while (answer->n == 0 || answer->p[answer->n - 1] != '\n') {
        uint8_t *room = buffer_reserve(answer, 16384);
        if (room == NULL)
            return fault_set(fault, KH_ERR_PROTOCOL, "the %s's answer is too long", server->name);
        ssize_t n = recv(fd, room, 16384, 0);
        if (n > 0)
            buffer_advance(answer, (size_t)n);
        else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return fault_set(fault, KH_ERR_TIMEOUT,
                             "the %s does not answer; it may be restarting: see its log",
                             server->name);
        else if (n == 0 || errno == ECONNRESET)
            return fault_set(fault, KH_ERR_CLOSED, "the %s went away before it answered",
                             server->name);
        else if (errno != EINTR)
            return fault_set(fault, KH_ERR_IO, "the %s's answer: %s", server->name,
                             strerror(errno));
    }
    answer->n--;
    return KH_OK;
}

/* ---- the line back ---- */

static const char *
text_member(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

static enum kh_err
parse_refusal(const json_t *answer, enum operator_exit *status, struct fault *fault)
{
    const char *code = text_member(answer, "code"), *message = text_member(answer, "message");
    if (code == NULL || message == NULL)
        return fault_set(fault, KH_ERR_PROTOCOL,
                         "the answer is not as documented: is it of another version?");
    *status =
        strcmp(code, "denied") == 0 || strcmp(code, "permission") == 0 ? EXIT_DENIED : EXIT_FAILED;
    return fault_set(fault, KH_ERR_DENIED, "%s", message);
}

enum kh_err
admin_parse(struct bytes line, json_t **result, enum operator_exit *status, struct fault *fault)
{
    *status = EXIT_FAILED;
    json_t *answer = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *ok = json_object_get(answer, "ok");
    json_t *value = json_object_get(answer, "result");
    enum kh_err err;
    if (json_is_true(ok) && json_is_object(value)) {
        *status = EXIT_DONE;
        *result = json_incref(value);
        err = KH_OK;
    } else if (json_is_false(ok)) {
        err = parse_refusal(answer, status, fault);
    } else {
        err = fault_set(fault, KH_ERR_PROTOCOL,
                        "the answer is not as documented: is it of another version?");
    }
    json_decref(answer);
    return err;
}

static enum kh_err
admin_exchange(const struct server *server, const char *directory, const char *command,
               struct admin_request *request, json_t **result, enum operator_exit *status,
               struct fault *fault)
{
    BUFFER_AUTO line, answer;
    int fd = -1;
    buffer_init_secret(&line, ADMIN_LINE_MAX);
    buffer_init_secret(&answer, ADMIN_LINE_MAX + 16384);
    *status = EXIT_FAILED;
    enum kh_err err = request_write(command, request, &line, fault);
    json_decref(request->object);
    request->object = NULL;
    if (err == KH_OK)
        err = server_connect(server, directory, &fd, fault);
    if (err == KH_OK)
        err = line_exchange(server, fd, &line, &answer, fault);
    if (err == KH_OK)
        err = admin_parse(buffer_bytes(&answer), result, status, fault);
    if (err == KH_ERR_PERMISSION)
        *status = EXIT_DENIED;
    if (fd >= 0)
        close(fd);
    return err;
}

static void
print_fault(const struct fault *fault)
{
    fputs("keyholed: ", stderr);
    terminal_print_safe(stderr, fault->detail);
    fputc('\n', stderr);
}

static enum operator_exit
server_ask(const struct server *server, const char *directory, const char *command,
           struct admin_request *request, json_t **result)
{
    struct fault fault = {0};
    enum operator_exit status;
    if (admin_exchange(server, directory, command, request, result, &status, &fault) != KH_OK)
        print_fault(&fault);
    return status;
}

enum operator_exit
admin_ask(const char *directory, const char *command, struct admin_request *request,
          json_t **result)
{
    return server_ask(&broker, directory, command, request, result);
}

enum operator_exit
admin_ask_discharger(const char *directory, const char *command, struct admin_request *request,
                     json_t **result)
{
    return server_ask(&discharger, directory, command, request, result);
}

enum operator_exit
admin_ask_either(const char *directory, const char *command, json_t **result, bool *is_discharger)
{
    const struct server *const servers[] = {&broker, &discharger};
    struct fault fault[2] = {{0}};
    enum operator_exit status = EXIT_FAILED;
    enum kh_err err = KH_ERR_CLOSED;
    for (int i = 0; i < 2 && err == KH_ERR_CLOSED; i++) {
        struct admin_request request;
        admin_request_init(&request);
        err = admin_exchange(servers[i], directory, command, &request, result, &status, &fault[i]);
        *is_discharger = i == 1;
    }
    if (err != KH_OK) // of neither: it is the broker that is looked for
        print_fault(&fault[*is_discharger && err != KH_ERR_CLOSED]);
    return status;
}

enum kh_err
admin_ask_request_quietly(const char *directory, const char *command, struct admin_request *request,
                          json_t **result)
{
    enum operator_exit status;
    struct fault fault;
    return admin_exchange(&broker, directory, command, request, result, &status, &fault);
}

enum kh_err
admin_ask_quietly(const char *directory, const char *command, json_t **result)
{
    struct admin_request request;
    admin_request_init(&request);
    return admin_ask_request_quietly(directory, command, &request, result);
}

/* ---- members ---- */

void
admin_request_init(struct admin_request *request)
{
    *request = (struct admin_request){.object = json_object()};
    if (request->object == NULL)
        request->failed = "the request";
}

void
admin_put(struct admin_request *request, const char *member, json_t *value)
{
    if (json_object_set_new(request->object, member, value) != 0 && request->failed == NULL)
        request->failed = member;
}

void
admin_put_text(struct admin_request *request, const char *member, const char *text)
{
    if (text != NULL)
        admin_put(request, member, json_string(text));
}

void
admin_put_bytes(struct admin_request *request, const char *member, struct bytes text)
{
    if (text.n > 0)
        admin_put(request, member, json_stringn((const char *)text.p, text.n));
}

void
admin_put_list(struct admin_request *request, const char *member,
               const struct invocation_values *values)
{
    if (values->count == 0)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < values->count; i++)
        if (json_array_append_new(list, json_string(values->value[i])) != 0 &&
            request->failed == NULL)
            request->failed = member;
    admin_put(request, member, list);
}

const char *
admin_text(const json_t *object, const char *member)
{
    const char *text = text_member(object, member);
    return text != NULL ? text : "";
}

int64_t
admin_number(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static int
print_json(const char *text, size_t n, void *context)
{
    return fwrite(text, 1, n, context) == n ? 0 : -1;
}

void
admin_print_json(const json_t *result)
{
    size_t flags = isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT;
    json_dump_callback(result, print_json, stdout, flags | JSON_ENSURE_ASCII);
    fputc('\n', stdout);
}

enum operator_exit
admin_show(const struct invocation *invocation, enum operator_exit status, json_t *result,
           admin_show_fn *show)
{
    if (status != EXIT_DONE)
        return status;
    if (invocation->json)
        admin_print_json(result);
    else
        show(invocation, result);
    json_decref(result);
    return EXIT_DONE;
}
