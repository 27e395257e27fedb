/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole-authority: started by the supervisor, with a channel to it; or by `keyholed init`, to
 * make a state directory.
 */
#include "../keep/keep.h"
#include "../log.h"
#include "../metrics.h"
#include "../openssl_memory.h"
#include "../sandbox.h"
#include "admin.h"
#include "authority.h"
#include "reload.h"
#include "serve.h"
#include "state.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHANNEL_FD_DEFAULT = 3, SECURE_HEAP = 131072, SECURE_HEAP_MIN = 32 };

struct options {
    const char *directory;
    int channel_fd, passphrase_fd, metrics_fd, journal_fd;
    bool init;
};

struct service {
    struct authority authority;
    struct admin_server *admin;
    struct event *tick;
    bool stopped; // the supervisor asked for it
};

static int
usage(void)
{
    fputs(
        "usage: keyhole-authority --dir DIR [--channel-fd N] [--passphrase-fd N] [--metrics-fd N]\n"
        "       keyhole-authority --init --dir DIR [--passphrase-fd N]\n"
        "It is started by keyholed(8).\n",
        stderr);
    return 2;
}

static bool
parse_fd(const char *text, int *out)
{
    uint64_t fd;

    if (!bytes_to_u64(bytes_str(text), &fd) || fd > 1023)
        return false;
    *out = (int)fd;
    return true;
}

static bool
parse_options(int argc, char **argv, struct options *out)
{
    static const struct option known[] = {
        {"dir", required_argument, NULL, 'd'},
        {"channel-fd", required_argument, NULL, 'c'},
        {"passphrase-fd", required_argument, NULL, 'p'},
        {"metrics-fd", required_argument, NULL, 'm'},
        {"journal-fd", required_argument, NULL, 'j'},
        {"init", no_argument, NULL, 'i'},
        {0},
    };
    int option;

    *out = (struct options){
        .channel_fd = CHANNEL_FD_DEFAULT, .passphrase_fd = -1, .metrics_fd = -1, .journal_fd = -1};
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'd')
            out->directory = optarg;
        else if (option == 'c' && !parse_fd(optarg, &out->channel_fd))
            return false;
        else if (option == 'p' && !parse_fd(optarg, &out->passphrase_fd))
            return false;
        else if (option == 'm' && !parse_fd(optarg, &out->metrics_fd))
            return false;
        else if (option == 'j' && !parse_fd(optarg, &out->journal_fd))
            return false;
        else if (option == 'i')
            out->init = true;
        else if (option == '?')
            return false;
    }
    return optind == argc && out->directory && out->directory[0];
}

// Writes that fail return an error; stopping is the supervisor's to decide.
static void
ignore_signals(void)
{
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)signal(ignored[i], SIG_IGN);
}

// ---- messages of the supervisor ----

static bool
on_config(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;
    struct config config;

    (void)channel;
    config_init(&config);
    if (message_config_rx(message->body, &config)) {
        config_free(&config);
        return false;
    }
    config_free(&service->authority.config);
    service->authority.config = config;
    audit_set_sync(service->authority.audit, (enum audit_sync)config.audit_sync);
    audit_set_rotation(service->authority.audit, (uint64_t)config.audit_rotate_size);
    log_init("authority", (enum log_format)config.log_format, (enum log_level)config.log_level);
    return true;
}

static bool
on_pass_through(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;
    enum kh_err err = pass_through_receive(&service->authority.pass_through, message->body);

    (void)channel;
    if (err == KH_ERR_MEMORY)
        log_error("pass-through", "memory is used up: a host is not passed through");
    return err == KH_OK || err == KH_ERR_MEMORY;
}

// What runs to a host that is not on the new list is cut.
static bool
on_pass_through_end(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;

    (void)channel;
    (void)message;
    pass_through_adopt(&service->authority.pass_through);
    publish_routes_to_all(&service->authority);
    publish_rejudge(&service->authority);
    return true;
}

static bool
on_admin_listener(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;
    struct fault fault = {0};

    (void)channel;
    admin_server_free(&service->admin);
    service->authority.admin = NULL;
    if (admin_new(&service->authority, message->fd, &service->admin, &fault))
        log_error("admin", "%s", fault.detail);
    return true;
}

