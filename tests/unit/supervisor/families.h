/* SPDX-License-Identifier: Apache-2.0
 *
 * A family of children of our own, and the loop that it lives in.
 */
#ifndef KEYHOLE_TESTS_SUPERVISOR_FAMILIES_H
#define KEYHOLE_TESTS_SUPERVISOR_FAMILIES_H

#include "fake_children.h"

static struct family family;
static struct config config;
static struct listener admin = {.fd = -1}, tcp = {.fd = -1};
static struct listener discharger_admin = {.fd = -1}, discharger_tcp = {.fd = -1};
static struct secret no_secret;
static struct event *on_child, *on_file, *patience;
static unsigned serving, start_failed, proxies_stopped, authority_stopped, discharger_stopped;
static int null_fd, watch_fd;

static inline void
count_serving(void *context)
{
    (void)context;
    serving++;
    event_base_loopbreak(family.base);
}

static inline void
count_start_failed(void *context)
{
    (void)context;
    start_failed++;
    event_base_loopbreak(family.base);
}

static inline void
count_stopped(void *context, enum role role)
{
    (void)context;
    ++*(role == ROLE_PROXY        ? &proxies_stopped
        : role == ROLE_DISCHARGER ? &discharger_stopped
                                  : &authority_stopped);
    event_base_loopbreak(family.base);
}

static inline void
reap(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    (void)context;
    family_reap(&family);
    event_base_loopbreak(family.base);
}

static inline void
drain_watch(evutil_socket_t fd, short what, void *context)
{
    char events[4096];
    (void)what;
    (void)context;
    while (read(fd, events, sizeof(events)) > 0) {
    }
}

static inline void
lost_patience(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    fail_msg("nothing happened for a minute");
}

/* One turn of the loop, at most until something happened. */
static inline void
turn(void)
{
    struct timeval minute = {.tv_sec = 60};
    event_add(patience, &minute);
    event_base_loop(family.base, EVLOOP_ONCE);
}

#define TURN_UNTIL(condition)                                                                      \
    while (!(condition))                                                                           \
        turn();

static inline void
listeners_open(void)
{
    struct fault fault = {0};
    struct config_listener any = {.address = (char *)(uintptr_t) "127.0.0.1:0"};
    assert_int_equal(listener_open_unix(test_path("admin.sock"), &admin, &fault), KH_OK);
    assert_int_equal(listener_open_tcp(&any, &tcp, &fault), KH_OK);
    assert_int_equal(listener_open_unix(test_path("discharger.sock"), &discharger_admin, &fault),
                     KH_OK);
    assert_int_equal(listener_open_tcp(&any, &discharger_tcp, &fault), KH_OK);
}

static inline void
events_open(void)
{
    family.base = event_base_new();
    on_child = evsignal_new(family.base, SIGCHLD, reap, NULL);
    event_add(on_child, NULL);
    patience = evtimer_new(family.base, lost_patience, NULL);
    watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    assert_true(inotify_add_watch(watch_fd, test_directory, IN_MOVED_TO) >= 0);
    on_file = event_new(family.base, watch_fd, EV_READ | EV_PERSIST, drain_watch, NULL);
    event_add(on_file, NULL);
}

static inline int
setup_plan(void **state, const struct family_plan *plan)
{
    struct fault fault = {0};
    if (directory_setup(state) != 0)
        return -1;
    log_init("supervisor", LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR);
    serving = start_failed = proxies_stopped = authority_stopped = discharger_stopped = 0;
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    config_init(&config);
    config.name = calloc(1, sizeof(*config.name));
    config.name[0] = strdup(test_directory);
    config.name_count = 1;
    listeners_open();
    family = (struct family){
        .config = &config,
        .listener = &tcp,
        .listener_count = 1,
        .admin = &admin,
        .passphrase = &no_secret,
        .directory = test_directory,
        .null_fd = null_fd,
        .callbacks = {count_serving, count_start_failed, count_stopped},
    };
    if (plan->discharger)
        family.discharger =
            (struct family_discharger){&discharger_tcp, 1, &discharger_admin, DISCHARGER_URL};
    assert_true(readlink("/proc/self/exe", family.program[ROLE_AUTHORITY], PATH_MAX - 1) > 0);
    strcpy(family.program[ROLE_PROXY], family.program[ROLE_AUTHORITY]);
    strcpy(family.program[ROLE_DISCHARGER], family.program[ROLE_AUTHORITY]);
    events_open();
    assert_int_equal(family_init(&family, plan, &fault), KH_OK);
    return 0;
}

static inline int
teardown(void **state)
{
    family_fini(&family);
    event_free(on_child);
    event_free(on_file);
    event_free(patience);
    event_base_free(family.base);
    listener_close(&admin);
    listener_close(&tcp);
    listener_close(&discharger_admin);
    listener_close(&discharger_tcp);
    config_free(&config);
    close(null_fd);
    close(watch_fd);
    return directory_teardown(state);
}

static inline void
start(enum behaviour how)
{
    config.pool_total = how;
    family_start(&family);
    TURN_UNTIL(serving > 0 || start_failed > 0);
}

/* Whether a process of that role exists. */
static inline bool
lives(enum role role)
{
    for (size_t i = 0; i < family.child_count; i++)
        if (family.child[i].role == role && family.child[i].pid > 0)
            return true;
    return false;
}

#endif
