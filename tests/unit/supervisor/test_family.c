/* SPDX-License-Identifier: Apache-2.0 */
/* The children as a family, with children of our own: this program, run again under their names.
 *
 * How a child behaves and where it may write is told to it in the configuration (`pool_total`, the
 * first of `names`), since it gets nothing else. */
#include "../scratch.h"

#include "../../../broker/log.h"
#include "../../../broker/messages.h"
#include "../../../broker/supervisor/family.h"

#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>

enum behaviour {
    GOOD = 0,
    PROXY_ENDS_AT_ONCE,
    AUTHORITY_ENDS_AT_ONCE,
    PROXY_TALKS, /* to the authority, which finds fault with it; once it has a second life, not */
    PROXY_READY_TWICE,
    PROXY_SAYS_NONSENSE,
    PROXY_NEVER_DRAINS,
};

/* The discharger is told nothing but its settings: its oldest firmware is how it behaves. */
enum discharger_behaviour {
    HONEST = 0,
    ENDS_AT_ONCE,
    SAYS_ANOTHER_URL,
    SAYS_NO_KEY,
    NEW_KEY, /* of each process: its own number is in it */
};

#define DISCHARGER_URL "http://localhost:8438"

/* ---- the children ---- */

static struct event_base *child_base;
static int64_t behaviour;
static bool configured, has_authority;
static struct channel *to_supervisor, *to_peer[8];
static uint64_t peer_life[8];
static size_t peers;

static void
end_on_closed(struct channel *channel, void *context, const char *why)
{
    (void)channel;
    (void)context;
    (void)why;
    _exit(0);
}

static void
forget_closed(struct channel *channel, void *context, const char *why)
{
    (void)why;
    (void)context;
    for (size_t i = 0; i < peers; i++)
        if (to_peer[i] == channel)
            to_peer[i] = NULL;
    channel_free(&channel);
}

static void
fake_proxy_check_ready(void)
{
    if (configured && has_authority)
        channel_send(to_supervisor, MESSAGE_PROXY_READY, 0, BYTES_EMPTY);
}

static void
fake_proxy_misbehave(void)
{
    if (behaviour == PROXY_TALKS)
        channel_send(to_peer[peers - 1], MESSAGE_FINISHED, 0, BYTES("x"));
    if (behaviour == PROXY_READY_TWICE)
        channel_send(to_supervisor, MESSAGE_PROXY_READY, 0, BYTES_EMPTY);
    // A message that only the authority may send: our own end would refuse it.
    static const uint8_t frame[16] = {[4] = MESSAGE_AUTHORITY_READY};
    if (behaviour == PROXY_SAYS_NONSENSE && write(3, frame, sizeof(frame)) != sizeof(frame))
        _exit(13);
}

static bool
fake_on_config(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    struct config config;
    config_init(&config);
    if (message_config_rx(message->body, &config) != KH_OK)
        _exit(9);
    behaviour = config.pool_total;
    if (config.name_count > 0 && chdir(config.name[0]) != 0)
        _exit(16);
    config_free(&config);
    if (message->type == MESSAGE_CONFIG && behaviour == PROXY_ENDS_AT_ONCE)
        _exit(7);
    if (message->type == MESSAGE_CONFIG_AUTHORITY && behaviour == AUTHORITY_ENDS_AT_ONCE)
        _exit(8);
    bool first = !configured;
    configured = true;
    if (message->type == MESSAGE_CONFIG_AUTHORITY && first)
        channel_send(to_supervisor, MESSAGE_AUTHORITY_READY, 0, BYTES_EMPTY);
    if (message->type == MESSAGE_CONFIG && !first)
        fake_proxy_misbehave();
    return true;
}

static bool
fake_on_ignored(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    if (message->fd >= 0)
        close(message->fd);
    return true;
}

static bool
fake_on_finished(struct channel *channel, void *context, const struct message *message)
{
    (void)message;
    (void)context;
    for (size_t i = 0; i < peers; i++)
        if (to_peer[i] == channel)
            channel_send(to_supervisor, MESSAGE_PEER_FAULT, peer_life[i], BYTES("spoke"));
    return true;
}

static const struct channel_handler fake_peer_handlers[] = {
    {MESSAGE_FINISHED, fake_on_finished},
    {0, NULL},
};

