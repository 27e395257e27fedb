/* SPDX-License-Identifier: Apache-2.0 */
/* The children: each thing that happens to one goes through the table in child.c. */
#include "family_internal.h"

#include "../log.h"
#include "pages.h"
#include "spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

void
family_set_fault(struct family_child *child, const char *why)
{
    if (child->fault[0] == '\0')
        snprintf(child->fault, sizeof(child->fault), "%s", why);
}

static void
child_on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct family_child *child = context;
    if (child->state == CHILD_STARTING)
        family_set_fault(child, "was not ready in time");
    if (child->state == CHILD_LEAVING)
        family_set_fault(child, "closed its channel and did not end");
    if (child->state == CHILD_STOPPING)
        log_warning("child-slow", "%s did not finish in time and is ended", child->name);
    family_step(child, CHILD_TIMER);
}

/* ---- actions ---- */

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
    if (family_spawn(child, &fault) != KH_OK) {
        snprintf(child->note, sizeof(child->note), "%.150s", fault.detail);
        log_error("child-failed", "%s: %s", child->name, fault.detail);
        family_step(child, CHILD_EXITED);
        return;
    }
    pages_note(child->family, child);
    log_debug("child-started", "%s is process %ld", child->name, (long)child->pid);
    child_set_timer(child, CHILD_START_TIMEOUT_MS);
    family_role(child->role)->introduce(child->family, child);
    family_send_state(child->family, child);
}

// In this order, each role when those before it are ready: whoever serves clients knows by then
// what it may tell them.
static const enum role start_order[] = {ROLE_AUTHORITY, ROLE_DISCHARGER, ROLE_PROXY};

static bool
role_serves(struct family *family, enum role role)
{
    bool serves = true;
    for (size_t i = 0; i < family->child_count; i++) {
        if (family->child[i].role != role)
            continue;
        family_step(&family->child[i], CHILD_START);
        serves = serves && family->child[i].state == CHILD_SERVING;
    }
    return serves;
}

static void
family_start_next(struct family *family)
{
    for (size_t i = 0; i < sizeof(start_order) / sizeof(start_order[0]); i++)
        if (!role_serves(family, start_order[i]))
            return;
    family->served = true;
    family->callbacks.serving(family->context);
}

static void
action_serve(struct family_child *child)
{
    struct family *family = child->family;
    event_del(child->timer);
    family_send_state(family, child);
    if (family->served)
        log_info("child-ready", "%s serves again (process %ld)", child->name, (long)child->pid);
    else
        family_start_next(family);
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
        channel_send(child->channel, family_role(child->role)->stop, 0, BYTES_EMPTY);
    child_set_timer(child, child->family->stop_timeout_ms);
}

// Once, when none is left.
static void
tell_stopped(struct family *family, enum role role)
{
    for (size_t i = 0; i < family->child_count; i++)
        if (family->child[i].role == role && family->child[i].state != CHILD_DOWN)
            return;
    if (family->stopped[role])
        return;
    family->stopped[role] = true;
    family->callbacks.stopped(family->context, role);
}

static void
action_gone(struct family_child *child)
{
    event_del(child->timer);
    tell_stopped(child->family, child->role);
}

void
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

static enum kh_err
child_init(struct family *family, enum role role, unsigned index, struct fault *fault)
{
    struct family_child *child = &family->child[family->child_count++];
    child->family = family;
    child->role = role;
    child->index = index;
    child->page_fd = -1;
    if (role == ROLE_PROXY)
        snprintf(child->name, sizeof(child->name), "%s %u", role_name(role), index);
    else
        snprintf(child->name, sizeof(child->name), "%s", role_name(role));
    child->timer = evtimer_new(family->base, child_on_timer, child);
    if (child->timer == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for a timer");
    if (family->program[role][0] != '\0')
        return KH_OK;
    return spawn_find_program(family_role(role)->program, family->program[role],
                              sizeof(family->program[role]), fault);
}

enum kh_err
family_init(struct family *family, const struct family_plan *plan, struct fault *fault)
{
    size_t count = (plan->authority ? 1u : 0u) + plan->proxies + (plan->discharger ? 1u : 0u);
    enum kh_err err = KH_OK;
    family->page_fd = -1;
    family->child = calloc(count + 1, sizeof(*family->child));
    if (family->child == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "no memory for %zu processes", count);
    if (plan->authority)
        err = child_init(family, ROLE_AUTHORITY, 0, fault);
    for (unsigned i = 0; err == KH_OK && i < plan->proxies; i++)
        err = child_init(family, ROLE_PROXY, i, fault);
    if (err == KH_OK && plan->discharger)
        err = child_init(family, ROLE_DISCHARGER, 0, fault);
    return err == KH_OK ? pages_open(family, fault) : err;
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
    if (family->child != NULL)
        pages_close(family);
    free(family->child);
    family->child = NULL;
    family->child_count = 0;
}

void
family_start(struct family *family)
{
    family_start_next(family);
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
    pages_note(child->family, child);
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
    tell_stopped(family, role);
}

bool
family_serves(const struct family *family)
{
    for (size_t i = 0; i < family->child_count; i++)
        if (family->child[i].state != CHILD_SERVING)
            return false;
    return true;
}

struct family_child *
family_authority(struct family *family)
{
    for (size_t i = 0; i < family->child_count; i++)
        if (family->child[i].role == ROLE_AUTHORITY)
            return &family->child[i];
    return NULL;
}
