/* SPDX-License-Identifier: Apache-2.0
 *
 * keyhole-discharger: faces people, and vouches for them. It is started by the supervisor with a
 * channel to it and a directory of its own, and is of no use by itself.
 */
#include "../admin/request.h"
#include "../channel.h"
#include "../database/private_file.h"
#include "../log.h"
#include "../messages.h"
#include "../metrics.h"
#include "../openssl_memory.h"
#include "../sandbox.h"
#include "admin.h"
#include "key.h"
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHANNEL_FD_DEFAULT = 3, SECURE_HEAP = 65536, SECURE_HEAP_MIN = 32 };

#define DATABASE_FILE   "discharger.db"
#define ROOTS_DIRECTORY "roots"

struct process {
    const char *directory;
    struct event_base *base;
    struct channel *supervisor;
    struct event *tick;
    struct discharge_key key;
    struct discharge_store *store;
    struct service *service; // from the first configuration on
    struct server server;
    struct discharge_admin context;
    struct admin_server *admin;
    bool ready, stopped; // stopped: the supervisor asked for it
    bool failed;
};

static int64_t
clock_now(void)
{
    return (int64_t)time(NULL);
}

// ---- beginning to serve ----

static void
fail(struct process *process, const struct fault *fault)
{
    log_error("start", "%s", fault->detail);
    process->failed = true;
    (void)event_base_loopbreak(process->base);
}

static enum kh_err
start_service(struct process *process, const struct message_discharger_config *config,
              struct fault *fault)
{
    char roots[PATH_MAX];
    struct service_options options = {
        .secret_key = process->key.secret_key,
        .store = process->store,
        .roots = roots,
        .settings = config->settings,
    };

    snprintf(roots, sizeof roots, "%s/" ROOTS_DIRECTORY, process->directory);
    snprintf(options.self.url, sizeof options.self.url, "%.*s", BYTES_ARG(config->url));
    memcpy(options.self.public_key, process->key.public_key, sizeof options.self.public_key);
    enum kh_err err = service_new(&options, &process->service, fault);
    if (err)
        return err;
    process->context = (struct discharge_admin){
        .self = options.self,
        .store = process->store,
        .service = process->service,
        .started_at = clock_now(),
        .now = clock_now,
        .reloads = {.supervisor = process->supervisor, .ask = MESSAGE_DISCHARGER_RELOAD_ASK},
    };
    server_serve(&process->server, process->service, options.self.url);
    return KH_OK;
}

// The supervisor's introduction ends with the admin socket: all listeners are there.
static void
become_ready(struct process *process)
{
    BUFFER_AUTO body;

    buffer_init(&body, 4096);
    message_discharger_ready_tx(&process->context.self, &body);
    if (body.failed) {
        const struct fault fault = {KH_ERR_INTERNAL, "the discharger cannot say where it is"};
        fail(process, &fault);
        return;
    }
    process->ready = true;
    server_accept(&process->server);
    channel_send(process->supervisor, MESSAGE_DISCHARGER_READY, 0, buffer_bytes(&body));
}

// ---- messages of the supervisor ----

static bool
on_config(struct channel *channel, void *context, const struct message *message)
{
    struct process *process = context;
    struct message_discharger_config config;
    struct fault fault = {0};

    (void)channel;
    if (message_discharger_config_rx(message->body, &config))
        return false;
    log_init("discharger", (enum log_format)config.log_format, (enum log_level)config.log_level);
    if (process->service)
        service_set_settings(process->service, &config.settings);
    else if (start_service(process, &config, &fault))
        fail(process, &fault);
    return true;
}

static bool
on_listener(struct channel *channel, void *context, const struct message *message)
{
    struct process *process = context;
    struct message_listener listener;
    struct fault fault = {0};

    (void)channel;
    if (message_listener_rx(message->body, &listener)) {
        close(message->fd);
        return false;
    }
    if (server_listen(&process->server, &listener, message->fd, &fault))
        fail(process, &fault);
    return true;
}

static bool
on_admin(struct channel *channel, void *context, const struct message *message)
{
    struct process *process = context;
    struct fault fault = {0};

    (void)channel;
    if (process->service == NULL) { // before the configuration
        close(message->fd);
        return false;
    }
    admin_server_free(&process->admin);
    process->context.server = NULL;
    if (admin_server_new(process->base, message->fd, discharge_admin_answer, &process->context,
                         &process->admin, &fault))
        fail(process, &fault);
    else if (!process->ready && !process->failed)
        become_ready(process);
    process->context.server = process->admin;
    return true;
}

static bool
on_reload_done(struct channel *channel, void *context, const struct message *message)
{
    struct process *process = context;

    (void)channel;
    return admin_reload_done(&process->context.reloads, message->id, message->body);
}

static void
on_drained(void *context)
{
    struct process *process = context;

    (void)event_base_loopbreak(process->base);
}

static bool
on_drain(struct channel *channel, void *context, const struct message *message)
{
    struct process *process = context;

    (void)channel, (void)message;
    process->stopped = true;
    admin_server_free(&process->admin);
    process->context.server = NULL;
    server_drain(&process->server);
    return true;
}

static const struct channel_handler handlers[] = {
    {MESSAGE_DISCHARGER_CONFIG, on_config},
    {MESSAGE_DISCHARGER_LISTENER, on_listener},
    {MESSAGE_DISCHARGER_ADMIN, on_admin},
    {MESSAGE_DISCHARGER_DRAIN, on_drain},
    {MESSAGE_DISCHARGER_RELOAD_DONE, on_reload_done},
    {0, NULL},
};

// Without a supervisor there is nobody to serve for.
static void
on_supervisor_closed(struct channel *channel, void *context, const char *why)
{
    struct process *process = context;

    (void)channel;
    log_error("supervisor-gone", "%s", why);
    (void)event_base_loopbreak(process->base);
}