static bool
fake_on_channel(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    bool authority = message->type == MESSAGE_PROXY_CHANNEL;
    struct channel_options options = {.base = child_base,
                                      .self = authority ? ROLE_AUTHORITY : ROLE_PROXY,
                                      .peer = authority ? ROLE_PROXY : ROLE_AUTHORITY,
                                      .handler =
                                          authority ? fake_peer_handlers : fake_peer_handlers + 1,
                                      .closed = forget_closed};
    peer_life[peers] = message->id;
    if (channel_new(message->fd, &options, &to_peer[peers], NULL) != KH_OK)
        _exit(10);
    peers++;
    if (!authority && !has_authority) {
        has_authority = true;
        fake_proxy_check_ready();
    }
    return true;
}

static bool
fake_on_stop(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    if (message->type == MESSAGE_PROXY_DRAIN && behaviour == PROXY_NEVER_DRAINS)
        return true;
    _exit(0);
}

static bool
fake_on_discharger_config(struct channel *channel, void *context, const struct message *message)
{
    (void)context;
    struct message_discharger_config config;
    struct discharger said = {.public_key = {7}};
    struct buffer body;
    if (message_discharger_config_rx(message->body, &config) != KH_OK)
        _exit(9);
    if (config.settings.firmware == ENDS_AT_ONCE)
        _exit(6);
    (void)snprintf(said.url, sizeof(said.url), "%.*s%s", BYTES_ARG(config.url),
                   config.settings.firmware == SAYS_ANOTHER_URL ? "0" : "");
    if (config.settings.firmware == SAYS_NO_KEY)
        said.public_key[0] = 0;
    if (config.settings.firmware == NEW_KEY)
        memcpy(said.public_key, &(pid_t){getpid()}, sizeof(pid_t));
    buffer_init(&body, 1024);
    message_discharger_ready_tx(&said, &body);
    if (!configured)
        channel_send(channel, MESSAGE_DISCHARGER_READY, 0, buffer_bytes(&body));
    configured = true;
    buffer_free(&body);
    return true;
}

/* What it was told of dischargers, as a file: one line for each, with the process in its name. */
static bool
fake_on_dischargers(struct channel *channel, void *context, const struct message *message)
{
    (void)channel;
    (void)context;
    struct message_dischargers list;
    char name[64], partial[80];
    if (message_dischargers_rx(message->body, &list) != KH_OK)
        _exit(14);
    (void)snprintf(name, sizeof(name), "told.%ld", (long)getpid());
    (void)snprintf(partial, sizeof(partial), "%s.partial", name);
    FILE *file = fopen(partial, "we");
    for (size_t i = 0; file != NULL && i < list.count; i++)
        (void)fprintf(file, "%s %s %02x%02x%02x%02x\n", list.discharger[i].name,
                      list.discharger[i].url, list.discharger[i].public_key[0],
                      list.discharger[i].public_key[1], list.discharger[i].public_key[2],
                      list.discharger[i].public_key[3]);
    if (file == NULL || fclose(file) != 0 || rename(partial, name) != 0)
        _exit(15);
    return true;
}

static const struct channel_handler fake_handlers[] = {
    {MESSAGE_CONFIG, fake_on_config},
    {MESSAGE_CONFIG_AUTHORITY, fake_on_config},
    {MESSAGE_PASS_THROUGH, fake_on_ignored},
    {MESSAGE_PASS_THROUGH_END, fake_on_ignored},
    {MESSAGE_LISTENER, fake_on_ignored},
    {MESSAGE_ADMIN_LISTENER, fake_on_ignored},
    {MESSAGE_SUPERVISOR_LISTENERS, fake_on_ignored},
    {MESSAGE_PROCESS_STATE, fake_on_ignored},
    {MESSAGE_AUTHORITY_CHANNEL, fake_on_channel},
    {MESSAGE_PROXY_CHANNEL, fake_on_channel},
    {MESSAGE_PROXY_DRAIN, fake_on_stop},
    {MESSAGE_AUTHORITY_STOP, fake_on_stop},
    {MESSAGE_AUTHORITY_DISCHARGERS, fake_on_dischargers},
    {MESSAGE_PROXY_DISCHARGERS, fake_on_dischargers},
    {MESSAGE_METRICS_PAGE, fake_on_ignored},
    {MESSAGE_DISCHARGER_CONFIG, fake_on_discharger_config},
    {MESSAGE_DISCHARGER_LISTENER, fake_on_ignored},
    {MESSAGE_DISCHARGER_ADMIN, fake_on_ignored},
    {MESSAGE_DISCHARGER_DRAIN, fake_on_stop},
    {0, NULL},
};