static bool
on_proxy_channel(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;
    struct fault fault = {0};

    (void)channel;
    if (serve_proxy_add(&service->authority, message->fd, message->id, &fault))
        log_error("proxy-channel", "%s", fault.detail);
    return true;
}

static bool
on_process_state(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;
    struct authority *authority = &service->authority;
    struct message_process_state state;
    size_t i = 0;

    (void)channel;
    if (message_process_state_rx(message->body, &state))
        return false;
    while (i < authority->process_count && (authority->process[i].role != (enum role)state.role ||
                                            authority->process[i].index != state.index))
        i++;
    if (i == AUTHORITY_PROCESSES_MAX)
        return true;
    if (i == authority->process_count)
        authority->process_count++;
    authority->process[i] = (struct authority_process){
        .role = (enum role)state.role,
        .index = state.index,
        .pid = state.pid,
        .restarts = state.restarts,
        .running = state.running,
    };
    snprintf(authority->process[i].note, sizeof authority->process[i].note, "%.*s",
             BYTES_ARG(bytes_slice(state.note, 0, 200)));
    return true;
}

static bool
on_listeners(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;
    struct bytes text;

    (void)channel;
    if (message_text_rx(message->body, &text))
        return false;
    buffer_clear(&service->authority.listeners);
    buffer_put(&service->authority.listeners, text);
    return true;
}

static bool
on_dischargers(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;

    (void)channel;
    return message_dischargers_rx(message->body, &service->authority.dischargers) == KH_OK;
}

static bool
on_reload_done(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;

    (void)channel;
    return admin_reload_done(&service->authority.reloads, message->id, message->body);
}

static bool
on_stop(struct channel *channel, void *context, const struct message *message)
{
    struct service *service = context;

    (void)channel;
    (void)message;
    service->stopped = true;
    (void)event_base_loopbreak(service->authority.base);
    return true;
}

static const struct channel_handler handlers[] = {
    {MESSAGE_CONFIG_AUTHORITY, on_config},
    {MESSAGE_PASS_THROUGH, on_pass_through},
    {MESSAGE_PASS_THROUGH_END, on_pass_through_end},
    {MESSAGE_ADMIN_LISTENER, on_admin_listener},
    {MESSAGE_PROXY_CHANNEL, on_proxy_channel},
    {MESSAGE_PROCESS_STATE, on_process_state},
    {MESSAGE_SUPERVISOR_LISTENERS, on_listeners},
    {MESSAGE_AUTHORITY_DISCHARGERS, on_dischargers},
    {MESSAGE_AUTHORITY_STOP, on_stop},
    {MESSAGE_RELOAD_DONE, on_reload_done},
    {0, NULL},
};

// Without a supervisor there is nobody to serve for.
static void
on_supervisor_closed(struct channel *channel, void *context, const char *why)
{
    struct service *service = context;

    (void)channel;
    log_error("supervisor-gone", "%s", why);
    (void)event_base_loopbreak(service->authority.base);
}

static void
note_loop(const struct authority *authority)
{
    size_t queued = channel_queued(authority->supervisor);

    for (size_t i = 0; i < authority->proxy_count; i++)
        queued += channel_queued(authority->proxy[i]->channel);
    metrics_heartbeat();
    metrics_set(METRIC_CHANNEL_QUEUE, queued);
}

static void
on_tick(evutil_socket_t fd, short what, void *context)
{
    struct service *service = context;

    (void)fd;
    (void)what;
    authority_tick(&service->authority);
    note_loop(&service->authority);
    serve_tick(&service->authority);
}

// ---- running ----

