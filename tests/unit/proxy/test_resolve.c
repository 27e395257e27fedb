/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver's threads, with a name service of the test's own. */
#include "unit.h"

#include "../../../broker/proxy/resolve.h"

#include <event2/event.h>
#include <pthread.h>

static struct event_base *base;
static struct resolver *resolver;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; // held: look-ups stand still

static pthread_mutex_t hang = PTHREAD_MUTEX_INITIALIZER; // held: that of this name does
static _Atomic unsigned hanging;

static size_t
lookup(const char *host, uint16_t port, struct address *out, size_t cap, const char **why)
{
    size_t n = 0;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    if (strcmp(host, "hangs.test") == 0) {
        hanging++;
        pthread_mutex_lock(&hang);
        pthread_mutex_unlock(&hang);
    }
    if (strcmp(host, "nothing.test") == 0) {
        *why = "it does not exist";
        return 0;
    }
    while (n < cap && n < 2) {
        if (!address_parse(n ? BYTES("2001:db8::2") : BYTES("192.0.2.1"), port, &out[n]))
            return 0;
        n++;
    }
    return n;
}

struct result {
    int calls;
    size_t count;
    char first[64];
    uint16_t port;
    char why[64];
};

static void
done(void *owner, const struct address *address, size_t count, const char *why)
{
    struct result *result = owner;
    result->calls++;
    result->count = count;
    if (count) {
        address_print(&address[0], result->first, sizeof result->first);
        result->port = address_port(&address[0]);
    }
    snprintf(result->why, sizeof result->why, "%s", why ? why : "");
    event_base_loopbreak(base);
}

static int
setup_queue(size_t queue_max)
{
    base = event_base_new();
    const struct resolver_options options = {
        .base = base, .threads = 2, .queue_max = queue_max, .lookup = lookup};
    assert_int_equal(resolver_new(&options, &resolver), KH_OK);
    return 0;
}

// One whose threads end as soon as they have nothing to do.
static void
become_impatient(void)
{
    resolver_free(&resolver);
    const struct resolver_options options = {
        .base = base, .threads = 2, .idle_ms = 1, .queue_max = 100, .lookup = lookup};
    assert_int_equal(resolver_new(&options, &resolver), KH_OK);
}

static int
setup(void **state)
{
    (void)state;
    return setup_queue(100);
}

static int
teardown(void **state)
{
    (void)state;
    resolver_free(&resolver);
    resolver_free(&resolver);
    event_base_free(base);
    return 0;
}

static void
test_bad_names(void **state)
{
    struct resolve_job *job = NULL;
    struct result result = {0};
    char text[300];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(resolver_start(resolver, BYTES_EMPTY, 1, done, &result, &job), KH_ERR_SYNTAX);
    assert_int_equal(resolver_start(resolver, bytes_of(text, 256), 1, done, &result, &job),
                     KH_ERR_SYNTAX);
    assert_int_equal(resolver_start(resolver, BYTES("a\0b"), 1, done, &result, &job),
                     KH_ERR_SYNTAX);
    assert_null(job);
}

static void
test_addresses_in_order(void **state)
{
    struct resolve_job *job = NULL;
    struct result result = {0};
    (void)state;
    assert_int_equal(resolver_start(resolver, BYTES("a.test"), 8443, done, &result, &job), KH_OK);
    event_base_dispatch(base);
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.count, 2);
    assert_string_equal(result.first, "192.0.2.1");
    assert_int_equal(result.port, 8443);
}

static void
test_no_such_name(void **state)
{
    struct resolve_job *job = NULL;
    struct result result = {0};
    (void)state;
    assert_int_equal(resolver_start(resolver, BYTES("nothing.test"), 1, done, &result, &job),
                     KH_OK);
    event_base_dispatch(base);
    assert_int_equal(result.count, 0);
    assert_string_equal(result.why, "it does not exist");
}

static void
test_a_cancelled_answer_is_dropped(void **state)
{
    struct resolve_job *first = NULL, *second = NULL;
    struct result cancelled = {0}, result = {0};
    (void)state;
    pthread_mutex_lock(&gate);
    assert_int_equal(resolver_start(resolver, BYTES("a.test"), 1, done, &cancelled, &first), KH_OK);
    resolver_cancel(&first);
    assert_null(first);
    resolver_cancel(&first);
    pthread_mutex_unlock(&gate);
    assert_int_equal(resolver_start(resolver, BYTES("b.test"), 1, done, &result, &second), KH_OK);
    event_base_dispatch(base);
    assert_int_equal(cancelled.calls, 0);
    assert_int_equal(result.calls, 1);
}