static int
fake_child(enum role role)
{
    child_base = event_base_new();
    event_base_priority_init(child_base, 2);
    struct channel_options options = {.base = child_base,
                                      .self = role,
                                      .peer = ROLE_SUPERVISOR,
                                      .handler = fake_handlers,
                                      .closed = end_on_closed};
    if (channel_new(3, &options, &to_supervisor, NULL) != KH_OK)
        return 11;
    event_base_dispatch(child_base);
    return 12;
}

/* ---- the supervisor's side ---- */

static struct family family;
static struct config config;
static struct listener admin = {.fd = -1}, tcp = {.fd = -1};
static struct listener discharger_admin = {.fd = -1}, discharger_tcp = {.fd = -1};
static struct secret no_secret;
static struct event *on_child, *on_file, *patience;
static unsigned serving, start_failed, proxies_stopped, authority_stopped, discharger_stopped;
static int null_fd, watch_fd;

static void
count_serving(void *context)
{
    (void)context;
    serving++;
    event_base_loopbreak(family.base);
}

static void
count_start_failed(void *context)
{
    (void)context;
    start_failed++;
    event_base_loopbreak(family.base);
}

static void
count_stopped(void *context, enum role role)
{
    (void)context;
    ++*(role == ROLE_PROXY        ? &proxies_stopped
        : role == ROLE_DISCHARGER ? &discharger_stopped
                                  : &authority_stopped);
    event_base_loopbreak(family.base);
}

static void
reap(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    (void)context;
    family_reap(&family);
    event_base_loopbreak(family.base);
}

static void
drain_watch(evutil_socket_t fd, short what, void *context)
{
    char events[4096];
    (void)what;
    (void)context;
    while (read(fd, events, sizeof(events)) > 0) {
    }
}

static void
lost_patience(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    fail_msg("nothing happened for a minute");
}

/* One turn of the loop, at most until something happened. */
static void
turn(void)
{
    struct timeval minute = {.tv_sec = 60};
    event_add(patience, &minute);
    event_base_loop(family.base, EVLOOP_ONCE);
}

#define TURN_UNTIL(condition)                                                                      \
    while (!(condition))                                                                           \
        turn();

static void
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

static void
events_open(void)
{
    family.base = event_base_new();
    event_base_priority_init(family.base, 2);
    on_child = evsignal_new(family.base, SIGCHLD, reap, NULL);
    event_add(on_child, NULL);
    patience = evtimer_new(family.base, lost_patience, NULL);
    watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    assert_true(inotify_add_watch(watch_fd, test_directory, IN_MOVED_TO) >= 0);
    on_file = event_new(family.base, watch_fd, EV_READ | EV_PERSIST, drain_watch, NULL);
    event_add(on_file, NULL);
}

static int
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

static int
setup(void **state)
{
    return setup_plan(state, &(struct family_plan){.authority = true, .proxies = 2});
}

static int
setup_all(void **state)
{
    return setup_plan(state,
                      &(struct family_plan){.authority = true, .proxies = 2, .discharger = true});
}

static int
setup_alone(void **state)
{
    return setup_plan(state, &(struct family_plan){.discharger = true});
}

static int
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

static void
start(enum behaviour how)
{
    config.pool_total = how;
    family_start(&family);
    TURN_UNTIL(serving > 0 || start_failed > 0);
}

static void
a_child_that_ends_before_it_is_ready(void **state)
{
    (void)state;
    start(PROXY_ENDS_AT_ONCE);
    assert_int_equal(start_failed, 1);
    assert_int_equal(serving, 0);
}

static void
an_authority_that_does_not_start_has_no_proxies(void **state)
{
    (void)state;
    start(AUTHORITY_ENDS_AT_ONCE);
    assert_int_equal(start_failed, 1);
    assert_string_equal(family.child[0].note, "exit status 8");
    assert_false(family_has(&family, ROLE_PROXY));
}

static void
a_program_that_cannot_be_run(void **state)
{
    (void)state;
    strcpy(family.program[ROLE_PROXY], "/nonexistent/keyhole-proxy");
    start(GOOD);
    assert_int_equal(start_failed, 1);
}

