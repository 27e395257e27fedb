/* SPDX-License-Identifier: Apache-2.0 */
/* `keyholed run`: set up in an order in which every failure has a sentence, serve, drain, stop. */
#include "supervisor.h"

#include "../leftover.h"
#include "../log.h"
#include "../metrics.h"
#include "../restore_journal.h"
#include "../sandbox.h"
#include "inherit.h"
#include "internal.h"
#include "pages.h"
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    REPORT_MAX = 60000,
    STOP_MARGIN_MS = 5000,
    WATCHDOG_TURNS = 4, // in the time after which the service manager acts
};

/* ---- serving and stopping ---- */

static void
supervisor_on_serving(void *context)
{
    struct supervisor *supervisor = context;
    const struct supervisor_discharger *discharger = &supervisor->discharger;
    struct buffer line;
    buffer_init(&line, 65536);
    if (supervisor->options->discharger_alone)
        buffer_printf(&line, "ready discharger=%s admin=%s\n", discharger->url,
                      discharger->admin.name);
    else
        listener_ready_line(supervisor->listener, supervisor->listener_count,
                            supervisor->admin.name, discharger->url, &line);
    const char *text = buffer_text(&line);
    if (!supervisor->options->discharger_alone)
        log_info("serving", "%zu proxies and the authority are ready", supervisor->proxies);
    if (discharger->url[0] != '\0')
        log_info("serving", "the discharger is ready at %s", discharger->url);
    if (fputs(text, stdout) == EOF || fflush(stdout) != 0)
        log_warning("ready-line", "standard output does not take the ready line: %s",
                    strerror(errno));
    buffer_free(&line);
    supervisor_keep_listeners(supervisor);
    notify_ready(&supervisor->notify, "serving");
    supervisor->phase = PHASE_SERVING;
}

static void
supervisor_on_start_failed(void *context)
{
    struct supervisor *supervisor = context;
    supervisor->exit_status = 1;
    event_base_loopbreak(supervisor->base);
}

static void
supervisor_on_stopped(void *context, enum role role)
{
    struct supervisor *supervisor = context;
    struct family *family = &supervisor->family;
    if (role == ROLE_AUTHORITY)
        event_base_loopbreak(supervisor->base);
    else if (family->stopped[ROLE_PROXY] && family->stopped[ROLE_DISCHARGER])
        family_stop(family, ROLE_AUTHORITY, CHILD_STOP_TIMEOUT_MS);
}

// The first signal lets running requests finish, for as long as the configuration says. The second
// ends the children at once.
static void
supervisor_on_stop_signal(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct supervisor *supervisor = context;
    if (supervisor->phase == PHASE_STOPPING) {
        log_warning("stopping", "signal %d again: ends now", (int)number);
        event_base_loopbreak(supervisor->base);
        return;
    }
    supervisor->phase = PHASE_STOPPING;
    log_info("stopping", "signal %d: running requests may take %lld s more", (int)number,
             (long long)supervisor->config.drain_timeout_ms / 1000);
    notify_stopping(&supervisor->notify, "finishing what runs",
                    supervisor->config.drain_timeout_ms + CHILD_STOP_TIMEOUT_MS + STOP_MARGIN_MS);
    supervisor_close_listeners(supervisor, false);
    family_stop(&supervisor->family, ROLE_PROXY, supervisor->config.drain_timeout_ms);
    family_stop(&supervisor->family, ROLE_DISCHARGER, supervisor->config.drain_timeout_ms);
}

static void
supervisor_on_child_signal(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    struct supervisor *supervisor = context;
    family_reap(&supervisor->family);
}

static void
supervisor_on_reload(void *context, bool look, struct buffer *report)
{
    struct supervisor *supervisor = context;
    if (supervisor->phase == PHASE_SERVING) {
        supervisor_reload(supervisor, look, report);
        return;
    }
    log_warning("reload", "not while starting or stopping");
    buffer_put_str(report, "failed\nnot while the broker starts or stops");
}

static void
supervisor_on_reload_signal(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    struct supervisor *supervisor = context;
    BUFFER_AUTO report;
    buffer_init(&report, REPORT_MAX);
    supervisor_on_reload(supervisor, false, &report);
}

static void
supervisor_on_watchdog(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct supervisor *supervisor = context;
    // A child that is being started again has some of these turns; one that never serves again has
    // the service manager start everything afresh.
    if (supervisor->phase != PHASE_SERVING || family_serves(&supervisor->family))
        notify_watchdog(&supervisor->notify);
}

static void
supervisor_on_watch(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct supervisor *supervisor = context;
    metrics_heartbeat();
    pages_sample(&supervisor->family);
}

/* ---- setting up ---- */

