/* SPDX-License-Identifier: Apache-2.0 */
/* The children as a family, with children of our own: this program, run again under their names.
 *
 * How a child behaves is told to it in the configuration (`pool_total`), since it gets nothing
 * else. */
#include "../scratch.h"

#include "../../../broker/log.h"
#include "../../../broker/messages.h"
#include "../../../broker/supervisor/family.h"

#include <signal.h>
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

static const struct channel_handler fake_handlers[] = {
    {MESSAGE_CONFIG, fake_on_config},
    {MESSAGE_CONFIG_AUTHORITY, fake_on_config},
    {MESSAGE_LISTENER, fake_on_ignored},
    {MESSAGE_ADMIN_LISTENER, fake_on_ignored},
    {MESSAGE_SUPERVISOR_LISTENERS, fake_on_ignored},
    {MESSAGE_PROCESS_STATE, fake_on_ignored},
    {MESSAGE_AUTHORITY_CHANNEL, fake_on_channel},
    {MESSAGE_PROXY_CHANNEL, fake_on_channel},
    {MESSAGE_PROXY_DRAIN, fake_on_stop},
    {MESSAGE_AUTHORITY_STOP, fake_on_stop},
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
static struct secret no_secret;
static struct event *on_child, *patience;
static unsigned serving, start_failed, proxies_stopped, authority_stopped;
static int null_fd;

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
    ++*(role == ROLE_PROXY ? &proxies_stopped : &authority_stopped);
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

static int
setup(void **state)
{
    struct fault fault = {0};
    if (directory_setup(state) != 0)
        return -1;
    log_init("supervisor", LOG_FORMAT_HUMAN, LOG_LEVEL_ERROR);
    serving = start_failed = proxies_stopped = authority_stopped = 0;
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    config_init(&config);
    struct config_listener any = {.address = (char *)(uintptr_t) "127.0.0.1:0"};
    assert_int_equal(listener_open_unix(test_path("admin.sock"), &admin, &fault), KH_OK);
    assert_int_equal(listener_open_tcp(&any, &tcp, &fault), KH_OK);
    family = (struct family){
        .base = event_base_new(),
        .config = &config,
        .listener = &tcp,
        .listener_count = 1,
        .admin = &admin,
        .passphrase = &no_secret,
        .directory = test_directory,
        .null_fd = null_fd,
        .callbacks = {count_serving, count_start_failed, count_stopped},
    };
    assert_true(readlink("/proc/self/exe", family.authority_program, PATH_MAX - 1) > 0);
    strcpy(family.proxy_program, family.authority_program);
    event_base_priority_init(family.base, 2);
    on_child = evsignal_new(family.base, SIGCHLD, reap, NULL);
    event_add(on_child, NULL);
    patience = evtimer_new(family.base, lost_patience, NULL);
    assert_int_equal(family_init(&family, 2, &fault), KH_OK);
    return 0;
}

static int
teardown(void **state)
{
    family_fini(&family);
    event_free(on_child);
    event_free(patience);
    event_base_free(family.base);
    listener_close(&admin);
    listener_close(&tcp);
    config_free(&config);
    close(null_fd);
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
    strcpy(family.proxy_program, "/nonexistent/keyhole-proxy");
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

#define FAMILY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "keyhole-proxy") == 0)
        return fake_child(ROLE_PROXY);
    if (argc > 0 && strcmp(argv[0], "keyhole-authority") == 0)
        return fake_child(ROLE_AUTHORITY);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