static void
all_serve(void **state)
{
    (void)state;
    start(GOOD);
    assert_int_equal(serving, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(family.child[i].state, CHILD_SERVING);
        assert_int_equal(family.child[i].restarts, 0);
    }
    assert_int_not_equal(family.child[1].life, family.child[2].life);
}

static void
each_child_comes_again(void **state)
{
    (void)state;
    start(GOOD);
    for (size_t i = 0; i < 3; i++) {
        struct family_child *child = &family.child[i];
        uint64_t life = child->life;
        kill(child->pid, SIGKILL);
        TURN_UNTIL(child->life != life && child->state == CHILD_SERVING);
        assert_int_equal(child->restarts, 1);
        assert_string_equal(child->note, "signal 9 (Killed)");
    }
    assert_int_equal(serving, 1); // told once
    assert_int_equal(start_failed, 0);
}

/* Both proxies do it, are ended, and come again. */
static void
misbehave(enum behaviour how, const char *note)
{
    config.pool_total = how;
    family_send_config(&family);
    TURN_UNTIL(family.child[1].restarts > 0 && family.child[1].state == CHILD_SERVING &&
               family.child[2].restarts > 0 && family.child[2].state == CHILD_SERVING);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(family.child[i].restarts, 1);
        // It may have ended by itself before it was killed: the reason is the same.
        if (strstr(family.child[i].note, note) == NULL)
            fail_msg("expected \"%s\" in: %s", note, family.child[i].note);
    }
}

/* Through a pair that was made after the authority died, a fault still names the right proxy. */
static void
what_the_authority_finds_fault_with_is_ended(void **state)
{
    (void)state;
    start(GOOD);
    kill(family.child[0].pid, SIGKILL);
    TURN_UNTIL(family.child[0].restarts == 1 && family.child[0].state == CHILD_SERVING);
    misbehave(PROXY_TALKS, "broke the protocol with the authority");
    assert_int_equal(family.child[0].restarts, 1);
}

static void
ready_twice_is_ended(void **state)
{
    (void)state;
    start(GOOD);
    misbehave(PROXY_READY_TWICE, "said twice that it is ready");
}

static void
what_breaks_the_protocol_is_ended(void **state)
{
    (void)state;
    start(GOOD);
    misbehave(PROXY_SAYS_NONSENSE, "proxy may not send AUTHORITY_READY to supervisor");
}

static void
stop(void **state)
{
    (void)state;
    start(GOOD);
    family_stop(&family, ROLE_PROXY, 60000);
    TURN_UNTIL(proxies_stopped > 0);
    assert_false(family_has(&family, ROLE_PROXY));
    assert_true(family_has(&family, ROLE_AUTHORITY));
    family_stop(&family, ROLE_AUTHORITY, 60000);
    TURN_UNTIL(authority_stopped > 0);
    assert_int_equal(proxies_stopped, 1);
    assert_int_equal(authority_stopped, 1);
}

static void
what_does_not_drain_is_ended(void **state)
{
    (void)state;
    start(PROXY_NEVER_DRAINS);
    family_stop(&family, ROLE_PROXY, 50);
    TURN_UNTIL(proxies_stopped > 0);
    assert_false(family_has(&family, ROLE_PROXY));
}

static void
stop_before_anything_started(void **state)
{
    (void)state;
    family_stop(&family, ROLE_PROXY, 1000);
    assert_int_equal(proxies_stopped, 1);
    family_stop(&family, ROLE_AUTHORITY, 1000);
    assert_int_equal(authority_stopped, 1);
}

static void
stop_while_one_waits(void **state)
{
    (void)state;
    start(GOOD);
    kill(family.child[1].pid, SIGKILL);
    TURN_UNTIL(family.child[1].state == CHILD_WAITING);
    family_stop(&family, ROLE_PROXY, 60000);
    TURN_UNTIL(proxies_stopped > 0);
    assert_int_equal(family.child[1].state, CHILD_DOWN);
    assert_int_equal(family.child[1].pid, 0);
}

/* ---- with a discharger ---- */

enum { AUTHORITY = 0, PROXY = 1, OTHER_PROXY = 2, DISCHARGER = 3 };

static void
start_discharger(enum discharger_behaviour how)
{
    config.discharger.settings.firmware = how;
    start(GOOD);
}

