/* SPDX-License-Identifier: Apache-2.0 */
/* The children: each thing that happens to one goes through the table in child.c. */
#include "family.h"

#include "../log.h"
#include "spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void family_step(struct family_child *child, enum child_event event);

int64_t
family_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
child_set_timer(struct family_child *child, int64_t ms)
{
    struct timeval after = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    if (event_add(child->timer, &after) != 0)
        log_error("timer", "no timer for %s", child->name);
}

static void
child_set_fault(struct family_child *child, const char *why)
{
    if (child->fault[0] == '\0')
        snprintf(child->fault, sizeof(child->fault), "%s", why);
}

/* ---- what children say ---- */

static bool
child_on_ready(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)message;
    struct family_child *child = context;
    if (child->state == CHILD_SERVING)
        child_set_fault(child, "said twice that it is ready");
    family_step(child, CHILD_READY);
    return true;
}

// Only the number of a life is looked at; why, the authority has logged itself.
static bool
authority_on_peer_fault(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    const struct family_child *authority = context;
    struct family *family = authority->family;
    for (size_t i = 1; i < family->child_count; i++) {
        struct family_child *child = &family->child[i];
        if (child->pid == 0 || child->life != message->id)
            continue;
        log_error("peer-fault", "the authority says that %s broke the protocol", child->name);
        child_set_fault(child, "broke the protocol with the authority");
        family_step(child, CHILD_FAULT);
    }
    return true;
}

static const struct channel_handler proxy_handlers[] = {
    {MESSAGE_PROXY_READY, child_on_ready},
    {0, NULL},
};

static const struct channel_handler authority_handlers[] = {
    {MESSAGE_AUTHORITY_READY, child_on_ready},
    {MESSAGE_PEER_FAULT, authority_on_peer_fault},
    {0, NULL},
};

static void
child_on_closed(struct channel *channel, void *context, const char *why)
{
    (void)channel;
    struct family_child *child = context;
    channel_free(&child->channel);
    log_debug("child-channel", "the channel of %s is closed: %s", child->name, why);
    // A process that ends closes its channel first; how it ended, its status will say.
    if (bytes_ends(bytes_str(why), BYTES("closed the channel"))) {
        family_step(child, CHILD_CLOSED);
    } else {
        child_set_fault(child, why);
        family_step(child, CHILD_FAULT);
    }
}

static void
child_on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct family_child *child = context;
    if (child->state == CHILD_STARTING)
        child_set_fault(child, "was not ready in time");
    if (child->state == CHILD_LEAVING)
        child_set_fault(child, "closed its channel and did not end");
    if (child->state == CHILD_STOPPING)
        log_warning("child-slow", "%s did not finish in time and is ended", child->name);
    family_step(child, CHILD_TIMER);
}

/* ---- actions ---- */

// Variables that the sanitizers need are passed on in such a build alone.
static const char *const authority_keeps[] = {
    "CREDENTIALS_DIRECTORY",
#ifdef KH_SANITIZE
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
    "LSAN_OPTIONS",
#endif
    NULL,
};
static const char *const proxy_keeps[] = {
#ifdef KH_SANITIZE
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
    "LSAN_OPTIONS",
#endif
    NULL,
};

static enum kh_err
child_exec(struct family_child *child, int channel_fd, struct fault *fault)
{
    const struct family *family = child->family;
    struct spawn spawn = {.channel_fd = channel_fd, .extra_fd = -1, .null_fd = family->null_fd};
    char index[16];
    snprintf(index, sizeof(index), "%u", child->index);
    const char *proxy_argv[] = {"keyhole-proxy", "--channel-fd", "3", "--index", index, NULL};
    const char *authority_argv[] = {"keyhole-authority", "--channel-fd", "3",  "--dir",
                                    family->directory,   NULL,           NULL, NULL};
    enum kh_err err = KH_OK;
    if (child->role == ROLE_PROXY) {
        spawn.program = family->proxy_program;
        spawn.argv = proxy_argv;
        spawn.keep = proxy_keeps;
    } else {
        spawn.program = family->authority_program;
        spawn.argv = authority_argv;
        spawn.keep = authority_keeps;
        err = secret_pipe(family->passphrase, &spawn.extra_fd, fault);
        if (spawn.extra_fd >= 0) {
            authority_argv[5] = "--passphrase-fd";
            authority_argv[6] = "4"; // SPAWN_EXTRA_FD
        }
    }
    if (err == KH_OK)
        err = spawn_child(&spawn, &child->pid, fault);
    if (spawn.extra_fd >= 0)
        close(spawn.extra_fd);
    return err;
}