static enum kh_err
start_loop(struct service *service, int channel_fd, struct fault *fault)
{
    const struct timeval second = {.tv_sec = 1};
    struct authority *authority = &service->authority;
    struct channel_options options = {
        .self = ROLE_AUTHORITY,
        .peer = ROLE_SUPERVISOR,
        .handler = handlers,
        .context = service,
        .closed = on_supervisor_closed,
    };

    authority->base = event_base_new();
    if (authority->base == NULL)
        return fault_set(fault, KH_ERR_MEMORY, "the event loop does not start");
    options.base = authority->base;
    enum kh_err err = channel_new(channel_fd, &options, &authority->supervisor, fault);
    if (err)
        return err;
    reload_init(authority);
    service->tick = event_new(authority->base, -1, EV_PERSIST, on_tick, service);
    if (service->tick == NULL || event_add(service->tick, &second))
        return fault_set(fault, KH_ERR_MEMORY, "the timer does not start");
    return KH_OK;
}

static void
stop_loop(struct service *service)
{
    serve_proxies_close(&service->authority);
    admin_server_free(&service->admin);
    channel_free(&service->authority.supervisor);
    if (service->tick)
        event_free(service->tick);
    if (service->authority.base)
        event_base_free(service->authority.base);
    service->authority.base = NULL;
}

static void
warn_about_memory(void)
{
    struct secret_statistics statistics;

    secret_statistics(&statistics);
    if (statistics.unlocked)
        log_warning("memory", "secrets cannot be locked in memory (RLIMIT_MEMLOCK is too low) and "
                              "may be written to swap");
}

// Decisions go on while the disk takes the audit log.
static void
start_thread(void *context)
{
    struct service *service = context;
    struct fault fault = {0};

    if (audit_sync_behind(service->authority.audit, &fault))
        log_warning("audit-sync", "%s: requests wait while the audit log is synced", fault.detail);
}

static int
run(const struct options *options, struct master_key_source *source)
{
    static struct service service;
    struct fault fault = {0};
    enum kh_err err = authority_open(&service.authority, source, clock_system(), &fault);

    secret_free(&source->passphrase); // the key is made: nobody needs it any more
    if (!err)
        err = start_loop(&service, options->channel_fd, &fault);
    if (!err) {
        warn_about_memory();
        err = sandbox_enter_between(ROLE_AUTHORITY, options->directory, start_thread, &service,
                                    &fault);
    }
    if (err) {
        log_error("start", "%s", fault.detail);
    } else {
        on_tick(-1, 0, &service);
        channel_send(service.authority.supervisor, MESSAGE_AUTHORITY_READY, 0, BYTES_EMPTY);
        (void)event_base_dispatch(service.authority.base);
    }
    stop_loop(&service);
    authority_close(&service.authority);
    return err || !service.stopped ? 1 : 0;
}

static int
init(const struct master_key_source *source)
{
    struct fault fault = {0};
    struct wall_clock clock = clock_system();
    enum kh_err err = state_create(source, master_key_cost_default, &clock, &fault);

    if (err) // somebody typed `keyholed init`: a sentence, not a log line
        fprintf(stderr, "keyholed: %s\n", fault.detail);
    return err ? 1 : 0;
}

int
main(int argc, char **argv)
{
    struct options options;
    struct fault fault = {0};
    struct secret *passphrase = NULL;

    sandbox_harden();
    openssl_memory_init();
    ignore_signals();
    admin_init();
    log_init("authority", LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    // The CA's key is in OpenSSL's hands: its own locked pages.
    (void)CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_HEAP_MIN);
    if (keep_is_wanted(argc, argv))
        return keep_main(argc, argv);
    if (!parse_options(argc, argv, &options))
        return usage();
    log_use_journal(options.journal_fd);
    log_init("authority", LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    if (options.passphrase_fd >= 0 &&
        master_key_read_passphrase(options.passphrase_fd, &passphrase, &fault)) {
        log_error("passphrase", "%s", fault.detail);
        return 1;
    }
    if (options.metrics_fd >= 0 && metrics_attach(options.metrics_fd, &fault))
        log_warning("metrics", "%s", fault.detail);
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    struct master_key_source source = {
        .directory = options.directory,
        .credentials_directory = credentials && credentials[0] ? credentials : NULL,
        .passphrase = passphrase,
    };
    int status = options.init ? init(&source) : run(&options, &source);
    secret_free(&source.passphrase);
    return status;
}
