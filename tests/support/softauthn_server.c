/* SPDX-License-Identifier: Apache-2.0 */
/* The software authenticator behind a socket: clients, the control lines, and being touched. */

#include "softauthn_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "softauthn_hid.h"

enum {
    CLIENTS_MAX = 8,
    LINE_MAX_N = 256,
    KEEPALIVE_MS = 100,
    ASSEMBLY_MS = 3000, /* 11.2.5.1 asks for half a second; a busy machine may stall a client */
    TIMEOUT_KEEPALIVES = 3,
    CONTROL = 0,
    LISTENER = 1,
    FIRST_CLIENT = 2,
};

struct server {
    struct softauthn_server_options options;
    struct softauthn *authenticator;
    struct softauthn_hid hid;
    struct pollfd fd[FIRST_CLIENT + CLIENTS_MAX];
    char presence[LINE_MAX_N];
    char line[LINE_MAX_N];
    size_t line_n;
    enum { UNDECIDED, TOUCH, DENY } told; /* by a line */
    bool announced; /* that a U2F key waits: its clients ask again and again */
};

/* For the signal handler alone. */
static char socket_path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

static void
unplug(int signal_number)
{
    (void)signal_number;
    unlink(socket_path);
    _exit(0);
}

static void
say(const struct server *s, const char *event)
{
    if (s->options.events >= 0)
        dprintf(s->options.events, "%s\n", event);
}

bool
softauthn_presence_known(const char *mode)
{
    static const char *const modes[] = {"auto", "deny", "never", "timeout", "line"};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (strcmp(mode, modes[i]) == 0)
            return true;
    return strncmp(mode, "file:", 5) == 0 && mode[5] != '\0' && strlen(mode) < LINE_MAX_N;
}

static bool
mode_is(const struct server *s, const char *mode)
{
    return strcmp(s->presence, mode) == 0;
}

/* ---- the control lines ---- */

static void
obey_line(struct server *s, const char *line)
{
    enum softauthn_lie lie;
    uint64_t number;
    if (strcmp(line, "touch") == 0)
        s->told = TOUCH;
    else if (strcmp(line, "deny") == 0)
        s->told = DENY;
    else if (strcmp(line, "unplug") == 0)
        unplug(0);
    else if (strncmp(line, "presence ", 9) == 0 && softauthn_presence_known(line + 9))
        strcpy(s->presence, line + 9);
    else if (strncmp(line, "lie ", 4) == 0 && softauthn_lie_parse(line + 4, &lie))
        softauthn_set_lie(s->authenticator, lie);
    else if (strncmp(line, "counter ", 8) == 0 && bytes_to_u64(bytes_str(line + 8), &number) &&
             number <= UINT32_MAX)
        softauthn_set_counter(s->authenticator, (uint32_t)number);
    else
        say(s, "what?");
}

static void
read_control(struct server *s)
{
    ssize_t n = read(s->fd[CONTROL].fd, s->line + s->line_n, sizeof(s->line) - s->line_n);
    if (n <= 0) {
        s->fd[CONTROL].fd = -1;
        return;
    }
    s->line_n += (size_t)n;
    char *end;
    while ((end = memchr(s->line, '\n', s->line_n)) != NULL) {
        *end = '\0';
        obey_line(s, s->line);
        s->line_n -= (size_t)(end + 1 - s->line);
        memmove(s->line, end + 1, s->line_n);
    }
    if (s->line_n == sizeof(s->line))
        s->line_n = 0;
}

/* ---- clients ---- */

static void
send_to_all(void *arg, const uint8_t report[SOFTAUTHN_REPORT])
{
    const struct server *s = arg;
    for (size_t i = FIRST_CLIENT; i < FIRST_CLIENT + CLIENTS_MAX; i++)
        if (s->fd[i].fd >= 0) {
            // whoever does not read loses reports, as with hidraw
            ssize_t sent = send(s->fd[i].fd, report, SOFTAUTHN_REPORT, MSG_NOSIGNAL | MSG_DONTWAIT);
            (void)sent;
        }
}

static void
welcome(struct server *s)
{
    int fd = accept4(s->fd[LISTENER].fd, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = FIRST_CLIENT; fd >= 0 && i < FIRST_CLIENT + CLIENTS_MAX; i++)
        if (s->fd[i].fd < 0) {
            s->fd[i].fd = fd;
            return;
        }
    if (fd >= 0)
        close(fd);
}

static bool
has_clients(const struct server *s)
{
    for (size_t i = FIRST_CLIENT; i < FIRST_CLIENT + CLIENTS_MAX; i++)
        if (s->fd[i].fd >= 0)
            return true;
    return false;
}

static void
read_client(struct server *s, struct pollfd *client)
{
    uint8_t report[SOFTAUTHN_REPORT];
    ssize_t n = recv(client->fd, report, sizeof(report), MSG_TRUNC);
    if (n == SOFTAUTHN_REPORT) {
        softauthn_hid_receive(&s->hid, report);
        return;
    }
    close(client->fd);
    client->fd = -1;
}