static enum kh_err
child_spawn_process(struct family_child *child, struct fault *fault)
{
    int ends[2];
    enum kh_err err = channel_pair(ends, fault);
    if (err != KH_OK)
        return err;
    struct channel_options options = {
        .base = child->family->base,
        .self = ROLE_SUPERVISOR,
        .peer = child->role,
        .handler = child->role == ROLE_PROXY ? proxy_handlers : authority_handlers,
        .context = child,
        .closed = child_on_closed,
    };
    err = channel_new(ends[0], &options, &child->channel, fault);
    if (err == KH_OK)
        err = child_exec(child, ends[1], fault);
    close(ends[1]);
    if (err != KH_OK)
        channel_free(&child->channel);
    return err;
}

static void
action_nothing(struct family_child *child)
{
    (void)child;
}

static void
action_spawn(struct family_child *child)
{
    struct fault fault = {0};
    child->fault[0] = '\0';
    child->life = ++child->family->lives;
    child->started_ms = family_now_ms();
    if (child_spawn_process(child, &fault) != KH_OK) {
        snprintf(child->note, sizeof(child->note), "%.150s", fault.detail);
        log_error("child-failed", "%s: %s", child->name, fault.detail);
        family_step(child, CHILD_EXITED);
        return;
    }
    log_debug("child-started", "%s is process %ld", child->name, (long)child->pid);
    child_set_timer(child, CHILD_START_TIMEOUT_MS);
    family_introduce(child->family, child);
    family_send_state(child->family, child);
}

static void
action_serve(struct family_child *child)
{
    struct family *family = child->family;
    event_del(child->timer);
    family_send_state(family, child);
    if (family->served) {
        log_info("child-ready", "%s serves again (process %ld)", child->name, (long)child->pid);
        return;
    }
    for (size_t i = 0; i < family->child_count; i++)
        if (child->role == ROLE_AUTHORITY)
            family_step(&family->child[i], CHILD_START);
    for (size_t i = 0; i < family->child_count; i++)
        if (family->child[i].state != CHILD_SERVING)
            return;
    family->served = true;
    family->callbacks.serving(family->context);
}

static void
action_restart_later(struct family_child *child)
{
    struct family *family = child->family;
    if (!family->served) {
        log_error("start-failed", "%s ended before everything was ready: %s", child->name,
                  child->note);
        if (!family->failed)
            family->callbacks.start_failed(family->context);
        family->failed = true;
        return;
    }
    uint32_t delay = child_backoff_ms(&child->backoff_ms, family_now_ms() - child->started_ms);
    child->restarts++;
    log_warning("child-exited", "%s ended (%s); another one starts in %u ms", child->name,
                child->note, delay);
    child_set_timer(child, delay);
}

static void
action_wait_for_exit(struct family_child *child)
{
    child_set_timer(child, CHILD_EXIT_TIMEOUT_MS);
}

static void
action_kill(struct family_child *child)
{
    if (child->pid > 0)
        kill(child->pid, SIGKILL);
}

static void
action_ask_to_stop(struct family_child *child)
{
    if (child->channel != NULL)
        channel_send(child->channel,
                     child->role == ROLE_PROXY ? MESSAGE_PROXY_DRAIN : MESSAGE_AUTHORITY_STOP, 0,
                     BYTES_EMPTY);
    child_set_timer(child, child->family->stop_timeout_ms);
}