static void
test_the_queue_is_bounded(void **state)
{
    struct resolve_job *job = NULL;
    struct result result = {0};
    enum kh_err r = KH_OK;
    int taken = 0;
    (void)state;
    teardown(NULL);
    setup_queue(3);
    pthread_mutex_lock(&gate);
    while (r == KH_OK && taken < 100) {
        r = resolver_start(resolver, BYTES("a.test"), 1, done, &result, &job);
        taken += r == KH_OK;
    }
    pthread_mutex_unlock(&gate);
    assert_int_equal(r, KH_ERR_RANGE);
    assert_in_range(taken, 3, 5); // the queue, and one in each thread's hands
    while (result.calls < taken)
        event_base_dispatch(base);
}

/* One name's servers hang, and many ask for it: it has one of two threads, and all get its answer.
 */
static void
test_a_name_that_hangs_leaves_threads_to_others(void **state)
{
    struct resolve_job *job[20] = {NULL}, *other = NULL;
    struct result result[20] = {{0}}, good = {0};
    (void)state;
    hanging = 0;
    pthread_mutex_lock(&hang);
    for (uint16_t i = 0; i < 20; i++)
        assert_int_equal(resolver_start(resolver, BYTES("hangs.test"), (uint16_t)(1000 + i), done,
                                        &result[i], &job[i]),
                         KH_OK);
    assert_int_equal(resolver_start(resolver, BYTES("a.test"), 1, done, &good, &other), KH_OK);
    event_base_dispatch(base);
    assert_int_equal(good.calls, 1);
    assert_int_equal(good.count, 2);
    for (int i = 0; i < 20; i++)
        assert_int_equal(result[i].calls, 0);
    // Who went away meanwhile is not asked for, whether a thread has it or it waits.
    resolver_cancel(&job[0]);
    resolver_cancel(&job[7]);
    pthread_mutex_unlock(&hang);
    while (result[19].calls == 0)
        event_base_dispatch(base);
    for (int i = 0; i < 20; i++) {
        bool cancelled = i == 0 || i == 7;
        assert_int_equal(result[i].calls, !cancelled);
        assert_int_equal(result[i].count, cancelled ? 0 : 2);
        assert_int_equal(result[i].port, cancelled ? 0 : 1000 + i);
    }
    assert_int_equal(hanging, 1);
}

static void
test_who_went_away_takes_no_room(void **state)
{
    struct resolve_job *job[4] = {NULL}, *last = NULL;
    struct result result = {0};
    (void)state;
    teardown(NULL);
    setup_queue(3);
    pthread_mutex_lock(&gate);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 4; i++)
            (void)!resolver_start(resolver, BYTES("a.test"), 1, done, &result, &job[i]);
        for (int i = 0; i < 4; i++)
            resolver_cancel(&job[i]);
    }
    assert_int_equal(resolver_start(resolver, BYTES("b.test"), 1, done, &result, &last), KH_OK);
    pthread_mutex_unlock(&gate);
    event_base_dispatch(base);
    assert_int_equal(result.calls, 1);
}

static void
test_threads_are_there_when_they_are_needed(void **state)
{
    struct resolve_job *job[3] = {0};
    struct result result = {0};
    static const char *const name[] = {"a.test", "b.test", "c.test"};
    (void)state;
    assert_int_equal(resolver_threads(resolver), 0);
    pthread_mutex_lock(&gate);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(resolver_start(resolver, bytes_str(name[i]), 1, done, &result, &job[i]),
                         KH_OK);
        assert_int_equal(resolver_threads(resolver), i < 2 ? i + 1 : 2);
    }
    pthread_mutex_unlock(&gate);
    while (result.calls < 3)
        event_base_dispatch(base);
}

static void
test_a_thread_that_has_nothing_to_do_ends(void **state)
{
    struct result result = {0};
    (void)state;
    become_impatient();
    for (int round = 1; round <= 20; round++) {
        struct resolve_job *job = NULL;
        assert_int_equal(resolver_start(resolver, BYTES("a.test"), 1, done, &result, &job), KH_OK);
        assert_int_equal(resolver_threads(resolver), 1);
        while (result.calls < round || resolver_threads(resolver) > 0)
            event_base_loop(base, EVLOOP_ONCE);
    }
}

static void
test_the_system_knows_localhost(void **state)
{
    struct resolve_job *job = NULL;
    struct result result = {0};
    (void)state;
    resolver_free(&resolver);
    const struct resolver_options options = {.base = base, .threads = 1, .queue_max = 1};
    assert_int_equal(resolver_new(&options, &resolver), KH_OK);
    assert_int_equal(resolver_start(resolver, BYTES("localhost"), 80, done, &result, &job), KH_OK);
    event_base_dispatch(base);
    assert_true(result.count > 0);
    assert_int_equal(result.port, 80);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_bad_names),
        TEST(test_addresses_in_order),
        TEST(test_no_such_name),
        TEST(test_a_cancelled_answer_is_dropped),
        TEST(test_the_queue_is_bounded),
        TEST(test_a_name_that_hangs_leaves_threads_to_others),
        TEST(test_who_went_away_takes_no_room),
        TEST(test_threads_are_there_when_they_are_needed),
        TEST(test_a_thread_that_has_nothing_to_do_ends),
        TEST(test_the_system_knows_localhost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