/* Gives what poll gave: 0 when nothing came in time. */
static int
turn(struct server *s, int ms)
{
    for (size_t i = 0; i < FIRST_CLIENT + CLIENTS_MAX; i++)
        s->fd[i] = (struct pollfd){.fd = s->fd[i].fd, .events = POLLIN};
    int ready = poll(s->fd, FIRST_CLIENT + CLIENTS_MAX, ms);
    if (ready <= 0)
        return ready;
    // what became ready is copied, because a command that waits to be touched turns the wheel
    // itself
    short became[FIRST_CLIENT + CLIENTS_MAX];
    for (size_t i = 0; i < FIRST_CLIENT + CLIENTS_MAX; i++)
        became[i] = s->fd[i].revents;
    if (became[CONTROL])
        read_control(s);
    if (became[LISTENER])
        welcome(s);
    for (size_t i = FIRST_CLIENT; i < FIRST_CLIENT + CLIENTS_MAX; i++) {
        struct pollfd again = {.fd = s->fd[i].fd, .events = POLLIN};
        if (became[i] && s->fd[i].fd >= 0 && poll(&again, 1, 0) > 0)
            read_client(s, &s->fd[i]);
    }
    if (s->hid.winked)
        say(s, "wink");
    s->hid.winked = false;
    return ready;
}

/* ---- being touched ---- */

/* UNDECIDED: not yet. */
static int
look(struct server *s)
{
    int told = s->told;
    if (mode_is(s, "auto"))
        return TOUCH;
    if (mode_is(s, "deny"))
        return DENY;
    if (mode_is(s, "line"))
        s->told = UNDECIDED;
    else if (strncmp(s->presence, "file:", 5) == 0)
        told = unlink(s->presence + 5) == 0 ? TOUCH : UNDECIDED;
    else
        told = UNDECIDED;
    return told;
}

static enum softauthn_status
tell(struct server *s, const char *event, enum softauthn_status status)
{
    say(s, event);
    s->announced = false;
    return status;
}

static enum softauthn_status
decided(struct server *s, int what)
{
    return what == TOUCH ? tell(s, "touched", SOFTAUTHN_OK)
                         : tell(s, "denied", SOFTAUTHN_OPERATION_DENIED);
}

static enum softauthn_status
touch(void *arg, bool wait)
{
    struct server *s = arg;
    int what = look(s);
    if (what != UNDECIDED)
        return decided(s, what);
    if (!s->announced)
        say(s, "waiting");
    s->announced = true;
    if (!wait)
        return SOFTAUTHN_USER_ACTION_TIMEOUT;
    for (int sent = 0;; sent++) {
        softauthn_hid_keepalive(&s->hid);
        turn(s, KEEPALIVE_MS);
        if (s->hid.cancelled || !has_clients(s))
            return tell(s, "cancelled", SOFTAUTHN_KEEPALIVE_CANCEL);
        what = look(s);
        if (what != UNDECIDED)
            return decided(s, what);
        if (mode_is(s, "timeout") && sent >= TIMEOUT_KEEPALIVES)
            return tell(s, "timeout", SOFTAUTHN_USER_ACTION_TIMEOUT);
    }
}

/* ---- beginning ---- */

static const char *
open_socket(struct server *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(s->options.path) >= sizeof(address.sun_path))
        return "the socket's path is too long";
    strcpy(address.sun_path, s->options.path);
    strcpy(socket_path, s->options.path);
    unlink(s->options.path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    s->fd[LISTENER].fd = fd;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, CLIENTS_MAX) != 0)
        return strerror(errno);
    return NULL;
}

const char *
softauthn_serve(const struct softauthn_server_options *options)
{
    static struct server server;
    struct server *s = &server;
    if (!softauthn_presence_known(options->presence))
        return "that presence is not known";
    *s = (struct server){.options = *options};
    strcpy(s->presence, options->presence);
    for (size_t i = 0; i < FIRST_CLIENT + CLIENTS_MAX; i++)
        s->fd[i].fd = -1;
    s->fd[CONTROL].fd = options->control;
    s->options.authenticator.touch = touch;
    s->options.authenticator.arg = s;
    s->authenticator = softauthn_new(&s->options.authenticator);
    if (s->authenticator == NULL)
        return "the authenticator could not be made: look at the state file";
    if (options->root && !softauthn_write_root(s->authenticator, options->root))
        return "the root could not be written";
    softauthn_hid_init(&s->hid, s->authenticator, send_to_all, s);
    const char *reason = open_socket(s);
    if (reason)
        return reason;
    signal(SIGTERM, unplug);
    signal(SIGINT, unplug);
    say(s, "ready");
    for (;;)
        if (turn(s, s->hid.assembling ? ASSEMBLY_MS : -1) == 0)
            softauthn_hid_expire(&s->hid);
}