static void
action_gone(struct family_child *child)
{
    struct family *family = child->family;
    bool *told = child->role == ROLE_PROXY ? &family->proxies_stopped : &family->authority_stopped;
    event_del(child->timer);
    for (size_t i = 0; i < family->child_count; i++)
        if (family->child[i].role == child->role && family->child[i].state != CHILD_DOWN)
            return;
    if (*told)
        return;
    *told = true;
    family->callbacks.stopped(family->context, child->role);
}

static void
family_step(struct family_child *child, enum child_event event)
{
    static void (*const actions[])(struct family_child *) = {
        [CHILD_NOTHING] = action_nothing,
        [CHILD_SPAWN] = action_spawn,
        [CHILD_SERVE] = action_serve,
        [CHILD_RESTART_LATER] = action_restart_later,
        [CHILD_WAIT_FOR_EXIT] = action_wait_for_exit,
        [CHILD_KILL] = action_kill,
        [CHILD_ASK_TO_STOP] = action_ask_to_stop,
        [CHILD_GONE] = action_gone,
    };
    struct child_step step = child_step(child->state, event);
    child->state = step.next;
    actions[step.action](child);
}

/* ---- for the supervisor ---- */

enum kh_err
family_init(struct family *family, size_t proxies, struct fault *fault)
{
    family->child = calloc(proxies + 1, sizeof(*family->child));
    if (family->child == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for %zu processes", proxies + 1);
    for (size_t i = 0; i <= proxies; i++) {
        struct family_child *child = &family->child[i];
        family->child_count = i + 1;
        child->family = family;
        child->role = i == 0 ? ROLE_AUTHORITY : ROLE_PROXY;
        child->index = i == 0 ? 0 : (unsigned)i - 1;
        if (i == 0)
            snprintf(child->name, sizeof(child->name), "authority");
        else
            snprintf(child->name, sizeof(child->name), "proxy %u", child->index);
        child->timer = evtimer_new(family->base, child_on_timer, child);
        if (child->timer == NULL)
            return fault_set(fault, KH_ERR_MEMORY, "no memory for a timer");
    }
    enum kh_err err = KH_OK;
    if (family->authority_program[0] == '\0')
        err = spawn_find_program("keyhole-authority", family->authority_program,
                                 sizeof(family->authority_program), fault);
    if (err == KH_OK && family->proxy_program[0] == '\0')
        err = spawn_find_program("keyhole-proxy", family->proxy_program,
                                 sizeof(family->proxy_program), fault);
    return err;
}

void
family_fini(struct family *family)
{
    for (size_t i = 0; i < family->child_count; i++) {
        struct family_child *child = &family->child[i];
        action_kill(child);
        // Killed and not stopped on anything: this returns at once.
        while (child->pid > 0 && waitpid(child->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        child->pid = 0;
        channel_free(&child->channel);
        if (child->timer != NULL)
            event_free(child->timer);
    }
    free(family->child);
    family->child = NULL;
    family->child_count = 0;
}

void
family_start(struct family *family)
{
    family_step(&family->child[0], CHILD_START);
}

static void
child_on_exit(struct family_child *child, int status)
{
    char text[64];
    child_status_text(status, text, sizeof(text));
    if (child->fault[0] != '\0')
        snprintf(child->note, sizeof(child->note), "%s: %.80s", text, child->fault);
    else
        snprintf(child->note, sizeof(child->note), "%s", text);
    child->pid = 0;
    event_del(child->timer);
    channel_free(&child->channel);
    family_step(child, CHILD_EXITED);
    family_send_state(child->family, child);
}

void
family_reap(struct family *family)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < family->child_count; i++)
            if (family->child[i].pid == pid) {
                child_on_exit(&family->child[i], status);
                break;
            }
}

void
family_stop(struct family *family, enum role role, int64_t timeout_ms)
{
    family->stop_timeout_ms = timeout_ms;
    for (size_t i = 0; i < family->child_count; i++)
        if (family->child[i].role == role)
            family_step(&family->child[i], CHILD_STOP);
}

bool
family_has(const struct family *family, enum role role)
{
    for (size_t i = 0; i < family->child_count; i++)
        if (family->child[i].role == role && family->child[i].pid > 0)
            return true;
    return false;
}