static const char *
told(const struct family_child *child)
{
    static char text[4096];
    char name[64];
    (void)snprintf(name, sizeof(name), "told.%ld", (long)child->pid);
    FILE *file = fopen(test_path(name), "re");
    if (file == NULL)
        return "";
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    return text;
}

static void
know(const char *name, const char *url)
{
    config.known_discharger = calloc(1, sizeof(*config.known_discharger));
    assert_non_null(config.known_discharger);
    config.known_discharger->name = strdup(name);
    assert_true(asprintf(&config.known_discharger->address,
                         "%s#kd1_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk", url) > 0);
    config.known_discharger_count = 1;
}

static void
a_discharger_that_does_not_start(void **state)
{
    (void)state;
    start_discharger(ENDS_AT_ONCE);
    assert_int_equal(start_failed, 1);
    assert_int_equal(serving, 0);
    assert_string_equal(family.child[DISCHARGER].note, "exit status 6");
    assert_false(family_has(&family, ROLE_PROXY)); // which would not know whom to name
}

static void
a_discharger_that_says_it_is_elsewhere(void **state)
{
    (void)state;
    start_discharger(SAYS_ANOTHER_URL);
    assert_int_equal(start_failed, 1);
    assert_int_equal(serving, 0);
    assert_false(family.local_known);
}

static void
a_discharger_without_a_key(void **state)
{
    (void)state;
    start_discharger(SAYS_NO_KEY);
    assert_int_equal(start_failed, 1);
    assert_int_equal(serving, 0);
}

static void
all_learn_of_the_dischargers(void **state)
{
    (void)state;
    know("security", "https://t.example");
    start_discharger(HONEST);
    assert_int_equal(serving, 1);
    assert_int_equal(family.child[DISCHARGER].role, ROLE_DISCHARGER);
    assert_string_equal(family.local.name, "local");
    assert_int_equal(family.local.public_key[0], 7);
    static const char expected[] =
        "local " DISCHARGER_URL " 07000000\nsecurity https://t.example 09090909\n";
    assert_string_equal(told(&family.child[PROXY]), expected); // before they said they are ready
    assert_string_equal(told(&family.child[OTHER_PROXY]), expected);
    TURN_UNTIL(strcmp(told(&family.child[AUTHORITY]), expected) == 0);
    assert_string_equal(told(&family.child[DISCHARGER]), "");
    // As does whoever comes after.
    for (size_t i = AUTHORITY; i <= PROXY; i++) {
        uint64_t life = family.child[i].life;
        kill(family.child[i].pid, SIGKILL);
        TURN_UNTIL(family.child[i].life != life && family.child[i].state == CHILD_SERVING);
        assert_string_equal(told(&family.child[i]), expected);
    }
}

static void
the_default_comes_first_also_after_a_reload(void **state)
{
    (void)state;
    know("security", "https://t.example");
    config.default_discharger = strdup("security");
    start_discharger(HONEST);
    assert_string_equal(told(&family.child[PROXY]),
                        "security https://t.example 09090909\nlocal " DISCHARGER_URL " 07000000\n");
    free(config.default_discharger);
    config.default_discharger = NULL;
    family_send_config(&family);
    static const char expected[] =
        "local " DISCHARGER_URL " 07000000\nsecurity https://t.example 09090909\n";
    TURN_UNTIL(strcmp(told(&family.child[PROXY]), expected) == 0);
    TURN_UNTIL(strcmp(told(&family.child[AUTHORITY]), expected) == 0);
}

static void
those_of_others_need_no_discharger_here(void **state)
{
    (void)state;
    know("security", "https://t.example");
    start(GOOD);
    assert_string_equal(told(&family.child[PROXY]), "security https://t.example 09090909\n");
    TURN_UNTIL(*told(&family.child[AUTHORITY]) != '\0');
}