// A broker may be installed without one; whoever asked for one is told when it starts.
static void
look_for_discharger(struct supervisor *supervisor)
{
    struct config_discharger *discharger = &supervisor->config.discharger;
    char path[PATH_MAX];
    struct fault missing = {0};
    if (discharger->disabled || discharger->set || supervisor->options->discharger_alone ||
        spawn_find_program("keyhole-discharger", path, sizeof(path), &missing) == KH_OK)
        return;
    log_warning("discharger", "there is none beside this broker: %s", missing.detail);
    discharger->disabled = true;
}

static enum kh_err
start_configuration(struct supervisor *supervisor, struct fault *fault)
{
    const struct supervisor_options *options = supervisor->options;
    enum kh_err err =
        supervisor_effective_config(options, &supervisor->config, supervisor->config_path, fault);
    if (err != KH_OK)
        return err;
    if (supervisor->config.log_format == LOG_FORMAT_JOURNALD && log_journal() < 0)
        log_use_journal(log_journal_connect(LOG_JOURNAL_SOCKET));
    log_init("supervisor", (enum log_format)supervisor->config.log_format,
             (enum log_level)supervisor->config.log_level);
    if (supervisor->config_path[0] != '\0')
        log_debug("configuration", "read from %s", supervisor->config_path);
    look_for_discharger(supervisor);
    if (options->discharger_alone)
        return KH_OK;
    supervisor->proxies = (size_t)supervisor->config.workers;
    if (supervisor->proxies == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        supervisor->proxies = cores > 0 ? (size_t)cores : 1;
    }
    return KH_OK;
}

static enum kh_err
start_events(struct supervisor *supervisor, struct fault *fault)
{
    static const struct {
        int number;
        event_callback_fn callback;
    } signals[SUPERVISOR_SIGNALS] = {
        {SIGTERM, supervisor_on_stop_signal},
        {SIGINT, supervisor_on_stop_signal},
        {SIGHUP, supervisor_on_reload_signal},
        {SIGCHLD, supervisor_on_child_signal},
    };
    signal(SIGPIPE, SIG_IGN);
    supervisor->base = event_base_new();
    bool ok = supervisor->base != NULL;
    for (size_t i = 0; ok && i < SUPERVISOR_SIGNALS; i++) {
        supervisor->signal[i] =
            evsignal_new(supervisor->base, signals[i].number, signals[i].callback, supervisor);
        ok = supervisor->signal[i] != NULL && event_add(supervisor->signal[i], NULL) == 0;
    }
    if (ok && supervisor->notify.watchdog_usec > 0) {
        int64_t turn = supervisor->notify.watchdog_usec / WATCHDOG_TURNS;
        struct timeval each = {.tv_sec = turn / 1000000, .tv_usec = turn % 1000000};
        supervisor->watchdog =
            event_new(supervisor->base, -1, EV_PERSIST, supervisor_on_watchdog, supervisor);
        ok = supervisor->watchdog != NULL && event_add(supervisor->watchdog, &each) == 0;
    }
    if (ok && supervisor->config.metrics_count > 0) {
        static const struct timeval second = {.tv_sec = 1};
        supervisor->watch =
            event_new(supervisor->base, -1, EV_PERSIST, supervisor_on_watch, supervisor);
        ok = supervisor->watch != NULL && event_add(supervisor->watch, &second) == 0;
    }
    return ok ? KH_OK : fault_set(fault, KH_ERR_INTERNAL, "the event loop could not be set up");
}

static enum kh_err
start_family(struct supervisor *supervisor, struct fault *fault)
{
    supervisor->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (supervisor->null_fd < 0)
        return fault_set(fault, KH_ERR_IO, "/dev/null: %s", strerror(errno));
    const struct supervisor_discharger *discharger = &supervisor->discharger;
    const bool alone = supervisor->options->discharger_alone;
    const struct family_plan plan = {
        .authority = !alone,
        .proxies = supervisor->proxies,
        .discharger = discharger->url[0] != '\0',
    };
    supervisor->family = (struct family){
        .base = supervisor->base,
        .config = &supervisor->config,
        .admin = &supervisor->admin,
        .passphrase = &supervisor->passphrase,
        .directory = supervisor->directory,
        .null_fd = supervisor->null_fd,
        .callbacks = {supervisor_on_serving, supervisor_on_start_failed, supervisor_on_stopped,
                      supervisor_on_reload},
        .context = supervisor,
    };
    if (plan.discharger)
        supervisor->family.discharger = (struct family_discharger){
            discharger->listener, discharger->listener_count, &discharger->admin, discharger->url};
    family_set_listeners(&supervisor->family, supervisor->listener, supervisor->listener_count, 0);
    enum kh_err err = family_init(&supervisor->family, &plan, fault);
    supervisor_note_config();
    return err;
}