static void
on_tick(evutil_socket_t fd, short what, void *context)
{
    struct process *process = context;

    (void)fd, (void)what;
    metrics_heartbeat();
    metrics_set(METRIC_CHANNEL_QUEUE, channel_queued(process->supervisor));
    if (process->service)
        service_tick(process->service, clock_now());
}

// ---- what it has ----

static enum kh_err
open_directory(const char *directory, struct fault *fault)
{
    if (mkdir(directory, 0700) && errno != EEXIST)
        return fault_set(fault, KH_ERR_IO, "%s: cannot be made: %s", directory, strerror(errno));
    return private_directory_check(directory, fault);
}

static enum kh_err
open_state(struct process *process, struct fault *fault)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/" DATABASE_FILE, process->directory);

    if (n < 0 || n >= PATH_MAX)
        return fault_set(fault, KH_ERR_TOO_LONG, "the directory's name is too long");
    enum kh_err err = open_directory(process->directory, fault);
    bool had_database = !err && lstat(path, &st) == 0;
    if (!err)
        err = discharge_key_load(process->directory,
                                 credentials && credentials[0] ? credentials : NULL, &process->key,
                                 fault);
    if (!err)
        err = discharge_store_open(path, &process->store, fault);
    if (!err && process->key.made && had_database)
        log_warning("key-made",
                    "%s: the discharger's key was not there any more, and a new one "
                    "was made: holes that are open cannot be filled any more",
                    process->directory);
    else if (!err && process->key.made)
        log_info("key-made",
                 "%s: the discharger's key was made; keep a copy of " DISCHARGE_KEY_FILE,
                 process->directory);
    return err;
}

static enum kh_err
start_loop(struct process *process, int channel_fd, struct fault *fault)
{
    const struct timeval second = {.tv_sec = 1};
    struct channel_options options = {
        .self = ROLE_DISCHARGER,
        .peer = ROLE_SUPERVISOR,
        .handler = handlers,
        .context = process,
        .closed = on_supervisor_closed,
    };

    process->base = event_base_new();
    if (process->base == NULL) {
        close(channel_fd);
        return fault_set(fault, KH_ERR_MEMORY, "the event loop does not start");
    }
    server_init(&process->server, process->base, &server_limits_default);
    process->server.drained = on_drained;
    process->server.context = process;
    options.base = process->base;
    enum kh_err err = channel_new(channel_fd, &options, &process->supervisor, fault);
    if (err)
        return err;
    process->tick = event_new(process->base, -1, EV_PERSIST, on_tick, process);
    if (process->tick == NULL || event_add(process->tick, &second))
        return fault_set(fault, KH_ERR_MEMORY, "the timer does not start");
    return KH_OK;
}

static void
stop(struct process *process)
{
    if (process->base) {
        admin_server_free(&process->admin);
        server_fini(&process->server);
        channel_free(&process->supervisor);
        if (process->tick)
            event_free(process->tick);
        event_base_free(process->base);
    }
    service_free(&process->service);
    discharge_store_close(&process->store);
    discharge_key_free(&process->key);
}

static int
run(const char *directory, int channel_fd)
{
    static struct process process;
    struct fault fault = {0};

    process.directory = directory;
    enum kh_err err = open_state(&process, &fault);
    if (!err)
        err = start_loop(&process, channel_fd, &fault);
    if (!err)
        err = sandbox_enter(ROLE_DISCHARGER, directory, &fault);
    if (err)
        log_error("start", "%s", fault.detail);
    else
        (void)event_base_dispatch(process.base);
    stop(&process);
    return err || process.failed || !process.stopped ? 1 : 0;
}

static bool
parse_options(int argc, char **argv, const char **directory, int *channel_fd, int *metrics_fd,
              int *journal_fd)
{
    static const struct option known[] = {
        {"dir", required_argument, NULL, 'd'},
        {"channel-fd", required_argument, NULL, 'c'},
        {"metrics-fd", required_argument, NULL, 'm'},
        {"journal-fd", required_argument, NULL, 'j'},
        {0},
    };
    int option;

    *directory = NULL;
    *channel_fd = CHANNEL_FD_DEFAULT;
    *metrics_fd = *journal_fd = -1;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        uint64_t fd = 0;
        if (option == 'd')
            *directory = optarg;
        else if (bytes_to_u64(bytes_str(optarg), &fd) && fd < 1024 && option != '?')
            *(option == 'c' ? channel_fd : option == 'm' ? metrics_fd : journal_fd) = (int)fd;
        else
            return false;
    }
    return optind == argc && *directory && (*directory)[0];
}

// Writes that fail return an error; stopping is the supervisor's to decide.
static void
ignore_signals(void)
{
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)signal(ignored[i], SIG_IGN);
}

int
main(int argc, char **argv)
{
    const char *directory;
    struct fault fault = {0};
    int channel_fd, metrics_fd, journal_fd;

    sandbox_harden();
    openssl_memory_init();
    ignore_signals();
    admin_request_init();
    log_init("discharger", LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    // Keys of listeners are in OpenSSL's hands: locked pages.
    (void)CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_HEAP_MIN);
    if (!parse_options(argc, argv, &directory, &channel_fd, &metrics_fd, &journal_fd)) {
        fputs("usage: keyhole-discharger --dir DIR [--channel-fd N] [--metrics-fd N]\n"
              "It is started by keyholed(8).\n",
              stderr);
        return 2;
    }
    log_use_journal(journal_fd);
    log_init("discharger", LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
    if (metrics_fd >= 0 && metrics_attach(metrics_fd, &fault))
        log_warning("metrics", "%s", fault.detail);
    return run(directory, channel_fd);
}