static void
a_discharger_that_dies_comes_again_and_nobody_else_ends(void **state)
{
    (void)state;
    start_discharger(NEW_KEY);
    struct family_child *discharger = &family.child[DISCHARGER];
    struct discharger first = family.local;
    uint64_t life = discharger->life, proxy_life = family.child[PROXY].life;
    kill(discharger->pid, SIGKILL);
    TURN_UNTIL(discharger->life != life && discharger->state == CHILD_SERVING);
    assert_int_equal(discharger->restarts, 1);
    assert_int_equal(serving, 1);
    assert_int_equal(start_failed, 0);
    assert_true(family.child[PROXY].life == proxy_life);
    assert_int_equal(family.child[AUTHORITY].restarts, 0);
    // Its new key is told to those who run.
    assert_memory_not_equal(first.public_key, family.local.public_key, TICKET_PUBLIC_KEY_SIZE);
    char expected[128];
    (void)snprintf(expected, sizeof(expected), "local " DISCHARGER_URL " %02x%02x%02x%02x\n",
                   family.local.public_key[0], family.local.public_key[1],
                   family.local.public_key[2], family.local.public_key[3]);
    TURN_UNTIL(strcmp(told(&family.child[PROXY]), expected) == 0);
    TURN_UNTIL(strcmp(told(&family.child[AUTHORITY]), expected) == 0);
}

static void
stop_with_a_discharger(void **state)
{
    (void)state;
    start_discharger(HONEST);
    family_stop(&family, ROLE_PROXY, 60000);
    family_stop(&family, ROLE_DISCHARGER, 60000);
    TURN_UNTIL(proxies_stopped > 0 && discharger_stopped > 0);
    assert_false(family_has(&family, ROLE_DISCHARGER));
    assert_true(family_has(&family, ROLE_AUTHORITY));
    family_stop(&family, ROLE_AUTHORITY, 60000);
    TURN_UNTIL(authority_stopped > 0);
    assert_int_equal(discharger_stopped, 1);
}

static void
a_discharger_alone(void **state)
{
    (void)state;
    start_discharger(HONEST);
    assert_int_equal(serving, 1);
    assert_int_equal(family.child_count, 1);
    struct family_child *discharger = &family.child[0];
    kill(discharger->pid, SIGKILL);
    TURN_UNTIL(discharger->restarts == 1 && discharger->state == CHILD_SERVING);
    family_stop(&family, ROLE_PROXY, 60000);
    assert_int_equal(proxies_stopped, 1); // there are none
    family_stop(&family, ROLE_DISCHARGER, 60000);
    TURN_UNTIL(discharger_stopped > 0);
    family_stop(&family, ROLE_AUTHORITY, 60000);
    assert_int_equal(authority_stopped, 1);
}

#define FAMILY_TEST(name)     cmocka_unit_test_setup_teardown(name, setup, teardown)
#define DISCHARGER_TEST(name) cmocka_unit_test_setup_teardown(name, setup_all, teardown)

int
main(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "keyhole-proxy") == 0)
        return fake_child(ROLE_PROXY);
    if (argc > 0 && strcmp(argv[0], "keyhole-authority") == 0)
        return fake_child(ROLE_AUTHORITY);
    if (argc > 0 && strcmp(argv[0], "keyhole-discharger") == 0)
        return fake_child(ROLE_DISCHARGER);
    const struct CMUnitTest tests[] = {
        FAMILY_TEST(a_child_that_ends_before_it_is_ready),
        FAMILY_TEST(an_authority_that_does_not_start_has_no_proxies),
        FAMILY_TEST(a_program_that_cannot_be_run),
        FAMILY_TEST(ready_twice_is_ended),
        FAMILY_TEST(what_breaks_the_protocol_is_ended),
        FAMILY_TEST(what_the_authority_finds_fault_with_is_ended),
        FAMILY_TEST(all_serve),
        FAMILY_TEST(each_child_comes_again),
        FAMILY_TEST(stop),
        FAMILY_TEST(what_does_not_drain_is_ended),
        FAMILY_TEST(stop_before_anything_started),
        FAMILY_TEST(stop_while_one_waits),
        DISCHARGER_TEST(a_discharger_that_does_not_start),
        DISCHARGER_TEST(a_discharger_that_says_it_is_elsewhere),
        DISCHARGER_TEST(a_discharger_without_a_key),
        DISCHARGER_TEST(all_learn_of_the_dischargers),
        DISCHARGER_TEST(the_default_comes_first_also_after_a_reload),
        FAMILY_TEST(those_of_others_need_no_discharger_here),
        DISCHARGER_TEST(a_discharger_that_dies_comes_again_and_nobody_else_ends),
        DISCHARGER_TEST(stop_with_a_discharger),
        cmocka_unit_test_setup_teardown(a_discharger_alone, setup_alone, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