// Into locked memory, and out of the heap.
static enum kh_err
take_passphrase(struct supervisor *supervisor, struct fault *fault)
{
    struct buffer *given = supervisor->options->passphrase;
    if (given == NULL)
        return KH_OK;
    enum kh_err err = secret_init(&supervisor->passphrase, buffer_bytes(given), fault);
    buffer_free(given);
    return err;
}

static enum kh_err
check_directory(const struct supervisor_options *options, struct fault *fault)
{
    return options->discharger_alone ? lock_check_owner(options->directory, fault)
                                     : lock_check_directory(options->directory, fault);
}

// Before anything in it is read: a restore that was interrupted may have part of it elsewhere.
static enum kh_err
take_directory(struct supervisor *supervisor, struct fault *fault)
{
    const struct supervisor_options *options = supervisor->options;
    struct restore_outcome outcome = {0};
    char words[RESTORE_WORDS_MAX];
    enum kh_err err = restore_journal_look(options->directory) != RESTORE_END_NONE
                          ? lock_check_owner(options->directory, fault)
                          : check_directory(options, fault);
    if (err != KH_OK)
        return err;
    if (realpath(options->directory, supervisor->directory) == NULL)
        return fault_set(fault, KH_ERR_IO, "%s: %s", options->directory, strerror(errno));
    err = lock_take(supervisor->directory, LOCK_BROKER, &supervisor->lock_fd, fault);
    if (err == KH_OK)
        err = restore_journal_recover(supervisor->directory, &outcome, fault);
    if (err != KH_OK)
        return err;
    if (outcome.end != RESTORE_END_NONE)
        log_warning("restore", "%s", restore_outcome_print(&outcome, supervisor->directory, words));
    (void)leftover_clean(supervisor->directory, LEFTOVER_BACKUP, "", S_IFDIR);
    return check_directory(options, fault);
}

static enum kh_err
supervisor_start(struct supervisor *supervisor, struct fault *fault)
{
    struct fault notify_fault = {0};
    bool kept_too_many = false;
    enum kh_err err = take_directory(supervisor, fault);
    if (err != KH_OK || (err = start_configuration(supervisor, fault)) != KH_OK)
        return err;
    if (notify_init(&supervisor->notify, &notify_fault) != KH_OK)
        log_warning("notify", "%s", notify_fault.detail);
    if ((err = take_passphrase(supervisor, fault)) != KH_OK ||
        (err = inherit_init(fault)) != KH_OK ||
        (err = supervisor_open_listeners(supervisor, fault)) != KH_OK ||
        (err = inherit_finish(&kept_too_many, fault)) != KH_OK ||
        (err = start_events(supervisor, fault)) != KH_OK ||
        (err = start_family(supervisor, fault)) != KH_OK)
        return err;
    if (kept_too_many) // those that are wanted are left there again
        notify_forget(&supervisor->notify, INHERIT_KEPT);
    // The children inherit these walls, and build their own inside.
    return sandbox_enter(ROLE_SUPERVISOR, supervisor->directory, fault);
}

static void
supervisor_fini(struct supervisor *supervisor)
{
    inherit_fini();
    family_fini(&supervisor->family);
    supervisor_close_listeners(supervisor, true);
    listener_close(&supervisor->admin);
    for (size_t i = 0; i < SUPERVISOR_SIGNALS; i++)
        if (supervisor->signal[i] != NULL)
            event_free(supervisor->signal[i]);
    if (supervisor->watchdog != NULL)
        event_free(supervisor->watchdog);
    if (supervisor->watch != NULL)
        event_free(supervisor->watch);
    if (supervisor->base != NULL)
        event_base_free(supervisor->base);
    secret_fini(&supervisor->passphrase);
    notify_fini(&supervisor->notify);
    config_free(&supervisor->config);
    if (supervisor->null_fd >= 0)
        close(supervisor->null_fd);
    if (supervisor->lock_fd >= 0)
        close(supervisor->lock_fd);
}

int
supervisor_run(const struct supervisor_options *options)
{
    struct supervisor supervisor = {
        .options = options,
        .admin = {.fd = -1},
        .discharger.admin = {.fd = -1},
        .notify = {.fd = -1},
        .lock_fd = -1,
        .null_fd = -1,
    };
    struct fault fault = {0};
    if (log_stream_is_journal())
        log_use_journal(log_journal_connect(LOG_JOURNAL_SOCKET));
    log_init("supervisor", LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    config_init(&supervisor.config);
    if (supervisor_start(&supervisor, &fault) == KH_OK) {
        family_start(&supervisor.family);
        event_base_dispatch(supervisor.base);
        if (supervisor.phase == PHASE_STOPPING && supervisor.exit_status == 0)
            log_info("stopped", "all processes have ended");
    } else {
        log_error("start-failed", "%s", fault.detail);
        supervisor.exit_status = 1;
    }
    int status = supervisor.exit_status;
    supervisor_fini(&supervisor);
    return status;
}
